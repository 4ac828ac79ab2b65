/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights alone on 8 or 4 bits; all else stays in float. Scales have the least squared error: of 8
 * bits one for each output, of 4 bits one for 32 weights of an output, as halves. Rows that are
 * looked up, and the products that make outputs of the model, keep 8 bits.
 */
#include <math.h>

#include "quantize_plan.h"

enum {
    SHARED = 32, /* weights of an output with one scale */
    LEAST_WEIGHTS = 4 << 10,
    STEPS = 12, /* scales that are tried */
    MOST_HOPS = 16
};

/* The least scale that is tried is this part of the largest. */
static const double LEAST_PART = 0.5;

typedef struct alone {
    hmlc_module *module;
    hmlc_quantize_bits bits;
    uint32_t count; /* constants that were quantized */
} alone;

/* What reads a constant. */
typedef struct readers {
    bool products, rows; /* as the right-hand side; as rows that are looked up */
    bool last;           /* a product makes an output */
    int64_t outputs;     /* dim of the outputs; -1: products differ */
} readers;

/* -- which constants --------------------------------------------------------------------------- */

/* A result that reaches an output through what changes no more than its place or a bias. */
static bool makes_output(const hmlc_value *value, uint32_t hops)
{
    for (const hmlc_use *use = value->uses; use != NULL && hops < MOST_HOPS; use = use->next) {
        const hmlc_op *op = use->op;
        if (op->opcode == HMLC_OP_yield) {
            return true;
        }
        bool light = op->opcode == HMLC_OP_reshape || op->opcode == HMLC_OP_transpose ||
                     op->opcode == HMLC_OP_add || op->opcode == HMLC_OP_slice;
        if (light && makes_output(op->results[0], hops + 1)) {
            return true;
        }
    }
    return false;
}

static bool read_use(const hmlc_use *use, readers *found)
{
    const hmlc_op *op = use->op;
    if (op->opcode == HMLC_OP_gather && use->index == 0) {
        found->rows = true;
        return hmlc_op_int(op, HMLC_ATTR_axis) == 0;
    }
    bool product = op->opcode == HMLC_OP_matmul && use->index == 1 &&
                   hmlc_op_operand(op, 0)->type->dtype == HMLC_DTYPE_f32;
    int64_t outputs = product && hmlc_op_int(op, HMLC_ATTR_transpose_b) != 0 ? 0 : 1;
    bool agrees = !found->products || found->outputs == outputs;
    found->products = true;
    found->outputs = outputs;
    found->last = found->last || (product && makes_output(op->results[0], 0));
    return product && agrees;
}

/* The readers of a constant that may be quantized; false for others. */
static bool find_readers(const hmlc_value *value, readers *found)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    *found = (readers){.outputs = 0};
    if (tensor->dtype != HMLC_DTYPE_f32 || tensor->rank != 2 ||
        hmlc_tensor_count(tensor) < LEAST_WEIGHTS) {
        return false;
    }
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        if (!read_use(use, found)) {
            return false;
        }
    }
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t k = 0; k < count; k++) {
        if (!isfinite(hmlc_tensor_get_double(tensor, k))) {
            return false;
        }
    }
    bool agree = !found->rows || !found->products || found->outputs == 0;
    return (found->rows || found->products) && agree;
}

/* -- numbers ----------------------------------------------------------------------------------- */

/* Weights that share a scale. */
typedef struct shared_scale {
    const double *weights;
    int64_t count;
    double least, most;
    bool halves; /* the scale is one that halves hold */
} shared_scale;

static double clipped(const shared_scale *of, double value)
{
    double rounded = (value + 0x1.8p52) - 0x1.8p52; /* ties to even */
    rounded = rounded < of->least ? of->least : rounded;
    return rounded > of->most ? of->most : rounded;
}

/* What a scale gives: the squared error, and the scale that is best for its integers. */
typedef struct scale_trial {
    double scale, error, better;
} scale_trial;

static scale_trial try_scale(const shared_scale *of, double scale)
{
    double error[4] = {0}, product[4] = {0}, square[4] = {0}, inverse = 1 / scale;
    for (int64_t k = 0; k < of->count; k++) { /* in four sums, which need not wait for each other */
        double weight = of->weights[k], q = clipped(of, weight * inverse);
        double rest = weight - q * scale;
        error[k % 4] += rest * rest;
        product[k % 4] += weight * q;
        square[k % 4] += q * q;
    }
    double all = square[0] + square[1] + square[2] + square[3];
    double best = (product[0] + product[1] + product[2] + product[3]) / all;
    return (scale_trial){scale, error[0] + error[1] + error[2] + error[3], all > 0 ? best : scale};
}

/* As it will be stored. */
static double stored_scale(const shared_scale *of, double scale)
{
    bool normal = scale >= 0x1p-14 && scale <= 65504;
    return of->halves && normal ? (double)hmlc_f16_to_f32(hmlc_f16_from_double(scale))
                                : (double)(float)scale;
}

/* Parts of the scale that clips nothing, then what fits the integers of the best. */
static double find_scale(const shared_scale *of)
{
    double largest = 0;
    for (int64_t k = 0; k < of->count; k++) {
        largest = fmax(largest, fabs(of->weights[k]));
    }
    if (!(largest >= 0x1p-100)) {
        return 1;
    }
    scale_trial best = {.error = INFINITY};
    for (int step = 0; step <= STEPS; step++) {
        double part = LEAST_PART + (1 - LEAST_PART) * step / (double)STEPS;
        scale_trial trial = try_scale(of, stored_scale(of, largest / of->most * part));
        best = trial.error < best.error ? trial : best;
    }
    double fitted = stored_scale(of, best.better);
    scale_trial trial = fitted > 0 ? try_scale(of, fitted) : best;
    return trial.error < best.error ? trial.scale : best.scale;
}

/* -- the graph --------------------------------------------------------------------------------- */

/* A constant on its way: dim `outputs` has a scale for each index, of each block along the other.
 */
typedef struct stored_weights {
    const hmlc_tensor *tensor;
    int64_t outputs, block; /* block 0: all of the depth */
    int8_t *integers;
    float *scales;
    double *part; /* room for the depth */
    int64_t scale_dims[2];
} stored_weights;

/* Weights [first, first + count) along the depth of one output. */
static float quantize_part(const stored_weights *of, int64_t output, int64_t first, int64_t count)
{
    const hmlc_tensor *tensor = of->tensor;
    int64_t columns = tensor->dims[1], stride = of->outputs == 0 ? 1 : columns;
    int64_t at = output * (of->outputs == 0 ? columns : 1) + first * stride;
    shared_scale shared = {.weights = of->part,
                           .count = count,
                           .least = of->block > 0 ? -8 : -127,
                           .most = of->block > 0 ? 7 : 127,
                           .halves = of->block > 0};
    for (int64_t k = 0; k < count; k++) {
        of->part[k] = hmlc_tensor_get_double(tensor, at + k * stride);
    }
    double scale = find_scale(&shared);
    for (int64_t k = 0; k < count; k++) {
        of->integers[at + k * stride] = (int8_t)clipped(&shared, of->part[k] / scale);
    }
    return (float)scale;
}

static void quantize_all(const stored_weights *of)
{
    const hmlc_tensor *tensor = of->tensor;
    int64_t depth = tensor->dims[1 - of->outputs], block = of->block > 0 ? of->block : depth;
    int64_t blocks = (depth + block - 1) / block;
    for (int64_t o = 0; o < tensor->dims[of->outputs]; o++) {
        for (int64_t b = 0; b < blocks; b++) {
            int64_t left = depth - b * block;
            int64_t place = of->outputs == 0 ? o * blocks + b : b * tensor->dims[1] + o;
            of->scales[place] = quantize_part(of, o, b * block, left < block ? left : block);
        }
    }
}

static hmlc_status allocate(hmlc_arena *arena, stored_weights *of)
{
    int64_t depth = of->tensor->dims[1 - of->outputs], outputs = of->tensor->dims[of->outputs];
    int64_t blocks = of->block > 0 ? (depth + of->block - 1) / of->block : 1;
    of->scale_dims[0] = of->block == 0 || of->outputs == 0 ? outputs : blocks;
    of->scale_dims[1] = of->outputs == 0 ? blocks : outputs;
    of->integers = hmlc_arena_allocate(arena, (size_t)hmlc_tensor_count(of->tensor));
    of->scales = HMLC_NEW_ARRAY(arena, float, outputs *blocks);
    HMLC_TRY_MEMORY(of->integers);
    of->part = HMLC_NEW_ARRAY(arena, double, depth + 1);
    HMLC_TRY_MEMORY(of->scales);
    HMLC_TRY_MEMORY(of->part);
    return HMLC_OK;
}

static hmlc_status build_weights(const stored_weights *of, hmlc_value *old)
{
    hmlc_builder builder = hmlc_builder_after(old->producer);
    hmlc_tensor integers = *of->tensor;
    hmlc_tensor scales = {.dtype = HMLC_DTYPE_f32,
                          .rank = of->block > 0 ? 2 : 1,
                          .dims = {of->scale_dims[0], of->scale_dims[1]},
                          .data = of->scales};
    hmlc_attr attrs[] = {
        hmlc_attr_int(HMLC_ATTR_axis, of->block > 0 ? 1 - of->outputs : of->outputs),
        hmlc_attr_int(HMLC_ATTR_block, of->block), hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)};
    hmlc_value *operands[2], *result;
    integers.dtype = HMLC_DTYPE_i8;
    integers.data = of->integers;
    integers.bytes = (size_t)hmlc_tensor_count(of->tensor);
    scales.bytes = (size_t)hmlc_tensor_count(&scales) * sizeof(float);
    HMLC_TRY(hmlc_build_constant(&builder, &integers, &operands[0]));
    HMLC_TRY(hmlc_build_constant(&builder, &scales, &operands[1]));
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_dequantize, operands, 2, attrs, 3, &result));
    hmlc_value_replace_uses(old, result);
    return HMLC_OK;
}

static hmlc_status quantize_constant(alone *a, hmlc_value *value)
{
    readers found;
    if (!find_readers(value, &found)) {
        return HMLC_OK;
    }
    bool narrow = a->bits == HMLC_QUANTIZE_4_BITS && found.products && !found.rows && !found.last;
    stored_weights of = {.tensor = hmlc_value_constant(value),
                         .outputs = found.rows ? 0 : found.outputs,
                         .block = narrow ? SHARED : 0};
    HMLC_TRY(allocate(a->module->arena, &of));
    quantize_all(&of);
    HMLC_TRY(build_weights(&of, value));
    a->count++;
    return HMLC_OK;
}

static hmlc_status quantize_region(alone *a, hmlc_region *region)
{
    for (hmlc_op *op = region->first, *next; op != NULL; op = next) {
        next = op->next;
        for (uint32_t k = 0; k < op->region_count; k++) {
            HMLC_TRY(quantize_region(a, op->regions[k]));
        }
        if (op->opcode == HMLC_OP_constant) {
            HMLC_TRY(quantize_constant(a, op->results[0]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_quantize_weights_alone(hmlc_module *module, hmlc_quantize_bits bits,
                                        uint32_t *count)
{
    alone a = {.module = module, .bits = bits};
    hmlc_status status = quantize_region(&a, module->main);
    *count = a.count;
    return status;
}

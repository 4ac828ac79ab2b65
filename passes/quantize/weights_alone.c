/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights alone on 8 or 4 bits; all else stays in float. Scales have the least squared error: of 8
 * bits one for each output, of 4 bits one for 32 weights of an output, as halves. Rows that are
 * looked up, and the products that make outputs of the model, keep 8 bits.
 */
#include <math.h>

#include "query.h"
#include "weights_alone.h"

enum {
    SHARED = 32, /* weights of an output with one scale */
    LEAST_WEIGHTS = 4 << 10,
    MOST_HOPS = 16
};

typedef struct alone {
    hmlc_module *module;
    const hmlc_weights_options *options;
    hmlc_weights_result *result;
    hmlc_value **constants; /* that are to be quantized */
    uint32_t count;
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

/* -- the graph --------------------------------------------------------------------------------- */

/* Weights [first, first + count) along the depth of one output. */
static float quantize_part(const hmlc_stored_weights *of, int64_t output, int64_t first,
                           int64_t count)
{
    const hmlc_tensor *tensor = of->tensor;
    int64_t columns = tensor->dims[1], stride = of->outputs == 0 ? 1 : columns;
    int64_t at = output * (of->outputs == 0 ? columns : 1) + first * stride;
    hmlc_shared_scale shared = hmlc_shared_begin(of, of->part, of->ones, count);
    for (int64_t k = 0; k < count; k++) {
        of->part[k] = hmlc_tensor_get_double(tensor, at + k * stride);
    }
    double scale = hmlc_shared_find(&shared);
    for (int64_t k = 0; k < count; k++) {
        of->integers[at + k * stride] = (int8_t)hmlc_shared_round(&shared, of->part[k] / scale);
    }
    return (float)scale;
}

static void quantize_all(const hmlc_stored_weights *of)
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

static hmlc_status allocate(hmlc_arena *arena, hmlc_stored_weights *of)
{
    int64_t depth = of->tensor->dims[1 - of->outputs], outputs = of->tensor->dims[of->outputs];
    int64_t blocks = of->block > 0 ? (depth + of->block - 1) / of->block : 1;
    of->scale_dims[0] = of->block == 0 || of->outputs == 0 ? outputs : blocks;
    of->scale_dims[1] = of->outputs == 0 ? blocks : outputs;
    of->integers = hmlc_arena_allocate(arena, (size_t)hmlc_tensor_count(of->tensor));
    of->scales = HMLC_NEW_ARRAY(arena, float, outputs *blocks);
    HMLC_TRY_MEMORY(of->integers);
    of->part = HMLC_NEW_ARRAY(arena, double, depth + 1);
    of->ones = HMLC_NEW_ARRAY(arena, double, depth + 1);
    HMLC_TRY_MEMORY(of->scales);
    HMLC_TRY_MEMORY(of->part);
    HMLC_TRY_MEMORY(of->ones);
    for (int64_t k = 0; k < depth; k++) {
        of->ones[k] = 1;
    }
    return HMLC_OK;
}

static hmlc_status build_weights(const hmlc_stored_weights *of, hmlc_value *old)
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

/* `group`: what its products read, or NULL. */
static hmlc_status quantize_constant(alone *a, hmlc_value *value, const hmlc_seen_group *group)
{
    readers found;
    bool four = a->options->bits == HMLC_QUANTIZE_4_BITS;
    if (!find_readers(value, &found)) {
        return HMLC_OK;
    }
    bool narrow = four && found.products && !found.rows && !found.last;
    hmlc_stored_weights of = {.tensor = hmlc_value_constant(value),
                              .outputs = found.rows ? 0 : found.outputs,
                              .block = narrow ? SHARED : 0};
    HMLC_TRY(allocate(a->module->arena, &of));
    hmlc_status status = group != NULL ? hmlc_weights_measured(&of, group, a->result) : HMLC_NO;
    if (status == HMLC_NO) {
        quantize_all(&of);
        status = HMLC_OK;
    }
    HMLC_TRY(status);
    HMLC_TRY(build_weights(&of, value));
    a->result->count++;
    return HMLC_OK;
}

/* -- the model --------------------------------------------------------------------------------- */

static hmlc_status list_weights(alone *a, hmlc_arena *scratch)
{
    hmlc_constants all = {.count = 0};
    HMLC_TRY(hmlc_constants_list(a->module->main, scratch, &all));
    a->constants = HMLC_NEW_ARRAY(scratch, hmlc_value *, all.count + 1);
    HMLC_TRY_MEMORY(a->constants);
    for (uint32_t k = 0; k < all.count; k++) {
        readers found;
        if (find_readers(all.ops[k]->results[0], &found) &&
            !(a->options->rows_alone && found.products)) {
            a->constants[a->count++] = all.ops[k]->results[0];
        }
    }
    return HMLC_OK;
}

/* Those whose products can be seen, as many at a time as memory is spent on; they leave the list.
 */
static hmlc_status quantize_seen(alone *a, hmlc_seen_inputs *seen)
{
    const hmlc_runner *runner = a->options->runner;
    for (uint32_t first = 0, last = 0; first < seen->group_count; first = last) {
        HMLC_TRY(hmlc_seen_fill(seen, first, &last));
        for (uint32_t i = first; i < last; i++) {
            hmlc_seen_group *group = &seen->groups[i];
            HMLC_TRY(runner->progress != NULL
                         ? runner->progress(runner->context, "weights", i, seen->group_count)
                         : HMLC_OK);
            for (uint32_t k = 0; k < group->constant_count; k++) {
                HMLC_TRY(quantize_constant(a, group->constants[k], group));
            }
            hmlc_seen_drop(group);
        }
    }
    return HMLC_OK;
}

static bool is_quantized_constant(const hmlc_value *constant)
{
    return constant->uses == NULL;
}

static hmlc_status quantize_listed(alone *a)
{
    const hmlc_runner *runner = a->options->runner;
    if (runner != NULL && runner->sample_count > 0 && a->count > 0) {
        hmlc_seen_inputs seen;
        hmlc_status status = hmlc_seen_create(a->module, runner, a->constants, a->count, &seen);
        status = status == HMLC_OK ? quantize_seen(a, &seen) : status;
        hmlc_seen_release(&seen);
        HMLC_TRY(status);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!is_quantized_constant(a->constants[i])) {
            HMLC_TRY(quantize_constant(a, a->constants[i], NULL));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_quantize_weights_alone(hmlc_module *module, const hmlc_weights_options *options,
                                        hmlc_weights_result *result)
{
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    *result = (hmlc_weights_result){.count = 0};
    HMLC_TRY_MEMORY(scratch);
    alone a = {.module = module, .options = options, .result = result};
    hmlc_status status = list_weights(&a, scratch);
    status = status == HMLC_OK ? quantize_listed(&a) : status;
    hmlc_arena_destroy(scratch);
    return status;
}

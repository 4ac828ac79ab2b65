/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant right-hand sides of contractions in fewer bytes: f32 becomes f16 or bf16 behind a cast,
 * which stays in the kernel (packing.h). Products and sums are those of f32. So do tables
 * whose rows are gathered: the rows are widened.
 *
 * Either the options name the type, or the model itself holds halves: then constants stay in them,
 * those alone that lose nothing by it. What a type cannot hold stays in f32, with a warning: an
 * infinity that was none, or rounding that is more than that of the type's normal numbers.
 */
#include "query.h"

#include <math.h>
#include <string.h>

enum { LEAST_ELEMENTS = 256 }; /* smaller ones save nothing that counts */

/* What became of a constant. */
typedef enum stored_as {
    STORED,
    STORED_NOT,  /* it would lose something, and need not */
    STORED_INF,  /* it has numbers beyond the type's range */
    STORED_ROUGH /* its numbers are so small that the type holds few of their bits */
} stored_as;

/* Of 1: a half of the distance to the next number, f16 has 10 bits behind the point, bf16 7. */
static double rounding_unit(hmlc_dtype half)
{
    return half == HMLC_DTYPE_f16 ? 0x1p-11 : 0x1p-8;
}

static uint32_t float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Nearest, ties to even; by bits where the result is a normal number (and no more than one). */
static uint16_t narrow(hmlc_dtype half, float value)
{
    uint32_t bits = float_bits(value), magnitude = bits & 0x7fffffff;
    if (half == HMLC_DTYPE_bf16 && magnitude < 0x7f800000) {
        return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
    bool normal = magnitude >= 0x38800000 && magnitude < 0x477fe000; /* 2^-14 .. 65504 */
    if (half == HMLC_DTYPE_f16 && normal) {
        uint32_t rebiased = magnitude - (112u << 23); /* exponents of f32 and f16 differ by 112 */
        rebiased += 0xfff + (rebiased >> 13 & 1);
        return (uint16_t)(rebiased >> 13 | (bits >> 16 & 0x8000));
    }
    return half == HMLC_DTYPE_f16 ? hmlc_f16_from_double((double)value)
                                  : hmlc_bf16_from_double((double)value);
}

static float widen(hmlc_dtype half, uint16_t bits)
{
    uint32_t exponent = bits >> 10 & 0x1f, wide = (uint32_t)bits << 16;
    float value;
    if (half == HMLC_DTYPE_f16 && exponent != 0 && exponent != 0x1f) {
        wide = (wide & 0x80000000) | ((((uint32_t)bits & 0x7fff) << 13) + (112u << 23));
    } else if (half == HMLC_DTYPE_f16) {
        return hmlc_f16_to_f32(bits);
    }
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* Elements are rounded, into `out` where that is not NULL; `exact`: none may change. */
static stored_as round_elements(const hmlc_tensor *from, hmlc_dtype half, bool exact, uint16_t *out)
{
    const char *elements = from->data;
    int64_t count = hmlc_tensor_count(from);
    double errors = 0, squares = 0;
    for (int64_t k = 0; k < count; k++) {
        float value;
        memcpy(&value, elements + (size_t)k * sizeof value, sizeof value);
        uint16_t bits = narrow(half, value);
        float back = widen(half, bits);
        if (out != NULL) {
            out[k] = bits;
        }
        if (isfinite(value) && !isfinite(back)) {
            return exact ? STORED_NOT : STORED_INF;
        }
        bool same = float_bits(value) == float_bits(back);
        if (exact && !same) {
            return STORED_NOT;
        }
        if (!same && isfinite(value)) {
            double error = (double)value - (double)back;
            errors += error * error;
        }
        squares += isfinite(value) ? (double)value * (double)value : 0;
    }
    double unit = rounding_unit(half);
    return errors > unit * unit * squares ? STORED_ROUGH : STORED;
}

typedef struct weight_storing {
    hmlc_module *module;
    hmlc_weight_type weights;
    bool kernels; /* behind the layout: what kernels take counts */
} weight_storing;

/* Operand `index` of `op` is a right-hand side that a kernel reads in panels, or will. */
static bool is_right(const weight_storing *storing, const hmlc_op *op, uint32_t index)
{
    bool conv = op->opcode == HMLC_OP_conv || op->opcode == HMLC_OP_conv_transpose;
    if (index != 1 || !(conv || op->opcode == HMLC_OP_matmul) ||
        op->results[0]->type->dtype != HMLC_DTYPE_f32) {
        return false;
    }
    bool direct = op->opcode != HMLC_OP_conv || hmlc_op_int(op, HMLC_ATTR_winograd) == 0;
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    return !conv ||
           (direct && hmlc_op_int(op, HMLC_ATTR_groups) == 1 && (last || !storing->kernels));
}

/* It is a table of which rows are read, such as an embedding. */
static bool is_table(const hmlc_op *op, uint32_t index)
{
    return op->opcode == HMLC_OP_gather && index == 0;
}

static bool takes_halves(const weight_storing *storing, const hmlc_use *use)
{
    return is_right(storing, use->op, use->index) || is_table(use->op, use->index);
}

/* Where a constant may be halves; NULL: nowhere. */
static const hmlc_op *reader_of(const weight_storing *storing, const hmlc_op *constant)
{
    const hmlc_tensor *tensor = hmlc_value_constant(constant->results[0]);
    if (tensor->dtype != HMLC_DTYPE_f32 || hmlc_tensor_count(tensor) < LEAST_ELEMENTS) {
        return NULL;
    }
    const hmlc_use *use = constant->results[0]->uses;
    while (use != NULL && !takes_halves(storing, use)) {
        use = use->next;
    }
    return use != NULL ? use->op : NULL;
}

/* The operand is `stored`, widened beside the anchor, whatever region that is in. */
static hmlc_status widen_operand(const hmlc_use *use, hmlc_value *stored)
{
    hmlc_value *wide = NULL;
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    hmlc_builder builder = hmlc_rewrite_builder(use->op);
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_cast, &stored, 1, &to, 1, &wide));
    hmlc_op_set_operand(use->op, use->index, wide);
    return HMLC_OK;
}

/* Rows are taken from `stored`, and widened then. */
static hmlc_status widen_rows(hmlc_op *gather, hmlc_value *stored)
{
    hmlc_value *operands[] = {stored, hmlc_op_operand(gather, 1)}, *rows = NULL;
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    hmlc_builder builder = hmlc_rewrite_builder(gather);
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_gather, operands, 2, gather->attrs, gather->attr_count,
                        &rows));
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_cast, &rows, 1, &to, 1, &rows));
    rows->name = gather->results[0]->name;
    hmlc_value_replace_uses(gather->results[0], rows);
    hmlc_op_erase(gather);
    return HMLC_OK;
}

static hmlc_status use_stored(const weight_storing *storing, hmlc_op *constant,
                              const hmlc_tensor *tensor)
{
    hmlc_value *stored = NULL, *old = constant->results[0];
    hmlc_builder beside = hmlc_builder_after(constant);
    beside.location = constant->location;
    HMLC_TRY(hmlc_build_constant(&beside, tensor, &stored));
    stored->name = old->name;
    for (const hmlc_use *use = old->uses, *next; use != NULL; use = next) {
        next = use->next;
        if (is_table(use->op, use->index)) {
            HMLC_TRY(widen_rows(use->op, stored));
        } else if (is_right(storing, use->op, use->index)) {
            HMLC_TRY(widen_operand(use, stored));
        }
    }
    if (!hmlc_value_has_uses(old)) {
        hmlc_op_erase(constant);
    }
    return HMLC_OK;
}

/* Rounds the constant to `half` and, where that is well, puts it in its place. */
static hmlc_status store_as(const weight_storing *storing, hmlc_op *constant, hmlc_dtype half,
                            stored_as *result)
{
    hmlc_tensor tensor = *hmlc_value_constant(constant->results[0]);
    const hmlc_tensor from = tensor;
    tensor.dtype = half;
    tensor.bytes = (size_t)hmlc_tensor_count(&from) * sizeof(uint16_t);
    uint16_t *elements = hmlc_arena_allocate(storing->module->arena, tensor.bytes);
    HMLC_TRY_MEMORY(elements);
    tensor.data = elements;
    *result = round_elements(&from, half, false, elements);
    return *result == STORED ? use_stored(storing, constant, &tensor) : HMLC_OK;
}

/* In the type that the options name; `reader` is whom a warning names. */
static hmlc_status store_rounded(const weight_storing *storing, hmlc_op *constant, hmlc_dtype half,
                                 const hmlc_op *reader)
{
    stored_as result = STORED_NOT;
    HMLC_TRY(store_as(storing, constant, half, &result));
    if (result != STORED) {
        const char *type = hmlc_dtype_name(half);
        const char *hint = half == HMLC_DTYPE_f16 ? "bf16 has the range of f32" : NULL;
        hmlc_warning_add(storing->module->diagnostics, HMLC_ERROR_weights_kept, reader->location,
                         hint,
                         result == STORED_INF
                             ? "weights stay in f32: some are beyond the range of %s"
                             : "weights stay in f32: they are so small that %s would hold few of "
                               "their bits",
                         type);
    }
    return HMLC_OK;
}

/* In the first type that holds every element as it is. */
static hmlc_status store_exact(const weight_storing *storing, hmlc_op *constant)
{
    static const hmlc_dtype halves[] = {HMLC_DTYPE_f16, HMLC_DTYPE_bf16};
    const hmlc_tensor *tensor = hmlc_value_constant(constant->results[0]);
    for (size_t k = 0; k < sizeof halves / sizeof halves[0]; k++) {
        stored_as result = round_elements(tensor, halves[k], true, NULL);
        if (result == STORED) {
            return store_as(storing, constant, halves[k], &result);
        }
    }
    return HMLC_OK;
}

static hmlc_status store(const weight_storing *storing, hmlc_op *constant)
{
    const hmlc_op *reader = reader_of(storing, constant);
    if (reader == NULL) {
        return HMLC_OK;
    }
    switch (storing->weights) {
    case HMLC_WEIGHTS_F16:
        return store_rounded(storing, constant, HMLC_DTYPE_f16, reader);
    case HMLC_WEIGHTS_BF16:
        return store_rounded(storing, constant, HMLC_DTYPE_bf16, reader);
    case HMLC_WEIGHTS_EXACT:
        return store_exact(storing, constant);
    case HMLC_WEIGHTS_F32:
        break;
    }
    return HMLC_OK;
}

/* What widens constant halves; where they may stay, only what is no right-hand side. */
static bool is_to_fold(const weight_storing *storing, const hmlc_op *op)
{
    const hmlc_value *wide = op->opcode == HMLC_OP_cast ? op->results[0] : NULL;
    if (wide == NULL || !hmlc_op_unpacks(op) || !hmlc_right_is_constant(wide) ||
        !hmlc_dtype_is_half(hmlc_op_operand(op, 0)->type->dtype)) {
        return false;
    }
    const hmlc_use *use = wide->uses;
    while (storing->weights == HMLC_WEIGHTS_EXACT && use != NULL &&
           is_right(storing, use->op, use->index)) {
        use = use->next;
    }
    return use != NULL;
}

static hmlc_status fold_region(const weight_storing *storing, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(fold_region(storing, op->regions[i]));
        }
        hmlc_tensor folded;
        hmlc_status status =
            is_to_fold(storing, op) ? hmlc_evaluate_constant_op(op, SIZE_MAX, &folded) : HMLC_NO;
        if (status == HMLC_NO) {
            continue;
        }
        HMLC_TRY(status);
        hmlc_value *value = NULL;
        hmlc_builder builder = hmlc_rewrite_builder(op);
        HMLC_TRY(hmlc_build_constant(&builder, &folded, &value));
        value->name = hmlc_op_operand(op, 0)->name;
        hmlc_value_replace_uses(op->results[0], value);
        hmlc_op_erase(op);
    }
    return HMLC_OK;
}

static hmlc_status store_all(const weight_storing *storing, hmlc_arena *scratch)
{
    hmlc_region *main = storing->module->main;
    HMLC_TRY(fold_region(storing, main));
    if (storing->weights == HMLC_WEIGHTS_F32) {
        return HMLC_OK;
    }
    hmlc_constants constants = {.count = 0};
    HMLC_TRY(hmlc_constants_list(main, scratch, &constants));
    for (uint32_t k = 0; k < constants.count; k++) {
        HMLC_TRY(store(storing, constants.ops[k]));
    }
    return HMLC_OK;
}

hmlc_status hmlc_pass_store_weights(hmlc_pass_context *context)
{
    const weight_storing storing = {context->module, context->options->weights, true};
    return store_all(&storing, context->scratch);
}

hmlc_status hmlc_store_weights(hmlc_module *module, hmlc_weight_type weights)
{
    const weight_storing storing = {module, weights, false};
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(scratch);
    hmlc_status status = store_all(&storing, scratch);
    hmlc_arena_destroy(scratch);
    return status;
}

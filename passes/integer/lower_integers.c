/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass `lower-integers`: what kernels multiply is the family's type of bytes by i8, without
 * zero points. Operands of the other sign take 128 more or less, and so do their zero points; what
 * zero points add to the sums is made of the sums of rows and columns:
 *
 *     sum((x - zx) (w - zw)) = sum(x w) - zx sum(w) - zw (sum(x) - K zx)
 *
 * i32 wraps, so the order of such sums does not matter.
 */
#include <stdlib.h>

#include "quantized.h"
#include "signs.h"

typedef struct integer_op {
    hmlc_builder builder;
    hmlc_op *op;
    hmlc_arena *scratch;
    bool conv;
    hmlc_dtype left;                     /* what kernels multiply on the left side */
    hmlc_value *x, *w, *x_zero, *w_zero; /* zero points NULL: 0 */
    int32_t x_depth, w_depth;            /* the axes that a matmul sums over */
} integer_op;

static hmlc_status build_folded_binary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *a,
                                       hmlc_value *b, hmlc_value **result)
{
    hmlc_value *operands[] = {a, b};
    return hmlc_build_folded(builder, opcode, operands, 2, NULL, 0, result);
}

static hmlc_status take_sign(hmlc_builder *builder, hmlc_value **value, hmlc_value **zero,
                             hmlc_dtype wanted)
{
    hmlc_dtype dtype = (*value)->type->dtype;
    if (dtype == wanted) {
        return HMLC_OK;
    }
    if (*zero == NULL) {
        HMLC_TRY(hmlc_build_scalar(builder, dtype, 0, zero));
    }
    HMLC_TRY(hmlc_sign_shift(builder, value, wanted));
    return hmlc_sign_shift(builder, zero, wanted);
}

static void drop_zero(hmlc_value **zero)
{
    *zero = *zero != NULL && hmlc_is_splat_of(*zero, 0) ? NULL : *zero;
}

/* A constant zero point goes into constant weights where the differences have 8 bits. */
static hmlc_status centre_weights(integer_op *of)
{
    const hmlc_tensor *tensor = hmlc_value_constant(of->w);
    double zero;
    if (of->w_zero == NULL || tensor == NULL || !hmlc_value_splat(of->w_zero, &zero)) {
        return HMLC_OK;
    }
    int64_t count = hmlc_tensor_count(tensor);
    hmlc_tensor centred = *tensor;
    void *data = hmlc_arena_allocate(of->builder.module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t k = 0; k < count; k++) {
        int64_t value = hmlc_tensor_get_int(tensor, k) - (int64_t)zero;
        if (value < -128 || value > 127) {
            return HMLC_OK;
        }
        hmlc_element_set_int(HMLC_DTYPE_i8, data, k, value);
    }
    centred.dtype = HMLC_DTYPE_i8;
    centred.data = data;
    of->w_zero = NULL;
    return hmlc_build_constant(&of->builder, &centred, &of->w);
}

static bool is_last(const hmlc_op *op)
{
    return hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
}

/*
 * Depthwise weights less their zero points as i16: windows multiply what they widened, and few
 * enough such products for their kernels.
 */
static hmlc_status widen_depthwise(integer_op *of)
{
    enum { MOST_TAPS = 128 };
    const hmlc_tensor *tensor = hmlc_value_constant(of->w);
    const hmlc_tensor *zero = of->w_zero != NULL ? hmlc_value_constant(of->w_zero) : NULL;
    int64_t groups = hmlc_op_int(of->op, HMLC_ATTR_groups);
    int64_t count = tensor != NULL ? hmlc_tensor_count(tensor) : 0, taps = count / groups;
    if (tensor == NULL || zero == NULL || tensor->dims[0] != groups || taps < 1 ||
        taps > MOST_TAPS || tensor->dims[is_last(of->op) ? tensor->rank - 1 : 1] != 1) {
        return HMLC_OK;
    }
    hmlc_tensor wide = *tensor;
    wide.dtype = HMLC_DTYPE_i16;
    wide.bytes = (size_t)count * sizeof(int16_t);
    int16_t *data = HMLC_NEW_ARRAY(of->builder.module->arena, int16_t, count);
    HMLC_TRY_MEMORY(data);
    for (int64_t k = 0; k < count; k++) {
        int64_t of_channel = hmlc_tensor_count(zero) == 1 ? 0 : k / taps;
        data[k] = (int16_t)(hmlc_tensor_get_int(tensor, k) - hmlc_tensor_get_int(zero, of_channel));
    }
    wide.data = data;
    of->w_zero = NULL;
    return hmlc_build_constant(&of->builder, &wide, &of->w);
}

/* -- padding */

static hmlc_status pad(integer_op *of, hmlc_value **value, const hmlc_dim *begins,
                       const hmlc_dim *ends, hmlc_value *fill)
{
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)(*value)->type->rank;
    for (uint32_t k = 0; k < rank; k++) {
        pads[k] = begins[k];
        pads[rank + k] = ends[k];
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * rank);
    hmlc_value *operands[] = {*value, fill};
    return hmlc_build_folded(&of->builder, HMLC_OP_pad, operands, fill != NULL ? 2 : 1, &attr, 1,
                             value);
}

/* Padding that is known at run time only is made of elements. *pads are those that are left. */
static hmlc_status pad_explicitly(integer_op *of, hmlc_dim *pads)
{
    hmlc_dim begins[HMLC_MAX_RANK], ends[HMLC_MAX_RANK];
    hmlc_dim none = hmlc_dim_constant(of->builder.module->dims, 0);
    int32_t rank = of->x->type->rank, first = is_last(of->op) ? 1 : 2;
    bool any = false;
    for (int32_t k = 0; k < rank; k++) {
        bool spatial = k >= first && k < first + rank - 2;
        begins[k] = spatial ? pads[k - first] : none;
        ends[k] = spatial ? pads[rank - 2 + k - first] : none;
        any = any || !hmlc_dim_is(begins[k], 0) || !hmlc_dim_is(ends[k], 0);
    }
    for (int32_t k = 0; k < 2 * (rank - 2); k++) {
        pads[k] = none;
    }
    return any ? pad(of, &of->x, begins, ends, of->x_zero) : HMLC_OK;
}

/* A tap's channels fill groups of four: zeros in both operands, whose product is none. */
static hmlc_status pad_channels(integer_op *of)
{
    enum { GROUP = 4 };
    hmlc_dims *dims = of->builder.module->dims;
    hmlc_dim none = hmlc_dim_constant(dims, 0), begins[HMLC_MAX_RANK], ends[HMLC_MAX_RANK];
    int32_t rank = of->x->type->rank, axis = is_last(of->op) ? rank - 1 : 1;
    int64_t channels = 0, taps = 1;
    const hmlc_type *w = of->w->type;
    const hmlc_attr *strides = hmlc_op_attr(of->op, HMLC_ATTR_strides);
    for (int32_t k = 0; k < rank; k++) {
        int64_t size = 2;
        begins[k] = ends[k] = none;
        (void)hmlc_dim_is_constant(w->dims[k], &size);
        taps *= k > 0 && k != axis ? size : 1;
    }
    bool product = taps == 1 && hmlc_ints_all(strides->as.integers, strides->count, 1);
    if (!hmlc_dim_is_constant(w->dims[axis], &channels) || channels % GROUP == 0 || product ||
        hmlc_op_int(of->op, HMLC_ATTR_groups) != 1 || !hmlc_is_constant(of->w)) {
        return HMLC_OK;
    }
    ends[axis] = hmlc_dim_constant(dims, GROUP - channels % GROUP);
    HMLC_TRY(pad(of, &of->x, begins, ends, NULL));
    return pad(of, &of->w, begins, ends, NULL);
}

/* -- what zero points add */

static hmlc_status sum_over(hmlc_builder *builder, hmlc_value *value, const int64_t *axes,
                            uint32_t count, bool keep, hmlc_value **result)
{
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, keep)};
    HMLC_TRY(hmlc_build_cast(builder, value, HMLC_DTYPE_i32, &value));
    return hmlc_build_folded(builder, HMLC_OP_reduce_sum, &value, 1, attrs, 2, result);
}

/* A zero point as a negative i32 that broadcasts to the result. */
static hmlc_status negative(integer_op *of, hmlc_value *zero, hmlc_value **result)
{
    HMLC_TRY(hmlc_build_cast(&of->builder, zero, HMLC_DTYPE_i32, &zero));
    return hmlc_build_folded(&of->builder, HMLC_OP_neg, &zero, 1, NULL, 0, result);
}

/* [outputs] beside a convolution's result. */
static hmlc_status beside_channels(integer_op *of, hmlc_value **value)
{
    int32_t rank = of->x->type->rank;
    hmlc_dim shape[HMLC_MAX_RANK];
    if ((*value)->type->rank == 0 || is_last(of->op)) {
        return HMLC_OK;
    }
    for (int32_t k = 0; k < rank - 1; k++) {
        shape[k] =
            k == 0 ? (*value)->type->dims[0] : hmlc_dim_constant(of->builder.module->dims, 1);
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)rank - 1);
    hmlc_value *operand = *value;
    return hmlc_build_folded(&of->builder, HMLC_OP_reshape, &operand, 1, &attr, 1, value);
}

/* Both sides' last two dims swapped, one of which is 1: rows stand beside columns. */
static hmlc_status swap_last(integer_op *of, hmlc_value **value)
{
    const hmlc_type *type = (*value)->type;
    hmlc_dim shape[HMLC_MAX_RANK];
    if (type->rank < 2) {
        return HMLC_OK;
    }
    for (int32_t k = 0; k < type->rank; k++) {
        shape[k] = type->dims[k];
    }
    shape[type->rank - 1] = type->dims[type->rank - 2];
    shape[type->rank - 2] = type->dims[type->rank - 1];
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)type->rank);
    hmlc_value *operand = *value;
    return hmlc_build_folded(&of->builder, HMLC_OP_reshape, &operand, 1, &attr, 1, value);
}

/* sum(w) for each output. */
static hmlc_status column_sums(integer_op *of, hmlc_value **sums)
{
    int64_t axes[HMLC_MAX_RANK];
    if (of->conv) {
        for (int32_t k = 1; k < of->w->type->rank; k++) {
            axes[k - 1] = k;
        }
        HMLC_TRY(sum_over(&of->builder, of->w, axes, (uint32_t)of->w->type->rank - 1, false, sums));
        return beside_channels(of, sums);
    }
    axes[0] = of->w_depth;
    HMLC_TRY(sum_over(&of->builder, of->w, axes, 1, true, sums));
    return of->w_depth == of->w->type->rank - 1 ? swap_last(of, sums) : HMLC_OK;
}

/* The attributes of the convolution that is made, with other pads. */
static uint32_t conv_attrs(const integer_op *of, const hmlc_dim *pads, hmlc_attr *attrs)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < of->op->attr_count; k++) {
        attrs[count] = of->op->attrs[k];
        if (attrs[count].name == HMLC_ATTR_pads) {
            attrs[count].as.dims = pads;
        }
        count++;
    }
    attrs[count++] = hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32);
    double padding;
    if (of->x_zero != NULL && hmlc_value_splat(of->x_zero, &padding)) {
        attrs[count++] = hmlc_attr_int(HMLC_ATTR_pad_value, (int64_t)padding);
    }
    return count;
}

/* sum(x) of each row; of a convolution over each window. */
static hmlc_status row_sums(integer_op *of, const hmlc_dim *pads, hmlc_value **sums)
{
    if (!of->conv) {
        int64_t axis = of->x_depth;
        HMLC_TRY(sum_over(&of->builder, of->x, &axis, 1, true, sums));
        return of->x_depth == of->x->type->rank - 2 ? swap_last(of, sums) : HMLC_OK;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    hmlc_attr attrs[HMLC_ATTR_COUNT];
    uint32_t rank = (uint32_t)of->w->type->rank, count = conv_attrs(of, pads, attrs);
    for (uint32_t k = 0; k < rank; k++) {
        shape[k] = k == 0 ? hmlc_dim_constant(of->builder.module->dims, 1) : of->w->type->dims[k];
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, rank);
    hmlc_value *one = NULL, *operands[] = {of->x, NULL};
    HMLC_TRY(hmlc_build_scalar(&of->builder, HMLC_DTYPE_i8, 1, &one));
    HMLC_TRY(hmlc_build_folded(&of->builder, HMLC_OP_expand, &one, 1, &attr, 1, &operands[1]));
    return hmlc_build(&of->builder, HMLC_OP_conv, operands, 2, attrs, count, sums);
}

static int64_t depth_of(const integer_op *of)
{
    int64_t depth = 1;
    const hmlc_type *w = of->w->type;
    for (int32_t k = 1; of->conv && k < w->rank; k++) {
        depth *= w->dims[k]->value;
    }
    return of->conv ? depth : w->dims[of->w_depth]->value;
}

static hmlc_status add_term(integer_op *of, hmlc_value *zero, hmlc_value *sums, hmlc_value **result)
{
    hmlc_value *term = NULL;
    HMLC_TRY(negative(of, zero, &term));
    HMLC_TRY(build_folded_binary(&of->builder, HMLC_OP_mul, sums, term, &term));
    return build_folded_binary(&of->builder, HMLC_OP_add, *result, term, result);
}

static hmlc_status add_terms(integer_op *of, const hmlc_dim *pads, hmlc_value **result)
{
    hmlc_value *sums = NULL, *less = NULL;
    if (of->x_zero != NULL) {
        hmlc_value *zero = of->x_zero;
        HMLC_TRY(column_sums(of, &sums));
        if (!of->conv && of->x_depth == of->x->type->rank - 2) {
            HMLC_TRY(swap_last(of, &zero));
        }
        HMLC_TRY(add_term(of, zero, sums, result));
    }
    if (of->w_zero == NULL) {
        return HMLC_OK;
    }
    HMLC_TRY(row_sums(of, pads, &sums));
    if (of->x_zero != NULL) {
        hmlc_value *zero = of->x_zero;
        HMLC_TRY(hmlc_build_scalar(&of->builder, HMLC_DTYPE_i32, (double)depth_of(of), &less));
        if (!of->conv && of->x_depth == of->x->type->rank - 2) {
            HMLC_TRY(swap_last(of, &zero));
        }
        HMLC_TRY(add_term(of, zero, less, &sums));
    }
    hmlc_value *zero = of->w_zero;
    if (of->conv) {
        HMLC_TRY(beside_channels(of, &zero));
    } else if (of->w_depth == of->w->type->rank - 1) {
        HMLC_TRY(swap_last(of, &zero));
    }
    return add_term(of, zero, sums, result);
}

/* -- the op */

/* Any operands, in i32 throughout: what the terms above do not cover. */
static hmlc_status multiply_wide(integer_op *of, hmlc_value **result)
{
    hmlc_value *operands[] = {NULL, NULL}, *zeros[] = {of->x_zero, of->w_zero};
    hmlc_value *sides[] = {of->x, of->w};
    for (int k = 0; k < 2; k++) {
        HMLC_TRY(hmlc_build_cast(&of->builder, sides[k], HMLC_DTYPE_i32, &operands[k]));
        if (zeros[k] == NULL) {
            continue;
        }
        HMLC_TRY(hmlc_build_cast(&of->builder, zeros[k], HMLC_DTYPE_i32, &zeros[k]));
        if (of->conv && k == 1 && zeros[k]->type->rank == 1) { /* [O] beside [O, ...] */
            hmlc_dim shape[HMLC_MAX_RANK];
            for (int32_t d = 0; d < of->w->type->rank; d++) {
                shape[d] = d == 0 ? zeros[k]->type->dims[0]
                                  : hmlc_dim_constant(of->builder.module->dims, 1);
            }
            HMLC_TRY(hmlc_build_reshaped(&of->builder, zeros[k], shape, (uint32_t)of->w->type->rank,
                                         &zeros[k]));
        }
        HMLC_TRY(
            build_folded_binary(&of->builder, HMLC_OP_sub, operands[k], zeros[k], &operands[k]));
    }
    return hmlc_build(&of->builder, of->conv ? HMLC_OP_conv : HMLC_OP_matmul, operands, 2,
                      of->op->attrs, of->op->attr_count, result);
}

static bool has_known_depth(const integer_op *of)
{
    for (int32_t k = 1; of->conv && k < of->w->type->rank; k++) {
        if (!hmlc_dim_is_constant(of->w->type->dims[k], NULL)) {
            return false;
        }
    }
    return of->conv || (hmlc_dim_is_constant(of->w->type->dims[of->w_depth], NULL) &&
                        hmlc_dim_is_constant(of->x->type->dims[of->x_depth], NULL));
}

static hmlc_status multiply_bytes(integer_op *of, hmlc_value **result)
{
    HMLC_TRY(centre_weights(of));
    HMLC_TRY(take_sign(&of->builder, &of->x, &of->x_zero, of->left));
    if (of->w->type->dtype != HMLC_DTYPE_i16) {
        HMLC_TRY(take_sign(&of->builder, &of->w, &of->w_zero, HMLC_DTYPE_i8));
    }
    drop_zero(&of->x_zero);
    drop_zero(&of->w_zero);
    hmlc_value *operands[] = {of->x, of->w};
    hmlc_attr attrs[HMLC_ATTR_COUNT];
    if (!of->conv) {
        uint32_t count = 0;
        for (uint32_t k = 0; k < of->op->attr_count; k++) {
            attrs[count++] = of->op->attrs[k];
        }
        attrs[count++] = hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32);
        HMLC_TRY(hmlc_build(&of->builder, HMLC_OP_matmul, operands, 2, attrs, count, result));
        return add_terms(of, NULL, result);
    }
    const hmlc_attr *given = hmlc_op_attr(of->op, HMLC_ATTR_pads);
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    double padding;
    for (uint32_t k = 0; k < given->count; k++) {
        pads[k] = given->as.dims[k];
    }
    if (of->x_zero != NULL && !hmlc_value_splat(of->x_zero, &padding)) {
        HMLC_TRY(pad_explicitly(of, pads));
    }
    integer_op real = *of; /* terms know no channels of zeros */
    HMLC_TRY(pad_channels(of));
    operands[0] = of->x;
    operands[1] = of->w;
    uint32_t count = conv_attrs(of, pads, attrs);
    HMLC_TRY(hmlc_build(&of->builder, HMLC_OP_conv, operands, 2, attrs, count, result));
    return add_terms(&real, pads, result);
}

static hmlc_status lower_integers(hmlc_rewriter *rewriter, hmlc_op *op)
{
    integer_op of = {.builder = hmlc_rewrite_builder(op),
                     .op = op,
                     .scratch = hmlc_rewrite_scratch(rewriter),
                     .conv = op->opcode == HMLC_OP_conv_integer,
                     .left = *(const hmlc_dtype *)hmlc_rewrite_user(rewriter),
                     .x = hmlc_op_operand(op, 0),
                     .w = hmlc_op_operand(op, 1),
                     .x_zero = hmlc_op_operand(op, 2),
                     .w_zero = hmlc_op_operand(op, 3)};
    drop_zero(&of.x_zero);
    drop_zero(&of.w_zero);
    if (!of.conv) {
        bool swap_x = hmlc_op_int(op, HMLC_ATTR_transpose_a) != 0;
        bool swap_w = hmlc_op_int(op, HMLC_ATTR_transpose_b) != 0;
        of.x_depth = of.x->type->rank - (swap_x ? 2 : 1);
        of.w_depth = of.w->type->rank - (swap_w ? 1 : 2);
    }
    hmlc_value *result = NULL;
    bool grouped = of.conv && hmlc_op_int(op, HMLC_ATTR_groups) > 1 &&
                   (of.w_zero != NULL || of.w->type->dtype != HMLC_DTYPE_i8);
    if (grouped && of.w_zero == NULL && hmlc_is_constant(of.w)) {
        HMLC_TRY(hmlc_build_scalar(&of.builder, HMLC_DTYPE_u8, 0, &of.w_zero));
    }
    if (grouped) {
        HMLC_TRY(centre_weights(&of));
        HMLC_TRY(widen_depthwise(&of));
        grouped = of.w_zero != NULL;
    }
    if (grouped || !has_known_depth(&of) || (of.conv && !hmlc_is_constant(of.w))) {
        HMLC_TRY(multiply_wide(&of, &result));
    } else {
        HMLC_TRY(multiply_bytes(&of, &result));
    }
    return hmlc_rewrite_replace(rewriter, op, result);
}

hmlc_status hmlc_pass_lower_integers(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_conv_integer, 0, lower_integers},
                                              {HMLC_OP_matmul_integer, 0, lower_integers}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)};
    hmlc_dtype left = context->family->left_bytes;
    if (!hmlc_quantized_has_ops(context->module->main)) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_signs_of_left(context, left));
    return hmlc_rewrite_run(context, sets, 1, &left);
}

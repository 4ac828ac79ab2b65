/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of convolutions whose weights are no constants: the input's windows are gathered into
 * the rows of one product. A transposed convolution first becomes a plain one over its input with
 * zeros between the elements.
 */
#include "lower.h"

enum { MAX_TAPS = 64 };

/* A convolution in channels-first terms, sizes per spatial dim. */
typedef struct window_conv {
    hmlc_builder *builder;
    hmlc_value *x, *w; /* [N, C, spatial..], padded; [G, O / G, C / G * taps] */
    uint32_t spatial;
    int64_t groups;
    int64_t window[HMLC_MAX_RANK], strides[HMLC_MAX_RANK], dilations[HMLC_MAX_RANK];
    int64_t taps;
    const hmlc_type *result;
} window_conv;

static hmlc_dim number(const hmlc_builder *builder, int64_t value)
{
    return hmlc_dim_constant(builder->module->dims, value);
}

static hmlc_dim times(const hmlc_builder *builder, hmlc_dim left, hmlc_dim right)
{
    return hmlc_dim_multiply(builder->module->dims, left, right);
}

static hmlc_status reshape(hmlc_builder *builder, hmlc_value **value, const hmlc_dim *shape,
                           uint32_t rank)
{
    return hmlc_lower_reshaped(builder, *value, shape, (int32_t)rank, value);
}

/* x at tap `tap`, one element per output position, as [N, G, C / G, 1, spatial..]. */
static hmlc_status tap_slice(const window_conv *conv, int64_t tap, hmlc_value **slice)
{
    hmlc_builder *builder = conv->builder;
    const hmlc_type *type = conv->x->type;
    uint32_t rank = conv->spatial + 2;
    hmlc_dim starts[HMLC_MAX_RANK] = {NULL}, sizes[HMLC_MAX_RANK] = {NULL};
    hmlc_dim steps[HMLC_MAX_RANK] = {NULL};
    for (uint32_t i = rank; i-- > 0;) {
        bool window = i >= 2;
        starts[i] =
            number(builder, window ? tap % conv->window[i - 2] * conv->dilations[i - 2] : 0);
        sizes[i] = window ? conv->result->dims[i] : type->dims[i];
        steps[i] = number(builder, window ? conv->strides[i - 2] : 1);
        tap = window ? tap / conv->window[i - 2] : tap;
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
                         hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, rank)};
    HMLC_TRY(hmlc_build(builder, HMLC_OP_slice, &conv->x, 1, attrs, 3, slice));
    hmlc_dim shape[HMLC_MAX_RANK + 2] = {type->dims[0], number(builder, conv->groups)};
    shape[2] = hmlc_dim_floordiv(builder->module->dims, type->dims[1], shape[1]);
    shape[3] = number(builder, 1);
    for (uint32_t i = 0; i < conv->spatial; i++) {
        shape[4 + i] = sizes[2 + i];
    }
    return hmlc_build_reshape(builder, *slice, shape, rank + 2, slice);
}

/* All windows as [G, N * positions, C / G * taps]. */
static hmlc_status gather_windows(const window_conv *conv, hmlc_value **rows)
{
    hmlc_builder *builder = conv->builder;
    hmlc_value *slices[MAX_TAPS];
    for (int64_t tap = 0; tap < conv->taps; tap++) {
        HMLC_TRY(tap_slice(conv, tap, &slices[tap]));
    }
    hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 3);
    hmlc_value *all = NULL;
    HMLC_TRY(hmlc_build(builder, HMLC_OP_concat, slices, (uint32_t)conv->taps, &axis, 1, &all));
    int64_t order[HMLC_MAX_RANK] = {1, 0};
    hmlc_dim positions = all->type->dims[0];
    for (uint32_t i = 0; i < conv->spatial; i++) {
        order[2 + i] = 4 + i;
        positions = times(builder, positions, all->type->dims[4 + i]);
    }
    order[2 + conv->spatial] = 2;
    order[3 + conv->spatial] = 3;
    hmlc_dim shape[] = {all->type->dims[1], positions,
                        times(builder, all->type->dims[2], all->type->dims[3])};
    HMLC_TRY(hmlc_build_transpose(builder, all, order, &all));
    *rows = all;
    return reshape(builder, rows, shape, 3);
}

/* [G, N * positions, O / G] back to [N, O, spatial..]. */
static hmlc_status spread_result(const window_conv *conv, hmlc_value **value)
{
    hmlc_builder *builder = conv->builder;
    const hmlc_type *type = conv->result;
    hmlc_dim shape[HMLC_MAX_RANK] = {(*value)->type->dims[0], type->dims[0]};
    int64_t order[HMLC_MAX_RANK] = {1, 0, 2 + (int64_t)conv->spatial};
    for (uint32_t i = 0; i < conv->spatial; i++) {
        shape[2 + i] = type->dims[2 + i];
        order[3 + i] = 2 + i;
    }
    shape[2 + conv->spatial] = (*value)->type->dims[2];
    HMLC_TRY(reshape(builder, value, shape, conv->spatial + 3));
    HMLC_TRY(hmlc_build_transpose(builder, *value, order, value));
    return reshape(builder, value, type->dims, (uint32_t)type->rank);
}

static hmlc_status add_bias(const window_conv *conv, hmlc_value *bias, hmlc_value **value)
{
    if (bias == NULL) {
        return HMLC_OK;
    }
    hmlc_dim shape[HMLC_MAX_RANK] = {bias->type->dims[0]};
    for (uint32_t i = 0; i < conv->spatial; i++) {
        shape[1 + i] = number(conv->builder, 1);
    }
    HMLC_TRY(reshape(conv->builder, &bias, shape, conv->spatial + 1));
    return hmlc_lower_binary(conv->builder, HMLC_OP_add, *value, bias, value);
}

static hmlc_status pad_input(window_conv *conv, const hmlc_dim *pads, int64_t value)
{
    hmlc_dim all[2 * HMLC_MAX_RANK];
    uint32_t rank = conv->spatial + 2;
    for (uint32_t i = 0; i < 2 * rank; i++) {
        uint32_t dim = i % rank;
        all[i] = dim < 2 ? number(conv->builder, 0) : pads[dim - 2 + i / rank * conv->spatial];
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_pads, all, 2 * rank);
    hmlc_value *operands[] = {conv->x, NULL};
    if (value != 0) {
        HMLC_TRY(
            hmlc_build_scalar(conv->builder, conv->x->type->dtype, (double)value, &operands[1]));
    }
    return hmlc_build(conv->builder, HMLC_OP_pad, operands, value != 0 ? 2 : 1, &attr, 1, &conv->x);
}

/* x with stride - 1 zeros behind each element, along all spatial dims. */
static hmlc_status insert_zeros(window_conv *conv, const int64_t *strides)
{
    hmlc_builder *builder = conv->builder;
    const hmlc_type *type = conv->x->type;
    uint32_t rank = 2 + 2 * conv->spatial;
    hmlc_dim split[2 * HMLC_MAX_RANK] = {type->dims[0], type->dims[1]};
    hmlc_dim merged[HMLC_MAX_RANK] = {type->dims[0], type->dims[1]};
    hmlc_dim pads[4 * HMLC_MAX_RANK];
    for (uint32_t i = 0; i < 2 * rank; i++) {
        bool end = i >= rank + 2 && (i - rank) % 2 == 1;
        pads[i] = number(builder, end ? strides[(i - rank - 2) / 2] - 1 : 0);
    }
    for (uint32_t i = 0; i < conv->spatial; i++) {
        split[2 + 2 * i] = type->dims[2 + i];
        split[3 + 2 * i] = number(builder, 1);
        merged[2 + i] = times(builder, type->dims[2 + i], number(builder, strides[i]));
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * rank);
    HMLC_TRY(hmlc_build_reshape(builder, conv->x, split, rank, &conv->x));
    HMLC_TRY(hmlc_build(builder, HMLC_OP_pad, &conv->x, 1, &attr, 1, &conv->x));
    return hmlc_build_reshape(builder, conv->x, merged, conv->spatial + 2, &conv->x);
}

/* w [C, O / G, window..] of a transposed convolution as [O, C / G, window..], the window reversed.
 */
static hmlc_status turn_weights(window_conv *conv)
{
    hmlc_builder *builder = conv->builder;
    const hmlc_type *type = conv->w->type;
    uint32_t rank = conv->spatial + 3;
    hmlc_dim groups = number(builder, conv->groups);
    hmlc_dim shape[HMLC_MAX_RANK] = {
        groups, hmlc_dim_floordiv(builder->module->dims, type->dims[0], groups), type->dims[1]};
    hmlc_dim starts[HMLC_MAX_RANK] = {NULL}, sizes[HMLC_MAX_RANK] = {NULL};
    hmlc_dim steps[HMLC_MAX_RANK] = {NULL};
    int64_t order[HMLC_MAX_RANK] = {0, 2, 1};
    for (uint32_t i = 0; i < rank; i++) {
        bool window = i >= 3;
        shape[i] = window ? type->dims[i - 1] : shape[i];
        order[i] = window ? i : order[i];
        starts[i] = number(builder, window ? conv->window[i - 3] - 1 : 0);
        sizes[i] = shape[i];
        steps[i] = number(builder, window ? -1 : 1);
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
                         hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, rank)};
    HMLC_TRY(reshape(builder, &conv->w, shape, rank));
    HMLC_TRY(hmlc_build(builder, HMLC_OP_slice, &conv->w, 1, attrs, 3, &conv->w));
    return hmlc_build_transpose(builder, conv->w, order, &conv->w);
}

/* Pads of the plain convolution that a transposed one becomes; the zeros behind the last element
 * go, too. */
static void turned_pads(const window_conv *conv, const hmlc_op *op, const int64_t *strides,
                        hmlc_dim *pads)
{
    hmlc_dims *dims = conv->builder->module->dims;
    const hmlc_attr *given = hmlc_list_attr(op, HMLC_ATTR_pads);
    const hmlc_attr *extra = hmlc_list_attr(op, HMLC_ATTR_output_padding);
    for (uint32_t i = 0; i < conv->spatial; i++) {
        int64_t reach = conv->dilations[i] * (conv->window[i] - 1);
        int64_t behind = reach + extra->as.integers[i] - (strides[i] - 1);
        pads[i] = hmlc_dim_subtract(dims, number(conv->builder, reach), given->as.dims[i]);
        pads[conv->spatial + i] = hmlc_dim_subtract(dims, number(conv->builder, behind),
                                                    given->as.dims[conv->spatial + i]);
    }
}

static hmlc_status prepare(window_conv *conv, const hmlc_op *op)
{
    if (op->opcode == HMLC_OP_conv) {
        return pad_input(conv, hmlc_list_attr(op, HMLC_ATTR_pads)->as.dims,
                         hmlc_op_int(op, HMLC_ATTR_pad_value));
    }
    int64_t strides[HMLC_MAX_RANK];
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (uint32_t i = 0; i < conv->spatial; i++) {
        strides[i] = conv->strides[i];
        conv->strides[i] = 1;
    }
    turned_pads(conv, op, strides, pads);
    HMLC_TRY(insert_zeros(conv, strides));
    HMLC_TRY(pad_input(conv, pads, 0));
    return turn_weights(conv);
}

/* Static windows, not too many taps, channels first. */
static bool read_conv(window_conv *conv, const hmlc_op *op)
{
    const hmlc_type *w = conv->w->type;
    conv->spatial = (uint32_t)conv->x->type->rank - 2;
    conv->groups = hmlc_op_int(op, HMLC_ATTR_groups);
    conv->taps = 1;
    for (uint32_t i = 0; i < conv->spatial; i++) {
        conv->strides[i] = hmlc_list_attr(op, HMLC_ATTR_strides)->as.integers[i];
        conv->dilations[i] = hmlc_list_attr(op, HMLC_ATTR_dilations)->as.integers[i];
        if (!hmlc_dim_is_constant(w->dims[2 + i], &conv->window[i]) || conv->window[i] < 1 ||
            conv->window[i] > MAX_TAPS) {
            return false;
        }
        conv->taps *= conv->window[i];
        if (conv->taps > MAX_TAPS) {
            return false;
        }
    }
    return 2 + 2 * conv->spatial <= HMLC_MAX_RANK && conv->spatial > 0 &&
           hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_FIRST;
}

hmlc_status hmlc_lower_conv(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    window_conv conv = {.builder = &builder,
                        .x = hmlc_op_operand(op, 0),
                        .w = hmlc_op_operand(op, 1),
                        .result = op->results[0]->type};
    if (hmlc_is_constant(conv.w) || !read_conv(&conv, op)) {
        return HMLC_OK;
    }
    HMLC_TRY(prepare(&conv, op));
    hmlc_dims *dims = builder.module->dims;
    hmlc_dim groups = number(&builder, conv.groups);
    hmlc_dim channels = hmlc_dim_floordiv(dims, conv.x->type->dims[1], groups);
    hmlc_dim shape[] = {groups, hmlc_dim_floordiv(dims, conv.result->dims[1], groups),
                        times(&builder, channels, number(&builder, conv.taps))};
    lower_product of = {.op = op, .transpose_b = 1};
    hmlc_value *result = NULL;
    HMLC_TRY(gather_windows(&conv, &of.a));
    HMLC_TRY(hmlc_lower_reshaped(&builder, conv.w, shape, 3, &of.b));
    HMLC_TRY(hmlc_lower_product(&builder, &of, &result));
    HMLC_TRY(spread_result(&conv, &result));
    HMLC_TRY(add_bias(&conv, hmlc_op_operand(op, 2), &result));
    result->name = op->results[0]->name;
    hmlc_value_replace_uses(op->results[0], result);
    *done = true;
    return HMLC_OK;
}

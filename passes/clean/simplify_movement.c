/* SPDX-License-Identifier: Apache-2.0 */
/* Pad, tile, gather, resize and range in simpler words. */
#include "query.h"
#include "simplify.h"

typedef struct pad_attrs {
    hmlc_dim begins[HMLC_MAX_RANK], ends[HMLC_MAX_RANK];
    uint32_t rank;
} pad_attrs;

static pad_attrs read_pad(const hmlc_op *op)
{
    const hmlc_attr *attr = hmlc_list_attr(op, HMLC_ATTR_pads);
    pad_attrs pads = {.rank = attr->count / 2};
    for (uint32_t i = 0; i < pads.rank; i++) {
        pads.begins[i] = attr->as.dims[i];
        pads.ends[i] = attr->as.dims[pads.rank + i];
    }
    return pads;
}

static bool all_at_most_zero(hmlc_dims *dims, const pad_attrs *pads)
{
    hmlc_dim zero = hmlc_dim_constant(dims, 0);
    for (uint32_t i = 0; i < pads->rank; i++) {
        if (!hmlc_dim_known_at_most(dims, pads->begins[i], zero) ||
            !hmlc_dim_known_at_most(dims, pads->ends[i], zero)) {
            return false;
        }
    }
    return true;
}

static bool is_nonnegative(hmlc_dims *dims, const pad_attrs *pads)
{
    hmlc_dim zero = hmlc_dim_constant(dims, 0);
    for (uint32_t i = 0; i < pads->rank; i++) {
        if (!hmlc_dim_known_at_most(dims, zero, pads->begins[i]) ||
            !hmlc_dim_known_at_most(dims, zero, pads->ends[i])) {
            return false;
        }
    }
    return true;
}

/* Pads that only cut away are a slice. */
static hmlc_status pad_to_slice(hmlc_rewriter *rewriter, hmlc_op *op, const pad_attrs *pads)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    hmlc_dim starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    hmlc_dim zero = hmlc_dim_constant(dims, 0);
    for (uint32_t i = 0; i < pads->rank; i++) {
        starts[i] = hmlc_dim_subtract(dims, zero, pads->begins[i]);
        steps[i] = hmlc_dim_constant(dims, 1);
    }
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, starts, pads->rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, op->results[0]->type->dims, pads->rank),
        hmlc_attr_dims(HMLC_ATTR_steps, steps, pads->rank),
    };
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_slice, &op->operands[0].value, 1, attrs,
                                   3);
}

static bool same_fill(const hmlc_op *left, const hmlc_op *right)
{
    const hmlc_value *fills[] = {hmlc_op_operand(left, 1), hmlc_op_operand(right, 1)};
    double values[] = {0, 0};
    for (int i = 0; i < 2; i++) {
        if (fills[i] != NULL && !hmlc_value_splat(fills[i], &values[i])) {
            return fills[0] == fills[1];
        }
    }
    return values[0] == values[1];
}

/* pad(pad(x)) with one fill value, neither cutting away. */
static hmlc_status merge_pads(hmlc_rewriter *rewriter, hmlc_op *op, const hmlc_op *inner,
                              const pad_attrs *outer_pads)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    pad_attrs inner_pads = read_pad(inner);
    if (hmlc_op_int(inner, HMLC_ATTR_pad_mode) != HMLC_PAD_CONSTANT || !same_fill(op, inner) ||
        !is_nonnegative(dims, outer_pads) || !is_nonnegative(dims, &inner_pads)) {
        return HMLC_OK;
    }
    hmlc_dim sums[2 * HMLC_MAX_RANK];
    uint32_t rank = outer_pads->rank;
    for (uint32_t i = 0; i < rank; i++) {
        sums[i] = hmlc_dim_add(dims, outer_pads->begins[i], inner_pads.begins[i]);
        sums[rank + i] = hmlc_dim_add(dims, outer_pads->ends[i], inner_pads.ends[i]);
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_pads, sums, 2 * rank);
    hmlc_value *operands[] = {inner->operands[0].value, hmlc_op_operand(op, 1)};
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_pad, operands, 2, &attr, 1);
}

static hmlc_status simplify_pad(hmlc_rewriter *rewriter, hmlc_op *op)
{
    pad_attrs pads = read_pad(op);
    if (hmlc_dims_all(pads.begins, pads.rank, 0) && hmlc_dims_all(pads.ends, pads.rank, 0)) {
        return hmlc_rewrite_replace(rewriter, op, op->operands[0].value);
    }
    if (hmlc_op_int(op, HMLC_ATTR_pad_mode) != HMLC_PAD_CONSTANT) {
        return HMLC_OK;
    }
    if (all_at_most_zero(hmlc_rewrite_module(rewriter)->dims, &pads)) {
        return pad_to_slice(rewriter, op, &pads);
    }
    const hmlc_op *inner = hmlc_producer_of(op->operands[0].value, HMLC_OP_pad);
    return inner == NULL ? HMLC_OK : merge_pads(rewriter, op, inner, &pads);
}

/* A tile that repeats only dims of size 1 is an expand. */
static hmlc_status simplify_tile(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    const hmlc_type *type = op->results[0]->type;
    for (int32_t i = 0; i < type->rank; i++) {
        if (x->type->dims[i] != type->dims[i] && !hmlc_dim_is(x->type->dims[i], 1)) {
            return HMLC_OK;
        }
    }
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &x, 1, op->attrs, op->attr_count);
}

/* First index and step when the constant indices are first, first + step, ...; all in range. */
static bool indices_are_regular(const hmlc_tensor *indices, int64_t size, int64_t *first,
                                int64_t *step)
{
    int64_t count = hmlc_tensor_count(indices);
    *step = 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t index = hmlc_tensor_get_int(indices, i);
        index += index < 0 ? size : 0;
        if (index < 0 || index >= size) {
            return false;
        }
        *first = i == 0 ? index : *first;
        *step = i == 1 ? index - *first : *step;
        if (index != *first + i * *step) {
            return false;
        }
    }
    return count > 0 && *step != 0;
}

/* gather by constant, evenly spaced indices is a slice (and a reshape, for a scalar index). */
static hmlc_status gather_to_slice(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    const hmlc_tensor *indices = hmlc_value_constant(op->operands[1].value);
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    int64_t size, first = 0, step = 1;
    if (indices == NULL || indices->rank > 1 || !hmlc_dim_is_constant(x->type->dims[axis], &size) ||
        !indices_are_regular(indices, size, &first, &step)) {
        return HMLC_OK;
    }
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)x->type->rank;
    for (uint32_t i = 0; i < rank; i++) {
        bool here = i == (uint32_t)axis;
        starts[i] = hmlc_dim_constant(dims, here ? first : 0);
        steps[i] = hmlc_dim_constant(dims, here ? step : 1);
        sizes[i] = here ? hmlc_dim_constant(dims, hmlc_tensor_count(indices)) : x->type->dims[i];
    }
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
        hmlc_attr_dims(HMLC_ATTR_steps, steps, rank),
    };
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_slice, &x, 1, attrs, 3, &value));
    const hmlc_type *type = op->results[0]->type;
    HMLC_TRY(hmlc_build_reshaped(&builder, value, type->dims, (uint32_t)type->rank, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

static bool scales_are_one(const hmlc_op *op)
{
    const hmlc_attr *scales = hmlc_list_attr(op, HMLC_ATTR_scales);
    for (uint32_t i = 0; i < scales->count; i++) {
        if (scales->as.reals[i] != 1.0) {
            return false;
        }
    }
    return true;
}

/* A resize to the same size samples each element at its place. */
static hmlc_status simplify_resize(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return hmlc_op_int(op, HMLC_ATTR_coordinates) != HMLC_COORDINATES_TF_CROP_AND_RESIZE &&
                   hmlc_op_operand(op, 1) == NULL && scales_are_one(op)
               ? hmlc_rewrite_replace(rewriter, op, op->operands[0].value)
               : HMLC_OK;
}

/* range(start, limit, delta) is start + delta * iota, exactly so for integers. */
static hmlc_status range_to_iota(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *start = op->operands[0].value;
    hmlc_value *delta = op->operands[2].value;
    if (!hmlc_dtype_is_integer(start->type->dtype)) {
        return HMLC_OK;
    }
    hmlc_attr attrs[] = {*hmlc_list_attr(op, HMLC_ATTR_shape), hmlc_attr_int(HMLC_ATTR_axis, 0),
                         hmlc_attr_dtype(HMLC_ATTR_to, start->type->dtype)};
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *value = NULL;
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_iota, NULL, 0, attrs, 3, &value));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, value, delta, &value));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_add, value, start, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_pad, 0, simplify_pad},       {HMLC_OP_tile, 0, simplify_tile},
    {HMLC_OP_gather, 0, gather_to_slice}, {HMLC_OP_resize, 0, simplify_resize},
    {HMLC_OP_range, 0, range_to_iota},
};

const hmlc_rewrite_rules hmlc_simplify_movement = HMLC_RULES(rules);

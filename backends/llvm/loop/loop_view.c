/* SPDX-License-Identifier: Apache-2.0 */
/* From the index of a result to the index of an operand: views, broadcasts, movement. */
#include "loop.h"

bool hmlc_loop_type_empty(const hmlc_type *type)
{
    for (int32_t k = 0; k < type->rank; k++) {
        if (hmlc_dim_is(type->dims[k], 0)) {
            return true;
        }
    }
    return false;
}

/* The index along an operand's dim of size `from` where the result's dim has size `to`: 0 where
 * only the run knows whether it is 1. */
static hmlc_loop_index broadcast_one(hmlc_loop_context *context, hmlc_dim from, hmlc_dim to,
                                     const hmlc_loop_index *index)
{
    hmlc_dims *dims = context->dims;
    if (hmlc_dim_is(from, 1)) {
        return hmlc_loop_index_zero(context);
    }
    if (hmlc_dim_known_equal(dims, from, to) || hmlc_dim_is_constant(from, NULL)) {
        return *index;
    }
    hmlc_dim one = hmlc_dim_constant(dims, 1), zero = hmlc_dim_constant(dims, 0);
    hmlc_dim step = hmlc_dim_select(dims, hmlc_dim_equal(dims, from, one), zero, one);
    return hmlc_loop_index_scale(context, index, step);
}

void hmlc_loop_broadcast_index(hmlc_loop_context *context, const hmlc_type *type,
                               const hmlc_type *to, const hmlc_loop_index *result,
                               hmlc_loop_index *index)
{
    int32_t shift = to->rank - type->rank;
    for (int32_t k = 0; k < type->rank; k++) {
        index[k] = broadcast_one(context, type->dims[k], to->dims[k + shift], &result[k + shift]);
    }
}

/* scale and zero point of quantize and dequantize lie along one axis. */
static void axis_index(hmlc_loop_context *context, const hmlc_op *op, const hmlc_type *type,
                       const hmlc_loop_index *result, hmlc_loop_index *index)
{
    if (type->rank == 0) {
        return;
    }
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    const hmlc_type *to = op->results[0]->type;
    index[0] = axis < to->rank
                   ? broadcast_one(context, type->dims[0], to->dims[axis], &result[axis])
                   : hmlc_loop_index_zero(context);
}

static hmlc_dim product(hmlc_dims *dims, const hmlc_type *type, int32_t first, int32_t end)
{
    hmlc_dim total = hmlc_dim_constant(dims, 1);
    for (int32_t k = first; k < end; k++) {
        total = hmlc_dim_multiply(dims, total, type->dims[k]);
    }
    return total;
}

/* Row-major position within dims [first, end). */
static hmlc_loop_index linear_index(hmlc_loop_context *context, const hmlc_type *type,
                                    const hmlc_loop_index *index, int32_t first, int32_t end)
{
    hmlc_loop_index total = hmlc_loop_index_zero(context);
    for (int32_t k = first; k < end; k++) {
        hmlc_dim stride = product(context->dims, type, k + 1, end);
        hmlc_loop_index term = hmlc_loop_index_scale(context, &index[k], stride);
        total = hmlc_loop_index_add(context, &total, &term);
    }
    return total;
}

/* Splits a position into the indices of dims [first, end). */
static void split_index(hmlc_loop_context *context, const hmlc_type *type, hmlc_loop_index position,
                        int32_t first, int32_t end, hmlc_loop_index *index)
{
    int32_t last = end - 1;
    while (last >= first && hmlc_dim_is(type->dims[last], 1)) {
        last--;
    }
    for (int32_t k = first; k < end; k++) {
        index[k] = hmlc_loop_index_zero(context);
        if (k == last) {
            index[k] = position;
        } else if (k < last && !hmlc_dim_is(type->dims[k], 1)) {
            hmlc_loop_index rest;
            hmlc_loop_index_divide(context, &position, product(context->dims, type, k + 1, end),
                                   &index[k], &rest);
            position = rest;
        }
    }
}

static void reshape_index(hmlc_loop_context *context, const hmlc_op *op,
                          const hmlc_loop_index *result, hmlc_loop_index *index)
{
    const hmlc_type *from = hmlc_op_operand(op, 0)->type, *to = op->results[0]->type;
    int32_t from_ends[HMLC_MAX_RANK + 1], to_ends[HMLC_MAX_RANK + 1];
    int32_t groups = hmlc_reshape_groups(context->dims, from, to, from_ends, to_ends);
    if (groups <= 0) {
        groups = 1;
        from_ends[0] = from->rank;
        to_ends[0] = to->rank;
    }
    int32_t from_first = 0, to_first = 0;
    for (int32_t g = 0; g < groups; g++) {
        hmlc_loop_index position = linear_index(context, to, result, to_first, to_ends[g]);
        split_index(context, from, position, from_first, from_ends[g], index);
        from_first = from_ends[g];
        to_first = to_ends[g];
    }
}

static void slice_index(hmlc_loop_context *context, const hmlc_op *op,
                        const hmlc_loop_index *result, hmlc_loop_index *index)
{
    const hmlc_attr *starts = hmlc_op_attr(op, HMLC_ATTR_starts);
    const hmlc_attr *steps = hmlc_op_attr(op, HMLC_ATTR_steps);
    for (uint32_t k = 0; k < starts->count; k++) {
        index[k] = hmlc_loop_index_scale(context, &result[k], steps->as.dims[k]);
        index[k] = hmlc_loop_index_offset(context, &index[k], starts->as.dims[k]);
    }
}

static void tile_index(hmlc_loop_context *context, const hmlc_op *op, const hmlc_loop_index *result,
                       hmlc_loop_index *index)
{
    const hmlc_type *from = hmlc_op_operand(op, 0)->type, *to = op->results[0]->type;
    for (int32_t k = 0; k < from->rank; k++) {
        hmlc_loop_index whole;
        if (hmlc_dim_known_equal(context->dims, from->dims[k], to->dims[k])) {
            index[k] = result[k];
        } else if (hmlc_dim_is(from->dims[k], 1)) {
            index[k] = hmlc_loop_index_zero(context);
        } else {
            hmlc_loop_index_divide(context, &result[k], from->dims[k], &whole, &index[k]);
        }
    }
}

/* Behind the inputs before it on the axis. */
static void concat_index(hmlc_loop_context *context, const hmlc_op *op, uint32_t operand,
                         const hmlc_loop_index *result, hmlc_loop_index *index)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    hmlc_dim before = hmlc_dim_constant(context->dims, 0);
    for (uint32_t k = 0; k < operand; k++) {
        before = hmlc_dim_subtract(context->dims, before, hmlc_op_operand(op, k)->type->dims[axis]);
    }
    index[axis] = hmlc_loop_index_offset(context, &result[axis], before);
}

static void pad_index(hmlc_loop_context *context, const hmlc_op *op, const hmlc_loop_index *result,
                      hmlc_loop_index *index)
{
    const hmlc_attr *pads = hmlc_op_attr(op, HMLC_ATTR_pads);
    hmlc_dim zero = hmlc_dim_constant(context->dims, 0);
    for (uint32_t k = 0; k < pads->count / 2; k++) {
        index[k] = hmlc_loop_index_offset(context, &result[k],
                                          hmlc_dim_subtract(context->dims, zero, pads->as.dims[k]));
    }
}

void hmlc_loop_view_index(hmlc_loop_context *context, const hmlc_op *op, uint32_t operand,
                          const hmlc_loop_index *result, hmlc_loop_index *index)
{
    const hmlc_type *from = hmlc_op_operand(op, operand)->type, *to = op->results[0]->type;
    for (int32_t k = 0; k < from->rank; k++) {
        index[k] = k < to->rank ? result[k] : hmlc_loop_index_zero(context);
    }
    switch (op->opcode) {
    case HMLC_OP_transpose: {
        const hmlc_attr *permutation = hmlc_op_attr(op, HMLC_ATTR_permutation);
        for (int32_t k = 0; k < from->rank; k++) {
            index[permutation->as.integers[k]] = result[k];
        }
        return;
    }
    case HMLC_OP_reshape:
        reshape_index(context, op, result, index);
        return;
    case HMLC_OP_slice:
        slice_index(context, op, result, index);
        return;
    case HMLC_OP_tile:
        tile_index(context, op, result, index);
        return;
    case HMLC_OP_concat:
        concat_index(context, op, operand, result, index);
        return;
    case HMLC_OP_pad:
        if (operand == 0) {
            pad_index(context, op, result, index);
        }
        return;
    case HMLC_OP_quantize:
    case HMLC_OP_dequantize:
        if (operand > 0) {
            axis_index(context, op, from, result, index);
            return;
        }
        break;
    default:
        break;
    }
    hmlc_loop_broadcast_index(context, from, to, result, index);
}

hmlc_loop_index hmlc_loop_access_index(hmlc_loop_context *context, const hmlc_value *outer,
                                       const hmlc_loop_index *index)
{
    hmlc_access access;
    hmlc_access_of_value(context->dims, outer, &access);
    hmlc_loop_index total = hmlc_loop_index_constant(access.offset);
    for (int32_t k = 0; k < access.rank; k++) {
        hmlc_loop_index term = hmlc_loop_index_scale(context, &index[k], access.strides[k]);
        total = hmlc_loop_index_add(context, &total, &term);
    }
    return total;
}

hmlc_loop_index hmlc_loop_dense_index(hmlc_loop_context *context, const hmlc_type *type,
                                      const hmlc_loop_index *index)
{
    return linear_index(context, type, index, 0, type->rank);
}

static bool reduced_dim(const hmlc_loop_context *context, int32_t dim)
{
    const hmlc_loop_space *space = context->space;
    for (uint32_t k = 0; k < space->count; k++) {
        if (space->vars[k].dim == dim) {
            return space->vars[k].reduced;
        }
    }
    return false;
}

static bool is_full(const hmlc_loop_context *context, const hmlc_type *type)
{
    bool full = type->rank == context->space->rank;
    for (int32_t k = 0; full && k < type->rank; k++) {
        full = hmlc_dim_known_equal(context->dims, type->dims[k], context->space->shape[k]);
    }
    return full;
}

void hmlc_loop_result_index(const hmlc_loop_context *context, const hmlc_type *type,
                            hmlc_loop_index *index)
{
    bool keeps = type->rank == context->space->rank, full = is_full(context, type);
    for (int32_t dim = 0, k = 0; dim < context->space->rank; dim++) {
        bool reduced = reduced_dim(context, dim) && !full;
        if (!reduced) {
            index[k++] = hmlc_loop_index_of_dim(context, dim);
        } else if (keeps) {
            index[k++] = hmlc_loop_index_zero(context);
        }
    }
}

void hmlc_loop_indices_index(hmlc_loop_context *context, const hmlc_op *op,
                             const hmlc_loop_index *result, hmlc_loop_index *index)
{
    int64_t axis = op->opcode == HMLC_OP_gather_nd ? 0 : hmlc_op_int(op, HMLC_ATTR_axis);
    bool one_hot = op->opcode == HMLC_OP_one_hot;
    int32_t rank = hmlc_op_operand(op, one_hot ? 0 : 1)->type->rank;
    for (int32_t k = 0; k < rank; k++) {
        int64_t from = k;
        if (op->opcode == HMLC_OP_gather) {
            from = axis + k;
        } else if (one_hot) {
            from = k < axis ? k : k + 1;
        }
        bool last = op->opcode == HMLC_OP_gather_nd && k == rank - 1;
        index[k] = last ? hmlc_loop_index_zero(context) : result[from];
    }
}

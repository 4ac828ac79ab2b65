/* SPDX-License-Identifier: Apache-2.0 */
/* Portable kernels: work units and scratch memory. */
#include "portable_class.h"

/* True where the dim is known to keep its elements in their places. */
static bool stays(hmlc_dims *dims, const hmlc_op *op, int32_t dim)
{
    hmlc_sampling sampling = hmlc_resize_sampling(op);
    const hmlc_attr *scales = hmlc_op_attr(op, HMLC_ATTR_scales);
    const hmlc_attr *region = hmlc_op_attr(op, HMLC_ATTR_region_of_interest);
    int32_t rank = op->results[0]->type->rank;
    bool cropped = region != NULL && region->count > 0;
    hmlc_sampled_axis axis = {
        .scale = scales != NULL && scales->count > 0 ? scales->as.reals[dim] : 1,
        .begin = cropped ? region->as.reals[dim] : 0,
        .end = cropped ? region->as.reals[rank + dim] : 1,
    };
    return hmlc_op_operand(op, 1) == NULL && hmlc_op_operand(op, 2) == NULL &&
           hmlc_dim_known_equal(dims, hmlc_op_operand(op, 0)->type->dims[dim],
                                op->results[0]->type->dims[dim]) &&
           hmlc_sampling_is_identity(&sampling, &axis);
}

int32_t hmlc_portable_unit_dims(hmlc_dims *dims, const hmlc_op *op, hmlc_portable_units units)
{
    int32_t rank = op->results[0]->type->rank, first = 0;
    if (units == HMLC_PORTABLE_ONE || units == HMLC_PORTABLE_MOVE || rank == 0) {
        return 0;
    }
    if (units == HMLC_PORTABLE_ROWS) {
        return rank - 1;
    }
    while (first < rank - 1 && stays(dims, op, first)) {
        first++;
    }
    return first < rank - 1 ? first + 1 : rank - 1;
}

static hmlc_dim times(hmlc_dims *dims, hmlc_dim a, int64_t factor)
{
    return hmlc_dim_multiply(dims, a, hmlc_dim_constant(dims, factor));
}

/*
 * For each dim that may be resized a table of indices and weights, room to weigh, and a row of what
 * lies behind it; four rows of the result's last dim; rows of the operand and of the result:
 * backends/portable/resize.c takes them so. Numbers count as 8 bytes.
 */
hmlc_dim hmlc_portable_resize_scratch(hmlc_dims *dims, const hmlc_op *op)
{
    hmlc_sampling sampling = hmlc_resize_sampling(op);
    const hmlc_type *x = hmlc_op_operand(op, 0)->type, *result = op->results[0]->type;
    bool nearest = sampling.mode == HMLC_RESIZE_NEAREST;
    hmlc_dim numbers = hmlc_dim_constant(dims, 0), span = hmlc_dim_constant(dims, 1);
    for (int32_t d = x->rank - 1; d >= 0; d--) {
        hmlc_dim in = x->dims[d], out = result->dims[d];
        if (d == x->rank - 1 && !nearest) {
            numbers = times(dims, out, 4);
        }
        if (!stays(dims, op, d)) {
            hmlc_dim entries = times(dims, out, hmlc_sampling_room_out(&sampling));
            entries =
                hmlc_dim_add(dims, times(dims, in, hmlc_sampling_room_in(&sampling)), entries);
            hmlc_dim rows = hmlc_dim_add(dims, in, out);
            rows = hmlc_dim_add(dims, times(dims, span, 3), rows);
            rows = hmlc_dim_add(dims, rows, times(dims, entries, 3));
            numbers = hmlc_dim_add(dims, numbers, nearest ? entries : rows);
        }
        span = hmlc_dim_multiply(dims, span, in);
    }
    return times(dims, numbers, 8);
}

/* A heap of all boxes, and those of a class that stay. */
hmlc_dim hmlc_portable_suppression_scratch(hmlc_dims *dims, const hmlc_op *op)
{
    return times(dims, hmlc_op_operand(op, 1)->type->dims[2], 2 * (int64_t)sizeof(int64_t));
}

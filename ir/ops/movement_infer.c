/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of movement ops: concat, pad, tile. */
#include <stdio.h>

#include "infer_tools.h"

/* Joins operand `index` to the dims so far. */
static void concat_operand(hmlc_infer *context, uint32_t index, const hmlc_type *first,
                           const hmlc_type *type, int32_t axis, hmlc_dim *dims, hmlc_status *status)
{
    hmlc_infer_same_dtype(context, index, first, type, status);
    if (type->rank != first->rank) {
        hmlc_infer_fail(context, status, "operand %u has rank %d; expected %d as operand 0 has",
                        index, type->rank, first->rank);
        return;
    }
    for (int32_t i = 0; i < first->rank; ++i) {
        if (i == axis) {
            dims[i] = hmlc_dim_add(context->module->dims, dims[i], type->dims[i]);
        } else {
            char what[48];
            snprintf(what, sizeof what, "dim %d of operand %u", i, index);
            dims[i] = hmlc_infer_unify(context, dims[i], type->dims[i], what, status);
        }
    }
}

hmlc_status hmlc_infer_concat(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *first = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    if (first == NULL) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, first->rank, &status);
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < first->rank; ++i) {
        dims[i] = first->dims[i];
    }
    for (uint32_t i = 1; i < context->op->operand_count; ++i) {
        const hmlc_type *type = hmlc_infer_operand(context, i, HMLC_ACCEPT_BYTES, &status);
        if (type != NULL) {
            concat_operand(context, i, first, type, axis, dims, &status);
        }
    }
    hmlc_infer_result(context, 0, first->dtype, first->rank, dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, context->op->operand_count);
}

/* What cropping leaves is no less than nothing, and something where the mode continues it. */
static void check_cropped(const hmlc_infer *context, int32_t index, hmlc_dim dim, hmlc_dim begin,
                          hmlc_dim end, hmlc_dim result, hmlc_status *status)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim zero = hmlc_infer_number(context, 0), least = zero;
    hmlc_dim cropped = hmlc_dim_minimum(dims, end, zero);
    cropped = hmlc_dim_add(dims, hmlc_dim_minimum(dims, begin, zero), cropped);
    cropped = hmlc_dim_add(dims, dim, cropped);
    bool unpadded = hmlc_dim_is(begin, 0) && hmlc_dim_is(end, 0);
    if (hmlc_op_int(context->op, HMLC_ATTR_pad_mode) != HMLC_PAD_CONSTANT && !unpadded) {
        hmlc_dim one = hmlc_infer_number(context, 1);
        least = hmlc_dim_select(dims, hmlc_dim_equal(dims, result, zero), zero, one);
    }
    if (cropped->maximum < least->minimum) {
        hmlc_infer_fail(context, status, "dim %d of size %s: nothing is left to be padded", index,
                        hmlc_infer_dim_text(context, dim));
        return;
    }
    hmlc_infer_at_most(context, least, cropped, "elements to be padded", status);
}

hmlc_status hmlc_infer_pad(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *fill = hmlc_infer_optional(context, 1, HMLC_ACCEPT_BYTES, &status);
    hmlc_infer_same_dtype(context, 1, x, fill, &status);
    if (fill != NULL && !hmlc_dim_is(hmlc_type_count(context->module->dims, fill), 1)) {
        hmlc_infer_fail(context, &status, "the fill value has rank %d; expected one element",
                        fill->rank);
    }
    const hmlc_attr *pads =
        x == NULL ? NULL : hmlc_infer_list(context, HMLC_ATTR_pads, 2 * (int64_t)x->rank, &status);
    if (pads == NULL) {
        return status;
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->rank; ++i) {
        hmlc_dim begin = pads->as.dims[i], end = pads->as.dims[x->rank + i];
        dims[i] = hmlc_dim_add(context->module->dims, x->dims[i],
                               hmlc_dim_add(context->module->dims, begin, end));
        check_cropped(context, i, x->dims[i], begin, end, dims[i], &status);
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, dims, &status);
    return status;
}

hmlc_status hmlc_infer_tile(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_attr *shape =
        x == NULL ? NULL : hmlc_infer_list(context, HMLC_ATTR_shape, x->rank, &status);
    if (shape == NULL) {
        return status;
    }
    for (int32_t i = 0; i < x->rank; ++i) {
        int64_t from, to;
        bool both =
            hmlc_dim_is_constant(x->dims[i], &from) && hmlc_dim_is_constant(shape->as.dims[i], &to);
        if (both && (from == 0 ? to != 0 : to % from != 0)) {
            hmlc_infer_fail(context, &status, "dim %d: %lld is not a multiple of %lld", i,
                            (long long)to, (long long)from);
        }
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, shape->as.dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

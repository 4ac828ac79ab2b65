/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of view ops: reshape, transpose, expand, slice. */
#include "infer_tools.h"

hmlc_status hmlc_infer_reshape(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, -1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_infer_result(context, 0, x->dtype, (int32_t)shape->count, shape->as.dims, &status);
    HMLC_TRY(status);
    hmlc_dims *dims = context->module->dims;
    hmlc_dim from = hmlc_type_count(dims, x), to = hmlc_type_count(dims, context->types[0]);
    if (hmlc_dim_known_unequal(dims, from, to)) {
        hmlc_infer_fail(
            context, &status, "shape %s does not hold the elements of shape %s",
            hmlc_infer_shape_text(context, context->types[0]->rank, context->types[0]->dims),
            hmlc_infer_shape_text(context, x->rank, x->dims));
        return status;
    }
    hmlc_infer_unify(context, from, to, "number of elements", &status);
    context->elements[0] = hmlc_known_operand(context, 0);
    return status;
}

hmlc_status hmlc_infer_transpose(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_attr *permutation =
        x == NULL ? NULL : hmlc_infer_list(context, HMLC_ATTR_permutation, x->rank, &status);
    if (permutation == NULL) {
        return status;
    }
    bool seen[HMLC_MAX_RANK] = {false};
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->rank; ++i) {
        int64_t from = permutation->as.integers[i];
        if (from < 0 || from >= x->rank || seen[from]) {
            hmlc_infer_fail(context, &status,
                            "entry %d of the permutation is %lld; expected each of 0 to %d once", i,
                            (long long)from, x->rank - 1);
            return status;
        }
        seen[from] = true;
        dims[i] = x->dims[from];
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

hmlc_status hmlc_infer_expand(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, -1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_infer_expands_to(context, x, (int32_t)shape->count, shape->as.dims, &status);
    hmlc_infer_result(context, 0, x->dtype, (int32_t)shape->count, shape->as.dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

/* Reports a slice that provably leaves dim `index`. Empty slices are always in range. */
static void check_slice(const hmlc_infer *context, int32_t index, hmlc_dim dim, hmlc_dim start,
                        hmlc_dim size, hmlc_dim step, hmlc_status *status)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim zero = hmlc_infer_number(context, 0);
    if (hmlc_dim_is(step, 0)) {
        hmlc_infer_fail(context, status, "the step of dim %d is 0", index);
        return;
    }
    if (size->minimum < 1) {
        return;
    }
    hmlc_dim travel = hmlc_dim_multiply(dims, step, hmlc_infer_plus(context, size, -1));
    hmlc_dim last = hmlc_dim_add(dims, start, travel);
    bool outside = start->maximum < 0 || last->maximum < 0 ||
                   hmlc_dim_known_at_most(dims, dim, start) ||
                   hmlc_dim_known_at_most(dims, dim, last);
    if (outside && !hmlc_dim_known_equal(dims, size, zero)) {
        hmlc_infer_fail(context, status,
                        "dim %d: start %s, size %s, step %s leave the operand's %s elements", index,
                        hmlc_infer_dim_text(context, start), hmlc_infer_dim_text(context, size),
                        hmlc_infer_dim_text(context, step), hmlc_infer_dim_text(context, dim));
    }
}

hmlc_status hmlc_infer_slice(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    if (x == NULL) {
        return status;
    }
    const hmlc_attr *starts = hmlc_infer_list(context, HMLC_ATTR_starts, x->rank, &status);
    const hmlc_attr *sizes = hmlc_infer_list(context, HMLC_ATTR_sizes, x->rank, &status);
    const hmlc_attr *steps = hmlc_infer_list(context, HMLC_ATTR_steps, x->rank, &status);
    if (status != HMLC_OK) {
        return status;
    }
    for (int32_t i = 0; i < x->rank; ++i) {
        check_slice(context, i, x->dims[i], starts->as.dims[i], sizes->as.dims[i],
                    steps->as.dims[i], &status);
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, sizes->as.dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of indexed ops: gather and its kin, one_hot, trilu. */
#include <stdio.h>

#include "infer_tools.h"

/* Constant indices outside [-size, size) fail every run. */
static void check_known_indices(const hmlc_infer *context, hmlc_dim size, hmlc_status *status)
{
    const hmlc_type *indices = hmlc_op_operand(context->op, 1)->type;
    const hmlc_dim *known = hmlc_known_operand(context, 1);
    int64_t count = known == NULL ? 0 : hmlc_known_count(indices), limit;
    for (int64_t i = 0; i < count && hmlc_dim_is_constant(size, &limit); ++i) {
        int64_t index;
        if (hmlc_dim_is_constant(known[i], &index) && (index < -limit || index >= limit)) {
            hmlc_infer_fail(context, status, "index %lld is out of range for a dim of size %lld",
                            (long long)index, (long long)limit);
            return;
        }
    }
}

hmlc_status hmlc_infer_gather(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *indices = hmlc_infer_operand(context, 1, HMLC_ACCEPT_INTEGER, &status);
    if (x == NULL || indices == NULL) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, x->rank, &status);
    if (status != HMLC_OK) {
        return status;
    }
    check_known_indices(context, x->dims[axis], &status);
    hmlc_dim dims[2 * HMLC_MAX_RANK];
    int32_t rank = 0;
    for (int32_t i = 0; i < x->rank; ++i) {
        if (i != axis) {
            dims[rank++] = x->dims[i];
            continue;
        }
        for (int32_t k = 0; k < indices->rank; ++k) {
            dims[rank++] = indices->dims[k];
        }
    }
    hmlc_infer_result(context, 0, x->dtype, rank, dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

/* Dims of indices beside the axis may be smaller than the data's, never larger. */
static void check_elementwise_indices(const hmlc_infer *context, const hmlc_type *x,
                                      const hmlc_type *indices, int32_t axis, hmlc_status *status)
{
    if (x->rank != indices->rank) {
        hmlc_infer_fail(context, status, "the indices have rank %d; expected %d as the data has",
                        indices->rank, x->rank);
        return;
    }
    for (int32_t i = 0; i < x->rank; ++i) {
        if (i != axis) {
            char what[48];
            snprintf(what, sizeof what, "dim %d of the indices", i);
            hmlc_infer_at_most(context, indices->dims[i], x->dims[i], what, status);
        }
    }
}

hmlc_status hmlc_infer_gather_elements(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *indices = hmlc_infer_operand(context, 1, HMLC_ACCEPT_INTEGER, &status);
    if (x == NULL || indices == NULL) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, x->rank, &status);
    check_elementwise_indices(context, x, indices, axis, &status);
    if (status != HMLC_OK) {
        return status;
    }
    check_known_indices(context, x->dims[axis], &status);
    hmlc_infer_result(context, 0, x->dtype, indices->rank, indices->dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

/* How many dims of x one row of indices names; 0 and a diagnostic where that is not static. */
static int32_t index_depth(const hmlc_infer *context, const hmlc_type *x, const hmlc_type *indices,
                           int32_t batch, hmlc_status *status)
{
    int64_t depth;
    if (indices->rank < 1) {
        hmlc_infer_fail(context, status, "the indices are a scalar; expected rank 1 or more");
        return 0;
    }
    if (!hmlc_dim_is_constant(indices->dims[indices->rank - 1], &depth)) {
        hmlc_infer_refuse(context, status, "give the dim a value with --dim NAME=SIZE",
                          "the last dim of the indices is %s; expected a "
                          "constant",
                          hmlc_infer_dim_text(context, indices->dims[indices->rank - 1]));
        return 0;
    }
    if (depth < 0 || depth > x->rank - batch) {
        hmlc_infer_fail(context, status,
                        "the last dim of the indices is %lld; expected at most %d for data of rank "
                        "%d",
                        (long long)depth, x->rank - batch, x->rank);
        return 0;
    }
    return (int32_t)depth;
}

hmlc_status hmlc_infer_gather_nd(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *indices = hmlc_infer_operand(context, 1, HMLC_ACCEPT_INTEGER, &status);
    if (x == NULL || indices == NULL) {
        return status;
    }
    int64_t batch = hmlc_op_int(context->op, HMLC_ATTR_batch_dims);
    if (batch < 0 || batch > x->rank || batch >= indices->rank) {
        hmlc_infer_fail(context, &status, "batch_dims is %lld; the operands have ranks %d and %d",
                        (long long)batch, x->rank, indices->rank);
        return status;
    }
    int32_t depth = index_depth(context, x, indices, (int32_t)batch, &status);
    hmlc_dim dims[2 * HMLC_MAX_RANK];
    int32_t rank = 0;
    for (int32_t i = 0; i < indices->rank - 1; ++i) {
        dims[rank++] = i < batch ? hmlc_infer_unify(context, x->dims[i], indices->dims[i],
                                                    "batch dim", &status)
                                 : indices->dims[i];
    }
    for (int32_t i = (int32_t)batch + depth; i < x->rank; ++i) {
        dims[rank++] = x->dims[i];
    }
    hmlc_infer_result(context, 0, x->dtype, rank, dims, &status);
    HMLC_TRY(status);
    return hmlc_known_moved(context, 1);
}

/* Element types of data and updates, by what the reduction computes. */
static unsigned scatter_accepts(const hmlc_infer *context)
{
    return hmlc_op_int(context->op, HMLC_ATTR_reduction) == HMLC_REDUCTION_NONE
               ? HMLC_ACCEPT_BYTES
               : HMLC_ACCEPT_COMPUTED;
}

hmlc_status hmlc_infer_scatter_elements(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    unsigned accepted = scatter_accepts(context);
    const hmlc_type *x = hmlc_infer_operand(context, 0, accepted, &status);
    const hmlc_type *indices = hmlc_infer_operand(context, 1, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_type *updates = hmlc_infer_operand(context, 2, accepted, &status);
    hmlc_infer_same_dtype(context, 2, x, updates, &status);
    if (x == NULL || indices == NULL || updates == NULL) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, x->rank, &status);
    check_elementwise_indices(context, x, indices, axis, &status);
    hmlc_infer_shape(context, 2, updates, indices->rank, indices->dims, &status);
    if (status == HMLC_OK) {
        check_known_indices(context, x->dims[axis], &status);
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

hmlc_status hmlc_infer_scatter_nd(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    unsigned accepted = scatter_accepts(context);
    const hmlc_type *x = hmlc_infer_operand(context, 0, accepted, &status);
    const hmlc_type *indices = hmlc_infer_operand(context, 1, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_type *updates = hmlc_infer_operand(context, 2, accepted, &status);
    hmlc_infer_same_dtype(context, 2, x, updates, &status);
    if (x == NULL || indices == NULL || updates == NULL) {
        return status;
    }
    int32_t depth = index_depth(context, x, indices, 0, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_dim dims[2 * HMLC_MAX_RANK];
    int32_t rank = 0;
    for (int32_t i = 0; i < indices->rank - 1; ++i) {
        dims[rank++] = indices->dims[i];
    }
    for (int32_t i = depth; i < x->rank; ++i) {
        dims[rank++] = x->dims[i];
    }
    hmlc_infer_shape(context, 2, updates, rank, dims, &status);
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

hmlc_status hmlc_infer_one_hot(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *indices = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    const hmlc_type *values = hmlc_infer_operand(context, 1, HMLC_ACCEPT_BYTES, &status);
    const hmlc_attr *depth = hmlc_infer_list(context, HMLC_ATTR_depth, 1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_dim two = hmlc_infer_number(context, 2);
    hmlc_infer_shape(context, 1, values, 1, &two, &status);
    int32_t axis = hmlc_infer_axis(context, indices->rank + 1, &status);
    hmlc_dim dims[HMLC_MAX_RANK + 1];
    for (int32_t i = 0, from = 0; i <= indices->rank; ++i) {
        dims[i] = i == axis ? depth->as.dims[0] : indices->dims[from++];
    }
    hmlc_infer_result(context, 0, values->dtype, indices->rank + 1, dims, &status);
    return status;
}

hmlc_status hmlc_infer_trilu(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *k = hmlc_infer_optional(context, 1, HMLC_ACCEPT_INTEGER, &status);
    hmlc_infer_rank(context, 0, x, 2, HMLC_MAX_RANK, &status);
    if (k != NULL && !hmlc_dim_is(hmlc_type_count(context->module->dims, k), 1)) {
        hmlc_infer_fail(context, &status, "operand 1 has rank %d; expected one element", k->rank);
    }
    if (x != NULL) {
        hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    }
    return status;
}

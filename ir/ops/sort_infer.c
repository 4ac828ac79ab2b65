/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of top_k, cumsum, cumprod, nonzero_count and nonzero. */
#include "infer_tools.h"

hmlc_status hmlc_infer_top_k(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    const hmlc_attr *count = hmlc_infer_list(context, HMLC_ATTR_count, 1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, x->rank, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_dim wanted = count->as.dims[0];
    hmlc_infer_at_most(context, wanted, x->dims[axis], "elements wanted of the dim", &status);
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->rank; ++i) {
        dims[i] = i == axis ? wanted : x->dims[i];
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, dims, &status);
    hmlc_infer_result(context, 1, HMLC_DTYPE_i64, x->rank, dims, &status);
    return status;
}

hmlc_status hmlc_infer_cumsum(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    if (x == NULL) {
        return status;
    }
    hmlc_infer_axis(context, x->rank, &status);
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

hmlc_status hmlc_infer_nonzero_count(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    hmlc_infer_operand(context, 0, HMLC_ACCEPT_COMPUTED, &status);
    hmlc_dim one = hmlc_infer_number(context, 1);
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, 1, &one, &status);
    return status;
}

hmlc_status hmlc_infer_nonzero(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_COMPUTED, &status);
    const hmlc_attr *count = hmlc_infer_list(context, HMLC_ATTR_count, 1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_dim dims[2] = {hmlc_infer_number(context, x->rank), count->as.dims[0]};
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, 2, dims, &status);
    return status;
}

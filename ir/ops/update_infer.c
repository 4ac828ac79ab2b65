/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of update_rows. */
#include "infer_tools.h"

/* x, rows of x's dims but the first, start: one integer. */
hmlc_status hmlc_infer_update_rows(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *rows = hmlc_infer_operand(context, 1, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *start = hmlc_infer_operand(context, 2, HMLC_ACCEPT_INTEGER, &status);
    hmlc_infer_rank(context, 0, x, 1, HMLC_MAX_RANK, &status);
    hmlc_infer_rank(context, 2, start, 0, 0, &status);
    hmlc_infer_same_dtype(context, 1, x, rows, &status);
    if (x == NULL || rows == NULL || status != HMLC_OK) {
        return status;
    }
    hmlc_infer_rank(context, 1, rows, x->rank, x->rank, &status);
    HMLC_TRY(status);
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->rank; ++i) {
        shape[i] = i == 0 ? rows->dims[0] : x->dims[i];
    }
    hmlc_infer_shape(context, 1, rows, x->rank, shape, &status);
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of max_pool and avg_pool. */
#include "window_infer.h"

hmlc_status hmlc_infer_pool(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    bool average = context->op->opcode == HMLC_OP_avg_pool;
    const hmlc_type *x =
        hmlc_infer_operand(context, 0, average ? HMLC_ACCEPT_FLOAT : HMLC_ACCEPT_NUMERIC, &status);
    hmlc_window_shape window;
    if (x == NULL) {
        return status;
    }
    hmlc_window_read(context, x, &window, &status);
    const hmlc_attr *size =
        status == HMLC_OK ? hmlc_infer_list(context, HMLC_ATTR_window, window.spatial, &status)
                          : NULL;
    if (size == NULL) {
        return status;
    }
    if (average && hmlc_op_attr(context->op, HMLC_ATTR_output_padding) != NULL) {
        hmlc_infer_list(context, HMLC_ATTR_output_padding, window.spatial, &status);
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    dims[0] = x->dims[0];
    dims[window.channel] = x->dims[window.channel];
    for (int32_t i = 0; i < window.spatial; ++i) {
        if (size->as.integers[i] < 1) {
            hmlc_infer_fail(context, &status, "window has an entry %lld; expected 1 or more",
                            (long long)size->as.integers[i]);
        }
        int32_t axis = window.first_spatial + i;
        dims[axis] =
            hmlc_window_positions(context, &window, i, x->dims[axis],
                                  hmlc_infer_number(context, size->as.integers[i]), &status);
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, dims, &status);
    /* Channels-first max_pool has the indices as second result, used or not; what exists stays. */
    bool indices = !average && window.first_spatial == 2;
    context->result_count =
        context->op->results != NULL ? context->op->result_count : 1 + (uint32_t)indices;
    if (context->result_count > 1) {
        hmlc_infer_result(context, 1, HMLC_DTYPE_i64, x->rank, dims, &status);
    }
    return status;
}

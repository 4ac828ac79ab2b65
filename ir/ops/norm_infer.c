/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of layer_norm, rms_norm and batch_norm. */
#include "infer_tools.h"

hmlc_status hmlc_infer_norm(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    if (x == NULL) {
        return status;
    }
    bool reduced[HMLC_MAX_RANK];
    hmlc_infer_axes(context, x->rank, reduced, &status);
    for (uint32_t i = 1; i < context->op->operand_count; ++i) {
        const hmlc_type *parameter = hmlc_infer_optional(context, i, HMLC_ACCEPT_FLOAT, &status);
        if (parameter != NULL) {
            hmlc_infer_same_dtype(context, i, x, parameter, &status);
            hmlc_infer_expands_to(context, parameter, x->rank, x->dims, &status);
        }
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

hmlc_status hmlc_infer_batch_norm(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    hmlc_infer_rank(context, 0, x, 2, HMLC_MAX_RANK, &status);
    if (x == NULL || status != HMLC_OK) {
        return status;
    }
    bool last = hmlc_op_int(context->op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    hmlc_dim channels = x->dims[last ? x->rank - 1 : 1];
    for (uint32_t i = 1; i < 5; ++i) {
        const hmlc_type *parameter = hmlc_infer_operand(context, i, HMLC_ACCEPT_FLOAT, &status);
        hmlc_infer_shape(context, i, parameter, 1, &channels, &status);
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

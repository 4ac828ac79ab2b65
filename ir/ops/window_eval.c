/* SPDX-License-Identifier: Apache-2.0 */
/* Geometry of windows over up to three spatial dims. */
#include "window_eval.h"
#include "eval_tools.h"

void hmlc_spatial_read(const hmlc_eval *context, const hmlc_tensor *tensor, hmlc_spatial *spatial)
{
    bool last = hmlc_op_int(context->op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int32_t count = tensor->rank - 2, first = last ? 1 : 2, channel = last ? tensor->rank - 1 : 1;
    int64_t strides[HMLC_MAX_RANK];
    hmlc_eval_strides(tensor->rank, tensor->dims, strides);
    *spatial = (hmlc_spatial){.batch = tensor->dims[0],
                              .channels = tensor->dims[channel],
                              .size = {1, 1, 1},
                              .batch_stride = strides[0],
                              .channel_stride = strides[channel]};
    for (int32_t i = 0; i < count; ++i) {
        spatial->size[3 - count + i] = tensor->dims[first + i];
        spatial->stride[3 - count + i] = strides[first + i];
    }
}

hmlc_status hmlc_window_geometry_read(const hmlc_eval *context, hmlc_window_geometry *geometry)
{
    hmlc_spatial_read(context, context->operands[0], &geometry->in);
    hmlc_spatial_read(context, &context->results[0], &geometry->out);
    int32_t count = context->operands[0]->rank - 2;
    const int64_t *strides = hmlc_eval_ints(context, HMLC_ATTR_strides);
    const int64_t *dilations = hmlc_eval_ints(context, HMLC_ATTR_dilations);
    int64_t pads[6];
    HMLC_TRY(hmlc_eval_dims(context, HMLC_ATTR_pads, 2 * (uint32_t)count, pads));
    for (int32_t i = 0; i < 3; ++i) {
        int32_t from = i - (3 - count);
        geometry->step[i] = from >= 0 ? strides[from] : 1;
        geometry->dilation[i] = from >= 0 ? dilations[from] : 1;
        geometry->begin[i] = from >= 0 ? pads[from] : 0;
        geometry->end[i] = from >= 0 ? pads[count + from] : 0;
    }
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* roi_align: boxes of images, each as a few averages. A unit is a row of bins. */
#include "portable_regions.h"

int32_t hml_portable_roi_align(const portable_call *call);

/* tensors: x, boxes, images, result; attributes: 2, rows, columns, spatial_scale, sampling_ratio,
 * half_pixel, take_max. */
int32_t hml_portable_roi_align(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *boxes = &call->tensors[1];
    const portable_tensor *images = &call->tensors[2], *result = &call->tensors[3];
    hmlc_roi_rule rule = {.half_pixel = call->attributes[5],
                          .maximum = call->attributes[6],
                          .sampling_ratio = call->attributes[4],
                          .scale = portable_double(call->attributes[3]),
                          .height = x->dims[2],
                          .width = x->dims[3],
                          .rows = result->dims[2],
                          .columns = result->dims[3]};
    hmlc_region_reader *read = portable_reader(x);
    int64_t channels = x->dims[1];
    for (int64_t unit = call->begin; unit < call->end; unit++) {
        int64_t row = unit % rule.rows, channel = unit / rule.rows % channels;
        int64_t box = unit / rule.rows / channels, image = portable_integer(images, box);
        if (image < 0 || image >= x->dims[0]) {
            call->detail[0] = image;
            call->detail[1] = x->dims[0];
            return HML_KERNEL_INDEX;
        }
        double ends[4];
        for (int64_t k = 0; k < 4; k++) {
            ends[k] = read(boxes->data, 4 * box + k);
        }
        int64_t first = (image * channels + channel) * rule.height * rule.width;
        for (int64_t column = 0; column < rule.columns; column++) {
            double value = hmlc_roi_align(&rule, read, x->data, first, ends, row, column);
            portable_store(result, unit * rule.columns + column, value);
        }
    }
    return HML_KERNEL_OK;
}

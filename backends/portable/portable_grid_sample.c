/* SPDX-License-Identifier: Apache-2.0 */
/* grid_sample: an image read at places that a grid names. A unit is a row of the result. */
#include "portable_regions.h"

int32_t hml_portable_grid_sample(const portable_call *call);

/* tensors: x, grid, result; attributes: resize_mode, border, align_corners. */
int32_t hml_portable_grid_sample(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *places = &call->tensors[1];
    const portable_tensor *result = &call->tensors[2];
    hmlc_grid grid = {.mode = call->attributes[0],
                      .border = call->attributes[1],
                      .align_corners = call->attributes[2],
                      .single = x->dtype != HML_F64,
                      .rank = x->rank - 2};
    int64_t pixels = 1, rows = 1, width = result->dims[result->rank - 1];
    for (int64_t d = 0; d < grid.rank; d++) {
        grid.dims[d] = x->dims[d + 2];
        pixels *= grid.dims[d];
        rows *= d < grid.rank - 1 ? result->dims[d + 2] : 1;
    }
    hmlc_region_reader *read = portable_reader(x);
    for (int64_t row = call->begin; row < call->end; row++) {
        int64_t plane = row / rows, batch = plane / x->dims[1];
        int64_t point = (batch * rows + row % rows) * width;
        for (int64_t i = 0; i < width; i++) {
            double place[HMLC_REGION_MOST_DIMS];
            for (int64_t d = 0; d < grid.rank; d++) {
                place[d] = read(places->data, (point + i) * grid.rank + d);
            }
            double value =
                pixels > 0 ? hmlc_grid_sample(&grid, read, x->data, plane * pixels, place) : 0;
            portable_store(result, row * width + i, value);
        }
    }
    return HML_KERNEL_OK;
}

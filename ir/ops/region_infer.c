/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of grid_sample, roi_align and non_max_suppression. */
#include <hmlc/region_rules.h>

#include "infer_tools.h"

hmlc_status hmlc_infer_grid_sample(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    const hmlc_type *grid = hmlc_infer_operand(context, 1, HMLC_ACCEPT_FLOAT, &status);
    hmlc_infer_rank(context, 0, x, 3, HMLC_MAX_RANK, &status);
    hmlc_infer_same_dtype(context, 1, x, grid, &status);
    if (x == NULL || grid == NULL || status != HMLC_OK) {
        return status;
    }
    hmlc_infer_rank(context, 1, grid, x->rank, x->rank, &status);
    HMLC_TRY(status);
    int32_t last = x->rank - 1;
    hmlc_infer_unify(context, x->dims[0], grid->dims[0], "the batch", &status);
    hmlc_infer_unify(context, hmlc_infer_number(context, x->rank - 2), grid->dims[last],
                     "the last dim of the grid", &status);
    hmlc_dim dims[HMLC_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (int32_t i = 2; i <= last; ++i) {
        dims[i] = grid->dims[i - 1];
    }
    hmlc_infer_result(context, 0, x->dtype, x->rank, dims, &status);
    return status;
}

hmlc_status hmlc_infer_roi_align(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    const hmlc_type *boxes = hmlc_infer_operand(context, 1, HMLC_ACCEPT_FLOAT, &status);
    const hmlc_type *images = hmlc_infer_operand(context, 2, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_attr *window = hmlc_infer_list(context, HMLC_ATTR_window, 2, &status);
    hmlc_infer_rank(context, 0, x, 4, 4, &status);
    hmlc_infer_rank(context, 1, boxes, 2, 2, &status);
    hmlc_infer_same_dtype(context, 1, x, boxes, &status);
    HMLC_TRY(status);
    hmlc_dim shape[] = {boxes->dims[0], hmlc_infer_number(context, 4)};
    hmlc_infer_shape(context, 1, boxes, 2, shape, &status);
    hmlc_infer_shape(context, 2, images, 1, shape, &status);
    if (window->as.integers[0] < 1 || window->as.integers[1] < 1) {
        hmlc_infer_fail(context, &status, "a window of %lld x %lld",
                        (long long)window->as.integers[0], (long long)window->as.integers[1]);
        return status;
    }
    hmlc_dim dims[] = {boxes->dims[0], x->dims[1],
                       hmlc_infer_number(context, window->as.integers[0]),
                       hmlc_infer_number(context, window->as.integers[1])};
    hmlc_infer_result(context, 0, x->dtype, 4, dims, &status);
    return status;
}

hmlc_status hmlc_infer_non_max_suppression(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    hmlc_dims *dims = context->module->dims;
    const hmlc_type *boxes = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    const hmlc_type *scores = hmlc_infer_operand(context, 1, HMLC_ACCEPT_FLOAT, &status);
    const hmlc_attr *count = hmlc_infer_list(context, HMLC_ATTR_count, 1, &status);
    hmlc_infer_rank(context, 0, boxes, 3, 3, &status);
    hmlc_infer_rank(context, 1, scores, 3, 3, &status);
    hmlc_infer_same_dtype(context, 1, boxes, scores, &status);
    for (uint32_t i = 2; i < 4; ++i) {
        const hmlc_type *limit = hmlc_infer_optional(context, i, HMLC_ACCEPT_FLOAT, &status);
        hmlc_infer_same_dtype(context, i, boxes, limit, &status);
        hmlc_infer_rank(context, i, limit, 0, 0, &status);
    }
    HMLC_TRY(status);
    hmlc_dim shape[] = {scores->dims[0], scores->dims[2], hmlc_infer_number(context, 4)};
    hmlc_infer_shape(context, 0, boxes, 3, shape, &status);
    hmlc_dim most = hmlc_dim_minimum(dims, count->as.dims[0], scores->dims[2]);
    most = hmlc_dim_maximum(dims, most, hmlc_infer_number(context, 0));
    hmlc_dim classes = hmlc_dim_multiply(dims, scores->dims[0], scores->dims[1]);
    hmlc_dim rows[] = {hmlc_dim_multiply(dims, classes, most), hmlc_infer_number(context, 3)};
    hmlc_dim one = hmlc_infer_number(context, 1);
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, 2, rows, &status);
    hmlc_infer_result(context, 1, HMLC_DTYPE_i64, 1, &one, &status);
    return status;
}

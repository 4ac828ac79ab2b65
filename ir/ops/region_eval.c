/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of grid_sample, roi_align and non_max_suppression: region_rules.h over doubles. */
#include <hmlc/region_rules.h>

#include "eval_tools.h"

static double read_double(const void *data, int64_t index)
{
    return ((const double *)data)[index];
}

hmlc_status hmlc_eval_grid_sample(hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    const hmlc_tensor *x = context->operands[0], *y = &context->results[0];
    hmlc_grid grid = {.mode = hmlc_op_int(op, HMLC_ATTR_resize_mode),
                      .border = hmlc_op_int(op, HMLC_ATTR_border),
                      .align_corners = hmlc_op_int(op, HMLC_ATTR_align_corners),
                      .single = x->dtype != HMLC_DTYPE_f64,
                      .rank = x->rank - 2};
    for (int64_t d = 0; d < grid.rank; ++d) {
        grid.dims[d] = x->dims[d + 2];
    }
    const double *image = hmlc_eval_doubles(context, x);
    const double *places = hmlc_eval_doubles(context, context->operands[1]);
    double *result = hmlc_eval_new_doubles(context, hmlc_tensor_count(y));
    HMLC_TRY_MEMORY(image);
    HMLC_TRY_MEMORY(places);
    HMLC_TRY_MEMORY(result);
    int64_t pixels = hmlc_eval_product(x->dims, 2, x->rank);
    int64_t points = hmlc_eval_product(y->dims, 2, y->rank), count = hmlc_tensor_count(y);
    for (int64_t i = 0; i < count; ++i) {
        int64_t plane = i / points, batch = plane / y->dims[1];
        const double *place = places + (batch * points + i % points) * grid.rank;
        result[i] =
            pixels > 0 ? hmlc_grid_sample(&grid, read_double, image, plane * pixels, place) : 0;
    }
    hmlc_eval_store_doubles(&context->results[0], result);
    return HMLC_OK;
}

hmlc_status hmlc_eval_roi_align(hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    const hmlc_tensor *x = context->operands[0], *y = &context->results[0];
    hmlc_roi_rule rule = {.half_pixel = hmlc_op_int(op, HMLC_ATTR_half_pixel),
                          .maximum = hmlc_op_int(op, HMLC_ATTR_take_max),
                          .sampling_ratio = hmlc_op_int(op, HMLC_ATTR_sampling_ratio),
                          .scale = hmlc_op_float(op, HMLC_ATTR_spatial_scale),
                          .height = x->dims[2],
                          .width = x->dims[3],
                          .rows = y->dims[2],
                          .columns = y->dims[3]};
    const double *image = hmlc_eval_doubles(context, x);
    const double *boxes = hmlc_eval_doubles(context, context->operands[1]);
    double *result = hmlc_eval_new_doubles(context, hmlc_tensor_count(y));
    HMLC_TRY_MEMORY(image);
    HMLC_TRY_MEMORY(boxes);
    HMLC_TRY_MEMORY(result);
    int64_t bins = rule.rows * rule.columns, at = 0;
    for (int64_t box = 0; box < y->dims[0]; ++box) {
        int64_t batch = hmlc_tensor_get_int(context->operands[2], box);
        if (y->dims[1] > 0 && (batch < 0 || batch >= x->dims[0])) {
            return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                                  "image %lld of %lld is asked for", (long long)batch,
                                  (long long)x->dims[0]);
        }
        for (int64_t i = 0; i < y->dims[1] * bins; ++i) {
            int64_t plane = batch * y->dims[1] + i / bins, bin = i % bins;
            result[at++] =
                hmlc_roi_align(&rule, read_double, image, plane * rule.height * rule.width,
                               boxes + 4 * box, bin / rule.columns, bin % rule.columns);
        }
    }
    hmlc_eval_store_doubles(&context->results[0], result);
    return HMLC_OK;
}

static double limit_of(const hmlc_eval *context, uint32_t index)
{
    const hmlc_tensor *limit = hmlc_eval_operand(context, index);
    return limit != NULL ? hmlc_tensor_get_double(limit, 0) : 0;
}

hmlc_status hmlc_eval_non_max_suppression(hmlc_eval *context)
{
    const hmlc_tensor *scores = context->operands[1];
    int64_t classes = scores->dims[1], count = scores->dims[2], most, total = 0;
    HMLC_TRY(hmlc_eval_dims(context, HMLC_ATTR_count, 1, &most));
    most = most < count ? most : count;
    hmlc_suppression rule = {.read = read_double,
                             .count = count,
                             .most = most,
                             .overlap = limit_of(context, 2),
                             .score = limit_of(context, 3),
                             .has_score = hmlc_eval_operand(context, 3) != NULL};
    rule.boxes = (hmlc_boxes){read_double, hmlc_eval_doubles(context, context->operands[0]), 0,
                              hmlc_op_int(context->op, HMLC_ATTR_center_point_box)};
    rule.scores = hmlc_eval_doubles(context, scores);
    int64_t *heap = hmlc_eval_new_integers(context, 2 * count + 1);
    HMLC_TRY_MEMORY(rule.boxes.data);
    HMLC_TRY_MEMORY(rule.scores);
    HMLC_TRY_MEMORY(heap);
    int64_t *rows = hmlc_eval_data(&context->results[0]);
    for (int64_t k = 0; k < scores->dims[0] * classes; ++k) {
        rule.boxes.first = k / classes * count * 4;
        rule.first = k * count;
        int64_t *kept = heap + count, found = hmlc_suppress(&rule, heap, kept);
        for (int64_t i = 0; i < found; ++i, ++total) {
            rows[3 * total] = k / classes;
            rows[3 * total + 1] = k % classes;
            rows[3 * total + 2] = kept[i];
        }
    }
    *(int64_t *)hmlc_eval_data(&context->results[1]) = total;
    return HMLC_OK;
}

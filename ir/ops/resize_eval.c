/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluation of resize: each axis has a table of taps per result index (hmlc/sampling.h has the
 * formulas); axes are applied one after the other.
 */
#include <math.h>

#include "eval_tools.h"

/* The taps of one result index along an axis; `index` is clamped to the input. */
typedef struct axis_taps {
    int64_t count;
    int64_t *index;
    double *weight;
    bool outside; /* tf_crop_and_resize: beyond the input */
} axis_taps;

typedef struct axis_plan {
    hmlc_sampling sampling;
    hmlc_sampled_axis axis;
    bool identity;
    axis_taps *taps; /* per result index */
} axis_plan;

/* Weights of all elements in reach; antialias widens the reach where the axis shrinks. */
static hmlc_status weigh(const hmlc_eval *context, const axis_plan *plan, int64_t at,
                         axis_taps *taps)
{
    int64_t most = hmlc_sampling_taps(&plan->sampling, plan->axis.scale);
    if (most > INT32_MAX) {
        return hmlc_eval_fail(context, HMLC_ERROR_value_invalid, "a scale of %g is out of range",
                              plan->axis.scale);
    }
    taps->index = hmlc_eval_new_integers(context, most);
    taps->weight = hmlc_eval_new_doubles(context, most);
    HMLC_TRY_MEMORY(taps->index);
    HMLC_TRY_MEMORY(taps->weight);
    hmlc_sampling_weigh(&plan->sampling, &plan->axis, at, taps->index, taps->weight);
    taps->count = most;
    return HMLC_OK;
}

static hmlc_status plan_taps(const hmlc_eval *context, axis_plan *plan)
{
    bool nearest = plan->sampling.mode == HMLC_RESIZE_NEAREST;
    plan->taps = HMLC_NEW_ARRAY(context->arena, axis_taps, plan->axis.out);
    HMLC_TRY_MEMORY(plan->taps);
    for (int64_t i = 0; i < plan->axis.out; ++i) {
        axis_taps *taps = &plan->taps[i];
        taps->outside =
            !plan->identity && hmlc_sampling_is_outside(&plan->sampling, &plan->axis, i);
        if (!nearest) {
            HMLC_TRY(weigh(context, plan, i, taps));
            continue;
        }
        double x = hmlc_sampling_coordinate(&plan->sampling, &plan->axis, i);
        int64_t index = plan->identity ? i : hmlc_sampling_nearest(&plan->sampling, x);
        taps->count = 1;
        taps->index = hmlc_eval_new_integers(context, 1);
        HMLC_TRY_MEMORY(taps->index);
        taps->index[0] = hmlc_sampling_clamp(index, plan->axis.in);
    }
    return HMLC_OK;
}

/* A number from an operand or, where that is absent, an attribute. */
static double number_of(const hmlc_eval *context, uint32_t operand, hmlc_attr_name name,
                        int32_t index, double otherwise)
{
    const hmlc_tensor *tensor = hmlc_eval_operand(context, operand);
    const hmlc_attr *attr = hmlc_op_attr(context->op, name);
    if (tensor != NULL) {
        return hmlc_tensor_get_double(tensor, index);
    }
    return attr != NULL ? attr->as.reals[index] : otherwise;
}

static hmlc_status plan_axis(const hmlc_eval *context, int32_t index, axis_plan *plan)
{
    const hmlc_op *op = context->op;
    hmlc_sampled_axis *axis = &plan->axis;
    int32_t rank = context->results[0].rank;
    plan->sampling = hmlc_resize_sampling(op);
    axis->in = context->operands[0]->dims[index];
    axis->out = context->results[0].dims[index];
    if (axis->in == 0 && axis->out > 0) {
        return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch, "dim %d is empty and cannot grow",
                              index);
    }
    axis->begin = number_of(context, 2, HMLC_ATTR_region_of_interest, index, 0);
    axis->end = number_of(context, 2, HMLC_ATTR_region_of_interest, rank + index, 1);
    axis->scale = number_of(context, 1, HMLC_ATTR_scales, index, 0);
    axis->length = axis->scale * (double)axis->in;
    if (hmlc_eval_operand(context, 1) == NULL && hmlc_op_attr(op, HMLC_ATTR_scales) == NULL) {
        axis->length = (double)axis->out;
        axis->scale = axis->length / (double)axis->in;
    }
    if (!(axis->scale > 0)) {
        return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                              "scale %d is %g; expected a positive number", index, axis->scale);
    }
    plan->identity = hmlc_sampling_is_identity(&plan->sampling, axis);
    return plan_taps(context, plan);
}

/* One result index of an axis: the weighted sum of rows of `inner` elements. */
static void weigh_rows(const axis_taps *taps, const double *from, int64_t inner, double *row)
{
    for (int64_t t = 0; t < taps->count; ++t) {
        const double *source = from + taps->index[t] * inner;
        for (int64_t k = 0; k < inner; ++k) {
            row[k] += taps->weight[t] * source[k];
        }
    }
}

/* Resizes one axis of `from`, whose other dims are `dims`; dims[index] becomes the new size. */
static double *apply_axis(const hmlc_eval *context, const double *from, int32_t rank, int64_t *dims,
                          int32_t index, const axis_plan *axis)
{
    int64_t outer = hmlc_eval_product(dims, 0, index);
    int64_t inner = hmlc_eval_product(dims, index + 1, rank);
    double *to = hmlc_eval_new_doubles(context, outer * axis->axis.out * inner);
    dims[index] = axis->axis.out;
    for (int64_t o = 0; to != NULL && o < outer; ++o) {
        for (int64_t i = 0; i < axis->axis.out; ++i) {
            weigh_rows(&axis->taps[i], from + o * axis->axis.in * inner, inner,
                       to + (o * axis->axis.out + i) * inner);
        }
    }
    return to;
}

static double limit_to_type(const hmlc_sampling *sampling, hmlc_dtype dtype, double value)
{
    if (hmlc_dtype_is_float(dtype)) {
        return value;
    }
    int bits = (int)hmlc_dtype_bits(dtype);
    bool is_signed = hmlc_dtype_class_of(dtype) == HMLC_CLASS_INT;
    double most = ldexp(1, is_signed ? bits - 1 : bits) - 1;
    value = hmlc_sampling_whole(sampling, value);
    return fmax(is_signed ? -ldexp(1, bits - 1) : 0, fmin(most, value));
}

static hmlc_status resize_nearest(hmlc_eval *context, const axis_plan *axes)
{
    hmlc_tensor *result = &context->results[0];
    int64_t *maps[HMLC_MAX_RANK];
    char fill[16] = {0};
    hmlc_element_set_double(result->dtype, fill, 0,
                            hmlc_op_float(context->op, HMLC_ATTR_extrapolation));
    for (int32_t d = 0; d < result->rank; ++d) {
        maps[d] = hmlc_eval_new_integers(context, axes[d].axis.out);
        HMLC_TRY_MEMORY(maps[d]);
        for (int64_t i = 0; i < axes[d].axis.out && axes[d].taps != NULL; ++i) {
            maps[d][i] = axes[d].taps[i].outside ? -1 : axes[d].taps[i].index[0];
        }
    }
    hmlc_eval_copy_mapped(result, context->operands[0], (const int64_t *const *)maps, fill);
    return HMLC_OK;
}

/* Does any axis read beyond the input at the cursor's index? */
static bool is_outside(const axis_plan *axes, const hmlc_cursor *cursor)
{
    for (int32_t d = 0; d < cursor->rank; ++d) {
        if (axes[d].taps != NULL && axes[d].taps[cursor->index[d]].outside) {
            return true;
        }
    }
    return false;
}

static hmlc_status resize_weighted(hmlc_eval *context, const axis_plan *axes)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    int64_t dims[HMLC_MAX_RANK];
    double *values = hmlc_eval_doubles(context, x);
    for (int32_t d = 0; d < x->rank; ++d) {
        dims[d] = x->dims[d];
    }
    for (int32_t d = 0; d < x->rank && values != NULL; ++d) {
        if (!axes[d].identity) {
            values = apply_axis(context, values, x->rank, dims, d, &axes[d]);
        }
    }
    HMLC_TRY_MEMORY(values);
    int64_t count = hmlc_tensor_count(result);
    hmlc_cursor cursor = {.rank = result->rank, .dims = result->dims};
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        values[i] = is_outside(axes, &cursor)
                        ? hmlc_op_float(context->op, HMLC_ATTR_extrapolation)
                        : limit_to_type(&axes[0].sampling, result->dtype, values[i]);
    }
    hmlc_eval_store_doubles(result, values);
    return HMLC_OK;
}

hmlc_status hmlc_eval_resize(hmlc_eval *context)
{
    axis_plan axes[HMLC_MAX_RANK] = {0};
    if (hmlc_tensor_count(&context->results[0]) == 0) {
        return HMLC_OK;
    }
    for (int32_t d = 0; d < context->results[0].rank; ++d) {
        HMLC_TRY(plan_axis(context, d, &axes[d]));
    }
    bool nearest = hmlc_op_int(context->op, HMLC_ATTR_resize_mode) == HMLC_RESIZE_NEAREST;
    return nearest ? resize_nearest(context, axes) : resize_weighted(context, axes);
}

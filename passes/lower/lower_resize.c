/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of nearest resizes by whole factors: every element repeated is an expand between two
 * reshapes, every n-th element is a slice. Such views cost nothing but the copy, and fuse.
 */
#include "lower.h"

typedef struct axis_change {
    int64_t repeat;      /* times each element stands in the result */
    int64_t start, step; /* of the slice before it */
} axis_change;

enum { MOST_REPEATS = 16, SAMPLE = 32 };

static int64_t index_at(const hmlc_sampling *s, const hmlc_sampled_axis *axis, int64_t at)
{
    double x = hmlc_sampling_coordinate(s, axis, at);
    return hmlc_sampling_clamp(hmlc_sampling_nearest(s, x), axis->in);
}

/* Do the first `count` result indices come from start + i / repeat * step? */
static bool follows(const hmlc_sampling *s, const hmlc_sampled_axis *axis, int64_t count,
                    const axis_change *change)
{
    for (int64_t i = 0; i < count; i++) {
        if (index_at(s, axis, i) != change->start + i / change->repeat * change->step) {
            return false;
        }
    }
    return true;
}

/* Of known sizes. */
static bool find_static(const hmlc_sampling *s, const hmlc_sampled_axis *axis, axis_change *change)
{
    if (axis->in < 1 || axis->out < 1) {
        return false;
    }
    if (axis->out % axis->in == 0) {
        change->repeat = axis->out / axis->in;
        return follows(s, axis, axis->out, change);
    }
    change->start = index_at(s, axis, 0);
    change->step = axis->out > 1 ? index_at(s, axis, 1) - change->start : 1;
    return change->step > 0 && follows(s, axis, axis->out, change);
}

/* Of sizes known only at run time, one a multiple of the other; a sample stands for all where
 * coordinates do not depend on the size. */
static bool find_multiple(hmlc_dims *dims, const hmlc_sampling *s, hmlc_dim in, hmlc_dim out,
                          double scale, axis_change *change)
{
    if (s->coordinates == HMLC_COORDINATES_ALIGN_CORNERS) {
        return false;
    }
    for (int64_t k = 1; k <= MOST_REPEATS; k++) {
        hmlc_dim product = hmlc_dim_multiply(dims, in, hmlc_dim_constant(dims, k));
        if ((scale == 0 || scale == (double)k) && hmlc_dim_known_equal(dims, product, out)) {
            hmlc_sampled_axis axis = {SAMPLE, SAMPLE * k, (double)k, (double)(SAMPLE * k), 0, 1};
            change->repeat = k;
            return follows(s, &axis, SAMPLE * k, change);
        }
    }
    return false;
}

static bool find_change(hmlc_dims *dims, const hmlc_op *op, int32_t dim, axis_change *change)
{
    hmlc_sampling sampling = hmlc_resize_sampling(op);
    const hmlc_attr *scales = hmlc_op_attr(op, HMLC_ATTR_scales);
    hmlc_dim in = hmlc_op_operand(op, 0)->type->dims[dim], out = op->results[0]->type->dims[dim];
    double scale = scales != NULL ? scales->as.reals[dim] : 0;
    hmlc_sampled_axis axis = {.scale = scale, .end = 1};
    *change = (axis_change){1, 0, 1};
    if (hmlc_dim_known_equal(dims, in, out) && (scales == NULL || scale == 1)) {
        return true;
    }
    if (!hmlc_dim_is_constant(in, &axis.in) || !hmlc_dim_is_constant(out, &axis.out)) {
        return find_multiple(dims, &sampling, in, out, scale, change);
    }
    axis.scale = scales != NULL ? scale : (double)axis.out / (double)axis.in;
    axis.length = scales != NULL ? scale * (double)axis.in : (double)axis.out;
    return find_static(&sampling, &axis, change);
}

static hmlc_status build_slice(hmlc_builder *builder, const hmlc_type *result,
                               const axis_change *changes, hmlc_value **value)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)result->rank;
    bool all = true;
    for (uint32_t i = 0; i < rank; i++) {
        bool kept = changes[i].repeat > 1 || (changes[i].start == 0 && changes[i].step == 1);
        starts[i] = hmlc_dim_constant(dims, changes[i].start);
        steps[i] = hmlc_dim_constant(dims, changes[i].step);
        sizes[i] = changes[i].repeat > 1 ? (*value)->type->dims[i] : result->dims[i];
        all = all && kept && hmlc_dim_known_equal(dims, sizes[i], (*value)->type->dims[i]);
    }
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
        hmlc_attr_dims(HMLC_ATTR_steps, steps, rank),
    };
    return all ? HMLC_OK : hmlc_build(builder, HMLC_OP_slice, value, 1, attrs, 3, value);
}

/* [.., d, ..] -> [.., d, 1, ..] -> [.., d, repeat, ..] -> the result's shape. */
static hmlc_status build_repeat(hmlc_builder *builder, const hmlc_type *result,
                                const axis_change *changes, hmlc_value **value)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim apart[HMLC_MAX_RANK], repeated[HMLC_MAX_RANK];
    uint32_t count = 0;
    for (int32_t i = 0; i < result->rank; i++) {
        apart[count] = repeated[count] = (*value)->type->dims[i];
        count++;
        if (changes[i].repeat > 1) {
            apart[count] = hmlc_dim_constant(dims, 1);
            repeated[count++] = hmlc_dim_constant(dims, changes[i].repeat);
        }
    }
    if (count == (uint32_t)result->rank) {
        return HMLC_OK;
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, repeated, count);
    HMLC_TRY(hmlc_build_reshaped(builder, *value, apart, count, value));
    HMLC_TRY(hmlc_build(builder, HMLC_OP_expand, value, 1, &attr, 1, value));
    return hmlc_build_reshaped(builder, *value, result->dims, (uint32_t)result->rank, value);
}

hmlc_status hmlc_lower_resize(hmlc_module *module, hmlc_op *op, bool *done)
{
    axis_change changes[HMLC_MAX_RANK];
    const hmlc_type *result = op->results[0]->type;
    int32_t rank = result->rank, longer = 0;
    bool plain = hmlc_op_int(op, HMLC_ATTR_resize_mode) == HMLC_RESIZE_NEAREST &&
                 hmlc_op_int(op, HMLC_ATTR_coordinates) != HMLC_COORDINATES_TF_CROP_AND_RESIZE &&
                 hmlc_op_operand(op, 1) == NULL;
    for (int32_t i = 0; plain && i < rank; i++) {
        plain = find_change(module->dims, op, i, &changes[i]);
        longer += plain && changes[i].repeat > 1;
    }
    if (!plain || rank + longer > HMLC_MAX_RANK) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *value = hmlc_op_operand(op, 0);
    HMLC_TRY(build_slice(&builder, result, changes, &value));
    HMLC_TRY(build_repeat(&builder, result, changes, &value));
    hmlc_value_replace_uses(op->results[0], value);
    *done = true;
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for products, convolutions and pools. */
#include <math.h>

#include "maker.h"

static maker_value product_facts(const maker_value *x, double other_bound, double other_error,
                                 int other_grid, double depth)
{
    double bound = x->bound * other_bound * depth + 1;
    int grid = x->grid < 0 || other_grid < 0 ? -1 : x->grid + other_grid;
    bool exact = grid >= 0 && bound * ldexp(1, grid) < 8e6;
    double error = depth * (x->error * other_bound + other_error * x->bound);
    return maker_facts(bound, error + (exact ? 0 : bound * MAKER_EPSILON), exact ? grid : -1);
}

static bool is_matrix(const maker_value *value)
{
    return maker_is_float(value) && value->value->type->rank >= 2;
}

/* A constant right-hand side, a plain or a batched one. */
static void make_matmul(maker *m)
{
    static const int64_t widths[] = {1, 3, 8, 16, 17, 33, 5};
    const maker_value *x = maker_any(m, is_matrix);
    x = x == NULL ? NULL : maker_scaled(m, x, 4);
    if (x == NULL) {
        return;
    }
    maker_value left = *x;
    const hmlc_type *type = left.value->type;
    bool transpose_a = maker_chance(m, 12), transpose_b = maker_chance(m, 30);
    int64_t depth = maker_static(type->dims[type->rank - (transpose_a ? 2 : 1)]);
    int64_t width = widths[maker_pick(m, 7)], batch = maker_static(type->dims[0]);
    if (depth <= 0) {
        return;
    }
    bool batched = type->rank == 3 && batch > 0 && maker_chance(m, 40);
    int64_t dims[3] = {batch, transpose_b ? width : depth, transpose_b ? depth : width};
    const maker_value *right = batched ? maker_constant(m, HMLC_DTYPE_f32, 3, dims, 0, 0)
                                       : maker_constant(m, HMLC_DTYPE_f32, 2, dims + 1, 0, 0);
    if (right == NULL) {
        return;
    }
    hmlc_value *operands[] = {left.value, right->value};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_transpose_a, transpose_a),
                         hmlc_attr_int(HMLC_ATTR_transpose_b, transpose_b)};
    (void)maker_op(m, HMLC_OP_matmul, operands, 2, attrs, 2,
                   product_facts(&left, 1, 0, 3, (double)depth));
}

/* x times something made from x: x y^T or x^T y, y of the same shape. */
static void make_dynamic_matmul(maker *m)
{
    const maker_value *x = maker_any(m, is_matrix);
    x = x == NULL ? NULL : maker_scaled(m, x, 2);
    if (x == NULL) {
        return;
    }
    maker_value left = *x;
    const maker_value *y = maker_partner(m, &left, HMLC_DTYPE_f32);
    for (int tries = 0;
         tries < 20 && (y == NULL || !hmlc_type_equal(y->value->type, left.value->type)); tries++) {
        y = maker_any(m, is_matrix);
    }
    y = y == NULL || !hmlc_type_equal(y->value->type, left.value->type) ? maker_unary(m, &left) : y;
    y = y == NULL || !hmlc_type_equal(y->value->type, left.value->type) ? NULL
                                                                        : maker_scaled(m, y, 2);
    if (y == NULL) {
        return;
    }
    const hmlc_type *type = left.value->type;
    bool rows = maker_chance(m, 40);
    double depth = (double)type->dims[type->rank - (rows ? 2 : 1)]->maximum;
    hmlc_value *operands[] = {left.value, y->value};
    hmlc_attr attr = hmlc_attr_int(rows ? HMLC_ATTR_transpose_a : HMLC_ATTR_transpose_b, 1);
    (void)maker_op(m, HMLC_OP_matmul, operands, 2, &attr, 1,
                   product_facts(&left, y->bound, y->error, y->grid, depth));
}

typedef struct window_shape {
    bool last;
    uint32_t spatial;
    int64_t channels;
    int64_t window[2], strides[2], dilations[2];
    hmlc_dim pads[4];
} window_shape;

/* Random windows that fit into x's spatial dims. */
static bool choose_window(maker *m, const hmlc_type *type, window_shape *shape)
{
    shape->spatial = (uint32_t)type->rank - 2;
    shape->channels = maker_static(type->dims[shape->last ? type->rank - 1 : 1]);
    bool fits = shape->channels > 0 && shape->spatial >= 1 && shape->spatial <= 2;
    for (uint32_t i = 0; fits && i < shape->spatial; i++) {
        int64_t room = type->dims[i + (shape->last ? 1 : 2)]->minimum;
        shape->window[i] = 1 + maker_pick(m, 4);
        shape->strides[i] = 1 + maker_chance(m, 35);
        shape->dilations[i] = 1 + (int64_t)(maker_chance(m, 15) && shape->window[i] > 1);
        int64_t extent = (shape->window[i] - 1) * shape->dilations[i] + 1;
        int64_t before = maker_pick(m, 2), after = maker_pick(m, 2);
        shape->pads[i] = maker_dim(m, before);
        shape->pads[i + shape->spatial] = maker_dim(m, after);
        fits = room + before + after >= extent && room > 0;
    }
    return fits;
}

static bool is_picture(const maker_value *value)
{
    return maker_is_float(value) && value->value->type->rank >= 3 && value->value->type->rank <= 4;
}

static uint32_t window_attrs(const window_shape *shape, hmlc_attr *attrs)
{
    attrs[0] = hmlc_attr_ints(HMLC_ATTR_strides, shape->strides, shape->spatial);
    attrs[1] = hmlc_attr_ints(HMLC_ATTR_dilations, shape->dilations, shape->spatial);
    attrs[2] = hmlc_attr_dims(HMLC_ATTR_pads, shape->pads, 2 * shape->spatial);
    attrs[3] = hmlc_attr_int(HMLC_ATTR_layout,
                             shape->last ? HMLC_LAYOUT_CHANNELS_LAST : HMLC_LAYOUT_CHANNELS_FIRST);
    return 4;
}

static void make_conv(maker *m)
{
    static const int64_t widths[] = {1, 4, 8, 16, 12, 24};
    const maker_value *x = maker_any(m, is_picture);
    x = x == NULL ? NULL : maker_scaled(m, x, 2);
    window_shape shape = {.last = maker_chance(m, 40)};
    if (x == NULL || !choose_window(m, x->value->type, &shape)) {
        return;
    }
    maker_value kept = *x;
    bool depthwise = maker_chance(m, 30);
    int64_t groups = depthwise                                        ? shape.channels
                     : shape.channels % 2 == 0 && maker_chance(m, 20) ? 2
                                                                      : 1;
    int64_t out =
        depthwise ? shape.channels * (maker_chance(m, 80) ? 1 : 2) : widths[maker_pick(m, 6)];
    out = out % groups == 0 ? out : out * groups;
    int64_t inside = shape.channels / groups, dims[4] = {out, inside};
    double depth = (double)inside;
    for (uint32_t i = 0; i < shape.spatial; i++) {
        dims[i + (shape.last ? 1 : 2)] = shape.window[i];
        depth *= (double)shape.window[i];
    }
    dims[shape.last ? shape.spatial + 1 : 1] = inside;
    const maker_value *weights =
        maker_constant(m, HMLC_DTYPE_f32, (int32_t)shape.spatial + 2, dims, 0, 0);
    const maker_value *bias = maker_constant(m, HMLC_DTYPE_f32, 1, &out, 0, 0);
    if (weights == NULL || bias == NULL) {
        return;
    }
    hmlc_value *operands[] = {kept.value, weights->value, bias->value};
    hmlc_attr attrs[5];
    uint32_t count = window_attrs(&shape, attrs);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, groups);
    (void)maker_op(m, HMLC_OP_conv, operands, 2 + maker_pick(m, 2), attrs, count,
                   product_facts(&kept, 1, 0, 3, depth));
}

static void make_pool(maker *m)
{
    const maker_value *x = maker_any(m, is_picture);
    window_shape shape = {.last = maker_chance(m, 40)};
    if (x == NULL || !choose_window(m, x->value->type, &shape)) {
        return;
    }
    bool average = maker_chance(m, 50);
    hmlc_attr attrs[6];
    uint32_t count = window_attrs(&shape, attrs);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_window, shape.window, shape.spatial);
    for (uint32_t i = 0; i < shape.spatial; i++) {
        /* ONNX wants pads smaller than the window: each window sees an element. */
        if (maker_static(shape.pads[i]) >= shape.window[i] ||
            maker_static(shape.pads[i + shape.spatial]) >= shape.window[i] ||
            shape.dilations[i] > 1) {
            return;
        }
    }
    if (average) {
        attrs[count++] = hmlc_attr_int(HMLC_ATTR_count_include_pad, maker_pick(m, 2));
    }
    hmlc_value *operand = x->value;
    double error = x->error + (average ? x->bound * 2 * MAKER_EPSILON : 0);
    (void)maker_op(m, average ? HMLC_OP_avg_pool : HMLC_OP_max_pool, &operand, 1, attrs, count,
                   maker_facts(x->bound, error, average ? -1 : x->grid));
}

/* The transposed convolution: weights [I, O / g, k...]; its pads stay below the window. */
static void make_conv_transpose(maker *m)
{
    const maker_value *x = maker_any(m, is_picture);
    x = x == NULL ? NULL : maker_scaled(m, x, 2);
    window_shape shape = {.last = maker_chance(m, 40)};
    if (x == NULL || !choose_window(m, x->value->type, &shape)) {
        return;
    }
    maker_value kept = *x;
    int64_t groups = shape.channels % 2 == 0 && maker_chance(m, 25) ? 2 : 1;
    int64_t outside = 1 + maker_pick(m, 9), dims[4] = {shape.channels, outside}, none[2] = {0, 0};
    double depth = (double)shape.channels;
    for (uint32_t i = 0; i < shape.spatial; i++) {
        dims[i + (shape.last ? 1 : 2)] = shape.window[i];
        depth *= (double)shape.window[i];
        /* One row in must leave one row out. */
        if (maker_static(shape.pads[i]) + maker_static(shape.pads[i + shape.spatial]) >=
            shape.window[i]) {
            return;
        }
    }
    dims[shape.last ? shape.spatial + 1 : 1] = outside;
    const maker_value *weights =
        maker_constant(m, HMLC_DTYPE_f32, (int32_t)shape.spatial + 2, dims, 0, 0);
    if (weights == NULL) {
        return;
    }
    hmlc_value *operands[] = {kept.value, weights->value};
    hmlc_attr attrs[6];
    uint32_t count = window_attrs(&shape, attrs);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, groups);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_output_padding, none, shape.spatial);
    (void)maker_op(m, HMLC_OP_conv_transpose, operands, 2, attrs, count,
                   product_facts(&kept, 1, 0, 3, depth));
}

/* (x - mean) / sqrt(variance + 1) * scale + bias, with a variance of at least 0. */
static void make_batch_norm(maker *m)
{
    const maker_value *x = maker_any(m, is_picture);
    x = x == NULL ? NULL : maker_scaled(m, x, 4);
    bool last = maker_chance(m, 40);
    int64_t channels =
        x == NULL ? -1 : maker_static(x->value->type->dims[last ? x->value->type->rank - 1 : 1]);
    if (channels <= 0) {
        return;
    }
    maker_value kept = *x;
    hmlc_value *operands[5] = {kept.value};
    for (uint32_t i = 1; i < 5; i++) {
        const maker_value *weight = maker_constant(m, HMLC_DTYPE_f32, 1, &channels, 0, 0);
        if (weight == NULL) {
            return;
        }
        operands[i] = weight->value;
    }
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_layout, last ? HMLC_LAYOUT_CHANNELS_LAST
                                                              : HMLC_LAYOUT_CHANNELS_FIRST),
                         hmlc_attr_float(HMLC_ATTR_epsilon, 1.5)};
    double bound = (kept.bound + 1) * 1.5 + 1;
    (void)maker_op(m, HMLC_OP_batch_norm, operands, 5, attrs, 2,
                   maker_facts(bound, 1.5 * kept.error + 4 * bound * MAKER_EPSILON, -1));
}

const maker_rule maker_contraction_rules[] = {
    {"conv_transpose", 4, make_conv_transpose},
    {"batch_norm", 5, make_batch_norm},
    {"matmul", 9, make_matmul},
    {"dynamic_matmul", 6, make_dynamic_matmul},
    {"conv", 16, make_conv},
    {"pool", 7, make_pool},
    {NULL, 0, NULL},
};

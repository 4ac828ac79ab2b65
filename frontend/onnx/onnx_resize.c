/* SPDX-License-Identifier: Apache-2.0 */
/* Resize and Upsample. */
#include "common/resizing.h"
#include "onnx_node.h"

#include <inttypes.h>
#include <math.h>

#define COORDINATES                                                                                \
    "half_pixel|pytorch_half_pixel|align_corners|asymmetric|tf_crop_and_resize|half_pixel_"        \
    "symmetric|tf_half_pixel_for_nn"

/* Which dims the lists speak of. */
static uint32_t read_axes(hmlc_node *node, int64_t *axes)
{
    uint32_t count;
    const int64_t *given = hmlc_node_ints(node, "axes", &count);
    int32_t rank = hmlc_node_rank(node, 0);
    if (given == NULL) {
        for (int32_t i = 0; i < rank; i++) {
            axes[i] = i;
        }
        return (uint32_t)rank;
    }
    if (count > (uint32_t)rank) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'axes' has %" PRIu32 " entries",
                       count);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        axes[i] = hmlc_node_axis(node, given[i], rank);
    }
    return count;
}

static bool has_length(hmlc_node *node, const char *what, uint32_t found, uint32_t expected)
{
    if (found != expected && hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%s has %" PRIu32 " entries, must have %" PRIu32, what, found, expected);
    }
    return hmlc_node_ok(node);
}

/* -- numbers known only at run time -- */

static bool is_at_run_time(hmlc_node *node, uint32_t index)
{
    return hmlc_node_ok(node) && hmlc_emit_constant_of(&node->emit, node->inputs[index]) == NULL;
}

/* A list input as one dim of `expected` elements; NULL, with a diagnostic, where it is not. */
static hmlc_value *list_input(hmlc_node *node, uint32_t index, const char *what, uint32_t expected)
{
    hmlc_value *list = node->inputs[index];
    int64_t length;
    if (list->type->rank != 1 || !hmlc_dim_is_constant(list->type->dims[0], &length)) {
        hmlc_node_fail(node, HMLC_ERROR_rank_unknown, "give the input a static length",
                       "%s must have one dim of static length", what);
        return NULL;
    }
    return has_length(node, what, (uint32_t)length, expected) ? list : NULL;
}

/* `list` for the chosen axes, `filler` for the others, as one number per dim; `rows` times. */
static hmlc_value *spread(hmlc_node *node, hmlc_value *list, const int64_t *axes,
                          uint32_t axis_count, const double *fillers, uint32_t rows)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t rank = (uint32_t)hmlc_node_rank(node, 0);
    hmlc_dim places[2 * HMLC_MAX_RANK], one = hmlc_emit_number(emit, 1);
    hmlc_value *parts[3] = {list};
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    for (uint32_t row = 0; row < rows; row++) {
        hmlc_value *filler = hmlc_emit_scalar_like(emit, list, fillers[row]);
        parts[1 + row] = hmlc_emit_reshape(emit, filler, &one, 1);
        for (uint32_t d = 0; d < rank; d++) {
            places[row * rank + d] = hmlc_emit_number(emit, rows * axis_count + row);
        }
        for (uint32_t i = 0; i < axis_count; i++) {
            places[row * rank + axes[i]] = hmlc_emit_number(emit, row * axis_count + i);
        }
    }
    hmlc_value *all = hmlc_emit_concat(emit, parts, 1 + rows, 0);
    hmlc_value *index = hmlc_emit_dims(emit, places, rows * rank, HMLC_DTYPE_i64);
    return hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(all, index),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
}

/* The chosen dims of the input as numbers of that type. */
static hmlc_value *dims_as(hmlc_node *node, const int64_t *axes, uint32_t count, hmlc_dtype dtype)
{
    hmlc_dim dims[HMLC_MAX_RANK];
    for (uint32_t i = 0; i < count; i++) {
        dims[i] = hmlc_node_dims(node, 0)[axes[i]];
    }
    hmlc_value *numbers = hmlc_emit_dims(&node->emit, dims, count, HMLC_DTYPE_i64);
    return hmlc_emit_cast(&node->emit, numbers, dtype);
}

/* floor(dims * scales + offset) as sizes of the chosen axes. */
static void bind_scaled(hmlc_node *node, hmlc_value *dims, hmlc_value *scales, double offset,
                        const int64_t *axes, hmlc_dim *sizes)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count = 0;
    hmlc_value *product = hmlc_emit_binary(emit, HMLC_OP_mul, dims, scales);
    if (offset != 0) {
        product = hmlc_emit_binary(emit, HMLC_OP_add, product,
                                   hmlc_emit_scalar_like(emit, product, offset));
    }
    product = hmlc_emit_unary(emit, HMLC_OP_floor, product);
    const hmlc_dim *bound =
        hmlc_node_ok(node) ? hmlc_emit_bind(emit, hmlc_emit_cast(emit, product, HMLC_DTYPE_i64),
                                            "size", 0, HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count)
                           : NULL;
    for (uint32_t i = 0; bound != NULL && i < count; i++) {
        sizes[axes[i]] = bound[i];
    }
}

/* A scale in whole 256ths, as 1.5 and 0.25 are, keeps the dim symbolic: the product is exact. */
static hmlc_dim scaled_by_fraction(const hmlc_node *node, hmlc_dim dim, double scale)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int64_t below = 256, above = (int64_t)(scale * 256);
    while (below > 1 && above % 2 == 0) {
        above /= 2;
        below /= 2;
    }
    hmlc_dim product = hmlc_dim_multiply(table, dim, hmlc_emit_number(&node->emit, above));
    return hmlc_dim_floordiv(table, product, hmlc_emit_number(&node->emit, below));
}

/* sizes[axis] = floor(dim * scale). Scales are floats: the product is that of floats, as runtimes
 * compute it, where the dim is known only at run time too. */
static void scale_axis(hmlc_node *node, int64_t axis, double scale, hmlc_dim *sizes)
{
    hmlc_dim dim = hmlc_node_dims(node, 0)[axis];
    int64_t size;
    if (!(scale > 0) || scale > INT32_MAX || 1 / scale > INT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "a scale is %g, must be positive and sane", scale);
    } else if (scale * 256 == floor(scale * 256)) {
        sizes[axis] = scaled_by_fraction(node, dim, scale);
    } else if (hmlc_dim_is_constant(dim, &size) &&
               (double)size * scale < (double)HMLC_DIM_UNBOUNDED) {
        sizes[axis] = hmlc_emit_number(&node->emit, (int64_t)floorf((float)size * (float)scale));
    } else {
        hmlc_value *dims = dims_as(node, &axis, 1, HMLC_DTYPE_f32);
        bind_scaled(node, dims, hmlc_emit_scalar_like(&node->emit, dims, scale), 0, &axis, sizes);
    }
}

static void scale_at_run_time(hmlc_node *node, uint32_t index, const int64_t *axes,
                              uint32_t axis_count, hmlc_resize_spec *resizing)
{
    static const double one = 1;
    hmlc_value *scales = list_input(node, index, "scales", axis_count);
    if (scales == NULL) {
        return;
    }
    resizing->scale_values = spread(node, scales, axes, axis_count, &one, 1);
    /* The product is that of floats, as for scales known now. */
    bind_scaled(node, dims_as(node, axes, axis_count, HMLC_DTYPE_f32), scales, 0, axes,
                resizing->sizes);
}

static void read_scales(hmlc_node *node, uint32_t index, const int64_t *axes, uint32_t axis_count,
                        hmlc_resize_spec *resizing)
{
    double values[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    if (is_at_run_time(node, index)) {
        scale_at_run_time(node, index, axes, axis_count, resizing);
        return;
    }
    if (!hmlc_node_constant_list(node, index, values, &count) ||
        !has_length(node, "scales", count, axis_count)) {
        return;
    }
    resizing->has_scales = true;
    for (uint32_t i = 0; i < count; i++) {
        resizing->scales[axes[i]] = values[i];
        scale_axis(node, axes[i], values[i], resizing->sizes);
    }
}

/* True when the input's and the result's dims along the axes are static, the input's not 0. */
static bool has_static_dims(const hmlc_node *node, const int64_t *axes, uint32_t count,
                            const hmlc_resize_spec *resizing)
{
    bool all = true;
    for (uint32_t i = 0; i < count; i++) {
        int64_t in = 0;
        all = all && hmlc_dim_is_constant(hmlc_node_dims(node, 0)[axes[i]], &in) && in != 0 &&
              hmlc_dim_is_constant(resizing->sizes[axes[i]], NULL);
    }
    return all;
}

/* keep_aspect_ratio_policy: one scale for all axes, the least or largest that the sizes ask for. */
static void keep_aspect(hmlc_node *node, const int64_t *axes, uint32_t count, bool larger,
                        hmlc_resize_spec *resizing)
{
    double scale = 0;
    int64_t in = 0, out = 0;
    for (uint32_t i = 0; i < count; i++) {
        (void)hmlc_dim_is_constant(hmlc_node_dims(node, 0)[axes[i]], &in);
        (void)hmlc_dim_is_constant(resizing->sizes[axes[i]], &out);
        double ratio = (double)out / (double)in;
        bool better = larger ? ratio > scale : ratio < scale;
        scale = i == 0 || better ? ratio : scale;
    }
    resizing->has_scales = true;
    for (uint32_t i = 0; i < count; i++) {
        (void)hmlc_dim_is_constant(hmlc_node_dims(node, 0)[axes[i]], &in);
        resizing->scales[axes[i]] = scale;
        resizing->sizes[axes[i]] =
            hmlc_emit_number(&node->emit, (int64_t)floor((double)in * scale + 0.5));
    }
}

/* The same on dims or sizes known only at run time. */
static void keep_aspect_at_run_time(hmlc_node *node, hmlc_value *sizes, const int64_t *axes,
                                    uint32_t count, bool larger, hmlc_resize_spec *resizing)
{
    static const double one = 1;
    static const int64_t only = 0;
    hmlc_emitter *emit = &node->emit;
    hmlc_dim length = hmlc_emit_number(emit, count);
    hmlc_value *dims = dims_as(node, axes, count, HMLC_DTYPE_f64);
    hmlc_value *ratio =
        hmlc_emit_binary(emit, HMLC_OP_div, hmlc_emit_cast(emit, sizes, HMLC_DTYPE_f64), dims);
    hmlc_value *scale = hmlc_emit_reduce(emit, larger ? HMLC_OP_reduce_max : HMLC_OP_reduce_min,
                                         ratio, &only, 1, true);
    hmlc_value *scales = hmlc_emit_expand(emit, scale, &length, 1);
    resizing->scale_values = spread(node, scales, axes, count, &one, 1);
    bind_scaled(node, dims, scale, 0.5, axes, resizing->sizes);
}

static void read_sizes(hmlc_node *node, uint32_t index, const int64_t *axes, uint32_t axis_count,
                       hmlc_resize_spec *resizing)
{
    uint32_t count = 0;
    int32_t policy =
        hmlc_node_choice(node, "keep_aspect_ratio_policy", "stretch|not_larger|not_smaller", 0);
    const hmlc_dim *sizes = hmlc_emit_bind(&node->emit, node->inputs[index], "size", 0,
                                           HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    if (sizes == NULL || !has_length(node, "sizes", count, axis_count)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        resizing->sizes[axes[i]] = sizes[i];
    }
    if (policy != 0 && has_static_dims(node, axes, count, resizing)) {
        keep_aspect(node, axes, count, policy == 2, resizing);
    } else if (policy != 0) {
        hmlc_value *list = hmlc_emit_dims(&node->emit, sizes, count, HMLC_DTYPE_i64);
        keep_aspect_at_run_time(node, list, axes, count, policy == 2, resizing);
    }
}

static void read_region(hmlc_node *node, uint32_t index, const int64_t *axes, uint32_t axis_count,
                        hmlc_resize_spec *resizing)
{
    double values[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    if (is_at_run_time(node, index)) {
        static const double whole[2] = {0, 1};
        hmlc_value *region = list_input(node, index, "roi", 2 * axis_count);
        resizing->region_values =
            region != NULL ? spread(node, region, axes, axis_count, whole, 2) : NULL;
        return;
    }
    if (!hmlc_node_constant_list(node, index, values, &count) ||
        !has_length(node, "roi", count, 2 * axis_count)) {
        return;
    }
    resizing->has_region = true;
    for (uint32_t i = 0; i < axis_count; i++) {
        resizing->region[axes[i]] = values[i];
        resizing->region[axes[i] + resizing->rank] = values[i + axis_count];
    }
}

/* True when the input is given and holds elements: an empty list counts as absent. */
static bool is_given(const hmlc_node *node, uint32_t index)
{
    return hmlc_node_has_input(node, index) &&
           !(hmlc_node_rank(node, index) == 1 && hmlc_dim_is(hmlc_node_dims(node, index)[0], 0));
}

static hmlc_value *emit_resize(hmlc_node *node, hmlc_value *x, const hmlc_resize_spec *resizing,
                               int32_t mode, int32_t coordinates, int32_t nearest)
{
    hmlc_resize_spec whole = *resizing;
    whole.mode = mode;
    whole.coordinates = coordinates;
    whole.nearest = nearest;
    whole.cubic_coefficient = hmlc_node_float(node, "cubic_coeff_a", -0.75);
    whole.exclude_outside = hmlc_node_int(node, "exclude_outside", 0) != 0;
    whole.antialias = hmlc_node_int(node, "antialias", 0) != 0;
    whole.extrapolation = hmlc_node_float(node, "extrapolation_value", 0);
    return hmlc_emit_resize(&node->emit, x, &whole);
}

void hmlc_onnx_import_resize(hmlc_node *node)
{
    hmlc_resize_spec resizing;
    int64_t axes[HMLC_MAX_RANK];
    int32_t mode = hmlc_node_choice(node, "mode", "nearest|linear|cubic", HMLC_RESIZE_NEAREST);
    int32_t coordinates = hmlc_node_choice(node, "coordinate_transformation_mode", COORDINATES,
                                           HMLC_COORDINATES_HALF_PIXEL);
    int32_t nearest =
        hmlc_node_choice(node, "nearest_mode", "round_prefer_floor|round_prefer_ceil|floor|ceil",
                         HMLC_NEAREST_ROUND_PREFER_FLOOR);
    hmlc_resize_begin(node->inputs[0], &resizing);
    uint32_t axis_count = read_axes(node, axes);
    bool scales = is_given(node, 2), sizes = is_given(node, 3);
    if (scales == sizes && hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "needs scales or sizes, and has %s",
                       scales ? "both" : "neither");
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (scales) {
        read_scales(node, 2, axes, axis_count, &resizing);
    } else {
        read_sizes(node, 3, axes, axis_count, &resizing);
    }
    if (coordinates == HMLC_COORDINATES_TF_CROP_AND_RESIZE && is_given(node, 1)) {
        read_region(node, 1, axes, axis_count, &resizing);
    }
    if (hmlc_node_ok(node)) {
        node->outputs[0] =
            emit_resize(node, node->inputs[0], &resizing, mode, coordinates, nearest);
    }
}

/* The axes that grow, or those that shrink; the others keep the size that `x` has. */
static hmlc_resize_spec part_of(const hmlc_resize_spec *whole, const hmlc_dim *sizes,
                                bool shrinking)
{
    hmlc_resize_spec part = *whole;
    for (int32_t i = 0; i < whole->rank; i++) {
        if ((whole->scales[i] < 1) != shrinking) {
            part.scales[i] = 1;
            part.sizes[i] = sizes[i];
        }
    }
    return part;
}

/* The same of scales known only at run time: those beyond 1, on one side, count as 1. */
static hmlc_resize_spec part_at_run_time(hmlc_node *node, const hmlc_resize_spec *whole,
                                         bool shrinking)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_resize_spec part = *whole;
    int64_t axes[HMLC_MAX_RANK];
    hmlc_value *one = hmlc_emit_scalar_like(emit, whole->scale_values, 1);
    part.scale_values =
        hmlc_emit_binary(emit, shrinking ? HMLC_OP_min : HMLC_OP_max, whole->scale_values, one);
    for (int32_t i = 0; i < whole->rank; i++) {
        axes[i] = i;
    }
    if (shrinking) {
        bind_scaled(node, dims_as(node, axes, (uint32_t)whole->rank, HMLC_DTYPE_f32),
                    part.scale_values, 0, axes, part.sizes);
    }
    return part;
}

/*
 * Upsample, and Resize of opset 10: element i comes from i / scale. The standard leaves the
 * rounding of nearest open; ONNX Runtime rounds up along axes that shrink and down along the
 * others.
 */
static void resize_asymmetric(hmlc_node *node, const hmlc_resize_spec *resizing)
{
    int32_t mode = hmlc_node_choice(node, "mode", "nearest|linear|bilinear", HMLC_RESIZE_NEAREST);
    hmlc_value *x = node->inputs[0];
    bool run_time = resizing->scale_values != NULL, shrinks = run_time;
    for (int32_t i = 0; i < resizing->rank; i++) {
        shrinks = shrinks || resizing->scales[i] < 1;
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (mode != 0 || !shrinks) {
        node->outputs[0] =
            emit_resize(node, x, resizing, mode == 0 ? HMLC_RESIZE_NEAREST : HMLC_RESIZE_LINEAR,
                        HMLC_COORDINATES_ASYMMETRIC, HMLC_NEAREST_FLOOR);
        return;
    }
    hmlc_resize_spec down =
        run_time ? part_at_run_time(node, resizing, true) : part_of(resizing, x->type->dims, true);
    hmlc_resize_spec up =
        run_time ? part_at_run_time(node, resizing, false) : part_of(resizing, down.sizes, false);
    x = emit_resize(node, x, &down, HMLC_RESIZE_NEAREST, HMLC_COORDINATES_ASYMMETRIC,
                    HMLC_NEAREST_CEIL);
    node->outputs[0] = emit_resize(node, x, &up, HMLC_RESIZE_NEAREST, HMLC_COORDINATES_ASYMMETRIC,
                                   HMLC_NEAREST_FLOOR);
}

void hmlc_onnx_import_upsample(hmlc_node *node)
{
    hmlc_resize_spec resizing;
    int64_t axes[HMLC_MAX_RANK];
    hmlc_resize_begin(node->inputs[0], &resizing);
    uint32_t axis_count = read_axes(node, axes);
    read_scales(node, 1, axes, axis_count, &resizing);
    resize_asymmetric(node, &resizing);
}

/* Upsample of opset 7: the scales are an attribute. */
void hmlc_onnx_import_upsample_attribute(hmlc_node *node)
{
    hmlc_resize_spec resizing;
    hmlc_resize_begin(node->inputs[0], &resizing);
    const Onnx__AttributeProto *scales = hmlc_onnx_attr(node, "scales");
    if (!has_length(node, "scales", (uint32_t)scales->n_floats, (uint32_t)resizing.rank)) {
        return;
    }
    resizing.has_scales = true;
    for (int32_t i = 0; i < resizing.rank; i++) {
        resizing.scales[i] = (double)scales->floats[i];
        scale_axis(node, i, resizing.scales[i], resizing.sizes);
    }
    resize_asymmetric(node, &resizing);
}

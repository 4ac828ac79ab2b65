/* Resize and Upsample. */
#include "onnx_node.h"

#include <inttypes.h>
#include <math.h>

#define COORDINATES                                                                                \
    "half_pixel|pytorch_half_pixel|align_corners|asymmetric|tf_crop_and_resize|half_pixel_"        \
    "symmetric"

/* One entry per dim of the input. */
typedef struct resize_spec {
    int32_t rank;
    hmlc_dim sizes[HMLC_MAX_RANK];
    double scales[HMLC_MAX_RANK];
    double region[2 * HMLC_MAX_RANK];
    bool has_scales, has_region;
} resize_spec;

static void begin(hmlc_onnx_node *node, resize_spec *resizing)
{
    *resizing = (resize_spec){.rank = hmlc_onnx_rank(node, 0)};
    for (int32_t i = 0; i < resizing->rank; i++) {
        resizing->sizes[i] = hmlc_onnx_dims(node, 0)[i];
        resizing->scales[i] = 1;
        resizing->region[i + resizing->rank] = 1;
    }
}

/* floor(dim * scale). A scale that is a whole number, or one over it, keeps the dim symbolic. */
static hmlc_dim scaled(hmlc_onnx_node *node, hmlc_dim dim, double scale)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int64_t size;
    double inverse = 1 / scale;
    if (!(scale > 0) || scale > INT32_MAX || inverse > INT32_MAX) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "a scale is %g, must be positive and sane", scale);
    } else if (scale == floor(scale)) {
        return hmlc_dim_multiply(table, dim, hmlc_emit_number(&node->emit, (int64_t)scale));
    } else if (inverse == floor(inverse)) {
        return hmlc_dim_floordiv(table, dim, hmlc_emit_number(&node->emit, (int64_t)inverse));
    } else if (hmlc_dim_is_constant(dim, &size) &&
               (double)size * scale < (double)HMLC_DIM_UNBOUNDED) {
        /* Scales are floats: the product is that of floats, as runtimes compute it. */
        return hmlc_emit_number(&node->emit, (int64_t)floorf((float)size * (float)scale));
    } else {
        hmlc_onnx_fail(node, HMLC_ERROR_not_implemented, "fix the dim, or use a whole scale",
                       "a dim known only at run time is scaled by %g", scale);
    }
    return dim;
}

/* Which dims the lists speak of. */
static uint32_t read_axes(hmlc_onnx_node *node, int64_t *axes)
{
    uint32_t count;
    const int64_t *given = hmlc_onnx_ints(node, "axes", &count);
    int32_t rank = hmlc_onnx_rank(node, 0);
    if (given == NULL) {
        for (int32_t i = 0; i < rank; i++) {
            axes[i] = i;
        }
        return (uint32_t)rank;
    }
    if (count > (uint32_t)rank) {
        hmlc_onnx_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'axes' has %" PRIu32 " entries",
                       count);
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        axes[i] = hmlc_onnx_axis(node, given[i], rank);
    }
    return count;
}

static bool has_length(hmlc_onnx_node *node, const char *what, uint32_t found, uint32_t expected)
{
    if (found != expected && hmlc_onnx_ok(node)) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%s has %" PRIu32 " entries, must have %" PRIu32, what, found, expected);
    }
    return hmlc_onnx_ok(node);
}

static void read_scales(hmlc_onnx_node *node, uint32_t index, const int64_t *axes,
                        uint32_t axis_count, resize_spec *resizing)
{
    double values[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    if (!hmlc_onnx_constant_list(node, index, values, &count) ||
        !has_length(node, "scales", count, axis_count)) {
        return;
    }
    resizing->has_scales = true;
    for (uint32_t i = 0; i < count; i++) {
        resizing->scales[axes[i]] = values[i];
        resizing->sizes[axes[i]] = scaled(node, hmlc_onnx_dims(node, 0)[axes[i]], values[i]);
    }
}

/* keep_aspect_ratio_policy: one scale for all axes, the least or largest that the sizes ask for. */
static void keep_aspect(hmlc_onnx_node *node, const int64_t *axes, uint32_t count, bool larger,
                        resize_spec *resizing)
{
    double scale = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t in, out;
        if (!hmlc_dim_is_constant(hmlc_onnx_dims(node, 0)[axes[i]], &in) ||
            !hmlc_dim_is_constant(resizing->sizes[axes[i]], &out) || in == 0) {
            hmlc_onnx_fail(node, HMLC_ERROR_not_implemented, "give static sizes",
                           "keeping the aspect ratio needs static dims");
            return;
        }
        double ratio = (double)out / (double)in;
        bool better = larger ? ratio > scale : ratio < scale;
        scale = i == 0 || better ? ratio : scale;
    }
    resizing->has_scales = true;
    for (uint32_t i = 0; i < count; i++) {
        int64_t in = 0;
        (void)hmlc_dim_is_constant(hmlc_onnx_dims(node, 0)[axes[i]], &in);
        resizing->scales[axes[i]] = scale;
        resizing->sizes[axes[i]] =
            hmlc_emit_number(&node->emit, (int64_t)floor((double)in * scale + 0.5));
    }
}

static void read_sizes(hmlc_onnx_node *node, uint32_t index, const int64_t *axes,
                       uint32_t axis_count, resize_spec *resizing)
{
    uint32_t count = 0;
    int32_t policy =
        hmlc_onnx_choice(node, "keep_aspect_ratio_policy", "stretch|not_larger|not_smaller", 0);
    const hmlc_dim *sizes = hmlc_emit_bind(&node->emit, node->inputs[index], "size", 0,
                                           HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    if (sizes == NULL || !has_length(node, "sizes", count, axis_count)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        resizing->sizes[axes[i]] = sizes[i];
    }
    if (policy != 0) {
        keep_aspect(node, axes, count, policy == 2, resizing);
    }
}

static void read_region(hmlc_onnx_node *node, uint32_t index, const int64_t *axes,
                        uint32_t axis_count, resize_spec *resizing)
{
    double values[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    if (!hmlc_onnx_constant_list(node, index, values, &count) ||
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
static bool is_given(const hmlc_onnx_node *node, uint32_t index)
{
    return hmlc_onnx_has_input(node, index) &&
           !(hmlc_onnx_rank(node, index) == 1 && hmlc_dim_is(hmlc_onnx_dims(node, index)[0], 0));
}

static hmlc_value *emit_resize(hmlc_onnx_node *node, hmlc_value *x, const resize_spec *resizing,
                               int32_t mode, int32_t coordinates, int32_t nearest)
{
    uint32_t rank = (uint32_t)resizing->rank, count = 0;
    hmlc_attr attrs[12];
    attrs[count++] = hmlc_attr_dims(HMLC_ATTR_sizes, resizing->sizes, rank);
    if (resizing->has_scales) {
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_scales, resizing->scales, rank);
    }
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_resize_mode, mode);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_coordinates, coordinates);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_nearest_mode, nearest);
    attrs[count++] =
        hmlc_attr_float(HMLC_ATTR_cubic_coefficient, hmlc_onnx_float(node, "cubic_coeff_a", -0.75));
    attrs[count++] =
        hmlc_attr_int(HMLC_ATTR_exclude_outside, hmlc_onnx_int(node, "exclude_outside", 0) != 0);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_antialias, hmlc_onnx_int(node, "antialias", 0) != 0);
    if (resizing->has_region) {
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_region_of_interest, resizing->region, 2 * rank);
    }
    attrs[count++] =
        hmlc_attr_float(HMLC_ATTR_extrapolation, hmlc_onnx_float(node, "extrapolation_value", 0));
    return hmlc_emit(&node->emit, HMLC_OP_resize, HMLC_OPERANDS(x), attrs, count);
}

void hmlc_onnx_import_resize(hmlc_onnx_node *node)
{
    resize_spec resizing;
    int64_t axes[HMLC_MAX_RANK];
    int32_t mode = hmlc_onnx_choice(node, "mode", "nearest|linear|cubic", HMLC_RESIZE_NEAREST);
    int32_t coordinates = hmlc_onnx_choice(node, "coordinate_transformation_mode", COORDINATES,
                                           HMLC_COORDINATES_HALF_PIXEL);
    int32_t nearest =
        hmlc_onnx_choice(node, "nearest_mode", "round_prefer_floor|round_prefer_ceil|floor|ceil",
                         HMLC_NEAREST_ROUND_PREFER_FLOOR);
    begin(node, &resizing);
    uint32_t axis_count = read_axes(node, axes);
    bool scales = is_given(node, 2), sizes = is_given(node, 3);
    if (scales == sizes && hmlc_onnx_ok(node)) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL, "needs scales or sizes, and has %s",
                       scales ? "both" : "neither");
    }
    if (!hmlc_onnx_ok(node)) {
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
    if (hmlc_onnx_ok(node)) {
        node->outputs[0] =
            emit_resize(node, node->inputs[0], &resizing, mode, coordinates, nearest);
    }
}

/* The axes that grow, or those that shrink; the others keep the size that `x` has. */
static resize_spec part_of(const resize_spec *whole, const hmlc_dim *sizes, bool shrinking)
{
    resize_spec part = *whole;
    for (int32_t i = 0; i < whole->rank; i++) {
        if ((whole->scales[i] < 1) != shrinking) {
            part.scales[i] = 1;
            part.sizes[i] = sizes[i];
        }
    }
    return part;
}

/*
 * Upsample, and Resize of opset 10: element i comes from i / scale. The standard leaves the
 * rounding of nearest open; ONNX Runtime rounds up along axes that shrink and down along the
 * others.
 */
static void resize_asymmetric(hmlc_onnx_node *node, const resize_spec *resizing)
{
    int32_t mode = hmlc_onnx_choice(node, "mode", "nearest|linear|bilinear", HMLC_RESIZE_NEAREST);
    hmlc_value *x = node->inputs[0];
    bool shrinks = false;
    for (int32_t i = 0; i < resizing->rank; i++) {
        shrinks = shrinks || resizing->scales[i] < 1;
    }
    if (!hmlc_onnx_ok(node)) {
        return;
    }
    if (mode != 0 || !shrinks) {
        node->outputs[0] =
            emit_resize(node, x, resizing, mode == 0 ? HMLC_RESIZE_NEAREST : HMLC_RESIZE_LINEAR,
                        HMLC_COORDINATES_ASYMMETRIC, HMLC_NEAREST_FLOOR);
        return;
    }
    resize_spec down = part_of(resizing, x->type->dims, true);
    resize_spec up = part_of(resizing, down.sizes, false);
    x = emit_resize(node, x, &down, HMLC_RESIZE_NEAREST, HMLC_COORDINATES_ASYMMETRIC,
                    HMLC_NEAREST_CEIL);
    node->outputs[0] = emit_resize(node, x, &up, HMLC_RESIZE_NEAREST, HMLC_COORDINATES_ASYMMETRIC,
                                   HMLC_NEAREST_FLOOR);
}

void hmlc_onnx_import_upsample(hmlc_onnx_node *node)
{
    resize_spec resizing;
    int64_t axes[HMLC_MAX_RANK];
    begin(node, &resizing);
    uint32_t axis_count = read_axes(node, axes);
    read_scales(node, 1, axes, axis_count, &resizing);
    resize_asymmetric(node, &resizing);
}

/* Upsample of opset 7: the scales are an attribute. */
void hmlc_onnx_import_upsample_attribute(hmlc_onnx_node *node)
{
    resize_spec resizing;
    begin(node, &resizing);
    const Onnx__AttributeProto *scales = hmlc_onnx_attr(node, "scales");
    if (!has_length(node, "scales", (uint32_t)scales->n_floats, (uint32_t)resizing.rank)) {
        return;
    }
    resizing.has_scales = true;
    for (int32_t i = 0; i < resizing.rank; i++) {
        resizing.scales[i] = (double)scales->floats[i];
        resizing.sizes[i] = scaled(node, hmlc_onnx_dims(node, 0)[i], resizing.scales[i]);
    }
    resize_asymmetric(node, &resizing);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions, pools, batch norm, resize. Data stay in their order. */
#include "common/hwio_kernel.h"
#include "common/resizing.h"
#include "common/sliding_window.h"
#include "tensorflow_node.h"

#include <inttypes.h>
#include <string.h>

#define OUT node->node.outputs[0]
#define X   hmlc_tf_input(node, 0)
#define Y   hmlc_tf_input(node, 1)

enum { PADDING_SAME, PADDING_VALID, PADDING_EXPLICIT };

/* The spatial entries of a list over all dims; those of batch and channels must be 1. */
static void read_list(hmlc_tf_node *node, const char *name, const hmlc_window_spec *window,
                      int64_t *values)
{
    uint32_t count;
    const int64_t *list = hmlc_node_ints(&node->node, name, &count);
    int32_t first = hmlc_window_first_axis(window), rank = window->spatial + 2;
    for (int32_t i = 0; i < window->spatial; i++) {
        values[i] = 1;
    }
    if (list == NULL || count == 0) {
        return;
    }
    if (count != (uint32_t)rank) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                     "'%s' has %" PRIu32 " entries for rank %d", name, count, rank);
        return;
    }
    for (int32_t i = 0; i < rank; i++) {
        bool spatial = i >= first && i < first + window->spatial;
        if (list[i] < 1 || list[i] > INT32_MAX || (!spatial && list[i] != 1)) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "'%s' holds %" PRId64 " for dim %d", name, list[i], i);
            return;
        }
        if (spatial) {
            values[i - first] = list[i];
        }
    }
}

/* explicit_paddings: two numbers per dim. */
static void pad_explicitly(hmlc_tf_node *node, hmlc_window_spec *window)
{
    uint32_t count;
    const int64_t *list = hmlc_node_ints(&node->node, "explicit_paddings", &count);
    int32_t first = hmlc_window_first_axis(window);
    if (list == NULL || count != 2 * (uint32_t)(window->spatial + 2)) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                     "'explicit_paddings' does not fit the input");
        return;
    }
    for (int32_t i = 0; i < window->spatial; i++) {
        const int64_t *pair = list + 2 * (first + i);
        if (pair[0] < 0 || pair[1] < 0 || pair[0] > INT32_MAX || pair[1] > INT32_MAX) {
            hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                         "'explicit_paddings' holds a negative or very large number");
            return;
        }
        hmlc_window_set_pads(window, i,
                             (hmlc_pads){hmlc_emit_number(&node->node.emit, pair[0]),
                                         hmlc_emit_number(&node->node.emit, pair[1])});
    }
}

/* Strides and dilations; sizes are set by the caller, before the pads. */
static bool begin_window(hmlc_tf_node *node, const hmlc_value *x, hmlc_window_spec *window)
{
    hmlc_dim zero = hmlc_emit_number(&node->node.emit, 0);
    *window = (hmlc_window_spec){.spatial = x->type->rank - 2, .layout = hmlc_tf_layout(node)};
    if (window->spatial < 1 || window->spatial > HMLC_MOST_SPATIAL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d", x->type->rank);
        return false;
    }
    read_list(node, "strides", window, window->strides);
    read_list(node, "dilations", window, window->dilations);
    for (int32_t i = 0; i < window->spatial; i++) {
        window->extra[i] = zero;
        hmlc_window_set_pads(window, i, (hmlc_pads){zero, zero});
    }
    return hmlc_tf_ok(node);
}

static bool pad_window(hmlc_tf_node *node, const hmlc_value *x, hmlc_window_spec *window)
{
    int32_t padding =
        hmlc_node_choice(&node->node, "padding", "SAME|VALID|EXPLICIT", PADDING_VALID);
    if (padding == PADDING_SAME) {
        hmlc_window_pad_same(&node->node.emit, window, x, HMLC_ODD_PAD_BEHIND);
    } else if (padding == PADDING_EXPLICIT) {
        pad_explicitly(node, window);
    }
    return hmlc_tf_ok(node);
}

/* The window of a kernel [k ..., in, out]. */
static bool read_kernel(hmlc_tf_node *node, const hmlc_value *kernel, hmlc_window_spec *window)
{
    for (int32_t i = 0; i < window->spatial; i++) {
        if (kernel->type->rank != window->spatial + 2 ||
            !hmlc_dim_is_constant(kernel->type->dims[i], &window->size[i])) {
            hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                         "the kernel has rank %d, or sizes known only at run time",
                         kernel->type->rank);
            return false;
        }
    }
    return true;
}

static int64_t channels_of(const hmlc_value *x, int64_t layout)
{
    int64_t channels = -1;
    int32_t axis = layout == HMLC_LAYOUT_CHANNELS_LAST ? x->type->rank - 1 : 1;
    (void)hmlc_dim_is_constant(x->type->dims[axis], &channels);
    return channels;
}

/* How many channels of the input a kernel takes; -1 where they do not fit. */
static int64_t groups_of(hmlc_tf_node *node, const hmlc_value *x, const hmlc_value *kernel,
                         int64_t layout)
{
    int64_t channels = channels_of(x, layout), depth = -1;
    (void)hmlc_dim_is_constant(kernel->type->dims[kernel->type->rank - 2], &depth);
    if (channels < 1 || depth < 1 || channels % depth != 0) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                     "the input has %" PRId64 " channels and the kernel takes %" PRId64, channels,
                     depth);
        return -1;
    }
    return channels / depth;
}

void hmlc_tf_import_conv(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_window_spec window;
    if (!begin_window(node, X, &window) || !read_kernel(node, Y, &window) ||
        !pad_window(node, X, &window)) {
        return;
    }
    int64_t groups = groups_of(node, X, Y, window.layout);
    if (groups > 0) {
        hmlc_value *kernel = hmlc_emit_hwio_kernel(emit, Y, window.layout);
        OUT = hmlc_emit_conv(emit, X, kernel, NULL, &window, groups);
    }
}

void hmlc_tf_import_depthwise_conv(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_window_spec window;
    if (!begin_window(node, X, &window) || !read_kernel(node, Y, &window) ||
        !pad_window(node, X, &window)) {
        return;
    }
    if (groups_of(node, X, Y, window.layout) != 1) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "the kernel has other channels than x");
        return;
    }
    hmlc_value *kernel = hmlc_emit_depthwise_kernel(emit, Y, window.layout);
    OUT = hmlc_emit_conv(emit, X, kernel, NULL, &window, channels_of(X, window.layout));
}

/* Inputs: the result's shape, the kernel [k ..., out, in], x. */
void hmlc_tf_import_conv_transpose(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *x = hmlc_tf_input(node, 2);
    hmlc_window_spec window;
    int64_t output_padding[HMLC_MOST_SPATIAL] = {0};
    uint32_t count = 0;
    const hmlc_dim *shape = hmlc_emit_elements(emit, X, &count);
    if (!begin_window(node, x, &window) || !read_kernel(node, Y, &window)) {
        return;
    }
    if (shape == NULL || count != (uint32_t)window.spatial + 2 ||
        hmlc_node_choice(&node->node, "padding", "SAME|VALID|EXPLICIT", PADDING_VALID) ==
            PADDING_EXPLICIT) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "with a shape known only at run time, or explicit paddings, is not supported");
        return;
    }
    hmlc_value *kernel = hmlc_emit_hwio_kernel(emit, Y, window.layout);
    hmlc_value *const operands[3] = {x, kernel, NULL};
    OUT = hmlc_emit_conv_transpose(emit, operands, &window, 1,
                                   shape + hmlc_window_first_axis(&window), HMLC_ODD_PAD_BEHIND,
                                   output_padding);
}

void hmlc_tf_import_pool(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_window_spec window;
    if (!begin_window(node, X, &window)) {
        return;
    }
    read_list(node, "ksize", &window, window.size);
    if (!hmlc_tf_ok(node) || !pad_window(node, X, &window)) {
        return;
    }
    if (node->node.opcode == HMLC_OP_avg_pool) {
        OUT = hmlc_emit_avg_pool(emit, X, &window, false);
        return;
    }
    hmlc_op *op = hmlc_emit_max_pool(emit, X, &window);
    OUT = op != NULL ? op->results[0] : NULL;
}

void hmlc_tf_import_fused_batch_norm(hmlc_tf_node *node)
{
    double epsilon = hmlc_node_float(&node->node, "epsilon", 1e-4F);
    if (hmlc_node_int(&node->node, "is_training", 1) != 0) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, "freeze the graph of inference",
                     "with is_training normalises by the batch, which is not supported");
        return;
    }
    OUT = hmlc_emit(&node->node.emit, HMLC_OP_batch_norm, node->node.inputs, 5,
                    HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_epsilon, epsilon),
                               hmlc_attr_int(HMLC_ATTR_layout, hmlc_tf_layout(node))));
}

/* Inputs: images, a factor: (x - mean) factor + mean, by the mean of each channel. */
void hmlc_tf_import_contrast(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    const int64_t axes[] = {X->type->rank - 3, X->type->rank - 2};
    if (X->type->rank < 3) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "of rank %d", X->type->rank);
        return;
    }
    hmlc_value *mean = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, X, axes, 2, true);
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, X, mean);
    OUT = hmlc_emit_binary(emit, HMLC_OP_add, hmlc_emit_binary(emit, HMLC_OP_mul, away, Y), mean);
}

/* x / (bias + alpha * sum of squares over 2 * radius + 1 channels) ^ beta; channels are last. */
void hmlc_tf_import_lrn(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int64_t radius = hmlc_node_int(&node->node, "depth_radius", 5);
    int32_t rank = X->type->rank;
    if (radius < 0 || radius > 512 || rank < 1) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'depth_radius' is %" PRId64,
                     radius);
        return;
    }
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (int32_t i = 0; i < 2 * rank; i++) {
        pads[i] = hmlc_emit_number(emit, i % rank == rank - 1 ? radius : 0);
    }
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, X, X), *sum = NULL;
    hmlc_value *padded =
        hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(square),
                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)rank)));
    for (int64_t i = 0; i <= 2 * radius; i++) {
        hmlc_value *part = hmlc_emit_slice_axis(emit, padded, rank - 1, hmlc_emit_number(emit, i),
                                                X->type->dims[rank - 1]);
        sum = i == 0 ? part : hmlc_emit_binary(emit, HMLC_OP_add, sum, part);
    }
    double alpha = hmlc_node_float(&node->node, "alpha", 1);
    hmlc_value *base =
        hmlc_emit_binary(emit, HMLC_OP_mul, sum, hmlc_emit_scalar_like(emit, X, alpha));
    base =
        hmlc_emit_binary(emit, HMLC_OP_add, base,
                         hmlc_emit_scalar_like(emit, X, hmlc_node_float(&node->node, "bias", 1)));
    hmlc_value *power =
        hmlc_emit_binary(emit, HMLC_OP_pow, base,
                         hmlc_emit_scalar_like(emit, X, hmlc_node_float(&node->node, "beta", 0.5)));
    OUT = hmlc_emit_binary(emit, HMLC_OP_div, X, power);
}

/* [N, h, w, C]. Nearest with align_corners rounds half up, which is away from 0 here. */
void hmlc_tf_import_resize(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_resize_spec resizing;
    uint32_t count = 0;
    const hmlc_dim *sizes = hmlc_emit_elements(emit, Y, &count);
    bool linear = strcmp(node->def->op, "ResizeBilinear") == 0;
    bool align = hmlc_node_int(&node->node, "align_corners", 0) != 0;
    bool half = hmlc_node_int(&node->node, "half_pixel_centers", 0) != 0;
    if (X->type->rank != 4 || sizes == NULL || count != 2) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of rank %d, or to a size known only at run time, is not supported",
                     X->type->rank);
        return;
    }
    hmlc_value *x = linear ? hmlc_emit_cast(emit, X, HMLC_DTYPE_f32) : X;
    if (!hmlc_tf_ok(node)) {
        return;
    }
    hmlc_resize_begin(x, &resizing);
    resizing.sizes[1] = sizes[0];
    resizing.sizes[2] = sizes[1];
    resizing.mode = linear ? HMLC_RESIZE_LINEAR : HMLC_RESIZE_NEAREST;
    resizing.coordinates = align    ? HMLC_COORDINATES_ALIGN_CORNERS
                           : !half  ? HMLC_COORDINATES_ASYMMETRIC
                           : linear ? HMLC_COORDINATES_HALF_PIXEL
                                    : HMLC_COORDINATES_TF_HALF_PIXEL_FOR_NN;
    resizing.nearest = align ? HMLC_NEAREST_ROUND_PREFER_CEIL : HMLC_NEAREST_FLOOR;
    OUT = hmlc_emit_resize(emit, x, &resizing);
}

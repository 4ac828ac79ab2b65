/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and pools, channels last as they are. */
#include <inttypes.h>

#include "common/sliding_window.h"
#include "tflite_contraction.h"
#include "tflite_pool.h"

enum { PADDING_SAME, PADDING_VALID };

/* One positive option. */
static int64_t read_size(hmlc_node *node, const char *name)
{
    int64_t size = hmlc_node_int(node, name, 1);
    if (size < 1) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'%s' is %" PRId64 ", must be positive", name, size);
        return 1;
    }
    return size;
}

/* Strides and, where the operator has them, dilations of [depth,] height, width; no pads yet. */
static bool read_window(hmlc_node *node, int32_t rank, const char *const *strides,
                        const char *const *dilations, hmlc_window_spec *window)
{
    *window = (hmlc_window_spec){.spatial = rank - 2, .layout = HMLC_LAYOUT_CHANNELS_LAST};
    for (int32_t i = 0; i < window->spatial; i++) {
        window->size[i] = 1;
        window->strides[i] = read_size(node, strides[i]);
        window->dilations[i] = dilations != NULL ? read_size(node, dilations[i]) : 1;
        hmlc_dim zero = hmlc_emit_number(&node->emit, 0);
        hmlc_window_set_pads(window, i, (hmlc_pads){zero, zero});
        window->extra[i] = zero;
    }
    return hmlc_node_ok(node);
}

static void pad_window(hmlc_node *node, const hmlc_value *x, hmlc_window_spec *window)
{
    int64_t padding = hmlc_node_int(node, "padding", PADDING_SAME);
    if (padding == PADDING_SAME) {
        hmlc_window_pad_same(&node->emit, window, x, HMLC_ODD_PAD_BEHIND);
    } else if (padding != PADDING_VALID) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'padding' is %" PRId64, padding);
    }
}

static bool has_rank(hmlc_node *node, const hmlc_value *value, const char *what, int32_t rank)
{
    if (value->type->rank != rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "%s has rank %d, must be %d", what,
                       value->type->rank, rank);
    }
    return value->type->rank == rank;
}

/* A dim of the weights, from their axis `axis`; 0 with a diagnostic where it is not known. */
static int64_t weight_dim(hmlc_node *node, const hmlc_value *w, int32_t axis)
{
    int64_t size = 0;
    if (!hmlc_dim_is_constant(w->type->dims[axis], &size) || size < 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the weights have no positive size along axis %d", axis);
        return 0;
    }
    return size;
}

/* What is convolved: [O, k..., I / groups] as stored. */
static void convolve(hmlc_node *node, hmlc_tflite_operands *operands, hmlc_window_spec *window)
{
    int32_t last = operands->x->type->rank - 1;
    int64_t channels = weight_dim(node, operands->w, last), all = 0;
    for (int32_t i = 0; i < window->spatial; i++) {
        window->size[i] = weight_dim(node, operands->w, i + 1);
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (!hmlc_dim_is_constant(operands->x->type->dims[last], &all) || all % channels != 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the input's channels are no multiple of the weights' %" PRId64, channels);
        return;
    }
    pad_window(node, operands->x, window);
    hmlc_value *y = hmlc_tflite_emit_conv(node, operands, window, all / channels);
    node->outputs[0] = hmlc_tflite_finish_sums(node, y, operands);
}

static const char *const plane_strides[] = {"stride_h", "stride_w"};
static const char *const plane_dilations[] = {"dilation_h_factor", "dilation_w_factor"};

void hmlc_tflite_import_conv(hmlc_node *node)
{
    hmlc_tflite_operands operands;
    hmlc_window_spec window;
    if (has_rank(node, node->inputs[0], "the input", 4) &&
        has_rank(node, node->inputs[1], "the weights", 4) &&
        read_window(node, 4, plane_strides, plane_dilations, &window) &&
        hmlc_tflite_read_operands(node, 0, 1, 2, 0, &operands)) {
        convolve(node, &operands, &window);
    }
}

/* Weights are [k..., I, O] here. */
void hmlc_tflite_import_conv_3d(hmlc_node *node)
{
    static const char *const strides[] = {"stride_d", "stride_h", "stride_w"};
    static const char *const dilations[] = {"dilation_d_factor", "dilation_h_factor",
                                            "dilation_w_factor"};
    static const int64_t output_first[] = {4, 0, 1, 2, 3};
    hmlc_tflite_operands operands;
    hmlc_window_spec window;
    if (has_rank(node, node->inputs[0], "the input", 5) &&
        has_rank(node, node->inputs[1], "the weights", 5) &&
        read_window(node, 5, strides, dilations, &window) &&
        hmlc_tflite_read_operands(node, 0, 1, 2, 4, &operands)) {
        operands.w = hmlc_emit_transpose(&node->emit, operands.w, output_first);
        convolve(node, &operands, &window);
    }
}

/* Weights [1, H, W, C * M] become [C * M, H, W, 1]; the stored multiplier may be 0: shapes say it.
 */
void hmlc_tflite_import_depthwise(hmlc_node *node)
{
    static const int64_t output_first[] = {3, 1, 2, 0};
    hmlc_tflite_operands operands;
    hmlc_window_spec window;
    if (has_rank(node, node->inputs[0], "the input", 4) &&
        has_rank(node, node->inputs[1], "the weights", 4) &&
        read_window(node, 4, plane_strides, plane_dilations, &window) &&
        hmlc_tflite_read_operands(node, 0, 1, 2, 3, &operands)) {
        operands.w = hmlc_emit_transpose(&node->emit, operands.w, output_first);
        convolve(node, &operands, &window);
    }
}

/* The sizes that the shape in input 0 gives along height and width; NULL on failure. */
static const hmlc_dim *wanted_shape(hmlc_node *node)
{
    uint32_t count = 0;
    const hmlc_dim *shape = hmlc_emit_bind(&node->emit, node->inputs[0], "shape", 0,
                                           HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    if (shape != NULL && count != 4) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the result's shape has %" PRIu32 " entries, must have 4", count);
        return NULL;
    }
    return shape;
}

/* (output shape, weights [O, H, W, I], x, bias): the pads follow from the shape. */
void hmlc_tflite_import_transpose_conv(hmlc_node *node)
{
    static const int64_t input_first[] = {3, 1, 2, 0}, none[HMLC_MOST_SPATIAL] = {0};
    hmlc_tflite_operands operands;
    hmlc_window_spec window;
    if (!has_rank(node, node->inputs[2], "the input", 4) ||
        !has_rank(node, node->inputs[1], "the weights", 4) ||
        !read_window(node, 4, plane_strides, NULL, &window) ||
        !hmlc_tflite_read_operands(node, 2, 1, 3, 0, &operands) ||
        (operands.bias != NULL && !has_rank(node, operands.bias, "the bias", 1))) {
        return;
    }
    hmlc_tflite_widen_operands(node, &operands);
    const hmlc_dim *shape = wanted_shape(node);
    for (int32_t i = 0; i < window.spatial; i++) {
        window.size[i] = weight_dim(node, operands.w, i + 1);
    }
    if (shape == NULL || !hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *w = hmlc_emit_transpose(&node->emit, operands.w, input_first);
    hmlc_value *const values[3] = {operands.x, w, operands.bias};
    hmlc_value *y = hmlc_emit_conv_transpose(&node->emit, values, &window, 1, shape + 1,
                                             HMLC_ODD_PAD_BEHIND, none);
    node->outputs[0] = hmlc_tflite_finish_sums(node, y, &operands);
}

bool hmlc_tflite_read_pool(hmlc_node *node, hmlc_window_spec *window)
{
    if (!has_rank(node, node->inputs[0], "the input", 4) ||
        !read_window(node, 4, plane_strides, NULL, window)) {
        return false;
    }
    window->size[0] = read_size(node, "filter_height");
    window->size[1] = read_size(node, "filter_width");
    pad_window(node, node->inputs[0], window);
    return hmlc_node_ok(node);
}

void hmlc_tflite_import_average_pool(hmlc_node *node)
{
    hmlc_window_spec window;
    if (hmlc_tflite_read_pool(node, &window)) {
        hmlc_value *mean = hmlc_emit_avg_pool(&node->emit, node->inputs[0], &window, false);
        node->outputs[0] = hmlc_tflite_activate(node, mean);
    }
}

/* As integers the activation bounds the steps. */
void hmlc_tflite_import_max_pool(hmlc_node *node)
{
    hmlc_window_spec window;
    if (!hmlc_tflite_read_pool(node, &window)) {
        return;
    }
    const hmlc_op *op = hmlc_emit_max_pool(&node->emit, node->inputs[0], &window);
    hmlc_value *most = op != NULL ? op->results[0] : NULL;
    bool as_stored =
        !hmlc_tflite_self(node)->in_float && hmlc_tflite_is_quantized(hmlc_tflite_output(node, 0));
    if (as_stored && most != NULL && hmlc_node_int(node, "fused_activation_function", 0) != 0) {
        most = hmlc_emit_cast(&node->emit, most, HMLC_DTYPE_f32);
        hmlc_value *zero =
            hmlc_emit_scalar(&node->emit, HMLC_DTYPE_f32,
                             (double)hmlc_tflite_output(node, 0)->quantization.zeros[0]);
        most = hmlc_emit_binary(&node->emit, HMLC_OP_sub, most, zero);
        node->outputs[0] = hmlc_tflite_to_steps(node, most, hmlc_tflite_output(node, 0));
        return;
    }
    node->outputs[0] = as_stored ? most : hmlc_tflite_activate(node, most);
}

/* sqrt(mean of squares). */
void hmlc_tflite_import_l2_pool(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_window_spec window;
    if (!hmlc_tflite_read_pool(node, &window)) {
        return;
    }
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, node->inputs[0], node->inputs[0]);
    hmlc_value *mean = hmlc_emit_avg_pool(emit, square, &window, false);
    node->outputs[0] = hmlc_tflite_activate(node, hmlc_emit_unary(emit, HMLC_OP_sqrt, mean));
}

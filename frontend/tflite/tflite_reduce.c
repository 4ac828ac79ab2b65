/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, softmax and norms, resize. */
#include <inttypes.h>

#include "common/reduction.h"
#include "common/resizing.h"
#include "common/sliding_window.h"
#include "common/softmax.h"
#include "tflite_node.h"

static hmlc_axis_list read_axes(hmlc_node *node)
{
    return hmlc_node_reduced_axes(node, 1, NULL, hmlc_node_int(node, "keep_dims", 0) != 0, true);
}

void hmlc_tflite_import_reduce(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    node->outputs[0] = hmlc_node_reduce(node, node->opcode, node->inputs[0], &axes);
}

/* Any is the largest, all the least of numbers 0 and 1. */
void hmlc_tflite_import_reduce_bool(hmlc_node *node)
{
    hmlc_axis_list axes = read_axes(node);
    hmlc_value *numbers = hmlc_emit_cast(&node->emit, node->inputs[0], HMLC_DTYPE_u8);
    numbers = hmlc_node_reduce(node, node->opcode, numbers, &axes);
    node->outputs[0] =
        hmlc_node_ok(node) ? hmlc_emit_cast(&node->emit, numbers, HMLC_DTYPE_bool) : NULL;
}

/* Stored integers have the order of the numbers that they stand for. */
void hmlc_tflite_import_arg_reduce(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis(node, hmlc_truncate_to_int(hmlc_node_constant_input(node, 1)),
                                  hmlc_node_rank(node, 0));
    hmlc_value *index =
        hmlc_emit_arg_reduce(&node->emit, node->opcode, node->inputs[0], axis, false, false);
    node->outputs[0] = hmlc_node_ok(node)
                           ? hmlc_emit_cast(&node->emit, index, hmlc_tflite_output(node, 0)->dtype)
                           : NULL;
}

static void softmax(hmlc_node *node, hmlc_opcode opcode, hmlc_value *x)
{
    int64_t axis = hmlc_node_axis(node, -1, hmlc_node_rank(node, 0));
    node->outputs[0] = hmlc_emit_softmax(&node->emit, opcode, x, &axis, 1);
}

void hmlc_tflite_import_softmax(hmlc_node *node)
{
    hmlc_value *x = node->inputs[0];
    double beta = hmlc_node_float(node, "beta", 1);
    if (beta != 1) {
        x = hmlc_emit_binary(&node->emit, HMLC_OP_mul, x,
                             hmlc_emit_scalar_like(&node->emit, x, beta));
    }
    softmax(node, HMLC_OP_softmax, x);
}

void hmlc_tflite_import_log_softmax(hmlc_node *node)
{
    softmax(node, HMLC_OP_log_softmax, node->inputs[0]);
}

/* x / max(|x|, 1e-6) along the last dim. */
void hmlc_tflite_import_l2_normalization(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = node->inputs[0];
    int64_t axis = hmlc_node_axis(node, -1, hmlc_node_rank(node, 0));
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, x, x);
    hmlc_value *sum = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, square, &axis, 1, true);
    hmlc_value *length = hmlc_emit_unary(emit, HMLC_OP_sqrt, sum);
    length = hmlc_emit_binary(emit, HMLC_OP_max, length, hmlc_emit_scalar_like(emit, x, 1e-6));
    node->outputs[0] = hmlc_tflite_activate(node, hmlc_emit_binary(emit, HMLC_OP_div, x, length));
}

/* x * (bias + alpha * sum of squares) ^ -beta, over the channels from c - radius to c + radius - 1:
 * TFLite's reference leaves the last one out. */
void hmlc_tflite_import_local_response(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = node->inputs[0];
    int64_t radius = hmlc_node_int(node, "radius", 0), size = 2 * radius;
    double scale = hmlc_node_float(node, "alpha", 0) * (double)size;
    if (radius < 1 || radius > INT16_MAX || x->type->rank < 1) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'radius' is %" PRId64, radius);
        return;
    }
    hmlc_dim channels = x->type->dims[x->type->rank - 1], one = hmlc_emit_number(emit, 1);
    hmlc_dim count = hmlc_type_count(hmlc_emit_table(emit), x->type);
    hmlc_dim rows = hmlc_dim_floordiv(hmlc_emit_table(emit), count, channels);
    hmlc_dim pad = hmlc_emit_number(emit, radius);
    hmlc_window_spec window = {.spatial = 1,
                               .layout = HMLC_LAYOUT_CHANNELS_LAST,
                               .size = {size},
                               .strides = {1},
                               .dilations = {1},
                               .pads = {pad, hmlc_emit_number(emit, radius - 1)},
                               .extra = {hmlc_emit_number(emit, 0)}};
    const hmlc_dim line[] = {rows, channels, one};
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, x, x);
    square = hmlc_emit_reshape(emit, square, line, 3);
    hmlc_value *mean = hmlc_emit_avg_pool(emit, square, &window, true);
    mean = hmlc_emit_reshape(emit, mean, x->type->dims, (uint32_t)x->type->rank);
    mean = hmlc_emit_binary(emit, HMLC_OP_mul, mean, hmlc_emit_scalar_like(emit, x, scale));
    hmlc_value *base = hmlc_emit_binary(
        emit, HMLC_OP_add, mean, hmlc_emit_scalar_like(emit, x, hmlc_node_float(node, "bias", 0)));
    hmlc_value *power = hmlc_emit_binary(
        emit, HMLC_OP_pow, base, hmlc_emit_scalar_like(emit, x, -hmlc_node_float(node, "beta", 0)));
    node->outputs[0] = hmlc_emit_binary(emit, HMLC_OP_mul, x, power);
}

/* (x, [height, width]): which pixel a pixel comes from is said by two flags. */
static void resize(hmlc_node *node, hmlc_resize_spec *resizing, int64_t half_pixel)
{
    uint32_t count = 0;
    bool corners = hmlc_node_int(node, "align_corners", 0) != 0;
    bool centers = hmlc_node_int(node, "half_pixel_centers", 0) != 0;
    const hmlc_dim *sizes = hmlc_emit_bind(&node->emit, node->inputs[1], "size", 0,
                                           HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (hmlc_node_rank(node, 0) != 4 || count != 2 || (corners && centers)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "needs an input of rank 4, two sizes and not both of its flags");
        return;
    }
    resizing->sizes[1] = sizes[0];
    resizing->sizes[2] = sizes[1];
    resizing->coordinates = centers   ? half_pixel
                            : corners ? HMLC_COORDINATES_ALIGN_CORNERS
                                      : HMLC_COORDINATES_ASYMMETRIC;
    /* A pixel between two with corners aligned: half away from zero. */
    resizing->nearest = corners ? HMLC_NEAREST_ROUND_PREFER_CEIL : HMLC_NEAREST_FLOOR;
    node->outputs[0] = hmlc_emit_resize(&node->emit, node->inputs[0], resizing);
}

void hmlc_tflite_import_resize_bilinear(hmlc_node *node)
{
    hmlc_resize_spec resizing;
    hmlc_resize_begin(node->inputs[0], &resizing);
    resizing.mode = HMLC_RESIZE_LINEAR;
    resize(node, &resizing, HMLC_COORDINATES_HALF_PIXEL);
}

void hmlc_tflite_import_resize_nearest(hmlc_node *node)
{
    hmlc_resize_spec resizing;
    hmlc_resize_begin(node->inputs[0], &resizing);
    resizing.mode = HMLC_RESIZE_NEAREST;
    resize(node, &resizing, HMLC_COORDINATES_TF_HALF_PIXEL_FOR_NN);
}

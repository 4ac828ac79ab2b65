/* SPDX-License-Identifier: Apache-2.0 */
/* GridSample, RoiAlign, NonMaxSuppression. */
#include "onnx_node.h"

#include <inttypes.h>

static bool is_float(hmlc_node *node, uint32_t index)
{
    if (hmlc_dtype_is_float(node->inputs[index]->type->dtype)) {
        return true;
    }
    hmlc_node_fail(node, HMLC_ERROR_not_implemented, "cast the input to a float type",
                   "input %" PRIu32 " ('%s') is %s; only floats are supported", index,
                   hmlc_node_input_name(node, index),
                   hmlc_dtype_name(node->inputs[index]->type->dtype));
    return false;
}

/* The modes have other names since opset 20. */
void hmlc_onnx_import_grid_sample(hmlc_node *node)
{
    static const int64_t modes[] = {HMLC_RESIZE_LINEAR, HMLC_RESIZE_NEAREST, HMLC_RESIZE_CUBIC,
                                    HMLC_RESIZE_LINEAR, HMLC_RESIZE_CUBIC};
    int32_t mode = hmlc_node_choice(node, "mode", "bilinear|nearest|bicubic|linear|cubic", 0);
    int32_t border =
        hmlc_node_choice(node, "padding_mode", "zeros|border|reflection", HMLC_BORDER_ZEROS);
    bool corners = hmlc_node_int(node, "align_corners", 0) != 0;
    if (!hmlc_node_ok(node) || !is_float(node, 0)) {
        return;
    }
    hmlc_value *x = node->inputs[0];
    hmlc_value *grid = hmlc_emit_cast(&node->emit, node->inputs[1], x->type->dtype);
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_grid_sample, HMLC_OPERANDS(x, grid),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_resize_mode, modes[mode]),
                                            hmlc_attr_int(HMLC_ATTR_border, border),
                                            hmlc_attr_int(HMLC_ATTR_align_corners, corners)));
}

/* Before opset 16 there was no choice: boxes began at pixels' corners. */
void hmlc_onnx_import_roi_align(hmlc_node *node)
{
    bool old = hmlc_onnx_self(node)->opset < 16;
    int32_t half = hmlc_node_choice(node, "coordinate_transformation_mode",
                                    "output_half_pixel|half_pixel", old ? 0 : 1);
    int32_t largest = hmlc_node_choice(node, "mode", "avg|max", 0);
    const int64_t window[] = {hmlc_node_int(node, "output_height", 1),
                              hmlc_node_int(node, "output_width", 1)};
    const hmlc_attr attrs[] = {
        hmlc_attr_ints(HMLC_ATTR_window, window, 2),
        hmlc_attr_float(HMLC_ATTR_spatial_scale, hmlc_node_float(node, "spatial_scale", 1)),
        hmlc_attr_int(HMLC_ATTR_sampling_ratio, hmlc_node_int(node, "sampling_ratio", 0)),
        hmlc_attr_int(HMLC_ATTR_half_pixel, half), hmlc_attr_int(HMLC_ATTR_take_max, largest)};
    if (hmlc_node_ok(node)) {
        node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_roi_align, node->inputs, 3, attrs, 5);
    }
}

/* A limit as a scalar; NULL where it is absent. */
static hmlc_value *limit(hmlc_node *node, uint32_t index)
{
    if (!hmlc_node_has_input(node, index)) {
        return NULL;
    }
    return hmlc_emit_reshape(&node->emit, node->inputs[index], NULL, 0);
}

/* All rows that may be kept, of which the first ones, as many as the run counts, are the result. */
void hmlc_onnx_import_non_max_suppression(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t length = 0;
    const hmlc_dim *most = NULL;
    hmlc_dim none = hmlc_emit_number(emit, 0);
    if (hmlc_node_has_input(node, 2)) {
        hmlc_value *zero = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0);
        hmlc_value *wanted = hmlc_emit_binary(emit, HMLC_OP_max, node->inputs[2], zero);
        most = hmlc_emit_bind(emit, wanted, "boxes", 0, HMLC_DIM_UNBOUNDED, 1, &length);
    }
    hmlc_value *operands[] = {node->inputs[0], node->inputs[1], limit(node, 3), limit(node, 4)};
    hmlc_op *op =
        hmlc_emit_op(emit, HMLC_OP_non_max_suppression, operands, 4,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_count, most != NULL ? most : &none, 1),
                                hmlc_attr_int(HMLC_ATTR_center_point_box,
                                              hmlc_node_int(node, "center_point_box", 0) != 0)));
    if (op == NULL) {
        return;
    }
    const hmlc_dim *count =
        hmlc_emit_bind(emit, op->results[1], "kept", 0, HMLC_DIM_UNBOUNDED, 1, &length);
    if (count != NULL) {
        node->outputs[0] = hmlc_emit_slice_axis(emit, op->results[0], 0, none, count[0]);
    }
}

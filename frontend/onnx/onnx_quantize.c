/* Quantization: linear in both directions, and operators on quantized tensors by way of floats. */
#include "onnx_node.h"

#include <inttypes.h>

static bool is_per_axis(const hmlc_onnx_node *node, uint32_t index)
{
    return hmlc_onnx_rank(node, index) >= 1 && !hmlc_dim_is(hmlc_onnx_dims(node, index)[0], 1);
}

/* Scale and zero point as the IR wants them: rank 0, or rank 1 along `axis`. False on failure. */
static bool read_parameters(hmlc_onnx_node *node, int64_t *axis, hmlc_value **scale,
                            hmlc_value **zero)
{
    if (hmlc_onnx_int(node, "block_size", 0) != 0 || hmlc_onnx_rank(node, 1) > 1) {
        hmlc_onnx_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "blocked quantization is not supported");
        return false;
    }
    *axis = is_per_axis(node, 1) ? hmlc_onnx_axis_attr(node, 1) : 0;
    *scale = node->inputs[1];
    *zero = hmlc_onnx_has_input(node, 2) ? node->inputs[2] : NULL;
    if (!is_per_axis(node, 1)) {
        *scale = hmlc_emit_reshape(&node->emit, *scale, NULL, 0);
        *zero = *zero != NULL && !is_per_axis(node, 2)
                    ? hmlc_emit_reshape(&node->emit, *zero, NULL, 0)
                    : *zero;
    }
    return hmlc_onnx_ok(node);
}

void hmlc_onnx_import_quantize(hmlc_onnx_node *node)
{
    int64_t axis;
    hmlc_value *scale, *zero;
    hmlc_dtype to = hmlc_onnx_has_input(node, 2) ? node->inputs[2]->type->dtype : HMLC_DTYPE_u8;
    if (hmlc_onnx_int(node, "output_dtype", 0) != 0) {
        to = hmlc_onnx_dtype_attr(node, "output_dtype", to);
    }
    int64_t precision = hmlc_onnx_int(node, "precision", 0);
    if (precision != 0 && precision != 1) {
        hmlc_onnx_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "'precision' is %" PRId64 "; the division is done in f32", precision);
    }
    if (!read_parameters(node, &axis, &scale, &zero)) {
        return;
    }
    hmlc_value *const operands[3] = {node->inputs[0], scale, zero};
    node->outputs[0] = hmlc_emit(
        &node->emit, HMLC_OP_quantize, operands, zero != NULL ? 3 : 2,
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dtype(HMLC_ATTR_to, to)));
}

void hmlc_onnx_import_dequantize(hmlc_onnx_node *node)
{
    int64_t axis;
    hmlc_value *scale, *zero;
    hmlc_dtype to = node->inputs[1]->type->dtype;
    if (hmlc_onnx_int(node, "output_dtype", 0) != 0) {
        to = hmlc_onnx_dtype_attr(node, "output_dtype", to);
    }
    if (!read_parameters(node, &axis, &scale, &zero)) {
        return;
    }
    hmlc_value *const operands[3] = {node->inputs[0], scale, zero};
    node->outputs[0] = hmlc_emit(
        &node->emit, HMLC_OP_dequantize, operands, zero != NULL ? 3 : 2,
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dtype(HMLC_ATTR_to, to)));
}

/* The standard's function body: u8 steps over the range of x, which always holds 0. */
void hmlc_onnx_import_dynamic_quantize(hmlc_onnx_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axes[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)hmlc_onnx_rank(node, 0);
    hmlc_value *x = node->inputs[0];
    for (uint32_t i = 0; i < rank; i++) {
        axes[i] = i;
    }
    hmlc_value *zero = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0);
    hmlc_value *steps = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 255);
    hmlc_value *least = hmlc_emit_reduce(emit, HMLC_OP_reduce_min, x, axes, rank, false);
    hmlc_value *most = hmlc_emit_reduce(emit, HMLC_OP_reduce_max, x, axes, rank, false);
    least = hmlc_emit_binary(emit, HMLC_OP_min, least, zero);
    most = hmlc_emit_binary(emit, HMLC_OP_max, most, zero);
    hmlc_value *width = hmlc_emit_binary(emit, HMLC_OP_sub, most, least);
    hmlc_value *scale = hmlc_emit_binary(emit, HMLC_OP_div, width, steps);
    hmlc_value *origin = hmlc_emit_binary(emit, HMLC_OP_sub, zero, least);
    origin = hmlc_emit_binary(emit, HMLC_OP_div, origin, scale);
    origin = hmlc_emit_binary(emit, HMLC_OP_max, origin, zero);
    origin = hmlc_emit_binary(emit, HMLC_OP_min, origin, steps);
    origin = hmlc_emit_unary(emit, HMLC_OP_round, origin);
    hmlc_value *zero_point = hmlc_emit_cast(emit, origin, HMLC_DTYPE_u8);
    node->outputs[0] = hmlc_emit(
        emit, HMLC_OP_quantize, HMLC_OPERANDS(x, scale, zero_point),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_u8)));
    node->outputs[1] = scale;
    node->outputs[2] = zero_point;
}

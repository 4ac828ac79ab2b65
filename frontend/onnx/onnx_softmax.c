/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and LogSoftmax. */
#include "onnx_softmax.h"

static hmlc_value *stepwise(hmlc_emitter *emit, bool log_form, hmlc_value *x, const int64_t *axes,
                            uint32_t axis_count)
{
    hmlc_value *most = hmlc_emit_reduce(emit, HMLC_OP_reduce_max, x, axes, axis_count, true);
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, most);
    hmlc_value *power = hmlc_emit_unary(emit, HMLC_OP_exp, away);
    hmlc_value *sum = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, power, axes, axis_count, true);
    if (!log_form) {
        return hmlc_emit_binary(emit, HMLC_OP_div, power, sum);
    }
    return hmlc_emit_binary(emit, HMLC_OP_sub, away, hmlc_emit_unary(emit, HMLC_OP_log, sum));
}

hmlc_value *hmlc_onnx_softmax(hmlc_onnx_node *node, hmlc_opcode opcode, hmlc_value *x,
                              const int64_t *axes, uint32_t axis_count)
{
    if (hmlc_onnx_ok(node) && hmlc_dtype_is_half(x->type->dtype)) {
        bool log_form = opcode == HMLC_OP_log_softmax;
        return stepwise(&node->emit, log_form, x, axes, axis_count);
    }
    return hmlc_emit(&node->emit, opcode, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, axes, axis_count)));
}

void hmlc_onnx_import_softmax(hmlc_onnx_node *node)
{
    int64_t axis = hmlc_onnx_axis_attr(node, -1);
    node->outputs[0] = hmlc_onnx_softmax(node, node->op->opcode, node->inputs[0], &axis, 1);
}

/* Before opset 13 the input counts as a matrix: all dims from `axis` on are normalised together. */
void hmlc_onnx_import_softmax_flattened(hmlc_onnx_node *node)
{
    int32_t rank = hmlc_onnx_rank(node, 0);
    int64_t axis = hmlc_onnx_int(node, "axis", 1), axes[HMLC_MAX_RANK];
    uint32_t count = 0;
    if (axis != rank) {
        axis = hmlc_onnx_axis(node, axis, rank);
    }
    for (int64_t i = axis; i < rank; i++) {
        axes[count++] = i;
    }
    node->outputs[0] = hmlc_onnx_softmax(node, node->op->opcode, node->inputs[0], axes, count);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax and LogSoftmax. */
#include "common/softmax.h"
#include "onnx_node.h"

void hmlc_onnx_import_softmax(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis_attr(node, -1);
    node->outputs[0] = hmlc_emit_softmax(&node->emit, node->opcode, node->inputs[0], &axis, 1);
}

/* Before opset 13 the input counts as a matrix: all dims from `axis` on are normalised together. */
void hmlc_onnx_import_softmax_flattened(hmlc_node *node)
{
    int32_t rank = hmlc_node_rank(node, 0);
    int64_t axis = hmlc_node_int(node, "axis", 1), axes[HMLC_MAX_RANK];
    uint32_t count = 0;
    if (axis != rank) {
        axis = hmlc_node_axis(node, axis, rank);
    }
    for (int64_t i = axis; i < rank; i++) {
        axes[count++] = i;
    }
    node->outputs[0] = hmlc_emit_softmax(&node->emit, node->opcode, node->inputs[0], axes, count);
}

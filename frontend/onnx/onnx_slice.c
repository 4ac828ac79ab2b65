/* SPDX-License-Identifier: Apache-2.0 */
/* Slice, by inputs and by attributes. */
#include "common/slicing.h"
#include "onnx_node.h"

#include <inttypes.h>

/* Attribute lists of opset 1 as constants. */
static hmlc_value *list_constant(hmlc_node *node, const char *name)
{
    uint32_t count;
    const int64_t *list = hmlc_node_ints(node, name, &count);
    hmlc_module *module = node->emit.builder.module;
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i64, .rank = 1, .dims = {count}};
    tensor.bytes = count * sizeof *list;
    tensor.data = list != NULL ? hmlc_arena_copy(module->arena, list, tensor.bytes) : NULL;
    if (list != NULL && tensor.data == NULL) {
        node->emit.status = HMLC_RESOURCE;
    }
    return list != NULL ? hmlc_emit_constant(&node->emit, &tensor) : NULL;
}

static hmlc_value *index_list(hmlc_node *node, uint32_t index)
{
    if (!hmlc_node_has_input(node, index)) {
        return NULL;
    }
    if (hmlc_node_rank(node, index) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has rank %d, must be 1", index,
                       hmlc_node_input_name(node, index), hmlc_node_rank(node, index));
    }
    return hmlc_emit_cast(&node->emit, node->inputs[index], HMLC_DTYPE_i64);
}

void hmlc_onnx_import_slice(hmlc_node *node)
{
    hmlc_value *starts = index_list(node, 1), *ends = index_list(node, 2);
    hmlc_value *axes = index_list(node, 3), *steps = index_list(node, 4);
    if (hmlc_node_ok(node)) {
        node->outputs[0] = hmlc_node_slice(node, node->inputs[0], starts, ends, axes, steps);
    }
}

/* Slice before opset 10. */
void hmlc_onnx_import_slice_attributes(hmlc_node *node)
{
    hmlc_value *starts = list_constant(node, "starts"), *ends = list_constant(node, "ends");
    hmlc_value *axes = list_constant(node, "axes");
    if (hmlc_node_ok(node)) {
        node->outputs[0] = hmlc_node_slice(node, node->inputs[0], starts, ends, axes, NULL);
    }
}

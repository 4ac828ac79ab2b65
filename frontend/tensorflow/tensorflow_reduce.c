/* SPDX-License-Identifier: Apache-2.0 */
/* Products, reductions, rows. */
#include "common/reduction.h"
#include "common/softmax.h"
#include "tensorflow_node.h"

#include <inttypes.h>

#define OUT node->node.outputs[0]
#define X   hmlc_tf_input(node, 0)
#define Y   hmlc_tf_input(node, 1)

static void product(hmlc_tf_node *node, const char *left, const char *right)
{
    OUT = hmlc_emit(
        &node->node.emit, HMLC_OP_matmul, HMLC_OPERANDS(X, Y),
        HMLC_ATTRS(
            hmlc_attr_int(HMLC_ATTR_transpose_a, hmlc_node_int(&node->node, left, 0) != 0),
            hmlc_attr_int(HMLC_ATTR_transpose_b, hmlc_node_int(&node->node, right, 0) != 0)));
}

void hmlc_tf_import_matmul(hmlc_tf_node *node)
{
    product(node, "transpose_a", "transpose_b");
}

void hmlc_tf_import_batch_matmul(hmlc_tf_node *node)
{
    product(node, "adj_x", "adj_y");
}

static hmlc_value *reduced(hmlc_tf_node *node, hmlc_value *x)
{
    bool keep = hmlc_node_int(&node->node, "keep_dims", 0) != 0;
    hmlc_axis_list axes = hmlc_node_reduced_axes(&node->node, 1, NULL, keep, true);
    return hmlc_tf_ok(node) ? hmlc_node_reduce(&node->node, node->node.opcode, x, &axes) : NULL;
}

void hmlc_tf_import_reduce(hmlc_tf_node *node)
{
    OUT = reduced(node, X);
}

/* All and any are the least and the largest of 0 and 1. */
void hmlc_tf_import_reduce_bool(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *y = reduced(node, hmlc_emit_cast(emit, X, HMLC_DTYPE_i32));
    OUT = y != NULL ? hmlc_emit_cast(emit, y, HMLC_DTYPE_bool) : NULL;
}

void hmlc_tf_import_arg_reduce(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "output_type", HMLC_DTYPE_i64);
    int64_t axis = hmlc_truncate_to_int(hmlc_node_constant_input(&node->node, 1));
    axis = hmlc_tf_ok(node) ? hmlc_node_axis(&node->node, axis, X->type->rank) : 0;
    hmlc_value *y = hmlc_tf_ok(node)
                        ? hmlc_emit_arg_reduce(emit, node->node.opcode, X, axis, false, false)
                        : NULL;
    OUT = y != NULL ? hmlc_emit_cast(emit, y, dtype) : NULL;
}

void hmlc_tf_import_softmax(hmlc_tf_node *node)
{
    int64_t axis = hmlc_node_axis(&node->node, -1, X->type->rank);
    if (hmlc_tf_ok(node)) {
        OUT = hmlc_emit_softmax(&node->node.emit, node->node.opcode, X, &axis, 1);
    }
}

void hmlc_tf_import_cumsum(hmlc_tf_node *node)
{
    int64_t axis = hmlc_truncate_to_int(hmlc_node_constant_input(&node->node, 1));
    axis = hmlc_tf_ok(node) ? hmlc_node_axis(&node->node, axis, X->type->rank) : 0;
    OUT = hmlc_emit(
        &node->node.emit, node->node.opcode, HMLC_OPERANDS(X),
        HMLC_ATTRS(
            hmlc_attr_int(HMLC_ATTR_axis, axis),
            hmlc_attr_int(HMLC_ATTR_exclusive, hmlc_node_int(&node->node, "exclusive", 0) != 0),
            hmlc_attr_int(HMLC_ATTR_reverse, hmlc_node_int(&node->node, "reverse", 0) != 0)));
}

/* Values, and their indices as i32 by default. */
void hmlc_tf_import_top_k(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "index_type", HMLC_DTYPE_i32);
    uint32_t count = 1;
    const hmlc_dim given = hmlc_emit_number(emit, hmlc_node_int(&node->node, "k", 0));
    const hmlc_dim *k = Y != NULL ? hmlc_emit_elements(emit, Y, &count) : &given;
    if (k == NULL || count != 1 || X->type->rank < 1) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "with a count known only at run time is not supported");
        return;
    }
    hmlc_op *op = hmlc_emit_op(
        emit, HMLC_OP_top_k, HMLC_OPERANDS(X),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, X->type->rank - 1),
                   hmlc_attr_dims(HMLC_ATTR_count, k, 1),
                   hmlc_attr_int(HMLC_ATTR_sorted, hmlc_node_int(&node->node, "sorted", 1) != 0)));
    if (op != NULL) {
        node->node.outputs[0] = op->results[0];
        node->node.outputs[1] = hmlc_emit_cast(emit, op->results[1], dtype);
    }
}

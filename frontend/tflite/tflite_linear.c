/* SPDX-License-Identifier: Apache-2.0 */
/* Products of matrices. */
#include <inttypes.h>

#include "tflite_contraction.h"

/* x as [rows, depth]: all but the last `depth` elements count as rows. */
static hmlc_value *flatten(hmlc_node *node, hmlc_value *x, hmlc_dim depth)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int32_t rank = x->type->rank;
    hmlc_dim rows = hmlc_emit_number(&node->emit, 1), zero = hmlc_emit_number(&node->emit, 0);
    if (rank > 0 && hmlc_dim_known_equal(table, x->type->dims[rank - 1], depth)) {
        for (int32_t i = 0; i + 1 < rank; i++) {
            rows = hmlc_dim_multiply(table, rows, x->type->dims[i]);
        }
    } else {
        hmlc_dim count = hmlc_type_count(table, x->type);
        hmlc_emit_require_equal(&node->emit, hmlc_dim_modulo(table, count, depth), zero);
        rows = hmlc_dim_floordiv(table, count, depth);
    }
    const hmlc_dim shape[] = {rows, depth};
    return hmlc_emit_reshape(&node->emit, x, shape, 2);
}

/* x [..., I] times weights [O, I]; the result is [rows, O] unless keep_num_dims. */
void hmlc_tflite_import_fully_connected(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_tflite_operands operands;
    int64_t size = 0;
    const hmlc_type *weights = node->inputs[1]->type, *x = node->inputs[0]->type;
    if (hmlc_node_int(node, "weights_format", 0) != 0) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented,
                       "convert the model without shuffled weights",
                       "its weights are shuffled for another processor");
        return;
    }
    if (weights->rank != 2 || !hmlc_dim_is_constant(weights->dims[1], &size) || size < 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the weights have rank %d, must be a matrix of known size", weights->rank);
        return;
    }
    bool keep = hmlc_node_int(node, "keep_num_dims", 0) != 0 && x->rank > 2;
    if (!hmlc_tflite_read_operands(node, 0, 1, 2, 0, &operands)) {
        return;
    }
    operands.once = hmlc_tflite_self(node)->litert;
    operands.x = flatten(node, operands.x, weights->dims[1]);
    hmlc_value *y = hmlc_tflite_emit_matmul(node, &operands);
    y = hmlc_tflite_finish_sums(node, y, &operands);
    if (keep && hmlc_node_ok(node)) {
        hmlc_dim shape[HMLC_MAX_RANK];
        for (int32_t i = 0; i < x->rank; i++) {
            shape[i] = i + 1 < x->rank ? x->dims[i] : weights->dims[0];
        }
        y = hmlc_emit_reshape(emit, y, shape, (uint32_t)x->rank);
    }
    node->outputs[0] = y;
}

void hmlc_tflite_import_batch_matmul(hmlc_node *node)
{
    int64_t adj_x = hmlc_node_int(node, "adj_x", 0) != 0;
    int64_t adj_y = hmlc_node_int(node, "adj_y", 0) != 0;
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_matmul, HMLC_OPERANDS(node->inputs[0], node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_transpose_a, adj_x),
                             hmlc_attr_int(HMLC_ATTR_transpose_b, adj_y)));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that load or store at computed indices, sort, count or generate. */
#include <inttypes.h>

#include "tflite_node.h"

static hmlc_value *as_i64(hmlc_node *node, uint32_t index)
{
    return hmlc_emit_cast(&node->emit, node->inputs[index], HMLC_DTYPE_i64);
}

/* In the element type that the file says. */
static void give_as_declared(hmlc_node *node, uint32_t output, hmlc_value *value)
{
    if (hmlc_node_ok(node)) {
        node->outputs[output] =
            hmlc_emit_cast(&node->emit, value, hmlc_tflite_output(node, output)->dtype);
    }
}

static hmlc_value *gather(hmlc_node *node, hmlc_value *x, hmlc_value *indices, int64_t axis)
{
    return hmlc_emit(&node->emit, HMLC_OP_gather, HMLC_OPERANDS(x, indices),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
}

/* Of the dims that x and indices share, the last is the axis before the one that is gathered. */
void hmlc_tflite_import_gather(hmlc_node *node)
{
    int32_t rank = hmlc_node_rank(node, 0), index_rank = hmlc_node_rank(node, 1);
    int64_t axis = hmlc_node_axis(node, hmlc_node_int(node, "axis", 0), rank);
    int64_t batch = hmlc_node_int(node, "batch_dims", 0);
    batch = batch < 0 ? batch + index_rank : batch;
    if (batch == 0 || !hmlc_node_ok(node)) {
        node->outputs[0] = gather(node, node->inputs[0], node->inputs[1], axis);
        return;
    }
    if (batch != axis || batch > index_rank || index_rank >= HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "axis %" PRId64 " with %" PRId64 " batch dims is not supported", axis,
                       batch);
        return;
    }
    hmlc_value *indices = hmlc_emit_unsqueeze(&node->emit, as_i64(node, 1), index_rank);
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_gather_nd, HMLC_OPERANDS(node->inputs[0], indices),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_batch_dims, batch)));
}

/* (indices, table) */
void hmlc_tflite_import_embedding_lookup(hmlc_node *node)
{
    node->outputs[0] = gather(node, node->inputs[1], node->inputs[0], 0);
}

void hmlc_tflite_import_gather_nd(hmlc_node *node)
{
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_gather_nd,
                                 HMLC_OPERANDS(node->inputs[0], as_i64(node, 1)), HMLC_NO_ATTRS);
}

/* (indices, updates, shape): sums where an index comes twice. */
void hmlc_tflite_import_scatter_nd(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t rank = 0;
    const hmlc_dim *shape =
        hmlc_emit_bind(emit, as_i64(node, 2), "shape", 0, HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &rank);
    hmlc_value *zero = hmlc_emit_scalar_like(emit, node->inputs[1], 0);
    hmlc_value *zeros = hmlc_emit_expand(emit, zero, shape, rank);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_scatter_nd, HMLC_OPERANDS(zeros, as_i64(node, 0), node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_reduction, HMLC_REDUCTION_ADD)));
}

/* (indices, depth, on, off); axis -1 is a new last one. Negative indices give rows without a one:
 * the IR's op counts them from the end, so that they become one that no depth reaches. */
void hmlc_tflite_import_one_hot(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count = 0;
    int32_t rank = hmlc_node_rank(node, 0) + 1;
    int64_t axis = hmlc_node_axis(node, hmlc_node_int(node, "axis", -1), rank);
    const hmlc_dim *depth =
        hmlc_emit_bind(emit, node->inputs[1], "depth", 0, HMLC_DIM_UNBOUNDED, 1, &count);
    hmlc_dim one = hmlc_emit_number(emit, 1);
    hmlc_value *const parts[2] = {hmlc_emit_reshape(emit, node->inputs[3], &one, 1),
                                  hmlc_emit_reshape(emit, node->inputs[2], &one, 1)};
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *values = hmlc_emit_concat(emit, parts, 2, 0), *indices = as_i64(node, 0);
    hmlc_value *negative =
        hmlc_emit_binary(emit, HMLC_OP_less, indices, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0));
    indices = hmlc_emit_select(emit, negative, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, INT32_MAX),
                               indices);
    node->outputs[0] = hmlc_emit(
        emit, HMLC_OP_one_hot, HMLC_OPERANDS(indices, values),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dims(HMLC_ATTR_depth, depth, 1)));
}

/* (x, k): values and their places along the last dim. */
void hmlc_tflite_import_top_k(hmlc_node *node)
{
    uint32_t count = 0;
    const hmlc_dim *k =
        hmlc_emit_bind(&node->emit, node->inputs[1], "k", 0, HMLC_DIM_UNBOUNDED, 1, &count);
    int64_t axis = hmlc_node_axis(node, -1, hmlc_node_rank(node, 0));
    if (!hmlc_node_ok(node)) {
        return;
    }
    const hmlc_op *op = hmlc_emit_op(
        &node->emit, HMLC_OP_top_k, HMLC_OPERANDS(node->inputs[0]),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dims(HMLC_ATTR_count, k, 1)));
    if (op != NULL) {
        node->outputs[0] = op->results[0];
        give_as_declared(node, 1, op->results[1]);
    }
}

void hmlc_tflite_import_cumsum(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis(node, hmlc_truncate_to_int(hmlc_node_constant_input(node, 1)),
                                  hmlc_node_rank(node, 0));
    int64_t exclusive = hmlc_node_int(node, "exclusive", 0) != 0;
    int64_t reverse = hmlc_node_int(node, "reverse", 0) != 0;
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_cumsum, HMLC_OPERANDS(node->inputs[0]),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                            hmlc_attr_int(HMLC_ATTR_exclusive, exclusive),
                                            hmlc_attr_int(HMLC_ATTR_reverse, reverse)));
}

/* The places where the condition holds, one a row. */
void hmlc_tflite_import_where(hmlc_node *node)
{
    static const int64_t rows_first[] = {1, 0};
    hmlc_emitter *emit = &node->emit;
    uint32_t length = 0;
    hmlc_value *number = hmlc_emit_unary(emit, HMLC_OP_nonzero_count, node->inputs[0]);
    const hmlc_dim *count =
        hmlc_emit_bind(emit, number, "nonzero", 0, HMLC_DIM_UNBOUNDED, 1, &length);
    hmlc_value *places = hmlc_emit(emit, HMLC_OP_nonzero, HMLC_OPERANDS(node->inputs[0]),
                                   HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_count, count, 1)));
    node->outputs[0] = hmlc_emit_transpose(emit, places, rows_first);
}

void hmlc_tflite_import_shape(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_dims(&node->emit, hmlc_node_dims(node, 0), (uint32_t)hmlc_node_rank(node, 0),
                       hmlc_tflite_output(node, 0)->dtype);
}

void hmlc_tflite_import_rank(hmlc_node *node)
{
    hmlc_dim rank = hmlc_emit_number(&node->emit, hmlc_node_rank(node, 0));
    node->outputs[0] = hmlc_emit_dim(&node->emit, rank, hmlc_tflite_output(node, 0)->dtype);
}

/* (start, limit, delta) */
void hmlc_tflite_import_range(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *limits[3];
    uint32_t count = 0;
    for (uint32_t i = 0; i < 3; i++) {
        limits[i] = hmlc_emit_reshape(emit, node->inputs[i], NULL, 0);
    }
    hmlc_value *length = hmlc_emit(emit, HMLC_OP_range_dims, limits, 3, HMLC_NO_ATTRS);
    const hmlc_dim *dim = hmlc_emit_bind(emit, length, "range", 0, HMLC_DIM_UNBOUNDED, 1, &count);
    node->outputs[0] = hmlc_emit(emit, HMLC_OP_range, limits, 3,
                                 HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, dim, 1)));
}

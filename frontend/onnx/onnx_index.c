/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that load or store at computed indices, sort, or count. */
#include "common/run_time_axes.h"
#include "onnx_node.h"

#include <inttypes.h>

void hmlc_onnx_import_gather(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis_attr(node, 0);
    node->outputs[0] =
        hmlc_emit(&node->emit, node->opcode, HMLC_OPERANDS(node->inputs[0], node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
}

void hmlc_onnx_import_gather_nd(hmlc_node *node)
{
    int64_t batch_dims = hmlc_node_int(node, "batch_dims", 0);
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_gather_nd, HMLC_OPERANDS(node->inputs[0], node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_batch_dims, batch_dims)));
}

static int32_t reduction(hmlc_node *node)
{
    return hmlc_node_choice(node, "reduction", "none|add|mul|min|max", HMLC_REDUCTION_NONE);
}

void hmlc_onnx_import_scatter_elements(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis_attr(node, 0);
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_scatter_elements, node->inputs, 3,
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                            hmlc_attr_int(HMLC_ATTR_reduction, reduction(node))));
}

void hmlc_onnx_import_scatter_nd(hmlc_node *node)
{
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_scatter_nd, node->inputs, 3,
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_reduction, reduction(node))));
}

void hmlc_onnx_import_trilu(hmlc_node *node)
{
    int64_t upper = hmlc_node_int(node, "upper", 1) != 0;
    uint32_t count = hmlc_node_has_input(node, 1) ? 2 : 1;
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_trilu, node->inputs, count,
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_upper, upper)));
}

static void emit_top_k(hmlc_node *node, const hmlc_dim *count)
{
    int64_t axis = hmlc_node_axis_attr(node, -1);
    int64_t largest = hmlc_node_int(node, "largest", 1) != 0;
    int64_t sorted = hmlc_node_int(node, "sorted", 1) != 0;
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_op *op = hmlc_emit_op(&node->emit, HMLC_OP_top_k, HMLC_OPERANDS(node->inputs[0]),
                               HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                          hmlc_attr_dims(HMLC_ATTR_count, count, 1),
                                          hmlc_attr_int(HMLC_ATTR_largest, largest),
                                          hmlc_attr_int(HMLC_ATTR_sorted, sorted)));
    if (op != NULL) {
        node->outputs[0] = op->results[0];
        node->outputs[1] = op->results[1];
    }
}

void hmlc_onnx_import_top_k(hmlc_node *node)
{
    uint32_t count = 0;
    const hmlc_dim *k =
        hmlc_emit_bind(&node->emit, node->inputs[1], "k", 0, HMLC_DIM_UNBOUNDED, 1, &count);
    if (k != NULL && count != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "k has %" PRIu32 " elements", count);
    }
    emit_top_k(node, k);
}

/* TopK before opset 10. */
void hmlc_onnx_import_top_k_attribute(hmlc_node *node)
{
    hmlc_dim count = hmlc_emit_number(&node->emit, hmlc_node_int(node, "k", 1));
    emit_top_k(node, &count);
}

static hmlc_value *emit_running(hmlc_node *node, hmlc_value *x, int64_t axis)
{
    int64_t exclusive = hmlc_node_int(node, "exclusive", 0) != 0;
    int64_t reverse = hmlc_node_int(node, "reverse", 0) != 0;
    return hmlc_emit(&node->emit, node->opcode, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_int(HMLC_ATTR_exclusive, exclusive),
                                hmlc_attr_int(HMLC_ATTR_reverse, reverse)));
}

void hmlc_onnx_import_running(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = node->inputs[0];
    uint32_t count = 0;
    hmlc_value *run_time = hmlc_node_run_time_list(node, 1, &count);
    if (run_time == NULL) {
        double given = hmlc_node_constant_input(node, 1);
        int64_t axis = hmlc_node_axis(node, (int64_t)given, hmlc_node_rank(node, 0));
        node->outputs[0] = emit_running(node, x, axis);
        return;
    }
    if (count != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the axis has %" PRIu32 " elements",
                       count);
        return;
    }
    const hmlc_dim *around = hmlc_node_axes_split(node, x, run_time);
    hmlc_value *middle = emit_running(node, hmlc_emit_reshape(emit, x, around, 3), 1);
    node->outputs[0] = hmlc_emit_reshape(emit, middle, x->type->dims, (uint32_t)x->type->rank);
}

/* Positions of what is not zero, i64[rank, count]. */
static hmlc_value *emit_nonzero(hmlc_emitter *emit, hmlc_value *x)
{
    uint32_t length = 0;
    hmlc_value *number = hmlc_emit_unary(emit, HMLC_OP_nonzero_count, x);
    const hmlc_dim *count =
        hmlc_emit_bind(emit, number, "nonzero", 0, HMLC_DIM_UNBOUNDED, 1, &length);
    return hmlc_emit(emit, HMLC_OP_nonzero, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_count, count, 1)));
}

void hmlc_onnx_import_nonzero(hmlc_node *node)
{
    node->outputs[0] = emit_nonzero(&node->emit, node->inputs[0]);
}

/* Compress keeps what the condition chooses: a gather of the positions where it holds. */
void hmlc_onnx_import_compress(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = node->inputs[0];
    int64_t axis = 0;
    if (hmlc_onnx_attr(node, "axis") != NULL) {
        axis = hmlc_node_axis_attr(node, 0);
    } else {
        hmlc_dim count = hmlc_type_count(hmlc_emit_table(emit), x->type);
        x = hmlc_emit_reshape(emit, x, &count, 1);
    }
    if (hmlc_node_rank(node, 1) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the condition has rank %d, must be 1",
                       hmlc_node_rank(node, 1));
        return;
    }
    hmlc_value *positions = hmlc_emit_squeeze(emit, emit_nonzero(emit, node->inputs[1]), 0);
    node->outputs[0] = hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(x, positions),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
}

static hmlc_value *emit_iota(hmlc_emitter *emit, const hmlc_dim *shape, uint32_t rank, int64_t axis)
{
    return hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, rank),
                                hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
}

/* ReverseSequence: element t of a sequence of length n comes from n - 1 - t while t < n. */
void hmlc_onnx_import_reverse_sequence(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_node_rank(node, 0);
    int64_t batch = hmlc_node_axis(node, hmlc_node_int(node, "batch_axis", 1), rank);
    int64_t time = hmlc_node_axis(node, hmlc_node_int(node, "time_axis", 0), rank);
    if (batch == time || hmlc_node_rank(node, 1) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "needs two different axes and lengths of rank 1");
        return;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    hmlc_emit_require_equal(emit, hmlc_node_dims(node, 1)[0], hmlc_node_dims(node, 0)[batch]);
    for (int32_t i = 0; i < rank; i++) {
        shape[i] = i == batch ? hmlc_node_dims(node, 1)[0] : hmlc_emit_number(emit, 1);
    }
    hmlc_value *length = hmlc_emit_reshape(emit, node->inputs[1], shape, (uint32_t)rank);
    hmlc_value *index = emit_iota(emit, hmlc_node_dims(node, 0), (uint32_t)rank, time);
    hmlc_value *inside = hmlc_emit_binary(emit, HMLC_OP_less, index, length);
    hmlc_value *last =
        hmlc_emit_binary(emit, HMLC_OP_sub, length, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 1));
    hmlc_value *mirrored = hmlc_emit_binary(emit, HMLC_OP_sub, last, index);
    /* Nothing is inside of a negative length: it is asked for as an index out of range. */
    hmlc_value *negative =
        hmlc_emit_binary(emit, HMLC_OP_less, length, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0));
    hmlc_value *never = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, -(double)HMLC_DIM_UNBOUNDED);
    hmlc_value *outside = hmlc_emit_select(emit, negative, never, index);
    hmlc_value *source = hmlc_emit_select(emit, inside, mirrored, outside);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_gather_elements, HMLC_OPERANDS(node->inputs[0], source),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, time)));
}

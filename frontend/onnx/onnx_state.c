/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that carry state from one step of a decoder to the next. */
#include "onnx_node.h"

#include <inttypes.h>

/* `count` zeros along the last axis, before x. */
static hmlc_value *zeros_before(hmlc_node *node, hmlc_value *x, hmlc_dim count)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim shape[] = {x->type->dims[0], x->type->dims[1], count};
    return hmlc_emit_expand(emit, hmlc_emit_scalar_like(emit, x, 0), shape, 3);
}

/* Along the last axis: state and input joined, convolved without padding, one kernel per channel;
 * the joined tensor's end is the next state. */
void hmlc_onnx_import_causal_conv(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_value *x = node->inputs[0];
    const hmlc_dim *w = hmlc_node_dims(node, 1);
    int64_t channels, width;
    int32_t activation = hmlc_node_choice(node, "activation", "none|silu|swish", 0);
    if (hmlc_node_rank(node, 0) != 3 || hmlc_node_rank(node, 1) != 3 ||
        (hmlc_node_has_input(node, 3) && hmlc_node_rank(node, 3) != 3)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input, weights and state must have rank 3");
        return;
    }
    if (!hmlc_dim_is_constant(w[0], &channels) || !hmlc_dim_is_constant(w[2], &width)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "the shape of the weights '%s' is known only at run time",
                       hmlc_node_input_name(node, 1));
        return;
    }
    hmlc_dim before = hmlc_emit_number(emit, width - 1), zero = hmlc_emit_number(emit, 0);
    hmlc_value *state =
        hmlc_node_has_input(node, 3) ? node->inputs[3] : zeros_before(node, x, before);
    if (hmlc_node_ok(node)) {
        hmlc_emit_require_equal(emit, state->type->dims[2], before);
    }
    hmlc_value *joined = hmlc_emit_concat(emit, (hmlc_value *const[]){state, x}, 2, 2);
    const int64_t one = 1;
    const hmlc_dim pads[] = {zero, zero};
    hmlc_value *const operands[] = {joined, node->inputs[1], node->inputs[2]};
    hmlc_value *y =
        hmlc_emit(emit, HMLC_OP_conv, operands, hmlc_node_has_input(node, 2) ? 3 : 2,
                  HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_strides, &one, 1),
                             hmlc_attr_dims(HMLC_ATTR_pads, pads, 2),
                             hmlc_attr_ints(HMLC_ATTR_dilations, &one, 1),
                             hmlc_attr_int(HMLC_ATTR_groups, channels),
                             hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST)));
    node->outputs[0] = activation != 0 ? hmlc_emit_unary(emit, HMLC_OP_silu, y) : y;
    if (hmlc_node_ok(node)) {
        hmlc_dim start = hmlc_dim_subtract(table, joined->type->dims[2], before);
        node->outputs[1] = hmlc_emit_slice_axis(emit, joined, 2, start, before);
    }
}

/* Update and cache differ along the axis alone. An update that is longer reaches beyond a linear
 * cache, and would write twice to places of a circular one. */
static void require_fitting(hmlc_node *node, int64_t axis, bool circular)
{
    hmlc_emitter *emit = &node->emit;
    for (int32_t i = 0; i < hmlc_node_rank(node, 0); i++) {
        hmlc_dim cache = hmlc_node_dims(node, 0)[i], update = hmlc_node_dims(node, 1)[i];
        if (i != axis) {
            hmlc_emit_require_equal(emit, cache, update);
        } else if (circular) {
            hmlc_dim zero = hmlc_emit_number(emit, 0);
            hmlc_emit_require_equal(emit, hmlc_dim_less(hmlc_emit_table(emit), cache, update),
                                    zero);
        }
    }
}

/* Each sample's update goes to its own place along the axis. */
void hmlc_onnx_import_tensor_scatter(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axis = hmlc_node_axis_attr(node, -2);
    int32_t rank = hmlc_node_rank(node, 1);
    int32_t circular = hmlc_node_choice(node, "mode", "linear|circular", 0);
    if (hmlc_node_rank(node, 0) != rank || axis == 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "axis %" PRId64 " for a cache of rank %d and an update of rank %d", axis,
                       hmlc_node_rank(node, 0), rank);
        return;
    }
    const hmlc_dim *update = hmlc_node_dims(node, 1);
    require_fitting(node, axis, circular != 0);
    hmlc_value *at = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                               HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, update, (uint32_t)rank),
                                          hmlc_attr_int(HMLC_ATTR_axis, axis),
                                          hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    if (hmlc_node_has_input(node, 2)) {
        hmlc_dim shape[HMLC_MAX_RANK];
        for (int32_t i = 0; i < rank; i++) {
            shape[i] = i == 0 ? update[0] : hmlc_emit_number(emit, 1);
        }
        hmlc_value *start = hmlc_emit_reshape(emit, node->inputs[2], shape, (uint32_t)rank);
        /* Negative places are invalid here: they do not count from the end. */
        hmlc_value *zero = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0);
        hmlc_value *never = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, -(double)HMLC_DIM_UNBOUNDED);
        start =
            hmlc_emit_select(emit, hmlc_emit_binary(emit, HMLC_OP_less, start, zero), never, start);
        at = hmlc_emit_binary(emit, HMLC_OP_add, at, start);
    }
    if (circular) {
        hmlc_value *size = hmlc_emit_dim(emit, hmlc_node_dims(node, 0)[axis], HMLC_DTYPE_i64);
        at = hmlc_emit_binary(emit, HMLC_OP_mod, at, size);
    }
    node->outputs[0] = hmlc_emit(emit, HMLC_OP_scatter_elements,
                                 HMLC_OPERANDS(node->inputs[0], at, node->inputs[1]),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
}

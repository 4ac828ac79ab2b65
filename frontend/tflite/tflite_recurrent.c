/* SPDX-License-Identifier: Apache-2.0 */
/* UNIDIRECTIONAL_SEQUENCE_LSTM. */
#include "tflite_recurrent.h"

/* Inputs: weights of the gates i f c o for the input and for the state, peepholes, biases,
 * projection, states. */
enum {
    INPUT = 0,
    INPUT_WEIGHTS = 1,
    STATE_WEIGHTS = 5,
    PEEPHOLES = 9,
    BIASES = 12,
    PROJECTION = 16,
    OUTPUT_STATE = 18,
    CELL_STATE = 19,
    LAYER_NORMS = 20,
    GATES = 4,
};

/* The op of the IR is the plain LSTM; others are written out (tflite_lstm.c). */
static bool is_plain(hmlc_node *node)
{
    bool plain = hmlc_node_int(node, "fused_activation_function", 0) == 4 &&
                 !hmlc_node_has_input(node, PROJECTION);
    for (uint32_t i = 0; i < GATES; i++) {
        plain = plain && hmlc_node_has_input(node, INPUT_WEIGHTS + i) &&
                hmlc_node_has_input(node, STATE_WEIGHTS + i) &&
                hmlc_node_has_input(node, BIASES + i) &&
                !hmlc_node_has_input(node, LAYER_NORMS + i);
    }
    for (uint32_t i = PEEPHOLES; i < BIASES; i++) {
        plain = plain && !hmlc_node_has_input(node, i);
    }
    return plain;
}

/* Four inputs from `first` on, in the IR's order i o f c, joined along dim 0. */
static hmlc_value *join_gates(hmlc_node *node, uint32_t first)
{
    hmlc_value *const gates[GATES] = {node->inputs[first], node->inputs[first + 3],
                                      node->inputs[first + 1], node->inputs[first + 2]};
    return hmlc_emit_unsqueeze(&node->emit, hmlc_emit_concat(&node->emit, gates, GATES, 0), 0);
}

/* Is the cell state clipped where it can reach the bound? Each step adds at most 1 to it, and what
 * is kept from run to run grows without end. */
static bool clips(hmlc_node *node)
{
    int64_t steps = 0;
    double clip = hmlc_node_float(node, "cell_clip", 0);
    const hmlc_type *x = node->inputs[INPUT]->type;
    bool time_first = hmlc_node_int(node, "time_major", 0) != 0;
    bool known = x->rank == 3 && hmlc_dim_is_constant(x->dims[time_first ? 0 : 1], &steps);
    bool kept = hmlc_value_constant(node->inputs[CELL_STATE]) == NULL;
    return clip > 0 && (kept || !known || (double)steps > clip);
}

/* The IR's data is [time, batch, depth], its result [time, direction, batch, hidden]. */
void hmlc_tflite_import_sequence_lstm(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    if (hmlc_node_int(node, "diagonal_recurrent_tensors", 0) != 0) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "has diagonal weights, which is not supported");
    }
    if (!hmlc_tflite_float_weights(node) || !hmlc_tflite_is_state(node, OUTPUT_STATE) ||
        !hmlc_tflite_is_state(node, CELL_STATE)) {
        return;
    }
    if (!hmlc_node_has_input(node, INPUT) || !is_plain(node) || clips(node)) {
        hmlc_tflite_write_out_lstm(node);
        return;
    }
    hmlc_value *x = hmlc_tflite_time_first(node);
    if (x == NULL) {
        return;
    }
    hmlc_value *bias = join_gates(node, BIASES);
    hmlc_value *w = join_gates(node, INPUT_WEIGHTS), *r = join_gates(node, STATE_WEIGHTS);
    hmlc_value *none = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0);
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *zeros = hmlc_emit_expand(emit, none, bias->type->dims, 2);
    hmlc_value *const halves[2] = {bias, zeros};
    hmlc_value *both = hmlc_emit_concat(emit, halves, 2, 1);
    hmlc_value *hidden = hmlc_emit_unsqueeze(emit, node->inputs[OUTPUT_STATE], 0);
    hmlc_value *cell = hmlc_emit_unsqueeze(emit, node->inputs[CELL_STATE], 0);
    const hmlc_op *op = hmlc_emit_op(
        emit, HMLC_OP_lstm, HMLC_OPERANDS(x, w, r, both, NULL, hidden, cell),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_direction, HMLC_DIRECTION_FORWARD),
                   hmlc_attr_int(HMLC_ATTR_input_forget, 0), hmlc_attr_float(HMLC_ATTR_clip, 0)));
    if (op == NULL) {
        return;
    }
    hmlc_tflite_keep(node, OUTPUT_STATE, hmlc_emit_squeeze(emit, op->results[1], 0));
    hmlc_tflite_keep(node, CELL_STATE, hmlc_emit_squeeze(emit, op->results[2], 0));
    node->outputs[0] = hmlc_tflite_as_given(node, hmlc_emit_squeeze(emit, op->results[0], 1));
}

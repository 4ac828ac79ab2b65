/* SPDX-License-Identifier: Apache-2.0 */
/* UNIDIRECTIONAL_SEQUENCE_LSTM. */
#include <inttypes.h>

#include "tflite_import.h"

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

/* What this importer takes is the plain LSTM of floats; the rest is refused by name. */
static bool is_plain(hmlc_node *node)
{
    const char *what = NULL;
    for (uint32_t i = 0; i < GATES; i++) {
        bool whole = hmlc_node_has_input(node, INPUT_WEIGHTS + i) &&
                     hmlc_node_has_input(node, STATE_WEIGHTS + i) &&
                     hmlc_node_has_input(node, BIASES + i);
        what = whole ? what : "an input gate that is missing (CIFG)";
    }
    for (uint32_t i = PEEPHOLES; i < BIASES; i++) {
        what = hmlc_node_has_input(node, i) ? "peepholes" : what;
    }
    what = hmlc_node_has_input(node, PROJECTION) ? "a projection" : what;
    for (uint32_t i = LAYER_NORMS; i < LAYER_NORMS + GATES; i++) {
        what = hmlc_node_has_input(node, i) ? "layer norms" : what;
    }
    what = hmlc_node_int(node, "fused_activation_function", 0) != 4
               ? "an activation that is not tanh"
               : what;
    what = hmlc_node_float(node, "proj_clip", 0) != 0 ? "a clipped projection" : what;
    what = hmlc_node_float(node, "cell_clip", 0) != 0 ? "a clipped cell state" : what;
    what = hmlc_node_int(node, "diagonal_recurrent_tensors", 0) != 0 ? "diagonal weights" : what;
    if (what != NULL) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "has %s, which is not supported",
                       what);
    }
    return hmlc_node_ok(node);
}

static bool is_float(hmlc_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_input(node, i);
        if (tensor != NULL && tensor->dtype != HMLC_DTYPE_f32) {
            hmlc_node_fail(
                node, HMLC_ERROR_op_unsupported_type, "convert the model without quantization",
                "'%s' is %s; an LSTM of integers is not supported yet", tensor->key, tensor->type);
            return false;
        }
    }
    return hmlc_node_ok(node);
}

/* Four inputs from `first` on, in the IR's order i o f c, joined along dim 0. */
static hmlc_value *join_gates(hmlc_node *node, uint32_t first)
{
    hmlc_value *const gates[GATES] = {node->inputs[first], node->inputs[first + 3],
                                      node->inputs[first + 1], node->inputs[first + 2]};
    return hmlc_emit_unsqueeze(&node->emit, hmlc_emit_concat(&node->emit, gates, GATES, 0), 0);
}

/* State that the file keeps from run to run begins at 0 in each run here. */
static void say_state(hmlc_node *node)
{
    const hmlc_tflite_tensor *state = hmlc_tflite_input(node, CELL_STATE);
    if (state != NULL && state->is_variable) {
        hmlc_warning_add(
            node->emit.builder.module->diagnostics, HMLC_ERROR_not_implemented,
            node->emit.builder.location, NULL,
            "its state '%s' begins at 0 in every run; TFLite keeps it until it is reset",
            state->key);
    }
}

/* The IR's data is [time, batch, depth], its result [time, direction, batch, hidden]. */
void hmlc_tflite_import_sequence_lstm(hmlc_node *node)
{
    static const int64_t swap[] = {1, 0, 2};
    hmlc_emitter *emit = &node->emit;
    if (!is_plain(node) || !is_float(node)) {
        return;
    }
    bool time_first = hmlc_node_int(node, "time_major", 0) != 0;
    if (hmlc_node_rank(node, INPUT) != 3) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 3",
                       hmlc_node_rank(node, INPUT));
        return;
    }
    say_state(node);
    hmlc_value *x = node->inputs[INPUT];
    x = time_first ? x : hmlc_emit_transpose(emit, x, swap);
    hmlc_value *bias = join_gates(node, BIASES);
    hmlc_value *w = join_gates(node, INPUT_WEIGHTS), *r = join_gates(node, STATE_WEIGHTS);
    hmlc_value *none = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0);
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *zeros = hmlc_emit_expand(emit, none, bias->type->dims, 2);
    hmlc_value *const halves[2] = {bias, zeros};
    hmlc_value *both = hmlc_emit_concat(emit, halves, 2, 1);
    const hmlc_op *op = hmlc_emit_op(
        emit, HMLC_OP_lstm, HMLC_OPERANDS(x, w, r, both),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_direction, HMLC_DIRECTION_FORWARD),
                   hmlc_attr_int(HMLC_ATTR_input_forget, 0), hmlc_attr_float(HMLC_ATTR_clip, 0)));
    if (op == NULL) {
        return;
    }
    hmlc_value *y = hmlc_emit_squeeze(emit, op->results[0], 1);
    node->outputs[0] = time_first ? y : hmlc_emit_transpose(emit, y, swap);
}

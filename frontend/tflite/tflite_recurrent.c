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
    const char *what = hmlc_node_has_input(node, INPUT) ? NULL : "no input";
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
    for (uint32_t i = OUTPUT_STATE; i <= CELL_STATE; i++) {
        const hmlc_tflite_tensor *state =
            hmlc_node_has_input(node, i) ? hmlc_tflite_input(node, i) : NULL;
        what = state == NULL || !state->is_variable ? "a state that is no variable" : what;
    }
    for (uint32_t i = LAYER_NORMS; i < LAYER_NORMS + GATES; i++) {
        what = hmlc_node_has_input(node, i) ? "layer norms" : what;
    }
    what = hmlc_node_int(node, "fused_activation_function", 0) != 4
               ? "an activation that is not tanh"
               : what;
    what = hmlc_node_float(node, "proj_clip", 0) != 0 ? "a clipped projection" : what;
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

/* Steps that are written out one by one are at most so many. */
enum { MOST_STEPS = 256 };

/* Is the cell state clipped where it can reach the bound? Each step adds at most 1 to it, and what
 * is kept from run to run grows without end. */
static bool clips(hmlc_node *node, const hmlc_value *x, int64_t *steps)
{
    double clip = hmlc_node_float(node, "cell_clip", 0);
    bool known = hmlc_dim_is_constant(x->type->dims[0], steps);
    bool kept = hmlc_value_constant(node->inputs[CELL_STATE]) == NULL;
    bool reaches = clip > 0 && (kept || !known || (double)*steps > clip);
    if (reaches && (!known || *steps > MOST_STEPS)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "clips its cell state over more than %d steps, or over a number that only "
                       "the run knows",
                       MOST_STEPS);
    }
    return reaches;
}

/* Part `k` of four along the last dim of [batch, 4 * hidden]. */
static hmlc_value *part_of(hmlc_node *node, hmlc_value *gates, int64_t k)
{
    hmlc_emitter *emit = &node->emit;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim size = hmlc_dim_floordiv(table, gates->type->dims[1], hmlc_emit_number(emit, GATES));
    hmlc_dim start = hmlc_dim_multiply(table, size, hmlc_emit_number(emit, k));
    return hmlc_emit_slice_axis(emit, gates, 1, start, size);
}

/* c = clip(f c + i g), h = o tanh(c). */
static void step(hmlc_node *node, hmlc_value *gates, hmlc_value **cell, hmlc_value **hidden)
{
    hmlc_emitter *emit = &node->emit;
    double clip = hmlc_node_float(node, "cell_clip", 0);
    hmlc_value *in = hmlc_emit_unary(emit, HMLC_OP_sigmoid, part_of(node, gates, 0));
    hmlc_value *out = hmlc_emit_unary(emit, HMLC_OP_sigmoid, part_of(node, gates, 1));
    hmlc_value *forget = hmlc_emit_unary(emit, HMLC_OP_sigmoid, part_of(node, gates, 2));
    hmlc_value *new = hmlc_emit_unary(emit, HMLC_OP_tanh, part_of(node, gates, 3));
    hmlc_value *next =
        hmlc_emit_binary(emit, HMLC_OP_add, hmlc_emit_binary(emit, HMLC_OP_mul, forget, *cell),
                         hmlc_emit_binary(emit, HMLC_OP_mul, in, new));
    *cell = hmlc_node_ok(node) ? hmlc_tflite_clip(emit, next, -clip, clip) : NULL;
    *hidden = hmlc_emit_binary(emit, HMLC_OP_mul, out, hmlc_emit_unary(emit, HMLC_OP_tanh, *cell));
}

/* x [time, batch, depth], weights [1, 4 * hidden, ...], bias [1, 4 * hidden]: all steps, [time,
 * batch, hidden]. */
static hmlc_value *unrolled(hmlc_node *node, hmlc_value *x, hmlc_value *w, hmlc_value *r,
                            hmlc_value *bias, int64_t steps)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_attr turned = hmlc_attr_int(HMLC_ATTR_transpose_b, 1);
    hmlc_value *cell = node->inputs[CELL_STATE], *hidden = node->inputs[OUTPUT_STATE];
    hmlc_value *results[MOST_STEPS];
    hmlc_value *all = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(x, w), &turned, 1);
    all = hmlc_emit_binary(emit, HMLC_OP_add, all, bias);
    r = hmlc_node_ok(node) ? hmlc_emit_squeeze(emit, r, 0) : NULL;
    for (int64_t t = 0; t < steps && hmlc_node_ok(node); t++) {
        hmlc_value *gates = hmlc_emit_slice_axis(emit, all, 0, hmlc_emit_number(emit, t),
                                                 hmlc_emit_number(emit, 1));
        gates = hmlc_emit_squeeze(emit, gates, 0);
        hmlc_value *again = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(hidden, r), &turned, 1);
        gates = hmlc_emit_binary(emit, HMLC_OP_add, gates, again);
        step(node, gates, &cell, &hidden);
        results[t] = hmlc_emit_unsqueeze(emit, hidden, 0);
    }
    hmlc_tflite_keep(node, OUTPUT_STATE, hidden);
    hmlc_tflite_keep(node, CELL_STATE, cell);
    return hmlc_node_ok(node) ? hmlc_emit_concat(emit, results, (uint32_t)steps, 0) : NULL;
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
    hmlc_value *x = node->inputs[INPUT];
    x = time_first ? x : hmlc_emit_transpose(emit, x, swap);
    hmlc_value *bias = join_gates(node, BIASES);
    hmlc_value *w = join_gates(node, INPUT_WEIGHTS), *r = join_gates(node, STATE_WEIGHTS);
    hmlc_value *none = hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0);
    if (!hmlc_node_ok(node)) {
        return;
    }
    int64_t steps = 0;
    if (clips(node, x, &steps)) {
        hmlc_value *y = hmlc_node_ok(node) ? unrolled(node, x, w, r, bias, steps) : NULL;
        node->outputs[0] =
            time_first || !hmlc_node_ok(node) ? y : hmlc_emit_transpose(emit, y, swap);
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
    hmlc_value *y = hmlc_emit_squeeze(emit, op->results[0], 1);
    node->outputs[0] = time_first ? y : hmlc_emit_transpose(emit, y, swap);
}

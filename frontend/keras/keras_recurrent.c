/* SPDX-License-Identifier: Apache-2.0 */
/* LSTM, GRU, simple cells, and Bidirectional around them. Keras has the batch first, the IR's ops
 * the steps; the gates of an LSTM stand in another order. */
#include "common/gates.h"
#include "keras_check.h"

#include <string.h>

#include <hmlc/activation.h>

enum { MOST_STATES = 2, SEQUENCE = 0, FINAL = 1 };

/* A kind of cell. */
typedef struct cell_row {
    const char *class_name;
    hmlc_opcode opcode;
    const hmlc_gates *gates;
    uint32_t states;
    char old_gates[HMLC_MOST_GATES]; /* in the names of Keras 1's weights: W_i; in Keras' order */
    uint32_t activations;            /* what the op has: gates, candidate, hidden */
} cell_row;

static const cell_row cells[] = {
    {"LSTM", HMLC_OP_lstm, &hmlc_lstm_gates, 2, {'i', 'f', 'c', 'o'}, 3},
    {"GRU", HMLC_OP_gru, &hmlc_gru_gates, 1, {'z', 'r', 'h'}, 2},
    {"SimpleRNN", HMLC_OP_rnn, &hmlc_rnn_gates, 1, {0}, 1},
};

static const cell_row *find_cell(const char *class_name)
{
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        if (strcmp(cells[i].class_name, class_name) == 0) {
            return &cells[i];
        }
    }
    return NULL;
}

/* The results of one direction: [B, S, H], then states [B, H]. */
typedef struct cell_results {
    hmlc_value *values[1 + MOST_STATES];
} cell_results;

/* Keras 1 keeps the gates apart: W_i, W_c, W_f, W_o. Together as kernel, in Keras' order. */
static hmlc_value *join_gates(hmlc_keras_call *call, const cell_row *cell, char letter,
                              int32_t rank)
{
    hmlc_value *parts[HMLC_MOST_GATES];
    for (uint32_t i = 0; i < cell->gates->count; i++) {
        const char name[] = {letter, '_', cell->old_gates[i], '\0'};
        parts[i] = cell->old_gates[i] != 0 ? hmlc_keras_weight_of(call, name, rank) : NULL;
        if (parts[i] == NULL) {
            return NULL;
        }
    }
    return hmlc_emit_concat(hmlc_keras_emitter(call), parts, cell->gates->count, rank - 1);
}

static hmlc_value *weight_of(hmlc_keras_call *call, const cell_row *cell, const char *name,
                             char old, int32_t rank)
{
    hmlc_value *weight = hmlc_keras_weight_of(call, name, rank);
    return weight != NULL ? weight : join_gates(call, cell, old, rank);
}

/* Does the cell reset before the product with the state, or after it? Only then it has two biases.
 */
static bool resets_after(hmlc_keras_call *call)
{
    return hmlc_keras_flag(call, "reset_after", false);
}

/* b: the input's bias and the state's, zeros where there is none. */
static hmlc_value *both_biases(hmlc_keras_call *call, const cell_row *cell)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *parts[2];
    if (cell->opcode == HMLC_OP_gru && resets_after(call)) {
        hmlc_value *bias = hmlc_keras_weight_of(call, "bias", 2);
        for (uint32_t i = 0; bias != NULL && i < 2; i++) {
            hmlc_value *row = hmlc_emit_slice_axis(emit, bias, 0, hmlc_emit_number(emit, i),
                                                   hmlc_emit_number(emit, 1));
            parts[i] = hmlc_emit_gates(emit, cell->gates,
                                       row != NULL ? hmlc_emit_squeeze(emit, row, 0) : NULL);
        }
        return bias != NULL && parts[0] != NULL && parts[1] != NULL
                   ? hmlc_emit_concat(emit, parts, 2, 1)
                   : NULL;
    }
    hmlc_value *bias = hmlc_emit_gates(emit, cell->gates, weight_of(call, cell, "bias", 'b', 1));
    if (bias == NULL) {
        return NULL;
    }
    hmlc_value *zeros = hmlc_emit_expand(emit, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0),
                                         bias->type->dims, (uint32_t)bias->type->rank);
    parts[0] = bias;
    parts[1] = zeros;
    return zeros != NULL ? hmlc_emit_concat(emit, parts, 2, 1) : NULL;
}

/* The attributes of the activations; none where they are the usual ones. */
static uint32_t activation_attrs(hmlc_keras_call *call, const cell_row *cell, int64_t *kinds,
                                 double *alphas, double *betas, hmlc_attr *attrs)
{
    const char *gates = hmlc_keras_entry(call, "inner_activation") != NULL ? "inner_activation"
                                                                           : "recurrent_activation";
    const char *usual = call->importer->version == 1 ? "hard_sigmoid" : "sigmoid";
    bool has_gates = cell->activations > 1, plain = true;
    for (uint32_t i = 0; i < cell->activations; i++) {
        bool gate = has_gates && i == HMLC_ACTIVATION_GATES;
        if (!hmlc_keras_cell_activation(call, gate ? gates : "activation", gate ? usual : "tanh",
                                        &kinds[i], &alphas[i], &betas[i])) {
            return 0;
        }
        plain = plain && kinds[i] == (gate ? HMLC_ACTIVATION_sigmoid : HMLC_ACTIVATION_tanh);
    }
    attrs[0] = hmlc_attr_ints(HMLC_ATTR_activations, kinds, cell->activations);
    attrs[1] = hmlc_attr_floats(HMLC_ATTR_activation_alpha, alphas, cell->activations);
    attrs[2] = hmlc_attr_floats(HMLC_ATTR_activation_beta, betas, cell->activations);
    return plain ? 0 : 3;
}

static bool check_cell(hmlc_keras_call *call)
{
    if (hmlc_keras_flag(call, "stateful", false)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented,
                        "save it with stateful=False, and give the states as inputs",
                        "with stateful keeps its state between runs, which is not supported");
    }
    if (hmlc_keras_flag(call, "time_major", false)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL, "with time_major is not supported");
    }
    return hmlc_keras_check_rank(call, 3);
}

/* Initial states, given as further inputs (Keras 2) or by name (3). */
static void initial_states(hmlc_keras_call *call, const cell_row *cell, hmlc_value **states)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    uint32_t count = hmlc_keras_tensors(call, "initial_state", states, cell->states);
    for (uint32_t i = 0; count == 0 && i < cell->states && i + 1 < call->node.input_count; i++) {
        states[i] = call->node.inputs[i + 1];
    }
    for (uint32_t i = 0; i < cell->states; i++) {
        states[i] = states[i] != NULL ? hmlc_emit_unsqueeze(emit, states[i], 0) : NULL;
    }
}

/* One direction. `reverse`: from the last step; its sequence stays in the order of the steps. */
static bool emit_cell(hmlc_keras_call *call, const cell_row *cell, bool reverse,
                      cell_results *results)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *states[MOST_STATES] = {NULL};
    int64_t kinds[3];
    double alphas[3], betas[3];
    hmlc_attr attrs[5] = {hmlc_attr_int(HMLC_ATTR_direction,
                                        reverse ? HMLC_DIRECTION_REVERSE : HMLC_DIRECTION_FORWARD)};
    uint32_t attr_count = 1;
    if (!check_cell(call)) {
        return false;
    }
    if (cell->opcode == HMLC_OP_gru) {
        attrs[attr_count++] = hmlc_attr_int(HMLC_ATTR_linear_before_reset, resets_after(call));
    }
    hmlc_value *w = weight_of(call, cell, "kernel", 'W', 2);
    hmlc_value *r = weight_of(call, cell, "recurrent_kernel", 'U', 2);
    hmlc_keras_check_dim(call, w, 1, (const char *const[2]){"units", "output_dim"},
                         cell->gates->count);
    hmlc_keras_check_dim(call, r, 1, (const char *const[2]){"units", "output_dim"},
                         cell->gates->count);
    initial_states(call, cell, states);
    attr_count += activation_attrs(call, cell, kinds, alphas, betas, attrs + attr_count);
    if (w == NULL || r == NULL || !hmlc_keras_ok(call)) {
        return false;
    }
    hmlc_value *operands[] = {hmlc_emit_steps_first(emit, call->node.inputs[0]),
                              hmlc_emit_gates(emit, cell->gates, w),
                              hmlc_emit_gates(emit, cell->gates, r),
                              both_biases(call, cell),
                              NULL,
                              states[0],
                              states[1]};
    hmlc_op *op = hmlc_emit_op(emit, cell->opcode, operands, 5 + cell->states, attrs, attr_count);
    if (op == NULL) {
        return false;
    }
    results->values[SEQUENCE] =
        hmlc_emit_steps_first(emit, hmlc_emit_squeeze(emit, op->results[SEQUENCE], 1));
    for (uint32_t i = 0; i < cell->states; i++) {
        results->values[FINAL + i] = hmlc_emit_squeeze(emit, op->results[FINAL + i], 0);
    }
    return hmlc_keras_ok(call);
}

/* go_backwards gives the sequence in the order in which it came to be. */
void hmlc_keras_import_recurrent(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    const cell_row *cell = find_cell(call->layer->class_name);
    cell_results results;
    bool backwards = hmlc_keras_flag(call, "go_backwards", false);
    if (!emit_cell(call, cell, backwards, &results)) {
        return;
    }
    hmlc_value *sequence = results.values[SEQUENCE];
    if (backwards) {
        sequence = hmlc_emit_steps_turned(emit, sequence, 1);
    }
    bool whole = hmlc_keras_flag(call, "return_sequences", false);
    call->node.outputs[0] = whole ? sequence : results.values[FINAL];
    for (uint32_t i = 0; hmlc_keras_flag(call, "return_state", false) && i < cell->states; i++) {
        call->node.outputs[1 + i] = results.values[FINAL + i];
    }
}

/* -- Bidirectional ----------------------------------------------------------------------------- */

static hmlc_value *merge(hmlc_keras_call *call, hmlc_value *a, hmlc_value *b)
{
    static const struct {
        const char *mode;
        hmlc_opcode opcode;
    } rows[] = {{"sum", HMLC_OP_add}, {"mul", HMLC_OP_mul}, {"ave", HMLC_OP_add}};
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    const char *mode = hmlc_keras_text(call, "merge_mode", "concat");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(mode, rows[i].mode) == 0) {
            hmlc_value *y = hmlc_emit_binary(emit, rows[i].opcode, a, b);
            return strcmp(mode, "ave") == 0
                       ? hmlc_emit_binary(emit, HMLC_OP_mul, y,
                                          hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0.5))
                       : y;
        }
    }
    if (strcmp(mode, "concat") != 0) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "'merge_mode' is '%s'", mode);
        return NULL;
    }
    hmlc_value *const parts[] = {a, b};
    return hmlc_emit_concat(emit, parts, 2, a->type->rank - 1);
}

/* A half of the layer, as a call of the layer inside. */
static bool emit_half(hmlc_keras_call *call, uint32_t index, bool *sequences, cell_results *results)
{
    hmlc_keras_layer *layer = call->layer->wrapped[index];
    const cell_row *cell = find_cell(layer->class_name);
    hmlc_keras_call half = *call;
    half.layer = layer;
    half.source = NULL;
    if (cell == NULL || hmlc_keras_flag(&half, "return_state", false) ||
        call->node.input_count > 1) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL, "around %s%s is not supported",
                        layer->class_name, cell != NULL ? " with states" : "");
        return false;
    }
    if (index == 0 && hmlc_keras_flag(&half, "go_backwards", false)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "with a first layer that goes backwards is not supported");
        return false;
    }
    bool known = hmlc_keras_check_layer(&half);
    *sequences = hmlc_keras_flag(&half, "return_sequences", false);
    bool good = known && emit_cell(&half, cell, index == 1, results);
    call->node.emit.status = half.node.emit.status;
    return good;
}

/* The second half goes through the steps backwards; its sequence is in their order here. */
void hmlc_keras_import_bidirectional(hmlc_keras_call *call)
{
    cell_results halves[HMLC_KERAS_WRAPPED];
    bool sequences = false;
    for (uint32_t i = 0; i < HMLC_KERAS_WRAPPED; i++) {
        if (call->layer->wrapped[i] == NULL || !emit_half(call, i, &sequences, &halves[i])) {
            return;
        }
    }
    uint32_t which = sequences ? SEQUENCE : FINAL;
    if (hmlc_keras_entry(call, "merge_mode") == NULL &&
        hmlc_json_get(call->layer->config, "merge_mode") != NULL) {
        call->node.outputs[0] = halves[0].values[which];
        call->node.outputs[1] = halves[1].values[which];
        return;
    }
    call->node.outputs[0] = merge(call, halves[0].values[which], halves[1].values[which]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* LSTM, and Bidirectional around it. Keras has the batch first and gates i f c o; the IR's op has
 * the steps first and gates i o f c. */
#include "keras_call.h"

#include <string.h>

#include <hmlc/activation.h>

enum { GATES = 4, STATES = 2, SEQUENCE = 0, FINAL_H = 1, FINAL_C = 2 };

/* The results of one direction: [B, S, H], [B, H], [B, H]. */
typedef struct lstm_results {
    hmlc_value *values[1 + STATES];
} lstm_results;

/* The gates of a weight whose last dim is 4H, in the IR's order, each turned to rows. */
static hmlc_value *order_gates(hmlc_keras_call *call, hmlc_value *weight)
{
    static const int64_t places[GATES] = {0, 3, 1, 2}, turn[] = {1, 0};
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    int32_t last = weight->type->rank - 1;
    hmlc_value *parts[GATES];
    hmlc_dim size = hmlc_dim_floordiv(hmlc_emit_table(emit), weight->type->dims[last],
                                      hmlc_emit_number(emit, GATES));
    for (uint32_t i = 0; i < GATES; i++) {
        hmlc_dim start =
            hmlc_dim_multiply(hmlc_emit_table(emit), size, hmlc_emit_number(emit, places[i]));
        parts[i] = hmlc_emit_slice_axis(emit, weight, last, start, size);
    }
    hmlc_value *ordered = hmlc_keras_ok(call) ? hmlc_emit_concat(emit, parts, GATES, last) : NULL;
    if (ordered != NULL && last == 1) {
        ordered = hmlc_emit_transpose(emit, ordered, turn);
    }
    return ordered != NULL ? hmlc_emit_unsqueeze(emit, ordered, 0) : NULL;
}

/* Keras 1 keeps the gates apart: W_i, W_c, W_f, W_o. Together as kernel, in the order i f c o. */
static hmlc_value *join_gates(hmlc_keras_call *call, char letter, int32_t rank)
{
    static const char gates[GATES] = {'i', 'f', 'c', 'o'};
    hmlc_value *parts[GATES];
    for (uint32_t i = 0; i < GATES; i++) {
        const char name[] = {letter, '_', gates[i], '\0'};
        parts[i] = hmlc_keras_weight_of(call, name, rank);
        if (parts[i] == NULL) {
            return NULL;
        }
    }
    return hmlc_emit_concat(hmlc_keras_emitter(call), parts, GATES, rank - 1);
}

static hmlc_value *weight_of(hmlc_keras_call *call, const char *name, char old, int32_t rank)
{
    hmlc_value *weight = hmlc_keras_weight_of(call, name, rank);
    return weight != NULL ? weight : join_gates(call, old, rank);
}

/* b: the bias, and zeros where the op has a second one. */
static hmlc_value *both_biases(hmlc_keras_call *call, hmlc_value *bias)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    if (bias == NULL) {
        return NULL;
    }
    hmlc_value *zeros = hmlc_emit_expand(emit, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 0),
                                         bias->type->dims, (uint32_t)bias->type->rank);
    hmlc_value *const parts[] = {bias, zeros};
    return zeros != NULL ? hmlc_emit_concat(emit, parts, 2, 1) : NULL;
}

static uint32_t activation_attrs(hmlc_keras_call *call, int64_t *kinds, double *alphas,
                                 double *betas, hmlc_attr *attrs)
{
    const char *gates = hmlc_keras_entry(call, "inner_activation") != NULL ? "inner_activation"
                                                                           : "recurrent_activation";
    const char *usual = call->importer->version == 1 ? "hard_sigmoid" : "sigmoid";
    if (!hmlc_keras_cell_activation(call, gates, usual, &kinds[HMLC_ACTIVATION_GATES],
                                    &alphas[HMLC_ACTIVATION_GATES],
                                    &betas[HMLC_ACTIVATION_GATES]) ||
        !hmlc_keras_cell_activation(call, "activation", "tanh", &kinds[HMLC_ACTIVATION_CANDIDATE],
                                    &alphas[HMLC_ACTIVATION_CANDIDATE],
                                    &betas[HMLC_ACTIVATION_CANDIDATE])) {
        return 0;
    }
    kinds[HMLC_ACTIVATION_HIDDEN] = kinds[HMLC_ACTIVATION_CANDIDATE];
    alphas[HMLC_ACTIVATION_HIDDEN] = alphas[HMLC_ACTIVATION_CANDIDATE];
    betas[HMLC_ACTIVATION_HIDDEN] = betas[HMLC_ACTIVATION_CANDIDATE];
    if (kinds[HMLC_ACTIVATION_GATES] == HMLC_ACTIVATION_sigmoid &&
        kinds[HMLC_ACTIVATION_CANDIDATE] == HMLC_ACTIVATION_tanh) {
        return 0;
    }
    attrs[0] = hmlc_attr_ints(HMLC_ATTR_activations, kinds, 3);
    attrs[1] = hmlc_attr_floats(HMLC_ATTR_activation_alpha, alphas, 3);
    attrs[2] = hmlc_attr_floats(HMLC_ATTR_activation_beta, betas, 3);
    return 3;
}

static bool check_lstm(hmlc_keras_call *call)
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
static void initial_states(hmlc_keras_call *call, hmlc_value **states)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    uint32_t count = hmlc_keras_tensors(call, "initial_state", states, STATES);
    for (uint32_t i = 0; count == 0 && i < STATES && i + 1 < call->node.input_count; i++) {
        states[i] = call->node.inputs[i + 1];
    }
    for (uint32_t i = 0; i < STATES; i++) {
        states[i] = states[i] != NULL ? hmlc_emit_unsqueeze(emit, states[i], 0) : NULL;
    }
}

/* One direction. `reverse`: from the last step; its sequence stays in the order of the steps. */
static bool emit_lstm(hmlc_keras_call *call, bool reverse, lstm_results *results)
{
    static const int64_t swap[] = {1, 0, 2};
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *states[STATES] = {NULL};
    int64_t kinds[3];
    double alphas[3], betas[3];
    hmlc_attr attrs[4] = {hmlc_attr_int(HMLC_ATTR_direction,
                                        reverse ? HMLC_DIRECTION_REVERSE : HMLC_DIRECTION_FORWARD)};
    if (!check_lstm(call)) {
        return false;
    }
    hmlc_value *w = weight_of(call, "kernel", 'W', 2);
    hmlc_value *r = weight_of(call, "recurrent_kernel", 'U', 2);
    hmlc_value *bias = weight_of(call, "bias", 'b', 1);
    initial_states(call, states);
    uint32_t count = 1 + activation_attrs(call, kinds, alphas, betas, attrs + 1);
    if (w == NULL || r == NULL || !hmlc_keras_ok(call)) {
        return false;
    }
    hmlc_value *operands[] = {hmlc_emit_transpose(emit, call->node.inputs[0], swap),
                              order_gates(call, w),
                              order_gates(call, r),
                              bias != NULL ? both_biases(call, order_gates(call, bias)) : NULL,
                              NULL,
                              states[0],
                              states[1]};
    hmlc_op *op = hmlc_emit_op(emit, HMLC_OP_lstm, operands, 7, attrs, count);
    if (op == NULL) {
        return false;
    }
    results->values[SEQUENCE] =
        hmlc_emit_transpose(emit, hmlc_emit_squeeze(emit, op->results[SEQUENCE], 1), swap);
    results->values[FINAL_H] = hmlc_emit_squeeze(emit, op->results[FINAL_H], 0);
    results->values[FINAL_C] = hmlc_emit_squeeze(emit, op->results[FINAL_C], 0);
    return hmlc_keras_ok(call);
}

/* The steps in the other order. */
static hmlc_value *turn_steps(hmlc_emitter *emit, hmlc_value *x)
{
    hmlc_dim starts[3], steps[3];
    for (int32_t i = 0; i < 3; i++) {
        starts[i] = i == 1 ? hmlc_dim_subtract(hmlc_emit_table(emit), x->type->dims[1],
                                               hmlc_emit_number(emit, 1))
                           : hmlc_emit_number(emit, 0);
        steps[i] = hmlc_emit_number(emit, i == 1 ? -1 : 1);
    }
    return hmlc_emit_slice(emit, x, starts, x->type->dims, steps);
}

/* go_backwards gives the sequence in the order in which it came to be. */
void hmlc_keras_import_lstm(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    lstm_results results;
    bool backwards = hmlc_keras_flag(call, "go_backwards", false);
    if (!emit_lstm(call, backwards, &results)) {
        return;
    }
    hmlc_value *sequence = results.values[SEQUENCE];
    if (backwards) {
        sequence = turn_steps(emit, sequence);
    }
    call->node.outputs[0] =
        hmlc_keras_flag(call, "return_sequences", false) ? sequence : results.values[FINAL_H];
    if (hmlc_keras_flag(call, "return_state", false)) {
        call->node.outputs[1] = results.values[FINAL_H];
        call->node.outputs[2] = results.values[FINAL_C];
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
static bool emit_half(hmlc_keras_call *call, uint32_t index, bool *sequences, lstm_results *results)
{
    hmlc_keras_layer *layer = call->layer->wrapped[index];
    hmlc_keras_call half = *call;
    half.layer = layer;
    half.source = NULL;
    if (strcmp(layer->class_name, "LSTM") != 0 || hmlc_keras_flag(&half, "return_state", false) ||
        call->node.input_count > 1) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL, "around %s%s is not supported",
                        layer->class_name,
                        strcmp(layer->class_name, "LSTM") == 0 ? " with states" : "");
        return false;
    }
    *sequences = hmlc_keras_flag(&half, "return_sequences", false);
    bool good = emit_lstm(&half, index == 1, results);
    call->node.emit.status = half.node.emit.status;
    return good;
}

/* The second half goes through the steps backwards; its sequence is in their order here. */
void hmlc_keras_import_bidirectional(hmlc_keras_call *call)
{
    lstm_results halves[HMLC_KERAS_WRAPPED];
    bool sequences = false;
    for (uint32_t i = 0; i < HMLC_KERAS_WRAPPED; i++) {
        if (call->layer->wrapped[i] == NULL || !emit_half(call, i, &sequences, &halves[i])) {
            return;
        }
    }
    uint32_t which = sequences ? SEQUENCE : FINAL_H;
    if (hmlc_keras_entry(call, "merge_mode") == NULL &&
        hmlc_json_get(call->layer->config, "merge_mode") != NULL) {
        call->node.outputs[0] = halves[0].values[which];
        call->node.outputs[1] = halves[1].values[which];
        return;
    }
    call->node.outputs[0] = merge(call, halves[0].values[which], halves[1].values[which]);
}

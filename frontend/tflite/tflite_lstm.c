/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LSTMs with what the plain one has not: coupled gates (CIFG), peepholes, a projection, layer
 * norms, clipping, other activations, both directions; written out step by step as the reference
 * kernel computes them (lstm_eval.cc, LstmStepFloat).
 */
#include <inttypes.h>

#include "tflite_recurrent.h"

enum { INPUT_GATE, FORGET, CELL, OUTPUT, GATES };

/* Where a direction's inputs are; without layer norms 0. */
typedef struct lstm {
    uint32_t weights, again, peepholes, biases, projection, hidden_state, cell_state, norms;
    hmlc_value *hidden, *cell;
} lstm;

/* Numbers of a direction's inputs behind `base`, which is 0 or 17. */
static lstm direction_at(uint32_t base, uint32_t states, uint32_t norms)
{
    return (lstm){.weights = base + 1,
                  .again = base + 5,
                  .peepholes = base + 9,
                  .biases = base + 12,
                  .projection = base + 16,
                  .hidden_state = states,
                  .cell_state = states + 1,
                  .norms = norms};
}

static bool open_lstm(hmlc_node *node, lstm *self)
{
    for (uint32_t g = 0; g < GATES; g++) {
        bool given = hmlc_node_has_input(node, self->weights + g) &&
                     hmlc_node_has_input(node, self->again + g) &&
                     hmlc_node_has_input(node, self->biases + g);
        if (!given && (g != INPUT_GATE || hmlc_node_has_input(node, self->weights + g))) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "lacks weights or a bias of gate %" PRIu32, g);
            return false;
        }
    }
    if (!hmlc_tflite_is_state(node, self->hidden_state) ||
        !hmlc_tflite_is_state(node, self->cell_state)) {
        return false;
    }
    self->hidden = node->inputs[self->hidden_state];
    self->cell = node->inputs[self->cell_state];
    return true;
}

/* Over the last dim: mean 0, variance 1 (MeanStddevNormalization), times a weight. */
static hmlc_value *normalized(hmlc_node *node, hmlc_value *x, hmlc_value *weight)
{
    static const int64_t last[] = {1};
    hmlc_emitter *emit = &node->emit;
    hmlc_value *mean = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, x, last, 1, true);
    hmlc_value *rest = hmlc_emit_binary(emit, HMLC_OP_sub, x, mean);
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, rest, rest);
    hmlc_value *variance = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, square, last, 1, true);
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    variance =
        hmlc_emit_binary(emit, HMLC_OP_add, variance, hmlc_emit_scalar_like(emit, variance, 1e-8));
    rest = hmlc_emit_binary(emit, HMLC_OP_div, rest, hmlc_emit_unary(emit, HMLC_OP_sqrt, variance));
    return hmlc_emit_binary(emit, HMLC_OP_mul, rest, weight);
}

/* Gate `g` before its activation; peepholes of the gates i f o see the cell. */
static hmlc_value *gate_sum(hmlc_node *node, const lstm *self, hmlc_value *x, uint32_t g)
{
    static const uint32_t peepholes[GATES] = {0, 1, UINT32_MAX, 2};
    hmlc_emitter *emit = &node->emit;
    hmlc_value *sum =
        hmlc_emit_binary(emit, HMLC_OP_add, hmlc_tflite_times_weight(node, x, self->weights + g),
                         hmlc_tflite_times_weight(node, self->hidden, self->again + g));
    if (g != CELL && hmlc_node_has_input(node, self->peepholes + peepholes[g])) {
        hmlc_value *seen = node->inputs[self->peepholes + peepholes[g]];
        sum = hmlc_emit_binary(emit, HMLC_OP_add, sum,
                               hmlc_emit_binary(emit, HMLC_OP_mul, seen, self->cell));
    }
    if (self->norms != 0 && hmlc_node_has_input(node, self->norms + g)) {
        sum = normalized(node, sum, node->inputs[self->norms + g]);
    }
    return hmlc_emit_binary(emit, HMLC_OP_add, sum, node->inputs[self->biases + g]);
}

static hmlc_value *clipped(hmlc_node *node, hmlc_value *x, const char *bound)
{
    double most = hmlc_node_float(node, bound, 0);
    return most > 0 && hmlc_node_ok(node) ? hmlc_tflite_clip(&node->emit, x, -most, most) : x;
}

static hmlc_value *project(hmlc_node *node, const lstm *self, hmlc_value *hidden)
{
    if (!hmlc_node_has_input(node, self->projection)) {
        return hidden;
    }
    hidden = hmlc_tflite_times_weight(node, hidden, self->projection);
    if (hmlc_node_has_input(node, self->projection + 1)) {
        hidden =
            hmlc_emit_binary(&node->emit, HMLC_OP_add, hidden, node->inputs[self->projection + 1]);
    }
    return clipped(node, hidden, "proj_clip");
}

/* c = f c + i g, h = o activation(c); coupled gates: i = 1 - f. */
static hmlc_value *lstm_step(hmlc_node *node, hmlc_value *x, void *context)
{
    lstm *self = context;
    hmlc_emitter *emit = &node->emit;
    hmlc_value *forget = hmlc_emit_unary(emit, HMLC_OP_sigmoid, gate_sum(node, self, x, FORGET));
    hmlc_value *in = NULL;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (hmlc_node_has_input(node, self->weights)) {
        in = hmlc_emit_unary(emit, HMLC_OP_sigmoid, gate_sum(node, self, x, INPUT_GATE));
    } else {
        in = hmlc_emit_binary(emit, HMLC_OP_sub, hmlc_emit_scalar_like(emit, forget, 1), forget);
    }
    hmlc_value *new = gate_sum(node, self, x, CELL);
    new = hmlc_node_ok(node) ? hmlc_tflite_activate(node, new) : NULL;
    hmlc_value *next =
        hmlc_emit_binary(emit, HMLC_OP_add, hmlc_emit_binary(emit, HMLC_OP_mul, forget, self->cell),
                         hmlc_emit_binary(emit, HMLC_OP_mul, in, new));
    self->cell = clipped(node, next, "cell_clip");
    hmlc_value *out = hmlc_emit_unary(emit, HMLC_OP_sigmoid, gate_sum(node, self, x, OUTPUT));
    hmlc_value *shown = hmlc_node_ok(node) ? hmlc_tflite_activate(node, self->cell) : NULL;
    hmlc_value *hidden = hmlc_emit_binary(emit, HMLC_OP_mul, out, shown);
    self->hidden = hmlc_node_ok(node) ? project(node, self, hidden) : NULL;
    return self->hidden;
}

static hmlc_value *run_lstm(hmlc_node *node, hmlc_value *x, lstm self, bool backward)
{
    if (x == NULL || !hmlc_node_ok(node) || !open_lstm(node, &self)) {
        return NULL;
    }
    hmlc_value *y = hmlc_tflite_write_out(node, x, backward, lstm_step, &self);
    hmlc_tflite_keep(node, self.hidden_state, hmlc_node_ok(node) ? self.hidden : NULL);
    hmlc_tflite_keep(node, self.cell_state, hmlc_node_ok(node) ? self.cell : NULL);
    return y;
}

void hmlc_tflite_write_out_lstm(hmlc_node *node)
{
    node->outputs[0] = run_lstm(node, hmlc_tflite_time_first(node), direction_at(0, 18, 20), false);
}

void hmlc_tflite_import_both_lstm(hmlc_node *node)
{
    enum { BACKWARD = 17, STATES = 35, SECOND_INPUT = 39 };
    for (uint32_t i = SECOND_INPUT; i < node->input_count; i++) {
        if (hmlc_node_has_input(node, i)) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "has a second input, which is not supported");
            return;
        }
    }
    if (!hmlc_tflite_float_weights(node)) {
        return;
    }
    hmlc_value *x = hmlc_tflite_time_first(node);
    hmlc_value *forward = run_lstm(node, x, direction_at(0, STATES, 0), false);
    hmlc_value *backward = run_lstm(node, x, direction_at(BACKWARD, STATES + 2, 0), true);
    hmlc_tflite_give_directions(node, forward, backward);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* RNN and the sequence RNNs; what recurrent layers that are written out share. */
#include <inttypes.h>

#include "tflite_recurrent.h"

static bool is_time_first(hmlc_node *node)
{
    return hmlc_node_int(node, "time_major", 0) != 0;
}

static const int64_t swap[] = {1, 0, 2};

hmlc_value *hmlc_tflite_time_first(hmlc_node *node)
{
    if (!hmlc_node_has_input(node, 0) || hmlc_node_rank(node, 0) != 3) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 3",
                       hmlc_node_has_input(node, 0) ? hmlc_node_rank(node, 0) : 0);
        return NULL;
    }
    return is_time_first(node) ? node->inputs[0]
                               : hmlc_emit_transpose(&node->emit, node->inputs[0], swap);
}

hmlc_value *hmlc_tflite_as_given(hmlc_node *node, hmlc_value *y)
{
    return is_time_first(node) || !hmlc_node_ok(node) ? y
                                                      : hmlc_emit_transpose(&node->emit, y, swap);
}

hmlc_value *hmlc_tflite_write_out(hmlc_node *node, hmlc_value *x, bool backward,
                                  hmlc_tflite_step *step, void *context)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *results[HMLC_TFLITE_MOST_STEPS];
    int64_t steps = 0;
    if (!hmlc_dim_is_constant(x->type->dims[0], &steps) || steps < 1 ||
        steps > HMLC_TFLITE_MOST_STEPS) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "is written out step by step, which takes 1 to %d steps of a known number",
                       HMLC_TFLITE_MOST_STEPS);
        return NULL;
    }
    for (int64_t i = 0; i < steps && hmlc_node_ok(node); i++) {
        int64_t t = backward ? steps - 1 - i : i;
        hmlc_value *one =
            hmlc_emit_slice_axis(emit, x, 0, hmlc_emit_number(emit, t), hmlc_emit_number(emit, 1));
        hmlc_value *result = step(node, hmlc_emit_squeeze(emit, one, 0), context);
        results[t] = hmlc_node_ok(node) ? hmlc_emit_unsqueeze(emit, result, 0) : NULL;
    }
    hmlc_value *all =
        hmlc_node_ok(node) ? hmlc_emit_concat(emit, results, (uint32_t)steps, 0) : NULL;
    return hmlc_tflite_as_given(node, all);
}

void hmlc_tflite_give_directions(hmlc_node *node, hmlc_value *forward, hmlc_value *backward)
{
    hmlc_value *const both[] = {forward, backward};
    bool merged = hmlc_node_int(node, "merge_outputs", 0) != 0;
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (node->output_count != (merged ? 1U : 2U)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has %" PRIu32 " outputs",
                       node->output_count);
    } else if (merged) {
        node->outputs[0] = hmlc_emit_concat(&node->emit, both, 2, 2);
    } else {
        node->outputs[0] = forward;
        node->outputs[1] = backward;
    }
}

hmlc_value *hmlc_tflite_times_weight(hmlc_node *node, hmlc_value *x, uint32_t index)
{
    const hmlc_attr turned = hmlc_attr_int(HMLC_ATTR_transpose_b, 1);
    return hmlc_emit(&node->emit, HMLC_OP_matmul, HMLC_OPERANDS(x, node->inputs[index]), &turned,
                     1);
}

bool hmlc_tflite_float_weights(hmlc_node *node)
{
    for (uint32_t i = 0; i < node->input_count && hmlc_node_ok(node); i++) {
        const hmlc_tflite_tensor *tensor = hmlc_tflite_input(node, i);
        bool byte = i > 0 && hmlc_tflite_is_quantized(tensor) && !tensor->is_variable &&
                    (tensor->dtype == HMLC_DTYPE_i8 || tensor->dtype == HMLC_DTYPE_u8);
        if (byte && node->inputs[i] != NULL) {
            node->inputs[i] = hmlc_tflite_dequantize(node, node->inputs[i], tensor);
        } else if (tensor != NULL && tensor->dtype != HMLC_DTYPE_f32) {
            hmlc_node_fail(node, HMLC_ERROR_op_unsupported_type,
                           "convert the model without quantization of its activations",
                           "'%s' is %s; a recurrent layer of integers is not supported yet",
                           tensor->key, tensor->type);
        }
    }
    return hmlc_node_ok(node);
}

bool hmlc_tflite_is_state(hmlc_node *node, uint32_t index)
{
    if (!hmlc_node_has_input(node, index) || !hmlc_tflite_input(node, index)->is_variable) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "has a state that is no variable, which is not supported");
    }
    return hmlc_node_ok(node);
}

/* -- RNN: h = activation(W x + R h + b) -- */

typedef struct rnn {
    uint32_t weights; /* W, R, b follow each other, then the state */
    hmlc_value *hidden;
} rnn;

static bool open_rnn(hmlc_node *node, uint32_t weights, rnn *self)
{
    *self = (rnn){.weights = weights};
    for (uint32_t i = 0; i < 3 && hmlc_node_ok(node); i++) {
        if (!hmlc_node_has_input(node, weights + i)) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is missing",
                           weights + i);
        }
    }
    if (!hmlc_node_ok(node) || !hmlc_tflite_is_state(node, weights + 3)) {
        return false;
    }
    self->hidden = node->inputs[weights + 3];
    return true;
}

static hmlc_value *rnn_step(hmlc_node *node, hmlc_value *x, void *context)
{
    rnn *self = context;
    hmlc_emitter *emit = &node->emit;
    hmlc_value *sum = hmlc_tflite_times_weight(node, x, self->weights);
    sum = hmlc_emit_binary(emit, HMLC_OP_add, sum, node->inputs[self->weights + 2]);
    sum = hmlc_emit_binary(emit, HMLC_OP_add, sum,
                           hmlc_tflite_times_weight(node, self->hidden, self->weights + 1));
    self->hidden = hmlc_node_ok(node) ? hmlc_tflite_activate(node, sum) : NULL;
    return self->hidden;
}

static hmlc_value *run_rnn(hmlc_node *node, hmlc_value *x, uint32_t weights, bool backward)
{
    rnn self;
    if (x == NULL || !hmlc_node_ok(node) || !open_rnn(node, weights, &self)) {
        return NULL;
    }
    hmlc_value *y = hmlc_tflite_write_out(node, x, backward, rnn_step, &self);
    hmlc_tflite_keep(node, weights + 3, hmlc_node_ok(node) ? self.hidden : NULL);
    return y;
}

void hmlc_tflite_import_rnn(hmlc_node *node)
{
    rnn self;
    if (hmlc_tflite_float_weights(node) && hmlc_node_has_input(node, 0) &&
        open_rnn(node, 1, &self)) {
        node->outputs[0] = rnn_step(node, node->inputs[0], &self);
        hmlc_tflite_keep(node, 4, node->outputs[0]);
    }
}

void hmlc_tflite_import_sequence_rnn(hmlc_node *node)
{
    if (hmlc_tflite_float_weights(node)) {
        node->outputs[0] = run_rnn(node, hmlc_tflite_time_first(node), 1, false);
    }
}

void hmlc_tflite_import_both_rnn(hmlc_node *node)
{
    if (hmlc_node_has_input(node, 9) || !hmlc_tflite_float_weights(node)) {
        if (hmlc_node_ok(node)) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "has a second input, which is not supported");
        }
        return;
    }
    hmlc_value *x = hmlc_tflite_time_first(node);
    hmlc_value *forward = run_rnn(node, x, 1, false);
    hmlc_value *backward = run_rnn(node, x, 5, true);
    hmlc_tflite_give_directions(node, forward, backward);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keras' recurrent layers in functions. Those that cuDNN could serve (tanh, sigmoid, biases) are
 * functions that say by an attribute what they implement, one for each device. The CPU's is a loop
 * of known parts: it becomes the IR's operator where these parts are what the name promises, and
 * stays a loop where they are not.
 */
#include "common/gates.h"
#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#include <string.h>

enum { MOST_STATES = 2, MOST_COUNTS = 8 };

/* An operator, and how often a turn has it. */
typedef struct part_count {
    const char *op;
    uint32_t count;
} part_count;

typedef struct layer_row {
    const char *implements; /* begins the attribute */
    hmlc_opcode opcode;
    const hmlc_gates *gates;
    uint32_t states;
    part_count parts[MOST_COUNTS];
} layer_row;

static const layer_row layers[] = {
    {"lstm_",
     HMLC_OP_lstm,
     &hmlc_lstm_gates,
     2,
     {{"MatMul", 2}, {"BiasAdd", 1}, {"Split", 1}, {"Sigmoid", 3}, {"Tanh", 2}, {"Mul", 3}}},
    {"gru_",
     HMLC_OP_gru,
     &hmlc_gru_gates,
     1,
     {{"MatMul", 2},
      {"BiasAdd", 2},
      {"Split", 2},
      {"Sigmoid", 2},
      {"Tanh", 1},
      {"Mul", 3},
      {"Sub", 1}}},
};

/* What a function of such a layer is. */
typedef struct layer_form {
    const layer_row *row;
    bool steps_first, backwards;
    bool last_alone; /* the sequence has its last step alone */
} layer_form;

static const Tensorflow__AttrValue *function_attr(const hmlc_tf_graph *graph, const char *name)
{
    const Tensorflow__FunctionDef *function = graph->function;
    return hmlc_tf_attr_among(&(hmlc_tf_attrs){function->attr, function->n_attr}, name);
}

static bool same_text(const Tensorflow__AttrValue *a, const char *text, size_t length)
{
    return a != NULL && a->has_s && a->s.len == length && memcmp(a->s.data, text, length) == 0;
}

static const layer_row *find_row(const Tensorflow__AttrValue *implements)
{
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        size_t length = strlen(layers[i].implements);
        if (implements != NULL && implements->has_s && implements->s.len > length &&
            memcmp(implements->s.data, layers[i].implements, length) == 0) {
            return &layers[i];
        }
    }
    return NULL;
}

/* The CPU's function of what one for a GPU implements. */
static hmlc_tf_graph *cpu_twin(const hmlc_tf_importer *importer, hmlc_tf_graph *graph)
{
    const Tensorflow__AttrValue *own = function_attr(graph, "api_implements");
    const Tensorflow__FunctionDefLibrary *library = importer->graph_def->library;
    if (!same_text(function_attr(graph, "api_preferred_device"), "GPU", 3)) {
        return graph;
    }
    for (size_t i = 0; i < library->n_function; i++) {
        hmlc_tf_graph *other = hmlc_tf_function(importer, library->function[i]->signature->name);
        bool twin =
            other != NULL && same_text(function_attr(other, "api_preferred_device"), "CPU", 3) &&
            same_text(function_attr(other, "api_implements"), (const char *)own->s.data,
                      own->s.len) &&
            other->function->signature->n_input_arg == graph->function->signature->n_input_arg;
        if (twin) {
            return other;
        }
    }
    return graph;
}

static uint32_t count_op(const hmlc_tf_graph *graph, const char *op)
{
    uint32_t count = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        count += graph->nodes[i]->op != NULL && strcmp(graph->nodes[i]->op, op) == 0 ? 1 : 0;
    }
    return count;
}

/* Of a turn: what computes nothing, and the sums that go with the products. */
static bool is_beside(const char *op)
{
    static const char *const others[] = {"Identity",         "Const", "AddV2",
                                         "ReadVariableOp",   "NoOp",  "TensorListGetItem",
                                         "TensorListSetItem"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(op, others[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_parts(const hmlc_tf_graph *turn, const layer_row *row)
{
    size_t counted = 0;
    for (size_t i = 0; i < turn->node_count; i++) {
        counted += is_beside(turn->nodes[i]->op) ? 1 : 0;
    }
    for (uint32_t i = 0; i < MOST_COUNTS && row->parts[i].op != NULL; i++) {
        if (count_op(turn, row->parts[i].op) != row->parts[i].count) {
            return false;
        }
        counted += row->parts[i].count;
    }
    return counted == turn->node_count;
}

/* The loop's body; NULL where the function is not one loop. */
static hmlc_tf_graph *turn_of(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph)
{
    const Tensorflow__NodeDef *loop = NULL;
    uint32_t count = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        const char *op = graph->nodes[i]->op;
        if (op != NULL && (strcmp(op, "While") == 0 || strcmp(op, "StatelessWhile") == 0)) {
            loop = graph->nodes[i];
            count++;
        }
    }
    const Tensorflow__AttrValue *body = count == 1 ? hmlc_tf_attr(loop, "body") : NULL;
    return body != NULL && body->func != NULL ? hmlc_tf_function(importer, body->func->name) : NULL;
}

/* Where a turn writes: at its number, or always at 0, so that the last one remains. */
static bool writes_at_zero(const hmlc_tf_importer *importer, const hmlc_tf_graph *turn)
{
    for (size_t i = 0; i < turn->node_count; i++) {
        const Tensorflow__NodeDef *def = turn->nodes[i];
        hmlc_tf_ref ref;
        if (strcmp(def->op, "TensorListSetItem") == 0 && def->n_input > 1) {
            return hmlc_tf_find(importer, turn, def->input[1], &ref) != NULL;
        }
    }
    return true;
}

static bool recognise(hmlc_tf_importer *importer, hmlc_tf_graph *graph, layer_form *form)
{
    const Tensorflow__OpDef *signature = graph->function->signature;
    const layer_row *row = find_row(function_attr(graph, "api_implements"));
    if (row == NULL || signature->n_input_arg != 4 + row->states ||
        signature->n_output_arg != 3 + row->states) {
        return false;
    }
    graph = cpu_twin(importer, graph);
    hmlc_tf_graph *turn = turn_of(importer, graph);
    uint32_t turned = count_op(graph, "Transpose"), reversed = count_op(graph, "ReverseV2");
    if (turn == NULL || hmlc_tf_open_graph(importer, turn) != HMLC_OK || !has_parts(turn, row) ||
        (turned != 2 && turned != 0) || reversed > 1) {
        return false;
    }
    *form = (layer_form){.row = row,
                         .steps_first = turned == 0,
                         .backwards = reversed == 1,
                         .last_alone = writes_at_zero(importer, turn)};
    return true;
}

/* b: the input's bias, then the state's. An LSTM has one for both. */
static hmlc_value *both_biases(hmlc_emitter *emit, const layer_row *row, hmlc_value *bias)
{
    hmlc_value *parts[2] = {NULL};
    if (bias->type->rank == 1) {
        parts[0] = hmlc_emit_gates(emit, row->gates, bias);
        parts[1] = parts[0] != NULL
                       ? hmlc_emit_expand(emit, hmlc_emit_scalar_like(emit, bias, 0),
                                          parts[0]->type->dims, (uint32_t)parts[0]->type->rank)
                       : NULL;
    }
    for (uint32_t i = 0; bias->type->rank == 2 && i < 2; i++) {
        hmlc_value *one = hmlc_emit_slice_axis(emit, bias, 0, hmlc_emit_number(emit, i),
                                               hmlc_emit_number(emit, 1));
        parts[i] =
            hmlc_emit_gates(emit, row->gates, one != NULL ? hmlc_emit_squeeze(emit, one, 0) : NULL);
    }
    return parts[0] != NULL && parts[1] != NULL ? hmlc_emit_concat(emit, parts, 2, 1) : NULL;
}

/* Results: the last step, the sequence, the states. */
static void give_results(hmlc_tf_node *node, const layer_form *form, const hmlc_op *op)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *last = hmlc_emit_squeeze(emit, op->results[1], 0);
    hmlc_value *sequence = hmlc_emit_squeeze(emit, op->results[0], 1);
    sequence = form->backwards ? hmlc_emit_steps_turned(emit, sequence, 0) : sequence;
    sequence = form->steps_first ? sequence : hmlc_emit_steps_first(emit, sequence);
    if (form->last_alone) {
        sequence = hmlc_emit_unsqueeze(emit, last, form->steps_first ? 0 : 1);
    }
    node->node.outputs[0] = last;
    node->node.outputs[1] = sequence;
    for (uint32_t i = 0; i < form->row->states; i++) {
        node->node.outputs[2 + i] = hmlc_emit_squeeze(emit, op->results[1 + i], 0);
    }
}

static bool ranks_fit(hmlc_value *const *inputs, const layer_row *row)
{
    bool fit = inputs[0]->type->rank == 3;
    for (uint32_t i = 0; i < row->states + 2; i++) {
        fit = fit && inputs[1 + i]->type->rank == 2;
    }
    int32_t bias = row->opcode == HMLC_OP_gru ? 2 : 1;
    return fit && inputs[row->states + 3]->type->rank == bias;
}

bool hmlc_tf_import_recurrent(hmlc_tf_node *node, const hmlc_tf_call *call)
{
    layer_form form;
    hmlc_value *inputs[4 + MOST_STATES];
    if (call->function->function->signature == NULL ||
        !recognise(node->importer, call->function, &form) ||
        call->input_count != 4 + form.row->states ||
        (call->wanted >> (2 + form.row->states)) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < call->input_count; i++) {
        inputs[i] = hmlc_tf_plain(node, call->inputs[i]);
        if (inputs[i] == NULL || hmlc_tf_is_handle(inputs[i])) {
            return inputs[i] == NULL; /* which has been said */
        }
    }
    const layer_row *row = form.row;
    hmlc_emitter *emit = &node->node.emit;
    if (!ranks_fit(inputs, row)) {
        return false;
    }
    hmlc_value *states[MOST_STATES] = {NULL};
    for (uint32_t i = 0; i < row->states; i++) {
        states[i] = hmlc_emit_unsqueeze(emit, inputs[1 + i], 0);
    }
    hmlc_value *const operands[] = {form.steps_first ? inputs[0]
                                                     : hmlc_emit_steps_first(emit, inputs[0]),
                                    hmlc_emit_gates(emit, row->gates, inputs[1 + row->states]),
                                    hmlc_emit_gates(emit, row->gates, inputs[2 + row->states]),
                                    both_biases(emit, row, inputs[3 + row->states]),
                                    NULL,
                                    states[0],
                                    states[1]};
    const hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_direction, form.backwards
                                                                      ? HMLC_DIRECTION_REVERSE
                                                                      : HMLC_DIRECTION_FORWARD),
                               hmlc_attr_int(HMLC_ATTR_linear_before_reset, 1)};
    const hmlc_op *op = hmlc_emit_op(emit, row->opcode, operands, 5 + row->states, attrs,
                                     row->opcode == HMLC_OP_gru ? 2 : 1);
    if (op != NULL) {
        give_results(node, &form, op);
    }
    return true;
}

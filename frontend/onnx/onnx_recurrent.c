/* SPDX-License-Identifier: Apache-2.0 */
/* LSTM, GRU, RNN. */
#include "onnx_node.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

/* An activation's name and, where it takes them, its defaults of alpha and beta: those of the
 * operator of its name. ONNX has no such operator for Affine and ScaledTanh any more. */
typedef struct activation_row {
    const char *name;
    hmlc_activation_kind kind;
    bool takes_alpha, takes_beta;
    float alpha, beta;
} activation_row;

static const activation_row activation_rows[] = {
    {"Sigmoid", HMLC_ACTIVATION_sigmoid, false, false, 0, 0},
    {"Tanh", HMLC_ACTIVATION_tanh, false, false, 0, 0},
    {"Relu", HMLC_ACTIVATION_relu, false, false, 0, 0},
    {"Affine", HMLC_ACTIVATION_affine, true, true, NAN, NAN},
    {"LeakyRelu", HMLC_ACTIVATION_leaky_relu, true, false, 0.01F, 0},
    {"ThresholdedRelu", HMLC_ACTIVATION_thresholded_relu, true, false, 1, 0},
    {"ScaledTanh", HMLC_ACTIVATION_scaled_tanh, true, true, NAN, NAN},
    {"HardSigmoid", HMLC_ACTIVATION_hard_sigmoid, true, true, 0.2F, 0.5F},
    {"Elu", HMLC_ACTIVATION_elu, true, false, 1, 0},
    {"Softsign", HMLC_ACTIVATION_softsign, false, false, 0, 0},
    {"Softplus", HMLC_ACTIVATION_softplus, false, false, 0, 0},
};

enum { MOST_ACTIVATIONS = 6, MOST_OPERANDS = 8 };

typedef struct activation_lists {
    uint32_t count;
    int64_t kinds[MOST_ACTIVATIONS];
    double alpha[MOST_ACTIVATIONS], beta[MOST_ACTIVATIONS];
} activation_lists;

/* Letter case does not count, as in ONNX Runtime. */
static const activation_row *find_activation(const ProtobufCBinaryData *word)
{
    for (size_t i = 0; i < sizeof activation_rows / sizeof activation_rows[0]; i++) {
        const char *name = activation_rows[i].name;
        if (word->len == strlen(name) &&
            strncasecmp((const char *)word->data, name, word->len) == 0) {
            return &activation_rows[i];
        }
    }
    return NULL;
}

/* The next entry of a list of alphas or betas, which only the functions that take one consume. */
static double next_parameter(const Onnx__AttributeProto *list, bool taken, float otherwise,
                             size_t *used)
{
    bool given = taken && list != NULL && *used < list->n_floats;
    return (double)(given ? list->floats[(*used)++] : otherwise);
}

/* Entry i of the lists; false and a diagnostic where it is none. */
static bool read_activation(hmlc_node *node, const ProtobufCBinaryData *word, uint32_t i,
                            activation_lists *lists, size_t *alpha, size_t *beta)
{
    const activation_row *row = find_activation(word);
    if (row == NULL) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "activation %u is '%.*s', which the standard does not name", i,
                       (int)(word->len < 32 ? word->len : 32),
                       word->len > 0 ? (const char *)word->data : "");
        return false;
    }
    lists->kinds[i] = row->kind;
    lists->alpha[i] = next_parameter(hmlc_onnx_attr(node, "activation_alpha"), row->takes_alpha,
                                     row->alpha, alpha);
    lists->beta[i] =
        next_parameter(hmlc_onnx_attr(node, "activation_beta"), row->takes_beta, row->beta, beta);
    if (isnan(lists->alpha[i]) || isnan(lists->beta[i])) {
        hmlc_node_fail(
            node, HMLC_ERROR_attribute_invalid, "give activation_alpha and activation_beta",
            "activation %u, %s, lacks an alpha or a beta, and has no default", i, row->name);
        return false;
    }
    return true;
}

/* An empty list where the model has the usual activations. */
static void read_activations(hmlc_node *node, uint32_t directions, activation_lists *lists)
{
    const Onnx__AttributeProto *given = hmlc_onnx_attr(node, "activations");
    const hmlc_cell_kind *kind = hmlc_cell_kind_of(node->opcode);
    if (given == NULL || given->n_strings == 0) {
        return;
    }
    if (given->n_strings != kind->activations * (size_t)directions) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'activations' has %zu entries, must have %d", given->n_strings,
                       (int)(kind->activations * directions));
        return;
    }
    size_t alpha = 0, beta = 0;
    bool usual = true;
    for (uint32_t i = 0; i < (uint32_t)given->n_strings; i++) {
        if (!read_activation(node, &given->strings[i], i, lists, &alpha, &beta)) {
            return;
        }
        usual =
            usual && lists->kinds[i] == (int64_t)hmlc_activation_usual(kind, i % kind->activations);
    }
    lists->count = usual ? 0 : (uint32_t)given->n_strings;
}

/* layout 1 has the batch first: [B, S, I] in, [B, S, D, H] and [B, D, H] out. */
static hmlc_value *swapped(hmlc_node *node, hmlc_value *x, const int64_t *permutation)
{
    return x != NULL ? hmlc_emit_transpose(&node->emit, x, permutation) : NULL;
}

static void set_outputs(hmlc_node *node, const hmlc_op *op, bool batch_first)
{
    static const int64_t sequence[] = {2, 0, 1, 3}, state[] = {1, 0, 2};
    for (uint32_t i = 0; op != NULL && i < op->result_count; i++) {
        node->outputs[i] = op->results[i];
        if (batch_first && hmlc_node_wants_output(node, i)) {
            node->outputs[i] = swapped(node, op->results[i], i == 0 ? sequence : state);
        }
    }
}

/* The input is [S, B, I], and hidden_size is that of the weights. */
static void check_shapes(hmlc_node *node)
{
    int64_t hidden = hmlc_node_int(node, "hidden_size", -1), found;
    if (hmlc_node_rank(node, 2) == 3 && hidden >= 0 &&
        hmlc_dim_is_constant(hmlc_node_dims(node, 2)[2], &found) && found != hidden) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'hidden_size' is %" PRId64 ", but the weights '%s' have %" PRId64, hidden,
                       hmlc_node_input_name(node, 2), found);
    }
    if (hmlc_node_rank(node, 0) != 3) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 3",
                       hmlc_node_rank(node, 0));
    }
}

/* The flag that one of the operators has, as its attribute; count stays where there is none. */
static uint32_t add_flag(hmlc_node *node, hmlc_attr *attrs, uint32_t count)
{
    if (node->opcode == HMLC_OP_lstm) {
        attrs[count++] =
            hmlc_attr_int(HMLC_ATTR_input_forget, hmlc_node_int(node, "input_forget", 0) != 0);
    } else if (node->opcode == HMLC_OP_gru) {
        attrs[count++] = hmlc_attr_int(HMLC_ATTR_linear_before_reset,
                                       hmlc_node_int(node, "linear_before_reset", 0) != 0);
    }
    return count;
}

void hmlc_onnx_import_recurrent(hmlc_node *node)
{
    static const int64_t swap[] = {1, 0, 2};
    int32_t direction = hmlc_node_choice(node, "direction", "forward|reverse|bidirectional",
                                         HMLC_DIRECTION_FORWARD);
    bool batch_first = hmlc_node_int(node, "layout", 0) != 0;
    activation_lists lists = {0};
    read_activations(node, direction == HMLC_DIRECTION_BIDIRECTIONAL ? 2 : 1, &lists);
    check_shapes(node);
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *operands[MOST_OPERANDS] = {NULL};
    uint32_t operand_count = (uint32_t)hmlc_op_get_info(node->opcode)->most_operands;
    memcpy(operands, node->inputs, operand_count * sizeof *operands);
    for (uint32_t i = 0; batch_first && i < operand_count; i++) {
        if (i == 0 || i == 5 || i == 6) {
            operands[i] = swapped(node, operands[i], swap);
        }
    }
    hmlc_attr attrs[6] = {hmlc_attr_int(HMLC_ATTR_direction, direction)};
    uint32_t count = add_flag(node, attrs, 1);
    attrs[count++] = hmlc_attr_float(HMLC_ATTR_clip, hmlc_node_float(node, "clip", 0));
    if (lists.count > 0) {
        attrs[count++] = hmlc_attr_ints(HMLC_ATTR_activations, lists.kinds, lists.count);
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_activation_alpha, lists.alpha, lists.count);
        attrs[count++] = hmlc_attr_floats(HMLC_ATTR_activation_beta, lists.beta, lists.count);
    }
    hmlc_op *op = hmlc_emit_op(&node->emit, node->opcode, operands, operand_count, attrs, count);
    set_outputs(node, op, batch_first);
}

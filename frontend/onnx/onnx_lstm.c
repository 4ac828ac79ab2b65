/* LSTM. */
#include "onnx_node.h"

#include <inttypes.h>
#include <string.h>

/* The IR's cell has the standard activations, per direction. */
static void check_activations(hmlc_onnx_node *node, int64_t directions)
{
    static const char *const usual[] = {"Sigmoid", "Tanh", "Tanh"};
    const Onnx__AttributeProto *given = hmlc_onnx_attr(node, "activations");
    if (given == NULL || given->n_strings == 0) {
        return;
    }
    if (given->n_strings != 3 * (size_t)directions) {
        hmlc_onnx_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'activations' has %zu entries, must have %" PRId64, given->n_strings,
                       3 * directions);
        return;
    }
    for (size_t i = 0; i < given->n_strings; i++) {
        const ProtobufCBinaryData *word = &given->strings[i];
        const char *expected = usual[i % 3];
        if (word->len != strlen(expected) || memcmp(word->data, expected, word->len) != 0) {
            hmlc_onnx_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "activation %zu is '%.*s'; only Sigmoid, Tanh, Tanh are supported", i,
                           (int)(word->len < 32 ? word->len : 32),
                           word->len > 0 ? (const char *)word->data : "");
            return;
        }
    }
}

/* layout 1 has the batch first: [B, S, I] in, [B, S, D, H] and [B, D, H] out. */
static hmlc_value *swapped(hmlc_onnx_node *node, hmlc_value *x, const int64_t *permutation)
{
    return x != NULL ? hmlc_emit_transpose(&node->emit, x, permutation) : NULL;
}

static void set_outputs(hmlc_onnx_node *node, const hmlc_op *op, bool batch_first)
{
    static const int64_t sequence[] = {2, 0, 1, 3}, state[] = {1, 0, 2};
    for (uint32_t i = 0; op != NULL && i < 3; i++) {
        node->outputs[i] = op->results[i];
        if (batch_first && hmlc_onnx_wants_output(node, i)) {
            node->outputs[i] = swapped(node, op->results[i], i == 0 ? sequence : state);
        }
    }
}

void hmlc_onnx_import_lstm(hmlc_onnx_node *node)
{
    static const int64_t swap[] = {1, 0, 2};
    int32_t direction = hmlc_onnx_choice(node, "direction", "forward|reverse|bidirectional",
                                         HMLC_DIRECTION_FORWARD);
    int64_t hidden = hmlc_onnx_int(node, "hidden_size", -1), found;
    bool batch_first = hmlc_onnx_int(node, "layout", 0) != 0;
    check_activations(node, direction == HMLC_DIRECTION_BIDIRECTIONAL ? 2 : 1);
    if (hmlc_onnx_rank(node, 2) == 3 && hidden >= 0 &&
        hmlc_dim_is_constant(hmlc_onnx_dims(node, 2)[2], &found) && found != hidden) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'hidden_size' is %" PRId64 ", but the weights '%s' have %" PRId64, hidden,
                       hmlc_onnx_input_name(node, 2), found);
    }
    if (hmlc_onnx_rank(node, 0) != 3) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 3",
                       hmlc_onnx_rank(node, 0));
    }
    if (!hmlc_onnx_ok(node)) {
        return;
    }
    hmlc_value *operands[8];
    memcpy(operands, node->inputs, sizeof operands);
    for (uint32_t i = 0; batch_first && i < 8; i++) {
        if (i == 0 || i == 5 || i == 6) {
            operands[i] = swapped(node, operands[i], swap);
        }
    }
    hmlc_op *op =
        hmlc_emit_op(&node->emit, HMLC_OP_lstm, operands, 8,
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_direction, direction),
                                hmlc_attr_int(HMLC_ATTR_input_forget,
                                              hmlc_onnx_int(node, "input_forget", 0) != 0),
                                hmlc_attr_float(HMLC_ATTR_clip, hmlc_onnx_float(node, "clip", 0))));
    set_outputs(node, op, batch_first);
}

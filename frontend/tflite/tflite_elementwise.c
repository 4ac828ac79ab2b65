/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise operators: arithmetic, comparison, activation, conversion. */
#include <inttypes.h>

#include "tflite_node.h"

void hmlc_tflite_import_unary(hmlc_node *node)
{
    node->outputs[0] = hmlc_emit_unary(&node->emit, node->opcode, node->inputs[0]);
}

void hmlc_tflite_import_identity(hmlc_node *node)
{
    node->outputs[0] = node->inputs[0];
}

void hmlc_tflite_import_binary(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_binary(&node->emit, node->opcode, node->inputs[0], node->inputs[1]);
}

/* With a fused activation. */
void hmlc_tflite_import_arithmetic(hmlc_node *node)
{
    hmlc_value *result =
        hmlc_emit_binary(&node->emit, node->opcode, node->inputs[0], node->inputs[1]);
    node->outputs[0] = hmlc_tflite_activate(node, result);
}

/* a > b is b < a. */
void hmlc_tflite_import_swapped(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_binary(&node->emit, node->opcode, node->inputs[1], node->inputs[0]);
}

void hmlc_tflite_import_not_equal(hmlc_node *node)
{
    hmlc_value *equal =
        hmlc_emit_binary(&node->emit, HMLC_OP_equal, node->inputs[0], node->inputs[1]);
    node->outputs[0] = hmlc_emit_unary(&node->emit, HMLC_OP_not, equal);
}

void hmlc_tflite_import_square(hmlc_node *node)
{
    node->outputs[0] = hmlc_emit_binary(&node->emit, HMLC_OP_mul, node->inputs[0], node->inputs[0]);
}

void hmlc_tflite_import_squared_difference(hmlc_node *node)
{
    hmlc_value *difference =
        hmlc_emit_binary(&node->emit, HMLC_OP_sub, node->inputs[0], node->inputs[1]);
    node->outputs[0] = hmlc_emit_binary(&node->emit, HMLC_OP_mul, difference, difference);
}

/* Rounds down; the IR's integer division cuts off. */
void hmlc_tflite_import_floor_div(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *a = node->inputs[0], *b = node->inputs[1];
    hmlc_value *quotient = hmlc_emit_binary(emit, HMLC_OP_div, a, b);
    if (hmlc_dtype_is_float(a->type->dtype)) {
        node->outputs[0] = hmlc_emit_unary(emit, HMLC_OP_floor, quotient);
        return;
    }
    hmlc_value *zero = hmlc_emit_scalar_like(emit, a, 0), *one = hmlc_emit_scalar_like(emit, a, 1);
    hmlc_value *product = hmlc_emit_binary(emit, HMLC_OP_mul, quotient, b);
    hmlc_value *rest = hmlc_emit_binary(emit, HMLC_OP_sub, a, product);
    hmlc_value *exact = hmlc_emit_binary(emit, HMLC_OP_equal, rest, zero);
    hmlc_value *negative = hmlc_emit_binary(emit, HMLC_OP_less, rest, zero);
    hmlc_value *below = hmlc_emit_binary(emit, HMLC_OP_less, b, zero);
    hmlc_value *same =
        hmlc_emit_unary(emit, HMLC_OP_not, hmlc_emit_binary(emit, HMLC_OP_xor, negative, below));
    hmlc_value *keep = hmlc_emit_binary(emit, HMLC_OP_or, exact, same);
    hmlc_value *lower = hmlc_emit_binary(emit, HMLC_OP_sub, quotient, one);
    node->outputs[0] = hmlc_emit_select(emit, keep, quotient, lower);
}

/* The rest has the divisor's sign. */
void hmlc_tflite_import_floor_mod(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_mod, HMLC_OPERANDS(node->inputs[0], node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_fmod, 0)));
}

void hmlc_tflite_import_relu6(hmlc_node *node)
{
    node->outputs[0] = hmlc_tflite_clip(&node->emit, node->inputs[0], 0, 6);
}

void hmlc_tflite_import_relu_n1_to_1(hmlc_node *node)
{
    node->outputs[0] = hmlc_tflite_clip(&node->emit, node->inputs[0], -1, 1);
}

void hmlc_tflite_import_relu_0_to_1(hmlc_node *node)
{
    node->outputs[0] = hmlc_tflite_clip(&node->emit, node->inputs[0], 0, 1);
}

void hmlc_tflite_import_leaky_relu(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_leaky_relu, HMLC_OPERANDS(node->inputs[0]),
                  HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_alpha, hmlc_node_float(node, "alpha", 0))));
}

void hmlc_tflite_import_gelu(hmlc_node *node)
{
    int64_t tanh = hmlc_node_int(node, "approximate", 0) != 0;
    node->outputs[0] = hmlc_emit(
        &node->emit, HMLC_OP_gelu, HMLC_OPERANDS(node->inputs[0]),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_approximate, tanh ? HMLC_GELU_TANH : HMLC_GELU_NONE)));
}

/* The condition broadcasts; one of rank 1 for values of higher rank chooses along their first dim.
 */
void hmlc_tflite_import_select(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *condition = node->inputs[0];
    int32_t rank = hmlc_node_rank(node, 1);
    bool by_row = hmlc_tflite_self(node)->op->code == 64 && condition->type->rank == 1 && rank > 1;
    if (by_row) {
        hmlc_dim shape[HMLC_MAX_RANK];
        for (int32_t i = 0; i < rank; i++) {
            shape[i] = i == 0 ? condition->type->dims[0] : hmlc_emit_number(emit, 1);
        }
        condition = hmlc_emit_reshape(emit, condition, shape, (uint32_t)rank);
    }
    node->outputs[0] = hmlc_emit_select(emit, condition, node->inputs[1], node->inputs[2]);
}

void hmlc_tflite_import_add_n(hmlc_node *node)
{
    hmlc_value *sum = node->inputs[0];
    for (uint32_t i = 1; i < node->input_count && hmlc_node_ok(node); i++) {
        if (node->inputs[i] == NULL || sum == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is missing", i);
            return;
        }
        sum = hmlc_emit_binary(&node->emit, HMLC_OP_add, sum, node->inputs[i]);
    }
    node->outputs[0] = sum;
}

void hmlc_tflite_import_zeros_like(hmlc_node *node)
{
    hmlc_value *zero = hmlc_emit_scalar_like(&node->emit, node->inputs[0], 0);
    node->outputs[0] = hmlc_emit_expand(&node->emit, zero, hmlc_node_dims(node, 0),
                                        (uint32_t)hmlc_node_rank(node, 0));
}

/* Of quantized tensors the stored integers. */
void hmlc_tflite_import_cast(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_cast(&node->emit, node->inputs[0], hmlc_tflite_output(node, 0)->dtype);
}

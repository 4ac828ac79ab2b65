/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise operators, and those that pass values on. */
#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#include <string.h>

#define OUT node->node.outputs[0]
#define X   hmlc_tf_input(node, 0)
#define Y   hmlc_tf_input(node, 1)

/* Of a variable of TensorFlow 1 it is its value, but for RefIdentity. */
void hmlc_tf_import_identity(hmlc_tf_node *node)
{
    OUT = node->def->op[0] == 'R' ? X : hmlc_tf_read_reference(node, X);
}

void hmlc_tf_import_identity_n(hmlc_tf_node *node)
{
    for (uint32_t i = 0; i < node->node.input_count && i < HMLC_TF_MOST_OUTPUTS; i++) {
        node->node.outputs[i] = node->node.inputs[i];
    }
}

/* Without a result. */
void hmlc_tf_import_nothing(hmlc_tf_node *node)
{
    (void)node;
}

/* Taken before: an input. */
void hmlc_tf_import_placeholder(hmlc_tf_node *node)
{
    (void)node;
}

void hmlc_tf_import_unary(hmlc_tf_node *node)
{
    OUT = hmlc_emit_unary(&node->node.emit, node->node.opcode, X);
}

void hmlc_tf_import_binary(hmlc_tf_node *node)
{
    OUT = hmlc_emit_binary(&node->node.emit, node->node.opcode, X, Y);
}

/* a > b is b < a. */
void hmlc_tf_import_greater(hmlc_tf_node *node)
{
    OUT = hmlc_emit_binary(&node->node.emit, node->node.opcode, Y, X);
}

void hmlc_tf_import_not_equal(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    OUT = hmlc_emit_unary(emit, HMLC_OP_not, hmlc_emit_binary(emit, HMLC_OP_equal, X, Y));
}

void hmlc_tf_import_add_n(hmlc_tf_node *node)
{
    hmlc_value *sum = X;
    for (uint32_t i = 1; i < node->node.input_count; i++) {
        sum = hmlc_emit_binary(&node->node.emit, HMLC_OP_add, sum, node->node.inputs[i]);
    }
    OUT = sum;
}

static hmlc_value *modulo(hmlc_tf_node *node, bool of_dividend)
{
    return hmlc_emit(&node->node.emit, HMLC_OP_mod, HMLC_OPERANDS(X, Y),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_fmod, of_dividend)));
}

/* The sign of the divisor; Mod and TruncateMod have that of the dividend. */
void hmlc_tf_import_floor_mod(hmlc_tf_node *node)
{
    OUT = modulo(node, false);
}

void hmlc_tf_import_truncate_mod(hmlc_tf_node *node)
{
    OUT = modulo(node, true);
}

static bool is_integer(const hmlc_value *x)
{
    return hmlc_dtype_is_integer(x->type->dtype);
}

/* Div of integers is floored only in name: TensorFlow truncates. */
void hmlc_tf_import_divide(hmlc_tf_node *node)
{
    OUT = hmlc_emit_binary(&node->node.emit, HMLC_OP_div, X, Y);
}

/* Of integers what is left over is taken away first, so that nothing is cut off. */
void hmlc_tf_import_floor_div(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    if (is_integer(X)) {
        hmlc_value *whole = hmlc_emit_binary(emit, HMLC_OP_sub, X, modulo(node, false));
        OUT = hmlc_emit_binary(emit, HMLC_OP_div, whole, Y);
        return;
    }
    OUT = hmlc_emit_unary(emit, HMLC_OP_floor, hmlc_emit_binary(emit, HMLC_OP_div, X, Y));
}

/* 0 where the divisor is 0. */
void hmlc_tf_import_divide_no_nan(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *zero = hmlc_emit_scalar_like(emit, X, 0);
    hmlc_value *by_zero = hmlc_emit_binary(emit, HMLC_OP_equal, Y, zero);
    OUT = hmlc_emit_select(emit, by_zero, zero, hmlc_emit_binary(emit, HMLC_OP_div, X, Y));
}

void hmlc_tf_import_square(hmlc_tf_node *node)
{
    OUT = hmlc_emit_binary(&node->node.emit, HMLC_OP_mul, X, X);
}

void hmlc_tf_import_squared_difference(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, X, Y);
    OUT = hmlc_emit_binary(emit, HMLC_OP_mul, away, away);
}

void hmlc_tf_import_relu6(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *low = hmlc_emit_binary(emit, HMLC_OP_min, X, hmlc_emit_scalar_like(emit, X, 6));
    OUT = hmlc_emit_binary(emit, HMLC_OP_max, low, hmlc_emit_scalar_like(emit, X, 0));
}

void hmlc_tf_import_leaky_relu(hmlc_tf_node *node)
{
    double alpha = hmlc_node_float(&node->node, "alpha", 0.2F);
    OUT = hmlc_emit(&node->node.emit, HMLC_OP_leaky_relu, HMLC_OPERANDS(X),
                    HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_alpha, alpha)));
}

/* log(1 + x) as 2 atanh(x / (2 + x)) near 0, where the sum would lose digits. */
void hmlc_tf_import_log1p(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *two = hmlc_emit_scalar_like(emit, X, 2);
    hmlc_value *one = hmlc_emit_scalar_like(emit, X, 1);
    hmlc_value *small = hmlc_emit_binary(emit, HMLC_OP_less, hmlc_emit_unary(emit, HMLC_OP_abs, X),
                                         hmlc_emit_scalar_like(emit, X, 0.5));
    hmlc_value *part =
        hmlc_emit_binary(emit, HMLC_OP_div, X, hmlc_emit_binary(emit, HMLC_OP_add, X, two));
    part = hmlc_emit_binary(emit, HMLC_OP_mul, hmlc_emit_unary(emit, HMLC_OP_atanh, part), two);
    hmlc_value *plain =
        hmlc_emit_unary(emit, HMLC_OP_log, hmlc_emit_binary(emit, HMLC_OP_add, X, one));
    OUT = hmlc_emit_select(emit, small, part, plain);
}

void hmlc_tf_import_cast(hmlc_tf_node *node)
{
    const Tensorflow__AttrValue *to = hmlc_tf_attr_in(node->scope, node->def, "DstT");
    if (hmlc_tf_is_complex(node) || (to != NULL && hmlc_tf_is_complex_type(to->type))) {
        hmlc_tf_import_complex_cast(node);
        return;
    }
    if (hmlc_tf_is_handle(X)) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "takes tensors");
        return;
    }
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "DstT", HMLC_DTYPE_f32);
    OUT = hmlc_emit_cast(&node->node.emit, X, dtype);
}

/* Select's vector of conditions is one per row; SelectV2 broadcasts. */
void hmlc_tf_import_select(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *condition = X, *then_value = Y, *else_value = hmlc_tf_input(node, 2);
    int32_t rank = then_value->type->rank;
    if (strcmp(node->def->op, "Select") == 0 && condition->type->rank == 1 && rank > 1) {
        hmlc_dim shape[HMLC_MAX_RANK];
        for (int32_t i = 0; i < rank; i++) {
            shape[i] = i == 0 ? condition->type->dims[0] : hmlc_emit_number(emit, 1);
        }
        condition = hmlc_emit_reshape(emit, condition, shape, (uint32_t)rank);
    }
    OUT = hmlc_emit_select(emit, condition, then_value, else_value);
}

void hmlc_tf_import_bias_add(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *bias = Y;
    int32_t rank = X->type->rank;
    if (bias->type->rank != 1) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "the bias has rank %d, must be 1",
                     bias->type->rank);
        return;
    }
    if (hmlc_tf_layout(node) == HMLC_LAYOUT_CHANNELS_FIRST && rank > 2) {
        hmlc_dim shape[HMLC_MAX_RANK];
        for (int32_t i = 0; i < rank - 1; i++) {
            shape[i] = i == 0 ? bias->type->dims[0] : hmlc_emit_number(emit, 1);
        }
        bias = hmlc_emit_reshape(emit, bias, shape, (uint32_t)rank - 1);
    }
    OUT = hmlc_emit_binary(emit, HMLC_OP_add, X, bias);
}

/* All 0 or all 1. */
void hmlc_tf_import_like(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    double number = strcmp(node->def->op, "OnesLike") == 0 ? 1 : 0;
    OUT = hmlc_emit_expand(emit, hmlc_emit_scalar_like(emit, X, number), X->type->dims,
                           (uint32_t)X->type->rank);
}

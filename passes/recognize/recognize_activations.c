/* SPDX-License-Identifier: Apache-2.0 */
/* Activation functions from the arithmetic that frameworks spell them in. */
#include <math.h>

#include "recognize.h"

static hmlc_status build_unary_of_x(hmlc_builder *builder, const hmlc_match *match,
                                    hmlc_opcode opcode, hmlc_value **result)
{
    return hmlc_build_unary(builder, opcode, HMLC_MATCHED_VALUE(match, 'x'), result);
}

static hmlc_status build_with_attr(hmlc_builder *builder, const hmlc_match *match,
                                   hmlc_opcode opcode, const hmlc_attr *attrs, uint32_t count,
                                   hmlc_value **result)
{
    hmlc_value *x = HMLC_MATCHED_VALUE(match, 'x');
    return hmlc_build(builder, opcode, &x, 1, attrs, count, result);
}

#define UNARY(name)                                                                                \
    static hmlc_status build_##name(hmlc_builder *builder, const hmlc_match *match,                \
                                    hmlc_value **result)                                           \
    {                                                                                              \
        return build_unary_of_x(builder, match, HMLC_OP_##name, result);                           \
    }
UNARY(gelu)
UNARY(hard_swish)
UNARY(mish)
UNARY(sigmoid)
UNARY(silu)

static hmlc_status build_gelu_tanh(hmlc_builder *builder, const hmlc_match *match,
                                   hmlc_value **result)
{
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_approximate, HMLC_GELU_TANH);
    return build_with_attr(builder, match, HMLC_OP_gelu, &attr, 1, result);
}

static hmlc_status build_scaled_silu(hmlc_builder *builder, const hmlc_match *match,
                                     hmlc_value **result)
{
    hmlc_attr attr = hmlc_attr_float(HMLC_ATTR_alpha, HMLC_MATCHED_NUMBER(match, 'a'));
    return build_with_attr(builder, match, HMLC_OP_silu, &attr, 1, result);
}

static hmlc_status build_hard_sigmoid(hmlc_builder *builder, const hmlc_match *match,
                                      hmlc_value **result)
{
    hmlc_attr attrs[] = {hmlc_attr_float(HMLC_ATTR_alpha, HMLC_MATCHED_NUMBER(match, 'a')),
                         hmlc_attr_float(HMLC_ATTR_beta, HMLC_MATCHED_NUMBER(match, 'b'))};
    return build_with_attr(builder, match, HMLC_OP_hard_sigmoid, attrs, 2, result);
}

/* relu6(x + 3) / 6 */
static hmlc_status build_hard_sigmoid_of_6(hmlc_builder *builder, const hmlc_match *match,
                                           hmlc_value **result)
{
    hmlc_attr attrs[] = {hmlc_attr_float(HMLC_ATTR_alpha, 1.0 / 6.0),
                         hmlc_attr_float(HMLC_ATTR_beta, 0.5)};
    return build_with_attr(builder, match, HMLC_OP_hard_sigmoid, attrs, 2, result);
}

static hmlc_status build_hard_swish_of_sigmoid(hmlc_builder *builder, const hmlc_match *match,
                                               hmlc_value **result)
{
    const hmlc_op *sigmoid = HMLC_MATCHED_OP(match, 'H');
    return fabs(hmlc_op_float(sigmoid, HMLC_ATTR_alpha) - 1.0 / 6.0) < 1e-5 &&
                   fabs(hmlc_op_float(sigmoid, HMLC_ATTR_beta) - 0.5) < 1e-6
               ? build_unary_of_x(builder, match, HMLC_OP_hard_swish, result)
               : HMLC_OK;
}

/* max(x, a * x) picks a * x below zero only where a is at most 1; with a of 0 it is NaN at
 * infinity.
 */
static hmlc_status build_leaky_relu(hmlc_builder *builder, const hmlc_match *match,
                                    hmlc_value **result)
{
    double alpha = HMLC_MATCHED_NUMBER(match, 'a');
    hmlc_attr attr = hmlc_attr_float(HMLC_ATTR_alpha, alpha);
    return alpha > 0.0 && alpha <= 1.0
               ? build_with_attr(builder, match, HMLC_OP_leaky_relu, &attr, 1, result)
               : HMLC_OK;
}

/* Any slope is fine here. */
static hmlc_status build_prelu_of_constant(hmlc_builder *builder, const hmlc_match *match,
                                           hmlc_value **result)
{
    hmlc_attr attr = hmlc_attr_float(HMLC_ATTR_alpha, HMLC_MATCHED_NUMBER(match, 'a'));
    return build_with_attr(builder, match, HMLC_OP_leaky_relu, &attr, 1, result);
}

/* The cubic inside the tanh form, factored in two ways. */
#define TANH_CUBIC   "mul(0.7978845608, add(x, mul(0.044715, x, x, x)))"
#define TANH_CUBIC_2 "mul(0.7978845608, x, add(1, mul(0.044715, x, x)))"
#define TANH_CUBIC_3 "add(mul(0.7978845608, x), mul(0.0356774081, x, x, x))"
#define TWICE_CUBIC  "mul(1.5957691216, add(x, mul(0.044715, x, x, x)))"

static const hmlc_recognition rows[] = {
    {"reciprocal(add(1, exp(mul(-1, x))))", build_sigmoid},
    {"mul(0.5, add(1, tanh(mul(0.5, x))))", build_sigmoid},
    {"mul(0.5, x, add(1, erf(mul(0.7071067812, x))))", build_gelu},
    {"mul(x, add(0.5, mul(0.5, erf(mul(0.7071067812, x)))))", build_gelu},
    {"mul(0.5, add(x, mul(x, erf(mul(0.7071067812, x)))))", build_gelu},
    {"mul(0.5, x, add(1, tanh(" TANH_CUBIC ")))", build_gelu_tanh},
    {"mul(0.5, x, add(1, tanh(" TANH_CUBIC_2 ")))", build_gelu_tanh},
    {"mul(0.5, x, add(1, tanh(" TANH_CUBIC_3 ")))", build_gelu_tanh},
    {"mul(x, add(0.5, mul(0.5, tanh(" TANH_CUBIC "))))", build_gelu_tanh},
    {"mul(x, sigmoid(" TWICE_CUBIC "))", build_gelu_tanh},
    {"mul(x, sigmoid(x))", build_silu},
    {"mul(x, sigmoid(mul(?a, x)))", build_scaled_silu},
    {"div(x, add(1, exp(mul(-1, x))))", build_silu},
    {"mul(x, tanh(softplus(x)))", build_mish},
    {"mul(x, tanh(log(add(1, exp(x)))))", build_mish},
    {"min(relu(add(mul(?a, x), ?b)), 1)", build_hard_sigmoid},
    {"relu(min(add(mul(?a, x), ?b), 1))", build_hard_sigmoid},
    {"mul(0.1666666667, min(relu(add(x, 3)), 6))", build_hard_sigmoid_of_6},
    {"mul(0.1666666667, relu(min(add(x, 3), 6)))", build_hard_sigmoid_of_6},
    {"mul(0.1666666667, x, min(relu(add(x, 3)), 6))", build_hard_swish},
    {"mul(0.1666666667, x, relu(min(add(x, 3), 6)))", build_hard_swish},
    {"mul(x, H:hard_sigmoid(x))", build_hard_swish_of_sigmoid},
    {"max(x, mul(?a, x))", build_leaky_relu},
    {"prelu(x, ?a)", build_prelu_of_constant},
};

const hmlc_recognitions hmlc_recognize_activations = {rows, sizeof(rows) / sizeof(rows[0])};

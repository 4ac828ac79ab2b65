/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of elementwise ops with one operand. Floats are computed in double and rounded once.
 */
#include <math.h>

#include "eval_tools.h"
#include "integer_math.h"
#include "unary_functions.h"

typedef double (*unary_function)(double x, double alpha, double beta);

#define SQRT_HALF      0.70710678118654752440
#define SQRT_2_OVER_PI 0.79788456080286535588

/* Without overflow for either sign. */
static double logistic(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double log_one_plus_exp(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double hard_logistic(double x, double alpha, double beta)
{
    double line = alpha * x + beta;
    return isnan(line) ? line : fmax(0, fmin(1, line));
}

/* A row for each float op of one operand: its value at x; alpha and beta are its attributes. */
/* clang-format off */
#define UNARY_TABLE(ROW)                                                                           \
    ROW(neg, -x)                                                                                   \
    ROW(abs, fabs(x))                                                                              \
    ROW(sign, isnan(x) ? x : (x > 0) - (x < 0))                                                    \
    ROW(relu, x < 0 ? 0 : x)                                                                       \
    ROW(floor, floor(x))                                                                           \
    ROW(ceil, ceil(x))                                                                             \
    ROW(round, nearbyint(x))                                                                       \
    ROW(sqrt, sqrt(x))                                                                             \
    ROW(rsqrt, 1 / sqrt(x))                                                                        \
    ROW(reciprocal, 1 / x)                                                                         \
    ROW(exp, exp(x))                                                                               \
    ROW(log, log(x))                                                                               \
    ROW(sin, sin(x))                                                                               \
    ROW(cos, cos(x))                                                                               \
    ROW(tan, tan(x))                                                                               \
    ROW(asin, asin(x))                                                                             \
    ROW(acos, acos(x))                                                                             \
    ROW(atan, atan(x))                                                                             \
    ROW(sinh, sinh(x))                                                                             \
    ROW(cosh, cosh(x))                                                                             \
    ROW(asinh, asinh(x))                                                                           \
    ROW(acosh, acosh(x))                                                                           \
    ROW(atanh, atanh(x))                                                                           \
    ROW(tanh, tanh(x))                                                                             \
    ROW(erf, erf(x))                                                                               \
    ROW(sigmoid, logistic(x))                                                                      \
    ROW(softplus, isnan(x) ? x : log_one_plus_exp(x))                                              \
    ROW(softsign, x / (1 + fabs(x)))                                                               \
    ROW(silu, x * logistic(alpha * x))                                                             \
    ROW(mish, isnan(x) ? x : x * tanh(log_one_plus_exp(x)))                                        \
    ROW(gelu, 0.5 * x * (1 + erf(x * SQRT_HALF)))                                                  \
    ROW(leaky_relu, x < 0 ? alpha * x : x)                                                         \
    ROW(elu, x < 0 ? alpha * expm1(x) : x)                                                         \
    ROW(selu, beta * (x < 0 ? alpha * expm1(x) : x))                                               \
    ROW(celu, x < 0 ? alpha * expm1(x / alpha) : x)                                                \
    ROW(thresholded_relu, x > alpha ? x : 0)                                                       \
    ROW(shrink, x < -alpha ? x + beta : x > alpha ? x - beta : 0)                                  \
    ROW(hard_sigmoid, hard_logistic(x, alpha, beta))                                               \
    ROW(hard_swish, x * hard_logistic(x, 1.0 / 6, 0.5))
/* clang-format on */

#define DEFINE(name, expression)                                                                   \
    static double apply_##name(double x, double alpha, double beta)                                \
    {                                                                                              \
        (void)alpha;                                                                               \
        (void)beta;                                                                                \
        return (expression);                                                                       \
    }
UNARY_TABLE(DEFINE)
DEFINE(gelu_tanh, 0.5 * x * (1 + tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))))
#undef DEFINE

static const unary_function unary_functions[HMLC_OP_COUNT] = {
#define ROW(name, expression) [HMLC_OP_##name] = apply_##name,
    UNARY_TABLE(ROW)
#undef ROW
};

/* HMLC_OP_COUNT: no op. */
static unary_function find_function(hmlc_opcode opcode)
{
    return opcode < HMLC_OP_COUNT ? unary_functions[opcode] : NULL;
}

static unary_function find_unary(const hmlc_op *op)
{
    bool tanh_form =
        op->opcode == HMLC_OP_gelu && hmlc_op_int(op, HMLC_ATTR_approximate) == HMLC_GELU_TANH;
    return tanh_form ? apply_gelu_tanh : find_function(op->opcode);
}

double hmlc_activate(const hmlc_activation *activation, double x)
{
    unary_function function = find_function(hmlc_activation_opcode(activation->kind));
    if (function != NULL) {
        return function(x, activation->alpha, activation->beta);
    }
    return activation->kind == HMLC_ACTIVATION_affine
               ? activation->alpha * x + activation->beta
               : activation->alpha * tanh(activation->beta * x);
}

static hmlc_status evaluate_predicate(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    bool negative = hmlc_op_int(context->op, HMLC_ATTR_detect_negative) != 0;
    bool positive = hmlc_op_int(context->op, HMLC_ATTR_detect_positive) != 0;
    int64_t count = hmlc_tensor_count(x);
    uint8_t *to = hmlc_eval_data(&context->results[0]);
    for (int64_t i = 0; i < count; ++i) {
        double value = hmlc_tensor_get_double(x, i);
        bool infinite = isinf(value) && (value < 0 ? negative : positive);
        bool nan = isnan(value);
        to[i] = context->op->opcode == HMLC_OP_is_nan ? nan : infinite;
    }
    return HMLC_OK;
}

/* shrink is the one op with float attributes that takes integers. */
static hmlc_status evaluate_integers(hmlc_eval *context, unary_function function)
{
    const hmlc_tensor *x = context->operands[0];
    const hmlc_op *op = context->op;
    int64_t count = hmlc_tensor_count(x), *values = hmlc_eval_integers(context, x);
    HMLC_TRY_MEMORY(values);
    bool floats = op->opcode == HMLC_OP_shrink;
    double alpha = floats ? hmlc_op_float(op, HMLC_ATTR_alpha) : 0;
    double beta = floats ? hmlc_op_float(op, HMLC_ATTR_beta) : 0;
    for (int64_t i = 0; i < count; ++i) {
        if (floats) {
            values[i] = (int64_t)function((double)values[i], alpha, beta);
        } else if (!hmlc_integer_unary(op->opcode, x->dtype, values[i], &values[i])) {
            return hmlc_eval_fail(context, HMLC_ERROR_compiler_defect, "no evaluation of integers");
        }
    }
    hmlc_eval_store_integers(&context->results[0], values);
    return HMLC_OK;
}

static bool has_attr(const hmlc_op *op, hmlc_attr_name name)
{
    const hmlc_op_info *info = hmlc_op_get_info(op->opcode);
    for (uint32_t i = 0; i < info->attr_count; ++i) {
        if (info->attrs[i].name == name) {
            return true;
        }
    }
    return false;
}

hmlc_status hmlc_eval_unary(hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    const hmlc_tensor *x = context->operands[0];
    if (op->opcode == HMLC_OP_is_nan || op->opcode == HMLC_OP_is_inf) {
        return evaluate_predicate(context);
    }
    unary_function function = find_unary(op);
    if (!hmlc_eval_is_float(x)) {
        return evaluate_integers(context, function);
    }
    if (function == NULL) {
        return hmlc_eval_fail(context, HMLC_ERROR_compiler_defect, "no evaluation of floats");
    }
    double alpha = has_attr(op, HMLC_ATTR_alpha) ? hmlc_op_float(op, HMLC_ATTR_alpha) : 0;
    double beta = has_attr(op, HMLC_ATTR_beta) ? hmlc_op_float(op, HMLC_ATTR_beta) : 0;
    int64_t count = hmlc_tensor_count(x);
    double *values = hmlc_eval_doubles(context, x);
    HMLC_TRY_MEMORY(values);
    for (int64_t i = 0; i < count; ++i) {
        values[i] = function(values[i], alpha, beta);
    }
    hmlc_eval_store_doubles(&context->results[0], values);
    return HMLC_OK;
}

hmlc_status hmlc_eval_cast(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    int64_t count = hmlc_tensor_count(x);
    void *to = hmlc_eval_data(result);
    bool floats =
        hmlc_eval_is_float(x) || (x->dtype == HMLC_DTYPE_u64 && hmlc_eval_is_float(result));
    for (int64_t i = 0; i < count; ++i) {
        if (floats) {
            hmlc_element_set_double(result->dtype, to, i, hmlc_tensor_get_double(x, i));
        } else {
            hmlc_element_set_int(result->dtype, to, i, hmlc_tensor_get_int(x, i));
        }
    }
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise ops on f32 (and on f64 where no polynomial is needed). NaN wins everywhere. */
#include <math.h>

#include "elementwise_internal.h"
#include "math_functions.h"

/* An emitter that is one expression of frame, op and operands a, b. */
#define EMITTER(name, expression)                                                                  \
    static LLVMValueRef name(const hmlc_emission *emission)                                        \
    {                                                                                              \
        hmlc_frame *frame = emission->frame;                                                       \
        LLVMValueRef a = emission->a, b = emission->b;                                             \
        (void)frame, (void)a, (void)b;                                                             \
        return expression;                                                                         \
    }

#define FLOAT_ATTR(name) hmlc_op_float(emission->op, HMLC_ATTR_##name)

EMITTER(emit_neg, LLVMBuildFNeg(frame->builder, a, ""))
EMITTER(emit_abs, real_absolute(frame, a))
EMITTER(emit_relu, real_at_least(frame, a, 0.0))
EMITTER(emit_floor, hmlc_math_round(frame, HMLC_ROUND_DOWN, a))
EMITTER(emit_ceil, hmlc_math_round(frame, HMLC_ROUND_UP, a))
EMITTER(emit_round, hmlc_math_round(frame, HMLC_ROUND_EVEN, a))
EMITTER(emit_sqrt, real_unary(frame, "llvm.sqrt", a))
EMITTER(emit_rsqrt, real_div(frame, lanes_real(a, 1.0), real_unary(frame, "llvm.sqrt", a)))
EMITTER(emit_reciprocal, real_div(frame, lanes_real(a, 1.0), a))
EMITTER(emit_exp,
        emission->dtype == HMLC_DTYPE_f64 ? hmlc_math_exp_f64(frame, a) : hmlc_math_exp(frame, a))
EMITTER(emit_log,
        emission->dtype == HMLC_DTYPE_f64 ? hmlc_math_log_f64(frame, a) : hmlc_math_log(frame, a))
EMITTER(emit_sin, hmlc_math_sin(frame, a))
EMITTER(emit_cos, hmlc_math_cos(frame, a))
EMITTER(emit_tan, hmlc_math_tan(frame, a))
EMITTER(emit_asin, hmlc_math_asin(frame, a))
EMITTER(emit_acos, hmlc_math_acos(frame, a))
EMITTER(emit_atan, hmlc_math_atan(frame, a))
EMITTER(emit_sinh, hmlc_math_sinh(frame, a))
EMITTER(emit_cosh, hmlc_math_cosh(frame, a))
EMITTER(emit_tanh, hmlc_math_tanh(frame, a))
EMITTER(emit_asinh, hmlc_math_asinh(frame, a))
EMITTER(emit_acosh, hmlc_math_acosh(frame, a))
EMITTER(emit_atanh, hmlc_math_atanh(frame, a))
EMITTER(emit_erf, hmlc_math_erf(frame, a))
EMITTER(emit_sigmoid, hmlc_math_sigmoid(frame, a))
EMITTER(emit_softplus, hmlc_math_softplus(frame, a))
EMITTER(emit_softsign, real_div(frame, a, real_plus(frame, real_absolute(frame, a), 1.0)))
EMITTER(emit_silu, hmlc_math_silu(frame, a, FLOAT_ATTR(alpha)))
EMITTER(emit_mish, hmlc_math_mish(frame, a))
EMITTER(emit_gelu, hmlc_op_int(emission->op, HMLC_ATTR_approximate) == HMLC_GELU_TANH
                       ? hmlc_math_gelu_tanh(frame, a)
                       : hmlc_math_gelu(frame, a))
EMITTER(emit_is_nan, real_compare(frame, LLVMRealUNO, a, a))
EMITTER(emit_add, real_add(frame, a, b))
EMITTER(emit_sub, real_sub(frame, a, b))
EMITTER(emit_mul, real_mul(frame, a, b))
EMITTER(emit_div, real_div(frame, a, b))
EMITTER(emit_equal, real_compare(frame, LLVMRealOEQ, a, b))
EMITTER(emit_less, real_compare(frame, LLVMRealOLT, a, b))
EMITTER(emit_less_equal, real_compare(frame, LLVMRealOLE, a, b))

static LLVMValueRef emit_sign(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = emission->a;
    LLVMValueRef positive = real_compare_to(frame, LLVMRealOGT, x, 0.0);
    LLVMValueRef negative = real_compare_to(frame, LLVMRealOLT, x, 0.0);
    LLVMValueRef rest = lanes_select(frame, negative, lanes_real(x, -1.0), x);
    return lanes_select(frame, positive, lanes_real(x, 1.0), rest);
}

/* x where x >= 0 (and NaN), else `below`. */
static LLVMValueRef where_negative(const hmlc_emission *emission, LLVMValueRef below)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef negative = real_compare_to(frame, LLVMRealOLT, emission->a, 0.0);
    return lanes_select(frame, negative, below, emission->a);
}

EMITTER(emit_leaky_relu, where_negative(emission, real_scale(frame, a, FLOAT_ATTR(alpha))))
EMITTER(emit_prelu, where_negative(emission, real_mul(frame, a, b)))

/* exp(x / divisor) - 1 for negative x, 0 for others. */
static LLVMValueRef negative_expm1(const hmlc_emission *emission, double divisor)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = real_at_most(frame, emission->a, 0.0);
    if (divisor != 1.0) {
        x = real_div(frame, x, lanes_real(x, divisor));
    }
    return hmlc_math_expm1_negative(frame, x);
}

EMITTER(emit_elu, where_negative(emission, real_scale(frame, negative_expm1(emission, 1.0),
                                                      FLOAT_ATTR(alpha))))
EMITTER(emit_celu,
        where_negative(emission, real_scale(frame, negative_expm1(emission, FLOAT_ATTR(alpha)),
                                            FLOAT_ATTR(alpha))))

static LLVMValueRef emit_selu(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef below = real_scale(frame, negative_expm1(emission, 1.0), FLOAT_ATTR(alpha));
    return real_scale(frame, where_negative(emission, below), FLOAT_ATTR(beta));
}

/* x where x > alpha, else 0: NaN is not larger. */
static LLVMValueRef emit_thresholded_relu(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = emission->a;
    LLVMValueRef above = real_compare_to(frame, LLVMRealOGT, x, FLOAT_ATTR(alpha));
    return lanes_select(frame, above, x, lanes_real(x, 0.0));
}

/* alpha is ONNX's lambd, beta its bias. NaN gives 0, as in thresholded_relu. */
static LLVMValueRef emit_shrink(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = emission->a;
    double lambda = FLOAT_ATTR(alpha), bias = FLOAT_ATTR(beta);
    LLVMValueRef below = real_compare_to(frame, LLVMRealOLT, x, -lambda);
    LLVMValueRef above = real_compare_to(frame, LLVMRealOGT, x, lambda);
    LLVMValueRef rest = lanes_select(frame, above, real_plus(frame, x, -bias), lanes_real(x, 0.0));
    return lanes_select(frame, below, real_plus(frame, x, bias), rest);
}

/* min(max(alpha x + beta, 0), 1). */
static LLVMValueRef ramp(hmlc_frame *frame, LLVMValueRef x, double alpha, double beta)
{
    LLVMValueRef line = hmlc_frame_fma(frame, x, lanes_real(x, alpha), lanes_real(x, beta));
    return real_at_most(frame, real_at_least(frame, line, 0.0), 1.0);
}

EMITTER(emit_hard_sigmoid, ramp(frame, a, FLOAT_ATTR(alpha), FLOAT_ATTR(beta)))
EMITTER(emit_hard_swish, real_mul(frame, a, ramp(frame, a, 1.0 / 6.0, 0.5)))

static LLVMValueRef emit_is_inf(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = emission->a;
    bool positive = hmlc_op_int(emission->op, HMLC_ATTR_detect_positive) != 0;
    bool negative = hmlc_op_int(emission->op, HMLC_ATTR_detect_negative) != 0;
    LLVMValueRef above = real_compare_to(frame, LLVMRealOEQ, x, INFINITY);
    LLVMValueRef below = real_compare_to(frame, LLVMRealOEQ, x, -INFINITY);
    if (positive && negative) {
        return LLVMBuildOr(frame->builder, above, below, "");
    }
    LLVMValueRef none = LLVMConstNull(lanes_type(x, frame->i1));
    return positive ? above : negative ? below : none;
}

static bool is_ordered_constant(LLVMValueRef value)
{
    double constant = NAN;
    return lanes_constant(value, &constant) && !isnan(constant);
}

/* NaN wins. Comparison and choice are one instruction where that gives its second operand for NaN;
 * unless the first is a constant, NaN there takes another two. */
static LLVMValueRef extremum(const hmlc_emission *emission, LLVMRealPredicate predicate)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef a = emission->a, b = emission->b;
    if (hmlc_frame_has_extremum(frame, a)) {
        return hmlc_frame_extremum(frame, predicate == LLVMRealOGT, a, b);
    }
    if (is_ordered_constant(b)) {
        LLVMValueRef swap = a;
        a = b;
        b = swap;
    }
    LLVMValueRef result = lanes_select(frame, real_compare(frame, predicate, a, b), a, b);
    if (is_ordered_constant(a)) {
        return result;
    }
    return lanes_select(frame, real_compare(frame, LLVMRealUNO, a, a), a, result);
}

EMITTER(emit_min, extremum(emission, LLVMRealOLT))
EMITTER(emit_max, extremum(emission, LLVMRealOGT))

/* fmod, or with the divisor's sign. */
static LLVMValueRef emit_mod(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef rest = emission->dtype == HMLC_DTYPE_f64
                            ? hmlc_math_fmod_f64(frame, emission->a, emission->b)
                            : hmlc_math_fmod(frame, emission->a, emission->b);
    if (hmlc_op_int(emission->op, HMLC_ATTR_fmod) != 0) {
        return rest;
    }
    LLVMValueRef rest_negative = real_compare_to(frame, LLVMRealOLT, rest, 0.0);
    LLVMValueRef b_negative = real_compare_to(frame, LLVMRealOLT, emission->b, 0.0);
    LLVMValueRef differ = LLVMBuildXor(frame->builder, rest_negative, b_negative, "");
    LLVMValueRef nonzero = real_compare_to(frame, LLVMRealONE, rest, 0.0);
    differ = LLVMBuildAnd(frame->builder, differ, nonzero, "");
    return lanes_select(frame, differ, real_add(frame, rest, emission->b), rest);
}

static LLVMValueRef emit_pow(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    hmlc_dtype dtype = hmlc_op_operand(emission->op, 1)->type->dtype;
    LLVMValueRef exponent = emission->b;
    if (lanes_element(exponent) != frame->f32) {
        exponent = hmlc_elementwise_convert(frame, exponent, dtype, HMLC_DTYPE_f64);
    }
    return hmlc_math_pow(frame, emission->a, exponent);
}

#define NARROW(opcode, emitter) [HMLC_OP_##opcode] = {.real = (emitter)}
#define WIDE(opcode, emitter)   [HMLC_OP_##opcode] = {.real = (emitter), .wide = true}

static const hmlc_elementwise_row rows[HMLC_OP_COUNT] = {
    WIDE(neg, emit_neg),
    WIDE(abs, emit_abs),
    WIDE(sign, emit_sign),
    WIDE(relu, emit_relu),
    WIDE(floor, emit_floor),
    WIDE(ceil, emit_ceil),
    WIDE(round, emit_round),
    WIDE(sqrt, emit_sqrt),
    WIDE(rsqrt, emit_rsqrt),
    WIDE(reciprocal, emit_reciprocal),
    WIDE(exp, emit_exp),
    WIDE(log, emit_log),
    NARROW(sin, emit_sin),
    NARROW(cos, emit_cos),
    NARROW(tan, emit_tan),
    NARROW(asin, emit_asin),
    NARROW(acos, emit_acos),
    NARROW(atan, emit_atan),
    NARROW(sinh, emit_sinh),
    NARROW(cosh, emit_cosh),
    NARROW(asinh, emit_asinh),
    NARROW(acosh, emit_acosh),
    NARROW(atanh, emit_atanh),
    NARROW(tanh, emit_tanh),
    NARROW(erf, emit_erf),
    NARROW(sigmoid, emit_sigmoid),
    NARROW(softplus, emit_softplus),
    WIDE(softsign, emit_softsign),
    NARROW(silu, emit_silu),
    NARROW(mish, emit_mish),
    NARROW(gelu, emit_gelu),
    WIDE(leaky_relu, emit_leaky_relu),
    NARROW(elu, emit_elu),
    NARROW(selu, emit_selu),
    NARROW(celu, emit_celu),
    WIDE(thresholded_relu, emit_thresholded_relu),
    WIDE(shrink, emit_shrink),
    WIDE(hard_sigmoid, emit_hard_sigmoid),
    WIDE(hard_swish, emit_hard_swish),
    WIDE(is_nan, emit_is_nan),
    WIDE(is_inf, emit_is_inf),
    WIDE(add, emit_add),
    WIDE(sub, emit_sub),
    WIDE(mul, emit_mul),
    WIDE(div, emit_div),
    WIDE(mod, emit_mod),
    NARROW(pow, emit_pow),
    WIDE(min, emit_min),
    WIDE(max, emit_max),
    WIDE(equal, emit_equal),
    WIDE(less, emit_less),
    WIDE(less_equal, emit_less_equal),
    WIDE(prelu, emit_prelu),
};

hmlc_elementwise_row hmlc_elementwise_real_row(hmlc_opcode opcode)
{
    return rows[opcode];
}

LLVMValueRef hmlc_elementwise_activate(hmlc_frame *frame, const hmlc_activation *activation,
                                       LLVMValueRef x)
{
    hmlc_opcode opcode = hmlc_activation_opcode(activation->kind);
    if (opcode == HMLC_OP_COUNT) {
        bool affine = activation->kind == HMLC_ACTIVATION_affine;
        LLVMValueRef scale = lanes_real(x, activation->alpha);
        return affine ? hmlc_frame_fma(frame, scale, x, lanes_real(x, activation->beta))
                      : real_mul(frame, scale,
                                 hmlc_math_tanh(frame, real_scale(frame, x, activation->beta)));
    }
    const hmlc_attr attrs[] = {hmlc_attr_float(HMLC_ATTR_alpha, activation->alpha),
                               hmlc_attr_float(HMLC_ATTR_beta, activation->beta)};
    const hmlc_op op = {.opcode = opcode, .attrs = attrs, .attr_count = 2};
    const hmlc_emission emission = {.frame = frame, .op = &op, .dtype = HMLC_DTYPE_f32, .a = x};
    return rows[opcode].real(&emission);
}

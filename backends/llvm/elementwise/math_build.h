/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short builders for values of any lane count (scalars are one lane), used by the math functions
 * and the elementwise emitters. All of them emit at the frame's builder; constants take the lane
 * count of `like`.
 */
#ifndef HMLC_MATH_BUILD_H
#define HMLC_MATH_BUILD_H

#include "llvm/frame/frame.h"

enum { HMLC_LONG_POLYNOMIAL = 12 };

static inline uint32_t lanes_of(LLVMValueRef value)
{
    LLVMTypeRef type = LLVMTypeOf(value);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetVectorSize(type) : 1;
}

static inline LLVMTypeRef lanes_element(LLVMValueRef value)
{
    LLVMTypeRef type = LLVMTypeOf(value);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
}

/* `element` with as many lanes as `like`. */
static inline LLVMTypeRef lanes_type(LLVMValueRef like, LLVMTypeRef element)
{
    uint32_t lanes = lanes_of(like);
    return LLVMGetTypeKind(LLVMTypeOf(like)) == LLVMVectorTypeKind ? LLVMVectorType(element, lanes)
                                                                   : element;
}

static inline LLVMValueRef lanes_splat(LLVMValueRef like, LLVMValueRef constant)
{
    LLVMValueRef elements[HMLC_LANES_MAX];
    uint32_t lanes = lanes_of(like);
    if (LLVMGetTypeKind(LLVMTypeOf(like)) != LLVMVectorTypeKind) {
        return constant;
    }
    for (uint32_t k = 0; k < lanes && k < HMLC_LANES_MAX; k++) {
        elements[k] = constant;
    }
    return LLVMConstVector(elements, lanes);
}

/* A constant of the floating-point element type of `like`. */
static inline LLVMValueRef lanes_real(LLVMValueRef like, double value)
{
    return lanes_splat(like, LLVMConstReal(lanes_element(like), value));
}

/* A constant of the integer element type of `like`. */
static inline LLVMValueRef lanes_int(LLVMValueRef like, int64_t value)
{
    return lanes_splat(like, LLVMConstInt(lanes_element(like), (unsigned long long)value, 1));
}

/* The value of a floating-point constant whose lanes are equal; false for anything else. */
static inline bool lanes_constant(LLVMValueRef value, double *constant)
{
    if (!LLVMIsConstant(value)) {
        return false;
    }
    LLVMValueRef first = value;
    if (LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind) {
        first = LLVMGetAggregateElement(value, 0);
        for (uint32_t k = 1; k < lanes_of(value); k++) {
            if (LLVMGetAggregateElement(value, k) != first) {
                return false;
            }
        }
    }
    if (first == NULL || !LLVMIsAConstantFP(first)) {
        return false;
    }
    LLVMBool loses = 0;
    *constant = LLVMConstRealGetDouble(first, &loses);
    return true;
}

/* Same bits, other element type of the same width. */
static inline LLVMValueRef lanes_bits(hmlc_frame *frame, LLVMValueRef value, LLVMTypeRef element)
{
    return LLVMBuildBitCast(frame->builder, value, lanes_type(value, element), "");
}

static inline LLVMValueRef real_add(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFAdd(frame->builder, a, b, "");
}

static inline LLVMValueRef real_sub(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFSub(frame->builder, a, b, "");
}

static inline LLVMValueRef real_mul(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFMul(frame->builder, a, b, "");
}

static inline LLVMValueRef real_div(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFDiv(frame->builder, a, b, "");
}

static inline LLVMValueRef real_scale(hmlc_frame *frame, LLVMValueRef a, double factor)
{
    return real_mul(frame, a, lanes_real(a, factor));
}

static inline LLVMValueRef real_plus(hmlc_frame *frame, LLVMValueRef a, double term)
{
    return real_add(frame, a, lanes_real(a, term));
}

static inline LLVMValueRef real_compare(hmlc_frame *frame, LLVMRealPredicate predicate,
                                        LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildFCmp(frame->builder, predicate, a, b, "");
}

static inline LLVMValueRef real_compare_to(hmlc_frame *frame, LLVMRealPredicate predicate,
                                           LLVMValueRef a, double b)
{
    return real_compare(frame, predicate, a, lanes_real(a, b));
}

/* One i1: whether `condition` holds on a lane. */
static inline LLVMValueRef lanes_any(hmlc_frame *frame, LLVMValueRef condition)
{
    uint32_t lanes = lanes_of(condition);
    if (LLVMGetTypeKind(LLVMTypeOf(condition)) != LLVMVectorTypeKind) {
        return condition;
    }
    LLVMTypeRef word = LLVMIntTypeInContext(frame->context, lanes);
    LLVMValueRef mask = LLVMBuildBitCast(frame->builder, condition, word, "");
    return LLVMBuildICmp(frame->builder, LLVMIntNE, mask, LLVMConstNull(word), "");
}

static inline LLVMValueRef lanes_select(hmlc_frame *frame, LLVMValueRef condition, LLVMValueRef a,
                                        LLVMValueRef b)
{
    return LLVMBuildSelect(frame->builder, condition, a, b, "");
}

/* The larger of x and a constant; NaN stays. In this operand order the comparison and the choice
 * are one instruction where a maximum gives its second operand for NaN. */
static inline LLVMValueRef real_at_least(hmlc_frame *frame, LLVMValueRef x, double least)
{
    LLVMValueRef bound = lanes_real(x, least);
    if (hmlc_frame_has_extremum(frame, x)) {
        return hmlc_frame_extremum(frame, true, x, bound);
    }
    return lanes_select(frame, real_compare(frame, LLVMRealOGT, bound, x), bound, x);
}

static inline LLVMValueRef real_at_most(hmlc_frame *frame, LLVMValueRef x, double most)
{
    LLVMValueRef bound = lanes_real(x, most);
    if (hmlc_frame_has_extremum(frame, x)) {
        return hmlc_frame_extremum(frame, false, x, bound);
    }
    return lanes_select(frame, real_compare(frame, LLVMRealOLT, bound, x), bound, x);
}

static inline LLVMValueRef real_unary(hmlc_frame *frame, const char *intrinsic, LLVMValueRef x)
{
    return hmlc_frame_intrinsic(frame, intrinsic, LLVMTypeOf(x), &x, 1);
}

static inline LLVMValueRef real_absolute(hmlc_frame *frame, LLVMValueRef x)
{
    return real_unary(frame, "llvm.fabs", x);
}

/* Ways to a whole number. */
typedef enum hmlc_rounding {
    HMLC_ROUND_MODE, /* as the machine's mode says: to nearest, ties to even */
    HMLC_ROUND_EVEN, /* to nearest, ties to even, whatever the mode */
    HMLC_ROUND_DOWN,
    HMLC_ROUND_UP,
    HMLC_ROUND_TO_ZERO,
} hmlc_rounding;

/* math_round.c: f32 or f64 to a whole number of the same type, with the sign of x. */
LLVMValueRef hmlc_math_round(hmlc_frame *frame, hmlc_rounding rounding, LLVMValueRef x);

/* |magnitude| with the sign of `sign`. */
static inline LLVMValueRef real_copysign(hmlc_frame *frame, LLVMValueRef magnitude,
                                         LLVMValueRef sign)
{
    LLVMValueRef arguments[] = {magnitude, sign};
    return hmlc_frame_intrinsic(frame, "llvm.copysign", LLVMTypeOf(sign), arguments, 2);
}

/* Every second coefficient from `first` on, highest power first, Horner's rule. */
static inline LLVMValueRef real_horner(hmlc_frame *frame, LLVMValueRef x,
                                       const double *coefficients, uint32_t first, uint32_t count,
                                       uint32_t step)
{
    LLVMValueRef sum = lanes_real(x, coefficients[first]);
    for (uint32_t k = first + step; k < count; k += step) {
        sum = hmlc_frame_fma(frame, sum, x, lanes_real(x, coefficients[k]));
    }
    return sum;
}

/*
 * sum of coefficients[k] * x^(count - 1 - k). Long ones as even and odd powers, which halves the
 * chain of dependent steps.
 */
static inline LLVMValueRef real_polynomial(hmlc_frame *frame, LLVMValueRef x,
                                           const double *coefficients, uint32_t count)
{
    if (count < HMLC_LONG_POLYNOMIAL) {
        return real_horner(frame, x, coefficients, 0, count, 1);
    }
    LLVMValueRef square = real_mul(frame, x, x);
    LLVMValueRef even = real_horner(frame, square, coefficients, (count - 1) % 2, count, 2);
    LLVMValueRef odd = real_horner(frame, square, coefficients, count % 2, count, 2);
    return hmlc_frame_fma(frame, odd, x, even);
}

#define REAL_POLYNOMIAL(frame, x, coefficients)                                                    \
    real_polynomial(frame, x, coefficients, sizeof(coefficients) / sizeof((coefficients)[0]))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole numbers. Where no instruction rounds, adding and taking away 2^(mantissa bits) does: the
 * sum has no bits below 1, and is rounded to nearest, ties to even. From there on every number is
 * whole.
 */
#include "math_build.h"

static LLVMValueRef step_where(hmlc_frame *frame, LLVMRealPredicate predicate, LLVMValueRef rounded,
                               LLVMValueRef x, double step)
{
    LLVMValueRef wrong = real_compare(frame, predicate, rounded, x);
    return lanes_select(frame, wrong, real_plus(frame, rounded, step), rounded);
}

static LLVMValueRef round_by_sums(hmlc_frame *frame, hmlc_rounding rounding, LLVMValueRef x)
{
    double large = lanes_element(x) == frame->f64 ? 0x1p52 : 0x1p23;
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef result = real_plus(frame, real_plus(frame, magnitude, large), -large);
    if (rounding == HMLC_ROUND_TO_ZERO) {
        result = step_where(frame, LLVMRealOGT, result, magnitude, -1.0);
    }
    result = real_copysign(frame, result, x);
    if (rounding == HMLC_ROUND_DOWN) {
        result = step_where(frame, LLVMRealOGT, result, x, -1.0);
    } else if (rounding == HMLC_ROUND_UP) {
        result = step_where(frame, LLVMRealOLT, result, x, 1.0);
        result = real_copysign(frame, result, x); /* -0 */
    }
    LLVMValueRef small = real_compare_to(frame, LLVMRealOLT, magnitude, large);
    return lanes_select(frame, small, result, x);
}

LLVMValueRef hmlc_math_round(hmlc_frame *frame, hmlc_rounding rounding, LLVMValueRef x)
{
    static const char *const intrinsics[] = {
        [HMLC_ROUND_MODE] = "llvm.rint",     [HMLC_ROUND_EVEN] = "llvm.roundeven",
        [HMLC_ROUND_DOWN] = "llvm.floor",    [HMLC_ROUND_UP] = "llvm.ceil",
        [HMLC_ROUND_TO_ZERO] = "llvm.trunc",
    };
    return frame->target->has_rounding ? real_unary(frame, intrinsics[rounding], x)
                                       : round_by_sums(frame, rounding, x);
}

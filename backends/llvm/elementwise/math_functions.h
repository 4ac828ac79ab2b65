/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector math, in f32 where nothing else is said: each function emits straight-line code for any
 * lane count (sin, cos and tan branch once for huge arguments). Bounds are in README.md and tested
 * over the whole range. NaN stays NaN; scalar and vector code give the same bits.
 */
#ifndef HMLC_MATH_FUNCTIONS_H
#define HMLC_MATH_FUNCTIONS_H

#include "llvm/frame/frame.h"

/* math_exp.c */
LLVMValueRef hmlc_math_exp(hmlc_frame *frame, LLVMValueRef x);
/* exp for x <= 88: below -87.3 the result is 0. Faster; for softmax. */
LLVMValueRef hmlc_math_exp_flushed(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_expm1_negative(hmlc_frame *frame, LLVMValueRef x); /* x <= 0 */
LLVMValueRef hmlc_math_sinh(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_cosh(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_tanh(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_sigmoid(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_silu(hmlc_frame *frame, LLVMValueRef x, double alpha);
LLVMValueRef hmlc_math_mish(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_softplus(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_gelu_tanh(hmlc_frame *frame, LLVMValueRef x);

/* math_erf.c */
LLVMValueRef hmlc_math_erf(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_gelu(hmlc_frame *frame, LLVMValueRef x);

/* math_log.c */
LLVMValueRef hmlc_math_log(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_asinh(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_acosh(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_atanh(hmlc_frame *frame, LLVMValueRef x);
/* log2 of finite positive f64, relative error below 2^-50. */
LLVMValueRef hmlc_math_log2_f64(hmlc_frame *frame, LLVMValueRef x);

/* math_trig.c */
LLVMValueRef hmlc_math_sin(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_cos(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_tan(hmlc_frame *frame, LLVMValueRef x);

/* math_inverse.c */
LLVMValueRef hmlc_math_asin(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_acos(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_atan(hmlc_frame *frame, LLVMValueRef x);

/* math_pow.c */
/* x f32, y f32 or f64; the result is f32. */
LLVMValueRef hmlc_math_pow(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y);
/* C's fmod, exact; both f32. */
LLVMValueRef hmlc_math_fmod(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y);

/* math_wide.c: all f64 */
LLVMValueRef hmlc_math_exp_f64(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_log_f64(hmlc_frame *frame, LLVMValueRef x);
LLVMValueRef hmlc_math_fmod_f64(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef y);

#endif

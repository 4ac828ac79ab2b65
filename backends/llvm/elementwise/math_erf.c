/* SPDX-License-Identifier: Apache-2.0 */
/* erf and the GELU made of it. */
#include "math_build.h"
#include "math_functions.h"

/* tools/scripts/fit_math.py erf: erf(x) = x + x P(x^2) below 1. */
static const double erf_small[] = {7.780708984e-5, -7.991410675e-4, 5.186607596e-3, -2.685315348e-2,
                                   1.128357649e-1, -3.761262596e-1, 1.283791661e-1};
/* tools/scripts/fit_math.py erfc: erf(x) = 1 - exp(P(x)) from 1 to 4, behind which it is 1. */
static const double log_erfc[] = {2.518051588e-6,  -5.252211849e-5, 6.002464215e-4,
                                  -4.652629141e-3, 2.595874853e-2,  -1.09173581e-1,
                                  -6.327852011e-1, -1.129702091,    1.990012097e-4};
static const double erf_one = 4.0;

LLVMValueRef hmlc_math_erf(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_at_most(frame, real_absolute(frame, x), erf_one);
    LLVMValueRef square = real_mul(frame, magnitude, magnitude);
    LLVMValueRef small =
        hmlc_frame_fma(frame, magnitude, REAL_POLYNOMIAL(frame, square, erf_small), magnitude);
    LLVMValueRef tail = hmlc_math_exp_flushed(frame, REAL_POLYNOMIAL(frame, magnitude, log_erfc));
    LLVMValueRef large = real_sub(frame, lanes_real(x, 1.0), tail);
    LLVMValueRef is_small = real_compare_to(frame, LLVMRealOLT, magnitude, 1.0);
    return real_copysign(frame, lanes_select(frame, is_small, small, large), x);
}

/*
 * tools/scripts/fit_math.py gelu: the normal distribution as 1/2 + x P(u), u = 2 (x / 5.5)^2 - 1:
 * one polynomial, no exp, no division. The constant term is a unit of its last place above the
 * fit's, so that the share leaves [0, 1] at 5.5 and is cut to 1 or 0 from there on: x, or 0 x,
 * which is NaN at -infinity, as in the definition.
 */
static const double gelu_core[] = {
    -2.624665212e-4, 6.699282676e-4, -4.629442119e-4, 6.067257491e-4,
    -2.474863315e-3, 4.749953281e-3, -6.80572493e-3,  1.015814114e-2,
    -1.499517635e-2, 2.038340084e-2, -2.605065331e-2, 3.206790239e-2,
    -3.879244998e-2, 4.773773253e-2, -6.417234987e-2, 1.285519451e-1};
static const double gelu_limit = 5.5;

LLVMValueRef hmlc_math_gelu(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef clamped = real_at_most(frame, real_at_least(frame, x, -gelu_limit), gelu_limit);
    LLVMValueRef square = real_mul(frame, clamped, clamped);
    LLVMValueRef u = hmlc_frame_fma(frame, square, lanes_real(x, 2.0 / (gelu_limit * gelu_limit)),
                                    lanes_real(x, -1.0));
    LLVMValueRef share =
        hmlc_frame_fma(frame, clamped, REAL_POLYNOMIAL(frame, u, gelu_core), lanes_real(x, 0.5));
    share = real_at_most(frame, real_at_least(frame, share, 0.0), 1.0);
    return real_mul(frame, x, share);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* asin, acos, atan. */
#include "math_build.h"
#include "math_functions.h"

static const double pi = 3.14159265358979324;

/* tools/scripts/fit_math.py asin: asin(s) = s + s t P(t), t = s^2, |s| <= 1/2. */
static const double asin_rest[] = {3.697344288e-2, 1.487090997e-2, 3.167719766e-2,
                                   4.453536496e-2, 7.500385493e-2, 1.666666269e-1};

typedef struct asin_parts {
    LLVMValueRef large; /* |x| > 1/2: value is asin(sqrt((1 - |x|) / 2)), else asin(|x|) */
    LLVMValueRef value;
} asin_parts;

static asin_parts asin_core(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef large = real_compare_to(frame, LLVMRealOGT, magnitude, 0.5);
    LLVMValueRef half = hmlc_frame_fma(frame, magnitude, lanes_real(x, -0.5), lanes_real(x, 0.5));
    LLVMValueRef t = lanes_select(frame, large, half, real_mul(frame, x, x));
    LLVMValueRef s = lanes_select(frame, large, real_unary(frame, "llvm.sqrt", half), magnitude);
    LLVMValueRef rest = REAL_POLYNOMIAL(frame, t, asin_rest);
    rest = real_mul(frame, real_mul(frame, s, t), rest);
    return (asin_parts){large, real_add(frame, s, rest)};
}

LLVMValueRef hmlc_math_asin(hmlc_frame *frame, LLVMValueRef x)
{
    asin_parts parts = asin_core(frame, x);
    LLVMValueRef outer =
        hmlc_frame_fma(frame, parts.value, lanes_real(x, -2.0), lanes_real(x, pi / 2));
    return real_copysign(frame, lanes_select(frame, parts.large, outer, parts.value), x);
}

LLVMValueRef hmlc_math_acos(hmlc_frame *frame, LLVMValueRef x)
{
    asin_parts parts = asin_core(frame, x);
    LLVMValueRef negative = real_compare_to(frame, LLVMRealOLT, x, 0.0);
    LLVMValueRef twice = real_scale(frame, parts.value, 2.0);
    LLVMValueRef outer =
        lanes_select(frame, negative, real_sub(frame, lanes_real(x, pi), twice), twice);
    LLVMValueRef inner =
        real_sub(frame, lanes_real(x, pi / 2), real_copysign(frame, parts.value, x));
    return lanes_select(frame, parts.large, outer, inner);
}

/* tools/scripts/fit_math.py atan: atan(z) = z + z t P(t), t = z^2, |z| <= 1. */
static const double atan_rest[] = {-1.887585269e-3, 1.13445865e-2,   -3.200025111e-2,
                                   5.880924687e-2,  -8.455117047e-2, 1.097071841e-1,
                                   -1.42680034e-1,  1.999893188e-1,  -3.333331347e-1};

LLVMValueRef hmlc_math_atan(hmlc_frame *frame, LLVMValueRef x)
{
    LLVMValueRef magnitude = real_absolute(frame, x);
    LLVMValueRef large = real_compare_to(frame, LLVMRealOGT, magnitude, 1.0);
    LLVMValueRef inverse = real_div(frame, lanes_real(x, 1.0), magnitude);
    LLVMValueRef z = lanes_select(frame, large, inverse, magnitude);
    LLVMValueRef t = real_mul(frame, z, z);
    LLVMValueRef rest = REAL_POLYNOMIAL(frame, t, atan_rest);
    rest = real_mul(frame, real_mul(frame, z, t), rest);
    LLVMValueRef value = real_add(frame, z, rest);
    LLVMValueRef outer = real_sub(frame, lanes_real(x, pi / 2), value);
    return real_copysign(frame, lanes_select(frame, large, outer, value), x);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* quantize and dequantize: in f32, as the definition of the operators rounds. */
#include "elementwise_internal.h"

static LLVMValueRef as_f32(const hmlc_emission *emission, uint32_t operand, LLVMValueRef value)
{
    hmlc_dtype dtype = hmlc_op_operand(emission->op, operand)->type->dtype;
    return hmlc_elementwise_convert(emission->frame, value, dtype, HMLC_DTYPE_f32);
}

/* round(x / scale) + zero point, saturated; NaN gives 0. `to` has at most 16 bits. */
LLVMValueRef hmlc_elementwise_quantize(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    hmlc_dtype to = emission->op->results[0]->type->dtype;
    double half = (double)((int64_t)1 << (hmlc_dtype_bits(to) - 1));
    bool unsigned_ = hmlc_dtype_is_unsigned(to);
    double least = unsigned_ ? 0.0 : -half, most = unsigned_ ? 2.0 * half - 1.0 : half - 1.0;
    LLVMValueRef scale = as_f32(emission, 1, emission->b);
    LLVMValueRef quotient = real_div(frame, as_f32(emission, 0, emission->a), scale);
    LLVMValueRef value = hmlc_math_round(frame, HMLC_ROUND_EVEN, quotient);
    if (emission->c != NULL) { /* small integers: the sum is exact where it does not saturate */
        value = real_add(frame, value, as_f32(emission, 2, emission->c));
    }
    LLVMValueRef ordered = real_compare(frame, LLVMRealORD, value, value);
    value = real_at_most(frame, real_at_least(frame, value, least), most);
    value = lanes_select(frame, ordered, value, lanes_real(value, 0.0));
    LLVMValueRef whole = LLVMBuildFPToSI(builder, value, lanes_type(value, frame->i32), "");
    return LLVMBuildTrunc(builder, whole, lanes_type(value, hmlc_frame_type(frame, to)), "");
}

/* (x - zero point) * scale. */
LLVMValueRef hmlc_elementwise_dequantize(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    hmlc_dtype from = emission->dtype, to = emission->op->results[0]->type->dtype;
    bool wide = hmlc_dtype_bits(from) > 16;
    hmlc_dtype whole = wide ? HMLC_DTYPE_i64 : HMLC_DTYPE_i32;
    LLVMValueRef difference = hmlc_elementwise_convert(frame, emission->a, from, whole);
    if (emission->c != NULL) {
        difference = LLVMBuildSub(frame->builder, difference,
                                  hmlc_elementwise_convert(frame, emission->c, from, whole), "");
    }
    hmlc_dtype real = wide ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32;
    hmlc_dtype scale_type = hmlc_op_operand(emission->op, 1)->type->dtype;
    LLVMValueRef scale = hmlc_elementwise_convert(frame, emission->b, scale_type, real);
    LLVMValueRef x = hmlc_elementwise_convert(frame, difference, whole, real);
    return hmlc_elementwise_convert(frame, real_mul(frame, x, scale), real, to);
}

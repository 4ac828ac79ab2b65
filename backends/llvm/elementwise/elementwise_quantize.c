/* SPDX-License-Identifier: Apache-2.0 */
/* quantize and dequantize: in f32, as the definition of the operators rounds. */
#include "elementwise_internal.h"

static LLVMValueRef whole_extremum(hmlc_frame *frame, LLVMIntPredicate wins, LLVMValueRef x,
                                   int64_t bound)
{
    LLVMValueRef other = lanes_int(x, bound);
    LLVMValueRef kept = LLVMBuildICmp(frame->builder, wins, x, other, "");
    return lanes_select(frame, kept, x, other);
}

static LLVMValueRef as_f32(const hmlc_emission *emission, uint32_t operand, LLVMValueRef value)
{
    hmlc_dtype dtype = hmlc_op_operand(emission->op, operand)->type->dtype;
    return hmlc_elementwise_convert(emission->frame, value, dtype, HMLC_DTYPE_f32);
}

/* x within [least, most]; NaN becomes `least`. */
static LLVMValueRef clamp(hmlc_frame *frame, LLVMValueRef x, LLVMValueRef least, LLVMValueRef most)
{
    x = lanes_select(frame, real_compare(frame, LLVMRealOGT, x, least), x, least);
    return lanes_select(frame, real_compare(frame, LLVMRealOLT, x, most), x, most);
}

/*
 * round(x / scale) + zero point, saturated; NaN gives 0. `to` has at most 16 bits. What would
 * saturate is cut off in front of rounding: the bounds, less the zero point, are whole numbers.
 * Added to 1.5 * 2^23 a number of less than 2^22 is rounded to nearest, ties to even, and the sum's
 * last bits are the integer. The zero point joins the integer: added before, ties would go the
 * other way where it is odd.
 */
LLVMValueRef hmlc_elementwise_quantize(const hmlc_emission *emission)
{
    static const double round_up = 0x1.8p23;
    static const int64_t round_up_bits = 0x4B400000;
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    hmlc_dtype to = emission->op->results[0]->type->dtype;
    int64_t half = (int64_t)1 << (hmlc_dtype_bits(to) - 1);
    bool unsigned_ = hmlc_dtype_is_unsigned(to);
    int64_t least = unsigned_ ? 0 : -half, most = unsigned_ ? 2 * half - 1 : half - 1;
    LLVMValueRef scale = as_f32(emission, 1, emission->b);
    LLVMValueRef x = real_div(frame, as_f32(emission, 0, emission->a), scale);
    LLVMValueRef low = lanes_real(x, (double)least), high = lanes_real(x, (double)most);
    LLVMValueRef shift = lanes_splat(x, LLVMConstInt(frame->i32, (uint64_t)-round_up_bits, 1));
    if (emission->c != NULL) {
        LLVMValueRef zero = as_f32(emission, 2, emission->c);
        low = real_sub(frame, low, zero);
        high = real_sub(frame, high, zero);
        hmlc_dtype dtype = hmlc_op_operand(emission->op, 2)->type->dtype;
        zero = hmlc_elementwise_convert(frame, emission->c, dtype, HMLC_DTYPE_i32);
        shift = LLVMBuildAdd(builder, zero, shift, "");
    }
    LLVMValueRef sum = real_plus(frame, clamp(frame, x, low, high), round_up);
    LLVMValueRef whole = LLVMBuildAdd(builder, lanes_bits(frame, sum, frame->i32), shift, "");
    if (!unsigned_) { /* else it is the least */
        LLVMValueRef ordered = real_compare(frame, LLVMRealORD, x, x);
        whole = lanes_select(frame, ordered, whole, lanes_int(whole, 0));
    }
    if (frame->target->packs_saturate) { /* it is within; LLVM then knows */
        whole = whole_extremum(frame, LLVMIntSGT, whole, least);
        whole = whole_extremum(frame, LLVMIntSLT, whole, most);
    }
    return LLVMBuildTrunc(builder, whole, lanes_type(whole, hmlc_frame_type(frame, to)), "");
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

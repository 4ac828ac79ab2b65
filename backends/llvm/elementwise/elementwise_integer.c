/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise ops on integers and bool: two's complement, no traps, the corners of ops.def. */
#include "elementwise_internal.h"

#define EMITTER(name, expression)                                                                  \
    static LLVMValueRef name(const hmlc_emission *emission)                                        \
    {                                                                                              \
        LLVMBuilderRef builder = emission->frame->builder;                                         \
        LLVMValueRef a = emission->a, b = emission->b;                                             \
        (void)builder, (void)a, (void)b;                                                           \
        return expression;                                                                         \
    }

static bool is_unsigned(const hmlc_emission *emission)
{
    return hmlc_dtype_is_unsigned(emission->dtype);
}

static LLVMValueRef compare(const hmlc_emission *emission, LLVMIntPredicate signed_predicate,
                            LLVMIntPredicate unsigned_predicate, LLVMValueRef a, LLVMValueRef b)
{
    LLVMIntPredicate predicate = is_unsigned(emission) ? unsigned_predicate : signed_predicate;
    return LLVMBuildICmp(emission->frame->builder, predicate, a, b, "");
}

static LLVMValueRef less(const hmlc_emission *emission, LLVMValueRef a, LLVMValueRef b)
{
    return compare(emission, LLVMIntSLT, LLVMIntULT, a, b);
}

/* `below` where a < 0, else `rest`; unsigned: rest. */
static LLVMValueRef where_negative(const hmlc_emission *emission, LLVMValueRef below,
                                   LLVMValueRef rest)
{
    LLVMValueRef a = emission->a;
    return is_unsigned(emission)
               ? rest
               : lanes_select(emission->frame, less(emission, a, lanes_int(a, 0)), below, rest);
}

static LLVMValueRef is_zero(const hmlc_emission *emission, LLVMValueRef a)
{
    return LLVMBuildICmp(emission->frame->builder, LLVMIntEQ, a, lanes_int(a, 0), "");
}

EMITTER(emit_neg, LLVMBuildNeg(builder, a, ""))
EMITTER(emit_abs, where_negative(emission, LLVMBuildNeg(builder, a, ""), a))
EMITTER(emit_sign,
        where_negative(emission, lanes_int(a, -1),
                       lanes_select(emission->frame, is_zero(emission, a), a, lanes_int(a, 1))))
EMITTER(emit_relu, where_negative(emission, lanes_int(a, 0), a))
EMITTER(emit_not, LLVMBuildNot(builder, a, ""))
EMITTER(emit_add, LLVMBuildAdd(builder, a, b, ""))
EMITTER(emit_sub, LLVMBuildSub(builder, a, b, ""))
EMITTER(emit_mul, LLVMBuildMul(builder, a, b, ""))
EMITTER(emit_min, lanes_select(emission->frame, less(emission, b, a), b, a))
EMITTER(emit_max, lanes_select(emission->frame, less(emission, a, b), b, a))
EMITTER(emit_equal, LLVMBuildICmp(builder, LLVMIntEQ, a, b, ""))
EMITTER(emit_less, less(emission, a, b))
EMITTER(emit_less_equal, compare(emission, LLVMIntSLE, LLVMIntULE, a, b))
EMITTER(emit_and, LLVMBuildAnd(builder, a, b, ""))
EMITTER(emit_or, LLVMBuildOr(builder, a, b, ""))
EMITTER(emit_xor, LLVMBuildXor(builder, a, b, ""))
EMITTER(emit_prelu, where_negative(emission, LLVMBuildMul(builder, a, b, ""), a))

/* Shifts by the type's width or more leave 0 (or the sign). */
static LLVMValueRef emit_shift(const hmlc_emission *emission)
{
    LLVMBuilderRef builder = emission->frame->builder;
    LLVMValueRef a = emission->a, b = emission->b;
    int64_t bits = hmlc_dtype_bits(emission->dtype);
    LLVMValueRef far = LLVMBuildICmp(builder, LLVMIntUGE, b, lanes_int(b, bits), "");
    bool left = emission->op->opcode == HMLC_OP_shift_left;
    if (!left && !is_unsigned(emission)) {
        LLVMValueRef amount = lanes_select(emission->frame, far, lanes_int(b, bits - 1), b);
        return LLVMBuildAShr(builder, a, amount, "");
    }
    LLVMValueRef amount = lanes_select(emission->frame, far, lanes_int(b, 0), b);
    LLVMValueRef shifted =
        left ? LLVMBuildShl(builder, a, amount, "") : LLVMBuildLShr(builder, a, amount, "");
    return lanes_select(emission->frame, far, lanes_int(a, 0), shifted);
}

/* Exact by a wider float: up to 16 bits in f32, 32 bits in f64. The divisor is not 0. */
static LLVMValueRef divide_by_float(const hmlc_emission *emission, LLVMValueRef b)
{
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    bool wide = hmlc_dtype_bits(emission->dtype) > 16;
    LLVMTypeRef real = lanes_type(b, wide ? frame->f64 : frame->f32);
    LLVMTypeRef whole = lanes_type(b, wide ? frame->i64 : frame->i32);
    bool unsigned_ = is_unsigned(emission);
    LLVMValueRef x = unsigned_ ? LLVMBuildUIToFP(builder, emission->a, real, "")
                               : LLVMBuildSIToFP(builder, emission->a, real, "");
    LLVMValueRef y =
        unsigned_ ? LLVMBuildUIToFP(builder, b, real, "") : LLVMBuildSIToFP(builder, b, real, "");
    LLVMValueRef quotient = real_div(frame, x, y);
    if (!wide) {
        quotient = LLVMBuildFPToSI(builder, quotient, whole, "");
        return LLVMBuildTrunc(builder, quotient, LLVMTypeOf(b), "");
    }
    if (unsigned_) {
        return LLVMBuildFPToUI(builder, quotient, LLVMTypeOf(b), "");
    }
    /* -2^31 / -1 = 2^31 has to wrap: halve the range by conversion of the difference */
    LLVMValueRef overflow = real_compare_to(frame, LLVMRealOGE, quotient, 0x1p31);
    quotient = lanes_select(frame, overflow, lanes_real(quotient, -0x1p31), quotient);
    return LLVMBuildFPToSI(builder, quotient, LLVMTypeOf(b), "");
}

/* Lane by lane with the machine's division; traps are kept away by the divisor 1. */
static LLVMValueRef divide_by_integer(const hmlc_emission *emission, LLVMValueRef b)
{
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    if (is_unsigned(emission)) {
        return LLVMBuildUDiv(builder, emission->a, b, "");
    }
    LLVMValueRef minus = LLVMBuildICmp(builder, LLVMIntEQ, b, lanes_int(b, -1), "");
    LLVMValueRef safe = lanes_select(frame, minus, lanes_int(b, 1), b);
    LLVMValueRef quotient = LLVMBuildSDiv(builder, emission->a, safe, "");
    return lanes_select(frame, minus, LLVMBuildNeg(builder, emission->a, ""), quotient);
}

/* a / b toward 0 where b != 0; anything where b = 0. */
static LLVMValueRef quotient(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef b = emission->b;
    LLVMValueRef safe = lanes_select(frame, is_zero(emission, b), lanes_int(b, 1), b);
    bool constant = LLVMIsConstant(safe);
    return constant || hmlc_dtype_bits(emission->dtype) == 64 ? divide_by_integer(emission, safe)
                                                              : divide_by_float(emission, safe);
}

static LLVMValueRef emit_div(const hmlc_emission *emission)
{
    LLVMValueRef b = emission->b;
    LLVMValueRef result = quotient(emission);
    return lanes_select(emission->frame, is_zero(emission, b), lanes_int(b, 0), result);
}

/* With the divisor's sign, or (fmod) the dividend's. */
static LLVMValueRef emit_mod(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef a = emission->a, b = emission->b;
    LLVMValueRef rest =
        LLVMBuildSub(builder, a, LLVMBuildMul(builder, quotient(emission), b, ""), "");
    rest = lanes_select(frame, is_zero(emission, b), lanes_int(b, 0), rest);
    if (is_unsigned(emission) || hmlc_op_int(emission->op, HMLC_ATTR_fmod) != 0) {
        return rest;
    }
    LLVMValueRef differ =
        LLVMBuildICmp(builder, LLVMIntSLT, LLVMBuildXor(builder, rest, b, ""), lanes_int(b, 0), "");
    LLVMValueRef nonzero = LLVMBuildNot(builder, is_zero(emission, rest), "");
    differ = LLVMBuildAnd(builder, differ, nonzero, "");
    return lanes_select(frame, differ, LLVMBuildAdd(builder, rest, b, ""), rest);
}

#define INTEGER(opcode, emitter) [HMLC_OP_##opcode] = {.integer = (emitter)}
#define BOOLEAN(opcode, emitter) [HMLC_OP_##opcode] = {.boolean = (emitter)}

static const hmlc_elementwise_row rows[HMLC_OP_COUNT] = {
    INTEGER(neg, emit_neg),
    INTEGER(abs, emit_abs),
    INTEGER(sign, emit_sign),
    INTEGER(relu, emit_relu),
    INTEGER(bit_not, emit_not),
    INTEGER(add, emit_add),
    INTEGER(sub, emit_sub),
    INTEGER(mul, emit_mul),
    INTEGER(div, emit_div),
    INTEGER(mod, emit_mod),
    INTEGER(pow, hmlc_elementwise_integer_power),
    INTEGER(min, emit_min),
    INTEGER(max, emit_max),
    [HMLC_OP_equal] = {.integer = emit_equal, .boolean = emit_equal},
    INTEGER(less, emit_less),
    INTEGER(less_equal, emit_less_equal),
    INTEGER(bit_and, emit_and),
    INTEGER(bit_or, emit_or),
    INTEGER(bit_xor, emit_xor),
    INTEGER(shift_left, emit_shift),
    INTEGER(shift_right, emit_shift),
    INTEGER(prelu, emit_prelu),
    BOOLEAN(not, emit_not),
    BOOLEAN(and, emit_and),
    BOOLEAN(or, emit_or),
    BOOLEAN(xor, emit_xor),
};

hmlc_elementwise_row hmlc_elementwise_integer_row(hmlc_opcode opcode)
{
    return rows[opcode];
}

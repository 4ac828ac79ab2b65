/* SPDX-License-Identifier: Apache-2.0 */
/* The table of elementwise ops: which emitter serves which opcode and element type. */
#include "elementwise_internal.h"

static hmlc_elementwise_row row_of(hmlc_opcode opcode)
{
    hmlc_elementwise_row row = hmlc_elementwise_real_row(opcode);
    hmlc_elementwise_row integer = hmlc_elementwise_integer_row(opcode);
    row.integer = integer.integer;
    row.boolean = integer.boolean;
    return row;
}

/* The element type that chooses the emitter. */
static hmlc_dtype dtype_of(const hmlc_op *op)
{
    uint32_t operand = op->opcode == HMLC_OP_select ? 1 : 0;
    return hmlc_op_operand(op, operand)->type->dtype;
}

static bool dtype_is_computed(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_bool:
    case HMLC_DTYPE_f16:
    case HMLC_DTYPE_bf16:
    case HMLC_DTYPE_f32:
    case HMLC_DTYPE_f64:
        return true;
    default:
        return hmlc_dtype_is_integer(dtype) && hmlc_dtype_bytes(dtype) != 0;
    }
}

static bool operands_supported(const hmlc_op *op, const char **reason)
{
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        if (operand != NULL && !dtype_is_computed(operand->type->dtype)) {
            *reason = "no arithmetic on this element type";
            return false;
        }
    }
    if (!dtype_is_computed(op->results[0]->type->dtype)) {
        *reason = "no arithmetic on this element type";
        return false;
    }
    return true;
}

static bool quantize_supported(const hmlc_op *op, const char **reason)
{
    bool quantizes = op->opcode == HMLC_OP_quantize;
    hmlc_dtype real = quantizes ? hmlc_op_operand(op, 0)->type->dtype : op->results[0]->type->dtype;
    hmlc_dtype whole =
        quantizes ? op->results[0]->type->dtype : hmlc_op_operand(op, 0)->type->dtype;
    if (real == HMLC_DTYPE_f64 || hmlc_op_operand(op, 1)->type->dtype == HMLC_DTYPE_f64) {
        *reason = "quantization in f64";
        return false;
    }
    if (!quantizes && hmlc_op_int(op, HMLC_ATTR_block) != 0) {
        *reason = "scales in blocks, but for weights of a product";
        return false;
    }
    if (hmlc_dtype_bits(whole) > (quantizes ? 16 : 32)) {
        *reason = "quantized elements are wider than supported";
        return false;
    }
    return true;
}

bool hmlc_elementwise_supported(const hmlc_op *op, const char **reason)
{
    if (!hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
        *reason = "not an elementwise operator";
        return false;
    }
    if (op->opcode == HMLC_OP_select) { /* moves any bytes */
        return true;
    }
    if (!operands_supported(op, reason)) {
        return false;
    }
    if (op->opcode == HMLC_OP_cast) {
        return true;
    }
    if (op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize) {
        return quantize_supported(op, reason);
    }
    if (op->opcode == HMLC_OP_requantize_fixed || op->opcode == HMLC_OP_lookup) {
        return true;
    }
    hmlc_elementwise_row row = row_of(op->opcode);
    hmlc_dtype dtype = dtype_of(op);
    bool real = hmlc_dtype_is_float(dtype);
    hmlc_emitter *emitter = real ? row.real : dtype == HMLC_DTYPE_bool ? row.boolean : row.integer;
    if (emitter == NULL) {
        *reason = "no vector code for this operator on this element type";
        return false;
    }
    if (dtype == HMLC_DTYPE_f64 && !row.wide) {
        *reason = "no vector code for this operator in f64";
        return false;
    }
    if (op->opcode == HMLC_OP_celu && hmlc_op_float(op, HMLC_ATTR_alpha) <= 0) {
        *reason = "alpha is not positive";
        return false;
    }
    return true;
}

static LLVMValueRef emit_half(hmlc_emission emission, hmlc_emitter *emitter)
{
    hmlc_frame *frame = emission.frame;
    hmlc_dtype half = emission.dtype;
    LLVMValueRef *operands[] = {&emission.a, &emission.b, &emission.c};
    for (uint32_t k = 0; k < emission.op->operand_count; k++) {
        if (*operands[k] != NULL && hmlc_op_operand(emission.op, k)->type->dtype == half) {
            *operands[k] = hmlc_elementwise_convert(frame, *operands[k], half, HMLC_DTYPE_f32);
        }
    }
    emission.dtype = HMLC_DTYPE_f32;
    LLVMValueRef result = emitter(&emission);
    hmlc_dtype wanted = emission.op->results[0]->type->dtype;
    return wanted == half ? hmlc_elementwise_convert(frame, result, HMLC_DTYPE_f32, half) : result;
}

LLVMValueRef hmlc_elementwise_emit(hmlc_frame *frame, const hmlc_op *op,
                                   LLVMValueRef const *operands)
{
    hmlc_emission emission = {.frame = frame, .op = op, .dtype = dtype_of(op), .a = operands[0]};
    emission.b = op->operand_count > 1 ? operands[1] : NULL;
    emission.c = op->operand_count > 2 ? operands[2] : NULL;
    switch (op->opcode) {
    case HMLC_OP_cast:
        return hmlc_elementwise_convert(frame, emission.a, emission.dtype,
                                        op->results[0]->type->dtype);
    case HMLC_OP_select:
        return lanes_select(frame, emission.a, emission.b, emission.c);
    case HMLC_OP_quantize:
        return hmlc_elementwise_quantize(&emission);
    case HMLC_OP_dequantize:
        return hmlc_elementwise_dequantize(&emission);
    case HMLC_OP_requantize_fixed:
        return hmlc_elementwise_requantize(&emission);
    case HMLC_OP_lookup:
        return hmlc_elementwise_lookup(&emission);
    default:
        break;
    }
    hmlc_elementwise_row row = row_of(op->opcode);
    if (hmlc_dtype_is_half(emission.dtype)) {
        return emit_half(emission, row.real);
    }
    if (hmlc_dtype_is_float(emission.dtype)) {
        return row.real(&emission);
    }
    return emission.dtype == HMLC_DTYPE_bool ? row.boolean(&emission) : row.integer(&emission);
}

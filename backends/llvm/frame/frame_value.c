/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a kernel function: types, constants, operands, memory. */
#include "frame_internal.h"

#include <string.h>

#include <hmlc/assert.h>

LLVMValueRef hmlc_frame_embed(hmlc_frame *frame, const void *bytes, size_t size, uint32_t alignment)
{
    LLVMTypeRef type = LLVMArrayType2(frame->i8, size);
    LLVMValueRef global = LLVMAddGlobal(frame->module, type, "constant");
    LLVMSetInitializer(global, LLVMConstStringInContext2(frame->context, bytes, size, 1));
    LLVMSetGlobalConstant(global, 1);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    LLVMSetAlignment(global, alignment);
    return global;
}

LLVMValueRef hmlc_frame_number(hmlc_frame *frame, int64_t value)
{
    return LLVMConstInt(frame->i64, (unsigned long long)value, 1);
}

/* What the planner lets through fits: nothing but sizes that no memory has does not. */
LLVMValueRef hmlc_frame_int(hmlc_frame *frame, int64_t value)
{
    if (frame->index_bytes < 8 && (value < INT32_MIN || value > INT32_MAX)) {
        hmlc_frame_too_large(frame, value);
    }
    return LLVMConstInt(frame->index, (unsigned long long)value, 1);
}

static LLVMTypeRef type_of_lanes(LLVMValueRef like, LLVMTypeRef element)
{
    LLVMTypeRef type = LLVMTypeOf(like);
    return LLVMGetTypeKind(type) == LLVMVectorTypeKind
               ? LLVMVectorType(element, LLVMGetVectorSize(type))
               : element;
}

LLVMValueRef hmlc_frame_index_number(hmlc_frame *frame, LLVMValueRef index)
{
    return LLVMBuildSExt(frame->builder, index, type_of_lanes(index, frame->i64), "");
}

LLVMValueRef hmlc_frame_number_index(hmlc_frame *frame, LLVMValueRef number)
{
    return LLVMBuildTrunc(frame->builder, number, type_of_lanes(number, frame->index), "");
}

LLVMTypeRef hmlc_frame_type(hmlc_frame *frame, hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f32:
        return frame->f32;
    case HMLC_DTYPE_f64:
        return frame->f64;
    default:
        return LLVMIntTypeInContext(frame->context, hmlc_dtype_bits(dtype));
    }
}

LLVMValueRef hmlc_frame_constant(LLVMTypeRef type, const hmlc_tensor *tensor, int64_t index)
{
    hmlc_dtype dtype = tensor->dtype;
    if (dtype == HMLC_DTYPE_f32 || dtype == HMLC_DTYPE_f64) {
        return LLVMConstReal(type, hmlc_tensor_get_double(tensor, index));
    }
    size_t bytes = hmlc_dtype_bytes(dtype);
    if (bytes <= 8 && (hmlc_dtype_is_integer(dtype) || dtype == HMLC_DTYPE_bool)) {
        return LLVMConstInt(type, (unsigned long long)hmlc_tensor_get_int(tensor, index), 1);
    }
    uint64_t words[2] = {0, 0};
    const unsigned char *from = (const unsigned char *)tensor->data + (size_t)index * bytes;
    for (size_t k = 0; k < bytes && k < sizeof words; k++) {
        words[k / 8] |= (uint64_t)from[k] << (8 * (k % 8));
    }
    return LLVMConstIntOfArbitraryPrecision(type, 2, words);
}

LLVMTypeRef hmlc_frame_vector(hmlc_frame *frame, hmlc_dtype dtype, uint32_t lanes)
{
    LLVMTypeRef type = hmlc_frame_type(frame, dtype);
    return lanes == 1 ? type : LLVMVectorType(type, lanes);
}

static uint32_t find_operand(const hmlc_frame *frame, bool result, uint32_t index)
{
    for (uint32_t k = 0; k < frame->plan->operand_count; k++) {
        const hmlc_kernel_operand *operand = &frame->plan->operands[k];
        bool is_result = operand->kind == HMLC_OPERAND_RESULT;
        if (operand->kind != HMLC_OPERAND_TABLE && is_result == result && operand->index == index) {
            return k;
        }
    }
    return 0;
}

uint32_t hmlc_frame_argument(const hmlc_frame *frame, uint32_t index)
{
    return find_operand(frame, false, index);
}

uint32_t hmlc_frame_result(const hmlc_frame *frame, uint32_t index)
{
    return find_operand(frame, true, index);
}

LLVMValueRef hmlc_frame_address(hmlc_frame *frame, const hmlc_value *value)
{
    if (value->producer == NULL) {
        return frame->operands[hmlc_frame_argument(frame, value->index)];
    }
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    return hmlc_frame_embed(frame, tensor->data, tensor->bytes, 16);
}

void hmlc_frame_access(hmlc_frame *frame, const hmlc_value *outer, hmlc_access *access)
{
    hmlc_access_of_value(frame->ir->dims, outer, access);
}

LLVMValueRef hmlc_frame_distance(hmlc_frame *frame, LLVMTypeRef type, LLVMValueRef first,
                                 LLVMValueRef last)
{
    LLVMValueRef elements = LLVMBuildPtrDiff2(frame->builder, type, last, first, "");
    return hmlc_frame_number_index(frame, elements); /* LLVM's is i64, whatever a pointer is */
}

LLVMValueRef hmlc_frame_element(hmlc_frame *frame, LLVMTypeRef type, LLVMValueRef base,
                                LLVMValueRef index)
{
    return LLVMBuildInBoundsGEP2(frame->builder, type, base, &index, 1, "");
}

LLVMValueRef hmlc_frame_load(hmlc_frame *frame, LLVMTypeRef type, LLVMValueRef address,
                             uint32_t alignment)
{
    LLVMValueRef load = LLVMBuildLoad2(frame->builder, type, address, "");
    LLVMSetAlignment(load, alignment);
    return load;
}

void hmlc_frame_store(hmlc_frame *frame, LLVMValueRef value, LLVMValueRef address,
                      uint32_t alignment)
{
    LLVMSetAlignment(LLVMBuildStore(frame->builder, value, address), alignment);
}

LLVMValueRef hmlc_frame_splat(hmlc_frame *frame, LLVMValueRef scalar, uint32_t lanes)
{
    if (lanes == 1) {
        return scalar;
    }
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), lanes);
    LLVMValueRef first = LLVMBuildInsertElement(frame->builder, LLVMGetPoison(type), scalar,
                                                LLVMConstInt(frame->i32, 0, 0), "");
    LLVMValueRef mask = LLVMConstNull(LLVMVectorType(frame->i32, lanes));
    return LLVMBuildShuffleVector(frame->builder, first, LLVMGetPoison(type), mask, "");
}

/* Pairwise. */
LLVMValueRef hmlc_frame_join(hmlc_frame *frame, LLVMValueRef *parts, uint32_t count)
{
    for (; count > 1; count = (count + 1) / 2) {
        LLVMTypeRef type = LLVMTypeOf(parts[0]);
        LLVMValueRef places[HMLC_LANES_MAX];
        uint32_t lanes = 2 * LLVMGetVectorSize(type);
        for (uint32_t k = 0; k < lanes; k++) {
            places[k] = LLVMConstInt(frame->i32, k, 0);
        }
        LLVMValueRef all = LLVMConstVector(places, lanes);
        for (uint32_t k = 0; k < count; k += 2) {
            LLVMValueRef behind = k + 1 < count ? parts[k + 1] : LLVMGetPoison(type);
            parts[k / 2] = LLVMBuildShuffleVector(frame->builder, parts[k], behind, all, "");
        }
    }
    return parts[0];
}

LLVMValueRef hmlc_frame_lanes(hmlc_frame *frame, LLVMValueRef vector, uint32_t first, uint32_t step,
                              uint32_t count)
{
    LLVMValueRef places[HMLC_LANES_MAX];
    HMLC_ASSERT(count <= HMLC_LANES_MAX);
    for (uint32_t k = 0; k < count; k++) {
        places[k] = LLVMConstInt(frame->i32, first + k * step, 0);
    }
    if (count == 1) {
        return LLVMBuildExtractElement(frame->builder, vector, places[0], "");
    }
    return LLVMBuildShuffleVector(frame->builder, vector, LLVMGetPoison(LLVMTypeOf(vector)),
                                  LLVMConstVector(places, count), "");
}

LLVMValueRef hmlc_frame_alloca(hmlc_frame *frame, LLVMTypeRef type, uint32_t count,
                               uint32_t alignment)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(frame->builder);
    LLVMPositionBuilderBefore(frame->builder, LLVMGetFirstInstruction(frame->entry));
    LLVMValueRef memory =
        LLVMBuildArrayAlloca(frame->builder, type, LLVMConstInt(frame->i32, count, 0), "");
    uint32_t most = (uint32_t)frame->target->stack_alignment;
    LLVMSetAlignment(memory, most != 0 && alignment > most ? most : alignment);
    LLVMPositionBuilderAtEnd(frame->builder, here);
    return memory;
}

LLVMValueRef hmlc_frame_intrinsic_of(hmlc_frame *frame, const char *name, LLVMTypeRef *types,
                                     uint32_t type_count, LLVMValueRef const *arguments,
                                     uint32_t count)
{
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    if (id == 0) { /* an unknown name would become a call to an undefined symbol */
        hmlc_frame_defect(frame, "LLVM knows no intrinsic", name);
        return LLVMGetPoison(types[0]);
    }
    LLVMValueRef function = LLVMGetIntrinsicDeclaration(frame->module, id, types, type_count);
    LLVMTypeRef function_type = LLVMIntrinsicGetType(frame->context, id, types, type_count);
    LLVMValueRef *values =
        HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, count); /* LLVM's are not const */
    if (values == NULL) {
        hmlc_frame_fail(frame, HMLC_RESOURCE);
        return LLVMGetPoison(types[0]);
    }
    for (uint32_t k = 0; k < count; k++) {
        values[k] = arguments[k];
    }
    return LLVMBuildCall2(frame->builder, function_type, function, values, count, "");
}

LLVMValueRef hmlc_frame_intrinsic(hmlc_frame *frame, const char *name, LLVMTypeRef type,
                                  LLVMValueRef const *arguments, uint32_t count)
{
    return hmlc_frame_intrinsic_of(frame, name, &type, 1, arguments, count);
}

bool hmlc_frame_has_extremum(const hmlc_frame *frame, LLVMValueRef a)
{
    LLVMTypeRef type = LLVMTypeOf(a);
    if (LLVMGetTypeKind(type) == LLVMVectorTypeKind) {
        type = LLVMGetElementType(type);
    }
    return frame->target->nan_extrema_bits >= (type == frame->f64 ? 64 : 32);
}

LLVMValueRef hmlc_frame_extremum(hmlc_frame *frame, bool largest, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef arguments[] = {a, b};
    return hmlc_frame_intrinsic(frame, largest ? "llvm.maximum" : "llvm.minimum", LLVMTypeOf(a),
                                arguments, 2);
}

LLVMValueRef hmlc_frame_fma(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
    if (frame->target->has_fma) {
        LLVMValueRef arguments[] = {a, b, c};
        return hmlc_frame_intrinsic(frame, "llvm.fma", LLVMTypeOf(a), arguments, 3);
    }
    return LLVMBuildFAdd(frame->builder, LLVMBuildFMul(frame->builder, a, b, ""), c, "");
}

LLVMValueRef hmlc_frame_minimum(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef less = LLVMBuildICmp(frame->builder, LLVMIntSLT, a, b, "");
    return LLVMBuildSelect(frame->builder, less, a, b, "");
}

LLVMValueRef hmlc_frame_maximum(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef more = LLVMBuildICmp(frame->builder, LLVMIntSGT, a, b, "");
    return LLVMBuildSelect(frame->builder, more, a, b, "");
}

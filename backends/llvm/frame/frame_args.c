/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's argument block, as the target lays it out. */
#include "frame_internal.h"

/* Loads the field at byte `offset` of *pointer. */
static LLVMValueRef load_at(hmlc_frame *frame, LLVMValueRef pointer, uint64_t offset,
                            LLVMTypeRef type)
{
    LLVMValueRef index = LLVMConstInt(frame->i64, offset, 0);
    LLVMValueRef address = LLVMBuildGEP2(frame->builder, frame->i8, pointer, &index, 1, "");
    return LLVMBuildLoad2(frame->builder, type, address, "");
}

LLVMTypeRef hmlc_kernel_args_type(const hmlc_frame *frame)
{
    LLVMTypeRef types[] = {
#define HMLC_ARGS_FIELD(name, type) frame->type,
#include "kernel_args.def"
#undef HMLC_ARGS_FIELD
    };
    return LLVMStructTypeInContext(frame->context, types, sizeof types / sizeof types[0], 0);
}

LLVMValueRef hmlc_frame_args_field(hmlc_frame *frame, LLVMValueRef arguments, hmlc_args_field field)
{
    LLVMTypeRef type = hmlc_kernel_args_type(frame);
    uint64_t offset = LLVMOffsetOfElement(LLVMGetModuleDataLayout(frame->module), type, field);
    return load_at(frame, arguments, offset, LLVMStructGetTypeAtIndex(type, field));
}

LLVMValueRef hmlc_frame_item(hmlc_frame *frame, LLVMValueRef list, uint32_t index, LLVMTypeRef type)
{
    uint64_t bytes = LLVMABISizeOfType(LLVMGetModuleDataLayout(frame->module), type);
    return load_at(frame, list, index * bytes, type);
}

LLVMValueRef hmlc_frame_detail(hmlc_frame *frame)
{
    const struct hmlc_frame_state *state = frame->private_;
    return state->detail != NULL ? state->detail
                                 : hmlc_frame_args_field(frame, frame->arguments, HMLC_ARGS_detail);
}

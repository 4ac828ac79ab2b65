/* SPDX-License-Identifier: Apache-2.0 */
/* Structured control flow for emitters: counted loops, branches, early returns with a status. */
#include "frame_internal.h"

#include <hml_format/kernel_abi.h>
#include <hmlc/assert.h>

static LLVMBasicBlockRef append(hmlc_frame *frame, const char *name)
{
    return LLVMAppendBasicBlockInContext(frame->context, frame->function, name);
}

/* Blocks: header tests, body works, exit follows. The phis in the header are the values after the
 * loop too. */
void hmlc_frame_loop_begin(hmlc_frame *frame, hmlc_frame_loop *loop, LLVMValueRef first,
                           LLVMValueRef limit, int64_t step, LLVMValueRef const *carried,
                           uint32_t carried_count)
{
    HMLC_ASSERT(carried_count <= HMLC_FRAME_CARRIED);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(frame->builder);
    loop->header = append(frame, "loop");
    loop->body = append(frame, "body");
    loop->exit = append(frame, "exit");
    loop->limit = limit;
    loop->step = hmlc_frame_int(frame, step);
    loop->carried_count = carried_count;
    LLVMBuildBr(frame->builder, loop->header);
    LLVMPositionBuilderAtEnd(frame->builder, loop->header);
    loop->index = LLVMBuildPhi(frame->builder, frame->index, "i");
    LLVMAddIncoming(loop->index, &first, &before, 1);
    for (uint32_t k = 0; k < carried_count; k++) {
        LLVMValueRef start = carried[k];
        loop->carried[k] = LLVMBuildPhi(frame->builder, LLVMTypeOf(start), "");
        LLVMAddIncoming(loop->carried[k], &start, &before, 1);
    }
    LLVMValueRef more = LLVMBuildICmp(frame->builder, LLVMIntSLT, loop->index, limit, "");
    LLVMBuildCondBr(frame->builder, more, loop->body, loop->exit);
    LLVMPositionBuilderAtEnd(frame->builder, loop->body);
}

void hmlc_frame_loop_end(hmlc_frame *frame, hmlc_frame_loop *loop, LLVMValueRef const *next)
{
    LLVMValueRef index = LLVMBuildNSWAdd(frame->builder, loop->index, loop->step, "");
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(frame->builder);
    LLVMBuildBr(frame->builder, loop->header);
    LLVMAddIncoming(loop->index, &index, &latch, 1);
    for (uint32_t k = 0; k < loop->carried_count; k++) {
        LLVMValueRef value = next[k];
        LLVMAddIncoming(loop->carried[k], &value, &latch, 1);
    }
    LLVMMoveBasicBlockAfter(loop->exit, LLVMGetLastBasicBlock(frame->function));
    LLVMPositionBuilderAtEnd(frame->builder, loop->exit);
}

void hmlc_frame_branch_begin(hmlc_frame *frame, hmlc_frame_branch *branch, LLVMValueRef condition)
{
    LLVMBasicBlockRef body = append(frame, "then");
    branch->otherwise = append(frame, "else");
    branch->exit = NULL;
    LLVMBuildCondBr(frame->builder, condition, body, branch->otherwise);
    LLVMPositionBuilderAtEnd(frame->builder, body);
}

void hmlc_frame_branch_else(hmlc_frame *frame, hmlc_frame_branch *branch)
{
    branch->exit = append(frame, "join");
    LLVMBuildBr(frame->builder, branch->exit);
    LLVMPositionBuilderAtEnd(frame->builder, branch->otherwise);
}

void hmlc_frame_branch_end(hmlc_frame *frame, hmlc_frame_branch *branch)
{
    LLVMBasicBlockRef exit = branch->exit != NULL ? branch->exit : branch->otherwise;
    LLVMBuildBr(frame->builder, exit);
    LLVMMoveBasicBlockAfter(exit, LLVMGetLastBasicBlock(frame->function));
    LLVMPositionBuilderAtEnd(frame->builder, exit);
}

void hmlc_frame_fail_if(hmlc_frame *frame, LLVMValueRef condition, int32_t status,
                        LLVMValueRef detail0, LLVMValueRef detail1)
{
    LLVMBasicBlockRef fail = append(frame, "fail");
    LLVMBasicBlockRef good = append(frame, "good");
    LLVMBuildCondBr(frame->builder, condition, fail, good);
    LLVMPositionBuilderAtEnd(frame->builder, fail);
    LLVMValueRef detail = hmlc_frame_detail(frame);
    hmlc_frame_store(frame, hmlc_frame_index_number(frame, detail0), detail, 8);
    hmlc_frame_store(frame, hmlc_frame_index_number(frame, detail1),
                     hmlc_frame_element(frame, frame->i64, detail, hmlc_frame_int(frame, 1)), 8);
    LLVMBuildRet(frame->builder, LLVMConstInt(frame->i32, (unsigned long long)status, 0));
    LLVMPositionBuilderAtEnd(frame->builder, good);
}

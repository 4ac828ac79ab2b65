/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise ops on vectors: one table row per opcode. Used by loop kernels and by the epilogues
 * of contractions and windows. Values are scalars or vectors of `lanes` elements; bool values are
 * i1 (vectors), i8 in memory.
 */
#ifndef HMLC_ELEMENTWISE_H
#define HMLC_ELEMENTWISE_H

#include "llvm/frame/frame.h"

/* True when the op is elementwise and supported for its types; else a reason for the diagnostic in
 * *reason. */
bool hmlc_elementwise_supported(const hmlc_op *op, const char **reason);
/* Operands have the same lane count. Types follow the op's operand and result dtypes. */
LLVMValueRef hmlc_elementwise_emit(hmlc_frame *frame, const hmlc_op *op,
                                   LLVMValueRef const *operands);
/* An activation of recurrent cells, on f32 of any lane count. */
LLVMValueRef hmlc_elementwise_activate(hmlc_frame *frame, const hmlc_activation *activation,
                                       LLVMValueRef x);
/* Memory form <-> register form of an element type (bool i8 <-> i1; f16/bf16 stay as they are). */
LLVMValueRef hmlc_elementwise_from_memory(hmlc_frame *frame, hmlc_dtype dtype, LLVMValueRef value);
LLVMValueRef hmlc_elementwise_to_memory(hmlc_frame *frame, hmlc_dtype dtype, LLVMValueRef value);

/*
 * The epilogue of a tile: walks the region's elementwise ops from `anchor_result` on and returns
 * the value of `root`. `leaf` is called for each other leaf (region argument or constant) and gives
 * its vector at the tile's position. Values used twice are computed once. NULL when memory ran out.
 */
typedef LLVMValueRef hmlc_epilogue_leaf(void *context, hmlc_frame *frame, const hmlc_value *leaf);
LLVMValueRef hmlc_epilogue_emit(hmlc_frame *frame, const hmlc_value *root,
                                const hmlc_value *anchor_result, LLVMValueRef anchor_value,
                                hmlc_epilogue_leaf *leaf, void *context);

#endif

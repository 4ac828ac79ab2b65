/* SPDX-License-Identifier: Apache-2.0 */
/* Dim expressions as i64 arithmetic, emitted once at the body's entry. */
#include "frame_internal.h"

typedef struct hmlc_dim_cache {
    hmlc_dim dim;
    LLVMValueRef value;
    struct hmlc_dim_cache *next;
} hmlc_dim_cache;

static LLVMValueRef cache_find(const hmlc_dim_cache *entry, hmlc_dim dim)
{
    for (; entry != NULL; entry = entry->next) {
        if (entry->dim == dim) {
            return entry->value;
        }
    }
    return NULL;
}

static LLVMValueRef symbol_value(hmlc_frame *frame, const hmlc_symbol *symbol)
{
    struct hmlc_frame_state *state = frame->private_;
    for (uint32_t k = 0; k < state->symbol_count; k++) {
        if (state->symbols[k] == symbol) {
            return state->symbol_values[k];
        }
    }
    hmlc_frame_defect(frame, "hmlc_kernel_symbols misses a dim", symbol->name);
    return hmlc_frame_int(frame, 0);
}

static LLVMValueRef emit_select(hmlc_frame *frame, LLVMIntPredicate predicate, LLVMValueRef a,
                                LLVMValueRef b)
{
    LLVMValueRef test = LLVMBuildICmp(frame->builder, predicate, a, b, "");
    return LLVMBuildSelect(frame->builder, test, a, b, "");
}

static LLVMValueRef emit_test(hmlc_frame *frame, LLVMIntPredicate predicate, LLVMValueRef a,
                              LLVMValueRef b)
{
    LLVMValueRef test = LLVMBuildICmp(frame->builder, predicate, a, b, "");
    return LLVMBuildZExt(frame->builder, test, frame->i64, "");
}

/* floor(a / b) for b > 0: the truncated quotient, less one when the remainder is negative. */
static LLVMValueRef emit_floordiv(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef quotient = LLVMBuildSDiv(frame->builder, a, b, "");
    LLVMValueRef remainder = LLVMBuildSRem(frame->builder, a, b, "");
    LLVMValueRef less = emit_test(frame, LLVMIntSLT, remainder, hmlc_frame_int(frame, 0));
    return LLVMBuildSub(frame->builder, quotient, less, "");
}

static LLVMValueRef emit_ceildiv(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNeg(frame->builder,
                        emit_floordiv(frame, LLVMBuildNeg(frame->builder, a, ""), b), "");
}

static LLVMValueRef emit_modulo(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef whole = LLVMBuildMul(frame->builder, emit_floordiv(frame, a, b), b, "");
    return LLVMBuildSub(frame->builder, a, whole, "");
}

static LLVMValueRef emit_dim(hmlc_frame *frame, hmlc_dim dim);

static LLVMValueRef emit_operation(hmlc_frame *frame, hmlc_dim dim)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef a = emit_dim(frame, dim->a), b = emit_dim(frame, dim->b);
    switch (dim->kind) {
    case HMLC_DIM_ADD:
        return LLVMBuildAdd(builder, a, b, "");
    case HMLC_DIM_MULTIPLY:
        return LLVMBuildMul(builder, a, b, "");
    case HMLC_DIM_FLOORDIV:
        return emit_floordiv(frame, a, b);
    case HMLC_DIM_CEILDIV:
        return emit_ceildiv(frame, a, b);
    case HMLC_DIM_MODULO:
        return emit_modulo(frame, a, b);
    case HMLC_DIM_MINIMUM:
        return emit_select(frame, LLVMIntSLT, a, b);
    case HMLC_DIM_MAXIMUM:
        return emit_select(frame, LLVMIntSGT, a, b);
    case HMLC_DIM_EQUAL:
        return emit_test(frame, LLVMIntEQ, a, b);
    case HMLC_DIM_LESS:
        return emit_test(frame, LLVMIntSLT, a, b);
    default: {
        LLVMValueRef zero = hmlc_frame_int(frame, 0);
        LLVMValueRef test = LLVMBuildICmp(builder, LLVMIntNE, a, zero, "");
        return LLVMBuildSelect(builder, test, b, emit_dim(frame, dim->c), "");
    }
    }
}

static LLVMValueRef emit_dim(hmlc_frame *frame, hmlc_dim dim)
{
    struct hmlc_frame_state *state = frame->private_;
    int64_t constant;
    if (hmlc_dim_is_constant(dim, &constant)) {
        return hmlc_frame_int(frame, constant);
    }
    LLVMValueRef known = cache_find(state->cache, dim);
    if (known != NULL) {
        return known;
    }
    LLVMValueRef value = dim->kind == HMLC_DIM_SYMBOL ? symbol_value(frame, dim->symbol)
                                                      : emit_operation(frame, dim);
    hmlc_dim_cache *entry = HMLC_NEW(frame->arena, hmlc_dim_cache);
    if (entry == NULL) {
        hmlc_frame_fail(frame, HMLC_RESOURCE);
        return value;
    }
    *entry = (hmlc_dim_cache){dim, value, state->cache};
    state->cache = entry;
    return value;
}

LLVMValueRef hmlc_frame_dim(hmlc_frame *frame, hmlc_dim dim)
{
    int64_t constant;
    if (hmlc_dim_is_constant(dim, &constant)) {
        return hmlc_frame_int(frame, constant);
    }
    LLVMBasicBlockRef here = LLVMGetInsertBlock(frame->builder);
    LLVMPositionBuilderBefore(frame->builder, LLVMGetBasicBlockTerminator(frame->entry));
    LLVMValueRef value = emit_dim(frame, dim);
    LLVMPositionBuilderAtEnd(frame->builder, here);
    return value;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dim expressions as arithmetic, emitted once at the body's entry: as indices, or as numbers of i64
 * where a tensor holds them.
 */
#include "frame_internal.h"

typedef struct hmlc_dim_cache {
    hmlc_dim dim;
    LLVMTypeRef type;
    LLVMValueRef value;
    struct hmlc_dim_cache *next;
} hmlc_dim_cache;

static LLVMValueRef cache_find(const hmlc_dim_cache *entry, hmlc_dim dim, LLVMTypeRef type)
{
    for (; entry != NULL; entry = entry->next) {
        if (entry->dim == dim && entry->type == type) {
            return entry->value;
        }
    }
    return NULL;
}

hmlc_dim hmlc_frame_next_index(const hmlc_frame *frame, const hmlc_dim_cache **entry)
{
    const struct hmlc_frame_state *state = frame->private_;
    do {
        *entry = *entry == NULL ? state->cache : (*entry)->next;
    } while (*entry != NULL && (*entry)->type != frame->index);
    return *entry != NULL ? (*entry)->dim : NULL;
}

/* Arithmetic in one of the two types. */
typedef struct dim_emitter {
    hmlc_frame *frame;
    LLVMTypeRef type;
} dim_emitter;

static LLVMValueRef constant(const dim_emitter *e, int64_t value)
{
    return e->type == e->frame->index ? hmlc_frame_int(e->frame, value)
                                      : hmlc_frame_number(e->frame, value);
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

static LLVMValueRef emit_select(const dim_emitter *e, LLVMIntPredicate predicate, LLVMValueRef a,
                                LLVMValueRef b)
{
    LLVMValueRef test = LLVMBuildICmp(e->frame->builder, predicate, a, b, "");
    return LLVMBuildSelect(e->frame->builder, test, a, b, "");
}

static LLVMValueRef emit_test(const dim_emitter *e, LLVMIntPredicate predicate, LLVMValueRef a,
                              LLVMValueRef b)
{
    LLVMValueRef test = LLVMBuildICmp(e->frame->builder, predicate, a, b, "");
    return LLVMBuildZExt(e->frame->builder, test, e->type, "");
}

/* floor(a / b) for b > 0: the truncated quotient, less one when the remainder is negative. */
static LLVMValueRef emit_floordiv(const dim_emitter *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef quotient = LLVMBuildSDiv(e->frame->builder, a, b, "");
    LLVMValueRef remainder = LLVMBuildSRem(e->frame->builder, a, b, "");
    LLVMValueRef less = emit_test(e, LLVMIntSLT, remainder, constant(e, 0));
    return LLVMBuildSub(e->frame->builder, quotient, less, "");
}

static LLVMValueRef emit_ceildiv(const dim_emitter *e, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildNeg(e->frame->builder,
                        emit_floordiv(e, LLVMBuildNeg(e->frame->builder, a, ""), b), "");
}

static LLVMValueRef emit_modulo(const dim_emitter *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef whole = LLVMBuildMul(e->frame->builder, emit_floordiv(e, a, b), b, "");
    return LLVMBuildSub(e->frame->builder, a, whole, "");
}

static LLVMValueRef combine(const dim_emitter *e, hmlc_dim_kind kind, LLVMValueRef a,
                            LLVMValueRef b)
{
    LLVMBuilderRef builder = e->frame->builder;
    switch (kind) {
    case HMLC_DIM_ADD:
        return LLVMBuildAdd(builder, a, b, "");
    case HMLC_DIM_MULTIPLY:
        return LLVMBuildMul(builder, a, b, "");
    case HMLC_DIM_FLOORDIV:
        return emit_floordiv(e, a, b);
    case HMLC_DIM_CEILDIV:
        return emit_ceildiv(e, a, b);
    case HMLC_DIM_MODULO:
        return emit_modulo(e, a, b);
    case HMLC_DIM_MINIMUM:
        return emit_select(e, LLVMIntSLT, a, b);
    case HMLC_DIM_MAXIMUM:
        return emit_select(e, LLVMIntSGT, a, b);
    case HMLC_DIM_EQUAL:
        return emit_test(e, LLVMIntEQ, a, b);
    default:
        return emit_test(e, LLVMIntSLT, a, b);
    }
}

LLVMValueRef hmlc_frame_combine(hmlc_frame *frame, hmlc_dim_kind kind, LLVMValueRef a,
                                LLVMValueRef b)
{
    return combine(&(dim_emitter){frame, frame->index}, kind, a, b);
}

static LLVMValueRef emit_dim(const dim_emitter *e, hmlc_dim dim);

static LLVMValueRef emit_operation(const dim_emitter *e, hmlc_dim dim)
{
    LLVMBuilderRef builder = e->frame->builder;
    LLVMValueRef a = emit_dim(e, dim->a), b = emit_dim(e, dim->b);
    if (dim->kind != HMLC_DIM_SELECT) {
        return combine(e, dim->kind, a, b);
    }
    LLVMValueRef test = LLVMBuildICmp(builder, LLVMIntNE, a, constant(e, 0), "");
    return LLVMBuildSelect(builder, test, b, emit_dim(e, dim->c), "");
}

static LLVMValueRef emit_dim(const dim_emitter *e, hmlc_dim dim)
{
    hmlc_frame *frame = e->frame;
    struct hmlc_frame_state *state = frame->private_;
    int64_t value;
    if (hmlc_dim_is_constant(dim, &value)) {
        return constant(e, value);
    }
    LLVMValueRef known = cache_find(state->cache, dim, e->type);
    if (known != NULL) {
        return known;
    }
    LLVMValueRef result;
    if (dim->kind == HMLC_DIM_SYMBOL) {
        result = symbol_value(frame, dim->symbol);
        result = e->type == frame->index ? result : hmlc_frame_index_number(frame, result);
    } else {
        result = emit_operation(e, dim);
    }
    hmlc_dim_cache *entry = HMLC_NEW(frame->arena, hmlc_dim_cache);
    if (entry == NULL) {
        hmlc_frame_fail(frame, HMLC_RESOURCE);
        return result;
    }
    *entry = (hmlc_dim_cache){dim, e->type, result, state->cache};
    state->cache = entry;
    return result;
}

static LLVMValueRef emit_at_entry(const dim_emitter *e, hmlc_dim dim)
{
    hmlc_frame *frame = e->frame;
    int64_t value;
    if (hmlc_dim_is_constant(dim, &value)) {
        return constant(e, value);
    }
    LLVMBasicBlockRef here = LLVMGetInsertBlock(frame->builder);
    LLVMPositionBuilderBefore(frame->builder, LLVMGetBasicBlockTerminator(frame->entry));
    LLVMValueRef result = emit_dim(e, dim);
    LLVMPositionBuilderAtEnd(frame->builder, here);
    return result;
}

LLVMValueRef hmlc_frame_dim(hmlc_frame *frame, hmlc_dim dim)
{
    return emit_at_entry(&(dim_emitter){frame, frame->index}, dim);
}

LLVMValueRef hmlc_frame_dim_number(hmlc_frame *frame, hmlc_dim dim)
{
    return emit_at_entry(&(dim_emitter){frame, frame->i64}, dim);
}

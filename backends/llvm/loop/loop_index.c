/* SPDX-License-Identifier: Apache-2.0 */
/* Index expressions: linear in the loop variables as long as that can be, computed values where
 * not. */
#include "loop.h"
#include "llvm/elementwise/math_build.h"

hmlc_loop_index hmlc_loop_index_constant(hmlc_dim constant)
{
    return (hmlc_loop_index){.constant = constant};
}

hmlc_loop_index hmlc_loop_index_zero(const hmlc_loop_context *context)
{
    return hmlc_loop_index_constant(hmlc_dim_constant(context->dims, 0));
}

hmlc_loop_index hmlc_loop_index_of_dim(const hmlc_loop_context *context, int32_t dim)
{
    hmlc_loop_index index = hmlc_loop_index_zero(context);
    const hmlc_loop_space *space = context->space;
    for (uint32_t k = 0; k < space->count; k++) {
        const hmlc_loop_var *var = &space->vars[k];
        if (var->dim == dim && !hmlc_dim_is(var->extent, 1)) {
            index.coefficient[k] = var->scale;
        }
    }
    return index;
}

static hmlc_dim sum(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    hmlc_dim total = hmlc_dim_add(dims, a, b);
    return hmlc_dim_is(total, 0) ? NULL : total;
}

/* Brings two indices to the same lanes. */
static LLVMValueRef splat_like(hmlc_loop_context *context, LLVMValueRef value, LLVMValueRef like)
{
    bool vector = LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind;
    bool wanted = LLVMGetTypeKind(LLVMTypeOf(like)) == LLVMVectorTypeKind;
    return wanted && !vector ? hmlc_frame_splat(context->frame, value, context->lanes) : value;
}

static LLVMValueRef add_values(hmlc_loop_context *context, LLVMValueRef a, LLVMValueRef b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    LLVMValueRef right = splat_like(context, b, a);
    return LLVMBuildAdd(context->frame->builder, splat_like(context, a, b), right, "");
}

hmlc_loop_index hmlc_loop_index_add(hmlc_loop_context *context, const hmlc_loop_index *a,
                                    const hmlc_loop_index *b)
{
    hmlc_loop_index total = *a;
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        total.coefficient[k] = sum(context->dims, a->coefficient[k], b->coefficient[k]);
    }
    total.constant = hmlc_dim_add(context->dims, a->constant, b->constant);
    total.computed = add_values(context, a->computed, b->computed);
    total.computed_vars |= b->computed_vars;
    if (a->computed_serial != 0 && b->computed_serial != 0) {
        total.computed_serial = context->analysis != NULL ? ++context->analysis->serial : 1;
    } else {
        total.computed_serial |= b->computed_serial;
    }
    return total;
}

hmlc_loop_index hmlc_loop_index_scale(hmlc_loop_context *context, const hmlc_loop_index *a,
                                      hmlc_dim factor)
{
    if (hmlc_dim_is(factor, 0)) {
        return hmlc_loop_index_zero(context);
    }
    hmlc_loop_index product = *a;
    if (hmlc_dim_is(factor, 1)) {
        return product;
    }
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (a->coefficient[k] != NULL) {
            product.coefficient[k] = hmlc_dim_multiply(context->dims, a->coefficient[k], factor);
        }
    }
    product.constant = hmlc_dim_multiply(context->dims, a->constant, factor);
    if (a->computed_serial != 0 && context->analysis != NULL) {
        product.computed_serial = ++context->analysis->serial;
    }
    if (a->computed != NULL) {
        LLVMValueRef by = splat_like(context, hmlc_frame_dim(context->frame, factor), a->computed);
        product.computed = LLVMBuildMul(context->frame->builder, a->computed, by, "");
    }
    return product;
}

hmlc_loop_index hmlc_loop_index_offset(hmlc_loop_context *context, const hmlc_loop_index *a,
                                       hmlc_dim term)
{
    hmlc_loop_index total = *a;
    total.constant = hmlc_dim_add(context->dims, a->constant, term);
    return total;
}

uint32_t hmlc_loop_index_vars(const hmlc_loop_index *a)
{
    uint32_t mask = a->computed_vars;
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        mask |= a->coefficient[k] != NULL ? UINT32_C(1) << k : 0;
    }
    return mask;
}

int32_t hmlc_loop_index_only_var(const hmlc_loop_index *a)
{
    int32_t found = -1;
    if (a->computed_serial != 0) {
        return -1;
    }
    for (int32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (a->coefficient[k] == NULL) {
            continue;
        }
        if (found >= 0 || !hmlc_dim_is(a->coefficient[k], 1)) {
            return -1;
        }
        found = k;
    }
    return found;
}

bool hmlc_loop_index_equal(const hmlc_loop_index *a, const hmlc_loop_index *b)
{
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (a->coefficient[k] != b->coefficient[k]) {
            return false;
        }
    }
    return a->constant == b->constant && a->computed == b->computed &&
           a->computed_serial == b->computed_serial;
}

hmlc_loop_index hmlc_loop_index_computed(hmlc_loop_context *context, hmlc_loop_value value,
                                         uint32_t vars)
{
    hmlc_loop_index index = hmlc_loop_index_zero(context);
    index.computed = value.value;
    index.computed_vars = vars;
    index.computed_serial = context->analysis != NULL ? ++context->analysis->serial : 1;
    return index;
}

/* -- values -- */

/* The lanes' distances to lane 0, as a vector; NULL when they are all 0. */
static LLVMValueRef lane_part(hmlc_loop_context *context, const hmlc_loop_index *a)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef total = NULL;
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (a->coefficient[k] == NULL || context->lane_step[k] == NULL) {
            continue;
        }
        LLVMValueRef steps[HMLC_LOOP_MAX_LANES];
        for (uint32_t l = 0; l < context->lanes; l++) {
            steps[l] = hmlc_frame_int(frame, context->lane_step[k][l]);
        }
        LLVMValueRef factor = hmlc_frame_dim(frame, a->coefficient[k]);
        LLVMValueRef term = LLVMBuildMul(frame->builder, LLVMConstVector(steps, context->lanes),
                                         hmlc_frame_splat(frame, factor, context->lanes), "");
        total = add_values(context, total, term);
    }
    return total;
}

static LLVMValueRef uniform_part(hmlc_loop_context *context, const hmlc_loop_index *a)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef total = hmlc_frame_dim(frame, a->constant);
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (a->coefficient[k] != NULL && !LLVMIsNull(context->position[k])) {
            LLVMValueRef factor = hmlc_frame_dim(frame, a->coefficient[k]);
            LLVMValueRef term = LLVMBuildMul(frame->builder, context->position[k], factor, "");
            total = LLVMBuildAdd(frame->builder, total, term, "");
        }
    }
    return total;
}

hmlc_loop_value hmlc_loop_index_value(hmlc_loop_context *context, const hmlc_loop_index *a)
{
    LLVMValueRef value = uniform_part(context, a);
    LLVMValueRef lanes = context->lanes > 1 ? lane_part(context, a) : NULL;
    value = add_values(context, value, lanes);
    value = add_values(context, value, a->computed);
    return (hmlc_loop_value){value, LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind};
}

/* -- division -- */

/* The largest value of a linear index; NULL where a coefficient may be negative. */
static hmlc_dim largest(hmlc_loop_context *context, const hmlc_loop_index *a)
{
    hmlc_dims *dims = context->dims;
    hmlc_dim total = a->constant, one = hmlc_dim_constant(dims, 1);
    if (a->computed_serial != 0 || a->constant->minimum < 0) {
        return NULL;
    }
    for (uint32_t k = 0; k < context->space->count; k++) {
        if (a->coefficient[k] == NULL) {
            continue;
        }
        if (a->coefficient[k]->minimum < 0) {
            return NULL;
        }
        hmlc_dim last = hmlc_dim_subtract(dims, context->space->vars[k].extent, one);
        total = hmlc_dim_add(dims, total, hmlc_dim_multiply(dims, a->coefficient[k], last));
    }
    return total;
}

static bool divides(hmlc_dims *dims, hmlc_dim value, hmlc_dim by, hmlc_dim *quotient)
{
    *quotient = hmlc_dim_floordiv(dims, value, by);
    return hmlc_dim_known_equal(dims, hmlc_dim_multiply(dims, *quotient, by), value);
}

/* Sorts the terms into multiples of `by` and the rest. */
static void divide_terms(hmlc_loop_context *context, const hmlc_loop_index *a, hmlc_dim by,
                         hmlc_loop_index *quotient, hmlc_loop_index *remainder)
{
    hmlc_dims *dims = context->dims;
    *quotient = *remainder = hmlc_loop_index_zero(context);
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        hmlc_dim share;
        if (a->coefficient[k] == NULL) {
            continue;
        }
        if (divides(dims, a->coefficient[k], by, &share)) {
            quotient->coefficient[k] = share;
        } else {
            remainder->coefficient[k] = a->coefficient[k];
        }
    }
    hmlc_dim share;
    int64_t constant, divisor;
    if (divides(dims, a->constant, by, &share)) {
        quotient->constant = share;
    } else if (hmlc_dim_is_constant(a->constant, &constant) && hmlc_dim_is_constant(by, &divisor) &&
               constant > 0 && divisor > 0) {
        quotient->constant = hmlc_dim_constant(dims, constant / divisor);
        remainder->constant = hmlc_dim_constant(dims, constant % divisor);
    } else {
        remainder->constant = a->constant;
    }
}

/* A variable whose terms straddle `by`, and the inner extent that would end that. */
static void request_split(hmlc_loop_context *context, const hmlc_loop_index *remainder, hmlc_dim by)
{
    hmlc_dims *dims = context->dims;
    hmlc_loop_analysis *analysis = context->analysis;
    for (uint32_t k = 0; k < context->space->count; k++) {
        hmlc_dim coefficient = remainder->coefficient[k], inner, outer;
        const hmlc_loop_var *var = &context->space->vars[k];
        if (coefficient == NULL || coefficient->minimum < 1 ||
            !divides(dims, by, coefficient, &inner) || hmlc_dim_is(inner, 0) ||
            hmlc_dim_is(inner, 1) || hmlc_dim_known_equal(dims, inner, var->extent) ||
            !divides(dims, var->extent, inner, &outer)) {
            continue;
        }
        analysis->split_var = k;
        analysis->split_inner = inner;
        return;
    }
}

/* 32-bit lanes where the numbers allow: 64-bit vectors have no division to speak of. */
static LLVMValueRef divide_value(hmlc_loop_context *context, LLVMValueRef value, hmlc_dim by,
                                 int64_t maximum)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef divisor = hmlc_frame_dim(frame, by);
    if (by->minimum < 1) { /* an empty dim: what is divided is never used */
        LLVMValueRef one = hmlc_frame_int(frame, 1);
        LLVMValueRef positive = LLVMBuildICmp(frame->builder, LLVMIntSGE, divisor, one, "");
        divisor = LLVMBuildSelect(frame->builder, positive, divisor, one, "");
    }
    LLVMTypeRef type = LLVMTypeOf(value);
    if (maximum >= INT32_MAX || by->maximum >= INT32_MAX) {
        return LLVMBuildUDiv(frame->builder, value, splat_like(context, divisor, value), "");
    }
    LLVMTypeRef narrow = lanes_type(value, frame->i32);
    LLVMValueRef a = LLVMBuildTrunc(frame->builder, value, narrow, "");
    LLVMValueRef b = LLVMBuildTrunc(frame->builder, divisor, frame->i32, "");
    b = splat_like(context, b, a);
    return LLVMBuildZExt(frame->builder, LLVMBuildUDiv(frame->builder, a, b, ""), type, "");
}

static void divide_computed(hmlc_loop_context *context, const hmlc_loop_index *a, hmlc_dim by,
                            hmlc_loop_index *quotient, hmlc_loop_index *remainder)
{
    uint32_t vars = hmlc_loop_index_vars(a);
    hmlc_loop_value none = {NULL, false};
    if (context->analysis != NULL) {
        hmlc_loop_record_access(context, a);
        *quotient = hmlc_loop_index_computed(context, none, vars);
        *remainder = hmlc_loop_index_computed(context, none, vars);
        return;
    }
    hmlc_dim most = largest(context, a);
    hmlc_loop_value value = hmlc_loop_index_value(context, a);
    hmlc_loop_value share = value, rest = value;
    share.value = divide_value(context, value.value, by, most != NULL ? most->maximum : INT64_MAX);
    LLVMValueRef factor = splat_like(context, hmlc_frame_dim(context->frame, by), share.value);
    LLVMValueRef whole = LLVMBuildMul(context->frame->builder, share.value, factor, "");
    rest.value = LLVMBuildSub(context->frame->builder, value.value, whole, "");
    *quotient = hmlc_loop_index_computed(context, share, vars);
    *remainder = hmlc_loop_index_computed(context, rest, vars);
}

void hmlc_loop_index_divide(hmlc_loop_context *context, const hmlc_loop_index *a, hmlc_dim by,
                            hmlc_loop_index *quotient, hmlc_loop_index *remainder)
{
    hmlc_dims *dims = context->dims;
    hmlc_dim one = hmlc_dim_constant(dims, 1);
    if (hmlc_dim_is(by, 1)) {
        *quotient = *a;
        *remainder = hmlc_loop_index_zero(context);
        return;
    }
    hmlc_dim most = largest(context, a);
    if (most != NULL && !hmlc_dim_is(by, 0)) {
        divide_terms(context, a, by, quotient, remainder);
        hmlc_dim rest = largest(context, remainder);
        if (rest != NULL && hmlc_dim_known_at_most(dims, hmlc_dim_add(dims, rest, one), by)) {
            return;
        }
        if (context->analysis != NULL && context->analysis->split_var == UINT32_MAX) {
            request_split(context, remainder, by);
        }
    }
    divide_computed(context, a, by, quotient, remainder);
}

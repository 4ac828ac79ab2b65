/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accumulators. Lanes across rows hold one each; lanes along a row hold one vector per width of
 * piece, which are joined at the row's end, always in the same order.
 */
#include <math.h>

#include "loop_row.h"
#include "llvm/elementwise/elementwise_internal.h"

static uint32_t values_of(const hmlc_loop_accumulator *accumulator)
{
    return accumulator->fold == HMLC_LOOP_FOLD_ARGUMENT ? 2 : 1;
}

static LLVMTypeRef register_type(hmlc_loop_context *context, hmlc_dtype dtype)
{
    return hmlc_loop_register_type(context, dtype);
}

static LLVMTypeRef position_type(const hmlc_loop_context *context,
                                 const hmlc_loop_accumulator *accumulator)
{
    return accumulator->narrow ? context->frame->i32 : context->frame->i64;
}

static bool is_largest(const hmlc_loop_accumulator *accumulator)
{
    return accumulator->fold == HMLC_LOOP_FOLD_MAXIMUM ||
           accumulator->fold == HMLC_LOOP_FOLD_LARGEST;
}

/* Least (or greatest) value of an integer type. */
static int64_t limit_of(hmlc_dtype dtype, bool greatest)
{
    uint32_t bits = hmlc_dtype_bits(dtype);
    if (hmlc_dtype_is_unsigned(dtype)) {
        return greatest ? -1 : 0;
    }
    int64_t most = (int64_t)(UINT64_MAX >> (65 - bits));
    return greatest ? most : -most - 1;
}

static LLVMValueRef neutral(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator)
{
    hmlc_dtype dtype = accumulator->dtype;
    LLVMTypeRef type = register_type(context, dtype);
    bool product = accumulator->fold == HMLC_LOOP_FOLD_PRODUCT;
    bool order = is_largest(accumulator) || accumulator->fold == HMLC_LOOP_FOLD_MINIMUM;
    bool least = is_largest(accumulator);
    if (hmlc_dtype_is_float(dtype)) {
        double start = order ? (least ? -INFINITY : INFINITY) : product ? 1.0 : 0.0;
        return LLVMConstReal(type, start);
    }
    if (dtype == HMLC_DTYPE_bool) {
        return LLVMConstInt(type, !least, 0);
    }
    int64_t start = order ? limit_of(dtype, !least) : product;
    return LLVMConstInt(type, (unsigned long long)start, 1);
}

/* -- one step -- */

static LLVMValueRef better(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                           LLVMValueRef a, LLVMValueRef b, bool largest, bool equal_too)
{
    LLVMBuilderRef builder = context->frame->builder;
    if (hmlc_dtype_is_float(accumulator->dtype)) {
        LLVMRealPredicate strict = largest ? LLVMRealOGT : LLVMRealOLT;
        LLVMRealPredicate loose = largest ? LLVMRealOGE : LLVMRealOLE;
        return LLVMBuildFCmp(builder, equal_too ? loose : strict, a, b, "");
    }
    bool unsigned_ = hmlc_dtype_is_unsigned(accumulator->dtype);
    LLVMIntPredicate strict =
        unsigned_ ? (largest ? LLVMIntUGT : LLVMIntULT) : (largest ? LLVMIntSGT : LLVMIntSLT);
    LLVMIntPredicate loose =
        unsigned_ ? (largest ? LLVMIntUGE : LLVMIntULE) : (largest ? LLVMIntSGE : LLVMIntSLE);
    return LLVMBuildICmp(builder, equal_too ? loose : strict, a, b, "");
}

/* NaN wins over everything, unless the fold does not mind. */
static LLVMValueRef extremum(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                             LLVMValueRef total, LLVMValueRef x)
{
    hmlc_frame *frame = context->frame;
    LLVMBuilderRef builder = frame->builder;
    bool largest = is_largest(accumulator);
    if (accumulator->dtype == HMLC_DTYPE_bool) {
        return largest ? LLVMBuildOr(builder, total, x, "") : LLVMBuildAnd(builder, total, x, "");
    }
    if (accumulator->fold == HMLC_LOOP_FOLD_LARGEST) { /* maxps(x, total) */
        return lanes_select(frame, better(context, accumulator, x, total, true, false), x, total);
    }
    LLVMValueRef keep = better(context, accumulator, total, x, largest, false);
    LLVMValueRef chosen = lanes_select(frame, keep, total, x);
    if (!hmlc_dtype_is_float(accumulator->dtype)) {
        return chosen;
    }
    return lanes_select(frame, real_compare(frame, LLVMRealUNO, total, total), total, chosen);
}

static LLVMValueRef combine(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                            LLVMValueRef total, LLVMValueRef x)
{
    LLVMBuilderRef builder = context->frame->builder;
    bool real = hmlc_dtype_is_float(accumulator->dtype);
    switch (accumulator->fold) {
    case HMLC_LOOP_FOLD_SUM:
        return real ? LLVMBuildFAdd(builder, total, x, "") : LLVMBuildAdd(builder, total, x, "");
    case HMLC_LOOP_FOLD_PRODUCT:
        return real ? LLVMBuildFMul(builder, total, x, "") : LLVMBuildMul(builder, total, x, "");
    default:
        return extremum(context, accumulator, total, x);
    }
}

static bool argument_is_largest(const hmlc_loop_accumulator *accumulator)
{
    return accumulator->op->opcode == HMLC_OP_arg_max;
}

static bool takes_last(const hmlc_loop_accumulator *accumulator)
{
    return hmlc_op_int(accumulator->op, HMLC_ATTR_select_last) != 0;
}

/* Joins candidates in any order: the earlier (or later) of equal ones. */
static void combine_argument(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                             LLVMValueRef *total, LLVMValueRef x, LLVMValueRef position)
{
    hmlc_frame *frame = context->frame;
    LLVMBuilderRef builder = frame->builder;
    bool largest = argument_is_largest(accumulator);
    LLVMValueRef wins = better(context, accumulator, x, total[0], largest, false);
    LLVMValueRef draws = better(context, accumulator, x, total[0], largest, true);
    LLVMIntPredicate order = takes_last(accumulator) ? LLVMIntSGT : LLVMIntSLT;
    LLVMValueRef preferred = LLVMBuildICmp(builder, order, position, total[1], "");
    wins = LLVMBuildOr(builder, wins, LLVMBuildAnd(builder, draws, preferred, ""), "");
    total[0] = lanes_select(frame, wins, x, total[0]);
    total[1] = lanes_select(frame, wins, position, total[1]);
}

static uint32_t width_index(const hmlc_loop_context *context)
{
    const hmlc_loop_rows *rows = context->state->rows;
    for (uint32_t k = 0; rows->inside && k < rows->width_count; k++) {
        if (rows->widths[k] == context->lanes) {
            return k;
        }
    }
    return 0;
}

/* Positions rise within a lane, so that a plain comparison finds the first (or last). */
static void step_argument(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                          LLVMValueRef *total, LLVMValueRef x)
{
    hmlc_frame *frame = context->frame;
    int32_t axis = (int32_t)hmlc_op_int(accumulator->op, HMLC_ATTR_axis);
    hmlc_loop_index index = hmlc_loop_index_of_dim(context, axis);
    hmlc_loop_value position = hmlc_loop_index_value(context, &index);
    position.value = hmlc_frame_index_number(frame, position.value);
    position.value =
        LLVMBuildTrunc(frame->builder, position.value,
                       lanes_type(position.value, position_type(context, accumulator)), "");
    LLVMValueRef wins = better(context, accumulator, x, total[0], argument_is_largest(accumulator),
                               takes_last(accumulator));
    total[0] = lanes_select(frame, wins, x, total[0]);
    total[1] = lanes_select(frame, wins, hmlc_loop_widen(context, position), total[1]);
}

void hmlc_loop_fold_step(hmlc_loop_context *context, hmlc_loop_accumulator *accumulator,
                         hmlc_loop_value value)
{
    uint32_t each = values_of(accumulator);
    LLVMValueRef *total = &context->carry[accumulator->slot + each * width_index(context)];
    LLVMValueRef x = hmlc_loop_widen(context, value);
    if (accumulator->fold == HMLC_LOOP_FOLD_ARGUMENT) {
        step_argument(context, accumulator, total, x);
    } else {
        total[0] = combine(context, accumulator, total[0], x);
    }
}

/* -- start -- */

/* The row's first element; an empty row has none. */
static LLVMValueRef first_element(hmlc_loop_context *context,
                                  const hmlc_loop_accumulator *accumulator)
{
    const hmlc_loop_state *state = context->state;
    uint32_t mark = hmlc_loop_memo_mark(context);
    LLVMValueRef saved[HMLC_LOOP_MAX_VARS];
    for (uint32_t k = 0; k < state->inside_count; k++) {
        saved[k] = context->position[state->inside[k]];
        context->position[state->inside[k]] = hmlc_frame_int(context->frame, 0);
    }
    LLVMValueRef first = hmlc_loop_widen(context, hmlc_loop_row_element(context, accumulator));
    for (uint32_t k = 0; k < state->inside_count; k++) {
        context->position[state->inside[k]] = saved[k];
    }
    hmlc_loop_memo_release(context, mark);
    return first;
}

static LLVMValueRef splat(hmlc_loop_context *context, LLVMValueRef value, uint32_t lanes)
{
    bool vector = LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMVectorTypeKind;
    return vector ? value : hmlc_frame_splat(context->frame, value, lanes);
}

void hmlc_loop_fold_start(hmlc_loop_context *context, uint32_t phase)
{
    hmlc_loop_rows *rows = context->state->rows;
    context->carry_count = 0;
    for (uint32_t k = 0; k < rows->count; k++) {
        hmlc_loop_accumulator *accumulator = &rows->accumulators[k];
        if (accumulator->phase != phase) {
            continue;
        }
        accumulator->slot = context->carry_count;
        bool argument = accumulator->fold == HMLC_LOOP_FOLD_ARGUMENT;
        LLVMValueRef start =
            argument ? first_element(context, accumulator) : neutral(context, accumulator);
        for (uint32_t w = 0; w < rows->width_count; w++) {
            uint32_t lanes = rows->inside ? rows->widths[w] : context->lanes;
            context->carry[context->carry_count++] = splat(context, start, lanes);
            if (argument) {
                LLVMValueRef zero = LLVMConstNull(position_type(context, accumulator));
                context->carry[context->carry_count++] = splat(context, zero, lanes);
            }
        }
    }
}

/* -- finish -- */

/* Folds the upper half of the lanes onto the lower one until `lanes` are left. */
static void halve(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                  LLVMValueRef *total, uint32_t lanes)
{
    hmlc_frame *frame = context->frame;
    for (uint32_t now = lanes_of(total[0]); now > lanes; now /= 2) {
        LLVMValueRef upper = hmlc_frame_lanes(frame, total[0], now / 2, 1, now / 2);
        LLVMValueRef lower = hmlc_frame_lanes(frame, total[0], 0, 1, now / 2);
        if (accumulator->fold != HMLC_LOOP_FOLD_ARGUMENT) {
            total[0] = combine(context, accumulator, lower, upper);
            continue;
        }
        LLVMValueRef position = hmlc_frame_lanes(frame, total[1], now / 2, 1, now / 2);
        total[1] = hmlc_frame_lanes(frame, total[1], 0, 1, now / 2);
        total[0] = lower;
        combine_argument(context, accumulator, total, upper, position);
    }
}

static void join_widths(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator,
                        LLVMValueRef *total)
{
    const hmlc_loop_rows *rows = context->state->rows;
    uint32_t each = values_of(accumulator);
    LLVMValueRef const *slot = &context->carry[accumulator->slot];
    total[0] = slot[0];
    total[1] = each > 1 ? slot[1] : NULL;
    if (!rows->inside) {
        return;
    }
    for (uint32_t w = 1; w < rows->width_count; w++) {
        halve(context, accumulator, total, rows->widths[w]);
        if (accumulator->fold == HMLC_LOOP_FOLD_ARGUMENT) {
            combine_argument(context, accumulator, total, slot[each * w], slot[each * w + 1]);
        } else {
            total[0] = combine(context, accumulator, total[0], slot[w]);
        }
    }
    halve(context, accumulator, total, 1);
}

void hmlc_loop_fold_finish(hmlc_loop_context *context, uint32_t phase)
{
    hmlc_loop_rows *rows = context->state->rows;
    bool vector = !rows->inside && context->lanes > 1;
    for (uint32_t k = 0; k < rows->count; k++) {
        hmlc_loop_accumulator *accumulator = &rows->accumulators[k];
        if (accumulator->phase != phase) {
            continue;
        }
        LLVMValueRef total[2];
        join_widths(context, accumulator, total);
        bool argument = accumulator->fold == HMLC_LOOP_FOLD_ARGUMENT;
        accumulator->result = (hmlc_loop_value){argument ? total[1] : total[0], vector};
    }
    context->carry_count = 0;
    for (uint32_t k = 0; k < rows->count; k++) {
        if (rows->accumulators[k].phase == phase) {
            hmlc_loop_row_derive(context, &rows->accumulators[k]);
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The softmax of a strip in two phases, all rows in each: their largest scores, then exponentials
 * and sums. Rows do not wait for each other, so one's latencies are hidden by the next one.
 */
#include <math.h>

#include "attention_class.h"
#include "llvm/elementwise/math_build.h"
#include "llvm/elementwise/math_functions.h"

enum { MAXIMA = 4 }; /* vectors that are compared side by side */

typedef struct phase {
    hmlc_frame *frame;
    const hmlc_attention_plan *attention;
    const hmlc_strip *strip;
    LLVMValueRef keys;
    LLVMValueRef row;    /* pointer of its scores */
    LLVMValueRef factor; /* pointer of its factor */
} phase;

/* What a phase does with `x`, elements of the row from `address` on; `exists` says which of them
 * are scores, NULL: all. Gives the new total of each lane. */
typedef LLVMValueRef phase_step(phase *at, LLVMValueRef total, LLVMValueRef x, LLVMValueRef exists,
                                LLVMValueRef address);
typedef LLVMValueRef phase_join(phase *at, LLVMValueRef a, LLVMValueRef b);

static LLVMValueRef larger(phase *at, LLVMValueRef total, LLVMValueRef x)
{
    /* A NaN makes the row's sum one, whatever is subtracted. */
    return lanes_select(at->frame, real_compare(at->frame, LLVMRealOGT, x, total), x, total);
}

static LLVMValueRef sum_of(phase *at, LLVMValueRef a, LLVMValueRef b)
{
    return real_add(at->frame, a, b);
}

static LLVMValueRef fold(phase *at, phase_join *join, LLVMValueRef value, uint32_t lanes)
{
    for (uint32_t now = lanes_of(value); now > lanes; now /= 2) {
        LLVMValueRef high = hmlc_frame_lanes(at->frame, value, now / 2, 1, now / 2);
        value = join(at, hmlc_frame_lanes(at->frame, value, 0, 1, now / 2), high);
    }
    return value;
}

static LLVMValueRef splat_real(phase *at, double value, uint32_t lanes)
{
    return hmlc_frame_splat(at->frame, LLVMConstReal(at->frame->f32, value), lanes);
}

/* <lanes x i1>: the elements from `first` on that are scores. */
static LLVMValueRef scores_from(phase *at, LLVMValueRef first, uint32_t lanes)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef left = LLVMBuildSub(frame->builder, at->keys, first, "");
    LLVMValueRef numbers[HMLC_LANES_MAX];
    if (LLVMTypeOf(left) != frame->i32) {
        left = LLVMBuildTrunc(frame->builder, left, frame->i32, "");
    }
    for (uint32_t k = 0; k < lanes; k++) {
        numbers[k] = LLVMConstInt(frame->i32, k, 0);
    }
    LLVMValueRef lane = lanes > 1 ? LLVMConstVector(numbers, lanes) : numbers[0];
    return LLVMBuildICmp(frame->builder, LLVMIntSLT, lane, hmlc_frame_splat(frame, left, lanes),
                         "");
}

/* A loop over elements [first, end) of the row, `lanes` at once; returns the totals. */
static LLVMValueRef walk(phase *at, phase_step *step, LLVMValueRef first, LLVMValueRef end,
                         LLVMValueRef total, bool partial)
{
    hmlc_frame *frame = at->frame;
    uint32_t lanes = lanes_of(total);
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, first, end, lanes, &total, 1);
    LLVMValueRef address = hmlc_frame_element(frame, frame->f32, at->row, loop.index);
    LLVMValueRef x = hmlc_frame_load(frame, LLVMTypeOf(total), address, sizeof(float));
    LLVMValueRef exists = partial ? scores_from(at, loop.index, lanes) : NULL;
    total = step(at, loop.carried[0], x, exists, address);
    hmlc_frame_loop_end(frame, &loop, &total);
    return loop.carried[0];
}

/* The row as a whole: wide registers, then single ones, of which the last may be partial. */
static LLVMValueRef fold_row(phase *at, phase_step *step, phase_join *join, double neutral,
                             uint32_t vectors)
{
    hmlc_frame *frame = at->frame;
    uint32_t lanes = at->attention->scores.lanes, wide = lanes * vectors;
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    LLVMValueRef rest = LLVMBuildURem(frame->builder, at->keys, hmlc_frame_int(frame, wide), "");
    LLVMValueRef whole = LLVMBuildSub(frame->builder, at->keys, rest, "");
    LLVMValueRef total = walk(at, step, zero, whole, splat_real(at, neutral, wide), false);
    total = walk(at, step, whole, at->keys, fold(at, join, total, lanes), true);
    return fold(at, join, total, 1);
}

static void begin_row(phase *at, LLVMValueRef row)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef stride = hmlc_frame_dim(frame, at->attention->row_stride);
    at->row = hmlc_frame_element(frame, frame->f32, at->strip->scores,
                                 LLVMBuildMul(frame->builder, row, stride, ""));
    at->factor = hmlc_frame_element(frame, frame->f32, at->strip->factors, row);
}

static LLVMValueRef step_largest(phase *at, LLVMValueRef total, LLVMValueRef x, LLVMValueRef exists,
                                 LLVMValueRef address)
{
    (void)address;
    if (exists != NULL) {
        x = lanes_select(at->frame, exists, x, lanes_real(x, -INFINITY));
    }
    return larger(at, total, x);
}

static void find_largest(phase *at)
{
    hmlc_frame *frame = at->frame;
    hmlc_frame_loop rows;
    hmlc_frame_loop_begin(frame, &rows, hmlc_frame_int(frame, 0), at->strip->rows, 1, NULL, 0);
    begin_row(at, rows.index);
    LLVMValueRef largest = fold_row(at, step_largest, larger, -INFINITY, MAXIMA);
    hmlc_frame_store(frame, largest, at->factor, sizeof(float));
    hmlc_frame_loop_end(frame, &rows, NULL);
}

static LLVMValueRef step_exponential(phase *at, LLVMValueRef total, LLVMValueRef x,
                                     LLVMValueRef exists, LLVMValueRef address)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef largest = hmlc_frame_load(frame, frame->f32, at->factor, sizeof(float));
    x = real_sub(frame, x, hmlc_frame_splat(frame, largest, lanes_of(x)));
    LLVMValueRef e = hmlc_math_exp_flushed(frame, x);
    if (exists != NULL) {
        e = lanes_select(frame, exists, e, LLVMConstNull(LLVMTypeOf(e)));
    }
    hmlc_frame_store(frame, e, address, sizeof(float));
    return real_add(frame, total, e);
}

static LLVMValueRef step_zero(phase *at, LLVMValueRef total, LLVMValueRef x, LLVMValueRef exists,
                              LLVMValueRef address)
{
    (void)x;
    (void)exists;
    hmlc_frame_store(at->frame, LLVMConstNull(LLVMTypeOf(total)), address, sizeof(float));
    return total;
}

/* Weights of a row of NaN become zero, its factor 1. */
static LLVMValueRef hide_nan(phase *at, LLVMValueRef sum)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef is_nan = real_compare(frame, LLVMRealUNO, sum, sum);
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch, is_nan);
    walk(at, step_zero, hmlc_frame_int(frame, 0), at->keys,
         splat_real(at, 0, at->attention->scores.lanes), false);
    hmlc_frame_branch_end(frame, &branch);
    return lanes_select(frame, is_nan, LLVMConstReal(frame->f32, 1), sum);
}

static void find_exponentials(phase *at)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef one = LLVMConstReal(frame->f32, 1);
    hmlc_frame_loop rows;
    hmlc_frame_loop_begin(frame, &rows, hmlc_frame_int(frame, 0), at->strip->rows, 1, NULL, 0);
    begin_row(at, rows.index);
    LLVMValueRef sum = fold_row(at, step_exponential, sum_of, 0, frame->target->rates.chains);
    if (at->attention->hides_nan) {
        sum = hide_nan(at, sum);
    }
    if (at->attention->keys->minimum < 1) { /* without keys the product is an empty sum */
        sum = lanes_select(frame, real_compare_to(frame, LLVMRealOEQ, sum, 0), one, sum);
    }
    hmlc_frame_store(frame, real_div(frame, one, sum), at->factor, sizeof(float));
    hmlc_frame_loop_end(frame, &rows, NULL);
}

void hmlc_attention_softmax(hmlc_frame *frame, const hmlc_attention_plan *attention,
                            const hmlc_strip *strip)
{
    phase at = {.frame = frame,
                .attention = attention,
                .strip = strip,
                .keys = hmlc_frame_dim(frame, attention->keys)};
    find_largest(&at);
    find_exponentials(&at);
}

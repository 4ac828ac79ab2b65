/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row by four bits in integers. A block of the row is written as whole numbers of 24 bits, in
 * steps of a power of two that its largest element chooses; their three digits, bytes with a sign,
 * meet the weights in products of bytes, which are exact. The only error is that of the steps: at
 * most 2^-23 of the block's largest element, as that of f32 sums is of their largest part.
 *
 * Where few elements outweigh all others, that would be too much for the others: such a block, and
 * one with infinities or NaN, is marked, and its products are those of f32.
 *
 * In scratch memory lie, of each four steps, [digit][step] bytes, the lowest digit first, a fourth
 * of zeros behind them; and then of each block HMLC_DIGIT_FACTS words (hmlc_digit_fact).
 */
#ifndef HMLC_MICROKERNEL_DIGITS_H
#define HMLC_MICROKERNEL_DIGITS_H

#include "microkernel_internal.h"

enum {
    HMLC_DIGITS = 3,
    HMLC_DIGITS_BLOCK = 32 /* most steps: fifteen times so many digits, halved, fit 16 bits */
};

typedef enum hmlc_digit_fact {
    HMLC_DIGIT_STEP,   /* f32: the value of a 1 */
    HMLC_DIGIT_HIGH,   /* f32: the sum of the upper two digits, as one number, and */
    HMLC_DIGIT_LOW,    /*   of the lowest, times what the weights are too large by */
    HMLC_DIGIT_MARKED, /* not 0: in f32 */
    HMLC_DIGIT_FACTS
} hmlc_digit_fact;

/* The step of `hmlc_bytes_step` that digits take on a target; NONE: the target has none for them.
 */
hmlc_byte_step hmlc_digits_step(const hmlc_target *target, uint32_t lanes);
/* Steps of a block that is said to have `block`. */
int64_t hmlc_digits_block(int64_t block);
/* Bytes of scratch memory for so many steps. */
int64_t hmlc_digits_bytes(int64_t depth, int64_t block);
/* What weights are too large by as the nibbles of the panels; zero points come on top. */
int64_t hmlc_digits_bias(bool is_signed);
/* Writes a row of `depth` f32, which is a multiple of `block`, to `digits`. `factor`: what the sums
 * of digits are multiplied by. */
void hmlc_digits_emit(hmlc_frame *frame, LLVMValueRef row, int64_t depth, int64_t block,
                      int64_t factor, LLVMValueRef digits);

/* The block at hand: i1, it is not marked; its sums, which loop->accumulators then are. */
LLVMValueRef hmlc_digits_taken(const depth_loop *loop);
void hmlc_digits_add_block(depth_loop *loop);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a tile over groups of bytes: four of a row meet four of each column, as one i32 each. */
#ifndef HMLC_MICROKERNEL_BYTES_H
#define HMLC_MICROKERNEL_BYTES_H

#include "llvm/frame/frame.h"

enum {
    HMLC_BYTE_GROUP = 4,        /* steps of a group: the bytes of an i32 */
    HMLC_BYTE_SQUARE_GROUP = 8, /* the same of squares */
};

/* How a step of groups adds up products of bytes. */
typedef enum hmlc_byte_step {
    HMLC_BYTE_STEP_NONE,   /* groups of one step */
    HMLC_BYTE_STEP_WIDEN,  /* byte by byte, widened to the sums' type */
    HMLC_BYTE_STEP_PAIRS,  /* even and odd bytes as i16, two products at once */
    HMLC_BYTE_STEP_HALVES, /* two pairs in i16, which the weights are proven not to leave */
    HMLC_BYTE_STEP_SPREAD, /* products in i16, neighbours added: a column's sum lies in two lanes */
    HMLC_BYTE_STEP_SPREAD_TWO, /* the same, with those of the next group added in i16, which the
                                  weights are proven not to leave */
    HMLC_BYTE_STEP_DOT,        /* all four at once */
    HMLC_BYTE_STEP_WORD,       /* even and odd bytes in general registers, two at once */
    HMLC_BYTE_STEP_ROWS,       /* sixteen of a row by those of a column, into a general register */
    HMLC_BYTE_STEP_I16,        /* the group is a pair of i16 */
    HMLC_BYTE_STEP_SQUARE,     /* those of two rows by those of two columns; also of bf16 */
    HMLC_BYTE_STEP_NIBBLES,    /* no groups: eight steps of four bits share an element */
} hmlc_byte_step;

/* What meets in a step: a vector, or its even and odd bytes. */
typedef struct hmlc_step_operand {
    LLVMValueRef first, second;
} hmlc_step_operand;

/* What decides how products of bytes are added up in lanes of i32. */
typedef struct hmlc_byte_products_of {
    hmlc_byte_step step;
    uint32_t lanes;
    hmlc_dtype left, right;
} hmlc_byte_products_of;

/* The fastest step for panels of this layout that vectors of `lanes` can take; `proven`: of a
 * column, two products that meet in i16 fit it, whatever the left side is. */
hmlc_byte_step hmlc_bytes_step(const hmlc_target *target, hmlc_pack_layout layout, hmlc_dtype left,
                               hmlc_dtype right, uint32_t lanes, bool proven);
/* The tiles of products that are added up so. */
const hmlc_tiles *hmlc_bytes_tiles(const hmlc_target *target, hmlc_byte_step step);
/* How `depth` steps of constant weights of such products are packed for the target, whose left side
 * lies dense along them, at least `run` at once (0: not known): narrow where memory is read in its
 * order only, all of a column together where vectors go along it. */
hmlc_pack_layout hmlc_bytes_layout(const hmlc_target *target, hmlc_dtype left, hmlc_dtype right,
                                   hmlc_dtype sums, int64_t depth, int64_t run);
/* A column's steps all lie behind each other. */
bool hmlc_bytes_whole_columns(hmlc_pack_layout layout);
/* A tile fits the registers, as far as its step takes more than one of floats. */
bool hmlc_bytes_fit(const hmlc_target *target, hmlc_byte_step step, uint32_t rows,
                    uint32_t vectors);
/* Several groups of a row can be held in a vector, of which the step takes a lane. */
bool hmlc_bytes_takes_lanes(const hmlc_target *target, hmlc_byte_step step);
/* The sums of a step's own lanes, from those of columns and back. */
LLVMValueRef hmlc_bytes_begin_sum(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                  LLVMValueRef sum);
LLVMValueRef hmlc_bytes_end_sum(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                LLVMValueRef sum);
/* `count` bytes of a row, `stride` elements apart, in the order of k; what the group has more is 0.
 */
LLVMValueRef hmlc_bytes_load_group(hmlc_frame *frame, LLVMValueRef address, LLVMValueRef stride,
                                   uint32_t count);
/* What a step is given of a row, or of a vector's columns, whose groups are `value`. */
hmlc_step_operand hmlc_bytes_operand(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                     LLVMValueRef value, hmlc_dtype dtype);
/* sum + left[0] * right[0] + .. up to `count` products in every lane. */
LLVMValueRef hmlc_bytes_add(hmlc_frame *frame, const hmlc_byte_products_of *of, uint32_t count,
                            const hmlc_step_operand *left, const hmlc_step_operand *right,
                            LLVMValueRef sum);
/*
 * Of DOT and HALVES, where sums are known to be so small that those of two neighbours fit i16: the
 * same with sums as the step keeps them then, NULL: none yet; and these in lanes of i32, times a
 * factor that is a power of two.
 */
LLVMValueRef hmlc_bytes_add_short(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                  const hmlc_step_operand *left, const hmlc_step_operand *right,
                                  LLVMValueRef sum);
LLVMValueRef hmlc_bytes_widen_short(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                    LLVMValueRef sum, int64_t factor);
/* Of steps that spread sums: products of one group, or of two that meet, in i16; NULL: none yet.
 * Several tiles' products are made before their sums, where each waits for the one before. */
enum { HMLC_SPREAD_HALVES = 2 }; /* of a vector's columns; also sums of a column */
typedef struct hmlc_spread_products {
    LLVMValueRef half[HMLC_SPREAD_HALVES];
} hmlc_spread_products;
void hmlc_bytes_multiply_spread(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                const hmlc_step_operand *left, const hmlc_step_operand *right,
                                hmlc_spread_products *products);
LLVMValueRef hmlc_bytes_add_half(hmlc_frame *frame, const hmlc_byte_products_of *of, uint32_t half,
                                 LLVMValueRef products, LLVMValueRef sum);
LLVMValueRef hmlc_bytes_add_spread(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                   const hmlc_spread_products *products, LLVMValueRef sum);

#endif

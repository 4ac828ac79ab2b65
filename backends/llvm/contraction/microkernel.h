/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The register-tile generator. A tile is `rows` x `vectors` accumulators; one k step multiplies one
 * element of each row with one row of the packed panels (packing.h). The element is broadcast, or,
 * on targets whose multiplier takes a lane (HMLC_LEFT_LANE4, _LANE2), some steps of a row are held
 * in a vector. Where panels hold groups of bytes, a step multiplies as many elements of each row,
 * broadcast as one i32, and adds their products up.
 */
#ifndef HMLC_MICROKERNEL_H
#define HMLC_MICROKERNEL_H

#include "microkernel_bytes.h"

enum {
    HMLC_TILE_ROWS = 14, /* most rows of a tile */
    HMLC_TILE_VECTORS = HMLC_WIDEST_TILE,
    HMLC_TILE_ACCUMULATORS = 32, /* most accumulators of a tile */
    HMLC_PARTIAL_STEPS = 256,    /* most steps of one partial sum, where it is not said */
    HMLC_HALF_STEPS = 64,        /* the same in f16 */
    /* The stack's own: more would take a general register from the k loop for the frame. */
    HMLC_SUMS_ALIGNMENT = 16,
};

enum { HMLC_NIBBLES = 8 }; /* steps of four bits that share an i32 of the panels */

/*
 * A right side in fewer bits, whose blocks of steps have scales and maybe zero points: panels
 * [panel][block][columns] of them, from column 0 at block 0 of the tile on. `scales` NULL: none.
 */
typedef struct hmlc_scaled_panels {
    LLVMValueRef scales, zeros;
    hmlc_dtype scale_dtype, zero_dtype;
    int64_t block, blocks;   /* steps of a block; blocks of the depth */
    bool nibbles, is_signed; /* right_dtype is i32 then */
    LLVMValueRef digits;     /* of a single row (microkernel_digits.h); NULL: of f32 alone */
} hmlc_scaled_panels;

typedef struct hmlc_microkernel {
    uint32_t rows, vectors, lanes;
    hmlc_byte_step step; /* of groups */
    hmlc_dtype dtype;    /* of the accumulators; operands of other types are converted */
    hmlc_dtype left_dtype, right_dtype;
    bool half_products;      /* both are f16, products and partial sums too; needs `sums` */
    hmlc_pack_layout layout; /* of the panels */
    /*
     * Element (row, 0) of the left side. With `immediate`, rows lie row_stride elements apart and
     * only row[0] is used: their offsets become immediates of one pointer.
     */
    LLVMValueRef row[HMLC_TILE_ROWS];
    /* Rows that may be missing: where valid[row] (i1) is 0, every element is *zeros. NULL: all are
     * there. */
    LLVMValueRef valid[HMLC_TILE_ROWS], zeros;
    bool immediate;
    int64_t row_stride;
    LLVMValueRef pairs; /* of squares: the rows, as hmlc_microkernel_pack_pairs packed them */
    LLVMValueRef depth_stride; /* elements between k steps of the left side */
    bool whole_lanes;          /* steps known at run time are a multiple of four, also of groups */
    /* Column 0 at step 0, and how far the next panel is, in elements. `first_lane` is the place of
     * column 0 in its panel where that is known; a tile lies in one panel otherwise. */
    LLVMValueRef panel, panel_stride;
    uint32_t first_lane;
    /*
     * What comes next is fetched into L2 meanwhile: a line for each 8 steps from each of
     * prefetch_count places that lie prefetch_stride bytes apart. Needs depth_stride 1.
     */
    LLVMValueRef prefetch, prefetch_stride;
    uint32_t prefetch_count;
    uint32_t ahead; /* steps at which lines of the rows are fetched into L1; 0: they are not */
    uint32_t panel_alignment; /* bytes, of each vector in the panels */
    /*
     * Memory of rows * vectors vectors where partial sums meet: no run of more than `part_steps`
     * products (0: HMLC_PARTIAL_STEPS) is summed up in one register, so that rounding errors stay
     * near those of the shorter sums. NULL: one sum in registers.
     */
    LLVMValueRef sums;
    uint32_t part_steps;
    uint32_t splits; /* sums of each row and column that its steps go to in turn; 0: one */
    hmlc_scaled_panels scaled; /* needs `sums`; known steps */
} hmlc_microkernel;

/* How many accumulators pass from one k loop of a tile to the next: none where there are `sums`. */
uint32_t hmlc_microkernel_carried(const hmlc_microkernel *kernel);
/* Before the first and after the last k loop of a tile: accumulators take the form in which these
 * carry them, and where there are `sums` go there; then they come back. */
void hmlc_microkernel_begin_sums(hmlc_frame *frame, const hmlc_microkernel *kernel,
                                 LLVMValueRef *accumulators);
void hmlc_microkernel_end_sums(hmlc_frame *frame, const hmlc_microkernel *kernel,
                               LLVMValueRef *accumulators);
/*
 * Emits the k loop: `steps` (an index, at least 1; of groups a constant, or with `whole_lanes`)
 * steps. Between begin_sums and end_sums the accumulators hold the values before and, on return,
 * after the loop; with `sums`, these do, and accumulators is not used. Elsewhere accumulators[row *
 * vectors + vector] do.
 */
void hmlc_microkernel_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                           LLVMValueRef *accumulators);

/* Packs the left side of squares, `steps` (a constant) of all rows, which lie dense: what one
 * instruction takes of two rows lies behind each other, [group][pair of rows][2 rows]. */
void hmlc_microkernel_pack_pairs(hmlc_frame *frame, const hmlc_microkernel *kernel, int64_t steps,
                                 LLVMValueRef to);
/* Accumulate: a * b + c in the type's own arithmetic. */
LLVMValueRef hmlc_microkernel_multiply_add(hmlc_frame *frame, hmlc_dtype dtype, LLVMValueRef a,
                                           LLVMValueRef b, LLVMValueRef c);
/* Most rows of a tile of `vectors` accumulators a row; `pointers`: each row needs a general
 * register, `apart`: the distance between panels another. 0: such a tile does not fit. */
uint32_t hmlc_microkernel_rows(const hmlc_target *target, hmlc_byte_step step, uint32_t vectors,
                               bool pointers, bool apart);
/* Panels of this layout are read for operands of these types and such sums. */
bool hmlc_microkernel_takes(const hmlc_target *target, hmlc_pack_layout layout, hmlc_dtype left,
                            hmlc_dtype right, hmlc_dtype sums);
/* Lanes of one vector of an element type: no more than a panel has columns. */
uint32_t hmlc_microkernel_lanes(const hmlc_target *target, hmlc_dtype dtype,
                                hmlc_pack_layout layout);

#endif

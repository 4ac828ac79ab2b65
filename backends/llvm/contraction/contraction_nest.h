/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nest of a contraction under construction: what its class, and kernels that hold several
 * contractions, put around it. The caller chooses the batch element and the row and column tiles.
 */
#ifndef HMLC_CONTRACTION_NEST_H
#define HMLC_CONTRACTION_NEST_H

#include "contraction.h"

typedef struct hmlc_nest {
    hmlc_tile_context tile; /* the caller sets its batch and group */
    hmlc_frame *frame;
    const hmlc_contraction *contraction;
    const hmlc_section *section;
    hmlc_row_map left_rows;
    hmlc_microkernel kernel;  /* of the tile at hand */
    LLVMValueRef left, right; /* pointers of this batch element and group */
    LLVMValueRef left_before; /* elements of the left side that lie before its pointer; NULL: 0 */
    LLVMValueRef factors;     /* each row's sums are multiplied by one of these f32; NULL: none */
    LLVMValueRef factors_before; /* rows before the first of them */
    LLVMValueRef panel;          /* of the current column tile */
    LLVMValueRef scales;         /* its scales, in elements from the first; NULL: it has none */
    bool packing;                /* row tiles are packed in pairs, not multiplied yet */
    LLVMValueRef sums;           /* where a tile's partial sums meet; NULL: depth is short */
    LLVMValueRef row_begin, row_end, column_begin, column_end; /* tiles of the unit */
} hmlc_nest;

/* NULL when memory ran out. */
hmlc_nest *hmlc_nest_create(hmlc_frame *frame, const hmlc_contraction *contraction);
/* The stack that its tiles need. */
void hmlc_nest_reserve(hmlc_nest *nest);
/* Writes a single row in the numbers that its tiles multiply, where they do. */
void hmlc_nest_digits(const hmlc_nest *nest);
/* The panels and left rows of tile.batch and tile.group. */
void hmlc_nest_begin_batch(hmlc_nest *nest);
/* The tiles of [row_begin, row_end) x [column_begin, column_end) of a section. */
void hmlc_nest_tiles(hmlc_nest *nest, const hmlc_section *section);

#endif

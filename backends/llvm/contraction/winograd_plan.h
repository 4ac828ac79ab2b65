/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions in Winograd's form (hmlc/winograd.h). A unit of work is a block of tiles of one
 * image by a block of columns (output channels). In scratch memory it transforms the tiles' inputs,
 * makes n * n matrix products of tiles by columns, and transforms these to outputs, which pass
 * through the epilogue:
 *
 *     inputs    V [n * n][tiles][channels]
 *     weights   U [n * n][columns / 16][channels][16]     panels, made when the model is compiled
 *     products  M [n * n][tiles][columns of the block]    M[k] = V[k] U[k]
 *
 * Products of bytes are exact in this form, too, with tiles of 2 x 2: B and A hold 0 and +-1, 2 G
 * holds whole numbers. V is at most 4 * 255, 4 U at most 9 * 128, so that both are i16; M is i32,
 * and a quarter of what comes out of it is the sum. Steps of two i16 are to the micro-kernel groups
 * of four bytes.
 */
#ifndef HMLC_WINOGRAD_PLAN_H
#define HMLC_WINOGRAD_PLAN_H

#include "contraction.h"

#include <hmlc/winograd.h>

/* One spatial dim: sizes, zeros in front, and elements between two inputs. */
typedef struct hmlc_winograd_axis {
    int64_t input, output, pad, stride;
    int64_t tiles;
} hmlc_winograd_axis;

typedef struct hmlc_winograd_plan {
    hmlc_winograd form;
    hmlc_dtype dtype; /* of V and U: f32, or i16 for products of bytes */
    hmlc_winograd_axis down, along;
    int64_t channels, columns; /* of input and output */
    uint32_t zero_operand;     /* as many zeros as there are channels */
    int64_t blocks;            /* of tiles, as even as they can be */
    int64_t most_tiles;        /* of a block */
    int64_t column_block;      /* whole panels */
    int64_t input_row;         /* elements from tile to tile in V, and */
    int64_t input_plane;       /*   from V[k] to V[k + 1] */
    int64_t product_plane;     /* from M[k] to M[k + 1]; a row has column_block elements */
    uint32_t vectors;          /* of a tile of the products */
} hmlc_winograd_plan;

/*
 * Fills *winograd, whose axes (but for tiles), channels and columns are set, and the plan: units,
 * scratch memory, the weights' operand. The operand of zeros is the caller's to add.
 */
hmlc_status hmlc_winograd_plan_units(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                     hmlc_contraction *contraction,
                                     hmlc_winograd_plan *winograd) HMLC_MUST_USE;
/* Emits all units; `tile` has the frame, the contraction and what a long epilogue needs. */
hmlc_status hmlc_winograd_emit(hmlc_tile_context *tile,
                               const hmlc_winograd_plan *plan) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of a tile whose sums are squares: one instruction multiplies four steps of bf16 or eight of
 * bytes of two rows by as many of two columns and adds them onto two by two sums in a register
 * (AArch64's bfmmla and smmla).
 *
 *     rows and columns          squares
 *
 *     a0 a1 a2 a3               a0 a1 b0 b1
 *     b0 b1 b2 b3               a2 a3 b2 b3
 *
 * Rows a and b and a vector of columns take two registers either way. A last row without a second
 * one is multiplied twice.
 */
#ifndef HMLC_MICROKERNEL_SQUARE_H
#define HMLC_MICROKERNEL_SQUARE_H

#include "microkernel_internal.h"

/* Registers of a tile's sums: rows * vectors, or those of whole squares. */
uint32_t hmlc_square_sums(const hmlc_microkernel *kernel);
/* In place: from vectors of columns to squares, and back. Others stay as they are. */
void hmlc_square_begin(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef *sums);
void hmlc_square_end(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef *sums);
/* A group of steps, or two. */
void hmlc_square_steps(depth_loop *loop);

#endif

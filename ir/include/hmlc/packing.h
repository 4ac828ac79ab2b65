/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed panels: how the right-hand side of a contraction lies in memory. The one definition for
 * pack_panels and matmul_packed, for weights that are packed when a model is compiled, and for the
 * kernels that read them.
 *
 * A matrix of K rows (steps of the sum) and N columns is cut into panels of `width` columns. Within
 * a panel the `group` steps that one instruction adds up for a column lie behind each other:
 *
 *     [panel][K / group][width][group]             ceil(N / width) panels, ceil(K / group) rows
 *
 *     width 4, group 1                             width 4, group 4 (a row of a panel is 16 long)
 *
 *            column                                       column
 *            0  1  2  3 | 4  5  -  -                      0            1            2         ..
 *     k = 0  a  b  c  d | e  f  0  0               row 0  k0 k1 k2 k3  k0 k1 k2 k3  k0 k1 k2 k3
 *     k = 1  g  h  i  j | k  l  0  0               row 1  k4 k5  0  0  k4 k5  0  0  k4 k5  0  0
 *     k = 2  m  n  o  p | q  r  0  0                      (K = 6: the last row is filled up)
 *            panel 0    | panel 1
 *
 * Columns behind N and steps behind K are zero. The tensor's type has one dim more than the
 * matrix: [..., panels, rows, width * group].
 *
 * f32 panels are 16 wide with groups of one step on every target, so that one copy of the weights
 * serves all: 128-bit vectors read a quarter of a row, 512-bit ones all of it. Groups of 4 feed the
 * 8-bit dot products of CPUs, groups of 8 their 8-bit matrix products.
 */
#ifndef HMLC_PACKING_H
#define HMLC_PACKING_H

#include <hmlc/graph.h>

enum {
    HMLC_PACK_WIDTH = 16, /* columns of a panel, unless an op says otherwise */
    HMLC_PACK_GROUP = 1,  /* steps of a group, unless an op says otherwise */
    HMLC_PACK_MAX_WIDTH = 64,
    HMLC_PACK_MAX_GROUP = 8,
};

typedef struct hmlc_pack_layout {
    int64_t width, group; /* powers of two up to the above */
} hmlc_pack_layout;

/* 16 columns, one step. */
static inline hmlc_pack_layout hmlc_pack_layout_default(void)
{
    return (hmlc_pack_layout){.width = HMLC_PACK_WIDTH, .group = HMLC_PACK_GROUP};
}

/* What a product of operands of these element types with such sums reads. */
hmlc_pack_layout hmlc_pack_layout_for(hmlc_dtype left, hmlc_dtype right, hmlc_dtype sums);
/* What a pack_panels or matmul_packed says in its attributes. */
hmlc_pack_layout hmlc_pack_layout_of(const hmlc_op *op);

/*
 * A right-hand side may be stored in fewer bits than it is multiplied in: then an op stands between
 * the constant and the anchor, in the kernel's region, and is applied to a vector of a panel when
 * that is loaded: a cast of halves or bytes to f32, or a dequantize of bytes, whose scales and zero
 * points are constants, too.
 */
bool hmlc_op_unpacks(const hmlc_op *op);
/* The op between, NULL: none; and the value whose elements lie in memory. `anchor`: a contraction.
 */
const hmlc_op *hmlc_right_unpacking(const hmlc_op *anchor);
hmlc_value *hmlc_right_stored(const hmlc_op *anchor);
/* A constant right-hand side, or what is unpacked from constants. */
bool hmlc_right_is_constant(const hmlc_value *right);

/*
 * Whether a channels-last convolution's lanes are channels of several groups: depthwise, of floats
 * or bytes, or of floats with groups so narrow that panels of one group would be mostly padding.
 * Other groups are contractions.
 */
bool hmlc_conv_is_window(const hmlc_op *conv);

/* Elements of one row of a panel. */
static inline int64_t hmlc_pack_row(hmlc_pack_layout layout)
{
    return layout.width * layout.group;
}

/* Rows of a panel for K steps, and panels of N columns. */
static inline int64_t hmlc_pack_rows(hmlc_pack_layout layout, int64_t depth)
{
    return depth / layout.group + (depth % layout.group != 0);
}

static inline int64_t hmlc_pack_count(hmlc_pack_layout layout, int64_t columns)
{
    return columns / layout.width + (columns % layout.width != 0);
}

/* Where step k of a column lies in the panels of one matrix of `depth` steps, in elements. */
static inline int64_t hmlc_pack_place(hmlc_pack_layout layout, int64_t depth, int64_t k,
                                      int64_t column)
{
    int64_t row = column / layout.width * hmlc_pack_rows(layout, depth) + k / layout.group;
    return row * hmlc_pack_row(layout) + column % layout.width * layout.group + k % layout.group;
}

#endif

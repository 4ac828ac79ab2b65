/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of sliding windows, per spatial dim, on dims that may be symbols. */
#ifndef HMLC_WINDOW_PADS_H
#define HMLC_WINDOW_PADS_H

#include <hmlc/ir.h>

/* Where the odd pad goes: behind the input (TensorFlow, SAME_UPPER), or before it. */
typedef enum hmlc_odd_pad { HMLC_ODD_PAD_BEFORE, HMLC_ODD_PAD_BEHIND } hmlc_odd_pad;

typedef struct hmlc_pads {
    hmlc_dim before, behind;
} hmlc_pads;

/* Elements from a window's first tap to its last: (size - 1) * dilation + 1. */
hmlc_dim hmlc_window_reach(hmlc_dims *dims, int64_t size, int64_t dilation);

/* `total` pads in two halves. */
hmlc_pads hmlc_window_split(hmlc_dims *dims, hmlc_dim total, hmlc_odd_pad odd);

/*
 * SAME: as many windows as strides fit into the input, ceil(in / stride), with as few pads as they
 * need: max((ceil(in / stride) - 1) * stride + reach - in, 0) in all (TensorFlow, "Notes on
 * padding"). None where the stride is larger than the window and the input ends in between.
 */
hmlc_pads hmlc_window_same(hmlc_dims *dims, hmlc_dim in, int64_t stride, hmlc_dim reach,
                           hmlc_odd_pad odd);

#endif

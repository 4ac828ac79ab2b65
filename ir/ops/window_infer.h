/* SPDX-License-Identifier: Apache-2.0 */
/* What convolutions and pools share: spatial dims, strides, pads, dilations. */
#ifndef HMLC_WINDOW_H
#define HMLC_WINDOW_H

#include "infer_tools.h"

typedef struct hmlc_window_shape {
    int32_t spatial;       /* number of spatial dims, 1 to 3 */
    int32_t first_spatial; /* their first axis */
    int32_t channel;       /* the channel axis */
    const int64_t *strides, *dilations;
    const hmlc_dim *pads; /* begins, then ends */
} hmlc_window_shape;

/* Reads and checks the attributes for an operand of x's rank. */
void hmlc_window_read(const hmlc_infer *context, const hmlc_type *x, hmlc_window_shape *window,
                      hmlc_status *status);
/* Positions of a window of `size` elements along spatial dim `index` of `in` elements. */
hmlc_dim hmlc_window_positions(const hmlc_infer *context, const hmlc_window_shape *window,
                               int32_t index, hmlc_dim in, hmlc_dim size, hmlc_status *status);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and pools: their window, complete, and the ops that slide it. */
#ifndef HMLC_SLIDING_WINDOW_H
#define HMLC_SLIDING_WINDOW_H

#include "importer/emit.h"
#include "importer/window_pads.h"

enum { HMLC_MOST_SPATIAL = HMLC_MAX_RANK - 2 };

/* One entry per spatial dim, pads two: begins then ends. */
typedef struct hmlc_window_spec {
    int32_t spatial;
    int64_t layout; /* HMLC_LAYOUT_* of the data; weights and results follow it */
    int64_t size[HMLC_MOST_SPATIAL], strides[HMLC_MOST_SPATIAL], dilations[HMLC_MOST_SPATIAL];
    hmlc_dim pads[2 * HMLC_MOST_SPATIAL];
    hmlc_dim extra[HMLC_MOST_SPATIAL]; /* pools: how much of the end pads is never counted */
} hmlc_window_spec;

/* The axis of the first spatial dim. */
static inline int32_t hmlc_window_first_axis(const hmlc_window_spec *window)
{
    return window->layout == HMLC_LAYOUT_CHANNELS_LAST ? 1 : 2;
}

/* Elements from the first tap to the last along spatial dim i. */
hmlc_dim hmlc_window_extent(const hmlc_emitter *emit, const hmlc_window_spec *window, int32_t i);
void hmlc_window_set_pads(hmlc_window_spec *window, int32_t i, hmlc_pads pads);
/* SAME padding of the input x: see hmlc_window_same. */
void hmlc_window_pad_same(const hmlc_emitter *emit, hmlc_window_spec *window, const hmlc_value *x,
                          hmlc_odd_pad odd);

/* `bias` may be NULL. */
hmlc_value *hmlc_emit_conv(hmlc_emitter *emit, hmlc_value *x, hmlc_value *w, hmlc_value *bias,
                           const hmlc_window_spec *window, int64_t groups);
/* Of bytes; zero points may be NULL. */
hmlc_value *hmlc_emit_conv_integer(hmlc_emitter *emit, hmlc_value *x, hmlc_value *w,
                                   hmlc_value *x_zero, hmlc_value *w_zero,
                                   const hmlc_window_spec *window, int64_t groups);
/*
 * `sizes`, of the result along the spatial dims, win over pads: what is too much is cut off, what
 * is missing is added at the end; `odd` says where the odd pad goes. NULL: the pads decide.
 */
hmlc_value *hmlc_emit_conv_transpose(hmlc_emitter *emit, hmlc_value *const operands[3],
                                     const hmlc_window_spec *window, int64_t groups,
                                     const hmlc_dim *sizes, hmlc_odd_pad odd,
                                     const int64_t *output_padding);
/* The op, for its second result; NULL on failure. */
hmlc_op *hmlc_emit_max_pool(hmlc_emitter *emit, hmlc_value *x, const hmlc_window_spec *window);
/* Pads count where include_pad says so, the extra ones never. */
hmlc_value *hmlc_emit_avg_pool(hmlc_emitter *emit, hmlc_value *x, hmlc_window_spec *window,
                               bool include_pad);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: pooling, depthwise convolution and that of narrow groups, channels last. Lanes are
 * channels of the result; where they are of groups with several inputs or outputs, the inputs of
 * the groups in a vector lie beside each other and are spread over its lanes. A tile is some
 * output rows times some output columns, its taps unrolled. Borders are tiles of their own, known
 * at plan time, so that no tap is tested at run time. Where sizes are not known (or the window is
 * very large) taps are looped over instead, see window_dynamic.c.
 */
#ifndef HMLC_WINDOW_H
#define HMLC_WINDOW_H

#include "llvm/contraction/contraction.h"

extern const hmlc_kernel_class hmlc_window_class;

enum {
    HMLC_WINDOW_AXES = 3,
    HMLC_WINDOW_TILE = 8,
    HMLC_WINDOW_TAPS = 16,  /* of an axis, unrolled */
    HMLC_WINDOW_STEPS = 512 /* of all, each input of a group counted */
};

typedef enum hmlc_window_kind {
    HMLC_WINDOW_DEPTHWISE, /* and of narrow groups */
    HMLC_WINDOW_MAXIMUM,
    HMLC_WINDOW_AVERAGE,
} hmlc_window_kind;

/* One spatial dim; leading axes that do not exist have size 1. Static where `known`. */
typedef struct hmlc_window_axis {
    int64_t window, stride, dilation;
    int64_t extra; /* average: end padding that is never counted */
    bool known;    /* input, output and pads are numbers */
    int64_t input, output, pad, pad_end;
    hmlc_dim input_dim, output_dim, pad_dim, pad_end_dim;
} hmlc_window_axis;

/* Tiles of an axis that look alike: `count` of `size` outputs each, one behind the other. */
typedef struct hmlc_window_strip {
    int64_t first, size, count;
    int64_t first_tile; /* number of its first tile along the axis */
    /* Per output of the tile: valid taps [from, to) and how many an average counts. */
    int64_t from[HMLC_WINDOW_TILE], to[HMLC_WINDOW_TILE], counted[HMLC_WINDOW_TILE];
} hmlc_window_strip;

typedef struct hmlc_window_strips {
    int64_t count, tiles;
    hmlc_window_strip *strips;
} hmlc_window_strips;

typedef struct hmlc_window {
    /* Result space, epilogue, output and lanes; rows are output pixels, columns channels. */
    hmlc_contraction tile;
    hmlc_window_kind kind;
    bool counts_padding;
    int64_t group_inputs, group_outputs; /* 1 of a pool */
    int64_t pad_value;                   /* depthwise, of bytes: what padding counts as */
    bool by_columns; /* a maximum goes down the columns first: it takes several instructions */
    bool dynamic;
    hmlc_window_axis axis[HMLC_WINDOW_AXES];
    hmlc_dim input_strides[HMLC_WINDOW_AXES];
    hmlc_window_strips rows, columns; /* axes 1 and 2 */
    hmlc_dim channels;
    int64_t channel_block; /* channels of a unit, whole panels */
    hmlc_dim channel_blocks;
    int64_t row_block; /* row tiles of a unit */
    hmlc_dim row_blocks;
} hmlc_window;

hmlc_status hmlc_window_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan) HMLC_MUST_USE;

/* Emission: what the static and the dynamic form share. */
typedef struct hmlc_window_emitter {
    hmlc_frame *frame;
    const hmlc_window *window;
    hmlc_contraction tile_shape; /* the window's tile with the lanes in use */
    hmlc_section section;
    hmlc_tile_context tile;
    uint32_t valid_lanes; /* of the vector */
    LLVMValueRef input;   /* pointer of the batch element */
    LLVMValueRef weights; /* pointer to the panels */
    LLVMValueRef channel; /* first channel of the vector */
    bool less_padding;    /* what is loaded is taken less what padding counts as */
} hmlc_window_emitter;

/* base + `offset` elements of the input. */
LLVMValueRef hmlc_window_input(hmlc_window_emitter *at, LLVMValueRef base, LLVMValueRef offset);
/* The inputs of the groups of one vector of channels, at `offset` elements of the input. */
LLVMValueRef hmlc_window_load(hmlc_window_emitter *at, LLVMValueRef offset);
/* Of those, input `number` of its group in each lane. */
LLVMValueRef hmlc_window_spread(hmlc_window_emitter *at, LLVMValueRef loaded, int64_t number);
/* What padding counts as, in all lanes. */
LLVMValueRef hmlc_window_padding(hmlc_window_emitter *at);
/* The weights of step `tap` for the vector of channels: of groups, a tap has a step an input. */
LLVMValueRef hmlc_window_weight(hmlc_window_emitter *at, LLVMValueRef tap);
/* Accumulators before the first tap, and one tap more. */
void hmlc_window_start(hmlc_window_emitter *at, LLVMValueRef *accumulators);
LLVMValueRef hmlc_window_combine(hmlc_window_emitter *at, LLVMValueRef sum, LLVMValueRef input,
                                 LLVMValueRef weight);
/* Channels [first, end) in vectors, then what is left of them in narrower ones; `body` emits one
 * vector's work at at->channel. */
void hmlc_window_channels(hmlc_window_emitter *at, LLVMValueRef first, LLVMValueRef end,
                          void (*body)(hmlc_window_emitter *at, void *context), void *context);

/* Row tiles (dynamic: rows) and channels of one unit. */
void hmlc_window_emit_static(hmlc_window_emitter *at, LLVMValueRef row_begin, LLVMValueRef row_end,
                             LLVMValueRef channel_begin, LLVMValueRef channel_end);
void hmlc_window_emit_dynamic(hmlc_window_emitter *at, LLVMValueRef row_begin, LLVMValueRef row_end,
                              LLVMValueRef channel_begin, LLVMValueRef channel_end);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions as tap lists. Output pixels with the same set of valid taps form a group; a tile is
 * some pixels of a group (or, in small images, pixels whose missing taps read zeros); its runs say
 * which steps of the packed panels meet which input elements. All of it is a table made at plan
 * time when the spatial dims are static.
 */
#ifndef HMLC_CONV_H
#define HMLC_CONV_H

#include "contraction.h"

enum { HMLC_SPATIAL = 3 };

/* One spatial dim. */
typedef struct hmlc_conv_axis {
    int64_t input, output; /* sizes; 0 where not static */
    int64_t window, stride, dilation, pad;
    int64_t input_stride; /* elements */
    bool transposed;
} hmlc_conv_axis;

/*
 * Table words (i32). Regular tiles come in segments: tiles [BEGIN, END) of their class, ALONG of
 * them in a line, LINES lines in a plane. TILE, LINE and PLANE lead from one tile to the next, to
 * the next line's first, and to the next plane's first; STEP from row to row inside a tile.
 */
enum {
    HMLC_SEGMENT_BEGIN,
    HMLC_SEGMENT_END,
    HMLC_SEGMENT_ALONG,
    HMLC_SEGMENT_LINES,
    HMLC_SEGMENT_RUNS, /* word of the first run */
    HMLC_SEGMENT_RUN_COUNT,
    HMLC_SEGMENT_PIXEL, /* linear output pixel */
    HMLC_SEGMENT_PIXEL_STEP,
    HMLC_SEGMENT_PIXEL_TILE,
    HMLC_SEGMENT_PIXEL_LINE,
    HMLC_SEGMENT_PIXEL_PLANE,
    HMLC_SEGMENT_INPUT, /* input offset, elements */
    HMLC_SEGMENT_INPUT_STEP,
    HMLC_SEGMENT_INPUT_TILE,
    HMLC_SEGMENT_INPUT_LINE,
    HMLC_SEGMENT_INPUT_PLANE,
    HMLC_SEGMENT_WORDS,
};
/* Their runs; INPUT is HMLC_RUN_OUTSIDE where all rows read zeros: */
enum { HMLC_RUN_DEPTH, HMLC_RUN_STEPS, HMLC_RUN_INPUT, HMLC_RUN_WORDS };
#define HMLC_RUN_OUTSIDE INT32_MIN
/*
 * An explicit tile of R rows: RUNS, RUN_COUNT, R pixels; its runs: DEPTH, STEPS, R input offsets,
 * negative where the row reads zeros.
 */
enum { HMLC_EXPLICIT_RUNS, HMLC_EXPLICIT_RUN_COUNT, HMLC_EXPLICIT_PIXELS };
enum { HMLC_EXPLICIT_DEPTH, HMLC_EXPLICIT_STEPS, HMLC_EXPLICIT_INPUTS };

typedef struct hmlc_conv {
    int32_t spatial;
    hmlc_conv_axis axis[HMLC_SPATIAL];
    int64_t channels; /* of one group */
    int64_t channel_stride;
    /* Steps inside a tap run along channels, or along the last window dim with channels outside. */
    bool taps_inside;
    bool explicit_tiles;
    bool reads_zeros;
    int64_t pad_value; /* what the zeros are, and taps that lie outside count as */
    bool dynamic;      /* no table: pointers are computed for each tap */
    /* dynamic: sizes, pads and strides as expressions */
    hmlc_dim input_dims[HMLC_SPATIAL], output_dims[HMLC_SPATIAL], pad_dims[HMLC_SPATIAL];
    hmlc_dim input_strides[HMLC_SPATIAL], channel_dim; /* channel_dim: stride of channels */
    uint32_t table_operand, zero_operand;
    int64_t longest_run;
} hmlc_conv;

/* Input index of tap `tap` at output index `index`, or -1. */
int64_t hmlc_conv_input(const hmlc_conv_axis *axis, int64_t index, int64_t tap);

/* A growing list of table words. */
typedef struct hmlc_words {
    hmlc_arena *arena;
    int32_t *words;
    size_t count, capacity;
    bool failed; /* out of memory */
    bool beyond; /* a word did not fit */
} hmlc_words;
void hmlc_words_add(hmlc_words *words, int64_t word);

/* Appends a section's tiles and runs and fills its classes. */
hmlc_status hmlc_conv_regular_tiles(hmlc_plan_context *context, hmlc_conv *conv, hmlc_words *words,
                                    hmlc_section *section) HMLC_MUST_USE;
hmlc_status hmlc_conv_explicit_tiles(hmlc_plan_context *context, hmlc_conv *conv, hmlc_words *words,
                                     hmlc_section *section) HMLC_MUST_USE;

/* One row tile: `kernel` has everything but the rows. */
typedef struct hmlc_conv_site {
    hmlc_tile_context *tile;
    const hmlc_microkernel *kernel;
    LLVMValueRef left; /* of the batch element and group */
} hmlc_conv_site;
/* Emits explicit row tile number `ahead` of a class. */
void hmlc_conv_explicit_tile(const hmlc_conv_site *site, const hmlc_row_class *class_,
                             LLVMValueRef ahead);
/*
 * Emits the loop over regular tiles [from, to) of a class; `begin_tile` sets up the site for tile
 * number `ahead` of the class.
 */
typedef void hmlc_conv_begin_tile(void *context, const hmlc_row_class *class_, LLVMValueRef ahead,
                                  hmlc_conv_site *site);
void hmlc_conv_regular_loop(hmlc_frame *frame, const hmlc_conv *conv, const hmlc_row_class *class_,
                            LLVMValueRef from, LLVMValueRef to, hmlc_conv_begin_tile *begin_tile,
                            void *context);
/* Emits the tile of rows from `first_row` on of a convolution without table. */
void hmlc_conv_dynamic_tile(hmlc_tile_context *tile, const hmlc_microkernel *kernel,
                            LLVMValueRef left, LLVMValueRef first_row);

#endif

/*
 * Convolutions as tap lists. Output pixels with the same set of valid taps form a group; a tile is
 * some pixels of a group (or, in small images, pixels whose missing taps read zeros); its runs say
 * which steps of the packed panels meet which input elements. All of it is a table made at plan
 * time when the spatial dims are static.
 */
#ifndef HMLC_CONV_H
#define HMLC_CONV_H

#include "llvm/contraction.h"

enum { HMLC_SPATIAL = 3 };

/* One spatial dim. */
typedef struct hmlc_conv_axis {
    int64_t input, output; /* sizes; 0 where not static */
    int64_t window, stride, dilation, pad;
    int64_t input_stride; /* elements */
    bool transposed;
} hmlc_conv_axis;

/* Table words (i32). A regular tile: */
enum {
    HMLC_TILE_PIXEL,      /* linear output pixel of row 0 */
    HMLC_TILE_PIXEL_STEP, /* to the next row's pixel */
    HMLC_TILE_INPUT,      /* input offset of row 0 */
    HMLC_TILE_INPUT_STEP, /* to the next row's */
    HMLC_TILE_RUNS,       /* word of the first run */
    HMLC_TILE_RUN_COUNT,
    HMLC_TILE_WORDS,
};
/* ... whose runs are: */
enum { HMLC_RUN_DEPTH, HMLC_RUN_STEPS, HMLC_RUN_INPUT, HMLC_RUN_WORDS };
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
    bool dynamic; /* no table: pointers are computed for each tap */
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
    bool failed;
} hmlc_words;
void hmlc_words_add(hmlc_words *words, int64_t word);

/* Appends a section's tiles and runs and fills its classes. */
hmlc_status hmlc_conv_regular_tiles(hmlc_plan_context *context, hmlc_conv *conv, hmlc_words *words,
                                    hmlc_section *section) HMLC_MUST_USE;
hmlc_status hmlc_conv_explicit_tiles(hmlc_plan_context *context, hmlc_conv *conv, hmlc_words *words,
                                     hmlc_section *section) HMLC_MUST_USE;

/* Emits row tile number `ahead` of a class; `kernel` has everything but rows and start. */
void hmlc_conv_tile(hmlc_tile_context *tile, const hmlc_microkernel *kernel, LLVMValueRef left,
                    const hmlc_row_class *class_, LLVMValueRef ahead);

/* Emits the tile of rows from `first_row` on of a convolution without table. */
void hmlc_conv_dynamic_tile(hmlc_tile_context *tile, const hmlc_microkernel *kernel,
                            LLVMValueRef left, LLVMValueRef first_row);

#endif

/* Emission of one convolution tile from its table entry. */
#include "llvm/conv.h"

#include <string.h>

typedef struct conv_tile {
    hmlc_tile_context *tile;
    hmlc_frame *frame;
    const hmlc_conv *conv;
    LLVMValueRef left, panel;          /* of the batch element and group; of the column tile */
    LLVMValueRef prefetch;             /* for the tile's first step */
    LLVMValueRef entry;                /* the tile's descriptor */
    LLVMValueRef rows[HMLC_TILE_ROWS]; /* regular: element 0 of each row's first tap */
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS];
    hmlc_microkernel kernel;
} conv_tile;

static LLVMValueRef table_base(conv_tile *at)
{
    return at->frame->operands[at->conv->table_operand];
}

static LLVMValueRef table_word(conv_tile *at, LLVMValueRef entry, int64_t index)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef address =
        hmlc_frame_element(frame, frame->i32, entry, hmlc_frame_int(frame, index));
    LLVMValueRef word = hmlc_frame_load(frame, frame->i32, address, 4);
    return LLVMBuildSExt(frame->builder, word, frame->i64, "");
}

static LLVMValueRef left_at(conv_tile *at, LLVMValueRef offset)
{
    LLVMTypeRef type = hmlc_frame_type(at->frame, at->kernel.left_dtype);
    return hmlc_frame_element(at->frame, type, at->left, offset);
}

static void set_panel(conv_tile *at, LLVMValueRef depth)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef offset =
        LLVMBuildMul(frame->builder, depth, hmlc_frame_int(frame, HMLC_PANEL), "");
    at->kernel.panel = hmlc_frame_element(frame, hmlc_frame_type(frame, at->kernel.right_dtype),
                                          at->panel, offset);
    if (at->kernel.prefetch_count > 0) {
        at->kernel.prefetch = hmlc_frame_element(frame, frame->i64, at->prefetch, depth);
    }
}

/* Rows lie evenly: their pointers are made once, a run moves them all alike. */
static void regular_rows(conv_tile *at)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef pixel = table_word(at, at->entry, HMLC_TILE_PIXEL);
    LLVMValueRef pixel_step = table_word(at, at->entry, HMLC_TILE_PIXEL_STEP);
    LLVMValueRef input = table_word(at, at->entry, HMLC_TILE_INPUT);
    LLVMValueRef input_step = table_word(at, at->entry, HMLC_TILE_INPUT_STEP);
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        at->tile->row[r] = pixel;
        at->rows[r] = left_at(at, input);
        pixel = LLVMBuildAdd(frame->builder, pixel, pixel_step, "");
        input = LLVMBuildAdd(frame->builder, input, input_step, "");
    }
}

static void explicit_rows(conv_tile *at)
{
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        at->tile->row[r] = table_word(at, at->entry, HMLC_EXPLICIT_PIXELS + (int64_t)r);
    }
}

static void regular_run(conv_tile *at, LLVMValueRef run)
{
    LLVMTypeRef type = hmlc_frame_type(at->frame, at->kernel.left_dtype);
    LLVMValueRef moved = table_word(at, run, HMLC_RUN_INPUT);
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        at->kernel.row[r] = hmlc_frame_element(at->frame, type, at->rows[r], moved);
    }
}

/* Pointers of an explicit run: a negative offset stands for zeros. */
static void explicit_run(conv_tile *at, LLVMValueRef run)
{
    hmlc_frame *frame = at->frame;
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        LLVMValueRef offset = table_word(at, run, HMLC_EXPLICIT_INPUTS + (int64_t)r);
        LLVMValueRef pointer = left_at(at, offset);
        if (at->conv->reads_zeros) {
            LLVMValueRef missing =
                LLVMBuildICmp(frame->builder, LLVMIntSLT, offset, hmlc_frame_int(frame, 0), "");
            pointer = LLVMBuildSelect(frame->builder, missing,
                                      frame->operands[at->conv->zero_operand], pointer, "");
        }
        at->kernel.row[r] = pointer;
    }
}

static void run_loop(conv_tile *at)
{
    hmlc_frame *frame = at->frame;
    bool explicit_tiles = at->conv->explicit_tiles;
    uint32_t count = at->kernel.rows * at->kernel.vectors;
    LLVMValueRef first =
        table_word(at, at->entry, explicit_tiles ? HMLC_EXPLICIT_RUNS : HMLC_TILE_RUNS);
    LLVMValueRef runs =
        table_word(at, at->entry, explicit_tiles ? HMLC_EXPLICIT_RUN_COUNT : HMLC_TILE_RUN_COUNT);
    int64_t words =
        explicit_tiles ? HMLC_EXPLICIT_INPUTS + (int64_t)at->kernel.rows : HMLC_RUN_WORDS;
    hmlc_loop loop;
    hmlc_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), runs, 1, at->accumulators, count);
    LLVMValueRef skipped =
        LLVMBuildMul(frame->builder, loop.index, hmlc_frame_int(frame, words), "");
    LLVMValueRef run = hmlc_frame_element(frame, frame->i32, table_base(at),
                                          LLVMBuildAdd(frame->builder, first, skipped, ""));
    if (explicit_tiles) {
        explicit_run(at, run);
    } else {
        regular_run(at, run);
    }
    set_panel(at, table_word(at, run, HMLC_RUN_DEPTH));
    LLVMValueRef steps = table_word(at, run, HMLC_RUN_STEPS);
    LLVMValueRef next[HMLC_TILE_ACCUMULATORS];
    memcpy(next, loop.carried, count * sizeof *next);
    hmlc_microkernel_emit(frame, &at->kernel, steps, next);
    hmlc_loop_end(frame, &loop, next);
    memcpy(at->accumulators, loop.carried, count * sizeof *next);
}

void hmlc_conv_tile(hmlc_tile_context *tile, const hmlc_microkernel *kernel, LLVMValueRef left,
                    const hmlc_row_class *class_, LLVMValueRef ahead)
{
    hmlc_frame *frame = tile->frame;
    conv_tile at = {.tile = tile,
                    .frame = frame,
                    .conv = tile->contraction->conv,
                    .left = left,
                    .panel = kernel->panel,
                    .prefetch = kernel->prefetch,
                    .kernel = *kernel};
    int64_t words =
        at.conv->explicit_tiles ? HMLC_EXPLICIT_PIXELS + (int64_t)class_->rows : HMLC_TILE_WORDS;
    LLVMValueRef offset = LLVMBuildMul(frame->builder, ahead, hmlc_frame_int(frame, words), "");
    offset = LLVMBuildAdd(frame->builder, offset, hmlc_frame_int(frame, class_->table), "");
    at.entry = hmlc_frame_element(frame, frame->i32, table_base(&at), offset);
    tile->rows = class_->rows;
    tile->consecutive = tile->spaced = false;
    if (at.conv->explicit_tiles) {
        explicit_rows(&at);
    } else {
        regular_rows(&at);
    }
    hmlc_tile_start(tile, at.accumulators);
    run_loop(&at);
    hmlc_tile_store(tile, at.accumulators);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Emission of convolution tiles from their table. */
#include "conv.h"

#include <string.h>

typedef struct conv_tile {
    hmlc_tile_context *tile;
    hmlc_frame *frame;
    const hmlc_conv *conv;
    LLVMValueRef left, panel;          /* of the batch element and group; of the column tile */
    LLVMValueRef prefetch;             /* for the tile's first step */
    LLVMValueRef first_run, run_count; /* table word, number */
    LLVMValueRef rows[HMLC_TILE_ROWS]; /* regular: element 0 of each row's first tap */
    LLVMValueRef accumulators[HMLC_TILE_ACCUMULATORS];
    hmlc_microkernel kernel;
} conv_tile;

static LLVMValueRef table_word(hmlc_frame *frame, LLVMValueRef entry, int64_t index)
{
    LLVMValueRef address =
        hmlc_frame_element(frame, frame->i32, entry, hmlc_frame_int(frame, index));
    LLVMValueRef word = hmlc_frame_load(frame, frame->i32, address, 4);
    return LLVMBuildSExt(frame->builder, word, frame->index, "");
}

static LLVMValueRef table_entry(hmlc_frame *frame, const hmlc_conv *conv, LLVMValueRef word)
{
    return hmlc_frame_element(frame, frame->i32, frame->operands[conv->table_operand], word);
}

static LLVMValueRef left_at(conv_tile *at, LLVMValueRef offset)
{
    LLVMTypeRef type = hmlc_frame_type(at->frame, at->kernel.left_dtype);
    return hmlc_frame_element(at->frame, type, at->left, offset);
}

static void set_panel(conv_tile *at, LLVMValueRef depth)
{
    hmlc_frame *frame = at->frame;
    hmlc_pack_layout layout = at->kernel.layout;
    int64_t step = hmlc_bytes_whole_columns(layout) ? 1 : layout.width;
    LLVMValueRef offset = LLVMBuildMul(frame->builder, depth, hmlc_frame_int(frame, step), "");
    at->kernel.panel = hmlc_frame_element(frame, hmlc_frame_type(frame, at->kernel.right_dtype),
                                          at->panel, offset);
    if (at->kernel.prefetch_count > 0) {
        at->kernel.prefetch = hmlc_frame_element(frame, frame->i64, at->prefetch, depth);
    }
}

/* Regular rows: a run moves them all alike, or none has it. */
static void regular_run(conv_tile *at, LLVMValueRef run)
{
    hmlc_frame *frame = at->frame;
    LLVMTypeRef type = hmlc_frame_type(frame, at->kernel.left_dtype);
    LLVMValueRef moved = table_word(frame, run, HMLC_RUN_INPUT), outside = NULL;
    if (at->conv->reads_zeros) {
        outside = LLVMBuildICmp(frame->builder, LLVMIntEQ, moved,
                                hmlc_frame_int(frame, HMLC_RUN_OUTSIDE), "");
        moved = LLVMBuildSelect(frame->builder, outside, hmlc_frame_int(frame, 0), moved, "");
    }
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        LLVMValueRef pointer = hmlc_frame_element(frame, type, at->rows[r], moved);
        at->kernel.row[r] =
            outside == NULL ? pointer
                            : LLVMBuildSelect(frame->builder, outside,
                                              frame->operands[at->conv->zero_operand], pointer, "");
    }
}

/* Pointers of an explicit run: a negative offset stands for zeros. */
static void explicit_run(conv_tile *at, LLVMValueRef run)
{
    hmlc_frame *frame = at->frame;
    for (uint32_t r = 0; r < at->kernel.rows; r++) {
        LLVMValueRef offset = table_word(frame, run, HMLC_EXPLICIT_INPUTS + (int64_t)r);
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
    uint32_t count = hmlc_microkernel_carried(&at->kernel);
    int64_t words =
        explicit_tiles ? HMLC_EXPLICIT_INPUTS + (int64_t)at->kernel.rows : HMLC_RUN_WORDS;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), at->run_count, 1,
                          at->accumulators, count);
    LLVMValueRef skipped =
        LLVMBuildMul(frame->builder, loop.index, hmlc_frame_int(frame, words), "");
    LLVMValueRef run =
        table_entry(frame, at->conv, LLVMBuildAdd(frame->builder, at->first_run, skipped, ""));
    if (explicit_tiles) {
        explicit_run(at, run);
    } else {
        regular_run(at, run);
    }
    set_panel(at, table_word(frame, run, HMLC_RUN_DEPTH));
    LLVMValueRef steps = table_word(frame, run, HMLC_RUN_STEPS);
    LLVMValueRef next[HMLC_TILE_ACCUMULATORS];
    memcpy(next, loop.carried, count * sizeof *next);
    hmlc_microkernel_emit(frame, &at->kernel, steps, next);
    hmlc_frame_loop_end(frame, &loop, next);
    memcpy(at->accumulators, loop.carried, count * sizeof *next);
}

static conv_tile begin_tile(const hmlc_conv_site *site, uint32_t rows)
{
    site->tile->rows = rows;
    site->tile->consecutive = site->tile->spaced = false;
    const hmlc_conv *conv = site->tile->contraction->conv;
    conv_tile at = {.tile = site->tile,
                    .frame = site->tile->frame,
                    .conv = conv,
                    .left = site->left,
                    .panel = site->kernel->panel,
                    .prefetch = site->kernel->prefetch,
                    .kernel = *site->kernel};
    at.kernel.whole_lanes = !conv->taps_inside && conv->channels % 4 == 0; /* runs are whole taps */
    return at;
}

static void finish_tile(conv_tile *at)
{
    hmlc_tile_start(at->tile, at->accumulators);
    hmlc_microkernel_begin_sums(at->frame, &at->kernel, at->accumulators);
    run_loop(at);
    hmlc_microkernel_end_sums(at->frame, &at->kernel, at->accumulators);
    hmlc_tile_store(at->tile, at->accumulators);
}

void hmlc_conv_explicit_tile(const hmlc_conv_site *site, const hmlc_row_class *class_,
                             LLVMValueRef ahead)
{
    conv_tile at = begin_tile(site, class_->rows);
    hmlc_frame *frame = at.frame;
    int64_t words = HMLC_EXPLICIT_PIXELS + (int64_t)class_->rows;
    LLVMValueRef offset = LLVMBuildMul(frame->builder, ahead, hmlc_frame_int(frame, words), "");
    offset = LLVMBuildAdd(frame->builder, offset, hmlc_frame_int(frame, class_->table), "");
    LLVMValueRef entry = table_entry(frame, at.conv, offset);
    at.first_run = table_word(frame, entry, HMLC_EXPLICIT_RUNS);
    at.run_count = table_word(frame, entry, HMLC_EXPLICIT_RUN_COUNT);
    for (uint32_t r = 0; r < class_->rows; r++) {
        at.tile->row[r] = table_word(frame, entry, HMLC_EXPLICIT_PIXELS + (int64_t)r);
    }
    finish_tile(&at);
}

/* -- segments of regular tiles */

/* Where the loop over a segment's tiles stands. */
enum { AT_PLACE, AT_LINE, AT_PIXEL, AT_INPUT, AT_COUNT };

static void regular_tile(const hmlc_conv_site *site, uint32_t rows, LLVMValueRef segment,
                         LLVMValueRef const *place)
{
    conv_tile at = begin_tile(site, rows);
    hmlc_frame *frame = at.frame;
    LLVMValueRef pixel_step = table_word(frame, segment, HMLC_SEGMENT_PIXEL_STEP);
    LLVMValueRef input_step = table_word(frame, segment, HMLC_SEGMENT_INPUT_STEP);
    LLVMValueRef pixel = place[AT_PIXEL], input = place[AT_INPUT];
    at.first_run = table_word(frame, segment, HMLC_SEGMENT_RUNS);
    at.run_count = table_word(frame, segment, HMLC_SEGMENT_RUN_COUNT);
    for (uint32_t r = 0; r < rows; r++) {
        at.tile->row[r] = pixel;
        at.rows[r] = left_at(&at, input);
        pixel = LLVMBuildAdd(frame->builder, pixel, pixel_step, "");
        input = LLVMBuildAdd(frame->builder, input, input_step, "");
    }
    finish_tile(&at);
}

/* first + place * tile + line * (tile to next line) + plane * (... to next plane), by the table's
 * differences. */
static LLVMValueRef start_of(hmlc_frame *frame, LLVMValueRef segment, int64_t field,
                             LLVMValueRef const *steps)
{
    LLVMValueRef value = table_word(frame, segment, field);
    for (int64_t k = 0; k < 3; k++) {
        /* Fields behind FIRST and STEP: TILE, LINE, PLANE. */
        LLVMValueRef by = table_word(frame, segment, field + 2 + k);
        value =
            LLVMBuildAdd(frame->builder, value, LLVMBuildMul(frame->builder, steps[k], by, ""), "");
    }
    return value;
}

static void segment_start(hmlc_frame *frame, LLVMValueRef segment, LLVMValueRef local,
                          LLVMValueRef *place)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef along = table_word(frame, segment, HMLC_SEGMENT_ALONG);
    LLVMValueRef lines = table_word(frame, segment, HMLC_SEGMENT_LINES);
    LLVMValueRef line = LLVMBuildUDiv(builder, local, along, "");
    LLVMValueRef plane = LLVMBuildUDiv(builder, line, lines, "");
    /* Steps taken so far: each line ends with a LINE instead of a TILE, each plane with a PLANE. */
    LLVMValueRef steps[] = {LLVMBuildSub(builder, local, line, ""),
                            LLVMBuildSub(builder, line, plane, ""), plane};
    place[AT_PLACE] = LLVMBuildURem(builder, local, along, "");
    place[AT_LINE] = LLVMBuildURem(builder, line, lines, "");
    place[AT_PIXEL] = start_of(frame, segment, HMLC_SEGMENT_PIXEL, steps);
    place[AT_INPUT] = start_of(frame, segment, HMLC_SEGMENT_INPUT, steps);
}

static void segment_advance(hmlc_frame *frame, LLVMValueRef segment, LLVMValueRef const *place,
                            LLVMValueRef *next)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef zero = hmlc_frame_int(frame, 0), one = hmlc_frame_int(frame, 1);
    LLVMValueRef behind = LLVMBuildAdd(builder, place[AT_PLACE], one, "");
    LLVMValueRef new_line = LLVMBuildICmp(builder, LLVMIntEQ, behind,
                                          table_word(frame, segment, HMLC_SEGMENT_ALONG), "");
    LLVMValueRef line = LLVMBuildAdd(builder, place[AT_LINE], one, "");
    LLVMValueRef last_line =
        LLVMBuildICmp(builder, LLVMIntEQ, line, table_word(frame, segment, HMLC_SEGMENT_LINES), "");
    LLVMValueRef below = LLVMBuildSelect(builder, last_line, zero, line, "");
    next[AT_PLACE] = LLVMBuildSelect(builder, new_line, zero, behind, "");
    next[AT_LINE] = LLVMBuildSelect(builder, new_line, below, place[AT_LINE], "");
    for (int k = AT_PIXEL; k <= AT_INPUT; k++) {
        int64_t field = k == AT_PIXEL ? HMLC_SEGMENT_PIXEL : HMLC_SEGMENT_INPUT;
        LLVMValueRef by = table_word(frame, segment, field + 3);
        by = LLVMBuildSelect(builder, last_line, table_word(frame, segment, field + 4), by, "");
        by = LLVMBuildSelect(builder, new_line, by, table_word(frame, segment, field + 2), "");
        next[k] = LLVMBuildAdd(builder, place[k], by, "");
    }
}

static LLVMValueRef bounded(hmlc_frame *frame, LLVMIntPredicate predicate, LLVMValueRef a,
                            LLVMValueRef b)
{
    LLVMValueRef test = LLVMBuildICmp(frame->builder, predicate, a, b, "");
    return LLVMBuildSelect(frame->builder, test, a, b, "");
}

void hmlc_conv_regular_loop(hmlc_frame *frame, const hmlc_conv *conv, const hmlc_row_class *class_,
                            LLVMValueRef from, LLVMValueRef to, hmlc_conv_begin_tile *begin,
                            void *context)
{
    hmlc_frame_loop segments, tiles;
    hmlc_frame_loop_begin(frame, &segments, hmlc_frame_int(frame, 0),
                          hmlc_frame_int(frame, class_->segments), 1, NULL, 0);
    LLVMValueRef word =
        LLVMBuildMul(frame->builder, segments.index, hmlc_frame_int(frame, HMLC_SEGMENT_WORDS), "");
    word = LLVMBuildAdd(frame->builder, word, hmlc_frame_int(frame, class_->table), "");
    LLVMValueRef segment = table_entry(frame, conv, word), place[AT_COUNT], next[AT_COUNT];
    LLVMValueRef begins = table_word(frame, segment, HMLC_SEGMENT_BEGIN);
    LLVMValueRef ends = table_word(frame, segment, HMLC_SEGMENT_END);
    LLVMValueRef first = bounded(frame, LLVMIntSGT, from, begins);
    segment_start(frame, segment, LLVMBuildSub(frame->builder, first, begins, ""), place);
    hmlc_frame_loop_begin(frame, &tiles, first, bounded(frame, LLVMIntSLT, to, ends), 1, place,
                          AT_COUNT);
    hmlc_conv_site site;
    begin(context, class_, tiles.index, &site);
    regular_tile(&site, class_->rows, segment, tiles.carried);
    segment_advance(frame, segment, tiles.carried, next);
    hmlc_frame_loop_end(frame, &tiles, next);
    hmlc_frame_loop_end(frame, &segments, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a window whose borders are known: all taps unrolled, each input vector loaded once. */
#include "window.h"

#include <string.h>

/* One tile's place. */
typedef struct static_tile {
    const hmlc_window_strip *rows, *columns;
    LLVMValueRef first_row, first_column;    /* of the output */
    int64_t lowest_row, lowest_column;       /* first input row and column read, from tap 0's */
    LLVMValueRef base;                       /* offset of that element */
    LLVMValueRef weights[HMLC_WINDOW_STEPS]; /* of the channels at hand, or NULL */
} static_tile;

/* The first input index that any output of a strip reads, from the strip's first tap. */
static int64_t lowest_input(const hmlc_window_axis *axis, const hmlc_window_strip *strip)
{
    int64_t lowest = INT64_MAX;
    for (int64_t k = 0; k < strip->size; k++) {
        int64_t at = k * axis->stride + strip->from[k] * axis->dilation;
        if (strip->from[k] < strip->to[k] && at < lowest) {
            lowest = at;
        }
    }
    return lowest;
}

/* The last one. */
static int64_t highest_input(const hmlc_window_axis *axis, const hmlc_window_strip *strip)
{
    int64_t highest = -1;
    for (int64_t k = 0; k < strip->size; k++) {
        int64_t at = k * axis->stride + (strip->to[k] - 1) * axis->dilation;
        if (strip->from[k] < strip->to[k] && at > highest) {
            highest = at;
        }
    }
    return highest;
}

/* The tap through which output `output` of a strip reads input `input`; -1: it does not. */
static int64_t tap_of(const hmlc_window_axis *axis, const hmlc_window_strip *strip, int64_t output,
                      int64_t input)
{
    int64_t ahead = input - output * axis->stride;
    if (ahead < 0 || ahead % axis->dilation != 0) {
        return -1;
    }
    int64_t tap = ahead / axis->dilation;
    return tap >= strip->from[output] && tap < strip->to[output] ? tap : -1;
}

static bool is_read(const hmlc_window_axis *axis, const hmlc_window_strip *strip, int64_t input)
{
    for (int64_t k = 0; k < strip->size; k++) {
        if (tap_of(axis, strip, k, input) >= 0) {
            return true;
        }
    }
    return false;
}

/* Loaded where it is first used. */
static LLVMValueRef weight_of(hmlc_window_emitter *at, static_tile *tile, int64_t step)
{
    if (tile->weights[step] == NULL) {
        tile->weights[step] = hmlc_window_weight(at, hmlc_frame_int(at->frame, step));
    }
    return tile->weights[step];
}

static LLVMValueRef input_offset(hmlc_window_emitter *at, const static_tile *tile, int64_t row,
                                 int64_t column)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef down = LLVMBuildMul(frame->builder, hmlc_frame_int(frame, row - tile->lowest_row),
                                     hmlc_frame_dim(frame, at->window->input_strides[1]), "");
    LLVMValueRef along =
        LLVMBuildMul(frame->builder, hmlc_frame_int(frame, column - tile->lowest_column),
                     hmlc_frame_dim(frame, at->window->input_strides[2]), "");
    LLVMValueRef offset = LLVMBuildAdd(frame->builder, down, along, "");
    return LLVMBuildAdd(frame->builder, tile->base, offset, "");
}

/* All products of one input vector. */
static void use_input(hmlc_window_emitter *at, static_tile *tile, int64_t row, int64_t column,
                      LLVMValueRef *accumulators)
{
    const hmlc_window_axis *y = &at->window->axis[1], *x = &at->window->axis[2];
    LLVMValueRef loaded = hmlc_window_load(at, input_offset(at, tile, row, column));
    int64_t inputs = at->window->group_inputs;
    for (int64_t k = 0; k < inputs; k++) {
        LLVMValueRef input = hmlc_window_spread(at, loaded, k);
        for (int64_t r = 0; r < tile->rows->size; r++) {
            int64_t row_tap = tap_of(y, tile->rows, r, row);
            for (int64_t c = 0; c < tile->columns->size && row_tap >= 0; c++) {
                int64_t column_tap = tap_of(x, tile->columns, c, column);
                if (column_tap >= 0) {
                    int64_t step = (row_tap * x->window + column_tap) * inputs + k;
                    LLVMValueRef *sum = &accumulators[r * tile->columns->size + c];
                    *sum = hmlc_window_combine(at, *sum, input, weight_of(at, tile, step));
                }
            }
        }
    }
}

/* Taps of one output that lie outside, where that is not the same as to leave them out. */
static void use_padding(hmlc_window_emitter *at, static_tile *tile, int64_t row, int64_t column,
                        LLVMValueRef *sum)
{
    const hmlc_window_axis *y = &at->window->axis[1], *x = &at->window->axis[2];
    const hmlc_window_strip *rows = tile->rows, *columns = tile->columns;
    for (int64_t k = 0; k < y->window * x->window; k++) {
        int64_t down = k / x->window, along = k % x->window;
        bool inside = down >= rows->from[row] && down < rows->to[row] &&
                      along >= columns->from[column] && along < columns->to[column];
        if (!inside) {
            *sum = hmlc_window_combine(at, *sum, hmlc_window_padding(at), weight_of(at, tile, k));
        }
    }
}

static void use_paddings(hmlc_window_emitter *at, static_tile *tile, LLVMValueRef *accumulators)
{
    for (int64_t k = 0; k < tile->rows->size * tile->columns->size; k++) {
        use_padding(at, tile, k / tile->columns->size, k % tile->columns->size, &accumulators[k]);
    }
}

static void divide_averages(hmlc_window_emitter *at, const static_tile *tile,
                            LLVMValueRef *accumulators)
{
    hmlc_frame *frame = at->frame;
    LLVMTypeRef type = hmlc_frame_type(frame, at->window->tile.dtype);
    for (int64_t r = 0; r < tile->rows->size; r++) {
        for (int64_t c = 0; c < tile->columns->size; c++) {
            LLVMValueRef *sum = &accumulators[r * tile->columns->size + c];
            double count = (double)(tile->rows->counted[r] * tile->columns->counted[c]);
            LLVMValueRef part = LLVMConstReal(type, count > 0 ? 1 / count : 0);
            part = hmlc_frame_splat(frame, part, at->tile_shape.lanes);
            *sum = LLVMBuildFMul(frame->builder, *sum, part, "");
        }
    }
}

/* Every product of the inputs that the tile reads. */
static void sum_inputs(hmlc_window_emitter *at, static_tile *tile, LLVMValueRef *accumulators)
{
    const hmlc_window_axis *y = &at->window->axis[1], *x = &at->window->axis[2];
    for (int64_t row = tile->lowest_row; row <= highest_input(y, tile->rows); row++) {
        for (int64_t column = tile->lowest_column; column <= highest_input(x, tile->columns);
             column++) {
            if (is_read(y, tile->rows, row) && is_read(x, tile->columns, column)) {
                use_input(at, tile, row, column, accumulators);
            }
        }
    }
}

/* The largest of what one column of the input gives output row `row`. */
static LLVMValueRef column_maximum(hmlc_window_emitter *at, const static_tile *tile, int64_t row,
                                   int64_t column)
{
    const hmlc_window_axis *y = &at->window->axis[1];
    LLVMValueRef largest = NULL;
    for (int64_t input = tile->lowest_row; input <= highest_input(y, tile->rows); input++) {
        if (tap_of(y, tile->rows, row, input) >= 0) {
            LLVMValueRef value = hmlc_window_load(at, input_offset(at, tile, input, column));
            largest = largest != NULL ? hmlc_window_combine(at, largest, value, NULL) : value;
        }
    }
    return largest;
}

/* Outputs beside each other share most of their columns. */
static void take_maxima(hmlc_window_emitter *at, const static_tile *tile,
                        LLVMValueRef *accumulators)
{
    const hmlc_window_axis *x = &at->window->axis[2];
    for (int64_t r = 0; r < tile->rows->size; r++) {
        for (int64_t column = tile->lowest_column; column <= highest_input(x, tile->columns);
             column++) {
            LLVMValueRef largest =
                is_read(x, tile->columns, column) ? column_maximum(at, tile, r, column) : NULL;
            for (int64_t c = 0; c < tile->columns->size && largest != NULL; c++) {
                if (tap_of(x, tile->columns, c, column) >= 0) {
                    LLVMValueRef *sum = &accumulators[r * tile->columns->size + c];
                    *sum = hmlc_window_combine(at, *sum, largest, NULL);
                }
            }
        }
    }
}

static void tile_body(hmlc_window_emitter *at, void *context)
{
    static_tile *tile = context;
    LLVMValueRef accumulators[HMLC_TILE_ROWS];
    at->tile.column = at->channel;
    memset(tile->weights, 0, sizeof tile->weights);
    hmlc_window_start(at, accumulators);
    if (at->window->by_columns) {
        take_maxima(at, tile, accumulators);
    } else {
        sum_inputs(at, tile, accumulators);
    }
    if (at->window->kind == HMLC_WINDOW_AVERAGE) {
        divide_averages(at, tile, accumulators);
    }
    if (at->window->pad_value != 0) {
        use_paddings(at, tile, accumulators);
    }
    hmlc_tile_store(&at->tile, accumulators);
}

/* Input index of an output's tap 0, moved to the first element that is read. */
static LLVMValueRef input_index(hmlc_frame *frame, const hmlc_window_axis *axis,
                                LLVMValueRef output, int64_t lowest)
{
    LLVMValueRef index =
        LLVMBuildMul(frame->builder, output, hmlc_frame_int(frame, axis->stride), "");
    return LLVMBuildAdd(frame->builder, index, hmlc_frame_int(frame, lowest - axis->pad), "");
}

/* Places the tile's rows in the result and its base in the input. */
static void place_tile(hmlc_window_emitter *at, static_tile *tile)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_window_axis *y = &at->window->axis[1], *x = &at->window->axis[2];
    tile->lowest_row = lowest_input(y, tile->rows);
    tile->lowest_column = lowest_input(x, tile->columns);
    if (tile->lowest_row != INT64_MAX && tile->lowest_column != INT64_MAX) {
        LLVMValueRef row = input_index(frame, y, tile->first_row, tile->lowest_row);
        LLVMValueRef column = input_index(frame, x, tile->first_column, tile->lowest_column);
        row = LLVMBuildMul(builder, row, hmlc_frame_dim(frame, at->window->input_strides[1]), "");
        column =
            LLVMBuildMul(builder, column, hmlc_frame_dim(frame, at->window->input_strides[2]), "");
        tile->base = LLVMBuildAdd(builder, row, column, "");
    }
    LLVMValueRef width = hmlc_frame_int(frame, x->output);
    LLVMValueRef pixel = LLVMBuildMul(builder, tile->first_row, width, "");
    pixel = LLVMBuildAdd(builder, pixel, tile->first_column, "");
    at->tile.rows = (uint32_t)(tile->rows->size * tile->columns->size);
    at->tile.spaced = true;
    at->tile.consecutive = tile->rows->size == 1;
    for (int64_t r = 0; r < tile->rows->size; r++) {
        for (int64_t c = 0; c < tile->columns->size; c++) {
            int64_t k = r * tile->columns->size + c;
            at->tile.row_ahead[k] = r * x->output + c;
            at->tile.row[k] =
                LLVMBuildAdd(builder, pixel, hmlc_frame_int(frame, at->tile.row_ahead[k]), "");
        }
    }
}

/* All tiles of one row of tiles. */
static void emit_columns(hmlc_window_emitter *at, static_tile *tile, LLVMValueRef channel_begin,
                         LLVMValueRef channel_end)
{
    hmlc_frame *frame = at->frame;
    const hmlc_window_strips *columns = &at->window->columns;
    for (int64_t k = 0; k < columns->count; k++) {
        const hmlc_window_strip *strip = &columns->strips[k];
        int64_t end = strip->first + strip->count * strip->size;
        hmlc_frame_loop loop;
        hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, strip->first),
                              hmlc_frame_int(frame, end), strip->size, NULL, 0);
        tile->columns = strip;
        tile->first_column = loop.index;
        place_tile(at, tile);
        hmlc_window_channels(at, channel_begin, channel_end, tile_body, tile);
        hmlc_frame_loop_end(frame, &loop, NULL);
    }
}

static LLVMValueRef select_integer(hmlc_frame *frame, LLVMIntPredicate predicate, LLVMValueRef a,
                                   int64_t limit)
{
    LLVMValueRef b = hmlc_frame_int(frame, limit);
    return LLVMBuildSelect(frame->builder, LLVMBuildICmp(frame->builder, predicate, a, b, ""), a, b,
                           "");
}

void hmlc_window_emit_static(hmlc_window_emitter *at, LLVMValueRef row_begin, LLVMValueRef row_end,
                             LLVMValueRef channel_begin, LLVMValueRef channel_end)
{
    hmlc_frame *frame = at->frame;
    const hmlc_window_strips *rows = &at->window->rows;
    for (int64_t k = 0; k < rows->count; k++) {
        const hmlc_window_strip *strip = &rows->strips[k];
        LLVMValueRef from = select_integer(frame, LLVMIntSGT, row_begin, strip->first_tile);
        LLVMValueRef to =
            select_integer(frame, LLVMIntSLT, row_end, strip->first_tile + strip->count);
        hmlc_frame_loop loop;
        hmlc_frame_loop_begin(frame, &loop, from, to, 1, NULL, 0);
        static_tile tile = {.rows = strip};
        LLVMValueRef ahead =
            LLVMBuildSub(frame->builder, loop.index, hmlc_frame_int(frame, strip->first_tile), "");
        LLVMValueRef skipped =
            LLVMBuildMul(frame->builder, ahead, hmlc_frame_int(frame, strip->size), "");
        tile.first_row =
            LLVMBuildAdd(frame->builder, skipped, hmlc_frame_int(frame, strip->first), "");
        emit_columns(at, &tile, channel_begin, channel_end);
        hmlc_frame_loop_end(frame, &loop, NULL);
    }
}

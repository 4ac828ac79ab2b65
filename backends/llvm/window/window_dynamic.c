/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows whose sizes are known at run time, three spatial dims, or very large ones: for each
 * output pixel the range of valid taps per axis, then loops over taps.
 */
#include "window.h"

typedef struct dynamic_pixel {
    LLVMValueRef from[HMLC_WINDOW_AXES], to[HMLC_WINDOW_AXES]; /* valid taps */
    LLVMValueRef origin[HMLC_WINDOW_AXES];                     /* input index of tap 0 */
    LLVMValueRef counted;
} dynamic_pixel;

static LLVMValueRef bounded(hmlc_frame *frame, LLVMIntPredicate predicate, LLVMValueRef a,
                            LLVMValueRef b)
{
    return LLVMBuildSelect(frame->builder, LLVMBuildICmp(frame->builder, predicate, a, b, ""), a, b,
                           "");
}

/* ceil(a / b) for any a and a constant b > 0, at least 0. */
static LLVMValueRef taps_below(hmlc_frame *frame, LLVMValueRef distance, int64_t dilation)
{
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    LLVMValueRef positive = bounded(frame, LLVMIntSGT, distance, zero);
    LLVMValueRef up =
        LLVMBuildAdd(frame->builder, positive, hmlc_frame_int(frame, dilation - 1), "");
    return LLVMBuildUDiv(frame->builder, up, hmlc_frame_int(frame, dilation), "");
}

/* Taps k with 0 <= origin + k * dilation < size, and how many an average counts. */
static void place_axis(hmlc_window_emitter *at, dynamic_pixel *pixel, int32_t number,
                       LLVMValueRef output)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_window_axis *axis = &at->window->axis[number];
    LLVMValueRef window = hmlc_frame_int(frame, axis->window);
    LLVMValueRef size = hmlc_frame_dim(frame, axis->input_dim);
    LLVMValueRef origin = LLVMBuildMul(builder, output, hmlc_frame_int(frame, axis->stride), "");
    origin = LLVMBuildSub(builder, origin, hmlc_frame_dim(frame, axis->pad_dim), "");
    LLVMValueRef limit = LLVMBuildAdd(builder, size, hmlc_frame_dim(frame, axis->pad_end_dim), "");
    limit = LLVMBuildSub(builder, limit, hmlc_frame_int(frame, axis->extra), "");
    LLVMValueRef inside = bounded(frame, LLVMIntSLT, size, limit);
    LLVMValueRef from = taps_below(frame, LLVMBuildNeg(builder, origin, ""), axis->dilation);
    LLVMValueRef to = taps_below(frame, LLVMBuildSub(builder, inside, origin, ""), axis->dilation);
    to = bounded(frame, LLVMIntSLT, to, window);
    LLVMValueRef all = taps_below(frame, LLVMBuildSub(builder, limit, origin, ""), axis->dilation);
    all = bounded(frame, LLVMIntSLT, all, window);
    LLVMValueRef valid = LLVMBuildSub(builder, to, from, "");
    valid = bounded(frame, LLVMIntSGT, valid, hmlc_frame_int(frame, 0));
    pixel->origin[number] = origin;
    pixel->from[number] = from;
    pixel->to[number] = to;
    pixel->counted =
        LLVMBuildMul(builder, pixel->counted, at->window->counts_padding ? all : valid, "");
}

static void divide_average(hmlc_window_emitter *at, const dynamic_pixel *pixel, LLVMValueRef *sum)
{
    hmlc_frame *frame = at->frame;
    LLVMTypeRef type = hmlc_frame_type(frame, at->window->tile.dtype);
    LLVMValueRef one = hmlc_frame_int(frame, 1);
    LLVMValueRef count = bounded(frame, LLVMIntSGT, pixel->counted, one);
    count = LLVMBuildSIToFP(frame->builder, count, type, "");
    *sum = LLVMBuildFDiv(frame->builder, *sum, hmlc_frame_splat(frame, count, at->tile_shape.lanes),
                         "");
}

/* Loops over the valid taps from axis `number` on; *sum is carried through. */
static void emit_taps(hmlc_window_emitter *at, const dynamic_pixel *pixel, int32_t number,
                      LLVMValueRef offset, LLVMValueRef tap, LLVMValueRef *sum)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    if (number == HMLC_WINDOW_AXES) {
        LLVMValueRef loaded = hmlc_window_load(at, offset);
        int64_t inputs = at->window->group_inputs;
        LLVMValueRef first = LLVMBuildMul(builder, tap, hmlc_frame_int(frame, inputs), "");
        for (int64_t k = 0; k < inputs; k++) {
            LLVMValueRef step = LLVMBuildAdd(builder, first, hmlc_frame_int(frame, k), "");
            LLVMValueRef weight = hmlc_window_weight(at, step);
            *sum = hmlc_window_combine(at, *sum, hmlc_window_spread(at, loaded, k), weight);
        }
        return;
    }
    const hmlc_window_axis *axis = &at->window->axis[number];
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, pixel->from[number], pixel->to[number], 1, sum, 1);
    LLVMValueRef index =
        LLVMBuildMul(builder, loop.index, hmlc_frame_int(frame, axis->dilation), "");
    index = LLVMBuildAdd(builder, index, pixel->origin[number], "");
    index =
        LLVMBuildMul(builder, index, hmlc_frame_dim(frame, at->window->input_strides[number]), "");
    LLVMValueRef inner = loop.carried[0];
    LLVMValueRef next = LLVMBuildMul(builder, tap, hmlc_frame_int(frame, axis->window), "");
    next = LLVMBuildAdd(builder, next, loop.index, "");
    emit_taps(at, pixel, number + 1, LLVMBuildAdd(builder, offset, index, ""), next, &inner);
    hmlc_frame_loop_end(frame, &loop, &inner);
    *sum = loop.carried[0];
}

/* All taps as if they lay outside; those inside then add what they have more than that. */
static void use_padding(hmlc_window_emitter *at, LLVMValueRef *sum)
{
    hmlc_frame *frame = at->frame;
    int64_t taps = 1;
    for (int32_t k = 0; k < HMLC_WINDOW_AXES; k++) {
        taps *= at->window->axis[k].window;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), hmlc_frame_int(frame, taps), 1,
                          sum, 1);
    LLVMValueRef next = hmlc_window_weight(at, loop.index);
    next = hmlc_microkernel_multiply_add(frame, at->window->tile.dtype, hmlc_window_padding(at),
                                         next, loop.carried[0]);
    hmlc_frame_loop_end(frame, &loop, &next);
    *sum = loop.carried[0];
    at->less_padding = true;
}

static void pixel_body(hmlc_window_emitter *at, void *context)
{
    const dynamic_pixel *pixel = context;
    LLVMValueRef zero = hmlc_frame_int(at->frame, 0), sum;
    at->tile.column = at->channel;
    hmlc_window_start(at, &sum);
    if (at->window->pad_value != 0) {
        use_padding(at, &sum);
    }
    emit_taps(at, pixel, 0, zero, zero, &sum);
    if (at->window->kind == HMLC_WINDOW_AVERAGE) {
        divide_average(at, pixel, &sum);
    }
    hmlc_tile_store(&at->tile, &sum);
}

/* Rows are the first two axes together. */
void hmlc_window_emit_dynamic(hmlc_window_emitter *at, LLVMValueRef row_begin, LLVMValueRef row_end,
                              LLVMValueRef channel_begin, LLVMValueRef channel_end)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef height = hmlc_frame_dim(frame, at->window->axis[1].output_dim);
    LLVMValueRef width = hmlc_frame_dim(frame, at->window->axis[2].output_dim);
    hmlc_frame_loop rows, columns;
    hmlc_frame_loop_begin(frame, &rows, row_begin, row_end, 1, NULL, 0);
    dynamic_pixel pixel = {.counted = hmlc_frame_int(frame, 1)};
    place_axis(at, &pixel, 0, LLVMBuildUDiv(builder, rows.index, height, ""));
    place_axis(at, &pixel, 1, LLVMBuildURem(builder, rows.index, height, ""));
    LLVMValueRef counted = pixel.counted;
    hmlc_frame_loop_begin(frame, &columns, hmlc_frame_int(frame, 0), width, 1, NULL, 0);
    pixel.counted = counted;
    place_axis(at, &pixel, 2, columns.index);
    at->tile.rows = 1;
    at->tile.consecutive = at->tile.spaced = true;
    at->tile.row_ahead[0] = 0;
    LLVMValueRef first = LLVMBuildMul(builder, rows.index, width, "");
    at->tile.row[0] = LLVMBuildAdd(builder, first, columns.index, "");
    hmlc_window_channels(at, channel_begin, channel_end, pixel_body, &pixel);
    hmlc_frame_loop_end(frame, &columns, NULL);
    hmlc_frame_loop_end(frame, &rows, NULL);
}

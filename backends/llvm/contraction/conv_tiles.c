/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular tiles of a convolution: pixels of one group in a line, evenly spaced. Lines repeat, so
 * that the table has a few segments however large the image is.
 */
#include "conv_groups.h"

#include <stdlib.h>
#include <string.h>

#include <hmlc/assert.h>

void hmlc_words_add(hmlc_words *words, int64_t word)
{
    words->beyond |= word < INT32_MIN || word > INT32_MAX;
    if (words->failed || words->beyond) {
        return;
    }
    if (words->count == words->capacity) {
        size_t capacity = words->capacity * 2 + 256;
        int32_t *grown = HMLC_NEW_ARRAY(words->arena, int32_t, capacity);
        if (grown == NULL) {
            words->failed = true;
            return;
        }
        if (words->count > 0) {
            memcpy(grown, words->words, words->count * sizeof *grown);
        }
        words->words = grown;
        words->capacity = capacity;
    }
    words->words[words->count++] = (int32_t)word;
}

/* Tiles of one height in one group: `along` of them in a line, lines in two directions. */
typedef struct tile_segment {
    int64_t rows, runs, run_count;
    int64_t along, inner, outer; /* counts */
    int64_t pixel, pixel_step, pixel_tile, pixel_inner, pixel_outer;
    int64_t input, input_step, input_tile, input_inner, input_outer;
} tile_segment;

typedef struct line_tiling {
    hmlc_conv *conv;
    hmlc_words *words;
    int64_t most_rows;
    tile_segment *segments;
    size_t count;
    hmlc_axis_classes classes[HMLC_SPATIAL];
    int64_t pixel_strides[HMLC_SPATIAL];
} line_tiling;

/* Consecutive steps of the panels that meet evenly spaced input elements are one run. */
typedef struct run_list {
    hmlc_conv *conv;
    hmlc_words *words;
    int64_t step_stride; /* input elements per step */
    int64_t depth, steps, input, count;
} run_list;

static void runs_flush(run_list *list)
{
    if (list->steps > 0) {
        hmlc_words_add(list->words, list->depth);
        hmlc_words_add(list->words, list->steps);
        hmlc_words_add(list->words, list->input);
        list->count += 1;
    }
    list->steps = 0;
}

static void runs_add(run_list *list, int64_t depth, int64_t steps, int64_t input)
{
    bool joins = list->steps > 0 && depth == list->depth + list->steps &&
                 input == list->input + list->steps * list->step_stride;
    if (joins) {
        list->steps += steps;
        return;
    }
    runs_flush(list);
    list->depth = depth;
    list->steps = steps;
    list->input = input;
}

/* All taps of a group with the channels inside. */
static void channel_runs(run_list *list, const hmlc_axis_class *const *group)
{
    const hmlc_conv *conv = list->conv;
    const hmlc_conv_axis *axis = conv->axis;
    for (int64_t a = 0; a < group[0]->tap_count; a++) {
        for (int64_t b = 0; b < group[1]->tap_count; b++) {
            for (int64_t c = 0; c < group[2]->tap_count; c++) {
                int64_t tap =
                    (group[0]->taps[a] * axis[1].window + group[1]->taps[b]) * axis[2].window +
                    group[2]->taps[c];
                int64_t input = group[0]->deltas[a] * axis[0].input_stride +
                                group[1]->deltas[b] * axis[1].input_stride +
                                group[2]->deltas[c] * axis[2].input_stride;
                runs_add(list, tap * conv->channels, conv->channels, input);
            }
        }
    }
}

static bool has_tap(const hmlc_axis_class *class_, int64_t tap)
{
    for (int64_t k = 0; k < class_->tap_count; k++) {
        if (class_->taps[k] == tap) {
            return true;
        }
    }
    return false;
}

/* Taps that lie outside for all of a group, where that is not the same as to leave them out. */
static void outside_runs(run_list *list, const hmlc_axis_class *const *group)
{
    hmlc_conv *conv = list->conv;
    const hmlc_conv_axis *axis = conv->axis;
    int64_t taps = axis[0].window * axis[1].window * axis[2].window;
    for (int64_t tap = 0; conv->pad_value != 0 && tap < taps; tap++) {
        int64_t across = tap / axis[2].window;
        if (has_tap(group[0], across / axis[1].window) &&
            has_tap(group[1], across % axis[1].window) && has_tap(group[2], tap % axis[2].window)) {
            continue;
        }
        runs_flush(list);
        runs_add(list, tap * conv->channels, conv->channels, HMLC_RUN_OUTSIDE);
        runs_flush(list);
        conv->reads_zeros = true;
        conv->longest_run = conv->channels;
    }
}

/* Channels outside, the taps of the last dim inside: inputs whose channels lie far apart. */
static void tap_runs(run_list *list, const hmlc_axis_class *const *group)
{
    const hmlc_conv *conv = list->conv;
    const hmlc_conv_axis *axis = conv->axis;
    if (group[2]->tap_count == 0) {
        return;
    }
    for (int64_t channel = 0; channel < conv->channels; channel++) {
        for (int64_t a = 0; a < group[0]->tap_count; a++) {
            for (int64_t b = 0; b < group[1]->tap_count; b++) {
                int64_t outer = (channel * axis[0].window + group[0]->taps[a]) * axis[1].window +
                                group[1]->taps[b];
                int64_t input = channel * conv->channel_stride +
                                group[0]->deltas[a] * axis[0].input_stride +
                                group[1]->deltas[b] * axis[1].input_stride;
                runs_add(list, outer * axis[2].window + group[2]->taps[0], group[2]->tap_count,
                         input);
            }
        }
    }
}

static int64_t step_stride(const hmlc_conv *conv)
{
    const hmlc_conv_axis *last = &conv->axis[HMLC_SPATIAL - 1];
    return conv->taps_inside ? last->dilation * last->input_stride : conv->channel_stride;
}

static int64_t group_runs(line_tiling *tiling, const hmlc_axis_class *const *group)
{
    run_list list = {
        .conv = tiling->conv, .words = tiling->words, .step_stride = step_stride(tiling->conv)};
    if (tiling->conv->taps_inside) {
        tap_runs(&list, group);
    } else {
        channel_runs(&list, group);
        outside_runs(&list, group);
    }
    runs_flush(&list);
    return list.count;
}

/* The dim along which tiles lie: the last where it is long enough, else the longest. */
static int32_t tile_axis(const line_tiling *tiling, const hmlc_axis_class *const *group)
{
    int32_t best = HMLC_SPATIAL - 1;
    if (group[best]->count >= tiling->most_rows) {
        return best;
    }
    for (int32_t k = HMLC_SPATIAL - 1; k >= 0; k--) {
        if (group[k]->count > group[best]->count) {
            best = k;
        }
    }
    return best;
}

/* `tiles` tiles of `rows` rows from index `first` of the group's line on. */
static void add_segment(line_tiling *tiling, const tile_segment *lines, int64_t first, int64_t rows,
                        int64_t tiles)
{
    if (tiles == 0) {
        return;
    }
    tile_segment *segment = &tiling->segments[tiling->count++];
    *segment = *lines;
    segment->rows = rows;
    segment->along = tiles;
    segment->pixel += first * segment->pixel_step;
    segment->input += first * segment->input_step;
    segment->pixel_tile = rows * segment->pixel_step;
    segment->input_tile = rows * segment->input_step;
}

/* Lines lie along one axis and are cut evenly; they repeat along the two others. */
static void tile_group(line_tiling *tiling, const hmlc_axis_class *const *group)
{
    const hmlc_conv_axis *axis = tiling->conv->axis;
    int32_t along = tile_axis(tiling, group);
    int32_t outer = along == 0 ? 1 : 0, inner = along == 2 ? 1 : 2;
    tile_segment lines = {.runs = (int64_t)tiling->words->count,
                          .inner = group[inner]->count,
                          .outer = group[outer]->count,
                          .pixel_step = group[along]->step * tiling->pixel_strides[along],
                          .pixel_inner = group[inner]->step * tiling->pixel_strides[inner],
                          .pixel_outer = group[outer]->step * tiling->pixel_strides[outer],
                          .input_step = group[along]->input_step * axis[along].input_stride,
                          .input_inner = group[inner]->input_step * axis[inner].input_stride,
                          .input_outer = group[outer]->input_step * axis[outer].input_stride};
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        lines.pixel += group[k]->first * tiling->pixel_strides[k];
        lines.input += group[k]->input * axis[k].input_stride;
    }
    lines.run_count = group_runs(tiling, group);
    int64_t count = group[along]->count;
    int64_t tiles = (count + tiling->most_rows - 1) / tiling->most_rows;
    int64_t low = count / tiles, big = count % tiles;
    add_segment(tiling, &lines, 0, low + 1, big);
    add_segment(tiling, &lines, big * (low + 1), low, tiles - big);
}

/* Tall tiles first, then by position. */
static int compare_segments(const void *left, const void *right)
{
    const tile_segment *a = left, *b = right;
    if (a->rows != b->rows) {
        return a->rows > b->rows ? -1 : 1;
    }
    return a->pixel < b->pixel ? -1 : a->pixel > b->pixel;
}

static void write_segment(hmlc_words *words, const tile_segment *segment, int64_t begin,
                          int64_t end)
{
    int64_t last = segment->along - 1, lines = segment->inner - 1;
    const int64_t fields[HMLC_SEGMENT_WORDS] = {
        [HMLC_SEGMENT_BEGIN] = begin,
        [HMLC_SEGMENT_END] = end,
        [HMLC_SEGMENT_ALONG] = segment->along,
        [HMLC_SEGMENT_LINES] = segment->inner,
        [HMLC_SEGMENT_RUNS] = segment->runs,
        [HMLC_SEGMENT_RUN_COUNT] = segment->run_count,
        [HMLC_SEGMENT_PIXEL] = segment->pixel,
        [HMLC_SEGMENT_PIXEL_STEP] = segment->pixel_step,
        [HMLC_SEGMENT_PIXEL_TILE] = segment->pixel_tile,
        [HMLC_SEGMENT_PIXEL_LINE] = segment->pixel_inner - last * segment->pixel_tile,
        [HMLC_SEGMENT_PIXEL_PLANE] =
            segment->pixel_outer - lines * segment->pixel_inner - last * segment->pixel_tile,
        [HMLC_SEGMENT_INPUT] = segment->input,
        [HMLC_SEGMENT_INPUT_STEP] = segment->input_step,
        [HMLC_SEGMENT_INPUT_TILE] = segment->input_tile,
        [HMLC_SEGMENT_INPUT_LINE] = segment->input_inner - last * segment->input_tile,
        [HMLC_SEGMENT_INPUT_PLANE] =
            segment->input_outer - lines * segment->input_inner - last * segment->input_tile,
    };
    for (int32_t k = 0; k < HMLC_SEGMENT_WORDS; k++) {
        hmlc_words_add(words, fields[k]);
    }
}

/* Returns the number of tiles. */
static int64_t write_segments(line_tiling *tiling, hmlc_section *section)
{
    int64_t tiles = 0;
    hmlc_row_class *class_ = NULL;
    section->class_count = 0;
    for (size_t k = 0; k < tiling->count; k++) {
        const tile_segment *segment = &tiling->segments[k];
        if (k == 0 || segment->rows != segment[-1].rows) {
            HMLC_ASSERT(section->class_count < HMLC_ROW_CLASSES);
            class_ = &section->classes[section->class_count++];
            *class_ = (hmlc_row_class){.rows = (uint32_t)segment->rows,
                                       .first = tiles,
                                       .table = (int64_t)tiling->words->count};
        }
        int64_t count = segment->along * segment->inner * segment->outer;
        write_segment(tiling->words, segment, class_->tiles, class_->tiles + count);
        class_->tiles += count;
        class_->segments += 1;
        tiles += count;
    }
    return tiles;
}

hmlc_status hmlc_conv_regular_tiles(hmlc_plan_context *context, hmlc_conv *conv, hmlc_words *words,
                                    hmlc_section *section)
{
    line_tiling tiling = {.conv = conv, .words = words, .most_rows = section->rows};
    int64_t pixels = 1;
    for (int32_t k = HMLC_SPATIAL - 1; k >= 0; k--) {
        tiling.pixel_strides[k] = pixels;
        pixels *= conv->axis[k].output;
        HMLC_TRY(hmlc_axis_classify(context->arena, &conv->axis[k], &tiling.classes[k]));
    }
    size_t groups;
    bool fits = hmlc_size_multiply((size_t)tiling.classes[0].count, (size_t)tiling.classes[1].count,
                                   &groups) &&
                hmlc_size_multiply(groups, 2 * (size_t)tiling.classes[2].count, &groups);
    tiling.segments = fits ? HMLC_NEW_ARRAY(context->arena, tile_segment, groups) : NULL;
    HMLC_TRY_MEMORY(tiling.segments);
    for (int64_t a = 0; a < tiling.classes[0].count; a++) {
        for (int64_t b = 0; b < tiling.classes[1].count; b++) {
            for (int64_t c = 0; c < tiling.classes[2].count; c++) {
                const hmlc_axis_class *group[] = {&tiling.classes[0].classes[a],
                                                  &tiling.classes[1].classes[b],
                                                  &tiling.classes[2].classes[c]};
                tile_group(&tiling, group);
            }
        }
    }
    qsort(tiling.segments, tiling.count, sizeof *tiling.segments, compare_segments);
    int64_t tiles = write_segments(&tiling, section);
    section->row_tiles = hmlc_dim_constant(context->module->dims, tiles);
    return HMLC_OK;
}

/* Regular tiles of a convolution: pixels of one group in a line, evenly spaced. */
#include "llvm/conv_groups.h"

#include <stdlib.h>
#include <string.h>

void hmlc_words_add(hmlc_words *words, int64_t word)
{
    if (words->failed || word < INT32_MIN || word > INT32_MAX) {
        words->failed = true;
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

typedef struct line_tile {
    int64_t rows, pixel, pixel_step, input, input_step, runs, run_count;
} line_tile;

typedef struct line_tiling {
    hmlc_conv *conv;
    hmlc_words *words;
    int64_t most_rows;
    line_tile *tiles;
    size_t count;
    hmlc_axis_classes classes[HMLC_SPATIAL];
    int64_t pixel_strides[HMLC_SPATIAL];
} line_tiling;

/* Consecutive steps of the panels that meet evenly spaced input elements are one run. */
typedef struct run_list {
    const hmlc_conv *conv;
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

/* A line of `class` indices along `axis`, cut evenly. */
static void cut_line(line_tiling *tiling, const hmlc_axis_class *class_, int32_t axis,
                     line_tile start)
{
    int64_t tiles = (class_->count + tiling->most_rows - 1) / tiling->most_rows;
    for (int64_t k = 0; k < tiles; k++) {
        line_tile *tile = &tiling->tiles[tiling->count++];
        *tile = start;
        tile->rows = class_->count / tiles + (k < class_->count % tiles);
        tile->pixel_step = class_->step * tiling->pixel_strides[axis];
        tile->input_step = class_->input_step * tiling->conv->axis[axis].input_stride;
        start.pixel += tile->rows * tile->pixel_step;
        start.input += tile->rows * tile->input_step;
    }
}

static void tile_group(line_tiling *tiling, const hmlc_axis_class *const *group)
{
    const hmlc_conv_axis *axis = tiling->conv->axis;
    line_tile start = {.runs = (int64_t)tiling->words->count};
    start.run_count = group_runs(tiling, group);
    int32_t along = tile_axis(tiling, group);
    int32_t outer = along == 0 ? 1 : 0, inner = along == 2 ? 1 : 2;
    for (int64_t a = 0; a < group[outer]->count; a++) {
        for (int64_t b = 0; b < group[inner]->count; b++) {
            int64_t index[HMLC_SPATIAL] = {0};
            index[outer] = a;
            index[inner] = b;
            start.pixel = start.input = 0;
            for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
                const hmlc_axis_class *class_ = group[k];
                start.pixel += (class_->first + index[k] * class_->step) * tiling->pixel_strides[k];
                start.input +=
                    (class_->input + index[k] * class_->input_step) * axis[k].input_stride;
            }
            cut_line(tiling, group[along], along, start);
        }
    }
}

/* Tall tiles first, then by position. */
static int compare_tiles(const void *left, const void *right)
{
    const line_tile *a = left, *b = right;
    if (a->rows != b->rows) {
        return a->rows > b->rows ? -1 : 1;
    }
    return a->pixel < b->pixel ? -1 : a->pixel > b->pixel;
}

static void write_tiles(line_tiling *tiling, hmlc_section *section)
{
    hmlc_words *words = tiling->words;
    section->class_count = 0;
    for (size_t k = 0; k < tiling->count; k++) {
        const line_tile *tile = &tiling->tiles[k];
        if (k == 0 || tile->rows != tile[-1].rows) {
            section->classes[section->class_count++] = (hmlc_row_class){
                .rows = (uint32_t)tile->rows, .first = (int64_t)k, .table = (int64_t)words->count};
        }
        section->classes[section->class_count - 1].tiles += 1;
        const int64_t fields[HMLC_TILE_WORDS] = {
            [HMLC_TILE_PIXEL] = tile->pixel, [HMLC_TILE_PIXEL_STEP] = tile->pixel_step,
            [HMLC_TILE_INPUT] = tile->input, [HMLC_TILE_INPUT_STEP] = tile->input_step,
            [HMLC_TILE_RUNS] = tile->runs,   [HMLC_TILE_RUN_COUNT] = tile->run_count,
        };
        for (int32_t i = 0; i < HMLC_TILE_WORDS; i++) {
            hmlc_words_add(words, fields[i]);
        }
    }
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
    tiling.tiles = HMLC_NEW_ARRAY(context->arena, line_tile, pixels);
    HMLC_TRY_MEMORY(tiling.tiles);
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
    qsort(tiling.tiles, tiling.count, sizeof *tiling.tiles, compare_tiles);
    write_tiles(&tiling, section);
    section->row_tiles = hmlc_dim_constant(context->module->dims, (int64_t)tiling.count);
    return words->failed ? HMLC_RESOURCE : HMLC_OK;
}

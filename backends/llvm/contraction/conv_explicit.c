/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Explicit tiles of a small convolution: pixels are grouped by their set of valid taps; what is
 * left over joins a tile that has room, and reads zeros where a tap is missing. Every row's input
 * offset is in the table.
 */
#include "conv_groups.h"

#include <string.h>

#include <hmlc/assert.h>

enum { FEW_PIXELS = 4 }; /* a group below this is spread over other tiles */

typedef struct pixel_tile {
    uint64_t mask; /* taps */
    int64_t count;
    int64_t pixels[HMLC_TILE_ROWS];
} pixel_tile;

typedef struct pixel_tiling {
    const hmlc_conv *conv;
    int64_t pixels, taps, most_rows;
    uint64_t *masks; /* per pixel */
    bool *done;
    int64_t *list; /* pixels of the group at hand */
    int64_t *left; /* pixels of small groups */
    int64_t left_count;
    pixel_tile *tiles;
    int64_t count;
} pixel_tiling;

/* Input offset of a tap at a pixel, or -1. */
static int64_t tap_input(const hmlc_conv *conv, int64_t pixel, int64_t tap)
{
    int64_t offset = 0;
    for (int32_t k = HMLC_SPATIAL - 1; k >= 0; k--) {
        const hmlc_conv_axis *axis = &conv->axis[k];
        int64_t input = hmlc_conv_input(axis, pixel % axis->output, tap % axis->window);
        if (input < 0) {
            return -1;
        }
        offset += input * axis->input_stride;
        pixel /= axis->output;
        tap /= axis->window;
    }
    return offset;
}

static uint64_t pixel_mask(const pixel_tiling *tiling, int64_t pixel)
{
    uint64_t mask = 0;
    for (int64_t tap = 0; tap < tiling->taps; tap++) {
        if (tap_input(tiling->conv, pixel, tap) >= 0) {
            mask |= (uint64_t)1 << tap;
        }
    }
    return mask;
}

static void cut_group(pixel_tiling *tiling, int64_t count, uint64_t mask)
{
    int64_t tiles = (count + tiling->most_rows - 1) / tiling->most_rows, at = 0;
    for (int64_t k = 0; k < tiles; k++) {
        pixel_tile *tile = &tiling->tiles[tiling->count++];
        tile->mask = mask;
        tile->count = count / tiles + (k < count % tiles);
        memcpy(tile->pixels, tiling->list + at, (size_t)tile->count * sizeof *tile->pixels);
        at += tile->count;
    }
}

/* The group of all pixels with `first`'s mask, none of which was seen before. */
static void take_group(pixel_tiling *tiling, int64_t first)
{
    uint64_t mask = tiling->masks[first];
    int64_t count = 0;
    for (int64_t pixel = first; pixel < tiling->pixels; pixel++) {
        if (!tiling->done[pixel] && tiling->masks[pixel] == mask) {
            tiling->done[pixel] = true;
            tiling->list[count++] = pixel;
        }
    }
    if (count >= FEW_PIXELS) {
        cut_group(tiling, count, mask);
        return;
    }
    memcpy(tiling->left + tiling->left_count, tiling->list, (size_t)count * sizeof *tiling->left);
    tiling->left_count += count;
}

static int32_t bits(uint64_t mask)
{
    int32_t count = 0;
    for (; mask != 0; mask &= mask - 1) {
        count += 1;
    }
    return count;
}

/* The tile that takes another pixel at the least cost: one that has all its taps, else a small one,
 * else a new one. */
static pixel_tile *find_room(pixel_tiling *tiling, uint64_t mask)
{
    pixel_tile *best = NULL;
    for (int64_t k = 0; k < tiling->count; k++) {
        pixel_tile *tile = &tiling->tiles[k];
        bool room = tile->count < tiling->most_rows && (tile->mask & mask) == mask;
        if (room && (best == NULL || bits(tile->mask) < bits(best->mask))) {
            best = tile;
        }
    }
    for (int64_t k = 0; k < tiling->count && best == NULL; k++) {
        pixel_tile *tile = &tiling->tiles[k];
        best = tile->count < FEW_PIXELS && tile->count < tiling->most_rows ? tile : NULL;
    }
    if (best == NULL) {
        best = &tiling->tiles[tiling->count++];
        *best = (pixel_tile){0};
    }
    return best;
}

static hmlc_status collect(hmlc_arena *arena, pixel_tiling *tiling)
{
    tiling->masks = HMLC_NEW_ARRAY(arena, uint64_t, tiling->pixels);
    tiling->done = HMLC_NEW_ARRAY(arena, bool, tiling->pixels);
    tiling->list = HMLC_NEW_ARRAY(arena, int64_t, tiling->pixels);
    tiling->left = HMLC_NEW_ARRAY(arena, int64_t, tiling->pixels);
    tiling->tiles = HMLC_NEW_ARRAY(arena, pixel_tile, tiling->pixels);
    HMLC_TRY_MEMORY(tiling->masks);
    HMLC_TRY_MEMORY(tiling->done);
    HMLC_TRY_MEMORY(tiling->list);
    HMLC_TRY_MEMORY(tiling->left);
    HMLC_TRY_MEMORY(tiling->tiles);
    for (int64_t pixel = 0; pixel < tiling->pixels; pixel++) {
        tiling->masks[pixel] = pixel_mask(tiling, pixel);
    }
    for (int64_t pixel = 0; pixel < tiling->pixels; pixel++) {
        if (!tiling->done[pixel]) {
            take_group(tiling, pixel);
        }
    }
    for (int64_t k = 0; k < tiling->left_count; k++) {
        uint64_t mask = tiling->masks[tiling->left[k]];
        pixel_tile *tile = find_room(tiling, mask);
        tile->pixels[tile->count++] = tiling->left[k];
        tile->mask |= mask;
    }
    return HMLC_OK;
}

/* -- runs */

typedef struct explicit_run {
    int64_t depth, steps;
    int64_t inputs[HMLC_TILE_ROWS];
} explicit_run;

static void run_flush(hmlc_words *words, const explicit_run *run, int64_t rows, int64_t *runs)
{
    if (run->steps == 0) {
        return;
    }
    hmlc_words_add(words, run->depth);
    hmlc_words_add(words, run->steps);
    for (int64_t r = 0; r < rows; r++) {
        hmlc_words_add(words, run->inputs[r]);
    }
    *runs += 1;
}

static bool run_joins(const hmlc_conv *conv, const explicit_run *run, const explicit_run *next,
                      int64_t rows)
{
    bool joins = run->steps > 0 && next->depth == run->depth + run->steps;
    for (int64_t r = 0; r < rows && joins; r++) {
        int64_t expected = run->inputs[r] + run->steps * conv->channel_stride;
        joins = run->inputs[r] < 0 ? next->inputs[r] < 0 : next->inputs[r] == expected;
    }
    return joins;
}

static int64_t write_runs(const pixel_tiling *tiling, hmlc_conv *conv, hmlc_words *words,
                          const pixel_tile *tile)
{
    explicit_run run = {0};
    int64_t runs = 0;
    for (int64_t tap = 0; tap < tiling->taps; tap++) {
        if ((tile->mask >> tap & 1) == 0 && conv->pad_value == 0) {
            continue;
        }
        explicit_run next = {.depth = tap * conv->channels, .steps = conv->channels};
        for (int64_t r = 0; r < tile->count; r++) {
            next.inputs[r] = tap_input(conv, tile->pixels[r], tap);
            conv->reads_zeros = conv->reads_zeros || next.inputs[r] < 0;
        }
        if (run_joins(conv, &run, &next, tile->count)) {
            run.steps += next.steps;
        } else {
            run_flush(words, &run, tile->count, &runs);
            run = next;
        }
        conv->longest_run = run.steps > conv->longest_run ? run.steps : conv->longest_run;
    }
    run_flush(words, &run, tile->count, &runs);
    return runs;
}

/* The tiles of one height, descriptors behind each other. */
static hmlc_status write_class(hmlc_arena *arena, const pixel_tiling *tiling, hmlc_conv *conv,
                               hmlc_words *words, hmlc_section *section, int64_t rows)
{
    int64_t *runs = HMLC_NEW_ARRAY(arena, int64_t, tiling->count * 2 + 1);
    HMLC_TRY_MEMORY(runs);
    int64_t tiles = 0, first = 0;
    for (int64_t k = 0; k < tiling->count; k++) {
        first += tiling->tiles[k].count > rows;
        if (tiling->tiles[k].count == rows) {
            runs[2 * tiles] = (int64_t)words->count;
            runs[2 * tiles++ + 1] = write_runs(tiling, conv, words, &tiling->tiles[k]);
        }
    }
    if (tiles == 0) {
        return HMLC_OK;
    }
    HMLC_ASSERT(section->class_count < HMLC_ROW_CLASSES);
    section->classes[section->class_count++] = (hmlc_row_class){
        .rows = (uint32_t)rows, .first = first, .tiles = tiles, .table = (int64_t)words->count};
    tiles = 0;
    for (int64_t k = 0; k < tiling->count; k++) {
        const pixel_tile *tile = &tiling->tiles[k];
        if (tile->count != rows) {
            continue;
        }
        hmlc_words_add(words, runs[2 * tiles]);
        hmlc_words_add(words, runs[2 * tiles++ + 1]);
        for (int64_t r = 0; r < rows; r++) {
            hmlc_words_add(words, tile->pixels[r]);
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_conv_explicit_tiles(hmlc_plan_context *context, hmlc_conv *conv, hmlc_words *words,
                                     hmlc_section *section)
{
    pixel_tiling tiling = {.conv = conv, .pixels = 1, .taps = 1, .most_rows = section->rows};
    for (int32_t k = 0; k < HMLC_SPATIAL; k++) {
        tiling.pixels *= conv->axis[k].output;
        tiling.taps *= conv->axis[k].window;
    }
    HMLC_TRY(collect(context->arena, &tiling));
    section->class_count = 0;
    for (int64_t rows = section->rows; rows > 0; rows--) {
        HMLC_TRY(write_class(context->arena, &tiling, conv, words, section, rows));
    }
    section->row_tiles = hmlc_dim_constant(context->module->dims, tiling.count);
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Counting elements into statistics, and merging them. */
#include <math.h>
#include <string.h>

#include "exact_sum.h"
#include "statistics_bins.h"

hmlc_statistics *hmlc_statistics_create(uint64_t model, uint32_t tensor_count)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_statistics *made = arena != NULL ? HMLC_NEW(arena, hmlc_statistics) : NULL;
    if (made != NULL) {
        *made = (hmlc_statistics){.arena = arena, .model = model};
        if (hmlc_statistics_set_tensors(made, tensor_count) == HMLC_OK) {
            return made;
        }
    }
    hmlc_arena_destroy(arena);
    return NULL;
}

hmlc_status hmlc_statistics_set_tensors(hmlc_statistics *statistics, uint32_t count)
{
    statistics->tensors =
        HMLC_NEW_ARRAY(statistics->arena, hmlc_tensor_statistics, (size_t)count + 1);
    HMLC_TRY_MEMORY(statistics->tensors);
    statistics->tensor_count = count;
    for (uint32_t i = 0; i < count; i++) {
        statistics->tensors[i] = (hmlc_tensor_statistics){.name = "", .axis = -1};
    }
    return HMLC_OK;
}

void hmlc_statistics_release(hmlc_statistics *statistics)
{
    if (statistics != NULL) {
        hmlc_arena_destroy(statistics->arena);
    }
}

hmlc_status hmlc_statistics_set_channels(hmlc_statistics *statistics, uint32_t tensor, int32_t axis,
                                         int64_t channels)
{
    hmlc_tensor_statistics *t = &statistics->tensors[tensor];
    t->axis = axis;
    t->channel_count = axis >= 0 ? channels : 0;
    t->channels = HMLC_NEW_ARRAY(statistics->arena, hmlc_channel_statistics, t->channel_count + 1);
    HMLC_TRY_MEMORY(t->channels);
    return HMLC_OK;
}

const hmlc_tensor_statistics *hmlc_statistics_find(const hmlc_statistics *statistics,
                                                   const char *name)
{
    for (uint32_t i = 0; i < statistics->tensor_count; i++) {
        if (strcmp(statistics->tensors[i].name, name) == 0) {
            return &statistics->tensors[i];
        }
    }
    return NULL;
}

double hmlc_statistics_sum(const uint64_t sum[HMLC_SUM_WORDS])
{
    return hmlc_exact_to_double(sum, HMLC_SUM_WORDS, HMLC_SUM_STEP);
}

double hmlc_statistics_square(const uint64_t square[HMLC_SQUARE_WORDS])
{
    return hmlc_exact_to_double(square, HMLC_SQUARE_WORDS, HMLC_SQUARE_STEP);
}

/* -- samples ----------------------------------------------------------------------------------- */

hmlc_status hmlc_statistics_add_sample(hmlc_statistics *statistics, uint64_t hash)
{
    void *samples = statistics->samples;
    if (!hmlc_arena_grow(statistics->arena, &samples, &statistics->sample_capacity,
                         statistics->sample_count, sizeof *statistics->samples)) {
        return HMLC_RESOURCE;
    }
    statistics->samples = samples;
    uint32_t at = statistics->sample_count++;
    for (; at > 0 && statistics->samples[at - 1] > hash; at--) {
        statistics->samples[at] = statistics->samples[at - 1];
    }
    statistics->samples[at] = hash;
    return HMLC_OK;
}

uint32_t hmlc_statistics_has_sample(const hmlc_statistics *statistics, uint64_t hash)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < statistics->sample_count; i++) {
        count += statistics->samples[i] == hash ? 1 : 0;
    }
    return count;
}

/* -- elements ---------------------------------------------------------------------------------- */

/* Sums by exponent, exact as long as a block is no longer than this: 2^15 squares of 48 bits. */
enum { BLOCK = 1 << 15, EXPONENTS = 256 };

typedef struct block_sums {
    int64_t sum[EXPONENTS];
    uint64_t square[EXPONENTS];
} block_sums;

static void flush(block_sums *block, hmlc_tensor_statistics *t)
{
    for (uint32_t e = 0; e < EXPONENTS; e++) {
        uint32_t place = e > 0 ? e - 1 : 0;
        if (block->sum[e] != 0) {
            bool negative = block->sum[e] < 0;
            uint64_t bits = negative ? 0 - (uint64_t)block->sum[e] : (uint64_t)block->sum[e];
            hmlc_exact_add_bits(t->sum, HMLC_SUM_WORDS, bits, place, negative);
        }
        if (block->square[e] != 0) {
            hmlc_exact_add_bits(t->square, HMLC_SQUARE_WORDS, block->square[e], 2 * place, false);
        }
    }
}

static void sum_block(hmlc_tensor_statistics *t, const float *values, size_t count)
{
    block_sums block = {0};
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        uint32_t exponent = bits >> 23 & 0xff;
        if (exponent != 0xff) {
            int64_t part = (int64_t)(bits & 0x7fffff) | (exponent > 0 ? 0x800000 : 0);
            block.sum[exponent] += (bits >> 31) != 0 ? -part : part;
            block.square[exponent] += (uint64_t)(part * part);
        }
    }
    flush(&block, t);
}

static void widen(float *min, float *max, bool first, float value)
{
    *min = first || value < *min ? value : *min;
    *max = first || value > *max ? value : *max;
}

/* -0 counts as 0: which of two zeros is met first must not show. */
static float plain_zero(float value)
{
    return value == 0 ? 0.0F : value;
}

static void add_extremes(hmlc_tensor_statistics *t, const float *values, size_t count)
{
    float min = INFINITY, max = -INFINITY;
    uint64_t finite = 0, nan = 0;
    for (size_t i = 0; i < count; i++) {
        float value = values[i];
        bool good = fabsf(value) <= 3.402823466e+38F;
        min = good && value < min ? value : min;
        max = good && value > max ? value : max;
        finite += good ? 1 : 0;
        nan += value != value ? 1 : 0;
    }
    t->nan += nan;
    t->inf += count - finite - nan;
    if (finite > 0) {
        widen(&t->min, &t->max, t->count == 0, plain_zero(min));
        widen(&t->min, &t->max, false, plain_zero(max));
        t->count += finite;
    }
}

static void add_to_channel(hmlc_channel_statistics *channel, bool first, float value)
{
    uint32_t place;
    bool negative;
    if (!(fabsf(value) <= 3.402823466e+38F)) {
        return;
    }
    widen(&channel->min, &channel->max, first, plain_zero(value));
    uint32_t bits = hmlc_exact_split(value, &place, &negative);
    hmlc_exact_add_bits(channel->sum, HMLC_SUM_WORDS, bits, place, negative);
}

/* `first`: nothing was counted before this tensor. */
static void add_channels(hmlc_tensor_statistics *t, const hmlc_tensor *tensor, bool first)
{
    const float *values = tensor->data;
    int64_t inner = 1, outer = 1;
    for (int32_t i = 0; i < tensor->rank; i++) {
        outer *= i < t->axis ? tensor->dims[i] : 1;
        inner *= i > t->axis ? tensor->dims[i] : 1;
    }
    for (int64_t o = 0; o < outer; o++) {
        for (int64_t c = 0; c < t->channel_count; c++) {
            for (int64_t i = 0; i < inner; i++) {
                add_to_channel(&t->channels[c], first && o == 0 && i == 0, *values++);
            }
        }
    }
}

hmlc_status hmlc_statistics_add(hmlc_statistics *statistics, uint32_t tensor,
                                const hmlc_tensor *values)
{
    hmlc_tensor_statistics *t = &statistics->tensors[tensor];
    const float *data = values->data;
    size_t count = (size_t)hmlc_tensor_count(values);
    bool first = t->count == 0;
    add_extremes(t, data, count);
    if (t->count == 0) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_bins_cover(statistics->arena, t));
    for (size_t at = 0; at < count; at += BLOCK) {
        size_t length = count - at < BLOCK ? count - at : BLOCK;
        sum_block(t, data + at, length);
        hmlc_bins_count(t, data + at, length);
    }
    if (t->axis >= 0) {
        add_channels(t, values, first);
    }
    return HMLC_OK;
}

/* -- merging ----------------------------------------------------------------------------------- */

static hmlc_status merge_tensor(hmlc_arena *arena, hmlc_tensor_statistics *t,
                                const hmlc_tensor_statistics *other)
{
    bool first = t->count == 0;
    t->nan += other->nan;
    t->inf += other->inf;
    if (other->count == 0) {
        return HMLC_OK;
    }
    widen(&t->min, &t->max, first, other->min);
    widen(&t->min, &t->max, false, other->max);
    t->count += other->count;
    hmlc_exact_add(t->sum, other->sum, HMLC_SUM_WORDS);
    hmlc_exact_add(t->square, other->square, HMLC_SQUARE_WORDS);
    HMLC_TRY(hmlc_bins_cover(arena, t));
    hmlc_bins_merge(t, other);
    for (int64_t c = 0; c < t->channel_count; c++) {
        widen(&t->channels[c].min, &t->channels[c].max, first, other->channels[c].min);
        widen(&t->channels[c].min, &t->channels[c].max, false, other->channels[c].max);
        hmlc_exact_add(t->channels[c].sum, other->channels[c].sum, HMLC_SUM_WORDS);
    }
    return HMLC_OK;
}

/* Both list the same tensors in the same order. */
static bool same_tensors(const hmlc_statistics *a, const hmlc_statistics *b)
{
    bool same = a->model == b->model && a->tensor_count == b->tensor_count;
    for (uint32_t i = 0; same && i < a->tensor_count; i++) {
        const hmlc_tensor_statistics *x = &a->tensors[i], *y = &b->tensors[i];
        same = strcmp(x->name, y->name) == 0 && x->axis == y->axis &&
               x->channel_count == y->channel_count;
    }
    return same;
}

hmlc_status hmlc_statistics_merge(hmlc_statistics *statistics, const hmlc_statistics *other,
                                  hmlc_diagnostics *diagnostics)
{
    if (!same_tensors(statistics, other)) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_statistics_other, NULL,
                              "merge statistics of one model, made by one version of hmlc",
                              "the statistics are not of one model: hash %016llx with %u tensors, "
                              "and %016llx with %u",
                              (unsigned long long)statistics->model, statistics->tensor_count,
                              (unsigned long long)other->model, other->tensor_count);
    }
    for (uint32_t i = 0; i < other->sample_count; i++) {
        HMLC_TRY(hmlc_statistics_add_sample(statistics, other->samples[i]));
    }
    for (uint32_t i = 0; i < statistics->tensor_count; i++) {
        HMLC_TRY(merge_tensor(statistics->arena, &statistics->tensors[i], &other->tensors[i]));
    }
    return HMLC_OK;
}

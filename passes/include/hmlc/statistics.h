/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of a model's values over samples, and the text file (.hms) that holds them.
 *
 * Everything in them is exact: sums are whole numbers of the smallest step of their type, bins are
 * a power of two wide and split at its multiples. So merging is associative and commutative, and
 * equal samples give equal bytes in whatever order, split or number of threads they are counted.
 */
#ifndef HMLC_STATISTICS_H
#define HMLC_STATISTICS_H

#include <hmlc/ir.h>

#include <stdio.h>

enum { HMLC_STATISTICS_BINS = 2048, HMLC_STATISTICS_VERSION = 1 };

/* Words of exact sums, two's complement, least first: f32's 277 bits and 43 of carries in steps of
 * 2^-149; squares in steps of 2^-298. */
enum { HMLC_SUM_WORDS = 5, HMLC_SQUARE_WORDS = 10 };

typedef struct hmlc_channel_statistics {
    float min, max; /* of the finite elements; 0 without one */
    uint64_t sum[HMLC_SUM_WORDS];
} hmlc_channel_statistics;

typedef struct hmlc_tensor_statistics {
    const char *name;
    uint64_t count, nan, inf; /* finite elements, and the others, which count in nothing else */
    float min, max;           /* 0 without a finite element */
    uint64_t sum[HMLC_SUM_WORDS], square[HMLC_SQUARE_WORDS];
    /* Bin i holds [(base + i) * 2^exponent, ... + 2^exponent). */
    int32_t exponent;
    int64_t base;
    uint64_t *bins; /* HMLC_STATISTICS_BINS; NULL without a finite element */
    int32_t axis;   /* of the channels; -1: none */
    int64_t channel_count;
    hmlc_channel_statistics *channels;
} hmlc_tensor_statistics;

typedef struct hmlc_statistics {
    hmlc_arena *arena; /* holds all of it */
    uint64_t model;    /* hash of the model */
    uint64_t *samples; /* hashes, sorted; one that was counted twice stands twice */
    uint32_t sample_count, sample_capacity;
    hmlc_tensor_statistics *tensors; /* in the order of the file, which is that of the model */
    uint32_t tensor_count;
} hmlc_statistics;

/* NULL without memory. */
hmlc_statistics *hmlc_statistics_create(uint64_t model, uint32_t tensor_count);
void hmlc_statistics_release(hmlc_statistics *statistics); /* accepts NULL */

/* The number of tensors, before any of them is described. */
hmlc_status hmlc_statistics_set_tensors(hmlc_statistics *statistics, uint32_t count) HMLC_MUST_USE;
/* Channels of a tensor, before anything is counted; axis -1: none. */
hmlc_status hmlc_statistics_set_channels(hmlc_statistics *statistics, uint32_t tensor, int32_t axis,
                                         int64_t channels) HMLC_MUST_USE;
/* Counts the elements of an f32 tensor, whose dim at the channels' axis is their number. */
hmlc_status hmlc_statistics_add(hmlc_statistics *statistics, uint32_t tensor,
                                const hmlc_tensor *values) HMLC_MUST_USE;
/* Notes a sample as counted. */
hmlc_status hmlc_statistics_add_sample(hmlc_statistics *statistics, uint64_t hash) HMLC_MUST_USE;
/* How often a sample is counted in. */
uint32_t hmlc_statistics_has_sample(const hmlc_statistics *statistics, uint64_t hash);
/* NULL where there is none of that name. */
const hmlc_tensor_statistics *hmlc_statistics_find(const hmlc_statistics *statistics,
                                                   const char *name);

/* Adds `other`; HMLC_USAGE with a diagnostic where they are not of one model. */
hmlc_status hmlc_statistics_merge(hmlc_statistics *statistics, const hmlc_statistics *other,
                                  hmlc_diagnostics *diagnostics) HMLC_MUST_USE;

/* The text; what the stream does not take shows in ferror. */
void hmlc_statistics_write(const hmlc_statistics *statistics, FILE *stream);
/* From a text that nobody vouches for; `path` is for messages. *statistics is NULL on failure. */
hmlc_status hmlc_statistics_read(const char *text, size_t size, const char *path,
                                 hmlc_diagnostics *diagnostics,
                                 hmlc_statistics **statistics) HMLC_MUST_USE;

/* Exact sums as numbers, rounded. */
double hmlc_statistics_sum(const uint64_t sum[HMLC_SUM_WORDS]);
double hmlc_statistics_square(const uint64_t square[HMLC_SQUARE_WORDS]);

#endif

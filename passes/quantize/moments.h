/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a contraction reads on samples, as sums of products of its columns: X^T X. The squared error
 * of its results is e^T (X^T X) e for an error e of one output's weights, so that roundings are
 * judged, and chosen, without a run.
 */
#ifndef HMLC_MOMENTS_H
#define HMLC_MOMENTS_H

#include <hmlc/quantize.h>

enum { HMLC_SLICE = 32 }; /* outputs that are worked on together */

typedef struct hmlc_moments {
    int64_t depth;
    uint64_t rows; /* that were added; those that hold NaN or infinities are passed over */
    double *sums;  /* [depth][depth], of which column <= row is used */
    float *zeros;  /* a row of them */
} hmlc_moments;

hmlc_status hmlc_moments_create(int64_t depth, hmlc_moments *moments) HMLC_MUST_USE;
void hmlc_moments_release(hmlc_moments *moments);
/* Rows of `depth` numbers, one behind the other. */
void hmlc_moments_add(hmlc_moments *moments, const float *rows, int64_t count);

/* Weights of some outputs, and their integers: [depth][HMLC_SLICE]; columns that are not there have
 * weights of 0 and scales of 1. */
typedef struct hmlc_slice {
    int64_t depth, block; /* weights of an output with one scale */
    int64_t tap;          /* elements of a tap, pairs of which must fit 16 bits; 0: none must */
    double least, most;   /* integers */
    double *weights;
    double *scales; /* [depth / block, rounded up][HMLC_SLICE] */
    int8_t *integers;
    double *errors; /* weights less what the integers say, as the functions below leave them */
} hmlc_slice;

hmlc_status hmlc_slice_create(int64_t depth, int64_t block, hmlc_slice *slice) HMLC_MUST_USE;
void hmlc_slice_release(hmlc_slice *slice);
/* The squared error of the results, of all outputs, with the integers as they are. */
double hmlc_slice_error(const hmlc_slice *slice, const hmlc_moments *moments);

/* -- rounding with error feedback (error_feedback.c) ------------------------------------------- */

typedef struct hmlc_feedback {
    int64_t depth;
    int64_t *order; /* columns of the depth, that with the largest sum last: it is rounded first */
    double *parts;  /* [depth][depth] in that order: what the error of column j adds to k < j */
} hmlc_feedback;

/* HMLC_NO: the sums are no numbers, or there are none. */
hmlc_status hmlc_feedback_create(const hmlc_moments *moments,
                                 hmlc_feedback *feedback) HMLC_MUST_USE;
void hmlc_feedback_release(hmlc_feedback *feedback);
void hmlc_feedback_round(const hmlc_feedback *feedback, const hmlc_slice *slice);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What the two ways of resize share: see resize.c. */
#ifndef HMLC_PORTABLE_RESIZE_H
#define HMLC_PORTABLE_RESIZE_H

#include <hmlc/sampling.h>

#include "portable_kernel.h"

enum { OUTSIDE = -1, MOST_KEPT = 4 };

/* One resized dim. Spans and steps are elements. */
typedef struct level {
    hmlc_sampled_axis axis;
    int64_t taps;
    int64_t *index; /* [out][taps]; the first OUTSIDE: the extrapolation value stands there */
    void *weight;   /* [out][taps] numbers; nearest has none */
    int64_t span;   /* of the operand behind this dim */
    int64_t step;   /* of the result behind this dim */
    int64_t mid;    /* product of the dims between this one and the next resized one */
    void *mixed;    /* [span] numbers */
} level;

typedef struct resize {
    const portable_tensor *x, *result;
    hmlc_sampling sampling;
    level levels[HML_MAX_TENSOR_RANK];
    int64_t depth;      /* levels in use */
    int64_t outer;      /* product of the dims before the first resized one */
    int64_t begin, end; /* elements of the result to be made; whole blocks of the last level */
    void *kept;         /* [MOST_KEPT][the result's last dim] numbers */
    double *row;        /* numbers of a row of the operand, where its elements are not f32 */
    double *made;       /* likewise, of the result */
    double extrapolation;
} resize;

/* Indices [first, last). */
typedef struct range {
    int64_t first, last;
} range;

/* Which of `count` blocks of `size` elements, from element `at` of the result on, are to be made.
 */
static inline range blocks_of(const resize *r, int64_t at, int64_t size, int64_t count)
{
    int64_t before = r->begin - at, until = r->end - at;
    range blocks = {before > 0 ? before / size : 0, until > 0 ? (until - 1) / size + 1 : 0};
    blocks.last = blocks.last < count ? blocks.last : count;
    return blocks;
}

/* Puts the extrapolation value into `count` elements from `at` on. */
void hml_portable_resize_fill(const resize *r, int64_t at, int64_t count);
/* A row of the operand as doubles, into r->row; `count` doubles into the result. */
void hml_portable_resize_load(const resize *r, int64_t at, int64_t count);
void hml_portable_resize_store(const resize *r, int64_t at, const double *from, int64_t count);

#endif

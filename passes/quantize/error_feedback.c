/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounding with error feedback. Weights of an output are rounded one after the other, and the error
 * of those that are rounded is made up by those that are not yet, as far as the results on samples
 * allow: with R^T R = X^T X, R upper triangular, the error of the results is that of R (w - q s),
 * and row k of it is least for
 *
 *     q[k] = round((w[k] + sum over j > k of R[k][j] / R[k][k] * (w[j] - q[j] s[j])) / s[k])
 *
 * from the last row to the first. The columns with the largest sums come first, while many others
 * are left to make up for them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "moments.h"

enum { ROWS = 32, TRIES = 4 };

static const double SAFE = 128;

/* Of the mean of the diagonal, added to it: columns that hardly ever vary, or only together, would
 * else take any weights. */
static const double DAMPING = 0.01;

/* -- the triangle ------------------------------------------------------------------------------ */

typedef struct ordered_sum {
    double sum;
    int64_t column;
} ordered_sum;

static int compare_sums(const void *left, const void *right)
{
    const ordered_sum *a = left, *b = right;
    if (a->sum != b->sum) {
        return a->sum < b->sum ? -1 : 1;
    }
    return a->column > b->column ? -1 : 1; /* of equal ones the first is rounded first */
}

static hmlc_status sort_columns(const hmlc_moments *moments, int64_t *order)
{
    int64_t depth = moments->depth;
    ordered_sum *sums = calloc((size_t)depth + 1, sizeof *sums);
    HMLC_TRY_MEMORY(sums);
    for (int64_t i = 0; i < depth; i++) {
        sums[i] = (ordered_sum){moments->sums[i * depth + i], i};
    }
    qsort(sums, (size_t)depth, sizeof *sums, compare_sums);
    for (int64_t i = 0; i < depth; i++) {
        order[i] = sums[i].column;
    }
    free(sums);
    return HMLC_OK;
}

/* The upper triangle of the sums in the order of the columns, damped. */
static void fill_triangle(const hmlc_moments *moments, const hmlc_feedback *f, double added)
{
    int64_t depth = f->depth;
    for (int64_t i = 0; i < depth; i++) {
        for (int64_t j = i; j < depth; j++) {
            int64_t a = f->order[i], b = f->order[j];
            f->parts[i * depth + j] = moments->sums[a > b ? a * depth + b : b * depth + a];
        }
        f->parts[i * depth + i] += added;
    }
}

/* Takes rows [first, last) of the triangle, which are done, out of row i from column `from` on. */
static void subtract_rows(double *parts, int64_t depth, int64_t first, int64_t last, int64_t i)
{
    double *restrict row = parts + i * depth;
    for (int64_t k = first; k < last; k++) {
        const double *done = parts + k * depth;
        double factor = done[i];
        for (int64_t j = i; j < depth; j++) {
            row[j] -= factor * done[j];
        }
    }
}

/* Cholesky's triangle in place, some rows at a time; false where the sums are no such product. */
static bool factor_triangle(double *parts, int64_t depth)
{
    for (int64_t first = 0; first < depth; first += ROWS) {
        int64_t last = first + ROWS < depth ? first + ROWS : depth;
        for (int64_t i = first; i < last; i++) {
            subtract_rows(parts, depth, first, i, i);
            double pivot = parts[i * depth + i];
            if (!(pivot > 0) || !isfinite(pivot)) {
                return false;
            }
            double root = sqrt(pivot);
            for (int64_t j = i; j < depth; j++) {
                parts[i * depth + j] /= root;
            }
        }
        for (int64_t i = last; i < depth; i++) {
            subtract_rows(parts, depth, first, last, i);
        }
    }
    return true;
}

static hmlc_status build_feedback(const hmlc_moments *moments, hmlc_feedback *f)
{
    int64_t depth = f->depth;
    double mean = 0;
    HMLC_TRY(sort_columns(moments, f->order));
    for (int64_t i = 0; i < depth; i++) {
        mean += moments->sums[i * depth + i] / (double)depth;
    }
    if (!(mean > 0) || !isfinite(mean)) {
        return HMLC_NO;
    }
    bool good = false;
    double part = DAMPING;
    for (int k = 0; k < TRIES && !good; k++, part *= 10) {
        fill_triangle(moments, f, part * mean);
        good = factor_triangle(f->parts, depth);
    }
    for (int64_t i = 0; good && i < depth; i++) {
        double own = f->parts[i * depth + i];
        for (int64_t j = i; j < depth; j++) {
            f->parts[i * depth + j] /= own;
        }
    }
    return good ? HMLC_OK : HMLC_NO;
}

hmlc_status hmlc_feedback_create(const hmlc_moments *moments, hmlc_feedback *feedback)
{
    size_t depth = (size_t)moments->depth;
    *feedback = (hmlc_feedback){.depth = moments->depth,
                                .order = calloc(depth + 1, sizeof *feedback->order),
                                .parts = calloc(depth * depth + 1, sizeof *feedback->parts)};
    bool memory = feedback->order != NULL && feedback->parts != NULL;
    return memory ? build_feedback(moments, feedback) : HMLC_RESOURCE;
}

void hmlc_feedback_release(hmlc_feedback *feedback)
{
    free(feedback->order);
    free(feedback->parts);
    *feedback = (hmlc_feedback){.depth = 0};
}

/* -- rounding ---------------------------------------------------------------------------------- */

/* Limits of an integer. */
typedef struct limits {
    double least, most;
} limits;

/* Neighbours that are multiplied together must fit 16 bits: what the one has the other lacks. One
 * that is not rounded yet is 0 and asks for nothing. */
static void narrow(limits *l, const hmlc_slice *slice, int64_t other, int64_t n)
{
    double q = slice->integers[other * HMLC_SLICE + n];
    l->most = q > 0 ? fmin(l->most, SAFE - q) : l->most;
    l->least = q < 0 ? fmax(l->least, -SAFE - q) : l->least;
}

/* Pairs of the depth as a whole, and of each tap by itself, as kernels pack in either way. */
static limits limits_of(const hmlc_slice *slice, int64_t k, int64_t n)
{
    limits l = {slice->least, slice->most};
    if (slice->tap > 0) {
        int64_t other = k ^ 1, within = (k % slice->tap) ^ 1;
        int64_t beside = k - k % slice->tap + within;
        if (other < slice->depth) {
            narrow(&l, slice, other, n);
        }
        if (within < slice->tap && beside != other && beside < slice->depth) {
            narrow(&l, slice, beside, n);
        }
    }
    return l;
}

/* Column k of all outputs: `wanted` is what the weights should be. */
static void round_column(const hmlc_slice *slice, int64_t k, const double *wanted)
{
    const double *scales = slice->scales + k / slice->block * HMLC_SLICE;
    for (int64_t n = 0; n < HMLC_SLICE; n++) {
        int64_t at = k * HMLC_SLICE + n;
        limits l = limits_of(slice, k, n);
        double q = fmin(fmax(wanted[n] / scales[n], l.least), l.most);
        q = (q + 0x1.8p52) - 0x1.8p52; /* ties to even; the limits are whole numbers */
        slice->integers[at] = (int8_t)q;
        slice->errors[at] = slice->weights[at] - q * scales[n];
    }
}

void hmlc_feedback_round(const hmlc_feedback *f, const hmlc_slice *slice)
{
    memset(slice->integers, 0, (size_t)slice->depth * HMLC_SLICE);
    for (int64_t i = f->depth - 1; i >= 0; i--) {
        const double *parts = f->parts + i * f->depth;
        int64_t k = f->order[i];
        double wanted[HMLC_SLICE];
        memcpy(wanted, slice->weights + k * HMLC_SLICE, sizeof wanted);
        for (int64_t j = i + 1; j < f->depth; j++) {
            const double *error = slice->errors + f->order[j] * HMLC_SLICE;
            double part = parts[j];
            for (int n = 0; n < HMLC_SLICE; n++) {
                wanted[n] += part * error[n];
            }
        }
        round_column(slice, k, wanted);
    }
}

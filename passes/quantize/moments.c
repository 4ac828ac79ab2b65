/* SPDX-License-Identifier: Apache-2.0 */
#include "moments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- sums -------------------------------------------------------------------------------------- */

hmlc_status hmlc_moments_create(int64_t depth, hmlc_moments *moments)
{
    *moments = (hmlc_moments){.depth = depth};
    moments->sums = calloc((size_t)depth * (size_t)depth + 1, sizeof *moments->sums);
    moments->zeros = calloc((size_t)depth + 1, sizeof *moments->zeros);
    return moments->sums != NULL && moments->zeros != NULL ? HMLC_OK : HMLC_RESOURCE;
}

void hmlc_moments_release(hmlc_moments *moments)
{
    free(moments->sums);
    free(moments->zeros);
    *moments = (hmlc_moments){.depth = 0};
}

static bool row_is_finite(const float *row, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(row[i])) {
            return false;
        }
    }
    return true;
}

/* Four rows at once: each sum is read and written once for them. */
static void add_rows(hmlc_moments *moments, const float *const rows[4])
{
    int64_t depth = moments->depth;
    for (int64_t i = 0; i < depth; i++) {
        double a = (double)rows[0][i], b = (double)rows[1][i];
        double c = (double)rows[2][i], d = (double)rows[3][i];
        double *restrict sums = moments->sums + i * depth;
        for (int64_t j = 0; j <= i; j++) {
            sums[j] += (a * (double)rows[0][j] + b * (double)rows[1][j]) +
                       (c * (double)rows[2][j] + d * (double)rows[3][j]);
        }
    }
}

void hmlc_moments_add(hmlc_moments *moments, const float *rows, int64_t count)
{
    const float *group[4];
    int filled = 0;
    for (int64_t i = 0; i < count; i++) {
        const float *row = rows + i * moments->depth;
        if (!row_is_finite(row, moments->depth)) {
            continue;
        }
        group[filled++] = row;
        moments->rows++;
        if (filled == 4) {
            add_rows(moments, group);
            filled = 0;
        }
    }
    while (filled > 0 && filled < 4) {
        group[filled++] = moments->zeros;
    }
    if (filled == 4) {
        add_rows(moments, group);
    }
}

/* -- slices ------------------------------------------------------------------------------------ */

hmlc_status hmlc_slice_create(int64_t depth, int64_t block, hmlc_slice *slice)
{
    size_t count = ((size_t)depth + 1) * HMLC_SLICE;
    *slice = (hmlc_slice){.depth = depth,
                          .block = block,
                          .weights = calloc(count, sizeof(double)),
                          .scales = calloc(count, sizeof(double)),
                          .integers = calloc(count, 1),
                          .errors = calloc(count, sizeof(double))};
    bool good = slice->weights != NULL && slice->scales != NULL && slice->integers != NULL &&
                slice->errors != NULL;
    return good ? HMLC_OK : HMLC_RESOURCE;
}

void hmlc_slice_release(hmlc_slice *slice)
{
    free(slice->weights);
    free(slice->scales);
    free(slice->integers);
    free(slice->errors);
    *slice = (hmlc_slice){.depth = 0};
}

static void set_errors(const hmlc_slice *slice)
{
    for (int64_t k = 0; k < slice->depth; k++) {
        const double *scales = slice->scales + k / slice->block * HMLC_SLICE;
        for (int64_t n = 0; n < HMLC_SLICE; n++) {
            int64_t at = k * HMLC_SLICE + n;
            slice->errors[at] = slice->weights[at] - slice->integers[at] * scales[n];
        }
    }
}

double hmlc_slice_error(const hmlc_slice *slice, const hmlc_moments *moments)
{
    double total = 0;
    set_errors(slice);
    for (int64_t i = 0; i < slice->depth; i++) {
        const double *sums = moments->sums + i * slice->depth;
        const double *own = slice->errors + i * HMLC_SLICE;
        double left[HMLC_SLICE] = {0};
        for (int64_t j = 0; j < i; j++) {
            const double *error = slice->errors + j * HMLC_SLICE;
            for (int n = 0; n < HMLC_SLICE; n++) {
                left[n] += sums[j] * error[n];
            }
        }
        for (int n = 0; n < HMLC_SLICE; n++) {
            total += own[n] * (2 * left[n] + sums[i] * own[n]);
        }
    }
    return total > 0 ? total : 0;
}

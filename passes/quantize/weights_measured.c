/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights alone by what they do to results. Some outputs at a time: scales of the least error of
 * the weights, or of the weights as their inputs count; integers that are nearest, or rounded with
 * error feedback. What has the least error of results on samples that chose nothing stays.
 */
#include <math.h>
#include <string.h>

#include "weights_alone.h"

typedef struct measured {
    const hmlc_stored_weights *of;
    const hmlc_moments *fit, *held;
    const hmlc_feedback *feedback; /* NULL: the sums are none to make up errors by */
    int64_t depth, first, count;   /* outputs of the slice */
    hmlc_slice slice;
    double *column, *matters; /* room for the depth */
    double plain, chosen;     /* errors so far: of nearest integers, of what stays */
    int8_t *best;             /* integers and scales that stay */
    double *best_scales;
} measured;

static int64_t scale_count(const measured *m)
{
    return (m->depth + m->slice.block - 1) / m->slice.block * HMLC_SLICE;
}

/* Where weight k of output n lies in the constant. */
static int64_t place_in(const measured *m, int64_t k, int64_t n)
{
    int64_t columns = m->of->tensor->dims[1];
    return m->of->outputs == 0 ? (m->first + n) * columns + k : k * columns + m->first + n;
}

static void load_slice(measured *m)
{
    for (int64_t k = 0; k < m->depth; k++) {
        for (int64_t n = 0; n < HMLC_SLICE; n++) {
            m->slice.weights[k * HMLC_SLICE + n] =
                n < m->count ? hmlc_tensor_get_double(m->of->tensor, place_in(m, k, n)) : 0;
        }
    }
}

static void store_slice(const measured *m)
{
    int64_t blocks = scale_count(m) / HMLC_SLICE, outputs = m->of->tensor->dims[m->of->outputs];
    for (int64_t n = 0; n < m->count; n++) {
        for (int64_t k = 0; k < m->depth; k++) {
            m->of->integers[place_in(m, k, n)] = m->best[k * HMLC_SLICE + n];
        }
        for (int64_t b = 0; b < blocks; b++) {
            int64_t output = m->first + n;
            int64_t place = m->of->outputs == 0 ? output * blocks + b : b * outputs + output;
            m->of->scales[place] = (float)m->best_scales[b * HMLC_SLICE + n];
        }
    }
}

/* Scales, and the integers nearest to the weights. */
static void round_nearest(measured *m, const double *matters)
{
    hmlc_slice *slice = &m->slice;
    for (int64_t n = 0; n < HMLC_SLICE; n++) {
        for (int64_t first = 0; first < m->depth; first += slice->block) {
            int64_t left = m->depth - first, count = left < slice->block ? left : slice->block;
            for (int64_t k = 0; k < count; k++) {
                m->column[k] = slice->weights[(first + k) * HMLC_SLICE + n];
            }
            hmlc_shared_scale shared = hmlc_shared_begin(m->of, m->column, matters + first, count);
            /* As it is stored: 4 bytes. */
            double scale = (double)(float)hmlc_shared_find(&shared);
            slice->scales[first / slice->block * HMLC_SLICE + n] = scale;
            for (int64_t k = 0; k < count; k++) {
                slice->integers[(first + k) * HMLC_SLICE + n] =
                    (int8_t)hmlc_shared_round(&shared, m->column[k] / scale);
            }
        }
    }
}

/* Keeps what the slice holds where its results are better than all before. */
static double keep_least(measured *m, double least)
{
    double error = hmlc_slice_error(&m->slice, m->held);
    if (error < least) {
        memcpy(m->best, m->slice.integers, (size_t)m->depth * HMLC_SLICE);
        memcpy(m->best_scales, m->slice.scales, (size_t)scale_count(m) * sizeof *m->best_scales);
        return error;
    }
    return least;
}

static void quantize_slice(measured *m)
{
    load_slice(m);
    round_nearest(m, m->of->ones);
    double plain = keep_least(m, INFINITY), least = plain;
    round_nearest(m, m->matters);
    least = keep_least(m, least);
    if (m->feedback != NULL) {
        memcpy(m->slice.scales, m->best_scales, (size_t)scale_count(m) * sizeof *m->best_scales);
        hmlc_feedback_round(m->feedback, &m->slice);
        least = keep_least(m, least);
    }
    m->plain += plain;
    m->chosen += least;
    store_slice(m);
}

/* How much the error of each column counts; columns that no sample used count a little. */
static void weigh_columns(measured *m)
{
    double mean = 0;
    for (int64_t k = 0; k < m->depth; k++) {
        mean += m->fit->sums[k * m->depth + k] / (double)m->depth;
    }
    for (int64_t k = 0; k < m->depth; k++) {
        m->matters[k] = m->fit->sums[k * m->depth + k] + 0x1p-20 * mean;
    }
}

static hmlc_status quantize_slices(measured *m, hmlc_arena *arena)
{
    size_t count = ((size_t)m->depth + 1) * HMLC_SLICE;
    int64_t outputs = m->of->tensor->dims[m->of->outputs];
    m->column = HMLC_NEW_ARRAY(arena, double, m->depth + 1);
    m->matters = HMLC_NEW_ARRAY(arena, double, m->depth + 1);
    m->best = hmlc_arena_allocate(arena, count);
    m->best_scales = HMLC_NEW_ARRAY(arena, double, count);
    if (m->column == NULL || m->matters == NULL || m->best == NULL || m->best_scales == NULL) {
        return HMLC_RESOURCE;
    }
    HMLC_TRY(hmlc_slice_create(m->depth, m->of->block > 0 ? m->of->block : m->depth, &m->slice));
    m->slice.least = m->of->block > 0 ? -8 : -127;
    m->slice.most = m->of->block > 0 ? 7 : 127;
    weigh_columns(m);
    for (m->first = 0; m->first < outputs; m->first += HMLC_SLICE) {
        m->count = outputs - m->first < HMLC_SLICE ? outputs - m->first : HMLC_SLICE;
        quantize_slice(m);
    }
    return HMLC_OK;
}

hmlc_status hmlc_weights_measured(const hmlc_stored_weights *of, const hmlc_seen_group *group,
                                  hmlc_weights_result *result)
{
    if (group->fit.rows == 0) {
        return HMLC_NO;
    }
    hmlc_feedback feedback;
    measured m = {.of = of,
                  .fit = &group->fit,
                  .held = group->held.rows > 0 ? &group->held : &group->fit,
                  .depth = group->depth};
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_status made = hmlc_feedback_create(m.fit, &feedback);
    m.feedback = made == HMLC_OK ? &feedback : NULL;
    hmlc_status status =
        made == HMLC_RESOURCE || arena == NULL ? HMLC_RESOURCE : quantize_slices(&m, arena);
    hmlc_slice_release(&m.slice);
    hmlc_feedback_release(&feedback);
    hmlc_arena_destroy(arena);
    if (status == HMLC_OK) {
        result->measured++;
        result->error += m.plain > 0 ? m.chosen / m.plain : 1;
    }
    return status;
}

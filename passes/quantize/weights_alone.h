/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of weights alone share. */
#ifndef HMLC_WEIGHTS_ALONE_H
#define HMLC_WEIGHTS_ALONE_H

#include "seen_inputs.h"

/* A constant on its way: dim `outputs` has a scale for each index, of each block along the other.
 */
typedef struct hmlc_stored_weights {
    const hmlc_tensor *tensor;
    int64_t outputs, block; /* block 0: all of the depth */
    int8_t *integers;
    float *scales;
    double *part, *ones; /* room for the depth, and a 1 for each */
    int64_t scale_dims[2];
} hmlc_stored_weights;

/* Weights that share a scale (weights_scale.c). */
typedef struct hmlc_shared_scale {
    const double *weights, *matters; /* the latter: what an error of each counts */
    int64_t count;
    double least, most;
    bool halves; /* the scale is one that halves hold */
} hmlc_shared_scale;

static inline hmlc_shared_scale hmlc_shared_begin(const hmlc_stored_weights *of,
                                                  const double *weights, const double *matters,
                                                  int64_t count)
{
    return (hmlc_shared_scale){.weights = weights,
                               .matters = matters,
                               .count = count,
                               .least = of->block > 0 ? -8 : -127,
                               .most = of->block > 0 ? 7 : 127,
                               .halves = of->block > 0};
}

/* The integer of a weight in steps of the scale. */
double hmlc_shared_round(const hmlc_shared_scale *of, double value);
double hmlc_shared_find(const hmlc_shared_scale *of);

/* Fills integers and scales so that results on samples have the least error (weights_measured.c).
 * HMLC_NO: no sample gave its products a row. */
hmlc_status hmlc_weights_measured(const hmlc_stored_weights *of, const hmlc_seen_group *group,
                                  hmlc_weights_result *result) HMLC_MUST_USE;

#endif

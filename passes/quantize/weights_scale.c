/* SPDX-License-Identifier: Apache-2.0 */
/* The scale that weights share: of the least squared error, each weight counted as it matters. */
#include <math.h>

#include "weights_alone.h"

enum { STEPS = 12 /* scales that are tried */ };

/* The least scale that is tried is this part of the largest. */
static const double LEAST_PART = 0.5;

double hmlc_shared_round(const hmlc_shared_scale *of, double value)
{
    double rounded = (value + 0x1.8p52) - 0x1.8p52; /* ties to even */
    rounded = rounded < of->least ? of->least : rounded;
    return rounded > of->most ? of->most : rounded;
}

/* What a scale gives: the squared error, and the scale that is best for its integers. */
typedef struct scale_trial {
    double scale, error, better;
} scale_trial;

static scale_trial try_scale(const hmlc_shared_scale *of, double scale)
{
    double error[4] = {0}, product[4] = {0}, square[4] = {0}, inverse = 1 / scale;
    for (int64_t k = 0; k < of->count; k++) { /* in four sums, which need not wait for each other */
        double weight = of->weights[k], q = hmlc_shared_round(of, weight * inverse);
        double rest = weight - q * scale, matters = of->matters[k];
        error[k % 4] += rest * rest * matters;
        product[k % 4] += weight * q * matters;
        square[k % 4] += q * q * matters;
    }
    double all = square[0] + square[1] + square[2] + square[3];
    double best = (product[0] + product[1] + product[2] + product[3]) / all;
    return (scale_trial){scale, error[0] + error[1] + error[2] + error[3], all > 0 ? best : scale};
}

/* As it will be stored. */
static double stored_scale(const hmlc_shared_scale *of, double scale)
{
    bool normal = scale >= 0x1p-14 && scale <= 65504;
    return of->halves && normal ? (double)hmlc_f16_to_f32(hmlc_f16_from_double(scale))
                                : (double)(float)scale;
}

/* Parts of the scale that clips nothing, then what fits the integers of the best. */
double hmlc_shared_find(const hmlc_shared_scale *of)
{
    double largest = 0;
    for (int64_t k = 0; k < of->count; k++) {
        largest = fmax(largest, fabs(of->weights[k]));
    }
    if (!(largest >= 0x1p-100)) {
        return 1;
    }
    scale_trial best = {.error = INFINITY};
    for (int step = 0; step <= STEPS; step++) {
        double part = LEAST_PART + (1 - LEAST_PART) * step / (double)STEPS;
        scale_trial trial = try_scale(of, stored_scale(of, largest / of->most * part));
        best = trial.error < best.error ? trial : best;
    }
    double fitted = stored_scale(of, best.better);
    scale_trial trial = fitted > 0 ? try_scale(of, fitted) : best;
    return trial.error < best.error ? trial.scale : best.scale;
}

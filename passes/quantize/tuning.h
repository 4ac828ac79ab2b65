/* SPDX-License-Identifier: Apache-2.0 */
/* A plan with the instrument that measures it. */
#ifndef HMLC_TUNING_H
#define HMLC_TUNING_H

#include "instrument.h"

/* Samples of one purpose, with the float model's outputs. */
typedef struct hmlc_tuning_samples {
    uint32_t *index;
    uint32_t count;
    hmlc_tensor *expected; /* by sample and output */
} hmlc_tuning_samples;

typedef struct hmlc_tuning {
    hmlc_quantize_plan *plan;
    const hmlc_quantize_options *options;
    const hmlc_statistics *statistics;
    const hmlc_runner *runner;
    hmlc_arena *arena;
    hmlc_instrument *instrument;
    hmlc_tuning_samples fit, held; /* to choose by, and to judge by */
    double baseline;               /* the float model's score */
} hmlc_tuning;

hmlc_status hmlc_tuning_progress(const hmlc_tuning *t, const char *phase, uint32_t done,
                                 uint32_t total) HMLC_MUST_USE;
/* The loss of what the instrument is set to, over the first `most` of the
 * samples. */
hmlc_status hmlc_tuning_loss(hmlc_tuning *t, const hmlc_tuning_samples *samples, uint32_t most,
                             hmlc_quantize_loss *loss) HMLC_MUST_USE;
/* The float model's score, for a metric that is a command. */
hmlc_status hmlc_tuning_baseline(hmlc_tuning *t) HMLC_MUST_USE;
/* Takes nodes back to float until the loss is within the budget
 * (quantize_budget.c). */
hmlc_status hmlc_tuning_budget(hmlc_tuning *t) HMLC_MUST_USE;

#endif

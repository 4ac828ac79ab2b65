/* SPDX-License-Identifier: Apache-2.0 */
/* What products read on samples, by the constants that are their weights. */
#ifndef HMLC_SEEN_INPUTS_H
#define HMLC_SEEN_INPUTS_H

#include "collect.h"
#include "moments.h"

/* Constants whose products read the same values: of sizes that fit memory together, as large
 * models have more than it holds. */
typedef struct hmlc_seen_group {
    hmlc_value **constants;
    uint32_t *values; /* of the collector */
    uint32_t constant_count, value_count;
    int64_t depth;
    /* Of the samples to choose by, and to judge by. */
    hmlc_moments fit, held;
} hmlc_seen_group;

typedef struct hmlc_seen_inputs {
    const hmlc_runner *runner;
    hmlc_arena *arena;
    hmlc_collector collector;
    hmlc_seen_group *groups;
    uint32_t group_count;
} hmlc_seen_inputs;

/* Lists the inputs of products with these constants; those that cannot be seen, as in a branch of
 * an If, are in no group. */
hmlc_status hmlc_seen_create(const hmlc_module *module, const hmlc_runner *runner,
                             hmlc_value **constants, uint32_t count,
                             hmlc_seen_inputs *seen) HMLC_MUST_USE;
void hmlc_seen_release(hmlc_seen_inputs *seen);
/* Runs the samples for groups from `first` on, as many as memory is spent on; *last: behind them.
 */
hmlc_status hmlc_seen_fill(hmlc_seen_inputs *seen, uint32_t first, uint32_t *last) HMLC_MUST_USE;
void hmlc_seen_drop(hmlc_seen_group *group);

#endif

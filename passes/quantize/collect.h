/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a module's main graph on samples. */
#ifndef HMLC_COLLECT_H
#define HMLC_COLLECT_H

#include "quantize_plan.h"

/* A module whose outputs are the values that were asked for, open in a runner. */
typedef struct hmlc_collector {
    const hmlc_runner *runner;
    hmlc_arena *arena;
    hmlc_module *module;
    void *model; /* NULL: inputs need no run */
    hmlc_tensor *inputs, *outputs;
    int64_t *places; /* by value that was asked for: its output, or -1 - its argument */
    uint32_t output_count;
} hmlc_collector;

hmlc_status hmlc_collector_create(const hmlc_module *module, const hmlc_runner *runner,
                                  const uint32_t *ids, uint32_t count,
                                  hmlc_collector *collector) HMLC_MUST_USE;
void hmlc_collector_release(hmlc_collector *collector);
/* Reads a sample; `hash` as of hmlc_runner. */
hmlc_status hmlc_collector_read(hmlc_collector *collector, uint32_t sample,
                                uint64_t *hash) HMLC_MUST_USE;
/* Runs what was read. */
hmlc_status hmlc_collector_run(hmlc_collector *collector) HMLC_MUST_USE;
/* The k-th value of the last run; it stays until the next. */
const hmlc_tensor *hmlc_collector_value(const hmlc_collector *collector, uint32_t k);

#endif

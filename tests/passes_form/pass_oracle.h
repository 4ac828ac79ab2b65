/* SPDX-License-Identifier: Apache-2.0 */
/* Runs passes one by one and compares what the reference interpreter makes of the module before and
 * after. */
#ifndef PASS_ORACLE_H
#define PASS_ORACLE_H

#include <hmlc/passes.h>

typedef struct oracle_dim {
    const char *symbol;
    int64_t value;
} oracle_dim;

/* The passes from layout to the memory plan. */
extern const char oracle_kernel_passes[];

/* Parses a module; NULL, after printing why, when the text is wrong. */
hmlc_module *oracle_parse(const char *text);
void oracle_print_diagnostics(const hmlc_module *module);
void oracle_print_module(const hmlc_module *module);
/* Values of all symbols: those named, others at their hint. Arena-owned. */
int64_t *oracle_symbols(hmlc_module *module, const oracle_dim *dims, uint32_t count);

/* On what a module runs, and how near its outputs must stay. */
typedef struct oracle_run {
    const int64_t *symbols; /* by index */
    uint32_t seed;
    /*
     * Floats in [-2, 2], integers from 0 to 2; each element stays within 1e-5 of itself, or of 1
     * (halves 2e-3). Otherwise floats in [-1, 1], integers 0 and 1; 1e-3 is forgiven, and what is
     * small beside the largest element, as graphs grown at random need.
     */
    bool strict;
} oracle_run;

typedef enum oracle_verdict {
    ORACLE_SAME,
    ORACLE_CHANGED, /* or refused after a pass; printed */
    ORACLE_REFUSED, /* the module itself is not computed for these inputs */
} oracle_verdict;

/*
 * Runs `pipeline` (a comma-separated list) on a module, the verifier after each pass, and checks
 * that every pass keeps the outputs for seeded random inputs.
 */
oracle_verdict oracle_compare(hmlc_module *module, const char *pipeline, const oracle_run *run);
/* The same at the given dims, not strictly; false when outputs change or the module is refused. */
bool oracle_run_module(hmlc_module *module, const char *pipeline, const oracle_dim *dims,
                       uint32_t dim_count);

#endif

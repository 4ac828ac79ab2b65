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

/*
 * Runs `pipeline` (a comma-separated list) on a module, the verifier after each pass, and checks
 * that every pass keeps the outputs for seeded random inputs at the given dims. False, after
 * printing what went wrong.
 */
bool oracle_run_module(hmlc_module *module, const char *pipeline, const oracle_dim *dims,
                       uint32_t dim_count);

#endif

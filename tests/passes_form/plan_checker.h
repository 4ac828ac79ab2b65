/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a memory plan at concrete dims, by a liveness analysis of its own. */
#ifndef PLAN_CHECKER_H
#define PLAN_CHECKER_H

#include <hmlc/ir.h>

typedef struct plan_report {
    int64_t arena_bytes;
    int64_t live_bytes; /* largest number of arena bytes that are in use at once */
    uint32_t in_place;  /* results that lie on an argument */
    char problem[256];  /* "" when the plan holds */
} plan_report;

/* `symbols`: the value of each symbol, by index. */
void plan_check(hmlc_module *module, const int64_t *symbols, plan_report *report);
/* Every symbol at its hint. */
void plan_check_at_hint(hmlc_module *module, plan_report *report);

#endif

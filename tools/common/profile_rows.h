/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a profiled session, a row per step that ran, with names that fit a line. */
#ifndef HML_PROFILE_ROWS_H
#define HML_PROFILE_ROWS_H

#include "workbench.h"

enum { HML_SHORT_NODES = 256 };

typedef struct hml_profile_row {
    uint32_t step;
    hml_step_info info;
    double microseconds; /* of one call */
    double gflops, fraction;
    bool counted; /* it has a work figure */
    int64_t work; /* floating-point operations of one call */
    uint32_t threads;
    uint64_t start_nanoseconds;
    char operators[64];          /* "Conv+Relu", of the user's nodes; "" where there are none */
    char nodes[HML_SHORT_NODES]; /* "/conv1/Conv +1" */
} hml_profile_row;

typedef struct hml_profile_rows {
    hml_profile_row *rows;
    uint32_t count;
    double microseconds; /* of all steps */
    double work;
} hml_profile_rows;

/* `peak` in GFLOP/s of one core, 0: unknown. False: no memory. Release with free(rows->rows). */
bool hml_profile_rows_make(const hml_workbench *bench, const hml_step_profile *steps, double peak,
                           hml_profile_rows *rows);

/* The slowest first. */
void hml_profile_rows_sort(hml_profile_rows *rows);

/* The time of all steps with the same operators. */
typedef struct hml_operator_total {
    const char *operators; /* of a row */
    uint32_t steps;
    double microseconds;
} hml_operator_total;

/* Totals, the largest first; returns their number, at most rows->count, which `totals` has room
 * for. */
uint32_t hml_profile_totals(const hml_profile_rows *rows, hml_operator_total *totals);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a profiled session tells: a table per step and per operator, a trace file. */
#ifndef HML_PROFILE_REPORT_H
#define HML_PROFILE_REPORT_H

#include "json.h"
#include "profile_rows.h"

typedef struct hml_profile_view {
    bool wide;    /* whole names, however long the lines become */
    uint32_t top; /* rows of the table, 0: all */
} hml_profile_view;

/* Steps with their share of the time in the order of `rows`, then the totals by operator. */
void hml_profile_print(const hml_profile_rows *rows, const hml_profile_view *view);

/* The steps as comma-separated values, a heading first. */
void hml_profile_print_csv(const hml_profile_rows *rows);

/* The members "profile", an array of objects, and "operators". */
void hml_profile_put(hml_json *json, const hml_profile_rows *rows);

/* One run as a file for chrome://tracing and Perfetto: `rows` of a single run. */
hml_status hml_trace_write(const hml_workbench *bench, const hml_profile_rows *rows,
                           const char *path, hml_tool_error *error);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Measured runs of one artifact with one choice of dims and threads. */
#ifndef HML_MEASUREMENT_H
#define HML_MEASUREMENT_H

#include "workbench.h"

enum { HML_MOST_PERCENTILES = 8 };

/* How long to measure, and what to tell. */
typedef struct hml_measure_plan {
    uint32_t warmup;
    uint32_t iterations; /* 0: as many as `seconds` hold, 5 at least */
    double seconds;
    double percentiles[HML_MOST_PERCENTILES]; /* 50, 99.9 */
    uint32_t percentile_count;
    bool profiled;
    const char *trace; /* path; NULL: none */
} hml_measure_plan;

typedef struct hml_measurement {
    hml_workbench bench;
    double *times; /* milliseconds, ascending when done */
    size_t count, capacity;
    double mean;
    /* Bytes that the process grew by from before the model was opened to the end of the warm-up,
     * weights included; and its peak in all. 0 where the system does not tell. */
    uint64_t model_bytes, process_bytes;
    hml_step_profile *profile; /* of runs behind the measured ones; NULL: not wanted */
} hml_measurement;

/* --seconds, --iterations, --warmup, --percentile, --profile, --trace. */
hml_status hml_measure_plan_parse(const hml_options *options, hml_measure_plan *plan,
                                  hml_tool_error *error);

/* Opens the artifact and its inputs, runs, measures, profiles. Release in any state. */
hml_status hml_measure(hml_measurement *self, const char *path, const hml_options *options,
                       const hml_measure_plan *plan, hml_report *report, hml_tool_error *error);
void hml_measurement_release(hml_measurement *self);

/* The smallest time that at least `percent` of the runs stay within. */
double hml_measured_percentile(const hml_measurement *self, double percent);

#endif

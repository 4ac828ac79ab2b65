/* SPDX-License-Identifier: Apache-2.0 */
#include "measurement.h"

#include "clock.h"
#include "profile_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_RUNS = 5, MOST_RUNS = 1000000, WARM_RUNS = 3, PROFILE_RUNS = 20 };

/* -- Memory ------------------------------------------------------------------------------------ */

/* Bytes behind "VmRSS:" or "VmHWM:" of this process; 0 when the system does not tell. */
static uint64_t status_bytes(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t bytes = 0;
    while (file != NULL && bytes == 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) {
            bytes = (uint64_t)strtoull(line + strlen(key), NULL, 10) * 1024;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return bytes;
}

/* From here on VmHWM counts anew, where the system lets us. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file != NULL) {
        fputs("5", file);
        fclose(file);
    }
}

static void note_memory(hml_measurement *self, uint64_t before)
{
    self->process_bytes = status_bytes("VmHWM:");
    self->model_bytes = self->process_bytes > before ? self->process_bytes - before : 0;
}

/* -- Words ------------------------------------------------------------------------------------- */

static hml_status parse_count(const hml_options *options, const char *name, int least,
                              uint32_t *count, hml_tool_error *error)
{
    const char *word = hml_options_get(options, name);
    long long value = 0;
    if (word == NULL) {
        return HML_OK;
    }
    if (!hml_parse_number(word, MOST_RUNS, &value) || value < least) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--%s %s': expected a number from %d to %d",
                             name, word, least, MOST_RUNS);
    }
    *count = (uint32_t)value;
    return HML_OK;
}

static hml_status parse_seconds(const hml_options *options, double *seconds, hml_tool_error *error)
{
    const char *word = hml_options_get(options, "seconds");
    char *end = NULL;
    if (word == NULL) {
        return HML_OK;
    }
    *seconds = strtod(word, &end);
    return end != word && *end == '\0' && *seconds >= 0 && *seconds <= 86400
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_usage, "'--seconds %s': expected a number", word);
}

/* "50,90,99.9" */
static hml_status parse_percentiles(const hml_options *options, hml_measure_plan *plan,
                                    hml_tool_error *error)
{
    const char *word = hml_options_get(options, "percentile");
    const char *at = word != NULL ? word : "50,90,99";
    plan->percentile_count = 0;
    for (;;) {
        char *end;
        double value = strtod(at, &end);
        bool good = end != at && value > 0 && value <= 100 && (*end == ',' || *end == '\0');
        if (!good || plan->percentile_count == HML_MOST_PERCENTILES) {
            return HML_TOOL_FAIL(error, HML_ERROR_usage,
                                 "'--percentile %s': expected up to %d numbers above 0 and up to "
                                 "100, with commas",
                                 word, HML_MOST_PERCENTILES);
        }
        plan->percentiles[plan->percentile_count++] = value;
        if (*end == '\0') {
            return HML_OK;
        }
        at = end + 1;
    }
}

hml_status hml_measure_plan_parse(const hml_options *options, hml_measure_plan *plan,
                                  hml_tool_error *error)
{
    *plan = (hml_measure_plan){.warmup = WARM_RUNS,
                               .seconds = 2,
                               .profiled = hml_options_get(options, "profile") != NULL,
                               .trace = hml_options_get(options, "trace")};
    HML_TOOL_TRY(parse_seconds(options, &plan->seconds, error));
    HML_TOOL_TRY(parse_count(options, "iterations", 1, &plan->iterations, error));
    HML_TOOL_TRY(parse_count(options, "warmup", 0, &plan->warmup, error));
    return parse_percentiles(options, plan, error);
}

/* -- Measuring --------------------------------------------------------------------------------- */

static hml_status add_time(hml_measurement *self, double milliseconds, hml_tool_error *error)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity * 2 + 1024;
        double *times = realloc(self->times, capacity * sizeof *times);
        if (times == NULL) {
            return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu times", capacity);
        }
        self->times = times;
        self->capacity = capacity;
    }
    self->times[self->count++] = milliseconds;
    return HML_OK;
}

static bool is_enough(const hml_measurement *self, const hml_measure_plan *plan, bool time_left)
{
    if (plan->iterations > 0) {
        return self->count >= plan->iterations;
    }
    return self->count >= LEAST_RUNS && (!time_left || self->count >= MOST_RUNS);
}

static int compare_times(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : (left > right ? 1 : 0);
}

static hml_status measure_runs(hml_measurement *self, const hml_measure_plan *plan,
                               hml_tool_error *error)
{
    double end = hml_milliseconds() + plan->seconds * 1e3, sum = 0;
    double before = hml_milliseconds();
    while (!is_enough(self, plan, before < end)) {
        HML_TOOL_TRY(hml_workbench_run(&self->bench, error));
        double after = hml_milliseconds();
        HML_TOOL_TRY(add_time(self, after - before, error));
        sum += after - before;
        before = hml_milliseconds();
    }
    self->mean = sum / (double)self->count;
    qsort(self->times, self->count, sizeof *self->times, compare_times);
    return HML_OK;
}

/* Profiled runs come behind the measured ones, as they are a little slower. */
static hml_status profile_runs(hml_measurement *self, uint32_t runs, hml_tool_error *error)
{
    hml_workbench *bench = &self->bench;
    uint32_t count = bench->info.step_count;
    if (self->profile == NULL) {
        self->profile = calloc((size_t)count + 1, sizeof *self->profile);
    }
    if (self->profile == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%u steps", count);
    }
    memset(self->profile, 0, count * sizeof *self->profile);
    HML_TOOL_TRY(hml_session_profile(bench->session, self->profile, count));
    for (uint32_t i = 0; i < runs; i++) {
        HML_TOOL_TRY(hml_workbench_run(bench, error));
    }
    return hml_session_profile(bench->session, NULL, 0);
}

static hml_status write_trace(hml_measurement *self, const char *path, hml_tool_error *error)
{
    hml_profile_rows rows;
    HML_TOOL_TRY(profile_runs(self, 1, error));
    if (!hml_profile_rows_make(&self->bench, self->profile, 0, &rows)) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the profile");
    }
    hml_status status = hml_trace_write(&self->bench, &rows, path, error);
    free(rows.rows);
    return status;
}

hml_status hml_measure(hml_measurement *self, const char *path, const hml_options *options,
                       const hml_measure_plan *plan, hml_report *report, hml_tool_error *error)
{
    hml_workbench *bench = &self->bench;
    *self = (hml_measurement){0};
    forget_peak();
    uint64_t before = status_bytes("VmRSS:");
    HML_TOOL_TRY(hml_workbench_open(bench, path, 0, options, error));
    HML_TOOL_TRY(hml_workbench_load_inputs(bench, options, error));
    if (plan->trace != NULL) { /* before the measurement, which takes its time */
        HML_TOOL_TRY(hml_output_check(&bench->files, plan->trace, error));
    }
    HML_TOOL_TRY(hml_workbench_first_run(bench, options, report, error));
    for (uint32_t i = 0; i < plan->warmup; i++) {
        HML_TOOL_TRY(hml_workbench_run(bench, error));
    }
    note_memory(self, before);
    HML_TOOL_TRY(measure_runs(self, plan, error));
    if (plan->trace != NULL) {
        HML_TOOL_TRY(write_trace(self, plan->trace, error));
    }
    if (plan->profiled) {
        uint32_t runs = self->count < PROFILE_RUNS ? (uint32_t)self->count : PROFILE_RUNS;
        HML_TOOL_TRY(profile_runs(self, runs, error));
    }
    return HML_OK;
}

void hml_measurement_release(hml_measurement *self)
{
    hml_workbench_release(&self->bench);
    free(self->times);
    free(self->profile);
    *self = (hml_measurement){0};
}

double hml_measured_percentile(const hml_measurement *self, double percent)
{
    double exact = (double)self->count * percent / 100;
    size_t rank = (size_t)exact;
    rank += (double)rank < exact ? 1 : 0; /* rounded up: `hml` links no mathematics library */
    rank = rank < 1 ? 1 : rank > self->count ? self->count : rank;
    return self->times[rank - 1];
}

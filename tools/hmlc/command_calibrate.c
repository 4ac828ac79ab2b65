/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc calibrate: statistics of a model's values over samples, and such statistics merged. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/printable.h"
#include "quantizing.h"

static const hml_option calibrate_table[] = {
    {"output", 'o', "STATS.hms", "where the statistics go"},
    HMLC_CALIB_OPTION,
    {"resume", 0, NULL, "go on with what STATS.hms holds; samples that it counts are not run"},
    {"merge", 0, NULL, "add up the files of statistics that are given in place of a model"},
    {"requantize", 0, NULL, "take a model that is quantized in part"},
    HMLC_DIM_OPTION,
    HMLC_JOBS_OPTION,
    HML_COMMON_OPTIONS,
};

static void tell_statistics(hml_report *report, const char *path, const hmlc_statistics *statistics)
{
    uint64_t nan = 0, inf = 0;
    for (uint32_t i = 0; i < statistics->tensor_count; i++) {
        nan += statistics->tensors[i].nan;
        inf += statistics->tensors[i].inf;
    }
    if (report->json) {
        hml_json_string(&report->data, "output", path);
        hml_json_unsigned(&report->data, "samples", statistics->sample_count);
        hml_json_unsigned(&report->data, "tensors", statistics->tensor_count);
        hml_json_unsigned(&report->data, "nan", nan);
        hml_json_unsigned(&report->data, "infinite", inf);
        return;
    }
    if (nan + inf > 0) {
        hml_report_note(report, "%" PRIu64 " elements were NaN and %" PRIu64 " infinite: left out",
                        nan, inf);
    }
    if (!report->quiet) {
        hml_print_text(stdout, path);
        printf(": %u value%s over %u sample%s\n", HML_COUNTED(statistics->tensor_count),
               HML_COUNTED(statistics->sample_count));
    }
}

/* -- merging ----------------------------------------------------------------------------------- */

static int merge_one(hml_report *report, const char *path, hmlc_statistics **sum)
{
    hmlc_statistics *next = NULL;
    int status = hmlc_statistics_file_read(report, path, &next);
    if (status != HMLC_OK || *sum == NULL) {
        *sum = next;
        return status;
    }
    hmlc_diagnostics *list = hmlc_diagnostics_create((*sum)->arena, 0);
    status = list != NULL ? (int)hmlc_statistics_merge(*sum, next, list) : HMLC_RESOURCE;
    const hmlc_diagnostic *d = list != NULL ? hmlc_diagnostics_first(list) : NULL;
    if (d != NULL) {
        char message[512];
        (void)snprintf(message, sizeof message, "%s: %s", path, d->message);
        hml_report_add(report, &(hml_finding){HML_ERROR, hmlc_error_get_info(d->error)->number,
                                              message, d->hint, ""});
    }
    hmlc_statistics_release(next);
    return status;
}

static int merge(const hml_options *options, hml_report *report, const char *output)
{
    hmlc_statistics *sum = NULL;
    hml_input_files inputs = {0};
    const char *path;
    int status = HMLC_OK;
    for (size_t k = 0; status == HMLC_OK && (path = hml_options_at(options, NULL, k)) != NULL;
         k++) {
        hmlc_statistics *before = sum;
        status = merge_one(report, path, &sum);
        if (status != HMLC_OK && before != sum) {
            hmlc_statistics_release(before);
        }
    }
    if (status == HMLC_OK) {
        status = hmlc_statistics_file_write(report, output, &inputs, sum);
    }
    if (status == HMLC_OK) {
        tell_statistics(report, output, sum);
    }
    hmlc_statistics_release(sum);
    return status;
}

/* -- calibrating ------------------------------------------------------------------------------- */

/* Statistics that --resume finds must be of this model as this version sees it. */
static int resume(hmlc_quantizing *q)
{
    int status = hmlc_statistics_file_read(q->report, q->output, &q->statistics);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_statistics *fresh = hmlc_quantize_statistics(q->plan, q->model);
    if (fresh == NULL) {
        return hml_report_status(q->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    status = (int)hmlc_statistics_merge(fresh, q->statistics, q->job.module->diagnostics);
    hmlc_statistics_release(q->statistics);
    q->statistics = fresh;
    return status;
}

/* Is there something to go on with? A run that was interrupted at once left nothing. */
static bool has_file(const char *path)
{
    hml_tool_error error = {0};
    return hml_path_check(path, HML_PATH_FILE, &error) == HML_OK;
}

static int calibrate(hmlc_quantizing *q)
{
    int status = HMLC_OK;
    if (hml_options_get(q->options, "resume") != NULL && has_file(q->output)) {
        status = resume(q);
    }
    status = status == HMLC_OK ? hmlc_quantizing_samples(q) : status;
    status = status == HMLC_OK ? hmlc_quantizing_calibrate(q) : status;
    if (status != HMLC_OK && q->signal == 0) {
        return status;
    }
    int written =
        hmlc_statistics_file_write(q->report, q->output, &q->samples.files, q->statistics);
    if (written == HMLC_OK && q->signal != 0) {
        hml_report_note(q->report, "interrupted: %s holds %u sample%s, --resume goes on", q->output,
                        HML_COUNTED(q->statistics->sample_count));
    } else if (written == HMLC_OK) {
        tell_statistics(q->report, q->output, q->statistics);
    }
    return written != HMLC_OK ? written : status;
}

static int calibrate_with(const hml_options *options, hml_report *report)
{
    const char *output = hml_options_get(options, "output");
    bool merging = hml_options_get(options, "merge") != NULL;
    if (output == NULL || output[0] == '\0') {
        return hml_report_usage(report, "expected -o STATS.hms");
    }
    if (merging) {
        return hml_options_get(options, "calib") == NULL &&
                       hml_options_get(options, "resume") == NULL
                   ? merge(options, report, output)
                   : hml_report_usage(report, "--merge takes files of statistics, no samples");
    }
    if (hml_options_count(options, NULL) != 1) {
        return hml_report_usage(report, "expected one model file");
    }
    hmlc_quantizing q = {.output = output};
    int status = hmlc_quantizing_open(&q, options, report, output);
    status = status == HMLC_OK ? calibrate(&q) : status;
    status = hmlc_quantizing_tell(&q, status);
    hmlc_quantizing_release(&q);
    return status;
}

const hml_command hmlc_command_calibrate = {
    .name = "calibrate",
    .words = "MODEL -o STATS.hms --calib DIR",
    .summary = "count what values a model's nodes see over samples",
    .purpose =
        "Runs a model on samples and writes statistics of the values that `quantize` needs ranges\n"
        "of: extremes, sums, histograms. They are exact, so that files of parts merge to the "
        "bytes\n"
        "of the whole. With --merge, A.hms B.hms ... take the place of the model.\n",
    .options = calibrate_table,
    .option_count = sizeof calibrate_table / sizeof calibrate_table[0],
    .examples = {"calibrate model.onnx --calib samples -o model.hms",
                 "calibrate --merge first.hms second.hms -o both.hms"},
    .least_words = 1,
    .most_words = HML_MOST_WORDS,
    .expected = "one model file, or files of statistics",
    .environment = HMLC_COMPILER_ENVIRONMENT,
    .run = calibrate_with,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* From the options of quantize and compile --quantize to a plan that is decided. */
#include <hmlc/save.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "metric_command.h"
#include "quantizing.h"

/* -- options ----------------------------------------------------------------------------------- */

static int parse_ranges(hml_report *report, const char *word, hmlc_quantize_options *options)
{
    static const char *const words[] = {"auto", "minmax", "percentile", "entropy", "mse"};
    static const hmlc_ranges rules[] = {HMLC_RANGES_AUTO, HMLC_RANGES_MINMAX,
                                        HMLC_RANGES_PERCENTILE, HMLC_RANGES_ENTROPY,
                                        HMLC_RANGES_MSE};
    char suggestion[96];
    size_t length = word != NULL ? strcspn(word, "=") : 0;
    options->percentile = 99.99;
    if (word == NULL) {
        return HMLC_OK;
    }
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strlen(words[k]) == length && memcmp(words[k], word, length) == 0) {
            char *end = NULL;
            options->ranges = rules[k];
            if (word[length] == '=') {
                options->percentile = strtod(word + length + 1, &end);
            }
            bool good = rules[k] == HMLC_RANGES_PERCENTILE
                            ? end == NULL || (*end == '\0' && end != word + length + 1)
                            : end == NULL;
            if (good && options->percentile > 50 && options->percentile <= 100) {
                return HMLC_OK;
            }
            return hml_report_usage(report, "--ranges %s: expected percentile=P, P from 50 to 100",
                                    word);
        }
    }
    return hml_report_usage(report, "--ranges %s: there is no such rule%s", word,
                            hml_did_you_mean(word, words, 5, suggestion, sizeof suggestion));
}

/* Words that are no metric are a command. */
static int parse_metric(hmlc_quantizing *q, const hml_options *options, hml_report *report)
{
    static const char *const words[] = {"top1", "cosine", "sqnr"};
    static const hmlc_metric metrics[] = {HMLC_METRIC_TOP1, HMLC_METRIC_COSINE, HMLC_METRIC_SQNR};
    const char *drop = hml_options_get(options, "max-drop");
    const char *word = hml_options_get(options, "metric");
    char *end = NULL;
    if (drop == NULL || word == NULL) {
        return drop == NULL && word == NULL
                   ? HMLC_OK
                   : hml_report_usage(report, "--max-drop and --metric go together");
    }
    q->choices.max_drop = strtod(drop, &end);
    if (end == drop || *end != '\0' || !isfinite(q->choices.max_drop) || q->choices.max_drop < 0) {
        return hml_report_usage(report, "--max-drop %s: expected a number that is not negative",
                                drop);
    }
    q->choices.metric = HMLC_METRIC_COMMAND;
    q->metric = word;
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strcmp(words[k], word) == 0) {
            q->choices.metric = metrics[k];
        }
    }
    if (word[strspn(word, " \t")] == '\0') {
        return hml_report_usage(report, "--metric is empty");
    }
    return hml_options_get(options, "calib") != NULL
               ? HMLC_OK
               : hml_report_usage(report, "--max-drop is judged on samples: give --calib DIR too");
}

const char *hmlc_quantizing_word(const hml_options *options, const char *keep, const char *but)
{
    const char *const words[] = {"calib",  "stats",  "ranges",     "max-drop",
                                 "metric", "report", "requantize", keep};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        bool passed = but != NULL && strcmp(words[k], but) == 0;
        if (!passed && hml_options_get(options, words[k]) != NULL) {
            return words[k];
        }
    }
    return NULL;
}

/* Options that speak of samples, given where none are taken. */
static int parse_dynamic(const hml_options *options, hml_report *report)
{
    static const char *const words[] = {"calib", "stats", "ranges", "max-drop", "metric"};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (hml_options_get(options, words[k]) != NULL) {
            return hml_report_usage(report, "--%s has no meaning for int8-dynamic", words[k]);
        }
    }
    return HMLC_OK;
}

int hmlc_quantizing_parse(hmlc_quantizing *q, const hml_options *options, hml_report *report,
                          const char *word)
{
    q->dynamic = word != NULL && strcmp(word, "int8-dynamic") == 0;
    if (q->dynamic) {
        return parse_dynamic(options, report);
    }
    int status = parse_ranges(report, hml_options_get(options, "ranges"), &q->choices);
    return status == HMLC_OK ? parse_metric(q, options, report) : status;
}

/* -- the score of a command -------------------------------------------------------------------- */

static hmlc_status write_scored(hmlc_quantizing *q, const hmlc_quantize_plan *plan,
                                const char *path)
{
    hmlc_module *quantized = NULL;
    hmlc_save_options options = {.producer_version = HMLC_VERSION};
    FILE *stream = fopen(path, "wb");
    hmlc_status status = hmlc_module_clone(q->job.module, NULL, &quantized);
    status = status == HMLC_OK ? hmlc_quantize_apply(plan, quantized) : status;
    status =
        status == HMLC_OK && stream != NULL ? hmlc_onnx_save(quantized, &options, stream) : status;
    bool written = stream != NULL && ferror(stream) == 0;
    written = (stream == NULL || fclose(stream) == 0) && written;
    hmlc_module_destroy(quantized);
    if (status == HMLC_OK && !written) {
        return hmlc_error_add(q->job.module->diagnostics, HMLC_ERROR_output_unwritable, NULL, NULL,
                              "%s: a model for the metric cannot be written", path);
    }
    return status;
}

static hmlc_status score_plan(void *context, const hmlc_quantize_plan *plan, double *score)
{
    hmlc_quantizing *q = context;
    char folder[4096], path[4200], text[300] = "";
    HMLC_TRY(hmlc_model_runner_folder(&q->runner, folder, sizeof folder));
    (void)snprintf(path, sizeof path, "%s/model.onnx", folder);
    hmlc_status status = write_scored(q, plan, path);
    if (status == HMLC_OK && !hmlc_metric_run(q->metric, path, score, text, sizeof text)) {
        status = hmlc_error_add(q->job.module->diagnostics, HMLC_ERROR_metric_failed, NULL, NULL,
                                "--metric '%s': %s", q->metric, text);
    }
    (void)unlink(path);
    (void)rmdir(folder);
    return status;
}

/* -- deciding ---------------------------------------------------------------------------------- */

static int keep_nodes(hmlc_quantizing *q, const char *option)
{
    const char *list;
    for (size_t k = 0; (list = hml_options_at(q->options, option, k)) != NULL; k++) {
        char *words = strdup(list), *rest = NULL;
        if (words == NULL) {
            return hml_report_status(q->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
        }
        for (char *word = strtok_r(words, ",", &rest); word != NULL;
             word = strtok_r(NULL, ",", &rest)) {
            if (!hmlc_quantize_keep(q->plan, word)) {
                int status = hml_report_usage(
                    q->report,
                    "--%s %s: no node that could be quantized has this name, or operator; "
                    "`--report` lists them",
                    option, word);
                free(words);
                return status;
            }
        }
        free(words);
    }
    return HMLC_OK;
}

/* Statistics from --stats, or of the samples. */
static int find_statistics(hmlc_quantizing *q)
{
    const char *path = hml_options_get(q->options, "stats");
    int status = HMLC_OK;
    if (path != NULL) {
        status = hmlc_statistics_file_read(q->report, path, &q->statistics);
        if (status == HMLC_OK && q->statistics->model != q->model) {
            return (int)hmlc_error_add(q->job.module->diagnostics, HMLC_ERROR_statistics_other,
                                       NULL, NULL,
                                       "%s was made from another model, or with other "
                                       "--dim",
                                       path);
        }
    }
    if (status == HMLC_OK && (path == NULL || hml_options_get(q->options, "calib") != NULL)) {
        status = hmlc_quantizing_samples(q);
    }
    return status == HMLC_OK && path == NULL ? hmlc_quantizing_calibrate(q) : status;
}

/* Ranges and weights from statistics, and, where samples are there, what they say. */
static hmlc_status choose(hmlc_quantizing *q)
{
    HMLC_TRY(hmlc_quantize_decide(q->plan, &q->choices, q->statistics));
    if (q->samples.count == 0) {
        return HMLC_OK;
    }
    q->choices.score = score_plan;
    q->choices.context = q;
    q->runner = (hmlc_model_runner){.job = &q->job, .samples = &q->samples};
    hmlc_runner runner = hmlc_model_runner_begin(&q->runner);
    hmlc_status status = hmlc_quantize_tune(q->plan, &q->choices, q->statistics, &runner);
    q->signal = hmlc_model_runner_end(&q->runner);
    return status;
}

int hmlc_quantizing_decide(hmlc_quantizing *q, const char *keep)
{
    int status = keep_nodes(q, keep);
    status = status == HMLC_OK && !q->dynamic ? find_statistics(q) : status;
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_status chosen = q->dynamic ? hmlc_quantize_decide_dynamic(q->plan) : choose(q);
    if (q->signal != 0 && chosen != HMLC_OK) {
        return hmlc_quantizing_end(q, chosen);
    }
    if ((chosen == HMLC_OK || chosen == HMLC_NO) && hmlc_quantize_count(q->plan) == 0) {
        return (int)hmlc_error_add(q->job.module->diagnostics, HMLC_ERROR_nothing_quantized, NULL,
                                   NULL, "no node is left to be quantized");
    }
    return hmlc_quantizing_end(q, chosen);
}

/* Tables that are looked up become small too: they are half of many a model. */
static hmlc_status apply_dynamic(const hmlc_quantizing *q, hmlc_module *module)
{
    hmlc_weights_result result;
    hmlc_weights_options rows = {.bits = HMLC_QUANTIZE_8_BITS, .rows_alone = true};
    HMLC_TRY(hmlc_quantize_apply_dynamic(q->plan, module));
    return hmlc_quantize_weights_alone(module, &rows, &result);
}

hmlc_status hmlc_quantizing_apply(const hmlc_quantizing *q, hmlc_module *module)
{
    return q->dynamic ? apply_dynamic(q, module) : hmlc_quantize_apply(q->plan, module);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "quantizing_weights.h"

#include <string.h>

const hmlc_weights_alone *hmlc_weights_alone_find(const char *word)
{
    static const hmlc_weights_alone rows[] = {
        {"weights-int8", HMLC_WEIGHTS_F32, HMLC_QUANTIZE_8_BITS},
        {"weights-int4", HMLC_WEIGHTS_F32, HMLC_QUANTIZE_4_BITS},
        {"f16", HMLC_WEIGHTS_F16, 0},
        {"bf16", HMLC_WEIGHTS_BF16, 0}};
    for (size_t k = 0; word != NULL && k < sizeof rows / sizeof rows[0]; k++) {
        if (strcmp(word, rows[k].word) == 0) {
            return &rows[k];
        }
    }
    return NULL;
}

int hmlc_weights_alone_check(const hml_options *options, hml_report *report, const char *keep,
                             const hmlc_weights_alone *alone)
{
    bool integers = alone->halves == HMLC_WEIGHTS_F32;
    const char *word = hmlc_quantizing_word(options, keep, integers ? "calib" : NULL);
    return word == NULL ? HMLC_OK
                        : hml_report_usage(report, "--%s has no meaning for weights alone", word);
}

/* -- samples ----------------------------------------------------------------------------------- */

static int read_samples(hmlc_weights_work *work, hml_report *report)
{
    const char *folder;
    int status = HMLC_OK;
    size_t k = 0;
    for (; status == HMLC_OK && (folder = hml_options_at(work->options, "calib", k)) != NULL; k++) {
        status = hmlc_samples_add(&work->samples, report, folder);
    }
    return status == HMLC_OK && k > 0 ? hmlc_samples_check(&work->samples, report, 0) : status;
}

/* Integers, by samples where there are some. A signal ends it: nothing is written then. */
static int store_integers(hmlc_job *job, hmlc_weights_work *work)
{
    hmlc_model_runner running = {.job = job, .samples = &work->samples};
    hmlc_weights_options options = {.bits = work->alone->bits};
    bool measured = work->samples.count > 0;
    hmlc_runner runner;
    if (measured) {
        runner = hmlc_model_runner_begin(&running);
        options.runner = &runner;
    }
    hmlc_status stored = hmlc_quantize_weights_alone(job->module, &options, &work->result);
    int signal = measured ? hmlc_model_runner_end(&running) : 0;
    if (signal != 0 && stored != HMLC_OK) {
        return 128 + signal;
    }
    int status = hmlc_model_runner_status(&running, stored);
    if (status == HMLC_OK && work->result.count == 0) {
        status = (int)hmlc_error_add(job->module->diagnostics, HMLC_ERROR_nothing_quantized, NULL,
                                     NULL, "no product has constant weights in f32, 4,096 or more");
    }
    return status;
}

void hmlc_weights_alone_tell(const hmlc_weights_work *work, hml_report *report)
{
    const hmlc_weights_result *result = &work->result;
    double part = result->measured > 0 ? result->error / result->measured : 1;
    if (work->samples.count == 0) {
        return;
    }
    if (report->json) {
        hml_json_unsigned(&report->data, "weights", result->count);
        hml_json_unsigned(&report->data, "weights_measured", result->measured);
        hml_json_real(&report->data, "error_of_nearest", part);
        return;
    }
    hml_report_note(report,
                    "%u of %u weights by samples: results have %.3g of the squared error that "
                    "the nearest integers give",
                    result->measured, result->count, part);
}

/* -- all of it --------------------------------------------------------------------------------- */

int hmlc_weights_alone_open(hmlc_job *job, hmlc_request *request, const char *output,
                            hmlc_weights_work *work)
{
    request->pipeline = "clean";
    int status = hmlc_path_check(request->report, request->model_path, output);
    status = status == HMLC_OK ? (int)hmlc_job_import(job, request) : status;
    status = status == HMLC_OK ? hmlc_job_guard(job, output) : status;
    status = status == HMLC_OK ? (int)hmlc_job_lower(job) : status;
    status = status == HMLC_OK ? read_samples(work, request->report) : status;
    if (status == HMLC_OK && work->alone->halves != HMLC_WEIGHTS_F32) {
        return (int)hmlc_store_weights(job->module, work->alone->halves);
    }
    return status == HMLC_OK ? store_integers(job, work) : status;
}

int hmlc_weights_alone_quantize(const hml_options *options, hml_report *report, const char *output,
                                const hmlc_weights_alone *alone)
{
    hmlc_request request;
    hmlc_job job = {0};
    hmlc_weights_work work = {.options = options, .alone = alone};
    int status = hmlc_weights_alone_check(options, report, "keep", alone);
    if (status != HMLC_OK) {
        return status;
    }
    status = hmlc_request_parse(&request, report, options);
    request.model_path = report->path;
    status = status == HMLC_OK ? hmlc_weights_alone_open(&job, &request, output, &work) : status;
    status = status == HMLC_OK ? hmlc_job_write_onnx(&job, job.module, output, &work.samples.files)
                               : status;
    if (status == HMLC_OK) {
        hmlc_weights_alone_tell(&work, report);
    }
    if (job.module != NULL && status < 128) {
        hmlc_job_report(&job, report);
    }
    hmlc_samples_release(&work.samples);
    hmlc_job_release(&job);
    hmlc_request_release(&request);
    return status;
}

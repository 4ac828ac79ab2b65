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

int hmlc_weights_alone_check(const hml_options *options, hml_report *report, const char *keep)
{
    const char *word = hmlc_quantizing_word(options, keep);
    return word == NULL ? HMLC_OK
                        : hml_report_usage(report, "--%s has no meaning for weights alone", word);
}

static int store(hmlc_module *module, const hmlc_weights_alone *alone)
{
    uint32_t count = 0;
    if (alone->halves != HMLC_WEIGHTS_F32) {
        return (int)hmlc_store_weights(module, alone->halves);
    }
    int status = (int)hmlc_quantize_weights_alone(module, alone->bits, &count);
    if (status == HMLC_OK && count == 0) {
        status = (int)hmlc_error_add(module->diagnostics, HMLC_ERROR_nothing_quantized, NULL, NULL,
                                     "no product has constant weights in f32, 4,096 or more");
    }
    return status;
}

int hmlc_weights_alone_open(hmlc_job *job, hmlc_request *request, const char *output,
                            const hmlc_weights_alone *alone)
{
    request->pipeline = "clean";
    int status = hmlc_path_check(request->report, request->model_path, output);
    status = status == HMLC_OK ? (int)hmlc_job_import(job, request) : status;
    status = status == HMLC_OK ? hmlc_job_guard(job, output) : status;
    status = status == HMLC_OK ? (int)hmlc_job_lower(job) : status;
    return status == HMLC_OK ? store(job->module, alone) : status;
}

int hmlc_weights_alone_quantize(const hml_options *options, hml_report *report, const char *output,
                                const hmlc_weights_alone *alone)
{
    hmlc_request request;
    hmlc_job job = {0};
    int status = hmlc_weights_alone_check(options, report, "keep");
    if (status != HMLC_OK) {
        return status;
    }
    status = hmlc_request_parse(&request, report, options);
    request.model_path = report->path;
    status = status == HMLC_OK ? hmlc_weights_alone_open(&job, &request, output, alone) : status;
    status = status == HMLC_OK ? hmlc_job_write_onnx(&job, job.module, output, NULL) : status;
    if (job.module != NULL) {
        hmlc_job_report(&job, report);
    }
    hmlc_job_release(&job);
    hmlc_request_release(&request);
    return status;
}

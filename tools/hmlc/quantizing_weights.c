/* SPDX-License-Identifier: Apache-2.0 */
#include "quantizing_weights.h"

#include <string.h>

bool hmlc_weights_alone_word(const char *word, hmlc_quantize_bits *bits)
{
    bool narrow = word != NULL && strcmp(word, "weights-int4") == 0;
    *bits = narrow ? HMLC_QUANTIZE_4_BITS : HMLC_QUANTIZE_8_BITS;
    return narrow || (word != NULL && strcmp(word, "weights-int8") == 0);
}

int hmlc_weights_alone_check(const hml_options *options, hml_report *report, const char *keep)
{
    const char *word = hmlc_quantizing_word(options, keep);
    return word == NULL ? HMLC_OK
                        : hml_report_usage(report, "--%s has no meaning for weights alone", word);
}

int hmlc_weights_alone_open(hmlc_job *job, hmlc_request *request, const char *output,
                            hmlc_quantize_bits bits)
{
    uint32_t count = 0;
    request->pipeline = "clean";
    int status = hmlc_path_check(request->report, request->model_path, output);
    status = status == HMLC_OK ? (int)hmlc_job_import(job, request) : status;
    status = status == HMLC_OK ? hmlc_job_guard(job, output) : status;
    status = status == HMLC_OK ? (int)hmlc_job_lower(job) : status;
    status =
        status == HMLC_OK ? (int)hmlc_quantize_weights_alone(job->module, bits, &count) : status;
    if (status == HMLC_OK && count == 0) {
        status = (int)hmlc_error_add(job->module->diagnostics, HMLC_ERROR_nothing_quantized, NULL,
                                     NULL, "no product has constant weights in f32, 4,096 or more");
    }
    return status;
}

int hmlc_weights_alone_quantize(const hml_options *options, hml_report *report, const char *output,
                                hmlc_quantize_bits bits)
{
    hmlc_request request;
    hmlc_job job = {0};
    int status = hmlc_weights_alone_check(options, report, "keep");
    if (status != HMLC_OK) {
        return status;
    }
    status = hmlc_request_parse(&request, report, options);
    request.model_path = report->path;
    status = status == HMLC_OK ? hmlc_weights_alone_open(&job, &request, output, bits) : status;
    status = status == HMLC_OK ? hmlc_job_write_onnx(&job, job.module, output, NULL) : status;
    if (job.module != NULL) {
        hmlc_job_report(&job, report);
    }
    hmlc_job_release(&job);
    hmlc_request_release(&request);
    return status;
}

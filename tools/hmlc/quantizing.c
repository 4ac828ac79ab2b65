/* SPDX-License-Identifier: Apache-2.0 */
#include "quantizing.h"

#define XXH_INLINE_ALL
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* -- the model --------------------------------------------------------------------------------- */

/* The graph as text, constants by their hash: what statistics and plans depend on, and not where
 * the file lies. */
static hmlc_status hash_module(const hmlc_module *module, uint64_t *hash)
{
    hmlc_text_buffer text = {0};
    hmlc_print_options options = {.locations = false, .storage = false};
    hmlc_status status = hmlc_module_print(module, &options, &text, NULL);
    if (status == HMLC_OK) {
        *hash = XXH3_64bits(text.data, text.size);
    }
    hmlc_text_buffer_free(&text);
    return status;
}

int hmlc_quantizing_tell(hmlc_quantizing *q, int status)
{
    if (q->job.module != NULL && status < 128) {
        hmlc_job_report(&q->job, q->report);
    }
    return status;
}

/* An op that quantizes or dequantizes, in any region; NULL without one. */
static const hmlc_op *find_quantized(const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize) {
            return op;
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            const hmlc_op *inner = find_quantized(op->regions[i]);
            if (inner != NULL) {
                return inner;
            }
        }
    }
    return NULL;
}

static hmlc_status check_float(hmlc_quantizing *q)
{
    const hmlc_op *op = hml_options_get(q->options, "requantize") != NULL
                            ? NULL
                            : find_quantized(q->job.module->main);
    return op == NULL ? HMLC_OK
                      : hmlc_error_add(q->job.module->diagnostics, HMLC_ERROR_quantized_already,
                                       op->location, "--requantize quantizes what is left in float",
                                       "the model is quantized already");
}

static hmlc_status prepare(hmlc_quantizing *q, const char *output)
{
    HMLC_TRY(hmlc_job_import(&q->job, &q->request));
    HMLC_TRY(check_float(q));
    if (output != NULL) {
        HMLC_TRY((hmlc_status)hmlc_job_guard(&q->job, output));
    }
    HMLC_TRY(hmlc_job_lower(&q->job));
    HMLC_TRY(hmlc_quantize_plan_create(q->job.module, &q->plan));
    return hash_module(q->job.module, &q->model);
}

int hmlc_quantizing_open(hmlc_quantizing *q, const hml_options *options, hml_report *report,
                         const char *output)
{
    q->options = options;
    q->report = report;
    q->request.report = report;
    int status = hmlc_request_parse(&q->request, report, options);
    q->request.model_path = report->path;
    q->request.pipeline = "clean";
    if (status == HMLC_OK) {
        status = hmlc_path_check(report, q->request.model_path, output);
    }
    return status != HMLC_OK ? status : (int)prepare(q, output);
}

/* -- samples and statistics -------------------------------------------------------------------- */

int hmlc_quantizing_samples(hmlc_quantizing *q)
{
    const char *folder;
    int status = HMLC_OK;
    for (size_t k = 0;
         status == HMLC_OK && (folder = hml_options_at(q->options, "calib", k)) != NULL; k++) {
        status = hmlc_samples_add(&q->samples, q->report, folder);
    }
    size_t besides = q->statistics != NULL ? q->statistics->sample_count : 0;
    return status == HMLC_OK ? hmlc_samples_check(&q->samples, q->report, besides) : status;
}

/* Diagnostics of a list that no job has. */
static void tell_list(hml_report *report, const hmlc_diagnostics *list)
{
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(list); d != NULL; d = d->next) {
        const hmlc_error_info *info = hmlc_error_get_info(d->error);
        hml_report_add(report, &(hml_finding){HML_ERROR, info->number, d->message,
                                              d->hint != NULL ? d->hint : info->explanation, ""});
    }
}

int hmlc_statistics_file_read(hml_report *report, const char *path, hmlc_statistics **statistics)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    hml_tool_error error = {0};
    hml_status status = hml_path_check(path, HML_PATH_FILE, &error);
    status = status == HML_OK ? hml_file_read(path, &data, &bytes, &error) : status;
    if (status != HML_OK) {
        return hml_report_status(report, status, &error);
    }
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_diagnostics *list = arena != NULL ? hmlc_diagnostics_create(arena, 0) : NULL;
    hmlc_status read = list != NULL
                           ? hmlc_statistics_read((char *)data, bytes, path, list, statistics)
                           : HMLC_RESOURCE;
    if (list != NULL) {
        tell_list(report, list);
    }
    if (read == HMLC_RESOURCE && hmlc_diagnostics_error_count(list) == 0) {
        (void)hml_report_status(report, HML_ERROR_out_of_memory, &error);
    }
    hmlc_arena_destroy(arena);
    free(data);
    return (int)read;
}

int hmlc_statistics_file_write(hml_report *report, const char *path, const hml_input_files *inputs,
                               const hmlc_statistics *statistics)
{
    hml_output_file file;
    hml_tool_error error = {0};
    hml_status status = hml_output_open(&file, path, inputs, &error);
    if (status == HML_OK) {
        hmlc_statistics_write(statistics, file.stream);
        status = hml_output_close(&file, &error);
    }
    return hml_report_status(report, status, &error);
}

/* What has been counted so far, for --resume. */
static hmlc_status write_checkpoint(void *context, bool due)
{
    hmlc_quantizing *q = context;
    return due ? (hmlc_status)hmlc_statistics_file_write(q->report, q->output, &q->samples.files,
                                                         q->statistics)
               : HMLC_OK;
}

/* A signal may have ended children, too: what they say then is no finding. */
int hmlc_quantizing_end(hmlc_quantizing *q, hmlc_status status)
{
    return q->signal != 0 && status != HMLC_OK ? 128 + q->signal
                                               : hmlc_model_runner_status(&q->runner, status);
}

int hmlc_quantizing_calibrate(hmlc_quantizing *q)
{
    if (q->statistics == NULL) {
        q->statistics = hmlc_quantize_statistics(q->plan, q->model);
    }
    if (q->statistics == NULL) {
        return hml_report_status(q->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    q->runner = (hmlc_model_runner){.job = &q->job,
                                    .samples = &q->samples,
                                    .checkpoint = q->output != NULL ? write_checkpoint : NULL,
                                    .context = q};
    hmlc_runner runner = hmlc_model_runner_begin(&q->runner);
    hmlc_status status = hmlc_quantize_calibrate(q->plan, &runner, q->statistics);
    q->signal = hmlc_model_runner_end(&q->runner);
    return hmlc_quantizing_end(q, status);
}

void hmlc_quantizing_release(hmlc_quantizing *q)
{
    hmlc_statistics_release(q->statistics);
    hmlc_quantize_plan_release(q->plan);
    hmlc_samples_release(&q->samples);
    hmlc_job_release(&q->job);
    hmlc_request_release(&q->request);
}

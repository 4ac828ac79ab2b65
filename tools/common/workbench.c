/* SPDX-License-Identifier: Apache-2.0 */
#include "workbench.h"

#include "clock.h"
#include "input_path.h"
#include "printable.h"

#include "platform/platform.h" /* as many threads as a pool takes by itself */

#include <stdio.h>
#include <stdlib.h>

/* -- Opening ----------------------------------------------------------------------------------- */

hml_status hml_workbench_note_file(hml_workbench *bench, const char *path, hml_tool_error *error)
{
    return hml_input_files_add(&bench->files, path)
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of inputs");
}

static hml_status parse_threads(hml_workbench *bench, const hml_options *options,
                                hml_tool_error *error)
{
    const char *word = hml_options_get(options, "threads");
    long long threads = 0;
    if (word != NULL && (!hml_parse_number(word, 1024, &threads) || threads == 0)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--threads %s': expected 1 to 1024", word);
    }
    bench->threads = (uint32_t)(threads != 0 ? threads : hml_platform_processors());
    return HML_OK;
}

hml_status hml_workbench_open(hml_workbench *bench, const char *path, uint32_t flags,
                              const hml_options *options, hml_tool_error *error)
{
    *bench = (hml_workbench){0};
    HML_TOOL_TRY(hml_path_check(path, HML_PATH_ARTIFACT, error));
    HML_TOOL_TRY(hml_workbench_note_file(bench, path, error));
    HML_TOOL_TRY(hml_workbench_parse_dims(bench, options, error));
    HML_TOOL_TRY(parse_threads(bench, options, error));
    hml_open_options open = {.struct_bytes = sizeof open,
                             .flags = flags,
                             .variant = hml_options_get(options, "variant"),
                             .message = error->text,
                             .message_bytes = sizeof error->text};
    double start = hml_milliseconds();
    HML_TOOL_TRY(hml_model_open(path, &open, &bench->model));
    bench->load_ms = hml_milliseconds() - start;
    bench->info.struct_bytes = sizeof bench->info;
    HML_TOOL_TRY(hml_model_describe(bench->model, &bench->info));
    return hml_workbench_check_dims(bench, error);
}

void hml_workbench_release(hml_workbench *bench)
{
    hml_session_destroy(bench->session);
    hml_pool_release(bench->pool);
    hml_model_release(bench->model);
    hml_tensor_list_release(&bench->inputs);
    hml_input_files_release(&bench->files);
    free(bench->random);
    free(bench->dim_text);
    *bench = (hml_workbench){0};
}

/* -- Running ----------------------------------------------------------------------------------- */

static hml_status session_failed(const hml_workbench *bench, hml_status status,
                                 hml_tool_error *error)
{
    snprintf(error->text, sizeof error->text, "%s", hml_session_error(bench->session));
    return status;
}

static hml_status bind_inputs(hml_workbench *bench, hml_tool_error *error)
{
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        if (bench->inputs.tensors[i].name == NULL) {
            continue; /* the run names it as missing */
        }
        hml_status status = hml_bind_input(bench->session, i, &bench->inputs.tensors[i].tensor);
        if (status != HML_OK) {
            return session_failed(bench, status, error);
        }
    }
    return HML_OK;
}

static hml_status start_session(hml_workbench *bench, hml_tool_error *error)
{
    if (bench->threads > 1) {
        hml_pool_options pool = {.struct_bytes = sizeof pool, .threads = bench->threads};
        hml_status status = hml_pool_create(&pool, &bench->pool);
        if (status != HML_OK) {
            return HML_TOOL_FAIL(error, status, "%s", "");
        }
    }
    hml_session_options session = {.struct_bytes = sizeof session,
                                   .pool = bench->pool,
                                   .message = error->text,
                                   .message_bytes = sizeof error->text};
    HML_TOOL_TRY(hml_session_create(bench->model, &session, &bench->session));
    return bind_inputs(bench, error);
}

hml_status hml_workbench_run(hml_workbench *bench, hml_tool_error *error)
{
    hml_status status = hml_run(bench->session);
    return status == HML_OK ? HML_OK : session_failed(bench, status, error);
}

static void stop(hml_workbench *bench)
{
    hml_session_destroy(bench->session);
    hml_pool_release(bench->pool);
    bench->session = NULL;
    bench->pool = NULL;
}

static hml_status start_and_run(hml_workbench *bench, hml_tool_error *error)
{
    double start = hml_milliseconds();
    HML_TOOL_TRY(start_session(bench, error));
    HML_TOOL_TRY(hml_workbench_run(bench, error));
    bench->first_run_ms = hml_milliseconds() - start;
    return HML_OK;
}

static void tell_details(const hml_workbench *bench, hml_report *report)
{
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    if (hml_model_variant(bench->model, bench->info.variant, &variant) == HML_OK) {
        hml_report_detail(report, "variant %s: %u step%s; %u thread%s", variant.name,
                          HML_COUNTED(variant.step_count), HML_COUNTED(bench->threads));
    }
    hml_report_detail(report, "loaded in %.3g ms, first run in %.3g ms", bench->load_ms,
                      bench->first_run_ms);
}

hml_status hml_workbench_first_run(hml_workbench *bench, const hml_options *options,
                                   hml_report *report, hml_tool_error *error)
{
    hml_status status = start_and_run(bench, error);
    if (status != HML_OK && hml_workbench_choose_dims(bench, options, status)) {
        stop(bench);
        HML_TOOL_TRY(hml_workbench_randomize(bench, options, error));
        status = start_and_run(bench, error);
    }
    if (status == HML_OK) {
        hml_workbench_tell_dims(bench, report);
        tell_details(bench, report);
    }
    return status;
}

/* -- Expected outputs -------------------------------------------------------------------------- */

static uint32_t find_output(const hml_workbench *bench, const char *name, uint32_t otherwise)
{
    uint32_t index = otherwise;
    return hml_model_find_output(bench->model, name, &index) == HML_OK ? index : otherwise;
}

/* Decoders store some of their outputs only, so numbers may be missing in between. */
hml_status hml_workbench_compare(hml_workbench *bench, const char *folder,
                                 const hml_tolerance *tolerance, hml_output_comparison *results,
                                 size_t *expected, hml_tool_error *error)
{
    *expected = 0;
    for (uint32_t i = 0; i < bench->info.output_count; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        HML_TOOL_TRY(hml_model_output(bench->model, i, &info));
        results[i] = (hml_output_comparison){.name = info.name};
    }
    for (uint32_t i = 0; i <= bench->info.output_count; i++) {
        hml_tensor_list list = {0};
        hml_tensor found;
        bool present = false;
        HML_TOOL_TRY(hml_numbered_tensor_read(folder, "output", i, &present, &list, error));
        if (!present) {
            continue;
        }
        uint32_t index = find_output(bench, list.tensors[0].name, i);
        if (index >= bench->info.output_count) {
            hml_tensor_list_release(&list);
            return HML_TOOL_FAIL(error, HML_ERROR_usage,
                                 "%s/output_%u.pb is there, but the model has %u output%s", folder,
                                 i, HML_COUNTED(bench->info.output_count));
        }
        hml_status status = hml_session_output(bench->session, index, &found);
        if (status == HML_OK) {
            results[index].compared = true;
            hml_tensor_compare(&found, &list.tensors[0].tensor, tolerance,
                               &results[index].comparison);
            (*expected)++;
        }
        hml_tensor_list_release(&list);
        HML_TOOL_TRY(status);
    }
    return HML_OK;
}

void hml_comparison_text(const hml_comparison *comparison, char *text, size_t bytes)
{
    if (!comparison->same_type || !comparison->same_shape) {
        snprintf(text, bytes, "the %s differs", comparison->same_type ? "shape" : "type");
    } else if (comparison->equal) {
        snprintf(text, bytes, "equal, largest difference %.3g", comparison->largest_difference);
    } else {
        snprintf(text, bytes, "%zu of %zu differ; most at element %zu: found %.9g, expected %.9g",
                 comparison->differing, comparison->count, comparison->worst,
                 comparison->worst_found, comparison->worst_expected);
    }
}

/* hmlc compare: an artifact's outputs against the reference interpreter's, from the same inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "common/printable.h"
#include "common/workbench.h"

static const hml_option compare_table[] = {
    HML_INPUT_OPTIONS,
    {"rtol", 0, "R", "relative tolerance; default 1e-3, bf16 2^-6"},
    {"atol", 0, "A", "absolute tolerance; default max(1e-5, 2e-5 x largest |reference|)"},
    HML_COMMON_OPTIONS,
};

typedef struct comparing {
    const hml_options *options;
    hmlc_request request;
    hmlc_job job;
    hml_workbench bench;
    hml_tool_error error;
    hmlc_arena *arena;
    hmlc_tensor *inputs, *outputs;
    uint32_t output_count;
    hml_tolerance tolerance;
} comparing;

/* The runtime's element types under the compiler's names. */
static hmlc_dtype compiler_dtype(hml_dtype dtype)
{
    hmlc_dtype found = HMLC_DTYPE_COUNT;
    const char *name = hml_dtype_name(dtype);
    (void)hmlc_dtype_from_name(name, strlen(name), &found);
    return found;
}

static hmlc_tensor as_compiler_tensor(const hml_tensor *tensor)
{
    hmlc_tensor result = {.dtype = compiler_dtype(tensor->dtype),
                          .rank = (int32_t)tensor->rank,
                          .data = tensor->data,
                          .bytes = tensor->bytes};
    memcpy(result.dims, tensor->dims, sizeof tensor->dims);
    return result;
}

static hml_tensor as_runtime_tensor(const hmlc_tensor *tensor, hml_dtype dtype)
{
    union {
        const void *readable;
        void *borrowed; /* the comparison only reads */
    } data = {.readable = tensor->data};
    hml_tensor result = {.data = data.borrowed,
                         .bytes = tensor->bytes,
                         .dtype = dtype,
                         .rank = (uint32_t)tensor->rank};
    memcpy(result.dims, tensor->dims, sizeof result.dims);
    return result;
}

/* -- both sides -------------------------------------------------------------------------------- */

static int run_artifact(comparing *c)
{
    const char *path = hml_options_at(c->options, NULL, 1);
    hml_status status = hml_workbench_open(&c->bench, path, 0, c->options, &c->error);
    if (status == HML_OK) {
        status = hml_workbench_load_inputs(&c->bench, c->options, &c->error);
    }
    if (status == HML_OK) {
        status = hml_workbench_start(&c->bench, c->options, &c->error);
    }
    if (status == HML_OK) {
        status = hml_workbench_run(&c->bench, &c->error);
    }
    if (status != HML_OK) {
        c->request.report->path = path; /* the artifact is to blame, not the model */
    }
    return hml_report_status(c->request.report, status, &c->error);
}

static hmlc_status run_reference(comparing *c)
{
    HMLC_TRY(hmlc_job_import(&c->job, &c->request));
    const hmlc_region *main = c->job.module->main;
    c->output_count = main->last->operand_count;
    if (main->argument_count != c->bench.info.input_count ||
        c->output_count != c->bench.info.output_count) {
        return hmlc_error_add(c->job.module->diagnostics, HMLC_ERROR_input_unfit, NULL,
                              "compare an artifact with the model it was compiled from",
                              "model and artifact differ in their inputs or outputs");
    }
    c->arena = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(c->arena);
    c->inputs = HMLC_NEW_ARRAY(c->arena, hmlc_tensor, main->argument_count + 1);
    c->outputs = HMLC_NEW_ARRAY(c->arena, hmlc_tensor, c->output_count + 1);
    HMLC_TRY_MEMORY(c->inputs);
    HMLC_TRY_MEMORY(c->outputs);
    for (uint32_t k = 0; k < main->argument_count; k++) {
        c->inputs[k] = as_compiler_tensor(&c->bench.inputs.tensors[k].tensor);
    }
    return hmlc_interpret(c->job.module, c->inputs, main->argument_count, c->arena, c->outputs,
                          c->output_count);
}

/* -- the answer -------------------------------------------------------------------------------- */

static void tell_output(hml_report *report, const char *name, const hml_comparison *comparison,
                        const char *text)
{
    hml_json *json = &report->data;
    if (report->json) {
        hml_json_object(json, NULL);
        hml_json_string(json, "name", name);
        hml_json_bool(json, "equal", comparison->equal);
        hml_json_real(json, "largest_difference", comparison->largest_difference);
        hml_json_string(json, "comparison", text);
        hml_json_end(json);
    } else {
        hml_print_text(stdout, name);
        printf(": %s; largest difference %.3g\n", text, comparison->largest_difference);
    }
}

static bool compare_output(comparing *c, uint32_t index)
{
    hml_tensor found;
    hml_tensor_info info;
    if (hml_session_output(c->bench.session, index, &found) != HML_OK ||
        hml_model_output(c->bench.model, index, &info) != HML_OK) {
        return false;
    }
    hml_tensor expected = as_runtime_tensor(&c->outputs[index], found.dtype);
    hml_comparison comparison = {0};
    char text[256] = "element types differ";
    if (c->outputs[index].dtype == compiler_dtype(found.dtype)) {
        hml_tensor_compare(&found, &expected, &c->tolerance, &comparison);
        hml_comparison_text(&comparison, text, sizeof text);
    }
    tell_output(c->request.report, info.name, &comparison, text);
    return comparison.equal;
}

static int compare_outputs(comparing *c)
{
    hml_report *report = c->request.report;
    bool equal = true;
    if (report->json) {
        hml_json_array(&report->data, "outputs");
    }
    for (uint32_t k = 0; k < c->output_count; k++) {
        equal = compare_output(c, k) && equal;
    }
    if (report->json) {
        hml_json_end(&report->data);
        hml_json_bool(&report->data, "equal", equal);
    }
    return equal ? HMLC_OK
                 : hml_report_status(report, HML_ERROR_tolerance_exceeded, &(hml_tool_error){0});
}

static int compare_both(comparing *c)
{
    int exit_status = hmlc_path_check(c->request.report, c->request.model_path, NULL);
    if (exit_status == HMLC_OK) {
        exit_status = run_artifact(c);
    }
    if (exit_status != HMLC_OK) {
        return exit_status;
    }
    hmlc_status status = run_reference(c);
    hmlc_job_report(&c->job, c->request.report);
    return status == HMLC_OK ? compare_outputs(c) : (int)status;
}

static int compare_with(const hml_options *options, hml_report *report)
{
    comparing c = {.options = options,
                   .request = {.report = report, .model_path = hml_options_at(options, NULL, 0)}};
    const char *bad = hml_tolerance_from_options(options, &c.tolerance);
    if (bad != NULL) {
        return hml_report_usage(report, "--%s: expected a number that is not negative", bad);
    }
    int exit_status = compare_both(&c);
    hml_workbench_release(&c.bench);
    hmlc_arena_destroy(c.arena);
    hmlc_job_release(&c.job);
    return exit_status;
}

const hml_command hmlc_command_compare = {
    .name = "compare",
    .words = "MODEL OUT.hml",
    .summary = "compare an artifact with the reference interpreter",
    .purpose = "Runs an artifact and, from the same inputs, the model's graph in the reference "
               "interpreter,\n"
               "and tells how far their outputs are apart. Inputs are those of `run`.\n",
    .options = compare_table,
    .option_count = sizeof compare_table / sizeof compare_table[0],
    .examples = {"compare model.onnx model.hml",
                 "compare model.onnx model.hml --dim batch=3 --json"},
    .least_words = 2,
    .most_words = 2,
    .expected = "a model and its artifact",
    .no = "an output is out of tolerance",
    .environment = HML_RUNTIME_ENVIRONMENT,
    .run = compare_with,
};

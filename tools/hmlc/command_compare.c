/* hmlc compare: an artifact's outputs against the reference interpreter's, from the same inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "common/json.h"
#include "common/printable.h"
#include "common/workbench.h"

static const hml_option compare_table[] = {
    {"input", 0, "NAME=FILE", "data of an input: .npy, .npz or .pb; may be repeated"},
    {"test-data", 0, "DIR", "inputs: input_<i>.pb"},
    {"dim", 0, "NAME=N", "a dim of random inputs; may be repeated"},
    {"seed", 0, "N", "of random inputs; 0"},
    {"threads", 0, "N", "threads of the artifact's run"},
    {"rtol", 0, "R", "relative tolerance; default 1e-3"},
    {"atol", 0, "A", "absolute tolerance; default max(1e-5, 2e-5 x largest |reference|)"},
    {"json", 0, NULL, "the result as JSON"},
    {"help", 'h', NULL, "this list"},
};
enum { COMPARE_OPTIONS = sizeof compare_table / sizeof compare_table[0] };

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
    return status == HML_OK ? HMLC_OK : hml_tool_report(status, &c->error);
}

static hmlc_status run_reference(comparing *c)
{
    c->request.model_path = hml_options_at(c->options, NULL, 0);
    HMLC_TRY(hmlc_job_import(&c->job, &c->request));
    const hmlc_region *main = c->job.module->main;
    c->output_count = main->last->operand_count;
    if (main->argument_count != c->bench.info.input_count ||
        c->output_count != c->bench.info.output_count) {
        return hmlc_error_add(c->job.module->diagnostics, HMLC_ERROR_bad_usage, NULL,
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

static bool compare_output(comparing *c, uint32_t index, bool json)
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
    if (json) {
        printf("%s{\"name\":", index == 0 ? "" : ",");
        hml_json_string(stdout, info.name);
        printf(",\"equal\":%s,\"largest_difference\":", comparison.equal ? "true" : "false");
        hml_json_number(stdout, comparison.largest_difference);
        printf(",\"comparison\":");
        hml_json_string(stdout, text);
        printf("}");
    } else {
        hml_print_text(stdout, info.name);
        printf(": %s; largest difference %.3g\n", text, comparison.largest_difference);
    }
    return comparison.equal;
}

static int compare_outputs(comparing *c)
{
    bool json = hml_options_get(c->options, "json") != NULL, equal = true;
    printf("%s", json ? "{\"outputs\":[" : "");
    for (uint32_t k = 0; k < c->output_count; k++) {
        equal = compare_output(c, k, json) && equal;
    }
    printf("%s", json ? (equal ? "],\"equal\":true}\n" : "],\"equal\":false}\n") : "");
    return equal ? HMLC_OK : HMLC_NO;
}

static int compare_both(comparing *c)
{
    int exit_status = run_artifact(c);
    if (exit_status != HMLC_OK) {
        return exit_status;
    }
    hmlc_status status = run_reference(c);
    hmlc_job_print(&c->job);
    return status == HMLC_OK ? compare_outputs(c) : (int)status;
}

static int compare_with(const hml_options *options)
{
    comparing c = {.options = options};
    const char *bad = hml_tolerance_from_options(options, &c.tolerance);
    if (bad != NULL) {
        return hmlc_usage("compare", "--%s: expected a number that is not negative", bad);
    }
    if (hml_options_count(options, NULL) != 2) {
        return hmlc_usage("compare", "expected a model and its artifact");
    }
    int exit_status = compare_both(&c);
    hml_workbench_release(&c.bench);
    hmlc_arena_destroy(c.arena);
    hmlc_job_release(&c.job);
    return exit_status;
}

int hmlc_command_compare(int argc, char **argv)
{
    hml_options options;
    char message[256];
    int status;
    if (!hml_options_parse(&options, compare_table, COMPARE_OPTIONS, argc, argv, message,
                           sizeof message)) {
        status = hmlc_usage("compare", "%s", message);
    } else if (hml_options_get(&options, "help") != NULL) {
        printf("usage: hmlc compare MODEL OUT.hml [options]\n");
        hml_options_print(compare_table, COMPARE_OPTIONS);
        status = HMLC_OK;
    } else {
        status = compare_with(&options);
    }
    hml_options_release(&options);
    return status;
}

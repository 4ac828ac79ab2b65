/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc compare: an artifact's outputs against the reference interpreter's, from the same inputs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/printable.h"
#include "common/workbench.h"
#include "hmlc_commands.h"
#include "tensor_bridge.h"
#include "tensor_distance.h"

static const hml_option compare_table[] = {
    HML_INPUT_OPTIONS,
    {"layers", 0, NULL, "compare each value kept by `compile --keep`, too, in the model's order"},
    {"rtol", 0, "R", "relative tolerance; default 1e-3, bf16 2^-6"},
    {"atol", 0, "A", "absolute tolerance; default max(1e-5, 2e-5 x largest |reference|)"},
    HML_COMMON_OPTIONS,
};

/* What the interpreter says: of the model's graph, or of the kernels it is compiled to. */
typedef struct reference {
    hmlc_job job;
    hmlc_tensor *outputs;
    const char *const *names;
    uint32_t count;
} reference;

typedef struct comparing {
    const hml_options *options;
    hmlc_request request;
    hml_workbench bench;
    hml_tool_error error;
    hmlc_arena *arena;
    reference model, kernels;
    hml_tolerance tolerance;
    uint32_t differing;          /* outputs out of tolerance */
    const char *first_differing; /* of the layers */
} comparing;

/* -- both sides -------------------------------------------------------------------------------- */

static int run_artifact(comparing *c)
{
    const char *path = hml_options_at(c->options, NULL, 1);
    hml_status status = hml_workbench_open(&c->bench, path, 0, c->options, &c->error);
    if (status == HML_OK) {
        status = hml_workbench_load_inputs(&c->bench, c->options, &c->error);
    }
    if (status == HML_OK) {
        status = hml_workbench_first_run(&c->bench, c->options, c->request.report, &c->error);
    }
    if (status != HML_OK) {
        c->request.report->path = path; /* the artifact is to blame, not the model */
    }
    return hml_report_status(c->request.report, status, &c->error);
}

static hmlc_status interpret(comparing *c, reference *self)
{
    const uint32_t input_count = hmlc_module_input_count(self->job.module);
    self->count = hmlc_module_output_count(self->job.module);
    self->names = self->job.module->output_names;
    hmlc_tensor *inputs = HMLC_NEW_ARRAY(c->arena, hmlc_tensor, (size_t)input_count + 1);
    self->outputs = HMLC_NEW_ARRAY(c->arena, hmlc_tensor, self->count + 1);
    HMLC_TRY_MEMORY(inputs);
    HMLC_TRY_MEMORY(self->outputs);
    for (uint32_t k = 0; k < input_count; k++) {
        inputs[k] = hmlc_tensor_of(&c->bench.inputs.tensors[k].tensor);
    }
    return hmlc_interpret(self->job.module, inputs, input_count, c->arena, self->outputs,
                          self->count);
}

static bool has_input(const hml_workbench *bench, const hmlc_region *main, uint32_t index,
                      char *text, size_t bytes)
{
    const hmlc_value *argument = main->arguments[index];
    const char *name = argument->name != NULL ? argument->name : "";
    const hmlc_type *type = argument->type;
    hml_tensor_info info = {.struct_bytes = sizeof info};
    if (hml_model_input(bench->model, index, &info) != HML_OK || strcmp(info.name, name) != 0) {
        snprintf(text, bytes, "input %u is '%s' in the model, '%s' in the artifact", index, name,
                 info.name);
        return false;
    }
    bool same = info.rank == (uint32_t)type->rank &&
                strcmp(hml_dtype_name(info.dtype), hmlc_dtype_name(type->dtype)) == 0;
    snprintf(text, bytes, "input '%s' is %s of rank %d in the model, %s of rank %u in the artifact",
             name, hmlc_dtype_name(type->dtype), type->rank, hml_dtype_name(info.dtype), info.rank);
    return same;
}

/* Whether the artifact can be the model's; else what they do not have in common. */
static bool is_pair(const comparing *c, const hmlc_module *module, char *text, size_t bytes)
{
    const hmlc_region *main = module->main;
    const hml_model_info *info = &c->bench.info;
    uint32_t index, input_count = hmlc_module_input_count(module);
    if (input_count != info->input_count || module->state_count != info->state_count) {
        snprintf(text, bytes,
                 "the model has %u input%s and %u state%s, the artifact %u input%s and %u state%s",
                 HML_COUNTED(input_count), HML_COUNTED(module->state_count),
                 HML_COUNTED(info->input_count), HML_COUNTED(info->state_count));
        return false;
    }
    for (uint32_t k = 0; k < input_count; k++) {
        if (!has_input(&c->bench, main, k, text, bytes)) {
            return false;
        }
    }
    for (uint32_t k = 0; k < hmlc_module_output_count(module); k++) {
        const char *name = module->output_names[k];
        if (hml_model_find_output(c->bench.model, name != NULL ? name : "", &index) != HML_OK) {
            snprintf(text, bytes, "the artifact has no output '%s'", name != NULL ? name : "");
            return false;
        }
    }
    return true;
}

/* A dim of 0 is for the run: fixed in the graph it would leave a -1 of a reshape nothing to divide,
 * where the artifact, whose dim is open, has found what the -1 is. */
static void leave_empty_dims_open(hmlc_request *request)
{
    uint32_t kept = 0;
    for (uint32_t k = 0; k < request->dim_count; k++) {
        hmlc_dim_option dim = request->dims[k];
        bool empty = dim.same_as == NULL && dim.maximum == 0;
        request->dims[k] = request->dims[kept];
        request->dims[kept] = dim; /* what is left out comes last, and is still freed */
        kept += empty ? 0 : 1;
    }
    request->dim_count = kept;
}

static hmlc_status interpret_model(comparing *c)
{
    char text[512];
    reference *self = &c->model;
    leave_empty_dims_open(&c->request);
    HMLC_TRY(hmlc_job_import(&self->job, &c->request));
    if (!is_pair(c, self->job.module, text, sizeof text)) {
        return hmlc_error_add(self->job.module->diagnostics, HMLC_ERROR_pair_unequal, NULL,
                              "compare an artifact with the model it was compiled from", "%s: %s",
                              hml_options_at(c->options, NULL, 1), text);
    }
    return interpret(c, self);
}

/* The graph as it is compiled: its values between kernels have the artifact's names and layouts. */
static hmlc_status interpret_kernels(comparing *c)
{
    static const char *const all = "all";
    reference *self = &c->kernels;
    c->request.keep[0] = all;
    c->request.keep_count = 1;
    c->request.pipeline = "clean,form";
    HMLC_TRY(hmlc_job_import(&self->job, &c->request));
    HMLC_TRY(hmlc_job_lower(&self->job));
    if (c->bench.info.output_count <= c->model.count) {
        return hmlc_error_add(
            self->job.module->diagnostics, HMLC_ERROR_usage, NULL,
            "compile the model once more with `--keep all`; a graph of one kernel has none",
            "the artifact keeps no values between its layers");
    }
    return interpret(c, self);
}

/* -- the answer -------------------------------------------------------------------------------- */

typedef struct finding {
    const char *name;
    hmlc_dtype dtype;
    hml_comparison comparison;
    hml_distance distance;
} finding;

static void put_finding(hml_json *json, const finding *f)
{
    char text[256];
    hml_comparison_text(&f->comparison, text, sizeof text);
    hml_json_object(json, NULL);
    hml_json_string(json, "name", f->name);
    hml_json_bool(json, "equal", f->comparison.equal);
    hml_json_real(json, "largest_difference", f->comparison.largest_difference);
    hml_json_real(json, "rms_difference", f->distance.rms);
    hml_json_real(json, "rms_expected", f->distance.rms_expected);
    hml_json_real(json, "cosine", f->distance.cosine);
    hml_json_unsigned(json, "rows", f->distance.rows);
    hml_json_unsigned(json, "rows_same_top_1", f->distance.same_largest);
    hml_json_unsigned(json, "elements", f->comparison.count);
    hml_json_unsigned(json, "elements_differing", f->comparison.differing);
    hml_json_real(json, "atol", f->comparison.atol);
    hml_json_real(json, "rtol", f->comparison.rtol);
    hml_json_string(json, "comparison", text);
    hml_json_end(json);
}

static void print_finding(const finding *f)
{
    const hml_comparison *c = &f->comparison;
    char text[256];
    hml_comparison_text(c, text, sizeof text);
    hml_print_text(stdout, f->name);
    printf(": %s", text);
    if (!c->same_type || !c->same_shape) {
        printf("\n");
    } else if (hmlc_dtype_is_float(f->dtype)) {
        printf("\n  rms %.3g of %.3g, cosine %.7f, top-1 the same in %zu of %zu row%s; "
               "tolerance %.3g + %.3g x |expected|\n",
               f->distance.rms, f->distance.rms_expected, f->distance.cosine,
               f->distance.same_largest, HML_COUNTED(f->distance.rows), c->atol, c->rtol);
    } else {
        printf("\n  largest difference %.0f step%s, %zu of %zu elements; tolerance 0\n",
               HML_COUNTED(c->largest_difference), c->differing, c->count);
    }
}

/* Compares output `index` of the artifact with what was expected of it. */
static bool compare_output(comparing *c, uint32_t index, const hmlc_tensor *expected, finding *f)
{
    hml_tensor found;
    hml_tensor_info info = {.struct_bytes = sizeof info};
    if (hml_session_output(c->bench.session, index, &found) != HML_OK ||
        hml_model_output(c->bench.model, index, &info) != HML_OK) {
        return false;
    }
    hml_tensor wanted = hmlc_runtime_tensor_of(expected, found.dtype);
    *f = (finding){.name = info.name, .dtype = expected->dtype};
    if (expected->dtype == hmlc_dtype_of(found.dtype)) {
        hml_tensor_compare(&found, &wanted, &c->tolerance, &f->comparison);
        if (f->comparison.same_shape) {
            hml_tensor_distance(&found, &wanted, &f->distance);
        }
    }
    c->differing += f->comparison.equal ? 0 : 1;
    return true;
}

static void tell_finding(comparing *c, const finding *f)
{
    if (c->request.report->json) {
        put_finding(&c->request.report->data, f);
    } else {
        print_finding(f);
    }
}

static void compare_model(comparing *c)
{
    finding f;
    for (uint32_t k = 0; k < c->model.count; k++) {
        if (compare_output(c, k, &c->model.outputs[k], &f)) {
            tell_finding(c, &f);
        }
    }
}

/* Values of the artifact behind the model's own outputs, in the graph's order. */
static void compare_layers(comparing *c)
{
    for (uint32_t k = c->model.count; k < c->kernels.count; k++) {
        uint32_t index;
        finding f;
        if (hml_model_find_output(c->bench.model, c->kernels.names[k], &index) == HML_OK &&
            compare_output(c, index, &c->kernels.outputs[k], &f)) {
            bool first = !f.comparison.equal && c->first_differing == NULL;
            c->first_differing = first ? f.name : c->first_differing;
            if (first && !c->request.report->json) {
                printf("first value out of tolerance:\n");
            }
            tell_finding(c, &f);
        }
    }
}

static int tell_comparison(comparing *c)
{
    hml_report *report = c->request.report;
    bool json = report->json, layers = c->kernels.outputs != NULL;
    if (layers && json) {
        hml_json_array(&report->data, "layers");
    }
    if (layers) {
        compare_layers(c);
    }
    if (layers && json) {
        hml_json_end(&report->data);
        hml_json_string(&report->data, "first_differing", c->first_differing);
    }
    if (json) {
        hml_json_array(&report->data, "outputs");
    }
    compare_model(c);
    if (json) {
        hml_json_end(&report->data);
        hml_json_bool(&report->data, "equal", c->differing == 0);
    }
    return c->differing == 0
               ? HMLC_OK
               : hml_report_status(report, HML_ERROR_tolerance_exceeded, &(hml_tool_error){0});
}

static hmlc_status run_references(comparing *c)
{
    c->arena = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(c->arena);
    hmlc_status status = interpret_model(c);
    hmlc_job_report(&c->model.job, c->request.report);
    HMLC_TRY(status);
    if (hml_options_get(c->options, "layers") == NULL) {
        return HMLC_OK;
    }
    status = interpret_kernels(c);
    if (status != HMLC_OK) { /* else it has nothing to say that the first import did not */
        hmlc_job_report(&c->kernels.job, c->request.report);
    }
    return status;
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
    hmlc_status status = run_references(c);
    return status == HMLC_OK ? tell_comparison(c) : (int)status;
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
    hmlc_job_release(&c.model.job);
    hmlc_job_release(&c.kernels.job);
    return exit_status;
}

const hml_command hmlc_command_compare = {
    .name = "compare",
    .words = "MODEL OUT.hml",
    .summary = "compare an artifact with the reference interpreter",
    .purpose =
        "Runs an artifact and, from the same inputs, the model's graph in the reference "
        "interpreter,\n"
        "and tells how far their outputs are apart. Inputs are those of `run`. With --layers,\n"
        "also for the values between kernels, against the graph as it is compiled: the first\n"
        "one out of tolerance shows where a difference begins.\n",
    .options = compare_table,
    .option_count = sizeof compare_table / sizeof compare_table[0],
    .examples = {"compare model.onnx model.hml",
                 "compare model.onnx kept.hml --layers   (after compile --keep all -o kept.hml)"},
    .least_words = 2,
    .most_words = 2,
    .expected = "a model and its artifact",
    .no = "an output is out of tolerance",
    .environment = HML_RUNTIME_ENVIRONMENT,
    .run = compare_with,
};

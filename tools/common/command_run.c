/* SPDX-License-Identifier: Apache-2.0 */
/* run: one run, its outputs, and how they compare with expected ones. */
#include "commands.h"
#include "number.h"
#include "printable.h"
#include "tensor_write.h"
#include "tool_command.h"
#include "workbench.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const hml_option run_options[] = {
    HML_INPUT_OPTIONS,
    {"output", 'o', "DIR", "write output_<i>.npy or .pb there; - writes the only output to stdout"},
    {"format", 0, "npy|pb", "of written outputs; npy"},
    {"no-compare", 0, NULL, "do not compare with output_<i>.pb"},
    {"rtol", 0, "R", "relative tolerance; 1e-3, bf16 2^-6"},
    {"atol", 0, "A", "absolute tolerance; max(1e-5, 2e-5 x largest |expected|)"},
    HML_COMMON_OPTIONS,
};

typedef struct run_report {
    hml_workbench bench;
    const hml_options *options;
    hml_report *report;
    hml_output_comparison *comparisons; /* per output */
    hml_tolerance tolerance;
    size_t expected, differing;
    hml_tool_error error;
} run_report;

/* -- Writing outputs --------------------------------------------------------------------------- */

static hml_status output_path(run_report *run, uint32_t index, char *path, size_t bytes)
{
    const char *folder = hml_options_get(run->options, "output");
    const char *format = hml_options_get(run->options, "format");
    int length =
        snprintf(path, bytes, "%s/output_%u.%s", folder, index, format != NULL ? format : "npy");
    if (length < 0 || (size_t)length >= bytes) {
        return HML_TOOL_FAIL(&run->error, HML_ERROR_usage, "the output folder's path is too long");
    }
    return HML_OK;
}

static bool to_stream(const run_report *run)
{
    const char *folder = hml_options_get(run->options, "output");
    return folder != NULL && strcmp(folder, "-") == 0;
}

static hml_status check_stream(run_report *run)
{
    if (run->report->json) {
        return HML_TOOL_FAIL(&run->error, HML_ERROR_usage,
                             "--output - and --json exclude each other");
    }
    return run->bench.info.output_count == 1
               ? HML_OK
               : HML_TOOL_FAIL(&run->error, HML_ERROR_usage,
                               "--output - is for a model with one output; this one has %u",
                               run->bench.info.output_count);
}

static hml_status write_stream(run_report *run, hml_tensor_format kind)
{
    hml_tensor tensor;
    hml_tensor_info info = {.struct_bytes = sizeof info};
    HML_TOOL_TRY(hml_session_output(run->bench.session, 0, &tensor));
    HML_TOOL_TRY(hml_model_output(run->bench.model, 0, &info));
    if (kind == HML_FORMAT_NPY) {
        hml_npy_write(stdout, &tensor);
    } else {
        hml_pb_write(stdout, &tensor, info.name);
    }
    return HML_OK;
}

static hml_status folder_failed(run_report *run, const char *folder, int cause)
{
    hml_status status = hml_output_failed(folder, cause, &run->error);
    if (run->error.hint != NULL) {
        run->error.hint = "--output names a folder; it is made where its parent exists";
    }
    return status;
}

/* Before a run that may be long. */
static hml_status check_outputs(run_report *run)
{
    const char *folder = hml_options_get(run->options, "output");
    struct stat state;
    if (folder == NULL) {
        return HML_OK;
    }
    if (to_stream(run)) {
        return check_stream(run);
    }
    if (stat(folder, &state) == 0 && !S_ISDIR(state.st_mode)) {
        return folder_failed(run, folder, ENOTDIR);
    }
    HML_TOOL_TRY(hml_output_guard(&run->bench.files, folder, &run->error));
    for (uint32_t i = 0; i < run->bench.info.output_count; i++) {
        char path[4096];
        HML_TOOL_TRY(output_path(run, i, path, sizeof path));
        HML_TOOL_TRY(hml_output_guard(&run->bench.files, path, &run->error));
    }
    return HML_OK;
}

static hml_status write_outputs(run_report *run)
{
    const char *folder = hml_options_get(run->options, "output");
    const char *format = hml_options_get(run->options, "format");
    hml_tensor_format kind =
        format != NULL && strcmp(format, "pb") == 0 ? HML_FORMAT_PB : HML_FORMAT_NPY;
    if (folder == NULL || to_stream(run)) {
        return folder == NULL ? HML_OK : write_stream(run, kind);
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return folder_failed(run, folder, errno);
    }
    for (uint32_t i = 0; i < run->bench.info.output_count; i++) {
        char path[4096];
        hml_tensor tensor;
        hml_tensor_info info = {.struct_bytes = sizeof info};
        HML_TOOL_TRY(output_path(run, i, path, sizeof path));
        HML_TOOL_TRY(hml_session_output(run->bench.session, i, &tensor));
        HML_TOOL_TRY(hml_model_output(run->bench.model, i, &info));
        HML_TOOL_TRY(
            hml_tensor_file_write(path, kind, &tensor, info.name, &run->bench.files, &run->error));
    }
    return HML_OK;
}

/* -- Printing ---------------------------------------------------------------------------------- */

typedef struct value_range {
    double least, most;
    size_t nans;
} value_range;

static value_range range_of(const hml_tensor *tensor)
{
    value_range range = {0};
    bool any = false;
    size_t count = tensor->bytes / hml_dtype_bytes(tensor->dtype);
    for (size_t i = 0; i < count; i++) {
        double value = hml_number_load(tensor, i);
        if (value != value) {
            range.nans++;
            continue;
        }
        range.least = !any || value < range.least ? value : range.least;
        range.most = !any || value > range.most ? value : range.most;
        any = true;
    }
    return range;
}

static void put_comparison(hml_json *json, const hml_comparison *comparison)
{
    char text[256];
    hml_comparison_text(comparison, text, sizeof text);
    hml_json_bool(json, "equal", comparison->equal);
    hml_json_unsigned(json, "differing", comparison->differing);
    hml_json_real(json, "largest_difference", comparison->largest_difference);
    hml_json_string(json, "comparison", text);
}

static void put_value(hml_json *json, const char *name, const hml_tensor *tensor)
{
    value_range range = range_of(tensor);
    hml_json_string(json, "name", name);
    hml_json_string(json, "dtype", hml_dtype_name(tensor->dtype));
    hml_json_shape(json, "shape", tensor->dims, tensor->rank);
    hml_json_real(json, "min", range.least);
    hml_json_real(json, "max", range.most);
    hml_json_unsigned(json, "nans", range.nans);
}

static hml_status put_output(run_report *run, uint32_t index)
{
    hml_json *json = &run->report->data;
    hml_tensor tensor;
    hml_tensor_info info = {.struct_bytes = sizeof info};
    char path[4096];
    HML_TOOL_TRY(hml_session_output(run->bench.session, index, &tensor));
    HML_TOOL_TRY(hml_model_output(run->bench.model, index, &info));
    hml_json_object(json, NULL);
    put_value(json, info.name, &tensor);
    if (hml_options_get(run->options, "output") != NULL) {
        HML_TOOL_TRY(output_path(run, index, path, sizeof path));
        hml_json_string(json, "file", path);
    }
    if (run->expected != 0 && run->comparisons[index].compared) {
        put_comparison(json, &run->comparisons[index].comparison);
    }
    hml_json_end(json);
    return HML_OK;
}

/* What the run left in a state. */
static hml_status find_state(const run_report *run, uint32_t index, hml_tensor_info *info,
                             hml_tensor *tensor)
{
    *info = (hml_tensor_info){.struct_bytes = sizeof *info};
    HML_TOOL_TRY(hml_session_output(run->bench.session, HML_STATE(index), tensor));
    return hml_model_input(run->bench.model, HML_STATE(index), info);
}

static hml_status put_states(run_report *run)
{
    hml_json *json = &run->report->data;
    hml_json_array(json, "states");
    for (uint32_t i = 0; i < run->bench.info.state_count; i++) {
        hml_tensor tensor;
        hml_tensor_info info;
        HML_TOOL_TRY(find_state(run, i, &info, &tensor));
        hml_json_object(json, NULL);
        put_value(json, info.name, &tensor);
        hml_json_end(json);
    }
    hml_json_end(json);
    return HML_OK;
}

static hml_status put_report(run_report *run)
{
    hml_json *json = &run->report->data;
    hml_json_array(json, "outputs");
    for (uint32_t i = 0; i < run->bench.info.output_count; i++) {
        HML_TOOL_TRY(put_output(run, i));
    }
    hml_json_end(json);
    HML_TOOL_TRY(put_states(run));
    hml_workbench_put_dims(&run->bench, json);
    hml_json_unsigned(json, "compared", run->expected);
    hml_json_unsigned(json, "differing", run->differing);
    return HML_OK;
}

static void print_shape(const hml_tensor *tensor)
{
    printf("%s[", hml_dtype_name(tensor->dtype));
    for (uint32_t i = 0; i < tensor->rank; i++) {
        printf("%s%lld", i == 0 ? "" : ", ", (long long)tensor->dims[i]);
    }
    printf("]");
}

static void print_value(const char *name, const hml_tensor *tensor)
{
    value_range range = range_of(tensor);
    hml_print_text(stdout, name);
    printf(": ");
    print_shape(tensor);
    printf(" in %.6g..%.6g", range.least, range.most);
    printf(range.nans != 0 ? ", %zu NaN\n" : "\n", range.nans);
}

static hml_status print_output(run_report *run, uint32_t index)
{
    hml_tensor tensor;
    hml_tensor_info info = {.struct_bytes = sizeof info};
    char path[4096];
    HML_TOOL_TRY(hml_session_output(run->bench.session, index, &tensor));
    HML_TOOL_TRY(hml_model_output(run->bench.model, index, &info));
    if (to_stream(run)) {
        /* stdout is the tensor */
    } else if (hml_options_get(run->options, "output") != NULL) {
        HML_TOOL_TRY(output_path(run, index, path, sizeof path));
        printf("%s\n", path); /* as it is: scripts read it */
    } else {
        print_value(info.name, &tensor);
    }
    if (run->expected != 0 && run->comparisons[index].compared) {
        char text[256];
        hml_comparison_text(&run->comparisons[index].comparison, text, sizeof text);
        hml_print_text(stderr, info.name);
        fprintf(stderr, ": %s\n", text);
    }
    return HML_OK;
}

static hml_status print_report(run_report *run)
{
    if (run->report->json) {
        return put_report(run);
    }
    for (uint32_t i = 0; i < run->bench.info.output_count; i++) {
        HML_TOOL_TRY(print_output(run, i));
    }
    bool plain = hml_options_get(run->options, "output") == NULL;
    for (uint32_t i = 0; plain && i < run->bench.info.state_count; i++) {
        hml_tensor tensor;
        hml_tensor_info info;
        HML_TOOL_TRY(find_state(run, i, &info, &tensor));
        printf("state ");
        print_value(info.name, &tensor);
    }
    return HML_OK;
}

/* -- The command ------------------------------------------------------------------------------- */

static hml_status compare_outputs(run_report *run)
{
    const char *folder = hml_options_get(run->options, "test-data");
    size_t count = run->bench.info.output_count;
    run->comparisons = calloc(count + 1, sizeof *run->comparisons);
    if (run->comparisons == NULL) {
        return HML_TOOL_FAIL(&run->error, HML_ERROR_out_of_memory, "%zu outputs", count);
    }
    if (folder == NULL || hml_options_get(run->options, "no-compare") != NULL) {
        return HML_OK;
    }
    HML_TOOL_TRY(hml_workbench_compare(&run->bench, folder, &run->tolerance, run->comparisons,
                                       &run->expected, &run->error));
    if (run->expected == 0) {
        hml_report_warn(run->report, "put the expected outputs there, or say --no-compare",
                        "%s has no output_<i>.pb: nothing was compared", folder);
    }
    for (size_t i = 0; i < count; i++) {
        const hml_output_comparison *output = &run->comparisons[i];
        if (output->compared && !output->comparison.equal && run->differing++ == 0) {
            snprintf(run->report->differing, sizeof run->report->differing, "%s", output->name);
        }
    }
    return HML_OK;
}

/* What can be wrong without a model is said before one is opened. */
static hml_status check_words(run_report *run)
{
    const char *format = hml_options_get(run->options, "format");
    const char *bad = hml_tolerance_from_options(run->options, &run->tolerance);
    if (format != NULL && strcmp(format, "npy") != 0 && strcmp(format, "pb") != 0) {
        return HML_TOOL_FAIL(&run->error, HML_ERROR_usage, "'--format %s': expected npy or pb",
                             format);
    }
    if (bad != NULL) {
        return HML_TOOL_FAIL(&run->error, HML_ERROR_usage,
                             "--%s: expected a number that is not negative", bad);
    }
    return HML_OK;
}

static hml_status run_model(run_report *run, const char *path)
{
    HML_TOOL_TRY(check_words(run));
    hml_workbench *bench = &run->bench;
    HML_TOOL_TRY(hml_workbench_open(bench, path, 0, run->options, &run->error));
    HML_TOOL_TRY(hml_workbench_load_inputs(bench, run->options, &run->error));
    HML_TOOL_TRY(check_outputs(run));
    HML_TOOL_TRY(hml_workbench_first_run(bench, run->options, run->report, &run->error));
    HML_TOOL_TRY(write_outputs(run));
    HML_TOOL_TRY(compare_outputs(run));
    HML_TOOL_TRY(print_report(run));
    (void)fflush(stdout); /* who reads it need not wait until all memory is released */
    if (run->differing != 0) {
        return HML_TOOL_FAIL(&run->error, HML_ERROR_tolerance_exceeded,
                             "%zu of %zu output%s, '%s' first", run->differing,
                             HML_COUNTED(run->expected), run->report->differing);
    }
    return HML_OK;
}

static int run_with(const hml_options *options, hml_report *report)
{
    run_report run = {.options = options, .report = report};
    hml_status status = run_model(&run, report->path);
    int exit_status = hml_report_status(report, status, &run.error);
    hml_workbench_release(&run.bench);
    free(run.comparisons);
    return exit_status;
}

const hml_command hml_command_run = {
    .name = "run",
    .words = "MODEL.hml",
    .summary = "run an artifact once",
    .purpose = "Runs an artifact once and prints the range of each output, or writes the outputs. "
               "Inputs come\n"
               "from files; without any they are random, the same for the same --seed.\n",
    .options = run_options,
    .option_count = sizeof run_options / sizeof run_options[0],
    .examples = {"run model.hml --input image=in.npy --output results",
                 "run model.hml --test-data test_data_set_0 --json"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one artifact",
    .no = "an output differs from the expected one",
    .environment = HML_RUNTIME_ENVIRONMENT,
    .run = run_with,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* inspect: what is inside an artifact, also one for another CPU. */
#include "commands.h"
#include "growing_text.h"
#include "printable.h"
#include "tool_command.h"
#include "units.h"
#include "workbench.h"

#include <string.h>

static const hml_option inspect_options[] = {
    {"dim", 0, "NAME=N", "a dim that sizes are computed for; may be repeated"},
    {"steps", 0, NULL, "add a table of the steps"},
    HML_COMMON_OPTIONS,
};

typedef struct artifact_view {
    hml_workbench bench;
    hml_shape_info sizes;
} artifact_view;

typedef hml_status tensor_query(const hml_model *model, uint32_t index, hml_tensor_info *info);

/* -- Text -------------------------------------------------------------------------------------- */

/* `count` tensors from index `first` on. */
static void print_tensors(const hml_model *model, const char *title, tensor_query *query,
                          uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        if (query(model, first + i, &info) != HML_OK) {
            continue;
        }
        printf("%-11s ", i == 0 ? title : "");
        hml_print_text(stdout, info.name);
        printf(": %s[", hml_dtype_name(info.dtype));
        for (uint32_t d = 0; d < info.rank; d++) {
            printf("%s", d == 0 ? "" : ", ");
            hml_print_text(stdout, info.dim_texts[d]);
        }
        printf("]\n");
    }
}

static void print_symbols(const artifact_view *inspection)
{
    for (uint32_t i = 0; i < inspection->bench.info.symbol_count; i++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        if (hml_model_symbol(inspection->bench.model, i, &symbol) != HML_OK) {
            continue;
        }
        printf("%-11s ", i == 0 ? "dims" : "");
        hml_print_text(stdout, symbol.name);
        printf(": %lld..", (long long)symbol.minimum);
        if (symbol.maximum != INT64_MAX) {
            printf("%lld", (long long)symbol.maximum);
        }
        if (symbol.multiple != 1) {
            printf(" in steps of %lld", (long long)symbol.multiple);
        }
        printf("%s\n", symbol.run_time ? ", known only while running" : "");
    }
}

static void print_variants(const artifact_view *inspection)
{
    for (uint32_t i = 0; i < inspection->bench.info.variant_count; i++) {
        hml_variant_info variant = {.struct_bytes = sizeof variant};
        if (hml_model_variant(inspection->bench.model, i, &variant) != HML_OK) {
            continue;
        }
        printf("%-11s ", i == 0 ? "variants" : "");
        if (variant.newer != 0) {
            printf("one for %s that needs a newer runtime\n", variant.architecture);
            continue;
        }
        hml_print_text(stdout, variant.name);
        char text[HML_UNIT_TEXT];
        printf(" (%s): %u step%s, %s of code%s%s\n", variant.architecture,
               HML_COUNTED(variant.step_count), hml_size_text(variant.code_bytes, text),
               variant.runs_here ? "" : "; this CPU does not run it",
               variant.runs_here && i == inspection->bench.info.variant ? "; chosen" : "");
    }
}

static void print_steps(const artifact_view *inspection)
{
    printf("\n%5s %-9s %-11s %-10s %s\n", "step", "kind", "way", "kernel", "nodes");
    for (uint32_t i = 0; i < inspection->bench.info.step_count; i++) {
        hml_step_info step = {.struct_bytes = sizeof step};
        if (hml_model_step(inspection->bench.model, i, &step) != HML_OK) {
            continue;
        }
        printf("%5u %-9s %-11s ", i, step.kind, step.form != NULL ? step.form : "-");
        hml_print_column(stdout, step.kernel != NULL ? step.kernel : "-", 10);
        printf(" ");
        hml_print_text(stdout, step.location);
        printf(step.target != 0 ? "-> %u\n" : "\n", step.target);
    }
}

/* JSON of the compiler, without a NUL byte at its end. */
static void print_provenance(const hml_model_info *info)
{
    hml_growing_text text = {0};
    if (info->provenance != NULL) {
        hml_growing_text_add(&text, "%.*s", (int)info->provenance_bytes,
                             (const char *)info->provenance);
    }
    hml_print_text(stdout, hml_growing_text_get(&text));
    hml_growing_text_release(&text);
}

/* The value that the runtime takes for a dim nobody names. */
static int64_t smallest_value(const hml_symbol_info *symbol)
{
    int64_t least = symbol->minimum < 1 ? 1 : symbol->minimum;
    int64_t value = ((least - 1) / symbol->multiple + 1) * symbol->multiple;
    return value <= symbol->maximum ? value : symbol->minimum;
}

/* The dims that sizes are for: the smallest, or those of --dim. */
static void print_size_dims(const artifact_view *inspection)
{
    const hml_workbench *bench = &inspection->bench;
    const char *separator = " at ";
    for (uint32_t i = 0; i < bench->info.symbol_count; i++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        if (hml_model_symbol(bench->model, i, &symbol) != HML_OK || symbol.run_time != 0) {
            continue;
        }
        int64_t value = smallest_value(&symbol);
        for (uint32_t k = 0; k < bench->dim_count; k++) {
            value = strcmp(bench->dims[k].name, symbol.name) == 0 ? bench->dims[k].value : value;
        }
        printf("%s", separator);
        hml_print_text(stdout, symbol.name);
        printf(" = %lld", (long long)value);
        separator = ", ";
    }
}

/* Bytes of the arena when `name` is `value` and the other dims stay; 0 where that does not fit. */
static uint64_t arena_at(const hml_workbench *bench, const char *name, int64_t value)
{
    hml_dim dims[HML_MOST_DIMS + 1];
    uint32_t count = 0;
    hml_shape_info sizes = {.struct_bytes = sizeof sizes};
    for (uint32_t k = 0; k < bench->dim_count; k++) {
        if (strcmp(bench->dims[k].name, name) != 0) {
            dims[count++] = bench->dims[k];
        }
    }
    dims[count++] = (hml_dim){name, value};
    return hml_model_shapes(bench->model, dims, count, NULL, NULL, &sizes) == HML_OK
               ? sizes.arena_bytes
               : 0;
}

/* How the arena grows with each dim, where it does so evenly from here on. */
static void print_growth(const artifact_view *inspection)
{
    const hml_workbench *bench = &inspection->bench;
    for (uint32_t i = 0; i < bench->info.symbol_count; i++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        if (hml_model_symbol(bench->model, i, &symbol) != HML_OK || symbol.run_time != 0) {
            continue;
        }
        int64_t first = smallest_value(&symbol), step = symbol.multiple;
        uint64_t sizes[3];
        for (int64_t k = 0; k < 3; k++) {
            sizes[k] = arena_at(bench, symbol.name, first + k * step);
        }
        if (sizes[0] > 0 && sizes[1] > sizes[0] && sizes[2] - sizes[1] == sizes[1] - sizes[0]) {
            char text[HML_UNIT_TEXT];
            printf("%-11s arena + %s for each further ", "",
                   hml_size_text(sizes[1] - sizes[0], text));
            hml_print_text(stdout, symbol.name);
            if (step != 1) {
                printf(", in steps of %lld", (long long)step);
            }
            printf("\n");
        }
    }
}

static void print_sizes(const artifact_view *inspection)
{
    const hml_model_info *info = &inspection->bench.info;
    const hml_shape_info *sizes = &inspection->sizes;
    char text[HML_UNIT_TEXT];
    printf("%-11s %s:", "file", hml_size_text(info->file_bytes, text));
    printf(" weights %s,", hml_size_text(info->weight_bytes, text));
    printf(" code %s\n", hml_size_text(info->code_bytes, text));
    printf("%-11s arena %s,", "memory", hml_size_text(sizes->arena_bytes, text));
    printf(" scratch %s a thread,", hml_size_text(sizes->scratch_bytes_per_thread, text));
    printf(" inputs %s,", hml_size_text(sizes->input_bytes, text));
    printf(" outputs %s", hml_size_text(sizes->output_bytes, text));
    if (info->state_count > 0) {
        printf(", states 2 x %s", hml_size_text(info->state_bytes, text));
    }
    print_size_dims(inspection);
    printf("%s\n", info->growable ? "; grows with sizes known only while running" : "");
    print_growth(inspection);
}

static void print_text(const artifact_view *inspection)
{
    const hml_model_info *info = &inspection->bench.info;
    printf("%-11s ", "model");
    hml_print_text(stdout, info->name);
    printf("\n");
    print_tensors(inspection->bench.model, "inputs", hml_model_input, 0, info->input_count);
    print_tensors(inspection->bench.model, "outputs", hml_model_output, 0, info->output_count);
    print_tensors(inspection->bench.model, "states", hml_model_input, HML_STATE(0),
                  info->state_count);
    print_symbols(inspection);
    print_sizes(inspection);
    print_variants(inspection);
    printf("%-11s none\n", "signature");
    printf("%-11s ", "provenance");
    print_provenance(info);
    printf("\n");
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void put_tensors(hml_json *json, const char *key, const hml_model *model,
                        tensor_query *query, uint32_t first, uint32_t count)
{
    hml_json_array(json, key);
    for (uint32_t i = 0; i < count; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        if (query(model, first + i, &info) != HML_OK) {
            continue;
        }
        hml_json_object(json, NULL);
        hml_json_string(json, "name", info.name);
        hml_json_string(json, "dtype", hml_dtype_name(info.dtype));
        hml_json_array(json, "shape");
        for (uint32_t d = 0; d < info.rank; d++) {
            hml_json_string(json, NULL, info.dim_texts[d]);
        }
        hml_json_end(json);
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_symbols(hml_json *json, const artifact_view *inspection)
{
    hml_json_array(json, "dims");
    for (uint32_t i = 0; i < inspection->bench.info.symbol_count; i++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        if (hml_model_symbol(inspection->bench.model, i, &symbol) != HML_OK) {
            continue;
        }
        hml_json_object(json, NULL);
        hml_json_string(json, "name", symbol.name);
        hml_json_integer(json, "minimum", symbol.minimum);
        if (symbol.maximum == INT64_MAX) {
            hml_json_string(json, "maximum", NULL);
        } else {
            hml_json_integer(json, "maximum", symbol.maximum);
        }
        hml_json_integer(json, "multiple", symbol.multiple);
        hml_json_bool(json, "run_time", symbol.run_time != 0);
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_variants(hml_json *json, const artifact_view *inspection)
{
    const hml_model_info *info = &inspection->bench.info;
    hml_json_array(json, "variants");
    for (uint32_t i = 0; i < info->variant_count; i++) {
        hml_variant_info variant = {.struct_bytes = sizeof variant};
        if (hml_model_variant(inspection->bench.model, i, &variant) != HML_OK) {
            continue;
        }
        hml_json_object(json, NULL);
        hml_json_string(json, "name", variant.name);
        hml_json_string(json, "architecture", variant.architecture);
        hml_json_bool(json, "runs_here", variant.runs_here != 0);
        hml_json_bool(json, "newer", variant.newer != 0);
        hml_json_bool(json, "chosen", variant.runs_here != 0 && i == info->variant);
        hml_json_unsigned(json, "steps", variant.step_count);
        hml_json_unsigned(json, "code_bytes", variant.code_bytes);
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_steps(hml_json *json, const artifact_view *inspection)
{
    hml_json_array(json, "steps");
    for (uint32_t i = 0; i < inspection->bench.info.step_count; i++) {
        hml_step_info step = {.struct_bytes = sizeof step};
        if (hml_model_step(inspection->bench.model, i, &step) != HML_OK) {
            continue;
        }
        hml_json_object(json, NULL);
        hml_json_string(json, "kind", step.kind);
        if (step.kernel != NULL) {
            hml_json_string(json, "form", step.form);
            hml_json_string(json, "kernel", step.kernel);
        }
        if (step.target != 0) {
            hml_json_unsigned(json, "target", step.target);
        }
        hml_json_string(json, "nodes", step.location);
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_sizes(hml_json *json, const artifact_view *inspection)
{
    const hml_model_info *info = &inspection->bench.info;
    const hml_shape_info *sizes = &inspection->sizes;
    const struct {
        const char *key;
        uint64_t bytes;
    } rows[] = {
        {"file_bytes", info->file_bytes},
        {"weight_bytes", info->weight_bytes},
        {"code_bytes", info->code_bytes},
        {"arena_bytes", sizes->arena_bytes},
        {"scratch_bytes_per_thread", sizes->scratch_bytes_per_thread},
        {"input_bytes", sizes->input_bytes},
        {"output_bytes", sizes->output_bytes},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hml_json_unsigned(json, rows[i].key, rows[i].bytes);
    }
}

static void put_artifact(hml_json *json, const artifact_view *inspection)
{
    const hml_workbench *bench = &inspection->bench;
    const hml_model_info *info = &bench->info;
    hml_json_string(json, "model", info->name);
    put_tensors(json, "inputs", bench->model, hml_model_input, 0, info->input_count);
    put_tensors(json, "outputs", bench->model, hml_model_output, 0, info->output_count);
    put_tensors(json, "states", bench->model, hml_model_input, HML_STATE(0), info->state_count);
    put_symbols(json, inspection);
    put_sizes(json, inspection);
    hml_json_bool(json, "growable", info->growable != 0);
    hml_json_string(json, "signature", NULL);
    hml_json_text(json, "provenance", info->provenance, (size_t)info->provenance_bytes);
    put_variants(json, inspection);
    put_steps(json, inspection);
}

/* -- The command ------------------------------------------------------------------------------- */

static int inspect_with(const hml_options *options, hml_report *report)
{
    artifact_view inspection = {.sizes = {.struct_bytes = sizeof inspection.sizes}};
    hml_tool_error error = {0};
    hml_workbench *bench = &inspection.bench;
    hml_status status = hml_workbench_open(bench, report->path, HML_OPEN_INSPECT, options, &error);
    if (status == HML_OK) {
        status = hml_model_shapes(bench->model, bench->dims, bench->dim_count, NULL, NULL,
                                  &inspection.sizes);
        if (status != HML_OK) {
            status = HML_TOOL_FAIL(&error, status, "--dim");
        }
    }
    if (status == HML_OK && report->json) {
        put_artifact(&report->data, &inspection);
    } else if (status == HML_OK) {
        print_text(&inspection);
        if (hml_options_get(options, "steps") != NULL) {
            print_steps(&inspection);
        }
    }
    int exit_status = hml_report_status(report, status, &error);
    hml_workbench_release(bench);
    return exit_status;
}

const hml_command hml_command_inspect = {
    .name = "inspect",
    .words = "MODEL.hml",
    .summary = "show what is inside an artifact",
    .purpose = "Shows an artifact's inputs, outputs, dims, memory, variants and steps, also of one "
               "that was\n"
               "made for another CPU.\n",
    .options = inspect_options,
    .option_count = sizeof inspect_options / sizeof inspect_options[0],
    .examples = {"inspect model.hml", "inspect model.hml --dim batch=8 --json"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one artifact",
    .environment = HML_RUNTIME_ENVIRONMENT,
    .run = inspect_with,
};

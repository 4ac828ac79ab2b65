/* inspect: what is inside an artifact, also one for another CPU. */
#include "commands.h"
#include "json.h"
#include "printable.h"
#include "tool_command.h"
#include "workbench.h"

#include <string.h>

static const hml_option inspect_options[] = {
    {"dim", 0, "NAME=N", "a dim that sizes are computed for; may be repeated"},
    {"json", 0, NULL, "print JSON"},
    {"help", 'h', NULL, "print this"},
};
enum { INSPECT_OPTIONS = sizeof inspect_options / sizeof inspect_options[0] };

typedef unsigned long long ull;

typedef struct artifact_view {
    hml_workbench bench;
    hml_shape_info sizes;
} artifact_view;

typedef hml_status tensor_query(const hml_model *model, uint32_t index, hml_tensor_info *info);

/* -- Text -------------------------------------------------------------------------------------- */

static void print_tensors(const hml_model *model, const char *title, tensor_query *query,
                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        hml_tensor_info info;
        if (query(model, i, &info) != HML_OK) {
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
        hml_symbol_info symbol;
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
        hml_variant_info variant;
        if (hml_model_variant(inspection->bench.model, i, &variant) != HML_OK) {
            continue;
        }
        printf("%-11s %s (%s): %u steps, %llu bytes of code%s%s\n", i == 0 ? "variants" : "",
               variant.name, variant.architecture, variant.step_count, (ull)variant.code_bytes,
               variant.runs_here ? "" : "; this CPU does not run it",
               variant.runs_here && i == inspection->bench.info.variant ? "; chosen" : "");
    }
}

static void print_steps(const artifact_view *inspection)
{
    printf("\n%5s %-9s %-11s %-10s %s\n", "step", "kind", "way", "kernel", "nodes");
    for (uint32_t i = 0; i < inspection->bench.info.step_count; i++) {
        hml_step_info step;
        if (hml_model_step(inspection->bench.model, i, &step) != HML_OK) {
            continue;
        }
        printf("%5u %-9s %-11s %-10s ", i, step.kind, step.form != NULL ? step.form : "-",
               step.kernel != NULL ? step.kernel : "-");
        hml_print_text(stdout, step.location);
        printf(step.target != 0 ? "-> %u\n" : "\n", step.target);
    }
}

/* JSON of the compiler, without a NUL byte at its end. */
static void print_provenance(const hml_model_info *info)
{
    char text[1024] = "";
    size_t length =
        info->provenance_bytes < sizeof text - 1 ? (size_t)info->provenance_bytes : sizeof text - 1;
    if (info->provenance != NULL) {
        memcpy(text, info->provenance, length);
    }
    hml_print_text(stdout, text);
}

static void print_text(const artifact_view *inspection)
{
    const hml_model_info *info = &inspection->bench.info;
    printf("%-11s ", "model");
    hml_print_text(stdout, info->name);
    printf("\n");
    print_tensors(inspection->bench.model, "inputs", hml_model_input, info->input_count);
    print_tensors(inspection->bench.model, "outputs", hml_model_output, info->output_count);
    print_symbols(inspection);
    printf("%-11s %llu bytes: weights %llu, code %llu\n", "file", (ull)info->file_bytes,
           (ull)info->weight_bytes, (ull)info->code_bytes);
    printf("%-11s arena %llu bytes, scratch %llu a thread, inputs %llu, outputs %llu%s\n", "memory",
           (ull)inspection->sizes.arena_bytes, (ull)inspection->sizes.scratch_bytes_per_thread,
           (ull)inspection->sizes.input_bytes, (ull)inspection->sizes.output_bytes,
           info->growable ? "; grows with sizes known only while running" : "");
    print_variants(inspection);
    printf("%-11s none\n", "signature");
    printf("%-11s ", "provenance");
    print_provenance(info);
    printf("\n");
    print_steps(inspection);
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void print_tensors_json(const hml_model *model, const char *key, tensor_query *query,
                               uint32_t count)
{
    printf("\"%s\":[", key);
    for (uint32_t i = 0; i < count; i++) {
        hml_tensor_info info;
        if (query(model, i, &info) != HML_OK) {
            continue;
        }
        printf("%s{\"name\":", i == 0 ? "" : ",");
        hml_json_string(stdout, info.name);
        printf(",\"dtype\":\"%s\",\"shape\":[", hml_dtype_name(info.dtype));
        for (uint32_t d = 0; d < info.rank; d++) {
            printf("%s", d == 0 ? "" : ",");
            hml_json_string(stdout, info.dim_texts[d]);
        }
        printf("]}");
    }
    printf("],");
}

static void print_symbols_json(const artifact_view *inspection)
{
    printf("\"dims\":[");
    for (uint32_t i = 0; i < inspection->bench.info.symbol_count; i++) {
        hml_symbol_info symbol;
        if (hml_model_symbol(inspection->bench.model, i, &symbol) != HML_OK) {
            continue;
        }
        printf("%s{\"name\":", i == 0 ? "" : ",");
        hml_json_string(stdout, symbol.name);
        printf(",\"minimum\":%lld,\"maximum\":", (long long)symbol.minimum);
        if (symbol.maximum == INT64_MAX) {
            printf("null");
        } else {
            printf("%lld", (long long)symbol.maximum);
        }
        printf(",\"multiple\":%lld,\"run_time\":%s}", (long long)symbol.multiple,
               symbol.run_time ? "true" : "false");
    }
    printf("],");
}

static void print_variants_json(const artifact_view *inspection)
{
    printf("\"variants\":[");
    for (uint32_t i = 0; i < inspection->bench.info.variant_count; i++) {
        hml_variant_info variant;
        if (hml_model_variant(inspection->bench.model, i, &variant) != HML_OK) {
            continue;
        }
        printf("%s{\"name\":", i == 0 ? "" : ",");
        hml_json_string(stdout, variant.name);
        printf(",\"architecture\":\"%s\",\"runs_here\":%s,\"chosen\":%s,\"steps\":%u,"
               "\"code_bytes\":%llu}",
               variant.architecture, variant.runs_here ? "true" : "false",
               variant.runs_here && i == inspection->bench.info.variant ? "true" : "false",
               variant.step_count, (ull)variant.code_bytes);
    }
    printf("],");
}

static void print_steps_json(const artifact_view *inspection)
{
    printf("\"steps\":[");
    for (uint32_t i = 0; i < inspection->bench.info.step_count; i++) {
        hml_step_info step;
        if (hml_model_step(inspection->bench.model, i, &step) != HML_OK) {
            continue;
        }
        printf("%s{\"kind\":\"%s\"", i == 0 ? "" : ",", step.kind);
        if (step.kernel != NULL) {
            printf(",\"form\":\"%s\",\"kernel\":", step.form);
            hml_json_string(stdout, step.kernel);
        }
        if (step.target != 0) {
            printf(",\"target\":%u", step.target);
        }
        printf(",\"nodes\":");
        hml_json_string(stdout, step.location);
        printf("}");
    }
    printf("]");
}

static void print_json(const artifact_view *inspection)
{
    const hml_model_info *info = &inspection->bench.info;
    printf("{\"model\":");
    hml_json_string(stdout, info->name);
    printf(",");
    print_tensors_json(inspection->bench.model, "inputs", hml_model_input, info->input_count);
    print_tensors_json(inspection->bench.model, "outputs", hml_model_output, info->output_count);
    print_symbols_json(inspection);
    printf("\"file_bytes\":%llu,\"weight_bytes\":%llu,\"code_bytes\":%llu,\"arena_bytes\":%llu,"
           "\"scratch_bytes_per_thread\":%llu,\"input_bytes\":%llu,\"output_bytes\":%llu,"
           "\"growable\":%s,\"signature\":null,\"provenance\":",
           (ull)info->file_bytes, (ull)info->weight_bytes, (ull)info->code_bytes,
           (ull)inspection->sizes.arena_bytes, (ull)inspection->sizes.scratch_bytes_per_thread,
           (ull)inspection->sizes.input_bytes, (ull)inspection->sizes.output_bytes,
           info->growable ? "true" : "false");
    hml_json_text(stdout, info->provenance, (size_t)info->provenance_bytes);
    printf(",");
    print_variants_json(inspection);
    print_steps_json(inspection);
    printf("}\n");
}

/* -- The command ------------------------------------------------------------------------------- */

static int inspect_with(const hml_options *options)
{
    artifact_view inspection = {0};
    hml_tool_error error = {""};
    hml_workbench *bench = &inspection.bench;
    hml_status status = hml_workbench_open(bench, hml_options_at(options, NULL, 0),
                                           HML_OPEN_INSPECT, options, &error);
    if (status == HML_OK) {
        status = hml_model_sizes(bench->model, bench->dims, bench->dim_count, &inspection.sizes);
        if (status != HML_OK) {
            status = HML_TOOL_FAIL(&error, status, "--dim");
        }
    }
    if (status == HML_OK && hml_options_get(options, "json") != NULL) {
        print_json(&inspection);
    } else if (status == HML_OK) {
        print_text(&inspection);
    }
    hml_workbench_release(bench);
    return hml_tool_report(status, &error);
}

int hml_command_inspect(int argc, char **argv)
{
    return hml_tool_command("inspect", inspect_options, INSPECT_OPTIONS, argc, argv, inspect_with);
}

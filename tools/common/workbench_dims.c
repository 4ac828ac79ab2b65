/* SPDX-License-Identifier: Apache-2.0 */
/* --dim of run, bench and inspect: read, then held against the model and its inputs. */
#include "workbench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "batch=4" into a name and a value; the text is cut at the '='. */
static hml_status parse_dim(char *text, hml_dim *dim, hml_tool_error *error)
{
    char *equals = strchr(text, '=');
    long long value = 0;
    if (equals == NULL || equals == text || !hml_parse_number(equals + 1, 1LL << 47, &value)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage,
                             "'--dim %s': expected NAME=N, N a whole number from 0 to 2^47", text);
    }
    *equals = '\0';
    *dim = (hml_dim){text, value};
    return HML_OK;
}

static hml_status check_single(const hml_workbench *bench, const hml_dim *dim,
                               hml_tool_error *error)
{
    for (uint32_t i = 0; i < bench->dim_count; i++) {
        if (strcmp(bench->dims[i].name, dim->name) == 0 && bench->dims[i].value != dim->value) {
            return HML_TOOL_FAIL(error, HML_ERROR_usage,
                                 "'--dim %s' is given twice, as %" PRId64 " and as %" PRId64,
                                 dim->name, bench->dims[i].value, dim->value);
        }
    }
    return HML_OK;
}

hml_status hml_workbench_parse_dims(hml_workbench *bench, const hml_options *options,
                                    hml_tool_error *error)
{
    size_t count = hml_options_count(options, "dim"), bytes = 1;
    if (count > HML_MOST_DIMS) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "more than %d dims", HML_MOST_DIMS);
    }
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(hml_options_at(options, "dim", i)) + 1;
    }
    bench->dim_text = calloc(bytes, 1);
    if (bench->dim_text == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu bytes", bytes);
    }
    char *text = bench->dim_text;
    for (size_t i = 0; i < count; i++) {
        const char *word = hml_options_at(options, "dim", i);
        size_t length = strlen(word) + 1;
        hml_dim dim;
        memcpy(text, word, length);
        HML_TOOL_TRY(parse_dim(text, &dim, error));
        HML_TOOL_TRY(check_single(bench, &dim, error));
        bench->dims[bench->dim_count++] = dim;
        text += length;
    }
    return HML_OK;
}

static hml_status unknown_dim(const hml_workbench *bench, const char *name, hml_tool_error *error)
{
    const char *names[64] = {NULL};
    char suggestion[96], known[256] = "";
    size_t count = 0;
    for (uint32_t i = 0; i < bench->info.symbol_count && count < 64; i++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        if (hml_model_symbol(bench->model, i, &symbol) == HML_OK && symbol.run_time == 0) {
            size_t used = strlen(known);
            (void)snprintf(known + used, sizeof known - used, "%s%s", count > 0 ? ", " : "",
                           symbol.name);
            names[count++] = symbol.name;
        }
    }
    return HML_TOOL_FAIL(error, HML_ERROR_symbol_unknown, "--dim %s; the model's dims are: %s%s",
                         name, count > 0 ? known : "none",
                         hml_did_you_mean(name, names, count, suggestion, sizeof suggestion));
}

static hml_status check_range(const hml_dim *dim, const hml_symbol_info *symbol,
                              hml_tool_error *error)
{
    char most[32] = "", steps[48] = "";
    if (dim->value >= symbol->minimum && dim->value <= symbol->maximum &&
        dim->value % symbol->multiple == 0) {
        return HML_OK;
    }
    if (symbol->maximum != INT64_MAX) {
        (void)snprintf(most, sizeof most, "%" PRId64, symbol->maximum);
    }
    if (symbol->multiple > 1) {
        (void)snprintf(steps, sizeof steps, " in steps of %" PRId64, symbol->multiple);
    }
    return HML_TOOL_FAIL(error, HML_ERROR_dim_range,
                         "--dim %s=%" PRId64 ": the model was compiled for %" PRId64 "..%s%s",
                         dim->name, dim->value, symbol->minimum, most, steps);
}

hml_status hml_workbench_check_dims(const hml_workbench *bench, hml_tool_error *error)
{
    for (uint32_t i = 0; i < bench->dim_count; i++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        uint32_t at = 0;
        while (at < bench->info.symbol_count &&
               (hml_model_symbol(bench->model, at, &symbol) != HML_OK || symbol.run_time != 0 ||
                strcmp(symbol.name, bench->dims[i].name) != 0)) {
            at++;
        }
        if (at == bench->info.symbol_count) {
            return unknown_dim(bench, bench->dims[i].name, error);
        }
        HML_TOOL_TRY(check_range(&bench->dims[i], &symbol, error));
    }
    return HML_OK;
}

hml_status hml_workbench_check_inputs(const hml_workbench *bench, hml_tool_error *error)
{
    for (uint32_t i = 0; i < bench->dim_count; i++) {
        int64_t value = 0;
        if (hml_workbench_dim(bench, bench->dims[i].name, &value) &&
            value != bench->dims[i].value) {
            return HML_TOOL_FAIL(error, HML_ERROR_input_dim,
                                 "--dim %s=%" PRId64 ", but it is %" PRId64 " in the given inputs",
                                 bench->dims[i].name, bench->dims[i].value, value);
        }
    }
    return HML_OK;
}

static bool find_dim(const hml_tensor_info *info, const hml_tensor *tensor, const char *name,
                     int64_t *value)
{
    for (uint32_t d = 0; d < info->rank && info->rank == tensor->rank; d++) {
        if (strcmp(info->dim_texts[d], name) == 0) {
            *value = tensor->dims[d];
            return true;
        }
    }
    return false;
}

bool hml_workbench_dim(const hml_workbench *bench, const char *name, int64_t *value)
{
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        if (bench->inputs.tensors[i].name != NULL &&
            hml_model_input(bench->model, i, &info) == HML_OK &&
            find_dim(&info, &bench->inputs.tensors[i].tensor, name, value)) {
            return true;
        }
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmlc diff: what two artifacts have in common and what not. Each is turned into facts, a key and a
 * value, which are then held against each other.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/growing_text.h"
#include "common/input_path.h"
#include "common/printable.h"
#include "hmlc_commands.h"

static const hml_option diff_table[] = {HML_COMMON_OPTIONS};

typedef struct fact {
    char *key, *value;
    bool matched;
} fact;

typedef struct fact_list {
    const char *path;
    fact *facts;
    size_t count, capacity;
    bool failed; /* memory ran out */
} fact_list;

static char *formatted(const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    }
    return text;
}

/* Adds a fact whose value is still to come. */
HML_TOOL_PRINTF(2, 3)
static void add_key(fact_list *list, const char *format, ...)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity * 2 + 64;
        fact *grown = realloc(list->facts, capacity * sizeof *grown);
        if (grown == NULL) {
            list->failed = true;
            return;
        }
        list->facts = grown;
        list->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    char *key = formatted(format, arguments);
    va_end(arguments);
    list->failed = list->failed || key == NULL;
    if (key != NULL) {
        list->facts[list->count++] = (fact){.key = key};
    }
}

/* The value of the fact that was added last. */
HML_TOOL_PRINTF(2, 3)
static void set_value(fact_list *list, const char *format, ...)
{
    if (list->failed) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    list->facts[list->count - 1].value = formatted(format, arguments);
    va_end(arguments);
    list->failed = list->facts[list->count - 1].value == NULL;
}

static void release_facts(fact_list *list)
{
    for (size_t k = 0; k < list->count; k++) {
        free(list->facts[k].key);
        free(list->facts[k].value);
    }
    free(list->facts);
}

/* -- the facts of an artifact ------------------------------------------------------------------ */

static void add_tensor(fact_list *list, const char *kind, const hml_tensor_info *info)
{
    hml_growing_text dims = {0};
    for (uint32_t k = 0; k < info->rank; k++) {
        hml_growing_text_add(&dims, "%s%s", k > 0 ? ", " : "", info->dim_texts[k]);
    }
    add_key(list, "%s '%s'", kind, info->name);
    set_value(list, "%s[%s]", hml_dtype_name(info->dtype), hml_growing_text_get(&dims));
    list->failed = list->failed || dims.failed;
    hml_growing_text_release(&dims);
}

static void add_interface(fact_list *list, const hml_model *model)
{
    hml_tensor_info tensor = {.struct_bytes = sizeof tensor};
    for (uint32_t k = 0; hml_model_input(model, k, &tensor) == HML_OK; k++) {
        add_tensor(list, "input", &tensor);
    }
    for (uint32_t k = 0; hml_model_output(model, k, &tensor) == HML_OK; k++) {
        add_tensor(list, "output", &tensor);
    }
    hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
    for (uint32_t k = 0; hml_model_symbol(model, k, &symbol) == HML_OK; k++) {
        char steps[48] = "";
        if (symbol.multiple != 1) {
            (void)snprintf(steps, sizeof steps, " in steps of %lld", (long long)symbol.multiple);
        }
        add_key(list, "dim '%s'", symbol.name);
        if (symbol.maximum == INT64_MAX) {
            set_value(list, "from %lld%s", (long long)symbol.minimum, steps);
        } else {
            set_value(list, "%lld to %lld%s", (long long)symbol.minimum, (long long)symbol.maximum,
                      steps);
        }
    }
}

/* A location without the model's file name: "node 'conv1' (Conv)" of "resnet.onnx: node ...". */
static const char *without_file(const char *location)
{
    const char *colon = strstr(location, ": ");
    return colon != NULL ? colon + 2 : location;
}

static void add_steps(fact_list *list, const hml_model *model, const char *variant)
{
    hml_step_info step = {.struct_bytes = sizeof step};
    for (uint32_t k = 0; hml_model_step(model, k, &step) == HML_OK; k++) {
        const char *where = step.location[0] != '\0' ? without_file(step.location) : step.kind;
        add_key(list, "%s, %s", variant, where);
        set_value(list, "%s, %u operand%s", step.form != NULL ? step.form : step.kind,
                  HML_COUNTED(step.operand_count));
    }
}

static hml_status add_variant(fact_list *list, const hml_model *model, uint32_t index,
                              hml_tool_error *error)
{
    hml_variant_info info = {.struct_bytes = sizeof info};
    hml_model *opened = NULL;
    hml_status status = hml_model_variant(model, index, &info);
    if (status != HML_OK) {
        return status;
    }
    add_key(list, "variant %s", info.name);
    set_value(list, "%u step%s, %llu bytes of code", HML_COUNTED(info.step_count),
              (unsigned long long)info.code_bytes);
    hml_open_options options = {.struct_bytes = sizeof options,
                                .flags = HML_OPEN_INSPECT,
                                .variant = info.name,
                                .message = error->text,
                                .message_bytes = sizeof error->text};
    status = hml_model_open(list->path, &options, &opened);
    if (status == HML_OK) {
        add_steps(list, opened, info.name);
        hml_model_release(opened);
    }
    return status;
}

static hml_status add_sizes(fact_list *list, const hml_model *model, hml_tool_error *error)
{
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_status status = hml_model_describe(model, &info);
    add_key(list, "file");
    set_value(list, "%llu bytes", (unsigned long long)info.file_bytes);
    add_key(list, "weights");
    set_value(list, "%llu bytes", (unsigned long long)info.weight_bytes);
    add_key(list, "provenance");
    set_value(list, "%.*s", (int)info.provenance_bytes,
              info.provenance != NULL ? info.provenance : "");
    for (uint32_t k = 0; k < info.variant_count && status == HML_OK; k++) {
        status = add_variant(list, model, k, error);
    }
    return status;
}

static hml_status read_facts(fact_list *list, hml_tool_error *error)
{
    hml_model *model = NULL;
    hml_open_options options = {.struct_bytes = sizeof options,
                                .flags = HML_OPEN_INSPECT | HML_OPEN_NO_ENVIRONMENT,
                                .message = error->text,
                                .message_bytes = sizeof error->text};
    hml_status status = hml_model_open(list->path, &options, &model);
    if (status == HML_OK) {
        add_interface(list, model);
        status = add_sizes(list, model, error);
        hml_model_release(model);
    }
    return list->failed ? HML_ERROR_out_of_memory : status;
}

/* -- the answer -------------------------------------------------------------------------------- */

/* The first unmatched fact of the key, looked for from `hint` on: both lists have one order. */
static fact *find_fact(fact_list *list, const char *key, size_t hint)
{
    for (size_t k = 0; k < list->count; k++) {
        fact *found = &list->facts[(hint + k) % list->count];
        if (!found->matched && strcmp(found->key, key) == 0) {
            found->matched = true;
            return found;
        }
    }
    return NULL;
}

static void tell_difference(hml_report *report, const char *key, const char *a, const char *b)
{
    hml_json *json = &report->data;
    if (report->json) {
        hml_json_object(json, NULL);
        hml_json_string(json, "what", key);
        hml_json_string(json, "first", a);
        hml_json_string(json, "second", b);
        hml_json_end(json);
        return;
    }
    hml_print_text(stdout, key);
    printf(": ");
    hml_print_text(stdout, a != NULL ? a : "not there");
    printf(" -> ");
    hml_print_text(stdout, b != NULL ? b : "not there");
    printf("\n");
}

static size_t tell_differences(hml_report *report, fact_list *a, fact_list *b)
{
    size_t differences = 0;
    for (size_t k = 0; k < a->count; k++) {
        fact *first = &a->facts[k], *second = find_fact(b, first->key, k);
        if (second == NULL || strcmp(first->value, second->value) != 0) {
            tell_difference(report, first->key, first->value, second ? second->value : NULL);
            differences++;
        }
    }
    for (size_t k = 0; k < b->count; k++) {
        if (!b->facts[k].matched) {
            tell_difference(report, b->facts[k].key, NULL, b->facts[k].value);
            differences++;
        }
    }
    return differences;
}

/* Facts may be alike where code or weights differ. */
static bool same_bytes(const char *a, const char *b)
{
    FILE *first = fopen(a, "rb"), *second = fopen(b, "rb");
    bool same = first != NULL && second != NULL;
    char x[65536], y[65536];
    size_t read = 1;
    while (same && read > 0) {
        read = fread(x, 1, sizeof x, first);
        same = fread(y, 1, sizeof y, second) == read && memcmp(x, y, read) == 0;
    }
    if (first != NULL) {
        fclose(first);
    }
    if (second != NULL) {
        fclose(second);
    }
    return same;
}

static int tell(hml_report *report, fact_list *a, fact_list *b)
{
    bool same = same_bytes(a->path, b->path);
    if (report->json) {
        hml_json_bool(&report->data, "same_bytes", same);
        hml_json_array(&report->data, "differences");
    }
    size_t differences = tell_differences(report, a, b);
    if (report->json) {
        hml_json_end(&report->data);
    } else if (same) {
        printf("the same bytes\n");
    } else if (differences == 0) {
        printf("the same interface, sizes and steps; the bytes of code or weights differ\n");
    }
    return same ? HMLC_OK : 1;
}

static int diff_with(const hml_options *options, hml_report *report)
{
    fact_list lists[2] = {{.path = hml_options_at(options, NULL, 0)},
                          {.path = hml_options_at(options, NULL, 1)}};
    hml_tool_error error = {0};
    hml_status status = HML_OK;
    for (size_t k = 0; k < 2 && status == HML_OK; k++) {
        report->path = lists[k].path;
        status = hml_path_check(lists[k].path, HML_PATH_ARTIFACT, &error);
        status = status == HML_OK ? read_facts(&lists[k], &error) : status;
    }
    int exit_status = status == HML_OK ? tell(report, &lists[0], &lists[1])
                                       : hml_report_status(report, status, &error);
    release_facts(&lists[0]);
    release_facts(&lists[1]);
    return exit_status;
}

const hml_command hmlc_command_diff = {
    .name = "diff",
    .words = "A.hml B.hml",
    .summary = "tell how two artifacts differ",
    .purpose =
        "Compares what two artifacts take and give, their dims, variants, sizes and the steps of\n"
        "each variant.\n",
    .options = diff_table,
    .option_count = sizeof diff_table / sizeof diff_table[0],
    .examples = {"diff before.hml after.hml", "diff before.hml after.hml --json"},
    .least_words = 2,
    .most_words = 2,
    .expected = "two artifacts",
    .no = "the artifacts differ",
    .run = diff_with,
};

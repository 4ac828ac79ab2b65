/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc ops: the operators that can be imported. */
#include <stdio.h>
#include <string.h>

#include "common/printable.h"
#include "hmlc_commands.h"

enum { MOST_TYPES = 32, NAME_WIDTH = 28 };

static const hml_option ops_table[] = {
    {"all", 0, NULL, "also the operators that are refused by name"},
    HML_COMMON_OPTIONS,
};

/* Definitions [first, end) are those of one operator. */
typedef struct operator_rows {
    const char *format, *name;
    uint32_t first, end;
    int32_t since, until; /* of the supported ones */
    bool supported;       /* any of them */
} operator_rows;

static bool next_operator(operator_rows *rows)
{
    hmlc_operator_info info;
    uint32_t at = rows->end;
    if (!hmlc_operator_at(rows->format, at, &info)) {
        return false;
    }
    *rows = (operator_rows){
        .format = rows->format, .name = info.name, .first = at, .since = info.since};
    for (; hmlc_operator_at(rows->format, at, &info) && strcmp(info.name, rows->name) == 0; at++) {
        if (info.supported) {
            rows->since = rows->supported ? rows->since : info.since;
            rows->until = info.until;
            rows->supported = true;
        }
    }
    rows->end = at;
    return true;
}

static void put_types(hml_json *json, const char *format, uint32_t index)
{
    const char *names[MOST_TYPES];
    uint32_t count;
    hml_json_array(json, "types");
    for (uint32_t v = 0; (count = hmlc_operator_types(format, index, v, names, MOST_TYPES)) > 0;
         v++) {
        hml_json_array(json, NULL);
        for (uint32_t k = 0; k < count; k++) {
            hml_json_string(json, NULL, names[k]);
        }
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_operator(hml_json *json, const operator_rows *rows)
{
    hml_json_object(json, NULL);
    hml_json_string(json, "name", rows->name);
    hml_json_bool(json, "supported", rows->supported);
    hml_json_array(json, "definitions");
    for (uint32_t k = rows->first; k < rows->end; k++) {
        hmlc_operator_info info;
        (void)hmlc_operator_at(rows->format, k, &info);
        hml_json_object(json, NULL);
        hml_json_integer(json, "since", info.since);
        hml_json_integer(json, "until", info.until);
        hml_json_bool(json, "supported", info.supported);
        put_types(json, rows->format, k);
        hml_json_end(json);
    }
    hml_json_end(json);
    hml_json_end(json);
}

static void print_operator(const operator_rows *rows)
{
    const char *names[MOST_TYPES];
    uint32_t widest = 0, most = 0, count;
    for (uint32_t v = 0;
         (count = hmlc_operator_types(rows->format, rows->end - 1, v, names, MOST_TYPES)) > 0;
         v++) {
        widest = count > most ? v : widest;
        most = count > most ? count : most;
    }
    count = hmlc_operator_types(rows->format, rows->end - 1, widest, names, MOST_TYPES);
    char opsets[32] = "refused";
    if (rows->supported) {
        snprintf(opsets, sizeof opsets, "%d..%d", rows->since, rows->until);
    }
    printf("%-*s %-8s", NAME_WIDTH, rows->name, opsets);
    for (uint32_t k = 0; k < count && rows->supported; k++) {
        printf(" %s", names[k]);
    }
    printf("\n");
}

/* The format that the first word names, or ONNX; *skip: words that name no operator. */
static const char *chosen_format(const hml_options *options, size_t *skip)
{
    const char *word = hml_options_at(options, NULL, 0), *format;
    *skip = 0;
    for (uint32_t k = 0; word != NULL && (format = hmlc_operator_format(k)) != NULL; k++) {
        if (strcmp(word, format) == 0) {
            *skip = 1;
            return format;
        }
    }
    return hmlc_operator_format(0);
}

static bool is_wanted(const hml_options *options, size_t skip, const operator_rows *rows)
{
    size_t count = hml_options_count(options, NULL);
    for (size_t k = skip; k < count; k++) {
        if (strcmp(hml_options_at(options, NULL, k), rows->name) == 0) {
            return true;
        }
    }
    return count == skip && (rows->supported || hml_options_get(options, "all") != NULL);
}

static int check_names(const hml_options *options, hml_report *report, const char *format,
                       size_t skip)
{
    enum { MOST_NAMES = 512 };
    const char *names[MOST_NAMES], *word; /* those that may be meant */
    char suggestion[96];
    size_t count = 0;
    for (operator_rows rows = {.format = format}; count < MOST_NAMES && next_operator(&rows);) {
        names[count++] = rows.name;
    }
    for (size_t n = skip; (word = hml_options_at(options, NULL, n)) != NULL; n++) {
        operator_rows rows = {.format = format};
        bool found = false;
        while (!found && next_operator(&rows)) {
            found = strcmp(rows.name, word) == 0;
        }
        if (!found) {
            return hml_report_usage(
                report, "no operator is called '%s'%s", word,
                hml_did_you_mean(word, names, count, suggestion, sizeof suggestion));
        }
    }
    return HMLC_OK;
}

static int list_operators(const hml_options *options, hml_report *report)
{
    hml_json *json = &report->data;
    uint32_t count = 0;
    report->path = NULL; /* the words are no files */
    size_t skip;
    const char *format = chosen_format(options, &skip);
    int status = check_names(options, report, format, skip);
    if (status != HMLC_OK) {
        return status;
    }
    if (report->json) {
        hml_json_array(json, "operators");
    }
    for (operator_rows rows = {.format = format}; next_operator(&rows);) {
        if (is_wanted(options, skip, &rows)) {
            count += rows.supported ? 1 : 0;
            if (report->json) {
                put_operator(json, &rows);
            } else {
                print_operator(&rows);
            }
        }
    }
    if (report->json) {
        hml_json_end(json);
    } else {
        hml_report_note(report, "%u operator%s", HML_COUNTED(count));
    }
    return HMLC_OK;
}

const hml_command hmlc_command_ops = {
    .name = "ops",
    .words = "[FORMAT] [NAME...]",
    .summary = "list the operators that can be imported",
    .purpose = "Lists the operators of a format, onnx (without one) or tflite, with the opsets or "
               "versions whose\n"
               "definition is known and the element types that the newest of these takes for its "
               "data.\n"
               "Integers of tflite are those with exact results. `check` says more of a model's "
               "own nodes:\n"
               "an attribute or a form of an operator may be refused.\n",
    .options = ops_table,
    .option_count = sizeof ops_table / sizeof ops_table[0],
    .examples = {"ops tflite --all", "ops Conv Gemm --json"},
    .most_words = HML_MOST_WORDS,
    .expected = "names of operators",
    .run = list_operators,
};

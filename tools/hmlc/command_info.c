/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc targets and hmlc explain. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hml/hml.h>

#include "hmlc_commands.h"

static const hml_option info_table[] = {HML_COMMON_OPTIONS};
enum { INFO_OPTIONS = sizeof info_table / sizeof info_table[0] };

static void put_target(hml_json *json, const hmlc_target *target, bool native)
{
    hml_json_object(json, NULL);
    hml_json_string(json, "name", target->name);
    hml_json_string(json, "triple", target->triple);
    hml_json_integer(json, "vector_bits", target->vector_bytes * 8);
    hml_json_bool(json, "default", target->is_default);
    hml_json_bool(json, "object_only", target->object_only);
    hml_json_bool(json, "native", native);
    hml_json_end(json);
}

static void print_target(const hmlc_target *target, bool native)
{
    printf("%-18s %-28s %3d-bit vectors%s%s%s\n", target->name, target->triple,
           target->vector_bytes * 8, target->is_default ? "  default" : "",
           target->object_only ? "  objects only" : "", native ? "  (this machine: native)" : "");
}

static void put_alias(hml_json *json, const hmlc_target_alias *alias)
{
    hml_json_object(json, NULL);
    hml_json_string(json, "name", alias->name);
    hml_json_array(json, "targets"); /* empty: not served */
    for (const char *at = alias->targets; at != NULL && *at != '\0';) {
        size_t length = strcspn(at, ",");
        hml_json_text(json, NULL, at, length);
        at += length + (at[length] == ',');
    }
    hml_json_end(json);
    hml_json_string(json, "text", alias->text);
    hml_json_end(json);
}

/* The first word of a line is one that --target knows: completions are made of it. */
static void print_alias(const hmlc_target_alias *alias)
{
    if (alias->targets != NULL) {
        printf("%-18s = %s  (%s)\n", alias->name, alias->targets, alias->text);
    } else {
        printf("%-18s not served: %s\n", alias->name, alias->text);
    }
}

static int list_targets(const hml_options *options, hml_report *report)
{
    (void)options;
    hml_json *json = &report->data;
    const hmlc_target *target, *native = hmlc_target_find("native");
    const hmlc_target_alias *alias;
    if (report->json) {
        hml_json_array(json, "targets");
        for (uint32_t k = 0; (target = hmlc_target_at(k)) != NULL; k++) {
            put_target(json, target, target == native);
        }
        hml_json_end(json);
        hml_json_array(json, "aliases");
        for (uint32_t k = 0; (alias = hmlc_target_alias_at(k)) != NULL; k++) {
            put_alias(json, alias);
        }
        hml_json_end(json);
        return HMLC_OK;
    }
    for (uint32_t k = 0; (target = hmlc_target_at(k)) != NULL; k++) {
        print_target(target, target == native);
    }
    for (uint32_t k = 0; (alias = hmlc_target_alias_at(k)) != NULL; k++) {
        print_alias(alias);
    }
    return HMLC_OK;
}

/* An error of the runtime, which explains those that both report, or of the compiler. */
typedef struct explanation {
    unsigned number, exit_status;
    const char *title, *text;
} explanation;

static bool find_explanation(long long number, explanation *found)
{
    const hmlc_error_info *info = hmlc_error_find((uint32_t)number);
    const hml_status_text *text = hml_status_describe((hml_status)number);
    if (number > 0 && text->number == (uint32_t)number) {
        *found = (explanation){text->number, text->exit_class, text->title, text->explanation};
    } else if (info != NULL) {
        *found =
            (explanation){info->number, (unsigned)info->status, info->title, info->explanation};
    }
    return found->title != NULL;
}

static void put_explanation(hml_json *json, const explanation *found)
{
    char code[16];
    snprintf(code, sizeof code, "HML%04u", found->number);
    hml_json_object(json, "error");
    hml_json_string(json, "code", code);
    hml_json_string(json, "title", found->title);
    hml_json_string(json, "explanation", found->text);
    hml_json_unsigned(json, "exit_status", found->exit_status);
    hml_json_end(json);
}

bool hmlc_parse_code(const char *word, long long *number)
{
    bool prefixed = toupper((unsigned char)word[0]) == 'H' &&
                    toupper((unsigned char)word[1]) == 'M' &&
                    toupper((unsigned char)word[2]) == 'L';
    return hml_parse_number(prefixed ? word + 3 : word, 99999, number);
}

static int explain(const hml_options *options, hml_report *report)
{
    const char *word = hml_options_at(options, NULL, 0);
    long long number;
    explanation found = {0};
    report->path = NULL; /* the word is no file */
    if (!hmlc_parse_code(word, &number)) {
        return hml_report_usage(report, "'%s' is no error code; they look like HML0203", word);
    }
    if (!find_explanation(number, &found)) {
        return hml_report_usage(report, "there is no error HML%04lld", number);
    }
    if (report->json) {
        put_explanation(&report->data, &found);
    } else {
        printf("HML%04u: %s\n\n%s\n\nExit status: %u\n", found.number, found.title, found.text,
               found.exit_status);
    }
    return HMLC_OK;
}

const hml_command hmlc_command_targets = {
    .name = "targets",
    .words = "",
    .summary = "list the targets that --target takes",
    .purpose = "Lists the targets that an artifact can hold variants for, words that stand for "
               "several of\n"
               "them or for a device, and devices that are not served.\n",
    .options = info_table,
    .option_count = INFO_OPTIONS,
    .examples = {"targets", "targets --json"},
    .expected = "no words but options",
    .run = list_targets,
};

const hml_command hmlc_command_explain = {
    .name = "explain",
    .words = "HML0203",
    .summary = "explain an error code",
    .purpose =
        "Says what an error code means, what to do, and the exit status that goes with it.\n",
    .options = info_table,
    .option_count = INFO_OPTIONS,
    .examples = {"explain HML0301", "explain 1044 --json"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one code, such as HML0203",
    .run = explain,
};

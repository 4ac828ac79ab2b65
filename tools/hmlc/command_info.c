/* hmlc targets and hmlc explain. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hml/hml.h>

#include "commands.h"
#include "common/json.h"

static const hml_option info_table[] = {
    {"json", 0, NULL, "the same as JSON"},
    {"help", 'h', NULL, "this list"},
};
enum { INFO_OPTIONS = sizeof info_table / sizeof info_table[0] };

static int with_options(const char *command, const char *words, int argc, char **argv,
                        int (*body)(const hml_options *options, bool json))
{
    hml_options options;
    char message[256];
    int status;
    if (!hml_options_parse(&options, info_table, INFO_OPTIONS, argc, argv, message,
                           sizeof message)) {
        status = hmlc_usage(command, "%s", message);
    } else if (hml_options_get(&options, "help") != NULL) {
        printf("usage: hmlc %s%s [options]\n", command, words);
        hml_options_print(info_table, INFO_OPTIONS);
        status = HMLC_OK;
    } else {
        status = body(&options, hml_options_get(&options, "json") != NULL);
    }
    hml_options_release(&options);
    return status;
}

static int list_targets(const hml_options *options, bool json)
{
    if (hml_options_count(options, NULL) != 0) {
        return hmlc_usage("targets", "expected no words but --json");
    }
    const hmlc_target *native = hmlc_target_find("native");
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        const hmlc_target *target = hmlc_target_at(k);
        if (json) {
            printf("%s{\"name\":\"%s\",\"triple\":\"%s\",\"vector_bits\":%d,\"native\":%s}",
                   k == 0 ? "[" : ",", target->name, target->triple, target->vector_bytes * 8,
                   target == native ? "true" : "false");
        } else {
            printf("%-14s %-28s %2d-bit vectors%s\n", target->name, target->triple,
                   target->vector_bytes * 8, target == native ? "  (this machine: native)" : "");
        }
    }
    if (json) {
        printf("]\n");
    }
    return HMLC_OK;
}

/* An error of the compiler or of the runtime. */
typedef struct explanation {
    unsigned number, exit_status;
    const char *title, *text;
} explanation;

static bool find_explanation(long long number, explanation *found)
{
    const hmlc_error_info *info = hmlc_error_find((uint32_t)number);
    const hml_status_text *text = hml_status_describe((hml_status)number);
    if (info != NULL) {
        *found =
            (explanation){info->number, (unsigned)info->status, info->title, info->explanation};
    } else if (number > 0 && text->number == (uint32_t)number) {
        *found = (explanation){text->number, text->exit_class, text->title, text->explanation};
    }
    return found->title != NULL;
}

static int explain(const hml_options *options, bool json)
{
    const char *word = hml_options_at(options, NULL, 0);
    if (word == NULL || hml_options_count(options, NULL) != 1) {
        return hmlc_usage("explain", "expected one code, such as HML0203");
    }
    bool prefixed = toupper((unsigned char)word[0]) == 'H' &&
                    toupper((unsigned char)word[1]) == 'M' &&
                    toupper((unsigned char)word[2]) == 'L';
    long long number;
    explanation found = {0};
    if (!hml_parse_number(prefixed ? word + 3 : word, 99999, &number)) {
        return hmlc_usage("explain", "'%s' is no error code; they look like HML0203", word);
    }
    if (!find_explanation(number, &found)) {
        return hmlc_usage("explain", "there is no error HML%04lld", number);
    }
    if (json) {
        printf("{\"code\":\"HML%04u\",\"title\":", found.number);
        hml_json_string(stdout, found.title);
        printf(",\"explanation\":");
        hml_json_string(stdout, found.text);
        printf(",\"exit_status\":%u}\n", found.exit_status);
    } else {
        printf("HML%04u: %s\n\n%s\n\nExit status: %u\n", found.number, found.title, found.text,
               found.exit_status);
    }
    return HMLC_OK;
}

int hmlc_command_targets(int argc, char **argv)
{
    return with_options("targets", "", argc, argv, list_targets);
}

int hmlc_command_explain(int argc, char **argv)
{
    return with_options("explain", " HML0203", argc, argv, explain);
}

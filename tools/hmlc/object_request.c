/* SPDX-License-Identifier: Apache-2.0 */
/* The options that only an object has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmlc_commands.h"

static const char *const object_words[] = {"section",  "prefix", "float-abi",
                                           "selftest", "cpu",    "features"};

/* Words that say something about an object, where none is made. */
static int refuse_words(const hmlc_request *request, const hml_options *options)
{
    for (size_t k = 0; k < sizeof object_words / sizeof object_words[0]; k++) {
        if (hml_options_get(options, object_words[k]) != NULL) {
            return hml_report_usage(request->report, "--%s goes with --emit object alone",
                                    object_words[k]);
        }
    }
    if (request->weights_place != NULL) {
        return hml_report_usage(request->report, "--weights %s goes with --emit object alone",
                                request->weights_place);
    }
    for (uint32_t k = 0; k < request->target_count; k++) {
        if (request->targets[k]->object_only) {
            return hml_report_usage(request->report,
                                    "target %s has no artifacts: its machines have no files; "
                                    "use --emit object",
                                    request->targets[k]->name);
        }
    }
    return HMLC_OK;
}

/* Names of sections need an object that has such, and weights that are in it. */
static int check_sections(const hmlc_request *request)
{
    if (!hmlc_target_names_sections(request->targets[0])) {
        return hml_report_usage(request->report,
                                "--section: objects for %s have the sections of their format alone",
                                request->targets[0]->name);
    }
    return request->object.weights_section == NULL || !request->object.weights_apart
               ? HMLC_OK
               : hml_report_usage(request->report,
                                  "--section weights=%s: with --weights bin the "
                                  "weights are in no section of the object",
                                  request->object.weights_section);
}

/* "code=.itcm,weights=.ext_flash" */
static int parse_sections(hmlc_request *request, const char *list)
{
    if (list == NULL) {
        return HMLC_OK;
    }
    char *copy = strdup(list), *rest = NULL;
    if (copy == NULL) {
        return hml_report_status(request->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    request->section_words = copy;
    for (char *word = strtok_r(copy, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        char *name = strchr(word, '=');
        bool code = strncmp(word, "code=", 5) == 0, weights = strncmp(word, "weights=", 8) == 0;
        const char **section =
            code ? &request->object.code_section : &request->object.weights_section;
        if ((!code && !weights) || name[1] == '\0' || *section != NULL) {
            return hml_report_usage(request->report,
                                    "--section %s: expected code=NAME, weights=NAME or both", list);
        }
        *section = name + 1;
    }
    return check_sections(request);
}

static int parse_prefix(hmlc_request *request, const char *prefix)
{
    request->object.prefix = prefix;
    return prefix == NULL || hmlc_object_prefix_good(prefix)
               ? HMLC_OK
               : hml_report_usage(request->report,
                                  "--prefix '%s': expected a name in C and C++ of at most %d "
                                  "letters, digits and _, the first a letter; no reserved word",
                                  prefix, HMLC_OBJECT_PREFIX);
}

/* "armv7em-none-eabi": what is not in the table and has a dash is a triple. */
bool hmlc_request_triple(hmlc_request *request, const hml_options *options, const char *word)
{
    if (!request->emit_object || strchr(word, '-') == NULL ||
        strlen(word) >= sizeof request->own_triple || request->own_triple[0] != '\0') {
        return false;
    }
    snprintf(request->own_triple, sizeof request->own_triple, "%s", word);
    return hmlc_target_of_triple(request->own_triple, hml_options_get(options, "cpu"),
                                 hml_options_get(options, "features"), &request->own_target);
}

/* "+f,-g": no name is empty. */
static bool is_list_of_names(const char *list)
{
    size_t length = strlen(list);
    return length > 0 && list[0] != ',' && list[length - 1] != ',' && strstr(list, ",,") == NULL;
}

/* A row's processor and features are the row's. */
static int check_words(const hmlc_request *request, const hml_options *options)
{
    static const char *const names[] = {"cpu", "features"};
    bool words = false;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const char *word = hml_options_get(options, names[k]);
        words = words || word != NULL;
        if (word != NULL && !is_list_of_names(word)) {
            return hml_report_usage(request->report, "--%s '%s' has an empty name", names[k], word);
        }
    }
    return !words || request->targets[0] == &request->own_target
               ? HMLC_OK
               : hml_report_usage(request->report,
                                  "--cpu and --features go with a triple; target %s has its own",
                                  request->targets[0]->name);
}

static int parse_float_abi(hmlc_request *request, const char *word)
{
    bool hard = word != NULL && strcmp(word, "hard") == 0;
    if (word == NULL) {
        return HMLC_OK;
    }
    if (!hard && strcmp(word, "softfp") != 0) {
        return hml_report_usage(request->report,
                                "--float-abi %s: expected hard or softfp; both use the "
                                "processor's floats",
                                word);
    }
    const hmlc_target *given = request->targets[0];
    hmlc_target target = *given;
    char triple[sizeof request->own_triple];
    if (!hmlc_target_float_abi(&target, hard, triple, sizeof triple)) {
        return hml_report_usage(request->report, "--float-abi: %s has no choice of it",
                                given->name);
    }
    memcpy(request->own_triple, triple, sizeof triple);
    target.name = given == &request->own_target ? request->own_triple : given->name;
    target.triple = request->own_triple;
    request->own_target = target;
    request->targets[0] = &request->own_target;
    return HMLC_OK;
}

static int check_targets(const hmlc_request *request, const hml_options *options)
{
    if (hml_options_count(options, "target") == 0) {
        return hml_report_usage(request->report,
                                "--emit object needs --target NAME; `hmlc targets` "
                                "lists them");
    }
    return request->target_count == 1
               ? HMLC_OK
               : hml_report_usage(request->report,
                                  "an object is made for one target; --target names %u",
                                  request->target_count);
}

/* A self-test holds what the model gives as it is; these words change that by more than roundings
 * of sums. */
static int parse_selftest(hmlc_request *request, const hml_options *options)
{
    const struct {
        const char *word;
        bool changes;
    } rows[] = {{"weights", request->weights != HMLC_WEIGHTS_F32},
                {"precision", hmlc_dtype_is_half(request->products)},
                {"quantize", hml_options_get(options, "quantize") != NULL}};
    request->selftest = hml_options_get(options, "selftest") != NULL;
    for (size_t k = 0; request->selftest && k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].changes) {
            return hml_report_usage(request->report,
                                    "--selftest records the model as it is, not with --%s %s: "
                                    "quantize to a file first, then compile that",
                                    rows[k].word, hml_options_get(options, rows[k].word));
        }
    }
    return HMLC_OK;
}

int hmlc_request_parse_object(hmlc_request *request, const hml_options *options)
{
    if (!request->emit_object) {
        return refuse_words(request, options);
    }
    if (request->target_count > 0 && request->targets[0]->object_only &&
        hml_options_get(options, "prefer") == NULL) {
        request->prefer_size = true; /* flash is what such machines are short of */
    }
    int status = parse_selftest(request, options);
    status = status == HMLC_OK ? check_targets(request, options) : status;
    status = status == HMLC_OK ? check_words(request, options) : status;
    status = status == HMLC_OK ? parse_float_abi(request, hml_options_get(options, "float-abi"))
                               : status;
    request->object.weights_apart =
        request->weights_place != NULL && strcmp(request->weights_place, "bin") == 0;
    status =
        status == HMLC_OK ? parse_sections(request, hml_options_get(options, "section")) : status;
    return status == HMLC_OK ? parse_prefix(request, hml_options_get(options, "prefix")) : status;
}

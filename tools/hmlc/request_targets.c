/* SPDX-License-Identifier: Apache-2.0 */
/* --target and --tune: from words to rows of the target table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmlc_commands.h"

/* -- rows -------------------------------------------------------------------------------------- */

/* Of a target in the table. */
static uint32_t place_of(const hmlc_target *target)
{
    uint32_t place = 0;
    while (hmlc_target_at(place) != target && hmlc_target_at(place) != NULL) {
        place++;
    }
    return place;
}

static bool has_target(const hmlc_request *request, const hmlc_target *target)
{
    for (uint32_t k = 0; k < request->target_count; k++) {
        if (request->targets[k] == target) {
            return true;
        }
    }
    return false;
}

/* Rising order of features, whatever the order of the words: the loader takes the last that fits.
 */
static void add_target(hmlc_request *request, const hmlc_target *target)
{
    if (has_target(request, target)) {
        return; /* two words may stand for one row */
    }
    if (target == &request->own_target) { /* no row of the table */
        request->targets[request->target_count++] = target;
        return;
    }
    uint32_t at = request->target_count++;
    for (; at > 0 && place_of(request->targets[at - 1]) > place_of(target); at--) {
        request->targets[at] = request->targets[at - 1];
    }
    request->targets[at] = target;
}

/* -- words ------------------------------------------------------------------------------------- */

enum { MOST_NAME = 64 };

/* A part of a list with commas: it may be empty. */
typedef struct list_word {
    const char *text;
    size_t length;
} list_word;

/* Steps to the next word: false behind the last one. Begin with {list, 0} and `first`. */
static bool next_word(list_word *word, bool first)
{
    if (!first) {
        if (word->text[word->length] == '\0') {
            return false;
        }
        word->text += word->length + 1;
    }
    word->length = strcspn(word->text, ",");
    return true;
}

static void copy_word(char name[MOST_NAME], const list_word *word)
{
    snprintf(name, MOST_NAME, "%.*s", (int)word->length, word->text);
}

/* "; did you mean ...?" of everything that a target may be called. */
static int unknown_target(const hmlc_request *request, const char *name)
{
    uint32_t count = 0, aliases = 0;
    while (hmlc_target_alias_at(aliases) != NULL) {
        aliases++;
    }
    const char **names = calloc(hmlc_target_count() + aliases + 1, sizeof *names);
    if (names == NULL) {
        return hml_report_status(request->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        names[count++] = hmlc_target_at(k)->name;
    }
    for (uint32_t k = 0; k < aliases; k++) {
        names[count++] = hmlc_target_alias_at(k)->name;
    }
    names[count++] = "native";
    char suggestion[96];
    const char *hint = hml_did_you_mean(name, names, count, suggestion, sizeof suggestion);
    free(names);
    return hml_report_usage(request->report, "unknown target '%s'%s; `hmlc targets` lists them",
                            name, hint);
}

static int refuse_target(const hmlc_request *request, const char *name, const char *reason)
{
    char message[256];
    snprintf(message, sizeof message, "target '%s': %s", name, reason);
    hml_report_add(request->report,
                   &(hml_finding){HML_ERROR, hmlc_error_get_info(HMLC_ERROR_target_refused)->number,
                                  message, "`hmlc targets` lists what is served", NULL});
    return HMLC_REFUSED;
}

static int refuse_format(const hmlc_request *request, const char *name, const char *format)
{
    char reason[96];
    snprintf(reason, sizeof reason, "its object files are %s; ELF and WebAssembly are written",
             format);
    return refuse_target(request, name, reason);
}

/* The rows that an alias stands for. */
static void add_rows(hmlc_request *request, const char *rows)
{
    list_word word = {rows, 0};
    char name[MOST_NAME];
    for (bool more = next_word(&word, true); more; more = next_word(&word, false)) {
        copy_word(name, &word);
        add_target(request, hmlc_target_find(name)); /* the table's test looks for each */
    }
}

static int add_word(hmlc_request *request, const hml_options *options, const list_word *word)
{
    char name[MOST_NAME];
    copy_word(name, word);
    const hmlc_target *target = hmlc_target_find(name);
    /* "aarch64" is a row, and all that stand beside it; an object is made of one. */
    const hmlc_target_alias *alias =
        request->emit_object && target != NULL ? NULL : hmlc_target_alias_find(name);
    target = alias == NULL ? target : NULL;
    const char *format = hmlc_triple_foreign_format(name);
    if (format != NULL && request->emit_object) {
        return refuse_format(request, name, format);
    }
    if (alias != NULL && alias->targets == NULL) {
        return refuse_target(request, alias->name, alias->text);
    }
    if (alias != NULL) {
        add_rows(request, alias->targets);
    } else if (target != NULL) {
        add_target(request, target);
    } else if (hmlc_request_triple(request, options, name)) {
        add_target(request, &request->own_target);
    } else {
        return unknown_target(request, name);
    }
    return HMLC_OK;
}

/* Whether an earlier word of the command line is the same. */
static bool is_doubled(const hml_options *options, const list_word *word)
{
    const char *list;
    for (size_t k = 0; (list = hml_options_at(options, "target", k)) != NULL; k++) {
        list_word earlier = {list, 0};
        for (bool more = next_word(&earlier, true); more; more = next_word(&earlier, false)) {
            if (earlier.text == word->text) {
                return false;
            }
            if (earlier.length == word->length &&
                memcmp(earlier.text, word->text, word->length) == 0) {
                return true;
            }
        }
    }
    return false;
}

static int add_words(hmlc_request *request, const hml_options *options, const char *list)
{
    list_word word = {list, 0};
    int status = HMLC_OK;
    for (bool more = next_word(&word, true); status == HMLC_OK && more;
         more = next_word(&word, false)) {
        if (word.length == 0) {
            return hml_report_usage(request->report, "--target '%s' has a name that is empty",
                                    list);
        }
        if (is_doubled(options, &word)) {
            return hml_report_usage(request->report, "--target names '%.*s' twice",
                                    (int)word.length, word.text);
        }
        status = add_word(request, options, &word);
    }
    return status;
}

/* -- tuning ------------------------------------------------------------------------------------ */

/* Adds the rows for small cores that stand beside those that are there. */
static int add_small(hmlc_request *request)
{
    const hmlc_target *target;
    bool found = false;
    for (uint32_t k = 0; (target = hmlc_target_at(k)) != NULL; k++) {
        const hmlc_target *beside =
            target->small_of != NULL ? hmlc_target_find(target->small_of) : NULL;
        if (beside != NULL && has_target(request, beside)) {
            add_target(request, target);
            found = true;
        }
    }
    return found ? HMLC_OK
                 : hml_report_usage(request->report,
                                    "--tune small: no target of these has code for small cores");
}

static int parse_tune(hmlc_request *request, const char *word)
{
    if (word == NULL || strcmp(word, "none") == 0) {
        return HMLC_OK;
    }
    return strcmp(word, "small") == 0
               ? add_small(request)
               : hml_report_usage(request->report, "--tune %s: expected none or small", word);
}

/* Without --target: the rows that the table marks, in one file, whatever machine compiles. */
int hmlc_request_targets(hmlc_request *request, const hml_options *options)
{
    size_t count = hml_options_count(options, "target");
    request->default_targets = count == 0;
    request->targets = calloc(hmlc_target_count() + 1, sizeof *request->targets);
    if (request->targets == NULL) {
        return hml_report_status(request->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    for (uint32_t k = 0; count == 0 && k < hmlc_target_count(); k++) {
        if (hmlc_target_at(k)->is_default) {
            add_target(request, hmlc_target_at(k));
        }
    }
    for (size_t k = 0; k < count; k++) {
        int status = add_words(request, options, hml_options_at(options, "target", k));
        if (status != HMLC_OK) {
            return status;
        }
    }
    return parse_tune(request, hml_options_get(options, "tune"));
}

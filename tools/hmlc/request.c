/* The options that say how a model is compiled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

/* "batch=4", "batch=1..8" or "s86=s10". The texts live in `text`, which is cut up. */
static bool parse_dim(hmlc_dim_option *dim, char *text)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return false;
    }
    *equals = '\0';
    char *value = equals + 1, *dots = strstr(value, "..");
    *dim = (hmlc_dim_option){.name = text};
    long long low, high;
    if (dots != NULL) {
        *dots = '\0';
        if (!hml_parse_number(value, HMLC_DIM_UNBOUNDED, &low) ||
            !hml_parse_number(dots + 2, HMLC_DIM_UNBOUNDED, &high) || low > high) {
            return false;
        }
    } else if (hml_parse_number(value, HMLC_DIM_UNBOUNDED, &low)) {
        high = low;
    } else if ((value[0] >= '0' && value[0] <= '9') || value[0] == '-') {
        return false;
    } else {
        dim->same_as = value;
        return true;
    }
    dim->minimum = low;
    dim->maximum = high;
    return true;
}

static bool is_named(const hmlc_request *request, const char *name)
{
    for (uint32_t k = 0; k < request->dim_count; k++) {
        if (strcmp(request->dims[k].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool parse_dims(hmlc_request *request, const hml_options *options, int *exit_status)
{
    const char *text;
    for (size_t k = 0; (text = hml_options_at(options, "dim", k)) != NULL; k++) {
        char *copy = strdup(text);
        hmlc_dim_option *dim = &request->dims[request->dim_count];
        if (copy == NULL || request->dim_count == HMLC_MOST_DIM_OPTIONS || !parse_dim(dim, copy)) {
            *exit_status = hmlc_usage(
                request->command, "--dim %s: expected NAME=N, NAME=LOW..HIGH or NAME=NAME", text);
            free(copy);
            return false;
        }
        if (is_named(request, dim->name)) {
            *exit_status =
                hmlc_usage(request->command, "--dim %s: '%s' is given twice", text, copy);
            free(copy);
            return false;
        }
        request->dim_count++;
    }
    return true;
}

static bool unknown_target(const hmlc_request *request, const char *name, int *exit_status)
{
    const char *names[16] = {"native"};
    char suggestion[96];
    size_t count = 1;
    for (; count <= hmlc_target_count() && count < 16; count++) {
        names[count] = hmlc_target_at((uint32_t)count - 1)->name;
    }
    *exit_status =
        hmlc_usage(request->command, "unknown target '%s'%s; `hmlc targets` lists them", name,
                   hml_did_you_mean(name, names, count, suggestion, sizeof suggestion));
    return false;
}

static bool add_target(hmlc_request *request, const char *name, int *exit_status)
{
    const hmlc_target *target = hmlc_target_find(name);
    if (target == NULL || request->target_count == HMLC_MOST_TARGETS) {
        return unknown_target(request, name, exit_status);
    }
    for (uint32_t k = 0; k < request->target_count; k++) {
        if (request->targets[k] == target) {
            return true;
        }
    }
    /* Rising order of features, whatever the order of the words: the loader takes the last that
     * fits. */
    uint32_t at = request->target_count++;
    for (; at > 0 && request->targets[at - 1] > target; at--) {
        request->targets[at] = request->targets[at - 1];
    }
    request->targets[at] = target;
    return true;
}

static bool add_targets(hmlc_request *request, const char *list, int *exit_status)
{
    char *words = strdup(list), *rest = NULL;
    bool good = words != NULL;
    if (!good) {
        fprintf(stderr, "error[HML0102]: out of memory\n");
        *exit_status = HMLC_RESOURCE;
    }
    for (char *word = good ? strtok_r(words, ",", &rest) : NULL; good && word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        good = add_target(request, word, exit_status);
    }
    free(words);
    return good;
}

/* Without --target: all x86-64 variants in one file, never the compiling host alone. */
static bool parse_targets(hmlc_request *request, const hml_options *options, int *exit_status)
{
    size_t count = hml_options_count(options, "target");
    for (uint32_t k = 0; count == 0 && k < hmlc_target_count(); k++) {
        request->targets[request->target_count++] = hmlc_target_at(k);
    }
    for (size_t k = 0; k < count; k++) {
        if (!add_targets(request, hml_options_at(options, "target", k), exit_status)) {
            return false;
        }
    }
    if (request->target_count == 0) {
        *exit_status = hmlc_usage(request->command, "--target names no target");
        return false;
    }
    return true;
}

static bool parse_emit(hmlc_request *request, const char *word, int *exit_status)
{
    static const struct {
        const char *word;
        hmlc_emit emit;
        bool ir, later;
    } rows[] = {
        {"artifact", HMLC_EMIT_ARTIFACT, false, false},
        {"llvm-ir", HMLC_EMIT_LLVM_IR, false, false},
        {"asm", HMLC_EMIT_ASM, false, false},
        {"ir", HMLC_EMIT_ARTIFACT, true, false},
        {"object", HMLC_EMIT_ARTIFACT, false, true},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    const char *names[ROWS];
    char suggestion[96];
    for (size_t k = 0; word != NULL && k < ROWS; k++) {
        names[k] = rows[k].word;
        if (strcmp(rows[k].word, word) == 0) {
            request->emit = rows[k].emit;
            request->emit_ir = rows[k].ir;
            *exit_status = rows[k].later ? hmlc_refuse_later("--emit object") : HMLC_OK;
            return !rows[k].later;
        }
    }
    if (word != NULL) {
        *exit_status = hmlc_usage(
            request->command, "--emit %s: expected artifact, object, llvm-ir, asm or ir%s", word,
            hml_did_you_mean(word, names, ROWS, suggestion, sizeof suggestion));
    }
    return word == NULL;
}

/* Options whose doors exist, with nothing behind them yet. */
static bool refuse_later(const hml_options *options, int *exit_status)
{
    static const char *const later[] = {"quantize", "calib", "provider"};
    for (size_t k = 0; k < sizeof later / sizeof later[0]; k++) {
        if (hml_options_get(options, later[k]) != NULL) {
            char what[32];
            snprintf(what, sizeof what, "--%s", later[k]);
            *exit_status = hmlc_refuse_later(what);
            return true;
        }
    }
    return false;
}

/* The name of a pass is known before a model is read. */
static bool check_pass(const hmlc_request *request, int *exit_status)
{
    const char *names[64] = {"all"}, *word = request->print_after;
    char suggestion[96];
    size_t count = 1;
    for (uint32_t k = 0; k < hmlc_pass_count() && count < 64; k++) {
        names[count++] = hmlc_pass_at(k)->name;
    }
    for (size_t k = 0; word != NULL && k < count; k++) {
        if (strcmp(names[k], word) == 0) {
            return true;
        }
    }
    if (word != NULL) {
        *exit_status =
            hmlc_usage(request->command, "--print-after %s: there is no such pass%s", word,
                       hml_did_you_mean(word, names, count, suggestion, sizeof suggestion));
    }
    return word == NULL;
}

bool hmlc_request_parse(hmlc_request *request, const char *command, const hml_options *options,
                        int *exit_status)
{
    *request = (hmlc_request){.command = command};
    long long jobs = 0;
    const char *text = hml_options_get(options, "jobs");
    if (text != NULL && (!hml_parse_number(text, 1024, &jobs) || jobs == 0)) {
        *exit_status = hmlc_usage(command, "--jobs %s: expected a number from 1 to 1024", text);
        return false;
    }
    request->jobs = (uint32_t)jobs;
    request->verify = hml_options_get(options, "verify-passes") != NULL;
    request->print_after = hml_options_get(options, "print-after");
    return !refuse_later(options, exit_status) && check_pass(request, exit_status) &&
           parse_dims(request, options, exit_status) &&
           parse_targets(request, options, exit_status) &&
           parse_emit(request, hml_options_get(options, "emit"), exit_status);
}

void hmlc_request_release(hmlc_request *request)
{
    for (uint32_t k = 0; k < request->dim_count; k++) {
        union {
            const char *borrowed;
            void *owned; /* strdup in parse_dims */
        } name = {.borrowed = request->dims[k].name};
        free(name.owned);
    }
    request->dim_count = 0;
}

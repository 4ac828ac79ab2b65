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

static bool parse_dims(hmlc_request *request, const hml_options *options, int *exit_status)
{
    const char *text;
    for (size_t k = 0; (text = hml_options_at(options, "dim", k)) != NULL; k++) {
        char *copy = strdup(text);
        if (copy == NULL || request->dim_count == HMLC_MOST_DIM_OPTIONS ||
            !parse_dim(&request->dims[request->dim_count], copy)) {
            *exit_status = hmlc_usage(
                "compile", "--dim %s: expected NAME=N, NAME=LOW..HIGH or NAME=NAME", text);
            free(copy);
            return false;
        }
        request->dim_count++;
    }
    return true;
}

static bool add_target(hmlc_request *request, const char *name, int *exit_status)
{
    const hmlc_target *target = hmlc_target_find(name);
    if (target == NULL || request->target_count == HMLC_MOST_TARGETS) {
        const char *names[16] = {"native"};
        size_t count = 1;
        for (; count <= hmlc_target_count() && count < 16; count++) {
            names[count] = hmlc_target_at((uint32_t)count - 1)->name;
        }
        const char *closest = hml_closest_word(name, names, count);
        *exit_status = hmlc_usage("compile", "unknown target '%s'%s%s%s; `hmlc targets` lists them",
                                  name, closest != NULL ? "; did you mean '" : "",
                                  closest != NULL ? closest : "", closest != NULL ? "'?" : "");
        return false;
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

/* Without --target: all x86-64 variants in one file, never the compiling host alone. */
static bool parse_targets(hmlc_request *request, const hml_options *options, int *exit_status)
{
    size_t count = hml_options_count(options, "target");
    for (uint32_t k = 0; count == 0 && k < hmlc_target_count(); k++) {
        request->targets[request->target_count++] = hmlc_target_at(k);
    }
    for (size_t k = 0; k < count; k++) {
        char words[256];
        snprintf(words, sizeof words, "%s", hml_options_at(options, "target", k));
        char *rest = NULL;
        for (char *word = strtok_r(words, ",", &rest); word != NULL;
             word = strtok_r(NULL, ",", &rest)) {
            if (!add_target(request, word, exit_status)) {
                return false;
            }
        }
    }
    if (request->target_count == 0) {
        *exit_status = hmlc_usage("compile", "--target names no target");
        return false;
    }
    return true;
}

static bool parse_emit(hmlc_request *request, const char *word, int *exit_status)
{
    if (word == NULL || strcmp(word, "artifact") == 0) {
        return true;
    }
    if (strcmp(word, "llvm-ir") == 0 || strcmp(word, "asm") == 0) {
        request->emit = word[0] == 'l' ? HMLC_EMIT_LLVM_IR : HMLC_EMIT_ASM;
        return true;
    }
    if (strcmp(word, "ir") == 0) {
        request->emit_ir = true;
        return true;
    }
    if (strcmp(word, "object") == 0) {
        fprintf(stderr, "error[HML0304]: --emit object is reserved and not implemented yet\n");
        *exit_status = HMLC_REFUSED;
        return false;
    }
    *exit_status =
        hmlc_usage("compile", "--emit %s: expected artifact, object, llvm-ir, asm or ir", word);
    return false;
}

/* Options whose doors exist, with nothing behind them yet. */
static bool refuse_later(const hml_options *options, int *exit_status)
{
    static const char *const later[] = {"quantize", "calib", "provider"};
    for (size_t k = 0; k < sizeof later / sizeof later[0]; k++) {
        if (hml_options_get(options, later[k]) != NULL) {
            fprintf(stderr, "error[HML0304]: --%s is reserved and not implemented yet\n", later[k]);
            *exit_status = HMLC_REFUSED;
            return true;
        }
    }
    return false;
}

bool hmlc_request_parse(hmlc_request *request, const hml_options *options, int *exit_status)
{
    *request = (hmlc_request){0};
    long long jobs = 0;
    const char *text = hml_options_get(options, "jobs");
    if (text != NULL && (!hml_parse_number(text, 1024, &jobs) || jobs == 0)) {
        *exit_status = hmlc_usage("compile", "--jobs %s: expected a number from 1 to 1024", text);
        return false;
    }
    request->jobs = (uint32_t)jobs;
    request->verify = hml_options_get(options, "verify-passes") != NULL;
    request->print_after = hml_options_get(options, "print-after");
    return !refuse_later(options, exit_status) && parse_dims(request, options, exit_status) &&
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

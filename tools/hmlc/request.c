/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how a model is compiled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hmlc_commands.h"

/* "batch=4", "batch=1..8", "s86=s10" or "past=seq+1". The texts live in `text`, which is cut up. */
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
    } else if (value[strspn(value, "-0123456789.")] == '\0') {
        return false; /* a number, but none that a dim may have */
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

static int parse_dims(hmlc_request *request, const hml_options *options)
{
    const char *text;
    for (size_t k = 0; (text = hml_options_at(options, "dim", k)) != NULL; k++) {
        char *copy = strdup(text);
        hmlc_dim_option *dim = &request->dims[request->dim_count];
        if (copy == NULL || request->dim_count == HMLC_MOST_DIM_OPTIONS || !parse_dim(dim, copy)) {
            free(copy);
            return hml_report_usage(
                request->report,
                "--dim %s: expected NAME=N, NAME=LOW..HIGH, NAME=NAME or NAME=NAME+1; numbers "
                "are 0 to 2^47, LOW not above HIGH",
                text);
        }
        if (is_named(request, dim->name)) {
            int status =
                hml_report_usage(request->report, "--dim %s: '%s' is given twice", text, copy);
            free(copy);
            return status;
        }
        request->dim_count++;
    }
    return HMLC_OK;
}

static int parse_emit(hmlc_request *request, const char *word)
{
    static const struct {
        const char *word;
        hmlc_emit emit;
        bool ir, object, onnx;
    } rows[] = {
        {"artifact", HMLC_EMIT_ARTIFACT, false, false, false},
        {"object", HMLC_EMIT_ARTIFACT, false, true, false},
        {"onnx", HMLC_EMIT_ARTIFACT, false, false, true},
        {"llvm-ir", HMLC_EMIT_LLVM_IR, false, false, false},
        {"asm", HMLC_EMIT_ASM, false, false, false},
        {"ir", HMLC_EMIT_ARTIFACT, true, false, false},
    };
    enum { ROWS = sizeof rows / sizeof rows[0] };
    const char *names[ROWS];
    char suggestion[96];
    for (size_t k = 0; word != NULL && k < ROWS; k++) {
        names[k] = rows[k].word;
        if (strcmp(rows[k].word, word) == 0) {
            request->emit = rows[k].emit;
            request->emit_ir = rows[k].ir;
            request->emit_object = rows[k].object;
            request->emit_onnx = rows[k].onnx;
            return HMLC_OK;
        }
    }
    return word == NULL
               ? HMLC_OK
               : hml_report_usage(
                     request->report,
                     "--emit %s: expected artifact, object, onnx, llvm-ir, asm or ir%s", word,
                     hml_did_you_mean(word, names, ROWS, suggestion, sizeof suggestion));
}

/* Words of the command line's contract that have no meaning: refused, not misread. */
static int refuse_reserved(const hmlc_request *request, const hml_options *options)
{
    static const char *const reserved[] = {"provider"};
    char message[64] = "";
    for (size_t k = 0; k < sizeof reserved / sizeof reserved[0]; k++) {
        if (hml_options_get(options, reserved[k]) != NULL) {
            snprintf(message, sizeof message, "--%s has no meaning", reserved[k]);
        }
    }
    if (message[0] == '\0') {
        return HMLC_OK;
    }
    hml_report_add(request->report,
                   &(hml_finding){HML_ERROR,
                                  hmlc_error_get_info(HMLC_ERROR_not_implemented)->number, message,
                                  "`hmlc help compile` lists what has one", NULL});
    return HMLC_REFUSED;
}

/* The name of a pass is known before a model is read. */
static int check_pass(const hmlc_request *request)
{
    const char *names[64] = {"all"}, *word = request->print_after; /* those that may be meant */
    char suggestion[96];
    size_t count = 1;
    for (uint32_t k = 0; k < hmlc_pass_count() && count < 64; k++) {
        names[count++] = hmlc_pass_at(k)->name;
    }
    for (uint32_t k = 0; word != NULL && k < hmlc_pass_count(); k++) {
        if (strcmp(hmlc_pass_at(k)->name, word) == 0) {
            return HMLC_OK;
        }
    }
    bool all = word == NULL || strcmp(word, names[0]) == 0;
    return all ? HMLC_OK
               : hml_report_usage(
                     request->report, "--print-after %s: there is no such pass%s", word,
                     hml_did_you_mean(word, names, count, suggestion, sizeof suggestion));
}

static int parse_quantized(hmlc_request *request, const char *word)
{
    static const char *const words[] = {"integer", "exact"};
    char suggestion[96];
    request->exact = word != NULL && strcmp(word, words[1]) == 0;
    return word == NULL || request->exact || strcmp(word, words[0]) == 0
               ? HMLC_OK
               : hml_report_usage(request->report, "--quantized %s: expected integer or exact%s",
                                  word,
                                  hml_did_you_mean(word, words, 2, suggestion, sizeof suggestion));
}

static int parse_jobs(hmlc_request *request, const char *text)
{
    long long jobs = 0;
    if (text != NULL && (!hml_parse_number(text, 1024, &jobs) || jobs == 0)) {
        return hml_report_usage(request->report, "--jobs %s: expected a number from 1 to 1024",
                                text);
    }
    request->jobs = (uint32_t)jobs;
    return HMLC_OK;
}

/* 20,000 kernels take two minutes at least; a large network has some hundred. */
static int parse_most_kernels(hmlc_request *request, const char *text)
{
    long long count = 20000;
    if (text != NULL && (!hml_parse_number(text, UINT32_MAX, &count) || count == 0)) {
        return hml_report_usage(request->report, "--most-kernels %s: expected a number from 1",
                                text);
    }
    request->most_kernels = (uint32_t)count;
    return HMLC_OK;
}

static int parse_preference(hmlc_request *request, const char *text)
{
    request->prefer_size = text != NULL && strcmp(text, "size") == 0;
    if (text != NULL && !request->prefer_size && strcmp(text, "speed") != 0) {
        return hml_report_usage(request->report, "--prefer %s: expected `speed` or `size`", text);
    }
    return HMLC_OK;
}

typedef struct weights_word {
    const char *word;
    hmlc_weight_type weights;
    bool place; /* of an object's weights */
} weights_word;

static const weights_word weights_words[] = {
    {"f32", HMLC_WEIGHTS_F32, false},   {"f16", HMLC_WEIGHTS_F16, false},
    {"bf16", HMLC_WEIGHTS_BF16, false}, {"object", HMLC_WEIGHTS_F32, true},
    {"bin", HMLC_WEIGHTS_F32, true},
};

/* Takes one word; false where there is none such, or its like was there before. */
static bool take_weights(hmlc_request *request, const char *word, size_t length)
{
    for (size_t k = 0; k < sizeof weights_words / sizeof weights_words[0]; k++) {
        const weights_word *row = &weights_words[k];
        if (strlen(row->word) != length || strncmp(row->word, word, length) != 0) {
            continue;
        }
        bool twice = row->place ? request->weights_place != NULL : request->weights_named;
        request->weights_place = row->place ? row->word : request->weights_place;
        request->weights = row->place ? request->weights : row->weights;
        request->weights_named = request->weights_named || !row->place;
        return !twice;
    }
    return false;
}

/* "bf16", "bin" or "f16,bin". */
static int parse_weights(hmlc_request *request, const char *list)
{
    for (const char *word = list; word != NULL;) {
        size_t length = strcspn(word, ",");
        if (!take_weights(request, word, length)) {
            return hml_report_usage(request->report,
                                    "--weights %s: expected one of f32, f16 and bf16; of an "
                                    "object, also one of object and bin",
                                    list);
        }
        word = word[length] == ',' ? word + length + 1 : NULL;
    }
    return HMLC_OK;
}

typedef struct precision_word {
    const char *word, *who; /* who has it */
    hmlc_dtype products;
} precision_word;

static const precision_word precision_words[] = {
    {"f32", NULL, HMLC_DTYPE_f32},
    {"f16", "aarch64-dot and aarch64-mm do", HMLC_DTYPE_f16},
    {"bf16", "aarch64-mm does", HMLC_DTYPE_bf16}};

static bool multiplies(const hmlc_target *target, hmlc_dtype products)
{
    return products == HMLC_DTYPE_f16    ? target->multiplies_half
           : products == HMLC_DTYPE_bf16 ? target->multiplies_bf16 != NULL
                                         : true;
}

static int refuse_precision(hmlc_request *request, const precision_word *row,
                            const hmlc_target *target)
{
    char message[160], hint[160];
    snprintf(message, sizeof message, "--precision %s: target %s does not multiply %s", row->word,
             target->name, row->word);
    snprintf(hint, sizeof hint,
             "%s; `--weights %s` stores weights in %s for any target, and computes in f32",
             row->who, row->word, row->word);
    hml_report_add(request->report,
                   &(hml_finding){HML_ERROR,
                                  hmlc_error_get_info(HMLC_ERROR_not_implemented)->number, message,
                                  hint, NULL});
    return HMLC_REFUSED;
}

/* Every target must have what the word asks for. */
static int parse_precision(hmlc_request *request, const char *word)
{
    const precision_word *row = &precision_words[0],
                         *end = row + sizeof precision_words / sizeof *row;
    while (word != NULL && row < end && strcmp(row->word, word) != 0) {
        row++;
    }
    if (row == end) {
        return hml_report_usage(request->report, "--precision %s: expected f32, f16 or bf16", word);
    }
    request->products = row->products;
    for (uint32_t k = 0; k < request->target_count; k++) {
        if (!multiplies(request->targets[k], row->products)) {
            return refuse_precision(request, row, request->targets[k]);
        }
    }
    return HMLC_OK;
}

/* Halves that multiply are what their weights are stored in. */
static int check_halves(const hmlc_request *request, const hml_options *options)
{
    bool f16 = request->products == HMLC_DTYPE_f16 && request->weights == HMLC_WEIGHTS_BF16;
    bool bf16 = request->products == HMLC_DTYPE_bf16 && request->weights == HMLC_WEIGHTS_F16;
    const char *precision = hml_options_get(options, "precision");
    return !f16 && !bf16
               ? HMLC_OK
               : hml_report_usage(request->report,
                                  "--weights %s contradicts --precision %s, which stores the "
                                  "weights that it multiplies in %s",
                                  hml_options_get(options, "weights"), precision, precision);
}

static int parse_keep(hmlc_request *request, const hml_options *options)
{
    const char *name;
    for (size_t k = 0; (name = hml_options_at(options, "keep", k)) != NULL; k++) {
        if (request->keep_count == HMLC_MOST_KEPT) {
            return hml_report_usage(request->report,
                                    "--keep is given more than %d times; `--keep all` keeps all",
                                    HMLC_MOST_KEPT);
        }
        request->keep[request->keep_count++] = name;
    }
    return HMLC_OK;
}

int hmlc_request_parse(hmlc_request *request, hml_report *report, const hml_options *options)
{
    *request = (hmlc_request){.report = report,
                              .verify = hml_options_get(options, "verify-passes") != NULL,
                              .signature = hml_options_get(options, "signature"),
                              .tags = hml_options_get(options, "tags"),
                              .member = hml_options_get(options, "member"),
                              .state = hml_options_get(options, "state"),
                              .inputs = hml_options_get(options, "inputs"),
                              .outputs = hml_options_get(options, "outputs"),
                              .tflite_rounding = hml_options_get(options, "tflite-rounding"),
                              .quantization = hml_options_get(options, "quantization") != NULL,
                              .print_after = hml_options_get(options, "print-after")};
    int status = refuse_reserved(request, options);
    status = status == HMLC_OK ? parse_quantized(request, hml_options_get(options, "quantized"))
                               : status;
    status = status == HMLC_OK ? parse_jobs(request, hml_options_get(options, "jobs")) : status;
    status = status == HMLC_OK
                 ? parse_most_kernels(request, hml_options_get(options, "most-kernels"))
                 : status;
    status = status == HMLC_OK ? check_pass(request) : status;
    status = status == HMLC_OK ? parse_dims(request, options) : status;
    status = status == HMLC_OK ? parse_emit(request, hml_options_get(options, "emit")) : status;
    status = status == HMLC_OK ? hmlc_request_targets(request, options) : status;
    status = status == HMLC_OK ? parse_keep(request, options) : status;
    status =
        status == HMLC_OK ? parse_preference(request, hml_options_get(options, "prefer")) : status;
    status = status == HMLC_OK ? parse_precision(request, hml_options_get(options, "precision"))
                               : status;
    status =
        status == HMLC_OK ? parse_weights(request, hml_options_get(options, "weights")) : status;
    status = status == HMLC_OK ? check_halves(request, options) : status;
    return status == HMLC_OK ? hmlc_request_parse_object(request, options) : status;
}

void hmlc_request_native(hmlc_request *request)
{
    const hmlc_target *native = hmlc_target_find("native");
    if (native != NULL && request->targets != NULL) {
        request->targets[0] = native;
        request->target_count = 1;
        request->default_targets = false;
    }
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
    free(request->targets);
    request->targets = NULL;
    free(request->section_words);
    request->section_words = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "pass_oracle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char oracle_kernel_passes[] = "layout,simplify,cse,lower-ops,cse,form-kernels,plan-memory";

void oracle_print_diagnostics(const hmlc_module *module)
{
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(module->diagnostics); d; d = d->next) {
        char location[256] = "";
        if (d->location != NULL) {
            hmlc_location_format(d->location, location, sizeof location);
        }
        fprintf(stderr, "HML%04u %s %s\n", hmlc_error_get_info(d->error)->number, location,
                d->message);
    }
}

hmlc_module *oracle_parse(const char *text)
{
    hmlc_module *module = hmlc_module_create(NULL);
    if (module != NULL && hmlc_module_parse(module, text, strlen(text), NULL, 0) != HMLC_OK) {
        oracle_print_diagnostics(module);
        hmlc_module_destroy(module);
        return NULL;
    }
    return module;
}

int64_t *oracle_symbols(hmlc_module *module, const oracle_dim *dims, uint32_t count)
{
    uint32_t symbols = hmlc_symbol_count(module->dims);
    int64_t *values = HMLC_NEW_ARRAY(module->arena, int64_t, symbols + 1);
    for (uint32_t i = 0; values != NULL && i < symbols; i++) {
        const hmlc_symbol *symbol = hmlc_symbol_at(module->dims, i);
        values[i] = hmlc_dim_hint(hmlc_dim_symbol(module->dims, symbol));
        for (uint32_t k = 0; k < count; k++) {
            values[i] = strcmp(symbol->name, dims[k].symbol) == 0 ? dims[k].value : values[i];
        }
    }
    return values;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Floats in [-largest, largest], integers from 0 to largest. */
static void fill_random(const hmlc_tensor *tensor, void *data, uint32_t *seed, uint32_t largest)
{
    uint32_t integers = tensor->dtype == HMLC_DTYPE_bool ? 2 : largest + 1;
    for (int64_t i = 0; i < hmlc_tensor_count(tensor); i++) {
        uint32_t random = next_random(seed);
        if (hmlc_dtype_is_float(tensor->dtype)) {
            double part = (double)(random % 4001) / 2000.0 - 1.0;
            hmlc_element_set_double(tensor->dtype, data, i, part * (double)largest);
        } else {
            hmlc_element_set_int(tensor->dtype, data, i, random % integers);
        }
    }
}

static bool random_tensor(hmlc_arena *arena, const hmlc_type *type, const oracle_run *run,
                          uint32_t *seed, hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; i < type->rank; i++) {
        if (!hmlc_dim_evaluate(type->dims[i], run->symbols, &tensor->dims[i])) {
            return false;
        }
    }
    tensor->bytes = (size_t)hmlc_tensor_count(tensor) * hmlc_dtype_bytes(type->dtype);
    void *data = hmlc_arena_allocate(arena, tensor->bytes);
    if (data != NULL) {
        fill_random(tensor, data, seed, run->strict ? 2 : 1);
    }
    tensor->data = data;
    return data != NULL;
}

/* NULL when the module is not computed for these inputs. */
static hmlc_tensor *interpret(hmlc_module *module, const hmlc_tensor *inputs, hmlc_arena *arena)
{
    uint32_t count = module->main->last->operand_count;
    hmlc_tensor *outputs = HMLC_NEW_ARRAY(arena, hmlc_tensor, count + 1);
    if (outputs == NULL || hmlc_interpret(module, inputs, module->main->argument_count, arena,
                                          outputs, count) != HMLC_OK) {
        return NULL;
    }
    return outputs;
}

static double largest_element(const hmlc_tensor *tensor)
{
    double largest = 0;
    for (int64_t i = 0; i < hmlc_tensor_count(tensor); i++) {
        largest = fmax(largest, fabs(hmlc_tensor_get_double(tensor, i)));
    }
    return largest;
}

static bool same_tensor(const hmlc_tensor *left, const hmlc_tensor *right, bool strict)
{
    if (left->dtype != right->dtype || left->rank != right->rank ||
        memcmp(left->dims, right->dims, (size_t)left->rank * sizeof left->dims[0]) != 0) {
        fprintf(stderr, "type or shape changed\n");
        return false;
    }
    bool half = hmlc_dtype_is_float(left->dtype) && hmlc_dtype_bytes(left->dtype) == 2;
    double unit = half ? 2e-3 : 1e-5;
    double absolute = strict ? unit : fmax(1e-5, 2e-5 * largest_element(left));
    for (int64_t i = 0; i < hmlc_tensor_count(left); i++) {
        double a = hmlc_tensor_get_double(left, i), b = hmlc_tensor_get_double(right, i);
        bool same = a == b || (isnan(a) && isnan(b));
        double allowed = strict ? fmax(absolute, unit * fabs(a)) : absolute + 1e-3 * fabs(a);
        if (!same && !(fabs(a - b) <= allowed)) {
            fprintf(stderr, "element %lld: %.9g became %.9g\n", (long long)i, a, b);
            return false;
        }
    }
    return true;
}

static bool same_outputs(const hmlc_module *module, const hmlc_tensor *before,
                         const hmlc_tensor *after, const char *pass, bool strict)
{
    for (uint32_t i = 0; i < module->main->last->operand_count; i++) {
        if (!same_tensor(&before[i], &after[i], strict)) {
            fprintf(stderr, "output %u changed in %s\n", i, pass);
            return false;
        }
    }
    return true;
}

void oracle_print_module(const hmlc_module *module)
{
    hmlc_text_buffer text = {0};
    hmlc_print_options options = {.storage = true};
    if (hmlc_module_print(module, &options, &text, NULL) == HMLC_OK) {
        fprintf(stderr, "%s\n", text.data);
    }
    hmlc_text_buffer_free(&text);
}

static bool run_one(hmlc_module *module, const char *pass, const hmlc_tensor *inputs,
                    const hmlc_tensor *before, hmlc_arena *arena, bool strict)
{
    hmlc_pass_options options = {.pipeline = pass, .verify = true};
    if (hmlc_run_passes(module, &options) != HMLC_OK) {
        fprintf(stderr, "pass %s failed\n", pass);
        oracle_print_diagnostics(module);
        oracle_print_module(module);
        return false;
    }
    const hmlc_tensor *after = interpret(module, inputs, arena);
    if (after == NULL || !same_outputs(module, before, after, pass, strict)) {
        fprintf(stderr, "after %s:\n", pass);
        oracle_print_diagnostics(module);
        oracle_print_module(module);
        return false;
    }
    return true;
}

static hmlc_tensor *make_inputs(const hmlc_module *module, const oracle_run *run, hmlc_arena *arena)
{
    uint32_t seed = run->seed;
    const hmlc_region *main = module->main;
    hmlc_tensor *inputs = HMLC_NEW_ARRAY(arena, hmlc_tensor, main->argument_count + 1);
    for (uint32_t i = 0; inputs != NULL && i < main->argument_count; i++) {
        if (!random_tensor(arena, main->arguments[i]->type, run, &seed, &inputs[i])) {
            return NULL;
        }
    }
    return inputs;
}

static oracle_verdict compare(hmlc_module *module, const char *pipeline, const oracle_run *run,
                              hmlc_arena *arena)
{
    const hmlc_tensor *inputs = make_inputs(module, run, arena);
    const hmlc_tensor *before = inputs != NULL ? interpret(module, inputs, arena) : NULL;
    bool good = before != NULL;
    while (good && *pipeline != '\0') {
        char pass[64];
        size_t length = strcspn(pipeline, ",");
        snprintf(pass, sizeof pass, "%.*s", (int)length, pipeline);
        good = run_one(module, pass, inputs, before, arena, run->strict);
        pipeline += length + (pipeline[length] == ',' ? 1 : 0);
    }
    return good ? ORACLE_SAME : before == NULL ? ORACLE_REFUSED : ORACLE_CHANGED;
}

oracle_verdict oracle_compare(hmlc_module *module, const char *pipeline, const oracle_run *run)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    oracle_verdict verdict = arena != NULL ? compare(module, pipeline, run, arena) : ORACLE_REFUSED;
    hmlc_arena_destroy(arena);
    return verdict;
}

bool oracle_run_module(hmlc_module *module, const char *pipeline, const oracle_dim *dims,
                       uint32_t dim_count)
{
    const oracle_run run = {.symbols = oracle_symbols(module, dims, dim_count), .seed = 1};
    oracle_verdict verdict =
        run.symbols != NULL ? oracle_compare(module, pipeline, &run) : ORACLE_REFUSED;
    if (verdict == ORACLE_REFUSED) {
        oracle_print_diagnostics(module);
    }
    return verdict == ORACLE_SAME;
}

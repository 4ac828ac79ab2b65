/* SPDX-License-Identifier: Apache-2.0 */
/* Symbols of a run: solved from the inputs' dims, checked against ranges and recorded equalities.
 */
#include <stdio.h>

#include "interpreter.h"
#include "ops/eval_tools.h"

/* A dim that holds exactly one unset symbol: that symbol. More than one: *count grows above 1. */
static const hmlc_symbol *unset_symbol(hmlc_dim dim, const int64_t *symbols, int *count)
{
    if (dim == NULL || dim->kind == HMLC_DIM_CONSTANT) {
        return NULL;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        if (symbols[dim->symbol->index] != HMLC_SYMBOL_UNSET) {
            return NULL;
        }
        ++*count;
        return dim->symbol;
    }
    const hmlc_symbol *found = NULL;
    const hmlc_dim parts[] = {dim->a, dim->b, dim->c};
    for (int i = 0; i < 3; ++i) {
        const hmlc_symbol *inner = unset_symbol(parts[i], symbols, count);
        if (inner != NULL && found == inner) {
            --*count; /* the same symbol twice */
        }
        found = inner != NULL ? inner : found;
    }
    return found;
}

bool hmlc_symbols_evaluate(hmlc_dim dim, const int64_t *symbols, int64_t *value)
{
    int unset = 0;
    unset_symbol(dim, symbols, &unset);
    return unset == 0 && hmlc_dim_evaluate(dim, symbols, value);
}

/*
 * The value of the one unset symbol with which `dim` gives `size`. Expressions of inputs are
 * linear: two points give the line, and the solution is checked by evaluation.
 */
static bool solve(hmlc_dim dim, int64_t size, int64_t *symbols)
{
    int count = 0;
    const hmlc_symbol *symbol = unset_symbol(dim, symbols, &count);
    if (count != 1) {
        return false;
    }
    int64_t *place = &symbols[symbol->index], at_one, at_two, value;
    *place = 1;
    bool known = hmlc_dim_evaluate(dim, symbols, &at_one);
    *place = 2;
    known = known && hmlc_dim_evaluate(dim, symbols, &at_two);
    int64_t slope = known ? at_two - at_one : 0;
    if (slope != 0 && (size - at_one) % slope == 0) {
        *place = (size - at_one) / slope + 1;
        if (hmlc_dim_evaluate(dim, symbols, &value) && value == size) {
            return true;
        }
    }
    *place = HMLC_SYMBOL_UNSET;
    return false;
}

static hmlc_status check_range(const hmlc_module *module, const hmlc_symbol *symbol, int64_t value)
{
    if (value >= symbol->minimum && value <= symbol->maximum && value % symbol->multiple == 0) {
        return HMLC_OK;
    }
    char most[32] = "any size";
    if (symbol->maximum < HMLC_DIM_UNBOUNDED) {
        snprintf(most, sizeof most, "%lld", (long long)symbol->maximum);
    }
    return hmlc_error_add(module->diagnostics, HMLC_ERROR_dim_range, NULL, NULL,
                          "dim %s is %lld; expected %lld to %s in steps of %lld", symbol->name,
                          (long long)value, (long long)symbol->minimum, most,
                          (long long)symbol->multiple);
}

static const char *argument_name(const hmlc_value *argument)
{
    return argument->name != NULL ? argument->name : "";
}

static hmlc_status check_input(const hmlc_module *module, uint32_t index, const hmlc_tensor *input)
{
    const hmlc_value *argument = module->main->arguments[index];
    const hmlc_type *type = argument->type;
    if (type->kind != HMLC_KIND_TENSOR) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_not_implemented, NULL, NULL,
                              "input %u '%s' is not a tensor", index, argument_name(argument));
    }
    if (input->dtype != type->dtype || input->rank != type->rank) {
        hmlc_error error =
            input->dtype != type->dtype ? HMLC_ERROR_input_type : HMLC_ERROR_input_rank;
        return hmlc_error_add(module->diagnostics, error, NULL, NULL,
                              "input %u '%s' is %s of rank %d; expected %s of rank %d", index,
                              argument_name(argument), hmlc_dtype_name(input->dtype), input->rank,
                              hmlc_dtype_name(type->dtype), type->rank);
    }
    int64_t count = hmlc_tensor_count(input);
    size_t bytes;
    if (count < 0 || !hmlc_size_multiply((size_t)count, hmlc_dtype_bytes(type->dtype), &bytes) ||
        bytes != input->bytes) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_input_bytes, NULL, NULL,
                              "input %u '%s' does not have the bytes of its shape", index,
                              argument_name(argument));
    }
    return HMLC_OK;
}

/* Solves symbols until no dim gives another one. */
static void solve_inputs(const hmlc_module *module, const hmlc_tensor *inputs, uint32_t input_count,
                         int64_t *symbols)
{
    bool progress = true;
    while (progress) {
        progress = false;
        for (uint32_t i = 0; i < input_count; ++i) {
            const hmlc_type *type = module->main->arguments[i]->type;
            for (int32_t d = 0; d < type->rank; ++d) {
                progress = solve(type->dims[d], inputs[i].dims[d], symbols) || progress;
            }
        }
    }
}

static hmlc_status check_dims(const hmlc_module *module, uint32_t index, const hmlc_tensor *input,
                              const int64_t *symbols)
{
    const hmlc_value *argument = module->main->arguments[index];
    hmlc_status status = HMLC_OK;
    for (int32_t d = 0; d < argument->type->rank; ++d) {
        int64_t value;
        hmlc_dim dim = argument->type->dims[d];
        if (hmlc_symbols_evaluate(dim, symbols, &value) && value == input->dims[d]) {
            continue;
        }
        char text[96];
        hmlc_dim_format(dim, text, sizeof text);
        status = hmlc_error_add(module->diagnostics, HMLC_ERROR_input_dim, NULL, NULL,
                                "dim %d of input %u '%s' is %lld; expected %s", d, index,
                                argument_name(argument), (long long)input->dims[d], text);
    }
    return status;
}

/* Unset symbols are HMLC_SYMBOL_UNSET. */
static hmlc_status bind_inputs(const hmlc_module *module, const hmlc_tensor *inputs,
                               uint32_t input_count, int64_t *symbols)
{
    hmlc_status status = HMLC_OK;
    uint32_t without_states = hmlc_module_input_count(module);
    if (input_count != without_states && input_count != module->main->argument_count) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_input_missing, NULL, NULL,
                              "%u inputs are given; expected %u", input_count, without_states);
    }
    for (uint32_t i = 0; i < input_count; ++i) {
        hmlc_status found = check_input(module, i, &inputs[i]);
        status = found != HMLC_OK ? found : status;
    }
    HMLC_TRY(status);
    solve_inputs(module, inputs, input_count, symbols);
    for (uint32_t i = 0; i < input_count; ++i) {
        hmlc_status found = check_dims(module, i, &inputs[i], symbols);
        status = found != HMLC_OK ? found : status;
    }
    HMLC_TRY(status);
    for (uint32_t i = 0; i < hmlc_symbol_count(module->dims); ++i) {
        if (symbols[i] != HMLC_SYMBOL_UNSET) {
            hmlc_status found = check_range(module, hmlc_symbol_at(module->dims, i), symbols[i]);
            status = found != HMLC_OK ? found : status;
        }
    }
    HMLC_TRY(status);
    return hmlc_symbols_check(module, module->main, symbols);
}

hmlc_status hmlc_bind_inputs(hmlc_module *module, const hmlc_tensor *inputs, uint32_t input_count,
                             int64_t *symbols)
{
    uint32_t count = hmlc_symbol_count(module->dims);
    for (uint32_t i = 0; i < count; ++i) {
        symbols[i] = HMLC_SYMBOL_UNSET;
    }
    hmlc_status status = bind_inputs(module, inputs, input_count, symbols);
    for (uint32_t i = 0; i < count; ++i) {
        symbols[i] = symbols[i] == HMLC_SYMBOL_UNSET ? -1 : symbols[i];
    }
    return status;
}

hmlc_status hmlc_symbols_check(const hmlc_module *module, const hmlc_region *region,
                               const int64_t *symbols)
{
    hmlc_status status = HMLC_OK;
    for (uint32_t i = 0; i < hmlc_dims_equality_count(module->dims); ++i) {
        const hmlc_dim_equality *equality = hmlc_dims_equality_at(module->dims, i);
        int64_t left, right;
        if (!hmlc_region_relies_on(region, equality) ||
            !hmlc_symbols_evaluate(equality->left, symbols, &left) ||
            !hmlc_symbols_evaluate(equality->right, symbols, &right) || left == right) {
            continue;
        }
        char a[96], b[96];
        hmlc_dim_format(equality->left, a, sizeof a);
        hmlc_dim_format(equality->right, b, sizeof b);
        status = hmlc_error_add(module->diagnostics, HMLC_ERROR_dims_unequal, equality->location,
                                NULL, "%s is %lld and %s is %lld; expected equal dims", a,
                                (long long)left, b, (long long)right);
    }
    return status;
}

hmlc_status hmlc_interpreter_fit(hmlc_interpreter *interpreter, const hmlc_type *type,
                                 const hmlc_tensor *tensor, const hmlc_location *location,
                                 const char *what)
{
    bool fits = type->kind == HMLC_KIND_TENSOR && type->dtype == tensor->dtype &&
                type->rank == tensor->rank;
    for (int32_t d = 0; fits && d < type->rank; ++d) {
        hmlc_dim dim = type->dims[d];
        if (dim->kind == HMLC_DIM_SYMBOL && dim->symbol->bound_at_run) {
            interpreter->symbols[dim->symbol->index] = tensor->dims[d];
            continue;
        }
        int64_t value;
        fits = hmlc_symbols_evaluate(dim, interpreter->symbols, &value) && value == tensor->dims[d];
    }
    if (!fits) {
        char text[160];
        hmlc_type_format(type, text, sizeof text);
        return hmlc_error_add(interpreter->module->diagnostics, HMLC_ERROR_shape_mismatch, location,
                              NULL, "%s does not have the type %s in this run", what, text);
    }
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of dim expressions. */
#include "dim_internal.h"

/* Where symbol values come from: an array by index, or what each symbol says of itself. */
typedef enum symbol_source { BY_INDEX, BY_HINT, BY_LEAST } symbol_source;

typedef struct symbol_values {
    symbol_source source;
    const int64_t *values; /* BY_INDEX */
} symbol_values;

static int64_t value_of(const hmlc_symbol *symbol, const symbol_values *from)
{
    if (from->source == BY_INDEX) {
        return from->values[symbol->index];
    }
    int64_t value = from->source == BY_HINT ? symbol->hint : 1;
    value = value < symbol->minimum ? symbol->minimum : value;
    return value > symbol->maximum ? symbol->maximum : value;
}

static bool ceil_divide(int64_t a, int64_t b, int64_t *result)
{
    *result = hmlc_floor_divide(a, b);
    return hmlc_floor_modulo(a, b) == 0 || hmlc_int64_add(*result, 1, result);
}

static bool combine(hmlc_dim_kind kind, int64_t a, int64_t b, int64_t *result)
{
    bool divides = kind == HMLC_DIM_FLOORDIV || kind == HMLC_DIM_CEILDIV || kind == HMLC_DIM_MODULO;
    if (divides && b <= 0) {
        return false;
    }
    switch (kind) {
    case HMLC_DIM_ADD:
        return hmlc_int64_add(a, b, result);
    case HMLC_DIM_MULTIPLY:
        return hmlc_int64_multiply(a, b, result);
    case HMLC_DIM_FLOORDIV:
        *result = hmlc_floor_divide(a, b);
        return true;
    case HMLC_DIM_CEILDIV:
        return ceil_divide(a, b, result);
    case HMLC_DIM_MODULO:
        *result = hmlc_floor_modulo(a, b);
        return true;
    case HMLC_DIM_MINIMUM:
        *result = a < b ? a : b;
        return true;
    case HMLC_DIM_MAXIMUM:
        *result = a > b ? a : b;
        return true;
    case HMLC_DIM_EQUAL:
        *result = a == b;
        return true;
    case HMLC_DIM_LESS:
        *result = a < b;
        return true;
    default:
        return false;
    }
}

static bool evaluate(hmlc_dim dim, const symbol_values *values, int64_t *result)
{
    int64_t a, b;
    if (dim->kind == HMLC_DIM_CONSTANT) {
        *result = dim->value;
        return true;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        *result = value_of(dim->symbol, values);
        return true;
    }
    if (!evaluate(dim->a, values, &a)) {
        return false;
    }
    if (dim->kind == HMLC_DIM_SELECT) { /* the other branch may divide by zero */
        return evaluate(a != 0 ? dim->b : dim->c, values, result);
    }
    return evaluate(dim->b, values, &b) && combine(dim->kind, a, b, result);
}

bool hmlc_dim_evaluate(hmlc_dim dim, const int64_t *values, int64_t *result)
{
    return values != NULL ? evaluate(dim, &(symbol_values){BY_INDEX, values}, result)
                          : hmlc_dim_is_constant(dim, result);
}

int64_t hmlc_dim_hint(hmlc_dim dim)
{
    int64_t result;
    return evaluate(dim, &(symbol_values){.source = BY_HINT}, &result) ? result : dim->minimum;
}

int64_t hmlc_dim_few(hmlc_dim dim, int64_t few)
{
    int64_t least, hint = hmlc_dim_hint(dim);
    if (!evaluate(dim, &(symbol_values){.source = BY_LEAST}, &least) || least < few) {
        least = few;
    }
    return least < hint ? least : hint;
}

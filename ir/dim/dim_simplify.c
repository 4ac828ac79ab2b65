/* SPDX-License-Identifier: Apache-2.0 */
/* The simplifying constructors but division: sums, products, extremes, comparisons, selection. */
#include <hmlc/assert.h>

#include "dim_internal.h"

bool hmlc_dim_is_constant(hmlc_dim dim, int64_t *value)
{
    if (dim->kind != HMLC_DIM_CONSTANT) {
        return false;
    }
    if (value != NULL) {
        *value = dim->value;
    }
    return true;
}

bool hmlc_dim_is(hmlc_dim dim, int64_t value)
{
    return dim->kind == HMLC_DIM_CONSTANT && dim->value == value;
}

bool hmlc_dim_divisible(hmlc_dim dim, int64_t by)
{
    return by != 0 && hmlc_magnitude(dim->divisor) % hmlc_magnitude(by) == 0;
}

bool hmlc_dim_uses_run_symbol(hmlc_dim dim)
{
    return dim->uses_run_symbol;
}

bool hmlc_dim_uses_symbol(hmlc_dim dim, const hmlc_symbol *symbol)
{
    if (dim == NULL) {
        return false;
    }
    return dim->symbol == symbol || hmlc_dim_uses_symbol(dim->a, symbol) ||
           hmlc_dim_uses_symbol(dim->b, symbol) || hmlc_dim_uses_symbol(dim->c, symbol);
}

static hmlc_dim add_scaled(hmlc_dims *dims, hmlc_dim a, hmlc_dim b, int64_t scale)
{
    dim_sum sum;
    dim_sum_clear(&sum);
    hmlc_dim_sum_add(&sum, a, 1);
    hmlc_dim_sum_add(&sum, b, scale);
    return hmlc_dim_sum_build(dims, &sum);
}

hmlc_dim hmlc_dim_add(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (hmlc_dim_is(a, 0) || hmlc_dim_is(b, 0)) {
        return hmlc_dim_is(a, 0) ? b : a;
    }
    return add_scaled(dims, a, b, 1);
}

hmlc_dim hmlc_dim_subtract(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (a == b) {
        return hmlc_dim_constant(dims, 0);
    }
    return hmlc_dim_is(b, 0) ? a : add_scaled(dims, a, b, -1);
}

hmlc_dim hmlc_dim_multiply(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (hmlc_dim_is(a, 1) || hmlc_dim_is(b, 1)) {
        return hmlc_dim_is(a, 1) ? b : a;
    }
    if (a->kind == HMLC_DIM_CONSTANT || b->kind == HMLC_DIM_CONSTANT) {
        hmlc_dim other = a->kind == HMLC_DIM_CONSTANT ? b : a;
        int64_t scale = a->kind == HMLC_DIM_CONSTANT ? a->value : b->value;
        return add_scaled(dims, hmlc_dim_constant(dims, 0), other, scale);
    }
    dim_factors factors = {.coefficient = 1};
    hmlc_dim_factors_add(dims, &factors, a);
    hmlc_dim_factors_add(dims, &factors, b);
    return hmlc_dim_factors_build(dims, &factors);
}

/* The difference a - b without failing the table: NULL where it overflows. */
static hmlc_dim try_subtract(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    hmlc_status before = dims->status;
    hmlc_dim difference = hmlc_dim_subtract(dims, a, b);
    bool failed = dims->status != before;
    dims->status = before;
    return failed || before != HMLC_OK ? NULL : difference;
}

bool hmlc_dim_known_equal(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (a == b) {
        return true;
    }
    if (a->kind == HMLC_DIM_CONSTANT && b->kind == HMLC_DIM_CONSTANT) {
        return false;
    }
    hmlc_dim difference = try_subtract(dims, a, b);
    return difference != NULL && hmlc_dim_is(difference, 0);
}

/* Is an expression never 0 because its constant part is no multiple of the rest's divisor? */
static bool never_zero(hmlc_dim dim)
{
    if (dim->minimum > 0 || dim->maximum < 0) {
        return true;
    }
    if (dim->kind != HMLC_DIM_ADD || dim->b->kind != HMLC_DIM_CONSTANT) {
        return false;
    }
    return dim->a->divisor > 1 && dim->b->value % dim->a->divisor != 0;
}

bool hmlc_dim_known_unequal(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (a == b) {
        return false;
    }
    if (a->kind == HMLC_DIM_CONSTANT && b->kind == HMLC_DIM_CONSTANT) {
        return true;
    }
    if (a->minimum > b->maximum || a->maximum < b->minimum) {
        return true;
    }
    hmlc_dim difference = try_subtract(dims, a, b);
    return difference != NULL && never_zero(difference);
}

/* Nested extremes and divisions are looked through this deep. */
#define AT_MOST_DEPTH 6

static bool at_most(hmlc_dims *dims, hmlc_dim a, hmlc_dim b, int depth);

/* Facts from the structure, where the difference's range does not decide. */
static bool at_most_by_structure(hmlc_dims *dims, hmlc_dim a, hmlc_dim b, int depth)
{
    if (b->kind == HMLC_DIM_MAXIMUM &&
        (at_most(dims, a, b->a, depth) || at_most(dims, a, b->b, depth))) {
        return true;
    }
    if (a->kind == HMLC_DIM_MINIMUM &&
        (at_most(dims, a->a, b, depth) || at_most(dims, a->b, b, depth))) {
        return true;
    }
    if (a->kind == HMLC_DIM_MAXIMUM) {
        return at_most(dims, a->a, b, depth) && at_most(dims, a->b, b, depth);
    }
    if (b->kind == HMLC_DIM_MINIMUM) {
        return at_most(dims, a, b->a, depth) && at_most(dims, a, b->b, depth);
    }
    if (a->kind == HMLC_DIM_SELECT) {
        return at_most(dims, a->b, b, depth) && at_most(dims, a->c, b, depth);
    }
    bool shrinks = a->kind == HMLC_DIM_FLOORDIV || a->kind == HMLC_DIM_MODULO;
    return shrinks && a->a->minimum >= 0 && a->b->minimum >= 1 && at_most(dims, a->a, b, depth);
}

static bool at_most(hmlc_dims *dims, hmlc_dim a, hmlc_dim b, int depth)
{
    if (a == b || (a->maximum <= b->minimum && a->maximum < HMLC_DIM_UNBOUNDED)) {
        return true;
    }
    /* Every accepted dim lies within the bounds: exporters write INT64_MAX for "to the end". */
    if ((b->kind == HMLC_DIM_CONSTANT && b->value >= HMLC_DIM_UNBOUNDED) ||
        (a->kind == HMLC_DIM_CONSTANT && a->value <= -HMLC_DIM_UNBOUNDED)) {
        return true;
    }
    hmlc_dim difference = try_subtract(dims, a, b);
    if (difference != NULL && difference->maximum <= 0) {
        return true;
    }
    return depth > 0 && at_most_by_structure(dims, a, b, depth - 1);
}

bool hmlc_dim_known_at_most(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (a->kind == HMLC_DIM_CONSTANT && b->kind == HMLC_DIM_CONSTANT) {
        return a->value <= b->value;
    }
    return at_most(dims, a, b, AT_MOST_DEPTH);
}

/* Operands of nested extremes of one kind; a longer list stays nested. */
#define MAX_EXTREME_OPERANDS 16

typedef struct extreme {
    hmlc_dim_kind kind;
    uint32_t count;
    bool full;
    hmlc_dim operands[MAX_EXTREME_OPERANDS];
} extreme;

static bool dominates(hmlc_dims *dims, hmlc_dim_kind kind, hmlc_dim winner, hmlc_dim loser)
{
    return kind == HMLC_DIM_MINIMUM ? hmlc_dim_known_at_most(dims, winner, loser)
                                    : hmlc_dim_known_at_most(dims, loser, winner);
}

static void extreme_insert(hmlc_dims *dims, extreme *list, hmlc_dim dim)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (dominates(dims, list->kind, list->operands[i], dim)) {
            return;
        }
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (!dominates(dims, list->kind, dim, list->operands[i])) {
            list->operands[kept++] = list->operands[i];
        }
    }
    list->count = kept;
    if (list->count == MAX_EXTREME_OPERANDS) {
        list->full = true;
        return;
    }
    uint32_t at = list->count++;
    for (; at > 0 && hmlc_dim_compare(list->operands[at - 1], dim) > 0; at--) {
        list->operands[at] = list->operands[at - 1];
    }
    list->operands[at] = dim;
}

static void extreme_add(hmlc_dims *dims, extreme *list, hmlc_dim dim)
{
    if (dim->kind == list->kind) {
        extreme_add(dims, list, dim->a);
        extreme_add(dims, list, dim->b);
        return;
    }
    extreme_insert(dims, list, dim);
}

/* The extreme of all operands but `left_out` (the count: of all). */
static hmlc_dim extreme_chain(hmlc_dims *dims, const extreme *list, uint32_t left_out)
{
    hmlc_dim chain = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        if (i != left_out) {
            hmlc_dim operand = list->operands[i];
            chain =
                chain == NULL ? operand : hmlc_dim_intern(dims, list->kind, chain, operand, NULL);
        }
    }
    return chain;
}

/* Drops operands that no single other one decides, but all others together do. */
static void extreme_reduce(hmlc_dims *dims, extreme *list)
{
    for (uint32_t i = 0; i < list->count && list->count > 2;) {
        if (!dominates(dims, list->kind, extreme_chain(dims, list, i), list->operands[i])) {
            i++;
            continue;
        }
        list->count--;
        for (uint32_t k = i; k < list->count; k++) {
            list->operands[k] = list->operands[k + 1];
        }
        i = 0;
    }
}

static hmlc_dim make_extreme(hmlc_dims *dims, hmlc_dim_kind kind, hmlc_dim a, hmlc_dim b)
{
    if (dominates(dims, kind, a, b)) {
        return a;
    }
    if (dominates(dims, kind, b, a)) {
        return b;
    }
    extreme list = {.kind = kind};
    extreme_add(dims, &list, a);
    extreme_add(dims, &list, b);
    if (list.full) {
        return hmlc_dim_compare(a, b) < 0 ? hmlc_dim_intern(dims, kind, a, b, NULL)
                                          : hmlc_dim_intern(dims, kind, b, a, NULL);
    }
    extreme_reduce(dims, &list);
    return extreme_chain(dims, &list, list.count);
}

hmlc_dim hmlc_dim_minimum(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    return make_extreme(dims, HMLC_DIM_MINIMUM, a, b);
}

hmlc_dim hmlc_dim_maximum(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    return make_extreme(dims, HMLC_DIM_MAXIMUM, a, b);
}

hmlc_dim hmlc_dim_equal(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (hmlc_dim_known_equal(dims, a, b)) {
        return hmlc_dim_constant(dims, 1);
    }
    if (hmlc_dim_known_unequal(dims, a, b)) {
        return hmlc_dim_constant(dims, 0);
    }
    /* The constant stands on the right, otherwise the structural order decides. */
    bool swapped = a->kind == HMLC_DIM_CONSTANT ||
                   (b->kind != HMLC_DIM_CONSTANT && hmlc_dim_compare(a, b) > 0);
    return hmlc_dim_intern(dims, HMLC_DIM_EQUAL, swapped ? b : a, swapped ? a : b, NULL);
}

hmlc_dim hmlc_dim_less(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (a->kind == HMLC_DIM_CONSTANT && b->kind == HMLC_DIM_CONSTANT) {
        return hmlc_dim_constant(dims, a->value < b->value);
    }
    if (hmlc_dim_known_at_most(dims, b, a)) {
        return hmlc_dim_constant(dims, 0);
    }
    hmlc_dim difference = try_subtract(dims, a, b);
    bool beyond = b->kind == HMLC_DIM_CONSTANT && b->value > HMLC_DIM_UNBOUNDED;
    if (beyond || (difference != NULL && difference->maximum < 0)) {
        return hmlc_dim_constant(dims, 1);
    }
    return hmlc_dim_intern(dims, HMLC_DIM_LESS, a, b, NULL);
}

hmlc_dim hmlc_dim_select(hmlc_dims *dims, hmlc_dim condition, hmlc_dim a, hmlc_dim b)
{
    if (a == b || condition->minimum > 0 || condition->maximum < 0) {
        return a;
    }
    if (hmlc_dim_is(condition, 0)) {
        return b;
    }
    bool is_flag = condition->minimum >= 0 && condition->maximum <= 1;
    if (is_flag && hmlc_dim_is(a, 1) && hmlc_dim_is(b, 0)) {
        return condition;
    }
    return hmlc_dim_intern(dims, HMLC_DIM_SELECT, condition, a, b);
}

hmlc_dim hmlc_dim_make(hmlc_dims *dims, hmlc_dim_kind kind, hmlc_dim a, hmlc_dim b, hmlc_dim c)
{
    typedef hmlc_dim (*constructor)(hmlc_dims *, hmlc_dim, hmlc_dim);
    static const constructor constructors[] = {
        [HMLC_DIM_ADD] = hmlc_dim_add,           [HMLC_DIM_MULTIPLY] = hmlc_dim_multiply,
        [HMLC_DIM_FLOORDIV] = hmlc_dim_floordiv, [HMLC_DIM_CEILDIV] = hmlc_dim_ceildiv,
        [HMLC_DIM_MODULO] = hmlc_dim_modulo,     [HMLC_DIM_MINIMUM] = hmlc_dim_minimum,
        [HMLC_DIM_MAXIMUM] = hmlc_dim_maximum,   [HMLC_DIM_EQUAL] = hmlc_dim_equal,
        [HMLC_DIM_LESS] = hmlc_dim_less,
    };
    if (kind == HMLC_DIM_SELECT) {
        return hmlc_dim_select(dims, a, b, c);
    }
    bool operation = kind >= HMLC_DIM_ADD && kind <= HMLC_DIM_LESS; /* the others are no make's */
    HMLC_ASSERT(operation);
    if (!operation) {
        return hmlc_dim_fail(dims, HMLC_INTERNAL);
    }
    return constructors[kind](dims, a, b);
}

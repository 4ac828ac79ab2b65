/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Division and modulo. With a = c * q + r: floor(a / c) = q + floor(r / c) and a mod c = r mod c
 * for c > 0, so the terms of `a` that c divides are split off; common factors of what remains
 * cancel.
 */
#include "dim_internal.h"

/* Sum `a` split by the constant divisor: quotient terms, and the rest. */
typedef struct dim_split {
    dim_sum quotient, rest;
} dim_split;

static hmlc_dim divide_by_constant(hmlc_dims *dims, hmlc_dim a, int64_t divisor);

static bool is_constant_division(hmlc_dim dim)
{
    return dim->kind == HMLC_DIM_FLOORDIV && dim->b->kind == HMLC_DIM_CONSTANT;
}

/* coefficient * monomial / divisor where the monomial's known multiple makes it exact. */
static void split_multiple(hmlc_dims *dims, dim_split *split, dim_term term, int64_t divisor)
{
    int64_t common = (int64_t)hmlc_gcd(hmlc_magnitude(term.coefficient), hmlc_magnitude(divisor));
    int64_t by = divisor / common, outer;
    hmlc_dim numerator = term.monomial;
    hmlc_dim quotient;
    if (is_constant_division(numerator) && hmlc_int64_multiply(numerator->b->value, by, &outer) &&
        outer < HMLC_DIM_UNBOUNDED) {
        quotient = divide_by_constant(dims, numerator->a, outer);
    } else {
        quotient =
            hmlc_dim_intern(dims, HMLC_DIM_FLOORDIV, numerator, hmlc_dim_constant(dims, by), NULL);
    }
    hmlc_dim_sum_add(&split->quotient, quotient, term.coefficient / common);
}

static bool is_multiple(dim_term term, int64_t divisor)
{
    int64_t product;
    return hmlc_int64_multiply(term.coefficient, term.monomial->divisor, &product) &&
           product % divisor == 0;
}

static void split_by_constant(hmlc_dims *dims, dim_split *split, hmlc_dim a, int64_t divisor)
{
    dim_sum sum;
    dim_sum_clear(&sum);
    dim_sum_clear(&split->quotient);
    dim_sum_clear(&split->rest);
    hmlc_dim_sum_add(&sum, a, 1);
    hmlc_dim_sum_normalise(&sum);
    split->quotient.overflow = sum.overflow;
    split->quotient.constant = hmlc_floor_divide(sum.constant, divisor);
    split->rest.constant = hmlc_floor_modulo(sum.constant, divisor);
    for (uint32_t i = 0; i < sum.count; i++) {
        dim_term term = sum.terms[i];
        if (term.coefficient % divisor != 0 && is_multiple(term, divisor)) {
            split_multiple(dims, split, term, divisor);
            continue;
        }
        if (term.coefficient / divisor != 0) {
            hmlc_dim_sum_add_term(&split->quotient, term.coefficient / divisor, term.monomial);
        }
        if (term.coefficient % divisor != 0) {
            hmlc_dim_sum_add_term(&split->rest, term.coefficient % divisor, term.monomial);
        }
    }
}

/* Cancels what all coefficients of the rest have in common with the divisor; returns the divisor
 * that is left. The constant's remainder by that factor goes to *lost. */
static int64_t cancel_content(dim_sum *rest, int64_t divisor, int64_t *factor, int64_t *lost)
{
    uint64_t common = (uint64_t)divisor;
    for (uint32_t i = 0; i < rest->count; i++) {
        common = hmlc_gcd(common, hmlc_magnitude(rest->terms[i].coefficient));
    }
    *factor = (int64_t)common;
    *lost = hmlc_floor_modulo(rest->constant, *factor);
    rest->constant = hmlc_floor_divide(rest->constant, *factor);
    for (uint32_t i = 0; i < rest->count; i++) {
        rest->terms[i].coefficient /= *factor;
    }
    return divisor / *factor;
}

/* floor((floor(x / m) + k) / c) = floor((x + k * m) / (m * c)); NULL where that is not the form. */
static hmlc_dim merge_nested_division(hmlc_dims *dims, const dim_sum *rest, int64_t divisor)
{
    if (rest->count != 1 || rest->terms[0].coefficient != 1) {
        return NULL;
    }
    hmlc_dim inner = rest->terms[0].monomial;
    int64_t outer, offset;
    if (!is_constant_division(inner) || !hmlc_int64_multiply(inner->b->value, divisor, &outer) ||
        outer >= HMLC_DIM_UNBOUNDED ||
        !hmlc_int64_multiply(rest->constant, inner->b->value, &offset)) {
        return NULL;
    }
    hmlc_dim numerator = hmlc_dim_add(dims, inner->a, hmlc_dim_constant(dims, offset));
    return divide_by_constant(dims, numerator, outer);
}

/* floor(rest / divisor) where no term of `rest` can be split off. */
static hmlc_dim divide_rest(hmlc_dims *dims, dim_sum *rest, int64_t divisor)
{
    hmlc_dim merged = merge_nested_division(dims, rest, divisor);
    if (merged != NULL) {
        return merged;
    }
    uint32_t terms = rest->count;
    hmlc_dim numerator = hmlc_dim_sum_build(dims, rest);
    if (rest->count != terms) { /* multiplied out: other coefficients */
        return divide_by_constant(dims, numerator, divisor);
    }
    bool bounded =
        numerator->minimum > -HMLC_DIM_UNBOUNDED && numerator->maximum < HMLC_DIM_UNBOUNDED;
    int64_t least = hmlc_floor_divide(numerator->minimum, divisor);
    if (bounded && least == hmlc_floor_divide(numerator->maximum, divisor)) {
        return hmlc_dim_constant(dims, least);
    }
    return hmlc_dim_intern(dims, HMLC_DIM_FLOORDIV, numerator, hmlc_dim_constant(dims, divisor),
                           NULL);
}

static hmlc_dim divide_by_constant(hmlc_dims *dims, hmlc_dim a, int64_t divisor)
{
    if (divisor <= 0) {
        return hmlc_dim_fail(dims, HMLC_DAMAGED);
    }
    if (divisor == 1) {
        return a;
    }
    dim_split split;
    split_by_constant(dims, &split, a, divisor);
    if (split.rest.count > 0) {
        int64_t factor, lost;
        int64_t left = cancel_content(&split.rest, divisor, &factor, &lost);
        hmlc_dim_sum_add(&split.quotient, divide_rest(dims, &split.rest, left), 1);
    }
    return hmlc_dim_sum_build(dims, &split.quotient);
}

/* Position of `factor` among the items; their count where it is not. */
static uint32_t find_factor(const dim_factors *factors, hmlc_dim factor)
{
    uint32_t i = 0;
    while (i < factors->count && factors->items[i] != factor) {
        i++;
    }
    return i;
}

static void remove_factor(dim_factors *factors, uint32_t index)
{
    factors->items[index] = factors->items[--factors->count];
}

/* term / divisor where every factor of the divisor is one of the term's; NULL otherwise. */
static hmlc_dim divide_term(hmlc_dims *dims, dim_term term, const dim_factors *divisor)
{
    dim_factors factors = {.coefficient = term.coefficient};
    hmlc_dim_factors_add(dims, &factors, term.monomial);
    if (factors.overflow || divisor->coefficient == 0 ||
        factors.coefficient % divisor->coefficient != 0) {
        return NULL;
    }
    factors.coefficient /= divisor->coefficient;
    for (uint32_t i = 0; i < divisor->count; i++) {
        uint32_t at = find_factor(&factors, divisor->items[i]);
        if (at == factors.count) {
            return NULL;
        }
        remove_factor(&factors, at);
    }
    return hmlc_dim_factors_build(dims, &factors);
}

/* Splits off the terms of `a` that `divisor` divides. */
static void split_by_factors(hmlc_dims *dims, dim_split *split, hmlc_dim a,
                             const dim_factors *divisor)
{
    dim_sum sum;
    dim_sum_clear(&sum);
    dim_sum_clear(&split->quotient);
    dim_sum_clear(&split->rest);
    hmlc_dim_sum_add(&sum, a, 1);
    hmlc_dim_sum_normalise(&sum);
    split->rest.constant = sum.constant;
    split->rest.overflow = sum.overflow;
    for (uint32_t i = 0; i < sum.count; i++) {
        hmlc_dim quotient = divide_term(dims, sum.terms[i], divisor);
        if (quotient != NULL) {
            hmlc_dim_sum_add(&split->quotient, quotient, 1);
        } else {
            hmlc_dim_sum_add_term(&split->rest, sum.terms[i].coefficient, sum.terms[i].monomial);
        }
    }
}

/* Terms of the numerator with their factors taken apart. */
enum { MAX_CANCEL_TERMS = 16 };

typedef struct factor_lists {
    uint32_t count;
    dim_factors terms[MAX_CANCEL_TERMS];
    dim_factors divisor;
} factor_lists;

/* False where it is too large to work on. */
static bool take_apart(hmlc_dims *dims, factor_lists *parts, hmlc_dim a, hmlc_dim b)
{
    parts->count = 0;
    parts->divisor = (dim_factors){.coefficient = 1};
    hmlc_dim_factors_add(dims, &parts->divisor, b);
    if (parts->divisor.overflow || parts->divisor.coefficient <= 0) {
        return false;
    }
    dim_factors whole = {.coefficient = 1};
    hmlc_dim_factors_add(dims, &whole, a);
    if (a->kind == HMLC_DIM_ADD && !whole.overflow &&
        find_factor(&parts->divisor, whole.items[0]) < parts->divisor.count) {
        parts->terms[parts->count++] = whole; /* the sum itself is a factor of the divisor */
        return true;
    }
    for (hmlc_dim rest = a;; rest = rest->a) {
        if (parts->count == MAX_CANCEL_TERMS) {
            return false;
        }
        hmlc_dim term = rest->kind == HMLC_DIM_ADD ? rest->b : rest;
        parts->terms[parts->count] = (dim_factors){.coefficient = 1};
        hmlc_dim_factors_add(dims, &parts->terms[parts->count], term);
        if (parts->terms[parts->count++].overflow) {
            return false;
        }
        if (rest->kind != HMLC_DIM_ADD) {
            return true;
        }
    }
}

static bool in_every_term(const factor_lists *parts, hmlc_dim factor)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        if (find_factor(&parts->terms[i], factor) == parts->terms[i].count) {
            return false;
        }
    }
    return true;
}

/* Cancels the factors that numerator and divisor have in common and that are provably positive. */
static bool cancel_common_factors(factor_lists *parts)
{
    bool changed = false;
    for (uint32_t i = 0; i < parts->divisor.count;) {
        hmlc_dim factor = parts->divisor.items[i];
        if (factor->minimum < 1 || !in_every_term(parts, factor)) {
            i++;
            continue;
        }
        remove_factor(&parts->divisor, i);
        for (uint32_t k = 0; k < parts->count; k++) {
            remove_factor(&parts->terms[k], find_factor(&parts->terms[k], factor));
        }
        changed = true;
    }
    uint64_t common = (uint64_t)parts->divisor.coefficient;
    for (uint32_t i = 0; i < parts->count; i++) {
        common = hmlc_gcd(common, hmlc_magnitude(parts->terms[i].coefficient));
    }
    parts->divisor.coefficient /= (int64_t)common;
    for (uint32_t i = 0; i < parts->count; i++) {
        parts->terms[i].coefficient /= (int64_t)common;
    }
    return changed || common > 1;
}

/* Reduces the fraction a / b; false where nothing cancels. */
static bool reduce_fraction(hmlc_dims *dims, hmlc_dim *a, hmlc_dim *b)
{
    factor_lists parts;
    if (!take_apart(dims, &parts, *a, *b) || !cancel_common_factors(&parts)) {
        return false;
    }
    dim_sum sum;
    dim_sum_clear(&sum);
    for (uint32_t i = 0; i < parts.count; i++) {
        hmlc_dim_sum_add(&sum, hmlc_dim_factors_build(dims, &parts.terms[i]), 1);
    }
    *a = hmlc_dim_sum_build(dims, &sum);
    *b = hmlc_dim_factors_build(dims, &parts.divisor);
    return true;
}

/* Is 0 <= a < b, whatever the symbols? */
static bool within(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    return a->minimum >= 0 &&
           hmlc_dim_known_at_most(dims, hmlc_dim_add(dims, a, hmlc_dim_constant(dims, 1)), b);
}

static hmlc_dim divide_by_dim(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (reduce_fraction(dims, &a, &b)) {
        return hmlc_dim_floordiv(dims, a, b);
    }
    if (within(dims, a, b)) {
        return hmlc_dim_constant(dims, 0);
    }
    dim_factors divisor = {.coefficient = 1};
    hmlc_dim_factors_add(dims, &divisor, b);
    if (b->minimum >= 1 && !divisor.overflow) {
        dim_split split;
        split_by_factors(dims, &split, a, &divisor);
        if (split.quotient.count > 0 || split.quotient.constant != 0) {
            hmlc_dim rest = hmlc_dim_sum_build(dims, &split.rest);
            hmlc_dim_sum_add(&split.quotient, hmlc_dim_floordiv(dims, rest, b), 1);
            return hmlc_dim_sum_build(dims, &split.quotient);
        }
    }
    hmlc_dim quotient = hmlc_dim_intern(dims, HMLC_DIM_FLOORDIV, a, b, NULL);
    bool decided = b->minimum >= 1 && quotient->minimum == quotient->maximum;
    return decided ? hmlc_dim_constant(dims, quotient->minimum) : quotient;
}

hmlc_dim hmlc_dim_floordiv(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    int64_t divisor;
    return hmlc_dim_is_constant(b, &divisor) ? divide_by_constant(dims, a, divisor)
                                             : divide_by_dim(dims, a, b);
}

hmlc_dim hmlc_dim_ceildiv(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (b->kind != HMLC_DIM_CONSTANT && b->minimum < 1) {
        return hmlc_dim_intern(dims, HMLC_DIM_CEILDIV, a, b, NULL);
    }
    /* One form for both divisions: ceil(a / b) = floor((a + b - 1) / b). */
    hmlc_dim less_one = hmlc_dim_subtract(dims, b, hmlc_dim_constant(dims, 1));
    return hmlc_dim_floordiv(dims, hmlc_dim_add(dims, a, less_one), b);
}

/* (x mod m + k) mod c = (x + k) mod c where c divides m. */
static hmlc_dim merge_nested_modulo(hmlc_dims *dims, const dim_sum *rest, int64_t divisor)
{
    hmlc_dim inner = rest->count == 1 ? rest->terms[0].monomial : NULL;
    if (inner == NULL || rest->terms[0].coefficient != 1 || inner->kind != HMLC_DIM_MODULO ||
        !hmlc_dim_divisible(inner->b, divisor)) {
        return NULL;
    }
    hmlc_dim constant = hmlc_dim_constant(dims, rest->constant);
    hmlc_dim by = hmlc_dim_constant(dims, divisor);
    return hmlc_dim_modulo(dims, hmlc_dim_add(dims, inner->a, constant), by);
}

static hmlc_dim modulo_rest(hmlc_dims *dims, dim_sum *rest, int64_t divisor)
{
    hmlc_dim by = hmlc_dim_constant(dims, divisor);
    hmlc_dim merged = merge_nested_modulo(dims, rest, divisor);
    if (merged != NULL) {
        return merged;
    }
    uint32_t terms = rest->count;
    hmlc_dim dividend = hmlc_dim_sum_build(dims, rest);
    if (rest->count != terms) {
        return hmlc_dim_modulo(dims, dividend, by);
    }
    bool bounded =
        dividend->minimum > -HMLC_DIM_UNBOUNDED && dividend->maximum < HMLC_DIM_UNBOUNDED;
    int64_t least = hmlc_floor_divide(dividend->minimum, divisor);
    if (bounded && least == hmlc_floor_divide(dividend->maximum, divisor)) {
        return hmlc_dim_subtract(dims, dividend, hmlc_dim_constant(dims, least * divisor));
    }
    return hmlc_dim_intern(dims, HMLC_DIM_MODULO, dividend, by, NULL);
}

static hmlc_dim modulo_constant(hmlc_dims *dims, hmlc_dim a, int64_t divisor)
{
    if (divisor <= 0) {
        return hmlc_dim_fail(dims, HMLC_DAMAGED);
    }
    dim_split split;
    split_by_constant(dims, &split, a, divisor);
    if (split.rest.count == 0) {
        return hmlc_dim_constant(dims, split.rest.constant);
    }
    /* (g * x + k) mod (g * c) = g * ((x + floor(k / g)) mod c) + k mod g */
    int64_t factor, lost;
    int64_t left = cancel_content(&split.rest, divisor, &factor, &lost);
    dim_sum result;
    dim_sum_clear(&result);
    hmlc_dim_sum_add(&result, modulo_rest(dims, &split.rest, left), factor);
    hmlc_dim_sum_add_constant(&result, lost);
    return hmlc_dim_sum_build(dims, &result);
}

static hmlc_dim modulo_dim(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    if (within(dims, a, b)) {
        return a;
    }
    dim_factors divisor = {.coefficient = 1};
    hmlc_dim_factors_add(dims, &divisor, b);
    if (b->minimum >= 1 && !divisor.overflow) {
        dim_split split;
        split_by_factors(dims, &split, a, &divisor);
        hmlc_dim rest = hmlc_dim_sum_build(dims, &split.rest);
        if (hmlc_dim_is(rest, 0)) {
            return rest;
        }
        if (split.quotient.count > 0 || split.quotient.constant != 0) {
            return hmlc_dim_modulo(dims, rest, b);
        }
    }
    return hmlc_dim_intern(dims, HMLC_DIM_MODULO, a, b, NULL);
}

hmlc_dim hmlc_dim_modulo(hmlc_dims *dims, hmlc_dim a, hmlc_dim b)
{
    int64_t divisor;
    return hmlc_dim_is_constant(b, &divisor) ? modulo_constant(dims, a, divisor)
                                             : modulo_dim(dims, a, b);
}

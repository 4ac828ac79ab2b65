/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and products in normal form. */
#include <stdlib.h>

#include "dim_internal.h"

int hmlc_dim_compare(hmlc_dim left, hmlc_dim right)
{
    if (left == right) {
        return 0;
    }
    if (left == NULL || right == NULL) {
        return left == NULL ? -1 : 1;
    }
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    if (left->kind == HMLC_DIM_SYMBOL) {
        return left->symbol->index < right->symbol->index ? -1 : 1;
    }
    if (left->kind == HMLC_DIM_CONSTANT) {
        return left->value < right->value ? -1 : 1;
    }
    int order = hmlc_dim_compare(left->a, right->a);
    order = order != 0 ? order : hmlc_dim_compare(left->b, right->b);
    return order != 0 ? order : hmlc_dim_compare(left->c, right->c);
}

void hmlc_dim_sum_add_constant(dim_sum *sum, int64_t constant)
{
    if (!hmlc_int64_add(sum->constant, constant, &sum->constant)) {
        sum->overflow = true;
    }
}

void hmlc_dim_sum_add_term(dim_sum *sum, int64_t coefficient, hmlc_dim monomial)
{
    if (sum->count == DIM_MAX_TERMS) {
        hmlc_dim_sum_normalise(sum);
    }
    if (sum->count == DIM_MAX_TERMS) {
        sum->overflow = sum->full = true;
        return;
    }
    sum->terms[sum->count++] = (dim_term){coefficient, monomial};
}

static void add_leaf(dim_sum *sum, hmlc_dim dim, int64_t scale)
{
    int64_t coefficient = scale;
    if (dim->kind == HMLC_DIM_CONSTANT) {
        if (!hmlc_int64_multiply(dim->value, scale, &coefficient)) {
            sum->overflow = true;
            return;
        }
        hmlc_dim_sum_add_constant(sum, coefficient);
        return;
    }
    if (dim->kind == HMLC_DIM_MULTIPLY && dim->a->kind == HMLC_DIM_CONSTANT) {
        if (!hmlc_int64_multiply(dim->a->value, scale, &coefficient)) {
            sum->overflow = true;
            return;
        }
        dim = dim->b;
    }
    hmlc_dim_sum_add_term(sum, coefficient, dim);
}

void hmlc_dim_sum_add(dim_sum *sum, hmlc_dim dim, int64_t scale)
{
    for (; dim->kind == HMLC_DIM_ADD; dim = dim->a) {
        add_leaf(sum, dim->b, scale);
    }
    add_leaf(sum, dim, scale);
}

static int compare_terms(const void *left, const void *right)
{
    return hmlc_dim_compare(((const dim_term *)left)->monomial,
                            ((const dim_term *)right)->monomial);
}

void hmlc_dim_sum_normalise(dim_sum *sum)
{
    qsort(sum->terms, sum->count, sizeof sum->terms[0], compare_terms);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < sum->count;) {
        dim_term term = sum->terms[i++];
        for (; i < sum->count && sum->terms[i].monomial == term.monomial; i++) {
            if (!hmlc_int64_add(term.coefficient, sum->terms[i].coefficient, &term.coefficient)) {
                sum->overflow = true;
            }
        }
        if (term.coefficient != 0) {
            sum->terms[kept++] = term;
        }
    }
    sum->count = kept;
}

/* Greatest common divisor of all coefficients and the constant; 0 for an empty sum. */
static uint64_t sum_content(const dim_sum *sum)
{
    uint64_t content = hmlc_magnitude(sum->constant);
    for (uint32_t i = 0; i < sum->count; i++) {
        content = hmlc_gcd(content, hmlc_magnitude(sum->terms[i].coefficient));
    }
    return content;
}

static hmlc_dim build_term(hmlc_dims *dims, int64_t coefficient, hmlc_dim monomial)
{
    if (coefficient == 1) {
        return monomial;
    }
    return hmlc_dim_intern(dims, HMLC_DIM_MULTIPLY, hmlc_dim_constant(dims, coefficient), monomial,
                           NULL);
}

static hmlc_dim build_chain(hmlc_dims *dims, const dim_sum *sum)
{
    hmlc_dim chain = NULL;
    for (uint32_t i = 0; i < sum->count; i++) {
        hmlc_dim term = build_term(dims, sum->terms[i].coefficient, sum->terms[i].monomial);
        chain = chain == NULL ? term : hmlc_dim_intern(dims, HMLC_DIM_ADD, chain, term, NULL);
    }
    if (chain == NULL || sum->constant != 0) {
        hmlc_dim constant = hmlc_dim_constant(dims, sum->constant);
        chain =
            chain == NULL ? constant : hmlc_dim_intern(dims, HMLC_DIM_ADD, chain, constant, NULL);
    }
    return chain;
}

/* Appends the factors of a term; constants go to the coefficient. */
static void collect_factors(dim_factors *factors, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_MULTIPLY) {
        collect_factors(factors, dim->a);
        collect_factors(factors, dim->b);
        return;
    }
    if (dim->kind == HMLC_DIM_CONSTANT) {
        if (!hmlc_int64_multiply(factors->coefficient, dim->value, &factors->coefficient)) {
            factors->overflow = true;
        }
        return;
    }
    if (factors->count == DIM_MAX_FACTORS) {
        factors->overflow = true;
        return;
    }
    factors->items[factors->count++] = dim;
}

static int compare_factors(const void *left, const void *right)
{
    return hmlc_dim_compare(*(const hmlc_dim *)left, *(const hmlc_dim *)right);
}

/* The product of the items without the coefficient; NULL for none. */
static hmlc_dim build_monomial(hmlc_dims *dims, dim_factors *factors)
{
    qsort(factors->items, factors->count, sizeof factors->items[0], compare_factors);
    hmlc_dim product = NULL;
    for (uint32_t i = 0; i < factors->count; i++) {
        product = product == NULL
                      ? factors->items[i]
                      : hmlc_dim_intern(dims, HMLC_DIM_MULTIPLY, product, factors->items[i], NULL);
    }
    return product;
}

static bool has_sum_factor(hmlc_dim monomial)
{
    for (; monomial->kind == HMLC_DIM_MULTIPLY; monomial = monomial->a) {
        if (monomial->b->kind == HMLC_DIM_ADD) {
            return true;
        }
    }
    return monomial->kind == HMLC_DIM_ADD;
}

static void multiply_out(hmlc_dims *dims, dim_sum *sum, const dim_factors *factors);

/* One addend of a sum among the factors, times the other factors. */
static void multiply_addend(hmlc_dims *dims, dim_sum *sum, const dim_factors *others,
                            hmlc_dim addend)
{
    dim_factors factors = *others;
    collect_factors(&factors, addend);
    if (factors.overflow) {
        sum->overflow = true;
        return;
    }
    multiply_out(dims, sum, &factors);
}

/* Adds the product of `factors` to `sum`, sums among them multiplied out. */
static void multiply_out(hmlc_dims *dims, dim_sum *sum, const dim_factors *factors)
{
    dim_factors others = *factors;
    for (uint32_t i = 0; i < factors->count; i++) {
        hmlc_dim factor = factors->items[i];
        if (factor->kind != HMLC_DIM_ADD) {
            continue;
        }
        others.items[i] = others.items[--others.count];
        for (; factor->kind == HMLC_DIM_ADD && !sum->overflow; factor = factor->a) {
            multiply_addend(dims, sum, &others, factor->b);
        }
        if (!sum->overflow) {
            multiply_addend(dims, sum, &others, factor);
        }
        return;
    }
    if (others.count == 0) {
        hmlc_dim_sum_add_constant(sum, others.coefficient);
        return;
    }
    hmlc_dim_sum_add_term(sum, others.coefficient, build_monomial(dims, &others));
}

static uint32_t term_count(const dim_sum *sum)
{
    return sum->count + (sum->constant != 0 ? 1 : 0);
}

/* Replaces the sum by its multiplied-out form where that has fewer terms. */
static void multiply_out_if_shorter(hmlc_dims *dims, dim_sum *sum)
{
    bool any = false;
    for (uint32_t i = 0; i < sum->count && !any; i++) {
        any = has_sum_factor(sum->terms[i].monomial);
    }
    if (!any || term_count(sum) < 2) {
        return;
    }
    dim_sum expanded;
    dim_sum_clear(&expanded);
    expanded.constant = sum->constant;
    for (uint32_t i = 0; i < sum->count && !expanded.overflow; i++) {
        dim_factors factors = {.coefficient = sum->terms[i].coefficient};
        collect_factors(&factors, sum->terms[i].monomial);
        expanded.overflow = expanded.overflow || factors.overflow;
        multiply_out(dims, &expanded, &factors);
    }
    hmlc_dim_sum_normalise(&expanded);
    if (!expanded.overflow && term_count(&expanded) < term_count(sum)) {
        *sum = expanded;
    }
}

hmlc_dim hmlc_dim_sum_build(hmlc_dims *dims, dim_sum *sum)
{
    hmlc_dim_sum_normalise(sum);
    if (sum->overflow) {
        return hmlc_dim_fail(dims, sum->full ? HMLC_REFUSED : HMLC_DAMAGED);
    }
    multiply_out_if_shorter(dims, sum);
    return build_chain(dims, sum);
}

hmlc_dim hmlc_dim_add_all(hmlc_dims *dims, const hmlc_dim *addends, uint32_t count)
{
    dim_sum sum;
    dim_sum_clear(&sum);
    for (uint32_t i = 0; i < count; i++) {
        hmlc_dim_sum_add(&sum, addends[i], 1);
    }
    return hmlc_dim_sum_build(dims, &sum);
}

/* A sum as content * primitive sum, whose first coefficient is positive. */
static void add_sum_as_factor(hmlc_dims *dims, dim_factors *factors, hmlc_dim dim)
{
    dim_sum sum;
    dim_sum_clear(&sum);
    hmlc_dim_sum_add(&sum, dim, 1);
    hmlc_dim_sum_normalise(&sum);
    uint64_t content = sum_content(&sum);
    if (sum.overflow || content == 0 || content > (uint64_t)INT64_MAX) {
        factors->overflow = true;
        return;
    }
    int64_t scale =
        sum.count > 0 && sum.terms[0].coefficient < 0 ? -(int64_t)content : (int64_t)content;
    if (scale != 1) {
        for (uint32_t i = 0; i < sum.count; i++) {
            sum.terms[i].coefficient /= scale;
        }
        sum.constant /= scale;
        dim = hmlc_dim_sum_build(dims, &sum);
    }
    if (!hmlc_int64_multiply(factors->coefficient, scale, &factors->coefficient) ||
        factors->count == DIM_MAX_FACTORS) {
        factors->overflow = true;
        return;
    }
    factors->items[factors->count++] = dim;
}

void hmlc_dim_factors_add(hmlc_dims *dims, dim_factors *factors, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_ADD) {
        add_sum_as_factor(dims, factors, dim);
    } else {
        collect_factors(factors, dim);
    }
}

hmlc_dim hmlc_dim_factors_build(hmlc_dims *dims, dim_factors *factors)
{
    if (factors->overflow) {
        return hmlc_dim_fail(dims, HMLC_DAMAGED);
    }
    if (factors->count == 0 || factors->coefficient == 0) {
        return hmlc_dim_constant(dims, factors->count == 0 ? factors->coefficient : 0);
    }
    dim_sum sum; /* a lone sum takes the coefficient in */
    dim_sum_clear(&sum);
    hmlc_dim_sum_add(&sum, build_monomial(dims, factors), factors->coefficient);
    return hmlc_dim_sum_build(dims, &sum);
}

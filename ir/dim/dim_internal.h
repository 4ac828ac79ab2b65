/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the dim expressions share. */
#ifndef HMLC_DIM_INTERNAL_H
#define HMLC_DIM_INTERNAL_H

#include <hmlc/dim.h>

/*
 * Normal form.
 *   sum:      t1 + t2 + ... + constant, a left-leaning chain of ADD, terms in structural order,
 *             each monomial once, the constant last and not 0
 *   term:     monomial, or MULTIPLY(constant, monomial)
 *   monomial: factor * factor * ..., a left-leaning chain of MULTIPLY in structural order
 *   factor:   symbol, FLOORDIV, MODULO, ..., or (beside other factors) a sum without a common
 *             constant factor whose first coefficient is positive
 * A constant times a sum is distributed. A sum with sums among its factors is multiplied out where
 * that leaves fewer terms, so that a difference of equal expressions is 0.
 */
enum {
    DIM_MAX_TERMS = HMLC_DIM_MAX_TERMS,
    DIM_MAX_FACTORS = 32, /* longer products stay as they are built */
    DIM_MAX_SIZE = HMLC_DIM_MAX_SIZE,
};

/* For whom equalities are required. */
typedef struct hmlc_dim_asker {
    const struct hmlc_region *branch; /* NULL: the main graph */
    /* In a region that has no place yet, a kernel's: its ops are copies, so what they need has been
     * recorded for the originals. */
    bool unplaced;
} hmlc_dim_asker;

struct hmlc_dims {
    hmlc_arena *arena;
    struct hmlc_dim_node **nodes; /* hash table, a power of two */
    uint32_t node_count, node_capacity;
    hmlc_symbol **symbols;
    uint32_t *symbol_table; /* hash table of index + 1 */
    uint32_t symbol_count, symbol_capacity;
    uint32_t fresh_count;
    hmlc_dim_equality *equalities;
    uint32_t *equality_table; /* hash table of index + 1, twice the capacity */
    uint32_t equality_count, equality_capacity;
    hmlc_dim_asker asker;
    hmlc_dim zero; /* made first, so that failures have something to return */
    hmlc_status status;
};

/*
 * A copy in another arena. `by_id` has room for node_count entries and receives the copy of each
 * node. Names and locations are shared, and the branches of equalities are still the original's.
 * NULL without memory.
 */
hmlc_dims *hmlc_dims_clone(const hmlc_dims *dims, hmlc_arena *arena, hmlc_dim *by_id);

/* Sets the failure flag and returns the constant 0. */
hmlc_dim hmlc_dim_fail(hmlc_dims *dims, hmlc_status status);
/* The node with exactly these fields: no simplification. */
hmlc_dim hmlc_dim_intern(hmlc_dims *dims, hmlc_dim_kind kind, hmlc_dim a, hmlc_dim b, hmlc_dim c);
/* Fills range, divisor, size and uses_run_symbol from the operands. */
void hmlc_dim_derive(struct hmlc_dim_node *node);
/* Structural order: independent of creation order, so that text parses back to the same order. */
int hmlc_dim_compare(hmlc_dim left, hmlc_dim right);

/* floor(a / b) and a - b * floor(a / b) for b > 0. */
int64_t hmlc_floor_divide(int64_t a, int64_t b);
int64_t hmlc_floor_modulo(int64_t a, int64_t b);
uint64_t hmlc_gcd(uint64_t a, uint64_t b);
uint64_t hmlc_magnitude(int64_t value);

typedef struct dim_term {
    int64_t coefficient;
    hmlc_dim monomial;
} dim_term;

/* A sum under construction. `overflow`: too many terms or a coefficient that does not fit. */
typedef struct dim_sum {
    uint32_t count;
    bool overflow;
    bool full; /* of too many terms */
    int64_t constant;
    dim_term terms[DIM_MAX_TERMS];
} dim_sum;

static inline void dim_sum_clear(dim_sum *sum)
{
    sum->count = 0;
    sum->overflow = sum->full = false;
    sum->constant = 0;
}
/* Adds scale * dim, term by term. */
void hmlc_dim_sum_add(dim_sum *sum, hmlc_dim dim, int64_t scale);
void hmlc_dim_sum_add_term(dim_sum *sum, int64_t coefficient, hmlc_dim monomial);
void hmlc_dim_sum_add_constant(dim_sum *sum, int64_t constant);
/* Sorts the terms and combines like ones. */
void hmlc_dim_sum_normalise(dim_sum *sum);
/* The expression of a sum, multiplied out where that is shorter. Fails the table on overflow. */
hmlc_dim hmlc_dim_sum_build(hmlc_dims *dims, dim_sum *sum);
/* The sum of all addends, simplified once. */
hmlc_dim hmlc_dim_add_all(hmlc_dims *dims, const hmlc_dim *addends, uint32_t count);

/* Characters of a name that needs no quotes. */
bool hmlc_dim_is_name_start(char c);
bool hmlc_dim_is_name_part(char c);

typedef struct dim_factors {
    uint32_t count;
    bool overflow;
    int64_t coefficient;
    hmlc_dim items[DIM_MAX_FACTORS];
} dim_factors;

/* Multiplies `factors` (coefficient 1, no items at first) by the factors of `dim`; a sum gives its
 * content to the coefficient. */
void hmlc_dim_factors_add(hmlc_dims *dims, dim_factors *factors, hmlc_dim dim);
/* coefficient * product of the items. */
hmlc_dim hmlc_dim_factors_build(hmlc_dims *dims, dim_factors *factors);

#endif

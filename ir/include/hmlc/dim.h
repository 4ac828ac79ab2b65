/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dim expressions: hash-consed integer expressions over named symbols. Two expressions that
 * simplify to the same normal form are the same pointer. Static dims are the constant case. Owned
 * by an hmlc_dims table (one per module).
 */
#ifndef HMLC_DIM_H
#define HMLC_DIM_H

#include <hmlc/arena.h>

typedef enum hmlc_dim_kind {
    HMLC_DIM_CONSTANT, /* value */
    HMLC_DIM_SYMBOL,   /* symbol */
    HMLC_DIM_ADD,      /* a + b */
    HMLC_DIM_MULTIPLY, /* a * b */
    HMLC_DIM_FLOORDIV, /* floor(a / b), b > 0 */
    HMLC_DIM_CEILDIV,  /* ceil(a / b), b > 0 */
    HMLC_DIM_MODULO,   /* a - b * floor(a / b), b > 0 */
    HMLC_DIM_MINIMUM,
    HMLC_DIM_MAXIMUM,
    HMLC_DIM_EQUAL,  /* 1 or 0 */
    HMLC_DIM_LESS,   /* 1 or 0 */
    HMLC_DIM_SELECT, /* a ? b : c */
} hmlc_dim_kind;

/* "No upper bound." Every dim value the compiler and runtime accept lies within
 * +-HMLC_DIM_UNBOUNDED. */
#define HMLC_DIM_UNBOUNDED ((int64_t)1 << 47)

/* An expression of more nodes, or a sum of more terms, fails the table. */
enum { HMLC_DIM_MAX_SIZE = 4000, HMLC_DIM_MAX_TERMS = 256 };

typedef struct hmlc_symbol {
    const char *name;
    int64_t minimum;   /* inclusive */
    int64_t maximum;   /* inclusive; HMLC_DIM_UNBOUNDED where none is known */
    int64_t multiple;  /* the value is divisible by this, at least 1 */
    int64_t hint;      /* a typical value, for cost models and the memory plan's order */
    uint32_t index;    /* position in the table */
    bool bound_at_run; /* defined by a bind_dims op instead of an input's shape */
} hmlc_symbol;

typedef const struct hmlc_dim_node *hmlc_dim;

struct hmlc_dim_node {
    hmlc_dim_kind kind;
    uint32_t id;   /* creation order: operands have smaller ids */
    int64_t value; /* constant */
    const hmlc_symbol *symbol;
    hmlc_dim a, b, c;
    int64_t minimum, maximum; /* derived range, saturating at +-HMLC_DIM_UNBOUNDED */
    int64_t divisor;          /* the value is provably a multiple of this; 0 for the constant 0 */
    uint32_t size;            /* nodes of the expression, written out */
    bool uses_run_symbol;     /* depends on a bound_at_run symbol */
};

typedef struct hmlc_dims hmlc_dims;

hmlc_dims *hmlc_dims_create(hmlc_arena *arena); /* lives in the arena; NULL on failure */

/*
 * Constructors simplify: constants fold, sums and products are flattened and sorted, like terms
 * combine, constant factors cancel in division, ranges decide min, max and comparisons. They never
 * return NULL: on memory exhaustion or overflow they return the sticky error expression (a constant
 * 0) and set the table's failure flag, which hmlc_dims_status reports; builders and passes check it
 * once at their end.
 */
hmlc_dim hmlc_dim_constant(hmlc_dims *dims, int64_t value);
hmlc_dim hmlc_dim_add(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_subtract(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_multiply(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_floordiv(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_ceildiv(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_modulo(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_minimum(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_maximum(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_equal(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_less(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
hmlc_dim hmlc_dim_select(hmlc_dims *dims, hmlc_dim condition, hmlc_dim a, hmlc_dim b);
/* The kind's constructor by name, for rewriting; c only for SELECT. */
hmlc_dim hmlc_dim_make(hmlc_dims *dims, hmlc_dim_kind kind, hmlc_dim a, hmlc_dim b, hmlc_dim c);

/*
 * Interned by name; a new symbol has range [0, unbounded], multiple 1, hint 64. Mutable until its
 * first expression is made (hmlc_dim_symbol, hmlc_dim_parse), which derives ranges from it. NULL on
 * failure.
 */
hmlc_symbol *hmlc_symbol_get(hmlc_dims *dims, const char *name);
/* NULL when there is no symbol of that name. */
hmlc_symbol *hmlc_symbol_find(hmlc_dims *dims, const char *name);
/* A fresh symbol named "<prefix><n>", bound_at_run set. */
hmlc_symbol *hmlc_symbol_fresh(hmlc_dims *dims, const char *prefix);
hmlc_dim hmlc_dim_symbol(hmlc_dims *dims, const hmlc_symbol *symbol);
uint32_t hmlc_symbol_count(const hmlc_dims *dims);
hmlc_symbol *hmlc_symbol_at(hmlc_dims *dims, uint32_t index);

bool hmlc_dim_is_constant(hmlc_dim dim, int64_t *value); /* value may be NULL */
bool hmlc_dim_is(hmlc_dim dim, int64_t value);           /* is that constant */
bool hmlc_dim_divisible(hmlc_dim dim, int64_t by);       /* provably */
/* Facts provable from ranges and structure; false means "not known". */
bool hmlc_dim_known_equal(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
bool hmlc_dim_known_unequal(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
bool hmlc_dim_known_at_most(hmlc_dims *dims, hmlc_dim a, hmlc_dim b);
bool hmlc_dim_uses_run_symbol(hmlc_dim dim); /* depends on a bound_at_run symbol */

/* True where the expression mentions the symbol. */
bool hmlc_dim_uses_symbol(hmlc_dim dim, const hmlc_symbol *symbol);

/* Evaluates with values[symbol->index]; false on overflow or division by zero. */
bool hmlc_dim_evaluate(hmlc_dim dim, const int64_t *values, int64_t *result);
/* With every symbol at its hint (clamped to its range). */
int64_t hmlc_dim_hint(hmlc_dim dim);
/*
 * With every symbol as small as its range allows, 1 at least; `few` where that is less, and never
 * more than the hint: the size for which work must still split well.
 */
int64_t hmlc_dim_few(hmlc_dim dim, int64_t few);

/*
 * Equalities that the graph needs and that could not be proven. `location` says for whom. What
 * branches of an `if` alone need is recorded once for each and checked when it runs, all else once
 * per pair, at run entry.
 */
typedef struct hmlc_dim_equality {
    hmlc_dim left, right;
    const struct hmlc_location *location;
    const struct hmlc_region *branch; /* NULL: run entry */
} hmlc_dim_equality;
/* For the op whose results are being inferred, if any: its branch; else for run entry. */
hmlc_status hmlc_dims_require_equal(hmlc_dims *dims, hmlc_dim left, hmlc_dim right,
                                    const struct hmlc_location *location) HMLC_MUST_USE;
/* As if `branch` (NULL: the main graph) asked. */
hmlc_status hmlc_dims_require_equal_in(hmlc_dims *dims, const struct hmlc_region *branch,
                                       hmlc_dim left, hmlc_dim right,
                                       const struct hmlc_location *location) HMLC_MUST_USE;
/* What branch `from` needs is from now on needed by `to` (NULL: the main graph): its ops moved. */
void hmlc_dims_move_equalities(hmlc_dims *dims, const struct hmlc_region *from,
                               const struct hmlc_region *to);
/* True where it says that a dim is not negative: kernels look at the dims that they use anyway. */
bool hmlc_dim_equality_of_sign(const hmlc_dim_equality *equality);
uint32_t hmlc_dims_equality_count(const hmlc_dims *dims);
const hmlc_dim_equality *hmlc_dims_equality_at(const hmlc_dims *dims, uint32_t index);

/* Text: "2*seq + 1", "min(a, b)", "floor(a / 2)", "ceil(a / 2)", "a mod 4", "select(a < b, c, d)",
 * "a == b". */
int hmlc_dim_format(hmlc_dim dim, char *text, size_t size);
/* The same, however long; NULL where memory ran out. */
char *hmlc_dim_text(hmlc_arena *arena, hmlc_dim dim);
/*
 * Parses that text, and the spellings of exporters: + - * / // % ** ( ) min max floor ceil, Max,
 * Min, FloorDiv, Mod. Division is exact until floor, ceil or the end, which rounds down. NULL where
 * it is not an expression; no symbol is made then. A name is a letter or _ and then letters, digits
 * and _ . : $ # @, or any text in double quotes; "a-b" and "a/b" without blanks are no expressions
 * (exporters use such names).
 */
hmlc_dim hmlc_dim_parse(hmlc_dims *dims, const char *text, size_t length);

/* HMLC_OK, or after a sticky failure HMLC_RESOURCE, HMLC_DAMAGED (overflow), HMLC_REFUSED (an
 * expression beyond the two limits) or HMLC_INTERNAL (hmlc_dim_make of no operation). The table
 * knows no diagnostics: hmlc_infer_report_dims puts it into words. */
hmlc_status hmlc_dims_status(const hmlc_dims *dims) HMLC_MUST_USE;

#endif

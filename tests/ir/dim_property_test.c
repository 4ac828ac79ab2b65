/* SPDX-License-Identifier: Apache-2.0 */
/* Random expressions: simplification keeps the value, ranges hold, text comes back. */
#include <hmlc/dim.h>

#include <string.h>

#include "test.h"

enum { SYMBOLS = 5, DEPTH = 4, EXPRESSIONS = 6000, EVALUATIONS = 12 };

typedef struct world {
    hmlc_arena *arena;
    hmlc_dims *dims;
    test_random random;
} world;

/* The same expression computed plainly beside the simplified one, for EVALUATIONS sets of values.
 */
typedef struct sample {
    hmlc_dim dim;
    bool valid[EVALUATIONS];
    int64_t value[EVALUATIONS];
} sample;

static int64_t symbol_values[EVALUATIONS][SYMBOLS];

static const struct {
    const char *name;
    int64_t minimum, maximum, multiple;
} symbol_rows[SYMBOLS] = {
    {"a", 0, HMLC_DIM_UNBOUNDED, 1},
    {"n", 1, HMLC_DIM_UNBOUNDED, 1},
    {"t", 2, 6, 1},
    {"e", 0, HMLC_DIM_UNBOUNDED, 4},
    {"m", 1, 64, 1},
};

static void make_world(world *w, uint64_t seed)
{
    w->arena = hmlc_arena_create(NULL);
    w->dims = hmlc_dims_create(w->arena);
    w->random.state = seed;
    for (int i = 0; i < SYMBOLS; i++) {
        hmlc_symbol *symbol = hmlc_symbol_get(w->dims, symbol_rows[i].name);
        symbol->minimum = symbol_rows[i].minimum;
        symbol->maximum = symbol_rows[i].maximum;
        symbol->multiple = symbol_rows[i].multiple;
    }
    for (int k = 0; k < EVALUATIONS; k++) {
        for (int i = 0; i < SYMBOLS; i++) {
            int64_t most = symbol_rows[i].maximum < 20 ? symbol_rows[i].maximum : 20;
            int64_t value = test_between(&w->random, symbol_rows[i].minimum, most);
            symbol_values[k][i] = value - value % symbol_rows[i].multiple;
        }
    }
}

static sample leaf(world *w)
{
    sample s;
    int64_t constant = test_between(&w->random, -6, 12);
    int which = (int)test_between(&w->random, 0, SYMBOLS + 2);
    for (int k = 0; k < EVALUATIONS; k++) {
        s.valid[k] = true;
        s.value[k] = which < SYMBOLS ? symbol_values[k][which] : constant;
    }
    s.dim = which < SYMBOLS ? hmlc_dim_symbol(w->dims, hmlc_symbol_at(w->dims, (uint32_t)which))
                            : hmlc_dim_constant(w->dims, constant);
    return s;
}

static int64_t floor_of(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient * b > a ? quotient - 1 : quotient;
}

static int64_t plain(hmlc_dim_kind kind, int64_t a, int64_t b)
{
    switch (kind) {
    case HMLC_DIM_ADD:
        return a + b;
    case HMLC_DIM_MULTIPLY:
        return a * b;
    case HMLC_DIM_FLOORDIV:
        return floor_of(a, b);
    case HMLC_DIM_CEILDIV:
        return -floor_of(-a, b);
    case HMLC_DIM_MODULO:
        return a - b * floor_of(a, b);
    case HMLC_DIM_MINIMUM:
        return a < b ? a : b;
    case HMLC_DIM_MAXIMUM:
        return a > b ? a : b;
    case HMLC_DIM_EQUAL:
        return a == b;
    default:
        return a < b;
    }
}

static bool divides(hmlc_dim_kind kind)
{
    return kind == HMLC_DIM_FLOORDIV || kind == HMLC_DIM_CEILDIV || kind == HMLC_DIM_MODULO;
}

static sample combine(world *w, hmlc_dim_kind kind, const sample *a, const sample *b)
{
    sample s;
    for (int k = 0; k < EVALUATIONS; k++) {
        s.valid[k] = a->valid[k] && b->valid[k] && (!divides(kind) || b->value[k] > 0);
        s.value[k] = s.valid[k] ? plain(kind, a->value[k], b->value[k]) : 0;
        s.valid[k] =
            s.valid[k] && s.value[k] < ((int64_t)1 << 30) && s.value[k] > -((int64_t)1 << 30);
    }
    s.dim = hmlc_dim_make(w->dims, kind, a->dim, b->dim, NULL);
    return s;
}

static sample choose(world *w, const sample *c, const sample *a, const sample *b)
{
    sample s;
    for (int k = 0; k < EVALUATIONS; k++) {
        const sample *taken = c->value[k] != 0 ? a : b;
        s.valid[k] = a->valid[k] && b->valid[k] && c->valid[k];
        s.value[k] = taken->value[k];
    }
    s.dim = hmlc_dim_select(w->dims, c->dim, a->dim, b->dim);
    return s;
}

static sample grow(world *w, int depth)
{
    if (depth == 0 || test_between(&w->random, 0, 9) == 0) {
        return leaf(w);
    }
    static const hmlc_dim_kind kinds[] = {HMLC_DIM_ADD,      HMLC_DIM_ADD,      HMLC_DIM_ADD,
                                          HMLC_DIM_MULTIPLY, HMLC_DIM_MULTIPLY, HMLC_DIM_FLOORDIV,
                                          HMLC_DIM_FLOORDIV, HMLC_DIM_CEILDIV,  HMLC_DIM_MODULO,
                                          HMLC_DIM_MINIMUM,  HMLC_DIM_MAXIMUM,  HMLC_DIM_EQUAL,
                                          HMLC_DIM_LESS,     HMLC_DIM_SELECT};
    hmlc_dim_kind kind = kinds[test_between(&w->random, 0, 13)];
    sample a = grow(w, depth - 1), b = grow(w, depth - 1);
    if (kind == HMLC_DIM_SELECT) {
        sample c = grow(w, depth - 2 > 0 ? depth - 2 : 0);
        return choose(w, &c, &a, &b);
    }
    int64_t constant;
    if (divides(kind) && hmlc_dim_is_constant(b.dim, &constant) && constant <= 0) {
        kind = HMLC_DIM_ADD; /* dividing by such a constant fails the table */
    }
    return combine(w, kind, &a, &b);
}

static void check(const world *w, const sample *s, const char *text)
{
    for (int k = 0; k < EVALUATIONS; k++) {
        int64_t value = 0;
        if (!s->valid[k]) {
            continue;
        }
        if (!hmlc_dim_evaluate(s->dim, symbol_values[k], &value) || value != s->value[k]) {
            fail_msg("%s is %lld, expected %lld", text, (long long)value, (long long)s->value[k]);
        }
        if (value < s->dim->minimum || value > s->dim->maximum) {
            fail_msg("%s = %lld is outside its range", text, (long long)value);
        }
        if (s->dim->divisor == 0 ? value != 0 : value % s->dim->divisor != 0) {
            fail_msg("%s = %lld is no multiple of %lld", text, (long long)value,
                     (long long)s->dim->divisor);
        }
    }
    assert_int_equal(hmlc_dims_status(w->dims), HMLC_OK);
}

static void simplification_keeps_values_and_text(void **state)
{
    (void)state;
    world w;
    make_world(&w, 0x98765);
    for (int i = 0; i < EXPRESSIONS; i++) {
        char text[4096];
        sample s = grow(&w, DEPTH);
        int length = hmlc_dim_format(s.dim, text, sizeof text);
        assert_true(length > 0 && (size_t)length < sizeof text);
        check(&w, &s, text);
        hmlc_dim again = hmlc_dim_parse(w.dims, text, (size_t)length);
        if (again != s.dim) {
            char other[4096];
            hmlc_dim_format(again, other, sizeof other);
            fail_msg("%s parses back to %s", text, other);
        }
    }
    hmlc_arena_destroy(w.arena);
}

/* The normal form must not depend on the order in which nodes were made. */
static void text_is_the_same_in_a_fresh_table(void **state)
{
    (void)state;
    world first, second;
    make_world(&first, 0x777);
    for (int i = 0; i < EXPRESSIONS / 4; i++) {
        char text[4096], again[4096];
        sample s = grow(&first, DEPTH);
        hmlc_dim_format(s.dim, text, sizeof text);
        make_world(&second, 1);
        hmlc_dim parsed = hmlc_dim_parse(second.dims, text, strlen(text));
        assert_non_null(parsed);
        hmlc_dim_format(parsed, again, sizeof again);
        assert_string_equal(text, again);
        hmlc_arena_destroy(second.arena);
    }
    hmlc_arena_destroy(first.arena);
}

static void proven_facts_hold(void **state)
{
    (void)state;
    world w;
    make_world(&w, 0x55aa55);
    uint32_t proven = 0;
    for (int i = 0; i < EXPRESSIONS / 2; i++) {
        sample a = grow(&w, 3), b = grow(&w, 3);
        bool equal = hmlc_dim_known_equal(w.dims, a.dim, b.dim);
        bool unequal = hmlc_dim_known_unequal(w.dims, a.dim, b.dim);
        bool at_most = hmlc_dim_known_at_most(w.dims, a.dim, b.dim);
        proven += equal || unequal || at_most;
        for (int k = 0; k < EVALUATIONS; k++) {
            if (a.valid[k] && b.valid[k]) {
                assert_true(!equal || a.value[k] == b.value[k]);
                assert_true(!unequal || a.value[k] != b.value[k]);
                assert_true(!at_most || a.value[k] <= b.value[k]);
            }
        }
    }
    assert_true(proven > 100);
    hmlc_arena_destroy(w.arena);
}

static void arbitrary_text_never_breaks_the_parser(void **state)
{
    (void)state;
    world w;
    make_world(&w, 99);
    static const char alphabet[] = "abn+-*/(), <=%0123456789\"\\xmodinfloceqt";
    for (int i = 0; i < 50000; i++) {
        char text[40];
        size_t length = (size_t)test_between(&w.random, 0, (int64_t)sizeof text);
        for (size_t k = 0; k < length; k++) {
            text[k] = alphabet[test_between(&w.random, 0, (int64_t)sizeof alphabet - 2)];
        }
        hmlc_dim_parse(w.dims, text, length);
    }
    hmlc_arena_destroy(w.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simplification_keeps_values_and_text),
        cmocka_unit_test(text_is_the_same_in_a_fresh_table),
        cmocka_unit_test(proven_facts_hold),
        cmocka_unit_test(arbitrary_text_never_breaks_the_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

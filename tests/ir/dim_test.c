/* SPDX-License-Identifier: Apache-2.0 */
/* Dim expressions: what simplifies to what, what is provable, what parses. */
#include <hmlc/dim.h>

#include <string.h>

#include "test.h"

typedef struct fixture {
    hmlc_arena *arena;
    hmlc_dims *dims;
} fixture;

static hmlc_symbol *add_symbol(fixture *f, const char *name, int64_t minimum, int64_t maximum)
{
    hmlc_symbol *symbol = hmlc_symbol_get(f->dims, name);
    symbol->minimum = minimum;
    symbol->maximum = maximum;
    return symbol;
}

/* Symbols: a, b from 0; n, m, k from 1; t 1..8; e a multiple of 8. */
static int setup(void **state)
{
    static fixture f;
    f.arena = hmlc_arena_create(NULL);
    f.dims = hmlc_dims_create(f.arena);
    add_symbol(&f, "a", 0, HMLC_DIM_UNBOUNDED);
    add_symbol(&f, "b", 0, HMLC_DIM_UNBOUNDED);
    add_symbol(&f, "n", 1, HMLC_DIM_UNBOUNDED);
    add_symbol(&f, "m", 1, HMLC_DIM_UNBOUNDED);
    add_symbol(&f, "k", 1, HMLC_DIM_UNBOUNDED);
    add_symbol(&f, "t", 1, 8);
    add_symbol(&f, "e", 0, HMLC_DIM_UNBOUNDED)->multiple = 8;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    assert_int_equal(hmlc_dims_status(f->dims), HMLC_OK);
    hmlc_arena_destroy(f->arena);
    return 0;
}

static hmlc_dim parse(fixture *f, const char *text)
{
    hmlc_dim dim = hmlc_dim_parse(f->dims, text, strlen(text));
    if (dim == NULL) {
        fail_msg("'%s' is no expression", text);
    }
    return dim;
}

static const char *const simplified[][2] = {
    {"2 + 3*4", "14"},
    {"a + a + a", "3*a"},
    {"a + b - a", "b"},
    {"b + a", "a + b"},
    {"1 + 2*a + b", "b + 2*a + 1"},
    {"a - a", "0"},
    {"-a", "-a"},
    {"2*(a + 1)", "2*a + 2"},
    {"b*a*3*2", "6*a*b"},
    {"(a + 1)*(2*b + 4)", "2*(a + 1)*(b + 2)"},
    {"n*(a + b) - n*a", "b*n"},
    {"n*(a + b) - n*a - n*b", "0"},
    {"(a + 1)*(a - 1) - a*a", "-1"},
    {"floor((4*a + 8) / 4)", "a + 2"},
    {"floor((a + 3) / 4)", "floor((a + 3) / 4)"},
    {"floor((4*a + 3) / 4)", "a"},
    {"floor((a + 7) / 4)", "floor((a + 3) / 4) + 1"},
    {"floor((2*a + 6) / 4)", "floor((a + 3) / 2)"},
    {"floor((5*a) / 4)", "a + floor(a / 4)"},
    {"floor(floor(a / 2) / 3)", "floor(a / 6)"},
    {"floor((floor((a - 1) / 2) + 1 - 1) / 2) + 1", "floor((a + 3) / 4)"},
    {"floor(t / 9)", "0"},
    {"floor((t + 7) / 8)", "1 + floor((t - 1) / 8)"},
    {"ceil(a / 4)", "floor((a + 3) / 4)"},
    {"ceil((4*a) / 4)", "a"},
    {"ceil((n*m) / m)", "n"},
    {"floor(n*m*768 / (m*768))", "n"},
    {"floor(a*n*768 / (n*768))", "a"},
    {"floor(a*n*768 / (a*768))", "floor(a*n / a)"},
    {"floor(n*(a + 1)*(b + 1) / ((a + 1)*(b + 1)))", "n"},
    {"floor(n*(2*a + 2) / (a + 1))", "2*n"},
    {"floor((n*a + n*b) / n)", "a + b"},
    {"floor((n*a + m) / n)", "a + floor(m / n)"},
    {"floor((k*m*a + k*b) / (k*m))", "a + floor(b / m)"},
    {"e mod 8", "0"},
    {"e mod 16", "e mod 16"},
    {"(e + 3) mod 8", "3"},
    {"floor((e + 3) / 8)", "floor(e / 8)"},
    {"floor(e / 8) * 8 - e", "8*floor(e / 8) - e"},
    {"(4*a + 6) mod 4", "2"},
    {"(2*a + 5) mod 4", "2*(a mod 2) + 1"},
    {"t mod 9", "t"},
    {"(a mod 12) mod 4", "a mod 4"},
    {"(n*a) mod n", "0"},
    {"min(a, a + 3)", "a"},
    {"max(a, a + 3)", "a + 3"},
    {"min(t, 8)", "t"},
    {"max(a, 0)", "a"},
    {"max(n, 1)", "n"},
    {"min(b, min(a, b))", "min(a, b)"},
    {"min(min(b, m), a)", "min(min(a, b), m)"},
    {"min(a, 9223372036854775807)", "a"},
    {"a == a", "1"},
    {"a == a + 1", "0"},
    {"2*a == 2*b + 1", "0"},
    {"b == a", "a == b"},
    {"3 == a", "a == 3"},
    {"t < 9", "1"},
    {"t < 1", "0"},
    {"a < a", "0"},
    {"a < a + 1", "1"},
    {"a < b", "a < b"},
    {"select(a < b, a, a)", "a"},
    {"select(n, a, b)", "a"},
    {"select(0, a, b)", "b"},
    {"select(a < b, 1, 0)", "a < b"},
    {"select(a == b, a, b)", "select(a == b, a, b)"},
    {"a**2", "a*a"},
    {"-9223372036854775808", "-9223372036854775808"},
};

static void simplifies_to_the_text_beside_it(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < sizeof simplified / sizeof simplified[0]; i++) {
        char text[256];
        hmlc_dim dim = parse(f, simplified[i][0]);
        hmlc_dim_format(dim, text, sizeof text);
        if (strcmp(text, simplified[i][1]) != 0) {
            hmlc_dim expected = parse(f, simplified[i][1]);
            if (dim != expected) {
                fail_msg("%s gives %s, expected %s", simplified[i][0], text, simplified[i][1]);
            }
        }
        if (parse(f, text) != dim) {
            fail_msg("%s does not parse back from %s", simplified[i][0], text);
        }
    }
}

static void spellings_of_exporters_parse(void **state)
{
    static const char *const pairs[][2] = {
        {"past_sequence_length + sequence_length", "past_sequence_length + sequence_length"},
        {"s16 + 1", "s16 + 1"},
        {"2*seq+1", "2*seq + 1"},
        {"seq-1", "seq - 1"},
        {"(seq)", "seq"},
        {"seq // 2", "floor(seq / 2)"},
        {"seq/2", "floor(seq / 2)"},
        {"seq/2*2", "seq"},
        {"floor(seq/2 + 1/2)", "floor((seq + 1) / 2)"},
        {"ceiling(seq/4)", "floor((seq + 3) / 4)"},
        {"FloorDiv(seq + 1, 2)", "floor((seq + 1) / 2)"},
        {"Max(1, seq, 3)", "max(seq, 3)"},
        {"Min(seq, 5)", "min(seq, 5)"},
        {"Mod(seq, 5)", "seq mod 5"},
        {"seq % 5", "seq mod 5"},
        {"Concat_stateN_dim_0", "Concat_stateN_dim_0"},
        {"onnx::Shape.12", "onnx::Shape.12"},
        {"-seq + 8", "8 - seq"},
        {"12", "12"},
        {"\"batch size\" + 1", "\"batch size\" + 1"},
        {"mods", "mods"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (parse(f, pairs[i][0]) != parse(f, pairs[i][1])) {
            fail_msg("%s is not %s", pairs[i][0], pairs[i][1]);
        }
    }
}

static void other_text_is_no_expression_and_leaves_no_symbol(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "batch size",
        "x +",
        "(x",
        "x)",
        "1x",
        "x y",
        "?",
        "seq-len",
        "model/out",
        "/model",
        "min(x",
        "max()",
        "foo(x)",
        "x ** 20",
        "1.5",
        "x = y",
        "mod",
        "x,y",
        "floor(x, y)",
        "\"x",
        "\"\\q\"",
        "select(x, y)",
        "99999999999999999999",
        "x..y*",
    };
    fixture *f = *state;
    uint32_t symbols = hmlc_symbol_count(f->dims);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (hmlc_dim_parse(f->dims, texts[i], strlen(texts[i])) != NULL) {
            fail_msg("'%s' was taken for an expression", texts[i]);
        }
    }
    assert_int_equal(hmlc_symbol_count(f->dims), symbols);
    char deep[600];
    memset(deep, '(', sizeof deep);
    assert_null(hmlc_dim_parse(f->dims, deep, sizeof deep));
}

static void names_of_any_text_come_back(void **state)
{
    static const char *const names[] = {"batch size", "mod",         "a-b", "7th", "quote\"d\\",
                                        "\x01\x7f",   "h\xc3\xb6he", "x/y", ""};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char text[64];
        hmlc_dim dim = hmlc_dim_symbol(f->dims, hmlc_symbol_get(f->dims, names[i]));
        hmlc_dim sum = hmlc_dim_add(f->dims, dim, hmlc_dim_constant(f->dims, 2));
        hmlc_dim_format(sum, text, sizeof text);
        assert_ptr_equal(parse(f, text), sum);
    }
}

static void ranges_follow_from_symbols(void **state)
{
    static const struct {
        const char *text;
        int64_t minimum, maximum;
    } rows[] = {
        {"t", 1, 8},
        {"2*t + 1", 3, 17},
        {"3 - t", -5, 2},
        {"t*t", 1, 64},
        {"n*m", 1, HMLC_DIM_UNBOUNDED},
        {"a - b", -HMLC_DIM_UNBOUNDED, HMLC_DIM_UNBOUNDED},
        {"floor(t / 3)", 0, 2},
        {"floor(a / 3)", 0, HMLC_DIM_UNBOUNDED},
        {"floor(t / n)", 0, 8},
        {"a mod 5", 0, 4},
        {"a mod n", 0, HMLC_DIM_UNBOUNDED},
        {"min(a, t)", 0, 8},
        {"max(a, t)", 1, HMLC_DIM_UNBOUNDED},
        {"a < b", 0, 1},
        {"select(a < b, t, 20)", 1, 20},
        {"9223372036854775807", HMLC_DIM_UNBOUNDED, HMLC_DIM_UNBOUNDED},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hmlc_dim dim = parse(f, rows[i].text);
        if (dim->minimum != rows[i].minimum || dim->maximum != rows[i].maximum) {
            fail_msg("%s has range %lld to %lld", rows[i].text, (long long)dim->minimum,
                     (long long)dim->maximum);
        }
    }
}

static void facts_are_proven_or_not_known(void **state)
{
    fixture *f = *state;
    hmlc_dims *dims = f->dims;
    assert_true(hmlc_dim_known_equal(dims, parse(f, "n*(a + b)"), parse(f, "n*a + b*n")));
    assert_false(hmlc_dim_known_equal(dims, parse(f, "a"), parse(f, "b")));
    assert_true(hmlc_dim_known_unequal(dims, parse(f, "2*a"), parse(f, "2*b + 1")));
    assert_true(hmlc_dim_known_unequal(dims, parse(f, "t"), parse(f, "9")));
    assert_false(hmlc_dim_known_unequal(dims, parse(f, "a"), parse(f, "b")));
    assert_true(hmlc_dim_known_at_most(dims, parse(f, "a"), parse(f, "a + b")));
    assert_true(hmlc_dim_known_at_most(dims, parse(f, "min(a, b)"), parse(f, "b")));
    assert_true(hmlc_dim_known_at_most(dims, parse(f, "b"), parse(f, "max(a, b)")));
    assert_true(hmlc_dim_known_at_most(dims, parse(f, "floor(a / 2)"), parse(f, "a")));
    assert_true(hmlc_dim_known_at_most(dims, parse(f, "a"), parse(f, "9223372036854775807")));
    assert_false(hmlc_dim_known_at_most(dims, parse(f, "a"), parse(f, "b")));
    assert_true(hmlc_dim_divisible(parse(f, "e*a + 16"), 8));
    assert_true(hmlc_dim_divisible(parse(f, "floor(e / 2)"), 4));
    assert_true(hmlc_dim_divisible(parse(f, "0"), 7));
    assert_false(hmlc_dim_divisible(parse(f, "a"), 2));
}

static void equalities_are_recorded_once(void **state)
{
    fixture *f = *state;
    hmlc_dim a = parse(f, "a"), b = parse(f, "b");
    assert_int_equal(hmlc_dims_require_equal(f->dims, a, b, NULL), HMLC_OK);
    assert_int_equal(hmlc_dims_require_equal(f->dims, b, a, NULL), HMLC_OK);
    assert_int_equal(hmlc_dims_require_equal(f->dims, a, a, NULL), HMLC_OK);
    assert_int_equal(hmlc_dims_equality_count(f->dims), 1);
    assert_ptr_equal(hmlc_dims_equality_at(f->dims, 0)->left, a);
}

static void run_symbols_are_seen(void **state)
{
    fixture *f = *state;
    hmlc_symbol *fresh = hmlc_symbol_fresh(f->dims, "nz");
    hmlc_symbol *other = hmlc_symbol_fresh(f->dims, "nz");
    assert_string_not_equal(fresh->name, other->name);
    hmlc_dim sum = hmlc_dim_add(f->dims, parse(f, "a"), hmlc_dim_symbol(f->dims, fresh));
    assert_true(hmlc_dim_uses_run_symbol(sum));
    assert_false(hmlc_dim_uses_run_symbol(parse(f, "a + b")));
    assert_true(hmlc_dim_uses_symbol(sum, fresh));
    assert_false(hmlc_dim_uses_symbol(sum, other));
}

static void evaluation_reports_overflow_and_division_by_zero(void **state)
{
    fixture *f = *state;
    int64_t values[16] = {0}, result = 0;
    assert_false(hmlc_dim_evaluate(parse(f, "floor(b / a)"), values, &result));
    values[0] = INT64_MAX;
    assert_false(hmlc_dim_evaluate(parse(f, "a + 1"), values, &result));
    assert_false(hmlc_dim_evaluate(parse(f, "a*a"), values, &result));
    values[0] = -7;
    assert_true(hmlc_dim_evaluate(parse(f, "floor(a / 2)"), values, &result));
    assert_int_equal(result, -4);
    assert_true(hmlc_dim_evaluate(parse(f, "a mod 4"), values, &result));
    assert_int_equal(result, 1);
    assert_int_equal(hmlc_dim_hint(parse(f, "2*a + t")), 136);
    assert_int_equal(hmlc_dim_few(parse(f, "12*a"), 1), 12);
    assert_int_equal(hmlc_dim_few(parse(f, "a*n"), 128), 128);
    assert_int_equal(hmlc_dim_few(parse(f, "t"), 128), 8);
    assert_int_equal(hmlc_dim_few(parse(f, "512"), 1), 512);
}

static void failure_is_sticky(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_dims *dims = hmlc_dims_create(arena);
    hmlc_dim large = hmlc_dim_constant(dims, INT64_MAX);
    assert_true(hmlc_dim_is(hmlc_dim_multiply(dims, large, large), 0));
    assert_int_equal(hmlc_dims_status(dims), HMLC_DAMAGED);
    hmlc_dim_add(dims, large, hmlc_dim_constant(dims, -1));
    assert_int_equal(hmlc_dims_status(dims), HMLC_DAMAGED);
    hmlc_arena_destroy(arena);
}

/* An expression that doubles with every step must stop growing, not fill the memory. */
static void growth_without_end_fails(void **state)
{
    (void)state;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_dims *dims = hmlc_dims_create(arena);
    hmlc_dim x = hmlc_dim_symbol(dims, hmlc_symbol_get(dims, "x"));
    hmlc_dim y = hmlc_dim_symbol(dims, hmlc_symbol_get(dims, "y"));
    for (int i = 0; i < 100; i++) {
        hmlc_dim smaller = hmlc_dim_less(dims, x, y);
        x = hmlc_dim_select(dims, smaller, hmlc_dim_multiply(dims, x, y), x);
    }
    assert_int_equal(hmlc_dims_status(dims), HMLC_REFUSED);
    assert_true(hmlc_arena_used(arena) < ((size_t)16 << 20));
    hmlc_arena_destroy(arena);
}

static void symbols_are_found_by_name(void **state)
{
    fixture *f = *state;
    assert_int_equal(parse(f, "a")->minimum, 0);
    assert_string_equal("a", hmlc_symbol_find(f->dims, "a")->name);
    assert_null(hmlc_symbol_find(f->dims, "nobody"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(simplifies_to_the_text_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(spellings_of_exporters_parse, setup, teardown),
        cmocka_unit_test_setup_teardown(other_text_is_no_expression_and_leaves_no_symbol, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_of_any_text_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(ranges_follow_from_symbols, setup, teardown),
        cmocka_unit_test_setup_teardown(facts_are_proven_or_not_known, setup, teardown),
        cmocka_unit_test_setup_teardown(equalities_are_recorded_once, setup, teardown),
        cmocka_unit_test_setup_teardown(run_symbols_are_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluation_reports_overflow_and_division_by_zero, setup,
                                        teardown),
        cmocka_unit_test(failure_is_sticky),
        cmocka_unit_test(growth_without_end_fails),
        cmocka_unit_test_setup_teardown(symbols_are_found_by_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* SAME padding against TensorFlow's definition, and halves of pads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "importer/window_pads.h"

static int set_up(void **state)
{
    *state = hmlc_module_create(NULL);
    return *state != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    hmlc_module_destroy(*state);
    return 0;
}

static int64_t constant(hmlc_dim dim)
{
    int64_t value = -1;
    assert_true(hmlc_dim_is_constant(dim, &value));
    return value;
}

/* Worked out by hand; the row of 13 is the example in TensorFlow's notes on padding. */
static void pads_are_those_of_tensorflow(void **state)
{
    hmlc_dims *dims = ((hmlc_module *)*state)->dims;
    static const struct {
        int64_t in, size, stride, dilation, before, behind;
    } rows[] = {
        {13, 6, 5, 1, 1, 2},                        /* 3 windows reach from -1 to 14 */
        {5, 3, 1, 1, 1, 1},   {224, 3, 2, 1, 0, 1}, /* even sizes: the odd pad at the end */
        {225, 3, 2, 1, 1, 1}, {4, 4, 1, 1, 1, 2},   {1, 7, 1, 1, 3, 3},
        {10, 3, 1, 2, 2, 2},                      /* dilated: reaches 5 */
        {10, 2, 1, 3, 1, 2},  {9, 3, 2, 2, 2, 2}, /* 5 windows at -2, 0 ... 6 */
        {7, 2, 3, 1, 0, 1}, /* stride above the window: 3 windows at 0, 3, 6 */
        {8, 2, 3, 1, 0, 0},   {9, 2, 3, 1, 0, 0}, /* the last element is seen by none */
        {5, 1, 4, 1, 0, 0},   {1, 1, 9, 1, 0, 0},   {2, 3, 9, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hmlc_dim in = hmlc_dim_constant(dims, rows[i].in);
        hmlc_dim reach = hmlc_window_reach(dims, rows[i].size, rows[i].dilation);
        hmlc_pads pads = hmlc_window_same(dims, in, rows[i].stride, reach, HMLC_ODD_PAD_BEHIND);
        assert_int_equal(constant(pads.before), rows[i].before);
        assert_int_equal(constant(pads.behind), rows[i].behind);
        pads = hmlc_window_same(dims, in, rows[i].stride, reach, HMLC_ODD_PAD_BEFORE);
        assert_int_equal(constant(pads.before), rows[i].behind);
        assert_int_equal(constant(pads.behind), rows[i].before);
    }
}

/*
 * TensorFlow's other definition, by the remainder: of the window's reach, what the elements behind
 * the last whole stride (or a whole stride) do not fill.
 */
static int64_t total_by_remainder(int64_t in, int64_t reach, int64_t stride)
{
    int64_t filled = in % stride == 0 ? stride : in % stride;
    return reach > filled ? reach - filled : 0;
}

static int64_t value_at(hmlc_dim dim, const hmlc_symbol *symbol, int64_t size)
{
    int64_t values[8] = {0}, result = -1;
    assert_true(symbol->index < 8);
    values[symbol->index] = size;
    assert_true(hmlc_dim_evaluate(dim, values, &result));
    return result;
}

/* The same expression for every size of a symbol; ceil(n / stride) windows fit afterwards. */
static void symbols_give_the_same_pads(void **state)
{
    hmlc_dims *dims = ((hmlc_module *)*state)->dims;
    hmlc_symbol *symbol = hmlc_symbol_get(dims, "n");
    assert_non_null(symbol);
    symbol->minimum = 1;
    hmlc_dim in = hmlc_dim_symbol(dims, symbol);
    for (int64_t stride = 1; stride <= 6; stride++) {
        for (int64_t size = 1; size <= 5; size++) {
            for (int64_t dilation = 1; dilation <= 3; dilation++) {
                hmlc_dim reach = hmlc_window_reach(dims, size, dilation);
                hmlc_pads pads = hmlc_window_same(dims, in, stride, reach, HMLC_ODD_PAD_BEHIND);
                for (int64_t n = 1; n <= 30; n++) {
                    int64_t span = (size - 1) * dilation + 1;
                    int64_t before = value_at(pads.before, symbol, n);
                    int64_t behind = value_at(pads.behind, symbol, n);
                    assert_int_equal(before + behind, total_by_remainder(n, span, stride));
                    assert_true(behind == before || behind == before + 1);
                    assert_int_equal((n + before + behind - span) / stride + 1,
                                     (n + stride - 1) / stride);
                }
            }
        }
    }
}

static void pads_are_split_in_halves(void **state)
{
    hmlc_dims *dims = ((hmlc_module *)*state)->dims;
    hmlc_pads pads = hmlc_window_split(dims, hmlc_dim_constant(dims, 5), HMLC_ODD_PAD_BEHIND);
    assert_int_equal(constant(pads.before), 2);
    assert_int_equal(constant(pads.behind), 3);
    pads = hmlc_window_split(dims, hmlc_dim_constant(dims, 5), HMLC_ODD_PAD_BEFORE);
    assert_int_equal(constant(pads.before), 3);
    assert_int_equal(constant(pads.behind), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pads_are_those_of_tensorflow),
        TEST(symbols_give_the_same_pads),
        TEST(pads_are_split_in_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

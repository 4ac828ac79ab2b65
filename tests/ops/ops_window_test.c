/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: padding, ceil_mode's extra, indices, layouts. */
#include "ops_testing.h"

#define POOL_ATTRS(test, step, pads_text, channels_last)                                           \
    INTS_ATTR(window, 2), INTS_ATTR(strides, step), INTS_ATTR(dilations, 1),                       \
        DIMS_ATTR(test, pads, pads_text), INT_ATTR(layout, channels_last)

static void max_pool_never_takes_padding(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 1, 3), FLOATS(-3, -1, -2));
    hmlc_op *op =
        ops_build(test, HMLC_OP_max_pool, OPERANDS(x), ATTRS(POOL_ATTRS(test, 2, "1, 0", 0)));
    assert_int_equal(op->result_count, 2);
    ops_expect_type(op, 1, "i64[1, 1, 2]");
    ops_expect(test, op, 0, SHAPE(1, 1, 2), 0, FLOATS(-3, -1));
    ops_expect(test, op, 1, SHAPE(1, 1, 2), 0, FLOATS(0, 1));
}

static void max_pool_indices_count_the_whole_tensor(void **state)
{
    ops_test *test = *state;
    hmlc_value *x =
        ops_constant(test, HMLC_DTYPE_i8, SHAPE(1, 2, 4), FLOATS(1, 2, 4, 3, 9, 8, 7, 9));
    hmlc_op *op =
        ops_build(test, HMLC_OP_max_pool, OPERANDS(x), ATTRS(POOL_ATTRS(test, 2, "0, 0", 0)));
    ops_expect(test, op, 0, SHAPE(1, 2, 2), 0, FLOATS(2, 4, 9, 9));
    ops_expect(test, op, 1, SHAPE(1, 2, 2), 0, FLOATS(1, 2, 4, 7));
}

static void channels_last_has_no_indices(void **state)
{
    ops_test *test = *state;
    hmlc_value *x =
        ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 4, 2), FLOATS(1, 9, 2, 8, 4, 7, 3, 9));
    hmlc_op *op =
        ops_build(test, HMLC_OP_max_pool, OPERANDS(x), ATTRS(POOL_ATTRS(test, 2, "0, 0", 1)));
    assert_int_equal(op->result_count, 1);
    ops_expect(test, op, 0, SHAPE(1, 2, 2), 0, FLOATS(2, 9, 4, 9));
}

static void average_counts_padding_when_asked(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 1, 3), FLOATS(2, 4, 6));
    hmlc_op *op = ops_build(test, HMLC_OP_avg_pool, OPERANDS(x),
                            ATTRS(POOL_ATTRS(test, 2, "1, 0", 0), INT_ATTR(count_include_pad, 0)));
    ops_expect(test, op, 0, SHAPE(1, 1, 2), 0, FLOATS(2, 5));
    op = ops_build(test, HMLC_OP_avg_pool, OPERANDS(x),
                   ATTRS(POOL_ATTRS(test, 2, "1, 0", 0), INT_ATTR(count_include_pad, 1)));
    ops_expect(test, op, 0, SHAPE(1, 1, 2), 0, FLOATS(1, 5));
}

static void average_never_counts_the_extra_of_ceil_mode(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 1, 3), FLOATS(2, 4, 6));
    hmlc_op *op = ops_build(test, HMLC_OP_avg_pool, OPERANDS(x),
                            ATTRS(POOL_ATTRS(test, 2, "0, 1", 0), INT_ATTR(count_include_pad, 1),
                                  INTS_ATTR(output_padding, 1)));
    ops_expect(test, op, 0, SHAPE(1, 1, 2), 0, FLOATS(3, 6));
}

static void pools_check_their_window(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "1, 3, 1");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "does not fit in 1 elements", HMLC_OP_max_pool,
               OPERANDS(x), ATTRS(POOL_ATTRS(test, 1, "0, 0", 0)));
    hmlc_value *y = ops_input(test, HMLC_DTYPE_f32, "1, 3, 8");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "strides has an entry 0", HMLC_OP_max_pool,
               OPERANDS(y), ATTRS(POOL_ATTRS(test, 0, "0, 0", 0)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "pads has 1 entries; expected 2", HMLC_OP_max_pool,
               OPERANDS(y), ATTRS(POOL_ATTRS(test, 1, "0", 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(max_pool_never_takes_padding),
        OPS_TEST(max_pool_indices_count_the_whole_tensor),
        OPS_TEST(channels_last_has_no_indices),
        OPS_TEST(average_counts_padding_when_asked),
        OPS_TEST(average_never_counts_the_extra_of_ceil_mode),
        OPS_TEST(pools_check_their_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Gather and its kin, scatter, one_hot, trilu, top_k, cumsum, nonzero. */
#include "ops_testing.h"

#include <math.h>

static hmlc_value *matrix(ops_test *test)
{
    return ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
}

static void gather_takes_rows_and_columns(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(2, 2), FLOATS(0, -1, 1, 1));
    hmlc_op *op =
        ops_build(test, HMLC_OP_gather, OPERANDS(matrix(test), i), ATTRS(INT_ATTR(axis, 1)));
    ops_expect(test, op, 0, SHAPE(2, 2, 2), 0, FLOATS(1, 3, 2, 2, 4, 6, 5, 5));
    hmlc_value *scalar = ops_constant(test, HMLC_DTYPE_i32, SCALAR, FLOATS(1));
    op = ops_build(test, HMLC_OP_gather, OPERANDS(matrix(test), scalar), ATTRS(INT_ATTR(axis, 0)));
    ops_expect(test, op, 0, SHAPE(3), 0, FLOATS(4, 5, 6));
    hmlc_value *outside = ops_constant(test, HMLC_DTYPE_i64, SCALAR, FLOATS(2));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "index 2 is out of range", HMLC_OP_gather,
               OPERANDS(matrix(test), outside), ATTRS(INT_ATTR(axis, 0)));
}

static void gather_elements_follows_indices(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(1, 3), FLOATS(1, 0, -1));
    hmlc_op *op = ops_build(test, HMLC_OP_gather_elements, OPERANDS(matrix(test), i),
                            ATTRS(INT_ATTR(axis, 0)));
    ops_expect(test, op, 0, SHAPE(1, 3), 0, FLOATS(4, 2, 6));
    hmlc_value *wide = ops_input(test, HMLC_DTYPE_i64, "1, 4");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "dim 1 of the indices: expected at most 3, found 4",
               HMLC_OP_gather_elements, OPERANDS(matrix(test), wide), ATTRS(INT_ATTR(axis, 0)));
}

static void gather_nd_reads_points(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(2, 2), FLOATS(0, 2, -1, 0));
    ops_expect(test, ops_build(test, HMLC_OP_gather_nd, OPERANDS(matrix(test), i), NO_ATTRS), 0,
               SHAPE(2), 0, FLOATS(3, 4));
    i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(2, 1), FLOATS(2, 0));
    hmlc_op *op = ops_build(test, HMLC_OP_gather_nd, OPERANDS(matrix(test), i),
                            ATTRS(INT_ATTR(batch_dims, 1)));
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(3, 4));
    hmlc_value *deep = ops_input(test, HMLC_DTYPE_i64, "4, 3");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "expected at most 2", HMLC_OP_gather_nd,
               OPERANDS(matrix(test), deep), NO_ATTRS);
}

static void scatter_elements_writes_and_reduces(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(1, 2), FLOATS(1, 1));
    hmlc_value *u = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 2), FLOATS(10, 20));
    static const double sums[][6] = {{1, 20, 3, 4, 5, 6},
                                     {1, 32, 3, 4, 5, 6},
                                     {1, 400, 3, 4, 5, 6},
                                     {1, 2, 3, 4, 5, 6},
                                     {1, 20, 3, 4, 5, 6}};
    for (int reduction = HMLC_REDUCTION_NONE; reduction <= HMLC_REDUCTION_MAX; ++reduction) {
        hmlc_op *op = ops_build(test, HMLC_OP_scatter_elements, OPERANDS(matrix(test), i, u),
                                ATTRS(INT_ATTR(axis, 1), INT_ATTR(reduction, reduction)));
        ops_expect(test, op, 0, SHAPE(2, 3), 0, sums[reduction]);
    }
}

static void scatter_nd_writes_rows(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(1, 1), FLOATS(-1));
    hmlc_value *u = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 3), FLOATS(7, 8, 9));
    hmlc_op *op = ops_build(test, HMLC_OP_scatter_nd, OPERANDS(matrix(test), i, u), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 2, 3, 7, 8, 9));
    hmlc_value *narrow = ops_input(test, HMLC_DTYPE_f32, "1, 2");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "dim 1 of operand 2: expected 3, found 2",
               HMLC_OP_scatter_nd, OPERANDS(matrix(test), i, narrow), NO_ATTRS);
}

static void an_index_of_a_run_may_be_out_of_range(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(1, 1), FLOATS(5));
    hmlc_value *u = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 3), FLOATS(7, 8, 9));
    hmlc_op *op = ops_build(test, HMLC_OP_scatter_nd, OPERANDS(matrix(test), i, u), NO_ATTRS);
    hmlc_tensor result;
    assert_int_equal(hmlc_eval_constant_op(op, test->module->arena, SIZE_MAX, &result), HMLC_USAGE);
}

static void one_hot_marks_indices(void **state)
{
    ops_test *test = *state;
    hmlc_value *i = ops_constant(test, HMLC_DTYPE_i64, SHAPE(3), FLOATS(0, -1, 7));
    hmlc_value *v = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(-1, 5));
    hmlc_op *op = ops_build(test, HMLC_OP_one_hot, OPERANDS(i, v),
                            ATTRS(INT_ATTR(axis, 1), DIMS_ATTR(test, depth, "2")));
    ops_expect(test, op, 0, SHAPE(3, 2), 0, FLOATS(5, -1, -1, 5, -1, -1));
    op = ops_build(test, HMLC_OP_one_hot, OPERANDS(i, v),
                   ATTRS(INT_ATTR(axis, 0), DIMS_ATTR(test, depth, "2")));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(5, -1, -1, -1, 5, -1));
}

static void trilu_keeps_a_triangle(void **state)
{
    ops_test *test = *state;
    hmlc_value *k = ops_constant(test, HMLC_DTYPE_i64, SCALAR, FLOATS(1));
    hmlc_op *op = ops_build(test, HMLC_OP_trilu, OPERANDS(matrix(test), k), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(0, 2, 3, 0, 0, 6));
    op = ops_build(test, HMLC_OP_trilu, OPERANDS(matrix(test)), ATTRS(INT_ATTR(upper, 0)));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 0, 0, 4, 5, 0));
}

static void top_k_orders_by_value_then_index(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(5), FLOATS(2, 3, 1, 3, 2));
    hmlc_op *op = ops_build(test, HMLC_OP_top_k, OPERANDS(x),
                            ATTRS(INT_ATTR(axis, 0), DIMS_ATTR(test, count, "3")));
    ops_expect_type(op, 1, "i64[3]");
    ops_expect(test, op, 0, SHAPE(3), 0, FLOATS(3, 3, 2));
    ops_expect(test, op, 1, SHAPE(3), 0, FLOATS(1, 3, 0));
    op = ops_build(test, HMLC_OP_top_k, OPERANDS(x),
                   ATTRS(INT_ATTR(axis, 0), DIMS_ATTR(test, count, "2"), INT_ATTR(largest, 0)));
    ops_expect(test, op, 1, SHAPE(2), 0, FLOATS(2, 0));
    ops_refuse(test, HMLC_ERROR_graph_invalid,
               "elements wanted of the dim: expected at most 5, found 6", HMLC_OP_top_k,
               OPERANDS(x), ATTRS(INT_ATTR(axis, 0), DIMS_ATTR(test, count, "6")));
}

static void cumsum_runs_both_ways(void **state)
{
    ops_test *test = *state;
    hmlc_op *op = ops_build(test, HMLC_OP_cumsum, OPERANDS(matrix(test)), ATTRS(INT_ATTR(axis, 1)));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 3, 6, 4, 9, 15));
    op = ops_build(test, HMLC_OP_cumsum, OPERANDS(matrix(test)),
                   ATTRS(INT_ATTR(axis, 1), INT_ATTR(exclusive, 1), INT_ATTR(reverse, 1)));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(5, 3, 0, 11, 6, 0));
}

static void nonzero_lists_indices(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 2), FLOATS(0, NAN, 1, 0));
    ops_expect(test, ops_build(test, HMLC_OP_nonzero_count, OPERANDS(x), NO_ATTRS), 0, SHAPE(1), 0,
               FLOATS(2));
    hmlc_op *op = ops_build(test, HMLC_OP_nonzero, OPERANDS(x), ATTRS(DIMS_ATTR(test, count, "2")));
    ops_expect(test, op, 0, SHAPE(2, 2), 0, FLOATS(0, 1, 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(gather_takes_rows_and_columns),
        OPS_TEST(gather_elements_follows_indices),
        OPS_TEST(gather_nd_reads_points),
        OPS_TEST(scatter_elements_writes_and_reduces),
        OPS_TEST(scatter_nd_writes_rows),
        OPS_TEST(an_index_of_a_run_may_be_out_of_range),
        OPS_TEST(one_hot_marks_indices),
        OPS_TEST(trilu_keeps_a_triangle),
        OPS_TEST(top_k_orders_by_value_then_index),
        OPS_TEST(cumsum_runs_both_ways),
        OPS_TEST(nonzero_lists_indices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

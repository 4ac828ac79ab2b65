/* SPDX-License-Identifier: Apache-2.0 */
/* Known elements: shape arithmetic folds to dim expressions. Shape functions: the same at run time.
 */
#include "ops_testing.h"

static hmlc_value *shape_of(ops_test *test, const char *dims, const char *count)
{
    return ops_build(test, HMLC_OP_dims_tensor, NO_OPERANDS,
                     ATTRS(DTYPE_ATTR(to, i64), DIMS_ATTR(test, elements, dims),
                           DIMS_ATTR(test, shape, count)))
        ->results[0];
}

static hmlc_value *integers(ops_test *test, const int64_t *dims, int32_t rank, const double *values)
{
    return ops_constant(test, HMLC_DTYPE_i64, dims, rank, values);
}

static hmlc_op *binary(ops_test *test, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b)
{
    return ops_build(test, opcode, OPERANDS(a, b), NO_ATTRS);
}

static void shape_gather_concat_folds(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "batch, seq, 768", "3");
    hmlc_op *taken =
        ops_build(test, HMLC_OP_gather, OPERANDS(shape, integers(test, SHAPE(2), FLOATS(0, -2))),
                  ATTRS(INT_ATTR(axis, 0)));
    ops_expect_known(taken, "batch, seq");
    hmlc_op *joined = ops_build(
        test, HMLC_OP_concat, OPERANDS(taken->results[0], integers(test, SHAPE(2), FLOATS(12, 64))),
        ATTRS(INT_ATTR(axis, 0)));
    ops_expect_known(joined, "batch, seq, 12, 64");
    hmlc_op *target = ops_build(
        test, HMLC_OP_reshape_dims,
        OPERANDS(shape,
                 ops_build(test, HMLC_OP_concat,
                           OPERANDS(taken->results[0], integers(test, SHAPE(2), FLOATS(12, -1))),
                           ATTRS(INT_ATTR(axis, 0)))
                     ->results[0]),
        NO_ATTRS);
    ops_expect_known(target, "batch, seq, 12, 64");
}

static void arithmetic_folds(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "seq", "1");
    hmlc_value *two = integers(test, SHAPE(1), FLOATS(2));
    ops_expect_known(binary(test, HMLC_OP_add, shape, two), "seq + 2");
    ops_expect_known(binary(test, HMLC_OP_mul, shape, two), "2*seq");
    ops_expect_known(binary(test, HMLC_OP_div, shape, two), "floor(seq / 2)");
    ops_expect_known(binary(test, HMLC_OP_mod, shape, two), "seq mod 2");
    ops_expect_known(binary(test, HMLC_OP_sub, shape, shape), "0");
    ops_expect_known(binary(test, HMLC_OP_less, shape, two), "seq < 2");
    ops_expect_known(binary(test, HMLC_OP_equal, shape, shape), "1");
    ops_expect_known(ops_build(test, HMLC_OP_neg, OPERANDS(shape), NO_ATTRS), "-seq");
    ops_expect_known(ops_build(test, HMLC_OP_cast, OPERANDS(shape), ATTRS(DTYPE_ATTR(to, i32))),
                     "seq");
    ops_expect_known(ops_build(test, HMLC_OP_cast, OPERANDS(shape), ATTRS(DTYPE_ATTR(to, i8))),
                     "unknown");
}

static void what_might_differ_at_run_time_is_unknown(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "seq - 4", "1");
    hmlc_value *two = integers(test, SHAPE(1), FLOATS(2));
    hmlc_value *hash = integers(test, SHAPE(1), FLOATS(6364136223846793005.0));
    /* Division truncates, floor does not; a large factor wraps. */
    ops_expect_known(binary(test, HMLC_OP_div, shape, two), "unknown");
    ops_expect_known(binary(test, HMLC_OP_mul, shape, hash), "unknown");
    hmlc_op *narrow = ops_build(test, HMLC_OP_cast, OPERANDS(shape), ATTRS(DTYPE_ATTR(to, u64)));
    ops_expect_known(narrow, "unknown");
    assert_int_equal(hmlc_dims_status(test->module->dims), HMLC_OK);
}

static void select_on_a_known_condition_folds(void **state)
{
    ops_test *test = *state;
    hmlc_value *target = integers(test, SHAPE(2), FLOATS(-1, 8));
    hmlc_value *minus = integers(test, SHAPE(1), FLOATS(-1));
    hmlc_op *is_minus = binary(test, HMLC_OP_equal, target, minus);
    ops_expect_known(is_minus, "1, 0");
    hmlc_op *op = ops_build(
        test, HMLC_OP_select,
        OPERANDS(is_minus->results[0], shape_of(test, "batch, seq", "2"), target), NO_ATTRS);
    ops_expect_known(op, "batch, 8");
}

static void views_move_known_elements(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "a, b, c, d", "4");
    hmlc_op *square =
        ops_build(test, HMLC_OP_reshape, OPERANDS(shape), ATTRS(DIMS_ATTR(test, shape, "2, 2")));
    ops_expect_known(square, "a, b, c, d");
    hmlc_value *x = square->results[0];
    ops_expect_known(
        ops_build(test, HMLC_OP_transpose, OPERANDS(x), ATTRS(INTS_ATTR(permutation, 1, 0))),
        "a, c, b, d");
    ops_expect_known(
        ops_build(test, HMLC_OP_slice, OPERANDS(x),
                  ATTRS(DIMS_ATTR(test, starts, "1, 1"), DIMS_ATTR(test, sizes, "2, 1"),
                        DIMS_ATTR(test, steps, "-1, 1"))),
        "d, b");
    ops_expect_known(
        ops_build(test, HMLC_OP_tile, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "2, 4"))),
        "a, b, a, b, c, d, c, d");
    ops_expect_known(
        ops_build(test, HMLC_OP_expand, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "2, 2, 2"))),
        "a, b, c, d, a, b, c, d");
}

static void reductions_fold(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "batch, 3, h, 4", "4");
    hmlc_op *op = ops_build(test, HMLC_OP_reduce_prod, OPERANDS(shape),
                            ATTRS(INTS_ATTR(axes, 0), INT_ATTR(keep_dims, 0)));
    ops_expect_known(op, "12*batch*h");
    op = ops_build(test, HMLC_OP_reduce_sum, OPERANDS(shape),
                   ATTRS(INTS_ATTR(axes, 0), INT_ATTR(keep_dims, 1)));
    ops_expect_known(op, "batch + h + 7");
}

static void float_constants_fold_to_integers(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(2.5, -1));
    ops_expect_known(ops_build(test, HMLC_OP_cast, OPERANDS(x), ATTRS(DTYPE_ATTR(to, i64))),
                     "2, -1");
}

static void reshape_dims_cancels_common_factors(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "batch, seq, 12, 64", "4");
    hmlc_value *target =
        ops_build(test, HMLC_OP_concat,
                  OPERANDS(shape_of(test, "batch", "1"), integers(test, SHAPE(2), FLOATS(-1, 768))),
                  ATTRS(INT_ATTR(axis, 0)))
            ->results[0];
    hmlc_op *op = ops_build(test, HMLC_OP_reshape_dims, OPERANDS(shape, target), NO_ATTRS);
    ops_expect_known(op, "batch, seq, 768");
    hmlc_value *copies = integers(test, SHAPE(3), FLOATS(0, 0, -1));
    op = ops_build(test, HMLC_OP_reshape_dims, OPERANDS(shape, copies), NO_ATTRS);
    ops_expect_known(op, "batch, seq, 768");
}

static void slice_dims_resolves_symbols(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = shape_of(test, "batch, 10", "2");
    hmlc_value *start = integers(test, SHAPE(1), FLOATS(1));
    hmlc_value *end = integers(test, SHAPE(1), FLOATS(0x1p62));
    hmlc_value *axis = integers(test, SHAPE(1), FLOATS(1));
    hmlc_op *op = ops_build(test, HMLC_OP_slice_dims, OPERANDS(shape, start, end, axis), NO_ATTRS);
    ops_expect_known(op, "0, 1, batch, 9, 1, 1");
    hmlc_value *minus = integers(test, SHAPE(1), FLOATS(-1));
    hmlc_value *first = integers(test, SHAPE(1), FLOATS(-0x1p63));
    hmlc_value *zero = integers(test, SHAPE(1), FLOATS(0));
    op = ops_build(test, HMLC_OP_slice_dims, OPERANDS(shape, minus, first, zero, minus), NO_ATTRS);
    int64_t symbols[] = {5}, value;
    static const int64_t expected[] = {4, 0, 5, 10, -1, 1};
    for (int i = 0; i < 6; ++i) {
        assert_true(hmlc_dim_evaluate(op->results[0]->elements[i], symbols, &value));
        assert_int_equal(value, expected[i]);
    }
}

static void shape_functions_run_on_numbers(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(3), FLOATS(2, 3, 4));
    hmlc_op *op = ops_build(test, HMLC_OP_reshape_dims,
                            OPERANDS(shape, integers(test, SHAPE(2), FLOATS(0, -1))), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(2, 12));
    op = ops_build(test, HMLC_OP_broadcast_dims,
                   OPERANDS(shape, integers(test, SHAPE(2), FLOATS(1, 4))), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(3), 0, FLOATS(2, 3, 4));
    op = ops_build(
        test, HMLC_OP_slice_dims,
        OPERANDS(shape, integers(test, SHAPE(1), FLOATS(-1)), integers(test, SHAPE(1), FLOATS(-10)),
                 integers(test, SHAPE(1), FLOATS(2)), integers(test, SHAPE(1), FLOATS(-2))),
        NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(3, 3), 0, FLOATS(0, 0, 3, 2, 3, 2, 1, 1, -2));
    hmlc_value *half = ops_constant(test, HMLC_DTYPE_f32, SCALAR, FLOATS(0.5));
    hmlc_value *zero = ops_constant(test, HMLC_DTYPE_f32, SCALAR, FLOATS(0));
    hmlc_value *two = ops_constant(test, HMLC_DTYPE_f32, SCALAR, FLOATS(2.1));
    op = ops_build(test, HMLC_OP_range_dims, OPERANDS(zero, two, half), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(1), 0, FLOATS(5));
    ops_expect_known(op, "5");
}

static void shape_functions_refuse_unknown_ranks(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(3), FLOATS(2, 3, 4));
    hmlc_value *target = ops_input(test, HMLC_DTYPE_i64, "n");
    ops_refuse(test, HMLC_ERROR_not_implemented, "decides the rank", HMLC_OP_reshape_dims,
               OPERANDS(shape, target), NO_ATTRS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(shape_gather_concat_folds),
        OPS_TEST(arithmetic_folds),
        OPS_TEST(what_might_differ_at_run_time_is_unknown),
        OPS_TEST(select_on_a_known_condition_folds),
        OPS_TEST(views_move_known_elements),
        OPS_TEST(reductions_fold),
        OPS_TEST(float_constants_fold_to_integers),
        OPS_TEST(reshape_dims_cancels_common_factors),
        OPS_TEST(slice_dims_resolves_symbols),
        OPS_TEST(shape_functions_run_on_numbers),
        OPS_TEST(shape_functions_refuse_unknown_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

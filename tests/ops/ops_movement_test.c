/* SPDX-License-Identifier: Apache-2.0 */
/* Views and movement: reshape, transpose, expand, slice, concat, pad, tile, pack_panels,
 * generators. */
#include "ops_testing.h"

static void reshape_keeps_elements(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    hmlc_op *op =
        ops_build(test, HMLC_OP_reshape, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "3,2")));
    ops_expect(test, op, 0, SHAPE(3, 2), 0, FLOATS(1, 2, 3, 4, 5, 6));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "does not hold the elements", HMLC_OP_reshape,
               OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "4,2")));
}

static void reshape_proves_symbolic_products(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, seq, 12, 64");
    ops_build(test, HMLC_OP_reshape, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "batch, seq, 768")));
    assert_int_equal(ops_equalities(test), 0);
    ops_build(test, HMLC_OP_reshape, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "n, 768")));
    assert_int_equal(ops_equalities(test), 1);
}

static void transpose_permutes(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_u8, SHAPE(2, 3), FLOATS(1, 2, 3, 4, 5, 6));
    hmlc_op *op =
        ops_build(test, HMLC_OP_transpose, OPERANDS(x), ATTRS(INTS_ATTR(permutation, 1, 0)));
    ops_expect_type(op, 0, "u8[3, 2]");
    ops_expect(test, op, 0, SHAPE(3, 2), 0, FLOATS(1, 4, 2, 5, 3, 6));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "permutation", HMLC_OP_transpose, OPERANDS(x),
               ATTRS(INTS_ATTR(permutation, 1, 1)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "has 1 entries; expected 2", HMLC_OP_transpose,
               OPERANDS(x), ATTRS(INTS_ATTR(permutation, 0)));
}

static void expand_repeats(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 1), FLOATS(1, 2));
    hmlc_op *op =
        ops_build(test, HMLC_OP_expand, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "2, 2, 3")));
    ops_expect(test, op, 0, SHAPE(2, 2, 3), 0, FLOATS(1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "does not broadcast", HMLC_OP_expand, OPERANDS(x),
               ATTRS(DIMS_ATTR(test, shape, "3, 3")));
}

static void slice_walks_both_ways(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 4), FLOATS(0, 1, 2, 3, 4, 5, 6, 7));
    hmlc_op *op = ops_build(test, HMLC_OP_slice, OPERANDS(x),
                            ATTRS(DIMS_ATTR(test, starts, "1, 3"), DIMS_ATTR(test, sizes, "2, 2"),
                                  DIMS_ATTR(test, steps, "-1, -2")));
    ops_expect(test, op, 0, SHAPE(2, 2), 0, FLOATS(7, 5, 3, 1));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "leave the operand's 4 elements", HMLC_OP_slice,
               OPERANDS(x),
               ATTRS(DIMS_ATTR(test, starts, "0, 3"), DIMS_ATTR(test, sizes, "2, 2"),
                     DIMS_ATTR(test, steps, "1, 1")));
}

static void empty_slices_are_in_range(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(0, 1, 2));
    hmlc_op *op = ops_build(test, HMLC_OP_slice, OPERANDS(x),
                            ATTRS(DIMS_ATTR(test, starts, "3"), DIMS_ATTR(test, sizes, "0"),
                                  DIMS_ATTR(test, steps, "1")));
    ops_expect(test, op, 0, SHAPE(0), 0, NULL);
}

static void concat_joins(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 1), FLOATS(1, 2));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 2), FLOATS(3, 4, 5, 6));
    hmlc_value *none = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 0), NULL);
    hmlc_op *op = ops_build(test, HMLC_OP_concat, OPERANDS(a, none, b), ATTRS(INT_ATTR(axis, 1)));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 3, 4, 2, 5, 6));
    hmlc_value *past = ops_input(test, HMLC_DTYPE_f32, "batch, past, 8");
    hmlc_value *now = ops_input(test, HMLC_DTYPE_f32, "batch, seq, 8");
    op = ops_build(test, HMLC_OP_concat, OPERANDS(past, now), ATTRS(INT_ATTR(axis, 1)));
    ops_expect_type(op, 0, "f32[batch, past + seq, 8]");
    hmlc_value *c = ops_input(test, HMLC_DTYPE_f32, "3, 2");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "dim 0 of operand 1: expected 2, found 3",
               HMLC_OP_concat, OPERANDS(a, c), ATTRS(INT_ATTR(axis, 1)));
}

static void expect_pad(ops_test *test, int64_t mode, const char *pads, const int64_t *dims,
                       int32_t rank, const double *values)
{
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(4), FLOATS(1, 2, 3, 4));
    hmlc_value *fill = ops_constant(test, HMLC_DTYPE_f32, SCALAR, FLOATS(9));
    hmlc_op *op =
        ops_build(test, HMLC_OP_pad, OPERANDS(x, fill),
                  ATTRS(ops_dims_attr(test, HMLC_ATTR_pads, pads), INT_ATTR(pad_mode, mode)));
    ops_expect(test, op, 0, dims, rank, 0, values);
}

static void pad_has_four_modes(void **state)
{
    expect_pad(*state, HMLC_PAD_CONSTANT, "1, 2", SHAPE(7), FLOATS(9, 1, 2, 3, 4, 9, 9));
    expect_pad(*state, HMLC_PAD_CONSTANT, "-1, -1", SHAPE(2), FLOATS(2, 3));
    expect_pad(*state, HMLC_PAD_EDGE, "1, 2", SHAPE(7), FLOATS(1, 1, 2, 3, 4, 4, 4));
    expect_pad(*state, HMLC_PAD_REFLECT, "2, 2", SHAPE(8), FLOATS(3, 2, 1, 2, 3, 4, 3, 2));
    expect_pad(*state, HMLC_PAD_WRAP, "1, 2", SHAPE(7), FLOATS(4, 1, 2, 3, 4, 1, 2));
    /* Negative padding crops before the rest wraps. */
    expect_pad(*state, HMLC_PAD_WRAP, "1, -1", SHAPE(4), FLOATS(3, 1, 2, 3));
}

static void pad_of_an_empty_dim_needs_a_constant(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(0), NULL);
    hmlc_op *op = ops_build(test, HMLC_OP_pad, OPERANDS(x), ATTRS(DIMS_ATTR(test, pads, "1, 1")));
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(0, 0));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "nothing is left to be padded", HMLC_OP_pad,
               OPERANDS(x),
               ATTRS(DIMS_ATTR(test, pads, "1, 1"), INT_ATTR(pad_mode, HMLC_PAD_EDGE)));
}

static void tile_repeats_whole(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 2), FLOATS(1, 2));
    hmlc_op *op = ops_build(test, HMLC_OP_tile, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "2, 4")));
    ops_expect(test, op, 0, SHAPE(2, 4), 0, FLOATS(1, 2, 1, 2, 1, 2, 1, 2));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "not a multiple", HMLC_OP_tile, OPERANDS(x),
               ATTRS(DIMS_ATTR(test, shape, "2, 3")));
}

static void panels_are_sixteen_wide(void **state)
{
    ops_test *test = *state;
    double values[2 * 17];
    for (int i = 0; i < 34; ++i) {
        values[i] = i;
    }
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 17), values);
    hmlc_op *op = ops_build(test, HMLC_OP_pack_panels, OPERANDS(x), NO_ATTRS);
    ops_expect_type(op, 0, "f32[2, 2, 16]");
    hmlc_tensor packed;
    ops_evaluate(test, op, &packed);
    assert_true(hmlc_tensor_get_double(&packed, 15) == 15);
    assert_true(hmlc_tensor_get_double(&packed, 16) == 17); /* row 1, column 0 */
    assert_true(hmlc_tensor_get_double(&packed, 32) == 16); /* second panel: row 0, column 16 */
    assert_true(hmlc_tensor_get_double(&packed, 33) == 0);  /* filled up */
    assert_true(hmlc_tensor_get_double(&packed, 48) == 33);
}

static void generators_count(void **state)
{
    ops_test *test = *state;
    hmlc_op *op =
        ops_build(test, HMLC_OP_iota, NO_OPERANDS,
                  ATTRS(INT_ATTR(axis, 1), DTYPE_ATTR(to, i32), DIMS_ATTR(test, shape, "2, 3")));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(0, 1, 2, 0, 1, 2));
    ops_expect_known(op, "0, 1, 2, 0, 1, 2");
    hmlc_value *start = ops_constant(test, HMLC_DTYPE_i64, SCALAR, FLOATS(5));
    hmlc_value *limit = ops_constant(test, HMLC_DTYPE_i64, SCALAR, FLOATS(-2));
    hmlc_value *delta = ops_constant(test, HMLC_DTYPE_i64, SCALAR, FLOATS(-3));
    op = ops_build(test, HMLC_OP_range, OPERANDS(start, limit, delta),
                   ATTRS(DIMS_ATTR(test, shape, "3")));
    ops_expect(test, op, 0, SHAPE(3), 0, FLOATS(5, 2, -1));
    ops_expect_known(op, "5, 2, -1");
}

static void scalars_pass_through_every_view(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f64, SCALAR, FLOATS(4));
    hmlc_attr none = hmlc_attr_dims(HMLC_ATTR_shape, NULL, 0);
    ops_expect(test, ops_build(test, HMLC_OP_reshape, OPERANDS(x), &none, 1), 0, SCALAR, 0,
               FLOATS(4));
    ops_expect(test, ops_build(test, HMLC_OP_expand, OPERANDS(x), &none, 1), 0, SCALAR, 0,
               FLOATS(4));
    hmlc_attr order = hmlc_attr_ints(HMLC_ATTR_permutation, NULL, 0);
    ops_expect(test, ops_build(test, HMLC_OP_transpose, OPERANDS(x), &order, 1), 0, SCALAR, 0,
               FLOATS(4));
    ops_expect(test, ops_build(test, HMLC_OP_tile, OPERANDS(x), &none, 1), 0, SCALAR, 0, FLOATS(4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(reshape_keeps_elements),
        OPS_TEST(reshape_proves_symbolic_products),
        OPS_TEST(transpose_permutes),
        OPS_TEST(expand_repeats),
        OPS_TEST(slice_walks_both_ways),
        OPS_TEST(empty_slices_are_in_range),
        OPS_TEST(concat_joins),
        OPS_TEST(pad_has_four_modes),
        OPS_TEST(pad_of_an_empty_dim_needs_a_constant),
        OPS_TEST(tile_repeats_whole),
        OPS_TEST(panels_are_sixteen_wide),
        OPS_TEST(generators_count),
        OPS_TEST(scalars_pass_through_every_view),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* axes_dims: the dims that come of a shape and a list of axes, on numbers and on expressions. */
#include "ops_testing.h"

static hmlc_value *integers(ops_test *test, const int64_t *dims, int32_t rank, const double *values)
{
    return ops_constant(test, HMLC_DTYPE_i64, dims, rank, values);
}

static hmlc_value *symbolic_shape(ops_test *test)
{
    return ops_build(test, HMLC_OP_dims_tensor, NO_OPERANDS,
                     ATTRS(DTYPE_ATTR(to, i64), DIMS_ATTR(test, elements, "batch, 3, seq"),
                           DIMS_ATTR(test, shape, "3")))
        ->results[0];
}

static hmlc_op *along(ops_test *test, hmlc_value *shape, hmlc_value *axes, int64_t mode)
{
    return ops_build(test, HMLC_OP_axes_dims, OPERANDS(shape, axes),
                     ATTRS(INT_ATTR(axes_mode, mode)));
}

static void axes_are_kept_or_dropped(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(3), FLOATS(2, 3, 4));
    hmlc_value *axes = integers(test, SHAPE(2), FLOATS(-1, 0));
    ops_expect(test, along(test, shape, axes, HMLC_AXES_KEEP), 0, SHAPE(3), 0, FLOATS(1, 3, 1));
    ops_expect(test, along(test, shape, axes, HMLC_AXES_DROP), 0, SHAPE(1), 0, FLOATS(3));
    ops_expect_known(along(test, symbolic_shape(test), axes, HMLC_AXES_KEEP), "1, 3, 1");
    hmlc_value *middle = integers(test, SHAPE(1), FLOATS(1));
    ops_expect_known(along(test, symbolic_shape(test), middle, HMLC_AXES_DROP), "batch, seq");
}

static void axes_count_from_the_end_of_what_they_insert_to(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(2), FLOATS(5, 6));
    hmlc_value *axes = integers(test, SHAPE(2), FLOATS(-1, 1));
    ops_expect(test, along(test, shape, axes, HMLC_AXES_INSERT), 0, SHAPE(4), 0,
               FLOATS(5, 1, 6, 1));
    ops_expect_known(along(test, symbolic_shape(test), axes, HMLC_AXES_INSERT),
                     "batch, 1, 3, seq, 1");
}

static void only_dims_of_one_are_squeezed(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(3), FLOATS(1, 3, 1));
    hmlc_value *axes = integers(test, SHAPE(1), FLOATS(-1));
    ops_expect(test, along(test, shape, axes, HMLC_AXES_SQUEEZE), 0, SHAPE(2), 0, FLOATS(1, 3));
    uint32_t before = ops_equalities(test);
    ops_expect_known(along(test, symbolic_shape(test), axes, HMLC_AXES_SQUEEZE), "batch, 3");
    assert_int_equal(ops_equalities(test), before + 1); /* seq = 1, checked at run time */
    hmlc_value *three = integers(test, SHAPE(1), FLOATS(1));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "squeezed dim", HMLC_OP_axes_dims,
               OPERANDS(shape, three), ATTRS(INT_ATTR(axes_mode, HMLC_AXES_SQUEEZE)));
}

static void splits_count_axes_before_as_one(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(4), FLOATS(2, 3, 4, 5));
    hmlc_value *axes = integers(test, SHAPE(2), FLOATS(2, 0));
    ops_expect(test, along(test, shape, axes, HMLC_AXES_SPLIT), 0, SHAPE(2, 3), 0,
               FLOATS(6, 4, 5, 1, 2, 15));
    hmlc_value *two = integers(test, SHAPE(2), FLOATS(0, 2));
    ops_expect_known(along(test, symbolic_shape(test), two, HMLC_AXES_SPLIT),
                     "1, batch, 3*seq, 3, seq, 1");
}

static void axes_must_fit(void **state)
{
    ops_test *test = *state;
    hmlc_value *shape = integers(test, SHAPE(2), FLOATS(2, 3));
    hmlc_value *outside = integers(test, SHAPE(1), FLOATS(2));
    hmlc_value *twice = integers(test, SHAPE(2), FLOATS(0, -2));
    hmlc_value *many = integers(test, SHAPE(3), FLOATS(0, 1, 2));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "axis 2", HMLC_OP_axes_dims,
               OPERANDS(shape, outside), ATTRS(INT_ATTR(axes_mode, HMLC_AXES_KEEP)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "given twice", HMLC_OP_axes_dims,
               OPERANDS(shape, twice), ATTRS(INT_ATTR(axes_mode, HMLC_AXES_SPLIT)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "3 axes", HMLC_OP_axes_dims, OPERANDS(shape, many),
               ATTRS(INT_ATTR(axes_mode, HMLC_AXES_DROP)));
    ops_expect_type(along(test, shape, ops_input(test, HMLC_DTYPE_i64, "2"), HMLC_AXES_DROP), 0,
                    "i64[0]");
    ops_refuse(test, HMLC_ERROR_not_implemented, "decides the rank", HMLC_OP_axes_dims,
               OPERANDS(shape, ops_input(test, HMLC_DTYPE_i64, "n")),
               ATTRS(INT_ATTR(axes_mode, HMLC_AXES_KEEP)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(axes_are_kept_or_dropped),
        OPS_TEST(axes_count_from_the_end_of_what_they_insert_to),
        OPS_TEST(only_dims_of_one_are_squeezed),
        OPS_TEST(splits_count_axes_before_as_one),
        OPS_TEST(axes_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

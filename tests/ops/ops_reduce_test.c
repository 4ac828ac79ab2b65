/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, softmax, normalisations. */
#include "ops_testing.h"

#include <float.h>
#include <math.h>

static hmlc_value *matrix(ops_test *test, hmlc_dtype dtype)
{
    return ops_constant(test, dtype, SHAPE(2, 3), FLOATS(1, 5, 2, 4, 3, 6));
}

static void reductions_over_rows(void **state)
{
    ops_test *test = *state;
    static const struct {
        hmlc_opcode opcode;
        double rows[2];
    } cases[] = {{HMLC_OP_reduce_sum, {8, 13}},
                 {HMLC_OP_reduce_mean, {8.0 / 3, 13.0 / 3}},
                 {HMLC_OP_reduce_max, {5, 6}},
                 {HMLC_OP_reduce_min, {1, 3}},
                 {HMLC_OP_reduce_prod, {10, 72}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        hmlc_op *op = ops_build(test, cases[i].opcode, OPERANDS(matrix(test, HMLC_DTYPE_f32)),
                                ATTRS(INTS_ATTR(axes, 1), INT_ATTR(keep_dims, 1)));
        ops_expect(test, op, 0, SHAPE(2, 1), 1e-6, cases[i].rows);
    }
}

static void all_axes_give_a_scalar(void **state)
{
    ops_test *test = *state;
    hmlc_op *op = ops_build(test, HMLC_OP_reduce_sum, OPERANDS(matrix(test, HMLC_DTYPE_i32)),
                            ATTRS(INTS_ATTR(axes, 0, 1), INT_ATTR(keep_dims, 0)));
    ops_expect_type(op, 0, "i32[]");
    ops_expect(test, op, 0, SCALAR, 0, FLOATS(21));
    op = ops_build(test, HMLC_OP_reduce_mean, OPERANDS(matrix(test, HMLC_DTYPE_i32)),
                   ATTRS(INTS_ATTR(axes, 0, 1), INT_ATTR(keep_dims, 0)));
    ops_expect(test, op, 0, SCALAR, 0, FLOATS(3));
}

static void nothing_reduces_to_the_neutral_element(void **state)
{
    ops_test *test = *state;
    static const struct {
        hmlc_opcode opcode;
        double f32, u8;
    } cases[] = {{HMLC_OP_reduce_sum, 0, 0},
                 {HMLC_OP_reduce_prod, 1, 1},
                 {HMLC_OP_reduce_max, -INFINITY, 0},
                 {HMLC_OP_reduce_min, INFINITY, 255},
                 {HMLC_OP_reduce_mean, NAN, 0}};
    hmlc_value *f = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 0), NULL);
    hmlc_value *u = ops_constant(test, HMLC_DTYPE_u8, SHAPE(1, 0), NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        hmlc_op *op = ops_build(test, cases[i].opcode, OPERANDS(f),
                                ATTRS(INTS_ATTR(axes, 1), INT_ATTR(keep_dims, 0)));
        ops_expect(test, op, 0, SHAPE(1), 0, &cases[i].f32);
        op = ops_build(test, cases[i].opcode, OPERANDS(u),
                       ATTRS(INTS_ATTR(axes, 1), INT_ATTR(keep_dims, 0)));
        ops_expect(test, op, 0, SHAPE(1), 0, &cases[i].u8);
    }
}

static void nan_wins_in_reductions(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(1, NAN, 3));
    ops_expect(test,
               ops_build(test, HMLC_OP_reduce_max, OPERANDS(x),
                         ATTRS(INTS_ATTR(axes, 0), INT_ATTR(keep_dims, 0))),
               0, SCALAR, 0, FLOATS(NAN));
}

static void sums_accumulate_wide(void **state)
{
    ops_test *test = *state;
    /* 1 is lost beside 1e8 in f32. */
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(4), FLOATS(1e8, 1, 1, -1e8));
    ops_expect(test,
               ops_build(test, HMLC_OP_reduce_sum, OPERANDS(x),
                         ATTRS(INTS_ATTR(axes, 0), INT_ATTR(keep_dims, 0))),
               0, SCALAR, 0, FLOATS(2));
}

static void reductions_check_their_axes(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, seq, 8");
    hmlc_op *op = ops_build(test, HMLC_OP_reduce_sum, OPERANDS(x),
                            ATTRS(INTS_ATTR(axes, 1), INT_ATTR(keep_dims, 0)));
    ops_expect_type(op, 0, "f32[batch, 8]");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "axis 3 is out of range", HMLC_OP_reduce_sum,
               OPERANDS(x), ATTRS(INTS_ATTR(axes, 3), INT_ATTR(keep_dims, 0)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "axis 1 is named twice", HMLC_OP_reduce_sum,
               OPERANDS(x), ATTRS(INTS_ATTR(axes, 1, 1), INT_ATTR(keep_dims, 0)));
}

static void arg_max_takes_first_or_last(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_i32, SHAPE(2, 3), FLOATS(7, 1, 7, 2, 2, 0));
    hmlc_op *op = ops_build(test, HMLC_OP_arg_max, OPERANDS(x),
                            ATTRS(INT_ATTR(axis, 1), INT_ATTR(keep_dims, 0)));
    ops_expect_type(op, 0, "i64[2]");
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(0, 0));
    op = ops_build(test, HMLC_OP_arg_max, OPERANDS(x),
                   ATTRS(INT_ATTR(axis, 1), INT_ATTR(keep_dims, 1), INT_ATTR(select_last, 1)));
    ops_expect(test, op, 0, SHAPE(2, 1), 0, FLOATS(2, 1));
    op = ops_build(test, HMLC_OP_arg_min, OPERANDS(x),
                   ATTRS(INT_ATTR(axis, 0), INT_ATTR(keep_dims, 0)));
    ops_expect(test, op, 0, SHAPE(3), 0, FLOATS(1, 0, 1));
    hmlc_value *empty = ops_input(test, HMLC_DTYPE_f32, "2, 0");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "is empty", HMLC_OP_arg_max, OPERANDS(empty),
               ATTRS(INT_ATTR(axis, 1), INT_ATTR(keep_dims, 0)));
}

static void softmax_normalises(void **state)
{
    ops_test *test = *state;
    double e = 2.718281828459045;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 2), FLOATS(1000, 1001, 0, 0));
    hmlc_op *op = ops_build(test, HMLC_OP_softmax, OPERANDS(x), ATTRS(INTS_ATTR(axes, 1)));
    ops_expect(test, op, 0, SHAPE(2, 2), 1e-6, FLOATS(1 / (1 + e), e / (1 + e), 0.5, 0.5));
    op = ops_build(test, HMLC_OP_log_softmax, OPERANDS(x), ATTRS(INTS_ATTR(axes, 1)));
    ops_expect(test, op, 0, SHAPE(2, 2), 1e-6,
               FLOATS(-log(1 + e), 1 - log(1 + e), -log(2), -log(2)));
    hmlc_value *empty = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 0), NULL);
    op = ops_build(test, HMLC_OP_softmax, OPERANDS(empty), ATTRS(INTS_ATTR(axes, 1)));
    ops_expect(test, op, 0, SHAPE(2, 0), 0, NULL);
}

static void layer_norm_centres_and_scales(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 2), FLOATS(1, 3, -2, 2));
    hmlc_value *scale = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(1, 2));
    hmlc_value *bias = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(0, 10));
    hmlc_op *op = ops_build(test, HMLC_OP_layer_norm, OPERANDS(x, scale, bias),
                            ATTRS(INTS_ATTR(axes, 1), FLOAT_ATTR(epsilon, 0)));
    ops_expect(test, op, 0, SHAPE(2, 2), 1e-6, FLOATS(-1, 12, -1, 12));
    op = ops_build(test, HMLC_OP_rms_norm, OPERANDS(x, scale),
                   ATTRS(INTS_ATTR(axes, 1), FLOAT_ATTR(epsilon, 0)));
    ops_expect(test, op, 0, SHAPE(2, 2), 1e-6, FLOATS(1 / sqrt(5), 6 / sqrt(5), -1, 2));
    hmlc_value *wrong = ops_input(test, HMLC_DTYPE_f32, "3");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "does not broadcast", HMLC_OP_layer_norm,
               OPERANDS(x, wrong), ATTRS(INTS_ATTR(axes, 1)));
}

static void batch_norm_in_both_layouts(void **state)
{
    ops_test *test = *state;
    hmlc_value *first = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 2, 2), FLOATS(1, 2, 3, 4));
    hmlc_value *last = ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 2, 2), FLOATS(1, 3, 2, 4));
    hmlc_value *scale = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(1, 2));
    hmlc_value *bias = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(0, 1));
    hmlc_value *mean = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(1, 2));
    hmlc_value *variance = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(4, 1));
    hmlc_op *op = ops_build(test, HMLC_OP_batch_norm, OPERANDS(first, scale, bias, mean, variance),
                            ATTRS(FLOAT_ATTR(epsilon, 0), INT_ATTR(layout, 0)));
    ops_expect(test, op, 0, SHAPE(1, 2, 2), 1e-6, FLOATS(0, 0.5, 3, 5));
    op = ops_build(test, HMLC_OP_batch_norm, OPERANDS(last, scale, bias, mean, variance),
                   ATTRS(FLOAT_ATTR(epsilon, 0), INT_ATTR(layout, 1)));
    ops_expect(test, op, 0, SHAPE(1, 2, 2), 1e-6, FLOATS(0, 3, 0.5, 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(reductions_over_rows),
        OPS_TEST(all_axes_give_a_scalar),
        OPS_TEST(nothing_reduces_to_the_neutral_element),
        OPS_TEST(nan_wins_in_reductions),
        OPS_TEST(sums_accumulate_wide),
        OPS_TEST(reductions_check_their_axes),
        OPS_TEST(arg_max_takes_first_or_last),
        OPS_TEST(softmax_normalises),
        OPS_TEST(layer_norm_centres_and_scales),
        OPS_TEST(batch_norm_in_both_layouts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent ops and their cells. */
#include "ops_testing.h"

#include <math.h>

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* One step of one unit, by hand: gates i o f c. */
static void one_cell_is_the_formula(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(2));
    hmlc_value *w = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 4, 1), FLOATS(0.1, 0.2, 0.3, 0.4));
    hmlc_value *r = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 4, 1), FLOATS(1, 2, 3, 4));
    hmlc_value *b =
        ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 8), FLOATS(1, 1, 1, 1, 0, -1, 0, -1));
    hmlc_value *h0 = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(0.5));
    hmlc_value *c0 = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(-0.25));
    hmlc_value *p = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 3), FLOATS(2, 3, 4));
    hmlc_op *op = ops_build(test, HMLC_OP_lstm, OPERANDS(x, w, r, b, NULL, h0, c0, p),
                            ATTRS(INT_ATTR(direction, HMLC_DIRECTION_FORWARD)));
    double i = logistic(0.2 + 0.5 + 1 + 2 * -0.25), f = logistic(0.6 + 1.5 + 1 + 4 * -0.25);
    double c = f * -0.25 + i * tanh(0.8 + 2 + 1 - 1);
    double o = logistic(0.4 + 1 + 1 - 1 + 3 * c), h = o * tanh(c);
    ops_expect_type(op, 0, "f64[1, 1, 1, 1]");
    ops_expect(test, op, 0, SHAPE(1, 1, 1, 1), 1e-12, &h);
    ops_expect(test, op, 1, SHAPE(1, 1, 1), 1e-12, &h);
    ops_expect(test, op, 2, SHAPE(1, 1, 1), 1e-12, &c);
}

/* One step of a GRU, by hand: gates z r h. The two forms differ in what r scales. */
static void one_gru_is_the_formula(void **state)
{
    ops_test *test = *state;
    for (int64_t after = 0; after < 2; ++after) {
        hmlc_value *x = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(2));
        hmlc_value *w = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 3, 1), FLOATS(0.1, 0.2, 0.3));
        hmlc_value *r = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 3, 1), FLOATS(1, 2, 3));
        hmlc_value *b = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 6), FLOATS(1, 0, 1, 0, -1, -2));
        hmlc_value *h0 = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(0.5));
        hmlc_op *op = ops_build(test, HMLC_OP_gru, OPERANDS(x, w, r, b, NULL, h0),
                                ATTRS(INT_ATTR(direction, HMLC_DIRECTION_FORWARD),
                                      INT_ATTR(linear_before_reset, after)));
        double z = logistic(0.2 + 0.5 + 1), reset = logistic(0.4 + 1 - 1);
        double product = after ? reset * (3 * 0.5 - 2) : 3 * (reset * 0.5) - 2;
        double h = (1 - z) * tanh(0.6 + product + 1) + z * 0.5;
        ops_expect(test, op, 0, SHAPE(1, 1, 1, 1), 1e-12, &h);
        ops_expect(test, op, 1, SHAPE(1, 1, 1), 1e-12, &h);
    }
}

static void one_rnn_is_the_formula(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(2));
    hmlc_value *w = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(0.1));
    hmlc_value *r = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(3));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 2), FLOATS(1, -2));
    hmlc_value *h0 = ops_constant(test, HMLC_DTYPE_f64, SHAPE(1, 1, 1), FLOATS(0.5));
    hmlc_op *op = ops_build(test, HMLC_OP_rnn, OPERANDS(x, w, r, b, NULL, h0),
                            ATTRS(INT_ATTR(direction, HMLC_DIRECTION_REVERSE)));
    double h = tanh(0.2 + 1.5 + 1 - 2);
    ops_expect_type(op, 0, "f64[1, 1, 1, 1]");
    ops_expect(test, op, 0, SHAPE(1, 1, 1, 1), 1e-12, &h);
    ops_expect(test, op, 1, SHAPE(1, 1, 1), 1e-12, &h);
}

enum { STEPS = 4, BATCH = 2, INPUTS = 3, HIDDEN = 2 };

/* Scales a pattern into the range where gates are not saturated. */
static hmlc_value *small_pattern(ops_test *test, const int64_t *dims, int32_t rank, int64_t seed)
{
    hmlc_value *x = ops_pattern(test, HMLC_DTYPE_f64, dims, rank, seed);
    hmlc_value *tenth;
    assert_int_equal(hmlc_build_scalar(&test->builder, HMLC_DTYPE_f64, 0.1, &tenth), HMLC_OK);
    hmlc_tensor scaled;
    hmlc_value *value;
    ops_evaluate(test, ops_build(test, HMLC_OP_mul, OPERANDS(x, tenth), NO_ATTRS), &scaled);
    assert_int_equal(hmlc_build_constant(&test->builder, &scaled, &value), HMLC_OK);
    return value;
}

static void reversed_steps_reverse_the_sequence(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = small_pattern(test, SHAPE(STEPS, BATCH, INPUTS), 1);
    hmlc_value *w = small_pattern(test, SHAPE(1, 4 * HIDDEN, INPUTS), 2);
    hmlc_value *r = small_pattern(test, SHAPE(1, 4 * HIDDEN, HIDDEN), 3);
    hmlc_op *flip =
        ops_build(test, HMLC_OP_slice, OPERANDS(x),
                  ATTRS(DIMS_ATTR(test, starts, "3, 0, 0"), DIMS_ATTR(test, sizes, "4, 2, 3"),
                        DIMS_ATTR(test, steps, "-1, 1, 1")));
    hmlc_tensor flipped, forward[3], reverse[3];
    hmlc_value *back;
    ops_evaluate(test, flip, &flipped);
    assert_int_equal(hmlc_build_constant(&test->builder, &flipped, &back), HMLC_OK);
    ops_evaluate(test,
                 ops_build(test, HMLC_OP_lstm, OPERANDS(back, w, r), ATTRS(INT_ATTR(direction, 0))),
                 forward);
    ops_evaluate(test,
                 ops_build(test, HMLC_OP_lstm, OPERANDS(x, w, r), ATTRS(INT_ATTR(direction, 1))),
                 reverse);
    ops_expect_same(&reverse[1], &forward[1], 1e-12);
    ops_expect_same(&reverse[2], &forward[2], 1e-12);
}

static void short_sequences_stop_early(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = small_pattern(test, SHAPE(STEPS, BATCH, INPUTS), 1);
    hmlc_value *w = small_pattern(test, SHAPE(1, 4 * HIDDEN, INPUTS), 2);
    hmlc_value *r = small_pattern(test, SHAPE(1, 4 * HIDDEN, HIDDEN), 3);
    hmlc_value *lengths = ops_constant(test, HMLC_DTYPE_i32, SHAPE(BATCH), FLOATS(STEPS, 2));
    hmlc_tensor results[3];
    ops_evaluate(test,
                 ops_build(test, HMLC_OP_lstm, OPERANDS(x, w, r, NULL, lengths),
                           ATTRS(INT_ATTR(direction, 0))),
                 results);
    for (int64_t k = 0; k < HIDDEN; ++k) {
        double last = hmlc_tensor_get_double(&results[0], (1 * BATCH + 1) * HIDDEN + k);
        double after = hmlc_tensor_get_double(&results[0], (2 * BATCH + 1) * HIDDEN + k);
        assert_true(last == hmlc_tensor_get_double(&results[1], HIDDEN + k));
        assert_true(after == 0);
    }
}

/* lstm = lstm_cells of x w^T + b. */
static void cells_take_the_input_product(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = small_pattern(test, SHAPE(STEPS, BATCH, INPUTS), 1);
    hmlc_value *w = small_pattern(test, SHAPE(1, 4 * HIDDEN, INPUTS), 2);
    hmlc_value *r = small_pattern(test, SHAPE(1, 4 * HIDDEN, HIDDEN), 3);
    hmlc_value *h0 = small_pattern(test, SHAPE(1, BATCH, HIDDEN), 4);
    hmlc_value *product;
    hmlc_tensor sums, plain[3], cells[3];
    ops_evaluate(test,
                 ops_build(test, HMLC_OP_matmul, OPERANDS(x, w), ATTRS(INT_ATTR(transpose_b, 1))),
                 &sums);
    assert_int_equal(hmlc_build_constant(&test->builder, &sums, &product), HMLC_OK);
    hmlc_attr attrs[] = {INT_ATTR(direction, 0), FLOAT_ATTR(clip, 0.75), INT_ATTR(input_forget, 1)};
    ops_evaluate(test, ops_build(test, HMLC_OP_lstm, OPERANDS(x, w, r, NULL, NULL, h0), attrs, 3),
                 plain);
    ops_evaluate(
        test, ops_build(test, HMLC_OP_lstm_cells, OPERANDS(product, r, NULL, h0), attrs, 3), cells);
    for (int i = 0; i < 3; ++i) {
        ops_expect_same(&cells[i], &plain[i], 1e-12);
    }
}

static void shapes_are_checked(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "steps, batch, 3");
    hmlc_value *w = ops_input(test, HMLC_DTYPE_f32, "2, 20, 3");
    hmlc_value *r = ops_input(test, HMLC_DTYPE_f32, "2, 20, 5");
    hmlc_value *b = ops_input(test, HMLC_DTYPE_f32, "2, 20");
    hmlc_op *op = ops_build(test, HMLC_OP_lstm, OPERANDS(x, w, r),
                            ATTRS(INT_ATTR(direction, HMLC_DIRECTION_BIDIRECTIONAL)));
    ops_expect_type(op, 0, "f32[steps, 2, batch, 5]");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "dim 1 of operand 3: expected 40, found 20",
               HMLC_OP_lstm, OPERANDS(x, w, r, b),
               ATTRS(INT_ATTR(direction, HMLC_DIRECTION_BIDIRECTIONAL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(one_cell_is_the_formula),    OPS_TEST(reversed_steps_reverse_the_sequence),
        OPS_TEST(short_sequences_stop_early), OPS_TEST(cells_take_the_input_product),
        OPS_TEST(shapes_are_checked),         OPS_TEST(one_gru_is_the_formula),
        OPS_TEST(one_rnn_is_the_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

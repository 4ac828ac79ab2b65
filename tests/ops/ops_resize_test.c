/* SPDX-License-Identifier: Apache-2.0 */
/* resize: coordinate modes, nearest modes, weights. */
#include "ops_testing.h"

#include <math.h>

#define RESIZE(test, sizes_text, mode, ...)                                                        \
    ATTRS(DIMS_ATTR(test, sizes, sizes_text), INT_ATTR(resize_mode, mode), __VA_ARGS__)

static hmlc_value *row(ops_test *test)
{
    return ops_constant(test, HMLC_DTYPE_f32, SHAPE(1, 4), FLOATS(0, 10, 20, 30));
}

static void nearest_has_four_modes(void **state)
{
    ops_test *test = *state;
    /* Coordinates of asymmetric 4 -> 8: 0, 0.5, 1, 1.5 ... */
    static const double expected[][8] = {{0, 0, 10, 10, 20, 20, 30, 30},
                                         {0, 10, 10, 20, 20, 30, 30, 30},
                                         {0, 0, 10, 10, 20, 20, 30, 30},
                                         {0, 10, 10, 20, 20, 30, 30, 30}};
    for (int mode = HMLC_NEAREST_ROUND_PREFER_FLOOR; mode <= HMLC_NEAREST_CEIL; ++mode) {
        hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                                RESIZE(test, "1, 8", HMLC_RESIZE_NEAREST,
                                       INT_ATTR(coordinates, HMLC_COORDINATES_ASYMMETRIC),
                                       INT_ATTR(nearest_mode, mode)));
        ops_expect(test, op, 0, SHAPE(1, 8), 0, expected[mode]);
    }
}

static void linear_follows_its_coordinates(void **state)
{
    ops_test *test = *state;
    static const struct {
        int64_t coordinates;
        double values[6];
    } cases[] = {
        {HMLC_COORDINATES_HALF_PIXEL, {0, 5, 35.0 / 3, 55.0 / 3, 25, 30}},
        {HMLC_COORDINATES_ALIGN_CORNERS, {0, 6, 12, 18, 24, 30}},
        {HMLC_COORDINATES_ASYMMETRIC, {0, 20.0 / 3, 40.0 / 3, 20, 80.0 / 3, 30}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        hmlc_op *op = ops_build(
            test, HMLC_OP_resize, OPERANDS(row(test)),
            RESIZE(test, "1, 6", HMLC_RESIZE_LINEAR, INT_ATTR(coordinates, cases[i].coordinates)));
        ops_expect(test, op, 0, SHAPE(1, 6), 1e-6, cases[i].values);
    }
}

static void one_result_element_has_its_own_rules(void **state)
{
    ops_test *test = *state;
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                            RESIZE(test, "1, 1", HMLC_RESIZE_LINEAR,
                                   INT_ATTR(coordinates, HMLC_COORDINATES_PYTORCH_HALF_PIXEL)));
    ops_expect(test, op, 0, SHAPE(1, 1), 0, FLOATS(0));
    op = ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                   RESIZE(test, "1, 1", HMLC_RESIZE_LINEAR,
                          INT_ATTR(coordinates, HMLC_COORDINATES_HALF_PIXEL)));
    ops_expect(test, op, 0, SHAPE(1, 1), 0, FLOATS(15));
}

static void antialias_averages_when_shrinking(void **state)
{
    ops_test *test = *state;
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                            RESIZE(test, "1, 2", HMLC_RESIZE_LINEAR, INT_ATTR(antialias, 1),
                                   INT_ATTR(exclude_outside, 1)));
    /* Triangles of half-width 2 at 0.5 and 2.5: weights 3, 3, 1 over the elements inside. */
    ops_expect(test, op, 0, SHAPE(1, 2), 1e-6, FLOATS(50.0 / 7, 160.0 / 7));
}

static void cubic_reproduces_lines_inside(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f64, SHAPE(8), FLOATS(0, 1, 2, 3, 4, 5, 6, 7));
    hmlc_op *op =
        ops_build(test, HMLC_OP_resize, OPERANDS(x),
                  RESIZE(test, "16", HMLC_RESIZE_CUBIC, FLOAT_ATTR(cubic_coefficient, -0.5)));
    hmlc_tensor y;
    ops_evaluate(test, op, &y);
    for (int64_t i = 4; i < 12; ++i) {
        double expected = ((double)i + 0.5) / 2 - 0.5;
        double difference = hmlc_tensor_get_double(&y, i) - expected;
        assert_true(difference < 1e-9 && difference > -1e-9);
    }
}

static void crop_extrapolates(void **state)
{
    ops_test *test = *state;
    hmlc_op *op =
        ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                  RESIZE(test, "1, 3", HMLC_RESIZE_LINEAR,
                         INT_ATTR(coordinates, HMLC_COORDINATES_TF_CROP_AND_RESIZE),
                         hmlc_attr_floats(HMLC_ATTR_region_of_interest, FLOATS(0, 0, 1, 2), 4),
                         FLOAT_ATTR(extrapolation, -7)));
    ops_expect(test, op, 0, SHAPE(1, 3), 1e-6, FLOATS(0, 30, -7));
}

static void integers_stay_integers(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_u8, SHAPE(2), FLOATS(0, 255));
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(x),
                            RESIZE(test, "4", HMLC_RESIZE_CUBIC, INT_ATTR(antialias, 0)));
    ops_expect_type(op, 0, "u8[4]");
    hmlc_tensor y;
    ops_evaluate(test, op, &y);
    assert_int_equal(hmlc_tensor_get_int(&y, 0), 0); /* cubic undershoots: saturated */
    assert_int_equal(hmlc_tensor_get_int(&y, 3), 255);
}

static void resize_checks_its_lists(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, 3, h, w");
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(x),
                            ATTRS(DIMS_ATTR(test, sizes, "batch, 3, 2*h, 2*w")));
    ops_expect_type(op, 0, "f32[batch, 3, 2*h, 2*w]");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "sizes has 2 entries; expected 4", HMLC_OP_resize,
               OPERANDS(x), ATTRS(DIMS_ATTR(test, sizes, "4, 4")));
}

static void scales_may_be_an_operand(void **state)
{
    ops_test *test = *state;
    hmlc_value *scales = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(1, 1.75));
    hmlc_op *by_operand = ops_build(
        test, HMLC_OP_resize, OPERANDS(row(test), scales),
        RESIZE(test, "1, 7", HMLC_RESIZE_LINEAR, INT_ATTR(nearest_mode, HMLC_NEAREST_FLOOR)));
    hmlc_attr attr = hmlc_attr_floats(HMLC_ATTR_scales, FLOATS(1, 1.75), 2);
    hmlc_op *by_attribute = ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                                      RESIZE(test, "1, 7", HMLC_RESIZE_LINEAR, attr));
    hmlc_tensor left, right;
    ops_evaluate(test, by_operand, &left);
    ops_evaluate(test, by_attribute, &right);
    ops_expect_same(&left, &right, 0);
    ops_refuse(test, HMLC_ERROR_graph_invalid, "both given", HMLC_OP_resize,
               OPERANDS(row(test), scales), RESIZE(test, "1, 7", HMLC_RESIZE_LINEAR, attr));
    hmlc_value *three = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(1, 1, 1));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "resize", HMLC_OP_resize, OPERANDS(row(test), three),
               RESIZE(test, "1, 7", HMLC_RESIZE_LINEAR, INT_ATTR(antialias, 0)));
}

static void a_region_may_be_an_operand(void **state)
{
    ops_test *test = *state;
    hmlc_value *region = ops_constant(test, HMLC_DTYPE_f64, SHAPE(4), FLOATS(0, 0.5, 1, 1));
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(row(test), NULL, region),
                            RESIZE(test, "1, 2", HMLC_RESIZE_LINEAR,
                                   INT_ATTR(coordinates, HMLC_COORDINATES_TF_CROP_AND_RESIZE)));
    ops_expect(test, op, 0, SHAPE(1, 2), 1e-6, FLOATS(15, 30));
}

/* 2 -> 4, as TensorFlow 1 samples: floor((i + 0.5) / 2). */
static void half_pixel_for_nearest_has_no_shift(void **state)
{
    ops_test *test = *state;
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(row(test)),
                            RESIZE(test, "1, 6", HMLC_RESIZE_NEAREST,
                                   INT_ATTR(coordinates, HMLC_COORDINATES_TF_HALF_PIXEL_FOR_NN),
                                   INT_ATTR(nearest_mode, HMLC_NEAREST_FLOOR)));
    ops_expect(test, op, 0, SHAPE(1, 6), 0, FLOATS(0, 10, 10, 20, 30, 30));
}

/* 3 / 0.6f is 5 in floats and less in doubles: ONNX Runtime takes element 5. */
static void nearest_ties_fall_as_floats_do(void **state)
{
    ops_test *test = *state;
    hmlc_value *x =
        ops_constant(test, HMLC_DTYPE_f32, SHAPE(10), FLOATS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
    hmlc_attr scales = hmlc_attr_floats(HMLC_ATTR_scales, FLOATS((double)0.6f), 1);
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(x),
                            RESIZE(test, "6", HMLC_RESIZE_NEAREST,
                                   INT_ATTR(coordinates, HMLC_COORDINATES_ASYMMETRIC),
                                   INT_ATTR(nearest_mode, HMLC_NEAREST_FLOOR), scales));
    ops_expect(test, op, 0, SHAPE(6), 0, FLOATS(0, 1, 3, 5, 6, 8));
}

/* Linear truncates as ONNX Runtime does, a constant stays what it is; cubic rounds to even. */
static void integers_round_by_mode(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_i8, SHAPE(2), FLOATS(-10, 1));
    hmlc_op *op =
        ops_build(test, HMLC_OP_resize, OPERANDS(x), RESIZE(test, "4", HMLC_RESIZE_LINEAR));
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(-10, -7, -1, 1)); /* -7.25, -1.75 */
    op = ops_build(test, HMLC_OP_resize, OPERANDS(x), RESIZE(test, "4", HMLC_RESIZE_CUBIC));
    /* -10.386, -7.836, -1.164, 1.386 with a = -0.75 */
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(-11, -8, -1, 2));
    hmlc_value *fives = ops_constant(test, HMLC_DTYPE_u8, SHAPE(3), FLOATS(5, 5, 5));
    op = ops_build(test, HMLC_OP_resize, OPERANDS(fives), RESIZE(test, "7", HMLC_RESIZE_LINEAR));
    ops_expect(test, op, 0, SHAPE(7), 0, FLOATS(5, 5, 5, 5, 5, 5, 5));
}

/* Where an element stays in its place, its neighbours do not count, whatever they are. */
static void infinity_stays_in_its_place(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(1, INFINITY, 3));
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(x),
                            RESIZE(test, "5", HMLC_RESIZE_LINEAR,
                                   INT_ATTR(coordinates, HMLC_COORDINATES_ALIGN_CORNERS)));
    ops_expect(test, op, 0, SHAPE(5), 0, FLOATS(1, INFINITY, INFINITY, INFINITY, 3));
}

/* 1 / 100: each result element is the mean under a triangle of 200 elements. */
static void antialias_has_no_limit(void **state)
{
    ops_test *test = *state;
    double numbers[400];
    for (int k = 0; k < 400; k++) {
        numbers[k] = k;
    }
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f64, SHAPE(400), numbers);
    hmlc_op *op = ops_build(test, HMLC_OP_resize, OPERANDS(x),
                            RESIZE(test, "4", HMLC_RESIZE_LINEAR, INT_ATTR(antialias, 1)));
    hmlc_tensor y;
    ops_evaluate(test, op, &y);
    assert_float_equal(hmlc_tensor_get_double(&y, 1), 149.5, 1e-9); /* symmetric: the middle */
    assert_float_equal(hmlc_tensor_get_double(&y, 2), 249.5, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(nearest_has_four_modes),
        OPS_TEST(linear_follows_its_coordinates),
        OPS_TEST(one_result_element_has_its_own_rules),
        OPS_TEST(antialias_averages_when_shrinking),
        OPS_TEST(cubic_reproduces_lines_inside),
        OPS_TEST(crop_extrapolates),
        OPS_TEST(integers_stay_integers),
        OPS_TEST(resize_checks_its_lists),
        OPS_TEST(scales_may_be_an_operand),
        OPS_TEST(a_region_may_be_an_operand),
        OPS_TEST(half_pixel_for_nearest_has_no_shift),
        OPS_TEST(nearest_ties_fall_as_floats_do),
        OPS_TEST(integers_round_by_mode),
        OPS_TEST(infinity_stays_in_its_place),
        OPS_TEST(antialias_has_no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

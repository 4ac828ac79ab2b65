/* SPDX-License-Identifier: Apache-2.0 */
/* Winograd's matrices: in f64 the form gives the outputs of the direct one. */
#include "test.h"

#include <math.h>

#include <hmlc/winograd.h>

enum { SIZE = HMLC_WINOGRAD_POINTS, WINDOW = HMLC_WINOGRAD_WINDOW };

/* out[r] = sum of matrix[r][k] * in[k], elements `stride` apart. */
static void apply(const double *matrix, int32_t rows, int32_t columns, const double *in,
                  int32_t in_stride, double *out, int32_t out_stride)
{
    for (int32_t r = 0; r < rows; r++) {
        double sum = 0;
        for (int32_t k = 0; k < columns; k++) {
            sum += matrix[r * SIZE + k] * in[k * in_stride];
        }
        out[r * out_stride] = sum;
    }
}

static void apply_both(const double *matrix, int32_t rows, int32_t columns, const double *in,
                       double *out)
{
    double half[SIZE * SIZE];
    for (int32_t k = 0; k < columns; k++) {
        apply(matrix, rows, columns, in + k, columns, half + k, columns);
    }
    for (int32_t k = 0; k < rows; k++) {
        apply(matrix, rows, columns, half + k * columns, 1, out + k * rows, 1);
    }
}

static void check(int32_t outputs, test_random *random)
{
    hmlc_winograd form;
    hmlc_winograd_create(outputs, &form);
    int32_t points = outputs + WINDOW - 1;
    assert_int_equal(form.outputs, outputs);
    assert_int_equal(form.points, points);
    double image[SIZE * SIZE], window[WINDOW * WINDOW];
    double v[SIZE * SIZE], u[SIZE * SIZE], y[SIZE * SIZE];
    for (int32_t k = 0; k < points * points; k++) {
        image[k] = (double)test_between(random, -1000, 1000) / 1000;
    }
    for (int32_t k = 0; k < WINDOW * WINDOW; k++) {
        window[k] = (double)test_between(random, -1000, 1000) / 1000;
    }
    apply_both(&form.input[0][0], points, points, image, v);
    hmlc_winograd_transform_weights(&form, window, u);
    for (int32_t k = 0; k < points * points; k++) {
        v[k] *= u[k];
    }
    apply_both(&form.output[0][0], outputs, points, v, y);
    for (int32_t k = 0; k < outputs * outputs; k++) {
        double direct = 0;
        for (int32_t t = 0; t < WINDOW * WINDOW; t++) {
            int32_t row = k / outputs + t / WINDOW, column = k % outputs + t % WINDOW;
            direct += image[row * points + column] * window[t];
        }
        assert_true(fabs(y[k] - direct) < 1e-13);
    }
}

static void the_form_is_the_convolution(void **state)
{
    (void)state;
    test_random random = {77};
    for (int k = 0; k < 200; k++) {
        check(2, &random);
        check(4, &random);
    }
}

/* What the emitters take from winograd.h: rows of points p and -p share their halves. */
static void points_come_with_their_negatives(void **state)
{
    (void)state;
    for (int32_t outputs = 2; outputs <= HMLC_WINOGRAD_OUTPUTS; outputs += 2) {
        hmlc_winograd form;
        hmlc_winograd_create(outputs, &form);
        for (int32_t p = 1; p < form.points - 1; p += 2) {
            for (int32_t k = 0; k < form.points; k++) {
                double sign = k % 2 == 0 ? 1 : -1;
                assert_true(form.input[p + 1][k] == sign * form.input[p][k]);
            }
            for (int32_t k = 0; k < outputs; k++) {
                double sign = k % 2 == 0 ? 1 : -1;
                assert_true(form.output[k][p + 1] == sign * form.output[k][p]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_is_the_convolution),
        cmocka_unit_test(points_come_with_their_negatives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

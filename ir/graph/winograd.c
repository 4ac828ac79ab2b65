/* SPDX-License-Identifier: Apache-2.0 */
/* The matrices of Winograd's form: see winograd.h. */
#include <hmlc/winograd.h>

#include <string.h>

static const double points_of_2[] = {0, 1, -1};
static const double points_of_4[] = {0, 0.625, -0.625, 1.5, -1.5};

/* Coefficients of the product of (x - points[k]) over all k but `without`, lowest first. */
static void product_of_others(const double *points, int32_t count, int32_t without,
                              double *coefficients)
{
    int32_t degree = 0;
    coefficients[0] = 1;
    for (int32_t k = 0; k < count; k++) {
        if (k == without) {
            continue;
        }
        coefficients[++degree] = 0;
        for (int32_t j = degree; j > 0; j--) {
            coefficients[j] = coefficients[j - 1] - points[k] * coefficients[j];
        }
        coefficients[0] *= -points[k];
    }
}

static double power(double base, int32_t exponent)
{
    double result = 1;
    for (int32_t k = 0; k < exponent; k++) {
        result *= base;
    }
    return result;
}

void hmlc_winograd_create(int32_t outputs, hmlc_winograd *winograd)
{
    const double *points = outputs == 2 ? points_of_2 : points_of_4;
    int32_t last = outputs + HMLC_WINOGRAD_WINDOW - 2;
    memset(winograd, 0, sizeof *winograd);
    winograd->outputs = outputs;
    winograd->points = last + 1;
    winograd->part_steps = outputs == 2 ? 256 : 32;
    for (int32_t p = 0; p < last; p++) {
        double scale = 1;
        for (int32_t k = 0; k < last; k++) {
            scale *= k == p ? 1 : points[p] - points[k];
        }
        product_of_others(points, last, p, winograd->input[p]);
        for (int32_t k = 0; k < HMLC_WINOGRAD_WINDOW; k++) {
            winograd->weights[p][k] = power(points[p], k) / scale;
        }
        for (int32_t k = 0; k < outputs; k++) {
            winograd->output[k][p] = power(points[p], k);
        }
    }
    product_of_others(points, last, last, winograd->input[last]);
    winograd->weights[last][HMLC_WINOGRAD_WINDOW - 1] = 1;
    winograd->output[outputs - 1][last] = 1;
}

void hmlc_winograd_transform_weights(const hmlc_winograd *winograd, const double *window,
                                     double *transformed)
{
    double rows[HMLC_WINOGRAD_POINTS][HMLC_WINOGRAD_WINDOW] = {{0}};
    int32_t points = winograd->points;
    for (int32_t p = 0; p < points; p++) {
        for (int32_t k = 0; k < HMLC_WINOGRAD_WINDOW; k++) {
            for (int32_t j = 0; j < HMLC_WINOGRAD_WINDOW; j++) {
                rows[p][k] += winograd->weights[p][j] * window[j * HMLC_WINOGRAD_WINDOW + k];
            }
        }
    }
    for (int32_t p = 0; p < points; p++) {
        for (int32_t q = 0; q < points; q++) {
            double sum = 0;
            for (int32_t k = 0; k < HMLC_WINOGRAD_WINDOW; k++) {
                sum += rows[p][k] * winograd->weights[q][k];
            }
            transformed[p * points + q] = sum;
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Both forms of a layer on a few tiles of made-up inputs, in f32, against f64. */
#include "winograd_error.h"

#include <math.h>
#include <string.h>

enum {
    TILES = 12,   /* of the sample */
    CHANNELS = 8, /* output channels of the sample, spread over all */
    SIZE = HMLC_WINOGRAD_POINTS,
    WINDOW = HMLC_WINOGRAD_WINDOW,
};
static const double most_ratio = 2;
static const double most_ratio_of_largest = 3; /* of two samples, which vary more */

typedef struct sample {
    const hmlc_winograd *winograd;
    int64_t inputs;
    float *weights;                /* [3][3][C] of the output channel at hand */
    float *image;                  /* [n][n][C]: what a tile reads */
    float *transformed_image;      /* B^T d B of it, likewise */
    float *transformed;            /* G g G^T of the weights, likewise */
    double squares[2], largest[2]; /* errors: of the direct form, of Winograd's */
} sample;

/* a * b + c with one rounding: the product is exact in f64. */
static float multiply_add(float a, float b, float c)
{
    return (float)((double)a * (double)b + (double)c);
}

/* Numbers of a fixed sequence: like activations, half of them zero, the others up to 1. */
static float next_number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    float number = (float)(*state >> 40) / (float)(1 << 23) - 1;
    return number < 0 ? 0 : number;
}

static void fill_image(sample *s, uint64_t *state)
{
    int64_t n = s->winograd->points;
    for (int64_t k = 0; k < n * n * s->inputs; k++) {
        s->image[k] = next_number(state);
    }
}

/* out = matrix * in, elements of both `stride` apart. */
static void transform(const double *matrix, int32_t rows, int32_t columns, const float *in,
                      int64_t in_stride, float *out, int64_t out_stride)
{
    for (int32_t r = 0; r < rows; r++) {
        float sum = 0;
        for (int32_t c = 0; c < columns; c++) {
            double factor = matrix[r * SIZE + c];
            if (factor != 0) {
                sum = multiply_add((float)factor, in[c * in_stride], sum);
            }
        }
        out[r * out_stride] = sum;
    }
}

/* matrix * in * matrix^T: columns x columns elements to rows x rows. */
static void transform_both(const double *matrix, int32_t rows, int32_t columns, const float *in,
                           int64_t in_stride, float *out, int64_t out_stride)
{
    float half[SIZE * SIZE];
    for (int32_t k = 0; k < columns; k++) {
        transform(matrix, rows, columns, in + k * in_stride, columns * in_stride, half + k,
                  columns);
    }
    for (int32_t k = 0; k < rows; k++) {
        transform(matrix, rows, columns, half + k * columns, 1, out + k * rows * out_stride,
                  out_stride);
    }
}

static void transform_image(sample *s)
{
    const hmlc_winograd *w = s->winograd;
    for (int64_t c = 0; c < s->inputs; c++) {
        transform_both(&w->input[0][0], w->points, w->points, s->image + c, s->inputs,
                       s->transformed_image + c, s->inputs);
    }
}

static void transform_weights(sample *s)
{
    int32_t points = s->winograd->points * s->winograd->points;
    for (int64_t c = 0; c < s->inputs; c++) {
        double window[WINDOW * WINDOW], transformed[SIZE * SIZE];
        for (int32_t k = 0; k < WINDOW * WINDOW; k++) {
            window[k] = (double)s->weights[k * s->inputs + c];
        }
        hmlc_winograd_transform_weights(s->winograd, window, transformed);
        for (int32_t k = 0; k < points; k++) {
            s->transformed[k * s->inputs + c] = (float)transformed[k];
        }
    }
}

/* sum + a[0] * b[0] + .. in this order. */
static float add_products(const float *a, const float *b, int64_t count, float sum)
{
    for (int64_t k = 0; k < count; k++) {
        sum = multiply_add(a[k], b[k], sum);
    }
    return sum;
}

/* In one sum, which is how convolutions are added up elsewhere; our own parts are more exact. */
static float direct_output(const sample *s, int32_t row, int32_t column, double *exact)
{
    float sum = 0;
    *exact = 0;
    for (int32_t k = 0; k < WINDOW * WINDOW; k++) {
        int64_t pixel = (row + k / WINDOW) * s->winograd->points + column + k % WINDOW;
        const float *x = s->image + pixel * s->inputs, *w = s->weights + k * s->inputs;
        sum = add_products(x, w, s->inputs, sum);
        for (int64_t c = 0; c < s->inputs; c++) {
            *exact += (double)x[c] * (double)w[c];
        }
    }
    return sum;
}

static void note_error(sample *s, int form, double error)
{
    s->squares[form] += error * error;
    s->largest[form] = fmax(s->largest[form], fabs(error));
}

static void compare_tile(sample *s)
{
    const hmlc_winograd *w = s->winograd;
    float products[SIZE * SIZE], outputs[SIZE * SIZE];
    for (int32_t k = 0; k < w->points * w->points; k++) {
        const float *x = s->transformed_image + k * s->inputs;
        const float *u = s->transformed + k * s->inputs;
        products[k] = 0;
        for (int64_t c = 0; c < s->inputs; c += w->part_steps) {
            int64_t left = s->inputs - c;
            products[k] +=
                add_products(x + c, u + c, left < w->part_steps ? left : w->part_steps, 0);
        }
    }
    transform_both(&w->output[0][0], w->outputs, w->points, products, 1, outputs, 1);
    for (int32_t k = 0; k < w->outputs * w->outputs; k++) {
        double exact;
        float direct = direct_output(s, k / w->outputs, k % w->outputs, &exact);
        note_error(s, 0, (double)direct - exact);
        note_error(s, 1, (double)outputs[k] - exact);
    }
}

/* NaN and infinite weights are never precise. */
static bool is_within(double error, double bound)
{
    return isfinite(error) && error <= bound;
}

hmlc_status hmlc_winograd_is_precise(hmlc_arena *scratch, const hmlc_winograd *winograd,
                                     const hmlc_tensor *weights, bool *precise)
{
    int64_t inputs = weights->dims[3], outputs = weights->dims[0], elements;
    if (!hmlc_int64_multiply(inputs, winograd->points * winograd->points, &elements)) {
        return HMLC_RESOURCE;
    }
    sample s = {.winograd = winograd, .inputs = inputs};
    s.image = HMLC_NEW_ARRAY(scratch, float, elements);
    s.transformed_image = HMLC_NEW_ARRAY(scratch, float, elements);
    s.transformed = HMLC_NEW_ARRAY(scratch, float, elements);
    s.weights = HMLC_NEW_ARRAY(scratch, float, WINDOW *WINDOW *inputs);
    HMLC_TRY_MEMORY(s.image);
    HMLC_TRY_MEMORY(s.weights);
    HMLC_TRY_MEMORY(s.transformed_image);
    HMLC_TRY_MEMORY(s.transformed);
    uint64_t state = 1;
    for (int32_t tile = 0; tile < TILES; tile++) {
        int64_t channel = outputs * (tile % CHANNELS) / CHANNELS;
        /* A constant may lie at any address. */
        size_t bytes = (size_t)(WINDOW * WINDOW * inputs) * sizeof *s.weights;
        memcpy(s.weights, (const char *)weights->data + (size_t)channel * bytes, bytes);
        fill_image(&s, &state);
        transform_image(&s);
        transform_weights(&s);
        compare_tile(&s);
    }
    *precise = is_within(sqrt(s.squares[1]), most_ratio * sqrt(s.squares[0])) &&
               is_within(s.largest[1], most_ratio_of_largest * s.largest[0]);
    return HMLC_OK;
}

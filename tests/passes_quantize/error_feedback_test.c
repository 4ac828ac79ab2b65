/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounding with error feedback: against integers that another form of the method gave in float64,
 * with pairs that must fit 16 bits, and in a model, whose results must get closer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error_feedback_expected.h"
#include "graph_kit.h"
#include "interpreted_runner.h"
#include "quantize/moments.h"

/* Uniform in [-1, 1). */
static float next_value(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (float)((double)(*state >> 40) / 0x1p23 - 1);
}

static void fill_slice(hmlc_slice *slice)
{
    assert_int_equal(hmlc_slice_create(DEPTH, BLOCK, slice), HMLC_OK);
    slice->least = -8;
    slice->most = 7;
    for (int i = 0; i < (DEPTH + 1) * HMLC_SLICE; i++) {
        slice->scales[i] = 1;
    }
    for (int n = 0; n < OUTPUTS; n++) {
        for (int k = 0; k < DEPTH; k++) {
            slice->weights[k * HMLC_SLICE + n] = weights[k * OUTPUTS + n];
        }
        for (int b = 0; b < DEPTH / BLOCK; b++) {
            slice->scales[b * HMLC_SLICE + n] = steps[b * OUTPUTS + n];
        }
    }
}

static void fill_moments(hmlc_moments *moments)
{
    assert_int_equal(hmlc_moments_create(DEPTH, moments), HMLC_OK);
    hmlc_moments_add(moments, seen, ROWS / 2 + 1); /* in parts that are no multiples of four */
    hmlc_moments_add(moments, seen + (ROWS / 2 + 1) * DEPTH, ROWS - ROWS / 2 - 1);
    assert_int_equal(moments->rows, ROWS);
}

static void integers_are_those_of_the_other_form(void **state)
{
    (void)state;
    hmlc_moments moments;
    hmlc_feedback feedback;
    hmlc_slice slice;
    fill_slice(&slice);
    fill_moments(&moments);
    assert_int_equal(hmlc_feedback_create(&moments, &feedback), HMLC_OK);
    hmlc_feedback_round(&feedback, &slice);
    for (int k = 0; k < DEPTH; k++) {
        for (int n = 0; n < OUTPUTS; n++) {
            assert_int_equal(slice.integers[k * HMLC_SLICE + n], expected[k * OUTPUTS + n]);
        }
    }
    double error = hmlc_slice_error(&slice, &moments);
    assert_true(fabs(error - expected_error) < 1e-12 * expected_error);
    for (int i = 0; i < DEPTH * HMLC_SLICE; i++) {
        double q = nearbyint(slice.weights[i] /
                             slice.scales[i / HMLC_SLICE / BLOCK * HMLC_SLICE + i % HMLC_SLICE]);
        slice.integers[i] = (int8_t)fmin(fmax(q, -8), 7);
    }
    error = hmlc_slice_error(&slice, &moments);
    assert_true(fabs(error - plain_error) < 1e-12 * plain_error);
    hmlc_slice_release(&slice);
    hmlc_feedback_release(&feedback);
    hmlc_moments_release(&moments);
}

/* Rows that hold what is no number are passed over; where nothing is left there is no feedback. */
static void odd_rows_are_passed_over(void **state)
{
    (void)state;
    hmlc_moments all, odd;
    hmlc_feedback feedback;
    float rows[3 * DEPTH] = {0};
    rows[1] = NAN;
    rows[DEPTH + 2] = INFINITY;
    fill_moments(&all);
    fill_moments(&odd);
    hmlc_moments_add(&odd, rows, 2);
    assert_int_equal(odd.rows, ROWS);
    assert_memory_equal(odd.sums, all.sums, sizeof(double) * DEPTH * DEPTH);
    hmlc_moments_release(&odd);
    assert_int_equal(hmlc_moments_create(DEPTH, &odd), HMLC_OK);
    hmlc_moments_add(&odd, rows + 2 * DEPTH, 1);
    assert_int_equal(odd.rows, 1);
    assert_int_equal(hmlc_feedback_create(&odd, &feedback), HMLC_NO);
    hmlc_feedback_release(&feedback);
    hmlc_moments_release(&odd);
    hmlc_moments_release(&all);
}

/* One column that is never used, two that are the same: damping keeps integers near the weights. */
static void columns_that_depend_keep_their_weights(void **state)
{
    (void)state;
    hmlc_moments moments;
    hmlc_feedback feedback;
    hmlc_slice slice;
    float rows[ROWS * DEPTH];
    memcpy(rows, seen, sizeof rows);
    for (int i = 0; i < ROWS; i++) {
        rows[i * DEPTH + 3] = 0;
        rows[i * DEPTH + 8] = rows[i * DEPTH + 7];
    }
    fill_slice(&slice);
    assert_int_equal(hmlc_moments_create(DEPTH, &moments), HMLC_OK);
    hmlc_moments_add(&moments, rows, ROWS);
    assert_int_equal(hmlc_feedback_create(&moments, &feedback), HMLC_OK);
    hmlc_feedback_round(&feedback, &slice);
    for (int n = 0; n < OUTPUTS; n++) {
        double exact = weights[3 * OUTPUTS + n] / steps[n];
        assert_int_equal(slice.integers[3 * HMLC_SLICE + n],
                         (int)nearbyint(fmin(fmax(exact, -8), 7)));
    }
    hmlc_slice_release(&slice);
    hmlc_feedback_release(&feedback);
    hmlc_moments_release(&moments);
}

static bool is_safe(int8_t a, int8_t b)
{
    int positive = (a > 0 ? a : 0) + (b > 0 ? b : 0);
    int negative = (a < 0 ? a : 0) + (b < 0 ? b : 0);
    return positive <= 128 && negative >= -128;
}

/* Large weights with scales that are too small: every pair must fit all the same, by the whole
 * depth and by each tap. */
static void pairs_fit_sixteen_bits(void **state)
{
    (void)state;
    static const int64_t taps[] = {12, 6, 4, 3, 1};
    hmlc_moments moments;
    hmlc_feedback feedback;
    hmlc_slice slice;
    fill_moments(&moments);
    assert_int_equal(hmlc_feedback_create(&moments, &feedback), HMLC_OK);
    for (size_t t = 0; t < sizeof taps / sizeof taps[0]; t++) {
        fill_slice(&slice);
        slice.least = -127;
        slice.most = 127;
        slice.tap = taps[t];
        for (int i = 0; i < DEPTH * HMLC_SLICE; i++) {
            slice.weights[i] *= 20;
        }
        hmlc_feedback_round(&feedback, &slice);
        for (int n = 0; n < OUTPUTS; n++) {
            for (int k = 0; k + 1 < DEPTH; k++) {
                bool pair = k % 2 == 0;
                bool within = k % taps[t] % 2 == 0 && k % taps[t] + 1 < taps[t];
                int8_t a = slice.integers[k * HMLC_SLICE + n];
                int8_t b = slice.integers[(k + 1) * HMLC_SLICE + n];
                assert_true((!pair && !within) || is_safe(a, b));
            }
        }
        hmlc_slice_release(&slice);
    }
    hmlc_feedback_release(&feedback);
    hmlc_moments_release(&moments);
}

/* -- a model ----------------------------------------------------------------------------------- */

enum { SAMPLES = 16, LINES = 24, WIDTH = 64, HIDDEN = 96, LAST = 70 };

typedef struct bench {
    hmlc_arena *arena; /* first: interpreted_runner.h */
    float input[SAMPLES][LINES * WIDTH];
} bench;

static hmlc_status read_sample(void *context, uint32_t index, hmlc_tensor *inputs, uint64_t *hash)
{
    bench *b = context;
    *inputs = (hmlc_tensor){.dtype = HMLC_DTYPE_f32,
                            .rank = 2,
                            .dims = {LINES, WIDTH},
                            .data = b->input[index],
                            .bytes = sizeof b->input[index]};
    *hash = index;
    return HMLC_OK;
}

/* Two products, an activation between them. */
static kit build_model(void)
{
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "lines, 64");
    V y = kit_unary(&k, HMLC_OP_relu, kit_matmul(&k, x, kit_weight(&k, "64, 96"), false));
    y = kit_matmul(&k, y, kit_weight(&k, "70, 96"), true);
    kit_yield(&k, 1, &y);
    assert_false(k.failed);
    return k;
}

/* Inputs of few directions, as those of trained models are. */
static void fill_samples(bench *b)
{
    uint64_t state = 5;
    float base[6][WIDTH];
    for (int i = 0; i < 6 * WIDTH; i++) {
        base[i / WIDTH][i % WIDTH] = next_value(&state) * (float)(i % WIDTH % 7 == 0 ? 6 : 1);
    }
    for (int s = 0; s < SAMPLES; s++) {
        for (int i = 0; i < LINES * WIDTH; i++) {
            b->input[s][i] = 0.1F * next_value(&state);
        }
        for (int i = 0; i < LINES; i++) {
            for (int k = 0; k < 6; k++) {
                float part = next_value(&state);
                for (int j = 0; j < WIDTH; j++) {
                    b->input[s][i * WIDTH + j] += part * base[k][j];
                }
            }
        }
    }
}

/* The model's output on the last sample. */
static hmlc_tensor output_of(bench *b, hmlc_module *module)
{
    hmlc_tensor input, output;
    uint64_t hash;
    assert_int_equal(read_sample(b, SAMPLES - 1, &input, &hash), HMLC_OK);
    assert_int_equal(hmlc_interpret(module, &input, 1, b->arena, &output, 1), HMLC_OK);
    return output;
}

static double error_of(bench *b, hmlc_quantize_bits bits, const hmlc_runner *runner,
                       const hmlc_tensor *wanted, hmlc_weights_result *result)
{
    kit k = build_model();
    hmlc_weights_options options = {.bits = bits, .runner = runner};
    assert_int_equal(hmlc_quantize_weights_alone(k.module, &options, result), HMLC_OK);
    assert_int_equal(result->count, 2);
    hmlc_tensor found = output_of(b, k.module);
    double error = 0;
    for (int i = 0; i < LINES * LAST; i++) {
        double difference = hmlc_tensor_get_double(&found, i) - hmlc_tensor_get_double(wanted, i);
        error += difference * difference;
    }
    hmlc_module_destroy(k.module);
    return error;
}

/* Scales and rounding by samples make the results' error less, on inputs that they did not see
 * too; never more by what they say themselves. */
static void results_get_closer(void **state)
{
    (void)state;
    static const hmlc_quantize_bits all_bits[] = {HMLC_QUANTIZE_4_BITS, HMLC_QUANTIZE_8_BITS};
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->arena = hmlc_arena_create(NULL);
    fill_samples(b);
    hmlc_runner runner = interpreted_runner(b);
    runner.sample = read_sample;
    runner.sample_count = SAMPLES - 1;
    kit k = build_model();
    hmlc_tensor wanted = output_of(b, k.module);
    for (size_t i = 0; i < 2; i++) {
        hmlc_weights_result alone, measured;
        double plain = error_of(b, all_bits[i], NULL, &wanted, &alone);
        double found = error_of(b, all_bits[i], &runner, &wanted, &measured);
        assert_int_equal(alone.measured, 0);
        assert_int_equal(measured.measured, 2);
        assert_true(measured.error < 0.6 * 2);
        assert_true(found < 0.6 * plain);
    }
    hmlc_module_destroy(k.module);
    hmlc_arena_destroy(b->arena);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_those_of_the_other_form),
        cmocka_unit_test(odd_rows_are_passed_over),
        cmocka_unit_test(columns_that_depend_keep_their_weights),
        cmocka_unit_test(pairs_fit_sixteen_bits),
        cmocka_unit_test(results_get_closer),
    };
    return cmocka_run_group_tests_name("error_feedback", tests, NULL, NULL);
}

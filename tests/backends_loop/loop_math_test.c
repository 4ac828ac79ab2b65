/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy of the vector math, through generated code: samples of the whole f32 range (every value
 * whose bits are a multiple of a stride), compared with libm in double. The bounds are the table of
 * backends/llvm/README.md.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

enum { SAMPLES = 1 << 20, STRIDE = 4093 };

static double logistic(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static double softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double silu(double x)
{
    return x * logistic(x);
}

static double mish(double x)
{
    return x * tanh(softplus(x));
}

static double gelu(double x)
{
    return 0.5 * x * erfc(-x * 0.70710678118654752440);
}

static double gelu_tanh(double x)
{
    return x * logistic(2 * 0.79788456080286535588 * (x + 0.044715 * x * x * x));
}

static double elu(double x)
{
    return x < 0 ? expm1(x) : x;
}

static double rsqrt(double x)
{
    return 1 / sqrt(x);
}

static double inverse(double x)
{
    return 1 / x;
}

typedef struct accuracy {
    hmlc_opcode opcode;
    bool tanh_form; /* of gelu */
    double (*reference)(double x);
    double ulp, ulp_without_fma; /* bounds, in units of the result's last place */
    double floor; /* absolute errors below this do not count: flushed tails, cancellation */
    double floor_without_fma; /* 0: the same */
} accuracy;

static const accuracy table[] = {
    {HMLC_OP_exp, false, exp, 1.2, 1.2, 0, 0},
    {HMLC_OP_log, false, log, 1.0, 1.0, 0, 0},
    {HMLC_OP_sin, false, sin, 1.7, 1.7, 0, 0},
    {HMLC_OP_cos, false, cos, 1.7, 1.7, 0, 0},
    {HMLC_OP_tan, false, tan, 4.0, 4.0, 0, 0},
    {HMLC_OP_asin, false, asin, 2.5, 2.5, 0, 0},
    {HMLC_OP_acos, false, acos, 1.5, 1.5, 0, 0},
    {HMLC_OP_atan, false, atan, 2.1, 2.1, 0, 0},
    {HMLC_OP_sinh, false, sinh, 2.5, 2.5, 0, 0},
    {HMLC_OP_cosh, false, cosh, 1.6, 1.6, 0, 0},
    {HMLC_OP_tanh, false, tanh, 2.6, 2.6, 0, 0},
    {HMLC_OP_asinh, false, asinh, 0.6, 0.6, 0, 0},
    {HMLC_OP_acosh, false, acosh, 0.6, 0.6, 0, 0},
    {HMLC_OP_atanh, false, atanh, 0.6, 0.6, 0, 0},
    {HMLC_OP_erf, false, erf, 1.2, 1.4, 0, 0},
    {HMLC_OP_sigmoid, false, logistic, 2.6, 2.6, 0x1p-126, 0},
    {HMLC_OP_softplus, false, softplus, 2.8, 2.8, 0x1p-126, 0},
    {HMLC_OP_silu, false, silu, 2.6, 2.6, 1e-36, 0},
    {HMLC_OP_mish, false, mish, 4.2, 4.2, 1e-36, 0},
    {HMLC_OP_gelu, false, gelu, 4.0, 4.0, 8e-7, 1.2e-6},
    {HMLC_OP_gelu, true, gelu_tanh, 2.0, 2.0, 6e-7, 0},
    {HMLC_OP_elu, false, elu, 1.2, 1.2, 0, 0},
    {HMLC_OP_rsqrt, false, rsqrt, 1.5, 1.5, 0, 0},
    {HMLC_OP_reciprocal, false, inverse, 0.5, 0.5, 0, 0},
    {HMLC_OP_sqrt, false, sqrt, 0.5, 0.5, 0, 0},
};

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double ulp_of(double value)
{
    int exponent;
    frexp(value, &exponent);
    return ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
}

/* In units of the last place of the exact result. */
static double error_of(float found, double exact, double floor)
{
    float rounded = (float)exact;
    if (isnan(found) || isnan(rounded)) {
        return isnan(found) && isnan(rounded) ? 0 : INFINITY;
    }
    if (found == rounded || (isinf(found) && fabs(exact) > 3.40282e38)) {
        return 0;
    }
    if (isinf(found) || isinf(rounded)) {
        double other = isinf(found) ? exact : found;
        return fabs(other) > 3.40282e38 ? 1 : INFINITY;
    }
    double error = fabs((double)found - exact);
    return error <= floor ? 0 : error / ulp_of(exact);
}

static void measure(const accuracy *row, const char *target)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "n");
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_approximate, 1);
    hmlc_value *y = kernel_graph_op(&graph, row->opcode, &x, 1, &attr, row->tanh_form ? 1 : 0);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    harness_kernel *kernel = harness_compile(graph.module, target);
    hmlc_arena *arena = hmlc_arena_create(NULL);
    float *values = hmlc_arena_allocate_array(arena, SAMPLES, sizeof(float));
    for (uint32_t k = 0; k < SAMPLES; k++) {
        values[k] = float_of(k * STRIDE);
    }
    hmlc_tensor input = {HMLC_DTYPE_f32, 1, {SAMPLES}, values, SAMPLES * sizeof(float)}, output;
    assert_int_equal(harness_run(kernel, &input, arena, &output, 1), HML_KERNEL_OK);
    const float *found = output.data;
    double worst = 0, at = 0, floor = row->floor;
    bool fma = kernel->plan.target->has_fma;
    floor = !fma && row->floor_without_fma > 0 ? row->floor_without_fma : floor;
    for (uint32_t k = 0; k < SAMPLES; k++) {
        double error = error_of(found[k], row->reference((double)values[k]), floor);
        if (error > worst) {
            worst = error;
            at = (double)values[k];
        }
    }
    double bound = fma ? row->ulp : row->ulp_without_fma;
    print_message("%-11s %-10s %.2f ulp at %.9g, bound %.2f\n", target,
                  hmlc_op_get_info(row->opcode)->name, worst, at, bound);
    assert_true(worst <= bound);
    harness_free(kernel);
    hmlc_arena_destroy(arena);
    kernel_graph_destroy(&graph);
}

static void bounds_hold(void **state)
{
    (void)state;
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (int t = 0; t < 3; t++) {
        for (size_t k = 0; harness_can_run(targets[t]) && k < sizeof table / sizeof table[0]; k++) {
            measure(&table[k], targets[t]);
        }
    }
}

static const float specials[] = {
    0.0f,   -0.0f,       1.0f,        -1.0f,        0.5f,    -0.5f,    2.0f,      -2.0f,
    3.0f,   -3.0f,       2.5f,        -2.5f,        1e-45f,  -1e-45f,  1e30f,     -1e30f,
    1e-30f, 16777216.0f, 16777217.0f, -16777215.0f, 3.4e38f, INFINITY, -INFINITY, NAN};
enum { SPECIALS = sizeof specials / sizeof specials[0], PAIRS = 100000 };

/* Every pair of special values, then random ones. */
static uint32_t make_pairs(float *a, float *b)
{
    kernel_random random = {7};
    uint32_t count = 0;
    for (uint32_t i = 0; i < SPECIALS; i++) {
        for (uint32_t k = 0; k < SPECIALS; k++) {
            a[count] = specials[i];
            b[count++] = specials[k];
        }
    }
    for (; count < PAIRS; count++) {
        a[count] = float_of((uint32_t)kernel_random_next(&random));
        b[count] = count % 2 == 0 ? float_of((uint32_t)kernel_random_next(&random))
                                  : (float)kernel_random_real(&random, -60, 60);
        a[count] = count % 3 == 0 ? (float)kernel_random_real(&random, 0, 8) : a[count];
    }
    return count;
}

static void measure_pairs(hmlc_opcode opcode, double (*reference)(double, double), double bound,
                          const char *target)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *operands[] = {kernel_graph_input(&graph, HMLC_DTYPE_f32, "n"),
                              kernel_graph_input(&graph, HMLC_DTYPE_f32, "n")};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_fmod, 1);
    hmlc_value *y = kernel_graph_op(&graph, opcode, operands, 2, &attr, opcode == HMLC_OP_mod);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    harness_kernel *kernel = harness_compile(graph.module, target);
    hmlc_arena *arena = hmlc_arena_create(NULL);
    float *a = hmlc_arena_allocate_array(arena, PAIRS, sizeof(float));
    float *b = hmlc_arena_allocate_array(arena, PAIRS, sizeof(float));
    uint32_t count = make_pairs(a, b);
    hmlc_tensor inputs[] = {{HMLC_DTYPE_f32, 1, {PAIRS}, a, PAIRS * sizeof(float)},
                            {HMLC_DTYPE_f32, 1, {PAIRS}, b, PAIRS * sizeof(float)}};
    hmlc_tensor output;
    assert_int_equal(harness_run(kernel, inputs, arena, &output, 1), HML_KERNEL_OK);
    const float *found = output.data;
    for (uint32_t k = 0; k < count; k++) {
        double exact = reference((double)a[k], (double)b[k]);
        double error = error_of(found[k], exact, 0);
        if (!(error <= bound)) {
            fail_msg("%s %s(%.9g, %.9g) is %.9g; expected %.9g", target,
                     hmlc_op_get_info(opcode)->name, (double)a[k], (double)b[k], (double)found[k],
                     exact);
        }
    }
    harness_free(kernel);
    hmlc_arena_destroy(arena);
    kernel_graph_destroy(&graph);
}

/* -- f64 -- */

enum { WIDE = 20000 };

/* Bits at random, and what is near: large quotients, denormals, equal operands. */
static void make_wide(double *a, double *b)
{
    static const double edges[] = {0.0, -0.0, 1.0,      5e-324,    -5e-324, 1e308, 1.5e-310,
                                   3.0, -7.5, INFINITY, -INFINITY, NAN,     700,   -745};
    enum { EDGES = sizeof edges / sizeof edges[0] };
    kernel_random random = {11};
    for (uint32_t k = 0; k < WIDE; k++) {
        uint64_t bits[2] = {kernel_random_next(&random), kernel_random_next(&random)};
        memcpy(&a[k], &bits[0], sizeof a[k]);
        memcpy(&b[k], &bits[1], sizeof b[k]);
        a[k] = k % 3 == 0 ? kernel_random_real(&random, -750, 720) : a[k];
        b[k] = k % 5 == 0 ? kernel_random_real(&random, -5, 5) : b[k];
        a[k] = k < EDGES * EDGES ? edges[k / EDGES] : a[k];
        b[k] = k < EDGES * EDGES ? edges[k % EDGES] : b[k];
    }
}

/* NaN where NaN is expected, else within a few units of the last place. */
static bool wide_is_close(double found, double exact, double relative)
{
    return (isnan(found) && isnan(exact)) || found == exact ||
           fabs(found - exact) <= relative * fabs(exact) + 1e-323;
}

static double exp_first(double x, double y)
{
    (void)y;
    return exp(x);
}

static double log_first(double x, double y)
{
    (void)y;
    return log(x);
}

static void measure_wide(hmlc_opcode opcode, double (*reference)(double, double), double relative,
                         const char *target)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *operands[] = {kernel_graph_input(&graph, HMLC_DTYPE_f64, "n"),
                              kernel_graph_input(&graph, HMLC_DTYPE_f64, "n")};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_fmod, 1);
    bool pair = opcode == HMLC_OP_mod;
    hmlc_value *y = kernel_graph_op(&graph, opcode, operands, pair ? 2 : 1, &attr, pair);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    harness_kernel *kernel = harness_compile(graph.module, target);
    hmlc_arena *arena = graph.module->arena;
    double *a = hmlc_arena_allocate_array(arena, WIDE, sizeof(double));
    double *b = hmlc_arena_allocate_array(arena, WIDE, sizeof(double));
    assert_non_null(a);
    assert_non_null(b);
    make_wide(a, b);
    hmlc_tensor inputs[] = {{HMLC_DTYPE_f64, 1, {WIDE}, a, WIDE * sizeof(double)},
                            {HMLC_DTYPE_f64, 1, {WIDE}, b, WIDE * sizeof(double)}};
    hmlc_tensor output;
    assert_int_equal(harness_run(kernel, inputs, arena, &output, 1), HML_KERNEL_OK);
    const double *found = output.data;
    for (uint32_t k = 0; k < WIDE; k++) {
        double exact = reference(a[k], b[k]);
        if (!wide_is_close(found[k], exact, relative)) {
            fail_msg("%s %s(%.17g, %.17g) is %.17g; expected %.17g", target,
                     hmlc_op_get_info(opcode)->name, a[k], b[k], found[k], exact);
        }
    }
    harness_free(kernel);
    kernel_graph_destroy(&graph);
}

static void f64_functions(void **state)
{
    (void)state;
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (int t = 0; t < 3; t++) {
        if (harness_can_run(targets[t])) {
            measure_wide(HMLC_OP_exp, exp_first, 5e-16, targets[t]);
            measure_wide(HMLC_OP_log, log_first, 1e-15, targets[t]);
            measure_wide(HMLC_OP_mod, fmod, 0, targets[t]);
        }
    }
}

static void pow_and_fmod_follow_ieee(void **state)
{
    (void)state;
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (int t = 0; t < 3; t++) {
        if (harness_can_run(targets[t])) {
            measure_pairs(HMLC_OP_pow, pow, 0.6, targets[t]);
            measure_pairs(HMLC_OP_mod, fmod, 0, targets[t]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_hold),
                                       cmocka_unit_test(pow_and_fmod_follow_ieee),
                                       cmocka_unit_test(f64_functions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of each row in each run: results against the definition in float64, rows that hold what is
 * hard to divide, and that no row depends on another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <hmlc/quantize.h>
#include <math.h>
#include <string.h>

#include "graph_kit.h"

enum { ROWS = 7, DEPTH = 40, OUTPUTS = 9 };

typedef struct bench {
    kit k;
    hmlc_arena *arena;
    hmlc_quantize_plan *plan;
    float weights[DEPTH * OUTPUTS]; /* [depth, outputs] */
} bench;

/* x [rows, 40] times weights, which stand in the model as they are or swapped. */
static void begin(bench *b, bool swapped, const char *shape)
{
    *b = (bench){.k = kit_open(), .arena = hmlc_arena_create(NULL)};
    V x = kit_input(&b->k, "x", HMLC_DTYPE_f32, shape);
    V w = kit_weight(&b->k, swapped ? "9, 40" : "40, 9");
    const hmlc_tensor *tensor = hmlc_value_constant(w);
    for (int k = 0; k < DEPTH; k++) {
        for (int n = 0; n < OUTPUTS; n++) {
            b->weights[k * OUTPUTS + n] =
                (float)hmlc_tensor_get_double(tensor, swapped ? n * DEPTH + k : k * OUTPUTS + n);
        }
    }
    V y = kit_matmul(&b->k, x, w, swapped);
    kit_yield(&b->k, 1, &y);
    assert_false(b->k.failed);
    assert_int_equal(hmlc_quantize_plan_create(b->k.module, &b->plan), HMLC_OK);
    assert_int_equal(hmlc_quantize_decide_dynamic(b->plan), HMLC_OK);
    assert_int_equal(hmlc_quantize_count(b->plan), 1);
    assert_int_equal(hmlc_quantize_apply_dynamic(b->plan, b->k.module), HMLC_OK);
}

static void end(bench *b)
{
    hmlc_quantize_plan_release(b->plan);
    hmlc_module_destroy(b->k.module);
    hmlc_arena_destroy(b->arena);
}

static hmlc_tensor run(bench *b, const float *data, int64_t rows)
{
    size_t bytes = (size_t)rows * DEPTH * sizeof *data;
    hmlc_tensor input = {.dtype = HMLC_DTYPE_f32,
                         .rank = 2,
                         .dims = {rows, DEPTH},
                         .data = hmlc_arena_copy(b->arena, data, bytes),
                         .bytes = bytes},
                output;
    assert_int_equal(hmlc_interpret(b->k.module, &input, 1, b->arena, &output, 1), HMLC_OK);
    return output;
}

/* Each row is of another kind. */
static void fill(float *x)
{
    uint32_t state = 9;
    for (int i = 0; i < ROWS * DEPTH; i++) {
        state = state * 1664525 + 1013904223;
        float value = (float)((double)(state >> 8) / 0x1p23 - 1);
        switch (i / DEPTH) {
        case 1:
            value = fabsf(value) + 3; /* far from 0, which stays in the range */
            break;
        case 2:
            value = -fabsf(value) * 1e30F;
            break;
        case 3:
            value = 0;
            break;
        case 4:
            value *= 1e-30F;
            break;
        case 5:
            value = i % DEPTH == 7 ? 1e4F : value;
            break;
        default:
            break;
        }
        x[i] = value;
    }
}

/* What the definition gives, sums in float64, with the integers that stand in the plan. */
static double defined(const bench *b, const float *row, int n)
{
    const hmlc_quantize_node *node = &b->plan->nodes[0];
    double least = 0, most = 0, sum = 0;
    for (int k = 0; k < DEPTH; k++) {
        least = fmin(least, (double)row[k]);
        most = fmax(most, (double)row[k]);
    }
    float scale = ((float)most - (float)least) / 255.0F;
    scale = most - least == 0 ? 1 : scale;
    double zero = nearbyint((double)((0 - (float)least) / scale));
    for (int k = 0; k < DEPTH; k++) {
        double q = nearbyint((double)(row[k] / scale)) + zero;
        int64_t at = node->weight_axis == 0 ? n * DEPTH + k : k * OUTPUTS + n;
        sum += (fmin(fmax(q, 0), 255) - zero) * node->quantized[at];
    }
    return sum * (double)scale * (double)node->scales[n];
}

static void results_are_those_of_the_definition(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        bench b;
        float x[ROWS * DEPTH];
        begin(&b, swapped != 0, "rows, 40");
        fill(x);
        hmlc_tensor output = run(&b, x, ROWS);
        for (int m = 0; m < ROWS; m++) {
            double size = 0;
            for (int k = 0; k < DEPTH; k++) {
                size += fabs((double)x[m * DEPTH + k]);
            }
            for (int n = 0; n < OUTPUTS; n++) {
                double found = hmlc_tensor_get_double(&output, m * OUTPUTS + n);
                double wanted = defined(&b, x + (ptrdiff_t)m * DEPTH, n);
                assert_true(fabs(found - wanted) <= 0x1p-22 * fabs(wanted));
                double exact = 0; /* and the float product is near */
                for (int k = 0; k < DEPTH; k++) {
                    exact += (double)x[m * DEPTH + k] * (double)b.weights[k * OUTPUTS + n];
                }
                assert_true(fabs(found - exact) <= 0.05 * size);
            }
        }
        end(&b);
    }
}

/* Bit for bit, whatever stands beside it; no rows are no rows. */
static void rows_do_not_depend_on_each_other(void **state)
{
    (void)state;
    bench b;
    float x[ROWS * DEPTH];
    begin(&b, false, "rows, 40");
    fill(x);
    hmlc_tensor all = run(&b, x, ROWS);
    for (int m = 0; m < ROWS; m++) {
        hmlc_tensor one = run(&b, x + (ptrdiff_t)m * DEPTH, 1);
        assert_memory_equal(one.data, (const float *)all.data + (ptrdiff_t)m * OUTPUTS,
                            OUTPUTS * sizeof(float));
    }
    assert_int_equal(run(&b, x, 0).dims[0], 0);
    end(&b);
}

/* Integers in a product, none elsewhere: convolutions stay float, and say why. */
static void only_products_of_rows(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "1, 2, 8, 8");
    V y = kit_conv(&k, x, kit_weight(&k, "4, 2, 3, 3"), NULL, 1, 1, 1);
    y = kit_matmul(&k, y, kit_weight(&k, "8, 5"), false);
    kit_yield(&k, 1, &y);
    hmlc_quantize_plan *plan;
    assert_false(k.failed);
    assert_int_equal(hmlc_quantize_plan_create(k.module, &plan), HMLC_OK);
    assert_int_equal(hmlc_quantize_decide_dynamic(plan), HMLC_OK);
    assert_int_equal(hmlc_quantize_count(plan), 1);
    assert_int_equal(plan->nodes[0].reason, HMLC_QUANTIZE_rows);
    assert_int_equal(hmlc_quantize_apply_dynamic(plan, k.module), HMLC_OK);
    uint32_t integers = 0;
    HMLC_FOR_EACH_OP(op, k.module->main)
    {
        integers += op->opcode == HMLC_OP_matmul_integer ? 1 : 0;
        assert_int_not_equal(op->opcode, HMLC_OP_matmul);
    }
    assert_int_equal(integers, 1);
    hmlc_quantize_plan_release(plan);
    hmlc_module_destroy(k.module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(results_are_those_of_the_definition),
                                       cmocka_unit_test(rows_do_not_depend_on_each_other),
                                       cmocka_unit_test(only_products_of_rows)};
    return cmocka_run_group_tests_name("dynamic", tests, NULL, NULL);
}

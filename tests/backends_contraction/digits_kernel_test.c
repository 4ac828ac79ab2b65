/* SPDX-License-Identifier: Apache-2.0 */
/* One row by weights of four bits, in integers: against sums in f64. */
#include "contraction_cases.h"

#include <math.h>

#include <hmlc/eval.h>

enum { COLUMNS = 40, MOST_DEPTH = 256, SHORT = 128 };

typedef struct digit_product {
    int depth, block;
    bool zeros;
    hmlc_dtype dtype;
    hmlc_value *result;
    hmlc_tensor weights, scales, zero;
} digit_product;

static void matrix(contraction_case *test, hmlc_tensor *tensor, hmlc_dtype dtype, int rows,
                   double least, double most)
{
    int64_t dims[] = {rows, COLUMNS};
    *tensor =
        kernel_random_tensor(&test->random, test->graph.module->arena, dtype, 2, dims, least, most);
}

static void begin(contraction_case *test, digit_product *of, const char *rows)
{
    *test = case_begin((uint64_t)of->depth * 31 + (uint64_t)of->block);
    int blocks = of->depth / of->block;
    bool is_signed = of->dtype == HMLC_DTYPE_i8;
    double least = is_signed ? -8 : 0, most = is_signed ? 7 : 15;
    matrix(test, &of->weights, of->dtype, of->depth, least, most);
    matrix(test, &of->scales, HMLC_DTYPE_f32, blocks, 0.5, 1);
    matrix(test, &of->zero, of->dtype, blocks, least, most);
    for (int column = 0; column < COLUMNS; column += 2) { /* 0 for the row's third element */
        int64_t zero = of->zeros ? hmlc_tensor_get_int(&of->zero, column) : 0;
        ((int8_t *)hmlc_eval_data(&of->weights))[3 * COLUMNS + column] = (int8_t)zero;
    }
    char dims[64], sizes[64];
    snprintf(dims, sizeof dims, "%s %d", rows, of->depth);
    snprintf(sizes, sizeof sizes, "1 %d", of->depth);
    hmlc_value *parts[] = {kernel_graph_outer_constant(&test->graph, &of->weights),
                           kernel_graph_outer_constant(&test->graph, &of->scales),
                           of->zeros ? kernel_graph_outer_constant(&test->graph, &of->zero) : NULL};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, 0),
                         hmlc_attr_int(HMLC_ATTR_block, of->block),
                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)};
    hmlc_value *operands[] = {
        case_input(test, HMLC_DTYPE_f32, dims, sizes),
        kernel_graph_op(&test->graph, HMLC_OP_dequantize, parts, of->zeros ? 3 : 2, attrs, 3)};
    hmlc_attr plain = hmlc_attr_int(HMLC_ATTR_transpose_b, 0);
    of->result = kernel_graph_op(&test->graph, HMLC_OP_matmul, operands, 2, &plain, 1);
    kernel_graph_finish(&test->graph, HMLC_FORM_CONTRACTION, &of->result, 1);
}

/* A column's sum, and the sum of the sizes of what is added up. */
static double sum_in_f64(const digit_product *of, const float *row, int column, double *sizes)
{
    double sum = 0;
    *sizes = 0;
    for (int k = 0; k < of->depth; k++) {
        int place = k * COLUMNS + column, scale = k / of->block * COLUMNS + column;
        double weight = (double)hmlc_tensor_get_int(&of->weights, place);
        weight -= of->zeros ? (double)hmlc_tensor_get_int(&of->zero, scale) : 0;
        double term = row[k] * weight * hmlc_tensor_get_double(&of->scales, scale);
        sum += term;
        *sizes += fabs(term);
    }
    return sum;
}

static bool is_near(double found, double expected, double sizes)
{
    if (isnan(expected) || isinf(expected)) {
        return isnan(expected) ? isnan(found) : found == expected;
    }
    return fabs(found - expected) <= 4e-7 * sizes + 1e-37;
}

/* `row` is what the model is given, of->depth elements. */
static void check_row(digit_product *of, const float *row, const char *rows)
{
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v3-vnni", "x86-64-v4",
                                          "x86-64-v4-vnni"};
    contraction_case test;
    begin(&test, of, rows);
    memcpy(hmlc_eval_data(&test.inputs[0]), row, (size_t)of->depth * sizeof *row);
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        if (!harness_can_run(targets[t])) {
            continue;
        }
        harness_kernel *kernel = harness_compile(test.graph.module, targets[t]);
        hmlc_tensor found;
        assert_int_equal(
            harness_run(kernel, test.inputs, test.graph.module->arena, &found, t % 2 == 0 ? 1 : 3),
            HML_KERNEL_OK);
        for (int column = 0; column < COLUMNS; column++) {
            double sizes, expected = sum_in_f64(of, row, column, &sizes);
            double value = hmlc_tensor_get_double(&found, column);
            if (!is_near(value, expected, sizes)) {
                fail_msg("%s, depth %d, block %d, column %d: %.9g; expected %.9g of %.3g",
                         targets[t], of->depth, of->block, column, value, expected, sizes);
            }
        }
        harness_free(kernel);
    }
    kernel_graph_destroy(&test.graph);
}

/* Numbers between -1 and 1, none of which is near 0. */
static void fill_row(float *row, int depth)
{
    uint32_t state = 12345;
    for (int k = 0; k < depth; k++) {
        state = state * 1664525 + 1013904223;
        float size = 0.25F + 0.75F * (float)(state >> 9) / (float)(1 << 23);
        row[k] = state % 512 < 256 ? size : -size;
    }
}

static void check_kinds(const char *rows, const float *row, int depth)
{
    static const int blocks[] = {8, 16, 32, 64};
    for (size_t k = 0; k < sizeof blocks / sizeof blocks[0]; k++) {
        bool zeros = k % 2 == 1;
        if (depth > SHORT && blocks[k] != 32) {
            continue;
        }
        digit_product is_signed = {
            .depth = depth, .block = blocks[k], .zeros = zeros, .dtype = HMLC_DTYPE_i8};
        digit_product none = {
            .depth = depth, .block = blocks[k], .zeros = !zeros, .dtype = HMLC_DTYPE_u8};
        check_row(&is_signed, row, rows);
        check_row(&none, row, rows);
    }
}

static void even_rows(void **state)
{
    (void)state;
    float row[MOST_DEPTH];
    fill_row(row, MOST_DEPTH);
    check_kinds("1", row, SHORT);
    check_kinds("m", row, MOST_DEPTH);
    for (int k = 0; k < MOST_DEPTH; k++) { /* the largest digits, the largest sums */
        row[k] = k % 64 < 32 ? 0.9921F : -1.0F;
    }
    check_kinds("1", row, MOST_DEPTH);
}

/* One element is far larger than all others, where half of the columns have the weight 0. */
static void outliers(void **state)
{
    (void)state;
    static const float large[] = {1e3F, 1e6F, 1e20F, 1e-3F};
    float row[MOST_DEPTH];
    for (size_t k = 0; k < sizeof large / sizeof large[0]; k++) {
        fill_row(row, MOST_DEPTH);
        row[3] = large[k];
        check_kinds("1", row, MOST_DEPTH);
    }
}

static void ends_of_the_range(void **state)
{
    (void)state;
    static const float factors[] = {0.0F, 1e-44F, 1e-36F, 1e-30F, 1e30F, 1e35F};
    float row[MOST_DEPTH];
    for (size_t k = 0; k < sizeof factors / sizeof factors[0]; k++) {
        fill_row(row, MOST_DEPTH);
        for (int i = 0; i < MOST_DEPTH; i++) {
            row[i] = i % 64 < 48 ? row[i] * factors[k] : 0;
        }
        check_kinds("1", row, MOST_DEPTH);
    }
    float special[] = {INFINITY, -INFINITY, NAN};
    for (size_t k = 0; k < sizeof special / sizeof special[0]; k++) {
        fill_row(row, MOST_DEPTH);
        row[3] = special[k];
        check_kinds("1", row, 64);
    }
}

static int count_of(const char *text, const char *word)
{
    int count = 0;
    for (text = strstr(text, word); text != NULL; text = strstr(text + 1, word)) {
        count += 1;
    }
    return count;
}

/* Three digits of eight groups: 24 products for each vector of a panel of 16 columns. */
static void instructions(void **state)
{
    (void)state;
    static const struct {
        const char *target, *word;
        int vectors;
    } rows[] = {{"x86-64-v2", "pmaddubsw", 4},
                {"x86-64-v3", "vpmaddubsw", 2},
                {"x86-64-v3-vnni", "vpdpbusd", 2},
                {"x86-64-v4", "vpmaddubsw", 1},
                {"x86-64-v4-vnni", "vpdpbusd", 1}};
    for (size_t t = 0; t < sizeof rows / sizeof rows[0]; t++) {
        contraction_case test;
        digit_product of = {.depth = 128, .block = 32, .dtype = HMLC_DTYPE_i8};
        begin(&test, &of, "1");
        char *text = harness_assembly(test.graph.module, rows[t].target);
        int found = count_of(text, rows[t].word), least = 24 * rows[t].vectors;
        if (found % 24 != 0 || found < least || found > 3 * least) { /* other tiles at the end */
            fail_msg("%s has %d of %s; expected a multiple of 24 from %d on", rows[t].target, found,
                     rows[t].word, least);
        }
        free(text);
        kernel_graph_destroy(&test.graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(even_rows), cmocka_unit_test(outliers),
                                       cmocka_unit_test(ends_of_the_range),
                                       cmocka_unit_test(instructions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

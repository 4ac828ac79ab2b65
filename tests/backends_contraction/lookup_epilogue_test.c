/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of 256 bytes behind products: tiles of all heights and widths, against sums made here. */
#include "contraction_cases.h"

#include <math.h>

#include <hmlc/eval.h>

enum { DEPTH = 12, ZERO = 3 };

static const double step = 1.0 / 512;

typedef struct looked_up {
    int rows, columns;
    bool any_rows, float_products;
    hmlc_dtype to;
} looked_up;

static hmlc_value *table_of(contraction_case *test, hmlc_value *x, hmlc_tensor *table)
{
    int64_t all[] = {256};
    *table = kernel_random_tensor(&test->random, test->graph.module->arena, x->type->dtype, 1, all,
                                  x->type->dtype == HMLC_DTYPE_i8 ? -128 : 0, 127);
    hmlc_attr attr = hmlc_attr_tensor(HMLC_ATTR_table, table);
    return kernel_graph_op(&test->graph, HMLC_OP_lookup, &x, 1, &attr, 1);
}

static int64_t sum_of(const hmlc_tensor *a, const hmlc_tensor *b, int row, int column, int columns)
{
    int64_t sum = 0;
    for (int k = 0; k < DEPTH; k++) {
        sum += hmlc_tensor_get_int(a, (int64_t)row * DEPTH + k) *
               hmlc_tensor_get_int(b, (int64_t)k * columns + column);
    }
    return sum;
}

/* What the table is asked for: the sum in steps, to the nearest, ties to even. */
static int64_t index_of(int64_t sum, hmlc_dtype to)
{
    double least = to == HMLC_DTYPE_i8 ? -128 : 0, most = to == HMLC_DTYPE_i8 ? 127 : 255;
    double value = nearbyint((double)sum * step) + (double)ZERO;
    return (int64_t)(value < least ? least : value > most ? most : value);
}

static void check_results(contraction_case *test, const looked_up *of, const hmlc_tensor *b,
                          const hmlc_tensor *table)
{
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v3-vnni", "x86-64-v4",
                                          "x86-64-v4-vnni"};
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        if (!harness_can_run(targets[t])) {
            continue;
        }
        harness_kernel *kernel = harness_compile(test->graph.module, targets[t]);
        hmlc_tensor found;
        assert_int_equal(harness_run(kernel, test->inputs, test->graph.module->arena, &found, 1),
                         HML_KERNEL_OK);
        for (int k = 0; k < of->rows * of->columns; k++) {
            int64_t sum =
                sum_of(&test->inputs[0], b, k / of->columns, k % of->columns, of->columns);
            int64_t expected = hmlc_tensor_get_int(table, index_of(sum, of->to) & 255);
            if (hmlc_tensor_get_int(&found, k) != expected) {
                fail_msg("%s, %d x %d, element %d: %d; expected %d", targets[t], of->rows,
                         of->columns, k, (int)hmlc_tensor_get_int(&found, k), (int)expected);
            }
        }
        harness_free(kernel);
    }
}

/* quantize(sums * step) as a table's index; of bytes that are multiplied as such, or as floats. */
static hmlc_value *quantized(contraction_case *test, const looked_up *of, hmlc_value *sums)
{
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    if (!of->float_products) {
        sums = kernel_graph_op(&test->graph, HMLC_OP_cast, &sums, 1, &to, 1);
    }
    sums = kernel_graph_binary(&test->graph, HMLC_OP_mul, sums,
                               kernel_graph_scalar(&test->graph, HMLC_DTYPE_f32, step));
    hmlc_value *parts[] = {sums, kernel_graph_scalar(&test->graph, HMLC_DTYPE_f32, 1),
                           kernel_graph_scalar(&test->graph, of->to, ZERO)};
    to = hmlc_attr_dtype(HMLC_ATTR_to, of->to);
    return kernel_graph_op(&test->graph, HMLC_OP_quantize, parts, 3, &to, 1);
}

static void check_table(const looked_up *of)
{
    contraction_case test = case_begin((uint64_t)of->rows * 97 + (uint64_t)of->columns);
    char left[32], right[32], sizes[32];
    snprintf(sizes, sizeof sizes, "%d %d", of->rows, DEPTH);
    snprintf(left, sizeof left, "m %d", DEPTH);
    snprintf(right, sizeof right, "%d %d", DEPTH, of->columns);
    hmlc_dtype dtype = of->float_products ? HMLC_DTYPE_f32 : HMLC_DTYPE_u8;
    hmlc_tensor b = case_tensor(&test, of->float_products ? HMLC_DTYPE_f32 : HMLC_DTYPE_i8, right),
                table;
    hmlc_value *operands[] = {case_input(&test, dtype, of->any_rows ? left : sizes, sizes), NULL};
    for (int k = 0; k < of->rows * DEPTH; k++) {
        hmlc_element_set_int(dtype, hmlc_eval_data(&test.inputs[0]), k, k * 37 % 256);
    }
    for (int k = 0; k < DEPTH * of->columns; k++) {
        hmlc_element_set_int(b.dtype, hmlc_eval_data(&b), k, k * 29 % 255 - 127);
    }
    operands[1] = kernel_graph_outer_constant(&test.graph, &b);
    hmlc_attr accumulator = hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, &accumulator,
                                        of->float_products ? 0 : 1);
    value = table_of(&test, quantized(&test, of, value), &table);
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    harness_verify_targets(test.graph.module, test.inputs, (harness_tolerance){0, 0});
    check_results(&test, of, &b, &table);
    kernel_graph_destroy(&test.graph);
}

static void all_tiles(void **state)
{
    (void)state;
    static const int rows[] = {1, 2, 3, 4, 5, 6, 7, 9, 12, 14, 29};
    static const int columns[] = {1, 5, 8, 16, 17, 24, 33, 40, 48, 100, 7};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        looked_up of = {.rows = rows[k],
                        .columns = columns[k],
                        .to = k % 2 == 0 ? HMLC_DTYPE_u8 : HMLC_DTYPE_i8};
        check_table(&of);
        of.columns = columns[(k + 5) % 11];
        of.float_products = true;
        check_table(&of);
    }
}

static void rows_of_a_run(void **state)
{
    (void)state;
    for (int rows = 1; rows < 30; rows += 7) {
        looked_up of = {.rows = rows,
                        .columns = 24 + rows,
                        .any_rows = true,
                        .float_products = rows % 2 == 0,
                        .to = HMLC_DTYPE_u8};
        check_table(&of);
    }
}

/* Where tiles hold enough bytes, the target's instruction for tables reads them behind products. */
static void instructions(void **state)
{
    (void)state;
    static const char *const words[][2] = {
        {"x86-64-v3", "vpshufb"},  {"x86-64-v3-vnni", "vpshufb"},
        {"x86-64-v4", "vpermi2w"}, {"x86-64-v4-vnni", "vpermi2w"},
        {"aarch64", "tbl"},        {"aarch64-dot", "tbl"}};
    for (size_t t = 0; t < sizeof words / sizeof words[0]; t++) {
        contraction_case test = case_begin(t);
        looked_up of = {.rows = 30, .columns = 48, .float_products = true, .to = HMLC_DTYPE_u8};
        hmlc_tensor table;
        hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "30 12", NULL),
                                  case_constant(&test, HMLC_DTYPE_f32, "12 48")};
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
        value = table_of(&test, quantized(&test, &of, value), &table);
        kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
        char *text = harness_assembly(test.graph.module, words[t][0]);
        if (strstr(text, words[t][1]) == NULL) {
            fail_msg("%s has no %s", words[t][0], words[t][1]);
        }
        free(text);
        kernel_graph_destroy(&test.graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_tiles), cmocka_unit_test(instructions),
                                       cmocka_unit_test(rows_of_a_run)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

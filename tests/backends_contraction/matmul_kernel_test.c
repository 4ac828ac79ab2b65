/* SPDX-License-Identifier: Apache-2.0 */
/* Matmul with a constant right-hand side. */
#include "contraction_cases.h"

/* [m, k] x [k, n] + bias, then relu or gelu. */
static void check_product(int m, int k, int n, hmlc_opcode activation)
{
    contraction_case test = case_begin((uint64_t)m * 1000003 + (uint64_t)k * 1009 + (uint64_t)n);
    char left[64], right[64], bias[64];
    snprintf(left, sizeof left, "%d %d", m, k);
    snprintf(right, sizeof right, "%d %d", k, n);
    snprintf(bias, sizeof bias, "%d", n);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, NULL),
                              case_constant(&test, HMLC_DTYPE_f32, right)};
    hmlc_value *added = case_constant(&test, HMLC_DTYPE_f32, bias);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    value = kernel_graph_binary(&test.graph, HMLC_OP_add, value, added);
    value = kernel_graph_unary(&test.graph, activation, value);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void products_of_many_shapes(void **state)
{
    (void)state;
    static const int rows[] = {1, 2, 3, 4, 6, 7, 13, 14, 15, 29, 49};
    static const int columns[] = {1, 5, 8, 16, 24, 40, 85};
    for (size_t a = 0; a < sizeof rows / sizeof rows[0]; a++) {
        for (size_t b = 0; b < sizeof columns / sizeof columns[0]; b++) {
            hmlc_opcode activation = (a + b) % 3 == 0 ? HMLC_OP_gelu : HMLC_OP_relu;
            check_product(rows[a], (int)(a * 7 + b * 5) % 37 + 1, columns[b], activation);
        }
    }
    check_product(3, 64, 1000, HMLC_OP_relu);
    check_product(1, 300, 1000, HMLC_OP_gelu);
    check_product(130, 70, 200, HMLC_OP_relu);
}

static void long_rows_meet_in_one_cache_set(void **state)
{
    (void)state;
    check_product(30, 1024, 70, HMLC_OP_relu);
}

/* One register over all 4000 products is off by more than 7e-5, parts of it by less than 3e-5. */
static void long_sums_are_added_in_parts(void **state)
{
    (void)state;
    contraction_case test = case_begin(7);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "30 4000", NULL),
                              case_constant(&test, HMLC_DTYPE_f32, "4000 48")};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, (harness_tolerance){4e-5, 0});
}

static void rows_known_at_run_time(void **state)
{
    (void)state;
    static const char *const sizes[] = {"1 33", "2 33", "3 33", "4 33", "5 33", "28 33", "57 33"};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        contraction_case test = case_begin(k + 1);
        hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "m 33", sizes[k]),
                                  case_constant(&test, HMLC_DTYPE_f32, "33 40")};
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
        value = kernel_graph_unary(&test.graph, HMLC_OP_relu, value);
        case_verify(&test, HMLC_FORM_CONTRACTION, value);
    }
}

/* Batched constants, broadcast batches, leading dims that join the rows. */
static void check_batches(const char *left, const char *right)
{
    contraction_case test = case_begin(strlen(left) * 31 + strlen(right));
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, NULL),
                              case_constant(&test, HMLC_DTYPE_f32, right)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void batches(void **state)
{
    (void)state;
    check_batches("3 5 7 11", "11 18");
    check_batches("3 5 7 11", "5 11 18");
    check_batches("3 1 7 11", "5 11 18");
    check_batches("7 11", "2 3 11 18");
    check_batches("2 3 7 11", "2 1 11 18");
}

static void check_transposed(int64_t transpose_a, int64_t transpose_b, const char *left,
                             const char *right)
{
    contraction_case test = case_begin((uint64_t)(transpose_a * 2 + transpose_b + 5));
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, NULL),
                              case_constant(&test, HMLC_DTYPE_f32, right)};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_transpose_a, transpose_a),
                         hmlc_attr_int(HMLC_ATTR_transpose_b, transpose_b)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, attrs, 2);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void transposed_operands(void **state)
{
    (void)state;
    check_transposed(1, 0, "2 19 13", "19 22");
    check_transposed(0, 1, "2 13 19", "22 19");
    check_transposed(1, 1, "19 33", "45 19");
}

static void other_element_types(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_f64, HMLC_DTYPE_i32, HMLC_DTYPE_i64};
    for (size_t k = 0; k < sizeof dtypes / sizeof dtypes[0]; k++) {
        contraction_case test = case_begin(k + 77);
        hmlc_value *operands[] = {case_input(&test, dtypes[k], "9 21", NULL),
                                  case_constant(&test, dtypes[k], "21 29")};
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
        case_verify(&test, HMLC_FORM_CONTRACTION, value);
    }
}

/* Half floats are summed in f32 and rounded once. */
static void half_floats(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_f16, HMLC_DTYPE_bf16};
    for (size_t k = 0; k < 2; k++) {
        contraction_case test = case_begin(k + 7);
        hmlc_value *operands[] = {case_input(&test, dtypes[k], "9 21", NULL),
                                  case_constant(&test, dtypes[k], "21 29")};
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
        value = kernel_graph_unary(&test.graph, HMLC_OP_relu, value);
        harness_tolerance tolerance = {1e-4, k == 0 ? 1e-3 : 8e-3};
        case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, tolerance);
    }
}

/* Residual of full shape, per-row factor, scalar, and a result in another type. */
static void epilogue_operands(void **state)
{
    (void)state;
    contraction_case test = case_begin(4711);
    kernel_graph *graph = &test.graph;
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "3 17 24", NULL),
                              case_constant(&test, HMLC_DTYPE_f32, "24 37")};
    hmlc_value *residual = case_input(&test, HMLC_DTYPE_f32, "3 17 37", NULL);
    hmlc_value *factor = case_input(&test, HMLC_DTYPE_f32, "17 1", NULL);
    hmlc_value *batch = case_input(&test, HMLC_DTYPE_f32, "3 1 37", NULL);
    hmlc_value *value = kernel_graph_op(graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    value = kernel_graph_binary(graph, HMLC_OP_mul, value, factor);
    value = kernel_graph_binary(graph, HMLC_OP_add, value, residual);
    value = kernel_graph_binary(graph, HMLC_OP_sub, value, batch);
    hmlc_value *limit = kernel_graph_scalar(graph, HMLC_DTYPE_f32, 0.25);
    value = kernel_graph_binary(graph, HMLC_OP_less, limit, value);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

/* Views before the anchor and behind the epilogue. */
static void views_on_both_sides(void **state)
{
    (void)state;
    contraction_case test = case_begin(99);
    kernel_graph *graph = &test.graph;
    static const int64_t swap[] = {0, 2, 1, 3}, back[] = {1, 0, 3, 2};
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, "2 9 4 15", NULL);
    hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, swap, 4);
    hmlc_value *left = kernel_graph_op(graph, HMLC_OP_transpose, &input, 1, &permutation, 1);
    hmlc_value *operands[] = {left, case_constant(&test, HMLC_DTYPE_f32, "15 27")};
    hmlc_value *value = kernel_graph_op(graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    value = kernel_graph_unary(graph, HMLC_OP_tanh, value);
    permutation = hmlc_attr_ints(HMLC_ATTR_permutation, back, 4);
    value = kernel_graph_op(graph, HMLC_OP_transpose, &value, 1, &permutation, 1);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void refuses_what_it_cannot(void **state)
{
    (void)state;
    contraction_case test = case_begin(1);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "4 5", NULL),
                              case_input(&test, HMLC_DTYPE_f32, "5 6", NULL)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    hmlc_kernel_plan plan;
    hmlc_module *module = test.graph.module;
    assert_int_equal(harness_plan(module, "x86-64-v3", module->arena, &plan), HMLC_REFUSED);
    assert_int_equal(hmlc_diagnostics_error_count(module->diagnostics), 1);
    kernel_graph_destroy(&test.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_many_shapes),
        cmocka_unit_test(long_rows_meet_in_one_cache_set),
        cmocka_unit_test(long_sums_are_added_in_parts),
        cmocka_unit_test(rows_known_at_run_time),
        cmocka_unit_test(batches),
        cmocka_unit_test(transposed_operands),
        cmocka_unit_test(other_element_types),
        cmocka_unit_test(half_floats),
        cmocka_unit_test(epilogue_operands),
        cmocka_unit_test(views_on_both_sides),
        cmocka_unit_test(refuses_what_it_cannot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Products whose weights lie in memory in fewer bits: they are widened as panels are read. */
#include "contraction_cases.h"

/* [m, k] of f32 x [k, n] or [n, k] of bytes, times a scale for each column. */
static void check_bytes(hmlc_dtype dtype, int m, int k, int n, int64_t transpose_b)
{
    contraction_case test = case_begin((uint64_t)(m * 1009 + k * 13 + n));
    char left[64], right[64], scale[64];
    snprintf(left, sizeof left, "%d %d", m, k);
    snprintf(right, sizeof right, "%d %d", transpose_b != 0 ? n : k, transpose_b != 0 ? k : n);
    snprintf(scale, sizeof scale, "%d", n);
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    hmlc_value *stored = case_constant(&test, dtype, right);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, NULL),
                              kernel_graph_op(&test.graph, HMLC_OP_cast, &stored, 1, &to, 1)};
    hmlc_attr transpose = hmlc_attr_int(HMLC_ATTR_transpose_b, transpose_b);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, &transpose, 1);
    hmlc_value *factor = case_constant(&test, HMLC_DTYPE_f32, scale);
    value = kernel_graph_binary(&test.graph, HMLC_OP_mul, value, factor);
    case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, (harness_tolerance){2e-3, 1e-5});
}

static void bytes_for_floats(void **state)
{
    (void)state;
    static const int rows[] = {1, 2, 3, 4, 7, 14, 30};
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        hmlc_dtype dtype = k % 2 == 0 ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8;
        check_bytes(dtype, rows[k], 33 + (int)k, 40 + 3 * (int)k, (int64_t)(k % 3 == 1));
    }
    check_bytes(HMLC_DTYPE_i8, 1, 600, 200, 0);
    check_bytes(HMLC_DTYPE_u8, 6, 600, 85, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_for_floats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Products whose weights lie in memory in fewer bits: they are widened as panels are read. */
#include "contraction_cases.h"

/* [m, k] of f32 x [k, n] or [n, k] of bytes, times a scale for each column; of rows that only the
 * run knows, -m of them. */
static void check_bytes(hmlc_dtype dtype, int m, int k, int n, int64_t transpose_b)
{
    bool any = m < 0;
    m = any ? -m : m;
    contraction_case test = case_begin((uint64_t)m * 1009 + (uint64_t)k * 13 + (uint64_t)n);
    char left[64], right[64], scale[64];
    snprintf(left, sizeof left, "%d %d", m, k);
    snprintf(right, sizeof right, "%d %d", transpose_b != 0 ? n : k, transpose_b != 0 ? k : n);
    snprintf(scale, sizeof scale, "%d", n);
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    hmlc_value *stored = case_constant(&test, dtype, right);
    char symbol[64];
    snprintf(symbol, sizeof symbol, "m %d", k);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, any ? symbol : left, left),
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
    check_bytes(HMLC_DTYPE_i8, 1, 772, 85, 1); /* parts of the depth are not alike */
    check_bytes(HMLC_DTYPE_i8, 1, 518, 72, 0); /* four sums do not share it */
    check_bytes(HMLC_DTYPE_i8, -1, 300, 72, 0);
    check_bytes(HMLC_DTYPE_u8, -3, 300, 72, 0);
    check_bytes(HMLC_DTYPE_u8, -30, 64, 40, 0);
    check_bytes(HMLC_DTYPE_u8, 6, 600, 85, 1);
}

/* [m, k] of f32 x dequantized [k, n] or [n, k], a scale for each block of k. */
typedef struct blocked_product {
    int m, k, n, block;
    bool transposed, zeros;
    hmlc_dtype dtype;
    int least, most; /* of the weights */
} blocked_product;

static hmlc_value *random_matrix(contraction_case *test, hmlc_dtype dtype, int rows, int columns,
                                 double least, double most)
{
    int64_t dims[] = {rows, columns};
    hmlc_tensor tensor =
        kernel_random_tensor(&test->random, test->graph.module->arena, dtype, 2, dims, least, most);
    return kernel_graph_outer_constant(&test->graph, &tensor);
}

static void check_blocks(const blocked_product *of)
{
    contraction_case test = case_begin((uint64_t)of->m * 1009 + (uint64_t)of->k * 13 +
                                       (uint64_t)of->n + (uint64_t)of->block);
    int blocks = (of->k + of->block - 1) / of->block;
    int rows = of->transposed ? of->n : of->k, columns = of->transposed ? of->k : of->n;
    int scale_rows = of->transposed ? of->n : blocks,
        scale_columns = of->transposed ? blocks : of->n;
    char left[64];
    snprintf(left, sizeof left, "%d %d", of->m, of->k);
    hmlc_value *parts[] = {
        random_matrix(&test, of->dtype, rows, columns, of->least, of->most),
        random_matrix(&test, HMLC_DTYPE_f32, scale_rows, scale_columns, 0, 1),
        of->zeros ? random_matrix(&test, of->dtype, scale_rows, scale_columns, of->least, of->most)
                  : NULL};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, of->transposed ? 1 : 0),
                         hmlc_attr_int(HMLC_ATTR_block, of->block),
                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)};
    hmlc_value *weights =
        kernel_graph_op(&test.graph, HMLC_OP_dequantize, parts, of->zeros ? 3 : 2, attrs, 3);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, NULL), weights};
    hmlc_attr transpose = hmlc_attr_int(HMLC_ATTR_transpose_b, of->transposed);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, &transpose, 1);
    value = kernel_graph_unary(&test.graph, HMLC_OP_relu, value);
    double reach = of->most > 15 ? 2e-3 : 2e-4;
    case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, (harness_tolerance){reach, 1e-5});
}

#define BLOCKS(...) check_blocks(&(blocked_product){__VA_ARGS__})

static void blocks_of_bytes(void **state)
{
    (void)state;
    BLOCKS(1, 96, 40, 32, false, false, HMLC_DTYPE_i8, -128, 127);
    BLOCKS(2, 100, 85, 16, true, false, HMLC_DTYPE_i8, -128, 127);
    BLOCKS(3, 70, 200, 32, false, true, HMLC_DTYPE_u8, 0, 255);
    BLOCKS(7, 33, 16, 16, true, true, HMLC_DTYPE_u8, 0, 255);
    BLOCKS(29, 128, 24, 64, false, true, HMLC_DTYPE_i8, -128, 127);
    BLOCKS(1, 768, 24, 768, false, true, HMLC_DTYPE_u8, 0, 255);     /* one block, cut in parts */
    BLOCKS(1, 521, 24, 521, false, false, HMLC_DTYPE_i8, -128, 127); /* that cannot be */
}

static void blocks_of_four_bits(void **state)
{
    (void)state;
    BLOCKS(1, 96, 40, 32, false, false, HMLC_DTYPE_i8, -8, 7);
    BLOCKS(1, 256, 400, 32, true, true, HMLC_DTYPE_u8, 0, 15);
    BLOCKS(2, 200, 85, 16, true, false, HMLC_DTYPE_i8, -8, 7); /* the last block is shorter */
    BLOCKS(3, 64, 200, 64, false, true, HMLC_DTYPE_u8, 0, 15);
    BLOCKS(4, 64, 24, 32, false, false, HMLC_DTYPE_u8, 0, 15);
    BLOCKS(13, 128, 16, 128, true, true, HMLC_DTYPE_i8, -8, 7);
    BLOCKS(29, 64, 70, 16, false, false, HMLC_DTYPE_i8, -8, 7);
    BLOCKS(2, 65, 40, 32, false, true, HMLC_DTYPE_u8, 0, 15); /* stored as bytes */
    BLOCKS(1, 1024, 24, 512, false, true, HMLC_DTYPE_i8, -8, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bytes_for_floats),
                                       cmocka_unit_test(blocks_of_bytes),
                                       cmocka_unit_test(blocks_of_four_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

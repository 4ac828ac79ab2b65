/* SPDX-License-Identifier: Apache-2.0 */
/* Packing of a dynamic right-hand side, and the product with it. */
#include "contraction_cases.h"

static void check_pack(const char *dims, const char *sizes, int64_t transpose, hmlc_dtype dtype)
{
    contraction_case test = case_begin(strlen(sizes) + (uint64_t)transpose);
    hmlc_value *input = case_input(&test, dtype, dims, sizes);
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_transpose_b, transpose);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_pack_panels, &input, 1, &attr, 1);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void packing(void **state)
{
    (void)state;
    check_pack("13 37", "13 37", 0, HMLC_DTYPE_f32);
    check_pack("37 13", "37 13", 1, HMLC_DTYPE_f32);
    check_pack("2 3 64 128", "2 3 64 128", 0, HMLC_DTYPE_f32);
    check_pack("2 3 128 64", "2 3 128 64", 1, HMLC_DTYPE_f32);
    check_pack("h s 40", "3 21 40", 1, HMLC_DTYPE_f32);
    check_pack("h s 40", "3 21 40", 0, HMLC_DTYPE_f32);
    check_pack("50 19", "50 19", 1, HMLC_DTYPE_f64);
    check_pack("50 19", "50 19", 0, HMLC_DTYPE_i64);
}

static void check_layout(const char *dims, const char *sizes, int64_t transpose, hmlc_dtype dtype,
                         int64_t width, int64_t group)
{
    contraction_case test = case_begin(strlen(sizes) + (uint64_t)(transpose + width + group));
    hmlc_value *input = case_input(&test, dtype, dims, sizes);
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_transpose_b, transpose),
                         hmlc_attr_int(HMLC_ATTR_panel_width, width),
                         hmlc_attr_int(HMLC_ATTR_depth_group, group)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_pack_panels, &input, 1, attrs, 3);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

/* Widths by the vectors of every target, groups as they are for bytes; K and N that fill nothing.
 */
static void packing_of_every_layout(void **state)
{
    (void)state;
    static const int64_t widths[] = {8, 16, 32}, groups[] = {1, 4, 8};
    for (int64_t k = 0; k < 18; k++) {
        int64_t transpose = k / 9, width = widths[k % 3], group = groups[k / 3 % 3];
        check_layout("13 37", "13 37", transpose, HMLC_DTYPE_i8, width, group);
        check_layout("h s 21", "2 6 21", transpose, HMLC_DTYPE_f32, width, group);
    }
    check_layout("3 64 40", "3 64 40", 1, HMLC_DTYPE_u8, 16, 4);
    check_layout("5 0", "5 0", 1, HMLC_DTYPE_i8, 16, 4);
}

/* Heads taken out of a fused projection: [seq, 3, heads, size]. */
static void packing_through_views(void **state)
{
    (void)state;
    contraction_case test = case_begin(3);
    kernel_graph *graph = &test.graph;
    static const int64_t order[] = {1, 0, 2};
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, "s 4 24", "33 4 24");
    hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 3);
    hmlc_value *heads = kernel_graph_op(graph, HMLC_OP_transpose, &input, 1, &permutation, 1);
    hmlc_attr transpose = hmlc_attr_int(HMLC_ATTR_transpose_b, 1);
    hmlc_value *value = kernel_graph_op(graph, HMLC_OP_pack_panels, &heads, 1, &transpose, 1);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

/* Keys (transposed) and values of a fused projection, as results of one kernel. */
static void check_keys_and_values(const char *sizes)
{
    static const int64_t order[] = {0, 2, 1, 3};
    contraction_case test = case_begin(strlen(sizes));
    kernel_graph *graph = &test.graph;
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, "b s 9 20", sizes), *results[3];
    for (int64_t k = 0; k < 3; k++) {
        char starts[32];
        snprintf(starts, sizeof starts, "0 0 %d 0", (int)(3 * k));
        hmlc_attr part[] = {kernel_graph_dims(graph, HMLC_ATTR_starts, starts),
                            kernel_graph_dims(graph, HMLC_ATTR_sizes, "b s 3 20"),
                            kernel_graph_dims(graph, HMLC_ATTR_steps, "1 1 1 1")};
        hmlc_value *value = kernel_graph_op(graph, HMLC_OP_slice, &input, 1, part, 3);
        hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 4);
        value = kernel_graph_op(graph, HMLC_OP_transpose, &value, 1, &permutation, 1);
        hmlc_attr transpose = hmlc_attr_int(HMLC_ATTR_transpose_b, k % 2);
        results[k] = kernel_graph_op(graph, HMLC_OP_pack_panels, &value, 1, &transpose, 1);
    }
    case_verify_all(&test, HMLC_FORM_CONTRACTION, results, 3, (harness_tolerance){0, 0});
}

static void several_matrices(void **state)
{
    (void)state;
    check_keys_and_values("1 1 9 20");
    check_keys_and_values("2 16 9 20");
    check_keys_and_values("3 77 9 20");
    check_keys_and_values("1 700 9 20");
}

/* left [.., m, k] x packed [.., panels, k, 16] to [.., m, n], scaled and masked. */
static void check_packed(const char *left, const char *left_sizes, const char *packed,
                         const char *packed_sizes, const char *columns)
{
    contraction_case test = case_begin(strlen(left_sizes) + strlen(packed_sizes));
    kernel_graph *graph = &test.graph;
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, left_sizes),
                              case_input(&test, HMLC_DTYPE_f32, packed, packed_sizes)};
    hmlc_attr shape = kernel_graph_dims(graph, HMLC_ATTR_shape, columns);
    hmlc_value *value = kernel_graph_op(graph, HMLC_OP_matmul_packed, operands, 2, &shape, 1);
    hmlc_value *scale = kernel_graph_scalar(graph, HMLC_DTYPE_f32, 0.125);
    value = kernel_graph_binary(graph, HMLC_OP_mul, value, scale);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void packed_products(void **state)
{
    (void)state;
    check_packed("2 3 20 16", "2 3 20 16", "2 3 4 16 16", "2 3 4 16 16", "50");
    check_packed("2 3 20 16", "2 3 20 16", "2 1 4 16 16", "2 1 4 16 16", "64");
    check_packed("5 1 16", "5 1 16", "5 3 16 16", "5 3 16 16", "47");
    check_packed("7 16", "7 16", "3 2 16 16", "3 2 16 16", "17");
}

/* a [.., m, k] x b [.., k, n] by panels of another width. */
static void check_width(const char *left, const char *right, hmlc_dtype dtype, int64_t width,
                        const char *columns)
{
    contraction_case test = case_begin(strlen(left) + (uint64_t)width);
    kernel_graph *graph = &test.graph;
    hmlc_value *operands[] = {case_input(&test, dtype, left, NULL),
                              case_input(&test, dtype, right, NULL)};
    hmlc_attr attrs[] = {kernel_graph_dims(graph, HMLC_ATTR_shape, columns),
                         hmlc_attr_int(HMLC_ATTR_panel_width, width)};
    hmlc_value *value = kernel_graph_op(graph, HMLC_OP_matmul_packed, operands, 2, attrs, 2);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void products_of_other_widths(void **state)
{
    (void)state;
    check_width("2 19 5", "2 7 5 8", HMLC_DTYPE_f32, 8, "50");
    check_width("2 5", "7 5 8", HMLC_DTYPE_f32, 8, "50");
    check_width("2 19 5", "2 3 5 32", HMLC_DTYPE_f32, 32, "70");
    check_width("2 5", "3 5 32", HMLC_DTYPE_f32, 32, "96");
    check_width("19 5", "3 5 32", HMLC_DTYPE_f64, 32, "83");
    check_width("19 5", "11 5 8", HMLC_DTYPE_f64, 8, "83");
    check_width("4 5", "13 5 4", HMLC_DTYPE_f32, 4, "50");
    check_width("17 5", "2 5 64", HMLC_DTYPE_f32, 64, "90");
    check_width("17 5", "9 5 1", HMLC_DTYPE_f64, 1, "9");
}

/* Scores of an attention of any length: rows, columns and, for the values, depth are symbols. */
static void lengths_known_at_run_time(void **state)
{
    (void)state;
    static const int lengths[] = {1, 7, 16, 33, 50, 65};
    for (size_t k = 0; k < sizeof lengths / sizeof lengths[0]; k++) {
        int s = lengths[k];
        char left[64], packed[64];
        snprintf(left, sizeof left, "3 %d 24", s);
        snprintf(packed, sizeof packed, "3 %d 24 16", (s + 15) / 16);
        check_packed("h s 24", left, "h ceil(s/16) 24 16", packed, "s");
        snprintf(left, sizeof left, "3 %d %d", s, s);
        snprintf(packed, sizeof packed, "3 2 %d 16", s);
        check_packed("h s s", left, "h 2 s 16", packed, "24");
    }
}

static void half_floats(void **state)
{
    (void)state;
    contraction_case test = case_begin(17);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f16, "2 5 16", NULL),
                              case_input(&test, HMLC_DTYPE_f16, "2 2 16 16", NULL)};
    hmlc_attr shape = kernel_graph_dims(&test.graph, HMLC_ATTR_shape, "30");
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul_packed, operands, 2, &shape, 1);
    case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, (harness_tolerance){1e-4, 1e-3});
    check_pack("37 13", "37 13", 1, HMLC_DTYPE_f16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packing),
        cmocka_unit_test(half_floats),
        cmocka_unit_test(packing_of_every_layout),
        cmocka_unit_test(packing_through_views),
        cmocka_unit_test(several_matrices),
        cmocka_unit_test(packed_products),
        cmocka_unit_test(products_of_other_widths),
        cmocka_unit_test(lengths_known_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Products and convolutions of 8-bit integers, summed in i32: exact on every target. */
#include "contraction_cases.h"

typedef struct byte_product {
    hmlc_dtype left, right;
    int64_t rows, depth, columns;
    bool transpose_a, transpose_b;
    bool extremes; /* nothing but the type's ends */
    bool packed;   /* the right side comes in panels */
    bool all_ends; /* the largest of the left type by the least of the right one */
    bool mild;     /* the right side is halved: two products fit i16 */
} byte_product;

/* Half of them the ends of the type. */
static hmlc_tensor byte_tensor(contraction_case *test, hmlc_dtype dtype, int32_t rank,
                               const int64_t *dims, bool extremes)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank};
    int64_t least = dtype == HMLC_DTYPE_i8 ? -128 : 0;
    tensor.bytes = 1;
    for (int32_t k = 0; k < rank; k++) {
        tensor.dims[k] = dims[k];
        tensor.bytes *= (size_t)dims[k];
    }
    void *data = hmlc_arena_allocate(test->graph.module->arena, tensor.bytes);
    assert_non_null(data);
    for (int64_t k = 0; k < (int64_t)tensor.bytes; k++) {
        uint64_t random = kernel_random_next(&test->random);
        bool end = extremes || random % 2 == 0;
        int64_t ends = (random >> 8) % 4 == 0 ? least : dtype == HMLC_DTYPE_i8 ? 127 : 255;
        ends = dtype == HMLC_DTYPE_i8 && (random >> 8) % 4 == 1 ? least : ends;
        hmlc_element_set_int(dtype, data, k, end ? ends : least + (int64_t)((random >> 16) % 256));
    }
    tensor.data = data;
    return tensor;
}

static hmlc_value *byte_input(contraction_case *test, const hmlc_tensor *tensor)
{
    char dims[64] = "";
    for (int32_t k = 0; k < tensor->rank; k++) {
        size_t length = strlen(dims);
        snprintf(dims + length, sizeof dims - length, " %d", (int)tensor->dims[k]);
    }
    test->inputs[test->input_count++] = *tensor;
    return kernel_graph_input(&test->graph, tensor->dtype, dims);
}

/* The panels of b [K, N]; what no column or step fills must not be read as anything. */
static hmlc_tensor panels_of(contraction_case *test, const byte_product *of, const hmlc_tensor *b,
                             hmlc_pack_layout layout)
{
    int64_t dims[] = {hmlc_pack_count(layout, of->columns), hmlc_pack_rows(layout, of->depth),
                      hmlc_pack_row(layout)};
    hmlc_tensor panels = byte_tensor(test, b->dtype, 3, dims, true);
    for (int64_t k = 0; k < of->depth; k++) {
        for (int64_t n = 0; n < of->columns; n++) {
            hmlc_element_set_int(b->dtype, hmlc_eval_data(&panels),
                                 hmlc_pack_place(layout, of->depth, k, n),
                                 hmlc_tensor_get_int(b, k * of->columns + n));
        }
    }
    return panels;
}

static int64_t sum_of(const byte_product *of, const hmlc_tensor *a, const hmlc_tensor *b,
                      int64_t row, int64_t column)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < of->depth; k++) {
        int64_t from_a = of->transpose_a ? k * of->rows + row : row * of->depth + k;
        int64_t from_b = of->transpose_b ? column * of->depth + k : k * of->columns + column;
        sum += hmlc_tensor_get_int(a, from_a) * hmlc_tensor_get_int(b, from_b);
    }
    return sum;
}

/* Against the interpreter as every kernel, and against sums made here. */
static void check_sums(contraction_case *test, const byte_product *of, const hmlc_tensor *a,
                       const hmlc_tensor *b)
{
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v3-vnni", "x86-64-v4",
                                          "x86-64-v4-vnni"};
    harness_verify_targets(test->graph.module, test->inputs, close_enough);
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        if (!harness_can_run(targets[t])) {
            continue;
        }
        harness_kernel *kernel = harness_compile(test->graph.module, targets[t]);
        hmlc_tensor product;
        assert_int_equal(harness_run(kernel, test->inputs, test->graph.module->arena, &product, 1),
                         HML_KERNEL_OK);
        assert_int_equal(product.dtype, HMLC_DTYPE_i32);
        for (int64_t i = 0; i < of->rows * of->columns; i++) {
            int64_t sum = sum_of(of, a, b, i / of->columns, i % of->columns);
            int64_t expected = (int32_t)(uint32_t)(uint64_t)sum;
            if (hmlc_tensor_get_int(&product, i) != expected) {
                fail_msg("%s, K %d: element %d is %d; expected %d", targets[t], (int)of->depth,
                         (int)i, (int)hmlc_tensor_get_int(&product, i), (int)expected);
            }
        }
        harness_free(kernel);
    }
}

static void check_product(const byte_product *of)
{
    contraction_case test = case_begin((uint64_t)(of->rows * 71 + of->depth * 13 + of->columns));
    const hmlc_pack_layout layout = {.width = HMLC_PACK_WIDTH, .group = 4};
    int64_t a_dims[] = {of->transpose_a ? of->depth : of->rows,
                        of->transpose_a ? of->rows : of->depth};
    int64_t b_dims[] = {of->transpose_b ? of->columns : of->depth,
                        of->transpose_b ? of->depth : of->columns};
    hmlc_tensor a = byte_tensor(&test, of->left, 2, a_dims, of->extremes);
    hmlc_tensor b = byte_tensor(&test, of->right, 2, b_dims, of->extremes);
    for (size_t k = 0; of->mild && k < b.bytes; k++) {
        int64_t half = hmlc_tensor_get_int(&b, (int64_t)k) / 2;
        hmlc_element_set_int(of->right, hmlc_eval_data(&b), (int64_t)k, half);
    }
    if (of->all_ends) {
        memset(hmlc_eval_data(&a), 255, a.bytes);
        memset(hmlc_eval_data(&b), -128, b.bytes);
    }
    hmlc_value *operands[] = {byte_input(&test, &a), NULL}, *value;
    char columns[16];
    snprintf(columns, sizeof columns, "%d", (int)of->columns);
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_transpose_a, of->transpose_a),
                         hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32),
                         hmlc_attr_int(HMLC_ATTR_transpose_b, of->transpose_b),
                         hmlc_attr_int(HMLC_ATTR_depth_group, layout.group)};
    if (of->packed) {
        hmlc_tensor panels = panels_of(&test, of, &b, layout);
        operands[1] = byte_input(&test, &panels);
        attrs[2] = kernel_graph_dims(&test.graph, HMLC_ATTR_shape, columns);
        value = kernel_graph_op(&test.graph, HMLC_OP_matmul_packed, operands, 2, attrs, 4);
    } else {
        operands[1] = kernel_graph_outer_constant(&test.graph, &b);
        value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, attrs, 3);
    }
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    check_sums(&test, of, &a, &b);
    kernel_graph_destroy(&test.graph);
}

static void sums_are_exact(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},    {3, 3, 5},     {2, 4, 16}, {7, 5, 17},
                                       {13, 33, 40}, {30, 127, 50}, {4, 2, 33}, {6, 1030, 7},
                                       {5, 0, 9},    {1, 66, 130}};
    for (int64_t k = 0; k < 10; k++) {
        byte_product of = {.left = k % 2 == 0 ? HMLC_DTYPE_u8 : HMLC_DTYPE_i8,
                           .right = HMLC_DTYPE_i8,
                           .rows = sizes[k][0],
                           .depth = sizes[k][1],
                           .columns = sizes[k][2]};
        check_product(&of);
        of.extremes = true;
        of.packed = true;
        check_product(&of);
    }
}

static void either_side_is_transposed_or_unsigned(void **state)
{
    (void)state;
    for (int64_t k = 0; k < 8; k++) {
        byte_product of = {.left = k & 1 ? HMLC_DTYPE_u8 : HMLC_DTYPE_i8,
                           .right = k & 2 ? HMLC_DTYPE_u8 : HMLC_DTYPE_i8,
                           .rows = 11,
                           .depth = 22 + k,
                           .columns = 19,
                           .transpose_a = (k & 4) != 0,
                           .transpose_b = (k & 2) != 0,
                           .extremes = (k & 1) != 0};
        check_product(&of);
    }
}

/* Rows that share nothing with their neighbours but the panels: [2, 3, 5, K], and leading dims of
 * the panels. */
static void batches(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        contraction_case test = case_begin(5 + (uint64_t)k);
        int64_t left[] = {2, 3, 5, 10}, right[] = {k == 0 ? 1 : 2, 3, 2, 3, 64};
        hmlc_tensor a = byte_tensor(&test, HMLC_DTYPE_u8, 4, left, false);
        hmlc_tensor b = byte_tensor(&test, HMLC_DTYPE_i8, 5, right, false);
        hmlc_value *operands[] = {byte_input(&test, &a), byte_input(&test, &b)};
        hmlc_attr attrs[] = {hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32),
                             kernel_graph_dims(&test.graph, HMLC_ATTR_shape, "21"),
                             hmlc_attr_int(HMLC_ATTR_depth_group, 4)};
        hmlc_value *value =
            kernel_graph_op(&test.graph, HMLC_OP_matmul_packed, operands, 2, attrs, 3);
        case_verify(&test, HMLC_FORM_CONTRACTION, value);
    }
}

/* Rows and columns known at run time, and what stands behind a product: bias, scale, cast. */
static void run_time_sizes_and_epilogue(void **state)
{
    (void)state;
    static const int64_t rows[] = {1, 4, 17};
    for (int k = 0; k < 3; k++) {
        contraction_case test = case_begin(31 + (uint64_t)k);
        int64_t left[] = {rows[k], 23}, right[] = {23, 37}, columns = 37;
        hmlc_tensor a = byte_tensor(&test, HMLC_DTYPE_u8, 2, left, false);
        hmlc_tensor b = byte_tensor(&test, HMLC_DTYPE_i8, 2, right, false);
        test.inputs[test.input_count++] = a;
        hmlc_value *operands[] = {kernel_graph_input(&test.graph, HMLC_DTYPE_u8, "m 23"),
                                  kernel_graph_outer_constant(&test.graph, &b)};
        hmlc_attr sums = hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32);
        hmlc_attr real = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
        hmlc_tensor bias = kernel_random_tensor(&test.random, test.graph.module->arena,
                                                HMLC_DTYPE_i32, 1, &columns, -1e6, 1e6);
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, &sums, 1);
        value = kernel_graph_binary(&test.graph, HMLC_OP_add, value,
                                    kernel_graph_outer_constant(&test.graph, &bias));
        value = kernel_graph_op(&test.graph, HMLC_OP_cast, &value, 1, &real, 1);
        value = kernel_graph_binary(&test.graph, HMLC_OP_mul, value,
                                    kernel_graph_scalar(&test.graph, HMLC_DTYPE_f32, 0x1p-12));
        case_verify(&test, HMLC_FORM_CONTRACTION, value);
    }
}

typedef struct byte_conv {
    const char *x_dims, *sizes; /* as the graph names them, and as they are */
    const int64_t *w_dims;
    int64_t groups, stride, pad, pad_value;
    bool is_signed, is_window;
} byte_conv;

/* planar: the image lies channels first. */
static void check_conv(const byte_conv *of, bool planar)
{
    const char *x_dims = of->x_dims, *sizes = of->sizes;
    int64_t groups = of->groups, stride = of->stride, pad = of->pad;
    const int64_t *w_dims = of->w_dims;
    hmlc_dtype left = of->is_signed ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8;
    contraction_case test = case_begin(strlen(x_dims) + (uint64_t)(groups + stride + pad));
    int64_t x_sizes[4], strides[] = {stride, stride}, ones[] = {1, 1};
    for (int k = 0; k < 4; k++) {
        char *end;
        x_sizes[k] = strtol(sizes, &end, 10);
        assert_ptr_not_equal(end, sizes);
        sizes = end;
    }
    char pads[32];
    snprintf(pads, sizeof pads, "%d %d %d %d", (int)pad, (int)pad, (int)pad, (int)pad);
    if (planar) {
        int64_t channels = x_sizes[3];
        memmove(&x_sizes[2], &x_sizes[1], 2 * sizeof *x_sizes);
        x_sizes[1] = channels;
    }
    hmlc_tensor x = byte_tensor(&test, left, 4, x_sizes, false);
    hmlc_tensor w = byte_tensor(&test, HMLC_DTYPE_i8, 4, w_dims, false);
    hmlc_tensor bias = kernel_random_tensor(&test.random, test.graph.module->arena, HMLC_DTYPE_i32,
                                            1, w_dims, -1e6, 1e6);
    test.inputs[test.input_count++] = x;
    hmlc_value *operands[] = {kernel_graph_input(&test.graph, left, x_dims),
                              kernel_graph_outer_constant(&test.graph, &w),
                              kernel_graph_outer_constant(&test.graph, &bias)};
    if (planar) {
        static const int64_t order[] = {0, 2, 3, 1};
        hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 4);
        operands[0] = kernel_graph_op(&test.graph, HMLC_OP_transpose, operands, 1, &permutation, 1);
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, strides, 2),
                         kernel_graph_dims(&test.graph, HMLC_ATTR_pads, pads),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, groups),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
                         hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32),
                         hmlc_attr_int(HMLC_ATTR_pad_value, of->pad_value)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 3, attrs, 7);
    case_verify(&test, of->is_window ? HMLC_FORM_WINDOW : HMLC_FORM_CONTRACTION, value);
}

/* Panels of single steps where a tap's channels do not fill groups, of groups where they do: small
 * images, whose tiles name every row, large ones, and such as only a run knows; what lies outside
 * is a number. */
static void convolutions(void **state)
{
    (void)state;
    static const int64_t square[] = {9, 3, 3, 5}, one[] = {20, 1, 1, 7}, grouped[] = {6, 3, 3, 2};
    static const int64_t image[] = {8, 3, 3, 3}, whole[] = {19, 3, 3, 8}, two[] = {8, 2, 3, 4};
    static const int64_t pairs[] = {6, 3, 3, 4}, skip[] = {17, 1, 1, 8};
    const byte_conv cases[] = {
        {"1 7 9 5", "1 7 9 5", square, 1, 1, 1, 0, false, false},
        {"1 7 9 5", "1 7 9 5", square, 1, 1, 1, 200, false, false},
        {"2 6 6 7", "2 6 6 7", one, 1, 1, 0, 0, false, false},
        {"1 8 8 6", "1 8 8 6", grouped, 3, 2, 1, -7, true, false},
        {"1 31 29 3", "1 31 29 3", image, 1, 2, 0, 0, false, false},
        {"b h w 5", "2 9 7 5", square, 1, 1, 1, 3, false, false},
        {"1 7 9 8", "1 7 9 8", whole, 1, 1, 1, 0, false, false},
        {"1 7 9 8", "1 7 9 8", whole, 1, 2, 2, 131, false, false},
        {"2 33 31 8", "2 33 31 8", whole, 1, 1, 1, 255, false, false},
        {"1 33 31 8", "1 33 31 8", whole, 1, 2, 0, 0, true, false},
        {"1 30 40 4", "1 30 40 4", two, 1, 1, 2, -128, true, false},
        {"1 8 8 8", "1 8 8 8", pairs, 2, 1, 1, 9, false, false},
        {"1 9 9 8", "1 9 9 8", skip, 1, 2, 0, 0, false, false},
        {"b h w 8", "1 6 11 8", whole, 1, 1, 1, 99, false, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        check_conv(&cases[k], false);
    }
}

/* Channels that lie apart, beside numbers that stand for what lies outside. */
static void planar_images(void **state)
{
    (void)state;
    static const int64_t two[] = {8, 2, 3, 4}, three[] = {5, 3, 3, 3};
    const byte_conv cases[] = {
        {"1 4 30 40", "1 30 40 4", two, 1, 1, 2, 131, false, false},
        {"2 4 9 11", "2 9 11 4", two, 1, 2, 1, -77, true, false},
        {"1 3 31 29", "1 31 29 3", three, 1, 1, 1, 9, false, false},
        {"1 3 31 29", "1 31 29 3", three, 1, 2, 1, 0, true, false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        check_conv(&cases[k], true);
    }
}

static void depthwise_windows(void **state)
{
    (void)state;
    static const int64_t six[] = {6, 3, 3, 1}, many[] = {37, 3, 3, 1}, large[] = {16, 5, 5, 1};
    const byte_conv cases[] = {
        {"1 8 8 6", "1 8 8 6", six, 6, 1, 1, 0, false, true},
        {"1 8 9 6", "1 8 9 6", six, 6, 2, 1, 131, false, true},
        {"2 14 14 37", "2 14 14 37", many, 37, 1, 1, 255, false, true},
        {"1 13 9 37", "1 13 9 37", many, 37, 2, 1, -128, true, true},
        {"1 9 12 16", "1 9 12 16", large, 16, 1, 2, 77, false, true},
        {"b h w 16", "1 9 12 16", large, 16, 1, 2, 77, false, true},
        {"b h w 6", "2 5 7 6", six, 6, 1, 1, 0, true, true},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        check_conv(&cases[k], false);
    }
}

/* Weights that let two products meet in i16, and some that barely do not. */
static void mild_weights(void **state)
{
    (void)state;
    for (int64_t k = 0; k < 6; k++) {
        byte_product of = {.left = k < 5 ? HMLC_DTYPE_u8 : HMLC_DTYPE_i8,
                           .right = HMLC_DTYPE_i8,
                           .rows = k % 2 == 0 ? 1 : 11,
                           .depth = 61 + k,
                           .columns = 16 * k + 5,
                           .extremes = k % 3 != 0,
                           .mild = true};
        check_product(&of);
    }
}

/* Sums of many products of the types' ends: up to where i32 wraps, as the reference does. */
static void long_sums(void **state)
{
    (void)state;
    static const int64_t depths[] = {4097, 65535, 70000};
    for (int64_t k = 0; k < 6; k++) {
        byte_product of = {.left = HMLC_DTYPE_u8,
                           .right = HMLC_DTYPE_i8,
                           .rows = k % 2 == 0 ? 1 : 5,
                           .depth = depths[k / 2],
                           .columns = 18,
                           .all_ends = true,
                           .extremes = true};
        check_product(&of);
    }
}

static void expect_refusal(hmlc_dtype dtype, const char *left, const char *right, int64_t group)
{
    contraction_case test = case_begin(1);
    hmlc_value *operands[] = {kernel_graph_input(&test.graph, dtype, left),
                              kernel_graph_input(&test.graph, dtype, right)};
    hmlc_attr attrs[] = {kernel_graph_dims(&test.graph, HMLC_ATTR_shape, "13"),
                         hmlc_attr_int(HMLC_ATTR_depth_group, group),
                         hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul_packed, operands, 2, attrs,
                                        hmlc_dtype_bytes(dtype) == 1 ? 3 : 2);
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    hmlc_kernel_plan plan;
    assert_int_equal(harness_plan(test.graph.module, "x86-64-v3", test.graph.module->arena, &plan),
                     HMLC_REFUSED);
    kernel_graph_destroy(&test.graph);
}

static void other_groups_are_refused(void **state)
{
    (void)state;
    expect_refusal(HMLC_DTYPE_i8, "3 16", "1 2 128", 8);
    expect_refusal(HMLC_DTYPE_i8, "3 16", "1 8 32", 2);
    expect_refusal(HMLC_DTYPE_f32, "3 16", "1 4 64", 4);
    expect_refusal(HMLC_DTYPE_i8, "3 k", "1 ceil(k/4) 64", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(either_side_is_transposed_or_unsigned),
        cmocka_unit_test(batches),
        cmocka_unit_test(run_time_sizes_and_epilogue),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(planar_images),
        cmocka_unit_test(depthwise_windows),
        cmocka_unit_test(mild_weights),
        cmocka_unit_test(long_sums),
        cmocka_unit_test(other_groups_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

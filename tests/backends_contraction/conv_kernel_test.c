/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and transposed convolutions of all geometries. */
#include "contraction_cases.h"

typedef struct conv_case {
    const char *input, *sizes; /* dims and numbers, channels last */
    const char *weights;       /* [O, k..., I/g]; transposed [I, k..., O/g] */
    uint32_t spatial;
    int64_t strides[3], dilations[3], groups;
    const char *pads;
    int64_t output_padding[3];
    bool transposed;
    bool weights_at_run_time;
} conv_case;

static hmlc_value *build_conv(contraction_case *test, const conv_case *shape, hmlc_value *input,
                              int64_t outputs)
{
    hmlc_attr attrs[8];
    char bias[32];
    snprintf(bias, sizeof bias, "%lld", (long long)outputs);
    hmlc_value *weights = shape->weights_at_run_time
                              ? case_input(test, HMLC_DTYPE_f32, shape->weights, NULL)
                              : case_constant(test, HMLC_DTYPE_f32, shape->weights);
    hmlc_value *operands[] = {input, weights, case_constant(test, HMLC_DTYPE_f32, bias)};
    attrs[0] = hmlc_attr_ints(HMLC_ATTR_strides, shape->strides, shape->spatial);
    attrs[1] = kernel_graph_dims(&test->graph, HMLC_ATTR_pads, shape->pads);
    attrs[2] = hmlc_attr_ints(HMLC_ATTR_dilations, shape->dilations, shape->spatial);
    attrs[3] = hmlc_attr_int(HMLC_ATTR_groups, shape->groups);
    attrs[4] = hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST);
    attrs[5] = hmlc_attr_ints(HMLC_ATTR_output_padding, shape->output_padding, shape->spatial);
    return kernel_graph_op(&test->graph, shape->transposed ? HMLC_OP_conv_transpose : HMLC_OP_conv,
                           operands, 3, attrs, shape->transposed ? 6 : 5);
}

static void check_conv(const conv_case *shape, int64_t outputs, hmlc_opcode activation)
{
    contraction_case test = case_begin((uint64_t)outputs + strlen(shape->sizes));
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, shape->input, shape->sizes);
    hmlc_value *value = build_conv(&test, shape, input, outputs);
    value = kernel_graph_unary(&test.graph, activation, value);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

#define CHECK(outputs, ...)                                                                        \
    check_conv(&(conv_case){__VA_ARGS__, {0, 0, 0}, false, false}, outputs, HMLC_OP_relu)
#define CHECK_TRANSPOSED(outputs, ...)                                                             \
    check_conv(&(conv_case){__VA_ARGS__, true, false}, outputs, HMLC_OP_relu)

static void small_images(void **state)
{
    (void)state;
    CHECK(20, "1 7 7 16", "1 7 7 16", "20 3 3 16", 2, {1, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK(24, "2 9 8 5", "2 9 8 5", "24 3 3 5", 2, {2, 2}, {1, 1}, 1, "1 1 1 1");
    CHECK(17, "1 5 5 4", "1 5 5 4", "17 7 7 4", 2, {1, 1}, {1, 1}, 1, "3 3 3 3");
    CHECK(40, "1 10 6 8", "1 10 6 8", "40 3 2 8", 2, {1, 1}, {2, 3}, 1, "2 0 2 3");
    CHECK(16, "1 6 6 3", "1 6 6 3", "16 1 1 3", 2, {2, 2}, {1, 1}, 1, "0 0 0 0");
    CHECK(8, "1 2 2 8", "1 2 2 8", "8 3 3 8", 2, {1, 1}, {1, 1}, 1, "5 0 0 5");
}

static void large_images(void **state)
{
    (void)state;
    CHECK(33, "1 31 33 6", "1 31 33 6", "33 3 3 6", 2, {1, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK(16, "1 64 64 3", "1 64 64 3", "16 7 7 3", 2, {2, 2}, {1, 1}, 1, "3 3 3 3");
    CHECK(12, "1 40 41 4", "1 40 41 4", "12 5 5 4", 2, {1, 1}, {2, 2}, 1, "4 4 4 4");
    CHECK(48, "2 30 29 16", "2 30 29 16", "48 1 1 16", 2, {1, 1}, {1, 1}, 1, "0 0 0 0");
    CHECK(48, "2 61 60 8", "2 61 60 8", "48 1 1 8", 2, {2, 2}, {1, 1}, 1, "0 0 0 0");
}

/* One element, pads on one side alone: what lies there gives the bias. */
static void padded_points(void **state)
{
    (void)state;
    CHECK(4, "2 5 6 3", "2 5 6 3", "4 1 1 3", 2, {1, 1}, {1, 1}, 1, "0 0 1 0");
    CHECK(16, "n h w 3", "2 5 6 3", "16 1 1 3", 2, {1, 1}, {1, 1}, 1, "0 0 0 1");
    CHECK(4, "n h w 3", "2 5 6 3", "4 1 1 3", 2, {3, 3}, {1, 1}, 1, "0 0 1 1");
    CHECK(8, "1 9 17 8", "1 9 17 8", "8 1 1 8", 2, {2, 2}, {1, 1}, 1, "0 0 2 3");
    CHECK(8, "n h w 8", "1 4 3 8", "8 1 1 4", 2, {1, 1}, {1, 1}, 2, "1 0 0 2");
    CHECK(6, "1 31 33 6", "1 31 33 6", "6 1 1 6", 2, {1, 1}, {1, 1}, 1, "0 0 1 1");
    CHECK(5, "n s 4", "2 7 4", "5 1 4", 1, {1}, {1}, 1, "0 3");
}

/* Sums that are added in parts: listed tiles, segments, sizes known at run time, transposed. */
static void many_channels(void **state)
{
    (void)state;
    CHECK(20, "1 7 6 96", "1 7 6 96", "20 3 3 96", 2, {1, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK(18, "1 31 30 300", "1 31 30 300", "18 2 2 300", 2, {1, 1}, {1, 1}, 1, "1 1 0 0");
    CHECK(20, "n h w 96", "2 5 6 96", "20 3 3 96", 2, {1, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK_TRANSPOSED(9, "1 6 5 280", "1 6 5 280", "280 3 3 9", 2, {2, 2}, {1, 1}, 1, "1 1 1 1",
                     {1, 0});
}

static void one_and_three_dims(void **state)
{
    (void)state;
    CHECK(10, "2 50 7", "2 50 7", "10 5 7", 1, {2}, {3}, 1, "4 4");
    CHECK(80, "1 900 4", "1 900 4", "80 3 4", 1, {1}, {1}, 1, "1 1");
    CHECK(9, "1 5 6 7 4", "1 5 6 7 4", "9 3 2 3 4", 3, {1, 2, 1}, {1, 1, 2}, 1, "1 0 2 1 1 2");
    CHECK(9, "1 12 11 10 2", "1 12 11 10 2", "9 3 3 3 2", 3, {1, 1, 1}, {1, 1, 1}, 1,
          "1 1 1 1 1 1");
}

static void groups(void **state)
{
    (void)state;
    CHECK(12, "1 8 8 6", "1 8 8 6", "12 3 3 3", 2, {1, 1}, {1, 1}, 2, "1 1 1 1");
    CHECK(64, "1 9 9 64", "1 9 9 64", "64 3 3 16", 2, {1, 1}, {1, 1}, 4, "1 1 1 1");
    CHECK(32, "1 33 30 32", "1 33 30 32", "32 3 3 4", 2, {2, 2}, {1, 1}, 8, "1 1 1 1");
    CHECK(20, "2 6 6 10", "2 6 6 10", "20 1 1 5", 2, {1, 1}, {1, 1}, 2, "0 0 0 0");
    CHECK(8, "1 6 6 8", "1 6 6 8", "8 3 3 1", 2, {1, 1}, {1, 1}, 8, "1 1 1 1");
}

/* Numbers of pixels that make every kind of tail, on each height of a tile. */
static void pixels_at_run_time(void **state)
{
    (void)state;
    static const int pixels[] = {1, 3, 5, 6, 11, 13, 14, 20, 27, 41, 55, 97, 181};
    for (size_t k = 0; k < sizeof pixels / sizeof pixels[0]; k++) {
        char sizes[32];
        snprintf(sizes, sizeof sizes, "1 1 %d 5", pixels[k]);
        CHECK(33, "1 h w 5", sizes, "33 1 1 5", 2, {1, 1}, {1, 1}, 1, "0 0 0 0");
        CHECK(17, "1 h w 5", sizes, "17 1 3 5", 2, {1, 1}, {1, 1}, 1, "0 1 0 1");
    }
}

static void sizes_at_run_time(void **state)
{
    (void)state;
    CHECK(18, "n 7 7 16", "3 7 7 16", "18 3 3 16", 2, {1, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK(18, "n h w 5", "2 9 6 5", "18 3 3 5", 2, {2, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK(18, "1 h w 5", "1 1 1 5", "18 3 3 5", 2, {1, 1}, {1, 1}, 1, "1 1 1 1");
    CHECK(18, "n h w 6", "2 5 9 6", "18 1 1 6", 2, {1, 1}, {1, 1}, 1, "0 0 0 0");
    CHECK(18, "n h w 6", "2 5 9 6", "18 1 1 6", 2, {2, 2}, {1, 1}, 1, "0 0 0 0");
    CHECK(18, "1 h w 8", "1 7 8 8", "18 3 3 4", 2, {1, 1}, {2, 1}, 2, "2 1 2 1");
    CHECK(6, "1 s 8", "1 23 8", "6 5 8", 1, {3}, {1}, 1, "2 2");
}

/* (conv + c) - c rounds the finished sum to an integer, not each of its products. */
static void check_large_bias(const char *weights_dims, int64_t groups, int64_t form)
{
    static float numbers[24];
    for (size_t k = 0; k < 24; k++) {
        numbers[k] = 12582912.0f;
    }
    static const int64_t ones[] = {1, 1};
    contraction_case test = case_begin((uint64_t)groups);
    kernel_graph *graph = &test.graph;
    hmlc_tensor bias = {
        .dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {24}, .data = numbers, .bytes = sizeof numbers};
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "1 6 7 24", NULL),
                              case_constant(&test, HMLC_DTYPE_f32, weights_dims),
                              kernel_graph_outer_constant(graph, &bias)};
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, ones, 2),
                         kernel_graph_dims(graph, HMLC_ATTR_pads, "1 1 1 1"),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, groups),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST)};
    hmlc_value *sum = kernel_graph_op(graph, HMLC_OP_conv, operands, 3, attrs, 5);
    case_verify(&test, form,
                kernel_graph_binary(graph, HMLC_OP_sub, sum,
                                    kernel_graph_scalar(graph, HMLC_DTYPE_f32, numbers[0])));
}

static void large_biases(void **state)
{
    (void)state;
    check_large_bias("24 3 3 24", 1, HMLC_FORM_CONTRACTION);
    check_large_bias("24 3 3 12", 2, HMLC_FORM_CONTRACTION);
    check_large_bias("24 3 3 1", 24, HMLC_FORM_WINDOW);
}

/* The first layer reads its image channels first, through a view. */
static void check_first_layer(const char *dims, const char *sizes, const char *weights,
                              int64_t outputs, int64_t stride, const char *pads)
{
    contraction_case test = case_begin((uint64_t)outputs);
    static const int64_t order[] = {0, 2, 3, 1};
    conv_case shape = {.weights = weights,
                       .spatial = 2,
                       .strides = {stride, stride},
                       .dilations = {1, 1},
                       .groups = 1,
                       .pads = pads};
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, dims, sizes);
    hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 4);
    hmlc_value *view = kernel_graph_op(&test.graph, HMLC_OP_transpose, &input, 1, &permutation, 1);
    hmlc_value *value = build_conv(&test, &shape, view, outputs);
    value = kernel_graph_unary(&test.graph, HMLC_OP_silu, value);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

static void channels_first_inputs(void **state)
{
    (void)state;
    check_first_layer("1 3 33 31", NULL, "20 7 7 3", 20, 2, "3 3 3 3");
    check_first_layer("2 3 12 12", NULL, "32 3 3 3", 32, 2, "0 0 1 1");
    check_first_layer("1 24 9 9", NULL, "20 3 3 24", 20, 1, "1 1 1 1");
    check_first_layer("1 24 9 9", NULL, "20 1 1 24", 20, 1, "0 0 0 0");
    check_first_layer("n 3 h w", "2 3 10 13", "16 3 3 3", 16, 2, "1 1 1 1");
}

/* Groups of a few channels that a slice takes backwards, in steps of one and two. */
static void channels_backwards(void **state)
{
    (void)state;
    static const char *const steps[] = {"1 1 1 -1", "1 1 1 -2"}, *const inputs[] = {"4", "8"};
    for (size_t k = 0; k < 2; k++) {
        char dims[32];
        snprintf(dims, sizeof dims, "2 7 6 %s", inputs[k]);
        contraction_case test = case_begin(k + 21);
        conv_case shape = {.weights = "10 3 2 2",
                           .spatial = 2,
                           .strides = {1, 2},
                           .dilations = {1, 1},
                           .groups = 2,
                           .pads = "1 0 1 1"};
        hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, dims, NULL);
        hmlc_attr slices[] = {
            kernel_graph_dims(&test.graph, HMLC_ATTR_starts, k == 0 ? "0 0 0 3" : "0 0 0 7"),
            kernel_graph_dims(&test.graph, HMLC_ATTR_sizes, "2 7 6 4"),
            kernel_graph_dims(&test.graph, HMLC_ATTR_steps, steps[k])};
        input = kernel_graph_op(&test.graph, HMLC_OP_slice, &input, 1, slices, 3);
        case_verify(&test, HMLC_FORM_CONTRACTION, build_conv(&test, &shape, input, 10));
    }
}

static void transposed_convolutions(void **state)
{
    (void)state;
    CHECK_TRANSPOSED(12, "1 5 5 8", "1 5 5 8", "8 2 2 12", 2, {2, 2}, {1, 1}, 1, "0 0 0 0", {0, 0});
    CHECK_TRANSPOSED(12, "2 6 7 8", "2 6 7 8", "8 4 4 12", 2, {2, 2}, {1, 1}, 1, "1 1 1 1", {0, 0});
    CHECK_TRANSPOSED(12, "1 6 7 8", "1 6 7 8", "8 3 3 6", 2, {2, 3}, {1, 1}, 2, "1 0 1 1", {1, 2});
    CHECK_TRANSPOSED(5, "1 20 20 4", "1 20 20 4", "4 3 3 5", 2, {2, 2}, {2, 2}, 1, "1 1 2 2",
                     {1, 1});
    CHECK_TRANSPOSED(5, "1 40 4", "1 40 4", "4 2 5", 1, {3}, {1}, 1, "0 0", {0});
    CHECK_TRANSPOSED(5, "1 3 4 5 4", "1 3 4 5 4", "4 2 3 2 5", 3, {2, 1, 2}, {1, 1, 1}, 1,
                     "0 1 0 0 1 0", {0, 0, 0});
    CHECK_TRANSPOSED(12, "1 h w 8", "1 6 5 8", "8 4 4 12", 2, {2, 2}, {1, 1}, 1, "1 1 1 1", {0, 0});
}

static void weights_at_run_time(void **state)
{
    (void)state;
    static const conv_case shapes[] = {
        {"1 7 7 6", "1 7 7 6", "20 3 3 6", 2, {1, 1}, {1, 1}, 1, "1 1 1 1", {0}, false, true},
        {"2 5 6 8", "2 5 6 8", "20 3 2 4", 2, {2, 1}, {1, 1}, 2, "1 0 1 1", {0}, false, true},
        {"1 5 6 8", "1 5 6 8", "8 3 2 10", 2, {2, 1}, {1, 1}, 2, "1 0 1 1", {0}, true, true},
        {"1 h 6 8", "1 9 6 8", "20 1 1 8", 2, {1, 1}, {1, 1}, 1, "0 0 0 0", {0}, false, true},
    };
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        check_conv(&shapes[k], 20, HMLC_OP_relu);
    }
}

static void other_element_types(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_f16, HMLC_DTYPE_f64, HMLC_DTYPE_i32};
    static const int64_t ones[] = {1, 1};
    for (size_t k = 0; k < 3; k++) {
        contraction_case test = case_begin(k + 4);
        hmlc_value *operands[] = {case_input(&test, dtypes[k], "1 6 7 5", NULL),
                                  case_constant(&test, dtypes[k], "21 3 3 5")};
        hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, ones, 2),
                             kernel_graph_dims(&test.graph, HMLC_ATTR_pads, "1 1 1 1"),
                             hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                             hmlc_attr_int(HMLC_ATTR_groups, 1),
                             hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST)};
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 2, attrs, 5);
        case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, (harness_tolerance){1e-4, 1e-3});
    }
}

/* A residual of the result's shape and a gate per channel of the batch element. */
static void epilogue_operands(void **state)
{
    (void)state;
    contraction_case test = case_begin(55);
    kernel_graph *graph = &test.graph;
    conv_case shape = {.weights = "21 3 3 6",
                       .spatial = 2,
                       .strides = {1, 1},
                       .dilations = {1, 1},
                       .groups = 1,
                       .pads = "1 1 1 1"};
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, "2 11 35 6", NULL);
    hmlc_value *residual = case_input(&test, HMLC_DTYPE_f32, "2 11 35 21", NULL);
    hmlc_value *gate = case_input(&test, HMLC_DTYPE_f32, "2 1 1 21", NULL);
    hmlc_value *column = case_input(&test, HMLC_DTYPE_f32, "35 1", NULL);
    hmlc_value *value = build_conv(&test, &shape, input, 21);
    value = kernel_graph_binary(graph, HMLC_OP_mul, value, gate);
    value = kernel_graph_binary(graph, HMLC_OP_add, value, residual);
    value = kernel_graph_binary(graph, HMLC_OP_mul, value, column);
    static const int64_t order[] = {0, 3, 1, 2};
    hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 4);
    value = kernel_graph_op(graph, HMLC_OP_transpose, &value, 1, &permutation, 1);
    case_verify(&test, HMLC_FORM_CONTRACTION, value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_images),
        cmocka_unit_test(large_images),
        cmocka_unit_test(padded_points),
        cmocka_unit_test(large_biases),
        cmocka_unit_test(many_channels),
        cmocka_unit_test(one_and_three_dims),
        cmocka_unit_test(groups),
        cmocka_unit_test(pixels_at_run_time),
        cmocka_unit_test(sizes_at_run_time),
        cmocka_unit_test(channels_first_inputs),
        cmocka_unit_test(channels_backwards),
        cmocka_unit_test(transposed_convolutions),
        cmocka_unit_test(weights_at_run_time),
        cmocka_unit_test(other_element_types),
        cmocka_unit_test(epilogue_operands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

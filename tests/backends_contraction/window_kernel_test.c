/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolutions and pools. */
#include <math.h>

#include "contraction_cases.h"

typedef struct window_case {
    const char *input, *sizes; /* dims and numbers, channels last */
    const char *weights;       /* depthwise: [C, k..., 1] */
    int64_t window[3], strides[3], dilations[3];
    const char *pads;
    int64_t extra[3]; /* average: never counted end padding */
} window_case;

static uint32_t spatial_of(const window_case *shape)
{
    uint32_t count = 0;
    while (count < 3 && shape->window[count] != 0) {
        count++;
    }
    return count;
}

static uint32_t common_attrs(contraction_case *test, const window_case *shape, hmlc_attr *attrs)
{
    uint32_t spatial = spatial_of(shape);
    attrs[0] = hmlc_attr_ints(HMLC_ATTR_strides, shape->strides, spatial);
    attrs[1] = kernel_graph_dims(&test->graph, HMLC_ATTR_pads, shape->pads);
    attrs[2] = hmlc_attr_ints(HMLC_ATTR_dilations, shape->dilations, spatial);
    attrs[3] = hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST);
    return 4;
}

static void check_groups(const window_case *shape, hmlc_dtype dtype, int64_t channels,
                         int64_t groups, hmlc_opcode activation)
{
    contraction_case test = case_begin((uint64_t)channels + strlen(shape->sizes));
    hmlc_attr attrs[8];
    char bias[32];
    snprintf(bias, sizeof bias, "%lld", (long long)channels);
    hmlc_value *operands[] = {case_input(&test, dtype, shape->input, shape->sizes),
                              case_constant(&test, dtype, shape->weights),
                              case_constant(&test, dtype, bias)};
    uint32_t count = common_attrs(&test, shape, attrs);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, groups);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 3, attrs, count);
    value = kernel_graph_unary(&test.graph, activation, value);
    case_verify(&test, HMLC_FORM_WINDOW, value);
}

static void check_depthwise(const window_case *shape, int64_t channels, hmlc_opcode activation)
{
    check_groups(shape, HMLC_DTYPE_f32, channels, channels, activation);
}

static void check_pool(const window_case *shape, hmlc_opcode opcode, hmlc_dtype dtype,
                       int64_t include_pad)
{
    contraction_case test = case_begin(strlen(shape->sizes) + (uint64_t)include_pad);
    hmlc_attr attrs[8];
    uint32_t spatial = spatial_of(shape);
    hmlc_value *input = case_input(&test, dtype, shape->input, shape->sizes);
    uint32_t count = common_attrs(&test, shape, attrs);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_window, shape->window, spatial);
    if (opcode == HMLC_OP_avg_pool) {
        attrs[count++] = hmlc_attr_int(HMLC_ATTR_count_include_pad, include_pad);
        attrs[count++] = hmlc_attr_ints(HMLC_ATTR_output_padding, shape->extra, spatial);
    }
    hmlc_value *value = kernel_graph_op(&test.graph, opcode, &input, 1, attrs, count);
    if (dtype == HMLC_DTYPE_f32) {
        value = kernel_graph_unary(&test.graph, HMLC_OP_abs, value);
    }
    case_verify(&test, HMLC_FORM_WINDOW, value);
}

static void depthwise_shapes(void **state)
{
    (void)state;
    check_depthwise(
        &(window_case){"2 9 9 24", "2 9 9 24", "24 3 3 1", {3, 3}, {1, 1}, {1, 1}, "1 1 1 1", {0}},
        24, HMLC_OP_relu);
    check_depthwise(
        &(window_case){
            "1 14 14 40", "1 14 14 40", "40 5 5 1", {5, 5}, {1, 1}, {1, 1}, "2 2 2 2", {0}},
        40, HMLC_OP_silu);
    check_depthwise(
        &(window_case){
            "1 15 28 17", "1 15 28 17", "17 3 3 1", {3, 3}, {2, 2}, {1, 1}, "0 0 1 1", {0}},
        17, HMLC_OP_relu);
    check_depthwise(
        &(window_case){"1 13 11 3", "1 13 11 3", "3 3 5 1", {3, 5}, {1, 2}, {2, 1}, "2 2 2 2", {0}},
        3, HMLC_OP_hard_swish);
    check_depthwise(&(window_case){"2 40 19", "2 40 19", "19 7 1", {7}, {1}, {1}, "6 0", {0}}, 19,
                    HMLC_OP_gelu);
    check_depthwise(&(window_case){"1 5 6 7 10",
                                   "1 5 6 7 10",
                                   "10 3 3 3 1",
                                   {3, 3, 3},
                                   {1, 2, 1},
                                   {1, 1, 1},
                                   "1 1 1 1 1 1",
                                   {0}},
                    10, HMLC_OP_relu);
    /* Few channels and a long epilogue: the tile waits in memory as vectors of 2 lanes and 1. */
    for (int64_t channels = 2; channels <= 7; channels++) {
        char dims[32], weights[32];
        snprintf(dims, sizeof dims, "2 8 %d", (int)channels);
        snprintf(weights, sizeof weights, "%d 4 1", (int)channels);
        check_depthwise(&(window_case){dims, dims, weights, {4}, {1}, {1}, "0 0", {0}}, channels,
                        HMLC_OP_silu);
    }
    check_depthwise(
        &(window_case){"1 2 2 8", "1 2 2 8", "8 7 7 1", {7, 7}, {1, 1}, {1, 1}, "3 3 3 3", {0}}, 8,
        HMLC_OP_relu);
}

static void depthwise_sizes_at_run_time(void **state)
{
    (void)state;
    check_depthwise(
        &(window_case){"n h w 21", "2 9 13 21", "21 3 3 1", {3, 3}, {2, 1}, {1, 1}, "1 1 1 1", {0}},
        21, HMLC_OP_relu);
    check_depthwise(
        &(window_case){
            "n 14 14 16", "3 14 14 16", "16 3 3 1", {3, 3}, {1, 1}, {1, 1}, "1 1 1 1", {0}},
        16, HMLC_OP_relu);
}

/* Several inputs or outputs a group: whole vectors of groups, a rest of some, and vectors that are
 * narrower than a group. */
static void narrow_groups(void **state)
{
    (void)state;
    static const int8_t widths[][2] = {{1, 2}, {1, 8}, {2, 1}, {2, 2}, {3, 2},
                                       {3, 4}, {4, 4}, {5, 4}, {8, 4}, {8, 8}};
    for (size_t k = 0; k < sizeof widths / sizeof widths[0]; k++) {
        for (int groups = 2; groups <= 11; groups += 3) {
            char input[64], sizes[64], weights[64];
            int inputs = widths[k][0] * groups, outputs = widths[k][1] * groups;
            snprintf(sizes, sizeof sizes, "2 7 9 %d", inputs);
            snprintf(input, sizeof input, "n h 9 %d", inputs);
            snprintf(weights, sizeof weights, "%d 3 2 %d", outputs, widths[k][0]);
            window_case shape = {sizes, sizes, weights, {3, 2}, {1, 2}, {1, 1}, "1 0 1 1", {0}};
            check_groups(&shape, HMLC_DTYPE_f32, outputs, groups, HMLC_OP_relu);
            shape.input = input;
            check_groups(&shape, groups == 5 ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32, outputs, groups,
                         HMLC_OP_relu);
        }
    }
    check_groups(&(window_case){"2 40 20", "2 40 20", "10 7 4", {7}, {1}, {2}, "6 6", {0}},
                 HMLC_DTYPE_f16, 10, 5, HMLC_OP_relu);
}

static void pools(void **state)
{
    (void)state;
    static const window_case shapes[] = {
        {"1 13 13 20", "1 13 13 20", NULL, {3, 3}, {2, 2}, {1, 1}, "1 1 1 1", {0, 0}},
        {"2 7 7 33", "2 7 7 33", NULL, {7, 7}, {1, 1}, {1, 1}, "0 0 0 0", {0, 0}},
        {"1 10 9 5", "1 10 9 5", NULL, {2, 3}, {2, 2}, {1, 2}, "0 1 1 2", {1, 1}},
        {"1 30 6", "1 30 6", NULL, {4}, {3}, {1}, "1 2", {1}},
        {"1 6 7 8 9", "1 6 7 8 9", NULL, {2, 3, 2}, {2, 1, 2}, {1, 1, 1}, "0 1 0 0 1 0", {0, 0, 0}},
        {"n h 9 12", "2 11 9 12", NULL, {3, 3}, {2, 2}, {1, 1}, "1 1 1 1", {0, 0}},
        {"1 8 8 c", "1 8 8 13", NULL, {2, 2}, {2, 2}, {1, 1}, "0 0 0 0", {0, 0}},
    };
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        check_pool(&shapes[k], HMLC_OP_max_pool, HMLC_DTYPE_f32, 0);
        check_pool(&shapes[k], HMLC_OP_avg_pool, HMLC_DTYPE_f32, 0);
        check_pool(&shapes[k], HMLC_OP_avg_pool, HMLC_DTYPE_f32, 1);
    }
    check_pool(&shapes[0], HMLC_OP_max_pool, HMLC_DTYPE_u8, 0);
    check_pool(&shapes[2], HMLC_OP_max_pool, HMLC_DTYPE_i8, 0);
    check_pool(&shapes[5], HMLC_OP_max_pool, HMLC_DTYPE_i64, 0);
    check_pool(&shapes[0], HMLC_OP_avg_pool, HMLC_DTYPE_f64, 1);
}

/* Channels first, by the portable kernel: values and the winners' places. */
static void check_indices(const window_case *shape, hmlc_dtype dtype, bool with_nan)
{
    contraction_case test = case_begin(strlen(shape->sizes) + (uint64_t)dtype);
    hmlc_attr attrs[8];
    float numbers[2 * 2 * 6 * 7];
    hmlc_value *input = case_input(&test, dtype, shape->input, shape->sizes);
    if (with_nan) {
        memcpy(numbers, test.inputs[0].data, sizeof numbers);
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k += 5) {
            numbers[k] = NAN;
        }
        test.inputs[0].data = numbers;
    }
    uint32_t count = common_attrs(&test, shape, attrs);
    attrs[count - 1] = hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_window, shape->window, spatial_of(shape));
    hmlc_value *first = kernel_graph_op(&test.graph, HMLC_OP_max_pool, &input, 1, attrs, count);
    case_verify_all(&test, HMLC_FORM_PORTABLE, first->producer->results, 2,
                    (harness_tolerance){0, 0});
}

static void pools_with_indices(void **state)
{
    (void)state;
    static const window_case shapes[] = {
        {"2 2 6 7", "2 2 6 7", NULL, {3, 2}, {2, 1}, {1, 2}, "1 1 2 0", {0}},
        {"2 3 9", "2 3 9", NULL, {4}, {3}, {1}, "3 2", {0}},
        {"1 2 4 5 6", "1 2 4 5 6", NULL, {2, 3, 2}, {1, 2, 2}, {2, 1, 1}, "0 1 1 1 0 1", {0}},
        {"n c h 5", "2 3 7 5", NULL, {3, 3}, {2, 2}, {1, 1}, "1 1 1 1", {0}},
        {"1 1 2 2", "1 1 2 2", NULL, {1, 1}, {2, 2}, {1, 1}, "2 2 2 2", {0}}, /* padding alone */
    };
    static const hmlc_dtype dtypes[] = {
        HMLC_DTYPE_f32, HMLC_DTYPE_f64, HMLC_DTYPE_i8,  HMLC_DTYPE_u8,  HMLC_DTYPE_i16,
        HMLC_DTYPE_u16, HMLC_DTYPE_i32, HMLC_DTYPE_u32, HMLC_DTYPE_i64, HMLC_DTYPE_u64,
    };
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        check_indices(&shapes[k], HMLC_DTYPE_f32, false);
        check_indices(&shapes[k], HMLC_DTYPE_i8, false);
    }
    for (size_t k = 1; k < sizeof dtypes / sizeof dtypes[0]; k++) {
        check_indices(&shapes[0], dtypes[k], false);
        check_indices(&shapes[4], dtypes[k], false);
    }
    check_indices(&shapes[0], HMLC_DTYPE_f32, true);
}

static void weights_at_run_time_and_half_floats(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_f32, HMLC_DTYPE_f16};
    static const window_case shape = {"1 9 8 19", "1 9 8 19", "19 3 3 1", {3, 3},
                                      {1, 2},     {1, 1},     "1 1 1 1",  {0}};
    for (size_t k = 0; k < 2; k++) {
        contraction_case test = case_begin(k + 3);
        hmlc_attr attrs[8];
        hmlc_value *operands[] = {case_input(&test, dtypes[k], shape.input, NULL),
                                  case_input(&test, dtypes[k], shape.weights, NULL)};
        uint32_t count = common_attrs(&test, &shape, attrs);
        attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, 19);
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 2, attrs, count);
        case_verify_all(&test, HMLC_FORM_WINDOW, &value, 1, (harness_tolerance){1e-4, 1e-3});
    }
    check_pool(&shape, HMLC_OP_max_pool, HMLC_DTYPE_f16, 0);
}

/* A NaN anywhere in the window is the maximum. */
static void maximum_of_nan(void **state)
{
    (void)state;
    contraction_case test = case_begin(5);
    static const window_case shape = {"1 6 6 8", "1 6 6 8", NULL,      {3, 3},
                                      {1, 1},    {1, 1},    "1 1 1 1", {0, 0}};
    hmlc_attr attrs[8];
    hmlc_value *input = case_input(&test, HMLC_DTYPE_f32, shape.input, NULL);
    float data[6 * 6 * 8];
    memcpy(data, test.inputs[0].data, sizeof data);
    for (size_t k = 0; k < sizeof data / sizeof data[0]; k += 37) {
        data[k] = (float)(0.0 / (k + 1 > 0 ? 0.0 : 1.0));
    }
    test.inputs[0].data = data;
    uint32_t count = common_attrs(&test, &shape, attrs);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_window, shape.window, 2);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_max_pool, &input, 1, attrs, count);
    case_verify(&test, HMLC_FORM_WINDOW, value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depthwise_shapes),   cmocka_unit_test(depthwise_sizes_at_run_time),
        cmocka_unit_test(narrow_groups),      cmocka_unit_test(pools),
        cmocka_unit_test(pools_with_indices), cmocka_unit_test(weights_at_run_time_and_half_floats),
        cmocka_unit_test(maximum_of_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

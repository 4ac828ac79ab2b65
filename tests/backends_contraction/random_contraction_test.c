/* SPDX-License-Identifier: Apache-2.0 */
/* Random convolutions, windows and products: geometry, targets and epilogues by a fixed seed. */
#include "contraction_cases.h"

static int64_t between(kernel_random *random, int64_t low, int64_t high)
{
    return low + (int64_t)(kernel_random_next(random) % (uint64_t)(high - low + 1));
}

typedef struct geometry {
    uint32_t spatial;
    int64_t window[3], strides[3], dilations[3], pads[6], input[3], output_padding[3];
    int64_t batch, groups, inputs, outputs; /* channels of a group */
} geometry;

static geometry random_geometry(kernel_random *random, bool transposed)
{
    geometry shape = {.spatial = (uint32_t)between(random, 1, 3),
                      .batch = between(random, 1, 2),
                      .groups = between(random, 0, 2) == 0 ? between(random, 2, 3) : 1,
                      .inputs = between(random, 1, 20),
                      .outputs = between(random, 1, 50)};
    int64_t most = shape.spatial == 1 ? 60 : shape.spatial == 2 ? 14 : 6;
    for (uint32_t k = 0; k < shape.spatial; k++) {
        shape.window[k] = between(random, 1, 4);
        shape.strides[k] = between(random, 1, 3);
        shape.dilations[k] = between(random, 1, 2);
        int64_t reach = (shape.window[k] - 1) * shape.dilations[k];
        /* Transposed: what they take off leaves a result; else also more than the window reaches.
         */
        int64_t most_pad = transposed ? reach / 2 : reach + 2;
        shape.pads[k] = between(random, 0, 2) == 0 ? 0 : between(random, 0, most_pad);
        shape.pads[shape.spatial + k] = between(random, 0, most_pad);
        shape.input[k] = between(random, transposed ? 1 : reach + 1, reach + most);
        shape.output_padding[k] = between(random, 0, shape.strides[k] - 1);
    }
    return shape;
}

static void append(char *text, size_t size, int64_t value)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%lld ", (long long)value);
}

/* The kernel of one geometry: conv, transposed, or depthwise in window form. */
static void check_geometry(kernel_random *random, bool transposed, bool depthwise)
{
    geometry shape = random_geometry(random, transposed);
    char input[128] = "", weights[128] = "", pads[128] = "", bias[32] = "";
    if (depthwise) {
        shape.groups = between(random, 2, 40);
        shape.inputs = shape.outputs = 1;
    }
    append(input, sizeof input, shape.batch);
    append(weights, sizeof weights,
           transposed ? shape.groups * shape.inputs : shape.groups * shape.outputs);
    for (uint32_t k = 0; k < shape.spatial; k++) {
        append(input, sizeof input, shape.input[k]);
        append(weights, sizeof weights, shape.window[k]);
    }
    for (uint32_t k = 0; k < 2 * shape.spatial; k++) {
        append(pads, sizeof pads, shape.pads[k]);
    }
    append(input, sizeof input, shape.groups * shape.inputs);
    append(weights, sizeof weights, transposed ? shape.outputs : shape.inputs);
    append(bias, sizeof bias, shape.groups * shape.outputs);
    contraction_case test = case_begin(kernel_random_next(random));
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, input, NULL),
                              case_constant(&test, HMLC_DTYPE_f32, weights),
                              case_constant(&test, HMLC_DTYPE_f32, bias)};
    hmlc_attr attrs[] = {
        hmlc_attr_ints(HMLC_ATTR_strides, shape.strides, shape.spatial),
        kernel_graph_dims(&test.graph, HMLC_ATTR_pads, pads),
        hmlc_attr_ints(HMLC_ATTR_dilations, shape.dilations, shape.spatial),
        hmlc_attr_int(HMLC_ATTR_groups, shape.groups),
        hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
        hmlc_attr_ints(HMLC_ATTR_output_padding, shape.output_padding, shape.spatial)};
    hmlc_value *value =
        kernel_graph_op(&test.graph, transposed ? HMLC_OP_conv_transpose : HMLC_OP_conv, operands,
                        3, attrs, transposed ? 6 : 5);
    value = kernel_graph_unary(&test.graph, HMLC_OP_relu, value);
    case_verify(&test, depthwise ? HMLC_FORM_WINDOW : HMLC_FORM_CONTRACTION, value);
}

/* HMLC_RANDOM_ROUNDS asks for a longer run. */
static int rounds(void)
{
    const char *text = getenv("HMLC_RANDOM_ROUNDS");
    return text != NULL ? (int)strtol(text, NULL, 10) : 8;
}

static void random_convolutions(void **state)
{
    (void)state;
    kernel_random random = {2024};
    for (int k = 0; k < rounds(); k++) {
        check_geometry(&random, false, false);
    }
}

static void random_transposed_convolutions(void **state)
{
    (void)state;
    kernel_random random = {77};
    for (int k = 0; k < rounds(); k++) {
        check_geometry(&random, true, false);
    }
}

static void random_depthwise(void **state)
{
    (void)state;
    kernel_random random = {5};
    for (int k = 0; k < rounds(); k++) {
        check_geometry(&random, false, true);
    }
}

static void random_products(void **state)
{
    (void)state;
    kernel_random random = {123};
    for (int k = 0; k < rounds(); k++) {
        int64_t batch = between(&random, 1, 3), rows = between(&random, 1, 40);
        int64_t depth = between(&random, 1, 70), columns = between(&random, 1, 130);
        char left[64] = "", right[64] = "", residual[64] = "";
        append(left, sizeof left, batch);
        append(left, sizeof left, rows);
        append(left, sizeof left, depth);
        append(right, sizeof right, depth);
        append(right, sizeof right, columns);
        append(residual, sizeof residual, rows);
        append(residual, sizeof residual, columns);
        contraction_case test = case_begin(kernel_random_next(&random));
        hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, left, NULL),
                                  case_constant(&test, HMLC_DTYPE_f32, right)};
        hmlc_value *added = case_input(&test, HMLC_DTYPE_f32, residual, NULL);
        hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
        value = kernel_graph_binary(&test.graph, HMLC_OP_add, value, added);
        value = kernel_graph_unary(&test.graph, k % 2 == 0 ? HMLC_OP_relu : HMLC_OP_sigmoid, value);
        case_verify(&test, HMLC_FORM_CONTRACTION, value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_convolutions),
        cmocka_unit_test(random_transposed_convolutions),
        cmocka_unit_test(random_depthwise),
        cmocka_unit_test(random_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

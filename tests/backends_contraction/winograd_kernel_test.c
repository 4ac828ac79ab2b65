/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions in Winograd's form: tiles, borders, blocks and epilogues, against f64. */
#include "contraction_cases.h"

#include <hmlc/winograd.h>

/* Rounding of the transforms, which multiply by up to 1.5^4 and its inverse. */
static const harness_tolerance winograd_error = {6e-5, 6e-5};

typedef struct winograd_case {
    const char *input, *sizes; /* [N, H, W, C]: dims, and numbers for this run */
    int64_t inputs, outputs;   /* channels */
    const char *pads;
    hmlc_opcode activation;
    bool residual; /* a value of the result's shape is added */
} winograd_case;

static hmlc_value *build(contraction_case *test, const winograd_case *shape, int64_t tile)
{
    char weights[64], bias[32];
    static const int64_t ones[] = {1, 1};
    snprintf(weights, sizeof weights, "%lld 3 3 %lld", (long long)shape->outputs,
             (long long)shape->inputs);
    snprintf(bias, sizeof bias, "%lld", (long long)shape->outputs);
    hmlc_value *operands[] = {case_input(test, HMLC_DTYPE_f32, shape->input, shape->sizes),
                              case_constant(test, HMLC_DTYPE_f32, weights),
                              case_constant(test, HMLC_DTYPE_f32, bias)};
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, ones, 2),
                         kernel_graph_dims(&test->graph, HMLC_ATTR_pads, shape->pads),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, 1),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
                         hmlc_attr_int(HMLC_ATTR_winograd, tile)};
    return kernel_graph_op(&test->graph, HMLC_OP_conv, operands, 3, attrs, 6);
}

static void check(const winograd_case *shape)
{
    for (int64_t tile = 2; tile <= HMLC_WINOGRAD_OUTPUTS; tile += 2) {
        contraction_case test = case_begin((uint64_t)(shape->outputs + tile));
        hmlc_value *value = build(&test, shape, tile);
        if (shape->residual) {
            hmlc_value *sum[] = {value,
                                 case_input(&test, HMLC_DTYPE_f32, shape->input, shape->sizes)};
            value = kernel_graph_op(&test.graph, HMLC_OP_add, sum, 2, NULL, 0);
        }
        value = kernel_graph_unary(&test.graph, shape->activation, value);
        case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, winograd_error);
    }
}

#define CHECK(...) check(&(winograd_case){__VA_ARGS__})

/* Sizes that are no multiple of a tile, in all remainders; maps smaller than a tile. */
static void borders(void **state)
{
    (void)state;
    CHECK("1 16 16 16", NULL, 16, 16, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("1 13 15 16", NULL, 16, 16, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("1 14 17 16", NULL, 16, 16, "0 0 0 0", HMLC_OP_relu, false);
    CHECK("1 12 20 16", NULL, 16, 16, "2 0 1 2", HMLC_OP_relu, false);
    CHECK("1 3 3 16", NULL, 16, 16, "0 0 0 0", HMLC_OP_relu, false);
    CHECK("1 1 5 16", NULL, 16, 16, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("1 2 1 16", NULL, 16, 16, "4 3 2 5", HMLC_OP_relu, false);
}

/* Blocks of columns that are not full, and a last panel that stands alone in wide vectors. */
static void channels(void **state)
{
    (void)state;
    CHECK("1 18 18 48", NULL, 48, 80, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("1 15 14 32", NULL, 32, 208, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("1 9 9 272", NULL, 272, 16, "1 1 1 1", HMLC_OP_relu, false); /* sums in parts */
}

/* Several blocks of tiles, of two sizes, and images. */
static void images(void **state)
{
    (void)state;
    CHECK("1 43 39 16", NULL, 16, 32, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("3 17 18 16", NULL, 16, 16, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("n 14 14 32", "2 14 14 32", 32, 32, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("n 14 14 32", "0 14 14 32", 32, 32, "1 1 1 1", HMLC_OP_relu, false);
}

static void epilogues(void **state)
{
    (void)state;
    CHECK("2 15 13 32", NULL, 32, 32, "1 1 1 1", HMLC_OP_relu, true);
    CHECK("1 15 13 48", NULL, 48, 48, "1 1 1 1", HMLC_OP_silu,
          false); /* long: over a stored tile */
    CHECK("1 10 11 32", NULL, 32, 32, "1 1 1 1", HMLC_OP_gelu, true);
}

/* A layer that the form cannot compute here: the attribute is a wish. */
static void other_sizes_are_direct(void **state)
{
    (void)state;
    CHECK("n h w 16", "2 9 10 16", 16, 16, "1 1 1 1", HMLC_OP_relu, false);
    CHECK("1 12 12 12", NULL, 12, 20, "1 1 1 1", HMLC_OP_relu, false);
}

typedef struct bytes_case {
    const char *input;
    int64_t dims[4]; /* of the input */
    int64_t outputs; /* channels */
    int64_t pad_value;
    bool ends; /* nothing but the types' ends: the largest sums there are */
} bytes_case;

/* Exactly the sums of bytes; targets that add up four products at once stay direct. */
static void check_bytes(const bytes_case *shape)
{
    static const int64_t ones[] = {1, 1};
    contraction_case test = case_begin((uint64_t)(shape->dims[3] + shape->outputs));
    int64_t weight_dims[] = {shape->outputs, 3, 3, shape->dims[3]};
    hmlc_tensor x = kernel_random_tensor(&test.random, test.graph.module->arena, HMLC_DTYPE_u8, 4,
                                         shape->dims, 0, 256);
    hmlc_tensor w = kernel_random_tensor(&test.random, test.graph.module->arena, HMLC_DTYPE_i8, 4,
                                         weight_dims, -128, 128);
    for (int64_t k = 0; shape->ends && k < (int64_t)x.bytes; k++) {
        bool large = shape->outputs % 32 != 0 || kernel_random_next(&test.random) % 3 > 0;
        hmlc_element_set_int(HMLC_DTYPE_u8, hmlc_eval_data(&x), k, large ? 255 : 0);
    }
    for (int64_t k = 0; shape->ends && k < (int64_t)w.bytes; k++) {
        bool least = shape->outputs % 32 != 0 || kernel_random_next(&test.random) % 2 == 0;
        hmlc_element_set_int(HMLC_DTYPE_i8, hmlc_eval_data(&w), k, least ? -128 : 127);
    }
    hmlc_value *operands[] = {kernel_graph_input(&test.graph, HMLC_DTYPE_u8, shape->input),
                              kernel_graph_outer_constant(&test.graph, &w)};
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, ones, 2),
                         kernel_graph_dims(&test.graph, HMLC_ATTR_pads, "1 1 1 1"),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, 1),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST),
                         hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32),
                         hmlc_attr_int(HMLC_ATTR_pad_value, shape->pad_value),
                         hmlc_attr_int(HMLC_ATTR_winograd, 2)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 2, attrs, 8);
    test.inputs[test.input_count++] = x;
    case_verify_all(&test, HMLC_FORM_CONTRACTION, &value, 1, (harness_tolerance){0, 0});
}

static void bytes_are_exact(void **state)
{
    (void)state;
    check_bytes(&(bytes_case){"1 13 15 16", {1, 13, 15, 16}, 16, 0, false});
    check_bytes(&(bytes_case){"1 18 18 48", {1, 18, 18, 48}, 80, 128, false});
    check_bytes(&(bytes_case){"2 14 14 32", {2, 14, 14, 32}, 208, 7, false});
    check_bytes(&(bytes_case){"1 9 9 272", {1, 9, 9, 272}, 16, 255, true});
    check_bytes(&(bytes_case){"1 9 9 1024", {1, 9, 9, 1024}, 32, 3, true});
    check_bytes(&(bytes_case){"1 43 39 64", {1, 43, 39, 64}, 64, 1, false});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders),
        cmocka_unit_test(channels),
        cmocka_unit_test(images),
        cmocka_unit_test(epilogues),
        cmocka_unit_test(other_sizes_are_direct),
        cmocka_unit_test(bytes_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

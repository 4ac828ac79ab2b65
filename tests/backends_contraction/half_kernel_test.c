/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weights stored in halves: kernels against the interpreter, and bit for bit against the kernels
 * that read the same numbers as f32. Widening is exact, and sums are added up in the same order.
 */
#include "contraction_cases.h"
#include "kernel_assembly.h"

typedef struct half_case {
    const char *input, *weights, *sizes; /* sizes: of an input with symbols, NULL: none */
    bool conv, transpose_b;
    int64_t stride;
    const char *pads;
} half_case;

/* The ends of the type, its denormals, zeros and an infinity among random numbers. */
static void put_corners(hmlc_tensor *weights)
{
    static const uint16_t corners[][2] = {{0x0001, 0x0001}, {0x83ff, 0x807f}, {0x7bff, 0x7f7f},
                                          {0x8000, 0x8000}, {0x0400, 0x0080}, {0xfc00, 0xff80}};
    uint16_t *elements = hmlc_eval_data(weights);
    for (size_t k = 0; k < sizeof corners / sizeof corners[0]; k++) {
        size_t place = (k + 1) * 37 % (weights->bytes / sizeof *elements);
        elements[place] = corners[k][weights->dtype == HMLC_DTYPE_bf16];
    }
}

/* The weights as the kernel gets them: halves and a cast, or the same numbers in f32. */
static hmlc_value *weights_of(contraction_case *test, const half_case *shape, hmlc_dtype half,
                              bool corners, bool wide)
{
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    hmlc_tensor stored = case_tensor(test, half, shape->weights);
    if (corners) {
        put_corners(&stored);
    }
    if (!wide) {
        hmlc_value *value = kernel_graph_outer_constant(&test->graph, &stored);
        return kernel_graph_op(&test->graph, HMLC_OP_cast, &value, 1, &to, 1);
    }
    hmlc_tensor widened = case_tensor(test, HMLC_DTYPE_f32, shape->weights);
    for (int64_t k = 0; k < hmlc_tensor_count(&stored); k++) {
        hmlc_element_set_double(HMLC_DTYPE_f32, hmlc_eval_data(&widened), k,
                                hmlc_tensor_get_double(&stored, k));
    }
    return kernel_graph_outer_constant(&test->graph, &widened);
}

static contraction_case build(const half_case *shape, hmlc_dtype half, bool corners, bool wide)
{
    contraction_case test = case_begin(strlen(shape->input) + strlen(shape->weights));
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, shape->input, shape->sizes), NULL};
    operands[1] = weights_of(&test, shape, half, corners, wide);
    const int64_t strides[] = {shape->stride, shape->stride}, dilations[] = {1, 1};
    hmlc_attr product[] = {hmlc_attr_int(HMLC_ATTR_transpose_b, shape->transpose_b)};
    hmlc_value *value = NULL;
    if (shape->conv) {
        hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, strides, 2),
                             kernel_graph_dims(&test.graph, HMLC_ATTR_pads, shape->pads),
                             hmlc_attr_ints(HMLC_ATTR_dilations, dilations, 2),
                             hmlc_attr_int(HMLC_ATTR_groups, 1),
                             hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST)};
        value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 2, attrs, 5);
    } else {
        value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, product, 1);
    }
    value = kernel_graph_unary(&test.graph, HMLC_OP_relu, value);
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    return test;
}

static hmlc_tensor run_on(contraction_case *test, const char *target, size_t *weight_bytes)
{
    hmlc_tensor result;
    harness_kernel *kernel = harness_compile(test->graph.module, target);
    *weight_bytes = kernel->plan.operands[1].bytes;
    assert_int_equal(harness_run(kernel, test->inputs, test->graph.module->arena, &result, 2),
                     HML_KERNEL_OK);
    harness_free(kernel);
    return result;
}

static void same_bits(const half_case *shape, hmlc_dtype half)
{
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++) {
        if (!harness_can_run(targets[t])) {
            continue;
        }
        size_t bytes, wide_bytes;
        contraction_case stored = build(shape, half, true, false);
        contraction_case wide = build(shape, half, true, true);
        hmlc_tensor found = run_on(&stored, targets[t], &bytes);
        hmlc_tensor expected = run_on(&wide, targets[t], &wide_bytes);
        assert_int_equal(2 * bytes, wide_bytes);
        assert_int_equal(found.bytes, expected.bytes);
        for (int64_t k = 0; k < hmlc_tensor_count(&found); k++) {
            double is = hmlc_tensor_get_double(&found, k);
            double should = hmlc_tensor_get_double(&expected, k);
            if (is != should && !(is != is && should != should)) { /* NaN: inf * 0, inf - inf */
                fail_msg("%s, %s by %s: element %d is %g; in f32 %g", targets[t], shape->input,
                         shape->weights, (int)k, is, should);
            }
        }
        kernel_graph_destroy(&stored.graph);
        kernel_graph_destroy(&wide.graph);
    }
}

static void check(const half_case *shape)
{
    static const hmlc_dtype halves[] = {HMLC_DTYPE_bf16, HMLC_DTYPE_f16};
    for (size_t k = 0; k < sizeof halves / sizeof halves[0]; k++) {
        contraction_case test = build(shape, halves[k], false, false);
        harness_verify_targets(test.graph.module, test.inputs, close_enough);
        kernel_graph_destroy(&test.graph);
        same_bits(shape, halves[k]);
    }
}

static void products(void **state)
{
    (void)state;
    check(&(half_case){.input = "1 768", .weights = "768 400"}); /* streams its weights */
    check(&(half_case){.input = "2 70", .weights = "70 100"});
    check(&(half_case){.input = "3 33", .weights = "48 33", .transpose_b = true});
    check(&(half_case){.input = "40 300", .weights = "300 77"}); /* more than one part of a sum */
    check(&(half_case){.input = "m 64", .weights = "64 40", .sizes = "5 64"});
    check(&(half_case){.input = "m 64", .weights = "64 40", .sizes = "1 64"});
    check(&(half_case){.input = "3 20 24", .weights = "3 24 36"});
}

static void convolutions(void **state)
{
    (void)state;
    check(&(half_case){"1 9 9 32", "40 3 3 32", NULL, true, false, 1, "1 1 1 1"});
    check(&(half_case){"1 9 9 32", "48 1 1 32", NULL, true, false, 2, "0 0 0 0"});
    check(&(half_case){"1 40 40 16", "20 3 3 16", NULL, true, false, 1, "1 1 1 1"});
    check(&(half_case){"1 12 12 3", "16 3 3 3", NULL, true, false, 2, "1 1 1 1"});
    check(&(half_case){"1 h w 8", "24 3 3 8", "1 7 6 8", true, false, 1, "1 1 1 1"});
}

/* -- products of f16 -- */

/* Sums in f32 of products of halves, with the columns of a few vectors left over. */
static contraction_case build_half_product(const char *left, const char *right, bool conv)
{
    static const int64_t ones[] = {1, 1};
    contraction_case test = case_begin(7);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f16, left, NULL),
                              case_constant(&test, HMLC_DTYPE_f16, right)};
    hmlc_attr attrs[] = {hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_f32),
                         hmlc_attr_ints(HMLC_ATTR_strides, ones, 2),
                         kernel_graph_dims(&test.graph, HMLC_ATTR_pads, "1 1 1 1"),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, 1),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST)};
    hmlc_value *value = kernel_graph_op(&test.graph, conv ? HMLC_OP_conv : HMLC_OP_matmul, operands,
                                        2, attrs, conv ? 6 : 1);
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    return test;
}

/* Where no machine multiplies f16 they are products of f32, exact. */
static void products_of_f16(void **state)
{
    (void)state;
    static const struct {
        const char *left, *right;
        bool conv;
    } cases[] = {
        {"7 300", "300 50", false}, {"1 64", "64 70", false}, {"1 9 9 20", "24 3 3 20", true}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        contraction_case test = build_half_product(cases[k].left, cases[k].right, cases[k].conv);
        harness_verify_targets(test.graph.module, test.inputs, close_enough);
        kernel_graph_destroy(&test.graph);
    }
}

/* Products of a k loop; the largest one that an assembly text has, and no loop with products and
 * an access to the stack. */
static uint32_t most_products(const char *text)
{
    static assembly_loop loops[ASSEMBLY_LOOPS];
    uint32_t most = 0, count = assembly_inner_loops(text, loops);
    for (uint32_t k = 0; k < count; k++) {
        const assembly_loop *loop = &loops[k];
        uint32_t products = loop->count[ASSEMBLY_FMA];
        bool depth = products > 0 && loop->count[ASSEMBLY_STORE] == 0;
        if (depth && loop->stack > 0) {
            fail_msg("a k step spills:\n%.*s", loop->length, loop->text);
        }
        most = depth && products > most ? products : most;
    }
    return most;
}

static void check_loop(contraction_case *test, const char *target, uint32_t products)
{
    char *text = harness_assembly(test->graph.module, target);
    assembly_check_symbols(text);
    assert_int_equal(most_products(text), products);
    free(text);
}

/* 6 x 4 vectors by four steps; f16 that is widened leaves registers for what is on its way. */
static void loops_do_not_spill(void **state)
{
    (void)state;
    contraction_case half = build_half_product("126 256", "256 64", false);
    check_loop(&half, "aarch64-dot", 96);
    check_loop(&half, "aarch64-mm", 96);
    kernel_graph_destroy(&half.graph);
    const half_case shape = {.input = "125 256", .weights = "256 64"};
    contraction_case bf16 = build(&shape, HMLC_DTYPE_bf16, false, false);
    contraction_case f16 = build(&shape, HMLC_DTYPE_f16, false, false);
    check_loop(&bf16, "aarch64", 96);
    check_loop(&f16, "aarch64", 80);
    check_loop(&bf16, "armv7", 16);
    check_loop(&f16, "armv7", 12);
    check_loop(&bf16, "x86-64-v3", 12);
    check_loop(&f16, "x86-64-v3", 12);
    check_loop(&bf16, "x86-64-v4", 28);
    check_loop(&f16, "x86-64-v4", 28);
    kernel_graph_destroy(&bf16.graph);
    kernel_graph_destroy(&f16.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(products), cmocka_unit_test(convolutions),
                                       cmocka_unit_test(products_of_f16),
                                       cmocka_unit_test(loops_do_not_spill)};
    return cmocka_run_group_tests_name("half kernels", tests, NULL, NULL);
}

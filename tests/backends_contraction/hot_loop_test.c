/*
 * The inner loops as assembly: no stack access, nothing but products, broadcasts, panel loads and
 * the loop's own few instructions. This is checked for targets that this machine cannot run, too.
 */
#include "contraction_cases.h"

typedef struct hot_loop {
    int products, broadcasts, loads, prefetches, others, stack;
    bool epilogue; /* more than products: a loop over the rows of a stored tile */
} hot_loop;

static bool contains(const char *line, size_t length, const char *word)
{
    size_t size = strlen(word);
    for (size_t k = 0; k + size <= length; k++) {
        if (memcmp(line + k, word, size) == 0) {
            return true;
        }
    }
    return false;
}

static void count_instruction(hot_loop *loop, const char *line, size_t length)
{
    if (line[0] != '\t' || line[1] == '.' || line[1] == '#') {
        return;
    }
    if (contains(line, length, "fmadd")) {
        loop->products++;
    } else if (contains(line, length, "vbroadcastss")) {
        loop->broadcasts++;
    } else if (contains(line, length, "vmovups") || contains(line, length, "vmovaps")) {
        loop->loads++;
    } else if (contains(line, length, "prefetch")) {
        loop->prefetches++;
    } else {
        loop->others++;
    }
    static const char *const arithmetic[] = {"mulps", "divps", "maxps", "minps", "addps"};
    for (size_t k = 0; k < sizeof arithmetic / sizeof arithmetic[0]; k++) {
        loop->epilogue = loop->epilogue || contains(line, length, arithmetic[k]);
    }
    loop->stack += contains(line, length, "(%rsp");
}

/* Blocks that jump to their own label and multiply. Returns the largest product count. */
static int check_loops(const char *text)
{
    hot_loop loop = {0};
    char label[64] = "";
    int most = 0;
    for (const char *line = text; *line != 0;) {
        size_t length = strcspn(line, "\n");
        const char *colon = memchr(line, ':', length);
        if (line[0] == '.' && colon != NULL && (size_t)(colon - line) < sizeof label - 2) {
            loop = (hot_loop){0};
            snprintf(label, sizeof label, "\t%.*s", (int)(colon - line), line);
        }
        count_instruction(&loop, line, length);
        size_t size = strlen(label);
        bool jumps = line[0] == '\t' && line[1] == 'j' && size > 0 && size <= length &&
                     memcmp(line + length - size, label, size) == 0;
        if (jumps && loop.products > 0 && !loop.epilogue) {
            assert_int_equal(loop.stack, 0);
            assert_in_range(loop.others, 0, 5);
            assert_in_range(loop.broadcasts, 1, 14);
            assert_in_range(loop.loads, 0, 8);
            assert_in_range(loop.prefetches, 0, 4);
            most = loop.products > most ? loop.products : most;
            loop = (hot_loop){0};
        }
        line += length + (line[length] != 0);
    }
    return most;
}

/* The kernel's main tile has that many accumulators on AVX2 and on AVX-512. */
static void check_kernel(contraction_case *test, hmlc_value *value, int avx2, int avx512)
{
    static const char *const targets[] = {"x86-64-v3", "x86-64-v4"};
    kernel_graph_finish(&test->graph, HMLC_FORM_CONTRACTION, &value, 1);
    for (int k = 0; k < 2; k++) {
        char *text = harness_assembly(test->graph.module, targets[k]);
        assert_int_equal(check_loops(text), k == 0 ? avx2 : avx512);
        free(text);
    }
    kernel_graph_destroy(&test->graph);
}

static void products(void **state)
{
    (void)state;
    contraction_case test = case_begin(1);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "126 256", NULL),
                              case_constant(&test, HMLC_DTYPE_f32, "256 64")};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    check_kernel(&test, kernel_graph_unary(&test.graph, HMLC_OP_gelu, value), 12, 28);
}

static void products_of_any_height(void **state)
{
    (void)state;
    contraction_case test = case_begin(1);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "m 200", "64 200"),
                              case_constant(&test, HMLC_DTYPE_f32, "200 80")};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    check_kernel(&test, kernel_graph_unary(&test.graph, HMLC_OP_relu, value), 12, 28);
}

static void packed_products(void **state)
{
    (void)state;
    contraction_case test = case_begin(1);
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, "12 128 64", NULL),
                              case_input(&test, HMLC_DTYPE_f32, "12 8 64 16", NULL)};
    hmlc_attr shape = kernel_graph_dims(&test.graph, HMLC_ATTR_shape, "128");
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul_packed, operands, 2, &shape, 1);
    check_kernel(&test, value, 12, 26);
}

static void check_conv(const char *input, const char *weights, int64_t stride, const char *pads,
                       bool channels_first, int avx2, int avx512)
{
    static const int64_t order[] = {0, 2, 3, 1}, ones[] = {1, 1};
    contraction_case test = case_begin(1);
    int64_t strides[] = {stride, stride};
    hmlc_value *operands[] = {case_input(&test, HMLC_DTYPE_f32, input, NULL),
                              case_constant(&test, HMLC_DTYPE_f32, weights)};
    if (channels_first) {
        hmlc_attr permutation = hmlc_attr_ints(HMLC_ATTR_permutation, order, 4);
        operands[0] = kernel_graph_op(&test.graph, HMLC_OP_transpose, operands, 1, &permutation, 1);
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, strides, 2),
                         kernel_graph_dims(&test.graph, HMLC_ATTR_pads, pads),
                         hmlc_attr_ints(HMLC_ATTR_dilations, ones, 2),
                         hmlc_attr_int(HMLC_ATTR_groups, 1),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_LAST)};
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_conv, operands, 2, attrs, 5);
    check_kernel(&test, kernel_graph_unary(&test.graph, HMLC_OP_relu, value), avx2, avx512);
}

static void convolutions(void **state)
{
    (void)state;
    check_conv("1 56 56 64", "64 3 3 64", 1, "1 1 1 1", false, 12, 22);
    check_conv("1 14 14 64", "64 3 3 64", 1, "1 1 1 1", false, 12, 24);
    check_conv("1 7 7 64", "64 3 3 64", 1, "1 1 1 1", false, 12, 18);
    check_conv("1 28 28 64", "64 3 3 64", 2, "1 1 1 1", false, 12, 24);
    check_conv("1 56 56 64", "256 1 1 64", 1, "0 0 0 0", false, 12, 28);
    check_conv("1 56 56 64", "128 1 1 64", 2, "0 0 0 0", false, 12, 24);
    check_conv("1 64 64 3", "64 7 7 3", 2, "3 3 3 3", false, 12, 20);
    check_conv("1 3 64 64", "64 7 7 3", 2, "3 3 3 3", true, 12, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products),
        cmocka_unit_test(products_of_any_height),
        cmocka_unit_test(packed_products),
        cmocka_unit_test(convolutions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

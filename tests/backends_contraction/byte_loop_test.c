/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of products of bytes as assembly, for each target that has an instruction for
 * them, which this machine need not be able to run: that instruction, as many as the tile has
 * products, no stack access, and no more instructions than the tile needs.
 */
#include "contraction_cases.h"
#include "kernel_assembly.h"

typedef struct byte_loop {
    const char *target;
    hmlc_dtype left;
    const char *rows;  /* of the left side */
    bool ends;         /* weights that two products of do not fit i16 */
    const char *word;  /* how the instruction begins */
    uint32_t products; /* such instructions of the largest loop */
    uint32_t most;     /* instructions of that loop */
} byte_loop;

enum { DEPTH = 256, COLUMNS = 64 };

static const byte_loop loops[] = {
    {"x86-64-v3-vnni", HMLC_DTYPE_u8, "126", false, "vpdpbusd", 12, 25},
    {"x86-64-v4-vnni", HMLC_DTYPE_u8, "126", false, "vpdpbusd", 28, 49},
    {"aarch64", HMLC_DTYPE_i8, "126", false, "smlal", 64, 230},
    {"aarch64", HMLC_DTYPE_i8, "1", false, "smlal", 64, 256},
    {"aarch64", HMLC_DTYPE_i8, "126", true, "smull", 128, 296},
    {"aarch64-small", HMLC_DTYPE_i8, "126", false, "smlal", 64, 311},
    {"aarch64-dot", HMLC_DTYPE_i8, "126", false, "sdot", 96, 114},
    {"aarch64-dot", HMLC_DTYPE_i8, "1", false, "sdot", 48, 92},
    {"aarch64-dot", HMLC_DTYPE_i8, "2", true, "sdot", 96, 142},
    {"aarch64-dot-small", HMLC_DTYPE_i8, "126", false, "sdot", 64, 115},
    {"aarch64-mm", HMLC_DTYPE_i8, "126", true, "smmla", 48, 63},
    {"aarch64-mm", HMLC_DTYPE_i8, "1", true, "smmla", 48, 94},
    {"armv7", HMLC_DTYPE_i8, "126", false, "vmlal.s8", 8, 46},
};

/* Instructions of the text that begin so; an encoding may be named in front of them. */
static uint32_t count_of(const char *text, int length, const char *word)
{
    uint32_t count = 0;
    size_t size = strlen(word);
    for (const char *at = text; at + size < text + length; at++) {
        count += (at[0] == '\t' || at[0] == ' ') && memcmp(at + 1, word, size) == 0;
    }
    return count;
}

/* Between -127 and 127, or all at the end of the type. */
static hmlc_tensor weights_of(contraction_case *test, bool ends)
{
    hmlc_tensor tensor = {
        .dtype = HMLC_DTYPE_i8, .rank = 2, .dims = {DEPTH, COLUMNS}, .bytes = DEPTH * COLUMNS};
    int8_t *data = hmlc_arena_allocate(test->graph.module->arena, tensor.bytes);
    assert_non_null(data);
    for (size_t k = 0; k < tensor.bytes; k++) {
        data[k] = (int8_t)(ends ? INT8_MIN : (int)(kernel_random_next(&test->random) % 255) - 127);
    }
    tensor.data = data;
    return tensor;
}

static void check_loop(const byte_loop *of)
{
    static assembly_loop found[ASSEMBLY_LOOPS];
    contraction_case test = case_begin(3);
    hmlc_tensor weights = weights_of(&test, of->ends);
    char dims[32];
    snprintf(dims, sizeof dims, "%s %d", of->rows, DEPTH);
    hmlc_value *operands[] = {kernel_graph_input(&test.graph, of->left, dims),
                              kernel_graph_outer_constant(&test.graph, &weights)};
    hmlc_attr sums = hmlc_attr_dtype(HMLC_ATTR_accumulator, HMLC_DTYPE_i32);
    hmlc_value *value = kernel_graph_op(&test.graph, HMLC_OP_matmul, operands, 2, &sums, 1);
    kernel_graph_finish(&test.graph, HMLC_FORM_CONTRACTION, &value, 1);
    char *text = harness_assembly(test.graph.module, of->target);
    assembly_check_symbols(text);
    const assembly_loop *best = NULL;
    uint32_t count = assembly_inner_loops(text, found), most = 0;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t products = count_of(found[k].text, found[k].length, of->word);
        best = products > most ? &found[k] : best;
        most = products > most ? products : most;
    }
    if (best == NULL || most != of->products || best->stack > 0 || best->instructions > of->most) {
        fail_msg(
            "%s, %s rows: %u times %s of %u, in %u instructions, of %u, %u on the stack:\n%.*s",
            of->target, of->rows, most, of->word, of->products,
            best != NULL ? best->instructions : 0, of->most, best != NULL ? best->stack : 0,
            best != NULL ? best->length : 0, best != NULL ? best->text : "");
    }
    free(text);
    kernel_graph_destroy(&test.graph);
}

static void main_loops_are_lean(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof loops / sizeof loops[0]; k++) {
        check_loop(&loops[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(main_loops_are_lean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

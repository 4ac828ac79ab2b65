/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main loops of loop kernels as assembly, for each x86 target, which this machine need not be
 * able to run: no symbol from outside, no more instructions a register of results than the row
 * says, and few spills, on AVX-512 none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel_assembly.h"
#include "kernel_graph.h"
#include "kernel_harness.h"

enum { V2, V3, V4, TARGETS };
static const char *const targets[TARGETS] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};

typedef struct loop_row loop_row;
typedef hmlc_value *loop_build(kernel_graph *graph, const loop_row *row);

struct loop_row {
    const char *name;
    loop_build *build;
    const char *dims;
    hmlc_opcode opcode;
    uint32_t registers[TARGETS]; /* of results in one iteration of the largest loop */
    uint32_t each[TARGETS];      /* instructions for one of them */
    uint32_t stack[TARGETS];     /* most accesses in one loop */
};

static hmlc_value *unary(kernel_graph *graph, const loop_row *row)
{
    hmlc_value *x = kernel_graph_input(graph, HMLC_DTYPE_f32, row->dims);
    return kernel_graph_unary(graph, row->opcode, x);
}

/* relu(x op y) */
static hmlc_value *binary(kernel_graph *graph, const loop_row *row)
{
    hmlc_value *x = kernel_graph_input(graph, HMLC_DTYPE_f32, row->dims);
    hmlc_value *y = kernel_graph_input(graph, HMLC_DTYPE_f32, row->dims);
    return kernel_graph_unary(graph, HMLC_OP_relu, kernel_graph_binary(graph, row->opcode, x, y));
}

static hmlc_value *rows(kernel_graph *graph, const loop_row *row)
{
    static const int64_t axis[] = {1};
    hmlc_value *x = kernel_graph_input(graph, HMLC_DTYPE_f32, row->dims);
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_axes, axis, 1);
    return kernel_graph_op(graph, row->opcode, &x, 1, &attr, 1);
}

static hmlc_value *transpose(kernel_graph *graph, const loop_row *row)
{
    static const int64_t swap[] = {0, 2, 1};
    hmlc_value *x = kernel_graph_input(graph, HMLC_DTYPE_f32, row->dims);
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, swap, 3);
    return kernel_graph_op(graph, HMLC_OP_transpose, &x, 1, &attr, 1);
}

/*
 * Long polynomials run on four registers at once where these are 16, and keep what does not fit on
 * the stack: that is measured to be faster than two. Strides that only the run knows take more
 * general registers than there are.
 */
static const loop_row table[] = {
    {"exp", unary, "100000", HMLC_OP_exp, {4, 4, 2}, {43, 27, 24}, {4, 1, 0}},
    {"log", unary, "100000", HMLC_OP_log, {4, 4, 2}, {78, 52, 34}, {29, 23, 0}},
    {"tanh", unary, "100000", HMLC_OP_tanh, {4, 4, 2}, {46, 28, 22}, {8, 8, 0}},
    {"sigmoid", unary, "100000", HMLC_OP_sigmoid, {4, 4, 2}, {39, 23, 20}, {4, 1, 0}},
    {"SiLU of any length", unary, "n", HMLC_OP_silu, {4, 4, 2}, {42, 29, 22}, {10, 11, 0}},
    {"GELU of any length", unary, "n", HMLC_OP_gelu, {4, 4, 2}, {63, 46, 30}, {22, 20, 0}},
    {"erf", unary, "100000", HMLC_OP_erf, {4, 4, 2}, {89, 60, 44}, {16, 19, 0}},
    {"add and ReLU", binary, "100000", HMLC_OP_add, {4, 4, 4}, {6, 4, 4}, {0, 0, 0}},
    {"softmax", rows, "300 128", HMLC_OP_softmax, {4, 4, 2}, {37, 23, 19}, {13, 7, 0}},
    {"softmax of any length", rows, "m n", HMLC_OP_softmax, {4, 4, 2}, {39, 26, 20}, {14, 9, 0}},
    {"layer normalisation", rows, "128 768", HMLC_OP_layer_norm, {4, 4, 2}, {4, 4, 3}, {0, 0, 0}},
    {"RMS normalisation", rows, "m 768", HMLC_OP_rms_norm, {4, 4, 2}, {3, 3, 2}, {0, 0, 0}},
    {"transpose", transpose, "4 64 3136", HMLC_OP_transpose, {16, 16, 16}, {5, 5, 6}, {2, 2, 0}},
    {"transpose of any size",
     transpose,
     "b m n",
     HMLC_OP_transpose,
     {16, 16, 16},
     {7, 7, 9},
     {8, 10, 17}},
    {"3 channels", transpose, "1 3 50176", HMLC_OP_transpose, {3, 3, 3}, {5, 7, 4}, {0, 0, 0}},
};

/* An iteration: its registers' instructions, and 6 for addresses, counter and jump. */
static void check(const loop_row *row, int target, const char *text)
{
    static assembly_loop loops[ASSEMBLY_LOOPS];
    uint32_t count = assembly_inner_loops(text, loops), longest = 0;
    uint32_t most = row->registers[target] * row->each[target] + 6;
    for (uint32_t k = 0; k < count; k++) {
        const assembly_loop *loop = &loops[k];
        if (loop->instructions > most || loop->stack > row->stack[target]) {
            fail_msg("%s, %s: %u instructions of at most %u, %u of them on the stack:\n%.*s",
                     row->name, targets[target], loop->instructions, most, loop->stack,
                     loop->length, loop->text);
        }
        longest = loop->instructions > longest ? loop->instructions : longest;
    }
    if (longest * 4 < most * 3) {
        fail_msg("%s, %s: the bound of %u is loose: %u", row->name, targets[target], most, longest);
    }
}

static void main_loops(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_value *result = table[k].build(&graph, &table[k]);
        kernel_graph_finish(&graph, HMLC_FORM_LOOP, &result, 1);
        for (int target = 0; target < TARGETS; target++) {
            char *text = harness_assembly(graph.module, targets[target]);
            assembly_check_symbols(text);
            check(&table[k], target, text);
            free(text);
        }
        kernel_graph_destroy(&graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(main_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels share code where their keys are equal: whatever the code reads must be in the key whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

/* A kernel of one operand and its plan. */
typedef struct setup {
    kernel_graph graph;
    hmlc_arena *arena;
    hmlc_kernel_plan plan;
} setup;

static setup make(const char *dims)
{
    setup s = {.graph = kernel_graph_create(), .arena = hmlc_arena_create(NULL)};
    hmlc_value *x = kernel_graph_input(&s.graph, HMLC_DTYPE_f32, dims);
    hmlc_value *y = kernel_graph_unary(&s.graph, HMLC_OP_relu, x);
    kernel_graph_finish(&s.graph, HMLC_FORM_LOOP, &y, 1);
    assert_int_equal(harness_plan(s.graph.module, "x86-64-v3", s.arena, &s.plan), HMLC_OK);
    return s;
}

static void release(setup *s)
{
    hmlc_arena_destroy(s->arena);
    kernel_graph_destroy(&s->graph);
}

/* The key with the operand's elements so many apart. */
static const char *key_of(setup *s, const hmlc_dim *strides)
{
    s->graph.module->main->arguments[0]->storage.strides = strides;
    const char *key = hmlc_kernel_key(&s->plan, s->arena);
    assert_non_null(key);
    return key;
}

/* A symbol whose name alone is so long. */
static hmlc_dim long_symbol(hmlc_dims *dims, size_t length)
{
    char name[400];
    memset(name, 'n', length);
    name[length] = '\0';
    return hmlc_dim_symbol(dims, hmlc_symbol_get(dims, name));
}

static void one_long_stride(void **state)
{
    (void)state;
    setup s = make("8");
    hmlc_dims *dims = s.graph.module->dims;
    hmlc_dim symbol = long_symbol(dims, 200);
    hmlc_dim one = hmlc_dim_add(dims, symbol, hmlc_dim_constant(dims, 1));
    hmlc_dim two = hmlc_dim_add(dims, symbol, hmlc_dim_constant(dims, 2));
    assert_string_not_equal(key_of(&s, &one), key_of(&s, &two));
    assert_string_equal(key_of(&s, &one), key_of(&s, &one));
    release(&s);
}

static void many_strides(void **state)
{
    (void)state;
    setup s = make("2 2 2 2 2 2 2 2 2 2 2 2");
    hmlc_dims *dims = s.graph.module->dims;
    hmlc_dim one[HMLC_MAX_RANK], two[HMLC_MAX_RANK];
    for (size_t k = 0; k < HMLC_MAX_RANK; k++) {
        one[k] = two[k] = long_symbol(dims, 100 + k);
    }
    two[HMLC_MAX_RANK - 1] = hmlc_dim_constant(dims, 1);
    assert_string_not_equal(key_of(&s, one), key_of(&s, two));
    release(&s);
}

/* The product of a row with weights that all are `weight`, and scales in blocks. */
static setup make_blocks(int8_t weight)
{
    enum { SIZE = 16 };
    setup s = {.graph = kernel_graph_create(), .arena = hmlc_arena_create(NULL)};
    int8_t weights[SIZE * SIZE];
    float scales[SIZE];
    memset(weights, weight, sizeof weights);
    for (int k = 0; k < SIZE; k++) {
        scales[k] = 1;
    }
    const hmlc_tensor constants[] = {{.dtype = HMLC_DTYPE_i8,
                                      .rank = 2,
                                      .dims = {SIZE, SIZE},
                                      .bytes = sizeof weights,
                                      .data = weights},
                                     {.dtype = HMLC_DTYPE_f32,
                                      .rank = 2,
                                      .dims = {1, SIZE},
                                      .bytes = sizeof scales,
                                      .data = scales}};
    hmlc_value *parts[] = {kernel_graph_outer_constant(&s.graph, &constants[0]),
                           kernel_graph_outer_constant(&s.graph, &constants[1])};
    const hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, 0),
                               hmlc_attr_int(HMLC_ATTR_block, SIZE),
                               hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)};
    hmlc_value *operands[] = {kernel_graph_input(&s.graph, HMLC_DTYPE_f32, "1 16"),
                              kernel_graph_op(&s.graph, HMLC_OP_dequantize, parts, 2, attrs, 3)};
    hmlc_value *y = kernel_graph_op(&s.graph, HMLC_OP_matmul, operands, 2, NULL, 0);
    kernel_graph_finish(&s.graph, HMLC_FORM_CONTRACTION, &y, 1);
    assert_int_equal(harness_plan(s.graph.module, "x86-64-v3", s.arena, &s.plan), HMLC_OK);
    return s;
}

/* Bytes of one type that fit four bits have a sign or none: what unpacks them differs. */
static void sign_of_four_bits(void **state)
{
    (void)state;
    setup without = make_blocks(7), with = make_blocks(-7), again = make_blocks(5);
    const char *key = hmlc_kernel_key(&without.plan, without.arena);
    assert_string_not_equal(key, hmlc_kernel_key(&with.plan, with.arena));
    assert_string_equal(key, hmlc_kernel_key(&again.plan, again.arena));
    release(&without);
    release(&with);
    release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_long_stride),
        cmocka_unit_test(many_strides),
        cmocka_unit_test(sign_of_four_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

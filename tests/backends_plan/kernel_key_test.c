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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_long_stride),
        cmocka_unit_test(many_strides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* DynamicQuantizeLinear: scale, zero point and elements, ONNX Runtime's worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <hmlc/ir.h>

#include "test_module.h"

/* Runs it on `count` elements; results lie in `arena`. */
static void quantize(const float *x, int64_t count, hmlc_arena *arena, hmlc_tensor *results)
{
    wire_buffer graph = {0}, node = node_begin("DynamicQuantizeLinear", "x", "y scale zero");
    graph_node(&graph, &node);
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "n");
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_UINT8, NULL);
    graph_value(&graph, GRAPH_OUTPUT, "scale", ONNX_FLOAT, NULL);
    graph_value(&graph, GRAPH_OUTPUT, "zero", ONNX_UINT8, NULL);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_OK);
    hmlc_tensor input = {.dtype = HMLC_DTYPE_f32,
                         .rank = 1,
                         .dims = {count},
                         .data = x,
                         .bytes = (size_t)count * sizeof *x};
    assert_int_equal(hmlc_interpret(model.module, &input, 1, arena, results, 3), HMLC_OK);
    imported_free(&model);
}

static void expect(const float *x, int64_t count, double scale, int64_t zero, const int64_t *y)
{
    hmlc_tensor results[3];
    hmlc_arena *arena = hmlc_arena_create(NULL);
    assert_non_null(arena);
    quantize(x, count, arena, results);
    assert_float_equal(hmlc_tensor_get_double(&results[1], 0), scale, 1e-7);
    assert_int_equal(hmlc_tensor_get_int(&results[2], 0), zero);
    for (int64_t k = 0; k < count; k++) {
        assert_int_equal(hmlc_tensor_get_int(&results[0], k), y[k]);
    }
    hmlc_arena_destroy(arena);
}

static void a_range_that_holds_zero(void **state)
{
    (void)state;
    const float x[] = {-1, 0, 0.5f, 1.55f};
    const int64_t y[] = {0, 100, 150, 255};
    expect(x, 4, 0.01, 100, y);
}

/* The range is empty: a scale of 0 would make every element NaN. */
static void zeros_and_nothing_have_scale_one(void **state)
{
    (void)state;
    const float x[] = {0, 0, 0};
    const int64_t y[] = {0, 0, 0};
    expect(x, 3, 1, 0, y);
    expect(x, 0, 1, 0, y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_that_holds_zero),
        cmocka_unit_test(zeros_and_nothing_have_scale_one),
    };
    return cmocka_run_group_tests_name("onnx_quantize", tests, NULL, NULL);
}

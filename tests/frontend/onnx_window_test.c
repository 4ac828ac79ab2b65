/* SPDX-License-Identifier: Apache-2.0 */
/* Windows and resizes whose sizes only the run knows: types and numbers. Expected ones are ONNX
 * Runtime's, worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <hmlc/ir.h>

#include "import_expect.h"

enum { MOST = 256 };

static void floats(wire_buffer *graph, const char *name, const char *dims, const float *values,
                   size_t count)
{
    graph_constant(graph, name, ONNX_FLOAT, dims, values, count * sizeof *values);
}

/* x -> node -> y */
static imported import_node(wire_buffer *graph, wire_buffer *node, const char *dims)
{
    graph_node(graph, node);
    graph_value(graph, GRAPH_INPUT, "x", ONNX_FLOAT, dims);
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    imported model = import_graph(graph, 17);
    expect_imported(&model);
    return model;
}

/* The result for an input of 1 x 1 x rows x columns with x[k] = first + k * step. */
static hmlc_tensor run(imported *model, hmlc_arena *arena, int64_t rows, int64_t columns,
                       float first, float step)
{
    float x[MOST];
    hmlc_tensor input = {.dtype = HMLC_DTYPE_f32,
                         .rank = 4,
                         .dims = {1, 1, rows, columns},
                         .data = x,
                         .bytes = (size_t)(rows * columns) * sizeof *x};
    hmlc_tensor output;
    assert_true(rows * columns <= MOST);
    for (int64_t k = 0; k < rows * columns; k++) {
        x[k] = first + (float)k * step;
    }
    assert_int_equal(hmlc_interpret(model->module, &input, 1, arena, &output, 1), HMLC_OK);
    return output;
}

static void expect(const hmlc_tensor *found, const double *expected, int64_t rows, int64_t columns)
{
    assert_int_equal(found->dims[2], rows);
    assert_int_equal(found->dims[3], columns);
    for (int64_t k = 0; k < rows * columns; k++) {
        assert_float_equal(hmlc_tensor_get_double(found, k), expected[k], 1e-6);
    }
}

/* Ones of 4 x 4, windows of 3 at -1, 1 and 3: pads count, what ceil_mode adds does not. */
static void averages_count_pads_and_not_the_ceiling(void **state)
{
    (void)state;
    static const char *const dims[] = {"1 1 4 4", "n 1 h w"};
    const int64_t three[] = {3, 3}, two[] = {2, 2}, ones[] = {1, 1, 1, 1};
    const double along[] = {2.0 / 3, 1, 0.5};
    double expected[9];
    for (int k = 0; k < 9; k++) {
        expected[k] = along[k / 3] * along[k % 3];
    }
    for (int k = 0; k < 2; k++) {
        wire_buffer graph = {0}, node = node_begin("AveragePool", "x", "y");
        node_ints(&node, "kernel_shape", three, 2);
        node_ints(&node, "strides", two, 2);
        node_ints(&node, "pads", ones, 4);
        node_int(&node, "ceil_mode", 1);
        node_int(&node, "count_include_pad", 1);
        imported model = import_node(&graph, &node, dims[k]);
        hmlc_arena *arena = hmlc_arena_create(NULL);
        hmlc_tensor y = run(&model, arena, 4, 4, 1, 0);
        expect(&y, expected, 3, 3);
        hmlc_arena_destroy(arena);
        imported_free(&model);
    }
}

/* Larger than the map by less than the stride: one window that sees what there is. */
static void a_window_larger_than_the_map(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        double value;
    } pools[] = {{"MaxPool", 9}, {"AveragePool", 5}};
    const int64_t four[] = {4, 4}, two[] = {2, 2};
    for (int k = 0; k < 2; k++) {
        wire_buffer graph = {0}, node = node_begin(pools[k].type, "x", "y");
        node_ints(&node, "kernel_shape", four, 2);
        node_ints(&node, "strides", two, 2);
        imported model = import_node(&graph, &node, "1 1 3 3");
        hmlc_arena *arena = hmlc_arena_create(NULL);
        hmlc_tensor y = run(&model, arena, 3, 3, 1, 1);
        expect(&y, &pools[k].value, 1, 1);
        hmlc_arena_destroy(arena);
        imported_free(&model);
    }
}

/* 1.5 stays an expression; 0.7 is the product of floats: 10 * 0.7f is 7, not 6.99999988. */
static void resizes_by_fractions(void **state)
{
    (void)state;
    const float scales[] = {1, 1, 1.5F, 0.7F};
    wire_buffer graph = {0}, node = node_begin("Resize", "x - scales", "y");
    floats(&graph, "scales", "4", scales, 4);
    node_text(&node, "coordinate_transformation_mode", "asymmetric");
    node_text(&node, "nearest_mode", "floor");
    imported model = import_node(&graph, &node, "n 1 h w");
    assert_int_equal(count_ops(&model, HMLC_OP_bind_dims), 1);
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor y = run(&model, arena, 3, 10, 0, 1);
    /* Rows 0, 0, 1, 2; columns floor(i / 0.7f). */
    const double rows[] = {0, 0, 1, 2}, columns[] = {0, 1, 2, 4, 5, 7, 8};
    double expected[28];
    for (int k = 0; k < 28; k++) {
        expected[k] = rows[k / 7] * 10 + columns[k % 7];
    }
    expect(&y, expected, 4, 7);
    hmlc_arena_destroy(arena);
    imported_free(&model);
}

/* 2 x 3 by stride 2 and a window of 2 covers 4 x 6: one column is cut, one row added. */
static void transposed_output_shapes_of_any_input(void **state)
{
    (void)state;
    static const char *const dims[] = {"1 1 2 3", "n 1 h w"};
    const int64_t two[] = {2, 2}, shape[] = {5, 5};
    const float ones[] = {1, 1, 1, 1}, bias = 0.5F;
    double expected[25];
    for (int k = 0; k < 25; k++) {
        int row = k / 5, column = k % 5 + 1; /* the larger half of the cut is at the start */
        int pixel = row / 2 * 3 + column / 2;
        expected[k] = row == 4 ? 0.5 : pixel + 1.5;
    }
    for (int k = 0; k < 2; k++) {
        wire_buffer graph = {0}, node = node_begin("ConvTranspose", "x w b", "y");
        floats(&graph, "w", "1 1 2 2", ones, 4);
        floats(&graph, "b", "1", &bias, 1);
        node_ints(&node, "strides", two, 2);
        node_ints(&node, "output_shape", shape, 2);
        imported model = import_node(&graph, &node, dims[k]);
        hmlc_arena *arena = hmlc_arena_create(NULL);
        hmlc_tensor y = run(&model, arena, 2, 3, 1, 1);
        expect(&y, expected, 5, 5);
        hmlc_arena_destroy(arena);
        imported_free(&model);
    }
}

/* Cosine windows of a size that only the run knows, 0 among them. */
static void cosine_windows_of_any_size(void **state)
{
    (void)state;
    static const double hann[] = {0, 0.5, 1, 0.5};
    for (int64_t size = 0; size <= 4; size += 4) {
        wire_buffer graph = {0}, node = node_begin("HannWindow", "x", "y");
        graph_node(&graph, &node);
        graph_value(&graph, GRAPH_INPUT, "x", ONNX_INT64, "");
        graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
        imported model = import_graph(&graph, 17);
        assert_int_equal(model.status, HMLC_OK);
        hmlc_arena *arena = hmlc_arena_create(NULL);
        hmlc_tensor x = {.dtype = HMLC_DTYPE_i64, .data = &size, .bytes = sizeof size}, y;
        assert_int_equal(hmlc_interpret(model.module, &x, 1, arena, &y, 1), HMLC_OK);
        assert_int_equal(y.dims[0], size);
        for (int64_t k = 0; k < size; k++) {
            assert_float_equal(hmlc_tensor_get_double(&y, k), hann[k], 1e-6);
        }
        hmlc_arena_destroy(arena);
        imported_free(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(averages_count_pads_and_not_the_ceiling),
        cmocka_unit_test(a_window_larger_than_the_map),
        cmocka_unit_test(resizes_by_fractions),
        cmocka_unit_test(transposed_output_shapes_of_any_input),
        cmocka_unit_test(cosine_windows_of_any_size),
    };
    return cmocka_run_group_tests_name("onnx_window", tests, NULL, NULL);
}

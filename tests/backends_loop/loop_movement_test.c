/* SPDX-License-Identifier: Apache-2.0 */
/* Views, movement, indexed operators and generators as loop kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

static const harness_tolerance exact = {0, 0};

/* Finishes the kernel and checks it on random inputs of these sizes, one list per input. */
static void check(kernel_graph *graph, hmlc_value *result, const int64_t *const *sizes, double low,
                  double high)
{
    kernel_random random = {42};
    hmlc_tensor inputs[16];
    kernel_graph_finish(graph, HMLC_FORM_LOOP, &result, 1);
    for (uint32_t k = 0; k < graph->module->main->argument_count; k++) {
        const hmlc_type *type = graph->module->main->arguments[k]->type;
        inputs[k] = kernel_random_tensor(&random, graph->module->arena, type->dtype, type->rank,
                                         sizes[k], low, high);
    }
    harness_verify_targets(graph->module, inputs, exact);
    kernel_graph_destroy(graph);
}

static void transpose_one(const int64_t *shape, const char *dims, hmlc_dtype dtype,
                          const int64_t *permutation)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, dtype, dims);
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, 3);
    hmlc_value *y = kernel_graph_op(&graph, HMLC_OP_transpose, &x, 1, &attr, 1);
    check(&graph, y, &shape, -9, 9);
}

static void transposes(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{1, 3, 50},  {2, 50, 3}, {3, 33, 17}, {2, 64, 48},
                                        {1, 16, 16}, {5, 7, 9},  {1, 100, 4}, {2, 1, 20}};
    static const int64_t swap[] = {0, 2, 1}, turn[] = {2, 0, 1};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        char dims[64];
        snprintf(dims, sizeof dims, "%d %d %d", (int)shapes[k][0], (int)shapes[k][1],
                 (int)shapes[k][2]);
        transpose_one(shapes[k], dims, HMLC_DTYPE_f32, swap);
        transpose_one(shapes[k], "b m n", HMLC_DTYPE_f32, swap);
        transpose_one(shapes[k], dims, HMLC_DTYPE_i32, turn);
        transpose_one(shapes[k], k % 2 == 0 ? dims : "b m n", HMLC_DTYPE_u8, turn);
    }
}

/* Shuffled channels: [2, 30, 4 x 6] seen as [2, 30, 6 x 4]; the split dim becomes two loops. */
static void channel_shuffle(void **state)
{
    (void)state;
    static const int64_t shape[] = {2, 30, 24};
    const int64_t *sizes[] = {shape};
    for (int dynamic = 0; dynamic < 2; dynamic++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, dynamic ? "b s 24" : "2 30 24");
        hmlc_attr split =
            kernel_graph_dims(&graph, HMLC_ATTR_shape, dynamic ? "b s 4 6" : "2 30 4 6");
        hmlc_attr join = kernel_graph_dims(&graph, HMLC_ATTR_shape, dynamic ? "b s 24" : "2 30 24");
        static const int64_t permutation[] = {0, 1, 3, 2};
        hmlc_attr swap = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, 4);
        x = kernel_graph_op(&graph, HMLC_OP_reshape, &x, 1, &split, 1);
        x = kernel_graph_op(&graph, HMLC_OP_transpose, &x, 1, &swap, 1);
        x = kernel_graph_op(&graph, HMLC_OP_reshape, &x, 1, &join, 1);
        check(&graph, x, sizes, -9, 9);
    }
}

static void concat_one(int64_t axis, const char *const *dims, const int64_t *const *sizes,
                       bool relu)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *parts[3];
    for (int k = 0; k < 3; k++) {
        parts[k] = kernel_graph_input(&graph, HMLC_DTYPE_f32, dims[k]);
    }
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    hmlc_value *y = kernel_graph_op(&graph, HMLC_OP_concat, parts, 3, &attr, 1);
    y = relu ? kernel_graph_unary(&graph, HMLC_OP_relu, y) : y;
    check(&graph, y, sizes, -9, 9);
}

static void concats(void **state)
{
    (void)state;
    static const int64_t a[] = {2, 5, 40}, b[] = {2, 5, 7}, c[] = {2, 5, 0};
    static const int64_t d[] = {2, 0, 40}, e[] = {2, 9, 40};
    const int64_t *last[] = {a, b, c}, *middle[] = {a, d, e};
    const char *last_dims[] = {"2 5 40", "2 5 7", "2 5 0"};
    const char *last_dynamic[] = {"b m p", "b m q", "b m r"};
    const char *middle_dims[] = {"2 5 40", "2 0 40", "2 9 40"};
    const char *middle_dynamic[] = {"b p n", "b q n", "b r n"};
    for (int relu = 0; relu < 2; relu++) {
        concat_one(2, last_dims, last, relu == 1);
        concat_one(2, last_dynamic, last, relu == 1);
        concat_one(1, middle_dims, middle, relu == 1);
        concat_one(1, middle_dynamic, middle, relu == 1);
    }
}

/* A slice of a concat next to the concat itself: the cut serves one of them only. */
static void shifted_concat(void **state)
{
    (void)state;
    static const int64_t a[] = {3, 20}, b[] = {3, 13}, whole[] = {3, 33};
    const int64_t *sizes[] = {a, b, whole};
    kernel_graph graph = kernel_graph_create();
    hmlc_value *parts[] = {kernel_graph_input(&graph, HMLC_DTYPE_f32, "3 20"),
                           kernel_graph_input(&graph, HMLC_DTYPE_f32, "3 13")};
    hmlc_value *other = kernel_graph_input(&graph, HMLC_DTYPE_f32, "3 33");
    hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 1);
    hmlc_value *joined = kernel_graph_op(&graph, HMLC_OP_concat, parts, 2, &axis, 1);
    hmlc_attr slices[] = {kernel_graph_dims(&graph, HMLC_ATTR_starts, "0 5"),
                          kernel_graph_dims(&graph, HMLC_ATTR_sizes, "3 28"),
                          kernel_graph_dims(&graph, HMLC_ATTR_steps, "1 1")};
    hmlc_value *later = kernel_graph_op(&graph, HMLC_OP_slice, &joined, 1, slices, 3);
    slices[0] = kernel_graph_dims(&graph, HMLC_ATTR_starts, "0 0");
    hmlc_value *sum = kernel_graph_binary(&graph, HMLC_OP_add, joined, other);
    hmlc_value *front = kernel_graph_op(&graph, HMLC_OP_slice, &sum, 1, slices, 3);
    check(&graph, kernel_graph_binary(&graph, HMLC_OP_sub, later, front), sizes, -9, 9);
}

/* x & y of one channel out of many, where y repeats along the first dim: its lanes lie far apart
 * and several of them see the same element. */
static void channel_one(hmlc_dtype dtype, int64_t rows, int64_t columns, int64_t channels)
{
    char dims[64], starts[32], sizes[32];
    const int64_t shape[] = {rows, columns, channels};
    const int64_t *shapes[] = {shape, shape + 1};
    kernel_graph graph = kernel_graph_create();
    snprintf(dims, sizeof dims, "%d %d %d", (int)rows, (int)columns, (int)channels);
    hmlc_value *x = kernel_graph_input(&graph, dtype, dims);
    hmlc_value *y = kernel_graph_input(&graph, dtype, strchr(dims, ' ') + 1);
    hmlc_opcode opcode = hmlc_dtype_is_float(dtype) ? HMLC_OP_add : HMLC_OP_bit_and;
    x = kernel_graph_binary(&graph, opcode, x, y);
    snprintf(starts, sizeof starts, "0 0 %d", (int)channels - 3);
    snprintf(sizes, sizeof sizes, "%d %d 1", (int)rows, (int)columns);
    hmlc_attr slices[] = {kernel_graph_dims(&graph, HMLC_ATTR_starts, starts),
                          kernel_graph_dims(&graph, HMLC_ATTR_sizes, sizes),
                          kernel_graph_dims(&graph, HMLC_ATTR_steps, "1 1 1")};
    check(&graph, kernel_graph_op(&graph, HMLC_OP_slice, &x, 1, slices, 3), shapes, -99, 99);
}

static void channels(void **state)
{
    (void)state;
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_u8, HMLC_DTYPE_f32, HMLC_DTYPE_i64};
    static const int64_t rows[] = {4, 7, 18}, counts[] = {5, 12, 40, 100};
    int turn = 0;
    for (int64_t columns = 1; columns <= 8; columns++) {
        for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
            for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
                channel_one(dtypes[turn++ % 3], rows[r], columns, counts[c]);
            }
        }
    }
}

static void pad_one(const char *from, const char *pads, const int64_t *shape, bool filled)
{
    kernel_graph graph = kernel_graph_create();
    const int64_t *sizes[] = {shape};
    hmlc_value *operands[2] = {kernel_graph_input(&graph, HMLC_DTYPE_f32, from), NULL};
    if (filled) {
        operands[1] = kernel_graph_scalar(&graph, HMLC_DTYPE_f32, 7);
    }
    hmlc_attr attr = kernel_graph_dims(&graph, HMLC_ATTR_pads, pads);
    check(&graph, kernel_graph_op(&graph, HMLC_OP_pad, operands, filled ? 2 : 1, &attr, 1), sizes,
          -9, 9);
}

static void pads(void **state)
{
    (void)state;
    static const int64_t shape[] = {2, 9, 8, 3};
    pad_one("2 9 8 3", "0 1 1 0 0 1 1 0", shape, false);
    pad_one("b h w 3", "0 1 1 0 0 1 1 0", shape, true);
    pad_one("2 9 8 3", "1 0 -2 2 0 3 4 -1", shape, true);
    pad_one("b h w c", "0 2 0 5 1 0 3 0", shape, true);
    static const int64_t empty[] = {2, 0, 8, 3};
    pad_one("b h w c", "0 2 0 0 0 1 0 0", empty, true);
}

/* -- indices -- */

static hmlc_value *gather(kernel_graph *graph, hmlc_opcode opcode, const char *data,
                          const char *indices, hmlc_attr attr)
{
    hmlc_value *operands[] = {kernel_graph_input(graph, HMLC_DTYPE_f32, data),
                              kernel_graph_input(graph, HMLC_DTYPE_i64, indices)};
    return kernel_graph_op(graph, opcode, operands, 2, &attr, 1);
}

static void gathers(void **state)
{
    (void)state;
    static const int64_t table[] = {9, 40}, ids[] = {3, 5}, cube[] = {9, 9, 33}, pairs[] = {6, 2};
    static const int64_t batches[] = {4, 9, 20}, batch_ids[] = {4, 7, 1}, square[] = {9, 30};
    const int64_t *rows[] = {table, ids}, *deep[] = {cube, pairs};
    const int64_t *batched[] = {batches, batch_ids}, *columns[] = {square, ids};
    for (int64_t axis = 0; axis < 2; axis++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
        const int64_t *const *sizes = axis == 0 ? rows : columns;
        const char *data = axis == 0 ? "v 40" : "9 30";
        check(&graph, gather(&graph, HMLC_OP_gather, data, "b s", attr), sizes, -9, 9);
    }
    kernel_graph graph = kernel_graph_create();
    hmlc_attr none = hmlc_attr_int(HMLC_ATTR_batch_dims, 0);
    check(&graph, gather(&graph, HMLC_OP_gather_nd, "9 9 n", "k 2", none), deep, -9, 9);
    graph = kernel_graph_create();
    hmlc_attr one = hmlc_attr_int(HMLC_ATTR_batch_dims, 1);
    check(&graph, gather(&graph, HMLC_OP_gather_nd, "4 9 20", "4 7 1", one), batched, -9, 9);
}

static void a_bad_index_ends_the_kernel(void **state)
{
    (void)state;
    static const char *const shapes[][2] = {{"9 40", "5"}, {"9", "33"}};
    static const int64_t bad[] = {9, -10, INT64_MAX, INT64_MIN};
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4"};
    for (int k = 0; k < 24; k++) {
        const char *target = targets[k / 8];
        if (!harness_can_run(target)) {
            continue;
        }
        kernel_graph graph = kernel_graph_create();
        hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, 0);
        hmlc_value *y = gather(&graph, HMLC_OP_gather, shapes[k % 2][0], shapes[k % 2][1], attr);
        kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
        static float data[360];
        int64_t indices[33] = {0};
        indices[3] = bad[k / 2 % 4];
        int64_t count = k % 2 == 0 ? 5 : 33;
        hmlc_tensor inputs[] = {
            {HMLC_DTYPE_f32, k % 2 == 0 ? 2 : 1, {9, 40}, data, k % 2 == 0 ? 1440u : 36u},
            {HMLC_DTYPE_i64, 1, {count}, indices, (size_t)count * 8}};
        hmlc_tensor output;
        harness_kernel *kernel = harness_compile(graph.module, target);
        assert_int_equal(harness_run(kernel, inputs, graph.module->arena, &output, 1),
                         HML_KERNEL_INDEX);
        harness_free(kernel);
        kernel_graph_destroy(&graph);
    }
}

static void one_hots(void **state)
{
    (void)state;
    static const int64_t ids[] = {3, 5}, values[] = {2};
    const int64_t *sizes[] = {ids, values};
    for (int64_t axis = 0; axis < 3; axis++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_value *operands[] = {kernel_graph_input(&graph, HMLC_DTYPE_i64, "b s"),
                                  kernel_graph_input(&graph, HMLC_DTYPE_f32, "2")};
        hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, axis),
                             kernel_graph_dims(&graph, HMLC_ATTR_depth, "11")};
        check(&graph, kernel_graph_op(&graph, HMLC_OP_one_hot, operands, 2, attrs, 2), sizes, -15,
              15);
    }
}

static void triangles(void **state)
{
    (void)state;
    static const int64_t shape[] = {2, 9, 20};
    const int64_t *sizes[] = {shape};
    for (int upper = 0; upper < 2; upper++) {
        for (int k = -3; k < 12; k += 5) {
            kernel_graph graph = kernel_graph_create();
            hmlc_value *operands[] = {
                kernel_graph_input(&graph, HMLC_DTYPE_i32, k > 0 ? "b m n" : "2 9 20"),
                kernel_graph_scalar(&graph, HMLC_DTYPE_i64, k)};
            hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_upper, upper);
            check(&graph, kernel_graph_op(&graph, HMLC_OP_trilu, operands, 2, &attr, 1), sizes,
                  -1000, 1000);
        }
    }
}

static void ranges(void **state)
{
    (void)state;
    static const int64_t length[] = {37};
    const int64_t *sizes[] = {length};
    static const hmlc_dtype types[] = {HMLC_DTYPE_f32, HMLC_DTYPE_i64, HMLC_DTYPE_i32,
                                       HMLC_DTYPE_i16};
    for (int k = 0; k < 4; k++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_value *x = kernel_graph_input(&graph, types[k], "n");
        hmlc_value *operands[] = {kernel_graph_scalar(&graph, types[k], 3),
                                  kernel_graph_scalar(&graph, types[k], 1000),
                                  kernel_graph_scalar(&graph, types[k], -2)};
        hmlc_attr attr = kernel_graph_dims(&graph, HMLC_ATTR_shape, "n");
        hmlc_value *steps = kernel_graph_op(&graph, HMLC_OP_range, operands, 3, &attr, 1);
        check(&graph, kernel_graph_binary(&graph, HMLC_OP_add, x, steps), sizes, -9, 9);
    }
}

/* Small constants and tensors of dims live inside the kernel. */
static void tables(void **state)
{
    (void)state;
    static const int64_t shape[] = {3, 5};
    const int64_t *sizes[] = {shape};
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_i64, "m n");
    hmlc_attr attrs[] = {kernel_graph_dims(&graph, HMLC_ATTR_elements, "m n 7 m*n 2"),
                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64),
                         kernel_graph_dims(&graph, HMLC_ATTR_shape, "5")};
    hmlc_value *dims = kernel_graph_op(&graph, HMLC_OP_dims_tensor, NULL, 0, attrs, 3);
    static const int64_t numbers[] = {4, -3, 2, -1, 0};
    hmlc_tensor tensor = {HMLC_DTYPE_i64, 1, {5}, numbers, sizeof numbers};
    hmlc_value *constant = NULL;
    assert_int_equal(hmlc_build_constant(&graph.builder, &tensor, &constant), HMLC_OK);
    hmlc_attr shape_attr = kernel_graph_dims(&graph, HMLC_ATTR_shape, "m 5");
    x = kernel_graph_op(&graph, HMLC_OP_reshape, &x, 1, &shape_attr, 1);
    x = kernel_graph_binary(&graph, HMLC_OP_add, x, dims);
    check(&graph, kernel_graph_binary(&graph, HMLC_OP_mul, x, constant), sizes, -9, 9);
}

static void tiles(void **state)
{
    (void)state;
    static const int64_t shape[] = {2, 3, 10};
    const int64_t *sizes[] = {shape};
    static const char *const targets[] = {"4 9 20", "2 3 50", "6 3 10"};
    for (int k = 0; k < 3; k++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "2 3 10");
        hmlc_attr attr = kernel_graph_dims(&graph, HMLC_ATTR_shape, targets[k]);
        check(&graph, kernel_graph_op(&graph, HMLC_OP_tile, &x, 1, &attr, 1), sizes, -9, 9);
    }
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "b m n");
    hmlc_attr attr = kernel_graph_dims(&graph, HMLC_ATTR_shape, "b*2 m 3*n");
    check(&graph, kernel_graph_op(&graph, HMLC_OP_tile, &x, 1, &attr, 1), sizes, -9, 9);
}

/* Dims that only the run knows to be 1 or not. */
static void broadcasts_known_at_run_time(void **state)
{
    (void)state;
    static const int64_t wide[] = {3, 40}, narrow[] = {1, 40}, thin[] = {3, 1}, point[] = {1, 1};
    const int64_t *cases[][2] = {{wide, wide},  {wide, narrow}, {wide, thin},
                                 {point, wide}, {thin, narrow}, {wide, point}};
    for (int k = 0; k < 6; k++) {
        kernel_graph graph = kernel_graph_create();
        hmlc_value *a = kernel_graph_input(&graph, HMLC_DTYPE_f32, "p q");
        hmlc_value *b = kernel_graph_input(&graph, HMLC_DTYPE_f32, "r s");
        check(&graph, kernel_graph_binary(&graph, HMLC_OP_sub, a, b), cases[k], -9, 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transposes), cmocka_unit_test(channel_shuffle),
        cmocka_unit_test(concats),    cmocka_unit_test(shifted_concat),
        cmocka_unit_test(channels),   cmocka_unit_test(pads),
        cmocka_unit_test(gathers),    cmocka_unit_test(a_bad_index_ends_the_kernel),
        cmocka_unit_test(one_hots),   cmocka_unit_test(triangles),
        cmocka_unit_test(ranges),     cmocka_unit_test(tables),
        cmocka_unit_test(tiles),      cmocka_unit_test(broadcasts_known_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

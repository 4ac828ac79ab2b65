/* SPDX-License-Identifier: Apache-2.0 */
/* Packed panels: every place of every layout, products over them, and what contradicts. */
#include "ops_testing.h"

static const int64_t widths[] = {8, 16, 32}, groups[] = {1, 4, 8};

enum { WIDTHS = 3, GROUPS = 3 };

/* Extremes and small numbers of a type; `i` counts elements. */
static double number(hmlc_dtype dtype, int64_t i, int64_t seed)
{
    uint64_t mixed = ((uint64_t)i * 2654435761u + (uint64_t)seed * 40503u) >> 7;
    if (dtype == HMLC_DTYPE_u8) {
        return mixed % 3 == 0 ? 255 : (double)(mixed / 3 % 256);
    }
    if (dtype == HMLC_DTYPE_i8) {
        return mixed % 3 == 0 ? -128 : (double)(mixed / 3 % 256) - 128;
    }
    return (double)(mixed % 2001) - 1000;
}

static hmlc_value *numbers(ops_test *test, hmlc_dtype dtype, const int64_t *dims, int32_t rank,
                           int64_t seed, double *values)
{
    int64_t count = 1;
    for (int32_t i = 0; i < rank; i++) {
        count *= dims[i];
    }
    for (int64_t i = 0; i < count; i++) {
        values[i] = number(dtype, i, seed);
    }
    return ops_constant(test, dtype, dims, rank, values);
}

/* [panel][row][column][step of the group], in memory order, straight from the definition. */
static void expect_panels(const hmlc_tensor *packed, const double *matrix, bool transposed,
                          int64_t depth, int64_t columns, int64_t width, int64_t group)
{
    int64_t at = 0;
    for (int64_t panel = 0; panel * width < columns; panel++) {
        for (int64_t row = 0; row * group < depth; row++) {
            for (int64_t column = panel * width; column < (panel + 1) * width; column++) {
                for (int64_t k = row * group; k < (row + 1) * group; k++, at++) {
                    bool inside = k < depth && column < columns;
                    int64_t from = transposed ? column * depth + k : k * columns + column;
                    double expected = inside ? matrix[from] : 0;
                    if (hmlc_tensor_get_double(packed, at) != expected) {
                        fail_msg("width %d group %d, K %d, N %d: element %d is not %g", (int)width,
                                 (int)group, (int)depth, (int)columns, (int)at, expected);
                    }
                }
            }
        }
    }
    assert_int_equal(hmlc_tensor_count(packed), at);
}

static void check_pack(ops_test *test, hmlc_dtype dtype, int64_t depth, int64_t columns,
                       int64_t width, int64_t group)
{
    for (int64_t transposed = 0; transposed < 2; transposed++) {
        double values[40 * 40];
        int64_t dims[] = {transposed ? columns : depth, transposed ? depth : columns};
        hmlc_value *x = numbers(test, dtype, dims, 2, depth + columns, values);
        hmlc_tensor packed;
        ops_evaluate(test,
                     ops_build(test, HMLC_OP_pack_panels, OPERANDS(x),
                               ATTRS(INT_ATTR(transpose_b, transposed),
                                     INT_ATTR(panel_width, width), INT_ATTR(depth_group, group))),
                     &packed);
        expect_panels(&packed, values, transposed, depth, columns, width, group);
    }
}

static void every_layout_has_its_places(void **state)
{
    static const int64_t depths[] = {0, 1, 3, 4, 7, 8, 13}, columns[] = {1, 8, 15, 16, 33};
    for (int w = 0; w < WIDTHS; w++) {
        for (int g = 0; g < GROUPS; g++) {
            for (int k = 0; k < 7; k++) {
                for (int n = 0; n < 5; n++) {
                    check_pack(*state, HMLC_DTYPE_i8, depths[k], columns[n], widths[w], groups[g]);
                }
            }
            check_pack(*state, HMLC_DTYPE_f32, 13, 33, widths[w], groups[g]);
        }
    }
}

static void layout_shows_in_the_type(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_i8, "batch, k, n");
    hmlc_op *op = ops_build(test, HMLC_OP_pack_panels, OPERANDS(x), NO_ATTRS);
    ops_expect_type(op, 0, "i8[batch, floor((n + 15) / 16), k, 16]");
    op = ops_build(test, HMLC_OP_pack_panels, OPERANDS(x),
                   ATTRS(INT_ATTR(panel_width, 8), INT_ATTR(depth_group, 4)));
    ops_expect_type(op, 0, "i8[batch, floor((n + 7) / 8), floor((k + 3) / 4), 32]");
    op = ops_build(test, HMLC_OP_pack_panels, OPERANDS(x),
                   ATTRS(INT_ATTR(depth_group, 8), INT_ATTR(transpose_b, 1)));
    ops_expect_type(op, 0, "i8[batch, floor((k + 15) / 16), floor((n + 7) / 8), 128]");
}

/* a [2, M, K] x b [K, N] packed, against sums made here. */
static void check_product(ops_test *test, hmlc_dtype left, hmlc_dtype right, int64_t depth,
                          int64_t columns, int64_t width, int64_t group)
{
    enum { ROWS = 3 };
    double a[2 * ROWS * 40], b[40 * 40];
    hmlc_value *x = numbers(test, left, SHAPE(2, ROWS, depth), 5, a);
    hmlc_value *y = numbers(test, right, SHAPE(depth, columns), 6, b), *panels;
    hmlc_attr layout[] = {INT_ATTR(panel_width, width), INT_ATTR(depth_group, group)};
    hmlc_tensor packed, product;
    ops_evaluate(test, ops_build(test, HMLC_OP_pack_panels, OPERANDS(y), layout, 2), &packed);
    assert_int_equal(hmlc_build_constant(&test->builder, &packed, &panels), HMLC_OK);
    hmlc_dim shape = hmlc_dim_constant(test->module->dims, columns);
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_shape, &shape, 1), layout[0], layout[1],
                         DTYPE_ATTR(accumulator, i32)};
    uint32_t count = left == HMLC_DTYPE_i32 ? 3 : 4;
    ops_evaluate(test, ops_build(test, HMLC_OP_matmul_packed, OPERANDS(x, panels), attrs, count),
                 &product);
    assert_int_equal(product.dtype, HMLC_DTYPE_i32);
    assert_int_equal(hmlc_tensor_count(&product), 2 * ROWS * columns);
    for (int64_t i = 0; i < 2 * ROWS * columns; i++) {
        double sum = 0;
        for (int64_t k = 0; k < depth; k++) {
            sum += a[i / columns * depth + k] * b[k * columns + i % columns];
        }
        assert_true(hmlc_tensor_get_double(&product, i) == sum);
    }
}

static void products_read_what_was_packed(void **state)
{
    static const hmlc_dtype types[][2] = {{HMLC_DTYPE_i8, HMLC_DTYPE_i8},
                                          {HMLC_DTYPE_u8, HMLC_DTYPE_i8},
                                          {HMLC_DTYPE_i8, HMLC_DTYPE_u8},
                                          {HMLC_DTYPE_u8, HMLC_DTYPE_u8},
                                          {HMLC_DTYPE_i32, HMLC_DTYPE_i32}};
    for (int w = 0; w < WIDTHS; w++) {
        for (int g = 0; g < GROUPS; g++) {
            for (int t = 0; t < 5; t++) {
                check_product(*state, types[t][0], types[t][1], 13, 33, widths[w], groups[g]);
                check_product(*state, types[t][0], types[t][1], 8, 16, widths[w], groups[g]);
                check_product(*state, types[t][0], types[t][1], 0, 5, widths[w], groups[g]);
            }
        }
    }
}

/* The largest products of either sign in every step. */
static void sums_of_bytes_are_exact(void **state)
{
    ops_test *test = *state;
    enum { DEPTH = 300 };
    double most[DEPTH], least[DEPTH];
    for (int k = 0; k < DEPTH; k++) {
        most[k] = 255;
        least[k] = -128;
    }
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_u8, SHAPE(1, DEPTH), most);
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_i8, SHAPE(DEPTH, 1), least);
    hmlc_value *c = ops_constant(test, HMLC_DTYPE_i8, SHAPE(1, DEPTH), least);
    hmlc_op *op =
        ops_build(test, HMLC_OP_matmul, OPERANDS(a, b), ATTRS(DTYPE_ATTR(accumulator, i32)));
    ops_expect_type(op, 0, "i32[1, 1]");
    ops_expect(test, op, 0, SHAPE(1, 1), 0, FLOATS(-9792000));
    op = ops_build(test, HMLC_OP_matmul, OPERANDS(c, b), ATTRS(DTYPE_ATTR(accumulator, i32)));
    ops_expect(test, op, 0, SHAPE(1, 1), 0, FLOATS(4915200));
    op = ops_build(test, HMLC_OP_matmul, OPERANDS(c, b), NO_ATTRS); /* in i8: wraps to 0 */
    ops_expect(test, op, 0, SHAPE(1, 1), 0, FLOATS(0));
}

static void convolutions_sum_in_their_accumulator(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_u8, SHAPE(1, 2, 2, 2),
                                 FLOATS(255, 254, 1, 0, 7, 255, 255, 128));
    hmlc_value *w = ops_constant(test, HMLC_DTYPE_i8, SHAPE(1, 2, 1, 1), FLOATS(-128, 127));
    hmlc_value *bias = ops_constant(test, HMLC_DTYPE_i32, SHAPE(1), FLOATS(100000));
    hmlc_attr attrs[] = {INTS_ATTR(strides, 1, 1),   DIMS_ATTR(test, pads, "0, 0, 0, 0"),
                         INTS_ATTR(dilations, 1, 1), INT_ATTR(groups, 1),
                         INT_ATTR(layout, 0),        DTYPE_ATTR(accumulator, i32)};
    hmlc_op *op = ops_build(test, HMLC_OP_conv, OPERANDS(x, w, bias), attrs, 6);
    ops_expect(test, op, 0, SHAPE(1, 1, 2, 2), 0, FLOATS(68249, 99873, 132257, 116256));
    hmlc_value *bytes = ops_constant(test, HMLC_DTYPE_u8, SHAPE(1), FLOATS(1));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "operand 2 has element type u8; expected i32",
               HMLC_OP_conv, OPERANDS(x, w, bytes), attrs, 6);
    ops_refuse(test, HMLC_ERROR_graph_invalid, "operand 1 has element type i8; expected u8",
               HMLC_OP_conv, OPERANDS(x, w), attrs, 5);
    hmlc_value *wt = ops_constant(test, HMLC_DTYPE_i8, SHAPE(2, 1, 1, 1), FLOATS(-128, 127));
    hmlc_attr transposed[] = {attrs[0],
                              attrs[1],
                              attrs[2],
                              attrs[3],
                              attrs[4],
                              attrs[5],
                              INTS_ATTR(output_padding, 0, 0)};
    op = ops_build(test, HMLC_OP_conv_transpose, OPERANDS(x, wt), transposed, 7);
    ops_expect(test, op, 0, SHAPE(1, 1, 2, 2), 0, FLOATS(-31751, -127, 32257, 16256));
}

static void contradictions_are_named(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_i8, "5, 13"),
               *b = ops_input(test, HMLC_DTYPE_i8, "13, 40");
    hmlc_value *f = ops_input(test, HMLC_DTYPE_f32, "5, 13");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "panel_width is 0", HMLC_OP_pack_panels, OPERANDS(b),
               ATTRS(INT_ATTR(panel_width, 0)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "panel_width is 24", HMLC_OP_pack_panels,
               OPERANDS(b), ATTRS(INT_ATTR(panel_width, 24)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "depth_group is 16", HMLC_OP_pack_panels,
               OPERANDS(b), ATTRS(INT_ATTR(depth_group, 16)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "depth_group is -4", HMLC_OP_pack_panels,
               OPERANDS(b), ATTRS(INT_ATTR(depth_group, -4)));
    hmlc_op *pack = ops_build(test, HMLC_OP_pack_panels, OPERANDS(b),
                              ATTRS(INT_ATTR(panel_width, 16), INT_ATTR(depth_group, 4)));
    hmlc_value *panels = pack->results[0]; /* [3, 4, 64] */
    hmlc_attr shape = DIMS_ATTR(test, shape, "40");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "this product reads panels 16 wide in groups of 1",
               HMLC_OP_matmul_packed, OPERANDS(x, panels), ATTRS(shape));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "packed 16 wide in groups of 4",
               HMLC_OP_matmul_packed, OPERANDS(x, panels),
               ATTRS(shape, INT_ATTR(panel_width, 8), INT_ATTR(depth_group, 8)));
    hmlc_value *apart = ops_input(test, HMLC_DTYPE_i8, "3, 4, 64");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "elements of a panel's row", HMLC_OP_matmul_packed,
               OPERANDS(x, apart), ATTRS(shape));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "number of panels", HMLC_OP_matmul_packed,
               OPERANDS(x, apart),
               ATTRS(shape, INT_ATTR(panel_width, 8), INT_ATTR(depth_group, 8)));
    ops_refuse(
        test, HMLC_ERROR_graph_invalid, "rows of the panels", HMLC_OP_matmul_packed,
        OPERANDS(x, apart),
        ATTRS(DIMS_ATTR(test, shape, "80"), INT_ATTR(panel_width, 32), INT_ATTR(depth_group, 2)));
    ops_refuse(test, HMLC_ERROR_not_implemented, "sums in i64", HMLC_OP_matmul, OPERANDS(x, b),
               ATTRS(DTYPE_ATTR(accumulator, i64)));
    ops_refuse(test, HMLC_ERROR_not_implemented, "sums in i8", HMLC_OP_matmul, OPERANDS(x, b),
               ATTRS(DTYPE_ATTR(accumulator, i8)));
    ops_refuse(test, HMLC_ERROR_not_implemented, "sums in i32 of operands in f32 and i8",
               HMLC_OP_matmul, OPERANDS(f, b), ATTRS(DTYPE_ATTR(accumulator, i32)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(every_layout_has_its_places),           OPS_TEST(layout_shows_in_the_type),
        OPS_TEST(products_read_what_was_packed),         OPS_TEST(sums_of_bytes_are_exact),
        OPS_TEST(convolutions_sum_in_their_accumulator), OPS_TEST(contradictions_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

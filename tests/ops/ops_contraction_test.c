/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products and convolutions. Patterns are small integers, so that sums are exact. */
#include "ops_testing.h"

static void matmul_multiplies(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 2), FLOATS(1, 2, 3, 4));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 3), FLOATS(1, 0, 2, 0, 1, 1));
    hmlc_op *op = ops_build(test, HMLC_OP_matmul, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 2, 4, 3, 4, 10));
    op = ops_build(test, HMLC_OP_matmul, OPERANDS(a, a), ATTRS(INT_ATTR(transpose_a, 1)));
    ops_expect(test, op, 0, SHAPE(2, 2), 0, FLOATS(10, 14, 14, 20));
    op = ops_build(test, HMLC_OP_matmul, OPERANDS(a, a), ATTRS(INT_ATTR(transpose_b, 1)));
    ops_expect(test, op, 0, SHAPE(2, 2), 0, FLOATS(5, 11, 11, 25));
}

static void matmul_of_integers_wraps(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_i32, SHAPE(1, 2), FLOATS(65536, 1));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_i32, SHAPE(2, 1), FLOATS(65536, 5));
    hmlc_op *op = ops_build(test, HMLC_OP_matmul, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(1, 1), 0, FLOATS(5));
}

static void matmul_without_inner_elements_is_zero(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 0), NULL);
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(0, 1), NULL);
    hmlc_op *op = ops_build(test, HMLC_OP_matmul, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 1), 0, FLOATS(0, 0));
}

static void matmul_broadcasts_leading_dims(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 1, 1, 1), FLOATS(2, 3));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 1, 1), FLOATS(5, 7));
    hmlc_op *op = ops_build(test, HMLC_OP_matmul, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 2, 1, 1), 0, FLOATS(10, 14, 15, 21));
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, heads, seq, 64");
    hmlc_value *y = ops_input(test, HMLC_DTYPE_f32, "batch, heads, 64, past + seq");
    op = ops_build(test, HMLC_OP_matmul, OPERANDS(x, y), NO_ATTRS);
    ops_expect_type(op, 0, "f32[batch, heads, seq, seq + past]");
}

static void matmul_checks_inner_dims(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_input(test, HMLC_DTYPE_f32, "2, 3");
    hmlc_value *b = ops_input(test, HMLC_DTYPE_f32, "4, 5");
    hmlc_value *v = ops_input(test, HMLC_DTYPE_f32, "3");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "expected 3, found 4", HMLC_OP_matmul,
               OPERANDS(a, b), NO_ATTRS);
    ops_refuse(test, HMLC_ERROR_graph_invalid, "operand 1 has rank 1", HMLC_OP_matmul,
               OPERANDS(a, v), NO_ATTRS);
}

static void packed_panels_multiply_alike(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(3, 2, 5), 1);
    hmlc_value *b = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(5, 19), 2);
    hmlc_tensor plain, packed, panels;
    ops_evaluate(test, ops_build(test, HMLC_OP_matmul, OPERANDS(a, b), NO_ATTRS), &plain);
    ops_evaluate(test, ops_build(test, HMLC_OP_pack_panels, OPERANDS(b), NO_ATTRS), &panels);
    hmlc_value *value;
    assert_int_equal(hmlc_build_constant(&test->builder, &panels, &value), HMLC_OK);
    hmlc_op *op = ops_build(test, HMLC_OP_matmul_packed, OPERANDS(a, value),
                            ATTRS(DIMS_ATTR(test, shape, "19")));
    ops_expect_type(op, 0, "f32[3, 2, 19]");
    ops_evaluate(test, op, &packed);
    ops_expect_same(&packed, &plain, 0);
}

/* One convolution case; two spatial dims. */
typedef struct conv_case {
    int64_t groups, in_channels, out_channels, height, width, kernel[2];
    int64_t strides[2], dilations[2], pads[4];
} conv_case;

static const conv_case cases[] = {
    {1, 3, 4, 5, 6, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {2, 4, 6, 7, 5, {3, 2}, {2, 1}, {1, 2}, {0, 2, 1, 0}},
    {4, 4, 8, 6, 6, {2, 3}, {2, 3}, {2, 1}, {1, 0, 0, 2}},
    {1, 2, 1, 20, 19, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
};

static double at(const hmlc_tensor *x, int64_t n, int64_t c, int64_t h, int64_t w)
{
    bool inside = h >= 0 && h < x->dims[2] && w >= 0 && w < x->dims[3];
    return inside
               ? hmlc_tensor_get_double(x, ((n * x->dims[1] + c) * x->dims[2] + h) * x->dims[3] + w)
               : 0;
}

/* The definition, element by element. */
static double direct(const conv_case *c, const hmlc_tensor *x, const hmlc_tensor *w,
                     const int64_t index[4])
{
    int64_t channels = c->in_channels / c->groups;
    int64_t first = index[1] / (c->out_channels / c->groups) * channels;
    double sum = 0;
    for (int64_t i = 0; i < channels * c->kernel[0] * c->kernel[1]; ++i) {
        int64_t kx = i % c->kernel[1], ky = i / c->kernel[1] % c->kernel[0];
        int64_t channel = i / c->kernel[1] / c->kernel[0];
        int64_t h = index[2] * c->strides[0] - c->pads[0] + ky * c->dilations[0];
        int64_t v = index[3] * c->strides[1] - c->pads[1] + kx * c->dilations[1];
        sum += at(x, index[0], first + channel, h, v) * at(w, index[1], channel, ky, kx);
    }
    return sum;
}

static hmlc_attr pads_attr(ops_test *test, const conv_case *c)
{
    hmlc_dim *dims = HMLC_NEW_ARRAY(test->module->arena, hmlc_dim, 4);
    for (int i = 0; i < 4; ++i) {
        dims[i] = hmlc_dim_constant(test->module->dims, c->pads[i]);
    }
    return hmlc_attr_dims(HMLC_ATTR_pads, dims, 4);
}

static hmlc_op *build_conv(ops_test *test, const conv_case *c, hmlc_opcode opcode, hmlc_value *x,
                           hmlc_value *w, int64_t layout)
{
    hmlc_attr attrs[6] = {hmlc_attr_ints(HMLC_ATTR_strides, c->strides, 2),
                          hmlc_attr_ints(HMLC_ATTR_dilations, c->dilations, 2),
                          pads_attr(test, c),
                          INT_ATTR(groups, c->groups),
                          INT_ATTR(layout, layout),
                          INTS_ATTR(output_padding, 0, 0)};
    return ops_build(test, opcode, OPERANDS(x, w), attrs, opcode == HMLC_OP_conv ? 5 : 6);
}

static hmlc_value *permuted(ops_test *test, hmlc_value *x, const int64_t *order)
{
    hmlc_op *op = ops_build(test, HMLC_OP_transpose, OPERANDS(x),
                            ATTRS(hmlc_attr_ints(HMLC_ATTR_permutation, order, 4)));
    hmlc_tensor tensor;
    hmlc_value *value;
    ops_evaluate(test, op, &tensor);
    assert_int_equal(hmlc_build_constant(&test->builder, &tensor, &value), HMLC_OK);
    return value;
}

static const int64_t to_last[] = {0, 2, 3, 1}, to_first[] = {0, 3, 1, 2};

static void conv_is_its_definition(void **state)
{
    ops_test *test = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        const conv_case *c = &cases[i];
        hmlc_value *x =
            ops_pattern(test, HMLC_DTYPE_f32, SHAPE(2, c->in_channels, c->height, c->width), 1);
        hmlc_value *w = ops_pattern(
            test, HMLC_DTYPE_f32,
            SHAPE(c->out_channels, c->in_channels / c->groups, c->kernel[0], c->kernel[1]), 2);
        hmlc_tensor y, last;
        ops_evaluate(test, build_conv(test, c, HMLC_OP_conv, x, w, 0), &y);
        for (int64_t k = 0; k < hmlc_tensor_count(&y); ++k) {
            int64_t index[4] = {k / y.dims[3] / y.dims[2] / y.dims[1],
                                k / y.dims[3] / y.dims[2] % y.dims[1], k / y.dims[3] % y.dims[2],
                                k % y.dims[3]};
            assert_true(hmlc_tensor_get_double(&y, k) ==
                        direct(c, hmlc_value_constant(x), hmlc_value_constant(w), index));
        }
        ops_evaluate(test,
                     build_conv(test, c, HMLC_OP_conv, permuted(test, x, to_last),
                                permuted(test, w, to_last), 1),
                     &last);
        hmlc_value *value;
        assert_int_equal(hmlc_build_constant(&test->builder, &last, &value), HMLC_OK);
        ops_expect_same(hmlc_value_constant(permuted(test, value, to_first)), &y, 0);
    }
}

static double inner_product(const hmlc_tensor *a, const hmlc_tensor *b)
{
    double sum = 0;
    for (int64_t i = 0; i < hmlc_tensor_count(a); ++i) {
        sum += hmlc_tensor_get_double(a, i) * hmlc_tensor_get_double(b, i);
    }
    return sum;
}

/* <conv(x), y> = <x, conv_transpose(y)> for every x and y. */
static void conv_transpose_is_the_adjoint(void **state)
{
    ops_test *test = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        const conv_case *c = &cases[i];
        hmlc_value *w = ops_pattern(
            test, HMLC_DTYPE_f64,
            SHAPE(c->out_channels, c->in_channels / c->groups, c->kernel[0], c->kernel[1]), 2);
        hmlc_value *y = ops_pattern(test, HMLC_DTYPE_f64, SHAPE(1, c->out_channels, 3, 4), 3);
        hmlc_tensor back, forth, last;
        ops_evaluate(test, build_conv(test, c, HMLC_OP_conv_transpose, y, w, 0), &back);
        hmlc_value *x = ops_pattern(test, HMLC_DTYPE_f64, back.dims, 4, 4);
        ops_evaluate(test, build_conv(test, c, HMLC_OP_conv, x, w, 0), &forth);
        assert_true(inner_product(&forth, hmlc_value_constant(y)) ==
                    inner_product(hmlc_value_constant(x), &back));
        ops_evaluate(test,
                     build_conv(test, c, HMLC_OP_conv_transpose, permuted(test, y, to_last),
                                permuted(test, w, to_last), 1),
                     &last);
        hmlc_value *value;
        assert_int_equal(hmlc_build_constant(&test->builder, &last, &value), HMLC_OK);
        ops_expect_same(hmlc_value_constant(permuted(test, value, to_first)), &back, 0);
    }
}

#define CONV_ATTRS(test, pads_text)                                                                \
    ATTRS(INTS_ATTR(strides, 2), INTS_ATTR(dilations, 1), DIMS_ATTR(test, pads, pads_text),        \
          INT_ATTR(groups, 1), INT_ATTR(layout, 0))

static void conv_has_symbolic_sizes(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, 4, length");
    hmlc_value *w = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(8, 4, 3), 1);
    hmlc_value *bias = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(8), 1);
    hmlc_op *op = ops_build(test, HMLC_OP_conv, OPERANDS(x, w, bias), CONV_ATTRS(test, "1, 1"));
    const hmlc_type *type = op->results[0]->type;
    int64_t sizes[] = {3, 10}, out;
    assert_int_equal(type->dims[0]->kind, HMLC_DIM_SYMBOL);
    assert_true(hmlc_dim_evaluate(type->dims[2], sizes, &out));
    assert_int_equal(out, 5);
}

static void conv_of_an_empty_batch_is_empty(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(0, 4, 5), NULL);
    hmlc_value *w = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(8, 4, 3), 1);
    hmlc_op *op = ops_build(test, HMLC_OP_conv, OPERANDS(x, w), CONV_ATTRS(test, "0, 0"));
    ops_expect(test, op, 0, SHAPE(0, 8, 2), 0, NULL);
}

static void conv_reports_each_contradiction(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "1, 4, 2");
    hmlc_value *w = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(8, 3, 3), 1);
    hmlc_value *bias = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(7), 1);
    ops_refuse(test, HMLC_ERROR_graph_invalid, "input channels", HMLC_OP_conv, OPERANDS(x, w, bias),
               CONV_ATTRS(test, "0, 0"));
    /* The same attempt also named the bias and the window. */
    assert_int_equal(hmlc_diagnostics_error_count(test->module->diagnostics), 3);
    hmlc_value *wide = ops_input(test, HMLC_DTYPE_f32, "1, 4, 2, 2, 2, 2");
    hmlc_value *taps = ops_pattern(test, HMLC_DTYPE_f32, SHAPE(8, 4, 1, 1, 1, 1), 1);
    ops_refuse(test, HMLC_ERROR_not_implemented, "4 spatial dims", HMLC_OP_conv,
               OPERANDS(wide, taps), CONV_ATTRS(test, "0, 0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(matmul_multiplies),
        OPS_TEST(matmul_of_integers_wraps),
        OPS_TEST(matmul_without_inner_elements_is_zero),
        OPS_TEST(matmul_broadcasts_leading_dims),
        OPS_TEST(matmul_checks_inner_dims),
        OPS_TEST(packed_panels_multiply_alike),
        OPS_TEST(conv_is_its_definition),
        OPS_TEST(conv_transpose_is_the_adjoint),
        OPS_TEST(conv_has_symbolic_sizes),
        OPS_TEST(conv_of_an_empty_batch_is_empty),
        OPS_TEST(conv_reports_each_contradiction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

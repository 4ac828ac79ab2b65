/* SPDX-License-Identifier: Apache-2.0 */
/* Weights alone on 8 and 4 bits: which constants, in which form, and how far they are from what
 * they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include <hmlc/quantize.h>

#include "graph_kit.h"

/* rows -> product -> relu -> product, which makes the output; and a small product beside them. */
static kit model(V *inner, V *last)
{
    kit k = kit_open();
    V table = kit_weight(&k, "90, 80"), first = kit_weight(&k, "80, 96");
    V second = kit_weight(&k, "96, 70"), small = kit_weight(&k, "80, 4");
    V operands[] = {table, kit_input(&k, "rows", HMLC_DTYPE_i64, "2, 3")}, x = NULL;
    hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 0);
    assert_int_equal(hmlc_build(&k.builder, HMLC_OP_gather, operands, 2, &axis, 1, &x), HMLC_OK);
    V hidden = kit_unary(&k, HMLC_OP_relu, *inner = kit_matmul(&k, x, first, false));
    *last = kit_matmul(&k, hidden, second, false);
    V results[] = {*last, kit_matmul(&k, x, small, false)};
    kit_yield(&k, 2, results);
    assert_false(k.failed);
    return k;
}

static hmlc_status quantize(kit *k, hmlc_quantize_bits bits, hmlc_weights_result *result)
{
    hmlc_weights_options options = {.bits = bits};
    return hmlc_quantize_weights_alone(k->module, &options, result);
}

/* The dequantize that makes a product's weights. */
static const hmlc_op *weights_of(V product)
{
    const hmlc_op *op = hmlc_op_operand(product->producer, 1)->producer;
    return op->opcode == HMLC_OP_dequantize ? op : NULL;
}

/* The largest and the least integer that a dequantize reads. */
static void expect_integers(const hmlc_op *op, int64_t least, int64_t most)
{
    const hmlc_tensor *tensor = hmlc_value_constant(hmlc_op_operand(op, 0));
    int64_t count = hmlc_tensor_count(tensor), low = 0, high = 0;
    for (int64_t k = 0; k < count; k++) {
        int64_t value = hmlc_tensor_get_int(tensor, k);
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    assert_in_range(low + 1000, least + 1000, least + 1001);
    assert_int_equal(high, most);
}

static void four_bits_for_inner_products(void **state)
{
    (void)state;
    V inner, last;
    hmlc_weights_result result;
    kit k = model(&inner, &last);
    assert_int_equal(quantize(&k, HMLC_QUANTIZE_4_BITS, &result), HMLC_OK);
    assert_int_equal(result.count, 3); /* the small product stays */
    const hmlc_op *narrow = weights_of(inner), *wide = weights_of(last);
    assert_int_equal(hmlc_op_int(narrow, HMLC_ATTR_block), 32);
    assert_int_equal(hmlc_op_int(narrow, HMLC_ATTR_axis), 0);
    expect_integers(narrow, -8, 7);
    const hmlc_tensor *scales = hmlc_value_constant(hmlc_op_operand(narrow, 1));
    assert_int_equal(scales->dims[0], 3); /* 80 weights: two blocks and a half */
    for (int64_t i = 0; i < hmlc_tensor_count(scales); i++) {
        double scale = hmlc_tensor_get_double(scales, i);
        assert_true((double)hmlc_f16_to_f32(hmlc_f16_from_double(scale)) == scale);
    }
    assert_int_equal(hmlc_op_int(wide, HMLC_ATTR_block), 0);
    expect_integers(wide, -127, 127);
    hmlc_module_destroy(k.module);
}

/* The squared error of a block is less than with the scale that clips nothing. */
static void scales_have_less_error_than_the_largest_weight_asks(void **state)
{
    (void)state;
    V inner, last;
    hmlc_weights_result result;
    kit k = model(&inner, &last);
    const hmlc_tensor *old = hmlc_value_constant(hmlc_op_operand(inner->producer, 1));
    assert_int_equal(quantize(&k, HMLC_QUANTIZE_4_BITS, &result), HMLC_OK);
    const hmlc_op *op = weights_of(inner);
    const hmlc_tensor *integers = hmlc_value_constant(hmlc_op_operand(op, 0));
    const hmlc_tensor *scales = hmlc_value_constant(hmlc_op_operand(op, 1));
    double found = 0, plain = 0;
    for (int64_t n = 0; n < 96; n++) {
        for (int64_t b = 0; b < 80; b += 32) {
            double largest = 0, scale = hmlc_tensor_get_double(scales, b / 32 * 96 + n);
            for (int64_t i = b; i < b + 32 && i < 80; i++) {
                largest = fmax(largest, fabs(hmlc_tensor_get_double(old, i * 96 + n)));
            }
            for (int64_t i = b; i < b + 32 && i < 80; i++) {
                double w = hmlc_tensor_get_double(old, i * 96 + n), step = largest / 7;
                double q = (double)hmlc_tensor_get_int(integers, i * 96 + n);
                found += (w - q * scale) * (w - q * scale);
                plain += (w - nearbyint(w / step) * step) * (w - nearbyint(w / step) * step);
            }
        }
    }
    assert_true(found < 0.95 * plain);
    hmlc_module_destroy(k.module);
}

static void eight_bits_everywhere(void **state)
{
    (void)state;
    V inner, last;
    hmlc_weights_result result;
    kit k = model(&inner, &last);
    assert_int_equal(quantize(&k, HMLC_QUANTIZE_8_BITS, &result), HMLC_OK);
    assert_int_equal(result.count, 3);
    assert_int_equal(hmlc_op_int(weights_of(inner), HMLC_ATTR_block), 0);
    assert_int_equal(hmlc_op_int(weights_of(inner), HMLC_ATTR_axis), 1);
    expect_integers(weights_of(inner), -127, 127);
    hmlc_module_destroy(k.module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_bits_for_inner_products),
        cmocka_unit_test(scales_have_less_error_than_the_largest_weight_asks),
        cmocka_unit_test(eight_bits_everywhere)};
    return cmocka_run_group_tests_name("weights_alone", tests, NULL, NULL);
}

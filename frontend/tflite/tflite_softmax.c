/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SOFTMAX of 8-bit integers as TFLite's reference kernel has it: powers of e in 31 fractional bits,
 * their sum with 12 integer bits, its reciprocal by three steps of Newton's method, all rounded as
 * products of fixed-point numbers are. A power depends on the distance to the largest element
 * alone, so that a table of 256 holds them all.
 */
#include <math.h>

#include "tflite_fixed.h"

/* -- the table of powers -- */

/* a * b / 2^31, half up. */
static int64_t high_product(int64_t a, int64_t b)
{
    return (a * b + (1LL << 30)) >> 31;
}

/* a / 2^bits, half away from zero. */
static int64_t divided_by_power(int64_t a, int32_t bits)
{
    return (a + (1LL << (bits - 1)) - (a < 0)) >> bits;
}

/* e^a for -1/4 <= a < 0: Taylor's series around -1/8 to the fourth power. */
static int64_t power_near_zero(int64_t a)
{
    const int64_t at_eighth = 1895147668, third = 715827883;
    int64_t x = a + (1LL << 28), x2 = high_product(x, x), x3 = high_product(x2, x);
    int64_t x4 = divided_by_power(high_product(x2, x2), 2);
    int64_t higher = divided_by_power(high_product(x4 + x3, third) + x2, 1);
    return at_eighth + high_product(at_eighth, x + higher);
}

/* e^a for a <= 0 with 5 integer bits: what is beyond a quarter is a product of known powers. */
static int64_t power(int64_t a)
{
    /* e^-(1/4), e^-(1/2), e^-1 ... e^-16 */
    static const int64_t powers[] = {1672461947, 1302514674, 790015084, 290630308,
                                     39332535,   720401,     242};
    const int64_t quarter = 1LL << 24;
    if (a == 0) {
        return INT32_MAX;
    }
    int64_t near = (a & (quarter - 1)) - quarter, rest = near - a;
    int64_t result = power_near_zero(near * (1LL << 5));
    for (uint32_t k = 0; k < sizeof powers / sizeof powers[0]; k++) {
        if ((rest & (quarter << k)) != 0) {
            result = high_product(result, powers[k]);
        }
    }
    return result;
}

/* The powers of all distances from 0 to 255 steps, divided by 2^bits; those too far away are 0. */
static hmlc_value *table_of(hmlc_node *node, double step, int32_t bits)
{
    hmlc_module *module = node->emit.builder.module;
    hmlc_tflite_factor factor;
    int64_t *data = HMLC_NEW_ARRAY(module->arena, int64_t, 256);
    double most = ldexp(1, 31) - 1;
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    step = fmin(ldexp(step, 26), most);
    if (!hmlc_tflite_factor_of(step, &factor) || factor.shift < 0) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "its scale is too small or large");
        return NULL;
    }
    int64_t farthest = (int64_t)floor(ldexp(31, 26 - factor.shift));
    for (int64_t distance = 0; distance < 256; distance++) {
        int64_t a = high_product(-distance * (1LL << factor.shift), factor.multiplier);
        int64_t result = distance <= farthest ? power(a) : 0;
        data[distance] = bits > 0 ? divided_by_power(result, bits) : result;
    }
    const hmlc_tensor table = {
        .dtype = HMLC_DTYPE_i64, .rank = 1, .dims = {256}, .data = data, .bytes = 256 * 8};
    return hmlc_emit_constant(&node->emit, &table);
}

/* -- the rest, in the graph -- */

static hmlc_value *number(hmlc_node *node, int64_t value)
{
    return hmlc_emit_scalar(&node->emit, HMLC_DTYPE_i64, (double)value);
}

static hmlc_value *binary(hmlc_node *node, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b)
{
    return hmlc_emit_binary(&node->emit, opcode, a, b);
}

static hmlc_value *emit_high_product(hmlc_node *node, hmlc_value *a, hmlc_value *b)
{
    hmlc_value *product = binary(node, HMLC_OP_mul, a, b);
    product = binary(node, HMLC_OP_add, product, number(node, 1LL << 30));
    return binary(node, HMLC_OP_shift_right, product, number(node, 31));
}

/* How far a sum of at least 2^19 lies below 2^32, in bits. */
static hmlc_value *headroom(hmlc_node *node, hmlc_value *sum)
{
    hmlc_value *bits = NULL;
    for (int32_t k = 20; k <= 31; k++) {
        hmlc_value *below = binary(node, HMLC_OP_less, sum, number(node, 1LL << k));
        hmlc_value *one = hmlc_emit_cast(&node->emit, below, HMLC_DTYPE_i64);
        bits = bits == NULL ? one : binary(node, HMLC_OP_add, bits, one);
    }
    return bits;
}

/* 1 / (1 + a) for 0 <= a < 1, both in 31 fractional bits: x begins at 48/17 - 32/17 d with the half
 * denominator d, and has 2 integer bits. */
static hmlc_value *reciprocal(hmlc_node *node, hmlc_value *a)
{
    hmlc_value *half =
        binary(node, HMLC_OP_shift_right, binary(node, HMLC_OP_add, a, number(node, 1LL << 31)),
               number(node, 1));
    hmlc_value *x = emit_high_product(node, half, number(node, -1010580540));
    x = binary(node, HMLC_OP_add, x, number(node, 1515870810));
    for (int k = 0; k < 3; k++) {
        hmlc_value *error =
            binary(node, HMLC_OP_sub, number(node, 1LL << 29), emit_high_product(node, half, x));
        hmlc_value *change = emit_high_product(node, x, error);
        x = binary(node, HMLC_OP_add, x, binary(node, HMLC_OP_mul, change, number(node, 4)));
    }
    x = binary(node, HMLC_OP_mul, x, number(node, 2));
    return binary(node, HMLC_OP_min, x, number(node, INT32_MAX));
}

static hmlc_value *look_up(hmlc_node *node, hmlc_value *table, hmlc_value *index)
{
    return hmlc_emit(&node->emit, HMLC_OP_gather, HMLC_OPERANDS(table, index),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
}

void hmlc_tflite_integer_softmax(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, 0), *result = hmlc_tflite_output(node, 0);
    int64_t axis = hmlc_node_axis(node, -1, hmlc_node_rank(node, 0));
    int64_t least = result->dtype == HMLC_DTYPE_i8 ? -128 : 0;
    double step = hmlc_node_float(node, "beta", 1) * (double)x->quantization.scales[0];
    if (fabs((double)result->quantization.scales[0] * 256 - 1) > 1e-3 ||
        result->quantization.zeros[0] != least) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "its result must have steps of 1/256 from 0 on");
        return;
    }
    hmlc_value *powers = table_of(node, step, 0), *addends = table_of(node, step, 12);
    hmlc_value *q = hmlc_emit_cast(emit, node->inputs[0], HMLC_DTYPE_i64);
    hmlc_value *most = hmlc_emit_reduce(emit, HMLC_OP_reduce_max, q, &axis, 1, true);
    hmlc_value *distance = binary(node, HMLC_OP_sub, most, q);
    hmlc_value *sum = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, look_up(node, addends, distance),
                                       &axis, 1, true);
    hmlc_value *room = headroom(node, sum);
    hmlc_value *above = binary(node, HMLC_OP_sub, binary(node, HMLC_OP_shift_left, sum, room),
                               number(node, 1LL << 31));
    hmlc_value *scale = reciprocal(node, above);
    hmlc_value *y = emit_high_product(node, look_up(node, powers, distance), scale);
    /* Divided by 2^(12 - room + 23), half up: nothing is negative. */
    hmlc_value *bits = binary(node, HMLC_OP_sub, number(node, 34), room);
    hmlc_value *half = binary(node, HMLC_OP_shift_left, number(node, 1), bits);
    bits = binary(node, HMLC_OP_add, bits, number(node, 1));
    y = binary(node, HMLC_OP_shift_right, binary(node, HMLC_OP_add, y, half), bits);
    if (hmlc_node_ok(node)) {
        y = hmlc_emit_cast(emit, y, HMLC_DTYPE_i32);
        node->outputs[0] = hmlc_tflite_store(node, y, result);
    }
}

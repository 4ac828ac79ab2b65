/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise ops: values at the corners, broadcast, element types. */
#include "ops_testing.h"

#include <math.h>

static void expect_unary(ops_test *test, hmlc_opcode opcode, double x, double y)
{
    hmlc_value *value = ops_constant(test, HMLC_DTYPE_f32, SCALAR, &x);
    hmlc_op *op = ops_build(test, opcode, OPERANDS(value), NO_ATTRS);
    ops_expect_type(op, 0, "f32[]");
    ops_expect(test, op, 0, SCALAR, 1e-6, &y);
}

static void unary_functions_have_their_values(void **state)
{
    static const struct {
        hmlc_opcode opcode;
        double x, y;
    } cases[] = {
        {HMLC_OP_neg, 2, -2},
        {HMLC_OP_abs, -2.5, 2.5},
        {HMLC_OP_sign, -3, -1},
        {HMLC_OP_sign, 0, 0},
        {HMLC_OP_relu, -1, 0},
        {HMLC_OP_relu, NAN, NAN},
        {HMLC_OP_floor, -1.5, -2},
        {HMLC_OP_ceil, -1.5, -1},
        {HMLC_OP_round, 2.5, 2},
        {HMLC_OP_round, 3.5, 4},
        {HMLC_OP_round, -0.5, 0},
        {HMLC_OP_sqrt, 2, 1.4142135623730951},
        {HMLC_OP_sqrt, -1, NAN},
        {HMLC_OP_rsqrt, 4, 0.5},
        {HMLC_OP_reciprocal, 4, 0.25},
        {HMLC_OP_exp, 1, 2.718281828459045},
        {HMLC_OP_log, 0, -INFINITY},
        {HMLC_OP_sin, 1, 0.8414709848078965},
        {HMLC_OP_cos, 1, 0.5403023058681398},
        {HMLC_OP_tan, 1, 1.5574077246549023},
        {HMLC_OP_asin, 0.5, 0.5235987755982989},
        {HMLC_OP_acos, 0.5, 1.0471975511965979},
        {HMLC_OP_atan, 1, 0.7853981633974483},
        {HMLC_OP_sinh, 1, 1.1752011936438014},
        {HMLC_OP_cosh, 1, 1.5430806348152437},
        {HMLC_OP_asinh, 1, 0.881373587019543},
        {HMLC_OP_acosh, 2, 1.3169578969248166},
        {HMLC_OP_atanh, 0.5, 0.5493061443340549},
        {HMLC_OP_tanh, 1, 0.7615941559557649},
        {HMLC_OP_erf, 1, 0.8427007929497149},
        {HMLC_OP_sigmoid, 1, 0.7310585786300049},
        {HMLC_OP_sigmoid, -1000, 0},
        {HMLC_OP_softplus, 1, 1.3132616875182228},
        {HMLC_OP_softplus, 1000, 1000},
        {HMLC_OP_softsign, -1, -0.5},
        {HMLC_OP_silu, 1, 0.7310585786300049},
        {HMLC_OP_mish, 1, 0.8650983882673103},
        {HMLC_OP_gelu, 1, 0.8413447460685429},
        {HMLC_OP_leaky_relu, -1, -0.01},
        {HMLC_OP_elu, -1, -0.6321205588285577},
        {HMLC_OP_selu, -1, -1.1113307378125625},
        {HMLC_OP_celu, -1, -0.6321205588285577},
        {HMLC_OP_thresholded_relu, 0.5, 0},
        {HMLC_OP_thresholded_relu, 1.5, 1.5},
        {HMLC_OP_thresholded_relu, NAN, 0}, /* not larger than alpha */
        {HMLC_OP_shrink, 0.4, 0},
        {HMLC_OP_shrink, -2, -2},
        {HMLC_OP_shrink, NAN, 0},
        {HMLC_OP_hard_sigmoid, 1, 0.7},
        {HMLC_OP_hard_sigmoid, 10, 1},
        {HMLC_OP_hard_swish, 1, 0.6666666666666666},
        {HMLC_OP_hard_swish, -4, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        expect_unary(*state, cases[i].opcode, cases[i].x, cases[i].y);
    }
}

static void attributes_shape_activations(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(1, -1));
    hmlc_op *op = ops_build(test, HMLC_OP_gelu, OPERANDS(x), ATTRS(INT_ATTR(approximate, 1)));
    ops_expect(test, op, 0, SHAPE(2), 1e-6, FLOATS(0.8411919906082768, -0.15880800939172324));
    op = ops_build(test, HMLC_OP_silu, OPERANDS(x), ATTRS(FLOAT_ATTR(alpha, 1.702)));
    ops_expect(test, op, 0, SHAPE(2), 1e-6, FLOATS(0.8457957659328212, -0.15420423406717879));
    op = ops_build(test, HMLC_OP_celu, OPERANDS(x), ATTRS(FLOAT_ATTR(alpha, 2)));
    ops_expect(test, op, 0, SHAPE(2), 1e-6, FLOATS(1, -0.7869386805747332));
}

static void predicates_give_bool(void **state)
{
    ops_test *test = *state;
    hmlc_value *x =
        ops_constant(test, HMLC_DTYPE_f32, SHAPE(4), FLOATS(0, NAN, INFINITY, -INFINITY));
    hmlc_op *op = ops_build(test, HMLC_OP_is_nan, OPERANDS(x), NO_ATTRS);
    ops_expect_type(op, 0, "bool[4]");
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(0, 1, 0, 0));
    op = ops_build(test, HMLC_OP_is_inf, OPERANDS(x), ATTRS(INT_ATTR(detect_negative, 0)));
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(0, 0, 1, 0));
}

static void binary_ops_broadcast(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 1), FLOATS(10, 20));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(1, 2, 4));
    hmlc_op *op = ops_build(test, HMLC_OP_sub, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(9, 8, 6, 19, 18, 16));
    op = ops_build(test, HMLC_OP_div, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(10, 5, 2.5, 20, 10, 5));
    op = ops_build(test, HMLC_OP_less, OPERANDS(b, a), NO_ATTRS);
    ops_expect_type(op, 0, "bool[2, 3]");
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 1, 1, 1, 1, 1));
}

static void empty_tensors_broadcast(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(0, 1), NULL);
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(1, 2, 4));
    hmlc_op *op = ops_build(test, HMLC_OP_add, OPERANDS(a, b), NO_ATTRS);
    ops_expect_type(op, 0, "f32[0, 3]");
    ops_expect(test, op, 0, SHAPE(0, 3), 0, NULL);
}

static void integers_follow_the_table(void **state)
{
    ops_test *test = *state;
    static const struct {
        hmlc_opcode opcode;
        hmlc_dtype dtype;
        double a, b, y;
    } cases[] = {
        {HMLC_OP_div, HMLC_DTYPE_i32, -7, 2, -3},
        {HMLC_OP_div, HMLC_DTYPE_i32, 7, 0, 0},
        {HMLC_OP_div, HMLC_DTYPE_i32, INT32_MIN, -1, INT32_MIN},
        {HMLC_OP_mod, HMLC_DTYPE_i32, -7, 3, 2},
        {HMLC_OP_mod, HMLC_DTYPE_i32, 7, -3, -2},
        {HMLC_OP_pow, HMLC_DTYPE_i32, 3, 4, 81},
        {HMLC_OP_pow, HMLC_DTYPE_i32, 2, -1, 0},
        {HMLC_OP_pow, HMLC_DTYPE_i32, -1, -3, -1},
        {HMLC_OP_add, HMLC_DTYPE_i8, 127, 1, -128},
        {HMLC_OP_sub, HMLC_DTYPE_u8, 0, 1, 255},
        {HMLC_OP_mul, HMLC_DTYPE_i16, 300, 300, 24464},
        {HMLC_OP_min, HMLC_DTYPE_i8, -5, 3, -5},
        {HMLC_OP_max, HMLC_DTYPE_u8, 200, 3, 200},
        {HMLC_OP_prelu, HMLC_DTYPE_i32, -5, 3, -15},
        {HMLC_OP_bit_and, HMLC_DTYPE_i32, 12, 10, 8},
        {HMLC_OP_bit_or, HMLC_DTYPE_i32, 12, 10, 14},
        {HMLC_OP_bit_xor, HMLC_DTYPE_i32, 12, 10, 6},
        {HMLC_OP_shift_left, HMLC_DTYPE_u8, 255, 1, 254},
        {HMLC_OP_shift_left, HMLC_DTYPE_u8, 255, 8, 0},
        {HMLC_OP_shift_right, HMLC_DTYPE_i32, -8, 1, -4},
        {HMLC_OP_shift_right, HMLC_DTYPE_u8, 128, 7, 1},
        {HMLC_OP_less, HMLC_DTYPE_u8, 3, 200, 1},
        {HMLC_OP_less_equal, HMLC_DTYPE_i64, 3, 3, 1},
        {HMLC_OP_equal, HMLC_DTYPE_bool, 1, 0, 0},
        {HMLC_OP_xor, HMLC_DTYPE_bool, 1, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        hmlc_value *a = ops_constant(test, cases[i].dtype, SHAPE(1), &cases[i].a);
        hmlc_value *b = ops_constant(test, cases[i].dtype, SHAPE(1), &cases[i].b);
        hmlc_op *op = ops_build(test, cases[i].opcode, OPERANDS(a, b), NO_ATTRS);
        ops_expect(test, op, 0, SHAPE(1), 0, &cases[i].y);
    }
}

/* Values of exact integer arithmetic, and of real powers truncated. */
static void integers_take_floating_powers(void **state)
{
    ops_test *test = *state;
    static const struct {
        hmlc_dtype base, exponent;
        double a, b, y;
    } cases[] = {
        {HMLC_DTYPE_u32, HMLC_DTYPE_f16, 4294967295, 1, 4294967295},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, 4999, 2, 24990001},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, -16777217, 1, -16777217},
        {HMLC_DTYPE_i64, HMLC_DTYPE_f32, 9007199254740991, 1, 9007199254740991},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f64, 16, 1.75, 128},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, 99, 0.5, 9},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, 10, -1, 0},
        {HMLC_DTYPE_u8, HMLC_DTYPE_f32, 1, -3, 1},
        {HMLC_DTYPE_u8, HMLC_DTYPE_f32, 2, -3, 0},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, 1, NAN, 1},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, -1, INFINITY, 1},
        {HMLC_DTYPE_i32, HMLC_DTYPE_f32, 3, -INFINITY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        hmlc_value *a = ops_constant(test, cases[i].base, SHAPE(1), &cases[i].a);
        hmlc_value *b = ops_constant(test, cases[i].exponent, SHAPE(1), &cases[i].b);
        hmlc_op *op = ops_build(test, HMLC_OP_pow, OPERANDS(a, b), NO_ATTRS);
        ops_expect(test, op, 0, SHAPE(1), 0, &cases[i].y);
    }
}

static void unsigned_64_bits_compare_unsigned(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_u64, SHAPE(1), FLOATS(0x1p63));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_u64, SHAPE(1), FLOATS(3));
    hmlc_op *op = ops_build(test, HMLC_OP_max, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(1), 0, FLOATS(0x1p63));
    op = ops_build(test, HMLC_OP_div, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(1), 0, FLOATS(3074457345618258602.0));
}

static void float_modulo_has_two_kinds(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(-7, 7));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(3, -3));
    hmlc_op *op = ops_build(test, HMLC_OP_mod, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(2, -2));
    op = ops_build(test, HMLC_OP_mod, OPERANDS(a, b), ATTRS(INT_ATTR(fmod, 1)));
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(-1, 1));
}

static void nan_wins_in_min_and_max(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(NAN, 1, 2));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3), FLOATS(1, NAN, 3));
    ops_expect(test, ops_build(test, HMLC_OP_min, OPERANDS(a, b), NO_ATTRS), 0, SHAPE(3), 0,
               FLOATS(NAN, NAN, 2));
    ops_expect(test, ops_build(test, HMLC_OP_max, OPERANDS(a, b), NO_ATTRS), 0, SHAPE(3), 0,
               FLOATS(NAN, NAN, 3));
}

static void halves_round_once(void **state)
{
    ops_test *test = *state;
    /* 2048 + 1 lies between two halves; computed in double, it goes to the even one. */
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_f16, SHAPE(2), FLOATS(2048, 2050));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_f16, SHAPE(2), FLOATS(1, 1));
    hmlc_op *op = ops_build(test, HMLC_OP_add, OPERANDS(a, b), NO_ATTRS);
    ops_expect_type(op, 0, "f16[2]");
    ops_expect(test, op, 0, SHAPE(2), 0, FLOATS(2048, 2052));
    a = ops_constant(test, HMLC_DTYPE_bf16, SHAPE(1), FLOATS(256));
    b = ops_constant(test, HMLC_DTYPE_bf16, SHAPE(1), FLOATS(1));
    op = ops_build(test, HMLC_OP_add, OPERANDS(a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(1), 0, FLOATS(256));
}

static void casts_truncate_and_wrap(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(4), FLOATS(-1.9, 2.9, 300, 0));
    hmlc_op *op = ops_build(test, HMLC_OP_cast, OPERANDS(x), ATTRS(DTYPE_ATTR(to, i8)));
    ops_expect_type(op, 0, "i8[4]");
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(-1, 2, 44, 0));
    op = ops_build(test, HMLC_OP_cast, OPERANDS(x), ATTRS(DTYPE_ATTR(to, bool)));
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(1, 1, 1, 0));
    ops_expect_known(op, "1, 1, 1, 0");
}

static void select_takes_either_side(void **state)
{
    ops_test *test = *state;
    hmlc_value *condition = ops_constant(test, HMLC_DTYPE_bool, SHAPE(2, 1), FLOATS(1, 0));
    hmlc_value *a = ops_constant(test, HMLC_DTYPE_i32, SHAPE(2), FLOATS(1, 2));
    hmlc_value *b = ops_constant(test, HMLC_DTYPE_i32, SCALAR, FLOATS(9));
    hmlc_op *op = ops_build(test, HMLC_OP_select, OPERANDS(condition, a, b), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(2, 2), 0, FLOATS(1, 2, 9, 9));
}

static void quantization_rounds_and_saturates(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 3), FLOATS(1, 3, -5, 1000, 5, -3));
    hmlc_value *scale = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2), FLOATS(2, 2));
    hmlc_value *zero = ops_constant(test, HMLC_DTYPE_u8, SHAPE(2), FLOATS(1, 10));
    hmlc_op *op = ops_build(test, HMLC_OP_quantize, OPERANDS(x, scale, zero),
                            ATTRS(INT_ATTR(axis, 0), DTYPE_ATTR(to, u8)));
    ops_expect_type(op, 0, "u8[2, 3]");
    /* 0.5 -> 0, 1.5 -> 2, -2.5 -> -2 */
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(1, 3, 0, 255, 12, 8));
    hmlc_value *q = ops_constant(test, HMLC_DTYPE_u8, SHAPE(2, 3), FLOATS(1, 3, 0, 255, 12, 8));
    op = ops_build(test, HMLC_OP_dequantize, OPERANDS(q, scale, zero),
                   ATTRS(INT_ATTR(axis, 0), DTYPE_ATTR(to, f32)));
    ops_expect(test, op, 0, SHAPE(2, 3), 0, FLOATS(0, 4, -2, 490, 4, -4));
}

/* A byte's bits say where its result stands: -1 is the last of 256. */
static void lookup_takes_bits(void **state)
{
    ops_test *test = *state;
    uint8_t bytes[HMLC_TABLE_LENGTH];
    for (int k = 0; k < HMLC_TABLE_LENGTH; k++) {
        bytes[k] = (uint8_t)(255 - k);
    }
    hmlc_tensor table = {.dtype = HMLC_DTYPE_u8,
                         .rank = 1,
                         .dims = {HMLC_TABLE_LENGTH},
                         .data = bytes,
                         .bytes = sizeof bytes};
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_i8, SHAPE(4), FLOATS(0, 127, -128, -1));
    hmlc_op *op = ops_build(test, HMLC_OP_lookup, OPERANDS(x),
                            ATTRS(hmlc_attr_tensor(HMLC_ATTR_table, &table)));
    ops_expect_type(op, 0, "u8[4]");
    ops_expect(test, op, 0, SHAPE(4), 0, FLOATS(255, 128, 127, 0));
    hmlc_value *wide = ops_constant(test, HMLC_DTYPE_i16, SHAPE(1), FLOATS(0));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "elements of 8 bits, found i16", HMLC_OP_lookup,
               OPERANDS(wide), ATTRS(hmlc_attr_tensor(HMLC_ATTR_table, &table)));
    table.dims[0] = 128;
    ops_refuse(test, HMLC_ERROR_graph_invalid, "not one of 256 elements", HMLC_OP_lookup,
               OPERANDS(x), ATTRS(hmlc_attr_tensor(HMLC_ATTR_table, &table)));
}

/* 2^30 / 2^31 is half: 3 to 1.5, then 2; twice rounded 5 / 4 is 3 / 2, then 2. */
static void fixed_point_rounds_twice_or_once(void **state)
{
    ops_test *test = *state;
    hmlc_value *x =
        ops_constant(test, HMLC_DTYPE_i32, SHAPE(6), FLOATS(3, -3, 5, -5, -7, 2147483647.0));
    hmlc_value *half = ops_constant(test, HMLC_DTYPE_i32, SCALAR, FLOATS(1 << 30));
    hmlc_value *none = ops_constant(test, HMLC_DTYPE_i32, SCALAR, FLOATS(0));
    hmlc_value *one = ops_constant(test, HMLC_DTYPE_i32, SHAPE(1), FLOATS(1));
    hmlc_op *op = ops_build(test, HMLC_OP_requantize_fixed, OPERANDS(x, half, none), NO_ATTRS);
    ops_expect_type(op, 0, "i32[6]");
    ops_expect(test, op, 0, SHAPE(6), 0, FLOATS(2, -1, 3, -2, -3, 1 << 30));
    op = ops_build(test, HMLC_OP_requantize_fixed, OPERANDS(x, half, one), NO_ATTRS);
    ops_expect(test, op, 0, SHAPE(6), 0, FLOATS(1, -1, 2, -1, -2, 1 << 29));
    op = ops_build(test, HMLC_OP_requantize_fixed, OPERANDS(x, half, one),
                   ATTRS(INT_ATTR(rounding, HMLC_ROUNDING_SINGLE)));
    ops_expect(test, op, 0, SHAPE(6), 0, FLOATS(1, -1, 1, -1, -2, 1 << 29));
    hmlc_value *real = ops_constant(test, HMLC_DTYPE_f64, SCALAR, FLOATS(0.5));
    op = ops_build(test, HMLC_OP_requantize_fixed, OPERANDS(x, real),
                   ATTRS(INT_ATTR(rounding, HMLC_ROUNDING_REAL)));
    ops_expect(test, op, 0, SHAPE(6), 0, FLOATS(2, -2, 3, -3, -4, 1 << 30));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "has no shift", HMLC_OP_requantize_fixed,
               OPERANDS(x, half), NO_ATTRS);
    ops_refuse(test, HMLC_ERROR_graph_invalid, "expected f64", HMLC_OP_requantize_fixed,
               OPERANDS(x, half), ATTRS(INT_ATTR(rounding, HMLC_ROUNDING_REAL)));
}

/* Blocks of two along a dim of three: the last one is shorter. */
static void blocks_share_their_scale(void **state)
{
    ops_test *test = *state;
    hmlc_value *q = ops_constant(test, HMLC_DTYPE_i8, SHAPE(3, 2), FLOATS(1, 2, 3, 4, 5, 6));
    hmlc_value *scale = ops_constant(test, HMLC_DTYPE_f32, SHAPE(2, 2), FLOATS(1, 10, 100, 0.5));
    hmlc_value *zero = ops_constant(test, HMLC_DTYPE_i8, SHAPE(2, 2), FLOATS(0, 1, 5, 0));
    hmlc_op *op = ops_build(test, HMLC_OP_dequantize, OPERANDS(q, scale, zero),
                            ATTRS(INT_ATTR(axis, 0), INT_ATTR(block, 2), DTYPE_ATTR(to, f32)));
    ops_expect_type(op, 0, "f32[3, 2]");
    ops_expect(test, op, 0, SHAPE(3, 2), 0, FLOATS(1, 10, 3, 30, 0, 3));
    hmlc_value *rows = ops_constant(test, HMLC_DTYPE_f32, SHAPE(3, 1), FLOATS(1, 2, 3));
    op = ops_build(test, HMLC_OP_dequantize, OPERANDS(q, rows),
                   ATTRS(INT_ATTR(axis, 1), INT_ATTR(block, 4), DTYPE_ATTR(to, f32)));
    ops_expect(test, op, 0, SHAPE(3, 2), 0, FLOATS(1, 2, 6, 8, 15, 18));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "blocks of the scale", HMLC_OP_dequantize,
               OPERANDS(q, rows),
               ATTRS(INT_ATTR(axis, 0), INT_ATTR(block, 2), DTYPE_ATTR(to, f32)));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "blocks have -1", HMLC_OP_dequantize,
               OPERANDS(q, scale),
               ATTRS(INT_ATTR(axis, 0), INT_ATTR(block, -1), DTYPE_ATTR(to, f32)));
}

static void contradictions_are_reported(void **state)
{
    ops_test *test = *state;
    hmlc_value *f = ops_input(test, HMLC_DTYPE_f32, "2, 3");
    hmlc_value *g = ops_input(test, HMLC_DTYPE_f32, "4");
    hmlc_value *i = ops_input(test, HMLC_DTYPE_i32, "2, 3");
    ops_refuse(test, HMLC_ERROR_graph_invalid, "do not broadcast", HMLC_OP_add, OPERANDS(f, g),
               NO_ATTRS);
    ops_refuse(test, HMLC_ERROR_graph_invalid, "element type i32; expected f32", HMLC_OP_add,
               OPERANDS(f, i), NO_ATTRS);
    ops_refuse(test, HMLC_ERROR_op_unsupported_type, "operand 0 has element type i32", HMLC_OP_exp,
               OPERANDS(i), NO_ATTRS);
    ops_refuse(test, HMLC_ERROR_op_unsupported_type, "expected bool", HMLC_OP_not, OPERANDS(f),
               NO_ATTRS);
    ops_refuse(test, HMLC_ERROR_not_implemented, "string", HMLC_OP_cast, OPERANDS(f),
               ATTRS(DTYPE_ATTR(to, string)));
}

static void symbolic_shapes_broadcast(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_input(test, HMLC_DTYPE_f32, "batch, 1, 8");
    hmlc_value *b = ops_input(test, HMLC_DTYPE_f32, "seq, 8");
    ops_expect_type(ops_build(test, HMLC_OP_add, OPERANDS(a, b), NO_ATTRS), 0,
                    "f32[batch, seq, 8]");
    assert_int_equal(ops_equalities(test), 0);
    /* A symbol beside a constant is 1 or that constant: checked at run time. */
    hmlc_value *c = ops_input(test, HMLC_DTYPE_f32, "4, 8");
    ops_expect_type(ops_build(test, HMLC_OP_add, OPERANDS(b, c), NO_ATTRS), 0, "f32[4, 8]");
    assert_int_equal(ops_equalities(test), 1);
}

static void two_symbols_broadcast_in_either_order(void **state)
{
    ops_test *test = *state;
    hmlc_value *a = ops_input(test, HMLC_DTYPE_f32, "n");
    hmlc_value *b = ops_input(test, HMLC_DTYPE_f32, "m");
    hmlc_op *left = ops_build(test, HMLC_OP_add, OPERANDS(a, b), NO_ATTRS);
    hmlc_op *right = ops_build(test, HMLC_OP_add, OPERANDS(b, a), NO_ATTRS);
    assert_true(hmlc_type_equal(left->results[0]->type, right->results[0]->type));
    int64_t symbols[2] = {0}, dim;
    for (symbols[0] = 0; symbols[0] < 3; ++symbols[0]) {
        for (symbols[1] = 0; symbols[1] < 3; ++symbols[1]) {
            const hmlc_dim_equality *check = hmlc_dims_equality_at(test->module->dims, 0);
            int64_t one, other;
            assert_true(hmlc_dim_evaluate(check->left, symbols, &one));
            assert_true(hmlc_dim_evaluate(check->right, symbols, &other));
            bool valid = symbols[0] == symbols[1] || symbols[0] == 1 || symbols[1] == 1;
            assert_int_equal(one == other, valid);
            assert_true(hmlc_dim_evaluate(left->results[0]->type->dims[0], symbols, &dim));
            if (valid) {
                assert_int_equal(dim, symbols[0] == 1 ? symbols[1] : symbols[0]);
            }
        }
    }
    assert_int_equal(ops_equalities(test), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(unary_functions_have_their_values),
        OPS_TEST(attributes_shape_activations),
        OPS_TEST(predicates_give_bool),
        OPS_TEST(binary_ops_broadcast),
        OPS_TEST(empty_tensors_broadcast),
        OPS_TEST(integers_follow_the_table),
        OPS_TEST(integers_take_floating_powers),
        OPS_TEST(unsigned_64_bits_compare_unsigned),
        OPS_TEST(float_modulo_has_two_kinds),
        OPS_TEST(nan_wins_in_min_and_max),
        OPS_TEST(halves_round_once),
        OPS_TEST(casts_truncate_and_wrap),
        OPS_TEST(select_takes_either_side),
        OPS_TEST(quantization_rounds_and_saturates),
        OPS_TEST(fixed_point_rounds_twice_or_once),
        OPS_TEST(lookup_takes_bits),
        OPS_TEST(blocks_share_their_scale),
        OPS_TEST(contradictions_are_reported),
        OPS_TEST(symbolic_shapes_broadcast),
        OPS_TEST(two_symbols_broadcast_in_either_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

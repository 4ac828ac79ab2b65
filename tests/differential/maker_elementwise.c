/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for elementwise ops: all of them, with broadcasting and every element type that they take.
 */
#include <math.h>

#include "maker.h"

/* How an operand is made fit: as it is, or moved away from a pole. */
typedef enum preparation { AS_IT_IS, ABOVE } preparation;
typedef enum behaviour {
    SMOOTH, /* rounds; amplifies errors by `slope` at most */
    EXACT,  /* rounds nothing */
    JUMPS,  /* not continuous, rounds: only on values with every bit decided */
    STEPS,  /* not continuous, gives integers: likewise */
} behaviour;

typedef struct unary_row {
    hmlc_opcode opcode;
    behaviour behaviour;
    preparation preparation;
    double limit; /* |operand|, or for ABOVE how far above `offset` */
    double offset;
    double slope;
    double bound; /* |result| */
} unary_row;

static const unary_row unary_rows[] = {
    {HMLC_OP_neg, EXACT, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_abs, EXACT, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_relu, EXACT, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_relu, EXACT, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_sign, STEPS, AS_IT_IS, 1e5, 0, 1, 1},
    {HMLC_OP_floor, STEPS, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_ceil, STEPS, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_round, STEPS, AS_IT_IS, 1e5, 0, 1, 0},
    {HMLC_OP_sqrt, SMOOTH, ABOVE, 16, 0.25, 1, 5},
    {HMLC_OP_rsqrt, SMOOTH, ABOVE, 16, 0.5, 2, 2},
    {HMLC_OP_reciprocal, SMOOTH, ABOVE, 16, 0.5, 4, 2},
    {HMLC_OP_exp, SMOOTH, AS_IT_IS, 3, 0, 21, 21},
    {HMLC_OP_log, SMOOTH, ABOVE, 16, 0.5, 2, 3},
    {HMLC_OP_sin, SMOOTH, AS_IT_IS, 8, 0, 1, 1},
    {HMLC_OP_cos, SMOOTH, AS_IT_IS, 8, 0, 1, 1},
    {HMLC_OP_tan, SMOOTH, AS_IT_IS, 1, 0, 4, 2},
    {HMLC_OP_asin, SMOOTH, AS_IT_IS, 0.9, 0, 3, 2},
    {HMLC_OP_acos, SMOOTH, AS_IT_IS, 0.9, 0, 3, 4},
    {HMLC_OP_atan, SMOOTH, AS_IT_IS, 8, 0, 1, 2},
    {HMLC_OP_sinh, SMOOTH, AS_IT_IS, 2, 0, 4, 4},
    {HMLC_OP_cosh, SMOOTH, AS_IT_IS, 2, 0, 4, 4},
    {HMLC_OP_asinh, SMOOTH, AS_IT_IS, 16, 0, 1, 4},
    {HMLC_OP_acosh, SMOOTH, ABOVE, 16, 1.5, 1, 4},
    {HMLC_OP_atanh, SMOOTH, AS_IT_IS, 0.9, 0, 6, 2},
    {HMLC_OP_tanh, SMOOTH, AS_IT_IS, 8, 0, 1, 1},
    {HMLC_OP_erf, SMOOTH, AS_IT_IS, 8, 0, 1.2, 1},
    {HMLC_OP_sigmoid, SMOOTH, AS_IT_IS, 16, 0, 1, 1},
    {HMLC_OP_softplus, SMOOTH, AS_IT_IS, 16, 0, 1, 17},
    {HMLC_OP_softsign, SMOOTH, AS_IT_IS, 16, 0, 1, 1},
    {HMLC_OP_silu, SMOOTH, AS_IT_IS, 16, 0, 1.2, 16},
    {HMLC_OP_mish, SMOOTH, AS_IT_IS, 16, 0, 1.2, 16},
    {HMLC_OP_gelu, SMOOTH, AS_IT_IS, 16, 0, 1.2, 16},
    {HMLC_OP_leaky_relu, SMOOTH, AS_IT_IS, 64, 0, 1, 64},
    {HMLC_OP_elu, SMOOTH, AS_IT_IS, 8, 0, 1, 8},
    {HMLC_OP_selu, SMOOTH, AS_IT_IS, 8, 0, 2, 9},
    {HMLC_OP_celu, SMOOTH, AS_IT_IS, 8, 0, 1, 8},
    {HMLC_OP_thresholded_relu, JUMPS, AS_IT_IS, 8, 0, 1, 8},
    {HMLC_OP_shrink, JUMPS, AS_IT_IS, 8, 0, 1, 8},
    {HMLC_OP_hard_sigmoid, SMOOTH, AS_IT_IS, 64, 0, 1, 1},
    {HMLC_OP_hard_swish, SMOOTH, AS_IT_IS, 8, 0, 2, 8},
};

static const maker_value *prepared(maker *m, const maker_value *x, const unary_row *row)
{
    x = maker_scaled(m, x, row->limit);
    if (x == NULL || row->preparation == AS_IT_IS) {
        return x;
    }
    maker_value kept = *x;
    const maker_value *positive = maker_op(m, HMLC_OP_abs, &kept.value, 1, NULL, 0,
                                           maker_facts(kept.bound, kept.error, kept.grid));
    const maker_value *offset = maker_scalar(m, HMLC_DTYPE_f32, row->offset);
    if (positive == NULL || offset == NULL) {
        return NULL;
    }
    hmlc_value *operands[] = {positive->value, offset->value};
    double bound = kept.bound + row->offset;
    double rounding = kept.grid < 0 ? bound * MAKER_EPSILON : 0;
    return maker_op(m, HMLC_OP_add, operands, 2, NULL, 0,
                    maker_facts(bound, kept.error + rounding, kept.grid < 0 ? -1 : kept.grid + 2));
}

static maker_value unary_facts(const maker_value *x, const unary_row *row)
{
    double bound = row->bound != 0 ? row->bound : x->bound + 1;
    switch (row->behaviour) {
    case EXACT:
        return maker_facts(x->bound, x->error, x->grid);
    case STEPS:
        return maker_facts(bound, 0, 0);
    default:
        return maker_facts(bound, x->error * row->slope + bound * MAKER_EPSILON, -1);
    }
}

const maker_value *maker_unary(maker *m, const maker_value *x)
{
    const unary_row *row = &unary_rows[maker_pick(m, sizeof unary_rows / sizeof *unary_rows)];
    bool decided = row->behaviour == SMOOTH || row->behaviour == EXACT || x->error == 0;
    x = decided ? prepared(m, x, row) : NULL;
    if (x == NULL) {
        return NULL;
    }
    hmlc_attr approximate = hmlc_attr_int(HMLC_ATTR_approximate, maker_pick(m, 2));
    hmlc_value *operand = x->value;
    return maker_op(m, row->opcode, &operand, 1, &approximate, row->opcode == HMLC_OP_gelu,
                    unary_facts(x, row));
}

static void make_unary(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_float);
    if (x != NULL) {
        (void)maker_unary(m, x);
    }
}

/* A divisor away from 0: |y| + 0.5. */
static const maker_value *divisor(maker *m, const maker_value *y)
{
    static const unary_row away = {.preparation = ABOVE, .limit = 16, .offset = 0.5};
    return prepared(m, y, &away);
}

static maker_value binary_facts(hmlc_opcode opcode, const maker_value *x, const maker_value *y)
{
    bool grids = x->grid >= 0 && y->grid >= 0;
    int finest = x->grid > y->grid ? x->grid : y->grid;
    maker_value facts = {.grid = grids ? finest : -1};
    switch (opcode) {
    case HMLC_OP_min:
    case HMLC_OP_max:
        facts.bound = fmax(x->bound, y->bound);
        facts.error = fmax(x->error, y->error);
        return facts;
    case HMLC_OP_mul:
    case HMLC_OP_prelu:
        facts.bound = fmax(x->bound, x->bound * y->bound);
        facts.error = x->error * fmax(1, y->bound) + y->error * x->bound;
        facts.grid = grids ? x->grid + y->grid : -1;
        break;
    case HMLC_OP_div:
        facts.bound = x->bound * 2;
        facts.error = x->error * 2 + y->error * x->bound * 4;
        facts.grid = -1;
        break;
    default:
        facts.bound = x->bound + y->bound;
        facts.error = x->error + y->error;
    }
    bool exact = facts.grid >= 0 && facts.grid <= 20 && facts.bound * ldexp(1, facts.grid) < 8e6;
    facts.error += exact ? 0 : facts.bound * MAKER_EPSILON;
    facts.grid = exact ? facts.grid : -1;
    return facts;
}

static void make_binary(maker *m)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_add, HMLC_OP_add, HMLC_OP_sub, HMLC_OP_mul,
                                          HMLC_OP_div, HMLC_OP_min, HMLC_OP_max, HMLC_OP_prelu};
    hmlc_opcode opcode = opcodes[maker_pick(m, sizeof opcodes / sizeof *opcodes)];
    const maker_value *x = maker_any(m, maker_is_float);
    x = x == NULL ? NULL : maker_scaled(m, x, 64);
    if (x == NULL) {
        return;
    }
    maker_value left = *x;
    const maker_value *y = maker_partner(m, &left, HMLC_DTYPE_f32);
    y = y == NULL ? NULL : maker_scaled(m, y, 64);
    y = y != NULL && opcode == HMLC_OP_div ? divisor(m, y) : y;
    if (y == NULL) {
        return;
    }
    maker_value facts = binary_facts(opcode, &left, y);
    bool swapped = opcode != HMLC_OP_div && opcode != HMLC_OP_prelu && maker_chance(m, 30);
    hmlc_value *operands[] = {swapped ? y->value : left.value, swapped ? left.value : y->value};
    (void)maker_op(m, opcode, operands, 2, NULL, 0, facts);
}

/* (|x| + 0.5) ^ a small constant, and x squared. */
static void make_power(maker *m)
{
    static const double exponents[] = {2, 0.5, -1, 3, 1, 0, -0.5, 1.5};
    const maker_value *x = maker_any(m, maker_is_float);
    x = x == NULL ? NULL : maker_scaled(m, x, 2);
    x = x == NULL ? NULL : divisor(m, x);
    if (x == NULL) {
        return;
    }
    maker_value base = *x;
    const maker_value *exponent = maker_scalar(m, HMLC_DTYPE_f32, exponents[maker_pick(m, 8)]);
    if (exponent != NULL) {
        hmlc_value *operands[] = {base.value, exponent->value};
        (void)maker_op(m, HMLC_OP_pow, operands, 2, NULL, 0,
                       maker_facts(20, base.error * 20 + 20 * MAKER_EPSILON, -1));
    }
}

static void make_integer_binary(maker *m)
{
    static const hmlc_opcode opcodes[] = {
        HMLC_OP_add, HMLC_OP_sub,        HMLC_OP_mul,         HMLC_OP_div,    HMLC_OP_mod,
        HMLC_OP_min, HMLC_OP_max,        HMLC_OP_bit_and,     HMLC_OP_bit_or, HMLC_OP_bit_xor,
        HMLC_OP_mod, HMLC_OP_shift_left, HMLC_OP_shift_right, HMLC_OP_pow,    HMLC_OP_prelu};
    hmlc_opcode opcode = opcodes[maker_pick(m, sizeof opcodes / sizeof *opcodes)];
    const maker_value *x = maker_any(m, maker_is_integer);
    if (x == NULL) {
        return;
    }
    maker_value left = *x;
    const maker_value *y = maker_partner(m, &left, left.value->type->dtype);
    if (y == NULL) {
        return;
    }
    hmlc_value *operands[] = {left.value, y->value};
    hmlc_attr fmod_ = hmlc_attr_int(HMLC_ATTR_fmod, maker_pick(m, 2));
    (void)maker_op(m, opcode, operands, 2, &fmod_, opcode == HMLC_OP_mod, MAKER_NO_FACTS);
}

static void make_integer_unary(maker *m)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_neg, HMLC_OP_abs, HMLC_OP_sign, HMLC_OP_relu,
                                          HMLC_OP_bit_not};
    const maker_value *x = maker_any(m, maker_is_integer);
    if (x != NULL) {
        hmlc_value *operand = x->value;
        (void)maker_op(m, opcodes[maker_pick(m, 5)], &operand, 1, NULL, 0, MAKER_NO_FACTS);
    }
}

static void make_bool(maker *m)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_and, HMLC_OP_or, HMLC_OP_xor, HMLC_OP_equal};
    const maker_value *x = maker_any(m, maker_is_bool);
    if (x == NULL) {
        return;
    }
    hmlc_value *operands[2] = {x->value, NULL};
    if (maker_chance(m, 25)) {
        (void)maker_op(m, HMLC_OP_not, operands, 1, NULL, 0, MAKER_NO_FACTS);
        return;
    }
    maker_value left = *x;
    const maker_value *y = maker_partner(m, &left, HMLC_DTYPE_bool);
    if (y != NULL) {
        operands[1] = y->value;
        (void)maker_op(m, opcodes[maker_pick(m, 4)], operands, 2, NULL, 0, MAKER_NO_FACTS);
    }
}

static bool is_decided_number(const maker_value *value)
{
    return maker_is_integer(value) || (maker_is_float(value) && value->error == 0);
}

static void make_compare(maker *m)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_equal, HMLC_OP_less, HMLC_OP_less_equal};
    const maker_value *x = maker_any(m, is_decided_number);
    if (x == NULL) {
        return;
    }
    maker_value left = *x;
    const maker_value *y = maker_partner(m, &left, left.value->type->dtype);
    if (y != NULL && (maker_is_integer(y) || y->error == 0)) {
        hmlc_value *operands[] = {left.value, y->value};
        (void)maker_op(m, opcodes[maker_pick(m, 3)], operands, 2, NULL, 0, MAKER_NO_FACTS);
    }
}

static void make_select(maker *m)
{
    const maker_value *x = maker_any(m, NULL);
    maker_value left = *x;
    const maker_value *y = maker_partner(m, &left, left.value->type->dtype);
    if (y == NULL) {
        return;
    }
    maker_value right = *y;
    const maker_value *condition = maker_partner(
        m, maker_largest(right.value->type) > maker_largest(left.value->type) ? &right : &left,
        HMLC_DTYPE_bool);
    if (condition == NULL) {
        return;
    }
    hmlc_value *operands[] = {condition->value, left.value, right.value};
    (void)maker_op(m, HMLC_OP_select, operands, 3, NULL, 0,
                   binary_facts(HMLC_OP_max, &left, &right));
}

/* From integers of a small range to floats, or from what is decided to integers. */
static void make_cast(maker *m)
{
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_i32, HMLC_DTYPE_i64,  HMLC_DTYPE_i8,
                                        HMLC_DTYPE_u8,  HMLC_DTYPE_bool, HMLC_DTYPE_f32};
    hmlc_dtype to = dtypes[maker_pick(m, 6)];
    const maker_value *x = maker_any(m, NULL);
    hmlc_dtype from = x->value->type->dtype;
    bool to_float = to == HMLC_DTYPE_f32;
    if ((from == HMLC_DTYPE_f32 && x->error != 0) ||
        (to_float && from != HMLC_DTYPE_f32 && hmlc_dtype_bits(from) > 8)) {
        return;
    }
    hmlc_attr attr = hmlc_attr_dtype(HMLC_ATTR_to, to);
    hmlc_value *operand = x->value;
    (void)maker_op(m, HMLC_OP_cast, &operand, 1, &attr, 1,
                   from == HMLC_DTYPE_f32 ? maker_facts(x->bound, x->error, x->grid)
                                          : maker_facts(255, 0, 0));
}

/* Quantize and back; the scale is a power of two, so that nothing rounds twice. */
static void make_quantize(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_float);
    if (x == NULL || x->error != 0 || x->grid < 0) {
        return;
    }
    maker_value from = *x;
    hmlc_dtype dtype = maker_chance(m, 50) ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8;
    const maker_value *scale = maker_scalar(m, HMLC_DTYPE_f32, 0.25);
    const maker_value *zero = maker_scalar(m, dtype, maker_pick(m, 20));
    if (scale == NULL || zero == NULL) {
        return;
    }
    hmlc_value *operands[] = {from.value, scale->value, zero->value};
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, dtype);
    const maker_value *stored = maker_op(m, HMLC_OP_quantize, operands, 3, &to, 1, MAKER_NO_FACTS);
    if (stored != NULL) {
        operands[0] = stored->value;
        to.as.dtype = HMLC_DTYPE_f32;
        (void)maker_op(m, HMLC_OP_dequantize, operands, 3, &to, 1, maker_facts(64, 0, 2));
    }
}

/* A table that permutes all bytes, behind a quantize. */
static void make_lookup(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_float);
    const maker_value *scale = maker_scalar(m, HMLC_DTYPE_f32, 0.25);
    uint8_t *data = hmlc_arena_allocate(m->module->arena, HMLC_TABLE_LENGTH);
    if (x == NULL || x->error != 0 || x->grid < 0 || scale == NULL || data == NULL) {
        return;
    }
    uint8_t first = (uint8_t)maker_pick(m, HMLC_TABLE_LENGTH);
    for (uint32_t k = 0; k < HMLC_TABLE_LENGTH; k++) {
        data[k] = (uint8_t)(first + 37 * k);
    }
    hmlc_tensor table = {.dtype = maker_chance(m, 50) ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8,
                         .rank = 1,
                         .dims = {HMLC_TABLE_LENGTH},
                         .data = data,
                         .bytes = HMLC_TABLE_LENGTH};
    hmlc_value *operands[] = {x->value, scale->value};
    hmlc_attr to =
        hmlc_attr_dtype(HMLC_ATTR_to, maker_chance(m, 50) ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8);
    const maker_value *byte = maker_op(m, HMLC_OP_quantize, operands, 2, &to, 1, MAKER_NO_FACTS);
    if (byte != NULL) {
        hmlc_attr attr = hmlc_attr_tensor(HMLC_ATTR_table, &table);
        operands[0] = byte->value;
        (void)maker_op(m, HMLC_OP_lookup, operands, 1, &attr, 1, MAKER_NO_FACTS);
    }
}

/* Of integers that are of the result's size before the step. */
static void make_requantize(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_integer);
    if (x == NULL) {
        return;
    }
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i32);
    hmlc_value *from = x->value;
    const maker_value *wide = maker_op(m, HMLC_OP_cast, &from, 1, &to, 1, MAKER_NO_FACTS);
    const maker_value *multiplier =
        maker_scalar(m, HMLC_DTYPE_i32, 2147483647.0 - 1000.0 * maker_pick(m, 1 << 20));
    const maker_value *shift = maker_scalar(m, HMLC_DTYPE_i32, maker_pick(m, 9));
    if (wide != NULL && multiplier != NULL && shift != NULL) {
        hmlc_value *operands[] = {wide->value, multiplier->value, shift->value};
        hmlc_attr rounding = hmlc_attr_int(HMLC_ATTR_rounding, maker_pick(m, 2));
        (void)maker_op(m, HMLC_OP_requantize_fixed, operands, 3, &rounding, 1, MAKER_NO_FACTS);
    }
}

const maker_rule maker_elementwise_rules[] = {
    {"unary", 24, make_unary},
    {"binary", 26, make_binary},
    {"power", 4, make_power},
    {"integer_binary", 8, make_integer_binary},
    {"integer_unary", 3, make_integer_unary},
    {"bool", 4, make_bool},
    {"compare", 5, make_compare},
    {"select", 5, make_select},
    {"cast", 6, make_cast},
    {"quantize", 2, make_quantize},
    {"requantize", 2, make_requantize},
    {"lookup", 2, make_lookup},
    {NULL, 0, NULL},
};

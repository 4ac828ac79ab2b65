/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Algebra on elementwise ops. Floating point: x + 0 drops the sign of a zero; a division becomes a
 * product only where that is exact; products with two constants round once instead of twice, sums
 * are not reassociated, since (x + c) - c may be there to round. Nothing assumes finite values.
 */
#include <math.h>

#include "query.h"
#include "simplify.h"

#define KEEP HMLC_OP_COUNT /* as result opcode: the operand itself */

/* op(x, constant) is `result`(x), where the constant's elements all equal `constant`. */
typedef struct identity {
    hmlc_opcode opcode;
    double constant;
    hmlc_opcode result; /* unary opcode, or KEEP */
    bool float_only;
    bool positive; /* only where x is never below 0, nor -0: roots and powers differ there */
} identity;

static const identity right_identities[] = {
    {HMLC_OP_add, 0, KEEP, false, false},
    {HMLC_OP_sub, 0, KEEP, false, false},
    {HMLC_OP_mul, 1, KEEP, false, false},
    {HMLC_OP_div, 1, KEEP, false, false},
    {HMLC_OP_pow, 1, KEEP, false, false},
    {HMLC_OP_shift_left, 0, KEEP, false, false},
    {HMLC_OP_shift_right, 0, KEEP, false, false},
    {HMLC_OP_bit_or, 0, KEEP, false, false},
    {HMLC_OP_bit_xor, 0, KEEP, false, false},
    {HMLC_OP_or, 0, KEEP, false, false},
    {HMLC_OP_xor, 0, KEEP, false, false},
    {HMLC_OP_and, 1, KEEP, false, false},
    {HMLC_OP_xor, 1, HMLC_OP_not, false, false},
    {HMLC_OP_equal, 0, HMLC_OP_not, false, false}, /* of bool: see fits_value */
    {HMLC_OP_mul, -1, HMLC_OP_neg, true, false},
    {HMLC_OP_div, -1, HMLC_OP_neg, true, false},
    {HMLC_OP_pow, 0.5, HMLC_OP_sqrt, true, true},
    {HMLC_OP_pow, -1, HMLC_OP_reciprocal, true, false},
    {HMLC_OP_pow, -0.5, HMLC_OP_rsqrt, true, true},
    {HMLC_OP_max, 0, HMLC_OP_relu, true, false},
};

static const identity left_identities[] = {
    {HMLC_OP_sub, 0, HMLC_OP_neg, true, false},
    {HMLC_OP_div, 1, HMLC_OP_reciprocal, true, false},
};

enum { MAX_SIGN_DEPTH = 4 };

/* Is every element NaN, +0 or above? */
static bool is_positive(const hmlc_value *value, int depth)
{
    const hmlc_op *op = value->producer;
    if (op == NULL || depth == 0) {
        return false;
    }
    double splat;
    const hmlc_value *x = hmlc_op_operand(op, 0), *y = hmlc_op_operand(op, 1);
    switch (op->opcode) {
    case HMLC_OP_constant:
        return hmlc_value_splat(value, &splat) && !signbit(splat);
    case HMLC_OP_abs:
    case HMLC_OP_exp:
        return true;
    case HMLC_OP_mul:
        return x == y || (is_positive(x, depth - 1) && is_positive(y, depth - 1));
    case HMLC_OP_add:
    case HMLC_OP_div:
        return is_positive(x, depth - 1) && is_positive(y, depth - 1);
    case HMLC_OP_reduce_mean:
    case HMLC_OP_reduce_sum:
    case HMLC_OP_sqrt:
    case HMLC_OP_reshape:
    case HMLC_OP_transpose:
        return is_positive(x, depth - 1);
    default:
        return false;
    }
}

static bool fits_value(const identity *row, const hmlc_value *operand)
{
    if (row->positive && !is_positive(operand, MAX_SIGN_DEPTH)) {
        return false;
    }
    hmlc_dtype dtype = operand->type->dtype;
    if (row->opcode == HMLC_OP_equal) {
        return dtype == HMLC_DTYPE_bool;
    }
    return !row->float_only || hmlc_dtype_is_float(dtype);
}

/* `value`, expanded to the op's result where it has another shape. */
static hmlc_status replace_by_operand(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_value *value)
{
    const hmlc_type *type = op->results[0]->type;
    if (hmlc_type_equal(value->type, type) || value->type->dtype != type->dtype ||
        !hmlc_expands_by_ones(value->type, type)) {
        return hmlc_rewrite_replace(rewriter, op, value);
    }
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &value, 1, &shape, 1);
}

static hmlc_status apply_identity(hmlc_rewriter *rewriter, hmlc_op *op, const identity *rows,
                                  size_t count, uint32_t constant_index)
{
    const hmlc_value *constant = op->operands[constant_index].value;
    hmlc_value *other = op->operands[1 - constant_index].value;
    const hmlc_op *expand = hmlc_producer_of(constant, HMLC_OP_expand);
    constant = expand != NULL ? expand->operands[0].value : constant;
    if (!hmlc_is_constant(constant)) {
        return HMLC_OK;
    }
    for (size_t i = 0; i < count; i++) {
        const identity *row = &rows[i];
        if (row->opcode != op->opcode || !fits_value(row, other) ||
            !hmlc_is_splat_of(constant, row->constant)) {
            continue;
        }
        return row->result == KEEP
                   ? replace_by_operand(rewriter, op, other)
                   : hmlc_rewrite_replace_op(rewriter, op, row->result, &other, 1, NULL, 0);
    }
    return HMLC_OK;
}

static hmlc_status simplify_right_identity(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return op->operand_count != 2
               ? HMLC_OK
               : apply_identity(rewriter, op, right_identities,
                                sizeof(right_identities) / sizeof(right_identities[0]), 1);
}

/* Constants of commutative ops stand on the right, but not where an expand hides them. */
static hmlc_status simplify_commuted_identity(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return apply_identity(rewriter, op, right_identities,
                          sizeof(right_identities) / sizeof(right_identities[0]), 0);
}

static hmlc_status simplify_left_identity(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return op->operand_count != 2
               ? HMLC_OK
               : apply_identity(rewriter, op, left_identities,
                                sizeof(left_identities) / sizeof(left_identities[0]), 0);
}

/* outer(inner(x)) is `result`(x). */
typedef struct composition {
    hmlc_opcode outer, inner, result;
} composition;

#define KEEP_INNER HMLC_OP_constant /* as result opcode: the inner op's result */

static const composition compositions[] = {
    {HMLC_OP_not, HMLC_OP_not, KEEP},
    {HMLC_OP_bit_not, HMLC_OP_bit_not, KEEP},
    {HMLC_OP_neg, HMLC_OP_neg, KEEP},
    {HMLC_OP_abs, HMLC_OP_neg, HMLC_OP_abs},
    {HMLC_OP_abs, HMLC_OP_abs, KEEP_INNER},
    {HMLC_OP_abs, HMLC_OP_relu, KEEP_INNER},
    {HMLC_OP_abs, HMLC_OP_sqrt, KEEP_INNER},
    {HMLC_OP_abs, HMLC_OP_exp, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_relu, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_abs, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_sqrt, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_exp, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_sigmoid, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_hard_sigmoid, KEEP_INNER},
    {HMLC_OP_relu, HMLC_OP_softmax, KEEP_INNER},
    {HMLC_OP_floor, HMLC_OP_floor, KEEP_INNER},
    {HMLC_OP_ceil, HMLC_OP_ceil, KEEP_INNER},
    {HMLC_OP_round, HMLC_OP_round, KEEP_INNER},
    {HMLC_OP_sign, HMLC_OP_sign, KEEP_INNER},
    {HMLC_OP_reciprocal, HMLC_OP_sqrt, HMLC_OP_rsqrt},
    {HMLC_OP_reciprocal, HMLC_OP_rsqrt, HMLC_OP_sqrt},
};

static hmlc_status simplify_composition(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *middle = hmlc_op_operand(op, 0);
    if (op->operand_count != 1 || middle->producer == NULL) {
        return HMLC_OK;
    }
    hmlc_op *inner = middle->producer;
    for (size_t i = 0; i < sizeof(compositions) / sizeof(compositions[0]); i++) {
        const composition *row = &compositions[i];
        if (row->outer != op->opcode || row->inner != inner->opcode) {
            continue;
        }
        hmlc_value *x = hmlc_op_operand(inner, 0);
        if (row->result == KEEP || row->result == KEEP_INNER) {
            return hmlc_rewrite_replace(rewriter, op, row->result == KEEP ? x : middle);
        }
        return hmlc_rewrite_replace_op(rewriter, op, row->result, &x, 1, NULL, 0);
    }
    return HMLC_OK;
}

/* Constants of commutative ops to the right. */
static hmlc_status order_operands(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *left = op->operands[0].value;
    hmlc_value *right = op->operands[1].value;
    if (!hmlc_is_constant(left) || hmlc_is_constant(right)) {
        return HMLC_OK;
    }
    hmlc_op_set_operand(op, 0, right);
    hmlc_op_set_operand(op, 1, left);
    return hmlc_rewrite_changed(rewriter, op);
}

/* Would the combined constant be larger than both? Then it is not worth it. */
static bool combines_small(const hmlc_value *left, const hmlc_value *right)
{
    const hmlc_type *large = left->type->rank >= right->type->rank ? left->type : right->type;
    const hmlc_type *small = large == left->type ? right->type : left->type;
    bool large_grows = false, small_grows = false;
    for (int32_t i = 0; i < large->rank; i++) {
        hmlc_dim other = hmlc_aligned_dim(small, large->rank, i);
        bool other_is_one = other == NULL || hmlc_dim_is(other, 1);
        large_grows |= !other_is_one && hmlc_dim_is(large->dims[i], 1);
        small_grows |= other_is_one && !hmlc_dim_is(large->dims[i], 1);
    }
    return !(large_grows && small_grows);
}

/* The product of two such magnitudes neither overflows nor loses bits below the type's range. */
static double largest_factor(hmlc_dtype dtype)
{
    return dtype == HMLC_DTYPE_f64 ? 0x1p511 : dtype == HMLC_DTYPE_f16 ? 0x1p7 : 0x1p63;
}

/* All elements of both lie on one side of 1, so that no product in between leaves the range from x
 * to the result; nor does that of the two constants leave the type's. */
static bool scales_one_way(const hmlc_value *inner, const hmlc_value *outer)
{
    const hmlc_value *values[] = {inner, outer};
    bool up = true, down = true;
    for (int i = 0; i < 2; i++) {
        const hmlc_tensor *tensor = hmlc_value_constant(values[i]);
        int64_t count = hmlc_tensor_count(tensor);
        double most = largest_factor(tensor->dtype);
        for (int64_t k = 0; k < count && (up || down); k++) {
            double magnitude = fabs(hmlc_tensor_get_double(tensor, k));
            up = up && magnitude >= 1.0 && magnitude <= most;
            down = down && magnitude <= 1.0 && (magnitude >= 1.0 / most || magnitude == 0.0);
        }
    }
    return up || down;
}

static bool may_combine(const hmlc_op *op, const hmlc_value *inner, const hmlc_value *outer)
{
    bool rounds = op->opcode == HMLC_OP_add || op->opcode == HMLC_OP_mul;
    return !rounds || !hmlc_is_float(outer) ||
           (op->opcode == HMLC_OP_mul && scales_one_way(inner, outer));
}

/*
 * (x op c1) op c2 is x op (c1 op c2) for associative ops; floating sums are none. Constants are on
 * the right already.
 */
static hmlc_status combine_constants(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *inner = hmlc_producer_of(op->operands[0].value, op->opcode);
    hmlc_value *outer_constant = op->operands[1].value;
    if (inner == NULL || !hmlc_is_constant(outer_constant)) {
        return HMLC_OK;
    }
    hmlc_value *inner_constant = inner->operands[1].value;
    hmlc_value *x = inner->operands[0].value;
    if (!hmlc_is_constant(inner_constant) || hmlc_is_constant(x) ||
        !combines_small(inner_constant, outer_constant) ||
        !may_combine(op, inner_constant, outer_constant)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *constants[] = {inner_constant, outer_constant};
    hmlc_value *operands[] = {x, NULL};
    HMLC_TRY(hmlc_build_folded(&builder, op->opcode, constants, 2, NULL, 0, &operands[1]));
    return hmlc_is_constant(operands[1]) ? hmlc_rewrite_same_op(rewriter, op, operands, 2)
                                         : HMLC_OK;
}

/* x - c is x + (-c). */
static hmlc_status subtract_constant(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *constant = op->operands[1].value;
    if (!hmlc_is_constant(constant) || !hmlc_is_float(constant) ||
        hmlc_is_constant(op->operands[0].value)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {op->operands[0].value, NULL};
    HMLC_TRY(hmlc_build_folded(&builder, HMLC_OP_neg, &constant, 1, NULL, 0, &operands[1]));
    return hmlc_is_constant(operands[1])
               ? hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_add, operands, 2, NULL, 0)
               : HMLC_OK;
}

/* x / c is x * (1 / c) where every element of c is a power of two. */
static hmlc_status divide_by_power_of_two(hmlc_rewriter *rewriter, hmlc_op *op)
{
    double divisor;
    int exponent;
    hmlc_value *x = op->operands[0].value;
    if (!hmlc_is_float(x) || !hmlc_value_splat(op->operands[1].value, &divisor) ||
        fabs(frexp(divisor, &exponent)) != 0.5 || exponent < -12 || exponent > 12) {
        return HMLC_OK; /* 2^12: the reciprocal is a normal number in f16 too */
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {op->operands[1].value, NULL};
    HMLC_TRY(hmlc_build_folded(&builder, HMLC_OP_reciprocal, operands, 1, NULL, 0, &operands[1]));
    operands[0] = x;
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_mul, operands, 2, NULL, 0);
}

/* x^2 and x^3 as products. */
static hmlc_status expand_power(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    bool square = hmlc_is_splat_of(op->operands[1].value, 2);
    if (!square && !hmlc_is_splat_of(op->operands[1].value, 3)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *product = NULL;
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, x, x, &product));
    if (!square) {
        HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, product, x, &product));
    }
    return hmlc_rewrite_replace(rewriter, op, product);
}

/* Negation absorbed by the sum or product it feeds. */
static hmlc_status absorb_negation(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *left = hmlc_producer_of(op->operands[0].value, HMLC_OP_neg);
    hmlc_op *right = hmlc_producer_of(op->operands[1].value, HMLC_OP_neg);
    hmlc_value *operands[] = {op->operands[0].value, op->operands[1].value};
    hmlc_opcode opcode = op->opcode == HMLC_OP_add ? HMLC_OP_sub : HMLC_OP_add;
    if (op->opcode == HMLC_OP_mul || op->opcode == HMLC_OP_div) {
        if (left == NULL || right == NULL) {
            return HMLC_OK;
        }
        operands[0] = left->operands[0].value;
        operands[1] = right->operands[0].value;
        opcode = op->opcode;
    } else if (right != NULL) {
        operands[1] = right->operands[0].value;
    } else if (left != NULL && op->opcode == HMLC_OP_add) {
        operands[0] = op->operands[1].value;
        operands[1] = left->operands[0].value;
    } else {
        return HMLC_OK;
    }
    return hmlc_rewrite_replace_op(rewriter, op, opcode, operands, 2, NULL, 0);
}

/* (-x) * c is x * (-c). */
static hmlc_status negate_factor(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *negation = hmlc_producer_of(op->operands[0].value, HMLC_OP_neg);
    hmlc_value *constant = op->operands[1].value;
    if (negation == NULL || !hmlc_is_constant(constant)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {negation->operands[0].value, NULL};
    HMLC_TRY(hmlc_build_folded(&builder, HMLC_OP_neg, &constant, 1, NULL, 0, &operands[1]));
    return hmlc_rewrite_same_op(rewriter, op, operands, 2);
}

static hmlc_status simplify_select(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *condition = op->operands[0].value;
    hmlc_value *then_value = op->operands[1].value;
    hmlc_value *else_value = op->operands[2].value;
    double splat;
    if (then_value == else_value) {
        return hmlc_rewrite_replace(rewriter, op, then_value);
    }
    if (hmlc_value_splat(condition, &splat)) {
        return replace_by_operand(rewriter, op, splat != 0.0 ? then_value : else_value);
    }
    hmlc_op *negation = hmlc_producer_of(condition, HMLC_OP_not);
    if (negation != NULL) {
        hmlc_value *operands[] = {negation->operands[0].value, else_value, then_value};
        return hmlc_rewrite_same_op(rewriter, op, operands, 3);
    }
    return HMLC_OK;
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_COMMUTATIVE, order_operands},
    {HMLC_OP_COUNT, HMLC_TRAIT_BROADCASTS, simplify_right_identity},
    {HMLC_OP_COUNT, HMLC_TRAIT_COMMUTATIVE, simplify_commuted_identity},
    {HMLC_OP_COUNT, HMLC_TRAIT_BROADCASTS, simplify_left_identity},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, simplify_composition},
    {HMLC_OP_add, 0, combine_constants},
    {HMLC_OP_mul, 0, combine_constants},
    {HMLC_OP_min, 0, combine_constants},
    {HMLC_OP_max, 0, combine_constants},
    {HMLC_OP_sub, 0, subtract_constant},
    {HMLC_OP_div, 0, divide_by_power_of_two},
    {HMLC_OP_pow, 0, expand_power},
    {HMLC_OP_add, 0, absorb_negation},
    {HMLC_OP_sub, 0, absorb_negation},
    {HMLC_OP_mul, 0, absorb_negation},
    {HMLC_OP_div, 0, absorb_negation},
    {HMLC_OP_mul, 0, negate_factor},
    {HMLC_OP_select, 0, simplify_select},
};

const hmlc_rewrite_rules hmlc_simplify_arithmetic = HMLC_RULES(rules);

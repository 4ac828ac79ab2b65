/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons of integers whose bounds decide them: positions against the length they run to, as
 * attention masks are written.
 */
#include "query.h"
#include "simplify.h"

enum { MAX_DEPTH = 12, MAX_SCANNED = 4000 };

/* All elements lie in [low, high]. */
typedef struct bounds {
    hmlc_dim low, high;
} bounds;

static bool constant_bounds(hmlc_dims *dims, const hmlc_tensor *tensor, bounds *range)
{
    int64_t count = hmlc_tensor_count(tensor);
    if (count < 1 || count > MAX_SCANNED) {
        return false;
    }
    int64_t low = hmlc_tensor_get_int(tensor, 0), high = low;
    for (int64_t i = 1; i < count; i++) {
        int64_t element = hmlc_tensor_get_int(tensor, i);
        low = element < low ? element : low;
        high = element > high ? element : high;
    }
    if (low < -HMLC_DIM_UNBOUNDED || high > HMLC_DIM_UNBOUNDED) {
        return false;
    }
    *range = (bounds){hmlc_dim_constant(dims, low), hmlc_dim_constant(dims, high)};
    return true;
}

/* dims_tensor: one expression, or several. */
static bool element_bounds(hmlc_dims *dims, const hmlc_attr *elements, bounds *range)
{
    if (elements->count == 0) {
        return false;
    }
    *range = (bounds){elements->as.dims[0], elements->as.dims[0]};
    for (uint32_t i = 1; i < elements->count; i++) {
        range->low = hmlc_dim_minimum(dims, range->low, elements->as.dims[i]);
        range->high = hmlc_dim_maximum(dims, range->high, elements->as.dims[i]);
    }
    return true;
}

static bool find_bounds(hmlc_dims *dims, const hmlc_value *value, int depth, bounds *range);

/* Sums of 64-bit integers: dims stay far from wrapping. */
static bool sum_bounds(hmlc_dims *dims, const hmlc_op *op, int depth, bounds *range)
{
    bounds right;
    if (op->results[0]->type->dtype != HMLC_DTYPE_i64 ||
        !find_bounds(dims, op->operands[0].value, depth, range) ||
        !find_bounds(dims, op->operands[1].value, depth, &right)) {
        return false;
    }
    if (op->opcode == HMLC_OP_add) {
        range->low = hmlc_dim_add(dims, range->low, right.low);
        range->high = hmlc_dim_add(dims, range->high, right.high);
    } else {
        range->low = hmlc_dim_subtract(dims, range->low, right.high);
        range->high = hmlc_dim_subtract(dims, range->high, right.low);
    }
    return true;
}

static bool find_bounds(hmlc_dims *dims, const hmlc_value *value, int depth, bounds *range)
{
    const hmlc_op *op = value->producer;
    if (op == NULL || depth == 0 || !hmlc_dtype_is_integer(value->type->dtype)) {
        return false;
    }
    switch (op->opcode) {
    case HMLC_OP_constant:
        return constant_bounds(dims, hmlc_value_constant(value), range);
    case HMLC_OP_dims_tensor:
        return element_bounds(dims, hmlc_list_attr(op, HMLC_ATTR_elements), range);
    case HMLC_OP_iota:
        range->low = hmlc_dim_constant(dims, 0);
        range->high = hmlc_dim_subtract(dims, value->type->dims[hmlc_op_int(op, HMLC_ATTR_axis)],
                                        hmlc_dim_constant(dims, 1));
        return true;
    case HMLC_OP_reshape:
    case HMLC_OP_transpose:
    case HMLC_OP_expand:
    case HMLC_OP_slice:
        return find_bounds(dims, op->operands[0].value, depth - 1, range);
    case HMLC_OP_add:
    case HMLC_OP_sub:
        return sum_bounds(dims, op, depth - 1, range);
    default:
        return false;
    }
}

/* Is left <= right, or left < right, for all pairs? */
static bool always(hmlc_dims *dims, hmlc_dim left, hmlc_dim right, bool strict)
{
    hmlc_dim bound = strict ? hmlc_dim_add(dims, left, hmlc_dim_constant(dims, 1)) : left;
    return hmlc_dim_known_at_most(dims, bound, right);
}

static hmlc_status decide_comparison(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    bounds left, right;
    if (!find_bounds(dims, op->operands[0].value, MAX_DEPTH, &left) ||
        !find_bounds(dims, op->operands[1].value, MAX_DEPTH, &right)) {
        return HMLC_OK;
    }
    bool strict = op->opcode == HMLC_OP_less;
    bool holds = always(dims, left.high, right.low, strict);
    if (!holds && !always(dims, right.high, left.low, !strict)) {
        return HMLC_OK;
    }
    const hmlc_type *type = op->results[0]->type;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *answer = NULL;
    HMLC_TRY(hmlc_build_scalar(&builder, HMLC_DTYPE_bool, holds ? 1 : 0, &answer));
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &answer, 1, &shape, 1);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_less, 0, decide_comparison},
    {HMLC_OP_less_equal, 0, decide_comparison},
};

const hmlc_rewrite_rules hmlc_simplify_compare = HMLC_RULES(rules);

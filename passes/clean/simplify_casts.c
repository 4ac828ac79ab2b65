/* SPDX-License-Identifier: Apache-2.0 */
/* Casts: to the own type, and chains whose first cast loses nothing. */
#include "query.h"
#include "simplify.h"

/* Bits of integer value that each element type holds exactly: magnitude bits, and whether negative.
 */
static int32_t magnitude_bits(hmlc_dtype dtype)
{
    switch (hmlc_dtype_class_of(dtype)) {
    case HMLC_CLASS_BOOL:
        return 1;
    case HMLC_CLASS_INT:
        return (int32_t)hmlc_dtype_bits(dtype) - 1;
    case HMLC_CLASS_UINT:
        return (int32_t)hmlc_dtype_bits(dtype);
    default:
        return dtype == HMLC_DTYPE_f64    ? 53
               : dtype == HMLC_DTYPE_f32  ? 24
               : dtype == HMLC_DTYPE_f16  ? 11
               : dtype == HMLC_DTYPE_bf16 ? 8
                                          : 0;
    }
}

/* Does `to` hold every value of `from`? */
static bool is_lossless(hmlc_dtype from, hmlc_dtype to)
{
    hmlc_dtype_class from_class = hmlc_dtype_class_of(from);
    hmlc_dtype_class to_class = hmlc_dtype_class_of(to);
    if (from == to) {
        return true;
    }
    if (from_class == HMLC_CLASS_FLOAT) {
        return (to == HMLC_DTYPE_f64 && magnitude_bits(from) > 0) ||
               (to == HMLC_DTYPE_f32 && (from == HMLC_DTYPE_f16 || from == HMLC_DTYPE_bf16));
    }
    if (from_class > HMLC_CLASS_FLOAT || to_class > HMLC_CLASS_FLOAT ||
        to_class == HMLC_CLASS_BOOL) {
        return false;
    }
    if (from_class == HMLC_CLASS_INT && to_class == HMLC_CLASS_UINT) {
        return false;
    }
    return magnitude_bits(from) <= magnitude_bits(to);
}

static hmlc_status simplify_cast(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    hmlc_op *inner = hmlc_producer_of(x, HMLC_OP_cast);
    if (x->type->dtype == op->results[0]->type->dtype) {
        return hmlc_rewrite_replace(rewriter, op, x);
    }
    if (inner == NULL ||
        !is_lossless(inner->operands[0].value->type->dtype, inner->results[0]->type->dtype)) {
        return HMLC_OK;
    }
    return hmlc_rewrite_same_op(rewriter, op, &inner->operands[0].value, 1);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_cast, 0, simplify_cast},
};

const hmlc_rewrite_rules hmlc_simplify_casts = HMLC_RULES(rules);

/*
 * Broadcasting: elementwise ops broadcast by themselves, so expands before them go away, splat
 * constants shrink to scalars, and what is computed on an expanded value is computed before the
 * expansion.
 */
#include "query.h"
#include "simplify.h"

/* May the expand's operand stand in for its result? Where a dim is expanded, others must give it.
 */
static bool expands_by_ones(const hmlc_op *expand)
{
    const hmlc_type *small = expand->operands[0].value->type;
    const hmlc_type *large = expand->results[0]->type;
    for (int32_t i = 0; i < large->rank; i++) {
        hmlc_dim dim = hmlc_aligned_dim(small, large->rank, i);
        if (dim != NULL && dim != large->dims[i] && !hmlc_dim_is(dim, 1)) {
            return false;
        }
    }
    return true;
}

/* elementwise(x, expand(y)) is elementwise(x, y) where x has the shape. */
static hmlc_status remove_expand(hmlc_rewriter *rewriter, hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_op *expand = hmlc_producer_of(op->operands[i].value, HMLC_OP_expand);
        if (expand != NULL && expands_by_ones(expand) &&
            hmlc_broadcast_keeps_type(op, i, expand->operands[0].value->type)) {
            return hmlc_rewrite_set_operand(rewriter, op, i, expand->operands[0].value);
        }
    }
    return HMLC_OK;
}

/* A constant whose elements are all equal becomes a scalar where others give the shape. */
static hmlc_status shrink_splat(hmlc_rewriter *rewriter, hmlc_op *op)
{
    static const hmlc_type scalar = {.kind = HMLC_KIND_TENSOR};
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_value *constant = op->operands[i].value;
        double splat;
        if (!hmlc_is_constant(constant) || constant->type->rank == 0 ||
            !hmlc_broadcast_keeps_type(op, i, &scalar) || !hmlc_value_splat(constant, &splat)) {
            continue;
        }
        hmlc_builder builder = hmlc_rewrite_builder(op);
        hmlc_tensor tensor = *hmlc_value_constant(constant);
        tensor.rank = 0;
        tensor.bytes = hmlc_dtype_bytes(tensor.dtype);
        hmlc_value *shrunk = NULL;
        HMLC_TRY(hmlc_build_constant(&builder, &tensor, &shrunk));
        return hmlc_rewrite_set_operand(rewriter, op, i, shrunk);
    }
    return HMLC_OK;
}

/* unary(expand(x)) is expand(unary(x)); likewise when all other operands have one element. */
static hmlc_status compute_before_expand(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *expand = NULL;
    uint32_t at = 0;
    const hmlc_type *type = op->results[0]->type;
    if (op->operand_count > 3 || op->opcode == HMLC_OP_quantize ||
        op->opcode == HMLC_OP_dequantize) {
        return HMLC_OK;
    }
    hmlc_value *operands[3] = {NULL};
    for (uint32_t i = 0; i < op->operand_count; i++) {
        operands[i] = op->operands[i].value;
        hmlc_op *producer = hmlc_producer_of(operands[i], HMLC_OP_expand);
        if (producer != NULL && expand == NULL) {
            expand = producer;
            at = i;
        } else if (operands[i]->type->rank != 0) {
            return HMLC_OK;
        }
    }
    if (expand == NULL ||
        !hmlc_dims_equal(expand->results[0]->type->dims, type->dims, (uint32_t)type->rank)) {
        return HMLC_OK;
    }
    operands[at] = expand->operands[0].value;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *small = NULL;
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, op->operand_count, op->attrs,
                        op->attr_count, &small));
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &small, 1, expand->attrs,
                                   expand->attr_count);
}

static hmlc_status simplify_expand(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    if (hmlc_type_equal(x->type, op->results[0]->type)) {
        return hmlc_rewrite_replace(rewriter, op, x);
    }
    hmlc_op *inner = hmlc_producer_of(x, HMLC_OP_expand);
    return inner == NULL ? HMLC_OK
                         : hmlc_rewrite_same_op(rewriter, op, &inner->operands[0].value, 1);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_BROADCASTS, remove_expand},
    {HMLC_OP_COUNT, HMLC_TRAIT_BROADCASTS, shrink_splat},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, compute_before_expand},
    {HMLC_OP_expand, 0, simplify_expand},
};

const hmlc_rewrite_rules hmlc_simplify_broadcasts = HMLC_RULES(rules);

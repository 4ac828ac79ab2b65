/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broadcasting: elementwise ops broadcast by themselves, so expands before them go away, splat
 * constants shrink to scalars, and what is computed on an expanded value is computed before the
 * expansion.
 */
#include "query.h"
#include "simplify.h"

/* elementwise(x, expand(y)) is elementwise(x, y) where x has the shape. */
static hmlc_status remove_expand(hmlc_rewriter *rewriter, hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_op *expand = hmlc_producer_of(op->operands[i].value, HMLC_OP_expand);
        if (expand != NULL &&
            hmlc_expands_by_ones(expand->operands[0].value->type, expand->results[0]->type) &&
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

/* unary(view(constant)) is view(unary(constant)), which folds: masks cut out of tables. */
static hmlc_status compute_before_view(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *view = op->operands[0].value->producer;
    if (op->operand_count != 1 || view == NULL || !hmlc_op_has(view, HMLC_TRAIT_VIEW) ||
        view->opcode == HMLC_OP_expand || !hmlc_is_constant(view->operands[0].value)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *computed = NULL;
    HMLC_TRY(hmlc_build_folded(&builder, op->opcode, &view->operands[0].value, 1, op->attrs,
                               op->attr_count, &computed));
    return hmlc_is_constant(computed)
               ? hmlc_rewrite_replace_op(rewriter, op, view->opcode, &computed, 1, view->attrs,
                                         view->attr_count)
               : HMLC_OK;
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

/* A view of one element repeated is that element repeated. */
static hmlc_status view_of_one_element(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *expand = hmlc_producer_of(op->operands[0].value, HMLC_OP_expand);
    if (expand == NULL || !hmlc_is_one_element(expand->operands[0].value)) {
        return HMLC_OK;
    }
    const hmlc_type *type = op->results[0]->type;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *element = expand->operands[0].value;
    HMLC_TRY(hmlc_build_reshaped(&builder, element, NULL, 0, &element));
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &element, 1, &shape, 1);
}

/* gather(x, expand(i)) is expand(gather(x, i)). */
static hmlc_status gather_before_expand(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *expand = hmlc_producer_of(op->operands[1].value, HMLC_OP_expand);
    if (expand == NULL) {
        return HMLC_OK;
    }
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    hmlc_value *indices = expand->operands[0].value;
    const hmlc_type *large = expand->results[0]->type;
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0; i < large->rank; i++) {
        hmlc_dim dim = hmlc_aligned_dim(indices->type, large->rank, i);
        shape[i] = dim != NULL ? dim : hmlc_dim_constant(dims, 1);
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {op->operands[0].value, NULL};
    HMLC_TRY(hmlc_build_reshaped(&builder, indices, shape, (uint32_t)large->rank, &operands[1]));
    hmlc_value *gathered = NULL;
    HMLC_TRY(
        hmlc_build(&builder, HMLC_OP_gather, operands, 2, op->attrs, op->attr_count, &gathered));
    const hmlc_type *type = op->results[0]->type;
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &gathered, 1, &attr, 1);
}

/* Whatever is gathered from equal elements is one of them. */
static hmlc_status gather_of_splat(hmlc_rewriter *rewriter, hmlc_op *op)
{
    double splat;
    const hmlc_type *type = op->results[0]->type;
    if (!hmlc_value_splat(op->operands[0].value, &splat)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_tensor tensor = *hmlc_value_constant(op->operands[0].value);
    tensor.rank = 0;
    tensor.bytes = hmlc_dtype_bytes(tensor.dtype);
    hmlc_value *element = NULL;
    HMLC_TRY(hmlc_build_constant(&builder, &tensor, &element));
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_expand, &element, 1, &shape, 1);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_BROADCASTS, remove_expand},
    {HMLC_OP_COUNT, HMLC_TRAIT_BROADCASTS, shrink_splat},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, compute_before_expand},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, compute_before_view},
    {HMLC_OP_expand, 0, simplify_expand},
    {HMLC_OP_reshape, 0, view_of_one_element},
    {HMLC_OP_transpose, 0, view_of_one_element},
    {HMLC_OP_slice, 0, view_of_one_element},
    {HMLC_OP_gather, 0, gather_before_expand},
    {HMLC_OP_gather, 0, gather_of_splat},
    {HMLC_OP_gather_elements, 0, gather_of_splat},
    {HMLC_OP_gather_nd, 0, gather_of_splat},
};

const hmlc_rewrite_rules hmlc_simplify_broadcasts = HMLC_RULES(rules);

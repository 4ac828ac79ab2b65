/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elementwise ops behind a concat of contractions move before it, where weights and epilogues take
 * them in; the concat is then free to become stores side by side.
 */
#include "fold_weights.h"
#include "query.h"

static bool joins_contractions(const hmlc_op *concat)
{
    for (uint32_t i = 0; i < concat->operand_count; i++) {
        const hmlc_value *part = concat->operands[i].value;
        if (part->producer == NULL || !hmlc_op_has(part->producer, HMLC_TRAIT_CONTRACTION) ||
            !hmlc_value_has_one_use(part)) {
            return false;
        }
    }
    return concat->operand_count > 1 && hmlc_value_has_one_use(concat->results[0]);
}

/* The part of a constant that belongs to [start, start + size) of the concat's axis. */
static hmlc_status build_constant_part(hmlc_builder *builder, hmlc_value *constant, int32_t axis,
                                       int64_t start, int64_t size, hmlc_value **result)
{
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)constant->type->rank;
    *result = constant;
    if (axis < 0 || hmlc_dim_is(constant->type->dims[axis], 1)) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < rank; i++) {
        bool here = i == (uint32_t)axis;
        starts[i] = hmlc_dim_constant(builder->module->dims, here ? start : 0);
        sizes[i] = here ? hmlc_dim_constant(builder->module->dims, size) : constant->type->dims[i];
        steps[i] = hmlc_dim_constant(builder->module->dims, 1);
    }
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
        hmlc_attr_dims(HMLC_ATTR_steps, steps, rank),
    };
    return hmlc_build_folded(builder, HMLC_OP_slice, &constant, 1, attrs, 3, result);
}

/* op(part) with its share of the constant. */
static hmlc_status build_part(hmlc_builder *builder, const hmlc_op *op, hmlc_value *part,
                              int32_t axis, int64_t start, hmlc_value **result)
{
    hmlc_value *operands[] = {part, hmlc_op_operand(op, 1)};
    if (operands[1] != NULL) {
        int64_t size = part->type->dims[axis]->value;
        int32_t own = axis - (part->type->rank - operands[1]->type->rank);
        HMLC_TRY(build_constant_part(builder, operands[1], own, start, size, &operands[1]));
    }
    return hmlc_build(builder, op->opcode, operands, op->operand_count, op->attrs, op->attr_count,
                      result);
}

static bool may_move(const hmlc_op *op, const hmlc_op *concat)
{
    const hmlc_value *constant = hmlc_op_operand(op, 1);
    return concat != NULL && op->operand_count <= 2 && op->opcode != HMLC_OP_quantize &&
           op->opcode != HMLC_OP_dequantize &&
           (constant == NULL || (hmlc_is_constant(constant) &&
                                 constant->type->rank <= concat->results[0]->type->rank)) &&
           hmlc_dims_equal(op->results[0]->type->dims, concat->results[0]->type->dims,
                           (uint32_t)concat->results[0]->type->rank) &&
           joins_contractions(concat);
}

static hmlc_status move_before_concat(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *concat = hmlc_producer_of(op->operands[0].value, HMLC_OP_concat);
    if (!may_move(op, concat)) {
        return HMLC_OK;
    }
    int32_t axis = (int32_t)hmlc_op_int(concat, HMLC_ATTR_axis);
    hmlc_value **parts =
        HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_value *, concat->operand_count);
    HMLC_TRY_MEMORY(parts);
    hmlc_builder builder = hmlc_rewrite_builder(op);
    int64_t start = 0;
    for (uint32_t i = 0; i < concat->operand_count; i++) {
        hmlc_value *part = concat->operands[i].value;
        int64_t size;
        if (!hmlc_dim_is_constant(part->type->dims[axis], &size)) {
            return HMLC_OK;
        }
        HMLC_TRY(build_part(&builder, op, part, axis, start, &parts[i]));
        start += size;
    }
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_concat, parts, concat->operand_count,
                                   concat->attrs, concat->attr_count);
}

/* What stands before a concat may just have become a contraction. */
static hmlc_status visit_user(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return hmlc_value_has_one_use(op->results[0])
               ? hmlc_rewrite_push(rewriter, op->results[0]->uses->op)
               : HMLC_OK;
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_concat, 0, visit_user},
    {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, move_before_concat},
};

const hmlc_rewrite_rules hmlc_fold_concats = HMLC_RULES(rules);

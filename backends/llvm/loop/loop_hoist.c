/* SPDX-License-Identifier: Apache-2.0 */
/* What does not depend on the loops about to start is lowered before them: the memo keeps it. */
#include "loop.h"

static bool depends(const hmlc_value *value, const hmlc_loop_index *index, uint32_t mask)
{
    for (int32_t k = 0; k < value->type->rank; k++) {
        if ((hmlc_loop_index_vars(&index[k]) & mask) != 0) {
            return true;
        }
    }
    return false;
}

/* The index operand of a gather, and with it the check of its range. */
static void hoist_indexed(hmlc_loop_context *context, const hmlc_op *op,
                          const hmlc_loop_index *index, uint32_t mask)
{
    hmlc_loop_index operand[HMLC_MAX_RANK];
    if (op->opcode != HMLC_OP_gather && op->opcode != HMLC_OP_gather_elements) {
        return;
    }
    const hmlc_value *indices = hmlc_op_operand(op, 1);
    hmlc_loop_indices_index(context, op, index, operand);
    if (depends(indices, operand, mask)) {
        return;
    }
    hmlc_loop_gather_index(context, op, index, operand);
    hmlc_loop_hoist_value(context, hmlc_op_operand(op, 0), operand, mask);
}

void hmlc_loop_hoist_value(hmlc_loop_context *context, const hmlc_value *value,
                           const hmlc_loop_index *index, uint32_t mask)
{
    const hmlc_op *op = value->producer;
    if (context->status != HMLC_OK || hmlc_loop_type_empty(value->type) ||
        context->hoisted[value->id - context->ids.first] == context->hoist_stamp) {
        return;
    }
    context->hoisted[value->id - context->ids.first] = context->hoist_stamp;
    bool lowers = op == NULL || hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE);
    if (lowers && !depends(value, index, mask)) {
        hmlc_loop_lower(context, value, index);
        return;
    }
    if (op == NULL) {
        return;
    }
    if (hmlc_op_has(op, HMLC_TRAIT_INDEXED)) {
        hoist_indexed(context, op, index, mask);
        return;
    }
    bool follows = hmlc_op_has(op, HMLC_TRAIT_VIEW | HMLC_TRAIT_ELEMENTWISE);
    for (uint32_t k = 0; follows && k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        hmlc_loop_index operand_index[HMLC_MAX_RANK];
        if (operand != NULL) {
            hmlc_loop_view_index(context, op, k, index, operand_index);
            hmlc_loop_hoist_value(context, operand, operand_index, mask);
        }
    }
}

void hmlc_loop_hoist(hmlc_loop_context *context, uint32_t mask)
{
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    context->hoist_stamp++;
    for (uint32_t k = 0; context->state->rows == NULL && k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        hmlc_loop_index index[HMLC_MAX_RANK];
        hmlc_loop_result_index(context, value->type, index);
        hmlc_loop_hoist_value(context, value, index, mask);
    }
}

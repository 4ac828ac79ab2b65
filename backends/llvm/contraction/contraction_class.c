/* SPDX-License-Identifier: Apache-2.0 */
/* The class of contractions: which unit does which tiles, and what plans which anchor. */
#include "contraction_nest.h"
#include "conv.h"
#include "pack.h"
#include "winograd_plan.h"

/* -- units */

static LLVMValueRef remainder_and_divide(hmlc_frame *frame, LLVMValueRef *number,
                                         LLVMValueRef divisor)
{
    LLVMValueRef rest = LLVMBuildURem(frame->builder, *number, divisor, "");
    *number = LLVMBuildUDiv(frame->builder, *number, divisor, "");
    return rest;
}

static void decode_unit(hmlc_nest *nest, const hmlc_section *section, LLVMValueRef unit)
{
    hmlc_frame *frame = nest->frame;
    const hmlc_contraction *contraction = nest->contraction;
    LLVMValueRef row_blocks = hmlc_frame_dim(frame, section->row_blocks);
    LLVMValueRef col_blocks = hmlc_frame_dim(frame, section->col_blocks);
    LLVMValueRef row_block, col_block;
    if (section->columns_first) {
        col_block = remainder_and_divide(frame, &unit, col_blocks);
        row_block = remainder_and_divide(frame, &unit, row_blocks);
    } else {
        row_block = remainder_and_divide(frame, &unit, row_blocks);
        col_block = remainder_and_divide(frame, &unit, col_blocks);
    }
    nest->tile.group =
        remainder_and_divide(frame, &unit, hmlc_frame_int(frame, contraction->groups));
    for (int32_t k = contraction->batch_rank; k-- > 0;) {
        nest->tile.batch[k] =
            remainder_and_divide(frame, &unit, hmlc_frame_dim(frame, contraction->dims[k]));
    }
    LLVMValueRef rows = hmlc_frame_int(frame, section->row_block);
    LLVMValueRef columns = hmlc_frame_int(frame, section->col_block);
    nest->row_begin = LLVMBuildMul(frame->builder, row_block, rows, "");
    LLVMValueRef row_tiles = hmlc_frame_dim(frame, section->row_tiles);
    nest->row_end = hmlc_frame_minimum(
        frame, LLVMBuildAdd(frame->builder, nest->row_begin, rows, ""), row_tiles);
    nest->column_begin = LLVMBuildMul(frame->builder, col_block, columns, "");
    LLVMValueRef column_tiles = hmlc_frame_dim(frame, section->column_tiles);
    nest->column_end = hmlc_frame_minimum(
        frame, LLVMBuildAdd(frame->builder, nest->column_begin, columns, ""), column_tiles);
}

static void emit_section(hmlc_nest *nest, const hmlc_section *section)
{
    hmlc_frame *frame = nest->frame;
    hmlc_frame_loop loop;
    decode_unit(nest, section,
                hmlc_contraction_units_begin(frame, &loop, section->first_unit, section->units));
    hmlc_nest_begin_batch(nest);
    hmlc_nest_tiles(nest, section);
    hmlc_frame_loop_end(frame, &loop, NULL);
}

static hmlc_status contraction_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    const hmlc_contraction *contraction = plan->state;
    if (contraction->packing_count > 0) {
        return hmlc_pack_emit(frame, contraction);
    }
    hmlc_nest *state = hmlc_nest_create(frame, contraction);
    HMLC_TRY_MEMORY(state);
    if (contraction->packs_weights) {
        uint32_t weights = hmlc_frame_argument(frame, contraction->right_argument);
        hmlc_pack_weights_emit(frame, contraction->panels, frame->operands[weights],
                               frame->scratch);
    }
    hmlc_nest_reserve(state);
    if (contraction->winograd != NULL) {
        return hmlc_winograd_emit(&state->tile, contraction->winograd);
    }
    hmlc_nest_digits(state);
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        emit_section(state, &contraction->sections[k]);
    }
    return HMLC_OK;
}

/* -- planning */

typedef hmlc_status anchor_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                hmlc_contraction *contraction);

static const struct {
    hmlc_opcode opcode;
    anchor_plan *plan;
} anchors[] = {
    {HMLC_OP_matmul, hmlc_matmul_plan},
    {HMLC_OP_matmul_packed, hmlc_matmul_plan},
    {HMLC_OP_conv, hmlc_conv_plan},
    {HMLC_OP_conv_transpose, hmlc_conv_plan},
};

static anchor_plan *find_anchor(const hmlc_kernel_plan *plan, const hmlc_op **anchor)
{
    anchor_plan *found = NULL;
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, plan->kernel->regions[0])
    {
        for (size_t k = 0; k < sizeof anchors / sizeof anchors[0]; k++) {
            if (anchors[k].opcode == op->opcode) {
                *anchor = op;
                found = anchors[k].plan;
                count += 1;
            }
        }
    }
    return count == 1 ? found : NULL;
}

/* What choosing between integers and floats would go by. */
static double against_float(const hmlc_target *target, const hmlc_contraction *contraction)
{
    const hmlc_byte_speeds *speed = &target->bytes.speed;
    if (!hmlc_op_sums_bytes(contraction->anchor)) {
        return 0;
    }
    switch (contraction->step) {
    case HMLC_BYTE_STEP_DOT:
        return speed->dot;
    case HMLC_BYTE_STEP_HALVES:
        return speed->halves;
    case HMLC_BYTE_STEP_PAIRS:
        return speed->pairs;
    case HMLC_BYTE_STEP_I16:
        return speed->i16;
    default:
        return speed->widened;
    }
}

static hmlc_status contraction_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    hmlc_contraction *contraction = HMLC_NEW(context->arena, hmlc_contraction);
    HMLC_TRY_MEMORY(contraction);
    plan->state = contraction;
    if (hmlc_pack_is_kernel(plan)) {
        return hmlc_pack_plan(context, plan, contraction);
    }
    const hmlc_op *anchor = NULL;
    anchor_plan *plan_anchor = find_anchor(plan, &anchor);
    if (plan_anchor == NULL || plan->kernel->result_count != 1) {
        return hmlc_contraction_refuse(context, plan, "it needs one contraction and one result");
    }
    HMLC_TRY(hmlc_contraction_epilogue(context, plan, anchor, contraction));
    HMLC_TRY(plan_anchor(context, plan, contraction));
    plan->against_float = against_float(context->target, contraction);
    return HMLC_OK;
}

const hmlc_kernel_class hmlc_contraction_class = {
    .name = "contraction",
    .form = HMLC_FORM_CONTRACTION,
    .plan = contraction_plan,
    .emit = contraction_emit,
};

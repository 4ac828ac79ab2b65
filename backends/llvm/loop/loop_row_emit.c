/* SPDX-License-Identifier: Apache-2.0 */
/* The phases of a row. */
#include <hml_format/kernel_abi.h>

#include "loop_row.h"

static hmlc_loop_rows *rows_of(const hmlc_loop_context *context)
{
    return context->state->rows;
}

static void store_value(hmlc_loop_context *context, uint32_t yielded, const hmlc_loop_index *index)
{
    hmlc_frame *frame = context->frame;
    const hmlc_value *value = hmlc_op_operand(hmlc_kernel_yield(context->kernel), yielded);
    hmlc_loop_value result = hmlc_loop_lower(context, value, index);
    hmlc_loop_index offset =
        hmlc_loop_access_index(context, context->kernel->results[yielded], index);
    hmlc_loop_store(context, value->type->dtype, frame->operands[hmlc_frame_result(frame, yielded)],
                    &offset, result);
}

/* Is the value in its result's memory already? */
static bool stored_before(const hmlc_loop_context *context, uint32_t yielded, uint32_t phase)
{
    const hmlc_loop_rows *rows = rows_of(context);
    for (uint32_t k = 0; k < rows->kept_count; k++) {
        const hmlc_loop_kept *kept = &rows->kept[k];
        if (kept->result == (int32_t)yielded && !kept->exponential && kept->phase <= phase) {
            return true;
        }
    }
    return false;
}

/* The innermost code: elements into accumulators, then what this phase keeps and stores. */
static void phase_body(hmlc_loop_context *context)
{
    hmlc_loop_rows *rows = rows_of(context);
    hmlc_loop_index index[HMLC_MAX_RANK];
    for (uint32_t k = 0; k < rows->count; k++) {
        hmlc_loop_accumulator *accumulator = &rows->accumulators[k];
        if (accumulator->phase == rows->phase) {
            hmlc_loop_fold_step(context, accumulator, hmlc_loop_row_element(context, accumulator));
        }
    }
    for (uint32_t k = 0; k < rows->kept_count; k++) {
        if (rows->kept[k].phase == rows->phase) {
            hmlc_loop_row_keep(context, &rows->kept[k]);
        }
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    hmlc_loop_row_index(context, index);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        if (hmlc_loop_row_full(context, value) && *hmlc_loop_level(context, value) == rows->phase &&
            !stored_before(context, k, rows->phase)) {
            store_value(context, k, index);
        }
    }
}

static bool phase_has_work(const hmlc_loop_context *context)
{
    const hmlc_loop_rows *rows = rows_of(context);
    bool works = false;
    for (uint32_t k = 0; k < rows->count; k++) {
        works |= rows->accumulators[k].phase == rows->phase;
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        works |=
            hmlc_loop_row_full(context, value) && *hmlc_loop_level(context, value) == rows->phase;
    }
    return works;
}

/* Loops over the reduced variables from `level` on. */
static void emit_inside(hmlc_loop_context *context, uint32_t level)
{
    const hmlc_loop_state *state = context->state;
    hmlc_frame *frame = context->frame;
    if (level == state->inside_count) {
        uint32_t mark = hmlc_loop_memo_mark(context);
        phase_body(context);
        hmlc_loop_memo_release(context, mark);
        return;
    }
    uint32_t var = state->inside[level];
    hmlc_dim trip = context->space->vars[var].trip;
    LLVMValueRef zero = hmlc_frame_int(frame, 0), limit = hmlc_frame_dim(frame, trip);
    if ((int32_t)var == state->vector) {
        hmlc_loop_emit_pieces(context, (hmlc_loop_range){zero, limit}, trip, phase_body);
        return;
    }
    hmlc_frame_loop loop;
    hmlc_loop_begin_carried(context, &loop, zero, limit, 1);
    context->position[var] = loop.index;
    emit_inside(context, level + 1);
    hmlc_loop_end_carried(context, &loop);
}

/* What does not change along the row is computed before the loop. */
static void hoist_phase(hmlc_loop_context *context)
{
    hmlc_loop_rows *rows = rows_of(context);
    hmlc_loop_index index[HMLC_MAX_RANK];
    uint32_t mask = 0;
    for (uint32_t k = 0; k < context->state->inside_count; k++) {
        mask |= hmlc_loop_var_mask(context->space, context->state->inside[k]);
    }
    context->hoist_stamp++;
    hmlc_loop_row_index(context, index);
    for (uint32_t k = 0; k < rows->count; k++) {
        if (rows->accumulators[k].phase == rows->phase) {
            hmlc_loop_hoist_value(context, hmlc_op_operand(rows->accumulators[k].op, 0), index,
                                  mask);
        }
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        if (hmlc_loop_row_full(context, value) && *hmlc_loop_level(context, value) == rows->phase) {
            hmlc_loop_hoist_value(context, value, index, mask);
        }
    }
}

static void emit_phase(hmlc_loop_context *context)
{
    uint32_t phase = rows_of(context)->phase;
    if (!phase_has_work(context)) {
        return;
    }
    uint32_t mark = hmlc_loop_memo_mark(context);
    hoist_phase(context);
    hmlc_loop_fold_start(context, phase);
    emit_inside(context, 0);
    hmlc_loop_memo_release(context, mark);
    hmlc_loop_fold_finish(context, phase);
}

/* One row, or a vector of rows: all phases, then the reduced results. */
static void row_body(hmlc_loop_context *context)
{
    hmlc_loop_rows *rows = rows_of(context);
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (rows->phase = 0; rows->phase < rows->phases; rows->phase++) {
        emit_phase(context);
    }
    uint32_t mark = hmlc_loop_memo_mark(context);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        hmlc_loop_index index[HMLC_MAX_RANK];
        if (!hmlc_loop_row_full(context, value)) {
            hmlc_loop_result_index(context, value->type, index);
            store_value(context, k, index);
        }
    }
    hmlc_loop_memo_release(context, mark);
}

/* The position of the largest of no elements does not exist. */
static void check_arguments(hmlc_loop_context *context)
{
    const hmlc_loop_rows *rows = rows_of(context);
    hmlc_frame *frame = context->frame;
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    bool argument = false;
    for (uint32_t k = 0; k < rows->count; k++) {
        argument |= rows->accumulators[k].fold == HMLC_LOOP_FOLD_ARGUMENT;
    }
    if (argument && rows->row->minimum < 1) {
        LLVMValueRef length = hmlc_frame_dim(frame, rows->row);
        LLVMValueRef empty = LLVMBuildICmp(frame->builder, LLVMIntEQ, length, zero, "");
        LLVMValueRef some = LLVMBuildICmp(frame->builder, LLVMIntSLT, frame->begin, frame->end, "");
        hmlc_frame_fail_if(frame, LLVMBuildAnd(frame->builder, empty, some, ""), HML_KERNEL_SHAPE,
                           length, hmlc_frame_int(frame, 1));
    }
}

hmlc_status hmlc_loop_rows_emit(hmlc_loop_context *context)
{
    check_arguments(context);
    hmlc_loop_emit_units(context, row_body);
    return context->status;
}

/* The phases of a row. */
#include <hml_format/kernel_abi.h>

#include "loop_row.h"

static loop_rows *rows_of(const loop_context *context)
{
    return context->state->rows;
}

static void store_value(loop_context *context, uint32_t yielded, const loop_index *index)
{
    hmlc_frame *frame = context->frame;
    const hmlc_value *value = hmlc_op_operand(hmlc_kernel_yield(context->kernel), yielded);
    loop_value result = loop_lower(context, value, index);
    loop_index offset = loop_access_index(context, context->kernel->results[yielded], index);
    loop_store(context, value->type->dtype, frame->operands[hmlc_frame_result(frame, yielded)],
               &offset, result);
}

/* Is the value in its result's memory already? */
static bool stored_before(const loop_context *context, uint32_t yielded, uint32_t phase)
{
    const loop_rows *rows = rows_of(context);
    for (uint32_t k = 0; k < rows->kept_count; k++) {
        const loop_kept *kept = &rows->kept[k];
        if (kept->result == (int32_t)yielded && !kept->exponential && kept->phase <= phase) {
            return true;
        }
    }
    return false;
}

/* The innermost code: elements into accumulators, then what this phase keeps and stores. */
static void phase_body(loop_context *context)
{
    loop_rows *rows = rows_of(context);
    loop_index index[HMLC_MAX_RANK];
    for (uint32_t k = 0; k < rows->count; k++) {
        loop_accumulator *accumulator = &rows->accumulators[k];
        if (accumulator->phase == rows->phase) {
            loop_fold_step(context, accumulator, loop_row_element(context, accumulator));
        }
    }
    for (uint32_t k = 0; k < rows->kept_count; k++) {
        if (rows->kept[k].phase == rows->phase) {
            loop_row_keep(context, &rows->kept[k]);
        }
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    loop_row_index(context, index);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        if (loop_row_full(context, value) && *loop_level(context, value) == rows->phase &&
            !stored_before(context, k, rows->phase)) {
            store_value(context, k, index);
        }
    }
}

static bool phase_has_work(const loop_context *context)
{
    const loop_rows *rows = rows_of(context);
    bool works = false;
    for (uint32_t k = 0; k < rows->count; k++) {
        works |= rows->accumulators[k].phase == rows->phase;
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        works |= loop_row_full(context, value) && *loop_level(context, value) == rows->phase;
    }
    return works;
}

/* Loops over the reduced variables from `level` on. */
static void emit_inside(loop_context *context, uint32_t level)
{
    const loop_state *state = context->state;
    hmlc_frame *frame = context->frame;
    if (level == state->inside_count) {
        uint32_t mark = loop_memo_mark(context);
        phase_body(context);
        loop_memo_release(context, mark);
        return;
    }
    uint32_t var = state->inside[level];
    hmlc_dim trip = context->space->vars[var].trip;
    LLVMValueRef zero = hmlc_frame_int(frame, 0), limit = hmlc_frame_dim(frame, trip);
    if ((int32_t)var == state->vector) {
        loop_emit_pieces(context, (loop_range){zero, limit}, trip, phase_body);
        return;
    }
    hmlc_loop loop;
    loop_begin_carried(context, &loop, zero, limit, 1);
    context->position[var] = loop.index;
    emit_inside(context, level + 1);
    loop_end_carried(context, &loop);
}

/* What does not change along the row is computed before the loop. */
static void hoist_phase(loop_context *context)
{
    loop_rows *rows = rows_of(context);
    loop_index index[HMLC_MAX_RANK];
    uint32_t mask = 0;
    for (uint32_t k = 0; k < context->state->inside_count; k++) {
        mask |= loop_var_mask(context->space, context->state->inside[k]);
    }
    context->hoist_stamp++;
    loop_row_index(context, index);
    for (uint32_t k = 0; k < rows->count; k++) {
        if (rows->accumulators[k].phase == rows->phase) {
            loop_hoist_value(context, hmlc_op_operand(rows->accumulators[k].op, 0), index, mask);
        }
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        if (loop_row_full(context, value) && *loop_level(context, value) == rows->phase) {
            loop_hoist_value(context, value, index, mask);
        }
    }
}

static void emit_phase(loop_context *context)
{
    uint32_t phase = rows_of(context)->phase;
    if (!phase_has_work(context)) {
        return;
    }
    uint32_t mark = loop_memo_mark(context);
    hoist_phase(context);
    loop_fold_start(context, phase);
    emit_inside(context, 0);
    loop_memo_release(context, mark);
    loop_fold_finish(context, phase);
}

/* One row, or a vector of rows: all phases, then the reduced results. */
static void row_body(loop_context *context)
{
    loop_rows *rows = rows_of(context);
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (rows->phase = 0; rows->phase < rows->phases; rows->phase++) {
        emit_phase(context);
    }
    uint32_t mark = loop_memo_mark(context);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        loop_index index[HMLC_MAX_RANK];
        if (!loop_row_full(context, value)) {
            loop_result_index(context, value->type, index);
            store_value(context, k, index);
        }
    }
    loop_memo_release(context, mark);
}

/* The position of the largest of no elements does not exist. */
static void check_arguments(loop_context *context)
{
    const loop_rows *rows = rows_of(context);
    hmlc_frame *frame = context->frame;
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    bool argument = false;
    for (uint32_t k = 0; k < rows->count; k++) {
        argument |= rows->accumulators[k].fold == LOOP_FOLD_ARGUMENT;
    }
    if (argument && rows->row->minimum < 1) {
        LLVMValueRef length = hmlc_frame_dim(frame, rows->row);
        LLVMValueRef empty = LLVMBuildICmp(frame->builder, LLVMIntEQ, length, zero, "");
        LLVMValueRef some = LLVMBuildICmp(frame->builder, LLVMIntSLT, frame->begin, frame->end, "");
        hmlc_frame_fail_if(frame, LLVMBuildAnd(frame->builder, empty, some, ""), HML_KERNEL_SHAPE,
                           length, hmlc_frame_int(frame, 1));
    }
}

hmlc_status loop_rows_emit(loop_context *context)
{
    check_arguments(context);
    loop_emit_units(context, row_body);
    return context->status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel class of form `loop`. */
#include "loop.h"

#include <stdio.h>

static const hmlc_op *first_row_op(const hmlc_op *kernel)
{
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE)) {
            return op;
        }
    }
    return NULL;
}

/* Reduced dims as a mask. */
static uint32_t row_axes(const hmlc_op *op)
{
    uint32_t mask = 0;
    if (op->opcode == HMLC_OP_arg_max || op->opcode == HMLC_OP_arg_min) {
        return UINT32_C(1) << hmlc_op_int(op, HMLC_ATTR_axis);
    }
    const hmlc_attr *axes = hmlc_op_attr(op, HMLC_ATTR_axes);
    for (uint32_t k = 0; axes != NULL && k < axes->count; k++) {
        mask |= UINT32_C(1) << axes->as.integers[k];
    }
    return mask;
}

static hmlc_status plan_space(hmlc_loop_context *context)
{
    const hmlc_op *rows = first_row_op(context->kernel);
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    const hmlc_type *full =
        rows != NULL ? hmlc_op_operand(rows, 0)->type : hmlc_op_operand(yield, 0)->type;
    for (int32_t k = 0; k < full->rank; k++) {
        context->state->empty |= hmlc_dim_is(full->dims[k], 0) && rows == NULL;
    }
    HMLC_TRY(hmlc_loop_space_create(context->space, context->dims, full->rank, full->dims,
                                    rows != NULL ? row_axes(rows) : 0));
    return rows != NULL ? hmlc_loop_rows_create(context) : HMLC_OK;
}

static hmlc_status plan_loops(hmlc_loop_context *context, hmlc_kernel_plan *plan)
{
    HMLC_TRY(plan_space(context));
    if (context->state->empty) {
        plan->units = hmlc_dim_constant(context->dims, 0);
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_loop_analyze(context));
    hmlc_loop_choose(context, plan);
    HMLC_TRY(context->status);
    return context->state->rows != NULL ? hmlc_loop_rows_plan(context, plan) : HMLC_OK;
}

static hmlc_status class_plan(hmlc_plan_context *planning, hmlc_kernel_plan *plan)
{
    hmlc_module *module = planning->module;
    hmlc_loop_state *state = HMLC_NEW(planning->arena, hmlc_loop_state);
    HMLC_TRY_MEMORY(state);
    hmlc_loop_analysis analysis = {0};
    hmlc_loop_context context = {
        .kernel = plan->kernel,
        .ids = hmlc_region_ids(plan->kernel->regions[0]),
        .module = module,
        .dims = module->dims,
        .plan = plan,
        .space = &state->space,
        .state = state,
        .keep = planning->arena,
        .analysis = &analysis,
        .arena = hmlc_arena_create(NULL),
    };
    HMLC_TRY_MEMORY(context.arena);
    hmlc_status status = plan_loops(&context, plan);
    hmlc_arena_destroy(context.arena);
    HMLC_TRY(status);
    HMLC_TRY(hmlc_dims_status(module->dims));
    plan->state = state;
    plan->variant = hmlc_arena_printf(planning->arena, "lanes=%u chunk=%lld", state->wide,
                                      (long long)state->chunk);
    HMLC_TRY_MEMORY(plan->variant);
    return HMLC_OK;
}

/* Every yielded value at the current lanes, row by row of the tile. */
static void store_results(hmlc_loop_context *context)
{
    hmlc_frame *frame = context->frame;
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t row = 0; row < context->tile_rows; row++) {
        context->tile_row = row;
        if (context->tile_rows > 1) {
            context->position[context->state->tile] = LLVMBuildNSWAdd(
                frame->builder, context->tile_start, hmlc_frame_int(frame, row), "");
        }
        for (uint32_t k = 0; k < yield->operand_count; k++) {
            const hmlc_value *value = hmlc_op_operand(yield, k);
            hmlc_loop_index index[HMLC_MAX_RANK];
            hmlc_loop_result_index(context, value->type, index);
            hmlc_loop_value result = hmlc_loop_lower(context, value, index);
            hmlc_loop_index offset =
                hmlc_loop_access_index(context, context->kernel->results[k], index);
            hmlc_loop_store(context, value->type->dtype,
                            frame->operands[hmlc_frame_result(frame, k)], &offset, result);
        }
    }
    context->tile_row = 0;
}

static hmlc_status class_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    hmlc_loop_state *state = plan->state;
    hmlc_loop_context context = {
        .kernel = plan->kernel,
        .ids = hmlc_region_ids(plan->kernel->regions[0]),
        .module = frame->ir,
        .dims = frame->ir->dims,
        .plan = plan,
        .space = &state->space,
        .state = state,
        .keep = frame->arena,
        .arena = frame->arena,
        .frame = frame,
    };
    if (state->empty) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_loop_prepare_tables(&context));
    if (state->tile >= 0) {
        context.tile_mask = hmlc_loop_var_mask(context.space, (uint32_t)state->tile);
    }
    if (state->rows != NULL) {
        HMLC_TRY(hmlc_loop_rows_emit(&context));
    } else {
        hmlc_loop_emit_units(&context, store_results);
    }
    HMLC_TRY(context.status);
    return hmlc_dims_status(frame->ir->dims);
}

const hmlc_kernel_class hmlc_loop_class = {
    .name = "loop", .form = HMLC_FORM_LOOP, .plan = class_plan, .emit = class_emit};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack_panels at run time: [..., K, N] or [..., N, K] to panels (packing.h). Columns behind each
 * other are copied; steps behind each other (keys of an attention) go through transposes in
 * registers; anything else, and groups of several steps, element by element. A unit is a block of
 * panels. One kernel may pack several matrices, as keys and values of an attention.
 */
#include "contraction.h"

enum { UNIT_BYTES = 64 * 1024, UNITS_WANTED = 20 };

typedef struct hmlc_packing {
    uint32_t argument, result; /* of the kernel */
    hmlc_dtype dtype;
    hmlc_access input;  /* batch dims, K, N */
    hmlc_access output; /* batch dims, panels, rows, elements of a row */
    hmlc_pack_layout layout;
    int32_t batch_rank;
    hmlc_dim batches, panels;
    int64_t panel_block;
    hmlc_dim panel_blocks;
    hmlc_dim first_unit, units;
    uint32_t lanes;
} hmlc_packing;

typedef struct packer {
    hmlc_frame *frame;
    const hmlc_packing *packing;
    LLVMTypeRef element, vector;
    LLVMValueRef depth, columns, depth_stride, column_stride;
    LLVMValueRef from, to;  /* column 0 of the panel at step 0; the panel's first element */
    LLVMValueRef valid;     /* columns of the panel */
    LLVMValueRef to_stride; /* between rows of the result */
} packer;

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

/* Blocks of panels as units; returns the cost of one, in nanoseconds. */
static int64_t plan_units(hmlc_plan_context *context, hmlc_packing *packing)
{
    hmlc_dims *dims = context->module->dims;
    int64_t batches = hmlc_dim_few(packing->batches, 1);
    int64_t panels = hmlc_dim_hint(packing->panels);
    int64_t depth = hmlc_dim_hint(packing->input.dims[packing->batch_rank]);
    int64_t bytes = hmlc_pack_rows(packing->layout, depth) * hmlc_pack_row(packing->layout) *
                    (int64_t)hmlc_dtype_bytes(packing->dtype);
    int64_t block = panels * batches / UNITS_WANTED;
    int64_t least = UNIT_BYTES / (bytes > 0 ? bytes : 1);
    block = block < least ? least : block;
    block = block > panels ? panels : block;
    packing->panel_block = block < 1 ? 1 : block;
    packing->panel_blocks =
        hmlc_dim_ceildiv(dims, packing->panels, integer(context, packing->panel_block));
    packing->units = hmlc_dim_multiply(dims, packing->batches, packing->panel_blocks);
    return packing->panel_block * (bytes < (1 << 20) ? bytes : 1 << 20) / 20;
}

static void swap_last_two(hmlc_access *access)
{
    int32_t last = access->rank - 1;
    hmlc_dim dim = access->dims[last], stride = access->strides[last];
    access->dims[last] = access->dims[last - 1];
    access->strides[last] = access->strides[last - 1];
    access->dims[last - 1] = dim;
    access->strides[last - 1] = stride;
}

/* Result `result` of the kernel, packed by `op`. */
static hmlc_status plan_packing(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                const hmlc_op *op, uint32_t result, hmlc_packing *packing)
{
    hmlc_dims *dims = context->module->dims;
    HMLC_TRY(hmlc_contraction_argument(context, plan, hmlc_op_operand(op, 0), &packing->argument,
                                       &packing->input));
    hmlc_access_of_value(dims, plan->kernel->results[result], &packing->output);
    packing->result = result;
    packing->layout = hmlc_pack_layout_of(op);
    packing->dtype = op->results[0]->type->dtype;
    if (hmlc_dtype_bytes(packing->dtype) == 0) {
        return hmlc_contraction_refuse(context, plan, "its element type");
    }
    if (hmlc_op_int(op, HMLC_ATTR_transpose_b)) {
        swap_last_two(&packing->input);
    }
    packing->batch_rank = packing->output.rank - 3;
    packing->batches = integer(context, 1);
    for (int32_t k = 0; k < packing->batch_rank; k++) {
        packing->batches = hmlc_dim_multiply(dims, packing->batches, packing->output.dims[k]);
    }
    packing->panels = packing->output.dims[packing->batch_rank];
    packing->lanes = hmlc_microkernel_lanes(context->target, packing->dtype, packing->layout);
    return HMLC_OK;
}

bool hmlc_pack_is_kernel(const hmlc_kernel_plan *plan)
{
    HMLC_FOR_EACH_OP(op, plan->kernel->regions[0])
    {
        if (op->opcode == HMLC_OP_pack_panels) {
            return true;
        }
    }
    return false;
}

static bool only_packs(const hmlc_kernel_plan *plan)
{
    HMLC_FOR_EACH_OP(op, plan->kernel->regions[0])
    {
        bool packs = op->opcode == HMLC_OP_pack_panels;
        if (!packs && !hmlc_op_has(op, HMLC_TRAIT_VIEW | HMLC_TRAIT_TERMINATOR)) {
            return false;
        }
    }
    return true;
}

hmlc_status hmlc_pack_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                           hmlc_contraction *contraction)
{
    hmlc_dims *dims = context->module->dims;
    const hmlc_op *yield = hmlc_kernel_yield(plan->kernel);
    uint32_t count = plan->kernel->result_count;
    hmlc_packing *packings = HMLC_NEW_ARRAY(context->arena, hmlc_packing, count + 1);
    HMLC_TRY_MEMORY(packings);
    if (!only_packs(plan)) {
        return hmlc_contraction_refuse(context, plan, "packing takes no fused operations");
    }
    plan->units = integer(context, 0);
    int64_t cost = 1;
    for (uint32_t k = 0; k < count; k++) {
        const hmlc_op *op = hmlc_op_operand(yield, k)->producer;
        if (op == NULL || op->opcode != HMLC_OP_pack_panels) {
            return hmlc_contraction_refuse(context, plan, "it yields what it does not pack");
        }
        HMLC_TRY(plan_packing(context, plan, op, k, &packings[k]));
        int64_t own = plan_units(context, &packings[k]);
        cost = own > cost ? own : cost;
        packings[k].first_unit = plan->units;
        plan->units = hmlc_dim_add(dims, plan->units, packings[k].units);
    }
    contraction->packings = packings;
    contraction->packing_count = count;
    plan->unit_cost = (uint32_t)cost;
    return HMLC_OK;
}

/* -- emission */

static LLVMValueRef offset_of(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c,
                              LLVMValueRef d)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef right = LLVMBuildMul(builder, c, d, "");
    return LLVMBuildAdd(builder, LLVMBuildMul(builder, a, b, ""), right, "");
}

static uint32_t element_bytes(const packer *at)
{
    return (uint32_t)hmlc_dtype_bytes(at->packing->dtype);
}

static LLVMValueRef from_address(packer *at, LLVMValueRef step, LLVMValueRef column)
{
    return hmlc_frame_element(
        at->frame, at->element, at->from,
        offset_of(at->frame, step, at->depth_stride, column, at->column_stride));
}

/* Row `row` of the panel, from `element` on. */
static LLVMValueRef to_address(packer *at, LLVMValueRef row, LLVMValueRef element)
{
    LLVMValueRef one = hmlc_frame_int(at->frame, 1);
    return hmlc_frame_element(at->frame, at->element, at->to,
                              offset_of(at->frame, row, at->to_stride, element, one));
}

/* The element of a step and a column, zero where `exists` is false: step 0 and column 0 do. */
static LLVMValueRef load_element(packer *at, LLVMValueRef step, LLVMValueRef column,
                                 LLVMValueRef exists)
{
    hmlc_frame *frame = at->frame;
    LLVMValueRef zero = hmlc_frame_int(frame, 0);
    step = LLVMBuildSelect(frame->builder, exists, step, zero, "");
    column = LLVMBuildSelect(frame->builder, exists, column, zero, "");
    LLVMValueRef value =
        hmlc_frame_load(frame, at->element, from_address(at, step, column), element_bytes(at));
    return LLVMBuildSelect(frame->builder, exists, value, LLVMConstNull(at->element), "");
}

/* One element at a time, groups of steps behind each other. */
static void pack_groups(packer *at)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    hmlc_pack_layout layout = at->packing->layout;
    LLVMValueRef zero = hmlc_frame_int(frame, 0), group = hmlc_frame_int(frame, layout.group);
    LLVMValueRef rows =
        hmlc_frame_dim(frame, at->packing->output.dims[at->packing->output.rank - 2]);
    hmlc_frame_loop row, columns;
    hmlc_frame_loop_begin(frame, &row, zero, rows, 1, NULL, 0);
    hmlc_frame_loop_begin(frame, &columns, zero, hmlc_frame_int(frame, layout.width), 1, NULL, 0);
    LLVMValueRef first = LLVMBuildMul(builder, columns.index, group, "");
    LLVMValueRef inside = LLVMBuildICmp(builder, LLVMIntSLT, columns.index, at->valid, "");
    for (int64_t g = 0; g < layout.group; g++) {
        LLVMValueRef ahead = hmlc_frame_int(frame, g);
        LLVMValueRef step =
            LLVMBuildAdd(builder, LLVMBuildMul(builder, row.index, group, ""), ahead, "");
        LLVMValueRef exists = LLVMBuildAnd(
            builder, inside, LLVMBuildICmp(builder, LLVMIntSLT, step, at->depth, ""), "");
        LLVMValueRef value = load_element(at, step, columns.index, exists);
        LLVMValueRef to = to_address(at, row.index, LLVMBuildAdd(builder, first, ahead, ""));
        hmlc_frame_store(frame, value, to, element_bytes(at));
    }
    hmlc_frame_loop_end(frame, &columns, NULL);
    hmlc_frame_loop_end(frame, &row, NULL);
}

/* One element at a time, zero behind the last column. */
static void pack_elements(packer *at, LLVMValueRef first_step)
{
    hmlc_frame *frame = at->frame;
    hmlc_frame_loop steps;
    hmlc_frame_loop_begin(frame, &steps, first_step, at->depth, 1, NULL, 0);
    for (int64_t j = 0; j < at->packing->layout.width; j++) {
        LLVMValueRef column = hmlc_frame_int(frame, j);
        LLVMValueRef exists = LLVMBuildICmp(frame->builder, LLVMIntSLT, column, at->valid, "");
        /* A column that does not exist reads column 0, which does. */
        LLVMValueRef safe =
            LLVMBuildSelect(frame->builder, exists, column, hmlc_frame_int(frame, 0), "");
        LLVMValueRef value = hmlc_frame_load(
            frame, at->element, from_address(at, steps.index, safe), element_bytes(at));
        value = LLVMBuildSelect(frame->builder, exists, value, LLVMConstNull(at->element), "");
        hmlc_frame_store(frame, value, to_address(at, steps.index, column), element_bytes(at));
    }
    hmlc_frame_loop_end(frame, &steps, NULL);
}

/* Whole panels whose columns lie behind each other. */
static void pack_rows(packer *at)
{
    hmlc_frame *frame = at->frame;
    hmlc_frame_loop steps;
    hmlc_frame_loop_begin(frame, &steps, hmlc_frame_int(frame, 0), at->depth, 1, NULL, 0);
    for (int64_t j = 0; j < at->packing->layout.width; j += at->packing->lanes) {
        LLVMValueRef column = hmlc_frame_int(frame, j);
        LLVMValueRef value = hmlc_frame_load(
            frame, at->vector, from_address(at, steps.index, column), element_bytes(at));
        hmlc_frame_store(frame, value, to_address(at, steps.index, column), element_bytes(at));
    }
    hmlc_frame_loop_end(frame, &steps, NULL);
}

/* Exchanges what two rows hold in lanes that differ in bit `distance` of their number. */
static void exchange(packer *at, LLVMValueRef *low, LLVMValueRef *high, uint32_t distance)
{
    hmlc_frame *frame = at->frame;
    uint32_t lanes = at->packing->lanes;
    LLVMValueRef first[HMLC_PACK_MAX_WIDTH], second[HMLC_PACK_MAX_WIDTH];
    for (uint32_t k = 0; k < lanes; k++) {
        bool upper = (k & distance) != 0;
        first[k] = LLVMConstInt(frame->i32, upper ? lanes + k - distance : k, 0);
        second[k] = LLVMConstInt(frame->i32, upper ? lanes + k : k + distance, 0);
    }
    LLVMValueRef a =
        LLVMBuildShuffleVector(frame->builder, *low, *high, LLVMConstVector(first, lanes), "");
    LLVMValueRef b =
        LLVMBuildShuffleVector(frame->builder, *low, *high, LLVMConstVector(second, lanes), "");
    *low = a;
    *high = b;
}

/* lanes x lanes elements: rows of the input are columns of the panel. */
static void pack_square(packer *at, LLVMValueRef step, uint32_t first_column, bool partial)
{
    hmlc_frame *frame = at->frame;
    uint32_t lanes = at->packing->lanes;
    LLVMValueRef rows[HMLC_PACK_MAX_WIDTH];
    for (uint32_t j = 0; j < lanes; j++) {
        LLVMValueRef column = hmlc_frame_int(frame, first_column + j), exists = NULL;
        if (partial) {
            exists = LLVMBuildICmp(frame->builder, LLVMIntSLT, column, at->valid, "");
            column = LLVMBuildSelect(frame->builder, exists, column, hmlc_frame_int(frame, 0), "");
        }
        rows[j] =
            hmlc_frame_load(frame, at->vector, from_address(at, step, column), element_bytes(at));
        if (partial) {
            rows[j] =
                LLVMBuildSelect(frame->builder, exists, rows[j], LLVMConstNull(at->vector), "");
        }
    }
    for (uint32_t distance = 1; distance < lanes; distance *= 2) {
        for (uint32_t j = 0; j < lanes; j++) {
            if ((j & distance) == 0) {
                exchange(at, &rows[j], &rows[j + distance], distance);
            }
        }
    }
    for (uint32_t i = 0; i < lanes; i++) {
        LLVMValueRef at_step = LLVMBuildAdd(frame->builder, step, hmlc_frame_int(frame, i), "");
        hmlc_frame_store(frame, rows[i],
                         to_address(at, at_step, hmlc_frame_int(frame, first_column)),
                         element_bytes(at));
    }
}

/* Steps behind each other: squares, then what is left of the depth. */
static void pack_squares(packer *at, bool partial)
{
    hmlc_frame *frame = at->frame;
    uint32_t lanes = at->packing->lanes;
    LLVMValueRef width = hmlc_frame_int(frame, lanes);
    LLVMValueRef whole = LLVMBuildSub(frame->builder, at->depth,
                                      LLVMBuildURem(frame->builder, at->depth, width, ""), "");
    hmlc_frame_loop steps;
    hmlc_frame_loop_begin(frame, &steps, hmlc_frame_int(frame, 0), whole, lanes, NULL, 0);
    for (uint32_t column = 0; column < at->packing->layout.width; column += lanes) {
        pack_square(at, steps.index, column, partial);
    }
    hmlc_frame_loop_end(frame, &steps, NULL);
    pack_elements(at, whole);
}

/* One panel; the last one may be partial. */
static void pack_panel(packer *at)
{
    hmlc_frame *frame = at->frame;
    int32_t rank = at->packing->input.rank;
    bool by_columns = hmlc_dim_is(at->packing->input.strides[rank - 1], 1);
    bool by_steps = hmlc_dim_is(at->packing->input.strides[rank - 2], 1);
    if (at->packing->layout.group > 1) {
        pack_groups(at);
        return;
    }
    if (!by_columns && !by_steps) {
        pack_elements(at, hmlc_frame_int(frame, 0));
        return;
    }
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch,
                            LLVMBuildICmp(frame->builder, LLVMIntSGE, at->valid,
                                          hmlc_frame_int(frame, at->packing->layout.width), ""));
    if (by_columns) {
        pack_rows(at);
    } else {
        pack_squares(at, false);
    }
    hmlc_frame_branch_else(frame, &branch);
    if (by_columns) {
        pack_elements(at, hmlc_frame_int(frame, 0));
    } else {
        pack_squares(at, true);
    }
    hmlc_frame_branch_end(frame, &branch);
}

/* Pointers of the unit's batch element; returns the panel block. */
static LLVMValueRef begin_unit(packer *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_access *input = &at->packing->input, *output = &at->packing->output;
    LLVMValueRef blocks = hmlc_frame_dim(frame, at->packing->panel_blocks);
    LLVMValueRef block = LLVMBuildURem(builder, unit, blocks, "");
    LLVMValueRef batch = LLVMBuildUDiv(builder, unit, blocks, "");
    LLVMValueRef from = hmlc_frame_dim(frame, input->offset);
    LLVMValueRef to = hmlc_frame_dim(frame, output->offset);
    for (int32_t k = at->packing->batch_rank; k-- > 0;) {
        LLVMValueRef dim = hmlc_frame_dim(frame, output->dims[k]);
        LLVMValueRef index = LLVMBuildURem(builder, batch, dim, "");
        batch = LLVMBuildUDiv(builder, batch, dim, "");
        from = LLVMBuildAdd(
            builder, from,
            LLVMBuildMul(builder, index, hmlc_frame_dim(frame, input->strides[k]), ""), "");
        to = LLVMBuildAdd(
            builder, to,
            LLVMBuildMul(builder, index, hmlc_frame_dim(frame, output->strides[k]), ""), "");
    }
    uint32_t argument = hmlc_frame_argument(frame, at->packing->argument);
    uint32_t result = hmlc_frame_result(frame, at->packing->result);
    at->from = hmlc_frame_element(frame, at->element, frame->operands[argument], from);
    at->to = hmlc_frame_element(frame, at->element, frame->operands[result], to);
    return block;
}

static void emit_unit(packer *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_access *output = &at->packing->output;
    LLVMValueRef block = begin_unit(at, unit);
    LLVMValueRef from = at->from, to = at->to;
    LLVMValueRef count = hmlc_frame_int(frame, at->packing->panel_block);
    LLVMValueRef panels = hmlc_frame_dim(frame, at->packing->panels);
    LLVMValueRef first = LLVMBuildMul(builder, block, count, "");
    LLVMValueRef end = LLVMBuildAdd(builder, first, count, "");
    LLVMValueRef less = LLVMBuildICmp(builder, LLVMIntSLT, end, panels, "");
    end = LLVMBuildSelect(builder, less, end, panels, "");
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, first, end, 1, NULL, 0);
    LLVMValueRef column =
        LLVMBuildMul(builder, loop.index, hmlc_frame_int(frame, at->packing->layout.width), "");
    LLVMValueRef panel_stride = hmlc_frame_dim(frame, output->strides[output->rank - 3]);
    at->from = hmlc_frame_element(frame, at->element, from,
                                  LLVMBuildMul(builder, column, at->column_stride, ""));
    at->to = hmlc_frame_element(frame, at->element, to,
                                LLVMBuildMul(builder, loop.index, panel_stride, ""));
    at->valid = LLVMBuildSub(builder, at->columns, column, "");
    pack_panel(at);
    hmlc_frame_loop_end(frame, &loop, NULL);
}

static void emit_packing(hmlc_frame *frame, const hmlc_packing *packing)
{
    const hmlc_access *input = &packing->input, *output = &packing->output;
    int32_t last = input->rank - 1;
    packer at = {
        .frame = frame,
        .packing = packing,
        .element = hmlc_frame_type(frame, packing->dtype),
        .vector = hmlc_frame_vector(frame, packing->dtype, packing->lanes),
        .depth = hmlc_frame_dim(frame, input->dims[last - 1]),
        .columns = hmlc_frame_dim(frame, input->dims[last]),
        .depth_stride = hmlc_frame_dim(frame, input->strides[last - 1]),
        .column_stride = hmlc_frame_dim(frame, input->strides[last]),
        .to_stride = hmlc_frame_dim(frame, output->strides[output->rank - 2]),
    };
    hmlc_frame_loop loop;
    emit_unit(&at, hmlc_contraction_units_begin(frame, &loop, packing->first_unit, packing->units));
    hmlc_frame_loop_end(frame, &loop, NULL);
}

hmlc_status hmlc_pack_emit(hmlc_frame *frame, const hmlc_contraction *contraction)
{
    for (uint32_t k = 0; k < contraction->packing_count; k++) {
        emit_packing(frame, &contraction->packings[k]);
    }
    return HMLC_OK;
}

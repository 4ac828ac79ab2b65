/*
 * pack_panels at run time: [..., K, N] or [..., N, K] to [..., panel, K, HMLC_PANEL], zero filled.
 * Columns behind each other are copied; steps behind each other (keys of an attention) go through
 * transposes in registers; anything else element by element. A unit is a block of panels.
 */
#include "llvm/contraction.h"

enum { UNIT_BYTES = 64 * 1024, UNITS_WANTED = 20 };

typedef struct hmlc_packing {
    hmlc_access input; /* batch dims, K, N */
    hmlc_dim panels;
    int64_t panel_block;
    hmlc_dim panel_blocks;
    uint32_t lanes;
} hmlc_packing;

typedef struct packer {
    hmlc_frame *frame;
    const hmlc_contraction *contraction;
    const hmlc_packing *packing;
    LLVMTypeRef element, vector;
    LLVMValueRef depth, columns, depth_stride, column_stride;
    LLVMValueRef from, to;  /* column 0 of the panel at step 0; the panel's first element */
    LLVMValueRef valid;     /* columns of the panel */
    LLVMValueRef to_stride; /* between steps of the result */
} packer;

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

static void plan_units(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                       const hmlc_contraction *contraction, hmlc_packing *packing)
{
    hmlc_dims *dims = context->module->dims;
    int32_t rank = contraction->rank;
    int64_t batches = hmlc_dim_hint(contraction->batches), panels = hmlc_dim_hint(packing->panels);
    int64_t depth = hmlc_dim_hint(contraction->dims[rank - 2]);
    int64_t bytes = depth * HMLC_PANEL * (int64_t)hmlc_dtype_bytes(contraction->dtype);
    int64_t block = panels * batches / UNITS_WANTED;
    int64_t least = UNIT_BYTES / (bytes > 0 ? bytes : 1);
    block = block < least ? least : block;
    block = block > panels ? panels : block;
    packing->panel_block = block < 1 ? 1 : block;
    packing->panel_blocks =
        hmlc_dim_ceildiv(dims, packing->panels, integer(context, packing->panel_block));
    plan->units = hmlc_dim_multiply(dims, contraction->batches, packing->panel_blocks);
    plan->unit_cost = (uint32_t)(packing->panel_block * (bytes < (1 << 20) ? bytes : 1 << 20) / 20);
}

hmlc_status hmlc_pack_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                           hmlc_contraction *contraction)
{
    const hmlc_op *anchor = contraction->anchor;
    hmlc_packing *packing = HMLC_NEW(context->arena, hmlc_packing);
    HMLC_TRY_MEMORY(packing);
    HMLC_TRY(hmlc_contraction_argument(context, plan, hmlc_op_operand(anchor, 0),
                                       &contraction->left_argument, &packing->input));
    hmlc_access *input = &packing->input;
    contraction->dtype = anchor->results[0]->type->dtype;
    if (hmlc_dtype_bytes(contraction->dtype) == 0 || contraction->leaf_count > 0 ||
        contraction->root != anchor->results[0]) {
        return hmlc_contraction_refuse(context, plan, "packing takes no fused operations");
    }
    if (hmlc_op_int(anchor, HMLC_ATTR_transpose_b)) {
        int32_t last = input->rank - 1;
        hmlc_dim dim = input->dims[last], stride = input->strides[last];
        input->dims[last] = input->dims[last - 1];
        input->strides[last] = input->strides[last - 1];
        input->dims[last - 1] = dim;
        input->strides[last - 1] = stride;
    }
    contraction->batch_rank = contraction->rank - 3;
    contraction->batches = integer(context, 1);
    for (int32_t k = 0; k < contraction->batch_rank; k++) {
        contraction->batches =
            hmlc_dim_multiply(context->module->dims, contraction->batches, contraction->dims[k]);
    }
    packing->panels = contraction->dims[contraction->rank - 3];
    packing->lanes = hmlc_microkernel_lanes(context->target, contraction->dtype);
    contraction->packing = packing;
    plan_units(context, plan, contraction, packing);
    return HMLC_OK;
}

/* -- emission */

static LLVMValueRef offset_of(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, LLVMValueRef c,
                              LLVMValueRef d)
{
    LLVMBuilderRef builder = frame->builder;
    return LLVMBuildAdd(builder, LLVMBuildMul(builder, a, b, ""), LLVMBuildMul(builder, c, d, ""),
                        "");
}

static uint32_t element_bytes(const packer *at)
{
    return (uint32_t)hmlc_dtype_bytes(at->contraction->dtype);
}

static LLVMValueRef from_address(packer *at, LLVMValueRef step, LLVMValueRef column)
{
    return hmlc_frame_element(
        at->frame, at->element, at->from,
        offset_of(at->frame, step, at->depth_stride, column, at->column_stride));
}

static LLVMValueRef to_address(packer *at, LLVMValueRef step, LLVMValueRef column)
{
    LLVMValueRef one = hmlc_frame_int(at->frame, 1);
    return hmlc_frame_element(at->frame, at->element, at->to,
                              offset_of(at->frame, step, at->to_stride, column, one));
}

/* One element at a time, zero behind the last column. */
static void pack_elements(packer *at, LLVMValueRef first_step)
{
    hmlc_frame *frame = at->frame;
    hmlc_loop steps;
    hmlc_loop_begin(frame, &steps, first_step, at->depth, 1, NULL, 0);
    for (uint32_t j = 0; j < HMLC_PANEL; j++) {
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
    hmlc_loop_end(frame, &steps, NULL);
}

/* Whole panels whose columns lie behind each other. */
static void pack_rows(packer *at)
{
    hmlc_frame *frame = at->frame;
    hmlc_loop steps;
    hmlc_loop_begin(frame, &steps, hmlc_frame_int(frame, 0), at->depth, 1, NULL, 0);
    for (uint32_t j = 0; j < HMLC_PANEL; j += at->packing->lanes) {
        LLVMValueRef column = hmlc_frame_int(frame, j);
        LLVMValueRef value = hmlc_frame_load(
            frame, at->vector, from_address(at, steps.index, column), element_bytes(at));
        hmlc_frame_store(frame, value, to_address(at, steps.index, column), element_bytes(at));
    }
    hmlc_loop_end(frame, &steps, NULL);
}

/* Exchanges what two rows hold in lanes that differ in bit `distance` of their number. */
static void exchange(packer *at, LLVMValueRef *low, LLVMValueRef *high, uint32_t distance)
{
    hmlc_frame *frame = at->frame;
    uint32_t lanes = at->packing->lanes;
    LLVMValueRef first[HMLC_PANEL], second[HMLC_PANEL];
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
    LLVMValueRef rows[HMLC_PANEL];
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
    hmlc_loop steps;
    hmlc_loop_begin(frame, &steps, hmlc_frame_int(frame, 0), whole, lanes, NULL, 0);
    for (uint32_t column = 0; column < HMLC_PANEL; column += lanes) {
        pack_square(at, steps.index, column, partial);
    }
    hmlc_loop_end(frame, &steps, NULL);
    pack_elements(at, whole);
}

/* One panel; the last one may be partial. */
static void pack_panel(packer *at)
{
    hmlc_frame *frame = at->frame;
    int32_t rank = at->packing->input.rank;
    bool by_columns = hmlc_dim_is(at->packing->input.strides[rank - 1], 1);
    bool by_steps = hmlc_dim_is(at->packing->input.strides[rank - 2], 1);
    if (!by_columns && !by_steps) {
        pack_elements(at, hmlc_frame_int(frame, 0));
        return;
    }
    hmlc_branch branch;
    hmlc_branch_begin(frame, &branch,
                      LLVMBuildICmp(frame->builder, LLVMIntSGE, at->valid,
                                    hmlc_frame_int(frame, HMLC_PANEL), ""));
    if (by_columns) {
        pack_rows(at);
    } else {
        pack_squares(at, false);
    }
    hmlc_branch_else(frame, &branch);
    if (by_columns) {
        pack_elements(at, hmlc_frame_int(frame, 0));
    } else {
        pack_squares(at, true);
    }
    hmlc_branch_end(frame, &branch);
}

/* Pointers of the unit's batch element; returns the panel block. */
static LLVMValueRef begin_unit(packer *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_access *input = &at->packing->input, *output = &at->contraction->output;
    LLVMValueRef blocks = hmlc_frame_dim(frame, at->packing->panel_blocks);
    LLVMValueRef block = LLVMBuildURem(builder, unit, blocks, "");
    LLVMValueRef batch = LLVMBuildUDiv(builder, unit, blocks, "");
    LLVMValueRef from = hmlc_frame_dim(frame, input->offset);
    LLVMValueRef to = hmlc_frame_dim(frame, output->offset);
    for (int32_t k = at->contraction->batch_rank; k-- > 0;) {
        LLVMValueRef dim = hmlc_frame_dim(frame, at->contraction->dims[k]);
        LLVMValueRef index = LLVMBuildURem(builder, batch, dim, "");
        batch = LLVMBuildUDiv(builder, batch, dim, "");
        from = LLVMBuildAdd(
            builder, from,
            LLVMBuildMul(builder, index, hmlc_frame_dim(frame, input->strides[k]), ""), "");
        to = LLVMBuildAdd(
            builder, to,
            LLVMBuildMul(builder, index, hmlc_frame_dim(frame, output->strides[k]), ""), "");
    }
    uint32_t left = hmlc_frame_argument(frame, at->contraction->left_argument);
    at->from = hmlc_frame_element(frame, at->element, frame->operands[left], from);
    at->to =
        hmlc_frame_element(frame, at->element, frame->operands[hmlc_frame_result(frame, 0)], to);
    return block;
}

static void emit_unit(packer *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_access *output = &at->contraction->output;
    LLVMValueRef block = begin_unit(at, unit);
    LLVMValueRef from = at->from, to = at->to;
    LLVMValueRef count = hmlc_frame_int(frame, at->packing->panel_block);
    LLVMValueRef panels = hmlc_frame_dim(frame, at->packing->panels);
    LLVMValueRef first = LLVMBuildMul(builder, block, count, "");
    LLVMValueRef end = LLVMBuildAdd(builder, first, count, "");
    LLVMValueRef less = LLVMBuildICmp(builder, LLVMIntSLT, end, panels, "");
    end = LLVMBuildSelect(builder, less, end, panels, "");
    hmlc_loop loop;
    hmlc_loop_begin(frame, &loop, first, end, 1, NULL, 0);
    LLVMValueRef column = LLVMBuildMul(builder, loop.index, hmlc_frame_int(frame, HMLC_PANEL), "");
    LLVMValueRef panel_stride = hmlc_frame_dim(frame, output->strides[at->contraction->rank - 3]);
    at->from = hmlc_frame_element(frame, at->element, from,
                                  LLVMBuildMul(builder, column, at->column_stride, ""));
    at->to = hmlc_frame_element(frame, at->element, to,
                                LLVMBuildMul(builder, loop.index, panel_stride, ""));
    at->valid = LLVMBuildSub(builder, at->columns, column, "");
    pack_panel(at);
    hmlc_loop_end(frame, &loop, NULL);
}

hmlc_status hmlc_pack_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan,
                           const hmlc_contraction *contraction)
{
    (void)plan;
    const hmlc_packing *packing = contraction->packing;
    const hmlc_access *input = &packing->input;
    int32_t last = input->rank - 1;
    packer at = {
        .frame = frame,
        .contraction = contraction,
        .packing = packing,
        .element = hmlc_frame_type(frame, contraction->dtype),
        .vector = hmlc_frame_vector(frame, contraction->dtype, packing->lanes),
        .depth = hmlc_frame_dim(frame, input->dims[last - 1]),
        .columns = hmlc_frame_dim(frame, input->dims[last]),
        .depth_stride = hmlc_frame_dim(frame, input->strides[last - 1]),
        .column_stride = hmlc_frame_dim(frame, input->strides[last]),
        .to_stride = hmlc_frame_dim(frame, contraction->output.strides[contraction->rank - 2]),
    };
    hmlc_loop loop;
    hmlc_loop_begin(frame, &loop, frame->begin, frame->end, 1, NULL, 0);
    emit_unit(&at, loop.index);
    hmlc_loop_end(frame, &loop, NULL);
    return HMLC_OK;
}

/* The window class: units, channels in vectors, and what both forms of tiles are made of. */
#include "window.h"

#include "llvm/contraction/pack.h"
#include "llvm/elementwise/elementwise_internal.h"

static LLVMValueRef element_at(hmlc_window_emitter *at, LLVMValueRef base, LLVMValueRef offset)
{
    LLVMTypeRef type = hmlc_frame_type(at->frame, at->window->tile.dtype);
    return hmlc_frame_element(at->frame, type, base, offset);
}

static LLVMValueRef input_at(hmlc_window_emitter *at, LLVMValueRef base, LLVMValueRef offset)
{
    LLVMTypeRef type = hmlc_frame_type(at->frame, at->window->tile.left_dtype);
    return hmlc_frame_element(at->frame, type, base, offset);
}

LLVMValueRef hmlc_window_load(hmlc_window_emitter *at, LLVMValueRef offset)
{
    const hmlc_contraction *tile = &at->window->tile;
    hmlc_dim stride = tile->left.strides[tile->rank - 1];
    LLVMValueRef channel =
        LLVMBuildMul(at->frame->builder, at->channel, hmlc_frame_dim(at->frame, stride), "");
    LLVMValueRef pointer = input_at(at, at->input, channel);
    hmlc_vector_access access = {.dtype = tile->left_dtype,
                                 .lanes = at->tile_shape.lanes,
                                 .valid_lanes = at->valid_lanes,
                                 .address = input_at(at, pointer, offset),
                                 .stride = stride};
    return hmlc_elementwise_convert(at->frame, hmlc_vector_load(at->frame, &access),
                                    tile->left_dtype, tile->dtype);
}

/* Panels are [C / 16][tap][16]. */
LLVMValueRef hmlc_window_weight(hmlc_window_emitter *at, LLVMValueRef tap)
{
    if (at->weights == NULL) {
        return NULL;
    }
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef width = hmlc_frame_int(frame, HMLC_PANEL);
    LLVMValueRef lane = LLVMBuildURem(builder, at->channel, width, "");
    LLVMValueRef panel = LLVMBuildSub(builder, at->channel, lane, "");
    LLVMValueRef first =
        LLVMBuildMul(builder, panel, hmlc_frame_int(frame, at->window->tile.panels->depth), "");
    LLVMValueRef base = element_at(at, at->weights, LLVMBuildAdd(builder, first, lane, ""));
    LLVMValueRef address = element_at(at, base, LLVMBuildMul(builder, tap, width, ""));
    hmlc_dtype dtype = at->window->tile.dtype;
    LLVMTypeRef type = hmlc_frame_vector(frame, dtype, at->tile_shape.lanes);
    return hmlc_frame_load(frame, type, address, (uint32_t)hmlc_dtype_bytes(dtype));
}

/* What loses against every element. */
static LLVMValueRef least_value(hmlc_frame *frame, hmlc_dtype dtype)
{
    LLVMTypeRef type = hmlc_frame_type(frame, dtype);
    if (hmlc_dtype_is_float(dtype)) {
        return LLVMConstReal(type, -__builtin_inf());
    }
    if (hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT) {
        return LLVMConstInt(type, 0, 0);
    }
    return LLVMConstInt(type, (uint64_t)1 << (hmlc_dtype_bits(dtype) - 1), 0);
}

void hmlc_window_start(hmlc_window_emitter *at, LLVMValueRef *accumulators)
{
    hmlc_tile_start(&at->tile, accumulators);
    if (at->window->kind != HMLC_WINDOW_MAXIMUM) {
        return;
    }
    LLVMValueRef least = hmlc_frame_splat(at->frame, least_value(at->frame, at->window->tile.dtype),
                                          at->tile_shape.lanes);
    for (uint32_t k = 0; k < at->tile.rows; k++) {
        accumulators[k] = least;
    }
}

/* The larger one; a NaN wins and stays. In this operand order the first select is x86's max. */
static LLVMValueRef maximum(hmlc_window_emitter *at, LLVMValueRef sum, LLVMValueRef input)
{
    LLVMBuilderRef builder = at->frame->builder;
    hmlc_dtype dtype = at->window->tile.dtype;
    if (!hmlc_dtype_is_float(dtype)) {
        bool is_unsigned = hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT;
        LLVMValueRef more =
            LLVMBuildICmp(builder, is_unsigned ? LLVMIntUGT : LLVMIntSGT, input, sum, "");
        return LLVMBuildSelect(builder, more, input, sum, "");
    }
    LLVMValueRef more = LLVMBuildFCmp(builder, LLVMRealOGT, input, sum, "");
    LLVMValueRef larger = LLVMBuildSelect(builder, more, input, sum, "");
    LLVMValueRef is_nan = LLVMBuildFCmp(builder, LLVMRealUNO, input, input, "");
    return LLVMBuildSelect(builder, is_nan, input, larger, "");
}

LLVMValueRef hmlc_window_combine(hmlc_window_emitter *at, LLVMValueRef sum, LLVMValueRef input,
                                 LLVMValueRef weight)
{
    switch (at->window->kind) {
    case HMLC_WINDOW_DEPTHWISE:
        return hmlc_microkernel_multiply_add(at->frame, at->window->tile.dtype, input, weight, sum);
    case HMLC_WINDOW_MAXIMUM:
        return maximum(at, sum, input);
    default:
        return LLVMBuildFAdd(at->frame->builder, sum, input, "");
    }
}

/* -- channels */

static void set_lanes(hmlc_window_emitter *at, uint32_t lanes, uint32_t valid)
{
    at->tile_shape.lanes = lanes;
    at->valid_lanes = valid;
    at->section.last_lanes = valid < lanes ? valid : 0;
}

typedef void channel_body(hmlc_window_emitter *at, void *context);

/* Fewer channels than a vector has lanes: one masked vector, or vectors of powers of two. */
static void known_rest(hmlc_window_emitter *at, LLVMValueRef first, uint32_t rest,
                       channel_body *body, void *context)
{
    uint32_t lanes = at->window->tile.lanes;
    if (at->frame->target->has_masks) {
        set_lanes(at, lanes, rest);
        at->channel = first;
        body(at, context);
        return;
    }
    for (uint32_t part = lanes / 2, done = 0; part > 0; part /= 2) {
        if ((rest & part) != 0) {
            set_lanes(at, part, part);
            at->channel =
                LLVMBuildAdd(at->frame->builder, first, hmlc_frame_int(at->frame, done), "");
            body(at, context);
            done += part;
        }
    }
}

void hmlc_window_channels(hmlc_window_emitter *at, LLVMValueRef first, LLVMValueRef end,
                          channel_body *body, void *context)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    uint32_t lanes = at->window->tile.lanes;
    int64_t channels = -1;
    bool known = hmlc_dim_is_constant(at->window->channels, &channels);
    hmlc_frame_loop loop;
    LLVMValueRef rest = first;
    set_lanes(at, lanes, lanes);
    if (!known || channels >= lanes) {
        LLVMValueRef limit = LLVMBuildSub(builder, end, hmlc_frame_int(frame, lanes - 1), "");
        hmlc_frame_loop_begin(frame, &loop, first, limit, lanes, NULL, 0);
        at->channel = loop.index;
        body(at, context);
        hmlc_frame_loop_end(frame, &loop, NULL);
        rest = loop.index;
    }
    if (known && channels % lanes == 0) {
        return;
    }
    if (known) {
        hmlc_frame_branch branch;
        hmlc_frame_branch_begin(frame, &branch, LLVMBuildICmp(builder, LLVMIntSLT, rest, end, ""));
        known_rest(at, rest, (uint32_t)(channels % lanes), body, context);
        hmlc_frame_branch_end(frame, &branch);
    } else {
        set_lanes(at, 1, 1);
        hmlc_frame_loop_begin(frame, &loop, rest, end, 1, NULL, 0);
        at->channel = loop.index;
        body(at, context);
        hmlc_frame_loop_end(frame, &loop, NULL);
    }
}

/* -- units */

static LLVMValueRef smaller(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef less = LLVMBuildICmp(frame->builder, LLVMIntSLT, a, b, "");
    return LLVMBuildSelect(frame->builder, less, a, b, "");
}

static void begin_batch(hmlc_window_emitter *at, LLVMValueRef batch)
{
    hmlc_frame *frame = at->frame;
    const hmlc_contraction *tile = &at->window->tile;
    LLVMValueRef offset =
        LLVMBuildMul(frame->builder, batch, hmlc_frame_dim(frame, tile->left.strides[0]), "");
    offset = LLVMBuildAdd(frame->builder, offset, hmlc_frame_dim(frame, tile->left.offset), "");
    LLVMValueRef base = frame->operands[hmlc_frame_argument(frame, tile->left_argument)];
    at->input = input_at(at, base, offset);
    at->tile.batch[0] = batch;
    hmlc_tile_begin_batch(&at->tile);
}

static void emit_unit(hmlc_window_emitter *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_window *window = at->window;
    LLVMValueRef channel_blocks = hmlc_frame_dim(frame, window->channel_blocks);
    LLVMValueRef row_blocks = hmlc_frame_dim(frame, window->row_blocks);
    LLVMValueRef channel = LLVMBuildURem(builder, unit, channel_blocks, "");
    LLVMValueRef row = LLVMBuildUDiv(builder, unit, channel_blocks, "");
    LLVMValueRef batch = LLVMBuildUDiv(builder, row, row_blocks, "");
    row = LLVMBuildURem(builder, row, row_blocks, "");
    begin_batch(at, batch);
    LLVMValueRef channel_block = hmlc_frame_int(frame, window->channel_block);
    LLVMValueRef channel_begin = LLVMBuildMul(builder, channel, channel_block, "");
    LLVMValueRef channel_end =
        smaller(frame, LLVMBuildAdd(builder, channel_begin, channel_block, ""),
                hmlc_frame_dim(frame, window->channels));
    LLVMValueRef row_block = hmlc_frame_int(frame, window->row_block);
    LLVMValueRef row_begin = LLVMBuildMul(builder, row, row_block, "");
    LLVMValueRef row_end = LLVMBuildAdd(builder, row_begin, row_block, "");
    if (window->dynamic) {
        LLVMValueRef rows = LLVMBuildMul(builder, hmlc_frame_dim(frame, window->axis[0].output_dim),
                                         hmlc_frame_dim(frame, window->axis[1].output_dim), "");
        row_end = smaller(frame, row_end, rows);
        hmlc_window_emit_dynamic(at, row_begin, row_end, channel_begin, channel_end);
    } else {
        row_end = smaller(frame, row_end, hmlc_frame_int(frame, window->rows.tiles));
        hmlc_window_emit_static(at, row_begin, row_end, channel_begin, channel_end);
    }
}

static hmlc_status window_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    const hmlc_window *window = plan->state;
    hmlc_window_emitter *at = HMLC_NEW(frame->arena, hmlc_window_emitter);
    HMLC_TRY_MEMORY(at);
    at->frame = frame;
    at->window = window;
    at->tile_shape = window->tile;
    at->section = (hmlc_section){.vectors = 1, .rows = HMLC_TILE_ROWS};
    at->tile.frame = frame;
    at->tile.contraction = &at->tile_shape;
    at->tile.section = &at->section;
    if (window->kind == HMLC_WINDOW_DEPTHWISE) {
        at->weights = frame->operands[hmlc_frame_argument(frame, window->tile.right_argument)];
    }
    if (window->tile.packs_weights) {
        hmlc_panels_emit(frame, window->tile.panels, at->weights, frame->scratch);
        at->weights = frame->scratch;
    }
    if (window->tile.heavy) {
        LLVMTypeRef vector = hmlc_frame_vector(frame, window->tile.dtype, window->tile.lanes);
        at->tile.store_tile = hmlc_frame_alloca(frame, vector, HMLC_TILE_ROWS, 64);
        at->tile.store_rows = hmlc_frame_alloca(frame, frame->i64, HMLC_TILE_ROWS, 16);
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, frame->begin, frame->end, 1, NULL, 0);
    emit_unit(at, loop.index);
    hmlc_frame_loop_end(frame, &loop, NULL);
    return HMLC_OK;
}

const hmlc_kernel_class hmlc_window_class = {
    .name = "window",
    .form = HMLC_FORM_WINDOW,
    .plan = hmlc_window_plan,
    .emit = window_emit,
};

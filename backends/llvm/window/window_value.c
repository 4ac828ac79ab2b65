/* SPDX-License-Identifier: Apache-2.0 */
/* What both forms of window tiles are made of; channels in vectors. */
#include "window.h"

#include "llvm/contraction/pack.h"
#include "llvm/elementwise/elementwise_internal.h"

LLVMValueRef hmlc_window_input(hmlc_window_emitter *at, LLVMValueRef base, LLVMValueRef offset)
{
    LLVMTypeRef type = hmlc_frame_type(at->frame, at->window->tile.left_dtype);
    return hmlc_frame_element(at->frame, type, base, offset);
}

/* What lanes that are in use read: whole groups, or the one that all lanes belong to. */
static uint32_t inputs_read(const hmlc_window_emitter *at)
{
    const hmlc_window *window = at->window;
    uint32_t outputs = (uint32_t)window->group_outputs;
    uint32_t groups = at->valid_lanes > outputs ? at->valid_lanes / outputs : 1;
    return groups * (uint32_t)window->group_inputs;
}

LLVMValueRef hmlc_window_load(hmlc_window_emitter *at, LLVMValueRef offset)
{
    hmlc_frame *frame = at->frame;
    const hmlc_window *window = at->window;
    const hmlc_contraction *tile = &window->tile;
    hmlc_dim stride = tile->left.strides[tile->rank - 1];
    bool grouped = window->group_inputs > 1 || window->group_outputs > 1;
    LLVMValueRef channel = at->channel;
    if (grouped) {
        channel = LLVMBuildUDiv(frame->builder, channel,
                                hmlc_frame_int(frame, window->group_outputs), "");
        channel =
            LLVMBuildMul(frame->builder, channel, hmlc_frame_int(frame, window->group_inputs), "");
    }
    channel = LLVMBuildMul(frame->builder, channel, hmlc_frame_dim(frame, stride), "");
    LLVMValueRef pointer = hmlc_window_input(at, at->input, channel);
    hmlc_vector_access access = {.dtype = tile->left_dtype,
                                 .lanes = grouped ? inputs_read(at) : at->tile_shape.lanes,
                                 .valid_lanes = grouped ? inputs_read(at) : at->valid_lanes,
                                 .address = hmlc_window_input(at, pointer, offset),
                                 .stride = stride};
    LLVMValueRef value = hmlc_elementwise_convert(frame, hmlc_vector_load(frame, &access),
                                                  tile->left_dtype, tile->dtype);
    if (!at->less_padding) {
        return value;
    }
    LLVMValueRef padding = hmlc_window_padding(at);
    return tile->dtype == HMLC_DTYPE_f32 ? LLVMBuildFSub(at->frame->builder, value, padding, "")
                                         : LLVMBuildSub(at->frame->builder, value, padding, "");
}

LLVMValueRef hmlc_window_spread(hmlc_window_emitter *at, LLVMValueRef loaded, int64_t number)
{
    const hmlc_window *window = at->window;
    uint32_t lanes = at->tile_shape.lanes, read = inputs_read(at);
    if (window->group_inputs == 1 && window->group_outputs == 1) {
        return loaded;
    }
    hmlc_frame *frame = at->frame;
    LLVMValueRef mask[HMLC_LANES_MAX];
    if (read == 1) {
        return hmlc_frame_splat(frame, loaded, lanes);
    }
    if (lanes == 1) {
        return LLVMBuildExtractElement(frame->builder, loaded,
                                       LLVMConstInt(frame->i32, (uint64_t)number, 0), "");
    }
    for (uint32_t k = 0; k < lanes; k++) { /* lanes that are not in use take anything */
        uint64_t from = k / (uint64_t)window->group_outputs * (uint64_t)window->group_inputs;
        from += (uint64_t)number;
        mask[k] = LLVMConstInt(frame->i32, from < read ? from : 0, 0);
    }
    return LLVMBuildShuffleVector(frame->builder, loaded, LLVMGetPoison(LLVMTypeOf(loaded)),
                                  LLVMConstVector(mask, lanes), "");
}

LLVMValueRef hmlc_window_padding(hmlc_window_emitter *at)
{
    int64_t number = at->window->pad_value;
    LLVMValueRef value = at->window->tile.dtype == HMLC_DTYPE_f32
                             ? LLVMConstReal(at->frame->f32, (double)number)
                             : LLVMConstInt(at->frame->i32, (unsigned long long)number, 1);
    return hmlc_frame_splat(at->frame, value, at->tile_shape.lanes);
}

/* A panel's steps are the taps. */
LLVMValueRef hmlc_window_weight(hmlc_window_emitter *at, LLVMValueRef tap)
{
    if (at->weights == NULL) {
        return NULL;
    }
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_pack_weights *panels = at->window->tile.panels;
    LLVMValueRef width = hmlc_frame_int(frame, panels->layout.width);
    LLVMValueRef lane = LLVMBuildURem(builder, at->channel, width, "");
    LLVMValueRef panel = LLVMBuildSub(builder, at->channel, lane, "");
    LLVMValueRef first = LLVMBuildMul(builder, panel, hmlc_frame_int(frame, panels->depth), "");
    hmlc_dtype dtype = at->window->tile.right_dtype;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    LLVMValueRef base =
        hmlc_frame_element(frame, element, at->weights, LLVMBuildAdd(builder, first, lane, ""));
    LLVMValueRef address =
        hmlc_frame_element(frame, element, base, LLVMBuildMul(builder, tap, width, ""));
    LLVMTypeRef type = hmlc_frame_vector(frame, dtype, at->tile_shape.lanes);
    LLVMValueRef weight = hmlc_frame_load(frame, type, address, (uint32_t)hmlc_dtype_bytes(dtype));
    return hmlc_elementwise_convert(frame, weight, dtype, at->window->tile.dtype);
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

/* The larger one; a NaN wins and stays. In this operand order the first choice is one instruction
 * where a maximum gives its second operand for NaN. */
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
    if (hmlc_frame_has_extremum(at->frame, sum)) {
        return hmlc_frame_extremum(at->frame, true, input, sum);
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
    if (at->frame->target->masks == HMLC_MASKS_FAST) {
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

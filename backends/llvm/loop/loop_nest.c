/* SPDX-License-Identifier: Apache-2.0 */
/* Loops around the innermost code: work units, segments, tiles, lanes and their tails. */
#include "loop.h"

uint32_t hmlc_loop_var_mask(const hmlc_loop_space *space, uint32_t var)
{
    uint32_t mask = UINT32_C(1) << var;
    for (uint32_t k = var; k-- > 0;) {
        bool idle = hmlc_dim_is(space->vars[k].extent, 1);
        if (!space->vars[k].fused && !idle) {
            break;
        }
        mask |= UINT32_C(1) << k;
    }
    return mask;
}

/* -- lanes -- */

/* Sets lanes along the state's vector variable (and the short one inside it). */
static void set_lanes(hmlc_loop_context *context, uint32_t positions)
{
    const hmlc_loop_state *state = context->state;
    int64_t inner = 1;
    if (state->inner >= 0) {
        hmlc_dim_is_constant(context->space->vars[state->inner].trip, &inner);
    }
    context->lanes = positions * (uint32_t)inner;
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        context->lane_step[k] = NULL;
    }
    if (state->vector < 0 || context->lanes == 1) {
        return;
    }
    for (uint32_t l = 0; l < context->lanes; l++) {
        context->steps[0][l] = (uint16_t)(l / (uint32_t)inner);
        context->steps[1][l] = (uint16_t)(l % (uint32_t)inner);
    }
    context->lane_step[state->vector] = context->steps[0];
    if (state->inner >= 0) {
        context->lane_step[state->inner] = context->steps[1];
    }
}

static bool constant_of(LLVMValueRef value, int64_t *constant)
{
    if (!LLVMIsAConstantInt(value)) {
        return false;
    }
    *constant = LLVMConstIntGetSExtValue(value);
    return true;
}

void hmlc_loop_begin_carried(hmlc_loop_context *context, hmlc_frame_loop *loop, LLVMValueRef first,
                             LLVMValueRef limit, int64_t step)
{
    hmlc_frame_loop_begin(context->frame, loop, first, limit, step, context->carry,
                          context->carry_count);
    for (uint32_t k = 0; k < context->carry_count; k++) {
        context->carry[k] = loop->carried[k];
    }
}

void hmlc_loop_end_carried(hmlc_loop_context *context, hmlc_frame_loop *loop)
{
    hmlc_frame_loop_end(context->frame, loop, context->carry);
    for (uint32_t k = 0; k < context->carry_count; k++) {
        context->carry[k] = loop->carried[k];
    }
}

static void emit_piece(hmlc_loop_context *context, LLVMValueRef first, uint32_t positions,
                       hmlc_loop_body *body)
{
    uint32_t mark = hmlc_loop_memo_mark(context);
    context->position[context->state->vector] = first;
    set_lanes(context, positions);
    body(context);
    hmlc_loop_memo_release(context, mark);
    set_lanes(context, 1);
}

/* while (first + positions <= limit): returns where it ended. */
static LLVMValueRef emit_piece_loop(hmlc_loop_context *context, LLVMValueRef first,
                                    LLVMValueRef limit, uint32_t positions, hmlc_loop_body *body)
{
    hmlc_frame *frame = context->frame;
    hmlc_frame_loop loop;
    LLVMValueRef last =
        LLVMBuildSub(frame->builder, limit, hmlc_frame_int(frame, (int64_t)positions - 1), "");
    hmlc_loop_begin_carried(context, &loop, first, last, positions);
    emit_piece(context, loop.index, positions, body);
    hmlc_loop_end_carried(context, &loop);
    return loop.index;
}

static void join_carried(hmlc_loop_context *context, LLVMValueRef const *skipped,
                         LLVMBasicBlockRef skipped_from, LLVMBasicBlockRef done_from)
{
    LLVMBuilderRef builder = context->frame->builder;
    for (uint32_t k = 0; k < context->carry_count; k++) {
        LLVMValueRef phi = LLVMBuildPhi(builder, LLVMTypeOf(skipped[k]), "");
        LLVMValueRef old = skipped[k], done = context->carry[k];
        LLVMAddIncoming(phi, &old, &skipped_from, 1);
        LLVMAddIncoming(phi, &done, &done_from, 1);
        context->carry[k] = phi;
    }
}

/* if (first + positions <= limit): returns where the next piece starts. */
static LLVMValueRef emit_piece_if(hmlc_loop_context *context, LLVMValueRef first,
                                  LLVMValueRef limit, uint32_t positions, hmlc_loop_body *body)
{
    hmlc_frame *frame = context->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef next = LLVMBuildNSWAdd(builder, first, hmlc_frame_int(frame, positions), "");
    LLVMValueRef fits = LLVMBuildICmp(builder, LLVMIntSLE, next, limit, "");
    LLVMValueRef before[HMLC_LOOP_MAX_CARRY];
    for (uint32_t k = 0; k < context->carry_count; k++) {
        before[k] = context->carry[k];
    }
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch, fits);
    emit_piece(context, first, positions, body);
    LLVMBasicBlockRef done_from = LLVMGetInsertBlock(builder);
    hmlc_frame_branch_else(frame, &branch);
    LLVMBasicBlockRef skipped_from = LLVMGetInsertBlock(builder);
    hmlc_frame_branch_end(frame, &branch);
    join_carried(context, before, skipped_from, done_from);
    return LLVMBuildSelect(builder, fits, next, first, "");
}

/* All bounds are constants: as many loops and straight pieces as the count needs. */
static void emit_static_pieces(hmlc_loop_context *context, int64_t first, int64_t limit,
                               hmlc_loop_body *body)
{
    hmlc_frame *frame = context->frame;
    const hmlc_loop_state *state = context->state;
    for (uint32_t positions = state->wide; positions > 0;) {
        int64_t count = first < limit ? (limit - first) / positions : 0;
        LLVMValueRef start = hmlc_frame_int(frame, first);
        if (count == 1) {
            emit_piece(context, start, positions, body);
        } else if (count > 1) {
            LLVMValueRef end = hmlc_frame_int(frame, first + count * positions);
            emit_piece_loop(context, start, end, positions, body);
        }
        first += count * positions;
        positions = positions > state->lanes ? state->lanes : positions / 2;
    }
}

static bool divisible(hmlc_dim trip, int64_t by)
{
    return trip != NULL && hmlc_dim_divisible(trip, by);
}

/* Nothing is known of the count: loops of one register, of four lanes, of one. */
static void emit_dynamic_tail(hmlc_loop_context *context, LLVMValueRef at, LLVMValueRef limit,
                              hmlc_dim trip, hmlc_loop_body *body)
{
    uint32_t lanes = context->state->lanes;
    if (lanes < context->state->wide) {
        at = emit_piece_loop(context, at, limit, lanes, body);
    }
    if (lanes > 4 && !divisible(trip, lanes)) {
        at = emit_piece_loop(context, at, limit, 4, body);
    }
    if (lanes > 1 && !divisible(trip, lanes > 4 ? 4 : lanes)) {
        emit_piece_loop(context, at, limit, 1, body);
    }
}

void hmlc_loop_emit_pieces(hmlc_loop_context *context, hmlc_loop_range range, hmlc_dim trip,
                           hmlc_loop_body *body)
{
    const hmlc_loop_state *state = context->state;
    int64_t first, limit, count;
    if (constant_of(range.first, &first) && constant_of(range.limit, &limit)) {
        emit_static_pieces(context, first, limit, body);
        return;
    }
    LLVMValueRef at = emit_piece_loop(context, range.first, range.limit, state->wide, body);
    if (divisible(trip, state->wide)) {
        return;
    }
    if (trip == NULL || !hmlc_dim_is_constant(trip, &count)) {
        emit_dynamic_tail(context, at, range.limit, trip, body);
        return;
    }
    if (state->lanes < state->wide) {
        at = emit_piece_loop(context, at, range.limit, state->lanes, body);
    }
    for (uint32_t positions = state->lanes / 2; positions > 0; positions /= 2) {
        if ((count & positions) != 0) {
            at = emit_piece_if(context, at, range.limit, positions, body);
        }
    }
}

/* -- loops over kept variables -- */

typedef struct nest {
    hmlc_loop_context *context;
    hmlc_loop_body *body;
    hmlc_loop_range unit; /* of the unit variable */
} nest;

static void emit_level(nest *self, uint32_t level);

static LLVMValueRef larger(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, bool least)
{
    int64_t x, y;
    if (constant_of(a, &x) && constant_of(b, &y)) {
        return (x > y) == least ? b : a;
    }
    LLVMValueRef test = LLVMBuildICmp(frame->builder, least ? LLVMIntSLT : LLVMIntSGT, a, b, "");
    return LLVMBuildSelect(frame->builder, test, a, b, "");
}

/* What hoisting before the loops from `level` on must not depend on. */
static uint32_t mask_from(const hmlc_loop_context *context, uint32_t level)
{
    const hmlc_loop_state *state = context->state;
    uint32_t mask =
        state->inner >= 0 ? hmlc_loop_var_mask(context->space, (uint32_t)state->inner) : 0;
    for (uint32_t k = level; k < state->order_count; k++) {
        mask |= hmlc_loop_var_mask(context->space, state->order[k]);
    }
    return mask;
}

static void emit_vector_level(nest *self, uint32_t var, hmlc_loop_range range)
{
    hmlc_loop_context *context = self->context;
    const hmlc_loop_var *shape = &context->space->vars[var];
    hmlc_loop_emit_pieces(context, range, shape->segment_count > 0 ? NULL : shape->trip,
                          self->body);
}

static void emit_plain_level(nest *self, uint32_t level, uint32_t var, hmlc_loop_range range)
{
    hmlc_loop_context *context = self->context;
    hmlc_frame *frame = context->frame;
    hmlc_frame_loop loop;
    uint32_t mark = hmlc_loop_memo_mark(context);
    hmlc_frame_loop_begin(frame, &loop, range.first, range.limit, 1, NULL, 0);
    context->position[var] = loop.index;
    emit_level(self, level + 1);
    hmlc_frame_loop_end(frame, &loop, NULL);
    hmlc_loop_memo_release(context, mark);
}

/* Tiles of 16, 4 and 1 rows. */
static void emit_tile_level(nest *self, uint32_t level, uint32_t var, hmlc_loop_range range)
{
    static const uint32_t heights[] = {HMLC_LOOP_MAX_ROWS, 4, 1};
    hmlc_loop_context *context = self->context;
    hmlc_frame *frame = context->frame;
    LLVMValueRef at = range.first;
    int64_t count;
    const hmlc_loop_var *shape = &context->space->vars[var];
    bool known = shape->segment_count == 0 && hmlc_dim_is_constant(shape->trip, &count);
    for (int k = 0; k < 3; k++) {
        if (known && (count < heights[k] || (k > 0 && count % heights[k - 1] < heights[k]))) {
            continue;
        }
        uint32_t mark = hmlc_loop_memo_mark(context);
        hmlc_frame_loop loop;
        LLVMValueRef last = LLVMBuildSub(frame->builder, range.limit,
                                         hmlc_frame_int(frame, (int64_t)heights[k] - 1), "");
        hmlc_frame_loop_begin(frame, &loop, at, last, heights[k], NULL, 0);
        context->tile_rows = heights[k];
        context->tile_start = loop.index;
        context->position[var] = loop.index;
        emit_level(self, level + 1);
        context->tile_rows = 1;
        context->tile_row = 0;
        hmlc_frame_loop_end(frame, &loop, NULL);
        at = loop.index;
        hmlc_loop_memo_release(context, mark);
    }
}

static void emit_range(nest *self, uint32_t level, uint32_t var, hmlc_loop_range range)
{
    hmlc_loop_context *context = self->context;
    int64_t first, limit;
    if (constant_of(range.first, &first) && constant_of(range.limit, &limit) && first >= limit) {
        return;
    }
    uint32_t mark = hmlc_loop_memo_mark(context);
    if (context->tile_rows <= 1) {
        hmlc_loop_hoist(context, mask_from(context, level));
    }
    if ((int32_t)var == context->state->vector) {
        emit_vector_level(self, var, range);
    } else if ((int32_t)var == context->state->tile) {
        emit_tile_level(self, level, var, range);
    } else {
        emit_plain_level(self, level, var, range);
    }
    hmlc_loop_memo_release(context, mark);
}

static void emit_level(nest *self, uint32_t level)
{
    hmlc_loop_context *context = self->context;
    hmlc_frame *frame = context->frame;
    const hmlc_loop_state *state = context->state;
    if (level == state->order_count) {
        self->body(context);
        return;
    }
    uint32_t var = state->order[level];
    const hmlc_loop_var *shape = &context->space->vars[var];
    hmlc_loop_range range = {hmlc_frame_int(frame, 0), hmlc_frame_dim(frame, shape->trip)};
    if ((int32_t)level == state->unit) {
        range = self->unit;
    }
    if (shape->segment_count == 0) {
        emit_range(self, level, var, range);
        return;
    }
    for (uint32_t s = 0; s < shape->segment_count; s++) {
        if (shape->bounds[s] == shape->bounds[s + 1]) {
            continue;
        }
        hmlc_loop_range part = {
            larger(frame, range.first, hmlc_frame_dim(frame, shape->bounds[s]), false),
            larger(frame, range.limit, hmlc_frame_dim(frame, shape->bounds[s + 1]), true)};
        context->segment[var] = (int32_t)s;
        emit_range(self, level, var, part);
    }
    context->segment[var] = 0;
}

/* -- work units -- */

static LLVMValueRef chunk_first(hmlc_loop_context *context, LLVMValueRef chunk)
{
    hmlc_frame *frame = context->frame;
    return LLVMBuildNSWMul(frame->builder, chunk, hmlc_frame_int(frame, context->state->chunk), "");
}

static hmlc_loop_range chunk_range(hmlc_loop_context *context, LLVMValueRef begin, LLVMValueRef end)
{
    hmlc_frame *frame = context->frame;
    const hmlc_loop_state *state = context->state;
    LLVMValueRef trip = hmlc_frame_dim(frame, context->space->vars[state->order[state->unit]].trip);
    return (hmlc_loop_range){chunk_first(context, begin),
                             larger(frame, chunk_first(context, end), trip, true)};
}

/* One unit number -> a chunk of the unit variable and one index of each variable outside it. */
static void emit_unit(nest *self, LLVMValueRef unit)
{
    hmlc_loop_context *context = self->context;
    hmlc_frame *frame = context->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_loop_state *state = context->state;
    const hmlc_loop_var *var = &context->space->vars[state->order[state->unit]];
    hmlc_dim chunks =
        hmlc_dim_ceildiv(context->dims, var->trip, hmlc_dim_constant(context->dims, state->chunk));
    LLVMValueRef rest = unit, chunk = hmlc_frame_int(frame, 0);
    if (!hmlc_dim_is(chunks, 1)) {
        LLVMValueRef count = hmlc_frame_dim(frame, chunks);
        chunk = LLVMBuildURem(builder, rest, count, "");
        rest = LLVMBuildUDiv(builder, rest, count, "");
    }
    for (int32_t level = state->unit - 1; level >= 0; level--) {
        uint32_t outer = state->order[level];
        LLVMValueRef count = hmlc_frame_dim(frame, context->space->vars[outer].trip);
        context->position[outer] = level == 0 ? rest : LLVMBuildURem(builder, rest, count, "");
        rest = LLVMBuildUDiv(builder, rest, count, "");
    }
    LLVMValueRef next = LLVMBuildNSWAdd(builder, chunk, hmlc_frame_int(frame, 1), "");
    self->unit = chunk_range(context, chunk, next);
    if (hmlc_dim_is(chunks, 1)) {
        self->unit = (hmlc_loop_range){hmlc_frame_int(frame, 0), hmlc_frame_dim(frame, var->trip)};
    }
    emit_level(self, (uint32_t)state->unit);
}

void hmlc_loop_emit_units(hmlc_loop_context *context, hmlc_loop_body *body)
{
    hmlc_frame *frame = context->frame;
    const hmlc_loop_state *state = context->state;
    nest self = {.context = context, .body = body};
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        context->position[k] = hmlc_frame_int(frame, 0);
    }
    set_lanes(context, 1);
    context->tile_rows = 1;
    if (state->unit == 0) {
        self.unit = chunk_range(context, frame->begin, frame->end);
        emit_level(&self, 0);
        return;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, frame->begin, frame->end, 1, NULL, 0);
    if (state->unit < 0) {
        emit_level(&self, 0);
    } else {
        emit_unit(&self, loop.index);
    }
    hmlc_frame_loop_end(frame, &loop, NULL);
}

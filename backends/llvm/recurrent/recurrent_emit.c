/* SPDX-License-Identifier: Apache-2.0 */
/* Code of recurrent cells: units, steps and products; the scheme is described in recurrent.c. */
#include <hml_format/kernel_abi.h>

#include "recurrent_rows.h"

/* to[0..count) = from[0..count), or zero without `from`. */
static void copy_floats(const hmlc_cell *c, LLVMValueRef to, LLVMValueRef from, LLVMValueRef count)
{
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(c->frame, &loop, cell_number(c, 0), count, 1, NULL, 0);
    LLVMValueRef value = LLVMConstNull(c->frame->f32);
    if (from != NULL) {
        value = hmlc_frame_load(c->frame, c->frame->f32, cell_at(c, from, loop.index), 4);
    }
    hmlc_frame_store(c->frame, value, cell_at(c, to, loop.index), 4);
    hmlc_frame_loop_end(c->frame, &loop, NULL);
}

/* -- one panel of one step --------------------------------------------------------------------- */

uint32_t hmlc_cell_chains(const hmlc_cell *c, uint32_t gates)
{
    enum { CHAINS = 8 };
    uint32_t sums = 1;
    while (sums * gates * hmlc_cell_registers(c) < CHAINS && c->hidden % (2 * sums) == 0) {
        sums *= 2;
    }
    return sums;
}

LLVMValueRef hmlc_cell_weights(const hmlc_cell *c, LLVMValueRef panel, uint32_t chunk)
{
    LLVMValueRef panel_floats = cell_number(c, c->hidden * c->gates * HMLC_PACK_WIDTH);
    LLVMValueRef start = cell_multiply(c, panel, panel_floats);
    return cell_at(c, c->weights, cell_add(c, start, cell_number(c, chunk * c->lanes)));
}

LLVMValueRef hmlc_cell_weight_address(const hmlc_cell *c, LLVMValueRef weights, uint32_t gate,
                                      LLVMValueRef k)
{
    LLVMValueRef at = cell_multiply(c, k, cell_number(c, HMLC_PACK_WIDTH));
    at = cell_add(c, at, cell_number(c, gate * c->hidden * HMLC_PACK_WIDTH));
    return cell_at(c, weights, at);
}

/* gates [phase.first, + count) += vector * R over all k. */
static void multiply_vector(const hmlc_cell *c, const hmlc_cell_phase *phase, LLVMValueRef panel,
                            uint32_t chunk, LLVMValueRef *gates)
{
    enum { MOST_CHAINS = 16 };
    hmlc_frame *frame = c->frame;
    uint32_t count = phase->count, sums = hmlc_cell_chains(c, count);
    LLVMValueRef carried[MOST_CHAINS];
    for (uint32_t k = 0; k < sums * count; k++) {
        carried[k] = k < count ? gates[k] : LLVMConstNull(cell_chunk_type(c));
    }
    LLVMValueRef weights = hmlc_cell_weights(c, panel, chunk);
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, cell_number(c, 0), cell_number(c, c->hidden), sums, carried,
                          sums * count);
    for (uint32_t sum = 0; sum < sums; sum++) {
        LLVMValueRef k = cell_add(c, loop.index, cell_number(c, sum));
        LLVMValueRef h = hmlc_frame_load(frame, frame->f32, cell_at(c, phase->vector, k), 4);
        h = hmlc_frame_splat(frame, h, c->lanes);
        for (uint32_t gate = 0; gate < count; gate++) {
            LLVMValueRef address = hmlc_cell_weight_address(c, weights, phase->first + gate, k);
            LLVMValueRef weight = hmlc_frame_load(frame, cell_chunk_type(c), address, 32);
            uint32_t slot = sum * count + gate;
            carried[slot] = hmlc_frame_fma(frame, h, weight, loop.carried[slot]);
        }
    }
    hmlc_frame_loop_end(frame, &loop, carried);
    for (uint32_t gate = 0; gate < count; gate++) {
        gates[gate] = loop.carried[gate];
        for (uint32_t sum = 1; sum < sums; sum++) {
            LLVMValueRef other = loop.carried[sum * count + gate];
            gates[gate] = LLVMBuildFAdd(frame->builder, gates[gate], other, "");
        }
    }
}

static void emit_chunk(const hmlc_cell *c, const hmlc_cell_step *s, const hmlc_cell_phase *phase,
                       LLVMValueRef panel, uint32_t chunk, const hmlc_cell_chunk *place)
{
    LLVMValueRef gates[HMLC_CELL_MOST_GATES];
    for (uint32_t gate = 0; gate < phase->count; gate++) {
        gates[gate] = hmlc_cell_start(c, s, phase->first + gate, place);
    }
    multiply_vector(c, phase, panel, chunk, gates);
    phase->finish(c, s, gates, place);
}

/* `units`: hidden units of the panel that exist. */
static void emit_panel(const hmlc_cell *c, const hmlc_cell_step *s, const hmlc_cell_phase *phase,
                       LLVMValueRef panel, uint32_t units)
{
    for (uint32_t chunk = 0; chunk * c->lanes < units; chunk++) {
        uint32_t first = chunk * c->lanes;
        hmlc_cell_chunk place = {
            .column = cell_add(c, cell_multiply(c, panel, cell_number(c, HMLC_PACK_WIDTH)),
                               cell_number(c, first)),
            .valid = units - first < c->lanes ? units - first : c->lanes};
        if (c->rows == 1) {
            emit_chunk(c, s, phase, panel, chunk, &place);
            continue;
        }
        if (!hmlc_cell_may_have_rows(c, 1)) {
            hmlc_cell_rows_chunk(c, s, phase, panel, chunk, &place);
            continue;
        }
        LLVMValueRef one =
            LLVMBuildICmp(c->frame->builder, LLVMIntEQ, c->count, cell_number(c, 1), "");
        hmlc_frame_branch branch;
        hmlc_frame_branch_begin(c->frame, &branch, one);
        emit_chunk(c, s, phase, panel, chunk, &place);
        hmlc_frame_branch_else(c->frame, &branch);
        hmlc_cell_rows_chunk(c, s, phase, panel, chunk, &place);
        hmlc_frame_branch_end(c->frame, &branch);
    }
}

static void emit_phase(const hmlc_cell *c, const hmlc_cell_step *s, const hmlc_cell_phase *phase)
{
    int64_t whole = c->hidden / HMLC_PACK_WIDTH;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(c->frame, &loop, cell_number(c, 0), cell_number(c, whole), 1, NULL, 0);
    emit_panel(c, s, phase, loop.index, HMLC_PACK_WIDTH);
    hmlc_frame_loop_end(c->frame, &loop, NULL);
    if (c->hidden % HMLC_PACK_WIDTH != 0) {
        emit_panel(c, s, phase, cell_number(c, whole), (uint32_t)(c->hidden % HMLC_PACK_WIDTH));
    }
}

static void emit_step(const hmlc_cell *c, const hmlc_cell_step *s)
{
    hmlc_cell_phase phases[HMLC_CELL_MOST_PHASES];
    uint32_t count = hmlc_cell_phases(c, s, phases);
    for (uint32_t k = 0; k < count; k++) {
        emit_phase(c, s, &phases[k]);
    }
}

/* -- one unit ---------------------------------------------------------------------------------- */

/* Packs this direction's weights into scratch memory, behind the state. */
static void pack_weights(const hmlc_cell *c, LLVMValueRef from)
{
    hmlc_frame *frame = c->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef hidden = cell_number(c, c->hidden);
    hmlc_frame_loop rows, steps;
    hmlc_frame_loop_begin(frame, &rows, cell_number(c, 0), cell_number(c, c->gates * c->hidden), 1,
                          NULL, 0);
    LLVMValueRef gate = LLVMBuildUDiv(builder, rows.index, hidden, "");
    LLVMValueRef unit = LLVMBuildURem(builder, rows.index, hidden, "");
    LLVMValueRef panel = LLVMBuildUDiv(builder, unit, cell_number(c, HMLC_PACK_WIDTH), "");
    LLVMValueRef lane = LLVMBuildURem(builder, unit, cell_number(c, HMLC_PACK_WIDTH), "");
    LLVMValueRef row = cell_multiply(
        c,
        cell_add(c, cell_multiply(c, c->direction, cell_number(c, c->gates * c->hidden)),
                 rows.index),
        hidden);
    hmlc_frame_loop_begin(frame, &steps, cell_number(c, 0), hidden, 1, NULL, 0);
    LLVMValueRef value =
        hmlc_frame_load(frame, frame->f32, cell_at(c, from, cell_add(c, row, steps.index)), 4);
    LLVMValueRef place = cell_add(c, cell_multiply(c, panel, cell_number(c, c->gates)), gate);
    place = cell_multiply(c, cell_add(c, cell_multiply(c, place, hidden), steps.index),
                          cell_number(c, HMLC_PACK_WIDTH));
    hmlc_frame_store(frame, value, cell_at(c, c->weights, cell_add(c, place, lane)), 4);
    hmlc_frame_loop_end(frame, &steps, NULL);
    hmlc_frame_loop_end(frame, &rows, NULL);
}

static void find_weights(hmlc_cell *c)
{
    hmlc_frame *frame = c->frame;
    const hmlc_value *value = hmlc_op_operand(c->op, HMLC_CELL_WEIGHTS);
    LLVMValueRef base = hmlc_frame_address(frame, value);
    int64_t panel_floats = c->panels * c->hidden * c->gates * HMLC_PACK_WIDTH;
    bool packed =
        value->producer == NULL &&
        frame->plan->operands[hmlc_frame_argument(frame, value->index)].kind == HMLC_OPERAND_PACKED;
    if (packed) {
        c->weights = cell_at(c, base, cell_multiply(c, c->direction, cell_number(c, panel_floats)));
        return;
    }
    c->weights = cell_at(c, frame->scratch, cell_number(c, hmlc_recurrent_state_floats(c->op)));
    copy_floats(c, c->weights, NULL, cell_number(c, panel_floats));
    pack_weights(c, base);
}

/* h and c of one row at the start, where they are given. */
static void load_state(const hmlc_cell *c)
{
    LLVMValueRef row = cell_add(c, cell_multiply(c, c->direction, c->batch), c->element);
    row = cell_multiply(c, row, cell_number(c, c->hidden));
    const hmlc_value *h = hmlc_op_operand(c->op, HMLC_CELL_HIDDEN);
    const hmlc_value *state = c->c != NULL ? hmlc_op_operand(c->op, HMLC_CELL_STATE) : NULL;
    if (h != NULL) {
        copy_floats(c, c->h[0], cell_at(c, hmlc_frame_address(c->frame, h), row),
                    cell_number(c, c->hidden));
    }
    if (state != NULL) {
        copy_floats(c, c->c, cell_at(c, hmlc_frame_address(c->frame, state), row),
                    cell_number(c, c->hidden));
    }
}

/* h and c of one row at the end; `s->before` is its last h. */
static void store_state(const hmlc_cell *c, const hmlc_cell_step *s)
{
    LLVMValueRef state = cell_add(c, cell_multiply(c, c->direction, c->batch), c->element);
    state = cell_multiply(c, state, cell_number(c, c->hidden));
    if (c->y_h != NULL) {
        copy_floats(c, cell_at(c, c->y_h, state), s->before, cell_number(c, c->hidden));
    }
    if (c->y_c != NULL) {
        copy_floats(c, cell_at(c, c->y_c, state), c->c, cell_number(c, c->hidden));
    }
}

/* h and c at the start: given or zero, padding zero. */
static void start_state(const hmlc_cell *c)
{
    copy_floats(c, c->h[0], NULL, cell_number(c, c->slots * c->rows * c->padded));
    hmlc_cell_rows rows;
    hmlc_cell_rows_begin(c, NULL, &rows);
    load_state(&rows.cell);
    hmlc_cell_rows_end(&rows);
}

/* Steps of this element: its length, which must lie in [0, steps]. */
static LLVMValueRef element_steps(const hmlc_cell *c)
{
    const hmlc_value *lengths = hmlc_op_operand(c->op, HMLC_CELL_LENGTHS);
    if (lengths == NULL) {
        return c->steps;
    }
    hmlc_frame *frame = c->frame;
    LLVMValueRef address =
        hmlc_frame_element(frame, frame->i32, hmlc_frame_address(frame, lengths), c->element);
    LLVMValueRef length = LLVMBuildSExt(
        frame->builder, hmlc_frame_load(frame, frame->i32, address, 4), frame->index, "");
    /* Negative ones are large as unsigned numbers. */
    LLVMValueRef wrong = LLVMBuildICmp(frame->builder, LLVMIntUGT, length, c->steps, "");
    hmlc_frame_fail_if(frame, wrong, HML_KERNEL_INDEX, length, c->steps);
    return length;
}

static LLVMValueRef y_row(const hmlc_cell *c, LLVMValueRef time)
{
    LLVMValueRef row = cell_add(c, cell_multiply(c, time, c->directions), c->direction);
    row = cell_add(c, cell_multiply(c, row, c->batch), c->element);
    return cell_at(c, c->y, cell_multiply(c, row, cell_number(c, c->hidden)));
}

static LLVMValueRef step_time(const hmlc_cell *c, LLVMValueRef index, LLVMValueRef count)
{
    LLVMBuilderRef builder = c->frame->builder;
    LLVMValueRef last = LLVMBuildSub(builder, count, cell_number(c, 1), "");
    LLVMValueRef reversed = LLVMBuildSub(builder, last, index, "");
    int64_t direction = hmlc_op_int(c->op, HMLC_ATTR_direction);
    if (direction != HMLC_DIRECTION_BIDIRECTIONAL) {
        return direction == HMLC_DIRECTION_FORWARD ? index : reversed;
    }
    LLVMValueRef forward = LLVMBuildICmp(builder, LLVMIntEQ, c->direction, cell_number(c, 0), "");
    return LLVMBuildSelect(builder, forward, index, reversed, "");
}

static void emit_steps(const hmlc_cell *c, LLVMValueRef count)
{
    hmlc_frame *frame = c->frame;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, cell_number(c, 0), count, 1, c->h, 2);
    LLVMValueRef time = step_time(c, loop.index, count);
    LLVMValueRef row = cell_add(c, cell_multiply(c, time, c->batch), c->element);
    row = cell_add(c, cell_multiply(c, row, c->directions), c->direction);
    LLVMValueRef x = hmlc_frame_address(frame, hmlc_op_operand(c->op, HMLC_CELL_INPUT));
    hmlc_cell_step s = {
        .x = cell_at(c, x, cell_multiply(c, row, cell_number(c, c->gates * c->hidden))),
        .y = c->y != NULL ? y_row(c, time) : NULL,
        .before = loop.carried[0],
        .after = loop.carried[1]};
    emit_step(c, &s);
    LLVMValueRef swapped[2] = {s.after, s.before};
    hmlc_frame_loop_end(frame, &loop, swapped);

    hmlc_cell_step last = {.before = loop.carried[0]};
    hmlc_cell_rows rows;
    hmlc_cell_rows_begin(c, &last, &rows);
    store_state(&rows.cell, &rows.step);
    hmlc_cell_rows_end(&rows);
}

/* y is zero behind an element's length. */
static void clear_rest(const hmlc_cell *c, LLVMValueRef count)
{
    if (c->y == NULL || hmlc_op_operand(c->op, HMLC_CELL_LENGTHS) == NULL) {
        return;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(c->frame, &loop, count, c->steps, 1, NULL, 0);
    copy_floats(c, y_row(c, loop.index), NULL, cell_number(c, c->hidden));
    hmlc_frame_loop_end(c->frame, &loop, NULL);
}

static LLVMValueRef result_address(const hmlc_cell *c, uint32_t index)
{
    const hmlc_op *yield = hmlc_kernel_yield(c->frame->plan->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        if (yield->operands[k].value == c->op->results[index]) {
            return c->frame->operands[hmlc_frame_result(c->frame, k)];
        }
    }
    return NULL;
}

/* Scratch memory, each for all rows: h before and after a step, what the kind of cell needs beside
 * it, and the gates of a chunk. */
static void place_scratch(hmlc_cell *c)
{
    LLVMValueRef slots[HMLC_CELL_MOST_SLOTS + 1] = {c->frame->scratch};
    for (int64_t k = 1; k <= c->slots; k++) {
        slots[k] = cell_at(c, c->frame->scratch, cell_number(c, k * c->rows * c->padded));
    }
    c->h[0] = slots[0];
    c->h[1] = slots[1];
    c->c = c->gates == 4 ? slots[2] : NULL;
    c->update = c->gates == 3 ? slots[2] : NULL;
    c->reset = c->gates == 3 ? slots[3] : NULL;
    c->sums = slots[c->slots];
}

/* Which direction and rows unit `index` has. */
static void place_unit(hmlc_cell *c, LLVMValueRef index)
{
    LLVMBuilderRef builder = c->frame->builder;
    if (c->rows == 1) {
        c->direction = LLVMBuildUDiv(builder, index, c->batch, "");
        c->element = LLVMBuildURem(builder, index, c->batch, "");
        return;
    }
    LLVMValueRef rows = cell_number(c, c->rows);
    LLVMValueRef above = cell_add(c, c->batch, cell_number(c, c->rows - 1));
    LLVMValueRef groups = LLVMBuildUDiv(builder, above, rows, "");
    c->direction = LLVMBuildUDiv(builder, index, groups, "");
    c->element = cell_multiply(c, LLVMBuildURem(builder, index, groups, ""), rows);
    LLVMValueRef rest = LLVMBuildSub(builder, c->batch, c->element, "");
    c->count = hmlc_frame_minimum(c->frame, rest, rows);
}

hmlc_status hmlc_recurrent_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    hmlc_cell c = {.frame = frame, .op = plan->state};
    const hmlc_type *xw = hmlc_op_operand(c.op, HMLC_CELL_INPUT)->type;
    const hmlc_type *weights = hmlc_op_operand(c.op, HMLC_CELL_WEIGHTS)->type;
    c.gates = hmlc_cell_kind_of(c.op->opcode)->gates;
    c.slots = hmlc_recurrent_slots(c.op);
    c.hidden = weights->dims[2]->value;
    c.panels = hmlc_recurrent_panels(c.hidden);
    c.padded = c.panels * HMLC_PACK_WIDTH;
    c.rows = hmlc_recurrent_rows(c.op);
    uint32_t pair = 2 * (uint32_t)frame->target->vector_bytes / (uint32_t)sizeof(float);
    c.lanes = pair < HMLC_PACK_WIDTH ? pair : HMLC_PACK_WIDTH;
    c.steps = hmlc_frame_dim(frame, xw->dims[0]);
    c.batch = hmlc_frame_dim(frame, xw->dims[1]);
    c.directions = hmlc_frame_dim(frame, weights->dims[0]);
    place_scratch(&c);
    c.y = result_address(&c, 0);
    c.y_h = result_address(&c, 1);
    c.y_c = c.c != NULL ? result_address(&c, 2) : NULL;
    hmlc_frame_loop units;
    hmlc_frame_loop_begin(frame, &units, frame->begin, frame->end, 1, NULL, 0);
    place_unit(&c, units.index);
    find_weights(&c);
    start_state(&c);
    LLVMValueRef count = element_steps(&c);
    emit_steps(&c, count);
    clear_rest(&c, count);
    hmlc_frame_loop_end(frame, &units, NULL);
    return HMLC_OK;
}

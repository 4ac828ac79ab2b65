/* SPDX-License-Identifier: Apache-2.0 */
/* Code of LSTM cells; the scheme is described in recurrent.c. */
#include <hml_format/kernel_abi.h>

#include "recurrent.h"
#include "llvm/elementwise/elementwise.h"

enum { GATE_INPUT, GATE_OUTPUT, GATE_FORGET, GATE_CELL, GATES };

typedef struct cell {
    hmlc_frame *frame;
    const hmlc_op *op;
    int64_t hidden, panels, padded;        /* padded: whole panels */
    uint32_t lanes;                        /* of a chunk: four gates of it fit the registers */
    LLVMValueRef steps, batch, directions; /* i64 */
    LLVMValueRef direction, element;       /* of this unit */
    LLVMValueRef h[2], c;                  /* scratch: h of the step before and after, c */
    LLVMValueRef weights;                  /* packed, of this direction */
    LLVMValueRef y, y_h, y_c;              /* results, NULL where not wanted */
} cell;

/* -- small pieces ------------------------------------------------------------------------------ */

static LLVMValueRef number(const cell *c, int64_t value)
{
    return hmlc_frame_int(c->frame, value);
}

static LLVMValueRef multiply(const cell *c, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildMul(c->frame->builder, a, b, "");
}

static LLVMValueRef add(const cell *c, LLVMValueRef a, LLVMValueRef b)
{
    return LLVMBuildAdd(c->frame->builder, a, b, "");
}

static LLVMValueRef at(const cell *c, LLVMValueRef base, LLVMValueRef index)
{
    return hmlc_frame_element(c->frame, c->frame->f32, base, index);
}

static LLVMTypeRef chunk_type(const cell *c)
{
    return hmlc_frame_vector(c->frame, HMLC_DTYPE_f32, c->lanes);
}

/* `valid` floats from memory, the rest of the chunk zero. */
static LLVMValueRef load_chunk(const cell *c, LLVMValueRef base, LLVMValueRef index, uint32_t valid)
{
    hmlc_frame *frame = c->frame;
    if (valid == c->lanes) {
        return hmlc_frame_load(frame, chunk_type(c), at(c, base, index), 4);
    }
    LLVMValueRef chunk = LLVMConstNull(chunk_type(c));
    for (uint32_t k = 0; k < valid; k++) {
        LLVMValueRef address = at(c, base, add(c, index, number(c, k)));
        LLVMValueRef value = hmlc_frame_load(frame, frame->f32, address, 4);
        chunk = LLVMBuildInsertElement(frame->builder, chunk, value, LLVMConstInt(frame->i32, k, 0),
                                       "");
    }
    return chunk;
}

static void store_chunk(const cell *c, LLVMValueRef chunk, LLVMValueRef base, LLVMValueRef index,
                        uint32_t valid)
{
    hmlc_frame *frame = c->frame;
    if (valid == c->lanes) {
        hmlc_frame_store(frame, chunk, at(c, base, index), 4);
        return;
    }
    for (uint32_t k = 0; k < valid; k++) {
        LLVMValueRef value =
            LLVMBuildExtractElement(frame->builder, chunk, LLVMConstInt(frame->i32, k, 0), "");
        hmlc_frame_store(frame, value, at(c, base, add(c, index, number(c, k))), 4);
    }
}

/* to[0..count) = from[0..count), or zero without `from`. */
static void copy_floats(const cell *c, LLVMValueRef to, LLVMValueRef from, LLVMValueRef count)
{
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(c->frame, &loop, number(c, 0), count, 1, NULL, 0);
    LLVMValueRef value = LLVMConstNull(c->frame->f32);
    if (from != NULL) {
        value = hmlc_frame_load(c->frame, c->frame->f32, at(c, from, loop.index), 4);
    }
    hmlc_frame_store(c->frame, value, at(c, to, loop.index), 4);
    hmlc_frame_loop_end(c->frame, &loop, NULL);
}

/* -- one panel of one step --------------------------------------------------------------------- */

typedef struct step {
    LLVMValueRef x;             /* this step's gates: 4 * hidden floats */
    LLVMValueRef y;             /* this step's row of y, or NULL */
    LLVMValueRef before, after; /* h */
} step;

/*
 * gates += h * R over all k. Two sums a gate where a chunk is one register: four chains alone would
 * wait for each other's latency.
 */
static void multiply_hidden(const cell *c, const step *s, LLVMValueRef panel, uint32_t chunk,
                            LLVMValueRef gates[GATES])
{
    hmlc_frame *frame = c->frame;
    uint32_t registers = c->lanes * 4 / (uint32_t)frame->target->vector_bytes;
    uint32_t sums = registers == 1 && c->hidden % 2 == 0 ? 2 : 1;
    LLVMValueRef carried[2 * GATES];
    for (uint32_t k = 0; k < sums * GATES; k++) {
        carried[k] = k < GATES ? gates[k] : LLVMConstNull(chunk_type(c));
    }
    LLVMValueRef base =
        at(c, c->weights, multiply(c, panel, number(c, c->hidden * 4 * HMLC_PACK_WIDTH)));
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, number(c, 0), number(c, c->hidden), sums, carried,
                          sums * GATES);
    for (uint32_t sum = 0; sum < sums; sum++) {
        LLVMValueRef k = add(c, loop.index, number(c, sum));
        LLVMValueRef h = hmlc_frame_load(frame, frame->f32, at(c, s->before, k), 4);
        h = hmlc_frame_splat(frame, h, c->lanes);
        LLVMValueRef row = at(c, base, multiply(c, k, number(c, 4 * HMLC_PACK_WIDTH)));
        for (uint32_t gate = 0; gate < GATES; gate++) {
            LLVMValueRef address = at(c, row, number(c, gate * HMLC_PACK_WIDTH + chunk * c->lanes));
            LLVMValueRef weight = hmlc_frame_load(frame, chunk_type(c), address, 32);
            uint32_t slot = sum * GATES + gate;
            carried[slot] = hmlc_frame_fma(frame, h, weight, loop.carried[slot]);
        }
    }
    hmlc_frame_loop_end(frame, &loop, carried);
    for (uint32_t gate = 0; gate < GATES; gate++) {
        gates[gate] = sums == 1 ? loop.carried[gate]
                                : LLVMBuildFAdd(frame->builder, loop.carried[gate],
                                                loop.carried[GATES + gate], "");
    }
}

static LLVMValueRef clip(const cell *c, LLVMValueRef gate)
{
    double limit = hmlc_op_float(c->op, HMLC_ATTR_clip);
    if (!(limit > 0)) {
        return gate;
    }
    LLVMValueRef high = hmlc_frame_splat(c->frame, LLVMConstReal(c->frame->f32, limit), c->lanes);
    LLVMValueRef low = hmlc_frame_splat(c->frame, LLVMConstReal(c->frame->f32, -limit), c->lanes);
    LLVMBuilderRef builder = c->frame->builder;
    LLVMValueRef above = LLVMBuildFCmp(builder, LLVMRealOGT, gate, high, "");
    gate = LLVMBuildSelect(builder, above, high, gate, "");
    LLVMValueRef below = LLVMBuildFCmp(builder, LLVMRealOLT, gate, low, "");
    return LLVMBuildSelect(builder, below, low, gate, "");
}

/* gate + peephole * state, where there are peepholes (order i o f). */
static LLVMValueRef peep(const cell *c, LLVMValueRef gate, LLVMValueRef state, uint32_t which,
                         LLVMValueRef column, uint32_t valid)
{
    const hmlc_value *peepholes = hmlc_op_operand(c->op, HMLC_CELL_PEEPHOLES);
    if (peepholes == NULL) {
        return gate;
    }
    LLVMValueRef start = multiply(c, c->direction, number(c, 3 * c->hidden));
    LLVMValueRef index = add(c, add(c, start, number(c, which * c->hidden)), column);
    LLVMValueRef weight = load_chunk(c, hmlc_frame_address(c->frame, peepholes), index, valid);
    return hmlc_frame_fma(c->frame, weight, state, gate);
}

static bool same_activation(const hmlc_activation *a, const hmlc_activation *b)
{
    return a->kind == b->kind && a->alpha == b->alpha && a->beta == b->beta;
}

/* Directions have activations of their own: where they differ, both are computed. */
static LLVMValueRef activate(const cell *c, uint32_t which, LLVMValueRef x)
{
    hmlc_activation forward = hmlc_activation_of(c->op, 0, which);
    LLVMValueRef result = hmlc_elementwise_activate(c->frame, &forward, x);
    if (hmlc_op_int(c->op, HMLC_ATTR_direction) != HMLC_DIRECTION_BIDIRECTIONAL) {
        return result;
    }
    hmlc_activation backward = hmlc_activation_of(c->op, 1, which);
    if (same_activation(&forward, &backward)) {
        return result;
    }
    LLVMBuilderRef builder = c->frame->builder;
    LLVMValueRef is_forward = LLVMBuildICmp(builder, LLVMIntEQ, c->direction, number(c, 0), "");
    return LLVMBuildSelect(builder, is_forward, result,
                           hmlc_elementwise_activate(c->frame, &backward, x), "");
}

/* The cell: new c and h of one chunk. */
static void finish_chunk(const cell *c, const step *s, LLVMValueRef gates[GATES],
                         LLVMValueRef column, uint32_t valid)
{
    hmlc_frame *frame = c->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef state = load_chunk(c, c->c, column, c->lanes);
    LLVMValueRef input = peep(c, gates[GATE_INPUT], state, 0, column, valid);
    input = activate(c, HMLC_ACTIVATION_GATES, clip(c, input));
    LLVMValueRef one = hmlc_frame_splat(frame, LLVMConstReal(frame->f32, 1), c->lanes);
    LLVMValueRef forget = LLVMBuildFSub(builder, one, input, "");
    if (hmlc_op_int(c->op, HMLC_ATTR_input_forget) == 0) {
        forget = peep(c, gates[GATE_FORGET], state, 2, column, valid);
        forget = activate(c, HMLC_ACTIVATION_GATES, clip(c, forget));
    }
    LLVMValueRef candidate = activate(c, HMLC_ACTIVATION_CANDIDATE, clip(c, gates[GATE_CELL]));
    state = hmlc_frame_fma(frame, forget, state, LLVMBuildFMul(builder, input, candidate, ""));
    LLVMValueRef output = peep(c, gates[GATE_OUTPUT], state, 1, column, valid);
    output = activate(c, HMLC_ACTIVATION_GATES, clip(c, output));
    LLVMValueRef h = LLVMBuildFMul(builder, output, activate(c, HMLC_ACTIVATION_HIDDEN, state), "");
    store_chunk(c, state, c->c, column, c->lanes);
    store_chunk(c, h, s->after, column, c->lanes);
    if (s->y != NULL) {
        store_chunk(c, h, s->y, column, valid);
    }
}

/* `units`: hidden units of the panel that exist. */
static void emit_panel(const cell *c, const step *s, LLVMValueRef panel, uint32_t units)
{
    for (uint32_t chunk = 0; chunk * c->lanes < units; chunk++) {
        uint32_t first = chunk * c->lanes;
        uint32_t valid = units - first < c->lanes ? units - first : c->lanes;
        LLVMValueRef column =
            add(c, multiply(c, panel, number(c, HMLC_PACK_WIDTH)), number(c, first));
        LLVMValueRef gates[GATES];
        for (uint32_t gate = 0; gate < GATES; gate++) {
            LLVMValueRef index = add(c, column, number(c, gate * c->hidden));
            gates[gate] = load_chunk(c, s->x, index, valid);
        }
        multiply_hidden(c, s, panel, chunk, gates);
        finish_chunk(c, s, gates, column, valid);
    }
}

static void emit_step(const cell *c, const step *s)
{
    int64_t whole = c->hidden / HMLC_PACK_WIDTH;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(c->frame, &loop, number(c, 0), number(c, whole), 1, NULL, 0);
    emit_panel(c, s, loop.index, HMLC_PACK_WIDTH);
    hmlc_frame_loop_end(c->frame, &loop, NULL);
    if (c->hidden % HMLC_PACK_WIDTH != 0) {
        emit_panel(c, s, number(c, whole), (uint32_t)(c->hidden % HMLC_PACK_WIDTH));
    }
}

/* -- one unit ---------------------------------------------------------------------------------- */

/* Packs this direction's weights into scratch memory, behind the state. */
static void pack_weights(const cell *c, LLVMValueRef from)
{
    hmlc_frame *frame = c->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef hidden = number(c, c->hidden);
    hmlc_frame_loop rows, steps;
    hmlc_frame_loop_begin(frame, &rows, number(c, 0), number(c, 4 * c->hidden), 1, NULL, 0);
    LLVMValueRef gate = LLVMBuildUDiv(builder, rows.index, hidden, "");
    LLVMValueRef unit = LLVMBuildURem(builder, rows.index, hidden, "");
    LLVMValueRef panel = LLVMBuildUDiv(builder, unit, number(c, HMLC_PACK_WIDTH), "");
    LLVMValueRef lane = LLVMBuildURem(builder, unit, number(c, HMLC_PACK_WIDTH), "");
    LLVMValueRef row = multiply(
        c, add(c, multiply(c, c->direction, number(c, 4 * c->hidden)), rows.index), hidden);
    hmlc_frame_loop_begin(frame, &steps, number(c, 0), hidden, 1, NULL, 0);
    LLVMValueRef value =
        hmlc_frame_load(frame, frame->f32, at(c, from, add(c, row, steps.index)), 4);
    LLVMValueRef place = add(c, multiply(c, panel, hidden), steps.index);
    place = multiply(c, add(c, multiply(c, place, number(c, 4)), gate), number(c, HMLC_PACK_WIDTH));
    hmlc_frame_store(frame, value, at(c, c->weights, add(c, place, lane)), 4);
    hmlc_frame_loop_end(frame, &steps, NULL);
    hmlc_frame_loop_end(frame, &rows, NULL);
}

static void find_weights(cell *c)
{
    hmlc_frame *frame = c->frame;
    const hmlc_value *value = hmlc_op_operand(c->op, HMLC_CELL_WEIGHTS);
    LLVMValueRef base = hmlc_frame_address(frame, value);
    int64_t panel_floats = c->panels * c->hidden * 4 * HMLC_PACK_WIDTH;
    bool packed =
        value->producer == NULL &&
        frame->plan->operands[hmlc_frame_argument(frame, value->index)].kind == HMLC_OPERAND_PACKED;
    if (packed) {
        c->weights = at(c, base, multiply(c, c->direction, number(c, panel_floats)));
        return;
    }
    c->weights = at(c, frame->scratch, number(c, 3 * c->padded));
    copy_floats(c, c->weights, NULL, number(c, panel_floats));
    pack_weights(c, base);
}

/* h and c at the start: given or zero, padding zero. */
static void start_state(const cell *c)
{
    LLVMValueRef row = add(c, multiply(c, c->direction, c->batch), c->element);
    row = multiply(c, row, number(c, c->hidden));
    copy_floats(c, c->h[0], NULL, number(c, 3 * c->padded));
    const hmlc_value *h = hmlc_op_operand(c->op, HMLC_CELL_HIDDEN);
    const hmlc_value *state = hmlc_op_operand(c->op, HMLC_CELL_STATE);
    if (h != NULL) {
        copy_floats(c, c->h[0], at(c, hmlc_frame_address(c->frame, h), row), number(c, c->hidden));
    }
    if (state != NULL) {
        copy_floats(c, c->c, at(c, hmlc_frame_address(c->frame, state), row), number(c, c->hidden));
    }
}

/* Steps of this element: its length, which must lie in [0, steps]. */
static LLVMValueRef element_steps(const cell *c)
{
    const hmlc_value *lengths = hmlc_op_operand(c->op, HMLC_CELL_LENGTHS);
    if (lengths == NULL) {
        return c->steps;
    }
    hmlc_frame *frame = c->frame;
    LLVMValueRef address =
        hmlc_frame_element(frame, frame->i32, hmlc_frame_address(frame, lengths), c->element);
    LLVMValueRef length = LLVMBuildSExt(
        frame->builder, hmlc_frame_load(frame, frame->i32, address, 4), frame->i64, "");
    /* Negative ones are large as unsigned numbers. */
    LLVMValueRef wrong = LLVMBuildICmp(frame->builder, LLVMIntUGT, length, c->steps, "");
    hmlc_frame_fail_if(frame, wrong, HML_KERNEL_INDEX, length, c->steps);
    return length;
}

static LLVMValueRef y_row(const cell *c, LLVMValueRef time)
{
    LLVMValueRef row = add(c, multiply(c, time, c->directions), c->direction);
    row = add(c, multiply(c, row, c->batch), c->element);
    return at(c, c->y, multiply(c, row, number(c, c->hidden)));
}

static LLVMValueRef step_time(const cell *c, LLVMValueRef index, LLVMValueRef count)
{
    LLVMBuilderRef builder = c->frame->builder;
    LLVMValueRef last = LLVMBuildSub(builder, count, number(c, 1), "");
    LLVMValueRef reversed = LLVMBuildSub(builder, last, index, "");
    int64_t direction = hmlc_op_int(c->op, HMLC_ATTR_direction);
    if (direction != HMLC_DIRECTION_BIDIRECTIONAL) {
        return direction == HMLC_DIRECTION_FORWARD ? index : reversed;
    }
    LLVMValueRef forward = LLVMBuildICmp(builder, LLVMIntEQ, c->direction, number(c, 0), "");
    return LLVMBuildSelect(builder, forward, index, reversed, "");
}

static void emit_steps(const cell *c, LLVMValueRef count)
{
    hmlc_frame *frame = c->frame;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, number(c, 0), count, 1, c->h, 2);
    LLVMValueRef time = step_time(c, loop.index, count);
    LLVMValueRef row = add(c, multiply(c, time, c->batch), c->element);
    row = add(c, multiply(c, row, c->directions), c->direction);
    LLVMValueRef x = hmlc_frame_address(frame, hmlc_op_operand(c->op, HMLC_CELL_INPUT));
    step s = {.x = at(c, x, multiply(c, row, number(c, 4 * c->hidden))),
              .y = c->y != NULL ? y_row(c, time) : NULL,
              .before = loop.carried[0],
              .after = loop.carried[1]};
    emit_step(c, &s);
    LLVMValueRef swapped[2] = {s.after, s.before};
    hmlc_frame_loop_end(frame, &loop, swapped);

    LLVMValueRef state = add(c, multiply(c, c->direction, c->batch), c->element);
    state = multiply(c, state, number(c, c->hidden));
    if (c->y_h != NULL) {
        copy_floats(c, at(c, c->y_h, state), loop.carried[0], number(c, c->hidden));
    }
    if (c->y_c != NULL) {
        copy_floats(c, at(c, c->y_c, state), c->c, number(c, c->hidden));
    }
}

/* y is zero behind an element's length. */
static void clear_rest(const cell *c, LLVMValueRef count)
{
    if (c->y == NULL || hmlc_op_operand(c->op, HMLC_CELL_LENGTHS) == NULL) {
        return;
    }
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(c->frame, &loop, count, c->steps, 1, NULL, 0);
    copy_floats(c, y_row(c, loop.index), NULL, number(c, c->hidden));
    hmlc_frame_loop_end(c->frame, &loop, NULL);
}

static LLVMValueRef result_address(const cell *c, uint32_t index)
{
    const hmlc_op *yield = hmlc_kernel_yield(c->frame->plan->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        if (yield->operands[k].value == c->op->results[index]) {
            return c->frame->operands[hmlc_frame_result(c->frame, k)];
        }
    }
    return NULL;
}

hmlc_status hmlc_recurrent_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    cell c = {.frame = frame, .op = plan->state};
    const hmlc_type *xw = hmlc_op_operand(c.op, HMLC_CELL_INPUT)->type;
    const hmlc_type *weights = hmlc_op_operand(c.op, HMLC_CELL_WEIGHTS)->type;
    c.hidden = weights->dims[2]->value;
    c.panels = hmlc_recurrent_panels(c.hidden);
    c.padded = c.panels * HMLC_PACK_WIDTH;
    uint32_t pair = 2 * (uint32_t)frame->target->vector_bytes / (uint32_t)sizeof(float);
    c.lanes = pair < HMLC_PACK_WIDTH ? pair : HMLC_PACK_WIDTH;
    c.steps = hmlc_frame_dim(frame, xw->dims[0]);
    c.batch = hmlc_frame_dim(frame, xw->dims[1]);
    c.directions = hmlc_frame_dim(frame, weights->dims[0]);
    c.h[0] = frame->scratch;
    c.h[1] = at(&c, frame->scratch, number(&c, c.padded));
    c.c = at(&c, frame->scratch, number(&c, 2 * c.padded));
    c.y = result_address(&c, 0);
    c.y_h = result_address(&c, 1);
    c.y_c = result_address(&c, 2);
    hmlc_frame_loop units;
    hmlc_frame_loop_begin(frame, &units, frame->begin, frame->end, 1, NULL, 0);
    c.direction = LLVMBuildUDiv(frame->builder, units.index, c.batch, "");
    c.element = LLVMBuildURem(frame->builder, units.index, c.batch, "");
    find_weights(&c);
    start_state(&c);
    LLVMValueRef count = element_steps(&c);
    emit_steps(&c, count);
    clear_rest(&c, count);
    hmlc_frame_loop_end(frame, &units, NULL);
    return HMLC_OK;
}

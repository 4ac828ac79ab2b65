/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of recurrent cells, one chunk of hidden units at a time. */
#include "recurrent_cell.h"
#include "llvm/elementwise/elementwise.h"

/* Gates in the order of their rows. */
enum { LSTM_INPUT, LSTM_OUTPUT, LSTM_FORGET, LSTM_CELL };
enum { GRU_UPDATE, GRU_RESET, GRU_CANDIDATE };

/* `valid` floats from memory, the rest of the chunk zero. */
static LLVMValueRef load_chunk(const hmlc_cell *c, LLVMValueRef base, LLVMValueRef index,
                               uint32_t valid)
{
    hmlc_frame *frame = c->frame;
    if (valid == c->lanes) {
        return hmlc_frame_load(frame, cell_chunk_type(c), cell_at(c, base, index), 4);
    }
    LLVMValueRef chunk = LLVMConstNull(cell_chunk_type(c));
    for (uint32_t k = 0; k < valid; k++) {
        LLVMValueRef address = cell_at(c, base, cell_add(c, index, cell_number(c, k)));
        LLVMValueRef value = hmlc_frame_load(frame, frame->f32, address, 4);
        chunk = LLVMBuildInsertElement(frame->builder, chunk, value, LLVMConstInt(frame->i32, k, 0),
                                       "");
    }
    return chunk;
}

static void store_chunk(const hmlc_cell *c, LLVMValueRef chunk, LLVMValueRef base,
                        LLVMValueRef index, uint32_t valid)
{
    hmlc_frame *frame = c->frame;
    if (valid == c->lanes) {
        hmlc_frame_store(frame, chunk, cell_at(c, base, index), 4);
        return;
    }
    for (uint32_t k = 0; k < valid; k++) {
        LLVMValueRef value =
            LLVMBuildExtractElement(frame->builder, chunk, LLVMConstInt(frame->i32, k, 0), "");
        hmlc_frame_store(frame, value, cell_at(c, base, cell_add(c, index, cell_number(c, k))), 4);
    }
}

static LLVMValueRef clip(const hmlc_cell *c, LLVMValueRef gate)
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
static LLVMValueRef peep(const hmlc_cell *c, LLVMValueRef gate, LLVMValueRef state, uint32_t which,
                         const hmlc_cell_chunk *at)
{
    const hmlc_value *peepholes = hmlc_op_operand(c->op, HMLC_CELL_PEEPHOLES);
    if (peepholes == NULL) {
        return gate;
    }
    LLVMValueRef start = cell_multiply(c, c->direction, cell_number(c, 3 * c->hidden));
    LLVMValueRef index =
        cell_add(c, cell_add(c, start, cell_number(c, which * c->hidden)), at->column);
    LLVMValueRef weight = load_chunk(c, hmlc_frame_address(c->frame, peepholes), index, at->valid);
    return hmlc_frame_fma(c->frame, weight, state, gate);
}

static bool same_activation(const hmlc_activation *a, const hmlc_activation *b)
{
    return a->kind == b->kind && a->alpha == b->alpha && a->beta == b->beta;
}

/* Directions have activations of their own: where they differ, both are computed. */
static LLVMValueRef activate(const hmlc_cell *c, uint32_t which, LLVMValueRef x)
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
    LLVMValueRef is_forward =
        LLVMBuildICmp(builder, LLVMIntEQ, c->direction, cell_number(c, 0), "");
    return LLVMBuildSelect(builder, is_forward, result,
                           hmlc_elementwise_activate(c->frame, &backward, x), "");
}

static LLVMValueRef ones(const hmlc_cell *c)
{
    return hmlc_frame_splat(c->frame, LLVMConstReal(c->frame->f32, 1), c->lanes);
}

/* The new h of a chunk; what lies behind the last unit is never read for a result. */
static void store_hidden(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef h,
                         const hmlc_cell_chunk *at)
{
    store_chunk(c, h, s->after, at->column, c->lanes);
    if (s->y != NULL) {
        store_chunk(c, h, s->y, at->column, at->valid);
    }
}

static void finish_lstm(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef *gates,
                        const hmlc_cell_chunk *at)
{
    hmlc_frame *frame = c->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef state = load_chunk(c, c->c, at->column, c->lanes);
    LLVMValueRef input = peep(c, gates[LSTM_INPUT], state, 0, at);
    input = activate(c, HMLC_ACTIVATION_GATES, clip(c, input));
    LLVMValueRef forget = LLVMBuildFSub(builder, ones(c), input, "");
    if (hmlc_op_int(c->op, HMLC_ATTR_input_forget) == 0) {
        forget = peep(c, gates[LSTM_FORGET], state, 2, at);
        forget = activate(c, HMLC_ACTIVATION_GATES, clip(c, forget));
    }
    LLVMValueRef candidate = activate(c, HMLC_ACTIVATION_CANDIDATE, clip(c, gates[LSTM_CELL]));
    state = hmlc_frame_fma(frame, forget, state, LLVMBuildFMul(builder, input, candidate, ""));
    LLVMValueRef output = peep(c, gates[LSTM_OUTPUT], state, 1, at);
    output = activate(c, HMLC_ACTIVATION_GATES, clip(c, output));
    LLVMValueRef h = LLVMBuildFMul(builder, output, activate(c, HMLC_ACTIVATION_HIDDEN, state), "");
    store_chunk(c, state, c->c, at->column, c->lanes);
    store_hidden(c, s, h, at);
}

/* -- GRU --------------------------------------------------------------------------------------- */

static bool resets_after(const hmlc_cell *c)
{
    return hmlc_op_int(c->op, HMLC_ATTR_linear_before_reset) != 0;
}

static LLVMValueRef gate_input(const hmlc_cell *c, const hmlc_cell_step *s, uint32_t gate,
                               const hmlc_cell_chunk *at)
{
    LLVMValueRef index = cell_add(c, at->column, cell_number(c, gate * c->hidden));
    return load_chunk(c, s->x, index, at->valid);
}

/* h' = (1 - z) * candidate + z * h. */
static void blend(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef update,
                  LLVMValueRef candidate, const hmlc_cell_chunk *at)
{
    LLVMBuilderRef builder = c->frame->builder;
    LLVMValueRef h = load_chunk(c, s->before, at->column, c->lanes);
    LLVMValueRef rest = LLVMBuildFSub(builder, ones(c), update, "");
    LLVMValueRef fresh = LLVMBuildFMul(builder, rest, candidate, "");
    store_hidden(c, s, hmlc_frame_fma(c->frame, update, h, fresh), at);
}

/* The first of two phases: z, and r * h, which all of the candidate depends on. */
static void finish_gru_gates(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef *gates,
                             const hmlc_cell_chunk *at)
{
    LLVMValueRef update = activate(c, HMLC_ACTIVATION_GATES, clip(c, gates[GRU_UPDATE]));
    LLVMValueRef reset = activate(c, HMLC_ACTIVATION_GATES, clip(c, gates[GRU_RESET]));
    LLVMValueRef h = load_chunk(c, s->before, at->column, c->lanes);
    store_chunk(c, update, c->update, at->column, c->lanes);
    store_chunk(c, LLVMBuildFMul(c->frame->builder, reset, h, ""), c->reset, at->column, c->lanes);
}

static void finish_gru_candidate(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef *gates,
                                 const hmlc_cell_chunk *at)
{
    LLVMValueRef candidate = activate(c, HMLC_ACTIVATION_CANDIDATE, clip(c, gates[0]));
    blend(c, s, load_chunk(c, c->update, at->column, c->lanes), candidate, at);
}

/* linear_before_reset: r scales the product with its bias, so that one phase is enough. */
static void finish_gru(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef *gates,
                       const hmlc_cell_chunk *at)
{
    LLVMValueRef update = activate(c, HMLC_ACTIVATION_GATES, clip(c, gates[GRU_UPDATE]));
    LLVMValueRef reset = activate(c, HMLC_ACTIVATION_GATES, clip(c, gates[GRU_RESET]));
    LLVMValueRef x = gate_input(c, s, GRU_CANDIDATE, at);
    LLVMValueRef candidate = hmlc_frame_fma(c->frame, reset, gates[GRU_CANDIDATE], x);
    blend(c, s, update, activate(c, HMLC_ACTIVATION_CANDIDATE, clip(c, candidate)), at);
}

/* The candidate's bias of r, zero where there is none. */
static LLVMValueRef candidate_bias(const hmlc_cell *c, const hmlc_cell_chunk *at)
{
    const hmlc_value *bias = hmlc_op_operand(c->op, HMLC_CELL_CANDIDATE_BIAS);
    if (bias == NULL) {
        return LLVMConstNull(cell_chunk_type(c));
    }
    LLVMValueRef index =
        cell_add(c, cell_multiply(c, c->direction, cell_number(c, c->hidden)), at->column);
    return load_chunk(c, hmlc_frame_address(c->frame, bias), index, at->valid);
}

/* -- all kinds --------------------------------------------------------------------------------- */

static void finish_rnn(const hmlc_cell *c, const hmlc_cell_step *s, LLVMValueRef *gates,
                       const hmlc_cell_chunk *at)
{
    store_hidden(c, s, activate(c, HMLC_ACTIVATION_ONLY, clip(c, gates[0])), at);
}

LLVMValueRef hmlc_cell_start(const hmlc_cell *c, const hmlc_cell_step *s, uint32_t gate,
                             const hmlc_cell_chunk *at)
{
    bool apart = c->gates == 3 && gate == GRU_CANDIDATE && resets_after(c);
    return apart ? candidate_bias(c, at) : gate_input(c, s, gate, at);
}

uint32_t hmlc_cell_phases(const hmlc_cell *c, const hmlc_cell_step *s, hmlc_cell_phase *phases)
{
    if (c->gates == 3 && !resets_after(c)) {
        phases[0] = (hmlc_cell_phase){GRU_UPDATE, 2, s->before, finish_gru_gates};
        phases[1] = (hmlc_cell_phase){GRU_CANDIDATE, 1, c->reset, finish_gru_candidate};
        return 2;
    }
    static hmlc_cell_finish *const finish[] = {
        [1] = finish_rnn, [3] = finish_gru, [4] = finish_lstm};
    phases[0] = (hmlc_cell_phase){0, (uint32_t)c->gates, s->before, finish[c->gates]};
    return 1;
}

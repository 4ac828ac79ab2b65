/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of recurrent ops and of their cells, and their activations. */
#include <hmlc/activation.h>

#include "infer_tools.h"

typedef struct recurrent {
    const hmlc_cell_kind *kind;
    hmlc_dim steps, batch, hidden, directions;
} recurrent;

const hmlc_cell_kind *hmlc_cell_kind_of(hmlc_opcode opcode)
{
    static const hmlc_cell_kind lstm = {4, 3, 2, HMLC_OP_lstm_cells},
                                gru = {3, 2, 1, HMLC_OP_gru_cells},
                                rnn = {1, 1, 1, HMLC_OP_rnn_cells};
    switch (opcode) {
    case HMLC_OP_lstm:
    case HMLC_OP_lstm_cells:
        return &lstm;
    case HMLC_OP_gru:
    case HMLC_OP_gru_cells:
        return &gru;
    case HMLC_OP_rnn:
    case HMLC_OP_rnn_cells:
        return &rnn;
    default:
        return NULL;
    }
}

static int64_t directions_of(const hmlc_infer *context)
{
    return hmlc_op_int(context->op, HMLC_ATTR_direction) == HMLC_DIRECTION_BIDIRECTIONAL ? 2 : 1;
}

hmlc_activation_kind hmlc_activation_usual(const hmlc_cell_kind *kind, uint32_t which)
{
    bool gates = which == HMLC_ACTIVATION_GATES && kind->activations > 1;
    return gates ? HMLC_ACTIVATION_sigmoid : HMLC_ACTIVATION_tanh;
}

hmlc_activation hmlc_activation_of(const hmlc_op *op, int64_t direction, uint32_t which)
{
    const hmlc_cell_kind *kind = hmlc_cell_kind_of(op->opcode);
    const hmlc_attr *kinds = hmlc_op_attr(op, HMLC_ATTR_activations);
    if (kinds == NULL) {
        return (hmlc_activation){.kind = hmlc_activation_usual(kind, which)};
    }
    int64_t at = kind->activations * direction + which;
    return (hmlc_activation){
        .kind = (hmlc_activation_kind)kinds->as.integers[at],
        .alpha = hmlc_op_attr(op, HMLC_ATTR_activation_alpha)->as.reals[at],
        .beta = hmlc_op_attr(op, HMLC_ATTR_activation_beta)->as.reals[at],
    };
}

hmlc_opcode hmlc_activation_opcode(hmlc_activation_kind kind)
{
    static const hmlc_opcode opcodes[] = {
#define HMLC_ACTIVATION(name, op) op,
        HMLC_ACTIVATIONS(HMLC_ACTIVATION)
#undef HMLC_ACTIVATION
    };
    return opcodes[kind];
}

/* All three lists, or none. */
static void check_activations(const hmlc_infer *context, const hmlc_cell_kind *kind,
                              hmlc_status *status)
{
    static const hmlc_attr_name names[] = {HMLC_ATTR_activations, HMLC_ATTR_activation_alpha,
                                           HMLC_ATTR_activation_beta};
    uint32_t given = 0;
    for (size_t i = 0; i < 3; ++i) {
        given += hmlc_op_attr(context->op, names[i]) != NULL;
    }
    for (size_t i = 0; i < 3 && given > 0; ++i) {
        (void)hmlc_infer_list(context, names[i], kind->activations * directions_of(context),
                              status);
    }
    if (given == 0 || *status != HMLC_OK) {
        return;
    }
    const hmlc_attr *kinds = hmlc_op_attr(context->op, HMLC_ATTR_activations);
    for (uint32_t i = 0; i < kinds->count; ++i) {
        if (kinds->as.integers[i] < 0 || kinds->as.integers[i] >= HMLC_ACTIVATION_COUNT) {
            hmlc_infer_fail(context, status, "activation %u is %lld, of %d kinds", i,
                            (long long)kinds->as.integers[i], HMLC_ACTIVATION_COUNT);
        }
    }
}

/* Operand `index`, which may be absent, has these dims and x's element type. */
static void check_optional(const hmlc_infer *context, uint32_t index, const hmlc_type *x,
                           int32_t rank, const hmlc_dim *shape, hmlc_status *status)
{
    const hmlc_type *type = hmlc_infer_optional(context, index, HMLC_ACCEPT_FLOAT, status);
    hmlc_infer_same_dtype(context, index, x, type, status);
    hmlc_infer_shape(context, index, type, rank, shape, status);
}

/* Checks r, lengths, h0, c0 and peepholes (lstm), the candidate's bias (gru_cells), which stand
 * behind each other from operand `first` on (b between r and lengths when `bias`). */
static void check_states(const hmlc_infer *context, const hmlc_type *x, uint32_t first, bool bias,
                         const recurrent *cell, hmlc_status *status)
{
    uint32_t gates = cell->kind->gates, next = first + 1;
    hmlc_dim shape[3] = {cell->directions, hmlc_infer_times(context, cell->hidden, gates),
                         cell->hidden};
    const hmlc_type *r = hmlc_infer_operand(context, first, HMLC_ACCEPT_FLOAT, status);
    hmlc_infer_same_dtype(context, first, x, r, status);
    hmlc_infer_shape(context, first, r, 3, shape, status);
    if (bias) {
        shape[1] = hmlc_infer_times(context, cell->hidden, 2 * gates);
        check_optional(context, next++, x, 2, shape, status);
    }
    const hmlc_type *lengths = hmlc_infer_optional(context, next, HMLC_ACCEPT_INTEGER, status);
    hmlc_infer_shape(context, next++, lengths, 1, &cell->batch, status);
    shape[1] = cell->batch;
    for (uint32_t i = 0; i < cell->kind->states; ++i) {
        check_optional(context, next++, x, 3, shape, status);
    }
    if (cell->kind->states == 2) {
        shape[1] = hmlc_infer_times(context, cell->hidden, 3);
        check_optional(context, next, x, 2, shape, status);
    } else if (context->op->opcode == HMLC_OP_gru_cells) {
        shape[1] = cell->hidden;
        check_optional(context, next, x, 2, shape, status);
    }
}

static void set_results(hmlc_infer *context, hmlc_dtype dtype, const recurrent *cell,
                        hmlc_status *status)
{
    hmlc_dim dims[4] = {cell->steps, cell->directions, cell->batch, cell->hidden};
    hmlc_infer_result(context, 0, dtype, 4, dims, status);
    for (uint32_t i = 1; i <= cell->kind->states; ++i) {
        hmlc_infer_result(context, i, dtype, 3, dims + 1, status);
    }
}

/* The hidden size is the last dim of r. */
static bool read_cell(const hmlc_infer *context, const hmlc_type *x, uint32_t r_index,
                      recurrent *cell, hmlc_status *status)
{
    const hmlc_type *r = hmlc_infer_operand(context, r_index, HMLC_ACCEPT_FLOAT, status);
    hmlc_infer_rank(context, 0, x, 3, 3, status);
    hmlc_infer_rank(context, r_index, r, 3, 3, status);
    const hmlc_cell_kind *kind = hmlc_cell_kind_of(context->op->opcode);
    check_activations(context, kind, status);
    if (x == NULL || r == NULL || *status != HMLC_OK) {
        return false;
    }
    *cell = (recurrent){.kind = kind,
                        .steps = x->dims[0],
                        .batch = x->dims[1],
                        .hidden = r->dims[2],
                        .directions = hmlc_infer_number(context, directions_of(context))};
    return true;
}

hmlc_status hmlc_infer_recurrent(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    recurrent cell;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    if (!read_cell(context, x, 2, &cell, &status)) {
        return status;
    }
    const hmlc_type *w = hmlc_infer_operand(context, 1, HMLC_ACCEPT_FLOAT, &status);
    hmlc_dim shape[3] = {cell.directions, hmlc_infer_times(context, cell.hidden, cell.kind->gates),
                         x->dims[2]};
    hmlc_infer_same_dtype(context, 1, x, w, &status);
    hmlc_infer_shape(context, 1, w, 3, shape, &status);
    check_states(context, x, 2, true, &cell, &status);
    set_results(context, x->dtype, &cell, &status);
    return status;
}

hmlc_status hmlc_infer_recurrent_cells(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    recurrent cell;
    const hmlc_type *xw = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    if (!read_cell(context, xw, 1, &cell, &status)) {
        return status;
    }
    hmlc_dim gates = hmlc_infer_times(context, cell.hidden, cell.kind->gates);
    hmlc_infer_unify(context, hmlc_dim_multiply(context->module->dims, cell.directions, gates),
                     xw->dims[2], "last dim of operand 0", &status);
    check_states(context, xw, 1, false, &cell, &status);
    set_results(context, xw->dtype, &cell, &status);
    return status;
}

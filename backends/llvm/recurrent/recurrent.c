/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recurrent cells: what of an LSTM, a GRU or a simple RNN depends on the step before. The input's
 * share of the gates comes ready (xw); each step adds h * R, a GEMV over panels of hidden units
 * that holds all gates in registers, and ends each panel with the cell's arithmetic. A GRU whose
 * gate r scales h needs all of r before its candidate: its steps go over the panels twice. A work
 * unit is one direction of some batch elements, whose weights are read once for all of them; its
 * steps follow each other.
 *
 * R is packed [direction][panel][gate][k][unit], gates in the order of the operator's rows, zero
 * filled; a constant R when the model is compiled, another one in scratch memory at the start of
 * each unit.
 */
#include "recurrent.h"

#include <string.h>

static const char *refusal(const hmlc_op *op)
{
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *value = op->operands[k].value;
        hmlc_dtype expected = k == HMLC_CELL_LENGTHS ? HMLC_DTYPE_i32 : HMLC_DTYPE_f32;
        if (value != NULL && value->type->dtype != expected) {
            return "only f32 cells with i32 lengths are compiled";
        }
    }
    return hmlc_dim_is_constant(hmlc_op_operand(op, HMLC_CELL_WEIGHTS)->type->dims[2], NULL)
               ? NULL
               : "the hidden size must be known when the model is compiled";
}

static hmlc_status recurrent_pack(const hmlc_kernel_plan *plan, const hmlc_tensor *constant,
                                  void *out)
{
    (void)plan;
    float *packed = out;
    int64_t hidden = constant->dims[2], panels = hmlc_recurrent_panels(hidden);
    int64_t gates = hidden > 0 ? constant->dims[1] / hidden : 0;
    const char *weights = constant->data;
    for (int64_t row = 0; row < constant->dims[0] * hidden; row++) {
        int64_t d = row / hidden, unit = row % hidden;
        for (int64_t k = 0; k < hidden; k++) {
            for (int64_t gate = 0; gate < gates; gate++) {
                int64_t from = ((d * gates + gate) * hidden + unit) * hidden + k;
                int64_t panel = (d * panels + unit / HMLC_PACK_WIDTH) * gates + gate;
                int64_t to = (panel * hidden + k) * HMLC_PACK_WIDTH + unit % HMLC_PACK_WIDTH;
                memcpy(&packed[to], weights + from * (int64_t)sizeof *packed, sizeof *packed);
            }
        }
    }
    return HMLC_OK;
}

/* The kernel's op of cells; NULL when the region holds anything else. */
static hmlc_op *find_cells(const hmlc_op *kernel)
{
    hmlc_op *found = NULL;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        const hmlc_cell_kind *kind = hmlc_cell_kind_of(op->opcode);
        if (kind != NULL && kind->cells == op->opcode && found == NULL) {
            found = op;
        } else if (op->opcode != HMLC_OP_constant && op->opcode != HMLC_OP_yield) {
            return NULL;
        }
    }
    return found;
}

/* "lstm16 gates H=128": the layout of packed weights. */
static const char *packing_name(hmlc_arena *arena, const hmlc_op *op, int64_t hidden)
{
    const char *name = hmlc_op_get_info(op->opcode)->name;
    return hmlc_arena_printf(arena, "%.*s%d gates H=%lld", (int)strcspn(name, "_"), name,
                             HMLC_PACK_WIDTH, (long long)hidden);
}

int64_t hmlc_recurrent_rows(const hmlc_op *op)
{
    /* Units for two threads, but for few rows: three take little longer than one, which waits for
     * its weights. UNKNOWN: of a batch that a run knows. */
    enum { FEWEST = 3, UNKNOWN = 4, THREADS = 2 };
    int64_t batch = 0, directions = hmlc_op_operand(op, HMLC_CELL_WEIGHTS)->type->dims[0]->value;
    if (hmlc_op_operand(op, HMLC_CELL_LENGTHS) != NULL) {
        return 1; /* each ends at a step of its own */
    }
    if (!hmlc_dim_is_constant(hmlc_op_operand(op, HMLC_CELL_INPUT)->type->dims[1], &batch)) {
        return UNKNOWN;
    }
    if (batch <= 1) {
        return 1;
    }
    int64_t most = (batch * directions + THREADS - 1) / THREADS;
    most = most < HMLC_RECURRENT_MOST_ROWS ? most : HMLC_RECURRENT_MOST_ROWS;
    most = most > FEWEST ? most : FEWEST;
    int64_t units = (batch + most - 1) / most;
    return (batch + units - 1) / units;
}

int64_t hmlc_recurrent_state_floats(const hmlc_op *op)
{
    int64_t hidden = hmlc_op_operand(op, HMLC_CELL_WEIGHTS)->type->dims[2]->value;
    int64_t rows = hmlc_recurrent_rows(op), gates = hmlc_cell_kind_of(op->opcode)->gates;
    int64_t vectors = hmlc_recurrent_slots(op) * hmlc_recurrent_panels(hidden);
    return rows * (vectors + (rows > 1 ? gates : 0)) * HMLC_PACK_WIDTH;
}

static hmlc_status recurrent_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    hmlc_op *op = find_cells(plan->kernel);
    const char *reason = op != NULL ? refusal(op) : "not one cell";
    if (reason != NULL) {
        return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported,
                              plan->kernel->location, NULL, "recurrent cell: %s", reason);
    }
    plan->state = op;
    hmlc_dims *dims = context->module->dims;
    const hmlc_value *weights = hmlc_op_operand(op, HMLC_CELL_WEIGHTS);
    const hmlc_type *xw = hmlc_op_operand(op, HMLC_CELL_INPUT)->type;
    int64_t hidden = weights->type->dims[2]->value;
    int64_t gates = hmlc_cell_kind_of(op->opcode)->gates, panels = hmlc_recurrent_panels(hidden);
    int64_t panel_floats = panels * hidden * gates * HMLC_PACK_WIDTH;
    int64_t rows = hmlc_recurrent_rows(op), floats = hmlc_recurrent_state_floats(op);
    if (weights->producer == NULL &&
        hmlc_kernel_argument_constant(plan->kernel, weights->index) != NULL) {
        int64_t directions = weights->type->dims[0]->value;
        hmlc_kernel_operand *operand = &plan->operands[weights->index];
        operand->kind = HMLC_OPERAND_PACKED;
        operand->bytes = (size_t)(directions * panel_floats) * sizeof(float);
        operand->packing = packing_name(context->arena, op, hidden);
        operand->pack = recurrent_pack;
        HMLC_TRY_MEMORY(operand->packing);
    } else {
        floats += panel_floats;
    }
    plan->scratch_bytes = hmlc_dim_constant(dims, floats * (int64_t)sizeof(float));
    hmlc_dim elements = xw->dims[1], directions = weights->type->dims[0];
    plan->units = hmlc_dim_multiply(
        dims, directions, hmlc_dim_ceildiv(dims, elements, hmlc_dim_constant(dims, rows)));
    hmlc_dim step_work = hmlc_dim_constant(dims, 2 * gates * hidden * hidden);
    plan->work = hmlc_dim_multiply(dims, hmlc_dim_multiply(dims, directions, elements),
                                   hmlc_dim_multiply(dims, xw->dims[0], step_work));
    int64_t nanoseconds = hmlc_dim_hint(xw->dims[0]) * 2 * gates * hidden * hidden * rows / 30;
    plan->unit_cost = nanoseconds < UINT32_MAX ? (uint32_t)nanoseconds : UINT32_MAX;
    return HMLC_OK;
}

const hmlc_kernel_class hmlc_recurrent_class = {
    .name = "recurrent",
    .form = HMLC_FORM_RECURRENT,
    .plan = recurrent_plan,
    .emit = hmlc_recurrent_emit,
};

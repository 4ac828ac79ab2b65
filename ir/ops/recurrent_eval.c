/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of recurrent ops and of their cells; states are kept in double over all steps. */
#include <math.h>

#include "eval_tools.h"
#include "unary_functions.h"

typedef struct recurrent_run {
    const hmlc_cell_kind *kind;
    int64_t steps, batch, inputs, hidden, directions;
    int64_t rows; /* gates * hidden */
    const double *x, *w, *r, *b, *peepholes;
    const double *xw;             /* cells: [S, B, D * rows], products and biases together */
    const double *candidate_bias; /* gru_cells: [D, H], added to the candidate's h * r */
    const int64_t *lengths;
    double *h, *c; /* [D, B, H] */
    double *y;     /* [S, D, B, H] */
    double *gates; /* of one cell: rows */
    double *reset; /* gru: h scaled by the gate r */
    double clip;
    bool couples;                      /* lstm: forget gate = 1 - input gate */
    bool resets_after;                 /* gru: linear_before_reset */
    hmlc_activation activations[2][3]; /* per direction */
} recurrent_run;

/* Operand `index` as doubles; NULL when absent. */
static hmlc_status load(const hmlc_eval *context, uint32_t index, const double **values)
{
    const hmlc_tensor *tensor = hmlc_eval_operand(context, index);
    *values = NULL;
    if (tensor != NULL) {
        *values = hmlc_eval_doubles(context, tensor);
        HMLC_TRY_MEMORY(*values);
    }
    return HMLC_OK;
}

/* An initial state, zero when absent. */
static hmlc_status load_state(const hmlc_eval *context, uint32_t index, int64_t count,
                              double **values)
{
    const hmlc_tensor *tensor = hmlc_eval_operand(context, index);
    *values =
        tensor != NULL ? hmlc_eval_doubles(context, tensor) : hmlc_eval_new_doubles(context, count);
    HMLC_TRY_MEMORY(*values);
    return HMLC_OK;
}

static hmlc_status load_weights(const hmlc_eval *context, recurrent_run *run, bool cells)
{
    HMLC_TRY(load(context, 0, cells ? &run->xw : &run->x));
    HMLC_TRY(load(context, cells ? 1 : 2, &run->r));
    if (!cells) {
        HMLC_TRY(load(context, 1, &run->w));
        HMLC_TRY(load(context, 3, &run->b));
    }
    return run->r != NULL && (run->xw != NULL || (run->x != NULL && run->w != NULL))
               ? HMLC_OK
               : hmlc_eval_fail(context, HMLC_ERROR_compiler_defect,
                                "an operand that the operator requires is absent");
}

static hmlc_status load_operands(const hmlc_eval *context, recurrent_run *run)
{
    bool cells = run->kind->cells == context->op->opcode;
    uint32_t next = cells ? 2 : 4; /* lengths */
    int64_t states = run->directions * run->batch * run->hidden;
    HMLC_TRY(load_weights(context, run, cells));
    if (hmlc_eval_operand(context, next) != NULL) {
        run->lengths = hmlc_eval_integers(context, hmlc_eval_operand(context, next));
        HMLC_TRY_MEMORY(run->lengths);
    }
    HMLC_TRY(load_state(context, next + 1, states, &run->h));
    if (run->kind->states == 2) {
        HMLC_TRY(load_state(context, next + 2, states, &run->c));
        HMLC_TRY(load(context, next + 3, &run->peepholes));
    } else if (context->op->opcode == HMLC_OP_gru_cells) {
        HMLC_TRY(load(context, next + 2, &run->candidate_bias));
    }
    run->y = hmlc_eval_new_doubles(context, run->steps * states);
    run->gates = hmlc_eval_new_doubles(context, run->rows);
    run->reset = hmlc_eval_new_doubles(context, run->hidden);
    HMLC_TRY_MEMORY(run->y);
    HMLC_TRY_MEMORY(run->gates);
    HMLC_TRY_MEMORY(run->reset);
    return HMLC_OK;
}

/* One direction of one batch element at one step. */
typedef struct place {
    int64_t direction, step, batch;
} place;

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* x W^T of gate row i, with its bias. */
static double input_share(const recurrent_run *run, const place *at, int64_t i)
{
    int64_t row = at->step * run->batch + at->batch, weights = at->direction * run->rows + i;
    if (run->xw != NULL) {
        return run->xw[row * run->directions * run->rows + weights];
    }
    double sum = dot(run->x + row * run->inputs, run->w + weights * run->inputs, run->inputs);
    return sum + (run->b != NULL ? run->b[at->direction * 2 * run->rows + i] : 0);
}

/* h R^T of gate row i, with its bias. */
static double hidden_share(const recurrent_run *run, const place *at, const double *h, int64_t i)
{
    int64_t weights = at->direction * run->rows + i, candidate = 2 * run->hidden;
    double sum = dot(h, run->r + weights * run->hidden, run->hidden);
    if (run->b != NULL) {
        sum += run->b[(at->direction * 2 + 1) * run->rows + i];
    } else if (run->candidate_bias != NULL && i >= candidate) {
        sum += run->candidate_bias[at->direction * run->hidden + i - candidate];
    }
    return sum;
}

/* An activation of what is clipped. NaN stays NaN, where fmin and fmax would drop it. */
static double activate(const recurrent_run *run, const place *at, uint32_t which, double x)
{
    double limited = x > run->clip ? run->clip : x < -run->clip ? -run->clip : x;
    return hmlc_activate(&run->activations[at->direction][which], run->clip > 0 ? limited : x);
}

static void update_lstm(const recurrent_run *run, const place *at, const double *h, double *y)
{
    int64_t hidden = run->hidden, state = (at->direction * run->batch + at->batch) * hidden;
    const double *p = run->peepholes == NULL ? NULL : run->peepholes + at->direction * 3 * hidden;
    const hmlc_activation *output = &run->activations[at->direction][HMLC_ACTIVATION_HIDDEN];
    for (int64_t i = 0; i < run->rows; ++i) {
        run->gates[i] = hidden_share(run, at, h, i) + input_share(run, at, i);
    }
    for (int64_t k = 0; k < hidden; ++k) {
        const double *gate = run->gates + k;
        double old = run->c[state + k];
        double i = activate(run, at, HMLC_ACTIVATION_GATES, gate[0] + (p != NULL ? p[k] * old : 0));
        double f = gate[2 * hidden] + (p != NULL ? p[2 * hidden + k] * old : 0);
        f = run->couples ? 1 - i : activate(run, at, HMLC_ACTIVATION_GATES, f);
        double cell = activate(run, at, HMLC_ACTIVATION_CANDIDATE, gate[3 * hidden]);
        cell = f * old + i * cell;
        double o = gate[hidden] + (p != NULL ? p[hidden + k] * cell : 0);
        run->c[state + k] = cell;
        y[k] = activate(run, at, HMLC_ACTIVATION_GATES, o) * hmlc_activate(output, cell);
    }
}

/* The gate r scales h before the candidate's product, or that product with its bias. */
static void update_gru(const recurrent_run *run, const place *at, const double *h, double *y)
{
    int64_t hidden = run->hidden;
    for (int64_t i = 0; i < 2 * hidden; ++i) {
        double sum = hidden_share(run, at, h, i) + input_share(run, at, i);
        run->gates[i] = activate(run, at, HMLC_ACTIVATION_GATES, sum);
    }
    for (int64_t k = 0; k < hidden; ++k) {
        run->reset[k] = run->gates[hidden + k] * h[k];
    }
    for (int64_t k = 0; k < hidden; ++k) {
        int64_t i = 2 * hidden + k;
        double sum = run->resets_after ? run->gates[hidden + k] * hidden_share(run, at, h, i)
                                       : hidden_share(run, at, run->reset, i);
        double candidate =
            activate(run, at, HMLC_ACTIVATION_CANDIDATE, sum + input_share(run, at, i));
        y[k] = (1 - run->gates[k]) * candidate + run->gates[k] * h[k];
    }
}

static void update_rnn(const recurrent_run *run, const place *at, const double *h, double *y)
{
    for (int64_t k = 0; k < run->hidden; ++k) {
        double sum = hidden_share(run, at, h, k) + input_share(run, at, k);
        y[k] = activate(run, at, HMLC_ACTIVATION_ONLY, sum);
    }
}

static void update(const recurrent_run *run, const place *at)
{
    int64_t row = (at->step * run->directions + at->direction) * run->batch + at->batch;
    double *h = run->h + (at->direction * run->batch + at->batch) * run->hidden;
    double *y = run->y + row * run->hidden;
    switch (run->kind->gates) {
    case 4:
        update_lstm(run, at, h, y);
        break;
    case 3:
        update_gru(run, at, h, y);
        break;
    default:
        update_rnn(run, at, h, y);
    }
    for (int64_t k = 0; k < run->hidden; ++k) {
        h[k] = y[k];
    }
}

static void run_sequence(const recurrent_run *run, int64_t direction, bool reverse, int64_t batch)
{
    int64_t length = run->lengths != NULL ? run->lengths[batch] : run->steps;
    for (int64_t t = 0; t < length; ++t) {
        update(run, &(place){direction, reverse ? length - 1 - t : t, batch});
    }
}

static hmlc_status check_lengths(const hmlc_eval *context, const recurrent_run *run)
{
    for (int64_t i = 0; i < run->batch && run->lengths != NULL; ++i) {
        if (run->lengths[i] < 0 || run->lengths[i] > run->steps) {
            return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                                  "sequence length %lld is out of range 0 to %lld",
                                  (long long)run->lengths[i], (long long)run->steps);
        }
    }
    return HMLC_OK;
}

static recurrent_run describe(const hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    const hmlc_tensor *x = context->operands[0], *y = &context->results[0];
    recurrent_run run = {.kind = hmlc_cell_kind_of(op->opcode),
                         .steps = x->dims[0],
                         .batch = x->dims[1],
                         .inputs = x->dims[2],
                         .hidden = y->dims[3],
                         .directions = y->dims[1],
                         .clip = hmlc_op_float(op, HMLC_ATTR_clip)};
    run.rows = run.kind->gates * run.hidden;
    run.couples = run.kind->gates == 4 && hmlc_op_int(op, HMLC_ATTR_input_forget) != 0;
    run.resets_after = run.kind->gates == 3 && hmlc_op_int(op, HMLC_ATTR_linear_before_reset) != 0;
    for (int64_t d = 0; d < run.directions; ++d) {
        for (uint32_t which = 0; which < run.kind->activations; ++which) {
            run.activations[d][which] = hmlc_activation_of(op, d, which);
        }
    }
    return run;
}

hmlc_status hmlc_eval_recurrent(hmlc_eval *context)
{
    recurrent_run run = describe(context);
    HMLC_TRY(load_operands(context, &run));
    HMLC_TRY(check_lengths(context, &run));
    bool reversed = hmlc_op_int(context->op, HMLC_ATTR_direction) == HMLC_DIRECTION_REVERSE;
    for (int64_t d = 0; d < run.directions; ++d) {
        for (int64_t i = 0; i < run.batch; ++i) {
            run_sequence(&run, d, d == 1 || reversed, i);
        }
    }
    hmlc_eval_store_doubles(&context->results[0], run.y);
    hmlc_eval_store_doubles(&context->results[1], run.h);
    if (run.kind->states == 2) {
        hmlc_eval_store_doubles(&context->results[2], run.c);
    }
    return HMLC_OK;
}

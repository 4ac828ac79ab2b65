/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of lstm and lstm_cells; states are kept in double over all steps. */
#include <math.h>

#include "eval_tools.h"
#include "unary_functions.h"

typedef struct lstm_run {
    int64_t steps, batch, inputs, hidden, directions;
    const double *x, *w, *r, *b, *peepholes;
    const double *xw; /* lstm_cells: [S, B, D * 4H], products and biases together */
    const int64_t *lengths;
    double *h, *c; /* [D, B, H] */
    double *y;     /* [S, D, B, H] */
    double *gates; /* 4H of one cell */
    double clip;
    bool couples;                      /* forget gate = 1 - input gate */
    hmlc_activation activations[2][3]; /* per direction */
} lstm_run;

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

static hmlc_status load_operands(const hmlc_eval *context, lstm_run *lstm)
{
    bool cells = context->op->opcode == HMLC_OP_lstm_cells;
    uint32_t next = cells ? 2 : 4; /* lengths */
    int64_t states = lstm->directions * lstm->batch * lstm->hidden;
    HMLC_TRY(load(context, 0, cells ? &lstm->xw : &lstm->x));
    HMLC_TRY(load(context, cells ? 1 : 2, &lstm->r));
    if (!cells) {
        HMLC_TRY(load(context, 1, &lstm->w));
        HMLC_TRY(load(context, 3, &lstm->b));
    }
    if (lstm->r == NULL || (lstm->xw == NULL && (lstm->x == NULL || lstm->w == NULL))) {
        return hmlc_eval_fail(context, HMLC_ERROR_compiler_defect,
                              "an operand that the operator requires is absent");
    }
    if (hmlc_eval_operand(context, next) != NULL) {
        lstm->lengths = hmlc_eval_integers(context, hmlc_eval_operand(context, next));
        HMLC_TRY_MEMORY(lstm->lengths);
    }
    HMLC_TRY(load_state(context, next + 1, states, &lstm->h));
    HMLC_TRY(load_state(context, next + 2, states, &lstm->c));
    HMLC_TRY(load(context, next + 3, &lstm->peepholes));
    lstm->y = hmlc_eval_new_doubles(context, lstm->steps * states);
    lstm->gates = hmlc_eval_new_doubles(context, 4 * lstm->hidden);
    HMLC_TRY_MEMORY(lstm->y);
    HMLC_TRY_MEMORY(lstm->gates);
    return HMLC_OK;
}

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

/* x W^T + h R^T + biases, in the order i o f c. */
static void gate_inputs(const lstm_run *lstm, int64_t direction, int64_t step, int64_t batch)
{
    int64_t rows = 4 * lstm->hidden, row = step * lstm->batch + batch;
    const double *h = lstm->h + (direction * lstm->batch + batch) * lstm->hidden;
    for (int64_t i = 0; i < rows; ++i) {
        int64_t at = direction * rows + i;
        double sum = dot(h, lstm->r + at * lstm->hidden, lstm->hidden);
        if (lstm->xw != NULL) {
            sum += lstm->xw[row * lstm->directions * rows + at];
        } else {
            sum += dot(lstm->x + row * lstm->inputs, lstm->w + at * lstm->inputs, lstm->inputs);
        }
        if (lstm->b != NULL) {
            const double *bias = lstm->b + direction * 2 * rows;
            sum += bias[i] + bias[rows + i];
        }
        lstm->gates[i] = sum;
    }
}

/* NaN stays NaN, where fmin and fmax would drop it. */
static double clipped(const lstm_run *lstm, double x)
{
    double limited = x > lstm->clip ? lstm->clip : x < -lstm->clip ? -lstm->clip : x;
    return lstm->clip > 0 ? limited : x;
}

static void update_cell(const lstm_run *lstm, int64_t direction, int64_t step, int64_t batch)
{
    int64_t hidden = lstm->hidden, state = (direction * lstm->batch + batch) * hidden;
    const double *p = lstm->peepholes == NULL ? NULL : lstm->peepholes + direction * 3 * hidden;
    const hmlc_activation *activation = lstm->activations[direction];
    const hmlc_activation *gates = &activation[HMLC_ACTIVATION_GATES];
    double *y = lstm->y + ((step * lstm->directions + direction) * lstm->batch + batch) * hidden;
    for (int64_t k = 0; k < hidden; ++k) {
        const double *gate = lstm->gates + k;
        double old = lstm->c[state + k];
        double i = hmlc_activate(gates, clipped(lstm, gate[0] + (p != NULL ? p[k] * old : 0)));
        double f = gate[2 * hidden] + (p != NULL ? p[2 * hidden + k] * old : 0);
        f = lstm->couples ? 1 - i : hmlc_activate(gates, clipped(lstm, f));
        double candidate =
            hmlc_activate(&activation[HMLC_ACTIVATION_CANDIDATE], clipped(lstm, gate[3 * hidden]));
        double cell = f * old + i * candidate;
        double o = gate[hidden] + (p != NULL ? p[hidden + k] * cell : 0);
        o = hmlc_activate(gates, clipped(lstm, o));
        lstm->c[state + k] = cell;
        y[k] = o * hmlc_activate(&activation[HMLC_ACTIVATION_HIDDEN], cell);
    }
    for (int64_t k = 0; k < hidden; ++k) {
        lstm->h[state + k] = y[k];
    }
}

static void run_sequence(const lstm_run *lstm, int64_t direction, bool reverse, int64_t batch)
{
    int64_t length = lstm->lengths != NULL ? lstm->lengths[batch] : lstm->steps;
    for (int64_t t = 0; t < length; ++t) {
        int64_t step = reverse ? length - 1 - t : t;
        gate_inputs(lstm, direction, step, batch);
        update_cell(lstm, direction, step, batch);
    }
}

hmlc_status hmlc_eval_lstm(hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    const hmlc_tensor *x = context->operands[0], *y = &context->results[0];
    lstm_run lstm = {.steps = x->dims[0],
                     .batch = x->dims[1],
                     .inputs = x->dims[2],
                     .hidden = y->dims[3],
                     .directions = y->dims[1],
                     .clip = hmlc_op_float(op, HMLC_ATTR_clip),
                     .couples = hmlc_op_int(op, HMLC_ATTR_input_forget) != 0};
    for (int64_t d = 0; d < lstm.directions; ++d) {
        for (uint32_t which = 0; which < 3; ++which) {
            lstm.activations[d][which] = hmlc_activation_of(op, d, which);
        }
    }
    HMLC_TRY(load_operands(context, &lstm));
    for (int64_t i = 0; i < lstm.batch && lstm.lengths != NULL; ++i) {
        if (lstm.lengths[i] < 0 || lstm.lengths[i] > lstm.steps) {
            return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                                  "sequence length %lld is out of range 0 to %lld",
                                  (long long)lstm.lengths[i], (long long)lstm.steps);
        }
    }
    bool first_reversed = hmlc_op_int(op, HMLC_ATTR_direction) == HMLC_DIRECTION_REVERSE;
    for (int64_t d = 0; d < lstm.directions; ++d) {
        for (int64_t i = 0; i < lstm.batch; ++i) {
            run_sequence(&lstm, d, d == 1 || first_reversed, i);
        }
    }
    hmlc_eval_store_doubles(&context->results[0], lstm.y);
    hmlc_eval_store_doubles(&context->results[1], lstm.h);
    hmlc_eval_store_doubles(&context->results[2], lstm.c);
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Planning of reductions: accumulators, phases, and which values are kept between phases. */
#include "loop_row.h"

#include <hmlc/assert.h>

#include "llvm/elementwise/elementwise_internal.h"

/* -- what is supported -- */

static bool dtype_folds(const hmlc_op *op, hmlc_dtype dtype)
{
    bool order = op->opcode == HMLC_OP_reduce_max || op->opcode == HMLC_OP_reduce_min;
    bool whole = hmlc_dtype_is_integer(dtype) && hmlc_dtype_bytes(dtype) > 0;
    bool real = dtype == HMLC_DTYPE_f16 || dtype == HMLC_DTYPE_bf16 || dtype == HMLC_DTYPE_f32 ||
                dtype == HMLC_DTYPE_f64;
    if (hmlc_op_has(op, HMLC_TRAIT_ROWWISE)) {
        return real;
    }
    return whole || real || (order && dtype == HMLC_DTYPE_bool);
}

bool hmlc_loop_row_supported(const hmlc_op *op, const char **reason)
{
    hmlc_dtype dtype = hmlc_op_operand(op, 0)->type->dtype;
    if (!dtype_folds(op, dtype)) {
        *reason = "no reduction of this element type";
        return false;
    }
    return true;
}

/* -- accumulators -- */

typedef struct fold_row {
    hmlc_opcode opcode;
    uint32_t parts;
    hmlc_loop_fold folds[2];
} fold_row;

static const fold_row fold_rows[] = {
    {HMLC_OP_reduce_sum, 1, {HMLC_LOOP_FOLD_SUM}},
    {HMLC_OP_reduce_mean, 1, {HMLC_LOOP_FOLD_SUM}},
    {HMLC_OP_reduce_max, 1, {HMLC_LOOP_FOLD_MAXIMUM}},
    {HMLC_OP_reduce_min, 1, {HMLC_LOOP_FOLD_MINIMUM}},
    {HMLC_OP_reduce_prod, 1, {HMLC_LOOP_FOLD_PRODUCT}},
    {HMLC_OP_arg_max, 1, {HMLC_LOOP_FOLD_ARGUMENT}},
    {HMLC_OP_arg_min, 1, {HMLC_LOOP_FOLD_ARGUMENT}},
    {HMLC_OP_softmax, 2, {HMLC_LOOP_FOLD_LARGEST, HMLC_LOOP_FOLD_SUM}},
    {HMLC_OP_log_softmax, 2, {HMLC_LOOP_FOLD_LARGEST, HMLC_LOOP_FOLD_SUM}},
    {HMLC_OP_layer_norm, 2, {HMLC_LOOP_FOLD_SUM, HMLC_LOOP_FOLD_SUM}},
    {HMLC_OP_rms_norm, 1, {HMLC_LOOP_FOLD_SUM}},
};

static const fold_row *find_fold(hmlc_opcode opcode)
{
    for (size_t k = 0; k < sizeof fold_rows / sizeof fold_rows[0]; k++) {
        if (fold_rows[k].opcode == opcode) {
            return &fold_rows[k];
        }
    }
    return NULL;
}

/* Half-width floats accumulate in f32, means of integers in 64 bits. */
static hmlc_dtype accumulator_dtype(const hmlc_op *op)
{
    hmlc_dtype dtype = hmlc_op_operand(op, 0)->type->dtype;
    if (hmlc_dtype_is_half(dtype)) {
        return HMLC_DTYPE_f32;
    }
    if (op->opcode == HMLC_OP_reduce_mean && hmlc_dtype_is_integer(dtype)) {
        return hmlc_dtype_is_unsigned(dtype) ? HMLC_DTYPE_u64 : HMLC_DTYPE_i64;
    }
    return dtype;
}

static hmlc_status too_many(hmlc_loop_context *context, const char *what)
{
    return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported,
                          context->kernel->location, NULL, "a loop kernel with too many %s", what);
}

static hmlc_status add_accumulators(hmlc_loop_context *context, const hmlc_op *op, uint32_t level)
{
    hmlc_loop_rows *rows = context->state->rows;
    const fold_row *row = find_fold(op->opcode);
    if (row == NULL) {
        return HMLC_OK; /* the walk refuses it */
    }
    for (uint32_t part = 0; part < row->parts; part++) {
        if (rows->count == HMLC_LOOP_MAX_ACCUMULATORS) {
            return too_many(context, "reductions");
        }
        int64_t axis =
            row->folds[part] == HMLC_LOOP_FOLD_ARGUMENT ? hmlc_op_int(op, HMLC_ATTR_axis) : 0;
        bool argument = row->folds[part] == HMLC_LOOP_FOLD_ARGUMENT;
        rows->accumulators[rows->count++] = (hmlc_loop_accumulator){
            .op = op,
            .part = part,
            .phase = level + part,
            .fold = row->folds[part],
            .dtype = accumulator_dtype(op),
            .narrow = argument && hmlc_op_operand(op, 0)->type->dims[axis]->maximum < INT32_MAX,
        };
    }
    return HMLC_OK;
}

uint32_t *hmlc_loop_level(const hmlc_loop_context *context, const hmlc_value *value)
{
    return &context->state->rows->level[value->id - context->ids.first];
}

/* The phase from which on each value of the region can be computed. */
static hmlc_status assign_levels(hmlc_loop_context *context)
{
    hmlc_loop_rows *rows = context->state->rows;
    HMLC_FOR_EACH_OP(op, context->kernel->regions[0])
    {
        uint32_t level = 0;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            const hmlc_value *operand = hmlc_op_operand(op, k);
            uint32_t known = operand != NULL ? *hmlc_loop_level(context, operand) : 0;
            level = known > level ? known : level;
        }
        if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE)) {
            HMLC_TRY(add_accumulators(context, op, level));
            const fold_row *row = find_fold(op->opcode);
            level += row != NULL ? row->parts : 0;
        }
        for (uint32_t k = 0; k < op->result_count; k++) {
            *hmlc_loop_level(context, op->results[k]) = level;
        }
        rows->phases = level + 1 > rows->phases ? level + 1 : rows->phases;
    }
    return HMLC_OK;
}

hmlc_status hmlc_loop_rows_create(hmlc_loop_context *context)
{
    hmlc_loop_rows *rows = HMLC_NEW(context->keep, hmlc_loop_rows);
    HMLC_TRY_MEMORY(rows);
    rows->level = HMLC_NEW_ARRAY(context->keep, uint32_t, context->ids.count);
    HMLC_TRY_MEMORY(rows->level);
    context->state->rows = rows;
    rows->row = hmlc_dim_constant(context->dims, 1);
    for (uint32_t k = 0; k < context->space->count; k++) {
        if (context->space->vars[k].reduced) {
            rows->row = hmlc_dim_multiply(context->dims, rows->row, context->space->vars[k].extent);
        }
    }
    return assign_levels(context);
}

/* -- what is kept between phases -- */

bool hmlc_loop_row_full(const hmlc_loop_context *context, const hmlc_value *value)
{
    const hmlc_type *type = value->type;
    bool full = type->rank == context->space->rank;
    for (int32_t k = 0; full && k < type->rank; k++) {
        full = hmlc_dim_known_equal(context->dims, type->dims[k], context->space->shape[k]);
    }
    return full;
}

typedef struct demand {
    hmlc_loop_context *context;
    uint32_t *phases; /* by value: mask of the phases that evaluate it */
} demand;

static uint32_t *phases_of(const demand *self, const hmlc_value *value)
{
    return &self->phases[value->id - self->context->ids.first];
}

static void mark(demand *self, const hmlc_value *value, uint32_t phase)
{
    uint32_t bit = UINT32_C(1) << phase;
    if (value == NULL || (*phases_of(self, value) & bit) != 0) {
        return;
    }
    *phases_of(self, value) |= bit;
    const hmlc_op *op = value->producer;
    if (op == NULL || hmlc_op_has(op, HMLC_TRAIT_REDUCTION) || op->opcode == HMLC_OP_softmax) {
        return;
    }
    for (uint32_t k = 0; k < op->operand_count; k++) {
        mark(self, hmlc_op_operand(op, k), phase);
    }
}

static int32_t yield_position(const hmlc_loop_context *context, const hmlc_value *value)
{
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        if (hmlc_op_operand(yield, k) == value) {
            return (int32_t)k;
        }
    }
    return -1;
}

/* Bytes of one kept value: the row, times the lanes when those lie across it. */
static hmlc_dim kept_bytes(const hmlc_loop_context *context, hmlc_dtype dtype)
{
    const hmlc_loop_rows *rows = context->state->rows;
    int64_t each = (int64_t)hmlc_dtype_bytes(dtype);
    each *= rows->inside ? 1 : context->state->wide;
    hmlc_dims *dims = context->dims;
    hmlc_dim bytes = hmlc_dim_multiply(dims, rows->row, hmlc_dim_constant(dims, each));
    hmlc_dim line = hmlc_dim_constant(dims, 64);
    return hmlc_dim_multiply(dims, hmlc_dim_ceildiv(dims, bytes, line), line);
}

static hmlc_status keep(hmlc_loop_context *context, hmlc_kernel_plan *plan, const hmlc_value *value,
                        bool exponential, uint32_t phase)
{
    hmlc_loop_rows *rows = context->state->rows;
    if (rows->kept_count == HMLC_LOOP_MAX_KEPT) {
        return too_many(context, "values that reductions share");
    }
    hmlc_dtype dtype = value->type->dtype;
    hmlc_loop_kept *kept = &rows->kept[rows->kept_count++];
    *kept = (hmlc_loop_kept){
        .value = value, .exponential = exponential, .phase = phase, .dtype = dtype};
    kept->result = hmlc_dtype_is_half(dtype) && exponential ? -1 : yield_position(context, value);
    kept->dtype = exponential && hmlc_dtype_is_half(dtype) ? HMLC_DTYPE_f32 : dtype;
    if (kept->result < 0) {
        kept->offset = plan->scratch_bytes;
        plan->scratch_bytes =
            hmlc_dim_add(context->dims, plan->scratch_bytes, kept_bytes(context, kept->dtype));
    }
    return HMLC_OK;
}

static bool is_single(uint32_t mask)
{
    return (mask & (mask - 1)) == 0;
}

static uint32_t lowest(uint32_t mask)
{
    uint32_t bit = 0;
    while ((mask >> bit & 1) == 0) {
        bit++;
    }
    return bit;
}

/* Expensive values, and those that are stored anyhow, are not computed in two phases. */
static hmlc_status choose_kept(hmlc_loop_context *context, hmlc_kernel_plan *plan)
{
    hmlc_loop_rows *rows = context->state->rows;
    demand self = {.context = context};
    self.phases = HMLC_NEW_ARRAY(context->arena, uint32_t, context->ids.count);
    HMLC_TRY_MEMORY(self.phases);
    for (uint32_t k = 0; k < rows->count; k++) {
        mark(&self, hmlc_op_operand(rows->accumulators[k].op, 0), rows->accumulators[k].phase);
    }
    const hmlc_op *yield = hmlc_kernel_yield(context->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = hmlc_op_operand(yield, k);
        if (hmlc_loop_row_full(context, value)) {
            mark(&self, value, *hmlc_loop_level(context, value));
        }
    }
    HMLC_FOR_EACH_OP(op, context->kernel->regions[0])
    {
        const hmlc_value *value = op->result_count > 0 ? op->results[0] : NULL;
        bool stored = value != NULL && yield_position(context, value) >= 0;
        if (op->opcode == HMLC_OP_softmax) {
            HMLC_TRY(keep(context, plan, value, true, *hmlc_loop_level(context, value) - 1));
            /* Where the exponentials lay, later phases find the quotients. */
            if (stored && !is_single(*phases_of(&self, value))) {
                HMLC_TRY(keep(context, plan, value, false, *hmlc_loop_level(context, value)));
            }
            continue;
        }
        if (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) &&
            (hmlc_op_get_info(op->opcode)->cost.tenths >= 3 || stored) &&
            hmlc_loop_row_full(context, value) && !is_single(*phases_of(&self, value))) {
            HMLC_TRY(keep(context, plan, value, false, lowest(*phases_of(&self, value))));
        }
    }
    return HMLC_OK;
}

/* Lane counts of the pieces of a row, as hmlc_loop_emit_pieces makes them. */
static void choose_widths(hmlc_loop_context *context)
{
    const hmlc_loop_state *state = context->state;
    hmlc_loop_rows *rows = context->state->rows;
    int64_t trip = 0, rest = 0;
    hmlc_dim length = state->vector >= 0 ? context->space->vars[state->vector].trip : NULL;
    bool known = length != NULL && hmlc_dim_is_constant(length, &trip);
    rest = trip;
    for (uint32_t lanes = state->wide; lanes > 0;) {
        bool used = known ? rest >= lanes : lanes >= state->lanes || lanes == 4 || lanes == 1;
        if (used) {
            HMLC_ASSERT(rows->width_count < HMLC_LOOP_MAX_WIDTHS);
            rows->widths[rows->width_count++] = lanes;
            rest %= lanes;
        }
        lanes = lanes > state->lanes ? state->lanes : lanes / 2;
    }
}

hmlc_status hmlc_loop_rows_plan(hmlc_loop_context *context, hmlc_kernel_plan *plan)
{
    hmlc_loop_state *state = context->state;
    hmlc_loop_rows *rows = state->rows;
    rows->inside = state->vector >= 0 && context->space->vars[state->vector].reduced;
    if (rows->inside) {
        choose_widths(context);
    }
    if (rows->width_count == 0) {
        rows->widths[rows->width_count++] = 1;
    }
    for (uint32_t phase = 0; phase < rows->phases; phase++) {
        uint32_t carried = 0;
        for (uint32_t k = 0; k < rows->count; k++) {
            uint32_t each = rows->accumulators[k].fold == HMLC_LOOP_FOLD_ARGUMENT ? 2 : 1;
            carried += rows->accumulators[k].phase == phase ? each * rows->width_count : 0;
        }
        if (carried > HMLC_LOOP_MAX_CARRY) {
            return too_many(context, "reductions at once");
        }
    }
    return choose_kept(context, plan);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Values of reductions and rowwise ops at the current lanes. */
#include "loop_row.h"
#include "llvm/elementwise/elementwise_internal.h"
#include "llvm/elementwise/math_functions.h"

void hmlc_loop_row_index(const hmlc_loop_context *context, hmlc_loop_index *index)
{
    for (int32_t k = 0; k < context->space->rank; k++) {
        index[k] = hmlc_loop_index_of_dim(context, k);
    }
}

/* -- arithmetic on values that may be one for all lanes -- */

typedef LLVMValueRef real_function(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b);

static hmlc_loop_value apply(hmlc_loop_context *context, real_function *function, hmlc_loop_value a,
                             hmlc_loop_value b)
{
    bool vector = a.vector || b.vector;
    LLVMValueRef left = vector ? hmlc_loop_widen(context, a) : a.value;
    LLVMValueRef right = vector ? hmlc_loop_widen(context, b) : b.value;
    return (hmlc_loop_value){function(context->frame, left, right), vector};
}

static hmlc_loop_value apply_one(hmlc_loop_context *context,
                                 LLVMValueRef (*function)(hmlc_frame *frame, LLVMValueRef x),
                                 hmlc_loop_value a)
{
    return (hmlc_loop_value){function(context->frame, a.value), a.vector};
}

/* The row's length in the element type of `like`. */
static hmlc_loop_value row_length(hmlc_loop_context *context, LLVMValueRef like)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef count = hmlc_frame_dim(frame, context->state->rows->row);
    return (hmlc_loop_value){LLVMBuildSIToFP(frame->builder, count, lanes_element(like), ""),
                             false};
}

static hmlc_loop_accumulator *accumulator_of(hmlc_loop_context *context, const hmlc_op *op,
                                             uint32_t part)
{
    hmlc_loop_rows *rows = context->state->rows;
    for (uint32_t k = 0; k < rows->count; k++) {
        if (rows->accumulators[k].op == op && rows->accumulators[k].part == part) {
            return &rows->accumulators[k];
        }
    }
    return NULL;
}

/* Operand 0 in the accumulator's type. */
static hmlc_loop_value source(hmlc_loop_context *context, const hmlc_op *op, hmlc_dtype dtype)
{
    hmlc_loop_index index[HMLC_MAX_RANK];
    const hmlc_value *x = hmlc_op_operand(op, 0);
    hmlc_loop_row_index(context, index);
    return hmlc_loop_convert(context, hmlc_loop_lower(context, x, index), x->type->dtype, dtype);
}

static hmlc_loop_value exponential(hmlc_loop_context *context, const hmlc_op *op)
{
    const hmlc_loop_accumulator *maximum = accumulator_of(context, op, 0);
    hmlc_loop_value x = source(context, op, maximum->dtype);
    hmlc_loop_value distance = apply(context, real_sub, x, maximum->result);
    bool wide = maximum->dtype == HMLC_DTYPE_f64;
    return apply_one(context, wide ? hmlc_math_exp_f64 : hmlc_math_exp_flushed, distance);
}

hmlc_loop_value hmlc_loop_row_element(hmlc_loop_context *context,
                                      const hmlc_loop_accumulator *accumulator)
{
    const hmlc_op *op = accumulator->op;
    switch (op->opcode) {
    case HMLC_OP_softmax:
    case HMLC_OP_log_softmax:
        return accumulator->part == 0 ? source(context, op, accumulator->dtype)
                                      : exponential(context, op);
    case HMLC_OP_layer_norm:
    case HMLC_OP_rms_norm: {
        hmlc_loop_value x = source(context, op, accumulator->dtype);
        if (op->opcode == HMLC_OP_layer_norm && accumulator->part == 0) {
            return x;
        }
        if (op->opcode == HMLC_OP_layer_norm) {
            x = apply(context, real_sub, x, accumulator_of(context, op, 0)->derived);
        }
        return apply(context, real_mul, x, x);
    }
    default:
        return source(context, op, accumulator->dtype);
    }
}

/* -- once per row -- */

static hmlc_loop_value mean_of(hmlc_loop_context *context, const hmlc_loop_accumulator *accumulator)
{
    hmlc_loop_value sum = accumulator->result;
    if (hmlc_dtype_is_float(accumulator->dtype)) {
        return apply(context, real_div, sum, row_length(context, sum.value));
    }
    hmlc_frame *frame = context->frame;
    hmlc_loop_value count = {hmlc_frame_dim_number(frame, context->state->rows->row), false};
    LLVMValueRef zero = hmlc_frame_number(frame, 0), one = hmlc_frame_number(frame, 1);
    LLVMValueRef empty = LLVMBuildICmp(frame->builder, LLVMIntEQ, count.value, zero, "");
    count.value = LLVMBuildSelect(frame->builder, empty, one, count.value, "");
    LLVMValueRef divisor = sum.vector ? hmlc_loop_widen(context, count) : count.value;
    LLVMValueRef quotient = hmlc_dtype_is_unsigned(accumulator->dtype)
                                ? LLVMBuildUDiv(frame->builder, sum.value, divisor, "")
                                : LLVMBuildSDiv(frame->builder, sum.value, divisor, "");
    return (hmlc_loop_value){quotient, sum.vector};
}

/* 1 / sqrt(mean + epsilon). */
static hmlc_loop_value inverse_deviation(hmlc_loop_context *context,
                                         const hmlc_loop_accumulator *accumulator)
{
    hmlc_frame *frame = context->frame;
    hmlc_loop_value mean = mean_of(context, accumulator);
    double epsilon = hmlc_op_float(accumulator->op, HMLC_ATTR_epsilon);
    LLVMValueRef root = real_unary(frame, "llvm.sqrt", real_plus(frame, mean.value, epsilon));
    return (hmlc_loop_value){real_div(frame, lanes_real(root, 1.0), root), mean.vector};
}

void hmlc_loop_row_derive(hmlc_loop_context *context, hmlc_loop_accumulator *accumulator)
{
    hmlc_frame *frame = context->frame;
    hmlc_loop_value result = accumulator->result;
    accumulator->derived = result;
    switch (accumulator->op->opcode) {
    case HMLC_OP_reduce_mean:
        accumulator->derived = mean_of(context, accumulator);
        return;
    case HMLC_OP_softmax:
        if (accumulator->part == 1) {
            accumulator->derived.value =
                real_div(frame, lanes_real(result.value, 1.0), result.value);
        }
        return;
    case HMLC_OP_log_softmax:
        if (accumulator->part == 1) {
            bool wide = accumulator->dtype == HMLC_DTYPE_f64;
            accumulator->derived =
                apply_one(context, wide ? hmlc_math_log_f64 : hmlc_math_log, result);
        }
        return;
    case HMLC_OP_layer_norm:
        accumulator->derived = accumulator->part == 0 ? mean_of(context, accumulator)
                                                      : inverse_deviation(context, accumulator);
        return;
    case HMLC_OP_rms_norm:
        accumulator->derived = inverse_deviation(context, accumulator);
        return;
    default:
        return;
    }
}

/* -- kept values -- */

/*
 * Where a kept value's elements lie in the scratch: row-major over the reduced variables, the lanes
 * innermost when they lie across rows. *base is moved so that lane 0 of this block is at 0.
 */
static hmlc_loop_index scratch_index(hmlc_loop_context *context, const hmlc_loop_kept *kept,
                                     LLVMValueRef *base)
{
    hmlc_frame *frame = context->frame;
    hmlc_dims *dims = context->dims;
    const hmlc_loop_state *state = context->state;
    hmlc_loop_index offset = hmlc_loop_index_zero(context);
    hmlc_dim stride = hmlc_dim_constant(dims, state->rows->inside ? 1 : (int64_t)state->wide);
    for (uint32_t k = state->inside_count; k-- > 0;) {
        offset.coefficient[state->inside[k]] = stride;
        stride = hmlc_dim_multiply(dims, stride, context->space->vars[state->inside[k]].trip);
    }
    *base =
        hmlc_frame_element(frame, frame->i8, frame->scratch, hmlc_frame_dim(frame, kept->offset));
    if (!state->rows->inside && state->vector >= 0) {
        offset.coefficient[state->vector] = hmlc_dim_constant(dims, 1);
        LLVMValueRef back = LLVMBuildNeg(frame->builder, context->position[state->vector], "");
        *base = hmlc_frame_element(frame, hmlc_frame_type(frame, kept->dtype), *base, back);
    }
    return offset;
}

static hmlc_loop_index kept_index(hmlc_loop_context *context, const hmlc_loop_kept *kept,
                                  LLVMValueRef *base)
{
    if (kept->result < 0) {
        return scratch_index(context, kept, base);
    }
    hmlc_loop_index index[HMLC_MAX_RANK];
    hmlc_loop_row_index(context, index);
    *base = context->frame->operands[hmlc_frame_result(context->frame, (uint32_t)kept->result)];
    return hmlc_loop_access_index(context, context->kernel->results[kept->result], index);
}

static hmlc_loop_value load_kept(hmlc_loop_context *context, const hmlc_loop_kept *kept)
{
    LLVMValueRef base;
    hmlc_loop_index offset = kept_index(context, kept, &base);
    return hmlc_loop_load(context, kept->dtype, base, &offset);
}

void hmlc_loop_row_keep(hmlc_loop_context *context, const hmlc_loop_kept *kept)
{
    hmlc_loop_index index[HMLC_MAX_RANK];
    LLVMValueRef base;
    hmlc_loop_row_index(context, index);
    hmlc_loop_value value = kept->exponential ? exponential(context, kept->value->producer)
                                              : hmlc_loop_lower(context, kept->value, index);
    hmlc_loop_index offset = kept_index(context, kept, &base);
    hmlc_loop_store(context, kept->dtype, base, &offset, value);
}

static const hmlc_loop_kept *find_kept(hmlc_loop_context *context, const hmlc_value *value,
                                       bool exponential_)
{
    const hmlc_loop_rows *rows = context->state->rows;
    for (uint32_t k = 0; k < rows->kept_count; k++) {
        const hmlc_loop_kept *kept = &rows->kept[k];
        if (kept->value == value && kept->exponential == exponential_ &&
            kept->phase < rows->phase) {
            return kept;
        }
    }
    return NULL;
}

/* -- results -- */

static hmlc_loop_value parameter(hmlc_loop_context *context, const hmlc_op *op, uint32_t operand,
                                 hmlc_dtype dtype)
{
    hmlc_loop_index full[HMLC_MAX_RANK], index[HMLC_MAX_RANK];
    const hmlc_value *value = hmlc_op_operand(op, operand);
    hmlc_loop_row_index(context, full);
    hmlc_loop_broadcast_index(context, value->type, op->results[0]->type, full, index);
    return hmlc_loop_convert(context, hmlc_loop_lower(context, value, index), value->type->dtype,
                             dtype);
}

static hmlc_loop_value normalised(hmlc_loop_context *context, const hmlc_op *op)
{
    bool centred = op->opcode == HMLC_OP_layer_norm;
    const hmlc_loop_accumulator *last = accumulator_of(context, op, centred ? 1 : 0);
    hmlc_frame *frame = context->frame;
    hmlc_loop_value x = source(context, op, last->dtype);
    if (centred) {
        x = apply(context, real_sub, x, accumulator_of(context, op, 0)->derived);
    }
    x = apply(context, real_mul, x, last->derived);
    bool scaled = hmlc_op_operand(op, 1) != NULL;
    bool shifted = centred && hmlc_op_operand(op, 2) != NULL;
    if (scaled && shifted) {
        hmlc_loop_value scale = parameter(context, op, 1, last->dtype);
        hmlc_loop_value shift = parameter(context, op, 2, last->dtype);
        bool vector = x.vector || scale.vector || shift.vector;
        LLVMValueRef term = vector ? hmlc_loop_widen(context, shift) : shift.value;
        LLVMValueRef factor = vector ? hmlc_loop_widen(context, scale) : scale.value;
        LLVMValueRef value = vector ? hmlc_loop_widen(context, x) : x.value;
        return (hmlc_loop_value){hmlc_frame_fma(frame, value, factor, term), vector};
    }
    if (scaled) {
        return apply(context, real_mul, x, parameter(context, op, 1, last->dtype));
    }
    return shifted ? apply(context, real_add, x, parameter(context, op, 2, last->dtype)) : x;
}

static hmlc_loop_value rowwise_value(hmlc_loop_context *context, const hmlc_value *value)
{
    const hmlc_op *op = value->producer;
    if (op->opcode == HMLC_OP_softmax) {
        const hmlc_loop_accumulator *sum = accumulator_of(context, op, 1);
        const hmlc_loop_kept *kept = find_kept(context, value, true);
        hmlc_loop_value e = kept != NULL ? load_kept(context, kept) : exponential(context, op);
        return apply(context, real_mul, e, sum->derived);
    }
    if (op->opcode == HMLC_OP_log_softmax) {
        hmlc_loop_value x = source(context, op, accumulator_of(context, op, 0)->dtype);
        x = apply(context, real_sub, x, accumulator_of(context, op, 0)->result);
        return apply(context, real_sub, x, accumulator_of(context, op, 1)->derived);
    }
    return normalised(context, op);
}

bool hmlc_loop_row_value(hmlc_loop_context *context, const hmlc_value *value,
                         const hmlc_loop_index *index, hmlc_loop_value *result)
{
    const hmlc_op *op = value->producer;
    (void)index; /* the current row's: kernels with reductions do not move elements */
    if (context->state->rows == NULL) {
        return false;
    }
    const hmlc_loop_kept *kept = find_kept(context, value, false);
    if (kept != NULL) {
        *result = load_kept(context, kept);
        return true;
    }
    hmlc_dtype dtype = value->type->dtype;
    if (hmlc_op_has(op, HMLC_TRAIT_ROWWISE)) {
        *result = hmlc_loop_convert(context, rowwise_value(context, value),
                                    accumulator_of(context, op, 0)->dtype, dtype);
        return true;
    }
    if (!hmlc_op_has(op, HMLC_TRAIT_REDUCTION)) {
        return false;
    }
    const hmlc_loop_accumulator *accumulator = accumulator_of(context, op, 0);
    hmlc_dtype from = accumulator->dtype;
    if (accumulator->fold == HMLC_LOOP_FOLD_ARGUMENT) {
        from = accumulator->narrow ? HMLC_DTYPE_i32 : HMLC_DTYPE_i64;
    }
    *result = hmlc_loop_convert(context, accumulator->derived, from, dtype);
    return true;
}

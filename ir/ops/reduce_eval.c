/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of reductions. Floats accumulate in double; an empty reduction gives the operator's
 * neutral element. */
#include <math.h>

#include "eval_tools.h"
#include "integer_math.h"
#include "reduce_eval.h"

void hmlc_eval_group_strides(const hmlc_tensor *x, const hmlc_op *op, int64_t *strides,
                             int64_t *groups, int64_t *group_size)
{
    const hmlc_attr *axes = hmlc_op_attr(op, HMLC_ATTR_axes);
    bool reduced[HMLC_MAX_RANK] = {false};
    for (uint32_t i = 0; axes != NULL && i < axes->count; ++i) {
        reduced[axes->as.integers[i]] = true;
    }
    *groups = *group_size = 1;
    for (int32_t i = x->rank - 1; i >= 0; --i) {
        strides[i] = reduced[i] ? 0 : *groups;
        *(reduced[i] ? group_size : groups) *= x->dims[i];
    }
}

static double fold_double(hmlc_opcode opcode, double total, double x)
{
    switch (opcode) {
    case HMLC_OP_reduce_max:
        return isnan(total) || total > x ? total : x;
    case HMLC_OP_reduce_min:
        return isnan(total) || total < x ? total : x;
    case HMLC_OP_reduce_prod:
        return total * x;
    default:
        return total + x;
    }
}

static double neutral_double(hmlc_opcode opcode)
{
    switch (opcode) {
    case HMLC_OP_reduce_max:
        return -INFINITY;
    case HMLC_OP_reduce_min:
        return INFINITY;
    default:
        return opcode == HMLC_OP_reduce_prod ? 1 : 0;
    }
}

static hmlc_status reduce_doubles(hmlc_eval *context, hmlc_cursor *cursor, int64_t groups,
                                  int64_t group_size)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_opcode opcode = context->op->opcode;
    int64_t count = hmlc_tensor_count(x);
    double *values = hmlc_eval_doubles(context, x);
    double *totals = hmlc_eval_new_doubles(context, groups);
    HMLC_TRY_MEMORY(values);
    HMLC_TRY_MEMORY(totals);
    for (int64_t i = 0; i < groups; ++i) {
        totals[i] = neutral_double(opcode);
    }
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(cursor)) {
        double *total = &totals[cursor->offset[0]];
        *total = fold_double(opcode, *total, values[i]);
    }
    for (int64_t i = 0; i < groups && opcode == HMLC_OP_reduce_mean; ++i) {
        totals[i] /= (double)group_size; /* NaN over nothing */
    }
    hmlc_eval_store_doubles(&context->results[0], totals);
    return HMLC_OK;
}

/* Least (or greatest) value of an integer type or bool. */
static int64_t limit_of(hmlc_dtype dtype, bool greatest)
{
    uint32_t bits = hmlc_dtype_bits(dtype);
    if (dtype == HMLC_DTYPE_bool) {
        return greatest;
    }
    if (hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT) {
        return greatest ? (int64_t)(UINT64_MAX >> (64 - bits)) : 0;
    }
    return greatest ? INT64_MAX >> (64 - bits) : INT64_MIN >> (64 - bits);
}

static int64_t neutral_integer(hmlc_opcode opcode, hmlc_dtype dtype)
{
    switch (opcode) {
    case HMLC_OP_reduce_max:
        return limit_of(dtype, false);
    case HMLC_OP_reduce_min:
        return limit_of(dtype, true);
    default:
        return opcode == HMLC_OP_reduce_prod;
    }
}

static hmlc_opcode fold_opcode(hmlc_opcode opcode)
{
    switch (opcode) {
    case HMLC_OP_reduce_max:
        return HMLC_OP_max;
    case HMLC_OP_reduce_min:
        return HMLC_OP_min;
    default:
        return opcode == HMLC_OP_reduce_prod ? HMLC_OP_mul : HMLC_OP_add;
    }
}

static hmlc_status reduce_integers(hmlc_eval *context, hmlc_cursor *cursor, int64_t groups,
                                   int64_t group_size)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_opcode opcode = context->op->opcode, fold = fold_opcode(opcode);
    int64_t count = hmlc_tensor_count(x);
    int64_t *values = hmlc_eval_integers(context, x);
    int64_t *totals = hmlc_eval_new_integers(context, groups);
    HMLC_TRY_MEMORY(values);
    HMLC_TRY_MEMORY(totals);
    for (int64_t i = 0; i < groups; ++i) {
        totals[i] = neutral_integer(opcode, x->dtype);
    }
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(cursor)) {
        int64_t *total = &totals[cursor->offset[0]];
        hmlc_integer_binary(fold, x->dtype, false, *total, values[i], total);
    }
    for (int64_t i = 0; i < groups && opcode == HMLC_OP_reduce_mean; ++i) {
        hmlc_integer_binary(HMLC_OP_div, x->dtype, false, totals[i], group_size, &totals[i]);
    }
    hmlc_eval_store_integers(&context->results[0], totals);
    return HMLC_OK;
}

hmlc_status hmlc_eval_reduce(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    int64_t strides[HMLC_MAX_RANK], groups, group_size;
    hmlc_eval_group_strides(x, context->op, strides, &groups, &group_size);
    hmlc_cursor cursor = {.rank = x->rank, .count = 1, .dims = x->dims, .strides = {strides}};
    return hmlc_eval_is_float(x) ? reduce_doubles(context, &cursor, groups, group_size)
                                 : reduce_integers(context, &cursor, groups, group_size);
}

/* Is element `candidate` before `best` in the order that is asked for? NaN never is. */
static bool is_better(const hmlc_eval *context, int64_t candidate, int64_t best, bool last)
{
    const hmlc_tensor *x = context->operands[0];
    bool largest = context->op->opcode == HMLC_OP_arg_max;
    if (hmlc_eval_is_float(x)) {
        double a = hmlc_tensor_get_double(x, candidate), b = hmlc_tensor_get_double(x, best);
        return (largest ? a > b : a < b) || (last && a == b);
    }
    int64_t a = hmlc_tensor_get_int(x, candidate), b = hmlc_tensor_get_int(x, best);
    bool better = largest ? hmlc_integer_less(x->dtype, b, a) : hmlc_integer_less(x->dtype, a, b);
    return better || (last && a == b);
}

hmlc_status hmlc_eval_arg_reduce(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    bool last = hmlc_op_int(context->op, HMLC_ATTR_select_last) != 0;
    int64_t inner = hmlc_eval_product(x->dims, axis + 1, x->rank), length = x->dims[axis];
    int64_t count = hmlc_tensor_count(result);
    if (count > 0 && length == 0) {
        return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch, "dim %d is empty", axis);
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t start = i / inner * length * inner + i % inner, best = 0;
        for (int64_t k = 1; k < length; ++k) {
            if (is_better(context, start + k * inner, start + best * inner, last)) {
                best = k;
            }
        }
        hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(result), i, best);
    }
    return HMLC_OK;
}

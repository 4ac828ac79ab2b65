/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inference of shape functions. Where the elements of their operands are known, so are those of
 * their results: the same rules as the evaluation follows, on dim expressions.
 */
#include <hmlc/index_rules.h>

#include "infer_tools.h"

static void list_result(hmlc_infer *context, int64_t length, hmlc_status *status)
{
    hmlc_dim dim = hmlc_infer_number(context, length);
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, 1, &dim, status);
}

/* Factors of a product of dims: constants in one number, the rest as a list. */
enum { FACTOR_LIMIT = 64 };
typedef struct factors {
    int32_t count;
    hmlc_dim list[FACTOR_LIMIT];
} factors;

static bool add_factors(factors *product, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_MULTIPLY) {
        return add_factors(product, dim->a) && add_factors(product, dim->b);
    }
    if (product->count == FACTOR_LIMIT) {
        return false;
    }
    product->list[product->count++] = dim;
    return true;
}

/* total / part as an expression; factors that stand in both cancel first. */
static hmlc_dim divide_products(const hmlc_infer *context, factors *total, factors *part)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim above = hmlc_infer_number(context, 1), below = above;
    for (int32_t i = 0; i < total->count; ++i) {
        int32_t k = 0;
        while (k < part->count && part->list[k] != total->list[i]) {
            ++k;
        }
        if (k < part->count && !hmlc_dim_is(total->list[i], 0)) {
            part->list[k] = part->list[--part->count];
        } else {
            above = hmlc_dim_multiply(dims, above, total->list[i]);
        }
    }
    for (int32_t i = 0; i < part->count; ++i) {
        below = hmlc_dim_multiply(dims, below, part->list[i]);
    }
    return hmlc_dim_is(below, 0) ? NULL : hmlc_dim_floordiv(dims, above, below);
}

/* Resolves 0 (unless allow_zero) and -1 of a known target; false where that is not expressible. */
static bool resolve_target(const hmlc_infer *context, const hmlc_dim *shape, int64_t rank,
                           const hmlc_dim *target, int64_t count, hmlc_dim *resolved)
{
    bool copies = hmlc_op_int(context->op, HMLC_ATTR_allow_zero) == 0;
    int64_t unknown = -1;
    factors total = {0}, part = {0};
    for (int64_t i = 0; i < rank; ++i) {
        if (!add_factors(&total, shape[i])) {
            return false;
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        resolved[i] = target[i];
        if (hmlc_dim_is(target[i], -1) && unknown < 0) {
            unknown = i;
            continue;
        }
        if (hmlc_dim_is(target[i], 0) && copies && i < rank) {
            resolved[i] = shape[i];
        }
        if (resolved[i]->minimum < 0 || !add_factors(&part, resolved[i])) {
            return false;
        }
    }
    if (unknown >= 0) {
        resolved[unknown] = divide_products(context, &total, &part);
    }
    return unknown < 0 || resolved[unknown] != NULL;
}

hmlc_status hmlc_infer_reshape_dims(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    int64_t rank = hmlc_infer_list_length(context, 0, &status);
    int64_t count = hmlc_infer_list_length(context, 1, &status);
    list_result(context, count, &status);
    HMLC_TRY(status);
    const hmlc_dim *shape = hmlc_known_operand(context, 0);
    const hmlc_dim *target = hmlc_known_operand(context, 1);
    if (shape == NULL || target == NULL) {
        return HMLC_OK;
    }
    hmlc_dim *resolved = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(resolved);
    if (resolve_target(context, shape, rank, target, count, resolved)) {
        context->elements[0] = resolved;
    }
    return HMLC_OK;
}

/* An index that counts from the end when it is negative. */
static hmlc_dim dim_from_start(const hmlc_infer *context, hmlc_dim index, hmlc_dim dim)
{
    hmlc_dims *dims = context->module->dims;
    if (hmlc_dim_is(index, INT32_MAX)) {
        /* ONNX writes "to the end" so, too: its word for a dim of unknown size. */
        return hmlc_infer_number(context, HMLC_DIM_UNBOUNDED);
    }
    if (index->minimum >= 0) {
        return index;
    }
    if (index->maximum <= -HMLC_DIM_UNBOUNDED) {
        return hmlc_infer_number(context, -1); /* ONNX writes "to the start" as INT64_MIN */
    }
    hmlc_dim counted = hmlc_dim_add(dims, index, dim);
    hmlc_dim negative = hmlc_dim_less(dims, index, hmlc_infer_number(context, 0));
    return hmlc_dim_select(dims, negative, counted, index);
}

static hmlc_dim dim_constant(const hmlc_infer *context, int64_t value)
{
    return hmlc_infer_number(context, value);
}

static hmlc_dim dim_minus(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    return hmlc_dim_subtract(context->module->dims, a, b);
}

static hmlc_dim dim_least(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    return hmlc_dim_minimum(context->module->dims, a, b);
}

static hmlc_dim dim_most(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    return hmlc_dim_maximum(context->module->dims, a, b);
}

static hmlc_dim dim_ceil_divide(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    return hmlc_dim_ceildiv(context->module->dims, a, b);
}

HMLC_DEFINE_SLICE_RULE(resolve_slice, hmlc_dim, const hmlc_infer *, dim)

/* The axis and step of entry i; false where they are not constant or not valid. */
static bool slice_entry(const hmlc_dim *axes, const hmlc_dim *steps, int64_t i, int64_t rank,
                        int64_t *axis, int64_t *step)
{
    *axis = i;
    *step = 1;
    if ((axes != NULL && !hmlc_dim_is_constant(axes[i], axis)) ||
        (steps != NULL && !hmlc_dim_is_constant(steps[i], step))) {
        return false;
    }
    *axis += *axis < 0 ? rank : 0;
    *step = hmlc_rule_step(*step);
    return *axis >= 0 && *axis < rank && *step != 0;
}

static hmlc_status slice_elements(hmlc_infer *context, int64_t rank, int64_t count)
{
    const hmlc_dim *shape = hmlc_known_operand(context, 0), *entries[5];
    for (uint32_t i = 1; i < 5; ++i) {
        entries[i] = hmlc_known_operand(context, i);
        if (entries[i] == NULL && hmlc_op_operand(context->op, i) != NULL) {
            return HMLC_OK;
        }
    }
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, 3 * rank);
    HMLC_TRY_MEMORY(known);
    if (shape == NULL) {
        return HMLC_OK;
    }
    for (int64_t i = 0; i < rank; ++i) {
        known[i] = hmlc_infer_number(context, 0);
        known[rank + i] = shape[i];
        known[2 * rank + i] = hmlc_infer_number(context, 1);
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t axis, step;
        if (!slice_entry(entries[3], entries[4], i, rank, &axis, &step)) {
            return HMLC_OK;
        }
        resolve_slice(context, shape[axis], entries[1][i], entries[2][i], step, &known[axis],
                      &known[rank + axis]);
        known[2 * rank + axis] = hmlc_infer_number(context, step);
    }
    context->elements[0] = known;
    return HMLC_OK;
}

hmlc_status hmlc_infer_slice_dims(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    int64_t rank = hmlc_infer_list_length(context, 0, &status);
    int64_t count = hmlc_infer_list_length(context, 1, &status);
    for (uint32_t i = 2; i < 5; ++i) {
        if (i > 2 && hmlc_op_operand(context->op, i) == NULL) {
            continue;
        }
        int64_t length = hmlc_infer_list_length(context, i, &status);
        if (status == HMLC_OK && length != count) {
            hmlc_infer_fail(context, &status,
                            "operand %u has %lld entries; expected %lld as the "
                            "starts have",
                            i, (long long)length, (long long)count);
        }
    }
    hmlc_dim dims[2] = {hmlc_infer_number(context, 3), hmlc_infer_number(context, rank)};
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, 2, dims, &status);
    HMLC_TRY(status);
    return slice_elements(context, rank, count);
}

hmlc_status hmlc_infer_broadcast_dims(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    int64_t rank_a = hmlc_infer_list_length(context, 0, &status);
    int64_t rank_b = hmlc_infer_list_length(context, 1, &status);
    list_result(context, rank_a > rank_b ? rank_a : rank_b, &status);
    HMLC_TRY(status);
    const hmlc_dim *a = hmlc_known_operand(context, 0), *b = hmlc_known_operand(context, 1);
    if (a == NULL || b == NULL) {
        return HMLC_OK;
    }
    int32_t rank;
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, HMLC_MAX_RANK);
    HMLC_TRY_MEMORY(known);
    HMLC_TRY(hmlc_infer_broadcast(context->module, context->op->location, (int32_t)rank_a, a,
                                  (int32_t)rank_b, b, &rank, known));
    context->elements[0] = known;
    return HMLC_OK;
}

hmlc_status hmlc_infer_range_dims(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *types[3];
    for (uint32_t i = 0; i < 3; ++i) {
        types[i] = hmlc_infer_operand(context, i, HMLC_ACCEPT_NUMERIC, &status);
        hmlc_infer_rank(context, i, types[i], 0, 0, &status);
        hmlc_infer_same_dtype(context, i, types[0], types[i], &status);
    }
    list_result(context, 1, &status);
    HMLC_TRY(status);
    hmlc_dims *dims = context->module->dims;
    hmlc_dim start = hmlc_known_scalar(context, 0), limit = hmlc_known_scalar(context, 1);
    hmlc_dim delta = hmlc_known_scalar(context, 2), zero = hmlc_infer_number(context, 0);
    bool known_all = start != NULL && limit != NULL && delta != NULL;
    if (!known_all || hmlc_known_is_large(start) || hmlc_known_is_large(limit) ||
        hmlc_known_is_large(delta) || (delta->minimum <= 0 && delta->maximum >= 0)) {
        return hmlc_known_folded(context);
    }
    bool rising = delta->minimum > 0;
    hmlc_dim travel =
        rising ? hmlc_dim_subtract(dims, limit, start) : hmlc_dim_subtract(dims, start, limit);
    hmlc_dim stride = rising ? delta : hmlc_infer_times(context, delta, -1);
    hmlc_dim *known = HMLC_NEW(context->module->arena, hmlc_dim);
    HMLC_TRY_MEMORY(known);
    *known = hmlc_dim_maximum(dims, zero, hmlc_dim_ceildiv(dims, travel, stride));
    context->elements[0] = known;
    return HMLC_OK;
}

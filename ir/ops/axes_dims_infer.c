/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of axes_dims: the dims that come of a shape and a list of axes. */
#include "infer_tools.h"

/* What the axes are an index into: the shape, or the result that they insert dims to. */
static int64_t axis_limit(const hmlc_infer *context, int64_t rank, int64_t count)
{
    bool inserts = hmlc_op_int(context->op, HMLC_ATTR_axes_mode) == HMLC_AXES_INSERT;
    return inserts ? rank + count : rank;
}

static void result_type(hmlc_infer *context, int64_t rank, int64_t count, hmlc_status *status)
{
    int64_t mode = hmlc_op_int(context->op, HMLC_ATTR_axes_mode);
    int64_t length = axis_limit(context, rank, count);
    if (*status != HMLC_OK) {
        return;
    }
    if (count > length) {
        hmlc_infer_fail(context, status, "%lld axes are given for rank %lld", (long long)count,
                        (long long)rank);
        return;
    }
    if (length > HMLC_MAX_RANK) {
        hmlc_infer_refuse(context, status, NULL,
                          "the result has rank %lld; at most %d is supported", (long long)length,
                          HMLC_MAX_RANK);
        return;
    }
    bool drops = mode == HMLC_AXES_DROP || mode == HMLC_AXES_SQUEEZE,
         splits = mode == HMLC_AXES_SPLIT;
    hmlc_dim dims[2] = {hmlc_infer_number(context, splits ? count : length - (drops ? count : 0)),
                        hmlc_infer_number(context, 3)};
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, splits ? 2 : 1, dims, status);
}

/* The axes as numbers in [0, limit); false where they are not known. Invalid ones are reported. */
static bool known_axes(const hmlc_infer *context, int64_t count, int64_t limit, int64_t *axes,
                       bool *chosen, hmlc_status *status)
{
    const hmlc_dim *known = hmlc_known_operand(context, 1);
    for (int64_t k = 0; k < count; ++k) {
        if (known == NULL || !hmlc_dim_is_constant(known[k], &axes[k])) {
            return false;
        }
        axes[k] += axes[k] < 0 ? limit : 0;
        if (axes[k] < 0 || axes[k] >= limit || chosen[axes[k]]) {
            hmlc_infer_fail(context, status, "axis %lld is outside rank %lld or given twice",
                            (long long)axes[k], (long long)limit);
            return false;
        }
        chosen[axes[k]] = true;
    }
    return true;
}

/* Outer dims, length and inner dims around each axis. */
static void split_known(const hmlc_infer *context, const hmlc_dim *shape, int64_t rank,
                        const int64_t *axes, int64_t count, hmlc_dim *result)
{
    hmlc_dims *dims = context->module->dims;
    bool done[HMLC_MAX_RANK] = {false};
    for (int64_t k = 0; k < count; ++k) {
        for (int64_t part = 0; part < 3; ++part) {
            result[3 * k + part] = hmlc_infer_number(context, 1);
        }
        for (int64_t i = 0; i < rank; ++i) {
            hmlc_dim *part = &result[3 * k + (i < axes[k] ? 0 : i == axes[k] ? 1 : 2)];
            *part = done[i] ? *part : hmlc_dim_multiply(dims, *part, shape[i]);
        }
        done[axes[k]] = true;
    }
}

static void list_known(const hmlc_infer *context, const hmlc_dim *shape, int64_t limit,
                       const bool *chosen, hmlc_dim *result, hmlc_status *status)
{
    int64_t mode = hmlc_op_int(context->op, HMLC_ATTR_axes_mode), from = 0, to = 0;
    hmlc_dim one = hmlc_infer_number(context, 1);
    for (int64_t i = 0; i < limit; ++i) {
        if (!chosen[i]) {
            result[to++] = shape[from++];
            continue;
        }
        if (mode == HMLC_AXES_SQUEEZE) {
            hmlc_infer_unify(context, one, shape[from], "squeezed dim", status);
        }
        from += mode != HMLC_AXES_INSERT;
        if (mode == HMLC_AXES_KEEP || mode == HMLC_AXES_INSERT) {
            result[to++] = one;
        }
    }
}

hmlc_status hmlc_infer_axes_dims(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    int64_t rank = hmlc_infer_list_length(context, 0, &status);
    int64_t count = hmlc_infer_list_length(context, 1, &status), axes[HMLC_MAX_RANK];
    result_type(context, rank, count, &status);
    HMLC_TRY(status);
    bool chosen[HMLC_MAX_RANK] = {false};
    const hmlc_dim *shape = hmlc_known_operand(context, 0);
    int64_t limit = axis_limit(context, rank, count);
    hmlc_dim *result = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, 3 * HMLC_MAX_RANK);
    HMLC_TRY_MEMORY(result);
    if (shape == NULL || !known_axes(context, count, limit, axes, chosen, &status)) {
        return status;
    }
    if (hmlc_op_int(context->op, HMLC_ATTR_axes_mode) == HMLC_AXES_SPLIT) {
        split_known(context, shape, rank, axes, count, result);
    } else {
        list_known(context, shape, limit, chosen, result, &status);
    }
    context->elements[0] = result;
    return status;
}

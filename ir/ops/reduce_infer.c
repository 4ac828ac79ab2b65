/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of reductions and of ops over whole rows. */
#include "infer_tools.h"

/* Shape of a reduction's result. */
static int32_t reduced_dims(const hmlc_infer *context, const hmlc_type *x, const bool *reduced,
                            hmlc_dim *dims)
{
    bool keep = hmlc_op_int(context->op, HMLC_ATTR_keep_dims) != 0;
    int32_t rank = 0;
    for (int32_t i = 0; i < x->rank; ++i) {
        if (!reduced[i]) {
            dims[rank++] = x->dims[i];
        } else if (keep) {
            dims[rank++] = hmlc_infer_number(context, 1);
        }
    }
    return rank;
}

/* Folds one known element into an accumulator; NULL where that is not expressible. */
static hmlc_dim fold_known(const hmlc_infer *context, hmlc_dim total, hmlc_dim element)
{
    hmlc_dims *dims = context->module->dims;
    switch (context->op->opcode) {
    case HMLC_OP_reduce_sum:
        return hmlc_dim_add(dims, total, element);
    case HMLC_OP_reduce_prod:
        return hmlc_dim_multiply(dims, total, element);
    case HMLC_OP_reduce_min:
        return hmlc_dim_minimum(dims, total, element);
    case HMLC_OP_reduce_max:
        return hmlc_dim_maximum(dims, total, element);
    default:
        return NULL;
    }
}

/*
 * Elements of a reduction over known elements. Sums and products of large numbers are left alone:
 * they would wrap at run time.
 */
static hmlc_status reduce_elements(hmlc_infer *context, const hmlc_type *x, const bool *reduced)
{
    const hmlc_dim *known = hmlc_known_operand(context, 0);
    int64_t dims[HMLC_MAX_RANK];
    int64_t count = hmlc_known_count(context->types[0]);
    if (known == NULL || count < 0 || !hmlc_type_static_dims(x, dims) ||
        !hmlc_dtype_is_integer(x->dtype)) {
        return HMLC_OK;
    }
    hmlc_dim *results = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(results);
    int64_t total = hmlc_known_count(x);
    for (int64_t i = 0; i < total; ++i) {
        int64_t rest = i, target = 0, stride = 1;
        for (int32_t axis = x->rank - 1; axis >= 0; --axis) {
            int64_t index = rest % dims[axis];
            rest /= dims[axis];
            target += reduced[axis] ? 0 : index * stride;
            stride *= reduced[axis] ? 1 : dims[axis];
        }
        int64_t constant;
        bool large = hmlc_dim_is_constant(known[i], &constant) &&
                     (constant > INT32_MAX || constant < INT32_MIN);
        results[target] =
            results[target] == NULL ? known[i] : fold_known(context, results[target], known[i]);
        if (large || results[target] == NULL) {
            return HMLC_OK;
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        if (results[i] == NULL) {
            return HMLC_OK; /* a reduction over nothing */
        }
    }
    context->elements[0] = results;
    return HMLC_OK;
}

hmlc_status hmlc_infer_reduce(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    hmlc_opcode opcode = context->op->opcode;
    bool order = opcode == HMLC_OP_reduce_max || opcode == HMLC_OP_reduce_min;
    const hmlc_type *x =
        hmlc_infer_operand(context, 0, order ? HMLC_ACCEPT_COMPUTED : HMLC_ACCEPT_NUMERIC, &status);
    if (x == NULL) {
        return status;
    }
    bool reduced[HMLC_MAX_RANK];
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_infer_axes(context, x->rank, reduced, &status);
    int32_t rank = reduced_dims(context, x, reduced, dims);
    hmlc_infer_result(context, 0, x->dtype, rank, dims, &status);
    HMLC_TRY(status);
    return reduce_elements(context, x, reduced);
}

hmlc_status hmlc_infer_arg_reduce(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_NUMERIC, &status);
    if (x == NULL) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, x->rank, &status);
    if (status == HMLC_OK && hmlc_dim_is(x->dims[axis], 0)) {
        hmlc_infer_fail(context, &status, "dim %d is empty: it has no largest element", axis);
    }
    bool reduced[HMLC_MAX_RANK] = {false};
    reduced[axis] = true;
    hmlc_dim dims[HMLC_MAX_RANK];
    int32_t rank = reduced_dims(context, x, reduced, dims);
    hmlc_infer_result(context, 0, HMLC_DTYPE_i64, rank, dims, &status);
    return status;
}

hmlc_status hmlc_infer_rowwise(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_FLOAT, &status);
    if (x == NULL) {
        return status;
    }
    bool reduced[HMLC_MAX_RANK];
    hmlc_infer_axes(context, x->rank, reduced, &status);
    hmlc_infer_result(context, 0, x->dtype, x->rank, x->dims, &status);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of view ops. */
#include <string.h>

#include "eval_tools.h"

hmlc_status hmlc_eval_reshape(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    if (result->bytes != x->bytes) {
        return hmlc_eval_fail(
            context, HMLC_ERROR_shape_mismatch, "%lld elements do not fill a result of %lld",
            (long long)hmlc_tensor_count(x), (long long)hmlc_tensor_count(result));
    }
    if (x->bytes > 0) {
        memcpy(hmlc_eval_data(result), x->data, x->bytes);
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_transpose(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    const int64_t *permutation = hmlc_eval_ints(context, HMLC_ATTR_permutation);
    int64_t dense[HMLC_MAX_RANK], strides[HMLC_MAX_RANK];
    hmlc_eval_strides(x->rank, x->dims, dense);
    for (int32_t i = 0; i < x->rank; ++i) {
        strides[i] = dense[permutation[i]];
    }
    hmlc_eval_copy_strided(&context->results[0], x, strides, 0);
    return HMLC_OK;
}

hmlc_status hmlc_eval_expand(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    int64_t strides[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->rank; ++i) {
        int64_t dim = x->dims[i], target = result->dims[result->rank - x->rank + i];
        if (dim != 1 && dim != target) {
            return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                                  "a dim of %lld does not broadcast to %lld", (long long)dim,
                                  (long long)target);
        }
    }
    hmlc_eval_broadcast_strides(x, result->rank, strides);
    hmlc_eval_copy_strided(result, x, strides, 0);
    return HMLC_OK;
}

hmlc_status hmlc_eval_slice(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    uint32_t rank = (uint32_t)x->rank;
    int64_t starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK], strides[HMLC_MAX_RANK], offset = 0;
    HMLC_TRY(hmlc_eval_dims(context, HMLC_ATTR_starts, rank, starts));
    HMLC_TRY(hmlc_eval_dims(context, HMLC_ATTR_steps, rank, steps));
    hmlc_eval_strides(x->rank, x->dims, strides);
    if (hmlc_tensor_count(&context->results[0]) == 0) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < rank; ++i) {
        int64_t size = context->results[0].dims[i], travel, last;
        if (!hmlc_int64_multiply(size - 1, steps[i], &travel) ||
            !hmlc_int64_add(starts[i], travel, &last) || starts[i] < 0 || starts[i] >= x->dims[i] ||
            last < 0 || last >= x->dims[i]) {
            return hmlc_eval_fail(context, HMLC_ERROR_index_range,
                                  "dim %u: start %lld, size %lld, step %lld leave %lld elements", i,
                                  (long long)starts[i], (long long)size, (long long)steps[i],
                                  (long long)x->dims[i]);
        }
        offset += starts[i] * strides[i];
        strides[i] *= steps[i];
    }
    hmlc_eval_copy_strided(&context->results[0], x, strides, offset);
    return HMLC_OK;
}

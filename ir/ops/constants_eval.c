/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of constants and generators. */
#include <string.h>

#include "eval_tools.h"
#include "integer_math.h"

hmlc_status hmlc_eval_constant(hmlc_eval *context)
{
    const hmlc_attr *value = hmlc_op_attr(context->op, HMLC_ATTR_value);
    if (value->as.tensor->bytes > 0) {
        memcpy(hmlc_eval_data(&context->results[0]), value->as.tensor->data,
               value->as.tensor->bytes);
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_dims_tensor(hmlc_eval *context)
{
    hmlc_tensor *result = &context->results[0];
    const hmlc_attr *elements = hmlc_op_attr(context->op, HMLC_ATTR_elements);
    for (uint32_t i = 0; i < elements->count; ++i) {
        int64_t value;
        HMLC_TRY(hmlc_eval_dim(context, elements->as.dims[i], &value));
        hmlc_element_set_int(result->dtype, hmlc_eval_data(result), i, value);
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_iota(hmlc_eval *context)
{
    hmlc_tensor *result = &context->results[0];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    int64_t inner = hmlc_eval_product(result->dims, axis + 1, result->rank);
    int64_t count = hmlc_tensor_count(result);
    for (int64_t i = 0; i < count; ++i) {
        hmlc_element_set_int(result->dtype, hmlc_eval_data(result), i,
                             i / inner % result->dims[axis]);
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_range(hmlc_eval *context)
{
    const hmlc_tensor *start = context->operands[0], *delta = context->operands[2];
    hmlc_tensor *result = &context->results[0];
    int64_t count = hmlc_tensor_count(result);
    void *to = hmlc_eval_data(result);
    for (int64_t i = 0; i < count; ++i) {
        if (hmlc_eval_is_float(result)) {
            double value =
                hmlc_tensor_get_double(start, 0) + (double)i * hmlc_tensor_get_double(delta, 0);
            hmlc_element_set_double(result->dtype, to, i, value);
        } else {
            uint64_t step = (uint64_t)i * (uint64_t)hmlc_tensor_get_int(delta, 0);
            hmlc_element_set_int(result->dtype, to, i,
                                 (int64_t)((uint64_t)hmlc_tensor_get_int(start, 0) + step));
        }
    }
    return HMLC_OK;
}

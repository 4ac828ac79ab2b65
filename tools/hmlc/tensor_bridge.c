/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_bridge.h"

#include <string.h>

hmlc_dtype hmlc_dtype_of(hml_dtype dtype)
{
    hmlc_dtype found = HMLC_DTYPE_COUNT;
    const char *name = hml_dtype_name(dtype);
    (void)hmlc_dtype_from_name(name, strlen(name), &found);
    return found;
}

hmlc_tensor hmlc_tensor_of(const hml_tensor *tensor)
{
    hmlc_tensor result = {.dtype = hmlc_dtype_of(tensor->dtype),
                          .rank = (int32_t)tensor->rank,
                          .data = tensor->data,
                          .bytes = tensor->bytes};
    memcpy(result.dims, tensor->dims, sizeof tensor->dims);
    return result;
}

hml_tensor hmlc_runtime_tensor_of(const hmlc_tensor *tensor, hml_dtype dtype)
{
    union {
        const void *readable;
        void *borrowed; /* who gets it only reads */
    } data = {.readable = tensor->data};
    hml_tensor result = {.data = data.borrowed,
                         .bytes = tensor->bytes,
                         .dtype = dtype,
                         .rank = (uint32_t)tensor->rank};
    memcpy(result.dims, tensor->dims, sizeof result.dims);
    return result;
}

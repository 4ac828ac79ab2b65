/* SPDX-License-Identifier: Apache-2.0 */
#include "owned_tensor.h"

#include <stdlib.h>
#include <string.h>

bool hml_tensor_shape_bytes(hml_dtype dtype, uint32_t rank, const int64_t *dims, size_t *bytes)
{
    size_t total = hml_dtype_bytes(dtype);
    bool empty = false;
    if (rank > HML_MAX_TENSOR_RANK || total == 0) {
        return false;
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            return false;
        }
        empty = empty || dims[i] == 0;
    }
    for (uint32_t i = 0; i < rank && !empty; i++) {
        if (__builtin_mul_overflow(total, (size_t)dims[i], &total) || total > SIZE_MAX / 4) {
            return false;
        }
    }
    *bytes = empty ? 0 : total;
    return true;
}

hml_status hml_tensor_create(hml_dtype dtype, uint32_t rank, const int64_t *dims, const char *name,
                             size_t name_bytes, hml_owned_tensor *tensor, hml_tool_error *error)
{
    size_t bytes = 0;
    if (!hml_tensor_shape_bytes(dtype, rank, dims, &bytes)) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged, "its shape is impossible");
    }
    hml_owned_tensor created = {.tensor = {.bytes = bytes, .dtype = dtype, .rank = rank}};
    created.name = calloc(name_bytes + 1, 1);
    if (created.name == NULL ||
        posix_memalign(&created.tensor.data, 64, bytes == 0 ? 64 : bytes) != 0) {
        free(created.name);
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu bytes for a tensor", bytes);
    }
    if (name != NULL) {
        memcpy(created.name, name, name_bytes);
    }
    if (rank != 0) {
        memcpy(created.tensor.dims, dims, rank * sizeof *dims);
    }
    *tensor = created;
    return HML_OK;
}

void hml_tensor_release(hml_owned_tensor *tensor)
{
    free(tensor->tensor.data);
    free(tensor->name);
    *tensor = (hml_owned_tensor){0};
}

void hml_tensor_list_release(hml_tensor_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        hml_tensor_release(&list->tensors[i]);
    }
    free(list->tensors);
    *list = (hml_tensor_list){0};
}

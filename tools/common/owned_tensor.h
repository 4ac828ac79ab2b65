/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors that own their memory. */
#ifndef HML_OWNED_TENSOR_H
#define HML_OWNED_TENSOR_H

#include "tool_error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A tensor that owns its data (64-byte aligned, row-major) and name. */
typedef struct hml_owned_tensor {
    hml_tensor tensor;
    char *name; /* "" when the file gives none; NULL in an empty structure */
} hml_owned_tensor;

typedef struct hml_tensor_list {
    hml_owned_tensor *tensors;
    size_t count;
} hml_tensor_list;

/* Memory for a tensor of this type and shape; `name` may be NULL. */
hml_status hml_tensor_create(hml_dtype dtype, uint32_t rank, const int64_t *dims, const char *name,
                             size_t name_bytes, hml_owned_tensor *tensor, hml_tool_error *error);
void hml_tensor_release(hml_owned_tensor *tensor);
void hml_tensor_list_release(hml_tensor_list *list);

/* Bytes of a shape; false when it is none, or too large for this machine. */
bool hml_tensor_shape_bytes(hml_dtype dtype, uint32_t rank, const int64_t *dims, size_t *bytes);

#endif

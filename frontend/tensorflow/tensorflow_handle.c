/* SPDX-License-Identifier: Apache-2.0 */
#include "tensorflow_handle.h"

/* Its address marks handles. */
static const hmlc_type handle_type = {.kind = HMLC_KIND_TENSOR, .dtype = HMLC_DTYPE_bool};

hmlc_tf_handle *hmlc_tf_handle_create(hmlc_arena *scratch, hmlc_tf_handle_kind kind)
{
    hmlc_tf_handle *handle = HMLC_NEW(scratch, hmlc_tf_handle);
    if (handle != NULL) {
        handle->value.type = &handle_type;
        handle->kind = kind;
    }
    return handle;
}

bool hmlc_tf_is_handle(const hmlc_value *value)
{
    return value != NULL && value->type == &handle_type;
}

hmlc_tf_handle *hmlc_tf_handle_of(hmlc_value *value, hmlc_tf_handle_kind kind)
{
    hmlc_tf_handle *handle = hmlc_tf_is_handle(value) ? (hmlc_tf_handle *)value : NULL;
    return handle != NULL && handle->kind == kind ? handle : NULL;
}

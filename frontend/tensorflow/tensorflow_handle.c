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

uint32_t hmlc_tf_parts(hmlc_value *value, hmlc_value **parts)
{
    uint32_t count = 0;
    if (!hmlc_tf_is_handle(value)) {
        parts[0] = value;
        return 1;
    }
    const hmlc_tf_handle *handle = (hmlc_tf_handle *)value;
    while (count < HMLC_TF_MOST_PARTS && handle->parts[count] != NULL) {
        parts[count] = handle->parts[count];
        count++;
    }
    return count;
}

hmlc_value *hmlc_tf_rebuild(hmlc_arena *scratch, hmlc_value *like, hmlc_value *const *parts)
{
    hmlc_value *old[HMLC_TF_MOST_PARTS];
    uint32_t count = hmlc_tf_parts(like, old);
    if (!hmlc_tf_is_handle(like)) {
        return parts[0];
    }
    if (count == 0) {
        return like;
    }
    hmlc_tf_handle *handle = hmlc_tf_handle_create(scratch, HMLC_TF_LIST);
    if (handle == NULL) {
        return NULL;
    }
    const hmlc_type *type = handle->value.type;
    *handle = *(hmlc_tf_handle *)like;
    handle->value = (hmlc_value){.type = type};
    for (uint32_t i = 0; i < count; i++) {
        handle->parts[i] = parts[i];
    }
    return &handle->value;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of records by malloc, for tables that end up in the artifact. */
#ifndef HMLC_GROWABLE_H
#define HMLC_GROWABLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hmlc/status.h>

typedef struct hmlc_growable {
    void *data;
    size_t count, capacity; /* records */
} hmlc_growable;

/* Room for `count` more records of `bytes` bytes each. */
static inline hmlc_status hmlc_growable_reserve(hmlc_growable *array, size_t count, size_t bytes)
{
    if (array->capacity - array->count >= count) {
        return HMLC_OK;
    }
    size_t capacity = array->capacity * 2 + count + 16;
    if (capacity > SIZE_MAX / bytes) {
        return HMLC_RESOURCE;
    }
    void *data = realloc(array->data, capacity * bytes);
    HMLC_TRY_MEMORY(data);
    array->data = data;
    array->capacity = capacity;
    return HMLC_OK;
}

static inline hmlc_status hmlc_growable_append(hmlc_growable *array, const void *record,
                                               size_t bytes)
{
    HMLC_TRY(hmlc_growable_reserve(array, 1, bytes));
    memcpy((char *)array->data + array->count * bytes, record, bytes);
    array->count++;
    return HMLC_OK;
}

static inline void hmlc_growable_free(hmlc_growable *array)
{
    free(array->data);
    *array = (hmlc_growable){0};
}

#define HMLC_APPEND(array, record) hmlc_growable_append((array), (record), sizeof *(record))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growing arrays of records by malloc, for tables that end up in the artifact. Each table is a
 * type of its own, so that the compiler checks what goes in and what comes out:
 *
 *   HMLC_TABLE(hml_dim_record) dims = {0};
 *   HMLC_TRY(HMLC_APPEND(&dims, &record));
 *   use(dims.data[0].op);
 *   HMLC_TABLE_FREE(&dims);
 *
 * The macros evaluate their arguments more than once.
 */
#ifndef HMLC_GROWABLE_H
#define HMLC_GROWABLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hmlc/status.h>

#define HMLC_TABLE(type)                                                                           \
    struct {                                                                                       \
        type *data;                                                                                \
        size_t count, capacity; /* records */                                                      \
    }

/* Where functions hand on bytes of any length. */
typedef HMLC_TABLE(char) hmlc_byte_table;

/* The array with room for `more` records of `bytes` bytes. Without memory it stays as it is, and
 * so does *capacity. */
static inline void *hmlc_table_grow(void *data, size_t count, size_t *capacity, size_t more,
                                    size_t bytes)
{
    if (*capacity - count >= more) {
        return data;
    }
    size_t wanted = *capacity * 2 + more + 16;
    void *grown = wanted > SIZE_MAX / bytes ? NULL : realloc(data, wanted * bytes);
    if (grown == NULL) {
        return data;
    }
    *capacity = wanted;
    return grown;
}

/* Room for `more` records: HMLC_OK or HMLC_RESOURCE. */
#define HMLC_TABLE_RESERVE(table, more)                                                            \
    ((table)->data = hmlc_table_grow((table)->data, (table)->count, &(table)->capacity, (more),    \
                                     sizeof *(table)->data),                                       \
     (table)->capacity - (table)->count >= (more) ? HMLC_OK : HMLC_RESOURCE)

/* Appends *record: HMLC_OK or HMLC_RESOURCE. */
#define HMLC_APPEND(table, record)                                                                 \
    (HMLC_TABLE_RESERVE(table, 1) == HMLC_OK                                                       \
         ? ((table)->data[(table)->count++] = *(record), HMLC_OK)                                  \
         : HMLC_RESOURCE)

#define HMLC_TABLE_FREE(table)                                                                     \
    (free((table)->data), (table)->data = NULL, (table)->count = (table)->capacity = 0)

#endif

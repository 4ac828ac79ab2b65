/* SPDX-License-Identifier: Apache-2.0 */
/* The strings of an artifact's section, each once, one behind the other with their zeros. */
#ifndef HMLC_STRING_TABLE_H
#define HMLC_STRING_TABLE_H

#include "growable.h"

typedef struct hmlc_string_table {
    hmlc_byte_table bytes;
    uint32_t *slots; /* open addressing: offset + 1 */
    size_t capacity, count;
} hmlc_string_table;

/* Offset of `text`, added when new. */
hmlc_status hmlc_string_table_add(hmlc_string_table *table, const char *text,
                                  uint32_t *offset) HMLC_MUST_USE;
void hmlc_string_table_free(hmlc_string_table *table);

#endif

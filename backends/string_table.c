/* SPDX-License-Identifier: Apache-2.0 */
#include "string_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FIRST_CAPACITY = 64 };

/* The slot that holds the text, or the free one where it belongs. */
static uint32_t *find_slot(const hmlc_string_table *table, uint32_t *slots, size_t capacity,
                           const char *text)
{
    const char *bytes = table->bytes.data;
    size_t at = (size_t)XXH3_64bits(text, strlen(text)) & (capacity - 1);
    while (slots[at] != 0 && strcmp(bytes + slots[at] - 1, text) != 0) {
        at = (at + 1) & (capacity - 1);
    }
    return &slots[at];
}

static hmlc_status grow(hmlc_string_table *table)
{
    size_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    uint32_t *slots = calloc(capacity, sizeof *slots);
    HMLC_TRY_MEMORY(slots);
    const char *bytes = table->bytes.data;
    for (size_t at = 0; at < table->bytes.count; at += strlen(bytes + at) + 1) {
        *find_slot(table, slots, capacity, bytes + at) = (uint32_t)at + 1;
    }
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return HMLC_OK;
}

hmlc_status hmlc_string_table_add(hmlc_string_table *table, const char *text, uint32_t *offset)
{
    if (2 * (table->count + 1) > table->capacity) {
        HMLC_TRY(grow(table));
    }
    uint32_t *slot = find_slot(table, table->slots, table->capacity, text);
    if (*slot != 0) {
        *offset = *slot - 1;
        return HMLC_OK;
    }
    size_t length = strlen(text) + 1;
    if (length > UINT32_MAX - 1 - table->bytes.count) {
        return HMLC_RESOURCE;
    }
    HMLC_TRY(HMLC_TABLE_RESERVE(&table->bytes, length));
    memcpy(table->bytes.data + table->bytes.count, text, length);
    *offset = (uint32_t)table->bytes.count;
    table->bytes.count += length;
    table->count++;
    *slot = *offset + 1;
    return HMLC_OK;
}

void hmlc_string_table_free(hmlc_string_table *table)
{
    HMLC_TABLE_FREE(&table->bytes);
    free(table->slots);
    *table = (hmlc_string_table){0};
}

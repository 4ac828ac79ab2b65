/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/table.h"
#include <string.h>

/* In front of its records. */
typedef struct hml_record_copy {
    _Alignas(HML_DATA_ALIGNMENT) struct hml_record_copy *next;
    size_t bytes;
} hml_record_copy;

const void *hml_records_get(hml_record_copies *copies, const void *records, uint32_t count,
                            uint32_t record_bytes, size_t wanted_bytes)
{
    if (record_bytes == wanted_bytes || count == 0) {
        return records;
    }
    size_t bytes = sizeof(hml_record_copy);
    if (!hml_size_add(&bytes, count, wanted_bytes)) {
        return NULL;
    }
    hml_record_copy *copy = hml_allocate(copies->allocator, bytes);
    if (copy == NULL) {
        return NULL;
    }
    memset(copy, 0, bytes);
    copy->next = copies->first;
    copy->bytes = bytes;
    copies->first = copy;
    size_t common = record_bytes < wanted_bytes ? record_bytes : wanted_bytes;
    for (size_t i = 0; i < count; i++) {
        memcpy((uint8_t *)(copy + 1) + i * wanted_bytes,
               (const uint8_t *)records + i * record_bytes, common);
    }
    return copy + 1;
}

void hml_records_release(hml_record_copies *copies)
{
    while (copies->first != NULL) {
        hml_record_copy *copy = copies->first;
        copies->first = copy->next;
        hml_release(copies->allocator, copy, copy->bytes);
    }
}

static hml_status no_memory(const hml_table_reader *reader, const char *what)
{
    return HML_FAIL(reader->message, HML_ERROR_out_of_memory, "table of %s", what);
}

hml_status hml_table_get_head(const hml_table_reader *reader, uint32_t head_bytes,
                              uint32_t first_bytes, size_t wanted_bytes, const void **record)
{
    head_bytes = head_bytes == 0 ? first_bytes : head_bytes;
    if (head_bytes < first_bytes || head_bytes > reader->section.bytes) {
        return HML_FAIL(reader->message, HML_ERROR_table_bounds,
                        "the record of %u bytes at the start of a section", head_bytes);
    }
    *record = hml_records_get(reader->copies, reader->section.data, 1, head_bytes, wanted_bytes);
    return *record != NULL ? HML_OK : no_memory(reader, "one record");
}

hml_status hml_table_get(const hml_table_reader *reader, const hml_table *table, const char *what,
                         size_t record_bytes, const void **records)
{
    uint32_t stated = table->record_bytes;
    bool absent = table->offset == 0 && table->count == 0 && stated == 0;
    bool fits = stated == record_bytes || (stated != 0 && stated % 4 == 0 && record_bytes % 4 == 0);
    if (!absent && (!fits || table->offset % 8 != 0 || table->offset > reader->section.bytes ||
                    (uint64_t)table->count * stated > reader->section.bytes - table->offset)) {
        return HML_FAIL(reader->message, HML_ERROR_table_bounds, "table of %s", what);
    }
    *records = hml_records_get(reader->copies, reader->section.data + table->offset, table->count,
                               stated, record_bytes);
    return *records != NULL ? HML_OK : no_memory(reader, what);
}

hml_status hml_table_get_strings(const hml_table_reader *reader, const hml_table *table,
                                 const char **strings)
{
    const void *records = NULL;
    HML_TRY(hml_table_get(reader, table, "strings", 1, &records));
    const char *text = records;
    if (table->count == 0 || text[table->count - 1] != '\0') {
        return HML_FAIL(reader->message, HML_ERROR_string_invalid, "the table is not terminated");
    }
    *strings = text;
    return HML_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "reform_artifact.h"

#include "artifact_builder.h"

#include <stdlib.h>
#include <string.h>

const artifact_form artifact_forms[3] = {
    {.longer = 8, .minor = HML_FORMAT_MINOR},
    {.shorter = true, .minor = 0},
    {.longer = 72, .minor = HML_FORMAT_MINOR + 1},
};

enum { UNKNOWN = 0xa7, MOST_TABLES = 10 };

/* Bytes of the record at the start of a section, its tables, and what of each table's record is
 * reserved at its end. */
typedef struct section_form {
    uint32_t head_bytes, first_bytes; /* first: in format 1.0 */
    uint32_t table_count;
    uint32_t reserved[MOST_TABLES];
} section_form;

static const section_form section_forms[] = {
    [HML_SECTION_MODEL] = {sizeof(hml_model_record), HML_MODEL_RECORD_BYTES_1_0, 4, {0, 4, 0, 0}},
    [HML_SECTION_PROGRAM] = {sizeof(hml_program_record),
                             HML_PROGRAM_RECORD_BYTES_1_0,
                             10,
                             {0, 4, 0, 4, 0, 0, 0, 0, 0, 0}},
    [HML_SECTION_CODE] = {sizeof(hml_code_record), HML_CODE_RECORD_BYTES_1_0, 0, {0}},
    [HML_SECTION_SIGNATURE] = {0, 0, 0, {0}},
};

typedef struct writer {
    uint8_t *data;
    size_t count;
} writer;

static void align(writer *w, size_t alignment)
{
    while (w->count % alignment != 0) {
        w->data[w->count++] = 0;
    }
}

static void put(writer *w, const void *data, size_t bytes)
{
    memcpy(w->data + w->count, data, bytes);
    w->count += bytes;
}

static void put_unknown(writer *w, size_t bytes)
{
    memset(w->data + w->count, UNKNOWN, bytes);
    w->count += bytes;
}

/* Copies a table with records of the form's length. */
static void put_table(writer *w, const uint8_t *section, size_t start, uint32_t index,
                      uint32_t reserved, const artifact_form *form)
{
    hml_table table;
    memcpy(&table, section + index * sizeof table, sizeof table);
    const uint8_t *from = section + table.offset;
    bool text = table.record_bytes == 1;
    uint32_t kept = form->shorter ? table.record_bytes - reserved : table.record_bytes;
    uint32_t more = text ? 0 : form->longer;
    align(w, 8);
    table.offset = w->count - start;
    for (uint32_t k = 0; k < table.count; k++) {
        put(w, from + (size_t)k * table.record_bytes, kept);
        put_unknown(w, more);
    }
    table.record_bytes = kept + more;
    memcpy(w->data + start + index * sizeof table, &table, sizeof table);
}

static void put_section(writer *w, const uint8_t *data, hml_section_record *record,
                        const artifact_form *form)
{
    const uint8_t *section = data + record->offset;
    const section_form *known = &section_forms[record->kind];
    size_t start = w->count;
    if (known->table_count > 0) {
        /* A record that a file has shorter ends in zeros. */
        uint32_t stated = record->head_bytes != 0 ? record->head_bytes : known->first_bytes;
        put(w, section, stated);
        memset(w->data + w->count, 0, known->head_bytes - stated);
        w->count += known->head_bytes - stated;
        put_unknown(w, form->longer);
        for (uint32_t t = 0; t < known->table_count; t++) {
            put_table(w, section, start, t, known->reserved[t], form);
        }
    } else if (record->bytes > 0) {
        put(w, section, record->bytes);
    }
    if (known->head_bytes > 0 && known->table_count == 0) { /* the image begins far behind */
        memset(w->data + start + known->head_bytes, UNKNOWN, form->longer);
    }
    record->head_bytes =
        known->head_bytes == 0 || form->shorter ? 0 : known->head_bytes + form->longer;
    record->offset = start;
    record->bytes = w->count - start;
}

static void put_header(writer *w, const hml_file_header *original, const artifact_form *form,
                       const hml_section_record *records, size_t file_bytes)
{
    uint32_t known = form->shorter ? HML_SECTION_RECORD_BYTES_1_0 : sizeof *records;
    hml_file_header header = *original;
    header.format_minor = form->minor;
    header.header_bytes += form->longer;
    header.section_record_bytes = form->shorter ? 0 : known + form->longer;
    header.file_bytes = file_bytes;
    put(w, &header, sizeof header);
    put_unknown(w, form->longer);
    align(w, 64);
    header.section_table_offset = w->count;
    memcpy(w->data, &header, sizeof header);
    for (uint32_t k = 0; k < header.section_count; k++) {
        put(w, &records[k], known);
        put_unknown(w, form->longer);
    }
}

uint8_t *reform_artifact(const uint8_t *data, const artifact_form *form, size_t *bytes)
{
    const hml_file_header *header = (const void *)data;
    uint32_t count = header->section_count;
    size_t most = (size_t)header->file_bytes * (form->longer / 4 + 2) + 16 * 4096;
    writer w = {.data = aligned_alloc(4096, (most + 4095) / 4096 * 4096)};
    hml_section_record *records = calloc(count, sizeof *records);
    if (w.data == NULL || records == NULL) {
        free(w.data);
        free(records);
        return NULL;
    }
    w.count = 64 + form->longer + count * (sizeof *records + form->longer) + 64;
    memset(w.data, 0, w.count);
    for (uint32_t k = 0; k < count; k++) {
        records[k] = *artifact_section((uint8_t *)data, k);
        align(&w, records[k].alignment);
        if (k > 0) {
            records[k - 1].span = w.count - records[k - 1].offset;
        }
        put_section(&w, data, &records[k], form);
    }
    records[count - 1].span = records[count - 1].bytes;
    writer head = {.data = w.data};
    put_header(&head, header, form, records, w.count);
    (void)reseal_artifact(w.data, w.count);
    free(records);
    *bytes = w.count;
    return w.data;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "alterations.h"

#include "artifact_builder.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef struct area {
    uint64_t offset, bytes;
    const hml_table *tables; /* of a section */
    uint32_t table_count;
} area;

uint32_t alteration_next(alteration_random *random, uint32_t limit)
{
    random->state = random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random->state >> 33) % limit;
}

static area section_area(const uint8_t *original, const hml_section_record *section)
{
    area found = {.offset = section->offset, .bytes = section->bytes};
    if (section->kind == HML_SECTION_CODE) { /* not the code itself */
        found.bytes = sizeof(hml_code_record);
        return found;
    }
    found.tables = (const void *)(original + section->offset);
    found.table_count = section->kind == HML_SECTION_PROGRAM ? 10 : 4;
    return found;
}

/* One of: header and section table, the model's section, a code record, the program's section.
 * Programs most often. */
static area choose_area(alteration_random *random, const uint8_t *original)
{
    const hml_file_header *header = (const void *)original;
    uint32_t chosen = alteration_next(random, 16);
    uint32_t kind = chosen < 4   ? HML_SECTION_MODEL
                    : chosen < 5 ? HML_SECTION_CODE
                                 : HML_SECTION_PROGRAM;
    uint32_t others = 4; /* sections that no variant has of its own; a variant has two */
    uint32_t variant = alteration_next(random, (header->section_count - others) / 2);
    for (uint32_t k = 0; chosen > 0 && k < header->section_count; k++) {
        const hml_section_record *record = artifact_section((uint8_t *)original, k);
        if (record->kind == kind && (record->variant == HML_NONE || record->variant == variant)) {
            return section_area(original, record);
        }
    }
    const uint8_t *end = (const void *)artifact_section((uint8_t *)original, header->section_count);
    return (area){.offset = 0, .bytes = (uint64_t)(end - original)};
}

static uint32_t word_value(alteration_random *random, const uint8_t *data, const area *at,
                           uint32_t old)
{
    static const uint32_t huge[] = {UINT32_MAX,        UINT32_MAX - 1, INT32_MAX, UINT32_C(1) << 31,
                                    UINT32_C(1) << 15, 65535,          4096,      64};
    uint32_t other;
    switch (alteration_next(random, 6)) {
    case 0:
        return alteration_next(random, 48);
    case 1:
        return huge[alteration_next(random, sizeof huge / sizeof huge[0])];
    case 2:
        return old + 1;
    case 3:
        return old - 1;
    case 4:
        return old ^ (UINT32_C(1) << alteration_next(random, 32));
    default:
        memcpy(&other, data + at->offset + alteration_next(random, (uint32_t)at->bytes / 4) * 4, 4);
        return other;
    }
}

static void change_field(alteration_random *random, uint8_t *data, const area *at, char *text,
                         size_t text_bytes)
{
    uint64_t offset = (uint64_t)alteration_next(random, (uint32_t)at->bytes / 4) * 4;
    uint32_t old;
    memcpy(&old, data + at->offset + offset, sizeof old);
    uint32_t value = word_value(random, data, at, old);
    memcpy(data + at->offset + offset, &value, sizeof value);
    (void)snprintf(text, text_bytes, "word %llu of %llu: %u -> %u; ", (unsigned long long)offset,
                   (unsigned long long)at->offset, old, value);
}

/* Records, or one field of them, change places or are copied. */
static void change_records(alteration_random *random, uint8_t *data, const area *at, char *text,
                           size_t text_bytes)
{
    const hml_table *table = &at->tables[alteration_next(random, at->table_count)];
    if (table->count == 0 || table->record_bytes > 256) {
        return;
    }
    uint32_t size = table->record_bytes, first = 0;
    uint32_t from = alteration_next(random, table->count),
             to = alteration_next(random, table->count);
    uint8_t *records = data + at->offset + table->offset, kept[256];
    if (size % 8 == 0 && alteration_next(random, 2) == 0) {
        first = alteration_next(random, size / 8) * 8;
        size = 8;
    }
    uint8_t *a = records + (size_t)from * table->record_bytes + first;
    uint8_t *b = records + (size_t)to * table->record_bytes + first;
    memcpy(kept, b, size);
    memmove(b, a, size);
    bool swap = alteration_next(random, 2) == 0;
    if (swap) {
        memcpy(a, kept, size);
    }
    (void)snprintf(text, text_bytes, "table at %llu of %llu: %s %u and %u, bytes %u+%u; ",
                   (unsigned long long)table->offset, (unsigned long long)at->offset,
                   swap ? "swap" : "copy", from, to, first, size);
}

/* Program and code say the same of another CPU, so that nothing but the code can tell. */
static void change_features(alteration_random *random, uint8_t *data, char *text, size_t text_bytes)
{
    const hml_file_header header = *(const hml_file_header *)(const void *)data;
    uint64_t bit = UINT64_C(1) << alteration_next(random, 8);
    for (uint32_t k = 0; k < header.section_count; k++) {
        hml_section_record *record = artifact_section(data, k);
        if (record->kind == HML_SECTION_PROGRAM || record->kind == HML_SECTION_CODE) {
            record->required_features ^= bit;
        }
    }
    (void)snprintf(text, text_bytes, "features ^ %llu; ", (unsigned long long)bit);
}

void alteration_apply(alteration_random *random, const uint8_t *original, uint8_t *data, char *text,
                      size_t text_bytes)
{
    text[0] = '\0';
    if (alteration_next(random, 32) == 0) {
        change_features(random, data, text, text_bytes);
    }
    uint32_t count = 1 + alteration_next(random, 4);
    for (uint32_t k = 0; k < count; k++) {
        area at = choose_area(random, original);
        size_t used = strlen(text);
        if (at.tables != NULL && alteration_next(random, 3) == 0) {
            change_records(random, data, &at, text + used, text_bytes - used);
        } else {
            change_field(random, data, &at, text + used, text_bytes - used);
        }
    }
}

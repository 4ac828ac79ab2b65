/* SPDX-License-Identifier: Apache-2.0 */
#include "strip_artifact.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <hml_format/artifact.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The bytes of a section in the old file, and its record in the new one. */
typedef struct kept_section {
    const uint8_t *source, *old_record;
    hml_section_record record; /* as much of it as format 1.0 has */
} kept_section;

struct strip_layout {
    const uint8_t *data;
    hml_file_header header;
    uint32_t record_bytes;
    uint8_t *head; /* header and section table, head_bytes with the padding behind */
    size_t head_bytes;
    kept_section sections[];
};

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

/* Lists the sections that stay; variants are numbered in their order. */
static void list_sections(strip_layout *l, uint32_t count, const bool *kept)
{
    l->header.section_count = 0;
    for (uint32_t k = 0; k < count; k++) {
        const uint8_t *old = l->data + l->header.section_table_offset + (size_t)k * l->record_bytes;
        kept_section section = {.old_record = old};
        memcpy(&section.record, old, HML_SECTION_RECORD_BYTES_1_0);
        uint32_t number = 0;
        if (section.record.variant != HML_NONE) {
            if (!kept[section.record.variant]) {
                continue;
            }
            for (uint32_t v = 0; v < section.record.variant; v++) {
                number += kept[v] ? 1 : 0;
            }
            section.record.variant = number;
        }
        section.source = l->data + section.record.offset;
        l->sections[l->header.section_count++] = section;
    }
}

static uint64_t section_checksum(XXH3_state_t *hash, const kept_section *section)
{
    static const uint8_t zeros[4096];
    XXH3_64bits_reset(hash);
    XXH3_64bits_update(hash, section->source, (size_t)section->record.bytes);
    for (uint64_t left = section->record.span - section->record.bytes; left > 0;) {
        size_t part = left < sizeof zeros ? (size_t)left : sizeof zeros;
        XXH3_64bits_update(hash, zeros, part);
        left -= part;
    }
    return XXH3_64bits_digest(hash);
}

/* Each section at its own alignment, behind the one before; where the file then ends. */
static uint64_t place_sections(strip_layout *l)
{
    uint64_t at =
        l->header.section_table_offset + (uint64_t)l->header.section_count * l->record_bytes;
    for (uint32_t k = 0; k < l->header.section_count; k++) {
        hml_section_record *record = &l->sections[k].record;
        record->offset = align_up(at, record->alignment);
        record->span = record->bytes;
        if (k > 0) {
            hml_section_record *before = &l->sections[k - 1].record;
            before->span = record->offset - before->offset;
        }
        at = record->offset + record->bytes;
    }
    return at;
}

/* Header and table, as long as the old ones, and their checksum. */
static void write_head(strip_layout *l)
{
    memcpy(l->head, l->data, l->header.header_bytes);
    l->header.header_checksum = 0;
    memcpy(l->head, &l->header, HML_HEADER_BYTES_1_0);
    for (uint32_t k = 0; k < l->header.section_count; k++) {
        uint8_t *place = l->head + l->header.section_table_offset + (size_t)k * l->record_bytes;
        memcpy(place, l->sections[k].old_record, l->record_bytes);
        memcpy(place, &l->sections[k].record, HML_SECTION_RECORD_BYTES_1_0);
    }
    uint64_t checksum = XXH3_64bits(l->head, l->head_bytes);
    memcpy(l->head + offsetof(hml_file_header, header_checksum), &checksum, sizeof checksum);
}

strip_layout *strip_layout_create(const uint8_t *data, const bool *kept)
{
    hml_file_header header;
    memcpy(&header, data, HML_HEADER_BYTES_1_0);
    strip_layout *l = calloc(1, sizeof *l + header.section_count * sizeof l->sections[0]);
    XXH3_state_t *hash = XXH3_createState();
    if (l == NULL || hash == NULL) {
        XXH3_freeState(hash);
        free(l);
        return NULL;
    }
    l->data = data;
    l->header = header;
    l->record_bytes = header.section_record_bytes != 0 ? header.section_record_bytes
                                                       : (uint32_t)HML_SECTION_RECORD_BYTES_1_0;
    list_sections(l, header.section_count, kept);
    l->header.file_bytes = place_sections(l);
    for (uint32_t k = 0; k < l->header.section_count; k++) {
        l->sections[k].record.checksum = section_checksum(hash, &l->sections[k]);
    }
    XXH3_freeState(hash);
    l->head_bytes = (size_t)l->sections[0].record.offset;
    l->head = calloc(1, l->head_bytes);
    if (l->head == NULL) {
        strip_layout_destroy(l);
        return NULL;
    }
    write_head(l);
    return l;
}

uint64_t strip_layout_bytes(const strip_layout *layout)
{
    return layout->header.file_bytes;
}

void strip_layout_write(const strip_layout *layout, FILE *out)
{
    fwrite(layout->head, 1, layout->head_bytes, out);
    for (uint32_t k = 0; k < layout->header.section_count; k++) {
        const kept_section *section = &layout->sections[k];
        fwrite(section->source, 1, (size_t)section->record.bytes, out);
        for (uint64_t left = section->record.span - section->record.bytes; left > 0; left--) {
            putc(0, out);
        }
    }
}

void strip_layout_destroy(strip_layout *layout)
{
    if (layout != NULL) {
        free(layout->head);
        free(layout);
    }
}

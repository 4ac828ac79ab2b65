/* SPDX-License-Identifier: Apache-2.0 */
#include "loader/container.h"
#include "loader/checksum.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef unsigned long long ull;

_Static_assert(sizeof(hml_file_header) == HML_HEADER_BYTES_1_0, "read where it lies");
_Static_assert(sizeof(hml_section_record) >= HML_SECTION_RECORD_BYTES_1_0, "records only grow");

static const hml_file_header *header_of(hml_file_bytes file)
{
    const void *start = file.data;
    return start;
}

static hml_status check_magic(hml_file_bytes file, hml_message message)
{
    static const uint8_t magic[] = HML_MAGIC;
    uint64_t present = file.bytes < 8 ? file.bytes : 8;
    uint64_t swapped = 0;
    for (uint64_t i = 0; i < present; i++) {
        swapped += file.data[i] == magic[7 - i] ? 1U : 0U;
    }
    if (present == 8 && swapped == 8) {
        return HML_FAIL(message, HML_ERROR_byte_swapped, "the magic number reads backwards");
    }
    if (present == 0 || memcmp(file.data, magic, (size_t)present) != 0) {
        return HML_FAIL(message, HML_ERROR_not_an_artifact, "the magic number is missing");
    }
    return HML_OK;
}

static hml_status check_versions(const hml_file_header *header, hml_message message)
{
    if (header->byte_order == __builtin_bswap32(HML_BYTE_ORDER)) {
        return HML_FAIL(message, HML_ERROR_byte_swapped, "the byte order mark is swapped");
    }
    if (header->byte_order != HML_BYTE_ORDER || header->format_major == 0) {
        return HML_FAIL(message, HML_ERROR_header_invalid, "byte order mark or version");
    }
    if (header->format_major > HML_FORMAT_MAJOR) {
        return HML_FAIL(message, HML_ERROR_format_newer, "format %u.%u, this runtime reads %d.x",
                        header->format_major, header->format_minor, HML_FORMAT_MAJOR);
    }
    if (header->minimum_abi > HML_RUNTIME_ABI) {
        return HML_FAIL(message, HML_ERROR_runtime_too_old, "it needs ABI %u, this runtime has %d",
                        header->minimum_abi, HML_RUNTIME_ABI);
    }
    return HML_OK;
}

static hml_status check_size(const hml_file_header *header, uint64_t bytes, hml_message message)
{
    if (header->file_bytes > bytes) {
        return HML_FAIL(message, HML_ERROR_truncated, "%llu of %llu bytes are there", (ull)bytes,
                        (ull)header->file_bytes);
    }
    if (header->file_bytes < bytes) {
        return HML_FAIL(message, HML_ERROR_trailing_bytes, "%llu bytes behind the end at %llu",
                        (ull)(bytes - header->file_bytes), (ull)header->file_bytes);
    }
    return HML_OK;
}

/* Bytes of a section record; 0: a length that no version writes. */
static uint32_t section_record_bytes(const hml_file_header *header)
{
    uint32_t stated = header->section_record_bytes;
    return stated == 0                                                ? HML_SECTION_RECORD_BYTES_1_0
           : stated < HML_SECTION_RECORD_BYTES_1_0 || stated % 8 != 0 ? 0
                                                                      : stated;
}

/* Where the header, the section table and their padding end, if all of it lies in the file. */
static hml_status check_header(hml_file_bytes file, hml_message message, uint64_t *end)
{
    const hml_file_header *header = header_of(file);
    uint64_t offset = header->section_table_offset;
    uint32_t record_bytes = section_record_bytes(header);
    if (header->header_bytes < HML_HEADER_BYTES_1_0 || offset < header->header_bytes ||
        record_bytes == 0 || header->section_count == 0 || offset % 8 != 0 || offset > file.bytes ||
        header->section_count > (file.bytes - offset) / record_bytes) {
        return HML_FAIL(message, HML_ERROR_header_invalid, "sizes or section table");
    }
    const hml_section_record *first = (const void *)(file.data + offset);
    uint64_t table_end = offset + (uint64_t)header->section_count * record_bytes;
    if (first->offset < table_end || first->offset > file.bytes) {
        return HML_FAIL(message, HML_ERROR_section_bounds, "section 0");
    }
    *end = first->offset;
    return HML_OK;
}

static hml_status check_section(hml_file_bytes file, const hml_section_record *section,
                                uint32_t index, uint64_t expected_offset, hml_message message)
{
    if (section->offset != expected_offset || section->span > file.bytes - section->offset ||
        section->bytes > section->span) {
        return HML_FAIL(message, HML_ERROR_section_bounds, "section %u", index);
    }
    uint64_t alignment = section->alignment;
    if (alignment < HML_DATA_ALIGNMENT || alignment > HML_MAPPED_ALIGNMENT ||
        (alignment & (alignment - 1)) != 0 || section->offset % alignment != 0) {
        return HML_FAIL(message, HML_ERROR_section_alignment, "section %u", index);
    }
    return HML_OK;
}

/* A file of this version or an older one has no kinds that are not known. */
static hml_status check_kind(const hml_container *container, uint32_t index, hml_message message)
{
    uint32_t kind = container->sections[index].kind;
    if (container->minor <= HML_FORMAT_MINOR &&
        (kind < HML_SECTION_MODEL || kind > HML_SECTION_SIGNATURE)) {
        return HML_FAIL(message, HML_ERROR_section_kind, "section %u is of kind %u", index, kind);
    }
    return HML_OK;
}

static hml_status check_sections(hml_file_bytes file, const hml_container *container,
                                 hml_message message)
{
    const hml_section_record *sections = container->sections;
    uint32_t count = container->count;
    uint64_t expected = sections[0].offset;
    for (uint32_t i = 0; i < count; i++) {
        HML_TRY(check_section(file, &sections[i], i, expected, message));
        HML_TRY(check_kind(container, i, message));
        expected += sections[i].span;
    }
    if (expected != file.bytes) {
        return HML_FAIL(message, HML_ERROR_section_bounds, "the last section ends at %llu of %llu",
                        (ull)expected, (ull)file.bytes);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (hml_checksum(file.data + sections[i].offset, (size_t)sections[i].span) !=
            sections[i].checksum) {
            return HML_FAIL(message, HML_ERROR_section_checksum, "section %u at offset %llu", i,
                            (ull)sections[i].offset);
        }
    }
    return HML_OK;
}

hml_status hml_container_check(hml_file_bytes file, hml_record_copies *copies, hml_message message,
                               hml_container *container)
{
    HML_TRY(check_magic(file, message));
    const hml_file_header *header = header_of(file);
    if (file.bytes < HML_HEADER_BYTES_1_0) {
        return HML_FAIL(message, HML_ERROR_truncated, "it ends within the header");
    }
    HML_TRY(check_versions(header, message));
    HML_TRY(check_size(header, file.bytes, message));
    uint64_t header_end = 0;
    HML_TRY(check_header(file, message, &header_end));
    if (hml_checksum_around(file.data, (size_t)header_end,
                            offsetof(hml_file_header, header_checksum)) !=
        header->header_checksum) {
        return HML_FAIL(message, HML_ERROR_header_checksum, "%s", "");
    }
    container->count = header->section_count;
    container->minor = header->format_minor;
    container->sections =
        hml_records_get(copies, file.data + header->section_table_offset, container->count,
                        section_record_bytes(header), sizeof *container->sections);
    if (container->sections == NULL) {
        return HML_FAIL(message, HML_ERROR_out_of_memory, "%u sections", container->count);
    }
    return check_sections(file, container, message);
}

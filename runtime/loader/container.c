#include "loader/container.h"
#include "loader/checksum.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef unsigned long long ull;

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
    if (header->format_major > HML_FORMAT_MAJOR || header->format_minor > HML_FORMAT_MINOR) {
        return HML_FAIL(message, HML_ERROR_format_newer, "format %u.%u, this runtime reads %d.%d",
                        header->format_major, header->format_minor, HML_FORMAT_MAJOR,
                        HML_FORMAT_MINOR);
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

/* Where the header, the section table and their padding end, if all of it lies in the file. */
static hml_status check_header(hml_file_bytes file, hml_message message, uint64_t *end)
{
    const hml_file_header *header = header_of(file);
    uint64_t offset = header->section_table_offset;
    if (header->header_bytes != sizeof *header || header->reserved != 0 ||
        header->section_count == 0 || offset < sizeof *header || offset % 8 != 0 ||
        offset > file.bytes ||
        header->section_count > (file.bytes - offset) / sizeof(hml_section_record)) {
        return HML_FAIL(message, HML_ERROR_header_invalid, "sizes or section table");
    }
    const hml_section_record *sections = (const void *)(file.data + offset);
    uint64_t table_end = offset + header->section_count * sizeof *sections;
    if (sections[0].offset < table_end || sections[0].offset > file.bytes) {
        return HML_FAIL(message, HML_ERROR_section_bounds, "section 0");
    }
    *end = sections[0].offset;
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
    if (section->kind < HML_SECTION_MODEL || section->kind > HML_SECTION_SIGNATURE) {
        return HML_FAIL(message, HML_ERROR_section_kind, "section %u is of kind %u", index,
                        section->kind);
    }
    return HML_OK;
}

static hml_status check_sections(hml_file_bytes file, const hml_section_record *sections,
                                 uint32_t count, hml_message message)
{
    uint64_t expected = sections[0].offset;
    for (uint32_t i = 0; i < count; i++) {
        HML_TRY(check_section(file, &sections[i], i, expected, message));
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

hml_status hml_container_check(hml_file_bytes file, hml_message message,
                               const hml_section_record **sections, uint32_t *count)
{
    HML_TRY(check_magic(file, message));
    const hml_file_header *header = header_of(file);
    if (file.bytes < sizeof *header) {
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
    const hml_section_record *records = (const void *)(file.data + header->section_table_offset);
    HML_TRY(check_sections(file, records, header->section_count, message));
    *sections = records;
    *count = header->section_count;
    return HML_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "zip.h"

#include <stdlib.h>
#include <string.h>

#include <support/inflate.h>

#include "member_name.h"

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, MOST_COMMENT = 65535 };
enum { STORED = 0, DEFLATED = 8, ENCRYPTED = 1 };
/* Deflate cannot shrink further than 1032 to 1. A model's weights shrink by a few per cent, its
 * description by ten to one. */
enum { MOST_RATIO = 100, FREE_BYTES = 1 << 20 };

static uint32_t read16(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8;
}

static uint32_t read32(const uint8_t *data)
{
    return read16(data) | read16(data + 2) << 16;
}

static hmlc_status damaged(const hmlc_zip *zip, const char *name, const char *what)
{
    return hmlc_error_add(zip->diagnostics, HMLC_ERROR_file_damaged, zip->where,
                          "the file may be cut short or altered: fetch or export it again",
                          "the archive %s%s%s%s", name != NULL ? "has a member '" : "",
                          name != NULL ? name : "", name != NULL ? "' " : "", what);
}

static hmlc_status refused(const hmlc_zip *zip, const char *name, const char *what)
{
    return hmlc_error_add(zip->diagnostics, HMLC_ERROR_not_implemented, zip->where,
                          "pack it anew, without encryption and with deflate at most",
                          "the archive's member '%s' %s", name, what);
}

/* The end record is the last thing in the file but for a comment of up to 64 KiB. */
static const uint8_t *find_end(const hmlc_zip *zip)
{
    size_t last = zip->size < END_BYTES ? 0 : zip->size - END_BYTES;
    for (size_t back = 0; zip->size >= END_BYTES && back <= last && back <= MOST_COMMENT; back++) {
        const uint8_t *at = zip->data + last - back;
        if (memcmp(at, "PK\5\6", 4) == 0 && read16(at + 20) == back) {
            return at;
        }
    }
    return NULL;
}

static hmlc_status check_name(const hmlc_zip *zip, const char *name, size_t length)
{
    if (strlen(name) != length) {
        return damaged(zip, name, "with a NUL byte in its name");
    }
    if (hmlc_member_leads_out(name)) {
        return damaged(zip, name, "whose name leads out of the archive");
    }
    return hmlc_names_find(&zip->names, name) != NULL ? damaged(zip, name, "twice") : HMLC_OK;
}

/* Where the packed bytes start. */
static hmlc_status locate(const hmlc_zip *zip, size_t offset, hmlc_zip_member *member)
{
    if (offset > zip->size || zip->size - offset < LOCAL_BYTES ||
        memcmp(zip->data + offset, "PK\3\4", 4) != 0) {
        return damaged(zip, member->name, "that lies outside of it");
    }
    size_t skip = LOCAL_BYTES + read16(zip->data + offset + 26) + read16(zip->data + offset + 28);
    if (skip > zip->size - offset || member->packed > zip->size - offset - skip) {
        return damaged(zip, member->name, "that lies outside of it");
    }
    member->packed_offset = offset + skip;
    return HMLC_OK;
}

static hmlc_status check_member(const hmlc_zip *zip, const hmlc_zip_member *member, uint32_t flags)
{
    if (member->packed == UINT32_MAX || member->size == UINT32_MAX) {
        return refused(zip, member->name, "has 4 GiB or more");
    }
    if ((flags & ENCRYPTED) != 0) {
        return refused(zip, member->name, "is encrypted");
    }
    if (member->method != STORED && member->method != DEFLATED) {
        return refused(zip, member->name, "is compressed by another method than deflate");
    }
    if (member->method == STORED && member->packed != member->size) {
        return damaged(zip, member->name, "whose two sizes differ");
    }
    return HMLC_OK;
}

static hmlc_status read_entry(hmlc_zip *zip, size_t *at, size_t end, hmlc_zip_member *member)
{
    const uint8_t *record = zip->data + *at;
    if (end - *at < ENTRY_BYTES || memcmp(record, "PK\1\2", 4) != 0) {
        return damaged(zip, NULL, "has a damaged directory");
    }
    size_t length = read16(record + 28);
    size_t total = ENTRY_BYTES + length + read16(record + 30) + read16(record + 32);
    if (total > end - *at) {
        return damaged(zip, NULL, "has a damaged directory");
    }
    member->name = hmlc_arena_string_n(zip->arena, (const char *)record + ENTRY_BYTES, length);
    HMLC_TRY_MEMORY(member->name);
    member->method = read16(record + 10);
    member->checksum = read32(record + 16);
    member->packed = read32(record + 20);
    member->size = read32(record + 24);
    *at += total;
    HMLC_TRY(check_name(zip, member->name, length));
    HMLC_TRY(check_member(zip, member, read16(record + 8)));
    HMLC_TRY(locate(zip, read32(record + 42), member));
    return hmlc_names_set(&zip->names, member->name, member);
}

static int compare_places(const void *a, const void *b)
{
    const hmlc_zip_member *left = *(hmlc_zip_member *const *)a,
                          *right = *(hmlc_zip_member *const *)b;
    return left->packed_offset != right->packed_offset
               ? (left->packed_offset < right->packed_offset ? -1 : 1)
               : (left->packed > right->packed) - (left->packed < right->packed);
}

/* Members that share their bytes would multiply a file. */
static hmlc_status check_overlap(const hmlc_zip *zip)
{
    hmlc_zip_member **order = HMLC_NEW_ARRAY(zip->arena, hmlc_zip_member *, zip->count);
    HMLC_TRY_MEMORY(order);
    for (uint32_t i = 0; i < zip->count; i++) {
        order[i] = &zip->members[i];
    }
    if (zip->count > 1) {
        qsort(order, zip->count, sizeof *order, compare_places);
    }
    for (uint32_t i = 1; i < zip->count; i++) {
        if (order[i]->packed_offset - order[i - 1]->packed_offset < order[i - 1]->packed) {
            return damaged(zip, order[i]->name, "that shares bytes with another one");
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_zip_open(hmlc_zip *zip)
{
    const uint8_t *end = find_end(zip);
    if (end == NULL) {
        return damaged(zip, NULL, "has no directory");
    }
    size_t count = read16(end + 10), size = read32(end + 12), at = read32(end + 16);
    size_t end_at = (size_t)(end - zip->data);
    if (at > end_at || size > end_at - at || count > size / ENTRY_BYTES) {
        return damaged(zip, NULL, "has a damaged directory");
    }
    zip->names = hmlc_names_create(zip->arena);
    zip->members = HMLC_NEW_ARRAY(zip->arena, hmlc_zip_member, count);
    HMLC_TRY_MEMORY(zip->members);
    for (zip->count = 0; zip->count < count; zip->count++) {
        HMLC_TRY(read_entry(zip, &at, end_at, &zip->members[zip->count]));
    }
    return check_overlap(zip);
}

const hmlc_zip_member *hmlc_zip_find(const hmlc_zip *zip, const char *name)
{
    return hmlc_names_find(&zip->names, name);
}

hmlc_status hmlc_zip_read(const hmlc_zip *zip, const hmlc_zip_member *member, hmlc_arena *arena,
                          const uint8_t **data)
{
    const uint8_t *packed = zip->data + member->packed_offset;
    *data = packed;
    if (member->method == DEFLATED) {
        if (member->size > FREE_BYTES && member->size / MOST_RATIO > member->packed) {
            return damaged(zip, member->name, "that would grow more than a hundredfold");
        }
        if (member->size > FREE_BYTES * UINT64_C(64) + 4 * (uint64_t)zip->size) {
            return hmlc_error_add(zip->diagnostics, HMLC_ERROR_parser_memory, zip->where, NULL,
                                  "the archive's member '%s' has %zu bytes", member->name,
                                  (size_t)member->size);
        }
        uint8_t *memory = hmlc_arena_allocate(arena, member->size);
        HMLC_TRY_MEMORY(memory);
        if (!hml_inflate(packed, member->packed, memory, member->size)) {
            return damaged(zip, member->name, "whose content is damaged");
        }
        *data = memory;
    }
    return hml_crc32(*data, member->size) == member->checksum
               ? HMLC_OK
               : damaged(zip, member->name, "whose content does not fit its checksum");
}

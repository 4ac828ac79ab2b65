/* SPDX-License-Identifier: Apache-2.0 */
#include "tar.h"

#include <string.h>

#include "member_name.h"

enum { BLOCK = 512, NAME_BYTES = 100, PREFIX_AT = 345, PREFIX_BYTES = 155 };
enum { SIZE_AT = 124, SIZE_BYTES = 12, SUM_AT = 148, SUM_BYTES = 8, KIND_AT = 156 };

/* What headers before a member's own say of it. */
typedef struct member_facts {
    const char *name;
    size_t size;
    bool has_size;
} member_facts;

static hmlc_status damaged(const hmlc_tar *tar, const char *name, const char *what)
{
    return hmlc_error_add(tar->diagnostics, HMLC_ERROR_file_damaged, tar->where,
                          "the file may be cut short or altered: fetch or pack it again",
                          "the archive %s%s%s%s", name != NULL ? "has a member '" : "",
                          name != NULL ? name : "", name != NULL ? "' " : "", what);
}

/* Octal digits, blanks around them, or with the first bit set a number of 8 bytes. */
static bool read_number(const uint8_t *field, size_t bytes, size_t *number)
{
    uint64_t value = 0;
    size_t at = 0;
    if ((field[0] & 0x80) != 0) {
        for (size_t i = bytes - 8; i < bytes; i++) {
            value = value << 8 | field[i];
        }
        *number = (size_t)value;
        return value <= SIZE_MAX / 2;
    }
    while (at < bytes && field[at] == ' ') {
        at++;
    }
    for (; at < bytes && field[at] >= '0' && field[at] <= '7' && value >> 60 == 0; at++) {
        value = value << 3 | (uint64_t)(field[at] - '0');
    }
    *number = (size_t)value;
    return at == bytes || field[at] == ' ' || field[at] == '\0';
}

static bool sum_fits(const uint8_t *header)
{
    size_t sum = 0, stored;
    for (size_t i = 0; i < BLOCK; i++) {
        sum += i >= SUM_AT && i < SUM_AT + SUM_BYTES ? ' ' : header[i];
    }
    return read_number(header + SUM_AT, SUM_BYTES, &stored) && stored == sum;
}

static const char *field_text(const hmlc_tar *tar, const uint8_t *field, size_t bytes)
{
    size_t length = 0;
    while (length < bytes && field[length] != '\0') {
        length++;
    }
    return hmlc_arena_string_n(tar->arena, (const char *)field, length);
}

/* The name in a header: of ustar in two parts. */
static const char *header_name(const hmlc_tar *tar, const uint8_t *header)
{
    const char *name = field_text(tar, header, NAME_BYTES);
    const char *prefix = memcmp(header + 257, "ustar\0", 6) == 0
                             ? field_text(tar, header + PREFIX_AT, PREFIX_BYTES)
                             : "";
    if (name == NULL || prefix == NULL) {
        return NULL;
    }
    return prefix[0] != '\0' ? hmlc_arena_printf(tar->arena, "%s/%s", prefix, name) : name;
}

/* Records of a pax header: "LENGTH key=value\n". */
static hmlc_status read_pax(const hmlc_tar *tar, const uint8_t *data, size_t size,
                            member_facts *facts)
{
    while (size > 0) {
        size_t length = 0, at = 0;
        while (at < size && data[at] >= '0' && data[at] <= '9' && length < size) {
            length = length * 10 + (size_t)(data[at++] - '0');
        }
        if (at == 0 || at >= size || data[at] != ' ' || length <= at + 1 || length > size) {
            return damaged(tar, NULL, "has a damaged pax header");
        }
        const char *record = (const char *)data + at + 1;
        size_t rest = length - at - 2; /* without the blank and the end of the line */
        if (rest > 5 && memcmp(record, "path=", 5) == 0) {
            facts->name = hmlc_arena_string_n(tar->arena, record + 5, rest - 5);
            HMLC_TRY_MEMORY(facts->name);
            if (strlen(facts->name) != rest - 5) {
                return damaged(tar, facts->name, "with a NUL byte in its name");
            }
        } else if (rest > 5 && memcmp(record, "size=", 5) == 0) {
            facts->size = 0;
            for (size_t i = 5; i < rest; i++) {
                if (record[i] < '0' || record[i] > '9' || facts->size > SIZE_MAX / 16) {
                    return damaged(tar, NULL, "has a damaged pax header");
                }
                facts->size = facts->size * 10 + (size_t)(record[i] - '0');
            }
            facts->has_size = true;
        }
        data += length;
        size -= length;
    }
    return HMLC_OK;
}

static hmlc_status add_file(hmlc_tar *tar, const char *name, const uint8_t *data, size_t size,
                            hmlc_tar_member ***end)
{
    if (hmlc_member_leads_out(name)) {
        return damaged(tar, name, "whose name leads out of the archive");
    }
    while (strncmp(name, "./", 2) == 0) {
        name += 2;
    }
    if (hmlc_names_find(&tar->names, name) != NULL) {
        return damaged(tar, name, "twice");
    }
    hmlc_tar_member *member = HMLC_NEW(tar->arena, hmlc_tar_member);
    HMLC_TRY_MEMORY(member);
    *member = (hmlc_tar_member){.name = name, .data = data, .size = size};
    **end = member;
    *end = &member->next;
    return hmlc_names_set(&tar->names, name, member);
}

static hmlc_status read_member(hmlc_tar *tar, const uint8_t *header, size_t left,
                               member_facts *facts, size_t *taken, hmlc_tar_member ***end)
{
    size_t size;
    const uint8_t *data = header + BLOCK;
    uint8_t kind = header[KIND_AT];
    if (!sum_fits(header) || !read_number(header + SIZE_AT, SIZE_BYTES, &size)) {
        return damaged(tar, NULL, "has a damaged header");
    }
    bool own = kind != 'x' && kind != 'g' && kind != 'L' && kind != 'K';
    const char *name = own && facts->name != NULL ? facts->name : header_name(tar, header);
    HMLC_TRY_MEMORY(name);
    size = own && facts->has_size ? facts->size : size;
    if (size > left - BLOCK) {
        return damaged(tar, name, "that is cut short");
    }
    size_t padded = size + (BLOCK - size % BLOCK) % BLOCK;
    *taken = BLOCK + (padded <= left - BLOCK ? padded : left - BLOCK);
    if (kind == 'x') {
        return read_pax(tar, data, size, facts);
    }
    if (kind == 'L') {
        facts->name = field_text(tar, data, size);
        return facts->name != NULL ? HMLC_OK : HMLC_RESOURCE;
    }
    if (!own) {
        return HMLC_OK;
    }
    *facts = (member_facts){0};
    if (kind == '5') {
        return hmlc_member_leads_out(name)
                   ? damaged(tar, name, "whose name leads out of the archive")
                   : HMLC_OK;
    }
    if (kind != '0' && kind != '\0' && kind != '7') {
        return damaged(tar, name,
                       kind == '1' || kind == '2' ? "that is a link" : "that is no regular file");
    }
    return add_file(tar, name, data, size, end);
}

hmlc_status hmlc_tar_open(hmlc_tar *tar)
{
    static const uint8_t zeros[BLOCK];
    hmlc_tar_member **end = &tar->members;
    member_facts facts = {0};
    size_t at = 0;
    tar->names = hmlc_names_create(tar->arena);
    tar->members = NULL;
    while (tar->size - at >= BLOCK && memcmp(tar->data + at, zeros, BLOCK) != 0) {
        size_t taken = 0;
        HMLC_TRY(read_member(tar, tar->data + at, tar->size - at, &facts, &taken, &end));
        at += taken;
    }
    return tar->size - at >= BLOCK ? HMLC_OK : damaged(tar, NULL, "has no end");
}

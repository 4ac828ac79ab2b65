/* SPDX-License-Identifier: Apache-2.0 */
/* HDF5: superblock, object headers and their messages. */
#include "hdf5_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint64_t hmlc_hdf5_take(hdf5_cursor *cursor, uint32_t bytes)
{
    uint64_t value = 0;
    if (cursor->failed || (size_t)(cursor->end - cursor->at) < bytes) {
        cursor->failed = true;
        return 0;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        value |= (uint64_t)cursor->at[i] << (8 * i);
    }
    cursor->at += bytes;
    return value;
}

hdf5_cursor hmlc_hdf5_part(hdf5_cursor *cursor, uint64_t bytes)
{
    hdf5_cursor part = *cursor;
    if (cursor->failed || (uint64_t)(cursor->end - cursor->at) < bytes) {
        cursor->failed = part.failed = true;
        part.end = part.at;
        return part;
    }
    part.end = cursor->at + bytes;
    cursor->at = part.end;
    return part;
}

void hmlc_hdf5_skip(hdf5_cursor *cursor, uint64_t bytes)
{
    (void)hmlc_hdf5_part(cursor, bytes);
}

hdf5_cursor hmlc_hdf5_range(const hmlc_hdf5 *file, uint64_t address, uint64_t bytes)
{
    hdf5_cursor whole = {.at = file->data, .end = file->data + file->size};
    hmlc_hdf5_skip(&whole, address);
    return hmlc_hdf5_part(&whole, bytes);
}

hdf5_cursor hmlc_hdf5_signed(const hmlc_hdf5 *file, uint64_t address, const char *letters)
{
    hdf5_cursor rest = {.at = file->data, .end = file->data + file->size};
    hmlc_hdf5_skip(&rest, address);
    hdf5_cursor mark = hmlc_hdf5_part(&rest, 4);
    rest.failed = mark.failed || memcmp(mark.at, letters, 4) != 0;
    return rest;
}

hmlc_status hmlc_hdf5_damaged(const hmlc_hdf5 *file, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hmlc_error_add(file->diagnostics, HMLC_ERROR_file_damaged, file->where,
                          "the file may be cut short or altered: fetch or export it again",
                          "HDF5: %s", text);
}

hmlc_status hmlc_hdf5_refused(const hmlc_hdf5 *file, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hmlc_error_add(file->diagnostics, HMLC_ERROR_not_implemented, file->where,
                          "write it plainly: h5repack -l CONTI -f NONE in.h5 out.h5", "HDF5: %s",
                          text);
}

/* The smallest structure that is counted takes four bytes, and none is read twice; strings in a
 * heap are searched for, which the free ones pay. */
enum { BYTES_PER_STRUCTURE = 4, FREE_STRUCTURES = 1000000 };

hmlc_status hmlc_hdf5_count(hmlc_hdf5 *file, uint64_t text_bytes)
{
    file->work += 1 + text_bytes / BYTES_PER_STRUCTURE;
    return file->work <= file->size / BYTES_PER_STRUCTURE + FREE_STRUCTURES
               ? HMLC_OK
               : hmlc_hdf5_damaged(file, "its structures overlap or go in circles");
}

const hdf5_message *hmlc_hdf5_message(const hmlc_hdf5_object *object, uint16_t type)
{
    const hdf5_message *message = object->first;
    while (message != NULL && message->type != type) {
        message = message->next;
    }
    return message;
}

bool hmlc_hdf5_is_dataset(const hmlc_hdf5_object *object)
{
    return hmlc_hdf5_message(object, HDF5_LAYOUT) != NULL;
}

/* -- object headers ---------------------------------------------------------------------------- */

/* A header being read: its chunks in a queue, since a continuation names the next one. */
typedef struct header_chunk {
    hdf5_cursor content;
    struct header_chunk *next;
} header_chunk;

typedef struct header_reader {
    hmlc_hdf5 *file;
    uint32_t version;
    bool has_order; /* version 2: messages have a creation order */
    header_chunk *last;
    hdf5_message **link; /* where the next message goes */
} header_reader;

static hmlc_status add_chunk(header_reader *reader, hdf5_cursor content)
{
    header_chunk *chunk = HMLC_NEW(reader->file->arena, header_chunk);
    HMLC_TRY_MEMORY(chunk);
    chunk->content = content;
    if (reader->last != NULL) {
        reader->last->next = chunk;
    }
    reader->last = chunk;
    return HMLC_OK;
}

static hmlc_status add_continuation(header_reader *reader, hdf5_cursor content)
{
    hmlc_hdf5 *file = reader->file;
    uint64_t address = hmlc_hdf5_take(&content, 8), bytes = hmlc_hdf5_take(&content, 8);
    hdf5_cursor range = hmlc_hdf5_range(file, address, bytes);
    if (reader->version == 2) { /* letters in front, a checksum behind */
        hdf5_cursor mark = hmlc_hdf5_part(&range, 4);
        range.failed = mark.failed || memcmp(mark.at, "OCHK", 4) != 0 || range.end - range.at < 4;
        range.end -= range.failed ? 0 : 4;
    }
    if (content.failed || range.failed) {
        return hmlc_hdf5_damaged(file, "an object header goes on outside of the file");
    }
    return add_chunk(reader, range);
}

static hmlc_status read_messages(header_reader *reader, hdf5_cursor chunk)
{
    hmlc_hdf5 *file = reader->file;
    ptrdiff_t head = reader->version == 1 ? 8 : reader->has_order ? 6 : 4;
    while (chunk.end - chunk.at >= head) {
        hdf5_message message = {0};
        HMLC_TRY(hmlc_hdf5_count(file, 0));
        message.type = (uint16_t)hmlc_hdf5_take(&chunk, reader->version == 1 ? 2 : 1);
        uint64_t size = hmlc_hdf5_take(&chunk, 2);
        message.flags = (uint8_t)hmlc_hdf5_take(&chunk, 1);
        hmlc_hdf5_skip(&chunk, reader->version == 1 ? 3 : reader->has_order ? 2 : 0);
        message.content = hmlc_hdf5_part(&chunk, size);
        if (message.content.failed) {
            return hmlc_hdf5_damaged(file, "a message of an object header is cut short");
        }
        if (message.type == HDF5_CONTINUATION) {
            HMLC_TRY(add_continuation(reader, message.content));
        } else if (message.type != 0) {
            *reader->link = hmlc_arena_copy(file->arena, &message, sizeof message);
            HMLC_TRY_MEMORY(*reader->link);
            reader->link = &(*reader->link)->next;
        }
    }
    return HMLC_OK;
}

/* Behind the version: the extent of the first chunk. */
static hdf5_cursor first_chunk_1(hdf5_cursor *header)
{
    hmlc_hdf5_skip(header, 1 + 2 + 4); /* reserved, number of messages, references */
    uint64_t bytes = hmlc_hdf5_take(header, 4);
    hmlc_hdf5_skip(header, 4); /* to a multiple of eight */
    return hmlc_hdf5_part(header, bytes);
}

static hdf5_cursor first_chunk_2(header_reader *reader, hdf5_cursor *header)
{
    uint64_t version = hmlc_hdf5_take(header, 1), flags = hmlc_hdf5_take(header, 1);
    header->failed = header->failed || version != 2;
    hmlc_hdf5_skip(header, (flags & 0x20) != 0 ? 16 : 0); /* times */
    hmlc_hdf5_skip(header, (flags & 0x10) != 0 ? 4 : 0);  /* when attributes move elsewhere */
    reader->has_order = (flags & 4) != 0;
    uint64_t bytes = hmlc_hdf5_take(header, 1U << (flags & 3));
    return hmlc_hdf5_part(header, bytes);
}

static hmlc_status read_header(hmlc_hdf5 *file, hmlc_hdf5_object *object)
{
    hdf5_cursor header = hmlc_hdf5_signed(file, object->address, "OHDR"), chunk;
    header_reader reader = {.file = file, .version = 2, .link = &object->first};
    if (!header.failed) {
        chunk = first_chunk_2(&reader, &header);
    } else {
        header = hmlc_hdf5_range(file, object->address, 1);
        header.end = file->data + file->size;
        reader.version = (uint32_t)hmlc_hdf5_take(&header, 1);
        header.failed = header.failed || reader.version != 1;
        chunk = first_chunk_1(&header);
    }
    if (chunk.failed) {
        return hmlc_hdf5_damaged(file, "there is no object header at byte %" PRIu64,
                                 object->address);
    }
    HMLC_TRY(add_chunk(&reader, chunk));
    for (const header_chunk *at = reader.last; at != NULL; at = at->next) {
        HMLC_TRY(read_messages(&reader, at->content));
    }
    return HMLC_OK;
}

hmlc_status hmlc_hdf5_object_at(hmlc_hdf5 *file, uint64_t address, hmlc_hdf5_object **object)
{
    const char *key = hmlc_arena_printf(file->arena, "%" PRIx64, address);
    HMLC_TRY_MEMORY(key);
    *object = hmlc_names_find(&file->objects, key);
    if (*object != NULL) {
        return HMLC_OK;
    }
    *object = HMLC_NEW(file->arena, hmlc_hdf5_object);
    HMLC_TRY_MEMORY(*object);
    (*object)->address = address;
    (*object)->names = hmlc_names_create(file->arena);
    HMLC_TRY(hmlc_names_set(&file->objects, key, *object));
    return read_header(file, *object);
}

/* -- superblock -------------------------------------------------------------------------------- */

typedef struct superblock {
    uint64_t base, end, root;
} superblock;

/* Behind the version. The symbol table entry of the root group names its header. */
static superblock read_superblock_0(hdf5_cursor *at, uint32_t version)
{
    superblock block;
    hmlc_hdf5_skip(at, 4); /* versions of parts */
    at->failed = at->failed || hmlc_hdf5_take(at, 2) != 0x0808;
    hmlc_hdf5_skip(at, 1 + 2 + 2 + 4);            /* sizes of tree nodes, flags */
    hmlc_hdf5_skip(at, version == 1 ? 2 + 2 : 0); /* one more */
    block.base = hmlc_hdf5_take(at, 8);
    hmlc_hdf5_skip(at, 8); /* free space */
    block.end = hmlc_hdf5_take(at, 8);
    hmlc_hdf5_skip(at, 8 + 8); /* driver, the root's name */
    block.root = hmlc_hdf5_take(at, 8);
    return block;
}

static superblock read_superblock_2(hdf5_cursor *at)
{
    superblock block;
    at->failed = at->failed || hmlc_hdf5_take(at, 2) != 0x0808;
    hmlc_hdf5_skip(at, 1); /* flags */
    block.base = hmlc_hdf5_take(at, 8);
    hmlc_hdf5_skip(at, 8); /* extension */
    block.end = hmlc_hdf5_take(at, 8);
    block.root = hmlc_hdf5_take(at, 8);
    return block;
}

hmlc_status hmlc_hdf5_open(hmlc_hdf5 *file)
{
    hdf5_cursor at = {.at = file->data, .end = file->data + file->size};
    hdf5_cursor mark = hmlc_hdf5_part(&at, 8);
    file->objects = hmlc_names_create(file->arena);
    if (mark.failed || memcmp(mark.at, "\x89HDF\r\n\x1a\n", 8) != 0) {
        return hmlc_hdf5_damaged(file, "the signature is missing");
    }
    uint32_t version = (uint32_t)hmlc_hdf5_take(&at, 1);
    if (!at.failed && version > 3) {
        return hmlc_error_add(file->diagnostics, HMLC_ERROR_version_newer, file->where,
                              "write it anew: h5repack in.h5 out.h5",
                              "HDF5: superblock version %" PRIu32 " is none of 0 to 3", version);
    }
    superblock block = version < 2 ? read_superblock_0(&at, version) : read_superblock_2(&at);
    if (at.failed) {
        return hmlc_hdf5_damaged(file, "its superblock is damaged, or has no 64-bit offsets");
    }
    if (block.base != 0) {
        return hmlc_hdf5_refused(file, "it begins at byte %" PRIu64 ", behind something else",
                                 block.base);
    }
    if (block.end > file->size) {
        return hmlc_hdf5_damaged(file, "it should have %" PRIu64 " bytes, and has %zu", block.end,
                                 file->size);
    }
    return hmlc_hdf5_object_at(file, block.root, &file->root);
}

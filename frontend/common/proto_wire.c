/* SPDX-License-Identifier: Apache-2.0 */
#include "proto_wire.h"

#include <string.h>

typedef enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_LENGTH = 2,
    WIRE_FIXED32 = 5,
} wire_type;

/* Lengths of nested messages are written after their content: room for the longest 32-bit varint.
 */
enum { LENGTH_BYTES = 5 };

typedef struct wire_walker {
    const hmlc_wire_format *format;
    const uint8_t *data;
    size_t size;
    hmlc_budget *budget;
    hmlc_diagnostics *diagnostics;
    const hmlc_location *where;
    uint8_t *copy;
    size_t used, capacity;
} wire_walker;

typedef hmlc_wire_field field;

static hmlc_status damaged(wire_walker *walker, size_t position, const char *message,
                           const char *what)
{
    return hmlc_error_add(walker->diagnostics, HMLC_ERROR_file_damaged, walker->where,
                          "the file may be cut short or altered: fetch or export it again",
                          "byte %zu: %s%s", position, message, what);
}

static hmlc_status out_of_memory(const hmlc_budget *budget, hmlc_diagnostics *diagnostics,
                                 const hmlc_location *where)
{
    return hmlc_error_add(diagnostics,
                          budget->exceeded ? HMLC_ERROR_parser_memory : HMLC_ERROR_out_of_memory,
                          where, NULL, "parsing needs more than %zu bytes", budget->limit);
}

static hmlc_status append(wire_walker *walker, const void *bytes, size_t count)
{
    if (count > walker->capacity - walker->used) {
        size_t capacity = walker->capacity * 2 + count + 4096;
        uint8_t *copy = hmlc_budget_allocate(walker->budget, capacity);
        if (copy == NULL) {
            return out_of_memory(walker->budget, walker->diagnostics, walker->where);
        }
        if (walker->used > 0) {
            memcpy(copy, walker->copy, walker->used);
        }
        hmlc_budget_release(walker->budget, walker->copy);
        walker->copy = copy;
        walker->capacity = capacity;
    }
    memcpy(walker->copy + walker->used, bytes, count);
    walker->used += count;
    return HMLC_OK;
}

/* Reads a varint at *position, below `end`. */
static hmlc_status read_varint(wire_walker *walker, size_t *position, size_t end, uint64_t *value)
{
    uint64_t bits = 0;
    size_t start = *position;
    for (uint32_t shift = 0; shift < 70; shift += 7) {
        if (*position >= end) {
            return damaged(walker, start, "a number runs past the end", "");
        }
        uint8_t byte = walker->data[(*position)++];
        if (shift == 63 && byte > 1) {
            break;
        }
        bits |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = bits;
            return HMLC_OK;
        }
    }
    return damaged(walker, start, "a number is longer than 64 bits", "");
}

/* Reads the key and finds the value's extent. */
static hmlc_status read_field(wire_walker *walker, size_t position, size_t end, field *found)
{
    uint64_t key = 0, length = 0;
    found->start = position;
    HMLC_TRY(read_varint(walker, &position, end, &key));
    found->number = key >> 3;
    found->type = (uint32_t)(key & 7);
    if (found->number == 0 || found->number >= (UINT64_C(1) << 29)) {
        return damaged(walker, found->start, "no field has this number", "");
    }
    found->value = position;
    switch (found->type) {
    case WIRE_VARINT:
        HMLC_TRY(read_varint(walker, &position, end, &length));
        found->end = position;
        return HMLC_OK;
    case WIRE_FIXED32:
        length = 4;
        break;
    case WIRE_FIXED64:
        length = 8;
        break;
    case WIRE_LENGTH:
        HMLC_TRY(read_varint(walker, &position, end, &length));
        found->value = position;
        break;
    default:
        return damaged(walker, found->start, "no field has this wire type", "");
    }
    if (length > end - position) {
        return damaged(walker, found->start, "a field runs past the end", "");
    }
    found->end = position + (size_t)length;
    return HMLC_OK;
}

hmlc_status hmlc_wire_read_field(const uint8_t *data, size_t position, size_t end,
                                 hmlc_wire_field *found)
{
    wire_walker walker = {.data = data};
    *found = (hmlc_wire_field){0};
    return read_field(&walker, position, end, found);
}

static wire_type expected_type(const ProtobufCFieldDescriptor *descriptor)
{
    switch (descriptor->type) {
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_FIXED32;
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_LENGTH;
    default:
        return WIRE_VARINT;
    }
}

static bool is_scalar(const ProtobufCFieldDescriptor *descriptor)
{
    return expected_type(descriptor) != WIRE_LENGTH;
}

/* Bytes of the UTF-8 sequence at `text`, 0 where it is not one (or a NUL). Unicode table 3-7. */
static size_t utf8_length(const uint8_t *text, size_t size)
{
    uint8_t first = text[0];
    if (first < 0x80) {
        return first != 0 ? 1 : 0;
    }
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > size) {
        return 0;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

static hmlc_status check_text(wire_walker *walker, const field *found, const char *name)
{
    size_t position = found->value;
    while (position < found->end) {
        size_t length = utf8_length(walker->data + position, found->end - position);
        if (length == 0) {
            return damaged(walker, position, "text is not UTF-8 in field ", name);
        }
        position += length;
    }
    return HMLC_OK;
}

static hmlc_status walk(wire_walker *walker, const ProtobufCMessageDescriptor *message,
                        size_t position, size_t end, uint32_t depth);

/* Copies a nested message: its key, room for the length, its fields, then the length. */
static hmlc_status walk_nested(wire_walker *walker, const ProtobufCMessageDescriptor *message,
                               const field *found, size_t key_end, uint32_t depth)
{
    if (depth >= HMLC_WIRE_MAX_DEPTH) {
        return hmlc_error_add(walker->diagnostics, HMLC_ERROR_nesting_too_deep, walker->where, NULL,
                              "byte %zu: messages are nested deeper than %d", found->start,
                              HMLC_WIRE_MAX_DEPTH);
    }
    static const uint8_t room[LENGTH_BYTES];
    HMLC_TRY(append(walker, walker->data + found->start, key_end - found->start));
    size_t length_at = walker->used;
    HMLC_TRY(append(walker, room, LENGTH_BYTES));
    HMLC_TRY(walk(walker, message, found->value, found->end, depth + 1));
    size_t length = walker->used - length_at - LENGTH_BYTES;
    if (length > INT32_MAX) {
        return damaged(walker, found->start, "a message is larger than 2 GiB without its weights",
                       "");
    }
    for (size_t i = 0; i < LENGTH_BYTES; i++) {
        uint8_t more = i + 1 < LENGTH_BYTES ? 0x80 : 0;
        walker->copy[length_at + i] = (uint8_t)(((length >> (7 * i)) & 0x7f) | more);
    }
    return HMLC_OK;
}

/* Copies weights as the position of their bytes. */
static hmlc_status copy_position(wire_walker *walker, const field *found, size_t key_end)
{
    hmlc_wire_position position = {.offset = found->value, .size = found->end - found->value};
    uint8_t length = sizeof position;
    HMLC_TRY(append(walker, walker->data + found->start, key_end - found->start));
    HMLC_TRY(append(walker, &length, 1));
    return append(walker, &position, sizeof position);
}

static size_t key_end_of(const wire_walker *walker, const field *found)
{
    size_t position = found->start;
    while ((walker->data[position] & 0x80) != 0) {
        position++;
    }
    return position + 1;
}

static hmlc_status copy_field(wire_walker *walker, const ProtobufCMessageDescriptor *message,
                              const ProtobufCFieldDescriptor *descriptor, const field *found,
                              uint32_t depth)
{
    bool packed = descriptor->label == PROTOBUF_C_LABEL_REPEATED && is_scalar(descriptor) &&
                  found->type == WIRE_LENGTH;
    if (found->type != (uint32_t)expected_type(descriptor) && !packed) {
        return damaged(walker, found->start, "wrong wire type of field ", descriptor->name);
    }
    if (descriptor->type == PROTOBUF_C_TYPE_MESSAGE) {
        return walk_nested(walker, descriptor->descriptor, found, key_end_of(walker, found), depth);
    }
    if (descriptor->type == PROTOBUF_C_TYPE_STRING) {
        HMLC_TRY(check_text(walker, found, descriptor->name));
    }
    if (message == walker->format->tensor &&
        strcmp(descriptor->name, walker->format->weights) == 0) {
        return copy_position(walker, found, key_end_of(walker, found));
    }
    return append(walker, walker->data + found->start, found->end - found->start);
}

/* A singular message that occurs twice would have to be merged; no writer does that. */
static hmlc_status check_once(wire_walker *walker, const ProtobufCFieldDescriptor *descriptor,
                              const ProtobufCMessageDescriptor *message, const field *found,
                              uint64_t *seen)
{
    if (descriptor->type != PROTOBUF_C_TYPE_MESSAGE ||
        descriptor->label == PROTOBUF_C_LABEL_REPEATED) {
        return HMLC_OK;
    }
    uint64_t bit = UINT64_C(1) << (descriptor - message->fields);
    if ((*seen & bit) != 0) {
        return damaged(walker, found->start, "a second field ", descriptor->name);
    }
    *seen |= bit;
    return HMLC_OK;
}

static hmlc_status walk(wire_walker *walker, const ProtobufCMessageDescriptor *message,
                        size_t position, size_t end, uint32_t depth)
{
    uint64_t seen = 0;
    while (position < end) {
        field found = {0};
        HMLC_TRY(read_field(walker, position, end, &found));
        position = found.end;
        const ProtobufCFieldDescriptor *descriptor =
            protobuf_c_message_descriptor_get_field(message, (unsigned)found.number);
        if (descriptor == NULL) {
            continue;
        }
        HMLC_TRY(check_once(walker, descriptor, message, &found, &seen));
        HMLC_TRY(copy_field(walker, message, descriptor, &found, depth));
    }
    return HMLC_OK;
}

static void *allocate(void *context, size_t bytes)
{
    return hmlc_budget_allocate(context, bytes);
}

static void release(void *context, void *memory)
{
    hmlc_budget_release(context, memory);
}

hmlc_status hmlc_wire_unpack(const hmlc_wire_format *format, const void *data, size_t size,
                             hmlc_budget *budget, hmlc_diagnostics *diagnostics,
                             const hmlc_location *where, const ProtobufCMessage **message)
{
    wire_walker walker = {.format = format,
                          .data = data,
                          .size = size,
                          .budget = budget,
                          .diagnostics = diagnostics,
                          .where = where};
    ProtobufCAllocator allocator = {.alloc = allocate, .free = release, .allocator_data = budget};
    HMLC_TRY(walk(&walker, format->root, 0, size, 1));
    *message = protobuf_c_message_unpack(format->root, &allocator, walker.used, walker.copy);
    hmlc_budget_release(budget, walker.copy);
    if (*message != NULL) {
        return HMLC_OK;
    }
    if (budget->exceeded || budget->starved) {
        return out_of_memory(budget, diagnostics, where);
    }
    return hmlc_error_add(diagnostics, HMLC_ERROR_file_damaged, where,
                          "the file may be altered: fetch or export it again",
                          "a list of numbers is cut short");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the bytes of a model file to protobuf-c messages, without copying weights.
 *
 * protobuf-c recurses without a limit, copies every field it does not know and every `bytes` field.
 * A walker therefore goes over the file first, driven by the descriptors that a format's .proto
 * yields: it checks keys, lengths, wire types, text and nesting, drops what the .proto does not
 * name, and writes a condensed copy in which the field of the weights holds the position of its
 * bytes in the file instead of the bytes. protobuf-c unpacks that copy.
 */
#ifndef HMLC_PROTO_WIRE_H
#define HMLC_PROTO_WIRE_H

#include "importer/budget.h"
#include <protobuf-c/protobuf-c.h>

/* Messages within messages; what protobuf's own readers accept. */
#define HMLC_WIRE_MAX_DEPTH 100

/* What the field of the weights holds after unpacking. */
typedef struct hmlc_wire_position {
    uint64_t offset, size; /* bytes into the file */
} hmlc_wire_position;

/* What a format's files hold: the outermost message, and the field of the weights. */
typedef struct hmlc_wire_format {
    const ProtobufCMessageDescriptor *root, *tensor;
    const char *weights; /* a field of `tensor` */
} hmlc_wire_format;

/* The message lives in the budget. Problems become diagnostics at `where`. */
hmlc_status hmlc_wire_unpack(const hmlc_wire_format *format, const void *data, size_t size,
                             hmlc_budget *budget, hmlc_diagnostics *diagnostics,
                             const hmlc_location *where,
                             const ProtobufCMessage **message) HMLC_MUST_USE;

/* One field as found. */
typedef struct hmlc_wire_field {
    size_t start; /* of the key */
    size_t value; /* of the value; of the content of text, bytes and messages */
    size_t end;   /* behind the value */
    uint64_t number;
    uint32_t type;
} hmlc_wire_field;

/* Reads the field at `position` of data[0..end); DAMAGED, without a word, when there is none. */
hmlc_status hmlc_wire_read_field(const uint8_t *data, size_t position, size_t end,
                                 hmlc_wire_field *found) HMLC_MUST_USE;

#endif

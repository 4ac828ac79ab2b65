/* SPDX-License-Identifier: Apache-2.0 */
/* Stored tensors: raw bytes and external files are used where they lie, typed fields are converted.
 */
#include "importer/stored_tensor.h"
#include "onnx_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tensor_reader {
    hmlc_importer *importer;
    const Onnx__TensorProto *proto;
    const hmlc_location *where;
    hmlc_tensor *tensor;
    int64_t count; /* elements */
    bool nibbles;  /* two share a byte, low bits first */
} tensor_reader;

static hmlc_status HMLC_PRINTF(2, 3) invalid(const tensor_reader *reader, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return hmlc_error_add(reader->importer->module->diagnostics, HMLC_ERROR_tensor_data_invalid,
                          reader->where, NULL, "%s", text);
}

/* -- two elements a byte */

enum { ONNX_UINT4 = 21, ONNX_INT4 = 22 };

bool hmlc_onnx_is_packed(const Onnx__TensorProto *proto)
{
    return proto->data_type == ONNX_UINT4 || proto->data_type == ONNX_INT4;
}

static size_t stored_bytes(const tensor_reader *reader)
{
    size_t bytes = reader->tensor->bytes;
    return reader->nibbles ? bytes / 2 + bytes % 2 : bytes;
}

/* Byte `index` of what is stored. */
typedef uint8_t packed_byte(const void *data, size_t index);

static uint8_t byte_of_bytes(const void *data, size_t index)
{
    return ((const uint8_t *)data)[index];
}

static uint8_t byte_of_words(const void *data, size_t index)
{
    return (uint8_t)((const int32_t *)data)[index];
}

static hmlc_status unpack(tensor_reader *reader, const void *data, packed_byte *at)
{
    hmlc_tensor *tensor = reader->tensor;
    uint8_t *bytes = hmlc_arena_allocate(reader->importer->module->arena, tensor->bytes + 1);
    HMLC_TRY_MEMORY(bytes);
    for (size_t i = 0; i < tensor->bytes; i++) {
        uint8_t bits = (uint8_t)(at(data, i / 2) >> (i % 2 * 4) & 15);
        bytes[i] = (uint8_t)(tensor->dtype == HMLC_DTYPE_i8 && bits > 7 ? bits | 0xf0 : bits);
    }
    tensor->data = bytes;
    return HMLC_OK;
}

static hmlc_status read_shape(tensor_reader *reader)
{
    const Onnx__TensorProto *proto = reader->proto;
    hmlc_tensor *tensor = reader->tensor;
    reader->nibbles = hmlc_onnx_is_packed(proto);
    if (reader->nibbles) {
        tensor->dtype = proto->data_type == ONNX_INT4 ? HMLC_DTYPE_i8 : HMLC_DTYPE_u8;
    } else if (!hmlc_onnx_dtype(reader->importer, proto->data_type, reader->where, "tensor",
                                &tensor->dtype)) {
        return HMLC_REFUSED;
    }
    if (proto->n_dims > HMLC_MAX_RANK) {
        return hmlc_error_add(
            reader->importer->module->diagnostics, HMLC_ERROR_not_implemented, reader->where, NULL,
            "the tensor has rank %zu; at most %d is supported", proto->n_dims, HMLC_MAX_RANK);
    }
    tensor->rank = (int32_t)proto->n_dims;
    for (int32_t i = 0; i < tensor->rank; i++) {
        tensor->dims[i] = proto->dims[i];
    }
    HMLC_TRY(hmlc_stored_tensor_measure(reader->importer, tensor, reader->where));
    reader->count = hmlc_tensor_count(tensor);
    return HMLC_OK;
}

static hmlc_status use_bytes(tensor_reader *reader, const uint8_t *data, uint64_t size)
{
    if (reader->nibbles) {
        return size == stored_bytes(reader)
                   ? unpack(reader, data, byte_of_bytes)
                   : invalid(reader, "%" PRIu64 " bytes are stored, but the shape needs %zu", size,
                             stored_bytes(reader));
    }
    return hmlc_stored_tensor_use(reader->importer, reader->tensor, data, size, reader->where);
}

static hmlc_status read_raw(tensor_reader *reader)
{
    hmlc_wire_position position;
    const hmlc_importer *importer = reader->importer;
    if (reader->proto->raw_data.len != sizeof position) {
        return invalid(reader, "the position of the data is lost");
    }
    memcpy(&position, reader->proto->raw_data.data, sizeof position);
    if (position.offset > importer->size || position.size > importer->size - position.offset) {
        return invalid(reader, "the data lies outside the file");
    }
    return use_bytes(reader, importer->data + position.offset, position.size);
}

/* External data: key-value strings. */

static hmlc_status HMLC_PRINTF(2, 3)
    external_error(const tensor_reader *reader, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return hmlc_error_add(reader->importer->module->diagnostics, HMLC_ERROR_external_data_refused,
                          reader->where, "keep the model and its data files together, unchanged",
                          "%s", message);
}

static bool parse_number(const char *text, uint64_t *number)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static hmlc_status read_external(tensor_reader *reader)
{
    const Onnx__TensorProto *proto = reader->proto;
    const char *location = NULL;
    uint64_t offset = 0, length = stored_bytes(reader);
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = proto->external_data[i]->key, *value = proto->external_data[i]->value;
        if (key == NULL || value == NULL) {
            continue;
        }
        if (strcmp(key, "location") == 0) {
            location = value;
        }
        uint64_t *number = strcmp(key, "offset") == 0   ? &offset
                           : strcmp(key, "length") == 0 ? &length
                                                        : NULL;
        if (number != NULL && !parse_number(value, number)) {
            return external_error(reader, "offset or length '%s' is not a number", value);
        }
    }
    if (location == NULL) {
        return external_error(reader, "external data has no location");
    }
    if (length != stored_bytes(reader)) {
        return external_error(
            reader, "'%s': length is %" PRIu64 ", but shape and type need %" PRIu64 " bytes",
            location, length, (uint64_t)stored_bytes(reader));
    }
    const hmlc_mapped_file *file;
    HMLC_TRY(hmlc_importer_external(reader->importer, location, reader->where, &file));
    if (offset > file->size || length > file->size - offset) {
        return external_error(
            reader, "'%s' holds %" PRIu64 " bytes, but the tensor ends at byte %" PRIu64, location,
            (uint64_t)file->size, offset > UINT64_MAX - length ? UINT64_MAX : offset + length);
    }
    return use_bytes(reader, length > 0 ? file->data + offset : (const uint8_t *)"", length);
}

/* Typed fields: what holds an element type, and the number of elements there. */

typedef enum typed_field { IN_FLOAT, IN_INT32, IN_INT64, IN_DOUBLE, IN_UINT64 } typed_field;

static typed_field field_of(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f32:
        return IN_FLOAT;
    case HMLC_DTYPE_i64:
        return IN_INT64;
    case HMLC_DTYPE_f64:
        return IN_DOUBLE;
    case HMLC_DTYPE_u32:
    case HMLC_DTYPE_u64:
        return IN_UINT64;
    default:
        return IN_INT32;
    }
}

static size_t field_count(const Onnx__TensorProto *proto, typed_field field)
{
    const size_t counts[] = {proto->n_float_data, proto->n_int32_data, proto->n_int64_data,
                             proto->n_double_data, proto->n_uint64_data};
    return counts[field];
}

/*
 * The values that int32_data or uint64_data may hold for a type narrower than the field: those of
 * the type, or its bits read with or without a sign, as some exporters write them.
 */
static bool fits(hmlc_dtype dtype, int64_t value)
{
    uint32_t bits = hmlc_dtype_bits(dtype);
    if (bits >= 32) {
        return dtype != HMLC_DTYPE_u32 || (value >= 0 && value <= UINT32_MAX);
    }
    return value >= -(INT64_C(1) << (bits - 1)) && value < INT64_C(1) << bits;
}

static hmlc_status convert(const tensor_reader *reader, typed_field field, void *data)
{
    const Onnx__TensorProto *proto = reader->proto;
    hmlc_dtype dtype = reader->tensor->dtype;
    size_t bytes = hmlc_dtype_bytes(dtype);
    for (int64_t i = 0; i < reader->count; i++) {
        int64_t value = field == IN_INT32 ? proto->int32_data[i] : (int64_t)proto->uint64_data[i];
        if (dtype == HMLC_DTYPE_bool) {
            value = value != 0;
        }
        if (!fits(dtype, value)) {
            return invalid(reader, "element %" PRId64 " is %" PRId64 ", outside its type's range",
                           i, value);
        }
        /* Little-endian hosts: the low bytes come first. Floats are stored as their bits. */
        memcpy((char *)data + (size_t)i * bytes, &value, bytes);
    }
    return HMLC_OK;
}

static hmlc_status read_typed(tensor_reader *reader)
{
    const Onnx__TensorProto *proto = reader->proto;
    typed_field field = field_of(reader->tensor->dtype);
    size_t found = field_count(proto, field);
    size_t wanted = reader->nibbles ? stored_bytes(reader) : (size_t)reader->count;
    if (found != wanted) {
        return invalid(reader, "%zu elements are stored, but the shape needs %zu", found, wanted);
    }
    if (reader->nibbles) {
        return unpack(reader, reader->proto->int32_data, byte_of_words);
    }
    void *data = hmlc_arena_allocate(reader->importer->module->arena, reader->tensor->bytes);
    HMLC_TRY_MEMORY(data);
    const void *sources[] = {proto->float_data, NULL, proto->int64_data, proto->double_data,
                             reader->tensor->dtype == HMLC_DTYPE_u64 ? proto->uint64_data : NULL};
    reader->tensor->data = data;
    if (reader->count == 0) {
        return HMLC_OK;
    }
    if (sources[field] != NULL) {
        memcpy(data, sources[field], reader->tensor->bytes);
        return HMLC_OK;
    }
    return convert(reader, field, data);
}

hmlc_status hmlc_onnx_tensor(hmlc_importer *importer, const Onnx__TensorProto *proto,
                             const hmlc_location *where, hmlc_tensor *tensor)
{
    tensor_reader reader = {.importer = importer, .proto = proto, .where = where, .tensor = tensor};
    *tensor = (hmlc_tensor){0};
    HMLC_TRY(read_shape(&reader));
    size_t typed = proto->n_float_data + proto->n_int32_data + proto->n_int64_data +
                   proto->n_double_data + proto->n_uint64_data + proto->n_string_data;
    bool external = proto->data_location == 1;
    if (external && (proto->has_raw_data || typed > 0)) {
        return invalid(&reader, "the data is stored in two ways");
    }
    if (proto->has_raw_data && typed > 0) { /* ONNX Runtime reads the raw bytes */
        hmlc_warning_add(importer->module->diagnostics, HMLC_ERROR_tensor_data_invalid, where,
                         "remove one of the two",
                         "the data is stored twice, as raw bytes and as elements; the raw bytes "
                         "count");
    }
    if (external) {
        return read_external(&reader);
    }
    return proto->has_raw_data ? read_raw(&reader) : read_typed(&reader);
}

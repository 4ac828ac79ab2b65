/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ONNX TensorProto, read straight from the protobuf wire format: field numbers and types are facts
 * of the format. External data and types that the runtime does not have are refused; one string is
 * read as its bytes.
 */
#include "tensor_file.h"
#include "tensor_write.h"

#include <stdlib.h>
#include <string.h>

enum {
    FIELD_DIMS = 1,
    FIELD_DATA_TYPE = 2,
    FIELD_FLOAT_DATA = 4,
    FIELD_INT32_DATA = 5,
    FIELD_STRING_DATA = 6,
    FIELD_INT64_DATA = 7,
    FIELD_NAME = 8,
    FIELD_RAW_DATA = 9,
    FIELD_DOUBLE_DATA = 10,
    FIELD_UINT64_DATA = 11,
    FIELD_EXTERNAL_DATA = 13,
};
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* ONNX's numbers of element types, and the field that holds elements which are not raw. */
static const struct {
    uint32_t number;
    hml_dtype dtype;
    uint32_t field;
} pb_dtypes[] = {
    {1, HML_F32, FIELD_FLOAT_DATA},   {2, HML_U8, FIELD_INT32_DATA},
    {3, HML_I8, FIELD_INT32_DATA},    {4, HML_U16, FIELD_INT32_DATA},
    {5, HML_I16, FIELD_INT32_DATA},   {6, HML_I32, FIELD_INT32_DATA},
    {7, HML_I64, FIELD_INT64_DATA},   {9, HML_BOOL, FIELD_INT32_DATA},
    {10, HML_F16, FIELD_INT32_DATA},  {11, HML_F64, FIELD_DOUBLE_DATA},
    {12, HML_U32, FIELD_UINT64_DATA}, {13, HML_U64, FIELD_UINT64_DATA},
    {16, HML_BF16, FIELD_INT32_DATA},
};
enum { PB_STRING = 8 };
enum { PB_DTYPES = sizeof pb_dtypes / sizeof pb_dtypes[0] };

/* -- Wire format ------------------------------------------------------------------------------- */

typedef struct wire {
    const uint8_t *at, *end;
} wire;

typedef struct wire_field {
    uint32_t number, type;
    uint64_t value; /* of the number types */
    wire bytes;     /* of WIRE_BYTES */
} wire_field;

static bool take_varint(wire *in, uint64_t *value)
{
    uint64_t sum = 0;
    for (uint32_t shift = 0; shift < 70 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        if (shift == 63 && byte > 1) {
            return false;
        }
        sum |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *value = sum;
            return true;
        }
    }
    return false;
}

static bool take_fixed(wire *in, size_t bytes, uint64_t *value)
{
    if ((size_t)(in->end - in->at) < bytes) {
        return false;
    }
    *value = 0;
    memcpy(value, in->at, bytes);
    in->at += bytes;
    return true;
}

static bool take_field(wire *in, wire_field *field)
{
    uint64_t key = 0, length = 0;
    if (!take_varint(in, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX / 8) {
        return false;
    }
    *field = (wire_field){.number = (uint32_t)(key >> 3), .type = (uint32_t)(key & 7)};
    switch (field->type) {
    case WIRE_VARINT:
        return take_varint(in, &field->value);
    case WIRE_FIXED64:
        return take_fixed(in, 8, &field->value);
    case WIRE_FIXED32:
        return take_fixed(in, 4, &field->value);
    case WIRE_BYTES:
        if (!take_varint(in, &length) || length > (uint64_t)(in->end - in->at)) {
            return false;
        }
        field->bytes = (wire){in->at, in->at + length};
        in->at += length;
        return true;
    default:
        return false;
    }
}

/* -- The message, first pass: everything but the elements -------------------------------------- */

typedef struct tensor_proto {
    uint32_t data_type, rank;
    int64_t dims[HML_MAX_TENSOR_RANK];
    wire name, raw, text; /* text: the last string */
    size_t strings;
    bool has_raw, has_external, too_deep;
} tensor_proto;

static void add_dim(tensor_proto *proto, uint64_t value)
{
    if (proto->rank == HML_MAX_TENSOR_RANK) {
        proto->too_deep = true;
    } else {
        proto->dims[proto->rank++] = (int64_t)value;
    }
}

static bool add_packed_dims(tensor_proto *proto, wire packed)
{
    while (packed.at < packed.end && !proto->too_deep) {
        uint64_t value = 0;
        if (!take_varint(&packed, &value)) {
            return false;
        }
        add_dim(proto, value);
    }
    return true;
}

static bool read_header_field(tensor_proto *proto, const wire_field *field)
{
    bool is_bytes = field->type == WIRE_BYTES;
    switch (field->number) {
    case FIELD_DIMS:
        if (is_bytes) {
            return add_packed_dims(proto, field->bytes);
        }
        add_dim(proto, field->value);
        return field->type == WIRE_VARINT;
    case FIELD_DATA_TYPE:
        proto->data_type = field->value > UINT32_MAX ? 0 : (uint32_t)field->value;
        return field->type == WIRE_VARINT;
    case FIELD_NAME:
        proto->name = field->bytes;
        return is_bytes;
    case FIELD_RAW_DATA:
        proto->raw = field->bytes;
        proto->has_raw = true;
        return is_bytes;
    case FIELD_STRING_DATA:
        proto->text = field->bytes;
        proto->strings++;
        return is_bytes;
    case FIELD_EXTERNAL_DATA:
        proto->has_external = true;
        return is_bytes;
    default:
        return true;
    }
}

static bool read_header(wire in, tensor_proto *proto)
{
    while (in.at < in.end) {
        wire_field field;
        if (!take_field(&in, &field) || !read_header_field(proto, &field)) {
            return false;
        }
    }
    return true;
}

/* -- Second pass: elements in typed fields ----------------------------------------------------- */

typedef struct element_writer {
    const hml_tensor *tensor;
    size_t size, at; /* bytes of an element; bytes written */
} element_writer;

static bool put_element(element_writer *out, uint64_t value)
{
    if (out->tensor->bytes - out->at < out->size) {
        return false;
    }
    memcpy((uint8_t *)out->tensor->data + out->at, &value, out->size);
    out->at += out->size;
    return true;
}

static uint32_t element_wire_type(uint32_t field)
{
    return field == FIELD_FLOAT_DATA    ? WIRE_FIXED32
           : field == FIELD_DOUBLE_DATA ? WIRE_FIXED64
                                        : WIRE_VARINT;
}

static bool put_packed(element_writer *out, wire packed, uint32_t type)
{
    while (packed.at < packed.end) {
        uint64_t value = 0;
        bool taken = type == WIRE_VARINT
                         ? take_varint(&packed, &value)
                         : take_fixed(&packed, type == WIRE_FIXED32 ? 4 : 8, &value);
        if (!taken || !put_element(out, value)) {
            return false;
        }
    }
    return true;
}

static bool read_elements(wire in, uint32_t number, element_writer *out)
{
    uint32_t type = element_wire_type(number);
    while (in.at < in.end) {
        wire_field field;
        if (!take_field(&in, &field)) {
            return false;
        }
        if (field.number != number) {
            continue;
        }
        bool put = field.type == WIRE_BYTES ? put_packed(out, field.bytes, type)
                                            : field.type == type && put_element(out, field.value);
        if (!put) {
            return false;
        }
    }
    return out->at == out->tensor->bytes;
}

/* Elements in typed fields take a byte each at least, so that a small file cannot ask for much. */
static bool is_plausible(const tensor_proto *proto, hml_dtype dtype, size_t file_bytes)
{
    if (proto->has_raw) {
        size_t needed = 0;
        return hml_tensor_shape_bytes(dtype, proto->rank, proto->dims, &needed) &&
               needed == (size_t)(proto->raw.end - proto->raw.at);
    }
    uint64_t count = 1;
    bool empty = false;
    for (uint32_t i = 0; i < proto->rank; i++) {
        empty = empty || proto->dims[i] == 0;
    }
    for (uint32_t i = 0; i < proto->rank && !empty; i++) {
        if (proto->dims[i] < 0 || __builtin_mul_overflow(count, (uint64_t)proto->dims[i], &count) ||
            count > file_bytes) {
            return false;
        }
    }
    return true;
}

/* Elements move to the front of their own block, or are copied: new memory costs a page fault for
 * each page. */
static void place_raw(const wire *raw, uint8_t **own, hml_tensor *tensor)
{
    if (own != NULL && tensor->bytes > 0) {
        free(tensor->data);
        memmove(*own, raw->at, tensor->bytes);
        tensor->data = *own;
        *own = NULL;
    } else if (tensor->bytes > 0) {
        memcpy(tensor->data, raw->at, tensor->bytes);
    }
}

/* One string is the bytes that models take in its place, u8[n]. */
static hml_status read_text(const tensor_proto *proto, hml_owned_tensor *tensor,
                            hml_tool_error *error)
{
    const int64_t length = proto->text.end - proto->text.at;
    HML_TOOL_TRY(hml_tensor_create(HML_U8, 1, &length, (const char *)proto->name.at,
                                   (size_t)(proto->name.end - proto->name.at), tensor, error));
    if (length > 0) {
        memcpy(tensor->tensor.data, proto->text.at, (size_t)length);
    }
    return HML_OK;
}

/* `own` is where `data` is owned, NULL: it is not; see hml_pb_take. */
static hml_status read_tensor(const uint8_t *data, size_t bytes, const char *path, uint8_t **own,
                              hml_owned_tensor *tensor, hml_tool_error *error)
{
    wire in = {data, data + bytes};
    tensor_proto proto = {0};
    if (!read_header(in, &proto) || proto.data_type == 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged,
                             "%s: neither .npy, .npz, PNG, PPM, PGM, WAV nor an ONNX TensorProto",
                             path);
    }
    if (proto.data_type == PB_STRING && proto.strings == 1 && !proto.has_external) {
        return read_text(&proto, tensor, error);
    }
    size_t row = 0;
    while (row < PB_DTYPES && pb_dtypes[row].number != proto.data_type) {
        row++;
    }
    if (row == PB_DTYPES || proto.strings > 0 || proto.has_external || proto.too_deep) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_unsupported,
                             "%s: ONNX element type %u, or its storage", path, proto.data_type);
    }
    hml_dtype dtype = pb_dtypes[row].dtype;
    if (!is_plausible(&proto, dtype, bytes)) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged,
                             "%s: the elements are not what the shape needs", path);
    }
    HML_TOOL_TRY(hml_tensor_create(dtype, proto.rank, proto.dims, (const char *)proto.name.at,
                                   (size_t)(proto.name.end - proto.name.at), tensor, error));
    element_writer out = {&tensor->tensor, hml_dtype_bytes(dtype), 0};
    if (proto.has_raw) {
        place_raw(&proto.raw, own, &tensor->tensor);
    } else if (!read_elements(in, pb_dtypes[row].field, &out)) {
        hml_tensor_release(tensor);
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_damaged,
                             "%s: the elements are not what the shape needs", path);
    }
    return HML_OK;
}

hml_status hml_pb_read(const uint8_t *data, size_t bytes, const char *path,
                       hml_owned_tensor *tensor, hml_tool_error *error)
{
    return read_tensor(data, bytes, path, NULL, tensor, error);
}

hml_status hml_pb_take(uint8_t **data, size_t bytes, const char *path, hml_owned_tensor *tensor,
                       hml_tool_error *error)
{
    return read_tensor(*data, bytes, path, data, tensor, error);
}

/* -- Writing ----------------------------------------------------------------------------------- */

static void put_varint(FILE *file, uint64_t value)
{
    while (value >= 0x80) {
        fputc((int)(value & 0x7f) | 0x80, file);
        value >>= 7;
    }
    fputc((int)value, file);
}

static void put_number(FILE *file, uint32_t field, uint64_t value)
{
    put_varint(file, field << 3 | WIRE_VARINT);
    put_varint(file, value);
}

static void put_bytes(FILE *file, uint32_t field, const void *data, size_t bytes)
{
    put_varint(file, field << 3 | WIRE_BYTES);
    put_varint(file, bytes);
    fwrite(data, 1, bytes, file);
}

void hml_pb_write(FILE *file, const hml_tensor *tensor, const char *name)
{
    for (uint32_t i = 0; i < tensor->rank; i++) {
        put_number(file, FIELD_DIMS, (uint64_t)tensor->dims[i]);
    }
    for (size_t i = 0; i < PB_DTYPES; i++) {
        if (pb_dtypes[i].dtype == tensor->dtype) {
            put_number(file, FIELD_DATA_TYPE, pb_dtypes[i].number);
        }
    }
    put_bytes(file, FIELD_NAME, name, strlen(name));
    put_bytes(file, FIELD_RAW_DATA, tensor->data, tensor->bytes);
}

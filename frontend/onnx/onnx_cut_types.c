/* SPDX-License-Identifier: Apache-2.0 */
/* The types of a model's values, as the members of a GraphProto: a value_info for each. */
#include "onnx_cut.h"
#include "onnx_types.h"

#include <stdlib.h>

enum { MOST_DIM_TEXT = 4096 };

static int32_t number_of(hmlc_dtype dtype)
{
#define ONNX_DTYPE(number, name, letter, supported) [HMLC_DTYPE_##name] = (number),
    static const int32_t numbers[HMLC_DTYPE_COUNT] = {HMLC_ONNX_DTYPES(ONNX_DTYPE)};
#undef ONNX_DTYPE
    return numbers[dtype];
}

static void put_varint(FILE *stream, size_t value)
{
    for (; value >= 0x80; value >>= 7) {
        putc((int)(value & 0x7f) | 0x80, stream);
    }
    putc((int)value, stream);
}

/* Flushed each time: a later node may end the process. */
static void put_info(FILE *stream, const Onnx__ValueInfoProto *info)
{
    size_t size = onnx__value_info_proto__get_packed_size(info);
    uint8_t *bytes = malloc(size + 1);
    if (bytes == NULL) {
        return;
    }
    size = onnx__value_info_proto__pack(info, bytes);
    put_varint(stream, (HMLC_CUT_VALUE_INFO << 3) | 2);
    put_varint(stream, size);
    (void)fwrite(bytes, 1, size, stream);
    (void)fflush(stream);
    free(bytes);
}

/* The size, or the expression as the text of a symbol. False: it is too long. */
static bool describe_dim(hmlc_dim dim, Onnx__DimensionProto *proto, char *text)
{
    int64_t size;
    onnx__dimension_proto__init(proto);
    if (hmlc_dim_is_constant(dim, &size)) {
        proto->has_dim_value = 1;
        proto->dim_value = size;
        return true;
    }
    int length = hmlc_dim_format(dim, text, MOST_DIM_TEXT);
    proto->dim_param = text;
    return length >= 0 && length < MOST_DIM_TEXT;
}

static void write_type(void *context, const char *name, const hmlc_type *type)
{
    static char texts[HMLC_MAX_RANK][MOST_DIM_TEXT]; /* the process has this one thread */
    Onnx__DimensionProto dims[HMLC_MAX_RANK], *pointers[HMLC_MAX_RANK];
    Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
    Onnx__TensorTypeProto tensor = ONNX__TENSOR_TYPE_PROTO__INIT;
    Onnx__TypeProto described = ONNX__TYPE_PROTO__INIT;
    Onnx__ValueInfoProto info = ONNX__VALUE_INFO_PROTO__INIT;
    bool known = type->kind == HMLC_KIND_TENSOR;
    for (int32_t i = 0; known && i < type->rank; i++) {
        known = describe_dim(type->dims[i], &dims[i], texts[i]);
        pointers[i] = &dims[i];
    }
    if (!known) {
        return;
    }
    union {
        const char *borrowed;
        char *text; /* packing only reads */
    } label = {.borrowed = name};
    shape.n_dim = (size_t)type->rank;
    shape.dim = pointers;
    tensor.has_elem_type = 1;
    tensor.elem_type = number_of(type->dtype);
    tensor.shape = &shape;
    described.tensor_type = &tensor;
    info.name = label.text;
    info.type = &described;
    put_info(context, &info);
}

hmlc_status hmlc_cut_write_types(const char *path, const hmlc_import_options *options, FILE *stream)
{
    hmlc_import_options telling = *options;
    hmlc_mapping *mapping;
    hmlc_module *module = hmlc_module_create(NULL);
    HMLC_TRY_MEMORY(module);
    telling.value = write_type;
    telling.context = stream;
    hmlc_status status = hmlc_import(path, &telling, module, &mapping);
    hmlc_module_destroy(module);
    hmlc_mapping_release(mapping);
    return status;
}

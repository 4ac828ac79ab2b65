/* SPDX-License-Identifier: Apache-2.0 */
/* Stored tensors: tensor_content is used where it lies in the file; of typed values the last one
 * repeats, and none at all means zeros. */
#include "common/proto_wire.h"
#include "importer/stored_tensor.h"
#include "tensorflow_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool hmlc_tf_dtype(hmlc_importer *importer, int32_t number, const hmlc_location *where,
                   hmlc_dtype *dtype)
{
    enum { REFERENCE = 100, STRING = 7 };
    static const struct {
        int32_t number;
        hmlc_dtype dtype;
    } rows[] = {{1, HMLC_DTYPE_f32},  {2, HMLC_DTYPE_f64},   {3, HMLC_DTYPE_i32},
                {4, HMLC_DTYPE_u8},   {5, HMLC_DTYPE_i16},   {6, HMLC_DTYPE_i8},
                {9, HMLC_DTYPE_i64},  {10, HMLC_DTYPE_bool}, {14, HMLC_DTYPE_bf16},
                {17, HMLC_DTYPE_u16}, {19, HMLC_DTYPE_f16},  {22, HMLC_DTYPE_u32},
                {23, HMLC_DTYPE_u64}};
    number -= number > REFERENCE ? REFERENCE : 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].number == number) {
            *dtype = rows[i].dtype;
            return true;
        }
    }
    char text[64] = "strings are not compiled";
    if (number != STRING) {
        (void)snprintf(text, sizeof text, "TensorFlow's element type %" PRId32 " is not supported",
                       number);
    }
    (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_op_unsupported_type, where, NULL,
                         "%s", text);
    return false;
}

hmlc_status hmlc_tf_read_shape(hmlc_importer *importer, const Tensorflow__TensorShape *shape,
                               const hmlc_location *where, hmlc_tensor *tensor)
{
    size_t rank = shape != NULL ? shape->n_dim : 0;
    if (rank > HMLC_MAX_RANK) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_not_implemented, where,
                              NULL, "the tensor has rank %zu; at most %d is supported", rank,
                              HMLC_MAX_RANK);
    }
    tensor->rank = (int32_t)rank;
    for (size_t i = 0; i < rank; i++) {
        tensor->dims[i] = shape->dim[i]->size;
    }
    return hmlc_stored_tensor_measure(importer, tensor, where);
}

static hmlc_status read_content(hmlc_importer *importer, const Tensorflow__Tensor *proto,
                                const hmlc_location *where, hmlc_tensor *tensor)
{
    hmlc_wire_position position = {0};
    if (proto->tensor_content.len == sizeof position) {
        memcpy(&position, proto->tensor_content.data, sizeof position);
    }
    if (position.offset > importer->size || position.size > importer->size - position.offset) {
        position = (hmlc_wire_position){0};
    }
    return hmlc_stored_tensor_use(importer, tensor, importer->data + position.offset, position.size,
                                  where);
}

/* A list of values, as the type has them. */
typedef struct typed_values {
    size_t count;
    const float *floats;
    const double *doubles;
    const int32_t *ints;
    const int64_t *longs;
    const uint32_t *words;
    const uint64_t *wides;
    const protobuf_c_boolean *bools;
    bool bits; /* ints are the bits of half-width floats */
} typed_values;

static typed_values values_of(const Tensorflow__Tensor *proto, hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f32:
        return (typed_values){.count = proto->n_float_val, .floats = proto->float_val};
    case HMLC_DTYPE_f64:
        return (typed_values){.count = proto->n_double_val, .doubles = proto->double_val};
    case HMLC_DTYPE_i64:
        return (typed_values){.count = proto->n_int64_val, .longs = proto->int64_val};
    case HMLC_DTYPE_u32:
        return (typed_values){.count = proto->n_uint32_val, .words = proto->uint32_val};
    case HMLC_DTYPE_u64:
        return (typed_values){.count = proto->n_uint64_val, .wides = proto->uint64_val};
    case HMLC_DTYPE_bool:
        return (typed_values){.count = proto->n_bool_val, .bools = proto->bool_val};
    case HMLC_DTYPE_f16:
    case HMLC_DTYPE_bf16:
        return (typed_values){.count = proto->n_half_val, .ints = proto->half_val, .bits = true};
    default:
        return (typed_values){.count = proto->n_int_val, .ints = proto->int_val};
    }
}

static void set_element(const typed_values *values, size_t from, hmlc_dtype dtype, void *data,
                        int64_t to)
{
    if (values->floats != NULL) {
        ((float *)data)[to] = values->floats[from];
    } else if (values->doubles != NULL) {
        ((double *)data)[to] = values->doubles[from];
    } else if (values->bits) {
        ((uint16_t *)data)[to] = (uint16_t)values->ints[from];
    } else {
        int64_t number = values->ints != NULL    ? values->ints[from]
                         : values->longs != NULL ? values->longs[from]
                         : values->words != NULL ? (int64_t)values->words[from]
                         : values->wides != NULL ? (int64_t)values->wides[from]
                                                 : values->bools[from] != 0;
        hmlc_element_set_int(dtype, data, to, number);
    }
}

/* One number may stand for any shape: a small file must not ask for all memory so. */
enum { MOST_REPEATED_BYTES = 16 << 20 };

static hmlc_status read_typed(hmlc_importer *importer, const Tensorflow__Tensor *proto,
                              const hmlc_location *where, hmlc_tensor *tensor)
{
    hmlc_diagnostics *diagnostics = importer->module->diagnostics;
    typed_values values = values_of(proto, tensor->dtype);
    int64_t count = hmlc_tensor_count(tensor);
    if (values.count > (size_t)count) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_tensor_data_invalid, where, NULL,
                              "%zu values are stored for %" PRId64 " elements", values.count,
                              count);
    }
    if (values.count < (size_t)count && tensor->bytes > MOST_REPEATED_BYTES) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_parser_memory, where, NULL,
                              "%zu values stand for %" PRId64 " elements", values.count, count);
    }
    void *data = hmlc_arena_allocate(importer->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t i = 0; i < count && values.count > 0; i++) {
        size_t from = (size_t)i < values.count ? (size_t)i : values.count - 1;
        set_element(&values, from, tensor->dtype, data, i);
    }
    tensor->data = data;
    return HMLC_OK;
}

hmlc_status hmlc_tf_tensor(hmlc_importer *importer, const Tensorflow__Tensor *proto,
                           const hmlc_location *where, hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){0};
    if (!hmlc_tf_dtype(importer, proto->dtype, where, &tensor->dtype)) {
        return HMLC_REFUSED;
    }
    HMLC_TRY(hmlc_tf_read_shape(importer, proto->tensor_shape, where, tensor));
    return proto->has_tensor_content ? read_content(importer, proto, where, tensor)
                                     : read_typed(importer, proto, where, tensor);
}

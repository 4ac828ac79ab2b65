/* SPDX-License-Identifier: Apache-2.0 */
/* Records of tensors: element types, shapes, quantization. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "tflite_model.h"

static const struct dtype_row {
    const char *name;
    hmlc_dtype dtype;
    bool supported;
} dtype_rows[] = {
#define TFLITE_DTYPE(number, name, dtype, supported)                                               \
    [number] = {#name, HMLC_DTYPE_##dtype, supported},
#include "tflite_schema.def"
#undef TFLITE_DTYPE
};

bool hmlc_tflite_dtype(int64_t number, hmlc_dtype *dtype, const char **name, bool *supported)
{
    if (number < 0 || number >= (int64_t)(sizeof dtype_rows / sizeof dtype_rows[0])) {
        return false;
    }
    *dtype = dtype_rows[number].dtype;
    *name = dtype_rows[number].name;
    *supported = dtype_rows[number].supported;
    return true;
}

/* A problem of the file that concerns one tensor. */
static hmlc_status wrong(hmlc_tflite_model *model, hmlc_error error,
                         const hmlc_tflite_tensor *tensor, const char *hint, const char *text,
                         int64_t a, int64_t b)
{
    char message[160];
    hmlc_importer *base = model->base;
    (void)snprintf(message, sizeof message, text, a, b);
    const hmlc_location *where =
        hmlc_location_create(base->module->arena, base->file, tensor->key, "tensor");
    HMLC_TRY_MEMORY(where);
    (void)hmlc_error_add(base->module->diagnostics, error, where, hint, "%s", message);
    return HMLC_OK;
}

static void read_type(const hmlc_flat_table *table, hmlc_tflite_tensor *tensor, int64_t *number)
{
    *number = hmlc_flat_int(table, HMLC_TFLITE_TENSOR_TYPE, HMLC_FLAT_I8, 0);
    if (!hmlc_tflite_dtype(*number, &tensor->dtype, &tensor->type, &tensor->supported)) {
        tensor->type = "unknown";
        tensor->dtype = HMLC_DTYPE_string;
    }
    /* Elements of 4 and 2 bits are stored packed, and become bytes. */
    tensor->packed_bits = tensor->dtype == HMLC_DTYPE_i4   ? 4
                          : tensor->dtype == HMLC_DTYPE_i2 ? 2
                                                           : 0;
    if (tensor->packed_bits != 0) {
        tensor->dtype = HMLC_DTYPE_i8;
        tensor->supported = true;
    }
}

static hmlc_status read_shape(hmlc_tflite_model *model, const hmlc_flat_table *table,
                              hmlc_tflite_tensor *tensor)
{
    hmlc_flat_vector shape = hmlc_flat_list(table, HMLC_TFLITE_TENSOR_SHAPE, HMLC_FLAT_I32);
    hmlc_flat_vector signature =
        hmlc_flat_list(table, HMLC_TFLITE_TENSOR_SHAPE_SIGNATURE, HMLC_FLAT_I32);
    bool known = hmlc_flat_int(table, HMLC_TFLITE_TENSOR_HAS_RANK, HMLC_FLAT_U8, 0) != 0;
    tensor->unknown_rank = shape.count == 0 && !known;
    if (shape.count > HMLC_MAX_RANK) {
        return wrong(model, HMLC_ERROR_not_implemented, tensor, NULL,
                     "has rank %" PRId64 ", at most %" PRId64 " are supported", shape.count,
                     HMLC_MAX_RANK);
    }
    int64_t *dims = HMLC_NEW_ARRAY(model->base->scratch, int64_t, shape.count + 1);
    HMLC_TRY_MEMORY(dims);
    tensor->rank = (int32_t)shape.count;
    tensor->dims = dims;
    for (uint32_t i = 0; i < shape.count; i++) {
        dims[i] = hmlc_tflite_index_at(shape, i);
        if (signature.count == shape.count && hmlc_tflite_index_at(signature, i) == -1) {
            dims[i] = -1;
        }
        if (dims[i] < -1) {
            HMLC_TRY(wrong(model, HMLC_ERROR_tensor_data_invalid, tensor, NULL,
                           "dim %" PRId64 " is %" PRId64, i, dims[i]));
            dims[i] = -1;
        }
    }
    return HMLC_OK;
}

static hmlc_status check_zero(hmlc_tflite_model *model, const hmlc_tflite_tensor *tensor,
                              int64_t zero)
{
    int64_t bits = hmlc_dtype_bits(tensor->dtype);
    bool is_signed = hmlc_dtype_class_of(tensor->dtype) == HMLC_CLASS_INT;
    int64_t most = bits >= 32 ? INT32_MAX : is_signed ? (1LL << (bits - 1)) - 1 : (1LL << bits) - 1;
    int64_t least = bits >= 32 ? INT32_MIN : is_signed ? -most - 1 : 0;
    return zero >= least && zero <= most
               ? HMLC_OK
               : wrong(model, HMLC_ERROR_attribute_invalid, tensor, NULL,
                       "the zero point %" PRId64 " fits no element of %" PRId64 " bits", zero,
                       bits);
}

/* Fills the lists; a list of zero points that is shorter than that of the scales gives its first.
 */
static hmlc_status read_scales(hmlc_tflite_model *model, hmlc_tflite_tensor *tensor,
                               hmlc_flat_vector scales, hmlc_flat_vector zeros)
{
    uint32_t count = scales.count;
    float *scale_list = HMLC_NEW_ARRAY(model->base->scratch, float, count);
    int64_t *zero_list = HMLC_NEW_ARRAY(model->base->scratch, int64_t, count);
    HMLC_TRY_MEMORY(scale_list);
    HMLC_TRY_MEMORY(zero_list);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = i < zeros.count ? i : 0;
        scale_list[i] = hmlc_flat_float_at(scales, i);
        zero_list[i] = zeros.count > 0 ? hmlc_flat_int_at(zeros, HMLC_FLAT_I64, at) : 0;
        if (!(scale_list[i] >= 0) || isinf(scale_list[i])) {
            return wrong(model, HMLC_ERROR_attribute_invalid, tensor, NULL,
                         "scale %" PRId64 " of %" PRId64 " is negative or no number", i, count);
        }
        HMLC_TRY(check_zero(model, tensor, zero_list[i]));
    }
    tensor->quantization.count = count;
    tensor->quantization.scales = scale_list;
    tensor->quantization.zeros = zero_list;
    return HMLC_OK;
}

static hmlc_status read_quantization(hmlc_tflite_model *model, const hmlc_flat_table *table,
                                     hmlc_tflite_tensor *tensor)
{
    hmlc_flat_table stored = hmlc_flat_child(table, HMLC_TFLITE_TENSOR_QUANTIZATION);
    hmlc_flat_vector scales =
        hmlc_flat_list(&stored, HMLC_TFLITE_QUANTIZATION_SCALE, HMLC_FLAT_F32);
    hmlc_flat_vector zeros =
        hmlc_flat_list(&stored, HMLC_TFLITE_QUANTIZATION_ZERO_POINT, HMLC_FLAT_I64);
    if (hmlc_flat_int(&stored, HMLC_TFLITE_QUANTIZATION_DETAILS_TYPE, HMLC_FLAT_U8, 0) > 1) {
        return wrong(model, HMLC_ERROR_not_implemented, tensor, NULL,
                     "is quantized in blocks, or along several axes, which is not supported", 0, 0);
    }
    /* Scales of floats are a converter's notes. */
    if (scales.count == 0 || !hmlc_dtype_is_integer(tensor->dtype)) {
        return HMLC_OK;
    }
    int64_t axis = hmlc_flat_int(&stored, HMLC_TFLITE_QUANTIZATION_DIMENSION, HMLC_FLAT_I32, 0);
    if (tensor->rank == 1) {
        axis = 0; /* old files have that of the weights */
    }
    if (scales.count > 1 && (axis < 0 || axis >= tensor->rank)) {
        return wrong(model, HMLC_ERROR_attribute_invalid, tensor, NULL,
                     "is quantized along axis %" PRId64 ", its rank is %" PRId64, axis,
                     tensor->rank);
    }
    if (scales.count > 1 && tensor->dims[axis] != (int64_t)scales.count) {
        return wrong(model, HMLC_ERROR_attribute_invalid, tensor, NULL,
                     "%" PRId64 " scales for %" PRId64 " channels", scales.count,
                     tensor->dims[axis]);
    }
    tensor->quantization.axis = axis;
    return read_scales(model, tensor, scales, zeros);
}

hmlc_status hmlc_tflite_read_tensor(hmlc_tflite_model *model, const hmlc_flat_table *table,
                                    hmlc_tflite_tensor *tensor)
{
    int64_t number;
    int64_t buffer = hmlc_flat_int(table, HMLC_TFLITE_TENSOR_BUFFER, HMLC_FLAT_U32, 0);
    if (buffer >= (int64_t)model->buffer_count && buffer != 0) {
        hmlc_flat_fail(&model->file, table->at, "the number of a tensor's buffer is out of range");
        return HMLC_OK;
    }
    read_type(table, tensor, &number);
    tensor->is_variable =
        hmlc_flat_int(table, HMLC_TFLITE_TENSOR_IS_VARIABLE, HMLC_FLAT_U8, 0) != 0;
    tensor->sparsity = hmlc_flat_child(table, HMLC_TFLITE_TENSOR_SPARSITY);
    if (buffer > 0) { /* the first one is always empty */
        tensor->content = model->buffers[buffer];
    }
    if (hmlc_flat_int(table, HMLC_TFLITE_TENSOR_EXTERNAL_BUFFER, HMLC_FLAT_U32, 0) != 0) {
        HMLC_TRY(wrong(model, HMLC_ERROR_external_data_refused, tensor,
                       "store the weights within the file",
                       "lies in another file, which is not supported", 0, 0));
    }
    HMLC_TRY(read_shape(model, table, tensor));
    return read_quantization(model, table, tensor);
}

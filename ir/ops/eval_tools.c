/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, storing and copying of tensors for the reference evaluations. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "eval_tools.h"

hmlc_status hmlc_eval_fail(const hmlc_eval *context, hmlc_error error, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return hmlc_error_add(context->module->diagnostics, error, context->op->location, NULL,
                          "%s: %s", hmlc_op_get_info(context->op->opcode)->name, message);
}

hmlc_status hmlc_eval_rule(const hmlc_eval *context, hmlc_rule rule)
{
    switch (rule.kind) {
    case HMLC_RULE_INDEX:
        return hmlc_eval_fail(context, HMLC_ERROR_index_range,
                              "index %lld is out of range for a dim of size %lld",
                              (long long)rule.found, (long long)rule.expected);
    case HMLC_RULE_SHAPE:
        return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch, "found %lld, expected %lld",
                              (long long)rule.found, (long long)rule.expected);
    case HMLC_RULE_STEP:
        return hmlc_eval_fail(context, HMLC_ERROR_value_invalid, "a step or delta is 0");
    case HMLC_RULE_LENGTH:
        return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                              "a length must lie in 0..2^47; found %lld", (long long)rule.found);
    default:
        return HMLC_OK;
    }
}

double *hmlc_eval_new_doubles(const hmlc_eval *context, int64_t count)
{
    return HMLC_NEW_ARRAY(context->arena, double, count);
}

int64_t *hmlc_eval_new_integers(const hmlc_eval *context, int64_t count)
{
    return HMLC_NEW_ARRAY(context->arena, int64_t, count);
}

double *hmlc_eval_doubles(const hmlc_eval *context, const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    double *values = hmlc_eval_new_doubles(context, count);
    if (values == NULL) {
        return NULL;
    }
    if (tensor->dtype == HMLC_DTYPE_f32) {
        const char *bytes = tensor->data;
        for (int64_t i = 0; i < count; ++i) {
            float value;
            memcpy(&value, bytes + (size_t)i * sizeof value, sizeof value);
            values[i] = value;
        }
        return values;
    }
    for (int64_t i = 0; i < count; ++i) {
        values[i] = hmlc_tensor_get_double(tensor, i);
    }
    return values;
}

int64_t *hmlc_eval_integers(const hmlc_eval *context, const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    int64_t *values = hmlc_eval_new_integers(context, count);
    for (int64_t i = 0; values != NULL && i < count; ++i) {
        values[i] = hmlc_tensor_get_int(tensor, i);
    }
    return values;
}

void hmlc_eval_store_doubles(hmlc_tensor *result, const double *values)
{
    int64_t count = hmlc_tensor_count(result);
    void *data = hmlc_eval_data(result);
    if (result->dtype == HMLC_DTYPE_f32) {
        for (int64_t i = 0; i < count; ++i) {
            float value = (float)values[i];
            memcpy((char *)data + (size_t)i * sizeof value, &value, sizeof value);
        }
        return;
    }
    for (int64_t i = 0; i < count; ++i) {
        hmlc_element_set_double(result->dtype, data, i, values[i]);
    }
}

void hmlc_eval_store_integers(hmlc_tensor *result, const int64_t *values)
{
    int64_t count = hmlc_tensor_count(result);
    void *data = hmlc_eval_data(result);
    for (int64_t i = 0; i < count; ++i) {
        hmlc_element_set_int(result->dtype, data, i, values[i]);
    }
}

static bool is_bound(hmlc_dim dim, const int64_t *symbols)
{
    if (dim->kind == HMLC_DIM_CONSTANT) {
        return true;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        return symbols != NULL && symbols[dim->symbol->index] != HMLC_SYMBOL_UNSET;
    }
    return is_bound(dim->a, symbols) && is_bound(dim->b, symbols) &&
           (dim->c == NULL || is_bound(dim->c, symbols));
}

hmlc_status hmlc_eval_dim(const hmlc_eval *context, hmlc_dim dim, int64_t *value)
{
    if (hmlc_dim_is_constant(dim, value)) {
        return HMLC_OK;
    }
    char text[128];
    bool bound = is_bound(dim, context->symbols);
    if (bound && hmlc_dim_evaluate(dim, context->symbols, value)) {
        return HMLC_OK;
    }
    hmlc_dim_format(dim, text, sizeof text);
    return hmlc_eval_fail(context, HMLC_ERROR_input_dim,
                          bound ? "the dim %s has no value for these inputs"
                                : "the dim %s is not known from the inputs",
                          text);
}

hmlc_status hmlc_eval_dims(const hmlc_eval *context, hmlc_attr_name name, uint32_t count,
                           int64_t *values)
{
    const hmlc_attr *attr = hmlc_op_attr(context->op, name);
    if (attr == NULL || attr->count != count) {
        return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch,
                              "attribute %s does not have %u entries", hmlc_attr_name_text(name),
                              count);
    }
    for (uint32_t i = 0; i < count; ++i) {
        HMLC_TRY(hmlc_eval_dim(context, attr->as.dims[i], &values[i]));
    }
    return HMLC_OK;
}

const int64_t *hmlc_eval_ints(const hmlc_eval *context, hmlc_attr_name name)
{
    const hmlc_attr *attr = hmlc_op_attr(context->op, name);
    return attr != NULL ? attr->as.integers : NULL;
}

void hmlc_eval_strides(int32_t rank, const int64_t *dims, int64_t *strides)
{
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; --i) {
        strides[i] = stride;
        stride *= dims[i];
    }
}

void hmlc_eval_broadcast_strides(const hmlc_tensor *tensor, int32_t rank, int64_t *strides)
{
    int32_t shift = rank - tensor->rank;
    int64_t stride = 1;
    for (int32_t i = rank - 1; i >= 0; --i) {
        int64_t dim = i >= shift ? tensor->dims[i - shift] : 1;
        strides[i] = dim == 1 ? 0 : stride;
        stride *= dim;
    }
}

int64_t hmlc_eval_product(const int64_t *dims, int32_t from, int32_t to)
{
    int64_t product = 1;
    for (int32_t i = from; i < to; ++i) {
        product *= dims[i];
    }
    return product;
}

/* Copies of constant size, which the compiler turns into single moves. */
static inline void copy_bytes(char *to, const char *from, size_t bytes)
{
    switch (bytes) {
    case 1:
        *to = *from;
        break;
    case 2:
        memcpy(to, from, 2);
        break;
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memcpy(to, from, bytes);
        break;
    }
}

void hmlc_eval_copy_element(hmlc_tensor *result, int64_t to, const hmlc_tensor *source,
                            int64_t from)
{
    size_t bytes = hmlc_dtype_bytes(result->dtype);
    copy_bytes((char *)hmlc_eval_data(result) + (size_t)to * bytes,
               (const char *)source->data + (size_t)from * bytes, bytes);
}

void hmlc_eval_copy_strided(hmlc_tensor *result, const hmlc_tensor *source, const int64_t *strides,
                            int64_t offset)
{
    size_t bytes = hmlc_dtype_bytes(result->dtype);
    char *to = hmlc_eval_data(result);
    const char *from = source->data;
    int64_t count = hmlc_tensor_count(result);
    hmlc_cursor cursor = {.rank = result->rank,
                          .count = 1,
                          .dims = result->dims,
                          .strides = {strides},
                          .offset = {offset}};
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        copy_bytes(to + (size_t)i * bytes, from + (size_t)cursor.offset[0] * bytes, bytes);
    }
}

void hmlc_eval_copy_mapped(hmlc_tensor *result, const hmlc_tensor *source,
                           const int64_t *const *maps, const void *fill)
{
    size_t bytes = hmlc_dtype_bytes(result->dtype);
    char *to = hmlc_eval_data(result);
    const char *from = source->data;
    int64_t count = hmlc_tensor_count(result), strides[HMLC_MAX_RANK] = {0};
    hmlc_eval_strides(source->rank, source->dims, strides);
    hmlc_cursor cursor = {.rank = result->rank, .dims = result->dims};
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        int64_t offset = 0;
        bool inside = true;
        for (int32_t d = 0; d < result->rank; ++d) {
            int64_t at = maps[d][cursor.index[d]];
            inside = inside && at >= 0;
            offset += at * strides[d];
        }
        copy_bytes(to + (size_t)i * bytes,
                   inside ? from + (size_t)offset * bytes : (const char *)fill, bytes);
    }
}

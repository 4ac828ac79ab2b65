/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of constants and generators. */
#include "infer_tools.h"

/* Integers of a small constant are known elements. */
static hmlc_status constant_elements(hmlc_infer *context, const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    bool integers = tensor->dtype == HMLC_DTYPE_bool || hmlc_dtype_is_integer(tensor->dtype);
    if (!integers || hmlc_dtype_bytes(tensor->dtype) == 0 || count > HMLC_KNOWN_LIMIT) {
        return HMLC_OK;
    }
    hmlc_dim *elements = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(elements);
    for (int64_t i = 0; i < count; ++i) {
        elements[i] = hmlc_infer_number(context, hmlc_tensor_get_int(tensor, i));
    }
    context->elements[0] = elements;
    return HMLC_OK;
}

hmlc_status hmlc_infer_constant(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_attr *value = hmlc_op_attr(context->op, HMLC_ATTR_value);
    if (value == NULL) {
        hmlc_infer_fail(context, &status, "attribute value is missing");
        return status;
    }
    const hmlc_tensor *tensor = value->as.tensor;
    size_t element = hmlc_dtype_bytes(tensor->dtype);
    int64_t count = hmlc_tensor_count(tensor);
    size_t bytes;
    if (tensor->rank > HMLC_MAX_RANK || count < 0 ||
        !hmlc_size_multiply((size_t)count, element, &bytes)) {
        hmlc_infer_fail(context, &status, "the tensor's shape is not valid");
        return status;
    }
    if (element == 0) {
        hmlc_infer_refuse(context, &status, NULL, "constants of element type %s are not supported",
                          hmlc_dtype_name(tensor->dtype));
        return status;
    }
    if (bytes != tensor->bytes) {
        hmlc_infer_fail(context, &status, "the tensor has %zu bytes; its shape needs %zu",
                        tensor->bytes, bytes);
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < tensor->rank; ++i) {
        dims[i] = hmlc_dim_constant(context->module->dims, tensor->dims[i]);
    }
    hmlc_infer_result(context, 0, tensor->dtype, tensor->rank, dims, &status);
    HMLC_TRY(status);
    return constant_elements(context, tensor);
}

static bool is_generated_type(const hmlc_infer *context, const hmlc_attr *to, unsigned accepted,
                              hmlc_status *status)
{
    if (to == NULL) {
        hmlc_infer_fail(context, status, "attribute to is missing");
        return false;
    }
    if ((hmlc_dtype_group(to->as.dtype) & accepted) == 0) {
        hmlc_infer_refuse(context, status, NULL, "result element type %s is not supported",
                          hmlc_dtype_name(to->as.dtype));
        return false;
    }
    return true;
}

hmlc_status hmlc_infer_dims_tensor(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_attr *to = hmlc_op_attr(context->op, HMLC_ATTR_to);
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, -1, &status);
    const hmlc_attr *elements = hmlc_infer_list(context, HMLC_ATTR_elements, -1, &status);
    is_generated_type(context, to, HMLC_ACCEPT_BOOL | HMLC_ACCEPT_INTEGER, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_infer_result(context, 0, to->as.dtype, (int32_t)shape->count, shape->as.dims, &status);
    HMLC_TRY(status);
    if (hmlc_known_count(context->types[0]) != (int64_t)elements->count) {
        hmlc_infer_fail(context, &status, "%u elements do not fill shape %s", elements->count,
                        hmlc_infer_shape_text(context, (int32_t)shape->count, shape->as.dims));
    }
    context->elements[0] = elements->as.dims;
    return status;
}

hmlc_status hmlc_infer_iota(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_attr *to = hmlc_op_attr(context->op, HMLC_ATTR_to);
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, -1, &status);
    is_generated_type(context, to, HMLC_ACCEPT_NUMERIC, &status);
    if (status != HMLC_OK) {
        return status;
    }
    int32_t axis = hmlc_infer_axis(context, (int32_t)shape->count, &status);
    hmlc_infer_result(context, 0, to->as.dtype, (int32_t)shape->count, shape->as.dims, &status);
    HMLC_TRY(status);
    int64_t dims[HMLC_MAX_RANK];
    int64_t count = hmlc_known_count(context->types[0]);
    if (count < 0 || !hmlc_dtype_is_integer(to->as.dtype) ||
        !hmlc_type_static_dims(context->types[0], dims)) {
        return HMLC_OK;
    }
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(known);
    int64_t inner = 1;
    for (int32_t i = axis + 1; i < context->types[0]->rank; ++i) {
        inner *= dims[i];
    }
    for (int64_t i = 0; i < count; ++i) {
        known[i] = hmlc_infer_number(context, i / inner % dims[axis]);
    }
    context->elements[0] = known;
    return HMLC_OK;
}

/* start + i * delta where the length is static and both are known. */
static hmlc_status range_elements(hmlc_infer *context)
{
    hmlc_dim start = hmlc_known_scalar(context, 0);
    hmlc_dim delta = hmlc_known_scalar(context, 2);
    int64_t count = hmlc_known_count(context->types[0]);
    if (start == NULL || delta == NULL || count < 0 || hmlc_known_is_large(start) ||
        hmlc_known_is_large(delta)) {
        return HMLC_OK;
    }
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(known);
    for (int64_t i = 0; i < count; ++i) {
        hmlc_dim offset = hmlc_infer_times(context, delta, i);
        known[i] = hmlc_dim_add(context->module->dims, start, offset);
    }
    context->elements[0] = known;
    return HMLC_OK;
}

hmlc_status hmlc_infer_range(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *types[3];
    for (uint32_t i = 0; i < 3; ++i) {
        types[i] = hmlc_infer_operand(context, i, HMLC_ACCEPT_NUMERIC, &status);
        hmlc_infer_rank(context, i, types[i], 0, 0, &status);
        hmlc_infer_same_dtype(context, i, types[0], types[i], &status);
    }
    const hmlc_attr *shape = hmlc_infer_list(context, HMLC_ATTR_shape, 1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_infer_result(context, 0, types[0]->dtype, 1, shape->as.dims, &status);
    HMLC_TRY(status);
    return range_elements(context);
}

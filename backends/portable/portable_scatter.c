/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scatter_nd and scatter_elements: the operand is copied, then updates are written or combined in
 * order; NaN wins a minimum and a maximum. One work unit, because updates may meet.
 */
#include "portable_kernel.h"

enum { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MIN, REDUCE_MAX };

#define COMBINE(type)                                                                              \
    {                                                                                              \
        type *to = (type *)target + at;                                                            \
        type value = ((const type *)source)[from];                                                 \
        switch (reduction) {                                                                       \
        case REDUCE_ADD:                                                                           \
            *to = (type)(*to + value);                                                             \
            break;                                                                                 \
        case REDUCE_MUL:                                                                           \
            *to = (type)(*to * value);                                                             \
            break;                                                                                 \
        case REDUCE_MIN:                                                                           \
            *to = value < *to || value != value ? value : *to;                                     \
            break;                                                                                 \
        case REDUCE_MAX:                                                                           \
            *to = value > *to || value != value ? value : *to;                                     \
            break;                                                                                 \
        default:                                                                                   \
            *to = value;                                                                           \
        }                                                                                          \
    }                                                                                              \
    break

static void combine(int64_t dtype, int64_t reduction, void *target, int64_t at, const void *source,
                    int64_t from)
{
    switch (dtype) {
    case HML_F32:
        COMBINE(float);
    case HML_F64:
        COMBINE(double);
    case HML_I64:
        COMBINE(int64_t);
    case HML_U64:
        COMBINE(uint64_t);
    case HML_I32:
        COMBINE(int32_t);
    case HML_U32:
        COMBINE(uint32_t);
    case HML_I16:
        COMBINE(int16_t);
    case HML_U16:
        COMBINE(uint16_t);
    case HML_I8:
        COMBINE(int8_t);
    case HML_BOOL:
        COMBINE(_Bool); /* the sum of two is 1 */
    default:
        COMBINE(uint8_t);
    }
}

static void copy_operand(const portable_tensor *from, const portable_tensor *to)
{
    int64_t bytes = portable_count(to) * portable_element_bytes(to->dtype);
    const uint8_t *source = from->data;
    uint8_t *target = to->data;
    for (int64_t k = 0; k < bytes; k++) {
        target[k] = source[k];
    }
}

int32_t hml_portable_scatter_elements(const portable_call *call);
int32_t hml_portable_scatter_nd(const portable_call *call);

/* tensors: x, indices, updates, result; attributes: axis, reduction. */
int32_t hml_portable_scatter_elements(const portable_call *call)
{
    const portable_tensor *indices = &call->tensors[1], *updates = &call->tensors[2];
    const portable_tensor *result = &call->tensors[3];
    int64_t axis = call->attributes[0], count = portable_count(indices);
    copy_operand(&call->tensors[0], result);
    for (int64_t k = 0; k < count; k++) {
        int64_t index = portable_integer(indices, k), rest = k, at = 0, stride = 1;
        hmlc_rule rule = hmlc_rule_index(&index, result->dims[axis]);
        if (rule.kind != HMLC_RULE_KEPT) {
            return portable_status(call, rule);
        }
        for (int64_t d = result->rank - 1; d >= 0; d--) {
            int64_t position = rest % indices->dims[d];
            rest /= indices->dims[d];
            at += (d == axis ? index : position) * stride;
            stride *= result->dims[d];
        }
        combine(result->dtype, call->attributes[1], result->data, at, updates->data, k);
    }
    return HML_KERNEL_OK;
}

/* tensors: x, indices [..., depth], updates, result; attributes: reduction. */
int32_t hml_portable_scatter_nd(const portable_call *call)
{
    const portable_tensor *indices = &call->tensors[1], *updates = &call->tensors[2];
    const portable_tensor *result = &call->tensors[3];
    int64_t depth = indices->dims[indices->rank - 1];
    int64_t tuples = depth > 0 ? portable_count(indices) / depth : 0, slice = 1;
    for (int64_t d = depth; d < result->rank; d++) {
        slice *= result->dims[d];
    }
    copy_operand(&call->tensors[0], result);
    for (int64_t k = 0; k < tuples; k++) {
        int64_t at = 0;
        for (int64_t d = 0; d < depth; d++) {
            int64_t index = portable_integer(indices, k * depth + d);
            hmlc_rule rule = hmlc_rule_index(&index, result->dims[d]);
            if (rule.kind != HMLC_RULE_KEPT) {
                return portable_status(call, rule);
            }
            at = at * result->dims[d] + index;
        }
        for (int64_t e = 0; e < slice; e++) {
            combine(result->dtype, call->attributes[0], result->data, at * slice + e, updates->data,
                    k * slice + e);
        }
    }
    return HML_KERNEL_OK;
}

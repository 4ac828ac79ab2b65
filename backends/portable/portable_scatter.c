/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scatter_nd and scatter_elements: the operand is copied, then updates are written or combined in
 * order; NaN wins a minimum and a maximum. One work unit, because updates may meet.
 */
#include "portable_kernel.h"

enum { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MIN, REDUCE_MAX };

/* The loops are inside, where compilers make vectors of them. */
#define COMBINE_EACH(expression)                                                                   \
    for (int64_t k = 0; k < count; k++) {                                                          \
        to[k] = (expression);                                                                      \
    }                                                                                              \
    break
#define COMBINE(type)                                                                              \
    {                                                                                              \
        type *restrict to = (type *)target + at;                                                   \
        const type *restrict value = (const type *)source + from;                                  \
        switch (reduction) {                                                                       \
        case REDUCE_ADD:                                                                           \
            COMBINE_EACH((type)(to[k] + value[k]));                                                \
        case REDUCE_MUL:                                                                           \
            COMBINE_EACH((type)(to[k] * value[k]));                                                \
        case REDUCE_MIN:                                                                           \
            COMBINE_EACH(value[k] < to[k] || value[k] != value[k] ? value[k] : to[k]);             \
        case REDUCE_MAX:                                                                           \
            COMBINE_EACH(value[k] > to[k] || value[k] != value[k] ? value[k] : to[k]);             \
        default:                                                                                   \
            COMBINE_EACH(value[k]);                                                                \
        }                                                                                          \
    }                                                                                              \
    break

/* `count` neighbours: of `source` from element `from`, into those of `target` from `at`. */
static void combine(int64_t dtype, int64_t reduction, void *target, int64_t at, const void *source,
                    int64_t from, int64_t count)
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
    const uint8_t *restrict source = from->data;
    uint8_t *restrict target = to->data;
    for (int64_t k = 0; k < bytes; k++) {
        target[k] = source[k];
    }
}

int32_t hml_portable_scatter_elements(const portable_call *call);
int32_t hml_portable_scatter_nd(const portable_call *call);

/* Of the row of indices that begins with element `first`: where in the result it would be, were the
 * position on `axis` 0. */
static int64_t row_start(const portable_tensor *indices, const portable_tensor *result,
                         int64_t axis, int64_t first)
{
    int64_t rest = first, at = 0, stride = 1;
    for (int64_t d = result->rank - 1; d >= 0; d--) {
        int64_t position = rest % indices->dims[d];
        rest /= indices->dims[d];
        at += d == axis ? 0 : position * stride;
        stride *= result->dims[d];
    }
    return at;
}

/* tensors: x, indices, updates, result; attributes: axis, reduction. */
int32_t hml_portable_scatter_elements(const portable_call *call)
{
    const portable_tensor *indices = &call->tensors[1], *updates = &call->tensors[2];
    const portable_tensor *result = &call->tensors[3];
    int64_t axis = call->attributes[0], count = portable_count(indices);
    copy_operand(&call->tensors[0], result);
    int64_t axis_stride = 1, row = indices->dims[indices->rank - 1];
    for (int64_t d = axis + 1; d < result->rank; d++) {
        axis_stride *= result->dims[d];
    }
    for (int64_t first = 0; first < count; first += row) {
        int64_t start = row_start(indices, result, axis, first);
        for (int64_t k = 0; k < row; k++) {
            int64_t index = portable_integer(indices, first + k);
            hmlc_rule rule = hmlc_rule_index(&index, result->dims[axis]);
            if (rule.kind != HMLC_RULE_KEPT) {
                return portable_status(call, rule);
            }
            int64_t along = axis == result->rank - 1 ? 0 : k;
            combine(result->dtype, call->attributes[1], result->data,
                    start + index * axis_stride + along, updates->data, first + k, 1);
        }
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
        combine(result->dtype, call->attributes[0], result->data, at * slice, updates->data,
                k * slice, slice);
    }
    return HML_KERNEL_OK;
}

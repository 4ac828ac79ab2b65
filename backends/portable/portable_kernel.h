/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a portable kernel gets. Freestanding C; specialised to constants by inlining, so ordinary
 * loops over `rank` and `dims` are fine. A kernel does work units [begin, end) and returns
 * HML_KERNEL_*; detail numbers go to args->detail.
 */
#ifndef HMLC_PORTABLE_KERNEL_H
#define HMLC_PORTABLE_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include <hml_format/artifact.h>
#include <hml_format/kernel_abi.h>
#include <hmlc/index_rules.h>

enum { PORTABLE_OPERANDS = 8, PORTABLE_ATTRIBUTES = 96 };

/* Dense row-major. Absent optional operands have dtype 0. */
typedef struct portable_tensor {
    int64_t dtype; /* hml_dtype */
    int64_t rank;
    int64_t dims[HML_MAX_TENSOR_RANK];
    void *data;
} portable_tensor;

/*
 * tensors: all operands that the op may have (absent ones empty), then its results. attributes:
 * those of the op's row in ops.def in order: INT, ENUM and DTYPE (as hml_dtype) take one place;
 * FLOAT one (bits of a double); lists a count, then the elements.
 */
typedef struct portable_call {
    portable_tensor tensors[PORTABLE_OPERANDS];
    int64_t attributes[PORTABLE_ATTRIBUTES];
    int64_t begin, end;
    int64_t unit_dims; /* a unit is one index of so many leading dims of the first result */
    void *scratch;
    int64_t *detail;
} portable_call;

static inline double portable_double(int64_t bits)
{
    union {
        int64_t integer;
        double real;
    } value = {.integer = bits};
    return value.real;
}

static inline int64_t portable_count(const portable_tensor *tensor)
{
    int64_t count = 1;
    for (int64_t k = 0; k < tensor->rank; k++) {
        count *= tensor->dims[k];
    }
    return count;
}

static inline int64_t portable_element_bytes(int64_t dtype)
{
    switch (dtype) {
    case HML_BOOL:
    case HML_I8:
    case HML_U8:
        return 1;
    case HML_I16:
    case HML_U16:
    case HML_F16:
        return 2;
    case HML_I64:
    case HML_U64:
    case HML_F64:
        return 8;
    default:
        return 4;
    }
}

/* Element `index` of a tensor of integers or bools. */
static inline int64_t portable_integer(const portable_tensor *tensor, int64_t index)
{
    switch (tensor->dtype) {
    case HML_I64:
    case HML_U64:
        return ((const int64_t *)tensor->data)[index];
    case HML_I32:
        return ((const int32_t *)tensor->data)[index];
    case HML_U32:
        return ((const uint32_t *)tensor->data)[index];
    case HML_I16:
        return ((const int16_t *)tensor->data)[index];
    case HML_U16:
        return ((const uint16_t *)tensor->data)[index];
    case HML_I8:
        return ((const int8_t *)tensor->data)[index];
    default:
        return ((const uint8_t *)tensor->data)[index];
    }
}

/* The elements of an i64 tensor, NULL for an absent operand. */
static inline int64_t *portable_integers(const portable_tensor *tensor)
{
    return tensor->dtype != 0 ? tensor->data : NULL;
}

/* The kernel status of a rule, with its details. */
static inline int32_t portable_status(const portable_call *call, hmlc_rule rule)
{
    static const int32_t statuses[] = {
        [HMLC_RULE_KEPT] = HML_KERNEL_OK,       [HMLC_RULE_INDEX] = HML_KERNEL_INDEX,
        [HMLC_RULE_SHAPE] = HML_KERNEL_SHAPE,   [HMLC_RULE_STEP] = HML_KERNEL_STEP,
        [HMLC_RULE_LENGTH] = HML_KERNEL_LENGTH,
    };
    if (rule.kind != HMLC_RULE_KEPT) {
        call->detail[0] = rule.found;
        call->detail[1] = rule.expected;
    }
    return statuses[rule.kind];
}

static inline void portable_copy_element(int64_t bytes, void *to, int64_t at, const void *from,
                                         int64_t index)
{
    for (int64_t k = 0; k < bytes; k++) {
        ((uint8_t *)to)[at * bytes + k] = ((const uint8_t *)from)[index * bytes + k];
    }
}

/* BODY(type), which returns, with the C type of numbers of this dtype; bools are as u8. */
#define PORTABLE_RETURN_BY_TYPE(dtype, BODY)                                                       \
    switch (dtype) {                                                                               \
    case HML_F32:                                                                                  \
        BODY(float)                                                                                \
    case HML_F64:                                                                                  \
        BODY(double)                                                                               \
    case HML_I64:                                                                                  \
        BODY(int64_t)                                                                              \
    case HML_U64:                                                                                  \
        BODY(uint64_t)                                                                             \
    case HML_I32:                                                                                  \
        BODY(int32_t)                                                                              \
    case HML_U32:                                                                                  \
        BODY(uint32_t)                                                                             \
    case HML_I16:                                                                                  \
        BODY(int16_t)                                                                              \
    case HML_U16:                                                                                  \
        BODY(uint16_t)                                                                             \
    case HML_I8:                                                                                   \
        BODY(int8_t)                                                                               \
    default:                                                                                       \
        BODY(uint8_t)                                                                              \
    }

#endif

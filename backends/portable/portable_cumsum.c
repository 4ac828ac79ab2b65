/* SPDX-License-Identifier: Apache-2.0 */
/* cumsum, cumprod: running sums and products along an axis, in order. tensors: x, result;
 * attributes: axis, exclusive, reverse. */
#include "portable_kernel.h"

enum { MOST_LINES = 64 };

/* `count` lines that lie beside each other run together, so that each step is a row of memory. */
#define RUN(type, total_type, count)                                                               \
    {                                                                                              \
        total_type totals[MOST_LINES];                                                             \
        for (int64_t j = 0; j < (count); j++) {                                                    \
            totals[j] = (total_type)product;                                                       \
        }                                                                                          \
        for (int64_t k = 0; k < length; k++) {                                                     \
            int64_t at = start + (reverse ? length - 1 - k : k) * inner;                           \
            const type *restrict from = (const type *)x->data + at;                                \
            type *restrict to = (type *)result->data + at;                                         \
            for (int64_t j = 0; j < (count); j++) {                                                \
                total_type value = (total_type)from[j], total = totals[j];                         \
                total_type next = (total_type)(product ? total * value : total + value);           \
                to[j] = (type)(exclusive ? total : next);                                          \
                totals[j] = next;                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    break
#define RUN_TYPES(count)                                                                           \
    switch (x->dtype) {                                                                            \
    case HML_F32:                                                                                  \
        RUN(float, double, count);                                                                 \
    case HML_F64:                                                                                  \
        RUN(double, double, count);                                                                \
    case HML_I64:                                                                                  \
    case HML_U64:                                                                                  \
        RUN(uint64_t, uint64_t, count);                                                            \
    case HML_I32:                                                                                  \
    case HML_U32:                                                                                  \
        RUN(uint32_t, uint32_t, count);                                                            \
    case HML_I16:                                                                                  \
    case HML_U16:                                                                                  \
        RUN(uint16_t, uint32_t, count);                                                            \
    default:                                                                                       \
        RUN(uint8_t, uint32_t, count);                                                             \
    }

static inline int32_t run(const portable_call *call, int product)
{
    const portable_tensor *x = &call->tensors[0], *result = &call->tensors[1];
    int64_t axis = call->attributes[0], exclusive = call->attributes[1];
    int64_t reverse = call->attributes[2], outer = 1, inner = 1, length = x->dims[axis];
    for (int64_t d = 0; d < x->rank; d++) {
        outer *= d < axis ? x->dims[d] : 1;
        inner *= d > axis ? x->dims[d] : 1;
    }
    outer = portable_count(result) > 0 ? outer : 0;
    for (int64_t o = 0; o < outer; o++) {
        int64_t count;
        for (int64_t line = 0; line < inner; line += count) {
            int64_t start = o * length * inner + line;
            count = inner - line < MOST_LINES ? inner - line : MOST_LINES;
            if (count == 1) {
                RUN_TYPES(1) /* the total stays in a register */
            } else {
                RUN_TYPES(count)
            }
        }
    }
    return HML_KERNEL_OK;
}

int32_t hml_portable_cumsum(const portable_call *call);
int32_t hml_portable_cumprod(const portable_call *call);

int32_t hml_portable_cumsum(const portable_call *call)
{
    return run(call, 0);
}

int32_t hml_portable_cumprod(const portable_call *call)
{
    return run(call, 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* cumsum, cumprod: running sums and products along an axis, in order. tensors: x, result;
 * attributes: axis, exclusive, reverse. */
#include "portable_kernel.h"

#define RUN(type, total_type)                                                                      \
    {                                                                                              \
        const type *from = x->data;                                                                \
        type *to = result->data;                                                                   \
        total_type total = (total_type)product;                                                    \
        for (int64_t k = 0; k < length; k++) {                                                     \
            int64_t at = start + (reverse ? length - 1 - k : k) * inner;                           \
            total_type value = (total_type)from[at];                                               \
            total_type next = (total_type)(product ? total * value : total + value);               \
            to[at] = (type)(exclusive ? total : next);                                             \
            total = next;                                                                          \
        }                                                                                          \
    }                                                                                              \
    break

static inline int32_t run(const portable_call *call, int product)
{
    const portable_tensor *x = &call->tensors[0], *result = &call->tensors[1];
    int64_t axis = call->attributes[0], exclusive = call->attributes[1];
    int64_t reverse = call->attributes[2], outer = 1, inner = 1, length = x->dims[axis];
    for (int64_t d = 0; d < x->rank; d++) {
        outer *= d < axis ? x->dims[d] : 1;
        inner *= d > axis ? x->dims[d] : 1;
    }
    int64_t lines = portable_count(result) > 0 ? outer * inner : 0;
    for (int64_t line = 0; line < lines; line++) {
        int64_t start = line / inner * length * inner + line % inner;
        switch (x->dtype) {
        case HML_F32:
            RUN(float, double);
        case HML_F64:
            RUN(double, double);
        case HML_I64:
        case HML_U64:
            RUN(uint64_t, uint64_t);
        case HML_I32:
        case HML_U32:
            RUN(uint32_t, uint32_t);
        case HML_I16:
        case HML_U16:
            RUN(uint16_t, uint32_t);
        default:
            RUN(uint8_t, uint32_t);
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

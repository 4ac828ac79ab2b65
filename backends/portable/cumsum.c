/* cumsum: running sums along an axis, in order. tensors: x, result; attributes: axis, exclusive,
 * reverse. */
#include "portable.h"

#define RUN(type, sum_type)                                                                        \
    {                                                                                              \
        const type *from = x->data;                                                                \
        type *to = result->data;                                                                   \
        sum_type sum = 0;                                                                          \
        for (int64_t k = 0; k < length; k++) {                                                     \
            int64_t at = start + (reverse ? length - 1 - k : k) * inner;                           \
            sum_type next = (sum_type)(sum + (sum_type)from[at]);                                  \
            to[at] = (type)(exclusive ? sum : next);                                               \
            sum = next;                                                                            \
        }                                                                                          \
    }                                                                                              \
    break

int32_t hml_portable_cumsum(const portable_call *call);

int32_t hml_portable_cumsum(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *result = &call->tensors[1];
    int64_t axis = call->attributes[0], exclusive = call->attributes[1];
    int64_t reverse = call->attributes[2], outer = 1, inner = 1, length = x->dims[axis];
    for (int64_t d = 0; d < x->rank; d++) {
        outer *= d < axis ? x->dims[d] : 1;
        inner *= d > axis ? x->dims[d] : 1;
    }
    for (int64_t line = 0; line < outer * inner; line++) {
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

/* SPDX-License-Identifier: Apache-2.0 */
/* nonzero_count and nonzero: indices of the elements that are not zero, in row-major order. One
 * work unit. */
#include "portable_kernel.h"

static int is_nonzero(const portable_tensor *x, int64_t index)
{
    switch (x->dtype) {
    case HML_F32:
        return ((const float *)x->data)[index] != 0.0f;
    case HML_F64:
        return ((const double *)x->data)[index] != 0.0;
    case HML_I64:
    case HML_U64:
        return ((const int64_t *)x->data)[index] != 0;
    case HML_I32:
    case HML_U32:
        return ((const int32_t *)x->data)[index] != 0;
    case HML_I16:
    case HML_U16:
        return ((const int16_t *)x->data)[index] != 0;
    default:
        return ((const uint8_t *)x->data)[index] != 0;
    }
}

int32_t hml_portable_nonzero_count(const portable_call *call);
int32_t hml_portable_nonzero(const portable_call *call);

int32_t hml_portable_nonzero_count(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0];
    int64_t count = portable_count(x), found = 0;
    for (int64_t k = 0; k < count; k++) {
        found += is_nonzero(x, k);
    }
    *(int64_t *)call->tensors[1].data = found;
    return HML_KERNEL_OK;
}

int32_t hml_portable_nonzero(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *result = &call->tensors[1];
    int64_t *indices = result->data;
    int64_t count = portable_count(x), places = result->dims[1], found = 0;
    for (int64_t k = 0; k < count && found < places; k++) {
        if (!is_nonzero(x, k)) {
            continue;
        }
        int64_t rest = k;
        for (int64_t d = x->rank - 1; d >= 0; d--) {
            indices[d * places + found] = rest % x->dims[d];
            rest /= x->dims[d];
        }
        found++;
    }
    if (found < places) { /* the count came from elsewhere */
        call->detail[0] = found;
        call->detail[1] = places;
        return HML_KERNEL_SHAPE;
    }
    return HML_KERNEL_OK;
}

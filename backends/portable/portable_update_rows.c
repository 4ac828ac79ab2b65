/* SPDX-License-Identifier: Apache-2.0 */
/* update_rows: a copy with some rows replaced; in place where the memory plan lets the result take
 * over the operand, as loops rely on. One work unit. */
#include "portable_kernel.h"

static void copy_bytes(uint8_t *to, const uint8_t *from, int64_t bytes)
{
    for (int64_t k = 0; k < bytes; k++) {
        to[k] = from[k];
    }
}

int32_t hml_portable_update_rows(const portable_call *call);

/* tensors: x, rows, start, result. */
int32_t hml_portable_update_rows(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *rows = &call->tensors[1];
    const portable_tensor *result = &call->tensors[3];
    int64_t start = portable_integer(&call->tensors[2], 0), count = rows->dims[0];
    if (start < 0 || start > x->dims[0] || count > x->dims[0] - start) {
        call->detail[0] = start;
        call->detail[1] = x->dims[0];
        return HML_KERNEL_INDEX;
    }
    int64_t row = x->dtype == HML_BF16 ? 2 : portable_element_bytes(x->dtype);
    for (int64_t d = 1; d < x->rank; d++) {
        row *= x->dims[d];
    }
    if (x->data != result->data) {
        copy_bytes(result->data, x->data, x->dims[0] * row);
    }
    copy_bytes((uint8_t *)result->data + start * row, rows->data, count * row);
    return HML_KERNEL_OK;
}

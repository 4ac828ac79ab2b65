/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pad in any mode: constant, reflect, edge, wrap. A work unit is one row of the result's last dim.
 * tensors: x, fill or none, result; attributes: count, pads (begins, ends), mode.
 */
#include "portable_kernel.h"

/* `from` NULL: zeros. */
static void put_element(int64_t bytes, void *to, int64_t at, const void *from, int64_t index)
{
    for (int64_t k = 0; k < bytes; k++) {
        ((uint8_t *)to)[at * bytes + k] =
            from != NULL ? ((const uint8_t *)from)[index * bytes + k] : 0;
    }
}

static void copy_run(int64_t bytes, void *to, const void *from)
{
    uint8_t *restrict target = to;
    const uint8_t *restrict source = from;
    for (int64_t k = 0; k < bytes; k++) {
        target[k] = source[k];
    }
}

int32_t hml_portable_pad(const portable_call *call);

int32_t hml_portable_pad(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *fill = &call->tensors[1];
    const portable_tensor *result = &call->tensors[2];
    const int64_t *pads = call->attributes + 1;
    int64_t rank = x->rank;
    hmlc_rule_pad_mode mode = (hmlc_rule_pad_mode)call->attributes[1 + 2 * rank];
    int64_t bytes = portable_element_bytes(x->dtype), last = rank - 1;
    int64_t length = rank > 0 ? result->dims[last] : 1;
    /* Where the row of the operand begins in that of the result, and what of it is kept. */
    int64_t begin = rank > 0 ? pads[last] : 0, run = 0;
    if (rank > 0 && begin >= 0) {
        run = x->dims[last] < length - begin ? x->dims[last] : length - begin;
    }
    const void *filler = fill->dtype != 0 ? fill->data : NULL;
    for (int64_t unit = call->begin; unit < call->end; unit++) {
        int64_t rest = unit, base = 0, stride = rank > 0 ? x->dims[last] : 1, inside = 1;
        for (int64_t d = rank - 2; d >= 0; d--) {
            int64_t index =
                hmlc_rule_padded(mode, rest % result->dims[d], pads[d], pads[rank + d], x->dims[d]);
            rest /= result->dims[d];
            inside &= index >= 0;
            base += index * stride;
            stride *= x->dims[d];
        }
        int64_t k = 0;
        while (k < length) {
            int64_t index =
                rank > 0 ? hmlc_rule_padded(mode, k, pads[last], pads[rank + last], x->dims[last])
                         : 0;
            int outside = !inside || index < 0;
            if (!outside && index == 0 && k == begin && run > 1) { /* the row itself */
                copy_run(run * bytes, (uint8_t *)result->data + (unit * length + k) * bytes,
                         (const uint8_t *)x->data + base * bytes);
                k += run;
                continue;
            }
            put_element(bytes, result->data, unit * length + k, outside ? filler : x->data,
                        outside ? 0 : base + index);
            k++;
        }
    }
    return HML_KERNEL_OK;
}

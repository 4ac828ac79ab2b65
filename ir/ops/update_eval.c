/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of update_rows. */
#include <string.h>

#include "eval_tools.h"

hmlc_status hmlc_eval_update_rows(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0], *rows = context->operands[1];
    int64_t start = hmlc_tensor_get_int(context->operands[2], 0);
    if (start < 0 || start > x->dims[0] || rows->dims[0] > x->dims[0] - start) {
        return hmlc_eval_fail(context, HMLC_ERROR_value_invalid,
                              "rows %lld to %lld are outside of %lld rows", (long long)start,
                              (long long)start + (long long)rows->dims[0], (long long)x->dims[0]);
    }
    char *data = hmlc_eval_data(&context->results[0]);
    if (x->bytes > 0) {
        memcpy(data, x->data, x->bytes);
    }
    if (rows->bytes > 0) {
        memcpy(data + (size_t)start * (x->bytes / (size_t)x->dims[0]), rows->data, rows->bytes);
    }
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of movement ops: concat, pad, tile. */
#include <string.h>

#include "eval_tools.h"

hmlc_status hmlc_eval_concat(hmlc_eval *context)
{
    hmlc_tensor *result = &context->results[0];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    size_t bytes = hmlc_dtype_bytes(result->dtype);
    int64_t outer = hmlc_eval_product(result->dims, 0, axis);
    int64_t inner = hmlc_eval_product(result->dims, axis + 1, result->rank);
    size_t row = (size_t)(result->dims[axis] * inner) * bytes, at = 0;
    char *to = hmlc_eval_data(result);
    for (uint32_t i = 0; i < context->operand_count; ++i) {
        const hmlc_tensor *x = context->operands[i];
        size_t chunk = (size_t)(x->dims[axis] * inner) * bytes;
        if (x->bytes != chunk * (size_t)outer || at + chunk > row) {
            return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                                  "the shape of operand %u does not fit", i);
        }
        for (int64_t k = 0; k < outer && chunk > 0; ++k) {
            memcpy(to + (size_t)k * row + at, (const char *)x->data + (size_t)k * chunk, chunk);
        }
        at += chunk;
    }
    return HMLC_OK;
}

_Static_assert((long)HMLC_RULE_PAD_REFLECT == (long)HMLC_PAD_REFLECT &&
                   (long)HMLC_RULE_PAD_WRAP == (long)HMLC_PAD_WRAP,
               "the rule has the modes of the attribute");

hmlc_status hmlc_eval_pad(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0], *fill = hmlc_eval_operand(context, 1);
    hmlc_tensor *result = &context->results[0];
    static const char zeros[16] = {0};
    int64_t pads[2 * HMLC_MAX_RANK], *maps[HMLC_MAX_RANK];
    int64_t mode = hmlc_op_int(context->op, HMLC_ATTR_pad_mode);
    HMLC_TRY(hmlc_eval_dims(context, HMLC_ATTR_pads, 2 * (uint32_t)x->rank, pads));
    for (int32_t d = 0; d < x->rank; ++d) {
        maps[d] = hmlc_eval_new_integers(context, result->dims[d]);
        HMLC_TRY_MEMORY(maps[d]);
        for (int64_t i = 0; i < result->dims[d]; ++i) {
            maps[d][i] = hmlc_rule_padded((hmlc_rule_pad_mode)mode, i, pads[d], pads[x->rank + d],
                                          x->dims[d]);
        }
    }
    hmlc_eval_copy_mapped(result, x, (const int64_t *const *)maps,
                          fill != NULL ? fill->data : zeros);
    return HMLC_OK;
}

hmlc_status hmlc_eval_tile(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    int64_t *maps[HMLC_MAX_RANK];
    for (int32_t d = 0; d < x->rank; ++d) {
        int64_t from = x->dims[d], to = result->dims[d];
        if (from == 0 ? to != 0 : to % from != 0) {
            return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                                  "dim %d: %lld is not a multiple of %lld", d, (long long)to,
                                  (long long)from);
        }
        maps[d] = hmlc_eval_new_integers(context, to);
        HMLC_TRY_MEMORY(maps[d]);
        for (int64_t i = 0; i < to; ++i) {
            maps[d][i] = i % from;
        }
    }
    hmlc_eval_copy_mapped(result, x, (const int64_t *const *)maps, NULL);
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of axes_dims: what axes_dims.c does on expressions. */
#include "eval_tools.h"

_Static_assert((long)HMLC_RULE_AXES_KEEP == (long)HMLC_AXES_KEEP &&
                   (long)HMLC_RULE_AXES_SPLIT == (long)HMLC_AXES_SPLIT &&
                   (long)HMLC_RULE_MOST_DIMS >= 2 * HMLC_MAX_RANK,
               "the rule has the modes of the attribute");

hmlc_status hmlc_eval_axes_dims(hmlc_eval *context)
{
    const hmlc_tensor *shape = context->operands[0], *axes = context->operands[1];
    int64_t result[3 * HMLC_MAX_RANK];
    int64_t *dims = hmlc_eval_integers(context, shape), *list = hmlc_eval_integers(context, axes);
    HMLC_TRY_MEMORY(dims);
    HMLC_TRY_MEMORY(list);
    hmlc_rule rule =
        hmlc_rule_axes_dims((hmlc_rule_axes_mode)hmlc_op_int(context->op, HMLC_ATTR_axes_mode),
                            dims, hmlc_tensor_count(shape), list, hmlc_tensor_count(axes), result);
    HMLC_TRY(hmlc_eval_rule(context, rule));
    hmlc_eval_store_integers(&context->results[0], result);
    return HMLC_OK;
}

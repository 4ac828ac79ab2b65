/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of ops with structure. */
#include <hmlc/assert.h>
#include <hmlc/eval.h>

/* Whoever evaluates ops with regions says how these run; folding never meets one. */
hmlc_status hmlc_eval_regions(hmlc_eval *context)
{
    HMLC_ASSERT(context->run_regions != NULL);
    return context->run_regions(context);
}

/* The op that owns the region reads the yield's operands. */
hmlc_status hmlc_eval_yield(hmlc_eval *context)
{
    (void)context;
    return HMLC_OK;
}

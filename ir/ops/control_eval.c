/* Evaluation of ops with structure: regions are the interpreter's business. */
#include "interpret/interpreter.h"

hmlc_status hmlc_eval_if(hmlc_eval *context)
{
    return hmlc_interpret_if(context);
}

hmlc_status hmlc_eval_loop(hmlc_eval *context)
{
    return context->op->opcode == HMLC_OP_scan ? hmlc_interpret_scan(context)
                                               : hmlc_interpret_loop(context);
}

hmlc_status hmlc_eval_kernel(hmlc_eval *context)
{
    return hmlc_interpret_kernel(context);
}

/* The op that owns the region reads the yield's operands. */
hmlc_status hmlc_eval_yield(hmlc_eval *context)
{
    (void)context;
    return HMLC_OK;
}

/* Reductions and rowwise ops. */
#include "llvm/loop.h"

bool loop_row_supported(const hmlc_op *op, const char **reason)
{
    (void)op;
    *reason = "reductions are not supported";
    return false;
}

hmlc_status loop_rows_create(loop_context *context)
{
    return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported,
                          context->kernel->location, NULL, "reductions are not supported");
}

hmlc_status loop_rows_plan(loop_context *context, hmlc_kernel_plan *plan)
{
    (void)context;
    (void)plan;
    return HMLC_INTERNAL;
}

hmlc_status loop_rows_emit(loop_context *context)
{
    (void)context;
    return HMLC_INTERNAL;
}

bool loop_row_value(loop_context *context, const hmlc_value *value, const loop_index *index,
                    loop_value *result)
{
    (void)context;
    (void)value;
    (void)index;
    (void)result;
    return false;
}

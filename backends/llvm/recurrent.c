/* Recurrent cells. */
#include "llvm/contraction.h"

static hmlc_status recurrent_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    return hmlc_contraction_refuse(context, plan, "this cell");
}

static hmlc_status recurrent_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    (void)frame;
    (void)plan;
    return HMLC_INTERNAL;
}

const hmlc_kernel_class hmlc_recurrent_class = {
    .name = "recurrent",
    .form = HMLC_FORM_RECURRENT,
    .plan = recurrent_plan,
    .emit = recurrent_emit,
};

/* Windows: depthwise convolution and pooling. */
#include "llvm/contraction.h"

static hmlc_status window_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    return hmlc_contraction_refuse(context, plan, "this window");
}

static hmlc_status window_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    (void)frame;
    (void)plan;
    return HMLC_INTERNAL;
}

const hmlc_kernel_class hmlc_window_class = {
    .name = "window",
    .form = HMLC_FORM_WINDOW,
    .plan = window_plan,
    .emit = window_emit,
};

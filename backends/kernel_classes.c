/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kernel classes; the plan of a kernel by the class of its form. */
#include "kernel_classes.h"

#include "target_limits.h"

#include "llvm/attention/attention_class.h"
#include "llvm/contraction/contraction.h"
#include "llvm/loop/loop.h"
#include "llvm/portable/portable_class.h"
#include "llvm/recurrent/recurrent.h"
#include "llvm/window/window.h"

static const hmlc_kernel_class *const kernel_classes[] = {
    &hmlc_loop_class,      &hmlc_contraction_class, &hmlc_window_class,
    &hmlc_recurrent_class, &hmlc_portable_class,    &hmlc_attention_class,
};

/* The class of a kernel's form; NULL for an unknown one. */
static const hmlc_kernel_class *class_of(const hmlc_op *kernel)
{
    int64_t form = hmlc_op_int(kernel, HMLC_ATTR_form);
    for (size_t k = 0; k < sizeof kernel_classes / sizeof kernel_classes[0]; k++) {
        if (kernel_classes[k]->form == form) {
            return kernel_classes[k];
        }
    }
    return NULL;
}

hmlc_status hmlc_kernel_plan_create(hmlc_plan_context *context, const hmlc_op *kernel,
                                    hmlc_kernel_plan *plan)
{
    const hmlc_kernel_class *class_ = class_of(kernel);
    hmlc_module *module = context->module;
    if (class_ == NULL) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_kernel_unsupported, kernel->location,
                              NULL, "no kernel class takes this kernel's form");
    }
    HMLC_TRY(hmlc_target_limits_kernel(module->diagnostics, context->target, kernel));
    hmlc_dim zero = hmlc_dim_constant(module->dims, 0);
    *plan = (hmlc_kernel_plan){
        .kernel = kernel,
        .target = context->target,
        .class_ = class_,
        .operand_count = kernel->operand_count + kernel->result_count,
        .units = hmlc_dim_constant(module->dims, 1),
        .scratch_bytes = zero,
        .work = zero,
        .unit_cost = 1000,
        .variant = "",
    };
    plan->operands = HMLC_NEW_ARRAY(context->arena, hmlc_kernel_operand, plan->operand_count + 1);
    HMLC_TRY_MEMORY(plan->operands);
    for (uint32_t k = 0; k < kernel->operand_count; k++) {
        plan->operands[k] = (hmlc_kernel_operand){.kind = HMLC_OPERAND_ARGUMENT, .index = k};
    }
    for (uint32_t k = 0; k < kernel->result_count; k++) {
        plan->operands[kernel->operand_count + k] =
            (hmlc_kernel_operand){.kind = HMLC_OPERAND_RESULT, .index = k};
    }
    return class_->plan(context, plan);
}

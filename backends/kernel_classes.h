/* SPDX-License-Identifier: Apache-2.0 */
/* Which class makes a kernel. */
#ifndef HMLC_KERNEL_CLASSES_H
#define HMLC_KERNEL_CLASSES_H

#include "kernel.h"

/* Fills *plan for `kernel`: default operands, then the class's plan. */
hmlc_status hmlc_kernel_plan_create(hmlc_plan_context *context, const hmlc_op *kernel,
                                    hmlc_kernel_plan *plan) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_contract.h"

/* The first op that is neither in a kernel nor one of those that need none. */
static const hmlc_op *op_outside(const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        const hmlc_op *found = NULL;
        switch (op->opcode) {
        case HMLC_OP_if:
        case HMLC_OP_loop:
            for (uint32_t i = 0; i < op->region_count && found == NULL; i++) {
                found = op_outside(op->regions[i]);
            }
            break;
        case HMLC_OP_kernel:
        case HMLC_OP_constant:
        case HMLC_OP_bind_dims:
        case HMLC_OP_yield:
        case HMLC_OP_reshape:
        case HMLC_OP_slice:
            break;
        default:
            found = op;
        }
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const char *kernel_contract_broken(hmlc_module *module, const hmlc_op **offender)
{
    *offender = op_outside(module->main);
    if (*offender != NULL) {
        return "an op outside kernels";
    }
    if (hmlc_verify_kernels(module, "all passes") == HMLC_OK) {
        return NULL;
    }
    const hmlc_diagnostic *d = hmlc_diagnostics_first(module->diagnostics);
    while (d->error != HMLC_ERROR_verify_failed) {
        d = d->next;
    }
    *offender = module->main->last;
    return d->message;
}

uint32_t kernel_count(const hmlc_region *region)
{
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, region)
    {
        count += op->opcode == HMLC_OP_kernel ? 1 : 0;
        for (uint32_t i = 0; op->opcode != HMLC_OP_kernel && i < op->region_count; i++) {
            count += kernel_count(op->regions[i]);
        }
    }
    return count;
}

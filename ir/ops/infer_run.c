/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the inference function of an op's row. */
#include <stdio.h>

#include "dim/dim_internal.h"
#include "graph/graph_internal.h"

static hmlc_status (*const functions[])(hmlc_infer *context) = {
#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes) hmlc_infer_##infer,
#include <hmlc/ops.def>
#undef HMLC_OP
};

static hmlc_status check_results(hmlc_module *module, const hmlc_op *op, const hmlc_infer *context)
{
    const hmlc_op_info *info = hmlc_op_get_info(op->opcode);
    bool fits = context->result_count >= (uint32_t)info->least_results &&
                (info->most_results < 0 || context->result_count <= (uint32_t)info->most_results);
    for (uint32_t i = 0; fits && i < context->result_count; i++) {
        fits = context->types[i] != NULL;
    }
    if (!fits) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_verify_failed, op->location, NULL,
                              "inference of %s left its results incomplete", info->name);
    }
    return HMLC_OK;
}

hmlc_status hmlc_infer_run(hmlc_module *module, hmlc_op *op, hmlc_infer *context)
{
    const hmlc_op_info *info = hmlc_op_get_info(op->opcode);
    *context = (hmlc_infer){.module = module, .op = op};
    if (info->most_results > 0) {
        context->result_count = (uint32_t)info->most_results;
        context->types = HMLC_NEW_ARRAY(module->arena, const hmlc_type *, info->most_results);
        context->elements = HMLC_NEW_ARRAY(module->arena, const hmlc_dim *, info->most_results);
        HMLC_TRY_MEMORY(context->types);
        HMLC_TRY_MEMORY(context->elements);
    }
    hmlc_status dims_before = hmlc_dims_status(module->dims);
    module->dims->asker.unplaced = !hmlc_region_branch(op->parent, &module->dims->asker.branch);
    hmlc_status status = functions[op->opcode](context);
    module->dims->asker = (hmlc_dim_asker){0};
    HMLC_TRY(status);
    HMLC_TRY(check_results(module, op, context));
    hmlc_status dims_after = hmlc_dims_status(module->dims);
    if (dims_after != HMLC_OK && dims_before == HMLC_OK) {
        char what[64];
        (void)snprintf(what, sizeof what, "a dim of %s", info->name);
        return hmlc_infer_report_dims(module, op->location, what);
    }
    return dims_after;
}

hmlc_status hmlc_infer_report_dims(hmlc_module *module, const hmlc_location *location,
                                   const char *what)
{
    hmlc_status status = hmlc_dims_status(module->dims);
    if (status == HMLC_DAMAGED) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, location, NULL,
                              "%s exceeds %lld", what, (long long)HMLC_DIM_UNBOUNDED);
    }
    if (status == HMLC_REFUSED) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_dim_too_long, location,
                              "fix dims with --dim, or export with fewer symbolic ones",
                              "%s is an expression of more than %d parts, or a sum of more than "
                              "%d terms",
                              what, HMLC_DIM_MAX_SIZE, HMLC_DIM_MAX_TERMS);
    }
    if (status == HMLC_INTERNAL) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_compiler_defect, location, NULL,
                              "%s was made by an operation that dims do not have", what);
    }
    return status;
}

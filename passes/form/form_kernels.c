/* SPDX-License-Identifier: Apache-2.0 */
/* The pass `form-kernels`: see form.h for its phases and ir/README.md for what a kernel may hold.
 */
#include <hmlc/assert.h>

#include "form.h"

static hmlc_status number_ops(hmlc_form_state *state)
{
    state->op_count = hmlc_region_op_count(state->region, false);
    state->ops = HMLC_NEW_ARRAY(state->scratch, hmlc_form_op, state->op_count + 1);
    HMLC_TRY_MEMORY(state->ops);
    uint32_t position = 0, epoch = 0;
    HMLC_FOR_EACH_OP(op, state->region)
    {
        bool barrier = hmlc_op_has(op, HMLC_TRAIT_BINDS | HMLC_TRAIT_REGIONS);
        epoch += barrier ? 1 : 0;
        state->ops[position] = (hmlc_form_op){.op = op, .position = position, .epoch = epoch};
        op->note = &state->ops[position++];
    }
    return HMLC_OK;
}

hmlc_status hmlc_form_region(hmlc_form_state *parent, hmlc_region *region)
{
    hmlc_form_state state = *parent;
    state.region = region;
    state.groups = NULL;
    state.bridges = NULL;
    HMLC_TRY(number_ops(&state));
    HMLC_TRY(hmlc_form_anchors(&state));
    HMLC_TRY(hmlc_form_rows(&state));
    HMLC_TRY(hmlc_form_loops(&state));
    return hmlc_form_emit(&state);
}

hmlc_status hmlc_pass_form_kernels(hmlc_pass_context *context)
{
    hmlc_module *module = context->module;
    HMLC_TRY(hmlc_pass_dce(context));
    hmlc_form_state state = {.module = module,
                             .family = context->family,
                             .scratch = context->scratch,
                             .value_count = module->value_count};
    state.replaced = HMLC_NEW_ARRAY(context->scratch, hmlc_value *, module->value_count + 1);
    state.inner = HMLC_NEW_ARRAY(context->scratch, hmlc_value *, module->value_count + 1);
    HMLC_TRY_MEMORY(state.replaced);
    HMLC_TRY_MEMORY(state.inner);
    HMLC_TRY(hmlc_form_region(&state, module->main));
    HMLC_TRY(hmlc_form_copies(module, context->scratch));
    bool verify = HMLC_CHECKED || context->options->verify;
    return verify ? hmlc_verify_kernels(module, "form-kernels") : HMLC_OK;
}

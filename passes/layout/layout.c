/* SPDX-License-Identifier: Apache-2.0 */
/* The pass `layout`: see layout.h. */
#include "layout.h"

static void collect(hmlc_layout_state *state, hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        hmlc_layout_op *entry = &state->ops[state->op_count++];
        entry->op = op;
        op->note = entry;
        for (uint32_t i = 0; i < op->region_count; i++) {
            collect(state, op->regions[i]);
        }
    }
}

hmlc_status hmlc_pass_layout(hmlc_pass_context *context)
{
    hmlc_module *module = context->module;
    hmlc_layout_state state = {
        .module = module, .scratch = context->scratch, .value_count = module->value_count};
    uint32_t count = hmlc_region_op_count(module->main, true);
    state.ops = HMLC_NEW_ARRAY(context->scratch, hmlc_layout_op, count + 1);
    state.values = HMLC_NEW_ARRAY(context->scratch, hmlc_layout_value, state.value_count + 1);
    HMLC_TRY_MEMORY(state.ops);
    HMLC_TRY_MEMORY(state.values);
    collect(&state, module->main);
    HMLC_TRY(hmlc_layout_propagate(&state));
    HMLC_TRY(hmlc_layout_cut(&state));
    return hmlc_layout_rewrite(&state);
}

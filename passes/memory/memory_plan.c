/* SPDX-License-Identifier: Apache-2.0 */
/* The pass `plan-memory`: sets hmlc_value.storage of every value outside kernels. See
 * memory_plan.h. */
#include "memory_plan.h"

static void set_storage(memory_plan *plan, hmlc_value *value)
{
    const plan_value *entry = &plan->values[value->id];
    if (entry->buffer == NULL) {
        return;
    }
    const plan_buffer *buffer = hmlc_memory_plan_resolve(entry->buffer);
    hmlc_dim offset = entry->offset;
    if (buffer->kind == HMLC_STORAGE_ARENA) {
        offset = hmlc_dim_add(plan->module->dims, buffer->offset, offset);
    }
    value->storage = (hmlc_storage){
        .kind = buffer->kind, .index = buffer->index, .offset = offset, .root = entry->root};
}

static void set_region(memory_plan *plan, const hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        set_storage(plan, region->arguments[i]);
    }
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->result_count; i++) {
            set_storage(plan, op->results[i]);
        }
        for (uint32_t i = 0; op->opcode != HMLC_OP_kernel && i < op->region_count; i++) {
            set_region(plan, op->regions[i]);
        }
    }
}

hmlc_status hmlc_pass_memory_plan(hmlc_pass_context *context)
{
    memory_plan plan = {.module = context->module, .scratch = context->scratch};
    plan.values = HMLC_NEW_ARRAY(context->scratch, plan_value, context->module->value_count + 1);
    HMLC_TRY_MEMORY(plan.values);
    HMLC_TRY(hmlc_memory_plan_liveness(&plan));
    HMLC_TRY(hmlc_memory_plan_in_place(&plan));
    HMLC_TRY(hmlc_memory_plan_offsets(&plan));
    set_region(&plan, context->module->main);
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Memory plan: kernel results that take over the buffer of an argument that dies there. */
#include "memory_plan.h"

plan_buffer *hmlc_memory_plan_resolve(plan_buffer *buffer)
{
    while (buffer->merged != NULL) {
        buffer->merged = buffer->merged->merged != NULL ? buffer->merged->merged : buffer->merged;
        buffer = buffer->merged;
    }
    return buffer;
}

/* `value` reaches the yield through elementwise ops over its own shape only. */
static bool flows_elementwise(hmlc_dims *dims, const hmlc_value *value, void *mark)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        hmlc_op *op = use->op;
        if (op->opcode == HMLC_OP_yield || op->note == mark) {
            continue;
        }
        if (!hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) ||
            !hmlc_type_same_shape(dims, op->results[0]->type, value->type)) {
            return false;
        }
        op->note = mark;
        if (!flows_elementwise(dims, op->results[0], mark)) {
            return false;
        }
    }
    return true;
}

static bool reads_once(const hmlc_op *kernel)
{
    int64_t form = hmlc_op_int(kernel, HMLC_ATTR_form);
    if (form != HMLC_FORM_LOOP) {
        return form == HMLC_FORM_CONTRACTION || form == HMLC_FORM_WINDOW;
    }
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE)) {
            return false;
        }
    }
    return true;
}

/* Rows are replaced where they lie. */
static bool updates_rows(const hmlc_op *kernel, uint32_t index)
{
    const hmlc_op *op = kernel->regions[0]->first;
    return op->opcode == HMLC_OP_update_rows &&
           hmlc_op_operand(op, 0) == kernel->regions[0]->arguments[index];
}

/* The kernel may write its result over argument `index`: see ir/README.md, "In place". */
static bool may_overwrite(hmlc_dims *dims, const hmlc_op *kernel, uint32_t index)
{
    if (updates_rows(kernel, index)) {
        return true;
    }
    if (kernel->result_count != 1 || !reads_once(kernel)) {
        return false;
    }
    hmlc_value *argument = kernel->regions[0]->arguments[index];
    const hmlc_type *result = kernel->results[0]->type;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        op->note = NULL;
    }
    return hmlc_dtype_bytes(argument->type->dtype) == hmlc_dtype_bytes(result->dtype) &&
           hmlc_type_same_shape(dims, argument->type, result) &&
           flows_elementwise(dims, argument, argument);
}

/* Argument `index` is all of an arena buffer that nobody reads after the kernel, and no other
 * argument lies in it. */
static bool dies_here(const memory_plan *plan, const hmlc_op *kernel, uint32_t index,
                      uint32_t position)
{
    const hmlc_value *value = hmlc_op_operand(kernel, index);
    const plan_value *entry = &plan->values[value->id];
    const plan_buffer *buffer = hmlc_memory_plan_resolve(entry->buffer);
    if (buffer->kind != HMLC_STORAGE_ARENA || buffer->last != position ||
        !hmlc_dim_is(entry->offset, 0) || entry->goal != NULL) {
        return false;
    }
    for (uint32_t i = 0; i < kernel->operand_count; i++) {
        const hmlc_value *other = hmlc_op_operand(kernel, i);
        if (i != index && other != NULL &&
            hmlc_memory_plan_resolve(plan->values[other->id].buffer) == buffer) {
            return false;
        }
    }
    return true;
}

static void try_kernel(memory_plan *plan, const hmlc_op *kernel)
{
    hmlc_dims *dims = plan->module->dims;
    if (kernel->result_count != 1) {
        return;
    }
    plan_buffer *own = plan->values[kernel->results[0]->id].buffer;
    if (own->kind != HMLC_STORAGE_ARENA || own->owner != kernel->results[0]) {
        return;
    }
    for (uint32_t i = 0; i < kernel->operand_count; i++) {
        const hmlc_value *operand = hmlc_op_operand(kernel, i);
        if (operand == NULL || !dies_here(plan, kernel, i, own->first) ||
            !may_overwrite(dims, kernel, i)) {
            continue;
        }
        plan_buffer *taken = hmlc_memory_plan_resolve(plan->values[operand->id].buffer);
        if (!hmlc_dim_known_equal(dims, taken->bytes, own->bytes)) {
            continue;
        }
        taken->last = own->last;
        own->merged = taken;
        return;
    }
}

static void walk(memory_plan *plan, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_kernel) {
            try_kernel(plan, op);
        }
        for (uint32_t i = 0; op->opcode != HMLC_OP_kernel && i < op->region_count; i++) {
            walk(plan, op->regions[i]);
        }
    }
}

hmlc_status hmlc_memory_plan_in_place(memory_plan *plan)
{
    walk(plan, plan->module->main);
    return HMLC_OK;
}

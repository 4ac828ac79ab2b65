/* SPDX-License-Identifier: Apache-2.0 */
/* Memory plan: buffers and their lifetimes, from one walk over all regions in program order. */
#include "memory_plan.h"

static hmlc_status not_planned(memory_plan *plan, const hmlc_op *op, const char *reason)
{
    return hmlc_error_add(plan->module->diagnostics, HMLC_ERROR_verify_failed, op->location, NULL,
                          "memory plan: %s '%s'", reason, hmlc_op_get_info(op->opcode)->name);
}

static hmlc_status value_bytes(memory_plan *plan, const hmlc_value *value, hmlc_dim *bytes)
{
    hmlc_dims *dims = plan->module->dims;
    const hmlc_type *type = value->type;
    size_t size = type->kind == HMLC_KIND_TENSOR ? hmlc_dtype_bytes(type->dtype) : 0;
    if (size == 0) {
        const hmlc_location *location = value->producer != NULL ? value->producer->location : NULL;
        return hmlc_error_add(plan->module->diagnostics, HMLC_ERROR_op_unsupported_type, location,
                              NULL, "values of type %s cannot be stored",
                              type->kind == HMLC_KIND_TENSOR ? hmlc_dtype_name(type->dtype)
                                                             : "sequence, optional or map");
    }
    hmlc_dim element = hmlc_dim_constant(dims, (int64_t)size);
    *bytes = hmlc_dim_multiply(dims, hmlc_type_count(dims, type), element);
    return HMLC_OK;
}

static plan_buffer *add_buffer(memory_plan *plan, hmlc_storage_kind kind, uint32_t index)
{
    if (plan->buffer_count == plan->buffer_capacity) {
        uint32_t capacity = plan->buffer_capacity > 0 ? 2 * plan->buffer_capacity : 64;
        plan_buffer **buffers = HMLC_NEW_ARRAY(plan->scratch, plan_buffer *, capacity);
        if (buffers == NULL) {
            return NULL;
        }
        for (uint32_t i = 0; i < plan->buffer_count; i++) {
            buffers[i] = plan->buffers[i];
        }
        plan->buffers = buffers;
        plan->buffer_capacity = capacity;
    }
    plan_buffer *buffer = HMLC_NEW(plan->scratch, plan_buffer);
    if (buffer != NULL) {
        buffer->kind = kind;
        buffer->index = index;
        buffer->first = buffer->last = plan->position;
        plan->buffers[plan->buffer_count++] = buffer;
    }
    return buffer;
}

static void touch(memory_plan *plan, const hmlc_value *value)
{
    plan_buffer *buffer = value != NULL ? plan->values[value->id].buffer : NULL;
    if (buffer != NULL && buffer->last < plan->position) {
        buffer->last = plan->position;
    }
}

static hmlc_status own_buffer(memory_plan *plan, hmlc_value *value, hmlc_storage_kind kind,
                              uint32_t index)
{
    plan_value *entry = &plan->values[value->id];
    entry->buffer = add_buffer(plan, kind, index);
    HMLC_TRY_MEMORY(entry->buffer);
    entry->root = value;
    entry->offset = hmlc_dim_constant(plan->module->dims, 0);
    entry->buffer->owner = value;
    return value_bytes(plan, value, &entry->buffer->bytes);
}

/* A result lies in the output or `if` result it is bound to, or in a buffer of its own. */
static hmlc_status place_result(memory_plan *plan, hmlc_value *value)
{
    plan_value *entry = &plan->values[value->id];
    if (entry->goal != NULL) {
        *entry = (plan_value){.buffer = plan->values[entry->goal->id].buffer,
                              .root = plan->values[entry->goal->id].root,
                              .offset = plan->values[entry->goal->id].offset,
                              .goal = entry->goal};
        touch(plan, value);
        return HMLC_OK;
    }
    return entry->output ? own_buffer(plan, value, HMLC_STORAGE_OUTPUT, entry->output_index)
                         : own_buffer(plan, value, HMLC_STORAGE_ARENA, 0);
}

static hmlc_status place_alias(memory_plan *plan, const hmlc_op *op)
{
    const plan_value *operand = &plan->values[hmlc_op_operand(op, 0)->id];
    plan_value *entry = &plan->values[op->results[0]->id];
    if (operand->buffer == NULL) {
        return not_planned(plan, op, "an alias of nothing:");
    }
    *entry =
        (plan_value){.buffer = operand->buffer, .root = operand->root, .offset = operand->offset};
    if (op->opcode == HMLC_OP_reshape) {
        return HMLC_OK;
    }
    hmlc_dims *dims = plan->module->dims;
    hmlc_access dense, sliced;
    hmlc_access_of_type(dims, hmlc_op_operand(op, 0)->type, &dense);
    if (!hmlc_access_compose(dims, op, &dense, &sliced)) {
        return not_planned(plan, op, "no alias:");
    }
    size_t size = hmlc_dtype_bytes(op->results[0]->type->dtype);
    hmlc_dim skipped =
        hmlc_dim_multiply(dims, sliced.offset, hmlc_dim_constant(dims, (int64_t)size));
    entry->offset = hmlc_dim_add(dims, entry->offset, skipped);
    return HMLC_OK;
}

enum { CARRIED = 2 }; /* operands and arguments of a loop in front of what it carries */

/* The value that is written first of all those that lie where this one does. */
static hmlc_value *whole_root(hmlc_value *value)
{
    for (const hmlc_op *producer = value->producer; producer != NULL; producer = value->producer) {
        if (producer->opcode == HMLC_OP_reshape) {
            value = hmlc_op_operand(producer, 0);
        } else if (producer->opcode == HMLC_OP_loop) {
            value = hmlc_op_operand(producer, CARRIED + value->index);
        } else {
            break;
        }
    }
    return value;
}

/* The values that the branches yield are written to the buffers of the op's results. */
static void bind_branches(memory_plan *plan, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->region_count; i++) {
        const hmlc_op *yield = op->regions[i]->last;
        for (uint32_t k = 0; k < yield->operand_count && k < op->result_count; k++) {
            const hmlc_value *root = whole_root(hmlc_op_operand(yield, k));
            plan->values[root->id].goal = op->results[k];
        }
    }
}

static hmlc_status walk_region(memory_plan *plan, const hmlc_region *region);

static hmlc_status walk_if(memory_plan *plan, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        HMLC_TRY(place_result(plan, op->results[i]));
    }
    bind_branches(plan, op);
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_TRY(walk_region(plan, op->regions[i]));
    }
    plan->position++;
    for (uint32_t i = 0; i < op->result_count; i++) {
        touch(plan, op->results[i]);
    }
    return HMLC_OK;
}

/* What a loop carries lies in one place: that of the value before it. The kernel that makes the
 * next one in the body writes there. */
static hmlc_status bind_carried(memory_plan *plan, const hmlc_op *op)
{
    const hmlc_region *body = op->regions[0];
    for (uint32_t k = 0; k < op->result_count; k++) {
        const plan_value *begin = &plan->values[hmlc_op_operand(op, CARRIED + k)->id];
        const hmlc_value *next = whole_root(hmlc_op_operand(body->last, k + 1));
        const hmlc_value *argument = body->arguments[CARRIED + k];
        if (begin->buffer == NULL) {
            return not_planned(plan, op, "nothing is carried into");
        }
        plan_value place = {.buffer = begin->buffer, .root = begin->root, .offset = begin->offset};
        plan->values[argument->id] = plan->values[op->results[k]->id] = place;
        if (next->producer != NULL) {
            plan->values[next->id].goal = argument;
        }
    }
    return HMLC_OK;
}

/* Whatever an iteration reads of the values before the loop, the next one reads again. */
static hmlc_status walk_loop(memory_plan *plan, const hmlc_op *op)
{
    uint32_t outer_count = plan->buffer_count, begin = plan->position;
    if (op->operand_count != op->result_count + CARRIED ||
        op->regions[0]->last->operand_count != op->result_count + 1) {
        return not_planned(plan, op, "not lowered:");
    }
    HMLC_TRY(bind_carried(plan, op));
    HMLC_TRY(walk_region(plan, op->regions[0]));
    plan->position++;
    for (uint32_t i = 0; i < outer_count; i++) {
        if (plan->buffers[i]->last > begin) {
            plan->buffers[i]->last = plan->position;
        }
    }
    for (uint32_t k = 0; k < op->result_count; k++) {
        touch(plan, op->results[k]);
    }
    return HMLC_OK;
}

static hmlc_status walk_op(memory_plan *plan, const hmlc_op *op)
{
    plan->position++;
    for (uint32_t i = 0; i < op->operand_count; i++) {
        touch(plan, op->operands[i].value);
    }
    switch (op->opcode) {
    case HMLC_OP_constant:
        return own_buffer(plan, op->results[0], HMLC_STORAGE_CONSTANT, 0);
    case HMLC_OP_reshape:
    case HMLC_OP_slice:
        return place_alias(plan, op);
    case HMLC_OP_bind_dims:
    case HMLC_OP_yield:
        return HMLC_OK;
    case HMLC_OP_if:
        return walk_if(plan, op);
    case HMLC_OP_loop:
        return walk_loop(plan, op);
    case HMLC_OP_kernel:
        for (uint32_t i = 0; i < op->result_count; i++) {
            HMLC_TRY(place_result(plan, op->results[i]));
        }
        return HMLC_OK;
    default:
        return not_planned(plan, op, "an op outside kernels:");
    }
}

static hmlc_status walk_region(memory_plan *plan, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        HMLC_TRY(walk_op(plan, op));
    }
    return HMLC_OK;
}

hmlc_status hmlc_memory_plan_liveness(memory_plan *plan)
{
    const hmlc_region *main = plan->module->main;
    for (uint32_t i = 0; i < main->argument_count; i++) {
        HMLC_TRY(own_buffer(plan, main->arguments[i], HMLC_STORAGE_INPUT, i));
    }
    for (uint32_t i = 0; i < main->last->operand_count; i++) {
        plan_value *entry = &plan->values[whole_root(hmlc_op_operand(main->last, i))->id];
        entry->output = true;
        entry->output_index = i;
    }
    return walk_region(plan, main);
}

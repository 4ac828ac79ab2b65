/* SPDX-License-Identifier: Apache-2.0 */
/* Ops with regions in the reference interpreter: if, loop, scan, kernel. */
#include <string.h>

#include "interpreter.h"
#include "ops/eval_tools.h"

/* Hands what the region yields from `first` on to the op's results [0, count); binds run-time dims.
 */
static hmlc_status take_yields(hmlc_interpreter *interpreter, const hmlc_op *op,
                               const hmlc_region *region, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; ++i) {
        const hmlc_slot *slot = &interpreter->slots[hmlc_op_operand(region->last, first + i)->id];
        if (!slot->present) {
            return hmlc_error_add(interpreter->module->diagnostics, HMLC_ERROR_compiler_defect,
                                  op->location, NULL, "%s yields result %u before it is computed",
                                  hmlc_op_get_info(op->opcode)->name, i);
        }
        HMLC_TRY(hmlc_interpreter_fit(interpreter, op->results[i]->type, &slot->tensor,
                                      op->location, "a result"));
        hmlc_interpreter_share(interpreter, op->results[i], slot);
    }
    return HMLC_OK;
}

static hmlc_status run_once(hmlc_interpreter *interpreter, const hmlc_op *op,
                            const hmlc_region *region)
{
    hmlc_status status = hmlc_interpreter_run(interpreter, region);
    if (status == HMLC_OK) {
        status = take_yields(interpreter, op, region, 0, op->result_count);
    }
    hmlc_interpreter_clear(interpreter, region);
    return status;
}

static hmlc_status run_if(hmlc_eval *context)
{
    bool taken = hmlc_tensor_get_int(context->operands[0], 0) != 0;
    const hmlc_region *branch = context->op->regions[taken ? 0 : 1];
    HMLC_TRY(hmlc_symbols_check(context->module, branch, context->symbols));
    return run_once(context->interpreter, context->op, branch);
}

static hmlc_status run_kernel(hmlc_eval *context)
{
    hmlc_interpreter *interpreter = context->interpreter;
    const hmlc_region *region = context->op->regions[0];
    for (uint32_t i = 0; i < region->argument_count; ++i) {
        const hmlc_value *operand = hmlc_op_operand(context->op, i);
        hmlc_interpreter_share(interpreter, region->arguments[i], &interpreter->slots[operand->id]);
    }
    return run_once(interpreter, context->op, region);
}

/* A growing list of what iterations yield for one scanned result. */
typedef struct scanned {
    hmlc_tensor first; /* dims of one element */
    char *data;
    size_t bytes, capacity;
    int64_t count;
} scanned;

/* State of a loop or scan over its iterations. */
typedef struct iteration {
    hmlc_eval *context;
    hmlc_interpreter *interpreter;
    const hmlc_region *region;
    uint32_t carried;
    hmlc_slot *slots; /* what is carried */
    scanned *scans;
} iteration;

static hmlc_status append(hmlc_eval *context, scanned *list, const hmlc_tensor *tensor)
{
    size_t size;
    if (list->count == 0) {
        list->first = *tensor;
    } else if (list->first.bytes != tensor->bytes) {
        return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch,
                              "iterations yield tensors of different sizes");
    }
    if (!hmlc_size_add(list->bytes, tensor->bytes, &size)) {
        return HMLC_RESOURCE;
    }
    if (size > list->capacity) {
        size_t capacity = size + size / 2;
        char *data = hmlc_arena_allocate(context->arena, capacity);
        HMLC_TRY_MEMORY(data);
        if (list->bytes > 0) {
            memcpy(data, list->data, list->bytes);
        }
        list->data = data;
        list->capacity = capacity;
    }
    if (tensor->bytes > 0) {
        memcpy(list->data + list->bytes, tensor->data, tensor->bytes);
    }
    list->bytes = size;
    list->count++;
    return HMLC_OK;
}

static hmlc_status start(hmlc_eval *context, uint32_t carried, uint32_t first_operand,
                         iteration *state)
{
    const hmlc_op *op = context->op;
    *state = (iteration){.context = context,
                         .interpreter = context->interpreter,
                         .region = op->regions[0],
                         .carried = carried};
    state->slots = HMLC_NEW_ARRAY(context->arena, hmlc_slot, carried);
    state->scans = HMLC_NEW_ARRAY(context->arena, scanned, op->result_count - carried);
    HMLC_TRY_MEMORY(state->slots);
    HMLC_TRY_MEMORY(state->scans);
    for (uint32_t i = 0; i < carried; ++i) {
        const hmlc_value *operand = hmlc_op_operand(op, first_operand + i);
        state->slots[i] = state->interpreter->slots[operand->id];
        if (state->slots[i].buffer != NULL) {
            state->slots[i].buffer->references++;
        }
    }
    return HMLC_OK;
}

static hmlc_status set_argument(const iteration *state, uint32_t index, const hmlc_slot *slot)
{
    const hmlc_value *argument = state->region->arguments[index];
    HMLC_TRY(hmlc_interpreter_fit(state->interpreter, argument->type, &slot->tensor,
                                  state->context->op->location, "a carried value"));
    hmlc_interpreter_share(state->interpreter, argument, slot);
    return HMLC_OK;
}

/* Runs the region once: arguments from first_argument on are the carried values, yields from
 * first_yield on the next ones, then the scanned elements. */
static hmlc_status iterate(iteration *state, uint32_t first_argument, uint32_t first_yield)
{
    hmlc_interpreter *interpreter = state->interpreter;
    const hmlc_op *yield = state->region->last;
    for (uint32_t i = 0; i < state->carried; ++i) {
        HMLC_TRY(set_argument(state, first_argument + i, &state->slots[i]));
        hmlc_slot_release(&state->slots[i]);
    }
    HMLC_TRY(hmlc_interpreter_run(interpreter, state->region));
    for (uint32_t i = first_yield; i < yield->operand_count; ++i) {
        const hmlc_slot *slot = &interpreter->slots[hmlc_op_operand(yield, i)->id];
        uint32_t result = i - first_yield;
        if (result >= state->carried) {
            HMLC_TRY(append(state->context, &state->scans[result - state->carried], &slot->tensor));
            continue;
        }
        state->slots[result] = *slot;
        if (slot->buffer != NULL) {
            slot->buffer->references++;
        }
    }
    return HMLC_OK;
}

/* The tensor [count, dims of an element...] of one scanned result, in a buffer of its own. */
static hmlc_status scanned_slot(const iteration *state, uint32_t index, hmlc_slot *slot)
{
    const scanned *list = &state->scans[index];
    const hmlc_type *type = state->context->op->results[state->carried + index]->type;
    hmlc_tensor tensor = {.dtype = type->dtype, .rank = type->rank, .bytes = list->bytes};
    tensor.dims[0] = list->count;
    for (int32_t d = 1; d < type->rank; ++d) {
        /* Without iterations, dims that only an iteration knows are 0. */
        bool known =
            hmlc_symbols_evaluate(type->dims[d], state->interpreter->symbols, &tensor.dims[d]);
        tensor.dims[d] = list->count > 0 ? list->first.dims[d - 1] : known ? tensor.dims[d] : 0;
    }
    hmlc_arena *arena = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(arena);
    hmlc_buffer *buffer = HMLC_NEW(arena, hmlc_buffer);
    char *data = hmlc_arena_allocate(arena, list->bytes);
    if (buffer == NULL || data == NULL) {
        hmlc_arena_destroy(arena);
        return HMLC_RESOURCE;
    }
    if (list->bytes > 0) {
        memcpy(data, list->data, list->bytes);
    }
    tensor.data = data;
    *buffer = (hmlc_buffer){.arena = arena, .references = 1};
    *slot = (hmlc_slot){.tensor = tensor, .buffer = buffer, .present = true};
    return HMLC_OK;
}

static hmlc_status finish(iteration *state)
{
    const hmlc_op *op = state->context->op;
    for (uint32_t i = 0; i < op->result_count; ++i) {
        hmlc_slot own = {0}, *slot = &state->slots[i];
        if (i >= state->carried) {
            HMLC_TRY(scanned_slot(state, i - state->carried, &own));
            slot = &own;
        }
        hmlc_status status = hmlc_interpreter_fit(state->interpreter, op->results[i]->type,
                                                  &slot->tensor, op->location, "a result");
        if (status == HMLC_OK) {
            hmlc_interpreter_share(state->interpreter, op->results[i], slot);
        }
        hmlc_slot_release(slot);
        HMLC_TRY(status);
    }
    return HMLC_OK;
}

static void abandon(iteration *state)
{
    for (uint32_t i = 0; state->slots != NULL && i < state->carried; ++i) {
        hmlc_slot_release(&state->slots[i]);
    }
}

/* A new one-element tensor of a type. */
static hmlc_status scalar_slot(const hmlc_type *type, int64_t value, hmlc_slot *slot)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(arena);
    hmlc_buffer *buffer = HMLC_NEW(arena, hmlc_buffer);
    void *data = hmlc_arena_allocate(arena, hmlc_dtype_bytes(type->dtype));
    if (buffer == NULL || data == NULL) {
        hmlc_arena_destroy(arena);
        return HMLC_RESOURCE;
    }
    hmlc_element_set_int(type->dtype, data, 0, value);
    *buffer = (hmlc_buffer){.arena = arena, .references = 1};
    *slot = (hmlc_slot){.tensor = {.dtype = type->dtype,
                                   .rank = type->rank,
                                   .data = data,
                                   .bytes = hmlc_dtype_bytes(type->dtype)},
                        .buffer = buffer,
                        .present = true};
    for (int32_t i = 0; i < type->rank; ++i) {
        slot->tensor.dims[i] = 1;
    }
    return HMLC_OK;
}

/* Sets an argument of the body to a number: the iteration's or the condition. */
static hmlc_status set_scalar(const iteration *state, uint32_t index, int64_t value)
{
    hmlc_slot slot;
    HMLC_TRY(scalar_slot(state->region->arguments[index]->type, value, &slot));
    hmlc_status status = set_argument(state, index, &slot);
    hmlc_slot_release(&slot);
    return status;
}

static hmlc_status loop_iterations(iteration *state, int64_t most, bool condition)
{
    const hmlc_region *region = state->region;
    for (int64_t i = 0; i < most && condition; ++i) {
        hmlc_status status = set_scalar(state, 0, i);
        if (status == HMLC_OK) {
            status = set_scalar(state, 1, 1);
        }
        if (status == HMLC_OK) {
            status = iterate(state, 2, 1);
        }
        if (status == HMLC_OK) {
            const hmlc_value *next = hmlc_op_operand(region->last, 0);
            condition = hmlc_tensor_get_int(&state->interpreter->slots[next->id].tensor, 0) != 0;
        }
        hmlc_interpreter_clear(state->interpreter, region);
        HMLC_TRY(status);
    }
    return HMLC_OK;
}

static hmlc_status run_loop(hmlc_eval *context)
{
    const hmlc_tensor *most = hmlc_eval_operand(context, 0);
    const hmlc_tensor *condition = hmlc_eval_operand(context, 1);
    iteration state;
    HMLC_TRY(start(context, context->operand_count - 2, 2, &state));
    hmlc_status status =
        loop_iterations(&state, most != NULL ? hmlc_tensor_get_int(most, 0) : INT64_MAX,
                        condition == NULL || hmlc_tensor_get_int(condition, 0) != 0);
    if (status == HMLC_OK) {
        status = finish(&state);
    }
    abandon(&state);
    return status;
}

/* Element `index` along dim 0 of a scanned input; shares the input's buffer. */
static hmlc_slot element_slot(const hmlc_slot *input, int64_t index)
{
    hmlc_slot slot = *input;
    slot.tensor.rank--;
    for (int32_t d = 0; d < slot.tensor.rank; ++d) {
        slot.tensor.dims[d] = input->tensor.dims[d + 1];
    }
    slot.tensor.bytes /= (size_t)input->tensor.dims[0];
    slot.tensor.data = (const char *)input->tensor.data + (size_t)index * slot.tensor.bytes;
    return slot;
}

static hmlc_status scan_iterations(iteration *state, uint32_t inputs)
{
    const hmlc_eval *context = state->context;
    int64_t length = context->operands[state->carried]->dims[0];
    for (uint32_t k = 1; k < inputs; ++k) {
        if (context->operands[state->carried + k]->dims[0] != length) {
            return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                                  "the scanned inputs have different lengths");
        }
    }
    for (int64_t i = 0; i < length; ++i) {
        hmlc_status status = HMLC_OK;
        for (uint32_t k = 0; k < inputs && status == HMLC_OK; ++k) {
            uint32_t operand = state->carried + k;
            const hmlc_value *input = hmlc_op_operand(context->op, operand);
            hmlc_slot element = element_slot(&state->interpreter->slots[input->id], i);
            status = set_argument(state, operand, &element);
        }
        if (status == HMLC_OK) {
            status = iterate(state, 0, 0);
        }
        hmlc_interpreter_clear(state->interpreter, state->region);
        HMLC_TRY(status);
    }
    return HMLC_OK;
}

static hmlc_status run_scan(hmlc_eval *context)
{
    uint32_t inputs = (uint32_t)hmlc_op_int(context->op, HMLC_ATTR_input_count);
    iteration state;
    HMLC_TRY(start(context, context->operand_count - inputs, 0, &state));
    hmlc_status status = scan_iterations(&state, inputs);
    if (status == HMLC_OK) {
        status = finish(&state);
    }
    abandon(&state);
    return status;
}

hmlc_status hmlc_interpret_regions(hmlc_eval *context)
{
    switch (context->op->opcode) {
    case HMLC_OP_if:
        return run_if(context);
    case HMLC_OP_loop:
        return run_loop(context);
    case HMLC_OP_scan:
        return run_scan(context);
    default:
        return run_kernel(context);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a region: evaluates ops in list order. Memory of a value is released after its last use, so
 * that big models run within a small multiple of their widest layer.
 */
#include "interpreter.h"
#include "ops/eval_run.h"
#include "ops/eval_tools.h"

void hmlc_slot_release(hmlc_slot *slot)
{
    hmlc_buffer *buffer = slot->buffer;
    slot->buffer = NULL;
    slot->present = false;
    if (buffer != NULL && --buffer->references == 0) {
        hmlc_arena_destroy(buffer->arena); /* the buffer itself lives in it */
    }
}

void hmlc_interpreter_share(hmlc_interpreter *interpreter, const hmlc_value *value,
                            const hmlc_slot *slot)
{
    hmlc_slot *to = &interpreter->slots[value->id];
    if (slot->buffer != NULL) {
        slot->buffer->references++;
    }
    hmlc_slot_release(to);
    to->tensor = slot->tensor;
    to->buffer = slot->buffer;
    to->present = true;
}

static const hmlc_region *region_of(const hmlc_value *value)
{
    return value->producer != NULL ? value->producer->parent : value->region;
}

/* Marks `user` as the last use of the region's values that `op` (or an op inside it) reads. */
static void mark_uses(hmlc_interpreter *interpreter, const hmlc_region *region, const hmlc_op *op,
                      const hmlc_op *user)
{
    for (uint32_t i = 0; i < op->operand_count; ++i) {
        const hmlc_value *value = hmlc_op_operand(op, i);
        if (value != NULL && region_of(value) == region) {
            interpreter->slots[value->id].last_use = user;
        }
    }
    for (uint32_t i = 0; i < op->region_count; ++i) {
        for (const hmlc_op *inner = op->regions[i]->first; inner != NULL; inner = inner->next) {
            mark_uses(interpreter, region, inner, user);
        }
    }
}

static void release_uses(hmlc_interpreter *interpreter, const hmlc_region *region,
                         const hmlc_op *op, const hmlc_op *user)
{
    for (uint32_t i = 0; i < op->operand_count; ++i) {
        const hmlc_value *value = hmlc_op_operand(op, i);
        if (value != NULL && region_of(value) == region &&
            interpreter->slots[value->id].last_use == user) {
            hmlc_slot_release(&interpreter->slots[value->id]);
        }
    }
    for (uint32_t i = 0; i < op->region_count; ++i) {
        for (const hmlc_op *inner = op->regions[i]->first; inner != NULL; inner = inner->next) {
            release_uses(interpreter, region, inner, user);
        }
    }
}

void hmlc_interpreter_clear(hmlc_interpreter *interpreter, const hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; ++i) {
        hmlc_slot_release(&interpreter->slots[region->arguments[i]->id]);
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        for (uint32_t i = 0; i < op->result_count; ++i) {
            hmlc_slot_release(&interpreter->slots[op->results[i]->id]);
        }
    }
}

/* Ops whose result is another tensor's bytes: nothing is copied. */
static bool run_alias(hmlc_interpreter *interpreter, hmlc_eval *context, hmlc_status *status)
{
    const hmlc_op *op = context->op;
    hmlc_slot slot = {.present = true};
    if (op->opcode == HMLC_OP_constant) {
        slot.tensor = *hmlc_op_attr(op, HMLC_ATTR_value)->as.tensor;
    } else if (op->opcode == HMLC_OP_reshape) {
        const hmlc_type *type = op->results[0]->type;
        slot = interpreter->slots[hmlc_op_operand(op, 0)->id];
        int64_t count = hmlc_tensor_count(&slot.tensor);
        slot.tensor.rank = type->rank;
        for (int32_t i = 0; i < type->rank && *status == HMLC_OK; ++i) {
            *status = hmlc_eval_dim(context, type->dims[i], &slot.tensor.dims[i]);
        }
        if (*status == HMLC_OK && hmlc_tensor_count(&slot.tensor) != count) {
            *status = hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch,
                                     "%lld elements do not fill a result of %lld", (long long)count,
                                     (long long)hmlc_tensor_count(&slot.tensor));
        }
    } else {
        return false;
    }
    if (*status == HMLC_OK) {
        hmlc_interpreter_share(interpreter, op->results[0], &slot);
    }
    return true;
}

/* Allocates the results in one buffer, evaluates, and hands them to their values. */
static hmlc_status run_plain(hmlc_interpreter *interpreter, hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    hmlc_arena *arena = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(arena);
    hmlc_buffer *buffer = HMLC_NEW(arena, hmlc_buffer);
    hmlc_status status = buffer == NULL ? HMLC_RESOURCE : HMLC_OK;
    for (uint32_t i = 0; i < op->result_count && status == HMLC_OK; ++i) {
        status = hmlc_eval_new_result(context, op->results[i]->type, arena, &context->results[i]);
    }
    if (status == HMLC_OK) {
        status = hmlc_eval_run(context);
    }
    if (status != HMLC_OK || op->result_count == 0) {
        hmlc_arena_destroy(arena);
        return status;
    }
    *buffer = (hmlc_buffer){.arena = arena, .references = 1};
    for (uint32_t i = 0; i < op->result_count; ++i) {
        hmlc_slot slot = {.tensor = context->results[i], .buffer = buffer};
        hmlc_interpreter_share(interpreter, op->results[i], &slot);
    }
    buffer->references--;
    return HMLC_OK;
}

/* Collects the operands; each was computed before. */
static hmlc_status collect_operands(const hmlc_interpreter *interpreter, const hmlc_op *op,
                                    const hmlc_tensor **operands)
{
    for (uint32_t i = 0; i < op->operand_count; ++i) {
        const hmlc_value *value = hmlc_op_operand(op, i);
        if (value == NULL) {
            continue;
        }
        const hmlc_slot *slot = &interpreter->slots[value->id];
        if (!slot->present) {
            return hmlc_error_add(interpreter->module->diagnostics, HMLC_ERROR_compiler_defect,
                                  op->location, NULL,
                                  "operand %u of %s is used before it is "
                                  "computed",
                                  i, hmlc_op_get_info(op->opcode)->name);
        }
        operands[i] = &slot->tensor;
    }
    return HMLC_OK;
}

static hmlc_status run_op(hmlc_interpreter *interpreter, const hmlc_op *op, hmlc_arena *scratch)
{
    const hmlc_tensor **operands = HMLC_NEW_ARRAY(scratch, const hmlc_tensor *, op->operand_count);
    hmlc_tensor *results = HMLC_NEW_ARRAY(scratch, hmlc_tensor, op->result_count);
    HMLC_TRY_MEMORY(operands);
    HMLC_TRY_MEMORY(results);
    HMLC_TRY(collect_operands(interpreter, op, operands));
    hmlc_eval context = {.module = interpreter->module,
                         .arena = scratch,
                         .op = op,
                         .operand_count = op->operand_count,
                         .operands = operands,
                         .result_count = op->result_count,
                         .results = results,
                         .symbols = interpreter->symbols,
                         .run_regions = interpreter->run_regions,
                         .interpreter = interpreter};
    hmlc_status status = HMLC_OK;
    if (run_alias(interpreter, &context, &status)) {
        return status;
    }
    if (hmlc_op_has(op, HMLC_TRAIT_REGIONS)) {
        return hmlc_eval_run(&context);
    }
    HMLC_TRY(run_plain(interpreter, &context));
    return op->opcode == HMLC_OP_bind_dims
               ? hmlc_symbols_check(interpreter->module, op->parent, interpreter->symbols)
               : HMLC_OK;
}

/* Nobody reads what it gives, and it does nothing else: compiled code has no such ops either. */
static bool is_unread(const hmlc_op *op)
{
    bool unread = op->result_count > 0 && hmlc_op_has(op, HMLC_TRAIT_PURE);
    for (uint32_t i = 0; unread && i < op->result_count; ++i) {
        unread = !hmlc_value_has_uses(op->results[i]);
    }
    return unread;
}

hmlc_status hmlc_interpreter_run(hmlc_interpreter *interpreter, const hmlc_region *region)
{
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        mark_uses(interpreter, region, op, op);
        for (uint32_t i = 0; i < op->result_count; ++i) {
            interpreter->slots[op->results[i]->id].last_use = NULL;
        }
    }
    for (const hmlc_op *op = region->first; op != NULL && op->opcode != HMLC_OP_yield;
         op = op->next) {
        if (is_unread(op)) {
            continue;
        }
        hmlc_arena *scratch = hmlc_arena_create(NULL);
        HMLC_TRY_MEMORY(scratch);
        hmlc_status status = run_op(interpreter, op, scratch);
        hmlc_arena_destroy(scratch);
        HMLC_TRY(status);
        release_uses(interpreter, region, op, op);
        for (uint32_t i = 0; i < op->result_count; ++i) {
            if (interpreter->slots[op->results[i]->id].last_use == NULL) {
                hmlc_slot_release(&interpreter->slots[op->results[i]->id]);
            }
        }
    }
    return HMLC_OK;
}

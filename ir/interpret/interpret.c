/* SPDX-License-Identifier: Apache-2.0 */
/* The reference interpreter: one run of a module's main graph. */
#include <string.h>

#include "interpreter.h"
#include "ops/eval_tools.h"

/* Copies what main yields into the caller's arena. */
static hmlc_status copy_outputs(const hmlc_interpreter *interpreter, hmlc_arena *arena,
                                hmlc_tensor *outputs, uint32_t output_count)
{
    const hmlc_op *yield = interpreter->module->main->last;
    for (uint32_t i = 0; i < output_count; ++i) {
        const hmlc_slot *slot = &interpreter->slots[hmlc_op_operand(yield, i)->id];
        outputs[i] = slot->tensor;
        void *data = hmlc_arena_allocate(arena, slot->tensor.bytes);
        HMLC_TRY_MEMORY(data);
        if (slot->tensor.bytes > 0) {
            memcpy(data, slot->tensor.data, slot->tensor.bytes);
        }
        outputs[i].data = data;
    }
    return HMLC_OK;
}

/* What state `index` begins with; zeros in `scratch`. */
static hmlc_status initial_state(const hmlc_module *module, uint32_t index, hmlc_arena *scratch,
                                 hmlc_tensor *tensor)
{
    const hmlc_type *type = module->main->arguments[hmlc_module_input_count(module) + index]->type;
    if (module->initial_states[index] != NULL) {
        *tensor = *module->initial_states[index];
        return HMLC_OK;
    }
    *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; i < type->rank; ++i) {
        (void)hmlc_dim_is_constant(type->dims[i], &tensor->dims[i]);
    }
    tensor->bytes = (size_t)hmlc_tensor_count(tensor) * hmlc_dtype_bytes(type->dtype);
    tensor->data = hmlc_arena_allocate(scratch, tensor->bytes);
    HMLC_TRY_MEMORY(tensor->data);
    return HMLC_OK;
}

static hmlc_status run_main(hmlc_interpreter *interpreter, const hmlc_tensor *inputs,
                            uint32_t input_count, hmlc_arena *scratch, hmlc_arena *arena,
                            hmlc_tensor *outputs, uint32_t output_count)
{
    hmlc_module *module = interpreter->module;
    uint32_t symbols = hmlc_symbol_count(module->dims);
    HMLC_TRY(hmlc_bind_inputs(module, inputs, input_count, interpreter->symbols));
    for (uint32_t i = 0; i < symbols; ++i) {
        if (interpreter->symbols[i] == -1) {
            interpreter->symbols[i] = HMLC_SYMBOL_UNSET;
        }
    }
    for (uint32_t i = 0; i < input_count; ++i) {
        hmlc_slot slot = {.tensor = inputs[i]};
        hmlc_interpreter_share(interpreter, module->main->arguments[i], &slot);
    }
    for (uint32_t i = input_count; i < module->main->argument_count; ++i) {
        hmlc_slot slot = {0};
        HMLC_TRY(initial_state(module, i - input_count, scratch, &slot.tensor));
        hmlc_interpreter_share(interpreter, module->main->arguments[i], &slot);
    }
    hmlc_status status = hmlc_interpreter_run(interpreter, module->main);
    if (status == HMLC_OK) {
        status = copy_outputs(interpreter, arena, outputs, output_count);
    }
    hmlc_interpreter_clear(interpreter, module->main);
    return status;
}

hmlc_status hmlc_interpret(hmlc_module *module, const hmlc_tensor *inputs, uint32_t input_count,
                           hmlc_arena *arena, hmlc_tensor *outputs, uint32_t output_count)
{
    const hmlc_op *yield = module->main->last;
    bool complete = yield != NULL && yield->opcode == HMLC_OP_yield;
    if (!complete || (yield->operand_count != output_count &&
                      hmlc_module_output_count(module) != output_count)) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_usage, NULL, NULL,
                              "%u outputs are wanted; the graph has %u", output_count,
                              yield != NULL ? yield->operand_count : 0);
    }
    hmlc_arena *own = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(own);
    hmlc_interpreter interpreter = {
        .module = module,
        .run_regions = hmlc_interpret_regions,
        .symbols = HMLC_NEW_ARRAY(own, int64_t, hmlc_symbol_count(module->dims)),
        .slots = HMLC_NEW_ARRAY(own, hmlc_slot, module->value_count)};
    hmlc_status status = HMLC_RESOURCE;
    if (interpreter.symbols != NULL && interpreter.slots != NULL) {
        status = run_main(&interpreter, inputs, input_count, own, arena, outputs, output_count);
    }
    hmlc_arena_destroy(own);
    return status;
}

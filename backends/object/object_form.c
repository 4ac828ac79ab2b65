/* SPDX-License-Identifier: Apache-2.0 */
/* The description of a program's object form, and what the form refuses. */
#include "object_form.h"

#include <inttypes.h>
#include <stdio.h>

#include "target_limits.h"
#include "targets/architecture.h"

/* -- refusals ---------------------------------------------------------------------------------- */

static hmlc_status refuse(const hmlc_object_form *form, const hmlc_location *location,
                          const char *hint, const char *message)
{
    return hmlc_error_add(form->program->module->diagnostics, HMLC_ERROR_object_unfit, location,
                          hint, "%s", message);
}

static const hmlc_location *location_of(const hmlc_value *value)
{
    return value->producer != NULL ? value->producer->location : NULL;
}

/* Memory whose size only the run knows, by the node that makes it. */
static hmlc_status check_growable(const hmlc_object_form *form, const hmlc_region *region)
{
    hmlc_status status = HMLC_OK;
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t k = 0; k < op->result_count; k++) {
            const hmlc_value *result = op->results[k];
            bool grows = result->storage.kind == HMLC_STORAGE_GROWABLE;
            for (int32_t d = 0; d < result->type->rank && !grows; d++) {
                grows = hmlc_dim_uses_run_symbol(result->type->dims[d]);
            }
            if (grows) {
                status = refuse(form, location_of(result),
                                "compile an artifact, or export the model so that the size "
                                "follows from the inputs' shapes",
                                "the size of its result is known only while it runs; an object "
                                "has no memory that grows");
                break;
            }
        }
        for (uint32_t k = 0; k < op->region_count && op->opcode != HMLC_OP_kernel; k++) {
            hmlc_status inner = check_growable(form, op->regions[k]);
            status = status == HMLC_OK ? inner : status;
        }
    }
    return status;
}

static hmlc_status check_bounds(const hmlc_object_form *form)
{
    hmlc_status status = HMLC_OK;
    for (size_t k = 0; k < form->sizes.count; k++) {
        const hmlc_symbol *symbol = form->sizes.data[k].symbol;
        if (symbol->maximum < HMLC_DIM_UNBOUNDED) {
            continue;
        }
        char message[256];
        snprintf(message, sizeof message, "the dim '%s' has no bound, so that the arena has none",
                 symbol->name);
        status = refuse(form, NULL, "give it a value or a range: --dim NAME=1..8", message);
    }
    return status;
}

static hmlc_status check_size(const hmlc_object_form *form, const hmlc_location *location,
                              const char *what, uint64_t bytes)
{
    const hmlc_program *program = form->program;
    if (bytes >= (uint64_t)HMLC_DIM_UNBOUNDED) {
        return refuse(form, location, "choose smaller dims with --dim", "its memory has no bound");
    }
    return hmlc_target_limits_bytes(program->module->diagnostics, program->target, what, bytes);
}

/* -- what there is ----------------------------------------------------------------------------- */

/* Sizes are the symbols that run entry takes from the inputs' shapes. */
static hmlc_status add_sizes(hmlc_object_form *form)
{
    const hmlc_module *module = form->program->module;
    for (uint32_t k = 0; k < hmlc_symbol_count(module->dims); k++) {
        const hmlc_symbol *symbol = hmlc_symbol_at(module->dims, k);
        uint32_t slot;
        if (symbol->bound_at_run || !hmlc_slots_has_symbol(form->program, symbol, &slot)) {
            continue;
        }
        const hmlc_object_argument size = {.source = symbol->name, .symbol = symbol};
        HMLC_TRY(HMLC_APPEND(&form->sizes, &size));
    }
    return HMLC_OK;
}

static hmlc_status add_argument(hmlc_object_form *form, hmlc_object_arguments *list,
                                const char *source, const hmlc_type *type)
{
    hmlc_module *module = form->program->module;
    char text[512];
    hmlc_object_argument added = {.source = source, .type = type};
    added.count = hmlc_type_count(module->dims, type);
    added.elements = added.count->maximum;
    hmlc_type_format(type, text, sizeof text);
    const char *bracket = strchr(text, '[');
    added.shape = hmlc_arena_string(module->arena, bracket != NULL ? bracket : "[]");
    HMLC_TRY_MEMORY(added.shape);
    return HMLC_APPEND(list, &added);
}

/* A state is an input and an output, whose memory the caller swaps between runs. */
static const char *output_name(const hmlc_module *module, uint32_t index)
{
    const char *name = module->output_names[index];
    return index < hmlc_module_output_count(module)
               ? name
               : hmlc_arena_printf(module->arena, "%s_next", name != NULL ? name : "state");
}

/* What a state begins with is the caller's to write: zeros are said, other numbers refused. */
static hmlc_status check_states(const hmlc_object_form *form)
{
    const hmlc_module *module = form->program->module;
    for (uint32_t k = 0; k < module->state_count; k++) {
        const hmlc_tensor *initial = module->initial_states[k];
        for (size_t i = 0; initial != NULL && i < initial->bytes; i++) {
            if (((const uint8_t *)initial->data)[i] != 0) {
                const char *name =
                    module->main->arguments[hmlc_module_input_count(module) + k]->name;
                char message[256];
                snprintf(message, sizeof message,
                         "the state '%s' begins with other numbers than zeros",
                         name != NULL ? name : "");
                return refuse(form, NULL, "compile it into an artifact", message);
            }
        }
    }
    return HMLC_OK;
}

static hmlc_status add_arguments(hmlc_object_form *form)
{
    const hmlc_module *module = form->program->module;
    const hmlc_op *yield = module->main->last;
    for (uint32_t k = 0; k < module->main->argument_count; k++) {
        const hmlc_value *input = module->main->arguments[k];
        HMLC_TRY(add_argument(form, &form->inputs, input->name != NULL ? input->name : "input",
                              input->type));
    }
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        HMLC_TRY(add_argument(form, &form->outputs, output_name(module, k),
                              yield->operands[k].value->type));
    }
    return HMLC_OK;
}

/* An `if` with both branches is one step, and so is a loop: their BRANCH leads behind the JUMP that
 * ends the first branch, and behind the REPEAT that ends the body. */
static uint32_t end_of_step(const hmlc_program *program, uint32_t at)
{
    const hml_step_record *step = &program->steps.data[at];
    if (step->kind != HML_STEP_BRANCH) {
        return at + 1;
    }
    const hml_step_record *last = &program->steps.data[step->target - 1];
    return last->kind == HML_STEP_JUMP ? last->target : step->target;
}

static hmlc_status add_steps(hmlc_object_form *form)
{
    const hmlc_program *program = form->program;
    uint32_t at = 0, count = (uint32_t)program->steps.count;
    while (at < count) {
        HMLC_TRY(HMLC_APPEND(&form->steps, &at));
        at = end_of_step(program, at);
    }
    return HMLC_APPEND(&form->steps, &count);
}

static uint64_t align(uint64_t bytes)
{
    return (bytes + HMLC_OBJECT_ALIGNMENT - 1) / HMLC_OBJECT_ALIGNMENT * HMLC_OBJECT_ALIGNMENT;
}

/* -- how much ---------------------------------------------------------------------------------- */

static hmlc_status measure_values(const hmlc_object_form *form, const hmlc_region *region)
{
    hmlc_dims *dims = form->program->module->dims;
    hmlc_status status = HMLC_OK;
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t k = 0; k < op->result_count; k++) {
            const hmlc_value *result = op->results[k];
            if (result->storage.kind == HMLC_STORAGE_NONE) {
                continue;
            }
            hmlc_dim count = hmlc_type_count(dims, result->type);
            uint64_t bytes =
                (uint64_t)count->maximum * (uint64_t)hmlc_dtype_bytes(result->type->dtype);
            hmlc_status one = check_size(form, op->location, "a tensor", bytes);
            status = status == HMLC_OK ? one : status;
        }
        for (uint32_t k = 0; k < op->region_count && op->opcode != HMLC_OP_kernel; k++) {
            hmlc_status inner = measure_values(form, op->regions[k]);
            status = status == HMLC_OK ? inner : status;
        }
    }
    return status;
}

static hmlc_status measure(hmlc_object_form *form, const hmlc_program *program)
{
    uint64_t arena = (uint64_t)program->module->arena_bytes->maximum;
    uint64_t scratch = (uint64_t)program->scratch_bytes->maximum;
    form->scratch_offset = align(arena);
    form->arena_bytes = scratch > 0 ? form->scratch_offset + scratch : arena;
    form->weight_bytes = hmlc_weights_bytes(program->weights);
    HMLC_TRY(check_size(form, NULL, "the arena", form->arena_bytes));
    HMLC_TRY(check_size(form, NULL, "all weights together", form->weight_bytes));
    const hmlc_object_arguments *lists[] = {&form->inputs, &form->outputs};
    for (size_t l = 0; l < 2; l++) {
        for (size_t k = 0; k < lists[l]->count; k++) {
            const hmlc_object_argument *a = &lists[l]->data[k];
            uint64_t bytes = (uint64_t)a->elements * (uint64_t)hmlc_dtype_bytes(a->type->dtype);
            HMLC_TRY(check_size(form, NULL, "an input or output", bytes));
        }
    }
    return measure_values(form, program->module->main);
}

/* A section of its own, so that a linker script can place the weights. */
static hmlc_status name_section(hmlc_object_form *form)
{
    form->weights_section = form->options->weights_section;
    const hmlc_target *target = form->program->target;
    if (form->weights_section == NULL && hmlc_architecture_of(target)->named_sections) {
        form->weights_section =
            hmlc_arena_printf(form->program->module->arena, ".rodata.%s_weights", form->prefix);
        HMLC_TRY_MEMORY(form->weights_section);
    }
    return HMLC_OK;
}

hmlc_status hmlc_object_form_create(hmlc_object_form *form, const hmlc_program *program,
                                    const hmlc_object_options *options)
{
    *form = (hmlc_object_form){.program = program, .options = options};
    HMLC_TRY(check_growable(form, program->module->main));
    HMLC_TRY(add_sizes(form));
    HMLC_TRY(check_bounds(form));
    HMLC_TRY(check_states(form));
    HMLC_TRY(add_arguments(form));
    HMLC_TRY(hmlc_object_names(form));
    HMLC_TRY(name_section(form));
    HMLC_TRY(add_steps(form));
    HMLC_TRY(measure(form, program));
    return hmlc_dims_status(program->module->dims);
}

void hmlc_object_form_release(hmlc_object_form *form)
{
    HMLC_TABLE_FREE(&form->sizes);
    HMLC_TABLE_FREE(&form->inputs);
    HMLC_TABLE_FREE(&form->outputs);
    HMLC_TABLE_FREE(&form->steps);
}

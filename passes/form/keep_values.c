/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass `keep-values`: values between kernels become outputs of the graph, so that a run keeps
 * them and a comparison sees them. It comes after kernel formation, so that the kernels are those
 * of an ordinary compilation.
 */
#include "pass.h"

#include <stdio.h>
#include <string.h>

typedef struct keeper {
    hmlc_module *module;
    const hmlc_pass_options *options;
    hmlc_value **values; /* outputs, the graph's own first */
    const char **names;
    uint32_t count;
    bool *found; /* per name asked for */
} keeper;

/* Also as the memory of an output of another shape: one place serves one output. */
static bool is_output(const keeper *keep, const hmlc_value *value)
{
    for (uint32_t k = 0; k < keep->count; k++) {
        const hmlc_value *root = keep->values[k];
        while (root != value && root->producer != NULL &&
               root->producer->opcode == HMLC_OP_reshape) {
            root = hmlc_op_operand(root->producer, 0);
        }
        if (root == value) {
            return true;
        }
    }
    return false;
}

static bool is_asked_for(keeper *keep, const char *name)
{
    bool asked = false;
    for (uint32_t k = 0; k < keep->options->keep_count; k++) {
        const char *wanted = keep->options->keep[k];
        bool same = strcmp(wanted, "all") == 0 || strcmp(wanted, name) == 0;
        keep->found[k] = keep->found[k] || same;
        asked = asked || same;
    }
    return asked;
}

static bool is_taken(const keeper *keep, const char *name)
{
    for (uint32_t k = 0; k < keep->count; k++) {
        if (keep->names[k] != NULL && strcmp(keep->names[k], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The user's name, or the op's place in the graph; told apart where two values have one. */
static const char *name_of(const keeper *keep, const hmlc_value *value, uint32_t place)
{
    hmlc_arena *arena = keep->module->arena;
    const char *name = value->name != NULL && value->name[0] != '\0'
                           ? value->name
                           : hmlc_arena_printf(arena, "step %u", place);
    return name != NULL && is_taken(keep, name) ? hmlc_arena_printf(arena, "%s (%u)", name, place)
                                                : name;
}

static hmlc_status keep_value(keeper *keep, hmlc_value *value, uint32_t place)
{
    if (is_output(keep, value)) {
        return HMLC_OK;
    }
    const char *name = name_of(keep, value, place);
    HMLC_TRY_MEMORY(name);
    if (is_asked_for(keep, name)) {
        keep->values[keep->count] = value;
        keep->names[keep->count++] = name;
    }
    return HMLC_OK;
}

static hmlc_status keep_values(keeper *keep)
{
    uint32_t place = 0;
    HMLC_FOR_EACH_OP(op, keep->module->main)
    {
        place++;
        for (uint32_t k = 0; op->opcode == HMLC_OP_kernel && k < op->result_count; k++) {
            HMLC_TRY(keep_value(keep, op->results[k], place));
        }
    }
    return HMLC_OK;
}

static hmlc_status tell_missing(const keeper *keep)
{
    for (uint32_t k = 0; k < keep->options->keep_count; k++) {
        if (!keep->found[k] && strcmp(keep->options->keep[k], "all") != 0) {
            return hmlc_error_add(keep->module->diagnostics, HMLC_ERROR_usage, NULL,
                                  "`--keep all` keeps every value that survives; `hmlc inspect` "
                                  "then lists them as outputs",
                                  "no value '%s' survives the passes: it does not exist, is "
                                  "an output in another shape, or lives within a kernel alone",
                                  keep->options->keep[k]);
        }
    }
    return HMLC_OK;
}

static uint32_t most_outputs(const hmlc_region *region)
{
    uint32_t count = region->last->operand_count;
    HMLC_FOR_EACH_OP(op, region)
    {
        count += op->result_count;
    }
    return count;
}

static hmlc_status replace_yield(keeper *keep)
{
    hmlc_region *region = keep->module->main;
    hmlc_op *old = region->last;
    hmlc_builder builder = hmlc_builder_before(old);
    HMLC_TRY(hmlc_build_yield(&builder, keep->values, keep->count));
    hmlc_op_erase(old);
    keep->module->output_names = keep->names;
    return HMLC_OK;
}

hmlc_status hmlc_pass_keep_values(hmlc_pass_context *context)
{
    hmlc_module *module = context->module;
    const hmlc_pass_options *options = context->options;
    if (options->keep_count == 0) {
        return HMLC_OK;
    }
    uint32_t most = most_outputs(module->main), outputs = hmlc_module_output_count(module);
    keeper keep = {.module = module,
                   .options = options,
                   .values = HMLC_NEW_ARRAY(context->scratch, hmlc_value *, most),
                   .names = HMLC_NEW_ARRAY(module->arena, const char *, most),
                   .found = HMLC_NEW_ARRAY(context->scratch, bool, options->keep_count)};
    HMLC_TRY_MEMORY(keep.values);
    HMLC_TRY_MEMORY(keep.names);
    HMLC_TRY_MEMORY(keep.found);
    for (; keep.count < outputs; keep.count++) {
        keep.values[keep.count] = hmlc_op_operand(module->main->last, keep.count);
        keep.names[keep.count] = module->output_names[keep.count];
    }
    HMLC_TRY(keep_values(&keep));
    HMLC_TRY(tell_missing(&keep));
    for (uint32_t k = 0; k < module->state_count; k++, keep.count++) { /* states stay the last */
        keep.values[keep.count] = hmlc_op_operand(module->main->last, outputs + k);
        keep.names[keep.count] = module->output_names[outputs + k];
    }
    return replace_yield(&keep);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc_plan and hmlc_compile: plan, generate, link and write all variants. */
#include "codegen.h"
#include "image/link.h"
#include "interface.h"
#include "object/object_files.h"
#include "program.h"
#include "target_limits.h"
#include "writer.h"

typedef struct compilation {
    hmlc_module *module;
    const hmlc_codegen_options *options;
    hmlc_arena *arena;
    uint32_t count; /* of variants: targets less those that are left out */
    uint64_t left_out;
    hmlc_program *programs;
    hmlc_objects *objects;
    hmlc_image *images;
    hmlc_weights *weights;
    hmlc_object_form object; /* where the options ask for one */
} compilation;

static hmlc_status compilation_init(compilation *c, hmlc_module *module,
                                    const hmlc_codegen_options *options)
{
    *c = (compilation){.module = module,
                       .options = options,
                       .arena = hmlc_arena_create(NULL),
                       .count = options->target_count};
    HMLC_TRY_MEMORY(c->arena);
    c->programs = HMLC_NEW_ARRAY(c->arena, hmlc_program, options->target_count);
    c->objects = HMLC_NEW_ARRAY(c->arena, hmlc_objects, options->target_count);
    c->images = HMLC_NEW_ARRAY(c->arena, hmlc_image, options->target_count);
    c->weights = hmlc_weights_create(c->arena);
    HMLC_TRY_MEMORY(c->programs);
    HMLC_TRY_MEMORY(c->objects);
    HMLC_TRY_MEMORY(c->images);
    HMLC_TRY_MEMORY(c->weights);
    return HMLC_OK;
}

static void compilation_release(compilation *c)
{
    for (uint32_t k = 0; c->images != NULL && k < c->options->target_count; k++) {
        hmlc_program_release(&c->programs[k]);
        hmlc_objects_release(&c->objects[k]);
        hmlc_image_release(&c->images[k]);
    }
    hmlc_object_form_release(&c->object);
    hmlc_arena_destroy(c->arena);
}

/* The module of a target's family; an input or output of it is one of all variants. */
static hmlc_status find_module(const compilation *c, const hmlc_target *target,
                               hmlc_module **module)
{
    *module = c->options->modules != NULL ? c->options->modules[target->family] : c->module;
    return *module == c->module ? HMLC_OK : hmlc_interface_check(c->module, *module, target->name);
}

/* -- rows that add nothing --------------------------------------------------------------------- */

/* The row whose code a target's is where their plans are equal. */
static const char *base_name(const hmlc_target *target)
{
    return target->base != NULL ? target->base : target->name;
}

/* The same code runs wherever this one's runs. */
static bool serves(const hmlc_program *program, const hmlc_program *other)
{
    const hmlc_target *a = program->target, *b = other->target;
    return (a->required_features & ~b->required_features) == 0 &&
           a->architecture == b->architecture && strcmp(base_name(a), base_name(b)) == 0 &&
           hmlc_program_is_like(program, other);
}

/* Leaves out the variants whose code an earlier one has. */
static void leave_out(compilation *c)
{
    uint32_t kept = 0;
    for (uint32_t k = 0; k < c->count; k++) {
        bool served = false;
        for (uint32_t before = 0; before < kept && !served; before++) {
            served = serves(&c->programs[before], &c->programs[k]);
        }
        if (served) {
            hmlc_program_release(&c->programs[k]);
            c->left_out |= UINT64_C(1) << k;
        } else {
            c->programs[kept++] = c->programs[k];
        }
    }
    for (uint32_t k = kept; k < c->count; k++) {
        c->programs[k] = (hmlc_program){0};
    }
    c->count = kept;
}

/* What decides the time that LLVM takes is known before it takes any. */
static hmlc_status check_count(const compilation *c)
{
    const hmlc_codegen_options *options = c->options;
    size_t count = 0;
    for (uint32_t k = 0; k < c->count; k++) {
        count += c->programs[k].unique.count;
    }
    if (options->most_kernels == 0 || count <= options->most_kernels) {
        return HMLC_OK;
    }
    return hmlc_error_add(c->module->diagnostics, HMLC_ERROR_kernels_too_many, NULL,
                          "raise --most-kernels, or name fewer targets",
                          "%zu distinct kernels over %u target%s; at most %u are wanted", count,
                          c->count, c->count == 1 ? "" : "s", options->most_kernels);
}

/* Every variant maps all weights of the artifact. */
static hmlc_status check_memory(const compilation *c)
{
    hmlc_diagnostics *diagnostics = c->module->diagnostics;
    for (uint32_t k = 0; k < c->count; k++) {
        const hmlc_target *target = c->programs[k].target;
        int64_t arena = c->programs[k].module->arena_bytes->minimum;
        HMLC_TRY(hmlc_target_limits_bytes(diagnostics, target, "the artifact's weights",
                                          hmlc_weights_bytes(c->weights)));
        HMLC_TRY(hmlc_target_limits_bytes(diagnostics, target, "the arena",
                                          arena > 0 ? (uint64_t)arena : 0));
    }
    return HMLC_OK;
}

/* Integers are kept where floats would be faster, so that all targets give equal bits and weights
 * stay bytes; but not in silence. */
static void tell_slower(const compilation *c)
{
    const hmlc_codegen_options *options = c->options;
    for (uint32_t k = 0; options->slower != NULL && k < c->count; k++) {
        const hmlc_program *program = &c->programs[k];
        for (size_t i = 0; i < program->planned.count; i++) {
            const hmlc_kernel_plan *plan = &program->planned.data[i].plan;
            if (plan->against_float > 0 && plan->against_float < 1) {
                options->slower(options->context, program->target, plan->kernel->location,
                                plan->against_float);
            }
        }
    }
}

static hmlc_status plan_all(compilation *c)
{
    for (uint32_t k = 0; k < c->count; k++) {
        const hmlc_target *target = c->options->targets[k];
        hmlc_module *module;
        HMLC_TRY(find_module(c, target, &module));
        HMLC_TRY(hmlc_program_plan(&c->programs[k], module, target, c->arena));
    }
    leave_out(c);
    tell_slower(c);
    for (uint32_t k = 0; k < c->count; k++) {
        HMLC_TRY(hmlc_program_build(&c->programs[k], c->weights));
    }
    HMLC_TRY(check_memory(c));
    if (c->options->object != NULL) {
        HMLC_TRY(hmlc_object_form_create(&c->object, &c->programs[0], c->options->object));
    }
    return check_count(c);
}

static void summarise(const compilation *c, hmlc_codegen_summary *summary)
{
    summary->steps = (uint32_t)c->programs[0].steps.count;
    summary->kernels = (uint32_t)c->programs[0].planned.count;
    summary->variants = c->count;
    summary->left_out = c->left_out;
    summary->weight_bytes = hmlc_weights_bytes(c->weights);
    for (uint32_t k = 0; k < c->count; k++) {
        uint64_t arena = (uint64_t)hmlc_dim_few(c->programs[k].module->arena_bytes, 0);
        summary->arena_bytes = arena > summary->arena_bytes ? arena : summary->arena_bytes;
        summary->unique_kernels += (uint32_t)c->programs[k].unique.count;
        summary->code_bytes += c->images[k].record.image_bytes;
    }
}

static hmlc_status generate_object(compilation *c, hmlc_codegen_summary *summary)
{
    HMLC_TRY(hmlc_codegen_run(c->programs, 1, c->options, c->arena, c->objects, &c->object));
    HMLC_TRY(hmlc_object_write(&c->object, &c->objects[0], &summary->file_bytes));
    summarise(c, summary);
    summary->arena_bytes = c->object.arena_bytes;
    summary->code_bytes = c->object.figures.code_bytes;
    summary->stack_bytes = c->object.figures.stack_bytes;
    return HMLC_OK;
}

/* Where what the states begin with lies in the weights. */
static hmlc_status place_states(const compilation *c, const hml_state_record **states)
{
    const hmlc_module *module = c->programs[0].module;
    hml_state_record *placed =
        HMLC_NEW_ARRAY(c->arena, hml_state_record, (size_t)module->state_count + 1);
    HMLC_TRY_MEMORY(placed);
    for (uint32_t k = 0; k < module->state_count; k++) {
        const hmlc_tensor *initial = module->initial_states[k];
        if (initial != NULL) {
            HMLC_TRY(hmlc_weights_add_constant(c->weights, initial, &placed[k].offset,
                                               &placed[k].bytes));
        }
    }
    *states = placed;
    return HMLC_OK;
}

static hmlc_status generate_all(compilation *c, const char *path, hmlc_codegen_summary *summary)
{
    const hmlc_codegen_options *options = c->options;
    if (options->object != NULL) {
        return generate_object(c, summary);
    }
    HMLC_TRY(hmlc_codegen_run(c->programs, c->count, options, c->arena, c->objects, NULL));
    if (options->emit != HMLC_EMIT_ARTIFACT) {
        return hmlc_text_write(c->module, c->objects, c->count, path);
    }
    for (uint32_t k = 0; k < c->count; k++) {
        HMLC_TRY(hmlc_link(&c->programs[k], &c->objects[k], &c->images[k]));
    }
    const hml_state_record *states;
    HMLC_TRY(place_states(c, &states));
    hmlc_artifact artifact = {c->programs[0].module, c->programs, c->images, c->count, c->weights,
                              options->provenance,   states};
    HMLC_TRY(hmlc_artifact_write(&artifact, path, &summary->file_bytes));
    summarise(c, summary);
    return HMLC_OK;
}

hmlc_status hmlc_plan(hmlc_module *module, const hmlc_codegen_options *options)
{
    compilation c;
    hmlc_status status = compilation_init(&c, module, options);
    if (status == HMLC_OK) {
        status = plan_all(&c);
    }
    compilation_release(&c);
    return status;
}

hmlc_status hmlc_compile(hmlc_module *module, const hmlc_codegen_options *options, const char *path,
                         hmlc_codegen_summary *summary)
{
    compilation c;
    *summary = (hmlc_codegen_summary){0};
    hmlc_status status = compilation_init(&c, module, options);
    if (status == HMLC_OK) {
        status = plan_all(&c);
    }
    if (status == HMLC_OK) {
        status = generate_all(&c, path, summary);
    }
    compilation_release(&c);
    return status;
}

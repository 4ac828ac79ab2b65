/* SPDX-License-Identifier: Apache-2.0 */
/* The pass manager: turns a pipeline text into runs of passes, each with a scratch arena. */
#include <string.h>

#include "integer/quantized.h"
#include "pass.h"

typedef struct pass_row {
    hmlc_pass_info info;
    hmlc_status (*run)(hmlc_pass_context *context);
} pass_row;

/* The halves of passes.def. */
enum { NEUTRAL = false, FAMILY = true };

static const pass_row pass_rows[] = {
#define HMLC_PASS(name, half, function, summary) {{name, summary, half}, hmlc_pass_##function},
#include "passes.def"
#undef HMLC_PASS
};

typedef struct pipeline_row {
    const char *name;
    const char *summary;
    const char *passes;
} pipeline_row;

static const pipeline_row pipeline_rows[] = {
#define HMLC_PIPELINE(name, summary, passes) {name, summary, passes},
#include "passes.def"
#undef HMLC_PIPELINE
};

enum { PASS_ROWS = sizeof(pass_rows) / sizeof(pass_rows[0]) };
enum { PIPELINE_ROWS = sizeof(pipeline_rows) / sizeof(pipeline_rows[0]) };
enum { MAX_PIPELINE_DEPTH = 8, MAX_PIPELINE_PASSES = 1000 };

uint32_t hmlc_pass_count(void)
{
    return PASS_ROWS;
}

const hmlc_pass_info *hmlc_pass_at(uint32_t index)
{
    return index < PASS_ROWS ? &pass_rows[index].info : NULL;
}

static bool word_is(const char *name, const char *word, size_t length)
{
    return strlen(name) == length && memcmp(name, word, length) == 0;
}

static const pass_row *find_pass(const char *word, size_t length)
{
    for (size_t i = 0; i < PASS_ROWS; i++) {
        if (word_is(pass_rows[i].info.name, word, length)) {
            return &pass_rows[i];
        }
    }
    return NULL;
}

static const char *find_pipeline(const char *word, size_t length)
{
    for (size_t i = 0; i < PIPELINE_ROWS; i++) {
        if (word_is(pipeline_rows[i].name, word, length)) {
            return pipeline_rows[i].passes;
        }
    }
    return NULL;
}

typedef struct pass_list {
    hmlc_module *module;
    const pass_row **rows;
    uint32_t count;
} pass_list;

static hmlc_status add_pass(pass_list *list, const char *word, size_t length)
{
    const pass_row *row = find_pass(word, length);
    if (row == NULL) {
        return hmlc_error_add(list->module->diagnostics, HMLC_ERROR_pass_unknown, NULL,
                              "the help text lists the passes", "unknown pass '%.*s'",
                              (int)(length < 80 ? length : 80), word);
    }
    if (list->count == MAX_PIPELINE_PASSES) {
        return hmlc_error_add(list->module->diagnostics, HMLC_ERROR_usage, NULL, NULL,
                              "a pipeline of more than %d passes", MAX_PIPELINE_PASSES);
    }
    list->rows[list->count++] = row;
    return HMLC_OK;
}

/* Flattens "a,b,pipeline" into rows, pipelines expanded in place. */
static hmlc_status parse_pipeline(pass_list *list, const char *text, int depth)
{
    if (depth > MAX_PIPELINE_DEPTH) {
        return hmlc_error_add(list->module->diagnostics, HMLC_ERROR_compiler_defect, NULL, NULL,
                              "pipelines contain each other more than %d deep at '%s'",
                              MAX_PIPELINE_DEPTH, text);
    }
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        const char *inner = find_pipeline(text, length);
        if (inner != NULL) {
            HMLC_TRY(parse_pipeline(list, inner, depth + 1));
        } else if (length > 0) {
            HMLC_TRY(add_pass(list, text, length));
        }
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return HMLC_OK;
}

/* A run over a pipeline: one pass after the other, on one module or on one for each family. */
typedef struct pipeline_run {
    const hmlc_pass_options *options;
    uint32_t done, total; /* runs of passes */
} pipeline_run;

static hmlc_status run_in_scratch(const pass_row *row, hmlc_module *module,
                                  const hmlc_pass_options *options, const hmlc_family_facts *family)
{
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(scratch);
    hmlc_pass_context context = {
        .module = module, .scratch = scratch, .options = options, .family = family};
    hmlc_status status = row->run(&context);
    hmlc_arena_destroy(scratch);
    return status;
}

static bool should_print(const hmlc_pass_options *options, const char *pass)
{
    return options->print != NULL && options->print_after != NULL &&
           (strcmp(options->print_after, "all") == 0 || strcmp(options->print_after, pass) == 0);
}

static hmlc_status run_pass(pipeline_run *run, const pass_row *row, hmlc_module *module,
                            const hmlc_family_facts *family)
{
    const hmlc_pass_options *options = run->options;
    if (options->progress != NULL) {
        options->progress(options->context, row->info.name, run->done, run->total);
    }
    run->done++;
    HMLC_TRY(run_in_scratch(row, module, options, family));
    HMLC_TRY(hmlc_dims_status(module->dims));
    if (should_print(options, row->info.name)) {
        options->print(options->context, row->info.name, module);
    }
    return options->verify ? hmlc_verify(module, row->info.name) : HMLC_OK;
}

static hmlc_status check_print_after(hmlc_module *module, const char *name)
{
    if (name == NULL || strcmp(name, "all") == 0 || find_pass(name, strlen(name)) != NULL) {
        return HMLC_OK;
    }
    return hmlc_error_add(module->diagnostics, HMLC_ERROR_pass_unknown, NULL,
                          "the help text lists the passes", "print after unknown pass '%.80s'",
                          name);
}

static hmlc_status read_pipeline(hmlc_module *module, const hmlc_pass_options *options,
                                 pass_list *list)
{
    const char *pipeline = options->pipeline;
    HMLC_TRY(check_print_after(module, options->print_after));
    return parse_pipeline(list, pipeline != NULL ? pipeline : "default", 0);
}

/* The passes of the first half: all before the first one that asks for the family. */
static uint32_t neutral_count(const pass_list *list)
{
    uint32_t count = 0;
    while (count < list->count && !list->rows[count]->info.for_family) {
        count++;
    }
    return count;
}

static hmlc_status run_some(pipeline_run *run, const pass_list *list, uint32_t first, uint32_t end,
                            hmlc_module *module, const hmlc_family_facts *family)
{
    for (uint32_t i = first; i < end; i++) {
        HMLC_TRY(run_pass(run, list->rows[i], module, family));
    }
    return HMLC_OK;
}

/* What the second half makes of `module` is the same for both. */
static bool are_alike(const hmlc_module *module, const hmlc_family_facts *a,
                      const hmlc_family_facts *b)
{
    return a->kernel_arguments == b->kernel_arguments && a->kernel_results == b->kernel_results &&
           (a->left_bytes == b->left_bytes || !hmlc_quantized_has_ops(module->main));
}

/* The first family whose module does for family `k`: that, or one before it. */
static uint32_t first_alike(const hmlc_module *module, const hmlc_family_facts *const *families,
                            uint32_t k)
{
    uint32_t first = 0;
    while (first < k && !are_alike(module, families[first], families[k])) {
        first++;
    }
    return first;
}

hmlc_status hmlc_run_passes_for(hmlc_module *module, const hmlc_pass_options *options,
                                const hmlc_family_facts *const *families, uint32_t family_count,
                                hmlc_module **modules)
{
    const pass_row *rows[MAX_PIPELINE_PASSES];
    pass_list list = {.module = module, .rows = rows};
    memset(modules, 0, family_count * sizeof *modules);
    modules[0] = module;
    HMLC_TRY(read_pipeline(module, options, &list));
    uint32_t half = neutral_count(&list);
    pipeline_run run = {.options = options, .total = half + family_count * (list.count - half)};
    HMLC_TRY(run_some(&run, &list, 0, half, module, families[0]));
    for (uint32_t k = 1; k < family_count; k++) {
        uint32_t first = first_alike(module, families, k);
        if (first == k) {
            HMLC_TRY(hmlc_module_clone(module, NULL, &modules[k]));
        }
        modules[k] = modules[first];
    }
    for (uint32_t k = 0; k < family_count; k++) {
        bool done = false;
        for (uint32_t before = 0; before < k; before++) {
            done = done || modules[before] == modules[k];
        }
        if (!done) {
            HMLC_TRY(run_some(&run, &list, half, list.count, modules[k], families[k]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_run_passes(hmlc_module *module, const hmlc_pass_options *options)
{
    const hmlc_family_facts *family = options->family;
    family = family != NULL ? family : hmlc_family_get_facts(HMLC_FAMILY_CPU);
    return hmlc_run_passes_for(module, options, &family, 1, &module);
}

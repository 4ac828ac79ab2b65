/* The pass manager: turns a pipeline text into runs of passes, each with a scratch arena. */
#include <string.h>

#include "pass.h"

typedef struct pass_row {
    hmlc_pass_info info;
    hmlc_status (*run)(hmlc_pass_context *context);
} pass_row;

static const pass_row pass_rows[] = {
#define HMLC_PASS(name, function, summary) {{name, summary}, hmlc_pass_##function},
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
        return hmlc_error_add(list->module->diagnostics, HMLC_ERROR_bad_usage, NULL, NULL,
                              "a pipeline of more than %d passes", MAX_PIPELINE_PASSES);
    }
    list->rows[list->count++] = row;
    return HMLC_OK;
}

/* Flattens "a,b,pipeline" into rows, pipelines expanded in place. */
static hmlc_status parse_pipeline(pass_list *list, const char *text, int depth)
{
    if (depth > MAX_PIPELINE_DEPTH) {
        return HMLC_INTERNAL;
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

static hmlc_status run_in_scratch(const pass_row *row, hmlc_module *module,
                                  const hmlc_pass_options *options)
{
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(scratch);
    hmlc_pass_context context = {.module = module, .scratch = scratch, .options = options};
    hmlc_status status = row->run(&context);
    hmlc_arena_destroy(scratch);
    return status;
}

static bool should_print(const hmlc_pass_options *options, const char *pass)
{
    return options->print != NULL && options->print_after != NULL &&
           (strcmp(options->print_after, "all") == 0 || strcmp(options->print_after, pass) == 0);
}

static hmlc_status run_pass(const pass_row *row, hmlc_module *module,
                            const hmlc_pass_options *options)
{
    HMLC_TRY(run_in_scratch(row, module, options));
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

hmlc_status hmlc_run_passes(hmlc_module *module, const hmlc_pass_options *options)
{
    const char *pipeline = options->pipeline;
    const pass_row *rows[MAX_PIPELINE_PASSES];
    pass_list list = {.module = module, .rows = rows};
    HMLC_TRY(check_print_after(module, options->print_after));
    HMLC_TRY(parse_pipeline(&list, pipeline != NULL ? pipeline : "default", 0));
    for (uint32_t i = 0; i < list.count; i++) {
        if (options->progress != NULL) {
            options->progress(options->context, rows[i]->info.name, i, list.count);
        }
        HMLC_TRY(run_pass(rows[i], module, options));
    }
    return HMLC_OK;
}

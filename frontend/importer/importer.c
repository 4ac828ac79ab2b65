/* SPDX-License-Identifier: Apache-2.0 */
#include "importer.h"

#include <string.h>

static void *scratch_allocate(void *context, size_t bytes)
{
    return hmlc_budget_allocate(context, bytes);
}

static void scratch_release(void *context, void *memory, size_t bytes)
{
    (void)bytes;
    hmlc_budget_release(context, memory);
}

static hmlc_status start(hmlc_importer *importer, const char *name)
{
    hmlc_module *module = importer->module;
    const hmlc_allocator allocator = {
        .allocate = scratch_allocate, .release = scratch_release, .context = &importer->budget};
    hmlc_budget_start(&importer->budget, importer->options->memory_limit, importer->size);
    module->name = hmlc_arena_string(module->arena, name);
    HMLC_TRY_MEMORY(module->name);
    importer->file = module->name;
    importer->where = hmlc_location_create(module->arena, importer->file, "", "");
    HMLC_TRY_MEMORY(importer->where);
    importer->scratch = hmlc_arena_create(&allocator);
    HMLC_TRY_MEMORY(importer->scratch);
    importer->external_files = hmlc_names_create(importer->scratch);
    return HMLC_OK;
}

static const hmlc_import_options default_options;

hmlc_status hmlc_importer_open(hmlc_importer *importer, const char *path,
                               const hmlc_import_options *options, hmlc_module *module,
                               hmlc_mapping *mapping)
{
    const char *slash = strrchr(path, '/');
    const hmlc_mapped_file *file = NULL;
    *importer = (hmlc_importer){.module = module,
                                .mapping = mapping,
                                .options = options != NULL ? options : &default_options};
    HMLC_TRY(hmlc_mapping_open_model(mapping, path, module->diagnostics, &file));
    importer->data = file->data;
    importer->size = file->size;
    return start(importer, slash != NULL ? slash + 1 : path);
}

hmlc_status hmlc_importer_open_memory(hmlc_importer *importer, const void *data, size_t size,
                                      const hmlc_import_options *options, hmlc_module *module)
{
    *importer = (hmlc_importer){.module = module,
                                .data = data,
                                .size = size,
                                .options = options != NULL ? options : &default_options};
    return start(importer, "model");
}

/* A word that says nothing in this format would be obeyed by nobody. */
static void check_words(const hmlc_importer *importer)
{
    const hmlc_import_options *options = importer->options;
    bool ends = options->inputs != NULL || options->outputs != NULL;
    if (options->signature != NULL && !importer->took_signature) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "leave --signature out", "models of this format have no signatures");
    }
    if (options->tags != NULL && !importer->took_tags) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "leave --tags out", "the model is no SavedModel");
    }
    if (options->member != NULL && !importer->took_member) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "leave --member out", "the model is no archive");
    }
    bool known = options->state == NULL || strcmp(options->state, "keep") == 0 ||
                 strcmp(options->state, "zero") == 0;
    if (!known || (options->state != NULL && !importer->took_state)) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             known ? "leave --state out" : "write keep or zero",
                             known ? "the model is none of TensorFlow or TFLite"
                                   : "--state %s: no such word",
                             options->state);
    }
    if (options->tflite_rounding != NULL && !importer->took_rounding) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "leave --tflite-rounding out", "the model is none of TFLite");
    }
    if (ends && !importer->took_ends) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                             "leave --inputs and --outputs out, or cut the model before",
                             "inputs and outputs cannot be chosen in this format");
    }
}

hmlc_status hmlc_importer_split(hmlc_importer *importer, const char *text, const char ***list,
                                uint32_t *count)
{
    char *copy = hmlc_arena_string(importer->scratch, text);
    *list = HMLC_NEW_ARRAY(importer->scratch, const char *, strlen(text) + 1);
    *count = 0;
    HMLC_TRY_MEMORY(copy);
    HMLC_TRY_MEMORY(*list);
    for (char *word = copy; word != NULL;) {
        char *comma = strchr(word, ',');
        (*list)[(*count)++] = word;
        if (comma != NULL) {
            *comma = '\0';
        }
        word = comma != NULL ? comma + 1 : NULL;
    }
    return HMLC_OK;
}

hmlc_status hmlc_importer_conclude(hmlc_importer *importer, hmlc_status status)
{
    hmlc_module *module = importer->module;
    hmlc_diagnostics *diagnostics = module->diagnostics;
    if (status == HMLC_OK) {
        check_words(importer);
    }
    if (status == HMLC_OK && hmlc_diagnostics_error_count(diagnostics) == 0 &&
        hmlc_dims_status(module->dims) != HMLC_OK) {
        status = hmlc_infer_report_dims(module, importer->where, "a dim of the model");
    }
#ifndef NDEBUG
    /* An importer's defect is found here, not passes later. */
    if (status == HMLC_OK && hmlc_diagnostics_error_count(diagnostics) == 0) {
        status = hmlc_verify(module, "import");
    }
#endif
    if (status == HMLC_RESOURCE && hmlc_diagnostics_status(diagnostics) != HMLC_RESOURCE) {
        bool limit = importer->budget.exceeded;
        status = hmlc_error_add(
            diagnostics, limit ? HMLC_ERROR_parser_memory : HMLC_ERROR_out_of_memory,
            importer->where, NULL, "importing needs more than %zu bytes", importer->budget.limit);
    }
    hmlc_status listed = hmlc_diagnostics_status(diagnostics);
    return listed != HMLC_OK ? listed : status;
}

void hmlc_importer_close(hmlc_importer *importer)
{
    hmlc_arena_destroy(importer->scratch);
    hmlc_budget_end(&importer->budget);
}

bool hmlc_importer_check_size(const hmlc_importer *importer, const char *name,
                              const hmlc_type *type, const hmlc_location *where)
{
    int64_t product = ((int64_t)hmlc_dtype_bits(type->dtype) + 7) / 8;
    bool fits = true, empty = false;
    for (int32_t i = 0; i < type->rank; i++) {
        int64_t dim;
        if (hmlc_dim_is_constant(type->dims[i], &dim)) {
            empty = empty || dim == 0;
            fits = fits && !__builtin_mul_overflow(product, dim, &product) &&
                   product <= HMLC_DIM_UNBOUNDED;
        }
    }
    if (!fits && !empty) {
        char text[256];
        (void)hmlc_type_format(type, text, sizeof text);
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_graph_invalid, where,
                             "check the dims: no memory holds such a tensor",
                             "'%s' is %s, more than 2^47 bytes", name, text);
    }
    return fits || empty;
}

/* Stand for a file that was asked for and refused, and for one that was noted alone. */
static hmlc_mapped_file missing_file, noted_file;

hmlc_status hmlc_importer_external(hmlc_importer *importer, const char *location,
                                   const hmlc_location *where, const hmlc_mapped_file **file)
{
    union {
        const hmlc_mapped_file *readable;
        void *any;
    } known = {.any = hmlc_names_find(&importer->external_files, location)};
    if (importer->mapping == NULL && known.any == NULL) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_external_data_refused,
                              where, "keep the model and its data files together, unchanged",
                              "'%s': a model read from memory has no external data", location);
    }
    if (known.any == NULL || known.any == &noted_file) {
        hmlc_status status = hmlc_mapping_open_external(
            importer->mapping, location, importer->module->diagnostics, where, &known.readable);
        if (status == HMLC_RESOURCE) {
            return status;
        }
        known.any = status == HMLC_OK ? known.any : &missing_file;
        HMLC_TRY(hmlc_names_set(&importer->external_files, location, known.any));
        HMLC_TRY(status);
    }
    *file = known.readable;
    return known.any == &missing_file ? HMLC_DAMAGED : HMLC_OK;
}

bool hmlc_importer_has(const hmlc_importer *importer, const char *location)
{
    return hmlc_names_find(&importer->external_files, location) != NULL ||
           (importer->mapping != NULL && hmlc_mapping_has(importer->mapping, location));
}

hmlc_status hmlc_importer_note_external(hmlc_importer *importer, const char *location)
{
    if (importer->mapping == NULL || hmlc_names_find(&importer->external_files, location) != NULL) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_mapping_note_external(importer->mapping, location));
    return hmlc_names_set(&importer->external_files, location, &noted_file);
}

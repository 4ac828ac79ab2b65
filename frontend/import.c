/* The facade's entry: opens the file, finds out its format, runs the importer. */
#include <hmlc/frontend.h>

#include <string.h>

#include "detect.h"
#include "onnx/onnx_import.h"

static void *scratch_allocate(void *context, size_t bytes)
{
    return hmlc_budget_allocate(context, bytes);
}

static void scratch_release(void *context, void *memory, size_t bytes)
{
    (void)bytes;
    hmlc_budget_release(context, memory);
}

/* Memory that ran out without a word gets its diagnostic. */
static hmlc_status conclude(hmlc_onnx_importer *importer, hmlc_status status)
{
    hmlc_diagnostics *diagnostics = importer->module->diagnostics;
    if (status == HMLC_RESOURCE && hmlc_diagnostics_status(diagnostics) != HMLC_RESOURCE) {
        bool limit = importer->budget.exceeded;
        status = hmlc_error_add(
            diagnostics, limit ? HMLC_ERROR_parser_memory : HMLC_ERROR_out_of_memory,
            importer->where, NULL, "importing needs more than %zu bytes", importer->budget.limit);
    }
    hmlc_status listed = hmlc_diagnostics_status(diagnostics);
    return listed != HMLC_OK ? listed : status;
}

static hmlc_status import_data(hmlc_onnx_importer *importer)
{
    static const hmlc_import_options defaults;
    hmlc_module *module = importer->module;
    if (importer->options == NULL) {
        importer->options = &defaults;
    }
    module->name = hmlc_arena_string(module->arena, importer->file);
    HMLC_TRY_MEMORY(module->name);
    importer->file = module->name;
    importer->where = hmlc_location_create(module->arena, importer->file, "", "");
    HMLC_TRY_MEMORY(importer->where);
    const hmlc_format *other = hmlc_format_detect(importer->data, importer->size);
    if (other != NULL) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_format_unknown, importer->where,
                              other->hint, "the file is no ONNX model: it is %s",
                              other->description);
    }
    hmlc_budget_start(&importer->budget, importer->options->memory_limit, importer->size);
    const hmlc_allocator allocator = {
        .allocate = scratch_allocate, .release = scratch_release, .context = &importer->budget};
    importer->scratch = hmlc_arena_create(&allocator);
    hmlc_status status =
        importer->scratch != NULL ? hmlc_onnx_import_model(importer) : HMLC_RESOURCE;
    status = conclude(importer, status);
    hmlc_arena_destroy(importer->scratch);
    hmlc_budget_end(&importer->budget);
    return status;
}

hmlc_status hmlc_import(const char *path, const hmlc_import_options *options, hmlc_module *module,
                        hmlc_mapping **mapping)
{
    const char *slash = strrchr(path, '/');
    const hmlc_mapped_file *file = NULL;
    *mapping = hmlc_mapping_create();
    if (*mapping == NULL) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_out_of_memory, NULL, NULL,
                              "the model cannot be opened");
    }
    hmlc_status status = hmlc_mapping_open_model(*mapping, path, module->diagnostics, &file);
    if (status == HMLC_OK) {
        hmlc_onnx_importer importer = {.module = module,
                                       .mapping = *mapping,
                                       .data = file->data,
                                       .size = file->size,
                                       .options = options,
                                       .file = slash != NULL ? slash + 1 : path};
        status = import_data(&importer);
    }
    return status;
}

hmlc_status hmlc_import_memory(const void *data, size_t size, const hmlc_import_options *options,
                               hmlc_module *module)
{
    hmlc_onnx_importer importer = {
        .module = module, .data = data, .size = size, .options = options, .file = "model"};
    return import_data(&importer);
}

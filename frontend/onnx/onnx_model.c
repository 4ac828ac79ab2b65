/* The model as a whole: versions, functions, the main graph. */
#include "onnx_import.h"

#include <inttypes.h>
#include <string.h>

static void read_versions(hmlc_onnx_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    hmlc_diagnostics *diagnostics = importer->module->diagnostics;
    if (model->ir_version > HMLC_ONNX_NEWEST_IR) {
        hmlc_warning_add(diagnostics, HMLC_ERROR_version_newer, importer->where, NULL,
                         "IR version %" PRId64 " is newer than %d; reading it as that",
                         model->ir_version, HMLC_ONNX_NEWEST_IR);
    }
    importer->opset = model->n_opset_import == 0 ? 1 : 0;
    for (size_t i = 0; i < model->n_opset_import; i++) {
        const char *domain = model->opset_import[i]->domain;
        if (domain == NULL || domain[0] == '\0' || strcmp(domain, "ai.onnx") == 0) {
            importer->opset = model->opset_import[i]->version;
        }
    }
    /* 0: the model names other domains alone; its first node of the standard, if any, warns. */
    if (importer->opset > HMLC_ONNX_NEWEST_OPSET) {
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_version_newer, importer->where,
                             "export the model with an older opset",
                             "opset %" PRId64 " is newer than %d, the newest that this build knows",
                             importer->opset, HMLC_ONNX_NEWEST_OPSET);
    }
}

static hmlc_status index_functions(hmlc_onnx_importer *importer)
{
    importer->functions = hmlc_names_create(importer->scratch);
    for (size_t i = 0; i < importer->model->n_functions; i++) {
        const Onnx__FunctionProto *function = importer->model->functions[i];
        const char *name = hmlc_arena_printf(importer->scratch, "%s:%s",
                                             function->domain != NULL ? function->domain : "",
                                             function->name != NULL ? function->name : "");
        HMLC_TRY_MEMORY(name);
        HMLC_TRY(hmlc_names_set(&importer->functions, name, importer->functions.arena));
    }
    return HMLC_OK;
}

static hmlc_status import_outputs(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    hmlc_module *module = importer->module;
    uint32_t count = (uint32_t)graph->n_output;
    hmlc_value **values = HMLC_NEW_ARRAY(importer->scratch, hmlc_value *, count);
    module->output_names = HMLC_NEW_ARRAY(module->arena, const char *, count);
    HMLC_TRY_MEMORY(values);
    HMLC_TRY_MEMORY(module->output_names);
    if (count == 0) {
        (void)hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, importer->where, NULL,
                             "the graph has no output");
    }
    for (uint32_t i = 0; i < count; i++) {
        const char *name = graph->output[i]->name != NULL ? graph->output[i]->name : "";
        values[i] = hmlc_onnx_resolve(importer, scope, name, importer->where);
        module->output_names[i] = hmlc_arena_string(module->arena, name);
        HMLC_TRY_MEMORY(module->output_names[i]);
    }
    HMLC_TRY(importer->fatal);
    if (hmlc_diagnostics_error_count(module->diagnostics) > 0) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_builder_at_end(module->main);
    return hmlc_build_yield(&builder, values, count);
}

static void warn_redefined(const hmlc_onnx_importer *importer)
{
    if (importer->redefined_count > 0) {
        hmlc_warning_add(importer->module->diagnostics, HMLC_ERROR_value_undefined, importer->where,
                         "give each constant a name of its own",
                         "%" PRIu32 " constants are defined twice ('%s' ...); the last one counts",
                         importer->redefined_count, importer->redefined);
    }
}

static void warn_hidden(const hmlc_onnx_importer *importer)
{
    if (importer->hidden_count > 0) {
        hmlc_warning_add(importer->module->diagnostics, HMLC_ERROR_value_undefined, importer->where,
                         "give each value a name of its own",
                         "%" PRIu32 " initializers of branches have names of the graph around them "
                         "('%s' ...); within the branch its own counts",
                         importer->hidden_count, importer->hidden);
    }
}

static hmlc_status import_graph(hmlc_onnx_importer *importer)
{
    hmlc_onnx_body body = {.region = importer->module->main};
    hmlc_onnx_scope scope = {.graph = importer->model->graph, .body = &body, .path = ""};
    importer->external_files = hmlc_names_create(importer->scratch);
    HMLC_TRY(hmlc_onnx_index_ops(importer));
    HMLC_TRY(index_functions(importer));
    HMLC_TRY(hmlc_onnx_dims_prepare(importer));
    HMLC_TRY(hmlc_onnx_scope_open(importer, &scope));
    HMLC_TRY(hmlc_onnx_import_nodes(importer, &scope));
    HMLC_TRY(import_outputs(importer, &scope));
    hmlc_onnx_dims_finish(importer);
    hmlc_onnx_declared_finish(importer);
    HMLC_TRY(hmlc_onnx_note_external(importer));
    warn_redefined(importer);
    warn_hidden(importer);
    importer->module->source_node_count = (uint32_t)importer->model->graph->n_node;
    return HMLC_OK;
}

static hmlc_status describe_producer(hmlc_onnx_importer *importer)
{
    const char *name = importer->model->producer_name, *version = importer->model->producer_version;
    importer->module->producer = hmlc_arena_printf(
        importer->module->arena, "%s%s%s", name != NULL ? name : "",
        version != NULL && version[0] != '\0' ? " " : "", version != NULL ? version : "");
    HMLC_TRY_MEMORY(importer->module->producer);
    return HMLC_OK;
}

hmlc_status hmlc_onnx_import_model(hmlc_onnx_importer *importer)
{
    hmlc_diagnostics *diagnostics = importer->module->diagnostics;
    HMLC_TRY(hmlc_onnx_unpack(importer->data, importer->size, &importer->budget, diagnostics,
                              importer->where, &importer->model));
    if (importer->model->graph == NULL) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_format_unknown, importer->where,
                              "if it is a TensorFlow SavedModel, export it to ONNX",
                              "the file is no ONNX model: it has no graph");
    }
    HMLC_TRY(describe_producer(importer));
    read_versions(importer);
    if (hmlc_diagnostics_error_count(diagnostics) > 0) {
        return hmlc_diagnostics_status(diagnostics);
    }
    HMLC_TRY(import_graph(importer));
    hmlc_onnx_say_quantized(importer);
    if (hmlc_diagnostics_error_count(diagnostics) == 0 &&
        hmlc_dims_status(importer->module->dims) != HMLC_OK) {
        return hmlc_infer_report_dims(importer->module, importer->where, "a dim of the model");
    }
    return hmlc_diagnostics_status(diagnostics);
}

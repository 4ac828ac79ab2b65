/* SPDX-License-Identifier: Apache-2.0 */
/* The model as a whole: versions, functions, the main graph. */
#include "importer/format.h"
#include "importer/input_dims.h"
#include "onnx_import.h"
#include "onnx_node.h"

#include <inttypes.h>
#include <string.h>

static void read_versions(hmlc_onnx_importer *importer)
{
    const Onnx__ModelProto *model = importer->model;
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    if (model->ir_version > HMLC_ONNX_NEWEST_IR) {
        hmlc_warning_add(diagnostics, HMLC_ERROR_version_newer, importer->base->where, NULL,
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
        (void)hmlc_error_add(diagnostics, HMLC_ERROR_version_newer, importer->base->where,
                             "export the model with an older opset",
                             "opset %" PRId64 " is newer than %d, the newest that this build knows",
                             importer->opset, HMLC_ONNX_NEWEST_OPSET);
    }
}

static hmlc_status index_functions(hmlc_onnx_importer *importer)
{
    importer->functions = hmlc_names_create(importer->base->scratch);
    for (size_t i = 0; i < importer->model->n_functions; i++) {
        const Onnx__FunctionProto *function = importer->model->functions[i];
        const char *name = hmlc_arena_printf(importer->base->scratch, "%s:%s",
                                             function->domain != NULL ? function->domain : "",
                                             function->name != NULL ? function->name : "");
        HMLC_TRY_MEMORY(name);
        HMLC_TRY(hmlc_names_set(&importer->functions, name, importer->functions.arena));
    }
    return HMLC_OK;
}

static hmlc_status finish(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope)
{
    const Onnx__GraphProto *graph = scope->graph;
    const char **names = HMLC_NEW_ARRAY(importer->base->scratch, const char *, graph->n_output);
    HMLC_TRY_MEMORY(names);
    for (size_t i = 0; i < graph->n_output; i++) {
        names[i] = graph->output[i]->name != NULL ? graph->output[i]->name : "";
    }
    return hmlc_scope_finish(importer->base, &scope->names, names, (uint32_t)graph->n_output);
}

static const Onnx__TensorShapeProto *shape_of(const Onnx__ValueInfoProto *info)
{
    return info->type != NULL && info->type->tensor_type != NULL ? info->type->tensor_type->shape
                                                                 : NULL;
}

/* The dim_param texts of all inputs. */
static hmlc_status prepare_dims(hmlc_onnx_importer *importer)
{
    const Onnx__GraphProto *graph = importer->model->graph;
    size_t count = 0;
    for (size_t i = 0; i < graph->n_input; i++) {
        const Onnx__TensorShapeProto *shape = shape_of(graph->input[i]);
        count += shape != NULL ? shape->n_dim : 0;
    }
    const char **texts = HMLC_NEW_ARRAY(importer->base->scratch, const char *, count);
    HMLC_TRY_MEMORY(texts);
    count = 0;
    for (size_t i = 0; i < graph->n_input; i++) {
        const Onnx__TensorShapeProto *shape = shape_of(graph->input[i]);
        for (size_t d = 0; shape != NULL && d < shape->n_dim; d++) {
            if (shape->dim[d]->dim_param != NULL) {
                texts[count++] = shape->dim[d]->dim_param;
            }
        }
    }
    return hmlc_input_dims_prepare(importer->base, texts, count);
}

static void warn_redefined(const hmlc_onnx_importer *importer)
{
    if (importer->redefined_count > 0) {
        hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_value_undefined,
                         importer->base->where, "give each constant a name of its own",
                         "%" PRIu32 " constants are defined twice ('%s' ...); the last one counts",
                         importer->redefined_count, importer->redefined);
    }
}

static void warn_hidden(const hmlc_onnx_importer *importer)
{
    if (importer->hidden_count > 0) {
        hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_value_undefined,
                         importer->base->where, "give each value a name of its own",
                         "%" PRIu32 " initializers of branches have names of the graph around them "
                         "('%s' ...); within the branch its own counts",
                         importer->hidden_count, importer->hidden);
    }
}

static hmlc_status import_graph(hmlc_onnx_importer *importer)
{
    hmlc_body body = {.region = importer->base->module->main};
    hmlc_onnx_scope scope = {.names = {.body = &body, .path = ""}, .graph = importer->model->graph};
    HMLC_TRY(hmlc_onnx_index_ops(importer));
    HMLC_TRY(index_functions(importer));
    HMLC_TRY(prepare_dims(importer));
    HMLC_TRY(hmlc_onnx_scope_open(importer, &scope));
    HMLC_TRY(hmlc_onnx_import_nodes(importer, &scope));
    HMLC_TRY(finish(importer, &scope));
    hmlc_onnx_declared_finish(importer);
    HMLC_TRY(hmlc_onnx_note_external(importer));
    warn_redefined(importer);
    warn_hidden(importer);
    importer->base->module->source_node_count = (uint32_t)importer->model->graph->n_node;
    return HMLC_OK;
}

static hmlc_status describe_producer(hmlc_onnx_importer *importer)
{
    const char *name = importer->model->producer_name, *version = importer->model->producer_version;
    importer->base->module->producer = hmlc_arena_printf(
        importer->base->module->arena, "%s%s%s", name != NULL ? name : "",
        version != NULL && version[0] != '\0' ? " " : "", version != NULL ? version : "");
    HMLC_TRY_MEMORY(importer->base->module->producer);
    return HMLC_OK;
}

/* The first field is ir_version (key 0x08), or in odd writers another one below 32 of varint or
 * length-prefixed type. */
bool hmlc_looks_like_onnx(const uint8_t *bytes, size_t size)
{
    unsigned wire_type = size > 0 ? bytes[0] & 7U : 7U;
    return size > 0 && bytes[0] >= 0x08 && (wire_type == 0 || wire_type == 2);
}

hmlc_status hmlc_onnx_open_model(hmlc_onnx_importer *importer)
{
    hmlc_importer *base = importer->base;
    static const hmlc_wire_format format = {.root = &onnx__model_proto__descriptor,
                                            .tensor = &onnx__tensor_proto__descriptor,
                                            .weights = "raw_data"};
    const ProtobufCMessage *message;
    HMLC_TRY(hmlc_wire_unpack(&format, base->data, base->size, &base->budget,
                              base->module->diagnostics, base->where, &message));
    importer->model = (const Onnx__ModelProto *)message;
    if (importer->model->graph == NULL) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_format_unknown, base->where,
                              "if it is a TensorFlow SavedModel, export it to ONNX",
                              "the file is no ONNX model: it has no graph");
    }
    return HMLC_OK;
}

static hmlc_status read_initializer(hmlc_importer *importer, const void *stored,
                                    const hmlc_location *where, hmlc_tensor *tensor)
{
    return hmlc_onnx_tensor(importer, stored, where, tensor);
}

hmlc_status hmlc_onnx_import(hmlc_importer *base)
{
    hmlc_diagnostics *diagnostics = base->module->diagnostics;
    hmlc_onnx_importer importer = {.base = base};
    base->constants = (hmlc_constant_source){.word = "initializer", .read = read_initializer};
    HMLC_TRY(hmlc_onnx_open_model(&importer));
    HMLC_TRY(describe_producer(&importer));
    read_versions(&importer);
    if (hmlc_diagnostics_error_count(diagnostics) > 0) {
        return hmlc_diagnostics_status(diagnostics);
    }
    return import_graph(&importer);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A TFLite model: which subgraph, its inputs and outputs. */
#include "tflite_import.h"

#include <inttypes.h>
#include <string.h>

#include "importer/input_dims.h"

/* The tensors that are fed and wanted, and what they are called. */
typedef struct model_ends {
    uint32_t subgraph, input_count, output_count;
    hmlc_tflite_named *inputs, *outputs;
} model_ends;

static hmlc_status name_ends(hmlc_tflite_importer *importer, const hmlc_tflite_subgraph *graph,
                             hmlc_flat_vector list, hmlc_tflite_named **named, uint32_t *count)
{
    *named = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tflite_named, (size_t)list.count + 1);
    HMLC_TRY_MEMORY(*named);
    *count = list.count;
    for (uint32_t i = 0; i < list.count; i++) {
        uint32_t tensor = (uint32_t)hmlc_tflite_index_at(list, i);
        (*named)[i] = (hmlc_tflite_named){graph->tensors[tensor].key, tensor};
    }
    return HMLC_OK;
}

static hmlc_status choose_ends(hmlc_tflite_importer *importer, model_ends *ends)
{
    const hmlc_tflite_subgraph *graph = &importer->model.subgraphs[0];
    *ends = (model_ends){0};
    HMLC_TRY(name_ends(importer, graph, graph->inputs, &ends->inputs, &ends->input_count));
    return name_ends(importer, graph, graph->outputs, &ends->outputs, &ends->output_count);
}

/* -- inputs -- */

/* Does the first dim of every input vary? Then it is the batch. */
static bool varies_in_batch(const hmlc_tflite_subgraph *graph, const model_ends *ends)
{
    bool all = ends->input_count > 0;
    for (uint32_t i = 0; i < ends->input_count; i++) {
        const hmlc_tflite_tensor *tensor = &graph->tensors[ends->inputs[i].tensor];
        all = all && tensor->rank > 0 && tensor->dims[0] == -1;
    }
    return all;
}

static hmlc_status input_type(hmlc_tflite_importer *importer, const hmlc_tflite_tensor *tensor,
                              const char *name, bool batch, const hmlc_type **type)
{
    hmlc_importer *base = importer->base;
    hmlc_module *module = base->module;
    hmlc_dim dims[HMLC_MAX_RANK];
    const hmlc_location *where = hmlc_location_create(module->arena, base->file, name, "input");
    HMLC_TRY_MEMORY(where);
    *type = NULL;
    if (!tensor->supported || tensor->unknown_rank) {
        (void)hmlc_error_add(
            module->diagnostics,
            tensor->supported ? HMLC_ERROR_rank_unknown : HMLC_ERROR_op_unsupported_type, where,
            tensor->supported ? "convert the model with shapes of its inputs" : NULL,
            tensor->supported ? "the input has no shape"
                              : "the input is %s, which is not supported",
            tensor->type);
        return HMLC_OK;
    }
    for (int32_t i = 0; i < tensor->rank; i++) {
        dims[i] = tensor->dims[i] >= 0 ? hmlc_dim_constant(module->dims, tensor->dims[i])
                  : batch && i == 0    ? hmlc_input_dim_named(base, "batch", name, 0)
                                       : hmlc_input_dim_unnamed(base, name, (uint32_t)i);
        HMLC_TRY_MEMORY(dims[i]);
    }
    *type = hmlc_type_tensor(module->arena, tensor->dtype, tensor->rank, dims);
    HMLC_TRY_MEMORY(*type);
    return HMLC_OK;
}

static hmlc_status bind_inputs(hmlc_tflite_importer *importer, hmlc_tflite_scope *scope,
                               const model_ends *ends)
{
    static const char *const texts[] = {"batch"};
    bool batch = varies_in_batch(scope->graph, ends);
    HMLC_TRY(hmlc_input_dims_prepare(importer->base, texts, batch ? 1 : 0));
    for (uint32_t i = 0; i < ends->input_count; i++) {
        const hmlc_tflite_tensor *tensor = &scope->graph->tensors[ends->inputs[i].tensor];
        const hmlc_type *type;
        if (tensor->content.count > 0 || hmlc_scope_find(&scope->names, tensor->key) != NULL) {
            (void)hmlc_scope_report(importer->base, importer->base->where, tensor->key,
                                    tensor->content.count > 0 ? "is an input and a constant"
                                                              : "is an input twice");
            continue;
        }
        hmlc_binding *binding = hmlc_scope_bind(importer->base, &scope->names, tensor->key);
        HMLC_TRY(importer->base->fatal);
        HMLC_TRY(input_type(importer, tensor, ends->inputs[i].name, batch, &type));
        binding->state = HMLC_BINDING_POISONED;
        if (type != NULL) {
            hmlc_scope_add_input(importer->base, &scope->names, binding, type);
        }
        HMLC_TRY(importer->base->fatal);
    }
    return HMLC_OK;
}

/* -- the whole -- */

static void say_float(const hmlc_tflite_importer *importer)
{
    if (importer->float_nodes > 0) {
        hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_quantized_as_float,
                         importer->base->where, NULL,
                         "%" PRIu32 " quantized operators (%s ...) are computed in float and "
                         "rounded to their steps: results may differ from TFLite's by some steps",
                         importer->float_nodes, importer->first_float);
    }
}

static hmlc_status import_model(hmlc_tflite_importer *importer)
{
    hmlc_module *module = importer->base->module;
    model_ends ends;
    HMLC_TRY(choose_ends(importer, &ends));
    hmlc_body body = {.region = module->main};
    hmlc_tflite_scope scope = {.names = {.body = &body, .path = ""},
                               .graph = &importer->model.subgraphs[ends.subgraph]};
    HMLC_TRY(bind_inputs(importer, &scope, &ends));
    HMLC_TRY(hmlc_tflite_scope_open(importer, &scope));
    HMLC_TRY(hmlc_tflite_import_operators(importer, &scope));
    const char **names =
        HMLC_NEW_ARRAY(importer->base->scratch, const char *, (size_t)ends.output_count + 1);
    HMLC_TRY_MEMORY(names);
    for (uint32_t i = 0; i < ends.output_count; i++) {
        names[i] = scope.graph->tensors[ends.outputs[i].tensor].key;
    }
    say_float(importer);
    module->source_node_count = scope.graph->operator_count;
    return hmlc_scope_finish(importer->base, &scope.names, names, ends.output_count);
}

hmlc_status hmlc_tflite_import(hmlc_importer *base)
{
    hmlc_tflite_importer importer = {.base = base};
    base->constants = (hmlc_constant_source){.word = "tensor", .read = hmlc_tflite_constant};
    HMLC_TRY(hmlc_tflite_model_read(base, &importer.model));
    base->module->producer = hmlc_arena_string(base->module->arena, importer.model.description);
    HMLC_TRY_MEMORY(base->module->producer);
    HMLC_TRY(import_model(&importer));
    if (importer.model.file.problem != NULL) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_file_damaged, base->where,
                              "check that it was copied whole", "%s (byte %zu)",
                              importer.model.file.problem, importer.model.file.at);
    }
    return HMLC_OK;
}

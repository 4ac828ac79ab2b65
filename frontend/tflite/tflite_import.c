/* SPDX-License-Identifier: Apache-2.0 */
/* A TFLite model: which subgraph, its inputs and outputs. */
#include "tflite_import.h"

#include <inttypes.h>
#include <stdio.h>
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

/* -- what the user asks for -- */

/* Names that may be meant. */
typedef struct known_names {
    const hmlc_tflite_model *model;
    const hmlc_tflite_subgraph *graph; /* NULL: signatures */
    uint32_t next;
} known_names;

static const char *next_name(void *context)
{
    known_names *known = context;
    uint32_t index = known->next++;
    if (known->graph != NULL) {
        return index < known->graph->tensor_count ? known->graph->tensors[index].key : NULL;
    }
    return index < known->model->signature_count ? known->model->signatures[index].key : NULL;
}

static hmlc_status wrong_word(const hmlc_tflite_importer *importer, const char *option,
                              const char *word, const hmlc_tflite_subgraph *graph)
{
    known_names all = {&importer->model, graph, 0}, first = all;
    const char *similar = hmlc_names_similar(word, next_name, &all);
    const char *shown = similar != NULL ? similar : next_name(&first);
    char hint[256];
    (void)snprintf(hint, sizeof hint, "%s '%.200s'%s",
                   similar != NULL ? "did you mean" : "it has for instance",
                   shown != NULL ? shown : "", similar != NULL ? "?" : "");
    return hmlc_error_add(
        importer->base->module->diagnostics, HMLC_ERROR_usage, importer->base->where,
        shown != NULL ? hint : "the file has none; leave the option out",
        "--%s: the model has no %s '%s'", option, graph != NULL ? "tensor" : "signature", word);
}

static hmlc_status copy_named(hmlc_tflite_importer *importer, const hmlc_tflite_named *from,
                              uint32_t count, hmlc_tflite_named **named, uint32_t *copied)
{
    *named = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tflite_named, (size_t)count + 1);
    HMLC_TRY_MEMORY(*named);
    for (uint32_t i = 0; i < count; i++) {
        (*named)[i] = from[i];
    }
    *copied = count;
    return HMLC_OK;
}

/* --signature: its subgraph, with its names. */
static hmlc_status choose_signature(hmlc_tflite_importer *importer, const char *key,
                                    model_ends *ends)
{
    const hmlc_tflite_signature *signature = importer->model.signatures;
    uint32_t left = importer->model.signature_count;
    while (left > 0 && strcmp(signature->key, key) != 0) {
        signature++;
        left--;
    }
    if (left == 0) {
        return wrong_word(importer, "signature", key, NULL);
    }
    ends->subgraph = signature->subgraph;
    HMLC_TRY(copy_named(importer, signature->inputs, signature->input_count, &ends->inputs,
                        &ends->input_count));
    return copy_named(importer, signature->outputs, signature->output_count, &ends->outputs,
                      &ends->output_count);
}

/* --inputs or --outputs: tensors of the subgraph by name. */
static hmlc_status choose_tensors(hmlc_tflite_importer *importer, uint32_t subgraph,
                                  const char *option, const char *text, hmlc_tflite_named **named,
                                  uint32_t *count)
{
    const hmlc_tflite_subgraph *graph = &importer->model.subgraphs[subgraph];
    const char **words;
    HMLC_TRY(hmlc_importer_split(importer->base, text, &words, count));
    *named = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tflite_named, (size_t)*count + 1);
    HMLC_TRY_MEMORY(*named);
    for (uint32_t i = 0; i < *count; i++) {
        uint32_t tensor = 0;
        while (tensor < graph->tensor_count && strcmp(graph->tensors[tensor].key, words[i]) != 0) {
            tensor++;
        }
        if (tensor == graph->tensor_count) {
            return wrong_word(importer, option, words[i], graph);
        }
        (*named)[i] = (hmlc_tflite_named){graph->tensors[tensor].key, tensor};
    }
    return HMLC_OK;
}

static hmlc_status choose_ends(hmlc_tflite_importer *importer, model_ends *ends)
{
    const hmlc_import_options *options = importer->base->options;
    const hmlc_tflite_subgraph *graph = &importer->model.subgraphs[0];
    *ends = (model_ends){0};
    importer->base->took_signature = importer->base->took_ends = true;
    importer->base->took_state = true;
    HMLC_TRY(name_ends(importer, graph, graph->inputs, &ends->inputs, &ends->input_count));
    HMLC_TRY(name_ends(importer, graph, graph->outputs, &ends->outputs, &ends->output_count));
    if (options->signature != NULL) {
        HMLC_TRY(choose_signature(importer, options->signature, ends));
    }
    if (options->inputs != NULL) {
        HMLC_TRY(choose_tensors(importer, ends->subgraph, "inputs", options->inputs, &ends->inputs,
                                &ends->input_count));
    }
    if (options->outputs != NULL) {
        HMLC_TRY(choose_tensors(importer, ends->subgraph, "outputs", options->outputs,
                                &ends->outputs, &ends->output_count));
    }
    return HMLC_OK;
}

/* Marks the operators that the outputs need, from the last one back, and those that assign
 * variables; tensors that are fed need none.
 */
static hmlc_status mark_needed(hmlc_tflite_importer *importer, const hmlc_tflite_subgraph *graph,
                               const model_ends *ends, const bool **needed)
{
    bool *tensors = HMLC_NEW_ARRAY(importer->base->scratch, bool, (size_t)graph->tensor_count + 1);
    bool *operators =
        HMLC_NEW_ARRAY(importer->base->scratch, bool, (size_t)graph->operator_count + 1);
    bool *fed = HMLC_NEW_ARRAY(importer->base->scratch, bool, (size_t)graph->tensor_count + 1);
    HMLC_TRY_MEMORY(tensors);
    HMLC_TRY_MEMORY(operators);
    HMLC_TRY_MEMORY(fed);
    for (uint32_t i = 0; i < ends->input_count; i++) {
        fed[ends->inputs[i].tensor] = true;
    }
    for (uint32_t i = 0; i < ends->output_count; i++) {
        tensors[ends->outputs[i].tensor] = true;
    }
    for (uint32_t k = graph->operator_count; k-- > 0;) {
        const hmlc_tflite_operator *op = &graph->operators[k];
        operators[k] = hmlc_tflite_writes(importer, op);
        for (uint32_t i = 0; i < op->outputs.count; i++) {
            int32_t tensor = hmlc_tflite_index_at(op->outputs, i);
            operators[k] = operators[k] || (tensors[tensor] && !fed[tensor]);
        }
        for (uint32_t i = 0; operators[k] && i < op->inputs.count; i++) {
            int32_t tensor = hmlc_tflite_index_at(op->inputs, i);
            if (tensor >= 0) {
                tensors[tensor] = true;
            }
        }
    }
    *needed = operators;
    return HMLC_OK;
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
        if (binding->value != NULL && strcmp(ends->inputs[i].name, tensor->key) != 0) {
            binding->value->name =
                hmlc_arena_string(importer->base->module->arena, ends->inputs[i].name);
            HMLC_TRY_MEMORY(binding->value->name);
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

/* --tflite-rounding; false with a diagnostic. */
static bool choose_rounding(hmlc_tflite_importer *importer)
{
    const char *word = importer->base->options->tflite_rounding;
    importer->base->took_rounding = true;
    importer->litert = word != NULL && strcmp(word, "litert2.3") == 0;
    bool known = word == NULL || importer->litert || strcmp(word, "tf2.19") == 0;
    if (!known) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_usage,
                             importer->base->where, "write tf2.19 or litert2.3",
                             "--tflite-rounding: no release is called '%s'", word);
    }
    return known;
}

static hmlc_status import_model(hmlc_tflite_importer *importer)
{
    hmlc_module *module = importer->base->module;
    model_ends ends;
    HMLC_TRY(hmlc_tflite_find_writes(importer));
    HMLC_TRY(choose_ends(importer, &ends));
    hmlc_body body = {.region = module->main};
    hmlc_tflite_scope scope = {.names = {.body = &body, .path = ""},
                               .graph = &importer->model.subgraphs[ends.subgraph]};
    if (importer->base->options->inputs != NULL || importer->base->options->outputs != NULL) {
        HMLC_TRY(mark_needed(importer, scope.graph, &ends, &scope.needed));
    }
    HMLC_TRY(bind_inputs(importer, &scope, &ends));
    HMLC_TRY(hmlc_tflite_scope_open(importer, &scope));
    HMLC_TRY(hmlc_tflite_import_operators(importer, &scope));
    HMLC_TRY(hmlc_tflite_keep_variables(importer));
    const char **names =
        HMLC_NEW_ARRAY(importer->base->scratch, const char *, (size_t)ends.output_count + 1);
    HMLC_TRY_MEMORY(names);
    for (uint32_t i = 0; i < ends.output_count; i++) {
        names[i] = scope.graph->tensors[ends.outputs[i].tensor].key;
        const hmlc_binding *given = hmlc_scope_find(&scope.names, names[i]);
        if (given != NULL && hmlc_tflite_variable_of(given->value) != NULL) {
            (void)hmlc_scope_report(importer->base, importer->base->where, names[i],
                                    "is an output, but a variable and no value");
        }
    }
    say_float(importer);
    module->source_node_count = scope.graph->operator_count;
    HMLC_TRY(hmlc_scope_finish(importer->base, &scope.names, names, ends.output_count));
    for (uint32_t i = 0; i < ends.output_count; i++) {
        module->output_names[i] = hmlc_arena_string(module->arena, ends.outputs[i].name);
        HMLC_TRY_MEMORY(module->output_names[i]);
    }
    return HMLC_OK;
}

hmlc_status hmlc_tflite_import(hmlc_importer *base)
{
    hmlc_tflite_importer importer = {.base = base};
    base->constants = (hmlc_constant_source){.word = "tensor", .read = hmlc_tflite_constant};
    if (!choose_rounding(&importer)) {
        return hmlc_diagnostics_status(base->module->diagnostics);
    }
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

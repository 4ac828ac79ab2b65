/* SPDX-License-Identifier: Apache-2.0 */
/* Models: one call of a layer after the other, nested models with their own. */
#include "importer/order.h"
#include "keras_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const hmlc_location *hmlc_keras_locate(const hmlc_keras_importer *importer,
                                       const hmlc_keras_layer *layer)
{
    return hmlc_location_create(importer->base->module->arena, importer->base->file, layer->path,
                                layer->class_name);
}

/* -- order ------------------------------------------------------------------------------------- */

typedef struct ordered_model {
    const hmlc_keras_importer *importer;
    const hmlc_keras_model *model;
} ordered_model;

static hmlc_status add_needs(const hmlc_keras_refs *refs, hmlc_needs *needs)
{
    for (uint32_t i = 0; i < refs->count; i++) {
        HMLC_TRY(hmlc_needs_add(needs, refs->list[i].node));
    }
    return HMLC_OK;
}

static hmlc_status visit_needs(void *context, uint32_t node, hmlc_needs *needs)
{
    const ordered_model *ordered = context;
    HMLC_TRY(add_needs(&ordered->model->nodes[node].given, needs));
    return add_needs(&ordered->model->nodes[node].others, needs);
}

static const hmlc_location *locate_node(void *context, uint32_t node)
{
    const ordered_model *ordered = context;
    return hmlc_keras_locate(ordered->importer, ordered->model->nodes[node].layer);
}

static hmlc_status order_model(hmlc_keras_importer *importer, hmlc_keras_model *model)
{
    ordered_model ordered = {.importer = importer, .model = model};
    const hmlc_ordered_graph graph = {.node_count = model->node_count,
                                      .context = &ordered,
                                      .visit = visit_needs,
                                      .locate = locate_node};
    model->order = HMLC_NEW_ARRAY(importer->base->scratch, uint32_t, model->node_count);
    HMLC_TRY_MEMORY(model->order);
    return hmlc_order_nodes(importer->base, &graph, model->order);
}

/* -- names ------------------------------------------------------------------------------------- */

/* What a tensor of the outermost model is called: the layer; "#2" of its second call, ":1" of its
 * second output. */
static const char *name_of(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                           hmlc_keras_ref ref)
{
    const hmlc_keras_layer *layer = model->nodes[ref.node].layer;
    uint32_t call = ref.node - layer->first_node;
    char number[32] = "", output[32] = "";
    if (call > 0) {
        (void)snprintf(number, sizeof number, "#%" PRIu32, call + 1);
    }
    if (ref.output > 0) {
        (void)snprintf(output, sizeof output, ":%" PRIu32, ref.output);
    }
    return hmlc_arena_printf(importer->base->scratch, "%s%s%s", layer->name, number, output);
}

/* Names the outputs of a node: those of the outermost model are told to who asked for values. */
static hmlc_status publish(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                           uint32_t index)
{
    const hmlc_keras_node *node = &model->nodes[index];
    hmlc_importer *base = importer->base;
    for (uint32_t i = 0; i < node->output_count; i++) {
        hmlc_value *value = node->outputs[i];
        if (importer->depth > 1) {
            if (value != NULL && value->name == NULL) {
                value->name = hmlc_arena_string(base->module->arena, node->layer->path);
            }
            continue;
        }
        const char *name = name_of(importer, model, (hmlc_keras_ref){index, i});
        HMLC_TRY_MEMORY(name);
        hmlc_binding *binding = hmlc_scope_bind(base, importer->scope, name);
        HMLC_TRY_MEMORY(binding);
        const hmlc_location *where = hmlc_keras_locate(importer, node->layer);
        HMLC_TRY_MEMORY(where);
        hmlc_scope_publish(base, importer->scope, binding, value, where);
    }
    return base->fatal;
}

/* -- calls ------------------------------------------------------------------------------------- */

static void write_title(const hmlc_node *node, char *text, size_t size)
{
    const hmlc_keras_call *call = (const hmlc_keras_call *)node;
    (void)snprintf(text, size, "%s", call->layer->class_name);
}

static const char *input_name(const hmlc_node *node, uint32_t index)
{
    const char *name =
        index < node->input_count && node->inputs[index] != NULL ? node->inputs[index]->name : NULL;
    return name != NULL ? name : "";
}

static const char *output_name(const hmlc_node *node, uint32_t index)
{
    return index == 0 ? ((const hmlc_keras_call *)node)->layer->name : "";
}

static bool find_attr(const hmlc_node *node, const char *name, hmlc_node_attr *attr)
{
    const hmlc_keras_call *call = (const hmlc_keras_call *)node;
    const hmlc_json *entry = hmlc_json_get(call->layer->config, name);
    if (entry == NULL || entry->kind == HMLC_JSON_NULL) {
        return false;
    }
    *attr = (hmlc_node_attr){.real = entry->number, .text = hmlc_json_text(entry)};
    attr->number = hmlc_truncate_to_int(entry->number);
    bool number = entry->kind == HMLC_JSON_NUMBER, flag = entry->kind == HMLC_JSON_BOOL;
    bool whole = flag || (number && (double)attr->number == entry->number);
    attr->kinds = (whole ? HMLC_NODE_WHOLE : 0U) | (number || flag ? HMLC_NODE_REAL : 0U) |
                  (attr->text != NULL ? HMLC_NODE_TEXT : 0U);
    attr->length = attr->text != NULL ? strlen(attr->text) : 0;
    return true;
}

static const hmlc_node_format node_format = {
    .write_title = write_title,
    .input_name = input_name,
    .output_name = output_name,
    .find_attr = find_attr,
    .constant_hint = "make it part of the model",
    .length_hint = "give its length with --dim NAME=SIZE",
};

/* Most outputs of a layer: a recurrent one's sequence and states, for both directions. */
enum { MOST_OUTPUTS = 5 };

static hmlc_status gather(const hmlc_keras_model *model, const hmlc_keras_refs *refs,
                          hmlc_value **values, bool *complete)
{
    for (uint32_t i = 0; i < refs->count; i++) {
        const hmlc_keras_node *from = &model->nodes[refs->list[i].node];
        hmlc_value *value =
            refs->list[i].output < from->output_count ? from->outputs[refs->list[i].output] : NULL;
        if (values != NULL) {
            values[i] = value;
        }
        *complete = *complete && value != NULL;
    }
    return HMLC_OK;
}

static hmlc_status call_model(hmlc_keras_importer *importer, hmlc_keras_node *node,
                              hmlc_value **inputs, bool complete)
{
    hmlc_keras_model *model = node->layer->model;
    node->output_count = model->outputs.count;
    node->outputs = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, model->outputs.count);
    HMLC_TRY_MEMORY(node->outputs);
    if (!complete || node->layer->broken) {
        return HMLC_OK;
    }
    if (node->given.count != model->inputs.count) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_graph_invalid,
                             hmlc_keras_locate(importer, node->layer), NULL,
                             "the model is called with %" PRIu32 " inputs and has %" PRIu32,
                             node->given.count, model->inputs.count);
        return HMLC_OK;
    }
    return hmlc_keras_run_model(importer, model, inputs, node->outputs);
}

static hmlc_status call_layer(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                              hmlc_keras_node *node, hmlc_value **inputs, bool complete)
{
    hmlc_keras_layer *layer = node->layer;
    hmlc_keras_call call = {.importer = importer, .layer = layer, .model = model, .source = node};
    node->output_count = MOST_OUTPUTS;
    node->outputs = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, MOST_OUTPUTS);
    HMLC_TRY_MEMORY(node->outputs);
    call.node.emit.builder = hmlc_builder_at_end(importer->base->module->main);
    call.node.emit.builder.location = hmlc_keras_locate(importer, layer);
    HMLC_TRY_MEMORY(call.node.emit.builder.location);
    call.node.format = &node_format;
    call.node.inputs = inputs;
    call.node.input_count = node->given.count;
    call.node.outputs = node->outputs;
    call.node.output_count = 1;
    if (hmlc_keras_check_layer(&call) && complete) {
        call.node.opcode = layer->row->opcode;
        hmlc_keras_check_masks(&call);
        if (!hmlc_keras_ok(&call) ||
            !hmlc_node_run(importer->base, &call.node, hmlc_keras_import_call)) {
            memset(node->outputs, 0, MOST_OUTPUTS * sizeof(hmlc_value *));
        }
        HMLC_TRY(hmlc_keras_pass_masks(&call));
    }
    while (node->output_count > 1 && node->outputs[node->output_count - 1] == NULL) {
        node->output_count--;
    }
    return importer->base->fatal;
}

static hmlc_status run_node(hmlc_keras_importer *importer, hmlc_keras_model *model,
                            hmlc_keras_node *node)
{
    bool complete = true;
    hmlc_value **inputs =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, node->given.count + 1);
    HMLC_TRY_MEMORY(inputs);
    if (++importer->runs > HMLC_KERAS_MOST_NODES) {
        return hmlc_error_add(
            importer->base->module->diagnostics, HMLC_ERROR_parser_memory, importer->base->where,
            NULL, "models within models make more than %d calls of layers", HMLC_KERAS_MOST_NODES);
    }
    HMLC_TRY(gather(model, &node->given, inputs, &complete));
    HMLC_TRY(gather(model, &node->others, NULL, &complete));
    return node->layer->model != NULL ? call_model(importer, node, inputs, complete)
                                      : call_layer(importer, model, node, inputs, complete);
}

/* The place of an input layer among the model's inputs; -1: it is none of them. */
static int64_t input_index(const hmlc_keras_model *model, uint32_t node)
{
    for (uint32_t i = 0; i < model->inputs.count; i++) {
        if (model->inputs.list[i].node == node) {
            return i;
        }
    }
    return -1;
}

static hmlc_status run_nodes(hmlc_keras_importer *importer, hmlc_keras_model *model,
                             hmlc_value *const *inputs)
{
    for (uint32_t i = 0; i < model->node_count; i++) {
        hmlc_keras_node *node = &model->nodes[model->order[i]];
        if (!node->layer->is_input) {
            HMLC_TRY(run_node(importer, model, node));
            HMLC_TRY(publish(importer, model, model->order[i]));
            continue;
        }
        int64_t index = input_index(model, model->order[i]);
        node->outputs = HMLC_NEW(importer->base->scratch, hmlc_value *);
        HMLC_TRY_MEMORY(node->outputs);
        node->output_count = 1;
        node->outputs[0] = index >= 0 ? inputs[index] : NULL;
    }
    return HMLC_OK;
}

hmlc_status hmlc_keras_run_model(hmlc_keras_importer *importer, hmlc_keras_model *model,
                                 hmlc_value *const *inputs, hmlc_value **outputs)
{
    if (model->order == NULL) {
        HMLC_TRY(order_model(importer, model));
    }
    importer->depth++;
    hmlc_status status = run_nodes(importer, model, inputs);
    importer->depth--;
    HMLC_TRY(status);
    bool complete = true;
    return gather(model, &model->outputs, outputs, &complete);
}

hmlc_value *hmlc_keras_call_layer(hmlc_keras_call *caller, hmlc_keras_layer *layer,
                                  hmlc_value *input)
{
    hmlc_value *outputs[MOST_OUTPUTS] = {NULL};
    hmlc_keras_call call = {
        .node = caller->node, .importer = caller->importer, .layer = layer, .model = caller->model};
    if (!hmlc_keras_ok(caller)) {
        return NULL;
    }
    if (layer->model != NULL) {
        hmlc_status status =
            layer->model->inputs.count == 1 && layer->model->outputs.count == 1
                ? hmlc_keras_run_model(caller->importer, layer->model, &input, outputs)
                : HMLC_REFUSED;
        if (status != HMLC_OK && status != HMLC_REFUSED) {
            caller->node.emit.status = status;
            return NULL;
        }
        if (status == HMLC_REFUSED) {
            hmlc_node_fail(&caller->node, HMLC_ERROR_not_implemented, NULL,
                           "the model inside has several inputs or outputs");
        }
        caller->node.emit.status = outputs[0] != NULL ? HMLC_OK : HMLC_REFUSED;
        return outputs[0];
    }
    call.node.inputs = &input;
    call.node.input_count = 1;
    call.node.outputs = outputs;
    if (hmlc_keras_check_layer(&call)) {
        call.node.opcode = layer->row->opcode;
        layer->row->import(&call);
    }
    caller->node.emit.status = call.node.emit.status;
    return hmlc_keras_ok(&call) ? outputs[0] : NULL;
}

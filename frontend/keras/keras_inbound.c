/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which layer reads what. Keras 1 and 2 write a call's inputs as [[layer, call, output, arguments],
 * ...], or as one such list where a layer takes its inputs by name; Keras 3 as {"args", "kwargs"}
 * with tensors as objects, whose keras_history is [layer, call, output].
 */
#include "keras_import.h"

#include <inttypes.h>
#include <string.h>

static hmlc_status invalid(const hmlc_keras_importer *importer, const char *layer,
                           const char *problem)
{
    return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_value_undefined,
                          importer->base->where, NULL, "the model's config: layer '%s' %s", layer,
                          problem);
}

hmlc_status hmlc_keras_refs_add(hmlc_keras_importer *importer, hmlc_keras_refs *refs,
                                hmlc_keras_ref ref)
{
    void *list = refs->list;
    if (!hmlc_arena_grow(importer->base->scratch, &list, &refs->room, refs->count,
                         sizeof *refs->list)) {
        return HMLC_RESOURCE;
    }
    refs->list = list;
    refs->list[refs->count++] = ref;
    return HMLC_OK;
}

/* [layer, call, output ...]: three entries at least, a text and two numbers. */
static const hmlc_json *history_of(const hmlc_json *value)
{
    if (hmlc_json_is(value, HMLC_JSON_OBJECT)) {
        return hmlc_json_get(hmlc_json_get(value, "config"), "keras_history");
    }
    bool fits = hmlc_json_is(value, HMLC_JSON_ARRAY) && value->count >= 3 &&
                hmlc_json_is(hmlc_json_at(value, 0), HMLC_JSON_TEXT) &&
                hmlc_json_is(hmlc_json_at(value, 1), HMLC_JSON_NUMBER) &&
                hmlc_json_is(hmlc_json_at(value, 2), HMLC_JSON_NUMBER);
    return fits ? value : NULL;
}

/*
 * Models nested in a model may count a call of their own, from their inputs to their outputs,
 * before those that the file lists: those of Keras 1 and 2 do. All listed calls are read by
 * something, so a number behind the last one tells.
 */
static void note_own_calls(const hmlc_keras_model *model, const hmlc_json *value)
{
    const hmlc_json *history = history_of(value);
    int64_t call;
    if (history != NULL) {
        const char *name = hmlc_json_text(hmlc_json_at(history, 0));
        hmlc_keras_layer *layer = name != NULL ? hmlc_names_find(&model->by_name, name) : NULL;
        if (layer != NULL && layer->model != NULL &&
            hmlc_json_integer(hmlc_json_at(history, 1), &call) && call == layer->call_count) {
            layer->counts_own_call = true;
        }
    }
    for (const hmlc_json *part = value != NULL ? value->first : NULL; part != NULL;
         part = part->next) {
        note_own_calls(model, part);
    }
}

static hmlc_status add_history(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                               const hmlc_json *history, hmlc_keras_refs *refs)
{
    const char *name = hmlc_json_text(hmlc_json_at(history, 0));
    const hmlc_keras_layer *layer = name != NULL ? hmlc_names_find(&model->by_name, name) : NULL;
    int64_t call, output;
    if (name != NULL && strcmp(name, "_CONSTANT_VALUE") == 0) {
        return HMLC_OK;
    }
    if (layer == NULL) {
        return invalid(importer, name != NULL ? name : "", "is read, and does not exist");
    }
    if (!hmlc_json_integer(hmlc_json_at(history, 1), &call) ||
        !hmlc_json_integer(hmlc_json_at(history, 2), &output) || call < 0 || output < 0 ||
        output > UINT16_MAX) {
        return invalid(importer, name, "is read in a way that makes no sense");
    }
    call -= layer->counts_own_call ? 1 : 0;
    if (call < 0 || call >= layer->call_count) {
        return invalid(importer, name, "is read after more calls than it has");
    }
    return hmlc_keras_refs_add(
        importer, refs,
        (hmlc_keras_ref){.node = layer->first_node + (uint32_t)call, .output = (uint32_t)output});
}

hmlc_status hmlc_keras_collect(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                               const hmlc_json *value, hmlc_keras_refs *refs)
{
    const hmlc_json *history = history_of(value);
    if (history != NULL) {
        return add_history(importer, model, history, refs);
    }
    for (const hmlc_json *part = value != NULL ? value->first : NULL; part != NULL;
         part = part->next) {
        HMLC_TRY(hmlc_keras_collect(importer, model, part, refs));
    }
    return HMLC_OK;
}

/* The calls that the file lists of a layer; an input layer has one that reads nothing. */
static uint32_t count_calls(const hmlc_keras_layer *layer)
{
    return layer->is_input                                 ? 1
           : hmlc_json_is(layer->inbound, HMLC_JSON_ARRAY) ? layer->inbound->count
                                                           : 0;
}

/* What one entry of inbound_nodes says. */
static hmlc_status read_call(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                             const hmlc_json *call, hmlc_keras_node *node)
{
    if (hmlc_json_get(call, "args") != NULL) {
        node->inputs = hmlc_json_get(call, "args");
        node->arguments = hmlc_json_get(call, "kwargs");
    } else {
        bool flat = history_of(call) != NULL;
        node->inputs = call;
        node->arguments = hmlc_json_at(flat ? call : hmlc_json_at(call, 0), 3);
    }
    HMLC_TRY(hmlc_keras_collect(importer, model, node->inputs, &node->given));
    return hmlc_keras_collect(importer, model, node->arguments, &node->others);
}

/* The layers of a Sequential model read each other in turn. */
static hmlc_status read_chain(hmlc_keras_importer *importer, hmlc_keras_model *model)
{
    model->node_count = model->layer_count;
    for (uint32_t i = 0; i < model->layer_count; i++) {
        hmlc_keras_layer *layer = model->layers[i];
        layer->first_node = i;
        layer->call_count = 1;
        model->nodes[i].layer = layer;
        if (i > 0) {
            HMLC_TRY(hmlc_keras_refs_add(importer, &model->nodes[i].given,
                                         (hmlc_keras_ref){.node = i - 1}));
        }
    }
    HMLC_TRY(hmlc_keras_refs_add(importer, &model->inputs, (hmlc_keras_ref){0}));
    return hmlc_keras_refs_add(importer, &model->outputs,
                               (hmlc_keras_ref){.node = model->layer_count - 1});
}

hmlc_status hmlc_keras_read_nodes(hmlc_keras_importer *importer, hmlc_keras_model *model,
                                  const hmlc_json *outputs)
{
    size_t count = 0;
    for (uint32_t i = 0; i < model->layer_count; i++) {
        count += model->sequential ? 1 : count_calls(model->layers[i]);
    }
    model->nodes = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_keras_node, count);
    HMLC_TRY_MEMORY(model->nodes);
    if (model->sequential) {
        return read_chain(importer, model);
    }
    for (uint32_t i = 0; i < model->layer_count; i++) {
        hmlc_keras_layer *layer = model->layers[i];
        layer->first_node = model->node_count;
        layer->call_count = count_calls(layer);
        for (uint32_t k = 0; k < layer->call_count; k++) {
            model->nodes[model->node_count++].layer = layer;
        }
    }
    note_own_calls(model, outputs);
    for (uint32_t i = 0; i < model->layer_count; i++) {
        note_own_calls(model, model->layers[i]->inbound);
    }
    for (uint32_t i = 0; i < model->layer_count; i++) {
        const hmlc_keras_layer *layer = model->layers[i];
        const hmlc_json *call = layer->is_input ? NULL : layer->inbound;
        call = call != NULL ? call->first : NULL;
        for (uint32_t k = 0; call != NULL; k++, call = call->next) {
            HMLC_TRY(read_call(importer, model, call, &model->nodes[layer->first_node + k]));
        }
    }
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* From a config to layers: Functional models, Sequential ones, models within models. */
#include "keras_import.h"

#include <inttypes.h>
#include <string.h>

static hmlc_status invalid(const hmlc_keras_importer *importer, const char *name,
                           const char *problem)
{
    return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_file_damaged,
                          importer->base->where, "save the model again",
                          "the model's config: '%s' %s", name, problem);
}

static bool is_sequential(const char *class_name)
{
    return strcmp(class_name, "Sequential") == 0;
}

/* Keras 1 and 2 write "Model", newer ones "Functional". */
static bool is_model(const char *class_name)
{
    return is_sequential(class_name) || strcmp(class_name, "Functional") == 0 ||
           strcmp(class_name, "Model") == 0;
}

/* The list of layers, which Sequential models of Keras 1 are themselves. */
static const hmlc_json *layers_of(const hmlc_json *config)
{
    const hmlc_json *layers =
        hmlc_json_is(config, HMLC_JSON_ARRAY) ? config : hmlc_json_get(config, "layers");
    return hmlc_json_is(layers, HMLC_JSON_ARRAY) ? layers : NULL;
}

/* A layer's class as the table has it: newer files say "Custom>Name" of what is not Keras' own. */
static hmlc_status name_layer(hmlc_keras_importer *importer, const hmlc_json *object,
                              const char *path, hmlc_keras_layer *layer)
{
    const char *class_name = hmlc_json_text(hmlc_json_get(object, "class_name"));
    const char *name = hmlc_json_text(hmlc_json_get(object, "name"));
    layer->config = hmlc_json_get(object, "config");
    const char *inner = hmlc_json_text(hmlc_json_get(layer->config, "name"));
    layer->name = name != NULL ? name : inner != NULL ? inner : "";
    if (class_name == NULL || (layer->config == NULL && !is_sequential(class_name))) {
        return invalid(importer, layer->name, "is no layer: it has no class_name or no config");
    }
    layer->class_name = class_name;
    layer->inbound = hmlc_json_get(object, "inbound_nodes");
    layer->row = hmlc_keras_find_row(class_name);
    layer->is_input = strcmp(class_name, "InputLayer") == 0;
    layer->path = path[0] == '\0'
                      ? layer->name
                      : hmlc_arena_printf(importer->base->scratch, "%s/%s", path, layer->name);
    HMLC_TRY_MEMORY(layer->path);
    return HMLC_OK;
}

static hmlc_status read_layer(hmlc_keras_importer *importer, const hmlc_json *object,
                              const char *path, hmlc_keras_layer *layer);

static hmlc_status read_wrapped(hmlc_keras_importer *importer, hmlc_keras_layer *layer,
                                const char *key, uint32_t index)
{
    const hmlc_json *object = hmlc_json_get(layer->config, key);
    if (!hmlc_json_is(object, HMLC_JSON_OBJECT)) {
        return HMLC_OK;
    }
    if (importer->depth >= HMLC_KERAS_MOST_DEPTH) {
        return invalid(importer, layer->name, "is nested too deeply");
    }
    hmlc_keras_layer *inner = HMLC_NEW(importer->base->scratch, hmlc_keras_layer);
    HMLC_TRY_MEMORY(inner);
    layer->wrapped[index] = inner;
    importer->depth++;
    hmlc_status status = read_layer(importer, object, layer->path, inner);
    importer->depth--;
    return status;
}

static hmlc_status read_layer(hmlc_keras_importer *importer, const hmlc_json *object,
                              const char *path, hmlc_keras_layer *layer)
{
    HMLC_TRY(name_layer(importer, object, path, layer));
    if (is_model(layer->class_name)) {
        return hmlc_keras_read_model(importer, object, layer->path, &layer->model);
    }
    HMLC_TRY(read_wrapped(importer, layer, "layer", 0));
    return read_wrapped(importer, layer, "backward_layer", 1);
}

/* The shape that a Sequential model's first layer says of the input. */
static const hmlc_json *input_shape(const hmlc_json *model_config, const hmlc_json *first)
{
    static const char *const keys[] = {"batch_shape", "batch_input_shape"};
    const hmlc_json *config = hmlc_json_get(first, "config");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const hmlc_json *shape = hmlc_json_get(config, keys[i]);
        if (shape != NULL) {
            return shape;
        }
    }
    const hmlc_json *layers = layers_of(config);
    if (layers != NULL && layers->first != NULL) {
        const hmlc_json *shape = input_shape(config, layers->first);
        if (shape != NULL) {
            return shape;
        }
    }
    return hmlc_json_get(model_config, "build_input_shape");
}

/*
 * Sequential models of Keras 2 leave the input layer out; Keras names it after the first one. An
 * input layer's config is the shape and the type, which an object of two members says here.
 */
static hmlc_status add_input_layer(hmlc_keras_importer *importer, const hmlc_json *model_config,
                                   const hmlc_json *first, hmlc_keras_layer *layer)
{
    hmlc_arena *scratch = importer->base->scratch;
    const hmlc_json *config = hmlc_json_get(first, "config");
    const hmlc_json *shape = input_shape(model_config, first);
    const hmlc_json *dtype = hmlc_json_get(config, "dtype");
    const char *name = hmlc_json_text(hmlc_json_get(config, "name"));
    hmlc_json *made = HMLC_NEW(scratch, hmlc_json),
              *members = HMLC_NEW_ARRAY(scratch, hmlc_json, 2);
    HMLC_TRY_MEMORY(made);
    HMLC_TRY_MEMORY(members);
    *made = (hmlc_json){.kind = HMLC_JSON_OBJECT};
    if (shape != NULL) {
        members[0] = *shape;
        members[0].key = "batch_shape";
        members[0].next = NULL;
        made->first = &members[0];
        made->count = 1;
    }
    if (shape != NULL && hmlc_json_text(dtype) != NULL) {
        members[1] = *dtype;
        members[1].next = NULL;
        members[0].next = &members[1];
        made->count = 2;
    }
    *layer = (hmlc_keras_layer){.class_name = "InputLayer", .config = made, .is_input = true};
    layer->row = hmlc_keras_find_row("InputLayer");
    layer->name = hmlc_arena_printf(scratch, "%s_input", name != NULL ? name : "model");
    layer->path = layer->name;
    HMLC_TRY_MEMORY(layer->name);
    return HMLC_OK;
}

static hmlc_status add_layer(hmlc_keras_importer *importer, hmlc_keras_model *model,
                             hmlc_keras_layer *layer)
{
    if (hmlc_names_find(&model->by_name, layer->name) != NULL) {
        return invalid(importer, layer->name, "is the name of two layers");
    }
    model->layers[model->layer_count++] = layer;
    return hmlc_names_set(&model->by_name, layer->name, layer);
}

static hmlc_status read_layers(hmlc_keras_importer *importer, const hmlc_json *config,
                               const char *path, hmlc_keras_model *model)
{
    hmlc_arena *scratch = importer->base->scratch;
    const hmlc_json *layers = layers_of(config);
    if (layers == NULL || layers->count == 0) {
        return invalid(importer, model->name, "is a model without layers");
    }
    model->layers = HMLC_NEW_ARRAY(scratch, hmlc_keras_layer *, (size_t)layers->count + 1);
    hmlc_keras_layer *storage =
        HMLC_NEW_ARRAY(scratch, hmlc_keras_layer, (size_t)layers->count + 1);
    HMLC_TRY_MEMORY(model->layers);
    HMLC_TRY_MEMORY(storage);
    model->by_name = hmlc_names_create(scratch);
    if (model->sequential &&
        !hmlc_json_is_text(hmlc_json_get(layers->first, "class_name"), "InputLayer")) {
        HMLC_TRY(add_input_layer(importer, config, layers->first, storage));
        HMLC_TRY(add_layer(importer, model, storage++));
    }
    for (const hmlc_json *object = layers->first; object != NULL; object = object->next) {
        HMLC_TRY(read_layer(importer, object, path, storage));
        HMLC_TRY(add_layer(importer, model, storage++));
    }
    return HMLC_OK;
}

hmlc_status hmlc_keras_read_model(hmlc_keras_importer *importer, const hmlc_json *object,
                                  const char *path, hmlc_keras_model **model)
{
    const char *class_name = hmlc_json_text(hmlc_json_get(object, "class_name"));
    const hmlc_json *config = hmlc_json_get(object, "config");
    const char *name = hmlc_json_text(hmlc_json_get(config, "name"));
    if (class_name == NULL || !is_model(class_name)) {
        return hmlc_error_add(
            importer->base->module->diagnostics, HMLC_ERROR_op_unsupported, importer->base->where,
            "build it with keras.Model(inputs, outputs) or keras.Sequential, or export it to ONNX",
            "the model's class is '%s': what it does is Python code, which is never run",
            class_name != NULL ? class_name : "");
    }
    if (importer->depth >= HMLC_KERAS_MOST_DEPTH) {
        return invalid(importer, name != NULL ? name : "", "is nested too deeply");
    }
    *model = HMLC_NEW(importer->base->scratch, hmlc_keras_model);
    HMLC_TRY_MEMORY(*model);
    (*model)->name = name != NULL ? name : "model";
    (*model)->sequential = is_sequential(class_name);
    importer->depth++;
    hmlc_status status = read_layers(importer, config, path, *model);
    importer->depth--;
    HMLC_TRY(status);
    HMLC_TRY(hmlc_keras_read_nodes(importer, *model, hmlc_json_get(config, "output_layers")));
    if ((*model)->sequential) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_keras_collect(importer, *model, hmlc_json_get(config, "input_layers"),
                                &(*model)->inputs));
    HMLC_TRY(hmlc_keras_collect(importer, *model, hmlc_json_get(config, "output_layers"),
                                &(*model)->outputs));
    return (*model)->outputs.count > 0 ? HMLC_OK
                                       : invalid(importer, (*model)->name, "has no outputs");
}

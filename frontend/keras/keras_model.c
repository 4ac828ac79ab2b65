/* SPDX-License-Identifier: Apache-2.0 */
/* The importer's entry: inputs of the outermost model, its call, its outputs. */
#include "importer/input_dims.h"
#include "keras_import.h"

#include <inttypes.h>
#include <string.h>

/* The shape of an input layer, under its names in three versions. */
static const hmlc_json *shape_of(const hmlc_keras_layer *layer)
{
    static const char *const keys[] = {"batch_shape", "batch_input_shape"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const hmlc_json *shape = hmlc_json_get(layer->config, keys[i]);
        if (hmlc_json_is(shape, HMLC_JSON_ARRAY)) {
            return shape;
        }
    }
    return NULL;
}

/* All inputs leave the size of the batch open: it is one symbol then. */
static bool has_batch(const hmlc_keras_model *model)
{
    bool open = model->inputs.count > 0;
    for (uint32_t i = 0; i < model->inputs.count; i++) {
        const hmlc_json *shape = shape_of(model->nodes[model->inputs.list[i].node].layer);
        open = open && hmlc_json_is(hmlc_json_at(shape, 0), HMLC_JSON_NULL);
    }
    return open;
}

static hmlc_status input_dtype(hmlc_keras_importer *importer, const hmlc_keras_layer *layer,
                               const hmlc_location *where, hmlc_dtype *dtype)
{
    static const struct {
        const char *name;
        hmlc_dtype dtype;
    } rows[] = {
        {"float32", HMLC_DTYPE_f32}, {"float64", HMLC_DTYPE_f64}, {"float16", HMLC_DTYPE_f16},
        {"int8", HMLC_DTYPE_i8},     {"int16", HMLC_DTYPE_i16},   {"int32", HMLC_DTYPE_i32},
        {"int64", HMLC_DTYPE_i64},   {"uint8", HMLC_DTYPE_u8},    {"uint16", HMLC_DTYPE_u16},
        {"uint32", HMLC_DTYPE_u32},  {"uint64", HMLC_DTYPE_u64},  {"bool", HMLC_DTYPE_bool}};
    const hmlc_json *entry = hmlc_json_get(layer->config, "dtype");
    if (entry == NULL) {
        entry = hmlc_json_get(layer->config, "input_dtype"); /* Keras 1 */
    }
    const char *name = hmlc_json_text(entry);
    if (name == NULL) {
        name = hmlc_json_text(hmlc_json_get(hmlc_json_get(entry, "config"), "name"));
    }
    name = name != NULL ? name : "float32";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *dtype = rows[i].dtype;
            return HMLC_OK;
        }
    }
    return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_op_unsupported_type,
                          where, NULL, "the input's element type '%s' is not supported", name);
}

static hmlc_status check_shape(hmlc_keras_importer *importer, const hmlc_json *shape,
                               const hmlc_location *where)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    if (shape == NULL || shape->count == 0) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_rank_unknown, where,
                              "give the first layer an input_shape and save the model again",
                              "the model does not say what shape its input has");
    }
    if (shape->count > HMLC_MAX_RANK) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_not_implemented, where, NULL,
                              "the input has rank %" PRIu32 "; at most %d is supported",
                              shape->count, HMLC_MAX_RANK);
    }
    for (const hmlc_json *dim = shape->first; dim != NULL; dim = dim->next) {
        int64_t size;
        if (dim->kind != HMLC_JSON_NULL &&
            (!hmlc_json_integer(dim, &size) || size < 0 || size > HMLC_DIM_UNBOUNDED)) {
            return hmlc_error_add(diagnostics, HMLC_ERROR_file_damaged, where, NULL,
                                  "the shape of the input holds %s", hmlc_json_kind_name(dim));
        }
    }
    return HMLC_OK;
}

/* NULL, with a diagnostic, where the input is refused. */
static hmlc_status add_input(hmlc_keras_importer *importer, const hmlc_keras_layer *layer,
                             bool batch, hmlc_value **value)
{
    hmlc_importer *base = importer->base;
    const hmlc_json *shape = shape_of(layer);
    const hmlc_location *where = hmlc_keras_locate(importer, layer);
    hmlc_dtype dtype = HMLC_DTYPE_f32;
    hmlc_dim dims[HMLC_MAX_RANK];
    HMLC_TRY_MEMORY(where);
    HMLC_TRY(check_shape(importer, shape, where));
    HMLC_TRY(input_dtype(importer, layer, where, &dtype));
    uint32_t rank = 0;
    for (const hmlc_json *dim = shape->first; dim != NULL; dim = dim->next, rank++) {
        int64_t size = 0;
        bool known = hmlc_json_integer(dim, &size);
        dims[rank] = known                ? hmlc_dim_constant(base->module->dims, size)
                     : rank == 0 && batch ? hmlc_input_dim_named(base, "batch", layer->name, 0)
                                          : hmlc_input_dim_unnamed(base, layer->name, rank);
        HMLC_TRY_MEMORY(dims[rank]);
    }
    const hmlc_type *type = hmlc_type_tensor(base->module->arena, dtype, (int32_t)rank, dims);
    HMLC_TRY_MEMORY(type);
    if (!hmlc_importer_check_size(base, layer->name, type, where)) {
        return HMLC_DAMAGED;
    }
    hmlc_binding *binding = hmlc_scope_bind(base, importer->scope, layer->name);
    HMLC_TRY_MEMORY(binding);
    hmlc_scope_add_input(base, importer->scope, binding, type);
    *value = binding->value;
    return base->fatal;
}

static hmlc_status add_inputs(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                              hmlc_value **values)
{
    static const char *const texts[] = {"batch"};
    bool batch = has_batch(model);
    HMLC_TRY(hmlc_input_dims_prepare(importer->base, texts, batch ? 1 : 0));
    for (uint32_t i = 0; i < model->inputs.count; i++) {
        const hmlc_keras_layer *layer = model->nodes[model->inputs.list[i].node].layer;
        values[i] = NULL;
        if (!layer->is_input) {
            return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_value_undefined,
                                  hmlc_keras_locate(importer, layer), NULL,
                                  "the model's input is no input layer");
        }
        hmlc_status status = add_input(importer, layer, batch, &values[i]);
        if (status == HMLC_RESOURCE) {
            return status;
        }
    }
    return HMLC_OK;
}

/* Outputs are called after their layers, a second one of that name "_1", as in Keras. */
static hmlc_status finish(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                          hmlc_value *const *values)
{
    hmlc_importer *base = importer->base;
    hmlc_names used = hmlc_names_create(base->scratch);
    const char **names = HMLC_NEW_ARRAY(base->scratch, const char *, model->outputs.count);
    HMLC_TRY_MEMORY(names);
    for (uint32_t i = 0; i < model->outputs.count; i++) {
        const char *layer = model->nodes[model->outputs.list[i].node].layer->name;
        names[i] = layer;
        for (uint32_t k = 1; hmlc_names_find(&used, names[i]) != NULL; k++) {
            names[i] = hmlc_arena_printf(base->scratch, "%s_%" PRIu32, layer, k);
            HMLC_TRY_MEMORY(names[i]);
        }
        HMLC_TRY(hmlc_names_set(&used, names[i], &used));
        hmlc_binding *binding = hmlc_scope_bind(base, importer->scope, names[i]);
        HMLC_TRY_MEMORY(binding);
        binding->value = values[i];
        binding->state = values[i] != NULL ? HMLC_BINDING_READY : HMLC_BINDING_POISONED;
    }
    return hmlc_scope_finish(base, importer->scope, names, model->outputs.count);
}

hmlc_status hmlc_keras_import(hmlc_importer *base)
{
    hmlc_body body = {.region = base->module->main};
    hmlc_scope scope = {.body = &body, .path = ""};
    hmlc_keras_importer importer = {.base = base, .scope = &scope};
    hmlc_keras_model *model;
    base->constants.word = "weight";
    HMLC_TRY(hmlc_keras_open(&importer));
    HMLC_TRY(hmlc_keras_read_model(&importer, importer.config, "", &model));
    HMLC_TRY(hmlc_keras_find_weights(&importer, model));
    hmlc_value **inputs = HMLC_NEW_ARRAY(base->scratch, hmlc_value *, model->inputs.count);
    hmlc_value **outputs = HMLC_NEW_ARRAY(base->scratch, hmlc_value *, model->outputs.count);
    HMLC_TRY_MEMORY(inputs);
    HMLC_TRY_MEMORY(outputs);
    HMLC_TRY(add_inputs(&importer, model, inputs));
    HMLC_TRY(hmlc_keras_run_model(&importer, model, inputs, outputs));
    base->module->source_node_count = importer.runs;
    return finish(&importer, model, outputs);
}

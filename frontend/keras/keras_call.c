/* SPDX-License-Identifier: Apache-2.0 */
/* What import functions ask of a layer's call. */
#include "keras_call.h"
#include "importer/stored_tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const hmlc_json *hmlc_keras_entry(const hmlc_keras_call *call, const char *key)
{
    const hmlc_json *entry = hmlc_json_get(call->layer->config, key);
    return hmlc_json_is(entry, HMLC_JSON_NULL) ? NULL : entry;
}

int64_t hmlc_keras_int(hmlc_keras_call *call, const char *key, int64_t otherwise)
{
    return hmlc_node_int(&call->node, key, otherwise);
}

double hmlc_keras_float(hmlc_keras_call *call, const char *key, double otherwise)
{
    return hmlc_node_float(&call->node, key, otherwise);
}

bool hmlc_keras_flag(hmlc_keras_call *call, const char *key, bool otherwise)
{
    return hmlc_node_int(&call->node, key, otherwise) != 0;
}

const char *hmlc_keras_text(hmlc_keras_call *call, const char *key, const char *otherwise)
{
    const hmlc_json *entry = hmlc_keras_entry(call, key);
    const char *text = hmlc_json_text(entry);
    if (entry != NULL && text == NULL && entry->kind != HMLC_JSON_OBJECT) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "'%s' must be a text", key);
    }
    return text != NULL ? text : otherwise;
}

void hmlc_keras_positive(hmlc_keras_call *call, const char *key, int32_t count, int64_t otherwise,
                         int64_t *values)
{
    const hmlc_json *entry = hmlc_keras_entry(call, key);
    bool list = hmlc_json_is(entry, HMLC_JSON_ARRAY);
    if (list && entry->count != (uint32_t)count) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL,
                        "'%s' has %" PRIu32 " entries, should have %d", key, entry->count, count);
    }
    const hmlc_json *element = list ? entry->first : entry;
    for (int32_t i = 0; i < count; i++) {
        values[i] = otherwise;
        if (element != NULL &&
            (!hmlc_json_integer(element, &values[i]) || values[i] < 1 || values[i] > INT32_MAX)) {
            hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL,
                            "'%s' holds something else than positive whole numbers", key);
            values[i] = 1;
        }
        element = list && element != NULL ? element->next : element;
    }
}

int64_t hmlc_keras_layout(hmlc_keras_call *call)
{
    /* Keras 1: "th" and "tf" are Theano's and TensorFlow's order. */
    const char *word =
        hmlc_keras_text(call, "data_format", hmlc_keras_text(call, "dim_ordering", "default"));
    if (strcmp(word, "channels_first") == 0 || strcmp(word, "th") == 0) {
        return HMLC_LAYOUT_CHANNELS_FIRST;
    }
    if (strcmp(word, "channels_last") != 0 && strcmp(word, "tf") != 0 &&
        strcmp(word, "default") != 0) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "the data format is '%s'", word);
    }
    return HMLC_LAYOUT_CHANNELS_LAST;
}

bool hmlc_keras_check_rank(hmlc_keras_call *call, int32_t rank)
{
    if (hmlc_keras_ok(call) && hmlc_node_rank(&call->node, 0) != rank) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be %d",
                        hmlc_node_rank(&call->node, 0), rank);
    }
    return hmlc_keras_ok(call);
}

/* -- weights ----------------------------------------------------------------------------------- */

/* Big-endian elements, the other way round. */
static hmlc_status swap_bytes(hmlc_module *module, hmlc_tensor *tensor)
{
    size_t width = hmlc_dtype_bytes(tensor->dtype);
    const uint8_t *from = tensor->data;
    uint8_t *to = hmlc_arena_allocate(module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(to);
    for (size_t i = 0; i < tensor->bytes; i++) {
        to[i] = from[i / width * width + (width - 1 - i % width)];
    }
    tensor->data = to;
    return HMLC_OK;
}

static hmlc_status load_weight(hmlc_keras_call *call, hmlc_keras_weight *weight)
{
    hmlc_keras_importer *importer = call->importer;
    hmlc_importer *base = importer->base;
    hmlc_tensor tensor;
    bool swapped;
    const char *name =
        hmlc_arena_printf(base->module->arena, "%s/%s", call->layer->path, weight->name);
    HMLC_TRY_MEMORY(name);
    const hmlc_location *where =
        hmlc_location_create(base->module->arena, base->file, name, "weight");
    HMLC_TRY_MEMORY(where);
    importer->file.where = where;
    hmlc_status status =
        hmlc_hdf5_tensor(&importer->file, weight->dataset, name, &tensor, &swapped);
    importer->file.where = base->where;
    HMLC_TRY(status);
    if (swapped) {
        HMLC_TRY(swap_bytes(base->module, &tensor));
    }
    HMLC_TRY(hmlc_stored_tensor_use(base, &tensor, tensor.data, tensor.bytes, where));
    hmlc_builder builder = call->node.emit.builder;
    builder.location = where;
    HMLC_TRY(hmlc_build_constant(&builder, &tensor, &weight->value));
    weight->value->name = name;
    return HMLC_OK;
}

hmlc_value *hmlc_keras_weight_of(hmlc_keras_call *call, const char *name, int32_t rank)
{
    const hmlc_keras_layer *layer = call->layer;
    hmlc_keras_weight *found = NULL;
    for (uint32_t i = 0; i < layer->weight_count && found == NULL; i++) {
        found = strcmp(layer->weights[i].name, name) == 0 ? &layer->weights[i] : NULL;
    }
    if (found == NULL || !hmlc_keras_ok(call)) {
        return NULL;
    }
    if (found->value == NULL) {
        hmlc_status status = load_weight(call, found);
        if (status != HMLC_OK) {
            call->node.emit.status = status;
            return NULL;
        }
    }
    if (found->value->type->rank != rank) {
        hmlc_keras_fail(call, HMLC_ERROR_tensor_data_invalid, NULL,
                        "the weight '%s' has rank %d, must be %d", name, found->value->type->rank,
                        rank);
    }
    return hmlc_keras_emitter(call)->status == HMLC_OK
               ? hmlc_emit_cast(hmlc_keras_emitter(call), found->value, HMLC_DTYPE_f32)
               : NULL;
}

void hmlc_keras_check_dim(hmlc_keras_call *call, const hmlc_value *weight, int32_t axis,
                          const char *const keys[2], int64_t times)
{
    const char *key = hmlc_keras_entry(call, keys[0]) != NULL ? keys[0] : keys[1];
    int64_t said, size = -1;
    if (weight == NULL || !hmlc_keras_ok(call) || key == NULL ||
        !hmlc_json_integer(hmlc_keras_entry(call, key), &said)) {
        return;
    }
    (void)hmlc_dim_is_constant(weight->type->dims[axis], &size);
    if (said > INT32_MAX || said * times != size) {
        hmlc_keras_fail(call, HMLC_ERROR_tensor_data_invalid,
                        "give the file that the model was saved to",
                        "has '%s' %" PRId64 ", but the weight '%s' has %" PRId64 " along dim %d",
                        key, said, weight->name != NULL ? weight->name : "", size, axis);
    }
}

/* -- arguments --------------------------------------------------------------------------------- */

uint32_t hmlc_keras_tensors(hmlc_keras_call *call, const char *name, hmlc_value **values,
                            uint32_t most)
{
    hmlc_keras_refs refs = {0};
    if (call->source == NULL) {
        return 0;
    }
    hmlc_status status = hmlc_keras_collect(call->importer, call->model,
                                            hmlc_json_get(call->source->arguments, name), &refs);
    if (status != HMLC_OK) {
        call->node.emit.status = status;
        return 0;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < refs.count && count < most; i++) {
        const hmlc_keras_node *node = &call->model->nodes[refs.list[i].node];
        hmlc_value *value =
            refs.list[i].output < node->output_count ? node->outputs[refs.list[i].output] : NULL;
        if (value != NULL) {
            values[count++] = value;
        }
    }
    return count;
}

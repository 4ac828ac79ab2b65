/* SPDX-License-Identifier: Apache-2.0 */
#include "keras_check.h"

#include <string.h>

/* What any layer's config says and what changes nothing when a trained model runs. */
static const char general_keys[] =
    "name trainable dtype batch_input_shape batch_shape input_shape input_dtype batch_size seed "
    "build_config autocast activity_regularizer quantization_config lora_rank registered_name "
    "module "
    "init weights bias_constraint shared_object_id";

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool is_known_key(const hmlc_keras_row *row, const char *key)
{
    return hmlc_names_listed(general_keys, key) || hmlc_names_listed(row->keys, key) ||
           ends_with(key, "_initializer") || ends_with(key, "_regularizer") ||
           ends_with(key, "_constraint");
}

static void check_keys(hmlc_keras_call *call)
{
    const hmlc_json *config = call->layer->config;
    const hmlc_json *entry = hmlc_json_is(config, HMLC_JSON_OBJECT) ? config->first : NULL;
    for (; entry != NULL; entry = entry->next) {
        bool off =
            entry->kind == HMLC_JSON_NULL || (entry->kind == HMLC_JSON_BOOL && entry->number == 0);
        if (!off && !is_known_key(call->layer->row, entry->key)) {
            hmlc_keras_fail(call, HMLC_ERROR_not_implemented,
                            "if it changes nothing when the model runs, remove it and save again",
                            "has '%s' in its config, which is not known here", entry->key);
        }
    }
}

/* The types of a layer's numbers: f32, whose names are older than policies. */
static void check_policy(hmlc_keras_call *call)
{
    const hmlc_json *entry = hmlc_json_get(call->layer->config, "dtype");
    const char *name = hmlc_json_text(entry);
    if (name == NULL) {
        name = hmlc_json_text(hmlc_json_get(hmlc_json_get(entry, "config"), "name"));
    }
    if (name != NULL && !call->layer->is_input && strcmp(name, "float32") != 0 &&
        strncmp(name, "int", 3) != 0 && strcmp(name, "bool") != 0) {
        hmlc_keras_fail(call, HMLC_ERROR_op_unsupported_type,
                        "save the model with the policy \"float32\"",
                        "computes by the policy '%s'; only float32 is supported", name);
    }
}

static const char *next_row(void *context)
{
    uint32_t *next = context;
    const hmlc_keras_row *row = hmlc_keras_row_at((*next)++);
    return row != NULL ? row->name : NULL;
}

static void refuse_unknown(hmlc_keras_call *call)
{
    uint32_t next = 0;
    const char *similar = hmlc_names_similar(call->layer->class_name, next_row, &next);
    const char *hint = similar != NULL ? hmlc_arena_printf(call->importer->base->scratch,
                                                           "did you mean '%s'?", similar)
                                       : "replace it by layers of Keras";
    hmlc_keras_fail(call, HMLC_ERROR_op_unknown, hint,
                    "is no layer of Keras: what it does is Python code, which is never run");
}

bool hmlc_keras_check_layer(hmlc_keras_call *call)
{
    const hmlc_keras_row *row = call->layer->row;
    if (row == NULL) {
        refuse_unknown(call);
        return false;
    }
    if (row->import == NULL) {
        hmlc_keras_fail(call, HMLC_ERROR_op_unsupported,
                        row->reason != NULL ? "replace it by layers of Keras" : NULL, "%s",
                        row->reason != NULL ? row->reason : "is not supported");
        return false;
    }
    check_keys(call);
    check_policy(call);
    if (call->node.input_count == 0) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL, "is called without an input");
    }
    if (call->layer->broken && hmlc_keras_ok(call)) {
        call->node.emit.status = HMLC_DAMAGED;
    }
    return hmlc_keras_ok(call);
}

void hmlc_keras_import_call(hmlc_node *node)
{
    hmlc_keras_call *call = (hmlc_keras_call *)node;
    call->layer->row->import(call);
}

/* -- masks ------------------------------------------------------------------------------------- */

static bool is_masked(const hmlc_keras_importer *importer, const hmlc_value *value)
{
    return value != NULL && value->id < importer->mask_room && importer->masked[value->id];
}

static hmlc_status set_masked(hmlc_keras_importer *importer, const hmlc_value *value)
{
    if (value->id >= importer->mask_room) {
        uint32_t room = value->id * 2 + 64;
        bool *masked = HMLC_NEW_ARRAY(importer->base->scratch, bool, room);
        HMLC_TRY_MEMORY(masked);
        if (importer->mask_room > 0) {
            memcpy(masked, importer->masked, importer->mask_room);
        }
        importer->masked = masked;
        importer->mask_room = room;
    }
    importer->masked[value->id] = true;
    return HMLC_OK;
}

static bool any_masked(const hmlc_keras_call *call)
{
    bool masked = false;
    for (uint32_t i = 0; i < call->node.input_count; i++) {
        masked = masked || is_masked(call->importer, call->node.inputs[i]);
    }
    return masked;
}

void hmlc_keras_check_masks(hmlc_keras_call *call)
{
    static const char readers[] = "LSTM GRU SimpleRNN Bidirectional GlobalAveragePooling1D Softmax "
                                  "Concatenate BatchNormalization";
    if (hmlc_names_listed(readers, call->layer->class_name) && any_masked(call)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented,
                        "leave out mask_zero where all sequences have one length",
                        "has an input with a mask (of an Embedding with mask_zero), which is not "
                        "supported");
    }
}

hmlc_status hmlc_keras_pass_masks(hmlc_keras_call *call)
{
    bool begins = strcmp(call->layer->class_name, "Embedding") == 0 &&
                  hmlc_keras_flag(call, "mask_zero", false);
    /* Where an axis of steps is gone, nobody asks for its mask. */
    const hmlc_value *output = call->node.outputs[0];
    bool ends = strcmp(call->layer->class_name, "Flatten") == 0 ||
                strcmp(call->layer->class_name, "GlobalMaxPooling1D") == 0;
    return output != NULL && !ends && (begins || any_masked(call))
               ? set_masked(call->importer, output)
               : HMLC_OK;
}

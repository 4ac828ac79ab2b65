/* SPDX-License-Identifier: Apache-2.0 */
#include "tflite_model.h"

#include <inttypes.h>

/* `count` records in scratch memory; RESOURCE without memory. */
#define NEW_RECORDS(model, type, count, records)                                                   \
    do {                                                                                           \
        (records) = HMLC_NEW_ARRAY((model)->base->scratch, type, (size_t)(count) + 1);             \
        HMLC_TRY_MEMORY(records);                                                                  \
    } while (0)

static bool sound(const hmlc_tflite_model *model)
{
    return model->file.problem == NULL;
}

/* -- buffers and operator codes -- */

/* The bytes of a buffer: within the FlatBuffer, or behind it at an offset of the file. */
static hmlc_flat_vector buffer_content(hmlc_tflite_model *model, const hmlc_flat_table *buffer)
{
    hmlc_flat_file *file = &model->file;
    uint64_t offset = (uint64_t)hmlc_flat_int(buffer, HMLC_TFLITE_BUFFER_OFFSET, HMLC_FLAT_U64, 0);
    uint64_t size = (uint64_t)hmlc_flat_int(buffer, HMLC_TFLITE_BUFFER_SIZE, HMLC_FLAT_U64, 0);
    if (offset <= 1) { /* writers put 1 where they will fill in more */
        return hmlc_flat_list(buffer, HMLC_TFLITE_BUFFER_DATA, HMLC_FLAT_U8);
    }
    if (offset > file->size || size > file->size - offset || size > UINT32_MAX) {
        hmlc_flat_fail(file, buffer->at, "a buffer lies outside the file");
        return (hmlc_flat_vector){0};
    }
    return (hmlc_flat_vector){
        .data = size > 0 ? file->data + offset : NULL, .count = (uint32_t)size, .given = true};
}

static hmlc_status read_buffers(hmlc_tflite_model *model, const hmlc_flat_table *root)
{
    hmlc_flat_vector list = hmlc_flat_children(root, HMLC_TFLITE_MODEL_BUFFERS);
    NEW_RECORDS(model, hmlc_flat_vector, list.count, model->buffers);
    model->buffer_count = list.count;
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table buffer = hmlc_flat_child_at(&model->file, list, i);
        model->buffers[i] = buffer_content(model, &buffer);
    }
    return HMLC_OK;
}

static hmlc_status read_codes(hmlc_tflite_model *model, const hmlc_flat_table *root)
{
    hmlc_flat_vector list = hmlc_flat_children(root, HMLC_TFLITE_MODEL_OPERATOR_CODES);
    hmlc_tflite_code *codes;
    NEW_RECORDS(model, hmlc_tflite_code, list.count, codes);
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table code = hmlc_flat_child_at(&model->file, list, i);
        /* Numbers above 127 are in the newer field alone, smaller ones perhaps in the older. */
        int64_t old = hmlc_flat_int(&code, HMLC_TFLITE_CODE_DEPRECATED, HMLC_FLAT_I8, 0);
        int64_t builtin = hmlc_flat_int(&code, HMLC_TFLITE_CODE_BUILTIN, HMLC_FLAT_I32, 0);
        codes[i] = (hmlc_tflite_code){
            .builtin = (int32_t)(builtin > old ? builtin : old),
            .version = (int32_t)hmlc_flat_int(&code, HMLC_TFLITE_CODE_VERSION, HMLC_FLAT_I32, 1),
            .custom = hmlc_flat_text(&code, HMLC_TFLITE_CODE_CUSTOM),
        };
    }
    model->codes = codes;
    model->code_count = list.count;
    return HMLC_OK;
}

/* -- subgraphs -- */

/* A name that no other tensor of the subgraph has. */
static hmlc_status make_key(hmlc_tflite_model *model, hmlc_names *keys, const char *name,
                            uint32_t index, const char **key)
{
    static char taken;
    const char *candidate = name;
    bool free = name[0] != '\0' && hmlc_names_find(keys, name) == NULL;
    while (!free) {
        candidate = hmlc_arena_printf(model->base->scratch, "%s#%" PRIu32,
                                      candidate != NULL ? candidate : "", index);
        HMLC_TRY_MEMORY(candidate);
        free = hmlc_names_find(keys, candidate) == NULL;
    }
    *key = candidate;
    return hmlc_names_set(keys, candidate, &taken);
}

static hmlc_status read_tensors(hmlc_tflite_model *model, const hmlc_flat_table *table,
                                hmlc_tflite_subgraph *subgraph)
{
    hmlc_flat_vector list = hmlc_flat_children(table, HMLC_TFLITE_SUBGRAPH_TENSORS);
    hmlc_names keys = hmlc_names_create(model->base->scratch);
    hmlc_tflite_tensor *tensors;
    NEW_RECORDS(model, hmlc_tflite_tensor, list.count, tensors);
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table tensor = hmlc_flat_child_at(&model->file, list, i);
        const char *name = hmlc_flat_text(&tensor, HMLC_TFLITE_TENSOR_NAME);
        HMLC_TRY(make_key(model, &keys, name, i, &tensors[i].key));
        HMLC_TRY(hmlc_tflite_read_tensor(model, &tensor, &tensors[i]));
    }
    subgraph->tensors = tensors;
    subgraph->tensor_count = list.count;
    return HMLC_OK;
}

/* Tensor numbers, each of which the subgraph has; -1 where `optional`. */
static hmlc_flat_vector read_indices(hmlc_tflite_model *model, const hmlc_flat_table *table,
                                     uint32_t field, uint32_t count, bool optional)
{
    hmlc_flat_vector list = hmlc_flat_list(table, field, HMLC_FLAT_I32);
    for (uint32_t i = 0; i < list.count; i++) {
        int32_t index = hmlc_tflite_index_at(list, i);
        if (index < (optional ? -1 : 0) || index >= (int64_t)count) {
            const char *text = hmlc_arena_printf(
                model->base->scratch, "tensor %" PRId32 " of %" PRIu32 " is named: out of range",
                index, count);
            hmlc_flat_fail(&model->file, table->at,
                           text != NULL ? text : "the number of a tensor is out of range");
            return (hmlc_flat_vector){0};
        }
    }
    return list;
}

static hmlc_status read_operators(hmlc_tflite_model *model, const hmlc_flat_table *table,
                                  hmlc_tflite_subgraph *subgraph)
{
    hmlc_flat_vector list = hmlc_flat_children(table, HMLC_TFLITE_SUBGRAPH_OPERATORS);
    hmlc_tflite_operator *operators;
    NEW_RECORDS(model, hmlc_tflite_operator, list.count, operators);
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table row = hmlc_flat_child_at(&model->file, list, i);
        int64_t code = hmlc_flat_int(&row, HMLC_TFLITE_OPERATOR_CODE, HMLC_FLAT_U32, 0);
        if (code >= (int64_t)model->code_count) {
            hmlc_flat_fail(&model->file, row.at, "the number of an operator code is out of range");
            break;
        }
        uint32_t tensors = subgraph->tensor_count;
        operators[i] = (hmlc_tflite_operator){
            .code = &model->codes[code],
            .inputs = read_indices(model, &row, HMLC_TFLITE_OPERATOR_INPUTS, tensors, true),
            .outputs = read_indices(model, &row, HMLC_TFLITE_OPERATOR_OUTPUTS, tensors, false),
            .options_type = hmlc_flat_int(&row, HMLC_TFLITE_OPERATOR_OPTIONS_TYPE, HMLC_FLAT_U8, 0),
            .options = hmlc_flat_child(&row, HMLC_TFLITE_OPERATOR_OPTIONS),
            .options2_type =
                hmlc_flat_int(&row, HMLC_TFLITE_OPERATOR_OPTIONS2_TYPE, HMLC_FLAT_U8, 0),
            .options2 = hmlc_flat_child(&row, HMLC_TFLITE_OPERATOR_OPTIONS2),
        };
    }
    subgraph->operators = operators;
    subgraph->operator_count = list.count;
    return HMLC_OK;
}

static hmlc_status read_subgraphs(hmlc_tflite_model *model, const hmlc_flat_table *root)
{
    hmlc_flat_vector list = hmlc_flat_children(root, HMLC_TFLITE_MODEL_SUBGRAPHS);
    hmlc_tflite_subgraph *subgraphs;
    NEW_RECORDS(model, hmlc_tflite_subgraph, list.count, subgraphs);
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table table = hmlc_flat_child_at(&model->file, list, i);
        hmlc_tflite_subgraph *subgraph = &subgraphs[i];
        subgraph->name = hmlc_flat_text(&table, HMLC_TFLITE_SUBGRAPH_NAME);
        HMLC_TRY(read_tensors(model, &table, subgraph));
        uint32_t count = subgraph->tensor_count;
        subgraph->inputs = read_indices(model, &table, HMLC_TFLITE_SUBGRAPH_INPUTS, count, false);
        subgraph->outputs = read_indices(model, &table, HMLC_TFLITE_SUBGRAPH_OUTPUTS, count, false);
        HMLC_TRY(read_operators(model, &table, subgraph));
    }
    if (list.count == 0) {
        hmlc_flat_fail(&model->file, root->at, "the model has no subgraph");
    }
    model->subgraphs = subgraphs;
    model->subgraph_count = list.count;
    return HMLC_OK;
}

/* -- signatures -- */

static hmlc_status read_named(hmlc_tflite_model *model, const hmlc_flat_table *signature,
                              uint32_t field, uint32_t tensor_count,
                              const hmlc_tflite_named **result, uint32_t *count)
{
    hmlc_flat_vector list = hmlc_flat_children(signature, field);
    hmlc_tflite_named *named;
    NEW_RECORDS(model, hmlc_tflite_named, list.count, named);
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table entry = hmlc_flat_child_at(&model->file, list, i);
        int64_t tensor = hmlc_flat_int(&entry, HMLC_TFLITE_NAMED_TENSOR, HMLC_FLAT_U32, 0);
        if (tensor >= (int64_t)tensor_count) {
            hmlc_flat_fail(&model->file, entry.at, "a signature names a tensor out of range");
        }
        named[i] =
            (hmlc_tflite_named){hmlc_flat_text(&entry, HMLC_TFLITE_NAMED_NAME), (uint32_t)tensor};
    }
    *result = named;
    *count = list.count;
    return HMLC_OK;
}

static hmlc_status read_signatures(hmlc_tflite_model *model, const hmlc_flat_table *root)
{
    hmlc_flat_vector list = hmlc_flat_children(root, HMLC_TFLITE_MODEL_SIGNATURES);
    hmlc_tflite_signature *signatures;
    NEW_RECORDS(model, hmlc_tflite_signature, list.count, signatures);
    for (uint32_t i = 0; i < list.count && sound(model); i++) {
        hmlc_flat_table table = hmlc_flat_child_at(&model->file, list, i);
        hmlc_tflite_signature *signature = &signatures[i];
        int64_t subgraph = hmlc_flat_int(&table, HMLC_TFLITE_SIGNATURE_SUBGRAPH, HMLC_FLAT_U32, 0);
        if (subgraph >= (int64_t)model->subgraph_count) {
            hmlc_flat_fail(&model->file, table.at, "a signature names a subgraph out of range");
            break;
        }
        uint32_t tensors = model->subgraphs[subgraph].tensor_count;
        signature->key = hmlc_flat_text(&table, HMLC_TFLITE_SIGNATURE_KEY);
        signature->subgraph = (uint32_t)subgraph;
        HMLC_TRY(read_named(model, &table, HMLC_TFLITE_SIGNATURE_INPUTS, tensors,
                            &signature->inputs, &signature->input_count));
        HMLC_TRY(read_named(model, &table, HMLC_TFLITE_SIGNATURE_OUTPUTS, tensors,
                            &signature->outputs, &signature->output_count));
    }
    model->signatures = signatures;
    model->signature_count = list.count;
    return HMLC_OK;
}

static hmlc_status read_parts(hmlc_tflite_model *model)
{
    hmlc_flat_table root = hmlc_flat_root(&model->file);
    int64_t version = hmlc_flat_int(&root, HMLC_TFLITE_MODEL_VERSION, HMLC_FLAT_U32, 0);
    if (sound(model) && version != 3) {
        return hmlc_error_add(model->base->module->diagnostics, HMLC_ERROR_version_newer,
                              model->base->where, "convert the model with a current converter",
                              "the file has version %" PRId64 " of the TFLite schema, must be 3",
                              version);
    }
    model->description = hmlc_flat_text(&root, HMLC_TFLITE_MODEL_DESCRIPTION);
    HMLC_TRY(read_buffers(model, &root));
    HMLC_TRY(read_codes(model, &root));
    HMLC_TRY(read_subgraphs(model, &root));
    return sound(model) ? read_signatures(model, &root) : HMLC_OK;
}

hmlc_status hmlc_tflite_model_read(hmlc_importer *base, hmlc_tflite_model *model)
{
    *model = (hmlc_tflite_model){.base = base, .file = hmlc_flat_open(base->data, base->size)};
    HMLC_TRY(read_parts(model));
    if (sound(model)) {
        return hmlc_diagnostics_status(base->module->diagnostics);
    }
    return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_file_damaged, base->where,
                          "check that it was copied whole", "%s (byte %zu)", model->file.problem,
                          model->file.at);
}

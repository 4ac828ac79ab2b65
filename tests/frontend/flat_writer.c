/* SPDX-License-Identifier: Apache-2.0 */
#include "flat_writer.h"

#include <string.h>

/* A field of a table: a number, or an offset that is filled in when its target is written. */
typedef struct field {
    uint32_t id, bytes;
    int64_t value;
} field;

static void pad_to(wire_buffer *file, size_t multiple)
{
    while (file->size % multiple != 0) {
        wire_put_raw(file, "", 1);
    }
}

static void patch(wire_buffer *file, size_t at, uint32_t value)
{
    memcpy(file->data + at, &value, sizeof value);
}

/* The offset at `slot` points to the end of the file. */
static void point_here(wire_buffer *file, size_t slot)
{
    pad_to(file, 4);
    patch(file, slot, (uint32_t)(file->size - slot));
}

/* Writes a vtable and its table, to which `slot` points; slots[k]: the place of field k. */
static void put_table(wire_buffer *file, size_t slot, const field *fields, uint32_t count,
                      size_t *slots)
{
    uint16_t vtable[24] = {0};
    uint32_t most = 0, size = 4;
    size_t places[16];
    for (uint32_t k = 0; k < count; k++) {
        size = (size + fields[k].bytes - 1) / fields[k].bytes * fields[k].bytes;
        places[k] = size;
        vtable[2 + fields[k].id] = (uint16_t)size;
        most = fields[k].id + 1 > most ? fields[k].id + 1 : most;
        size += fields[k].bytes;
    }
    vtable[0] = (uint16_t)(4 + 2 * most);
    vtable[1] = (uint16_t)size;
    pad_to(file, 8);
    size_t at = file->size;
    wire_put_raw(file, vtable, vtable[0]);
    pad_to(file, 8);
    patch(file, slot, (uint32_t)(file->size - slot));
    size_t table = file->size;
    int32_t back = (int32_t)(table - at);
    wire_put_raw(file, &back, 4);
    static const uint8_t zeros[256];
    wire_put_raw(file, zeros, size - 4);
    for (uint32_t k = 0; k < count; k++) {
        memcpy(file->data + table + places[k], &fields[k].value, fields[k].bytes);
        if (slots != NULL) {
            slots[k] = table + places[k];
        }
    }
}

static void put_vector(wire_buffer *file, size_t slot, const void *data, uint32_t count,
                       size_t element)
{
    point_here(file, slot);
    wire_put_raw(file, &count, 4);
    wire_put_raw(file, data, count * element);
    wire_put_raw(file, "", 1); /* the end of a text */
}

static void put_text(wire_buffer *file, size_t slot, const char *text)
{
    put_vector(file, slot, text, (uint32_t)strlen(text), 1);
}

static void put_list(wire_buffer *file, size_t slot, const int32_t *list)
{
    uint32_t count = 0;
    while (list[count] != FLAT_END) {
        count++;
    }
    put_vector(file, slot, list, count, 4);
}

/* A vector of `count` tables; returns the place of its first offset. */
static size_t put_children(wire_buffer *file, size_t slot, uint32_t count)
{
    static const uint32_t none[FLAT_MOST];
    put_vector(file, slot, none, count, 4);
    return file->size - 1 - 4 * (size_t)count;
}

static void put_tensor(wire_buffer *file, size_t slot, const flat_tensor *tensor)
{
    field fields[8] = {{1, 1, tensor->type}, {2, 4, tensor->buffer}, {3, 4, 0}};
    uint32_t count = 3, shape = 0, signature = 0, quantization = 0;
    size_t slots[8], inner[3];
    if (tensor->shape != NULL) {
        shape = count;
        fields[count++] = (field){0, 4, 0};
    }
    if (tensor->signature != NULL) {
        signature = count;
        fields[count++] = (field){7, 4, 0};
    }
    if (tensor->scale_count > 0) {
        quantization = count;
        fields[count++] = (field){4, 4, 0};
    }
    if (tensor->external != 0) {
        fields[count++] = (field){10, 4, tensor->external};
    }
    put_table(file, slot, fields, count, slots);
    put_text(file, slots[2], tensor->name);
    if (shape != 0) {
        put_list(file, slots[shape], tensor->shape);
    }
    if (signature != 0) {
        put_list(file, slots[signature], tensor->signature);
    }
    if (quantization != 0) {
        const field scales[] = {{2, 4, 0}, {3, 4, 0}, {6, 4, tensor->axis}};
        put_table(file, slots[quantization], scales, 3, inner);
        put_vector(file, inner[0], tensor->scales, tensor->scale_count, 4);
        put_vector(file, inner[1], &tensor->zero, 1, 8);
    }
}

static void put_operator(wire_buffer *file, size_t slot, const flat_operator *op)
{
    const field fields[] = {
        {0, 4, op->code}, {1, 4, 0}, {2, 4, 0}, {3, 1, op->options_type}, {4, 4, 0}};
    field options[4];
    size_t slots[5];
    put_table(file, slot, fields, op->options_type != 0 ? 5 : 3, slots);
    put_list(file, slots[1], op->inputs);
    put_list(file, slots[2], op->outputs);
    for (uint32_t k = 0; k < op->option_count; k++) {
        options[k] = (field){op->options[k].field, op->options[k].bytes, op->options[k].value};
    }
    if (op->options_type != 0) {
        put_table(file, slots[4], options, op->option_count, NULL);
    }
}

static void put_subgraph(wire_buffer *file, size_t slot, const flat_subgraph *graph)
{
    const field fields[] = {{0, 4, 0}, {1, 4, 0}, {2, 4, 0}, {3, 4, 0}};
    size_t slots[4];
    put_table(file, slot, fields, 4, slots);
    size_t tensors = put_children(file, slots[0], graph->tensor_count);
    put_list(file, slots[1], graph->inputs);
    put_list(file, slots[2], graph->outputs);
    size_t operators = put_children(file, slots[3], graph->operator_count);
    for (uint32_t k = 0; k < graph->tensor_count; k++) {
        put_tensor(file, tensors + 4 * (size_t)k, &graph->tensors[k]);
    }
    for (uint32_t k = 0; k < graph->operator_count; k++) {
        put_operator(file, operators + 4 * (size_t)k, &graph->operators[k]);
    }
}

static void put_buffer(wire_buffer *file, size_t slot, const flat_buffer *buffer)
{
    const field inside[] = {{0, 4, 0}};
    const field outside[] = {{1, 8, (int64_t)buffer->offset}, {2, 8, (int64_t)buffer->outside}};
    size_t slots[1];
    if (buffer->offset != 0) {
        put_table(file, slot, outside, 2, NULL);
        return;
    }
    put_table(file, slot, inside, buffer->size > 0 ? 1 : 0, slots);
    if (buffer->size > 0) {
        put_vector(file, slots[0], buffer->data, buffer->size, 1);
    }
}

static void put_named(wire_buffer *file, size_t slot, const char *name, uint32_t tensor)
{
    const field fields[] = {{0, 4, 0}, {1, 4, tensor}};
    size_t slots[2], first = put_children(file, slot, 1);
    put_table(file, first, fields, 2, slots);
    put_text(file, slots[0], name);
}

static void put_signature(wire_buffer *file, size_t slot, const flat_signature *signature)
{
    const field fields[] = {{0, 4, 0}, {1, 4, 0}, {2, 4, 0}, {4, 4, signature->subgraph}};
    size_t slots[4];
    put_table(file, slot, fields, 4, slots);
    put_named(file, slots[0], "in", signature->input);
    put_named(file, slots[1], "out", signature->output);
    put_text(file, slots[2], signature->key);
}

wire_buffer flat_write(const flat_model *model)
{
    wire_buffer file = {0};
    const field fields[] = {{0, 4, model->version}, {1, 4, 0}, {2, 4, 0}, {4, 4, 0}, {7, 4, 0}};
    size_t slots[5];
    wire_put_raw(&file, "\0\0\0\0TFL3", 8);
    put_table(&file, 0, fields, model->signature_count > 0 ? 5 : 4, slots);
    size_t codes = put_children(&file, slots[1], model->code_count);
    size_t subgraphs = put_children(&file, slots[2], model->subgraph_count);
    size_t buffers = put_children(&file, slots[3], model->buffer_count);
    for (uint32_t k = 0; k < model->code_count; k++) {
        const flat_code *code = &model->codes[k];
        const field parts[] = {{2, 4, code->version}, {3, 4, code->builtin}, {1, 4, 0}};
        size_t places[3];
        put_table(&file, codes + 4 * (size_t)k, parts, code->custom != NULL ? 3 : 2, places);
        if (code->custom != NULL) {
            put_text(&file, places[2], code->custom);
        }
    }
    for (uint32_t k = 0; k < model->subgraph_count; k++) {
        put_subgraph(&file, subgraphs + 4 * (size_t)k, &model->subgraphs[k]);
    }
    for (uint32_t k = 0; k < model->buffer_count; k++) {
        put_buffer(&file, buffers + 4 * (size_t)k, &model->buffers[k]);
    }
    if (model->signature_count > 0) {
        size_t signatures = put_children(&file, slots[4], model->signature_count);
        for (uint32_t k = 0; k < model->signature_count; k++) {
            put_signature(&file, signatures + 4 * (size_t)k, &model->signatures[k]);
        }
    }
    return file;
}

flat_model flat_sample(void)
{
    static const int32_t matrix[] = {2, 3, FLAT_END}, row[] = {3, FLAT_END};
    static const int32_t x[] = {0, FLAT_END}, x_w[] = {0, 1, FLAT_END}, sum[] = {2, FLAT_END};
    static const int32_t y[] = {3, FLAT_END};
    static const float weights[3] = {1, -2, 3};
    return (flat_model){
        .version = 3,
        .codes = {{0, 1, NULL}, {19, 1, NULL}},
        .code_count = 2,
        .subgraphs = {{.tensors = {{.name = "x", .shape = matrix},
                                   {.name = "w", .shape = row, .buffer = 1},
                                   {.name = "sum", .shape = matrix},
                                   {.name = "y", .shape = matrix}},
                       .tensor_count = 4,
                       .operators = {{.code = 0,
                                      .inputs = x_w,
                                      .outputs = sum,
                                      .options_type = 11,
                                      .options = {{0, 1, 0}},
                                      .option_count = 1},
                                     {.code = 1, .inputs = sum, .outputs = y}},
                       .operator_count = 2,
                       .inputs = x,
                       .outputs = y}},
        .subgraph_count = 1,
        .buffers = {{0}, {.data = weights, .size = sizeof weights}},
        .buffer_count = 2,
    };
}

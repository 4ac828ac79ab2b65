/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wire_free(wire_buffer *wire)
{
    free(wire->data);
    wire->data = NULL;
    wire->size = wire->capacity = 0;
}

bool wire_save(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    bool written = file != NULL && fwrite(bytes, 1, count, file) == count;
    return file != NULL && fclose(file) == 0 && written;
}

void wire_put_raw(wire_buffer *wire, const void *bytes, size_t count)
{
    if (wire->size + count > wire->capacity) {
        wire->capacity = (wire->size + count) * 2 + 64;
        void *grown = realloc(wire->data, wire->capacity);
        if (grown == NULL) {
            abort();
        }
        wire->data = grown;
    }
    if (count > 0) {
        memcpy(wire->data + wire->size, bytes, count);
    }
    wire->size += count;
}

void wire_put_number(wire_buffer *wire, uint64_t number)
{
    do {
        unsigned char byte = (unsigned char)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        wire_put_raw(wire, &byte, 1);
        number >>= 7;
    } while (number != 0);
}

void wire_put_key(wire_buffer *wire, uint32_t field, uint32_t type)
{
    wire_put_number(wire, (uint64_t)field << 3 | type);
}

void wire_put_int(wire_buffer *wire, uint32_t field, int64_t value)
{
    wire_put_key(wire, field, 0);
    wire_put_number(wire, (uint64_t)value);
}

static void put_float(wire_buffer *wire, uint32_t field, float value)
{
    wire_put_key(wire, field, 5);
    wire_put_raw(wire, &value, sizeof value);
}

void wire_put_bytes(wire_buffer *wire, uint32_t field, const void *bytes, size_t count)
{
    wire_put_key(wire, field, 2);
    wire_put_number(wire, count);
    wire_put_raw(wire, bytes, count);
}

void wire_put_text(wire_buffer *wire, uint32_t field, const char *text)
{
    wire_put_bytes(wire, field, text, strlen(text));
}

void wire_put_message(wire_buffer *wire, uint32_t field, wire_buffer *inner)
{
    wire_put_bytes(wire, field, inner->data, inner->size);
    wire_free(inner);
}

/* The first word of a list; gives what is behind it, NULL where there is none. */
static const char *next_word(const char *text, char *word, size_t size)
{
    text += strspn(text, " ");
    size_t length = strcspn(text, " ");
    if (length == 0) {
        return NULL;
    }
    (void)snprintf(word, size, "%.*s", (int)length, text);
    return text + length;
}

void wire_put_names(wire_buffer *wire, uint32_t field, const char *names)
{
    char word[128];
    while ((names = next_word(names, word, sizeof word)) != NULL) {
        wire_put_text(wire, field, strcmp(word, "-") == 0 ? "" : word);
    }
}

wire_buffer node_begin(const char *type, const char *inputs, const char *outputs)
{
    wire_buffer node = {0};
    wire_put_names(&node, 1, inputs);
    wire_put_names(&node, 2, outputs);
    wire_put_text(&node, 4, type);
    return node;
}

enum { NODE_ATTRIBUTE = 5 };

static wire_buffer attribute_begin(const char *name, int64_t type)
{
    wire_buffer attribute = {0};
    wire_put_text(&attribute, 1, name);
    wire_put_int(&attribute, 20, type);
    return attribute;
}

void node_int(wire_buffer *node, const char *name, int64_t value)
{
    wire_buffer attribute = attribute_begin(name, 2);
    wire_put_int(&attribute, 3, value);
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_float(wire_buffer *node, const char *name, float value)
{
    wire_buffer attribute = attribute_begin(name, 1);
    put_float(&attribute, 2, value);
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_text(wire_buffer *node, const char *name, const char *value)
{
    wire_buffer attribute = attribute_begin(name, 3);
    wire_put_text(&attribute, 4, value);
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_ints(wire_buffer *node, const char *name, const int64_t *values, size_t count)
{
    wire_buffer attribute = attribute_begin(name, 7);
    for (size_t i = 0; i < count; i++) {
        wire_put_int(&attribute, 8, values[i]);
    }
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_floats(wire_buffer *node, const char *name, const float *values, size_t count)
{
    wire_buffer attribute = attribute_begin(name, 6);
    wire_put_bytes(&attribute, 7, values, count * sizeof *values);
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_texts(wire_buffer *node, const char *name, const char *values)
{
    wire_buffer attribute = attribute_begin(name, 8);
    char word[128];
    while ((values = next_word(values, word, sizeof word)) != NULL) {
        wire_put_text(&attribute, 9, word);
    }
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_graph(wire_buffer *node, const char *name, wire_buffer *graph)
{
    wire_buffer attribute = attribute_begin(name, 5);
    wire_put_message(&attribute, 6, graph);
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void node_tensor(wire_buffer *node, const char *name, wire_buffer *tensor)
{
    wire_buffer attribute = attribute_begin(name, 4);
    wire_put_message(&attribute, 5, tensor);
    wire_put_message(node, NODE_ATTRIBUTE, &attribute);
}

void graph_node(wire_buffer *graph, wire_buffer *node)
{
    wire_put_message(graph, 1, node);
}

void graph_add(wire_buffer *graph, const char *type, const char *inputs, const char *outputs)
{
    wire_buffer node = node_begin(type, inputs, outputs);
    graph_node(graph, &node);
}

static wire_buffer shape_of(const char *dims)
{
    wire_buffer shape = {0};
    char word[128];
    while ((dims = next_word(dims, word, sizeof word)) != NULL) {
        wire_buffer dim = {0};
        char *end;
        long long size = strtoll(word, &end, 10);
        if (*end == '\0') {
            wire_put_int(&dim, 1, size);
        } else if (strcmp(word, "?") != 0) {
            for (char *letter = word; *letter != '\0'; letter++) {
                *letter = *letter == '~' ? ' ' : *letter;
            }
            wire_put_text(&dim, 2, word);
        }
        wire_put_message(&shape, 1, &dim);
    }
    return shape;
}

void graph_value(wire_buffer *graph, uint32_t field, const char *name, int64_t type,
                 const char *dims)
{
    wire_buffer value = {0}, whole = {0}, tensor = {0};
    wire_put_int(&tensor, 1, type);
    if (dims != NULL) {
        wire_buffer shape = shape_of(dims);
        wire_put_message(&tensor, 2, &shape);
    }
    wire_put_message(&whole, 1, &tensor);
    wire_put_text(&value, 1, name);
    wire_put_message(&value, 2, &whole);
    wire_put_message(graph, field, &value);
}

void graph_tensor(wire_buffer *graph, wire_buffer *tensor)
{
    wire_put_message(graph, 5, tensor);
}

wire_buffer tensor_begin(const char *name, int64_t type, const char *dims)
{
    wire_buffer tensor = {0};
    char word[128];
    while ((dims = next_word(dims, word, sizeof word)) != NULL) {
        wire_put_int(&tensor, 1, strtoll(word, NULL, 10));
    }
    wire_put_int(&tensor, 2, type);
    wire_put_text(&tensor, 8, name);
    return tensor;
}

void tensor_external(wire_buffer *tensor, const char *key, const char *value)
{
    wire_buffer entry = {0};
    wire_put_text(&entry, 1, key);
    wire_put_text(&entry, 2, value);
    wire_put_message(tensor, 13, &entry);
}

void graph_constant(wire_buffer *graph, const char *name, int64_t type, const char *dims,
                    const void *bytes, size_t count)
{
    wire_buffer tensor = tensor_begin(name, type, dims);
    wire_put_bytes(&tensor, TENSOR_RAW, bytes, count);
    graph_tensor(graph, &tensor);
}

void graph_weights(wire_buffer *graph, const char *name, const char *dims)
{
    static uint32_t state = 1;
    wire_buffer data = {0};
    char word[128];
    size_t count = 1;
    for (const char *rest = dims; (rest = next_word(rest, word, sizeof word)) != NULL;) {
        count *= strtoull(word, NULL, 10);
    }
    for (size_t k = 0; k < count; k++) {
        state = state * 1664525U + 1013904223U; /* Numerical Recipes */
        float value = (float)(state >> 8) / (float)(1 << 24) - 0.5F;
        wire_put_raw(&data, &value, sizeof value);
    }
    graph_constant(graph, name, ONNX_FLOAT, dims, data.data, data.size);
    wire_free(&data);
}

void graph_conv(wire_buffer *graph, const char *inputs, const char *result, int64_t window,
                int64_t stride, int64_t groups)
{
    const int64_t kernel[] = {window, window}, strides[] = {stride, stride};
    const int64_t pads[] = {window / 2, window / 2, window / 2, window / 2};
    wire_buffer node = node_begin("Conv", inputs, result);
    node_ints(&node, "kernel_shape", kernel, 2);
    node_ints(&node, "strides", strides, 2);
    node_ints(&node, "pads", pads, 4);
    node_int(&node, "group", groups);
    graph_node(graph, &node);
}

wire_buffer model_end(wire_buffer *graph, int64_t opset)
{
    wire_buffer model = {0}, version = {0};
    wire_put_int(&model, 1, 8);
    wire_put_text(&version, 1, "");
    wire_put_int(&version, 2, opset);
    wire_put_message(&model, 8, &version);
    wire_put_message(&model, 7, graph);
    return model;
}

bool model_save(wire_buffer *graph, int64_t opset, const char *path, ...)
{
    char printed[4096];
    va_list list;
    va_start(list, path);
    int length = vsnprintf(printed, sizeof printed, path, list);
    va_end(list);
    wire_buffer model = model_end(graph, opset);
    bool saved =
        length > 0 && (size_t)length < sizeof printed && wire_save(printed, model.data, model.size);
    wire_free(&model);
    return saved;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "graph_writer.h"

#include <stdlib.h>

wire_buffer tf_node(const char *name, const char *op, const char *inputs)
{
    wire_buffer node = {0};
    wire_put_text(&node, 1, name);
    wire_put_text(&node, 2, op);
    wire_put_names(&node, 3, inputs);
    return node;
}

void tf_entry(wire_buffer *map, uint32_t field, const char *key, wire_buffer *value)
{
    wire_buffer entry = {0};
    wire_put_text(&entry, 1, key);
    wire_put_message(&entry, 2, value);
    wire_put_message(map, field, &entry);
}

void tf_attr(wire_buffer *node, const char *key, wire_buffer *value)
{
    tf_entry(node, 5, key, value);
}

void tf_attr_number(wire_buffer *node, const char *key, uint32_t kind, int64_t number)
{
    wire_buffer value = {0};
    wire_put_int(&value, kind, number);
    tf_attr(node, key, &value);
}

/* dims: "-1 4"; NULL: unknown rank. */
wire_buffer tf_shape(const char *dims)
{
    wire_buffer shape = {0};
    char *end = NULL;
    if (dims == NULL) {
        wire_put_int(&shape, 3, 1);
    }
    for (; dims != NULL; dims = end) {
        long long size = strtoll(dims, &end, 10);
        if (end == dims) {
            break;
        }
        wire_buffer dim = {0};
        wire_put_int(&dim, 1, size);
        wire_put_message(&shape, 2, &dim);
    }
    return shape;
}

void tf_add(wire_buffer *graph, wire_buffer *node)
{
    wire_put_message(graph, 1, node);
}

void tf_placeholder(wire_buffer *graph, const char *name, int64_t type, const char *dims)
{
    wire_buffer node = tf_node(name, "Placeholder", ""), value = {0}, shape = tf_shape(dims);
    tf_attr_number(&node, "dtype", ATTR_TYPE, type);
    wire_put_message(&value, ATTR_SHAPE, &shape);
    tf_attr(&node, "shape", &value);
    tf_add(graph, &node);
}

void tf_plain(wire_buffer *graph, const char *name, const char *op, const char *inputs)
{
    wire_buffer node = tf_node(name, op, inputs);
    tf_add(graph, &node);
}

/* A constant of `bytes` bytes of tensor_content. */
void tf_constant(wire_buffer *graph, const char *name, int64_t type, const char *dims,
                 const void *content, size_t bytes)
{
    wire_buffer node = tf_node(name, "Const", ""), tensor = {0}, value = {0};
    wire_buffer shape = tf_shape(dims);
    wire_put_int(&tensor, 1, type);
    wire_put_message(&tensor, 2, &shape);
    wire_put_bytes(&tensor, 4, content, bytes);
    wire_put_message(&value, ATTR_TENSOR, &tensor);
    tf_attr(&node, "value", &value);
    tf_add(graph, &node);
}

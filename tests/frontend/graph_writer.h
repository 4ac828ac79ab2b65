/* SPDX-License-Identifier: Apache-2.0 */
/* TensorFlow graphs, node by node, for tests. */
#ifndef GRAPH_WRITER_H
#define GRAPH_WRITER_H

#include "wire_writer.h"

enum { DT_FLOAT = 1, DT_INT32 = 3, DT_STRING = 7 };
enum { ATTR_I = 3, ATTR_F = 4, ATTR_B = 5, ATTR_TYPE = 6, ATTR_SHAPE = 7, ATTR_TENSOR = 8 };

/* inputs: names separated by blanks. Who calls owns it until it is added. */
wire_buffer tf_node(const char *name, const char *op, const char *inputs);
/* An entry of a map whose keys are texts. */
void tf_entry(wire_buffer *map, uint32_t field, const char *key, wire_buffer *value);
void tf_attr(wire_buffer *node, const char *key, wire_buffer *value);
void tf_attr_number(wire_buffer *node, const char *key, uint32_t kind, int64_t number);
/* dims: "-1 4"; NULL: unknown rank. */
wire_buffer tf_shape(const char *dims);
void tf_add(wire_buffer *graph, wire_buffer *node);
void tf_placeholder(wire_buffer *graph, const char *name, int64_t type, const char *dims);
void tf_plain(wire_buffer *graph, const char *name, const char *op, const char *inputs);
/* A constant of `bytes` bytes of tensor_content. */
void tf_constant(wire_buffer *graph, const char *name, int64_t type, const char *dims,
                 const void *content, size_t bytes);

#endif

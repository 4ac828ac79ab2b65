/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: writes protobuf's wire format, and small ONNX models in it. Running out of memory
 * ends the test program. */
#ifndef WIRE_WRITER_H
#define WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wire_buffer {
    unsigned char *data;
    size_t size, capacity;
} wire_buffer;

void wire_free(wire_buffer *wire);
/* A file of these bytes; false when that fails. */
bool wire_save(const char *path, const void *bytes, size_t count);
void wire_put_raw(wire_buffer *wire, const void *bytes, size_t count);
void wire_put_number(wire_buffer *wire, uint64_t number); /* a bare varint */
void wire_put_key(wire_buffer *wire, uint32_t field, uint32_t type);
void wire_put_int(wire_buffer *wire, uint32_t field, int64_t value);
void wire_put_bytes(wire_buffer *wire, uint32_t field, const void *bytes, size_t count);
void wire_put_text(wire_buffer *wire, uint32_t field, const char *text);
/* Appends `inner` as a field and frees it. */
void wire_put_message(wire_buffer *wire, uint32_t field, wire_buffer *inner);

/* Lists of names are separated by blanks; "-" is an empty name. */

/* Each name as a text of that field. */
void wire_put_names(wire_buffer *wire, uint32_t field, const char *names);
/* A node; attributes are added with the functions below, before graph_node. */
wire_buffer node_begin(const char *type, const char *inputs, const char *outputs);
void node_int(wire_buffer *node, const char *name, int64_t value);
void node_float(wire_buffer *node, const char *name, float value);
void node_text(wire_buffer *node, const char *name, const char *value);
void node_ints(wire_buffer *node, const char *name, const int64_t *values, size_t count);
void node_floats(wire_buffer *node, const char *name, const float *values, size_t count);
void node_texts(wire_buffer *node, const char *name, const char *values);
void node_graph(wire_buffer *node, const char *name, wire_buffer *graph);
void node_tensor(wire_buffer *node, const char *name, wire_buffer *tensor);

/* A graph under construction. */
void graph_node(wire_buffer *graph, wire_buffer *node);
/* A node without attributes. */
void graph_add(wire_buffer *graph, const char *type, const char *inputs, const char *outputs);
/* field: GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE. dims: "2 batch ?" ("?" is unnamed, "~" a blank);
 * NULL: no shape. */
enum { GRAPH_INPUT = 11, GRAPH_OUTPUT = 12, GRAPH_VALUE = 13 };
void graph_value(wire_buffer *graph, uint32_t field, const char *name, int64_t type,
                 const char *dims);
void graph_tensor(wire_buffer *graph, wire_buffer *tensor);

/* ONNX's element types. */
enum {
    ONNX_FLOAT = 1,
    ONNX_UINT8 = 2,
    ONNX_INT8 = 3,
    ONNX_INT32 = 6,
    ONNX_INT64 = 7,
    ONNX_STRING = 8,
    ONNX_BOOL = 9
};
/* Name, type, dims "2 3"; data is added by the caller. */
wire_buffer tensor_begin(const char *name, int64_t type, const char *dims);
enum {
    TENSOR_FLOATS = 4,
    TENSOR_INT32S = 5,
    TENSOR_INT64S = 7,
    TENSOR_RAW = 9,
    TENSOR_LOCATION = 14
};
void tensor_external(wire_buffer *tensor, const char *key, const char *value);
/* An initializer of these bytes. */
void graph_constant(wire_buffer *graph, const char *name, int64_t type, const char *dims,
                    const void *bytes, size_t count);

/* Floats between -0.5 and 0.5 that are the same in each run of the program. */
void graph_weights(wire_buffer *graph, const char *name, const char *dims);
/* A square window with half of itself around the image. */
void graph_conv(wire_buffer *graph, const char *inputs, const char *result, int64_t window,
                int64_t stride, int64_t groups);

/* The whole model: IR version 8, this opset, the graph last, so that every shorter file lacks it.
 */
wire_buffer model_end(wire_buffer *graph, int64_t opset);
/* The same as a file, whose path is printed; false when that fails. */
__attribute__((format(printf, 3, 4))) bool model_save(wire_buffer *graph, int64_t opset,
                                                      const char *path, ...);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: writes small TFLite files. Running out of memory ends the test program. */
#ifndef FLAT_WRITER_H
#define FLAT_WRITER_H

#include "wire_writer.h"

enum { FLAT_MOST = 8 };

/* A list of 32-bit numbers that ends with FLAT_END. */
#define FLAT_END INT32_MIN

typedef struct flat_tensor {
    const char *name;
    int32_t type;                     /* of the schema: 0 FLOAT32, 2 INT32, 9 INT8 ... */
    const int32_t *shape, *signature; /* NULL: none */
    uint32_t buffer;
    float scales[2];
    uint32_t scale_count;
    int64_t zero;
    int32_t axis;
    uint32_t external;
} flat_tensor;

/* One field of an operator's options. */
typedef struct flat_option {
    uint32_t field, bytes;
    int64_t value;
} flat_option;

typedef struct flat_operator {
    uint32_t code;
    const int32_t *inputs, *outputs;
    uint8_t options_type;
    flat_option options[4];
    uint32_t option_count;
} flat_operator;

typedef struct flat_code {
    int32_t builtin, version;
    const char *custom;
} flat_code;

typedef struct flat_buffer {
    const void *data;
    uint32_t size;
    uint64_t offset, outside; /* behind the FlatBuffer: its place and size */
} flat_buffer;

typedef struct flat_subgraph {
    flat_tensor tensors[FLAT_MOST];
    uint32_t tensor_count;
    flat_operator operators[FLAT_MOST];
    uint32_t operator_count;
    const int32_t *inputs, *outputs;
} flat_subgraph;

typedef struct flat_signature {
    const char *key;
    uint32_t subgraph, input, output; /* tensors */
} flat_signature;

typedef struct flat_model {
    uint32_t version;
    flat_code codes[FLAT_MOST];
    uint32_t code_count;
    flat_subgraph subgraphs[3];
    uint32_t subgraph_count;
    flat_buffer buffers[FLAT_MOST]; /* the first is empty */
    uint32_t buffer_count;
    flat_signature signatures[2];
    uint32_t signature_count;
} flat_model;

wire_buffer flat_write(const flat_model *model);

/* y = relu(x + w), x f32[2, 3]: what tests alter. */
flat_model flat_sample(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TFLite file as records: what is here was checked once. Indices of buffers, tensors, operator
 * codes and subgraphs lie in their tables, and constants are as long as their shapes need. Records
 * live in the importer's scratch memory, the contents of constants in the file.
 */
#ifndef HMLC_TFLITE_MODEL_H
#define HMLC_TFLITE_MODEL_H

#include "importer/importer.h"
#include "tflite_flatbuffer.h"

/* The fields of tables: HMLC_TFLITE_TENSOR_SHAPE ... */
enum {
#define TFLITE_FIELD(table, field, number) HMLC_TFLITE_##table##_##field = (number),
#include "tflite_schema.def"
#undef TFLITE_FIELD
};

/* Scales and zero points: one for all elements, or one per index along `axis`. */
typedef struct hmlc_tflite_quantization {
    uint32_t count; /* 0: not quantized */
    int64_t axis;
    const float *scales;
    const int64_t *zeros;
} hmlc_tflite_quantization;

typedef struct hmlc_tflite_tensor {
    const char *key;   /* what it is called: its name, and its number where that is not unique */
    const char *type;  /* TFLite's word: "FLOAT32" */
    hmlc_dtype dtype;  /* of its elements in the IR; 4-bit integers become i8 */
    bool supported;    /* tensors of this type can be imported */
    bool is_variable;  /* keeps its value from run to run */
    bool unknown_rank; /* no shape, and has_rank is not set */
    int32_t rank;
    const int64_t *dims;      /* as stored; a signature's -1 where the size varies */
    hmlc_flat_vector content; /* of a constant: its buffer */
    hmlc_flat_table sparsity;
    hmlc_tflite_quantization quantization;
    uint32_t packed_bits; /* 4 or 2: elements that share bytes, low bits first */
} hmlc_tflite_tensor;

typedef struct hmlc_tflite_code {
    int32_t builtin, version;
    const char *custom; /* "" but for custom operators */
} hmlc_tflite_code;

typedef struct hmlc_tflite_operator {
    const hmlc_tflite_code *code;
    hmlc_flat_vector inputs, outputs; /* tensor numbers; inputs may be -1: absent */
    int64_t options_type;             /* number in BuiltinOptions */
    hmlc_flat_table options;
    int64_t options2_type; /* in BuiltinOptions2 */
    hmlc_flat_table options2;
} hmlc_tflite_operator;

typedef struct hmlc_tflite_subgraph {
    const char *name;
    const hmlc_tflite_tensor *tensors;
    uint32_t tensor_count, operator_count;
    const hmlc_tflite_operator *operators;
    hmlc_flat_vector inputs, outputs; /* tensor numbers */
} hmlc_tflite_subgraph;

/* A signature's name for a tensor of its subgraph. */
typedef struct hmlc_tflite_named {
    const char *name;
    uint32_t tensor;
} hmlc_tflite_named;

typedef struct hmlc_tflite_signature {
    const char *key;
    uint32_t subgraph, input_count, output_count;
    const hmlc_tflite_named *inputs, *outputs;
} hmlc_tflite_signature;

typedef struct hmlc_tflite_model {
    hmlc_importer *base;
    hmlc_flat_file file;
    const char *description;
    uint32_t code_count, subgraph_count, signature_count, buffer_count;
    const hmlc_tflite_code *codes;
    const hmlc_tflite_subgraph *subgraphs;
    const hmlc_tflite_signature *signatures;
    hmlc_flat_vector *buffers;
} hmlc_tflite_model;

/* Reads the importer's file; a damaged one gets a diagnostic that says where. */
hmlc_status hmlc_tflite_model_read(hmlc_importer *base, hmlc_tflite_model *model) HMLC_MUST_USE;

/* Element type by TFLite's number; false where there is no such number. */
bool hmlc_tflite_dtype(int64_t number, hmlc_dtype *dtype, const char **name, bool *supported);

/* Reads one tensor's record; `tensor->key` is set. */
hmlc_status hmlc_tflite_read_tensor(hmlc_tflite_model *model, const hmlc_flat_table *table,
                                    hmlc_tflite_tensor *tensor) HMLC_MUST_USE;

static inline int32_t hmlc_tflite_index_at(hmlc_flat_vector vector, uint32_t index)
{
    return (int32_t)hmlc_flat_int_at(vector, HMLC_FLAT_I32, index);
}

#endif

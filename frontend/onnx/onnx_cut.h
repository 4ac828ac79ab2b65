/* SPDX-License-Identifier: Apache-2.0 */
/* A model opened for cutting: where its parts lie in the file, and who reads and writes what. */
#ifndef HMLC_ONNX_CUT_H
#define HMLC_ONNX_CUT_H

#include <hmlc/cut.h>

#include "onnx_import.h"

#define HMLC_CUT_NONE UINT32_MAX

/* Bytes of the file, or of the types. */
typedef struct hmlc_cut_span {
    const uint8_t *data;
    size_t size;
} hmlc_cut_span;

/* Members of a GraphProto. */
enum {
    HMLC_CUT_NODE = 1,
    HMLC_CUT_NAME = 2,
    HMLC_CUT_INITIALIZER = 5,
    HMLC_CUT_INPUT = 11,
    HMLC_CUT_OUTPUT = 12,
    HMLC_CUT_VALUE_INFO = 13,
    HMLC_CUT_SPARSE = 15,
};

typedef struct hmlc_cut_value {
    const char *name;
    uint32_t producer;      /* node; HMLC_CUT_NONE: input, initializer, or nothing */
    bool constant, input;   /* an initializer; an input of the whole model */
    bool output, read;      /* of the whole model; by any of its nodes */
    hmlc_cut_span inferred; /* TypeProto; empty where it does not follow */
    hmlc_cut_span declared; /* TypeProto; empty where there is none */
    bool needed, produced;  /* in the selection */
    bool wanted;            /* an output of the selection */
} hmlc_cut_value;

typedef struct hmlc_cut_node {
    hmlc_cut_span span;
    uint32_t *reads;                  /* values, in the order of its inputs, then those that its
                                         subgraphs capture; HMLC_CUT_NONE: absent */
    uint32_t input_count, read_count; /* of the inputs alone; of all */
    uint32_t *writes;                 /* values; HMLC_CUT_NONE: absent */
    uint32_t write_count;
    uint32_t bypass; /* the value that may stand for output 0, or NONE */
} hmlc_cut_node;

/* An initializer, dense or sparse, or an entry of value_info. */
typedef struct hmlc_cut_part {
    hmlc_cut_span span;
    uint32_t value;
    const Onnx__TensorProto *external; /* NULL: the data is in the span */
    hmlc_tensor tensor;                /* the external data */
} hmlc_cut_part;

struct hmlc_cut {
    hmlc_importer base;
    hmlc_onnx_importer importer;
    hmlc_names values; /* name -> index + 1 */
    hmlc_cut_value *value;
    uint32_t value_count, value_capacity;
    hmlc_cut_node *nodes;
    hmlc_cut_part *initializers, *sparse, *infos;
    uint32_t *inputs; /* values; HMLC_CUT_NONE: without a name */
    uint32_t node_count, initializer_count, sparse_count, info_count, input_count, output_count;
};

/* The value that stands for `value` where nodes are bypassed. */
uint32_t hmlc_cut_resolve(const hmlc_cut *cut, const hmlc_cut_state *states, uint32_t value);
/* Marks what the selection reads, computes and gives. HMLC_NO: an input has no known type. */
hmlc_status hmlc_cut_select(hmlc_cut *cut, const hmlc_cut_state *states) HMLC_MUST_USE;
/* Does the selection take the value from outside? */
bool hmlc_cut_is_input(const hmlc_cut_value *value);

#endif

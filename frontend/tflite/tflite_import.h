/* SPDX-License-Identifier: Apache-2.0 */
/* The TFLite importer's state: the model's records, scopes of subgraphs. */
#ifndef HMLC_TFLITE_IMPORT_H
#define HMLC_TFLITE_IMPORT_H

#include "importer/scope.h"
#include "tflite_node.h"

/* The names of a subgraph's tensors: what is stored is a hmlc_tflite_tensor. */
struct hmlc_tflite_scope {
    hmlc_scope names;
    const hmlc_tflite_subgraph *graph;
    const bool *needed;               /* which operators are imported; NULL: all */
    struct hmlc_tflite_scope *caller; /* of a subgraph that an operator names */
};

struct hmlc_tflite_importer {
    hmlc_importer *base;
    hmlc_tflite_model model;
    uint32_t float_nodes;    /* quantized operators that are computed in float */
    bool litert;             /* the integers of LiteRT 2.3, not those of TensorFlow 2.19 */
    const char *first_float; /* name of the first one's operator */
    /* Variables -> hmlc_kept_state: a tensor by its name in the main subgraph. */
    hmlc_names states;
    /* tflite_variable.c */
    hmlc_names variable_names;
    struct hmlc_tflite_variable *variables;
    uint32_t variable_count;
    bool first_run; /* within CALL_ONCE */
    bool *writes;   /* per subgraph: it assigns variables */
};

/* tflite_graph.c. Binds the tensors of a subgraph; inputs are bound by the caller. */
hmlc_status hmlc_tflite_scope_open(hmlc_tflite_importer *importer,
                                   hmlc_tflite_scope *scope) HMLC_MUST_USE;
/* Imports the operators in order. RESOURCE or INTERNAL alone stop it. */
hmlc_status hmlc_tflite_import_operators(hmlc_tflite_importer *importer,
                                         hmlc_tflite_scope *scope) HMLC_MUST_USE;
/* The state that a variable tensor is; NULL, and the node says why, where it can be none. */
struct hmlc_kept_state *hmlc_tflite_state(hmlc_node *node, const hmlc_tflite_tensor *tensor);
/* What operators read from now on where the node reads its variable input `index`. */
void hmlc_tflite_keep(hmlc_node *node, uint32_t index, hmlc_value *value);
/* The binding of tensor `index` of the scope's subgraph. */
hmlc_binding *hmlc_tflite_binding(const hmlc_tflite_scope *scope, uint32_t index);

/* tflite_variable.c. The variable that a value is the handle of; NULL where it is a tensor. */
struct hmlc_tflite_variable *hmlc_tflite_variable_of(hmlc_value *value);
/* Does the operator assign variables, or a subgraph that it names? */
bool hmlc_tflite_writes(const hmlc_tflite_importer *importer, const hmlc_tflite_operator *stored);
/* Looks through the subgraphs for that, once. */
hmlc_status hmlc_tflite_find_writes(hmlc_tflite_importer *importer) HMLC_MUST_USE;
/* For the end of the import: states are what variables hold by then. */
hmlc_status hmlc_tflite_keep_variables(hmlc_tflite_importer *importer) HMLC_MUST_USE;

/* tflite_check.c. The row of an operator; NULL with a diagnostic. */
const hmlc_tflite_op *hmlc_tflite_find_op(hmlc_tflite_importer *importer,
                                          const hmlc_tflite_operator *stored,
                                          const hmlc_location *where);
const hmlc_tflite_op *hmlc_tflite_op_at(uint32_t index); /* NULL behind the last row */
/* What messages and locations call its operator. */
const char *hmlc_tflite_op_name(const hmlc_tflite_operator *stored);
/* Arity, options and element types. */
hmlc_status hmlc_tflite_check(hmlc_tflite_node *node) HMLC_MUST_USE;

/* tflite_constant.c. A constant's tensor; its bytes lie in the file where that is possible. */
hmlc_status hmlc_tflite_constant(hmlc_importer *importer, const void *stored,
                                 const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The ONNX importer's state: model, scopes, values by name. */
#ifndef HMLC_ONNX_IMPORT_H
#define HMLC_ONNX_IMPORT_H

#include "common/proto_wire.h"
#include "importer/scope.h"
#include <onnx.pb-c.h>

typedef struct hmlc_onnx_importer hmlc_onnx_importer;
typedef struct hmlc_onnx_scope hmlc_onnx_scope;
typedef struct hmlc_node hmlc_node;
typedef struct hmlc_onnx_op hmlc_onnx_op;

/* A graph's names: what is stored is an Onnx__TensorProto, what is declared an Onnx__TypeProto. */
struct hmlc_onnx_scope {
    hmlc_scope names;
    const Onnx__GraphProto *graph;
    hmlc_value *const *arguments; /* a loop's body: what its inputs stand for */
    uint32_t argument_count;
};

struct hmlc_onnx_importer {
    hmlc_importer *base;
    const Onnx__ModelProto *model;
    int64_t opset;
    hmlc_names operators;  /* name -> first of its rows in the table */
    hmlc_names functions;  /* names of model-local functions */
    uint32_t suggestions;  /* unknown operators for which a similar name was looked for */
    hmlc_names ranks;      /* onnx_use.c: made when an input has no shape */
    const char *redefined; /* first constant that is defined twice */
    uint32_t redefined_count;
    const char *hidden; /* first initializer of a branch that hides an outer value */
    uint32_t hidden_count;
    uint32_t stale_shapes; /* declared shapes that contradict what follows */
};

/* onnx_model.c: unpacks the file; an error where it has no graph. */
hmlc_status hmlc_onnx_open_model(hmlc_onnx_importer *importer) HMLC_MUST_USE;

/* onnx_external.c: after the import, notes the external files that it did not open. */
hmlc_status hmlc_onnx_note_external(hmlc_onnx_importer *importer) HMLC_MUST_USE;

/* onnx_graph.c */
hmlc_status hmlc_onnx_scope_open(hmlc_onnx_importer *importer,
                                 hmlc_onnx_scope *scope) HMLC_MUST_USE;
/* Imports the nodes, in dependency order. RESOURCE or INTERNAL alone stop it. */
hmlc_status hmlc_onnx_import_nodes(hmlc_onnx_importer *importer,
                                   hmlc_onnx_scope *scope) HMLC_MUST_USE;

/* onnx_node.c: where node `index` of a graph is; one without a name goes by its number. NULL: no
 * memory. */
const hmlc_location *hmlc_onnx_locate(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                                      const Onnx__NodeProto *proto, uint32_t index);

/* onnx_sort.c: node indices in dependency order, the given one where it is one already. */
hmlc_status hmlc_onnx_sort(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                           uint32_t *order) HMLC_MUST_USE;

/* onnx_capture.c: each name that the node reads, its inputs first ("": absent), then what its
 * subgraphs capture. Stops with the status of a visit that is not HMLC_OK. */
hmlc_status hmlc_onnx_visit_reads(hmlc_arena *scratch, const Onnx__NodeProto *node,
                                  hmlc_status (*visit)(void *context, const char *name),
                                  void *context) HMLC_MUST_USE;

/* onnx_check.c: a node against its table row. HMLC_OK, or the error's status with diagnostics. */
hmlc_status hmlc_onnx_check_attributes(hmlc_node *node) HMLC_MUST_USE;
hmlc_status hmlc_onnx_check_arity(hmlc_node *node) HMLC_MUST_USE;
hmlc_status hmlc_onnx_check_types(hmlc_node *node) HMLC_MUST_USE;
/* Formal inputs of a row, not counting a variadic tail. */
uint32_t hmlc_onnx_formal_inputs(const hmlc_onnx_op *op);
/* The row of an operator in the model's opset; NULL with a diagnostic. */
const hmlc_onnx_op *hmlc_onnx_find_op(hmlc_onnx_importer *importer, const Onnx__NodeProto *node,
                                      const hmlc_location *where);
const hmlc_onnx_op *hmlc_onnx_op_at(uint32_t index); /* NULL behind the last row */
hmlc_status hmlc_onnx_index_ops(hmlc_onnx_importer *importer) HMLC_MUST_USE;

/* onnx_use.c: the rank that the main graph's nodes want of a value; -1 where it does not follow. */
int32_t hmlc_onnx_rank_by_use(hmlc_onnx_importer *importer, const char *name);

/* onnx_type.c */
/* The type that a graph input declares. */
hmlc_status hmlc_onnx_input_type(hmlc_onnx_importer *importer, const Onnx__ValueInfoProto *info,
                                 const hmlc_location *where, const hmlc_type **type) HMLC_MUST_USE;
/* Compares a value with what the model declares for it: another element type or kind is an error,
 * another shape a warning. Finish counts the warnings that were left out. */
void hmlc_onnx_check_declared(hmlc_onnx_importer *importer, const char *name,
                              const Onnx__TypeProto *declared, const hmlc_type *inferred,
                              const hmlc_location *where);
void hmlc_onnx_declared_finish(hmlc_onnx_importer *importer);
/* ONNX's number of an element type. False where there is none or it is not supported (diagnostic).
 */
bool hmlc_onnx_dtype(hmlc_importer *importer, int64_t number, const hmlc_location *where,
                     const char *what, hmlc_dtype *dtype);

/* onnx_tensor.c: whether elements are integers of four bits; they become bytes, which only what
 * knows it may read. */
bool hmlc_onnx_is_packed(const Onnx__TensorProto *proto);
/* A stored tensor; its bytes lie in the file where that is possible. */
hmlc_status hmlc_onnx_tensor(hmlc_importer *importer, const Onnx__TensorProto *proto,
                             const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;

#endif

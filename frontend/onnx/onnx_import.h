/* The ONNX importer's state: model, scopes, values by name. */
#ifndef HMLC_ONNX_IMPORT_H
#define HMLC_ONNX_IMPORT_H

#include "importer/mapping.h"
#include "importer/names.h"
#include "onnx_node.h"
#include "onnx_wire.h"

/* A region being filled: its constants stand at the front, in order of first use. */
typedef struct hmlc_onnx_body {
    hmlc_region *region;
    hmlc_op *last_constant;
} hmlc_onnx_body;

typedef enum hmlc_onnx_state {
    HMLC_ONNX_PENDING,  /* its node has not been imported yet */
    HMLC_ONNX_READY,    /* value is set */
    HMLC_ONNX_POISONED, /* its node was refused: readers are skipped silently */
} hmlc_onnx_state;

/* What a name stands for within a scope. */
typedef struct hmlc_onnx_binding {
    const char *name;
    hmlc_onnx_state state;
    hmlc_value *value;
    const Onnx__TensorProto *initializer; /* becomes a constant at first use */
    const Onnx__TypeProto *declared;      /* from value_info or output, may be NULL */
    uint32_t producer;                    /* node index, UINT32_MAX for others */
} hmlc_onnx_binding;

/* A graph's names. A subgraph's scope sees its parent's. */
struct hmlc_onnx_scope {
    hmlc_onnx_scope *parent;
    const Onnx__GraphProto *graph;
    hmlc_names bindings;
    hmlc_onnx_body *body; /* of an inlined subgraph: the parent's */
    const char *path;     /* how unnamed nodes are called: "", "#4/then_branch/" */
};

struct hmlc_onnx_importer {
    hmlc_module *module;
    hmlc_mapping *mapping; /* NULL: from memory, no external data */
    const uint8_t *data;   /* the model file */
    size_t size;
    const hmlc_import_options *options;
    const char *file;           /* name without folders */
    const hmlc_location *where; /* the file as a whole */
    hmlc_budget budget;
    hmlc_arena *scratch; /* of the budget; ends with the import */
    hmlc_status fatal;   /* not HMLC_OK: memory ran out, or a defect; the import stops */
    const Onnx__ModelProto *model;
    int64_t opset;
    hmlc_names operators;      /* name -> first of its rows in the table */
    hmlc_names functions;      /* names of model-local functions */
    uint32_t quantized_nodes;  /* that are computed in float */
    uint32_t suggestions;      /* unknown operators for which a similar name was looked for */
    hmlc_names external_files; /* location -> hmlc_onnx_external */
    hmlc_names dims;           /* dim_param -> hmlc_onnx_dim */
    hmlc_names ranks;          /* onnx_use.c: made when an input has no shape */
    bool *option_used;         /* per dim option */
    uint32_t dim_depth;        /* of --dim expressions that are being applied */
    const char *redefined;     /* first constant that is defined twice */
    uint32_t redefined_count;
    const char *hidden; /* first initializer of a branch that hides an outer value */
    uint32_t hidden_count;
    uint32_t stale_shapes; /* declared shapes that contradict what follows */
};

/* onnx_model.c: the whole model; status of the diagnostics. */
hmlc_status hmlc_onnx_import_model(hmlc_onnx_importer *importer) HMLC_MUST_USE;

/* onnx_external.c: after the import, notes the external files that it did not open. */
hmlc_status hmlc_onnx_note_external(hmlc_onnx_importer *importer) HMLC_MUST_USE;

/* onnx_graph.c */
hmlc_status hmlc_onnx_scope_open(hmlc_onnx_importer *importer,
                                 hmlc_onnx_scope *scope) HMLC_MUST_USE;
/* Imports the nodes, in dependency order. RESOURCE or INTERNAL alone stop it. */
hmlc_status hmlc_onnx_import_nodes(hmlc_onnx_importer *importer,
                                   hmlc_onnx_scope *scope) HMLC_MUST_USE;
/* The value of a name: NULL when it is poisoned (silent) or undefined (diagnostic). */
hmlc_value *hmlc_onnx_resolve(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope,
                              const char *name, const hmlc_location *where);
/* Where node `index` of a graph is; one without a name goes by its number. NULL: no memory. */
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
hmlc_status hmlc_onnx_check_attributes(hmlc_onnx_node *node) HMLC_MUST_USE;
hmlc_status hmlc_onnx_check_arity(hmlc_onnx_node *node) HMLC_MUST_USE;
hmlc_status hmlc_onnx_check_types(hmlc_onnx_node *node) HMLC_MUST_USE;
/* Formal inputs of a row, not counting a variadic tail. */
uint32_t hmlc_onnx_formal_inputs(const hmlc_onnx_op *op);
/* The row of an operator in the model's opset; NULL with a diagnostic. */
/* Works on quantized tensors; and the one warning that a model with such nodes gets. */
bool hmlc_onnx_is_quantized(const hmlc_onnx_op *op);
void hmlc_onnx_say_quantized(hmlc_onnx_importer *importer);
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
/* False with a diagnostic when the constant dims alone make a value larger than any memory. */
bool hmlc_onnx_check_size(hmlc_onnx_importer *importer, const char *name, const hmlc_type *type,
                          const hmlc_location *where);
/* Compares a value with what the model declares for it: another element type or kind is an error,
 * another shape a warning. Finish counts the warnings that were left out. */
void hmlc_onnx_check_declared(hmlc_onnx_importer *importer, const char *name,
                              const Onnx__TypeProto *declared, const hmlc_type *inferred,
                              const hmlc_location *where);
void hmlc_onnx_declared_finish(hmlc_onnx_importer *importer);
/* ONNX's number of an element type. False where there is none or it is not supported (diagnostic).
 */
bool hmlc_onnx_dtype(hmlc_onnx_importer *importer, int64_t number, const hmlc_location *where,
                     const char *what, hmlc_dtype *dtype);

/*
 * onnx_dims.c: dim_param texts and --dim options. Prepare looks at all graph inputs first: a text
 * such as "s16 + 1" is an expression when some input names s16 alone, else a symbol of its own.
 * A text that says "not known" is none at all: that dim of `input` has no name.
 * Finish reports options that name no dim. NULL on memory exhaustion.
 */
hmlc_status hmlc_onnx_dims_prepare(hmlc_onnx_importer *importer) HMLC_MUST_USE;
hmlc_dim hmlc_onnx_dim_named(hmlc_onnx_importer *importer, const char *text, const char *input,
                             uint32_t index);
hmlc_dim hmlc_onnx_dim_unnamed(hmlc_onnx_importer *importer, const char *input, uint32_t index);
void hmlc_onnx_dims_finish(hmlc_onnx_importer *importer);

/* onnx_tensor.c: a stored tensor; its bytes lie in the file where that is possible. */
hmlc_status hmlc_onnx_tensor(hmlc_onnx_importer *importer, const Onnx__TensorProto *proto,
                             const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TensorFlow importer's state. A tensor is called "node" or, from the second output on,
 * "node:1"; "^node" is order alone. In a function it is "node:output:0", or an argument's name.
 *
 * A graph is what a file says: the main graph, or a function's body. A scope is one use of it: a
 * call, a branch, the body of a loop. Each has bindings and a state of each node of its own.
 */
#ifndef HMLC_TENSORFLOW_IMPORT_H
#define HMLC_TENSORFLOW_IMPORT_H

#include "importer/scope.h"
#include "tensorflow_node.h"

typedef struct hmlc_tf_bundle hmlc_tf_bundle;

/* A node of a graph. */
typedef struct hmlc_tf_entry {
    const Tensorflow__NodeDef *def;
    const hmlc_tf_op *op;           /* NULL: unknown, or a function's name */
    struct hmlc_tf_graph *function; /* that function; NULL: none. Operators have no function */
} hmlc_tf_entry;

struct hmlc_tf_graph {
    Tensorflow__NodeDef **nodes;
    size_t node_count;
    const Tensorflow__FunctionDef *function; /* NULL: the main graph */
    hmlc_tf_entry *entries;                  /* one per node; NULL: not opened yet */
    hmlc_names by_name;                      /* -> hmlc_tf_entry */
    bool looked_at, writes;                  /* tensorflow_state.c: does it write variables? */
    bool *written;                           /* per argument: it does so through it */
    hmlc_names frames; /* tensorflow_frame.c: name of a LoopCond -> its loop */
};

/* A node in a scope. */
typedef struct hmlc_tf_state {
    const hmlc_tf_entry *entry;
    uint32_t number; /* among the nodes that are kept */
    uint64_t read;   /* bit k: output k is read by a node that is kept, or asked for */
    bool dropout;    /* decides by random numbers what is dropped: nothing is */
    bool done;       /* its values are there, or it is poisoned */
    bool poisoned;   /* refused; who reads it is skipped */
} hmlc_tf_state;

/* Attributes of a call, for which those of a function's nodes may ask. */
typedef struct hmlc_tf_attrs {
    Tensorflow__AttrEntry **list;
    size_t count;
} hmlc_tf_attrs;

struct hmlc_tf_scope {
    hmlc_scope names; /* first */
    hmlc_tf_graph *graph;
    struct hmlc_tf_scope *caller; /* where it is called, or lies in; NULL: the main graph */
    hmlc_tf_attrs attrs;
    hmlc_names states;        /* name of a node -> hmlc_tf_state */
    hmlc_names loops, merges; /* tensorflow_frame.c, tensorflow_merge.c: what was found so far */
    hmlc_tf_state **kept;
    uint32_t kept_count, kept_room;
    bool writes; /* among them are nodes that write: control edges count */
};

/* A tensor that is an input of the model. */
typedef struct hmlc_tf_feed {
    const char *name;  /* of the input */
    const char *key;   /* of the tensor */
    const char *shape; /* "?,49,10" as --inputs gives it; NULL: not given */
    const hmlc_tf_entry *from;
    const Tensorflow__TensorInfo *info; /* of a signature; NULL: none */
    bool placeholder;
    bool text; /* a string: its bytes are the input */
} hmlc_tf_feed;

/* An output of the model. */
typedef struct hmlc_tf_result {
    const char *name, *tensor;
} hmlc_tf_result;

/* A variable: a value of the checkpoint, or a state that begins with it. */
typedef struct hmlc_tf_variable {
    const char *name;
    const Tensorflow__NodeDef *def;
    bool written;                  /* somewhere while the model runs */
    struct hmlc_kept_state *state; /* NULL: not used yet */
} hmlc_tf_variable;

struct hmlc_tf_importer {
    hmlc_importer *base;
    const Tensorflow__GraphDef *graph_def;
    const Tensorflow__MetaGraph *meta; /* of a SavedModel; NULL: none */
    hmlc_tf_graph graph;               /* the main graph */
    hmlc_names operators;              /* name -> hmlc_tf_op */
    hmlc_names functions;              /* name -> hmlc_tf_graph */
    hmlc_names feeds;                  /* key of a tensor -> hmlc_tf_feed */
    hmlc_tf_feed *feed_list;
    size_t feed_room;
    uint32_t feed_count;
    hmlc_tf_result *results;
    uint32_t result_count;
    hmlc_tf_scope *scope; /* of the main graph */
    hmlc_scope nowhere;   /* around functions: they see no name outside */
    hmlc_tf_bundle *bundle;
    hmlc_scope variable_values; /* name of a variable -> its value */
    hmlc_names variables;       /* -> hmlc_tf_variable */
    hmlc_names restored;        /* name of a variable -> key in the checkpoint */
    uint32_t inlined;           /* nodes of functions so far */
    uint64_t visits;            /* of nodes by tensorflow_merge.c */
    bool batch;                 /* the first dim of all inputs is open: it is called batch */
    bool said_dropout, said_inlined;
};

/* -- tensorflow_ref.c: names ------------------------------------------------------------------- */

/* A tensor's name taken apart. */
typedef struct hmlc_tf_ref {
    const char *node, *key; /* "a", "a:1" */
    uint32_t output;
    bool control;
} hmlc_tf_ref;

/* False without memory, or where what follows the colon is no output of the node. */
bool hmlc_tf_parse_ref(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                       const char *text, hmlc_tf_ref *ref);
/* "a" or "a:1". NULL: no memory. */
const char *hmlc_tf_tensor_name(hmlc_arena *scratch, const char *node, uint32_t output);
const hmlc_location *hmlc_tf_locate(const hmlc_tf_importer *importer, const hmlc_tf_scope *scope,
                                    const Tensorflow__NodeDef *def);
/* The node that gives a tensor; NULL where there is none. */
const hmlc_tf_entry *hmlc_tf_find(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                  const char *text, hmlc_tf_ref *ref);
/* The same behind a chain of identities, which may be as long as exporters write them. */
const hmlc_tf_entry *hmlc_tf_trace(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                   const char *text, hmlc_tf_ref *ref);

/* -- tensorflow_prune.c: what is needed -------------------------------------------------------- */

/* Reads the rows of a graph's nodes, once. */
hmlc_status hmlc_tf_open_graph(hmlc_tf_importer *importer, hmlc_tf_graph *graph) HMLC_MUST_USE;
/* Keeps the nodes that these tensors need, back to what is bound in the scope or around it. */
hmlc_status hmlc_tf_keep(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                         const char *const *wanted, uint32_t count) HMLC_MUST_USE;
/* Keeps a node for what it does. */
hmlc_status hmlc_tf_keep_node(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                              const hmlc_tf_entry *entry) HMLC_MUST_USE;
/* Inputs and outputs of the main graph, and the nodes that it keeps. */
hmlc_status hmlc_tf_prune(hmlc_tf_importer *importer) HMLC_MUST_USE;
hmlc_tf_state *hmlc_tf_find_state(const hmlc_tf_scope *scope, const char *node);
bool hmlc_tf_is_bound(const hmlc_tf_scope *scope, const char *key);
/* What a node reads. */
typedef struct hmlc_tf_needs {
    char **texts;
    size_t count;
} hmlc_tf_needs;
hmlc_status hmlc_tf_needs_of(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                             const hmlc_tf_state *state, hmlc_tf_needs *needs) HMLC_MUST_USE;

/* -- tensorflow_graph.c: nodes become values --------------------------------------------------- */

/* Imports the nodes that the scope keeps. */
hmlc_status hmlc_tf_import_nodes(hmlc_tf_importer *importer, hmlc_tf_scope *scope) HMLC_MUST_USE;
/* The value of a tensor; NULL where it is refused, which has been said, or not there. */
hmlc_value *hmlc_tf_resolve(hmlc_tf_importer *importer, hmlc_tf_scope *scope, const char *text,
                            const hmlc_location *where);
/* Binds an output of a node to a value. False without memory. */
bool hmlc_tf_bind(hmlc_tf_node *node, hmlc_tf_scope *scope, const char *name, uint32_t output,
                  hmlc_value *value);
/* Imports what gives these tensors in the scope. False, and the node's status is set, where
 * something was refused. */
bool hmlc_tf_import_tensors(hmlc_tf_node *node, hmlc_tf_scope *scope, const char *const *wanted,
                            uint32_t count, hmlc_value **values);
const Tensorflow__AttrValue *hmlc_tf_attr_among(const hmlc_tf_attrs *attrs, const char *name);
/* An attribute, where it is a placeholder the call's. */
const Tensorflow__AttrValue *hmlc_tf_attr_in(const hmlc_tf_scope *scope,
                                             const Tensorflow__NodeDef *def, const char *name);

/* -- the others -------------------------------------------------------------------------------- */

/* tensorflow_model.c: a graph, and what a SavedModel says of it, to the module. */
hmlc_status hmlc_tf_run(hmlc_importer *base, const Tensorflow__GraphDef *graph,
                        const Tensorflow__MetaGraph *meta) HMLC_MUST_USE;
/* tensorflow_saved_model.c: inputs and outputs as the signature has them; nothing without one. */
hmlc_status hmlc_tf_choose_signature(hmlc_tf_importer *importer) HMLC_MUST_USE;
/* tensorflow_function.c */
hmlc_status hmlc_tf_index_functions(hmlc_tf_importer *importer) HMLC_MUST_USE;
/* The function of a name; NULL: none. */
hmlc_tf_graph *hmlc_tf_function(const hmlc_tf_importer *importer, const char *name);
/* The function that a node calls; NULL where it calls none. */
hmlc_tf_graph *hmlc_tf_called(const hmlc_tf_importer *importer, const hmlc_tf_entry *entry);
/* A use of a function: its nodes go into `body`. */
typedef struct hmlc_tf_call {
    hmlc_tf_graph *function;
    hmlc_tf_attrs attrs;
    hmlc_body *body;
    hmlc_value *const *inputs;
    uint32_t input_count;
    uint64_t wanted; /* bit k: result k */
} hmlc_tf_call;
/* Imports the function's nodes; outputs has room for HMLC_TF_MOST_OUTPUTS, of which those that are
 * wanted are set. False, and the node's status is set, where something was refused. */
bool hmlc_tf_run_call(hmlc_tf_node *node, const hmlc_tf_call *call, hmlc_value **outputs);
/* The tensor that is result `index`; NULL where the function returns none. */
const char *hmlc_tf_return_of(const hmlc_tf_graph *graph, uint32_t index);
/* tensorflow_recurrent.c: true where the call is that of a layer of Keras, imported as such. */
bool hmlc_tf_import_recurrent(hmlc_tf_node *node, const hmlc_tf_call *call);
uint32_t hmlc_tf_result_count(const hmlc_tf_graph *function);
/* Is result `index` of the function its argument of that index? */
bool hmlc_tf_returns_argument(hmlc_tf_importer *importer, hmlc_tf_graph *graph, uint32_t index);
/* tensorflow_variable.c: which value of the checkpoint each variable has. */
hmlc_status hmlc_tf_map_variables(hmlc_tf_importer *importer) HMLC_MUST_USE;
bool hmlc_tf_is_variable(const Tensorflow__NodeDef *def);
/* The variable of such a node; NULL: no memory. */
hmlc_tf_variable *hmlc_tf_find_variable(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def);
hmlc_status hmlc_tf_read_variable(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def,
                                  const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;
/* tensorflow_bundle.c: the files variables/variables.*. */
hmlc_status hmlc_tf_bundle_open(hmlc_importer *importer, hmlc_tf_bundle **bundle) HMLC_MUST_USE;
/* The same of an index file's bytes. */
hmlc_status hmlc_tf_bundle_parse(hmlc_importer *importer, const hmlc_mapped_file *index,
                                 hmlc_tf_bundle **bundle) HMLC_MUST_USE;
bool hmlc_tf_bundle_has(const hmlc_tf_bundle *bundle, const char *key);
/* The tensor of a key, whose bytes stay where they are; its checksum is compared. */
hmlc_status hmlc_tf_bundle_read(hmlc_importer *importer, hmlc_tf_bundle *bundle, const char *key,
                                const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;
/* tensorflow_tensor.c */
hmlc_status hmlc_tf_tensor(hmlc_importer *importer, const Tensorflow__Tensor *proto,
                           const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;
hmlc_status hmlc_tf_read_shape(hmlc_importer *importer, const Tensorflow__TensorShape *shape,
                               const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;
/* TensorFlow's number of an element type; false with a diagnostic where it is not supported. */
bool hmlc_tf_dtype(hmlc_importer *importer, int32_t number, const hmlc_location *where,
                   hmlc_dtype *dtype);
/* tensorflow_list.c */
const hmlc_tf_op *hmlc_tf_op_at(uint32_t index); /* NULL behind the last one */

#endif

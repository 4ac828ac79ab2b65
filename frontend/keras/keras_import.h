/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Keras importer's state: a model is layers, of which each is called once or several times.
 * A layer may be a model itself, and is then imported anew at each call; its weights are shared.
 */
#ifndef HMLC_KERAS_IMPORT_H
#define HMLC_KERAS_IMPORT_H

#include "common/json_reader.h"
#include "common/node.h"
#include "hdf5.h"
#include "importer/scope.h"

typedef struct hmlc_keras_layer hmlc_keras_layer;
typedef struct hmlc_keras_model hmlc_keras_model;
typedef struct hmlc_keras_call hmlc_keras_call;
typedef void hmlc_keras_import_function(hmlc_keras_call *call);

/* One row of keras_layers.def. */
typedef struct hmlc_keras_row {
    const char *name;
    hmlc_keras_import_function *import; /* NULL: known, not supported */
    const char *reason;                 /* of one that is not supported */
    hmlc_opcode opcode;                 /* for functions that serve several rows */
    const char *weights, *place;        /* see keras_layers.def */
    const char *keys;
} hmlc_keras_row;

typedef struct hmlc_keras_weight {
    const char *name; /* of the row; of the file where they are in its order */
    hmlc_hdf5_object *dataset;
    hmlc_value *value; /* made at the first use */
} hmlc_keras_weight;

/* Layers around others: Bidirectional has two, TimeDistributed one. */
enum { HMLC_KERAS_WRAPPED = 2 };

struct hmlc_keras_layer {
    const hmlc_keras_row *row;            /* NULL: no layer of Keras */
    const char *class_name, *name, *path; /* "outer/inner": what messages call it */
    const hmlc_json *config;
    const hmlc_json *inbound; /* as the file has it; NULL: none */
    hmlc_keras_model *model;  /* of a nested model */
    hmlc_keras_layer *wrapped[HMLC_KERAS_WRAPPED];
    hmlc_keras_weight *weights;
    uint32_t weight_count;
    uint32_t first_node, call_count; /* its nodes in the model */
    bool is_input;
    bool counts_own_call; /* see keras_inbound.c */
    bool broken;          /* its weights are not there, which has been reported */
};

/* A tensor of a model: an output of a node. */
typedef struct hmlc_keras_ref {
    uint32_t node, output;
} hmlc_keras_ref;

typedef struct hmlc_keras_refs {
    hmlc_keras_ref *list;
    uint32_t count, room;
} hmlc_keras_refs;

/* One call of a layer. */
typedef struct hmlc_keras_node {
    hmlc_keras_layer *layer;
    const hmlc_json *inputs;    /* as the file has them; NULL: those in `given` alone */
    const hmlc_json *arguments; /* by name */
    hmlc_keras_refs given;      /* the inputs, in order */
    hmlc_keras_refs others;     /* tensors among the named arguments */
    hmlc_value **outputs;       /* of the run that is going on; NULL entries are poisoned */
    uint32_t output_count;
} hmlc_keras_node;

struct hmlc_keras_model {
    const char *name;
    bool sequential; /* the layers read each other in turn */
    hmlc_keras_layer **layers;
    uint32_t layer_count;
    hmlc_names by_name; /* name -> hmlc_keras_layer */
    hmlc_keras_node *nodes;
    uint32_t node_count;
    uint32_t *order; /* of the nodes; NULL until it is asked for */
    hmlc_keras_refs inputs, outputs;
};

/* How weights are found in a file: by the names of layers, or by the order of the model's parts. */
typedef enum hmlc_keras_filing {
    HMLC_KERAS_NO_WEIGHTS,
    HMLC_KERAS_BY_NAME, /* .h5: a group per layer */
    HMLC_KERAS_BY_PART, /* .keras and .weights.h5: layers/conv2d_1/vars/0 */
} hmlc_keras_filing;

typedef struct hmlc_keras_importer {
    hmlc_importer *base;
    int32_t version; /* of Keras: 1, 2, 3 */
    hmlc_hdf5 file;  /* the weights */
    hmlc_keras_filing filing;
    hmlc_hdf5_object *weights; /* the group that holds them */
    const hmlc_json *config;   /* of the model, with its class_name */
    hmlc_scope *scope;
    bool *masked; /* by the id of a value: it comes with a mask */
    uint32_t mask_room;
    uint32_t runs;  /* nodes imported, nested ones each time */
    uint32_t depth; /* of nested models */
} hmlc_keras_importer;

/* Nodes imported in all; models nested in models. More are made to exhaust a compiler. */
enum { HMLC_KERAS_MOST_NODES = 200000, HMLC_KERAS_MOST_DEPTH = 16 };

/* A call of a layer on its way into the IR: what its import function sees. */
struct hmlc_keras_call {
    hmlc_node node; /* first: attributes are the entries of the layer's config */
    hmlc_keras_importer *importer;
    hmlc_keras_layer *layer;
    const hmlc_keras_model *model;
    const hmlc_keras_node *source; /* NULL: called by a layer around it */
};

/* keras_archive.c: finds config and weights in a file, whatever it is. */
hmlc_status hmlc_keras_open(hmlc_keras_importer *importer) HMLC_MUST_USE;

/* keras_config.c: the model that a config describes; `path` is what its layers' paths begin with.
 */
hmlc_status hmlc_keras_read_model(hmlc_keras_importer *importer, const hmlc_json *object,
                                  const char *path, hmlc_keras_model **model) HMLC_MUST_USE;
/* keras_inbound.c: the nodes of a model whose layers are read, and what they read. */
hmlc_status hmlc_keras_read_nodes(hmlc_keras_importer *importer, hmlc_keras_model *model,
                                  const hmlc_json *outputs) HMLC_MUST_USE;
/* Adds the tensors that a value of the file names, in their order, at any depth. */
hmlc_status hmlc_keras_collect(hmlc_keras_importer *importer, const hmlc_keras_model *model,
                               const hmlc_json *value, hmlc_keras_refs *refs) HMLC_MUST_USE;
hmlc_status hmlc_keras_refs_add(hmlc_keras_importer *importer, hmlc_keras_refs *refs,
                                hmlc_keras_ref ref) HMLC_MUST_USE;

/* keras_weights.c: finds the datasets of all weights; what is missing is reported. */
hmlc_status hmlc_keras_find_weights(hmlc_keras_importer *importer,
                                    hmlc_keras_model *model) HMLC_MUST_USE;

/* keras_graph.c: imports a call of the model on these inputs. `outputs` has one entry for each of
 * the model's; those that were refused are NULL. */
hmlc_status hmlc_keras_run_model(hmlc_keras_importer *importer, hmlc_keras_model *model,
                                 hmlc_value *const *inputs, hmlc_value **outputs) HMLC_MUST_USE;
/* Imports a layer that another one calls, with the caller's emitter; NULL on failure. */
hmlc_value *hmlc_keras_call_layer(hmlc_keras_call *caller, hmlc_keras_layer *layer,
                                  hmlc_value *input);
const hmlc_location *hmlc_keras_locate(const hmlc_keras_importer *importer,
                                       const hmlc_keras_layer *layer);

/* keras_list.c */
const hmlc_keras_row *hmlc_keras_find_row(const char *name);
const hmlc_keras_row *hmlc_keras_row_at(uint32_t index); /* NULL behind the last one */

#endif

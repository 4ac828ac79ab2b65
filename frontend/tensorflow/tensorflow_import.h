/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TensorFlow importer's state. A tensor is called "node" or, from the second output on,
 * "node:1", as in the graph itself; "^node" is order alone.
 */
#ifndef HMLC_TENSORFLOW_IMPORT_H
#define HMLC_TENSORFLOW_IMPORT_H

#include "importer/scope.h"
#include "tensorflow_node.h"

/* A node of the graph. */
typedef struct hmlc_tf_entry {
    const Tensorflow__NodeDef *def;
    const hmlc_tf_op *op; /* NULL: unknown */
    uint32_t number;      /* among the nodes that are kept */
    uint64_t read;        /* bit k: output k is read by a node that is kept, or asked for */
    bool kept;
    bool dropout;  /* decides by random numbers what is dropped: nothing is */
    bool done;     /* its values are there, or it is poisoned */
    bool poisoned; /* refused; who reads it is skipped */
} hmlc_tf_entry;

/* --inputs: a tensor that the user feeds. */
typedef struct hmlc_tf_feed {
    const char *name;  /* of the tensor */
    const char *shape; /* "?,49,10"; NULL: not given */
    hmlc_tf_entry *from;
    bool placeholder;
} hmlc_tf_feed;

typedef struct hmlc_tf_importer {
    hmlc_importer *base;
    const Tensorflow__GraphDef *graph;
    hmlc_tf_entry *entries; /* one per node of the graph */
    hmlc_names nodes;       /* name -> hmlc_tf_entry */
    hmlc_names operators;   /* name -> hmlc_tf_op */
    hmlc_names feeds;       /* name of a tensor -> hmlc_tf_feed */
    hmlc_tf_feed *feed_list;
    uint32_t feed_count;
    hmlc_tf_entry **kept; /* in the order of the graph */
    uint32_t kept_count;
    const char **outputs;
    uint32_t output_count;
    hmlc_scope *scope;
    bool said_dropout, said_control;
} hmlc_tf_importer;

/* A tensor's name taken apart. */
typedef struct hmlc_tf_ref {
    const char *node, *key; /* "a", "a:1" */
    uint32_t output;
    bool control;
} hmlc_tf_ref;

/* False without memory, or where what follows the colon is no number below 64. */
bool hmlc_tf_parse_ref(hmlc_arena *scratch, const char *text, hmlc_tf_ref *ref);
/* "a" or "a:1". NULL: no memory. */
const char *hmlc_tf_tensor_name(hmlc_arena *scratch, const char *node, uint32_t output);
const hmlc_location *hmlc_tf_locate(const hmlc_tf_importer *importer,
                                    const Tensorflow__NodeDef *def);

/* tensorflow_prune.c: what the outputs need; inputs and outputs where the user names none. */
hmlc_status hmlc_tf_prune(hmlc_tf_importer *importer) HMLC_MUST_USE;
/* tensorflow_graph.c: imports the nodes that are kept. */
hmlc_status hmlc_tf_import_nodes(hmlc_tf_importer *importer) HMLC_MUST_USE;
/* tensorflow_tensor.c */
hmlc_status hmlc_tf_tensor(hmlc_importer *importer, const Tensorflow__Tensor *proto,
                           const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;
/* TensorFlow's number of an element type; false with a diagnostic where it is not supported. */
bool hmlc_tf_dtype(hmlc_importer *importer, int32_t number, const hmlc_location *where,
                   hmlc_dtype *dtype);
/* tensorflow_list.c */
const hmlc_tf_op *hmlc_tf_op_at(uint32_t index); /* NULL behind the last one */

#endif

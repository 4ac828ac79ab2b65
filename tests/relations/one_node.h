/* SPDX-License-Identifier: Apache-2.0 */
/* A model of one node with a symbol for every dim, run by the interpreter and as an artifact. */
#ifndef ONE_NODE_H
#define ONE_NODE_H

#include <hml/hml.h>
#include <hmlc/frontend.h>
#include <stdbool.h>

enum { ONE_NODE_INPUTS = 5, ONE_NODE_ELEMENTS = 64 };

typedef struct one_node_model {
    const char
        *type; /* of the node; an If concatenates its second input with itself, or negates it */
    const char *outputs;    /* their element types: "f32 i64" */
    const char *attributes; /* "axis=1 pads=0,1 mode=edge": integers, lists, words */
    const char *inputs;     /* "f32 n m; i64 k": element type and dims of each */
    int64_t opset;
} one_node_model;

typedef struct one_node one_node;

/* Imports twice, once for the interpreter, and compiles for this machine. NULL, with the reason on
 * stderr. */
one_node *one_node_create(const one_node_model *model);
void one_node_destroy(one_node *node);
/* The artifact's session, owned by the node. */
hml_session *one_node_session(one_node *node);

typedef struct one_node_answer {
    bool interpreted;     /* the interpreter gave a result; else it refused the inputs */
    hml_status status;    /* of the artifact's run */
    const char *message;  /* of the session */
    hmlc_tensor expected; /* the interpreter's first output */
    hml_tensor found;     /* the artifact's */
} one_node_answer;

/*
 * `inputs`: "3 4; 2: 0 -1": the dims of each, and its elements, where they are not 1, 2, 3 ...
 * (f32) or 0 (others). Tensors of the answer live until the next run. False: the text is malformed.
 */
bool one_node_run(one_node *node, const char *inputs, one_node_answer *answer);

#endif

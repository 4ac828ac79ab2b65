/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels along a graph's edges and is no tensor: variables, lists of tensors, complex
 * numbers, strings. Such a handle looks like a value, so that identities, calls and loops pass it
 * on, but is none of the module: import functions of rows marked HANDLES alone see it. A branch or
 * a loop carries the tensors that a handle is made of, its parts.
 */
#ifndef HMLC_TENSORFLOW_HANDLE_H
#define HMLC_TENSORFLOW_HANDLE_H

#include "tensorflow_node.h"

typedef enum hmlc_tf_handle_kind {
    HMLC_TF_VARIABLE, /* no parts */
    HMLC_TF_LIST,     /* a TensorList, or what is in a TensorArray */
    HMLC_TF_COMPLEX,  /* real and imaginary part */
    HMLC_TF_TEXT,     /* a string: its bytes, u8[n] */
} hmlc_tf_handle_kind;

enum { HMLC_TF_MOST_PARTS = 2 };

typedef struct hmlc_tf_handle {
    hmlc_value value; /* first */
    hmlc_tf_handle_kind kind;
    struct hmlc_tf_variable *variable;
    bool reference; /* of a variable: a tensor to all that takes no variables */
    /* A list: [size, element...], NULL while its elements' shape is not known. Complex: both. */
    hmlc_value *parts[HMLC_TF_MOST_PARTS];
    hmlc_dim size; /* of a list */
} hmlc_tf_handle;

/* NULL: no memory. */
hmlc_tf_handle *hmlc_tf_handle_create(hmlc_arena *scratch, hmlc_tf_handle_kind kind);
bool hmlc_tf_is_handle(const hmlc_value *value);
/* NULL where it is none, or of another kind. */
hmlc_tf_handle *hmlc_tf_handle_of(hmlc_value *value, hmlc_tf_handle_kind kind);
/* What a variable holds, where `value` is one (tensorflow_variable.c); else `value` itself. */
hmlc_value *hmlc_tf_plain(hmlc_tf_node *node, hmlc_value *value);
/* The same of references alone. */
hmlc_value *hmlc_tf_read_reference(hmlc_tf_node *node, hmlc_value *value);
/* A string of these bytes; NULL: no memory. */
hmlc_value *hmlc_tf_text_create(hmlc_arena *scratch, hmlc_value *bytes);
/* The tensors that a value is made of: itself, or its parts. Their number. */
uint32_t hmlc_tf_parts(hmlc_value *value, hmlc_value **parts);
/* A value like `like` of other parts; NULL: no memory. */
hmlc_value *hmlc_tf_rebuild(hmlc_arena *scratch, hmlc_value *like, hmlc_value *const *parts);

#endif

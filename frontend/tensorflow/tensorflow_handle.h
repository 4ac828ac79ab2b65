/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels along a graph's edges and is no tensor: handles of variables, lists of tensors. Such
 * a handle looks like a value, so that identities, calls and loops pass it on, but is none of the
 * module: import functions of rows marked HANDLES alone see it.
 */
#ifndef HMLC_TENSORFLOW_HANDLE_H
#define HMLC_TENSORFLOW_HANDLE_H

#include "tensorflow_node.h"

typedef enum hmlc_tf_handle_kind {
    HMLC_TF_VARIABLE,
} hmlc_tf_handle_kind;

typedef struct hmlc_tf_handle {
    hmlc_value value; /* first */
    hmlc_tf_handle_kind kind;
    struct hmlc_tf_variable *variable;
} hmlc_tf_handle;

/* NULL: no memory. */
hmlc_tf_handle *hmlc_tf_handle_create(hmlc_arena *scratch, hmlc_tf_handle_kind kind);
bool hmlc_tf_is_handle(const hmlc_value *value);
/* NULL where it is none, or of another kind. */
hmlc_tf_handle *hmlc_tf_handle_of(hmlc_value *value, hmlc_tf_handle_kind kind);

#endif

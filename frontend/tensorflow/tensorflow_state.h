/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that a model writes while it runs: states. */
#ifndef HMLC_TENSORFLOW_STATE_H
#define HMLC_TENSORFLOW_STATE_H

#include "importer/kept_state.h"
#include "importer/order.h"
#include "tensorflow_import.h"

/* Keeps the scope's nodes that write, which only control edges reach, and says which variables they
 * write: before any node is imported. */
hmlc_status hmlc_tf_keep_writes(hmlc_tf_importer *importer, hmlc_tf_scope *scope) HMLC_MUST_USE;
/* Adds the nodes that node `number` of the scope comes after by control edges, also through nodes
 * that are not kept. */
hmlc_status hmlc_tf_waits_of(hmlc_tf_importer *importer, hmlc_tf_scope *scope, uint32_t number,
                             hmlc_needs *needs) HMLC_MUST_USE;
/* The state of a variable that is written; NULL, and the node says why, where it can be none. */
hmlc_kept_state *hmlc_tf_state_of(hmlc_tf_node *node, hmlc_tf_variable *variable);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of products by an equation: "bij,bjk->bik". */
#ifndef HMLC_EINSUM_H
#define HMLC_EINSUM_H

#include "node.h"

/* The node's inputs by an equation of `length` bytes; NULL with a diagnostic. */
hmlc_value *hmlc_node_einsum(hmlc_node *node, const char *equation, size_t length);

#endif

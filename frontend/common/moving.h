/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that rename or move elements. Shape-like operands may be known only at run time. */
#ifndef HMLC_MOVING_H
#define HMLC_MOVING_H

#include "node.h"

/* To the dims in the integer tensor `shape`: -1 is what is left and, unless allow_zero, 0 the dim
 * of x in that place. */
hmlc_value *hmlc_node_reshape(hmlc_node *node, hmlc_value *x, hmlc_value *shape, bool allow_zero);
/* Broadcast with the shape in the integer tensor. */
hmlc_value *hmlc_node_expand(hmlc_node *node, hmlc_value *x, hmlc_value *shape);
/* `what` names the list in messages. */
hmlc_value *hmlc_node_permute(hmlc_node *node, hmlc_value *x, const int64_t *list, uint32_t count,
                              const char *what);
/* Without the marked dims, which must be 1; where only the run knows, it is refused otherwise. */
hmlc_value *hmlc_node_squeeze(hmlc_node *node, hmlc_value *x, const bool *squeezed);
/* The outputs are parts of x along the axis, in order, of these sizes. */
void hmlc_node_split(hmlc_node *node, hmlc_value *x, int64_t axis, const hmlc_dim *sizes);
/* Do the sizes of the outputs add up to the whole? Where only the run knows, it checks. */
void hmlc_node_check_parts(hmlc_node *node, hmlc_dim whole, const hmlc_dim *sizes);
/* As often along each dim as the integer tensor says. */
hmlc_value *hmlc_node_tile(hmlc_node *node, hmlc_value *x, hmlc_value *repeats);
/* `pads`: of all dims, begins then ends; `fill`, a scalar, may be NULL; mode: HMLC_PAD_*. */
hmlc_value *hmlc_node_pad(hmlc_node *node, hmlc_value *x, const hmlc_dim *pads, hmlc_value *fill,
                          int64_t mode);
/* The dim divided by `by`, of which it must be a multiple. */
hmlc_dim hmlc_node_divided(hmlc_node *node, hmlc_dim dim, int64_t by);

#endif

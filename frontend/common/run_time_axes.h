/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Axes known only at run time. The shape function axes_dims turns them into dims, so that ordinary
 * operators do the work: along an axis that is not known, a tensor is [outer, length, inner].
 */
#ifndef HMLC_RUN_TIME_AXES_H
#define HMLC_RUN_TIME_AXES_H

#include "node.h"

/* The dims that `axes` (of hmlc_node_run_time_list) make of x's shape; `mode` is an HMLC_AXES_*,
 * not split. `rank` is set. NULL on failure. */
const hmlc_dim *hmlc_node_axes_dims(hmlc_node *node, const hmlc_value *x, hmlc_value *axes,
                                    int64_t mode, uint32_t *rank);
/* Three dims per axis: outer, length and inner, after the axes before it became 1. */
const hmlc_dim *hmlc_node_axes_split(hmlc_node *node, const hmlc_value *x, hmlc_value *axes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Axes known only at run time. The shape function axes_dims turns them into dims, so that ordinary
 * operators do the work: along an axis that is not known, a tensor is [outer, length, inner].
 */
#ifndef HMLC_ONNX_AXES_H
#define HMLC_ONNX_AXES_H

#include "onnx_node.h"

/* The dims that `axes` (of hmlc_onnx_run_time_list) make of x's shape; `mode` is an HMLC_AXES_*,
 * not split. `rank` is set. NULL on failure. */
const hmlc_dim *hmlc_onnx_axes_dims(hmlc_onnx_node *node, const hmlc_value *x, hmlc_value *axes,
                                    int64_t mode, uint32_t *rank);
/* Three dims per axis: outer, length and inner, after the axes before it became 1. */
const hmlc_dim *hmlc_onnx_axes_split(hmlc_onnx_node *node, const hmlc_value *x, hmlc_value *axes);

#endif

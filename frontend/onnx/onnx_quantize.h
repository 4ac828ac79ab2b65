/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMLC_ONNX_QUANTIZE_H
#define HMLC_ONNX_QUANTIZE_H

#include "common/node.h"

/* DynamicQuantizeLinear's results: x as u8, its scale, its zero point. */
void hmlc_onnx_dynamic_quantize(hmlc_node *node, hmlc_value *x, hmlc_value *results[3]);

#endif

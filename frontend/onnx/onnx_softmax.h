/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax, which several operators contain. */
#ifndef HMLC_ONNX_SOFTMAX_H
#define HMLC_ONNX_SOFTMAX_H

#include "onnx_node.h"

/*
 * Softmax or log softmax (the opcode) of x over axes together. Half-width floats round after each
 * step of the standard's function body; wider ones are one op.
 */
hmlc_value *hmlc_onnx_softmax(hmlc_onnx_node *node, hmlc_opcode opcode, hmlc_value *x,
                              const int64_t *axes, uint32_t axis_count);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BYTE_MODELS_H
#define BYTE_MODELS_H

#include "wire_writer.h"

/* Adds products and convolutions of bytes to a graph, with all their inputs and outputs. */
void byte_models(wire_buffer *graph);

/* One product of constant bytes: sizes are M, K, N. */
void byte_product(wire_buffer *graph, const int64_t sizes[3]);

#endif

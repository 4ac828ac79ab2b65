/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels as TensorFlow and Keras store them, spatial dims first, in the IR's order (ops.def). Only
 * constants are moved so, once. */
#ifndef HMLC_HWIO_KERNEL_H
#define HMLC_HWIO_KERNEL_H

#include "importer/emit.h"

/* [k ..., a, b] to [b, k ..., a], or [b, a, k ...] for data with channels in front: of convolutions
 * in, out; of transposed ones out, in. */
hmlc_value *hmlc_emit_hwio_kernel(hmlc_emitter *emit, hmlc_value *kernel, int64_t layout);
/* A depthwise kernel [k ..., C, M] as an ordinary one of C groups: [C * M, k ..., 1]. */
hmlc_value *hmlc_emit_depthwise_kernel(hmlc_emitter *emit, hmlc_value *kernel, int64_t layout);

#endif

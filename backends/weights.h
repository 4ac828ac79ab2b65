/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WEIGHTS section while it is built: blobs in order of first use, equal ones stored once,
 * whichever variant asks. Blobs are packed when they are written, one at a time, so that compiling
 * needs no second copy of the model.
 */
#ifndef HMLC_WEIGHTS_H
#define HMLC_WEIGHTS_H

#include <hmlc/ir.h>

#include "kernel.h"

typedef struct hmlc_weights hmlc_weights;

hmlc_weights *hmlc_weights_create(hmlc_arena *arena);

/* Offset (64-byte aligned) of a constant as it stands, or as a kernel packs it. */
hmlc_status hmlc_weights_add_constant(hmlc_weights *weights, const hmlc_tensor *constant,
                                      uint64_t *offset, uint64_t *bytes) HMLC_MUST_USE;
hmlc_status hmlc_weights_add_packed(hmlc_weights *weights, const hmlc_kernel_plan *plan,
                                    uint32_t operand, const hmlc_tensor *constant, uint64_t *offset,
                                    uint64_t *bytes) HMLC_MUST_USE;
uint64_t hmlc_weights_bytes(const hmlc_weights *weights);

/* Calls `write` with the section's bytes in order; stops at the first failure. */
typedef hmlc_status hmlc_weights_sink(void *context, const void *data, size_t bytes);
hmlc_status hmlc_weights_write(const hmlc_weights *weights, hmlc_weights_sink *write,
                               void *context) HMLC_MUST_USE;

#endif

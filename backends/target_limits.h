/* SPDX-License-Identifier: Apache-2.0 */
/* What a target cannot hold or compute is refused before code is made for it. */
#ifndef HMLC_TARGET_LIMITS_H
#define HMLC_TARGET_LIMITS_H

#include "kernel.h"

/* A kernel: numbers of types that the target has, and sizes that its indices reach. */
hmlc_status hmlc_target_limits_kernel(hmlc_diagnostics *diagnostics, const hmlc_target *target,
                                      const hmlc_op *kernel) HMLC_MUST_USE;
/* Bytes of the weights of an artifact, or of the arena at its smallest: `what`. */
hmlc_status hmlc_target_limits_bytes(hmlc_diagnostics *diagnostics, const hmlc_target *target,
                                     const char *what, uint64_t bytes) HMLC_MUST_USE;

#endif

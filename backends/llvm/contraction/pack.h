/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing of constants at plan time: a matrix per batch element becomes panels (packing.h), batch
 * after batch. The order of k is given by taps, so that convolution weights pack the same way.
 */
#ifndef HMLC_PACK_H
#define HMLC_PACK_H

#include "contraction.h"

/*
 * How element (batch, k, column) lies in the constant, in elements: k splits into outer (taps) and
 * inner (channels) steps.
 */
typedef struct hmlc_pack_weights {
    hmlc_dtype dtype;        /* of the constant */
    hmlc_dtype packed_dtype; /* of the panels: the same, or wider: halves, bytes of windows */
    hmlc_pack_layout layout;
    int64_t batches, depth, columns;
    int64_t batch_stride, depth_stride, column_stride;
    /* depth is tap_count taps of depth / tap_count steps, tap t at taps[t]. */
    int64_t tap_count;
    const int64_t *taps;
} hmlc_pack_weights;

/* The order of k as it is. */
extern const int64_t hmlc_pack_one_tap[1];
/* Elements of one batch element's panels. */
int64_t hmlc_pack_weights_elements(const hmlc_pack_weights *panels);
void hmlc_pack_weights_fill(const hmlc_pack_weights *panels, const hmlc_tensor *constant,
                            void *out);
/* Kind, bytes and packing of an operand; `pack` is the caller's. */
hmlc_status hmlc_pack_weights_operand(hmlc_arena *arena, const hmlc_pack_weights *panels,
                                      hmlc_kernel_operand *operand) HMLC_MUST_USE;
/* Bytes of all panels; false where they overflow. */
bool hmlc_pack_weights_bytes(const hmlc_pack_weights *panels, size_t *bytes);
/* Emits the packing itself, for weights that are not constant: `from` to `to`. */
void hmlc_pack_weights_emit(hmlc_frame *frame, const hmlc_pack_weights *panels, LLVMValueRef from,
                            LLVMValueRef to);
/*
 * Takes the right side from argument `argument` of a contraction: a constant becomes a packed
 * operand, anything else is packed into scratch memory at run time (its taps evenly spaced, groups
 * of one step). *panels is copied; the contraction's depth follows from it.
 */
hmlc_status hmlc_pack_weights_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                   uint32_t argument,
                                   const hmlc_pack_weights *panels) HMLC_MUST_USE;

#endif

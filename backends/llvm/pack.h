/*
 * Packing of constants at plan time: a matrix per batch element becomes panels of HMLC_PANEL
 * columns, [batch][panel][k][HMLC_PANEL], zero filled. The order of k is given by taps, so that
 * convolution weights pack the same way.
 */
#ifndef HMLC_PACK_H
#define HMLC_PACK_H

#include "llvm/contraction.h"

/* How element (batch, k, column) lies in the constant, in elements: k splits into outer (taps) and
 * inner (channels). */
typedef struct hmlc_panels {
    hmlc_dtype dtype;
    int64_t batches, depth, columns;
    int64_t batch_stride, depth_stride, column_stride;
    /* depth is tap_count taps of depth / tap_count steps, tap t at taps[t]; tap_count 0: one tap.
     */
    int64_t tap_count;
    const int64_t *taps;
} hmlc_panels;

/* Elements of one batch element's panels. */
int64_t hmlc_panels_batch_elements(const hmlc_panels *panels);
void hmlc_panels_pack(const hmlc_panels *panels, const hmlc_tensor *constant, void *out);
/* Kind, bytes and packing of an operand; `pack` is the caller's. */
hmlc_status hmlc_panels_operand(hmlc_arena *arena, const hmlc_panels *panels,
                                hmlc_kernel_operand *operand) HMLC_MUST_USE;
/* Makes operand `argument` of a contraction's plan a packed one; *panels is copied into the plan's
 * arena. */
hmlc_status hmlc_panels_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan, uint32_t argument,
                             const hmlc_panels *panels) HMLC_MUST_USE;

#endif

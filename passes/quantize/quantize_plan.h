/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the room share about a plan. */
#ifndef HMLC_QUANTIZE_PLAN_H
#define HMLC_QUANTIZE_PLAN_H

#include <hmlc/quantize.h>

/* Values by id, of the main graph's arguments and results, in the scratch arena; NULL without
 * memory. */
hmlc_value **hmlc_quantize_values(hmlc_module *module, hmlc_arena *scratch);

/* Is the node to be quantized? */
static inline bool hmlc_quantize_is_chosen(const hmlc_quantize_node *node)
{
    return node->anchor && node->reason == HMLC_QUANTIZE_integer;
}

/* Channels of an anchor's operand 0 or result: the last dim of a product and of images whose
 * channels are last, else dim 1. */
static inline int32_t hmlc_quantize_channel_axis(const hmlc_op *op, int32_t rank)
{
    bool last = op->opcode == HMLC_OP_matmul ||
                hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    return last ? rank - 1 : 1;
}

/* -- ranges (quantize_range.c) ----------------------------------------------------------------- */

/* [low, high] on u8, zero being exact. */
hmlc_quantize_range hmlc_range_of(double low, double high);
/* The range that a rule gives; `percentile` is that rule's. */
hmlc_quantize_range hmlc_range_choose(const hmlc_tensor_statistics *t, hmlc_ranges rule,
                                      double percentile);

/* -- weights (quantize_weights.c) -------------------------------------------------------------- */

/* Fills quantized, scales and weight_sqnr of an anchor. HMLC_NO: weights that are no numbers. */
hmlc_status hmlc_weights_quantize(hmlc_arena *arena, hmlc_quantize_node *node,
                                  bool pairs) HMLC_MUST_USE;
/* The integers of a product's weights as [depth, outputs]. */
void hmlc_quantize_matrix(const hmlc_quantize_node *node, int8_t *to);

#endif

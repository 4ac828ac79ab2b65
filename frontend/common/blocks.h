/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that trade space for depth or batch, in data with channels last. */
#ifndef HMLC_BLOCKS_H
#define HMLC_BLOCKS_H

#include "node.h"

/* Blocks of size * size pixels become channels of one pixel, and back. Rank 4. */
hmlc_value *hmlc_node_space_to_depth(hmlc_node *node, hmlc_value *x, int64_t size);
hmlc_value *hmlc_node_depth_to_space(hmlc_node *node, hmlc_value *x, int64_t size);

/*
 * SpaceToBatchND of x, padded; block: sizes along the dims behind the batch; pads: begin and end of
 * each of them. The batch of the result is [blocks..., batch].
 */
hmlc_value *hmlc_node_space_to_batch(hmlc_node *node, hmlc_value *x, const int64_t *block,
                                     uint32_t count, const hmlc_dim *pads);
/* The inverse; crops: begin and end of each dim. */
hmlc_value *hmlc_node_batch_to_space(hmlc_node *node, hmlc_value *x, const int64_t *block,
                                     uint32_t count, const hmlc_dim *crops);

#endif

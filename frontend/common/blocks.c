/* SPDX-License-Identifier: Apache-2.0 */
#include "blocks.h"

#include <inttypes.h>

#include "moving.h"

static bool check_block(hmlc_node *node, const hmlc_value *x, int64_t size)
{
    if (size < 1 || size > INT32_MAX || x->type->rank != 4) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has blocks of %" PRId64 " and an input of rank %d, which must be 4", size,
                       x->type->rank);
    }
    return hmlc_node_ok(node);
}

hmlc_value *hmlc_node_space_to_depth(hmlc_node *node, hmlc_value *x, int64_t size)
{
    static const int64_t depth_last[] = {0, 1, 3, 2, 4, 5};
    hmlc_emitter *emit = &node->emit;
    if (!check_block(node, x, size)) {
        return NULL;
    }
    const hmlc_dim *in = x->type->dims;
    hmlc_dim block = hmlc_emit_number(emit, size), all = hmlc_emit_number(emit, size * size);
    hmlc_dim height = hmlc_node_divided(node, in[1], size);
    hmlc_dim width = hmlc_node_divided(node, in[2], size);
    const hmlc_dim split[6] = {in[0], height, block, width, block, in[3]};
    const hmlc_dim joined[4] = {in[0], height, width,
                                hmlc_dim_multiply(hmlc_emit_table(emit), in[3], all)};
    x = hmlc_emit_transpose(emit, hmlc_emit_reshape(emit, x, split, 6), depth_last);
    return hmlc_emit_reshape(emit, x, joined, 4);
}

hmlc_value *hmlc_node_depth_to_space(hmlc_node *node, hmlc_value *x, int64_t size)
{
    static const int64_t between[] = {0, 1, 3, 2, 4, 5};
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    if (!check_block(node, x, size)) {
        return NULL;
    }
    const hmlc_dim *in = x->type->dims;
    hmlc_dim block = hmlc_emit_number(emit, size);
    hmlc_dim channels = hmlc_node_divided(node, in[3], size * size);
    const hmlc_dim split[6] = {in[0], in[1], in[2], block, block, channels};
    const hmlc_dim joined[4] = {in[0], hmlc_dim_multiply(table, in[1], block),
                                hmlc_dim_multiply(table, in[2], block), channels};
    x = hmlc_emit_transpose(emit, hmlc_emit_reshape(emit, x, split, 6), between);
    return hmlc_emit_reshape(emit, x, joined, 4);
}

/* A shape of more dims than a value may have is refused. */
static bool check_blocks(hmlc_node *node, const hmlc_value *x, const int64_t *block, uint32_t count)
{
    for (uint32_t i = 0; i < count && hmlc_node_ok(node); i++) {
        if (block[i] < 1 || block[i] > INT32_MAX) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "block %" PRIu32 " is %" PRId64 ", must be positive", i, block[i]);
        }
    }
    if (count + 1 > (uint32_t)x->type->rank || (uint32_t)x->type->rank + count > HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %" PRIu32 " blocks for an input of rank %d", count, x->type->rank);
    }
    return hmlc_node_ok(node);
}

hmlc_value *hmlc_node_space_to_batch(hmlc_node *node, hmlc_value *x, const int64_t *block,
                                     uint32_t count, const hmlc_dim *pads)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim all[2 * HMLC_MAX_RANK], split[HMLC_MAX_RANK], joined[HMLC_MAX_RANK];
    int64_t permutation[HMLC_MAX_RANK];
    if (!check_blocks(node, x, block, count)) {
        return NULL;
    }
    uint32_t rank = (uint32_t)x->type->rank, at = 0;
    for (uint32_t i = 0; i < rank; i++) {
        bool padded = i >= 1 && i <= count;
        all[i] = padded ? pads[2 * (i - 1)] : hmlc_emit_number(emit, 0);
        all[i + rank] = padded ? pads[2 * (i - 1) + 1] : hmlc_emit_number(emit, 0);
    }
    x = hmlc_node_pad(node, x, all, NULL, HMLC_PAD_CONSTANT);
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    const hmlc_dim *in = x->type->dims;
    joined[0] = split[at++] = in[0];
    for (uint32_t i = 0; i < count; i++) {
        hmlc_dim size = hmlc_emit_number(emit, block[i]);
        split[at++] = joined[i + 1] = hmlc_node_divided(node, in[i + 1], block[i]);
        split[at++] = size;
        joined[0] = hmlc_dim_multiply(hmlc_emit_table(emit), joined[0], size);
        permutation[i] = 2 * (int64_t)i + 2;
        permutation[count + 1 + i] = 2 * (int64_t)i + 1;
    }
    permutation[count] = 0;
    for (uint32_t i = count + 1; i < rank; i++) {
        joined[i] = split[at++] = in[i];
        permutation[count + i] = count + i;
    }
    x = hmlc_emit_transpose(emit, hmlc_emit_reshape(emit, x, split, at), permutation);
    return hmlc_emit_reshape(emit, x, joined, rank);
}

hmlc_value *hmlc_node_batch_to_space(hmlc_node *node, hmlc_value *x, const int64_t *block,
                                     uint32_t count, const hmlc_dim *crops)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim split[HMLC_MAX_RANK], joined[HMLC_MAX_RANK];
    int64_t permutation[HMLC_MAX_RANK], blocks = 1;
    if (!check_blocks(node, x, block, count)) {
        return NULL;
    }
    const hmlc_dim *in = x->type->dims;
    uint32_t rank = (uint32_t)x->type->rank;
    for (uint32_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(blocks, block[i], &blocks) || blocks > INT32_MAX) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "its blocks are too large");
            return NULL;
        }
        split[i] = hmlc_emit_number(emit, block[i]);
        joined[i + 1] = hmlc_dim_multiply(table, in[i + 1], split[i]);
        permutation[2 * i + 1] = (int64_t)count + 1 + i;
        permutation[2 * i + 2] = i;
    }
    joined[0] = split[count] = hmlc_node_divided(node, in[0], blocks);
    permutation[0] = count;
    for (uint32_t i = 1; i < rank; i++) {
        split[count + i] = in[i];
        if (i > count) {
            joined[i] = in[i];
            permutation[count + i] = count + i;
        }
    }
    x = hmlc_emit_transpose(emit, hmlc_emit_reshape(emit, x, split, rank + count), permutation);
    x = hmlc_emit_reshape(emit, x, joined, rank);
    for (uint32_t i = 0; i < count && hmlc_node_ok(node); i++) {
        hmlc_dim cut = hmlc_dim_add(table, crops[2 * i], crops[2 * i + 1]);
        x = hmlc_emit_slice_axis(emit, x, i + 1, crops[2 * i],
                                 hmlc_dim_subtract(table, joined[i + 1], cut));
    }
    return x;
}

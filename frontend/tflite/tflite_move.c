/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that rename or move elements. */
#include <inttypes.h>

#include "common/blocks.h"
#include "common/moving.h"
#include "common/slicing.h"
#include "tflite_node.h"

/* An integer tensor as i64, as the IR's shape functions have it. */
static hmlc_value *as_i64(hmlc_node *node, uint32_t index)
{
    return hmlc_emit_cast(&node->emit, node->inputs[index], HMLC_DTYPE_i64);
}

/* A shape in the file as a constant. */
static hmlc_value *shape_constant(hmlc_node *node, const int64_t *dims, uint32_t count)
{
    hmlc_dim list[HMLC_MAX_RANK];
    for (uint32_t i = 0; i < count; i++) {
        list[i] = hmlc_emit_number(&node->emit, dims[i]);
    }
    return hmlc_emit_dims(&node->emit, list, count, HMLC_DTYPE_i64);
}

/* The shape is input 1, the option new_shape, or that of the output alone. [0] for one element
 * means a scalar in old files. */
void hmlc_tflite_import_reshape(hmlc_node *node)
{
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    uint32_t count = 0;
    const int64_t *option = hmlc_node_ints(node, "new_shape", &count);
    if (hmlc_node_has_input(node, 1)) {
        node->outputs[0] = hmlc_node_reshape(node, node->inputs[0], as_i64(node, 1), true);
        return;
    }
    if (option == NULL || count == 0) {
        option = result->dims;
        count = (uint32_t)result->rank;
    }
    if (count > HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "'new_shape' has too many entries");
        return;
    }
    if (count == 1 && option[0] == 0 && result->rank == 0) {
        count = 0;
    }
    hmlc_value *shape = shape_constant(node, option, count);
    node->outputs[0] = hmlc_node_reshape(node, node->inputs[0], shape, true);
}

void hmlc_tflite_import_transpose(hmlc_node *node)
{
    int64_t list[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count;
    if (hmlc_node_int_list(node, 1, NULL, list, &count)) {
        node->outputs[0] = hmlc_node_permute(node, node->inputs[0], list, count, "perm");
    }
}

/* Without dims all that are 1; symbolic ones stay. */
void hmlc_tflite_import_squeeze(hmlc_node *node)
{
    int64_t axes[HMLC_MAX_RANK];
    bool squeezed[HMLC_MAX_RANK] = {false};
    uint32_t count = 0;
    int32_t rank = hmlc_node_rank(node, 0);
    const int64_t *list = hmlc_node_ints(node, "squeeze_dims", &count);
    uint32_t found = count > 0 ? hmlc_node_axes(node, list, count, rank, axes) : 0;
    for (uint32_t i = 0; i < found; i++) {
        squeezed[axes[i]] = true;
    }
    for (int32_t i = 0; count == 0 && i < rank; i++) {
        squeezed[i] = hmlc_dim_is(hmlc_node_dims(node, 0)[i], 1);
    }
    node->outputs[0] = hmlc_node_squeeze(node, node->inputs[0], squeezed);
}

void hmlc_tflite_import_expand_dims(hmlc_node *node)
{
    int32_t rank = hmlc_node_rank(node, 0) + 1;
    int64_t axis =
        hmlc_node_axis(node, hmlc_truncate_to_int(hmlc_node_constant_input(node, 1)), rank);
    if (rank > HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "the result has rank %d", rank);
        return;
    }
    node->outputs[0] = hmlc_emit_unsqueeze(&node->emit, node->inputs[0], axis);
}

static bool all_given(hmlc_node *node)
{
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is missing", i);
        }
    }
    return hmlc_node_ok(node);
}

void hmlc_tflite_import_concatenation(hmlc_node *node)
{
    if (!all_given(node)) {
        return;
    }
    int64_t axis = hmlc_node_axis_attr(node, 0);
    hmlc_value *all = hmlc_emit_concat(&node->emit, node->inputs, node->input_count, axis);
    node->outputs[0] = hmlc_tflite_activate(node, all);
}

void hmlc_tflite_import_pack(hmlc_node *node)
{
    if (!all_given(node)) {
        return;
    }
    int32_t rank = hmlc_node_rank(node, 0) + 1;
    int64_t axis = hmlc_node_axis(node, hmlc_node_int(node, "axis", 0), rank);
    if (rank > HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "the result has rank %d", rank);
        return;
    }
    for (uint32_t i = 0; i < node->input_count; i++) {
        node->inputs[i] = hmlc_emit_unsqueeze(&node->emit, node->inputs[i], axis);
    }
    node->outputs[0] = hmlc_emit_concat(&node->emit, node->inputs, node->input_count, axis);
}

void hmlc_tflite_import_unpack(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axis = hmlc_node_axis(node, hmlc_node_int(node, "axis", 0), hmlc_node_rank(node, 0));
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[axis],
                            hmlc_emit_number(emit, node->output_count));
    for (uint32_t i = 0; i < node->output_count && hmlc_node_ok(node); i++) {
        hmlc_value *part = hmlc_emit_slice_axis(
            emit, node->inputs[0], axis, hmlc_emit_number(emit, i), hmlc_emit_number(emit, 1));
        node->outputs[i] = hmlc_emit_squeeze(emit, part, axis);
    }
}

static hmlc_dim *room_for_parts(hmlc_node *node)
{
    hmlc_dim *sizes =
        HMLC_NEW_ARRAY(node->emit.builder.module->arena, hmlc_dim, node->output_count);
    if (sizes == NULL) {
        node->emit.status = HMLC_RESOURCE;
    }
    return hmlc_node_ok(node) ? sizes : NULL;
}

/* (axis, x): equal parts. */
void hmlc_tflite_import_split(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis(node, hmlc_truncate_to_int(hmlc_node_constant_input(node, 0)),
                                  hmlc_node_rank(node, 1));
    hmlc_dim *sizes = room_for_parts(node);
    if (sizes == NULL) {
        return;
    }
    hmlc_dim each = hmlc_node_divided(node, hmlc_node_dims(node, 1)[axis], node->output_count);
    for (uint32_t i = 0; i < node->output_count; i++) {
        sizes[i] = each;
    }
    hmlc_node_split(node, node->inputs[1], axis, sizes);
}

/* (x, sizes, axis): one size may be -1, what is left. */
void hmlc_tflite_import_split_v(hmlc_node *node)
{
    int64_t list[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count;
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int64_t axis = hmlc_node_axis(node, hmlc_truncate_to_int(hmlc_node_constant_input(node, 2)),
                                  hmlc_node_rank(node, 0));
    hmlc_dim *sizes = room_for_parts(node);
    if (!hmlc_node_int_list(node, 1, NULL, list, &count) || sizes == NULL) {
        return;
    }
    if (count != node->output_count) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %" PRIu32 " sizes for %" PRIu32 " outputs", count, node->output_count);
        return;
    }
    hmlc_dim rest = hmlc_node_dims(node, 0)[axis];
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = hmlc_emit_number(&node->emit, list[i]);
        rest = list[i] >= 0 ? hmlc_dim_subtract(table, rest, sizes[i]) : rest;
    }
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = list[i] == -1 ? rest : sizes[i];
    }
    hmlc_node_check_parts(node, hmlc_node_dims(node, 0)[axis], sizes);
    if (hmlc_node_ok(node)) {
        hmlc_node_split(node, node->inputs[0], axis, sizes);
    }
}

/* Input 1, [rank, 2], as begins and ends of all dims; false on failure. */
static bool read_pads(hmlc_node *node, hmlc_dim *pads)
{
    uint32_t count = 0, rank = (uint32_t)hmlc_node_rank(node, 0);
    const hmlc_dim *given = hmlc_emit_bind(&node->emit, node->inputs[1], "pad", 0,
                                           HMLC_DIM_UNBOUNDED, 2 * HMLC_MAX_RANK, &count);
    if (given != NULL && count != 2 * rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %" PRIu32 " pads for rank %" PRIu32, count, rank);
    }
    for (uint32_t i = 0; i < rank && hmlc_node_ok(node); i++) {
        pads[i] = given[2 * i];
        pads[i + rank] = given[2 * i + 1];
    }
    return hmlc_node_ok(node);
}

/* With zeros, which are the zero point of stored integers, or the value of input 2. */
void hmlc_tflite_import_pad(hmlc_node *node)
{
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    hmlc_value *fill = NULL;
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, 0);
    if (hmlc_node_has_input(node, 2)) {
        fill = hmlc_emit_reshape(&node->emit, node->inputs[2], NULL, 0);
    } else if (hmlc_tflite_is_quantized(x) && !hmlc_tflite_self(node)->in_float) {
        fill =
            hmlc_emit_scalar_like(&node->emit, node->inputs[0], (double)x->quantization.zeros[0]);
    }
    if (read_pads(node, pads)) {
        node->outputs[0] = hmlc_node_pad(node, node->inputs[0], pads, fill, HMLC_PAD_CONSTANT);
    }
}

/* `count` elements of an axis from `start` on, in the other order. */
static hmlc_value *mirrored(hmlc_node *node, hmlc_value *x, int32_t axis, hmlc_dim start,
                            hmlc_dim count)
{
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->type->rank; i++) {
        starts[i] = i == axis ? start : hmlc_emit_number(&node->emit, 0);
        sizes[i] = i == axis ? count : x->type->dims[i];
        steps[i] = hmlc_emit_number(&node->emit, i == axis ? -1 : 1);
    }
    return hmlc_emit_slice(&node->emit, x, starts, sizes, steps);
}

/* SYMMETRIC repeats the edge, REFLECT does not. */
void hmlc_tflite_import_mirror_pad(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim pads[2 * HMLC_MAX_RANK], one = hmlc_emit_number(emit, 1);
    int32_t rank = hmlc_node_rank(node, 0);
    hmlc_value *x = node->inputs[0];
    bool symmetric = hmlc_node_int(node, "mode", 0) == 1;
    if (!read_pads(node, pads)) {
        return;
    }
    if (!symmetric) {
        node->outputs[0] = hmlc_node_pad(node, x, pads, NULL, HMLC_PAD_REFLECT);
        return;
    }
    for (int32_t i = 0; i < rank && hmlc_node_ok(node); i++) {
        hmlc_dim size = x->type->dims[i], last = hmlc_dim_subtract(table, size, one);
        for (int32_t k = i; k <= i + rank; k += rank) { /* no more than there is to repeat */
            hmlc_emit_require_equal(emit, hmlc_dim_minimum(table, pads[k], size), pads[k]);
        }
        hmlc_value *const parts[3] = {
            mirrored(node, x, i, hmlc_dim_subtract(table, pads[i], one), pads[i]), x,
            mirrored(node, x, i, last, pads[i + rank])};
        bool none = hmlc_dim_is(pads[i], 0) && hmlc_dim_is(pads[i + rank], 0);
        x = none ? x : hmlc_emit_concat(emit, parts, 3, i);
    }
    node->outputs[0] = x;
}

void hmlc_tflite_import_tile(hmlc_node *node)
{
    node->outputs[0] = hmlc_node_tile(node, node->inputs[0], as_i64(node, 1));
}

void hmlc_tflite_import_broadcast_to(hmlc_node *node)
{
    node->outputs[0] = hmlc_node_expand(node, node->inputs[0], as_i64(node, 1));
}

/* The shape that two shapes broadcast to. */
void hmlc_tflite_import_broadcast_args(hmlc_node *node)
{
    hmlc_value *shape =
        hmlc_emit_binary(&node->emit, HMLC_OP_broadcast_dims, as_i64(node, 0), as_i64(node, 1));
    node->outputs[0] = hmlc_emit_cast(&node->emit, shape, hmlc_tflite_output(node, 0)->dtype);
}

/* (shape, value) */
void hmlc_tflite_import_fill(hmlc_node *node)
{
    uint32_t rank = 0;
    const hmlc_dim *shape = hmlc_emit_bind(&node->emit, as_i64(node, 0), "shape", 0,
                                           HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &rank);
    hmlc_value *value = hmlc_emit_reshape(&node->emit, node->inputs[1], NULL, 0);
    node->outputs[0] = hmlc_emit_expand(&node->emit, value, shape, rank);
}

/* (x, begin, size): -1 is all that is left. */
void hmlc_tflite_import_slice(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    uint32_t begin_count = 0, size_count = 0, rank = (uint32_t)hmlc_node_rank(node, 0);
    hmlc_dim sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    const hmlc_dim *begins = hmlc_emit_bind(emit, as_i64(node, 1), "begin", 0, HMLC_DIM_UNBOUNDED,
                                            HMLC_MAX_RANK, &begin_count);
    const hmlc_dim *given = hmlc_emit_bind(emit, as_i64(node, 2), "size", -1, HMLC_DIM_UNBOUNDED,
                                           HMLC_MAX_RANK, &size_count);
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (begin_count != rank || size_count != rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %" PRIu32 " begins and %" PRIu32 " sizes for rank %" PRIu32,
                       begin_count, size_count, rank);
        return;
    }
    for (uint32_t i = 0; i < rank; i++) {
        hmlc_dim rest = hmlc_dim_subtract(table, hmlc_node_dims(node, 0)[i], begins[i]);
        hmlc_dim whole = hmlc_dim_less(table, given[i], hmlc_emit_number(emit, 0));
        sizes[i] = hmlc_dim_select(table, whole, rest, given[i]);
        steps[i] = hmlc_emit_number(emit, 1);
        hmlc_dim inside = hmlc_dim_minimum(table, sizes[i], rest);
        if (hmlc_dim_known_unequal(table, inside, sizes[i])) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "takes elements behind the end of axis %" PRIu32, i);
            return;
        }
        hmlc_emit_require_equal(emit, inside, sizes[i]);
    }
    node->outputs[0] = hmlc_emit_slice(emit, node->inputs[0], begins, sizes, steps);
}

void hmlc_tflite_import_strided_slice(hmlc_node *node)
{
    const hmlc_strided_slice masks = {
        .begin_mask = hmlc_node_int(node, "begin_mask", 0),
        .end_mask = hmlc_node_int(node, "end_mask", 0),
        .ellipsis_mask = hmlc_node_int(node, "ellipsis_mask", 0),
        .new_axis_mask = hmlc_node_int(node, "new_axis_mask", 0),
        .shrink_axis_mask = hmlc_node_int(node, "shrink_axis_mask", 0),
        .relative = hmlc_node_int(node, "offset", 0) != 0,
    };
    node->outputs[0] = hmlc_node_strided_slice(node, node->inputs[0], node->inputs[1],
                                               node->inputs[2], node->inputs[3], &masks);
}

void hmlc_tflite_import_reverse(hmlc_node *node)
{
    int64_t list[HMLC_EMIT_MAX_ELEMENTS], axes[HMLC_MAX_RANK];
    uint32_t count;
    hmlc_value *x = node->inputs[0];
    if (!hmlc_node_int_list(node, 1, NULL, list, &count)) {
        return;
    }
    count = hmlc_node_axes(node, list, count, x->type->rank, axes);
    for (uint32_t i = 0; i < count && hmlc_node_ok(node); i++) {
        hmlc_dim size = hmlc_node_dims(node, 0)[axes[i]];
        hmlc_dim last =
            hmlc_dim_subtract(hmlc_emit_table(&node->emit), size, hmlc_emit_number(&node->emit, 1));
        x = mirrored(node, x, (int32_t)axes[i], last, size);
    }
    node->outputs[0] = x;
}

void hmlc_tflite_import_space_to_depth(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_node_space_to_depth(node, node->inputs[0], hmlc_node_int(node, "block_size", 0));
}

void hmlc_tflite_import_depth_to_space(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_node_depth_to_space(node, node->inputs[0], hmlc_node_int(node, "block_size", 0));
}

/* Blocks of input 1; pads or crops of input 2 [blocks, 2]. */
static const hmlc_dim *read_blocks(hmlc_node *node, int64_t *block, uint32_t *count)
{
    uint32_t pad_count = 0;
    if (!hmlc_node_int_list(node, 1, NULL, block, count)) {
        return NULL;
    }
    const hmlc_dim *pads = hmlc_emit_bind(&node->emit, node->inputs[2], "pad", 0,
                                          HMLC_DIM_UNBOUNDED, 2 * HMLC_MAX_RANK, &pad_count);
    if (pads != NULL && pad_count != 2 * *count) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %" PRIu32 " blocks and %" PRIu32 " pads", *count, pad_count);
        return NULL;
    }
    return pads;
}

/* What is padded is 0: of stored integers their zero point would have to be. */
void hmlc_tflite_import_space_to_batch(hmlc_node *node)
{
    int64_t block[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count;
    const hmlc_dim *pads = read_blocks(node, block, &count);
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, 0);
    bool as_stored = hmlc_tflite_is_quantized(x) && !hmlc_tflite_self(node)->in_float;
    hmlc_value *value = node->inputs[0];
    if (pads == NULL) {
        return;
    }
    if (as_stored) {
        value = hmlc_tflite_dequantize(node, value, x);
    }
    value = hmlc_node_space_to_batch(node, value, block, count, pads);
    node->outputs[0] = as_stored ? hmlc_tflite_quantize(node, value, x) : value;
}

void hmlc_tflite_import_batch_to_space(hmlc_node *node)
{
    int64_t block[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count;
    const hmlc_dim *crops = read_blocks(node, block, &count);
    if (crops != NULL) {
        node->outputs[0] = hmlc_node_batch_to_space(node, node->inputs[0], block, count, crops);
    }
}

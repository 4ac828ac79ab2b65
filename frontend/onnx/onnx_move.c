/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that rename or move elements: reshape, transpose, concat, split, pad, tile ... */
#include "common/moving.h"
#include "common/run_time_axes.h"
#include "onnx_node.h"

#include <inttypes.h>

void hmlc_onnx_import_reshape(hmlc_node *node)
{
    if (hmlc_node_rank(node, 1) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the shape has rank %d, must be 1",
                       hmlc_node_rank(node, 1));
        return;
    }
    bool allow_zero = hmlc_node_int(node, "allowzero", 0) != 0;
    node->outputs[0] = hmlc_node_reshape(node, node->inputs[0], node->inputs[1], allow_zero);
}

void hmlc_onnx_import_flatten(hmlc_node *node)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int32_t rank = hmlc_node_rank(node, 0);
    int64_t axis = hmlc_node_int(node, "axis", 1);
    if (axis != rank) {
        axis = hmlc_node_axis(node, axis, rank);
    }
    hmlc_dim shape[2] = {hmlc_emit_number(&node->emit, 1), hmlc_emit_number(&node->emit, 1)};
    for (int32_t i = 0; i < rank; i++) {
        hmlc_dim *part = &shape[i < axis ? 0 : 1];
        *part = hmlc_dim_multiply(table, *part, hmlc_node_dims(node, 0)[i]);
    }
    node->outputs[0] = hmlc_emit_reshape(&node->emit, node->inputs[0], shape, 2);
}

/* Squeeze or unsqueeze by axes known only at run time; false where they are not. */
static bool reshape_at_run_time(hmlc_node *node, int64_t mode)
{
    uint32_t count = 0, rank = 0;
    hmlc_value *axes = hmlc_node_run_time_list(node, 1, &count);
    if (axes == NULL) {
        return false;
    }
    const hmlc_dim *dims = hmlc_node_axes_dims(node, node->inputs[0], axes, mode, &rank);
    node->outputs[0] = hmlc_emit_reshape(&node->emit, node->inputs[0], dims, rank);
    return true;
}

/*
 * Which dims are 1 decides the rank, which a compiled graph knows: a symbolic dim is taken for
 * another size, and a run where it is 1 is refused.
 */
static void keep_checked(hmlc_node *node, int32_t axis)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    hmlc_dim dim = hmlc_node_dims(node, 0)[axis];
    hmlc_dim is_one = hmlc_dim_equal(table, dim, hmlc_emit_number(&node->emit, 1));
    if (hmlc_dim_is(is_one, 0)) {
        return;
    }
    char text[128];
    hmlc_dim_format(dim, text, sizeof text);
    hmlc_warning_add(node->emit.builder.module->diagnostics, HMLC_ERROR_path_assumed,
                     node->emit.builder.location,
                     hmlc_dim_uses_run_symbol(dim)
                         ? "give the axes to squeeze"
                         : "give the dim with --dim where it is 1, or the axes to squeeze",
                     "Squeeze names no axes: compiled for inputs whose %s (axis %d of '%s') is not "
                     "1, others are refused when the model runs",
                     text, axis, hmlc_node_input_name(node, 0));
    hmlc_emit_require_equal(&node->emit, is_one, hmlc_emit_number(&node->emit, 0));
}

/* The axes to squeeze, marked: those given, else those whose dim is 1. */
static void mark_squeezed(hmlc_node *node, bool *squeezed)
{
    int64_t list[HMLC_EMIT_MAX_ELEMENTS], axes[HMLC_MAX_RANK];
    uint32_t count;
    int32_t rank = hmlc_node_rank(node, 0);
    bool given = hmlc_node_int_list(node, 1, "axes", list, &count);
    uint32_t axis_count = given ? hmlc_node_axes(node, list, count, rank, axes) : 0;
    for (uint32_t i = 0; i < axis_count; i++) {
        squeezed[axes[i]] = true;
    }
    for (int32_t i = 0; !given && i < rank && hmlc_node_ok(node); i++) {
        squeezed[i] = hmlc_dim_is(hmlc_node_dims(node, 0)[i], 1);
        if (!squeezed[i]) {
            keep_checked(node, i);
        }
    }
}

void hmlc_onnx_import_squeeze(hmlc_node *node)
{
    if (reshape_at_run_time(node, HMLC_AXES_SQUEEZE)) {
        return;
    }
    bool squeezed[HMLC_MAX_RANK] = {false};
    mark_squeezed(node, squeezed);
    node->outputs[0] = hmlc_node_squeeze(node, node->inputs[0], squeezed);
}

void hmlc_onnx_import_unsqueeze(hmlc_node *node)
{
    if (reshape_at_run_time(node, HMLC_AXES_INSERT)) {
        return;
    }
    int64_t list[HMLC_EMIT_MAX_ELEMENTS], axes[HMLC_MAX_RANK];
    uint32_t count;
    (void)hmlc_node_int_list(node, 1, "axes", list, &count);
    int32_t rank = hmlc_node_rank(node, 0) + (int32_t)count;
    if (rank > HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "the result has rank %d", rank);
        return;
    }
    uint32_t axis_count = hmlc_node_axes(node, list, count, rank, axes);
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0, from = 0, next = 0; i < rank && hmlc_node_ok(node); i++) {
        bool inserted = next < (int32_t)axis_count && axes[next] == i;
        next += inserted;
        shape[i] = inserted ? hmlc_emit_number(&node->emit, 1) : hmlc_node_dims(node, 0)[from++];
    }
    node->outputs[0] = hmlc_emit_reshape(&node->emit, node->inputs[0], shape, (uint32_t)rank);
}

void hmlc_onnx_import_transpose(hmlc_node *node)
{
    int64_t reversed[HMLC_MAX_RANK];
    uint32_t count;
    int32_t rank = hmlc_node_rank(node, 0);
    const int64_t *given = hmlc_node_ints(node, "perm", &count);
    for (int32_t i = 0; i < rank; i++) {
        reversed[i] = rank - 1 - i;
    }
    node->outputs[0] =
        given != NULL ? hmlc_node_permute(node, node->inputs[0], given, count, "perm")
                      : hmlc_node_permute(node, node->inputs[0], reversed, (uint32_t)rank, "perm");
}

void hmlc_onnx_import_expand(hmlc_node *node)
{
    node->outputs[0] = hmlc_node_expand(node, node->inputs[0], node->inputs[1]);
}

void hmlc_onnx_import_concat(hmlc_node *node)
{
    int64_t axis = hmlc_node_axis_attr(node, 0);
    node->outputs[0] = hmlc_emit_concat(&node->emit, node->inputs, node->input_count, axis);
}

/* Sizes that are given by `list` or `bound` add up to the whole. */
static void given_sizes(hmlc_node *node, hmlc_dim whole, const int64_t *list, const hmlc_dim *bound,
                        hmlc_dim *sizes)
{
    for (uint32_t i = 0; i < node->output_count; i++) {
        sizes[i] = list != NULL ? hmlc_emit_number(&node->emit, list[i]) : bound[i];
    }
    hmlc_node_check_parts(node, whole, sizes);
}

/* Equal parts; since opset 18 the last one may be smaller. */
static void equal_sizes(hmlc_node *node, hmlc_dim whole, hmlc_dim *sizes)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    uint32_t parts = node->output_count;
    hmlc_dim number = hmlc_emit_number(emit, parts), zero = hmlc_emit_number(emit, 0), rest = whole;
    hmlc_dim each = hmlc_dim_ceildiv(table, whole, number);
    int64_t total;
    if (self->opset < 18 && hmlc_dim_is_constant(whole, &total) && total % parts != 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%" PRId64 " elements do not split into %" PRIu32 " equal parts", total,
                       parts);
        return;
    }
    if (self->opset < 18) {
        hmlc_emit_require_equal(emit, hmlc_dim_modulo(table, whole, number), zero);
    }
    for (uint32_t i = 0; i < parts; i++) {
        sizes[i] = i + 1 < parts ? each : rest;
        rest = hmlc_dim_subtract(table, rest, sizes[i]);
    }
}

/* The parts' sizes. False on failure. */
static bool split_sizes(hmlc_node *node, hmlc_dim whole, hmlc_dim *sizes)
{
    uint32_t count = 0;
    const int64_t *list = hmlc_node_ints(node, "split", &count);
    const hmlc_dim *bound = NULL;
    if (hmlc_node_has_input(node, 1)) {
        bound = hmlc_emit_bind(&node->emit, node->inputs[1], "split", 0, HMLC_DIM_UNBOUNDED,
                               UINT32_MAX, &count);
    }
    if (!hmlc_node_ok(node)) {
        return false;
    }
    bool given = list != NULL || bound != NULL;
    if (given && count != node->output_count) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'split' has %" PRIu32 " entries for %" PRIu32 " outputs", count,
                       node->output_count);
    } else if (given) {
        given_sizes(node, whole, list, bound, sizes);
    } else {
        equal_sizes(node, whole, sizes);
    }
    return hmlc_node_ok(node);
}

void hmlc_onnx_import_split(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axis = hmlc_node_axis_attr(node, 0);
    int64_t wanted = hmlc_node_int(node, "num_outputs", node->output_count);
    if (wanted != node->output_count) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'num_outputs' is %" PRId64 ", but the node has %" PRIu32 " outputs", wanted,
                       node->output_count);
    }
    hmlc_dim *sizes = HMLC_NEW_ARRAY(emit->builder.module->arena, hmlc_dim, node->output_count);
    if (sizes == NULL) {
        emit->status = HMLC_RESOURCE;
    }
    if (!hmlc_node_ok(node) || node->output_count == 0 ||
        !split_sizes(node, hmlc_node_dims(node, 0)[axis], sizes)) {
        return;
    }
    hmlc_node_split(node, node->inputs[0], axis, sizes);
}

/* pads of all dims, begins then ends, from a list for some axes. */
static void spread_pads(hmlc_node *node, const hmlc_dim *given, uint32_t count, hmlc_dim *pads)
{
    int32_t rank = hmlc_node_rank(node, 0);
    int64_t axes[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t axis_count = 0;
    bool chosen = hmlc_node_int_list(node, 3, NULL, axes, &axis_count);
    if (!chosen) {
        axis_count = (uint32_t)rank;
    }
    if (count != 2 * axis_count && hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "pads has %" PRIu32 " entries for %" PRIu32 " axes", count, axis_count);
    }
    for (int32_t i = 0; i < 2 * rank; i++) {
        pads[i] = hmlc_emit_number(&node->emit, 0);
    }
    for (uint32_t i = 0; i < axis_count && hmlc_node_ok(node); i++) {
        int64_t axis = chosen ? hmlc_node_axis(node, axes[i], rank) : i;
        pads[axis] = given[i];
        pads[axis + rank] = given[i + axis_count];
    }
}

/* `pads`: those of all dims, begins then ends. */
static void emit_pad(hmlc_node *node, const hmlc_dim *pads, hmlc_value *fill)
{
    int32_t mode = hmlc_node_choice(node, "mode", "constant|reflect|edge|wrap", HMLC_PAD_CONSTANT);
    node->outputs[0] = hmlc_node_pad(node, node->inputs[0], pads, fill, mode);
}

/* The pads of axes known only at run time, spread over all dims: i64[2, rank]. */
static hmlc_value *spread_at_run_time(hmlc_node *node, hmlc_value *axes, uint32_t count)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim two = hmlc_emit_number(emit, 2), number = hmlc_emit_number(emit, count);
    hmlc_dim given[2] = {two, number},
             all[2] = {two, hmlc_emit_number(emit, hmlc_node_rank(node, 0))};
    hmlc_value *zeros = hmlc_emit_expand(emit, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0), all, 2);
    hmlc_value *pads = hmlc_emit_reshape(emit, node->inputs[1], given, 2);
    hmlc_value *indices = hmlc_emit_expand(emit, axes, given, 2);
    return hmlc_emit(emit, HMLC_OP_scatter_elements, HMLC_OPERANDS(zeros, indices, pads),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 1)));
}

void hmlc_onnx_import_pad(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count = 0, axis_count = 0;
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    hmlc_value *fill = NULL, *list = node->inputs[1];
    hmlc_value *axes = hmlc_node_run_time_list(node, 3, &axis_count);
    if (axes != NULL) {
        list = spread_at_run_time(node, axes, axis_count);
    }
    const hmlc_dim *given = hmlc_emit_bind(emit, list, "pad", -HMLC_DIM_UNBOUNDED,
                                           HMLC_DIM_UNBOUNDED, 2 * HMLC_MAX_RANK, &count);
    if (hmlc_node_has_input(node, 2)) {
        fill = hmlc_emit_reshape(emit, node->inputs[2], NULL, 0);
    }
    if (axes == NULL && hmlc_node_ok(node)) {
        spread_pads(node, given, count, pads);
        given = pads;
    }
    emit_pad(node, given, fill);
}

/* Pad before opset 11. */
void hmlc_onnx_import_pad_attributes(hmlc_node *node)
{
    uint32_t count;
    const int64_t *list = hmlc_node_ints(node, "pads", &count);
    hmlc_dim given[2 * HMLC_MAX_RANK], pads[2 * HMLC_MAX_RANK];
    if (count > 2 * HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'pads' has %" PRIu32 " entries",
                       count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        given[i] = hmlc_emit_number(&node->emit, list[i]);
    }
    hmlc_value *fill = NULL;
    if (hmlc_onnx_attr(node, "value") != NULL) {
        fill =
            hmlc_emit_scalar_like(&node->emit, node->inputs[0], hmlc_node_float(node, "value", 0));
    }
    spread_pads(node, given, count, pads);
    emit_pad(node, pads, fill);
}

void hmlc_onnx_import_tile(hmlc_node *node)
{
    node->outputs[0] = hmlc_node_tile(node, node->inputs[0], node->inputs[1]);
}

/* Checks [N, C, H, W] and a block size; dims of the input, false on failure. */
static bool read_blocks(hmlc_node *node, int64_t *block)
{
    *block = hmlc_node_int(node, "blocksize", 1);
    if (*block < 1 || *block > INT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'blocksize' is %" PRId64, *block);
    }
    if (hmlc_node_rank(node, 0) != 4) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 4",
                       hmlc_node_rank(node, 0));
    }
    return hmlc_node_ok(node);
}

void hmlc_onnx_import_depth_to_space(hmlc_node *node)
{
    static const int64_t depth_first[] = {0, 3, 4, 1, 5, 2};  /* DCR */
    static const int64_t column_first[] = {0, 1, 4, 2, 5, 3}; /* CRD */
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    int64_t block;
    int32_t crd = hmlc_node_choice(node, "mode", "DCR|CRD", 0);
    if (!read_blocks(node, &block)) {
        return;
    }
    const hmlc_dim *x = hmlc_node_dims(node, 0);
    hmlc_dim b = hmlc_emit_number(emit, block),
             channels = hmlc_node_divided(node, x[1], block * block);
    hmlc_dim split[6] = {x[0], crd ? channels : b, b, crd ? b : channels, x[2], x[3]};
    hmlc_dim joined[4] = {x[0], channels, hmlc_dim_multiply(table, x[2], b),
                          hmlc_dim_multiply(table, x[3], b)};
    hmlc_value *blocks = hmlc_emit_reshape(emit, node->inputs[0], split, 6);
    blocks = hmlc_emit_transpose(emit, blocks, crd ? column_first : depth_first);
    node->outputs[0] = hmlc_emit_reshape(emit, blocks, joined, 4);
}

void hmlc_onnx_import_space_to_depth(hmlc_node *node)
{
    static const int64_t depth_last[] = {0, 3, 5, 1, 2, 4};  /* DCR */
    static const int64_t depth_first[] = {0, 1, 3, 5, 2, 4}; /* CRD */
    hmlc_emitter *emit = &node->emit;
    int64_t block;
    int32_t crd = hmlc_node_choice(node, "mode", "DCR|CRD", 0);
    if (!read_blocks(node, &block)) {
        return;
    }
    const hmlc_dim *x = hmlc_node_dims(node, 0);
    hmlc_dim b = hmlc_emit_number(emit, block);
    hmlc_dim height = hmlc_node_divided(node, x[2], block),
             width = hmlc_node_divided(node, x[3], block);
    hmlc_dim split[6] = {x[0], x[1], height, b, width, b};
    hmlc_dim joined[4] = {
        x[0], hmlc_dim_multiply(hmlc_emit_table(emit), x[1], hmlc_emit_number(emit, block * block)),
        height, width};
    hmlc_value *blocks = hmlc_emit_reshape(emit, node->inputs[0], split, 6);
    blocks = hmlc_emit_transpose(emit, blocks, crd ? depth_first : depth_last);
    node->outputs[0] = hmlc_emit_reshape(emit, blocks, joined, 4);
}

/* Along each axis the middle is kept, or surrounded by 0. An odd element is cut off at the right,
 * or added there. */
void hmlc_onnx_import_center_crop_pad(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    uint32_t count = 0, axis_count = 0;
    int32_t rank = hmlc_node_rank(node, 0);
    const int64_t *axes = hmlc_node_ints(node, "axes", &axis_count);
    const hmlc_dim *target =
        hmlc_emit_bind(emit, node->inputs[1], "size", 0, HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    if (hmlc_node_ok(node) && count != (axes != NULL ? axis_count : (uint32_t)rank)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%" PRIu32 " sizes do not fit the axes", count);
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_dim zero = hmlc_emit_number(emit, 0), two = hmlc_emit_number(emit, 2);
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (int32_t i = 0; i < rank; i++) {
        starts[i] = pads[i] = pads[i + rank] = zero;
        sizes[i] = hmlc_node_dims(node, 0)[i];
        steps[i] = hmlc_emit_number(emit, 1);
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t axis = hmlc_node_axis(node, axes != NULL ? axes[i] : (int64_t)i, rank);
        hmlc_dim in = hmlc_node_dims(node, 0)[axis];
        hmlc_dim excess = hmlc_dim_subtract(table, in, target[i]);
        hmlc_dim missing = hmlc_dim_maximum(table, hmlc_dim_subtract(table, target[i], in), zero);
        starts[axis] = hmlc_dim_floordiv(table, hmlc_dim_maximum(table, excess, zero), two);
        sizes[axis] = hmlc_dim_minimum(table, in, target[i]);
        pads[axis] = hmlc_dim_floordiv(table, missing, two);
        pads[axis + rank] = hmlc_dim_subtract(table, missing, pads[axis]);
    }
    hmlc_value *middle = hmlc_emit_slice(emit, node->inputs[0], starts, sizes, steps);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(middle),
                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)rank)));
}

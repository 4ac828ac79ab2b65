/* SPDX-License-Identifier: Apache-2.0 */
/* Slice: the shape function slice_dims resolves starts, ends and steps; it folds where they are
 * known. */
#include "onnx_node.h"

#include <inttypes.h>

/* Attribute lists of opset 1 as constants. */
static hmlc_value *list_constant(hmlc_onnx_node *node, const char *name)
{
    uint32_t count;
    const int64_t *list = hmlc_onnx_ints(node, name, &count);
    hmlc_module *module = node->emit.builder.module;
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i64, .rank = 1, .dims = {count}};
    tensor.bytes = count * sizeof *list;
    tensor.data = list != NULL ? hmlc_arena_copy(module->arena, list, tensor.bytes) : NULL;
    if (list != NULL && tensor.data == NULL) {
        node->emit.status = HMLC_RESOURCE;
    }
    return list != NULL ? hmlc_emit_constant(&node->emit, &tensor) : NULL;
}

/* Entries `rows * rank + axis` of the [3, rank] result, flattened, for the sliced axes. */
static hmlc_value *pick_entries(hmlc_onnx_node *node, hmlc_value *resolved, const int64_t *entries,
                                uint32_t count)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim length = hmlc_type_count(hmlc_emit_table(emit), resolved->type);
    hmlc_dim indices[3 * HMLC_MAX_RANK];
    for (uint32_t i = 0; i < count; i++) {
        indices[i] = hmlc_emit_number(emit, entries[i]);
    }
    hmlc_value *flat = hmlc_emit_reshape(emit, resolved, &length, 1);
    hmlc_value *index = hmlc_emit_dims(emit, indices, count, HMLC_DTYPE_i64);
    return hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(flat, index),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
}

/* Binds one row of the result for some axes into `row`. */
static void bind_row(hmlc_onnx_node *node, hmlc_value *resolved, int32_t which, const int64_t *axes,
                     uint32_t axis_count, hmlc_dim *row)
{
    static const char *const prefixes[] = {"start", "size", "step"};
    int64_t entries[HMLC_MAX_RANK];
    uint32_t count = 0;
    int64_t least = which == 2 ? -HMLC_DIM_UNBOUNDED : 0;
    for (uint32_t i = 0; i < axis_count; i++) {
        entries[i] = which * (int64_t)hmlc_onnx_rank(node, 0) + axes[i];
    }
    if (!hmlc_onnx_ok(node) || axis_count == 0) {
        return;
    }
    hmlc_value *picked = pick_entries(node, resolved, entries, axis_count);
    const hmlc_dim *symbols = hmlc_emit_bind(&node->emit, picked, prefixes[which], least,
                                             HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    for (uint32_t i = 0; symbols != NULL && i < axis_count; i++) {
        row[axes[i]] = symbols[i];
    }
}

/* Which axes are sliced: known ones, or all when they are known only at run time. */
static uint32_t sliced_axes(hmlc_onnx_node *node, hmlc_value *axes_value, hmlc_value *starts,
                            int64_t *axes)
{
    uint32_t count = 0;
    int32_t rank = hmlc_onnx_rank(node, 0);
    int64_t list[HMLC_EMIT_MAX_ELEMENTS];
    int64_t length = 0;
    bool known = hmlc_dim_is_constant(starts->type->dims[0], &length) && length <= rank;
    const hmlc_dim *elements =
        axes_value != NULL && known ? hmlc_emit_elements(&node->emit, axes_value, &count) : NULL;
    known = known && (axes_value == NULL || elements != NULL) &&
            (elements == NULL || count <= (uint32_t)rank);
    for (int64_t i = 0; known && i < length; i++) {
        list[i] = i;
        known = elements == NULL || hmlc_dim_is_constant(elements[i], &list[i]);
    }
    if (known) {
        return hmlc_onnx_axes(node, list, (uint32_t)length, rank, axes);
    }
    for (int32_t i = 0; i < rank; i++) {
        axes[i] = i;
    }
    return (uint32_t)rank;
}

static void emit_slice(hmlc_onnx_node *node, hmlc_value *starts, hmlc_value *ends,
                       hmlc_value *axes_value, hmlc_value *steps)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = hmlc_onnx_rank(node, 0);
    hmlc_value *shape = hmlc_emit_shape(emit, node->inputs[0]);
    hmlc_value *resolved =
        hmlc_emit(emit, HMLC_OP_slice_dims, HMLC_OPERANDS(shape, starts, ends, axes_value, steps),
                  HMLC_NO_ATTRS);
    uint32_t count = 0;
    const hmlc_dim *known = resolved != NULL ? hmlc_emit_elements(emit, resolved, &count) : NULL;
    if (!hmlc_onnx_ok(node)) {
        return;
    }
    if (known != NULL) {
        node->outputs[0] =
            hmlc_emit_slice(emit, node->inputs[0], known, known + rank, known + 2 * rank);
        return;
    }
    int64_t axes[HMLC_MAX_RANK];
    hmlc_dim rows[3][HMLC_MAX_RANK];
    uint32_t axis_count = sliced_axes(node, axes_value, starts, axes);
    const hmlc_dim *known_steps = steps != NULL ? hmlc_emit_elements(emit, steps, &count) : NULL;
    for (int32_t i = 0; i < rank; i++) {
        rows[0][i] = hmlc_emit_number(emit, 0);
        rows[1][i] = hmlc_onnx_dims(node, 0)[i];
        rows[2][i] = hmlc_emit_number(emit, 1);
    }
    bind_row(node, resolved, 0, axes, axis_count, rows[0]);
    bind_row(node, resolved, 1, axes, axis_count, rows[1]);
    bool unit_steps = steps == NULL;
    if (known_steps != NULL) {
        unit_steps = true;
        for (uint32_t i = 0; i < count; i++) {
            unit_steps = unit_steps && hmlc_dim_is(known_steps[i], 1);
        }
    }
    if (!unit_steps) {
        bind_row(node, resolved, 2, axes, axis_count, rows[2]);
    }
    node->outputs[0] = hmlc_emit_slice(emit, node->inputs[0], rows[0], rows[1], rows[2]);
}

static hmlc_value *index_list(hmlc_onnx_node *node, uint32_t index)
{
    if (!hmlc_onnx_has_input(node, index)) {
        return NULL;
    }
    if (hmlc_onnx_rank(node, index) != 1) {
        hmlc_onnx_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has rank %d, must be 1", index,
                       hmlc_onnx_input_name(node, index), hmlc_onnx_rank(node, index));
    }
    return hmlc_emit_cast(&node->emit, node->inputs[index], HMLC_DTYPE_i64);
}

void hmlc_onnx_import_slice(hmlc_onnx_node *node)
{
    hmlc_value *starts = index_list(node, 1), *ends = index_list(node, 2);
    hmlc_value *axes = index_list(node, 3), *steps = index_list(node, 4);
    if (hmlc_onnx_ok(node)) {
        emit_slice(node, starts, ends, axes, steps);
    }
}

/* Slice before opset 10. */
void hmlc_onnx_import_slice_attributes(hmlc_onnx_node *node)
{
    hmlc_value *starts = list_constant(node, "starts"), *ends = list_constant(node, "ends");
    hmlc_value *axes = list_constant(node, "axes");
    if (hmlc_onnx_ok(node)) {
        emit_slice(node, starts, ends, axes, NULL);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "slicing.h"

/* Entries `rows * rank + axis` of the [3, rank] result, flattened, for the sliced axes. */
static hmlc_value *pick_entries(hmlc_node *node, hmlc_value *resolved, const int64_t *entries,
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
static void bind_row(hmlc_node *node, const hmlc_value *x, hmlc_value *resolved, int32_t which,
                     const int64_t *axes, uint32_t axis_count, hmlc_dim *row)
{
    static const char *const prefixes[] = {"start", "size", "step"};
    int64_t entries[HMLC_MAX_RANK];
    uint32_t count = 0;
    int64_t least = which == 2 ? -HMLC_DIM_UNBOUNDED : 0;
    for (uint32_t i = 0; i < axis_count; i++) {
        entries[i] = which * (int64_t)x->type->rank + axes[i];
    }
    if (!hmlc_node_ok(node) || axis_count == 0) {
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
static uint32_t sliced_axes(hmlc_node *node, int32_t rank, hmlc_value *axes_value,
                            const hmlc_value *starts, int64_t *axes)
{
    uint32_t count = 0;
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
        return hmlc_node_axes(node, list, (uint32_t)length, rank, axes);
    }
    for (int32_t i = 0; i < rank; i++) {
        axes[i] = i;
    }
    return (uint32_t)rank;
}

/* Slices along `axes` with bounds known only at run time. */
static hmlc_value *slice_at_run_time(hmlc_node *node, hmlc_value *x, hmlc_value *resolved,
                                     const int64_t *axes, uint32_t axis_count, hmlc_value *steps)
{
    uint32_t count = 0;
    hmlc_dim rows[3][HMLC_MAX_RANK];
    const hmlc_dim *known_steps =
        steps != NULL ? hmlc_emit_elements(&node->emit, steps, &count) : NULL;
    for (int32_t i = 0; i < x->type->rank; i++) {
        rows[0][i] = hmlc_emit_number(&node->emit, 0);
        rows[1][i] = x->type->dims[i];
        rows[2][i] = hmlc_emit_number(&node->emit, 1);
    }
    bind_row(node, x, resolved, 0, axes, axis_count, rows[0]);
    bind_row(node, x, resolved, 1, axes, axis_count, rows[1]);
    bool unit_steps = steps == NULL;
    if (known_steps != NULL) {
        unit_steps = true;
        for (uint32_t i = 0; i < count; i++) {
            unit_steps = unit_steps && hmlc_dim_is(known_steps[i], 1);
        }
    }
    if (!unit_steps) {
        bind_row(node, x, resolved, 2, axes, axis_count, rows[2]);
    }
    return hmlc_emit_slice(&node->emit, x, rows[0], rows[1], rows[2]);
}

hmlc_value *hmlc_node_slice(hmlc_node *node, hmlc_value *x, hmlc_value *starts, hmlc_value *ends,
                            hmlc_value *axes_value, hmlc_value *steps)
{
    hmlc_emitter *emit = &node->emit;
    int32_t rank = x->type->rank;
    int64_t axes[HMLC_MAX_RANK];
    hmlc_value *shape = hmlc_emit_shape(emit, x);
    hmlc_value *resolved =
        hmlc_emit(emit, HMLC_OP_slice_dims, HMLC_OPERANDS(shape, starts, ends, axes_value, steps),
                  HMLC_NO_ATTRS);
    uint32_t count = 0;
    const hmlc_dim *known = resolved != NULL ? hmlc_emit_elements(emit, resolved, &count) : NULL;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (known != NULL) {
        return hmlc_emit_slice(emit, x, known, known + rank, known + 2 * rank);
    }
    uint32_t axis_count = sliced_axes(node, rank, axes_value, starts, axes);
    return slice_at_run_time(node, x, resolved, axes, axis_count, steps);
}

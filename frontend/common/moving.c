/* SPDX-License-Identifier: Apache-2.0 */
#include "moving.h"

#include <inttypes.h>

hmlc_value *hmlc_node_reshape(hmlc_node *node, hmlc_value *x, hmlc_value *shape, bool allow_zero)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t rank = 0;
    hmlc_value *from = hmlc_emit_shape(emit, x);
    hmlc_value *resolved = hmlc_emit(emit, HMLC_OP_reshape_dims, HMLC_OPERANDS(from, shape),
                                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_allow_zero, allow_zero)));
    const hmlc_dim *dims =
        hmlc_emit_bind(emit, resolved, "shape", 0, HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &rank);
    return hmlc_emit_reshape(emit, x, dims, rank);
}

hmlc_value *hmlc_node_expand(hmlc_node *node, hmlc_value *x, hmlc_value *shape)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t rank = 0;
    hmlc_value *from = hmlc_emit_shape(emit, x);
    hmlc_value *resolved = hmlc_emit_binary(emit, HMLC_OP_broadcast_dims, from, shape);
    const hmlc_dim *dims =
        hmlc_emit_bind(emit, resolved, "shape", 0, HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &rank);
    return hmlc_emit_expand(emit, x, dims, rank);
}

hmlc_value *hmlc_node_permute(hmlc_node *node, hmlc_value *x, const int64_t *list, uint32_t count,
                              const char *what)
{
    int64_t permutation[HMLC_MAX_RANK];
    int32_t rank = x->type->rank;
    bool seen[HMLC_MAX_RANK] = {false};
    if (count != (uint32_t)rank) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'%s' has %" PRIu32 " entries for rank %d", what, count, rank);
        return NULL;
    }
    for (int32_t i = 0; i < rank && hmlc_node_ok(node); i++) {
        permutation[i] = hmlc_node_axis(node, list[i], rank);
        if (hmlc_node_ok(node) && seen[permutation[i]]) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                           "'%s' names axis %" PRId64 " twice", what, permutation[i]);
        }
        seen[permutation[i]] = true;
    }
    return hmlc_emit_transpose(&node->emit, x, permutation);
}

/* The value with a symbolic dim cut to the 1 that it must be; the check is made where the graph
 * reaches it. */
static hmlc_value *squeeze_checked(hmlc_node *node, hmlc_value *value, hmlc_dim dim, int32_t axis)
{
    hmlc_dim one = hmlc_emit_number(&node->emit, 1);
    hmlc_emit_require_equal(&node->emit, dim, one);
    return hmlc_emit_slice_axis(&node->emit, value, axis, hmlc_emit_number(&node->emit, 0), one);
}

hmlc_value *hmlc_node_squeeze(hmlc_node *node, hmlc_value *x, const bool *squeezed)
{
    const hmlc_dim *dims = x->type->dims;
    hmlc_dim shape[HMLC_MAX_RANK];
    uint32_t kept = 0;
    hmlc_value *result = x;
    for (int32_t i = 0; i < x->type->rank && hmlc_node_ok(node); i++) {
        int64_t size;
        if (!squeezed[i]) {
            shape[kept++] = dims[i];
        } else if (hmlc_dim_is_constant(dims[i], &size) && size != 1) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "axis %d has size %" PRId64 ", must be 1", i, size);
        } else if (!hmlc_dim_is(dims[i], 1)) {
            result = squeeze_checked(node, result, dims[i], i);
        }
    }
    return hmlc_emit_reshape(&node->emit, result, shape, kept);
}

void hmlc_node_check_parts(hmlc_node *node, hmlc_dim whole, const hmlc_dim *sizes)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim sum = hmlc_emit_number(emit, 0);
    int64_t all, total;
    for (uint32_t i = 0; i < node->output_count; i++) {
        sum = hmlc_dim_add(hmlc_emit_table(emit), sum, sizes[i]);
        if (sizes[i]->maximum < 0) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "the size of part %" PRIu32 " is negative", i);
        }
    }
    if (hmlc_dim_is_constant(sum, &all) && hmlc_dim_is_constant(whole, &total) && all != total) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the parts hold %" PRId64 " elements, the whole %" PRId64, all, total);
        return;
    }
    hmlc_emit_require_equal(emit, sum, whole);
}

void hmlc_node_split(hmlc_node *node, hmlc_value *x, int64_t axis, const hmlc_dim *sizes)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim start = hmlc_emit_number(emit, 0);
    for (uint32_t i = 0; i < node->output_count; i++) {
        node->outputs[i] = hmlc_emit_slice_axis(emit, x, axis, start, sizes[i]);
        start = hmlc_dim_add(hmlc_emit_table(emit), start, sizes[i]);
    }
}

hmlc_value *hmlc_node_tile(hmlc_node *node, hmlc_value *x, hmlc_value *repeats)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count = 0;
    int32_t rank = x->type->rank;
    const hmlc_dim *times =
        hmlc_emit_bind(emit, repeats, "repeat", 0, HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &count);
    if (times == NULL) {
        return NULL;
    }
    if (count != (uint32_t)rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "%" PRIu32 " repeats for rank %d",
                       count, rank);
        return NULL;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    for (int32_t i = 0; i < rank; i++) {
        shape[i] = hmlc_dim_multiply(hmlc_emit_table(emit), x->type->dims[i], times[i]);
    }
    return hmlc_emit(emit, HMLC_OP_tile, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)rank)));
}

hmlc_value *hmlc_node_pad(hmlc_node *node, hmlc_value *x, const hmlc_dim *pads, hmlc_value *fill,
                          int64_t mode)
{
    uint32_t operands = mode == HMLC_PAD_CONSTANT && fill != NULL ? 2 : 1;
    hmlc_value *const values[2] = {x, fill};
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    return hmlc_emit(&node->emit, HMLC_OP_pad, values, operands,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)x->type->rank),
                                hmlc_attr_int(HMLC_ATTR_pad_mode, mode)));
}

hmlc_dim hmlc_node_divided(hmlc_node *node, hmlc_dim dim, int64_t by)
{
    int64_t size;
    if (hmlc_dim_is_constant(dim, &size) && size % by != 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "a dim of %" PRId64 " is no multiple of %" PRId64, size, by);
    }
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    hmlc_dim divisor = hmlc_emit_number(&node->emit, by);
    hmlc_dim zero = hmlc_emit_number(&node->emit, 0);
    hmlc_emit_require_equal(&node->emit, hmlc_dim_modulo(table, dim, divisor), zero);
    return hmlc_dim_floordiv(table, dim, divisor);
}

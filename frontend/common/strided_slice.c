/* SPDX-License-Identifier: Apache-2.0 */
/* StridedSlice of TensorFlow and TFLite: bounds become dims, so that those known only at run time
 * need no other way than the others. */
#include "slicing.h"

#include <inttypes.h>

/* The lists, the slice that they make of x, and the result's shape. */
typedef struct strided {
    const hmlc_strided_slice *masks;
    uint32_t count; /* entries of the lists */
    const hmlc_dim *begins, *ends;
    int64_t strides[HMLC_EMIT_MAX_ELEMENTS];
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    hmlc_dim shape[3 * HMLC_MAX_RANK];
    uint32_t rank; /* of the result */
} strided;

static bool has(int64_t mask, uint32_t entry)
{
    return ((mask >> entry) & 1) != 0;
}

/* An index from the end where it is negative. */
static hmlc_dim from_end(hmlc_dims *table, hmlc_dim index, hmlc_dim dim)
{
    hmlc_dim negative = hmlc_dim_less(table, index, hmlc_dim_constant(table, 0));
    return hmlc_dim_select(table, negative, hmlc_dim_add(table, index, dim), index);
}

static hmlc_dim clamp(hmlc_dims *table, hmlc_dim index, hmlc_dim least, hmlc_dim most)
{
    return hmlc_dim_minimum(table, hmlc_dim_maximum(table, index, least), most);
}

/* One element of the axis, which must be there. */
static void shrink(hmlc_node *node, strided *slice, uint32_t entry, uint32_t axis, hmlc_dim dim)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    hmlc_dim zero = hmlc_emit_number(&node->emit, 0), one = hmlc_emit_number(&node->emit, 1);
    hmlc_dim start = from_end(table, slice->begins[entry], dim);
    hmlc_dim inside = clamp(table, start, zero, hmlc_dim_subtract(table, dim, one));
    if (hmlc_dim_known_unequal(table, start, inside)) {
        char index[64], size[64];
        hmlc_dim_format(slice->begins[entry], index, sizeof index);
        hmlc_dim_format(dim, size, sizeof size);
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "takes element %s of axis %" PRIu32 ", which has %s", index, axis, size);
        return;
    }
    hmlc_emit_require_equal(&node->emit, start, inside);
    slice->starts[axis] = start;
    slice->sizes[axis] = slice->steps[axis] = one;
}

/* A range of the axis; what lies outside is cut off. */
static void take_range(hmlc_node *node, strided *slice, uint32_t entry, uint32_t axis, hmlc_dim dim)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int64_t stride = slice->strides[entry];
    bool forward = stride > 0;
    hmlc_dim zero = hmlc_emit_number(&node->emit, 0);
    hmlc_dim least = hmlc_emit_number(&node->emit, forward ? 0 : -1);
    hmlc_dim most = hmlc_dim_subtract(table, dim, hmlc_emit_number(&node->emit, forward ? 0 : 1));
    hmlc_dim start = clamp(table, from_end(table, slice->begins[entry], dim), least, most);
    if (has(slice->masks->begin_mask, entry)) {
        start = forward ? zero : most;
    }
    /* An end relative to the begin, which counts from the front here, is never one from the end. */
    hmlc_dim end = slice->masks->relative ? hmlc_dim_add(table, start, slice->ends[entry])
                                          : from_end(table, slice->ends[entry], dim);
    end = clamp(table, end, least, most);
    if (has(slice->masks->end_mask, entry)) {
        end = forward ? dim : least;
    }
    hmlc_dim length =
        forward ? hmlc_dim_subtract(table, end, start) : hmlc_dim_subtract(table, start, end);
    hmlc_dim step = hmlc_emit_number(&node->emit, forward ? stride : -stride);
    slice->sizes[axis] = hmlc_dim_maximum(table, hmlc_dim_ceildiv(table, length, step), zero);
    slice->starts[axis] = start;
    slice->steps[axis] = hmlc_emit_number(&node->emit, stride);
    slice->shape[slice->rank++] = slice->sizes[axis];
}

static void take_whole(hmlc_node *node, strided *slice, uint32_t axis, hmlc_dim dim)
{
    slice->starts[axis] = hmlc_emit_number(&node->emit, 0);
    slice->sizes[axis] = dim;
    slice->steps[axis] = hmlc_emit_number(&node->emit, 1);
    slice->shape[slice->rank++] = dim;
}

/* Dims of x that the entries speak of; a first ellipsis takes what is left, later ones count as
 * whole dims. */
static uint32_t named_dims(const strided *slice, uint32_t *ellipsis)
{
    uint32_t named = 0;
    *ellipsis = slice->count;
    for (uint32_t i = 0; i < slice->count; i++) {
        if (*ellipsis == slice->count && has(slice->masks->ellipsis_mask, i)) {
            *ellipsis = i;
        } else if (!has(slice->masks->new_axis_mask, i)) {
            named++;
        }
    }
    return named;
}

static void walk_entries(hmlc_node *node, strided *slice, const hmlc_type *type)
{
    uint32_t ellipsis, axis = 0, rank = (uint32_t)type->rank;
    uint32_t named = named_dims(slice, &ellipsis);
    if (named > rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "speaks of %" PRIu32 " dims, the input has %" PRIu32, named, rank);
        return;
    }
    for (uint32_t i = 0; i < slice->count && hmlc_node_ok(node); i++) {
        if (i == ellipsis) {
            for (uint32_t end = axis + rank - named; axis < end; axis++) {
                take_whole(node, slice, axis, type->dims[axis]);
            }
        } else if (has(slice->masks->new_axis_mask, i)) {
            slice->shape[slice->rank++] = hmlc_emit_number(&node->emit, 1);
        } else if (has(slice->masks->shrink_axis_mask, i)) {
            shrink(node, slice, i, axis, type->dims[axis]);
            axis++;
        } else {
            take_range(node, slice, i, axis, type->dims[axis]);
            axis++;
        }
    }
    for (; axis < rank && hmlc_node_ok(node); axis++) {
        take_whole(node, slice, axis, type->dims[axis]);
    }
}

/* False where the lists do not fit each other, or a stride is not known. */
static bool read_lists(hmlc_node *node, strided *slice, hmlc_value *begins, hmlc_value *ends,
                       hmlc_value *strides)
{
    uint32_t end_count = 0, stride_count = 0;
    const hmlc_dim *steps = hmlc_emit_elements(&node->emit, strides, &stride_count);
    slice->begins = hmlc_emit_bind(&node->emit, begins, "begin", -HMLC_DIM_UNBOUNDED,
                                   HMLC_DIM_UNBOUNDED, 2 * HMLC_MAX_RANK, &slice->count);
    slice->ends = hmlc_emit_bind(&node->emit, ends, "end", -HMLC_DIM_UNBOUNDED, HMLC_DIM_UNBOUNDED,
                                 2 * HMLC_MAX_RANK, &end_count);
    bool known = steps != NULL;
    for (uint32_t i = 0; known && i < stride_count && i < 2 * HMLC_MAX_RANK; i++) {
        known = hmlc_dim_is_constant(steps[i], &slice->strides[i]);
    }
    if (!known && hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, node->format->constant_hint,
                       "the strides are known only at run time; here they must be constant");
    } else if (hmlc_node_ok(node) && (slice->count != end_count || slice->count != stride_count ||
                                      slice->count >= 2 * HMLC_MAX_RANK)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %" PRIu32 " begins, %" PRIu32 " ends and %" PRIu32 " strides",
                       slice->count, end_count, stride_count);
    }
    for (uint32_t i = 0; hmlc_node_ok(node) && i < slice->count; i++) {
        if (slice->strides[i] == 0 || slice->strides[i] < -INT32_MAX) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "stride %" PRIu32 " is %" PRId64,
                           i, slice->strides[i]);
        }
    }
    return hmlc_node_ok(node);
}

hmlc_value *hmlc_node_strided_slice(hmlc_node *node, hmlc_value *x, hmlc_value *begins,
                                    hmlc_value *ends, hmlc_value *strides,
                                    const hmlc_strided_slice *masks)
{
    strided slice = {.masks = masks};
    if (!read_lists(node, &slice, begins, ends, strides)) {
        return NULL;
    }
    walk_entries(node, &slice, x->type);
    if (slice.rank > HMLC_MAX_RANK) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "the result has rank %" PRIu32,
                       slice.rank);
    }
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_value *part = hmlc_emit_slice(&node->emit, x, slice.starts, slice.sizes, slice.steps);
    return hmlc_emit_reshape(&node->emit, part, slice.shape, slice.rank);
}

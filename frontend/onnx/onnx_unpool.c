/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that put windows back into an image, and the grid of an affine map. */
#include "onnx_node.h"

#include <inttypes.h>

enum { MOST_SPATIAL = HMLC_MAX_RANK - 2 };

/* `name` with `count` entries, `otherwise` where it is absent. False on failure. */
static bool read_entries(hmlc_node *node, const char *name, uint32_t count, int64_t otherwise,
                         int64_t *values)
{
    uint32_t given;
    const int64_t *list = hmlc_node_ints(node, name, &given);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = list != NULL && i < given ? list[i] : otherwise;
    }
    if (list != NULL && given != count) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'%s' has %" PRIu32 " entries, must have %" PRIu32, name, given, count);
    }
    for (uint32_t i = 0; i < count && hmlc_node_ok(node); i++) {
        if (values[i] < otherwise || values[i] > INT32_MAX) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'%s' holds %" PRId64, name,
                           values[i]);
        }
    }
    return hmlc_node_ok(node);
}

/* -- Col2Im: a transposed convolution with weights that are 1 at one tap each */

typedef struct columns {
    uint32_t spatial;
    int64_t image[HMLC_EMIT_MAX_ELEMENTS], block[HMLC_EMIT_MAX_ELEMENTS];
    int64_t strides[MOST_SPATIAL], dilations[MOST_SPATIAL], pads[2 * MOST_SPATIAL];
    int64_t blocks[MOST_SPATIAL], missing[MOST_SPATIAL]; /* image beyond the last block */
    int64_t taps, channels;
} columns;

static bool count_blocks(hmlc_node *node, columns *c)
{
    c->taps = 1;
    for (uint32_t i = 0; i < c->spatial; i++) {
        int64_t begin = c->pads[i], end = c->pads[c->spatial + i];
        if (c->block[i] < 1 || c->block[i] > INT32_MAX || c->image[i] < 1 ||
            c->image[i] > INT32_MAX || c->taps > INT32_MAX / c->block[i]) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "image %" PRId64 " and block %" PRId64 " in dim %" PRIu32, c->image[i],
                           c->block[i], i);
            return false;
        }
        int64_t reach = (c->block[i] - 1) * c->dilations[i] + 1;
        int64_t room = c->image[i] + begin + end - reach;
        if (room < 0) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "a block of %" PRId64 " elements does not fit in dim %" PRIu32, reach,
                           i);
            return false;
        }
        c->blocks[i] = room / c->strides[i] + 1;
        c->missing[i] = room % c->strides[i];
        c->taps *= c->block[i];
    }
    return true;
}

static bool read_columns(hmlc_node *node, columns *c)
{
    uint32_t count;
    if (!hmlc_node_int_list(node, 1, NULL, c->image, &c->spatial) ||
        !hmlc_node_int_list(node, 2, NULL, c->block, &count)) {
        return false;
    }
    int64_t channels;
    if (hmlc_node_rank(node, 0) != 3 || count != c->spatial || count < 1 || count > MOST_SPATIAL) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "rank %d with an image of %" PRIu32 " dims and a block of %" PRIu32,
                       hmlc_node_rank(node, 0), c->spatial, count);
        return false;
    }
    if (!read_entries(node, "strides", count, 1, c->strides) ||
        !read_entries(node, "dilations", count, 1, c->dilations) ||
        !read_entries(node, "pads", 2 * count, 0, c->pads) || !count_blocks(node, c)) {
        return false;
    }
    if (!hmlc_dim_is_constant(hmlc_node_dims(node, 0)[1], &channels) || channels > INT32_MAX / 2) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "the channels are known only at run time");
        return false;
    }
    c->channels = channels / c->taps;
    if (channels % c->taps != 0 || c->channels == 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%" PRId64 " channels are not blocks of %" PRId64 " elements", channels,
                       c->taps);
    }
    return hmlc_node_ok(node);
}

/* [channels * taps, 1, block ...]: row r is 1 at tap r % taps. */
static hmlc_value *tap_weights(hmlc_node *node, const columns *c)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim flat[] = {hmlc_emit_number(emit, c->taps), hmlc_emit_number(emit, c->taps)};
    hmlc_dim tiled[] = {hmlc_emit_number(emit, c->channels * c->taps), flat[1]};
    hmlc_dim shape[HMLC_MAX_RANK] = {tiled[0], hmlc_emit_number(emit, 1)};
    hmlc_value *index[2];
    for (int64_t axis = 0; axis < 2; axis++) {
        index[axis] = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                                HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, flat, 2),
                                           hmlc_attr_int(HMLC_ATTR_axis, axis),
                                           hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i32)));
    }
    for (uint32_t i = 0; i < c->spatial; i++) {
        shape[2 + i] = hmlc_emit_number(emit, c->block[i]);
    }
    hmlc_value *same = hmlc_emit_binary(emit, HMLC_OP_equal, index[0], index[1]);
    hmlc_value *weights = hmlc_emit_cast(emit, same, node->inputs[0]->type->dtype);
    weights = hmlc_emit(emit, HMLC_OP_tile, HMLC_OPERANDS(weights),
                        HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, tiled, 2)));
    return hmlc_emit_reshape(emit, weights, shape, c->spatial + 2);
}

void hmlc_onnx_import_col2im(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    columns c;
    if (!read_columns(node, &c)) {
        return;
    }
    hmlc_dim shape[HMLC_MAX_RANK] = {hmlc_node_dims(node, 0)[0], hmlc_node_dims(node, 0)[1]};
    hmlc_dim pads[2 * MOST_SPATIAL];
    hmlc_dim blocks = hmlc_emit_number(emit, 1);
    for (uint32_t i = 0; i < 2 * c.spatial; i++) {
        pads[i] = hmlc_emit_number(emit, c.pads[i]);
    }
    for (uint32_t i = 0; i < c.spatial; i++) {
        shape[2 + i] = hmlc_emit_number(emit, c.blocks[i]);
        blocks = hmlc_dim_multiply(hmlc_emit_table(emit), blocks, shape[2 + i]);
    }
    hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[2], blocks);
    hmlc_value *x = hmlc_emit_reshape(emit, node->inputs[0], shape, c.spatial + 2);
    node->outputs[0] =
        hmlc_emit(emit, HMLC_OP_conv_transpose, HMLC_OPERANDS(x, tap_weights(node, &c)),
                  HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_strides, c.strides, c.spatial),
                             hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * c.spatial),
                             hmlc_attr_ints(HMLC_ATTR_dilations, c.dilations, c.spatial),
                             hmlc_attr_int(HMLC_ATTR_groups, c.channels),
                             hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST),
                             hmlc_attr_ints(HMLC_ATTR_output_padding, c.missing, c.spatial)));
}

/* -- MaxUnpool */

/* The dims that the pool had at least; output_shape may be larger. */
static bool unpooled_dims(hmlc_node *node, hmlc_dim *dims)
{
    hmlc_dims *table = hmlc_emit_table(&node->emit);
    int64_t window[MOST_SPATIAL], strides[MOST_SPATIAL], pads[2 * MOST_SPATIAL];
    int32_t rank = hmlc_node_rank(node, 0);
    if (rank < 3 || hmlc_node_rank(node, 1) != rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "rank %d with indices of rank %d",
                       rank, hmlc_node_rank(node, 1));
        return false;
    }
    uint32_t spatial = (uint32_t)rank - 2;
    if (!read_entries(node, "kernel_shape", spatial, 1, window) ||
        !read_entries(node, "strides", spatial, 1, strides) ||
        !read_entries(node, "pads", 2 * spatial, 0, pads)) {
        return false;
    }
    for (int32_t i = 0; i < rank; i++) {
        dims[i] = hmlc_node_dims(node, 0)[i];
        if (i >= 2) {
            int64_t k = i - 2, more = window[k] - strides[k] - pads[k] - pads[k + spatial];
            dims[i] = hmlc_dim_multiply(table, dims[i], hmlc_emit_number(&node->emit, strides[k]));
            dims[i] = hmlc_dim_add(table, dims[i], hmlc_emit_number(&node->emit, more));
        }
    }
    return true;
}

/* More zeros at the end of dims that output_shape makes larger. A smaller one is refused: the
 * pool's dims, which indices count, were others then. */
static hmlc_value *pad_to_shape(hmlc_node *node, hmlc_value *y)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count;
    const hmlc_dim *shape = hmlc_emit_bind(emit, node->inputs[2], "unpooled", 0, HMLC_DIM_UNBOUNDED,
                                           HMLC_MAX_RANK, &count);
    if (shape == NULL || y == NULL) {
        return NULL;
    }
    if (count != (uint32_t)y->type->rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'output_shape' has %" PRIu32 " elements for rank %d", count, y->type->rank);
        return NULL;
    }
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (uint32_t i = 0; i < count; i++) {
        pads[i] = hmlc_emit_number(emit, 0);
        pads[count + i] = hmlc_dim_subtract(hmlc_emit_table(emit), shape[i], y->type->dims[i]);
        hmlc_emit_require_equal(
            emit, hmlc_dim_less(hmlc_emit_table(emit), shape[i], y->type->dims[i]), pads[i]);
        if (i < 2) {
            hmlc_emit_require_equal(emit, shape[i], y->type->dims[i]);
        }
    }
    return hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(y),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * count)));
}

/* Zeros, and each value at its index in the flattened result. */
void hmlc_onnx_import_max_unpool(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim dims[HMLC_MAX_RANK];
    if (!unpooled_dims(node, dims)) {
        return;
    }
    int32_t rank = hmlc_node_rank(node, 0);
    hmlc_dim size = hmlc_emit_number(emit, 1);
    for (int32_t i = 0; i < rank; i++) {
        size = hmlc_dim_multiply(table, size, dims[i]);
        hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[i], hmlc_node_dims(node, 1)[i]);
    }
    hmlc_dim count = hmlc_type_count(table, node->inputs[0]->type);
    hmlc_value *values = hmlc_emit_reshape(emit, node->inputs[0], &count, 1);
    hmlc_value *indices = hmlc_emit_reshape(emit, node->inputs[1], &count, 1);
    hmlc_value *zero = hmlc_emit_scalar_like(emit, node->inputs[0], 0);
    hmlc_value *zeros = hmlc_emit_expand(emit, zero, &size, 1);
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_scatter_elements, HMLC_OPERANDS(zeros, indices, values),
                              HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
    y = hmlc_emit_reshape(emit, y, dims, (uint32_t)rank);
    node->outputs[0] = hmlc_node_has_input(node, 2) ? pad_to_shape(node, y) : y;
}

/* -- AffineGrid */

/* -1 .. 1 along a dim of `size` places: of the centres of the first and last one, or of their outer
 * edges. */
static hmlc_value *coordinate(hmlc_node *node, hmlc_dim size, bool corners, hmlc_dtype dtype)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim one = hmlc_emit_number(emit, 1), steps = size;
    if (corners) { /* a single place is the first one: no step, so that nothing is divided by 0 */
        steps = hmlc_dim_maximum(table, hmlc_dim_subtract(table, size, one), one);
    }
    hmlc_value *index = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, &size, 1),
                                             hmlc_attr_int(HMLC_ATTR_axis, 0),
                                             hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    index = hmlc_emit_cast(emit, index, dtype);
    hmlc_value *twice =
        hmlc_emit_binary(emit, HMLC_OP_mul, index, hmlc_emit_scalar(emit, dtype, 2));
    if (!corners) {
        twice = hmlc_emit_binary(emit, HMLC_OP_add, twice, hmlc_emit_scalar(emit, dtype, 1));
    }
    hmlc_value *count = hmlc_emit_cast(emit, hmlc_emit_dim(emit, steps, HMLC_DTYPE_i64), dtype);
    hmlc_value *along = hmlc_emit_binary(emit, HMLC_OP_div, twice, count);
    return hmlc_emit_binary(emit, HMLC_OP_sub, along, hmlc_emit_scalar(emit, dtype, 1));
}

/* Column `j` of theta [N, n, n + 1] as [N, 1 ..., n]. */
static hmlc_value *column(hmlc_node *node, int32_t spatial, int64_t j)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dim one = hmlc_emit_number(emit, 1), shape[HMLC_MAX_RANK];
    hmlc_value *part =
        hmlc_emit_slice_axis(emit, node->inputs[0], 2, hmlc_emit_number(emit, j), one);
    for (int32_t i = 0; i <= spatial + 1; i++) {
        shape[i] = i == 0 ? hmlc_node_dims(node, 0)[0] : one;
    }
    shape[spatial + 1] = hmlc_emit_number(emit, spatial);
    return hmlc_emit_reshape(emit, part, shape, (uint32_t)spatial + 2);
}

/* The sum of theta's columns, each times the coordinate of its dim (x is the last dim), and the
 * last column. */
void hmlc_onnx_import_affine_grid(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    bool corners = hmlc_node_int(node, "align_corners", 0) != 0;
    uint32_t count;
    const hmlc_dim *size =
        hmlc_emit_bind(emit, node->inputs[1], "grid", 1, HMLC_DIM_UNBOUNDED, 5, &count);
    if (size == NULL) {
        return;
    }
    int32_t spatial = (int32_t)count - 2;
    if ((spatial != 2 && spatial != 3) || hmlc_node_rank(node, 0) != 3) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "theta has rank %d and the size %" PRIu32 " elements",
                       hmlc_node_rank(node, 0), count);
        return;
    }
    hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[0], size[0]);
    hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[1], hmlc_emit_number(emit, spatial));
    hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[2], hmlc_emit_number(emit, spatial + 1));
    hmlc_value *sum = column(node, spatial, spatial);
    for (int32_t j = spatial - 1; j >= 0 && hmlc_node_ok(node); j--) {
        int32_t dim = spatial - 1 - j;
        hmlc_dim shape[HMLC_MAX_RANK];
        for (int32_t i = 0; i <= spatial + 1; i++) {
            shape[i] = i == dim + 1 ? size[2 + dim] : hmlc_emit_number(emit, 1);
        }
        hmlc_value *along = coordinate(node, size[2 + dim], corners, node->inputs[0]->type->dtype);
        along = hmlc_emit_reshape(emit, along, shape, (uint32_t)spatial + 2);
        hmlc_value *part = hmlc_emit_binary(emit, HMLC_OP_mul, column(node, spatial, j), along);
        sum = hmlc_emit_binary(emit, HMLC_OP_add, sum, part);
    }
    node->outputs[0] = sum;
}

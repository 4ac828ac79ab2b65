/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes, views, movement. */
#include "common/blocks.h"
#include "common/moving.h"
#include "common/slicing.h"
#include "tensorflow_node.h"

#include <inttypes.h>
#include <string.h>

#define OUT node->node.outputs[0]
#define X   hmlc_tf_input(node, 0)
#define Y   hmlc_tf_input(node, 1)

/* The integer in input `index`, an axis of a tensor of that rank. */
static int64_t axis_input(hmlc_tf_node *node, uint32_t index, int32_t rank)
{
    int64_t axis = hmlc_truncate_to_int(hmlc_node_constant_input(&node->node, index));
    return hmlc_tf_ok(node) ? hmlc_node_axis(&node->node, axis, rank) : 0;
}

/* Lists of sizes come as i32 or i64. */
static hmlc_value *sizes_input(hmlc_tf_node *node, uint32_t index)
{
    return hmlc_emit_cast(&node->node.emit, node->node.inputs[index], HMLC_DTYPE_i64);
}

/* -- shapes ------------------------------------------------------------------------------------ */

void hmlc_tf_import_shape(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "out_type", HMLC_DTYPE_i32);
    OUT = hmlc_emit_dims(emit, X->type->dims, (uint32_t)X->type->rank, dtype);
}

void hmlc_tf_import_size(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "out_type", HMLC_DTYPE_i32);
    OUT = hmlc_emit_dim(emit, hmlc_type_count(hmlc_emit_table(emit), X->type), dtype);
}

void hmlc_tf_import_rank(hmlc_tf_node *node)
{
    OUT = hmlc_emit_scalar(&node->node.emit, HMLC_DTYPE_i32, X->type->rank);
}

void hmlc_tf_import_reshape(hmlc_tf_node *node)
{
    OUT = hmlc_node_reshape(&node->node, X, sizes_input(node, 1), true);
}

void hmlc_tf_import_broadcast_to(hmlc_tf_node *node)
{
    OUT = hmlc_node_expand(&node->node, X, sizes_input(node, 1));
}

/* Inputs: the shape, a scalar. */
void hmlc_tf_import_fill(hmlc_tf_node *node)
{
    OUT = hmlc_node_expand(&node->node, Y, sizes_input(node, 0));
}

void hmlc_tf_import_expand_dims(hmlc_tf_node *node)
{
    int64_t axis = axis_input(node, 1, X->type->rank + 1);
    if (hmlc_tf_ok(node)) {
        OUT = hmlc_emit_unsqueeze(&node->node.emit, X, axis);
    }
}

/* Without a list all dims of 1 go. */
void hmlc_tf_import_squeeze(hmlc_tf_node *node)
{
    bool squeezed[HMLC_MAX_RANK] = {false};
    uint32_t count = 0, chosen;
    int64_t axes[HMLC_MAX_RANK];
    const int64_t *list = hmlc_node_ints(&node->node, "squeeze_dims", &count);
    if (list == NULL || count == 0) {
        list = hmlc_node_ints(&node->node, "axis", &count);
    }
    if (list != NULL && count > 0) {
        chosen = hmlc_node_axes(&node->node, list, count, X->type->rank, axes);
        for (uint32_t i = 0; i < chosen; i++) {
            squeezed[axes[i]] = true;
        }
    }
    for (int32_t i = 0; (list == NULL || count == 0) && i < X->type->rank; i++) {
        squeezed[i] = hmlc_dim_is(X->type->dims[i], 1);
        if (!hmlc_dim_is_constant(X->type->dims[i], NULL)) {
            hmlc_tf_fail(node, HMLC_ERROR_rank_unknown, "fix the dims with --dim",
                         "without squeeze_dims depends on the size of dim %d", i);
        }
    }
    OUT = hmlc_tf_ok(node) ? hmlc_node_squeeze(&node->node, X, squeezed) : NULL;
}

void hmlc_tf_import_range(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dim parts[3];
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t count = 0;
        const hmlc_dim *known = hmlc_emit_elements(emit, node->node.inputs[i], &count);
        if (known == NULL || count != 1) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "of floats, or with ends known only at run time, is not supported");
            return;
        }
        parts[i] = known[0];
    }
    hmlc_dims *table = hmlc_emit_table(emit);
    int64_t step;
    if (!hmlc_dim_is_constant(parts[2], &step) || step < 1) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "with a delta that is not above 0 is not supported");
        return;
    }
    hmlc_dim size = hmlc_dim_ceildiv(table, hmlc_dim_subtract(table, parts[1], parts[0]), parts[2]);
    size = hmlc_dim_maximum(table, size, hmlc_emit_number(emit, 0));
    OUT = hmlc_emit(emit, HMLC_OP_range, node->node.inputs, 3,
                    HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, &size, 1)));
}

/* -- parts ------------------------------------------------------------------------------------- */

/* Concat has the axis first, ConcatV2 last. */
void hmlc_tf_import_concat(hmlc_tf_node *node)
{
    bool first = strcmp(node->def->op, "Concat") == 0;
    uint32_t count = node->node.input_count - 1;
    hmlc_value *const *values = node->node.inputs + (first ? 1 : 0);
    int64_t axis = axis_input(node, first ? 0 : count, values[0]->type->rank);
    if (hmlc_tf_ok(node)) {
        OUT = hmlc_emit_concat(&node->node.emit, values, count, axis);
    }
}

void hmlc_tf_import_pack(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int64_t axis =
        hmlc_node_axis(&node->node, hmlc_node_int(&node->node, "axis", 0), X->type->rank + 1);
    for (uint32_t i = 0; hmlc_tf_ok(node) && i < node->node.input_count; i++) {
        node->node.inputs[i] = hmlc_emit_unsqueeze(emit, node->node.inputs[i], axis);
    }
    if (hmlc_tf_ok(node)) {
        OUT = hmlc_emit_concat(emit, node->node.inputs, node->node.input_count, axis);
    }
}

/* The number of parts; 0 with a diagnostic. */
static uint32_t count_parts(hmlc_tf_node *node, const char *name)
{
    int64_t count = hmlc_node_int(&node->node, name, 0);
    if (count < 1 || count > HMLC_TF_MOST_OUTPUTS) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "into %" PRId64 " parts is not supported; at most %d", count,
                     HMLC_TF_MOST_OUTPUTS);
        return 0;
    }
    return (uint32_t)count;
}

void hmlc_tf_import_unpack(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    uint32_t count = count_parts(node, "num");
    int64_t axis =
        hmlc_node_axis(&node->node, hmlc_node_int(&node->node, "axis", 0), X->type->rank);
    if (hmlc_tf_ok(node)) {
        hmlc_emit_require_equal(emit, X->type->dims[axis], hmlc_emit_number(emit, count));
    }
    for (uint32_t i = 0; i < count && hmlc_tf_ok(node); i++) {
        hmlc_value *part = hmlc_emit_slice_axis(emit, X, axis, hmlc_emit_number(emit, i),
                                                hmlc_emit_number(emit, 1));
        node->node.outputs[i] = part != NULL ? hmlc_emit_squeeze(emit, part, axis) : NULL;
    }
}

static void cut(hmlc_tf_node *node, hmlc_value *x, int64_t axis, const hmlc_dim *sizes,
                uint32_t count)
{
    node->node.output_count = count;
    hmlc_node_split(&node->node, x, axis, sizes);
    node->node.output_count = HMLC_TF_MOST_OUTPUTS;
}

/* Inputs: the axis, x. */
void hmlc_tf_import_split(hmlc_tf_node *node)
{
    uint32_t count = count_parts(node, "num_split");
    int64_t axis = axis_input(node, 0, Y->type->rank);
    hmlc_dim sizes[HMLC_TF_MOST_OUTPUTS];
    if (!hmlc_tf_ok(node) || count == 0) {
        return;
    }
    hmlc_dim size = hmlc_node_divided(&node->node, Y->type->dims[axis], count);
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = size;
    }
    if (hmlc_tf_ok(node)) {
        cut(node, Y, axis, sizes, count);
    }
}

/* Inputs: x, the sizes, of which one may be -1, the axis. */
void hmlc_tf_import_split_v(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    uint32_t count = count_parts(node, "num_split"), found = 0, open = UINT32_MAX;
    int64_t axis = axis_input(node, 2, X->type->rank);
    const hmlc_dim *given = hmlc_emit_elements(emit, Y, &found);
    hmlc_dim sizes[HMLC_TF_MOST_OUTPUTS];
    if (!hmlc_tf_ok(node) || count == 0 || given == NULL || found != count) {
        if (hmlc_tf_ok(node)) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "with sizes known only at run time is not supported");
        }
        return;
    }
    hmlc_dim rest = X->type->dims[axis];
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = given[i];
        open = hmlc_dim_is(given[i], -1) ? i : open;
        rest = hmlc_dim_is(given[i], -1) ? rest : hmlc_dim_subtract(table, rest, given[i]);
    }
    if (open != UINT32_MAX) {
        sizes[open] = rest;
    }
    node->node.output_count = count;
    hmlc_node_check_parts(&node->node, X->type->dims[axis], sizes);
    node->node.output_count = HMLC_TF_MOST_OUTPUTS;
    if (hmlc_tf_ok(node)) {
        cut(node, X, axis, sizes, count);
    }
}

/* Inputs: x, begins, sizes, of which -1 is all that is left. */
void hmlc_tf_import_slice(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    uint32_t begin_count = 0, size_count = 0;
    const hmlc_dim *begins = hmlc_emit_elements(emit, Y, &begin_count);
    const hmlc_dim *given = hmlc_emit_elements(emit, hmlc_tf_input(node, 2), &size_count);
    hmlc_dim sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)X->type->rank;
    if (begins == NULL || given == NULL || begin_count != rank || size_count != rank) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "with ends known only at run time is not supported");
        return;
    }
    for (uint32_t i = 0; i < rank; i++) {
        hmlc_dim left = hmlc_dim_subtract(table, X->type->dims[i], begins[i]);
        sizes[i] = hmlc_dim_is(given[i], -1) ? left : given[i];
        steps[i] = hmlc_emit_number(emit, 1);
        hmlc_emit_require_equal(emit, hmlc_dim_minimum(table, sizes[i], left), sizes[i]);
    }
    OUT = hmlc_emit_slice(emit, X, begins, sizes, steps);
}

void hmlc_tf_import_strided_slice(hmlc_tf_node *node)
{
    hmlc_node *own = &node->node;
    const hmlc_strided_slice masks = {
        .begin_mask = hmlc_node_int(own, "begin_mask", 0),
        .end_mask = hmlc_node_int(own, "end_mask", 0),
        .ellipsis_mask = hmlc_node_int(own, "ellipsis_mask", 0),
        .new_axis_mask = hmlc_node_int(own, "new_axis_mask", 0),
        .shrink_axis_mask = hmlc_node_int(own, "shrink_axis_mask", 0),
    };
    OUT = hmlc_node_strided_slice(&node->node, X, sizes_input(node, 1), sizes_input(node, 2),
                                  sizes_input(node, 3), &masks);
}

void hmlc_tf_import_reverse(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int64_t list[HMLC_EMIT_MAX_ELEMENTS], axes[HMLC_MAX_RANK];
    hmlc_dim starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t count, next = 0;
    if (!hmlc_node_int_list(&node->node, 1, NULL, list, &count)) {
        return;
    }
    count = hmlc_node_axes(&node->node, list, count, X->type->rank, axes);
    for (int32_t i = 0; i < X->type->rank && hmlc_tf_ok(node); i++) {
        bool turned = next < count && axes[next] == i;
        next += turned ? 1 : 0;
        starts[i] = turned ? hmlc_dim_subtract(hmlc_emit_table(emit), X->type->dims[i],
                                               hmlc_emit_number(emit, 1))
                           : hmlc_emit_number(emit, 0);
        steps[i] = hmlc_emit_number(emit, turned ? -1 : 1);
    }
    if (hmlc_tf_ok(node)) {
        OUT = hmlc_emit_slice(emit, X, starts, X->type->dims, steps);
    }
}

/* -- movement ---------------------------------------------------------------------------------- */

void hmlc_tf_import_transpose(hmlc_tf_node *node)
{
    int64_t list[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count;
    if (hmlc_node_int_list(&node->node, 1, NULL, list, &count)) {
        OUT = hmlc_node_permute(&node->node, X, list, count, "perm");
    }
}

void hmlc_tf_import_tile(hmlc_tf_node *node)
{
    OUT = hmlc_node_tile(&node->node, X, sizes_input(node, 1));
}

/* Pads of all dims: begins, then ends. */
static bool read_pads(hmlc_tf_node *node, hmlc_dim *pads)
{
    uint32_t count = 0, rank = (uint32_t)X->type->rank;
    const hmlc_dim *pairs = hmlc_emit_elements(&node->node.emit, Y, &count);
    if (pairs == NULL || count != 2 * rank) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "with pads known only at run time is not supported");
        return false;
    }
    for (uint32_t i = 0; i < rank; i++) {
        pads[i] = pairs[2 * i];
        pads[rank + i] = pairs[2 * i + 1];
    }
    return true;
}

void hmlc_tf_import_pad(hmlc_tf_node *node)
{
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    if (read_pads(node, pads)) {
        OUT = hmlc_node_pad(&node->node, X, pads, hmlc_tf_input(node, 2), HMLC_PAD_CONSTANT);
    }
}

void hmlc_tf_import_mirror_pad(hmlc_tf_node *node)
{
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    if (hmlc_node_choice(&node->node, "mode", "REFLECT|SYMMETRIC", 0) != 0) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL, "with SYMMETRIC is not supported");
    }
    if (hmlc_tf_ok(node) && read_pads(node, pads)) {
        OUT = hmlc_node_pad(&node->node, X, pads, NULL, HMLC_PAD_REFLECT);
    }
}

/* TensorFlow refuses negative indices, or gives zeros: the IR's op counts them from the end. */
void hmlc_tf_import_gather(hmlc_tf_node *node)
{
    int64_t axis = 0;
    if (hmlc_node_int(&node->node, "batch_dims", 0) != 0) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL, "with batch_dims is not supported");
        return;
    }
    if (hmlc_node_has_input(&node->node, 2)) {
        axis = axis_input(node, 2, X->type->rank);
    }
    OUT = hmlc_emit(&node->node.emit, HMLC_OP_gather, HMLC_OPERANDS(X, Y),
                    HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis)));
}

void hmlc_tf_import_gather_nd(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *indices = hmlc_emit_cast(emit, Y, HMLC_DTYPE_i64);
    OUT = hmlc_emit(emit, HMLC_OP_gather_nd, HMLC_OPERANDS(X, indices), HMLC_NO_ATTRS);
}

/* Inputs: indices, depth, on, off. An index outside gives a row of `off`. */
void hmlc_tf_import_one_hot(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    uint32_t count = 0;
    const hmlc_dim *depth = hmlc_emit_elements(emit, Y, &count);
    int32_t rank = X->type->rank;
    int64_t axis = hmlc_node_axis(&node->node, hmlc_node_int(&node->node, "axis", -1), rank + 1);
    hmlc_dim shape[HMLC_MAX_RANK];
    if (!hmlc_tf_ok(node) || depth == NULL || count != 1 || rank >= HMLC_MAX_RANK) {
        if (hmlc_tf_ok(node)) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "with a depth known only at run time is not supported");
        }
        return;
    }
    for (int32_t i = 0; i <= rank - axis; i++) {
        shape[i] = i == 0 ? depth[0] : hmlc_emit_number(emit, 1);
    }
    hmlc_value *places = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                                   HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, depth, 1),
                                              hmlc_attr_int(HMLC_ATTR_axis, 0),
                                              hmlc_attr_dtype(HMLC_ATTR_to, X->type->dtype)));
    places =
        places != NULL ? hmlc_emit_reshape(emit, places, shape, (uint32_t)(rank - axis) + 1) : NULL;
    hmlc_value *hot =
        hmlc_emit_binary(emit, HMLC_OP_equal, hmlc_emit_unsqueeze(emit, X, axis), places);
    OUT = hmlc_emit_select(emit, hot, hmlc_tf_input(node, 2), hmlc_tf_input(node, 3));
}

/* -- blocks ------------------------------------------------------------------------------------ */

static int64_t block_size(hmlc_tf_node *node)
{
    int64_t size = hmlc_node_int(&node->node, "block_size", 0);
    if (size < 1 || size > INT32_MAX || X->type->rank != 4 ||
        hmlc_tf_layout(node) != HMLC_LAYOUT_CHANNELS_LAST) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of rank %d, with channels in front, or block size %" PRId64
                     " is not supported",
                     X->type->rank, size);
    }
    return size;
}

void hmlc_tf_import_depth_to_space(hmlc_tf_node *node)
{
    int64_t size = block_size(node);
    OUT = hmlc_tf_ok(node) ? hmlc_node_depth_to_space(&node->node, X, size) : NULL;
}

void hmlc_tf_import_space_to_depth(hmlc_tf_node *node)
{
    int64_t size = block_size(node);
    OUT = hmlc_tf_ok(node) ? hmlc_node_space_to_depth(&node->node, X, size) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operators by indices, and on the last dims of matrices; shapes of several; blocks. */
#include "common/blocks.h"
#include "common/moving.h"
#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#include <inttypes.h>
#include <string.h>

#define OUT node->node.outputs[0]
#define X   hmlc_tf_input(node, 0)
#define Y   hmlc_tf_input(node, 1)
#define Z   hmlc_tf_input(node, 2)

/* The index along `axis`. */
static hmlc_value *counted(hmlc_tf_node *node, const hmlc_dim *shape, uint32_t rank, int64_t axis)
{
    return hmlc_emit(&node->node.emit, HMLC_OP_iota, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, rank),
                                hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
}

static hmlc_value *wide(hmlc_tf_node *node, hmlc_value *indices)
{
    return hmlc_emit_cast(&node->node.emit, indices, HMLC_DTYPE_i64);
}

/* -- gather and scatter ------------------------------------------------------------------------ */

/* Positions where x is not 0, a row each. */
void hmlc_tf_import_where(hmlc_tf_node *node)
{
    static const int64_t turn[] = {1, 0};
    hmlc_emitter *emit = &node->node.emit;
    uint32_t length = 0;
    hmlc_value *found = hmlc_emit_unary(emit, HMLC_OP_nonzero_count, X);
    const hmlc_dim *count =
        found != NULL ? hmlc_emit_bind(emit, found, "where", 0, HMLC_DIM_UNBOUNDED, 1, &length)
                      : NULL;
    hmlc_value *places = count != NULL
                             ? hmlc_emit(emit, HMLC_OP_nonzero, HMLC_OPERANDS(X),
                                         HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_count, count, 1)))
                             : NULL;
    OUT = places != NULL ? hmlc_emit_transpose(emit, places, turn) : NULL;
}

static void scatter(hmlc_tf_node *node, hmlc_value *into, hmlc_value *indices, hmlc_value *updates,
                    int64_t reduction)
{
    hmlc_emitter *emit = &node->node.emit;
    indices = wide(node, indices);
    if (into != NULL && indices != NULL) {
        OUT = hmlc_emit(emit, HMLC_OP_scatter_nd, HMLC_OPERANDS(into, indices, updates),
                        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_reduction, reduction)));
    }
}

/* Inputs: indices, updates, the shape. Values for one place are added. */
void hmlc_tf_import_scatter_nd(hmlc_tf_node *node)
{
    hmlc_value *zero = hmlc_emit_scalar_like(&node->node.emit, Y, 0);
    hmlc_value *shape = wide(node, Z);
    hmlc_value *into = shape != NULL ? hmlc_node_expand(&node->node, zero, shape) : NULL;
    scatter(node, into, X, Y, HMLC_REDUCTION_ADD);
}

/* Inputs: x, indices, updates. */
void hmlc_tf_import_tensor_scatter(hmlc_tf_node *node)
{
    static const struct {
        const char *op;
        int64_t reduction;
    } rows[] = {{"TensorScatterUpdate", HMLC_REDUCTION_NONE},
                {"TensorScatterAdd", HMLC_REDUCTION_ADD},
                {"TensorScatterSub", HMLC_REDUCTION_ADD},
                {"TensorScatterMax", HMLC_REDUCTION_MAX},
                {"TensorScatterMin", HMLC_REDUCTION_MIN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].op, node->def->op) == 0) {
            bool less = strcmp(rows[i].op, "TensorScatterSub") == 0;
            hmlc_value *updates = less ? hmlc_emit_unary(&node->node.emit, HMLC_OP_neg, Z) : Z;
            scatter(node, X, Y, updates, rows[i].reduction);
        }
    }
}

/* Inputs: x, the segment of each row, a constant number of segments. */
void hmlc_tf_import_segment_sum(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    uint32_t count = 0;
    const hmlc_dim *segments = hmlc_emit_elements(emit, Z, &count);
    hmlc_dim shape[HMLC_MAX_RANK];
    if (segments == NULL || count != 1 || Y->type->rank != 1 || X->type->rank < 1) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of a number known only at run time, or by a matrix, is not supported");
        return;
    }
    for (int32_t i = 0; i < X->type->rank; i++) {
        shape[i] = i == 0 ? segments[0] : X->type->dims[i];
    }
    hmlc_value *into =
        hmlc_emit_expand(emit, hmlc_emit_scalar_like(emit, X, 0), shape, (uint32_t)X->type->rank);
    scatter(node, into, hmlc_emit_unsqueeze(emit, Y, 1), X, HMLC_REDUCTION_ADD);
}

/* Rows of a variable. */
void hmlc_tf_import_resource_gather(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *table = hmlc_tf_plain(node, X);
    if (table == NULL || hmlc_tf_is_handle(table) || hmlc_tf_is_handle(Y) ||
        hmlc_node_int(&node->node, "batch_dims", 0) != 0) {
        if (hmlc_tf_ok(node)) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "of something else than a variable, or with batch_dims, is not supported");
        }
        return;
    }
    if (strcmp(node->def->op, "ResourceGatherNd") == 0) {
        OUT =
            hmlc_emit(emit, HMLC_OP_gather_nd, HMLC_OPERANDS(table, wide(node, Y)), HMLC_NO_ATTRS);
        return;
    }
    OUT = hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(table, Y),
                    HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
}

void hmlc_tf_import_variable_shape(hmlc_tf_node *node)
{
    hmlc_value *value = hmlc_tf_plain(node, X);
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "out_type", HMLC_DTYPE_i32);
    if (value != NULL && !hmlc_tf_is_handle(value)) {
        OUT =
            hmlc_emit_dims(&node->node.emit, value->type->dims, (uint32_t)value->type->rank, dtype);
    }
}

/* y[x[i]] = i */
void hmlc_tf_import_invert_permutation(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    uint32_t count = 0;
    const hmlc_dim *elements = hmlc_emit_elements(emit, X, &count);
    hmlc_dim inverse[HMLC_EMIT_MAX_ELEMENTS];
    for (uint32_t i = 0; elements != NULL && i < count; i++) {
        inverse[i] = hmlc_emit_number(emit, -1);
    }
    for (uint32_t i = 0; elements != NULL && i < count; i++) {
        int64_t at;
        if (!hmlc_dim_is_constant(elements[i], &at) || at < 0 || at >= count ||
            !hmlc_dim_is(inverse[at], -1)) {
            hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "of what is no permutation");
            return;
        }
        inverse[at] = hmlc_emit_number(emit, i);
    }
    if (elements == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of a list known only at run time is not supported");
        return;
    }
    OUT = hmlc_emit_dims(emit, inverse, count, X->type->dtype);
}

/* -- shapes ------------------------------------------------------------------------------------ */

void hmlc_tf_import_shape_n(hmlc_tf_node *node)
{
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "out_type", HMLC_DTYPE_i32);
    for (uint32_t i = 0; i < node->node.input_count && i < HMLC_TF_MOST_OUTPUTS; i++) {
        const hmlc_type *type = node->node.inputs[i]->type;
        node->node.outputs[i] =
            hmlc_emit_dims(&node->node.emit, type->dims, (uint32_t)type->rank, dtype);
    }
}

void hmlc_tf_import_broadcast_args(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_value *shape = hmlc_emit(emit, HMLC_OP_broadcast_dims,
                                  HMLC_OPERANDS(wide(node, X), wide(node, Y)), HMLC_NO_ATTRS);
    OUT = shape != NULL ? hmlc_emit_cast(emit, shape, X->type->dtype) : NULL;
}

/* Inputs: start, stop, a constant number of values. */
void hmlc_tf_import_lin_space(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int64_t count = hmlc_truncate_to_int(hmlc_node_constant_input(&node->node, 2));
    if (!hmlc_tf_ok(node)) {
        return;
    }
    if (count < 1 || count > (1 << 24)) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "of %" PRId64 " values", count);
        return;
    }
    hmlc_dim size = hmlc_emit_number(emit, count);
    hmlc_value *steps = hmlc_emit_cast(emit, counted(node, &size, 1, 0), X->type->dtype);
    hmlc_value *wideness = hmlc_emit_binary(emit, HMLC_OP_sub, Y, X);
    hmlc_value *step =
        hmlc_emit_binary(emit, HMLC_OP_div, wideness,
                         hmlc_emit_scalar_like(emit, X, count > 1 ? (double)(count - 1) : 1));
    OUT = hmlc_emit_binary(emit, HMLC_OP_add, X, hmlc_emit_binary(emit, HMLC_OP_mul, steps, step));
}

/* -- matrices ---------------------------------------------------------------------------------- */

/* Where column - row lies, for matrices of x's last two dims. */
static hmlc_value *diagonal_of(hmlc_tf_node *node, hmlc_dim rows, hmlc_dim columns)
{
    const hmlc_dim shape[] = {rows, columns};
    return hmlc_emit_binary(&node->node.emit, HMLC_OP_sub, counted(node, shape, 2, 1),
                            counted(node, shape, 2, 0));
}

/* Inputs: x, diagonals that stay below and above the main one; -1: all. */
void hmlc_tf_import_band_part(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    double below = hmlc_node_constant_input(&node->node, 1);
    double above = hmlc_node_constant_input(&node->node, 2);
    int32_t rank = X->type->rank;
    if (!hmlc_tf_ok(node) || rank < 2) {
        if (hmlc_tf_ok(node)) {
            hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "of rank %d", rank);
        }
        return;
    }
    hmlc_value *at = diagonal_of(node, X->type->dims[rank - 2], X->type->dims[rank - 1]);
    hmlc_value *y = X, *zero = hmlc_emit_scalar_like(emit, X, 0);
    if (below >= 0) {
        hmlc_value *least = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, -below);
        y = hmlc_emit_select(emit, hmlc_emit_binary(emit, HMLC_OP_less, at, least), zero, y);
    }
    if (above >= 0) {
        hmlc_value *most = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, above);
        y = hmlc_emit_select(emit, hmlc_emit_binary(emit, HMLC_OP_less, most, at), zero, y);
    }
    OUT = y;
}

/* Inputs: matrices, the vectors that become their diagonals. */
void hmlc_tf_import_set_diag(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int32_t rank = X->type->rank;
    if (rank < 2 || Y->type->rank != rank - 1 ||
        !hmlc_dim_known_equal(hmlc_emit_table(emit), X->type->dims[rank - 2],
                              X->type->dims[rank - 1])) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of matrices that are not square is not supported");
        return;
    }
    hmlc_value *at = diagonal_of(node, X->type->dims[rank - 2], X->type->dims[rank - 1]);
    hmlc_value *on =
        hmlc_emit_binary(emit, HMLC_OP_equal, at, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0));
    OUT = hmlc_emit_select(emit, on, hmlc_emit_unsqueeze(emit, Y, rank - 2), X);
}

/* Zeros stand for what is not set. Input: the shape. */
void hmlc_tf_import_blank(hmlc_tf_node *node)
{
    hmlc_dtype dtype = hmlc_tf_dtype_attr(node, "dtype", HMLC_DTYPE_f32);
    hmlc_value *shape = wide(node, X);
    OUT = shape != NULL
              ? hmlc_node_expand(&node->node, hmlc_emit_scalar(&node->node.emit, dtype, 0), shape)
              : NULL;
}

/* A variable of a checkpoint has a value. */
void hmlc_tf_import_always(hmlc_tf_node *node)
{
    OUT = hmlc_emit_scalar(&node->node.emit, HMLC_DTYPE_bool, 1);
}

/* Vectors on the diagonals of matrices. */
void hmlc_tf_import_matrix_diag(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int32_t rank = X->type->rank;
    if (rank < 1 || rank >= HMLC_MAX_RANK) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "of rank %d", rank);
        return;
    }
    if (rank > 1 && strcmp(node->def->op, "Diag") == 0) { /* all dims stand there twice */
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL, "of rank %d is not supported", rank);
        return;
    }
    hmlc_dim size = X->type->dims[rank - 1];
    hmlc_value *on = hmlc_emit_binary(emit, HMLC_OP_equal, diagonal_of(node, size, size),
                                      hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0));
    OUT = hmlc_emit_select(emit, on, hmlc_emit_unsqueeze(emit, X, rank - 1),
                           hmlc_emit_scalar_like(emit, X, 0));
}

/* -- movement ---------------------------------------------------------------------------------- */

/* Inputs: x, constant shifts, their axes. */
void hmlc_tf_import_roll(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    int64_t shifts[HMLC_EMIT_MAX_ELEMENTS], axes[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0, other = 0;
    hmlc_value *y = X;
    if (!hmlc_node_int_list(&node->node, 1, NULL, shifts, &count) ||
        !hmlc_node_int_list(&node->node, 2, NULL, axes, &other)) {
        return;
    }
    for (uint32_t i = 0; i < count && count == other && y != NULL; i++) {
        int64_t size, axis = hmlc_node_axis(&node->node, axes[i], X->type->rank);
        if (!hmlc_tf_ok(node) || !hmlc_dim_is_constant(y->type->dims[axis], &size)) {
            if (hmlc_tf_ok(node)) {
                hmlc_tf_fail(node, HMLC_ERROR_not_implemented, "fix the dim with --dim",
                             "along a dim known only at run time is not supported");
            }
            return;
        }
        int64_t back = size > 0 ? ((shifts[i] % size) + size) % size : 0;
        if (back == 0) {
            continue;
        }
        hmlc_value *parts[] = {hmlc_emit_slice_axis(emit, y, axis,
                                                    hmlc_emit_number(emit, size - back),
                                                    hmlc_emit_number(emit, back)),
                               hmlc_emit_slice_axis(emit, y, axis, hmlc_emit_number(emit, 0),
                                                    hmlc_emit_number(emit, size - back))};
        y = parts[0] != NULL && parts[1] != NULL ? hmlc_emit_concat(emit, parts, 2, axis) : NULL;
    }
    if (count != other) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "has as many shifts as axes not");
        return;
    }
    OUT = y;
}

/* Inputs: x, the block, pads or crops as pairs. */
static const hmlc_dim *read_blocks(hmlc_tf_node *node, int64_t *block, uint32_t *count)
{
    uint32_t pairs = 0;
    const hmlc_dim *list = NULL;
    if (hmlc_node_int_list(&node->node, 1, NULL, block, count)) {
        list = hmlc_emit_elements(&node->node.emit, Z, &pairs);
    }
    bool good = list != NULL && pairs == 2 * *count && (int32_t)*count < X->type->rank;
    for (uint32_t i = 0; good && i < *count; i++) {
        good = block[i] >= 1 && block[i] <= INT32_MAX;
    }
    if (!good && hmlc_tf_ok(node)) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "with blocks or pads that do not fit, or are known only at run time");
    }
    return good ? list : NULL;
}

void hmlc_tf_import_space_to_batch(hmlc_tf_node *node)
{
    int64_t block[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    const hmlc_dim *pads = read_blocks(node, block, &count);
    OUT = pads != NULL ? hmlc_node_space_to_batch(&node->node, X, block, count, pads) : NULL;
}

void hmlc_tf_import_batch_to_space(hmlc_tf_node *node)
{
    int64_t block[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 0;
    const hmlc_dim *crops = read_blocks(node, block, &count);
    OUT = crops != NULL ? hmlc_node_batch_to_space(&node->node, X, block, count, crops) : NULL;
}

/* -- boxes ------------------------------------------------------------------------------------- */

/* Inputs: boxes [n, 4], scores [n], the most, limits of overlap and score. */
void hmlc_tf_import_non_max(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    uint32_t length = 0;
    if (X->type->rank != 2 || Y->type->rank != 1 ||
        hmlc_node_int(&node->node, "pad_to_max_output_size", 0) != 0) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of several images, or padded, is not supported");
        return;
    }
    hmlc_value *most = hmlc_emit_reshape(emit, wide(node, Z), NULL, 0);
    hmlc_value *zero = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0);
    hmlc_dim one = hmlc_emit_number(emit, 1), two = hmlc_emit_number(emit, 2);
    most = most != NULL ? hmlc_emit_binary(emit, HMLC_OP_max, most, zero) : NULL;
    const hmlc_dim *limit =
        most != NULL ? hmlc_emit_bind(emit, most, "boxes", 0, HMLC_DIM_UNBOUNDED, 1, &length)
                     : NULL;
    if (limit == NULL) {
        return;
    }
    double overlap = hmlc_node_float(&node->node, "iou_threshold", 0.5);
    hmlc_value *operands[] = {hmlc_emit_unsqueeze(emit, X, 0),
                              hmlc_emit_unsqueeze(emit, hmlc_emit_unsqueeze(emit, Y, 0), 0),
                              hmlc_tf_input(node, 3) != NULL
                                  ? hmlc_tf_input(node, 3)
                                  : hmlc_emit_scalar_like(emit, Y, overlap),
                              hmlc_tf_input(node, 4)};
    hmlc_op *op = hmlc_tf_ok(node)
                      ? hmlc_emit_op(emit, HMLC_OP_non_max_suppression, operands, 4,
                                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_count, limit, 1)))
                      : NULL;
    const hmlc_dim *kept =
        op != NULL ? hmlc_emit_bind(emit, op->results[1], "kept", 0, HMLC_DIM_UNBOUNDED, 1, &length)
                   : NULL;
    if (kept == NULL) {
        return;
    }
    hmlc_value *rows =
        hmlc_emit_slice_axis(emit, op->results[0], 0, hmlc_emit_number(emit, 0), kept[0]);
    rows = rows != NULL ? hmlc_emit_slice_axis(emit, rows, 1, two, one) : NULL;
    rows = rows != NULL ? hmlc_emit_squeeze(emit, rows, 1) : NULL;
    OUT = rows != NULL ? hmlc_emit_cast(emit, rows, HMLC_DTYPE_i32) : NULL;
    node->node.outputs[1] = hmlc_emit_dim(emit, kept[0], HMLC_DTYPE_i32);
}

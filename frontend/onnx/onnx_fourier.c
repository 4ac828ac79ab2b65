/* SPDX-License-Identifier: Apache-2.0 */
/* DFT and STFT. */
#include "common/fourier.h"
#include "onnx_node.h"

#include <inttypes.h>

/* The dims `from` and `to` change places. */
static hmlc_value *exchanged(hmlc_node *node, hmlc_value *x, int64_t from, int64_t to)
{
    int64_t permutation[HMLC_MAX_RANK];
    for (int32_t d = 0; d < x->type->rank; d++) {
        permutation[d] = d == from ? to : d == to ? from : d;
    }
    return from == to ? x : hmlc_emit_transpose(&node->emit, x, permutation);
}

/* Input `index`, a scalar that must be constant; `otherwise` where it is absent. */
static int64_t constant_or(hmlc_node *node, uint32_t index, int64_t otherwise)
{
    return hmlc_node_has_input(node, index) ? (int64_t)hmlc_node_constant_input(node, index)
                                            : otherwise;
}

/* The axis is an attribute before opset 20, an input since. */
static int64_t axis_of(hmlc_node *node, int32_t rank)
{
    int64_t axis = hmlc_onnx_self(node)->opset < 20 ? hmlc_node_int(node, "axis", 1)
                                                    : constant_or(node, 2, -2);
    axis = hmlc_node_axis(node, axis, rank);
    if (hmlc_node_ok(node) && axis == rank - 1) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "the axis is the last dim, which holds real and imaginary parts");
    }
    return axis;
}

void hmlc_onnx_import_dft(hmlc_node *node)
{
    hmlc_value *x = node->inputs[0];
    int32_t rank = x->type->rank;
    bool inverse = hmlc_node_int(node, "inverse", 0) != 0;
    bool one_sided = hmlc_node_int(node, "onesided", 0) != 0;
    if (rank < 2) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 2",
                       rank);
        return;
    }
    int64_t axis = axis_of(node, rank), length = 0;
    if (!hmlc_node_ok(node)) {
        return;
    }
    bool known = hmlc_dim_is_constant(x->type->dims[axis], &length);
    length = constant_or(node, 1, !known ? 0 : inverse && one_sided ? 2 * (length - 1) : length);
    x = hmlc_node_ok(node) ? exchanged(node, x, axis, rank - 2) : NULL;
    x = x != NULL ? hmlc_node_fourier(node, x, length, inverse, one_sided) : NULL;
    node->outputs[0] = x != NULL ? exchanged(node, x, axis, rank - 2) : NULL;
}

/* -- STFT -------------------------------------------------------------------------------------- */

static hmlc_value *counted(hmlc_node *node, const hmlc_dim *shape, int64_t axis)
{
    return hmlc_emit(&node->emit, HMLC_OP_iota, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, 2),
                                hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
}

/* Frames of the signal [batch, n, parts]: [batch, frames, length, parts]. */
static hmlc_value *frames_of(hmlc_node *node, hmlc_value *signal, int64_t step, int64_t length)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *dims = hmlc_emit_table(emit);
    hmlc_dim rest = hmlc_dim_subtract(dims, signal->type->dims[1], hmlc_emit_number(emit, length));
    hmlc_dim count = hmlc_dim_floordiv(dims, rest, hmlc_emit_number(emit, step));
    count = hmlc_dim_add(dims, count, hmlc_emit_number(emit, 1));
    count = hmlc_dim_maximum(dims, count, hmlc_emit_number(emit, 0));
    hmlc_dim shape[] = {count, hmlc_emit_number(emit, length)};
    hmlc_value *first = counted(node, shape, 0), *within = counted(node, shape, 1);
    hmlc_value *wide = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, (double)step);
    first = hmlc_emit_binary(emit, HMLC_OP_mul, first, wide);
    hmlc_value *index = hmlc_emit_binary(emit, HMLC_OP_add, first, within);
    return hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(signal, index),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 1)));
}

/* A frame is as long as input 3 says, or else as the window. */
static int64_t frame_length(hmlc_node *node)
{
    int64_t length = constant_or(node, 3, 0);
    if (!hmlc_node_has_input(node, 3) && hmlc_node_has_input(node, 2)) {
        (void)hmlc_dim_is_constant(hmlc_node_dims(node, 2)[0], &length);
    }
    return length;
}

void hmlc_onnx_import_stft(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *signal = node->inputs[0];
    if (signal->type->rank == 2) {
        signal = hmlc_emit_unsqueeze(emit, signal, 2);
    }
    int64_t step = constant_or(node, 1, 0), length = frame_length(node);
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (signal->type->rank != 3 || step < 1 || length < 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "frames of %" PRId64 " every %" PRId64 " of a signal of rank %d", length,
                       step, signal->type->rank);
        return;
    }
    hmlc_value *frames = frames_of(node, signal, step, length);
    if (hmlc_node_has_input(node, 2)) {
        hmlc_value *window = hmlc_emit_unsqueeze(emit, node->inputs[2], 1);
        frames = hmlc_emit_binary(emit, HMLC_OP_mul, frames, window);
    }
    bool one_sided = hmlc_node_int(node, "onesided", 1) != 0;
    node->outputs[0] =
        frames != NULL ? hmlc_node_fourier(node, frames, length, false, one_sided) : NULL;
}

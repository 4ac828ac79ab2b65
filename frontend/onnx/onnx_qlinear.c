/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized operators of ONNX Runtime's domain: what they compute in floats, between dequantize and
 * quantize; their products as sums of integers, scaled. */
#include "onnx_import.h"
#include "onnx_node.h"
#include "onnx_quantize.h"

static bool is_single(const hmlc_value *value)
{
    return value->type->rank == 0 ||
           (value->type->rank == 1 && hmlc_dim_is(value->type->dims[0], 1));
}

/* A scale or zero point of one element as a scalar; absent: NULL. */
static hmlc_value *single(hmlc_node *node, uint32_t index)
{
    if (!hmlc_node_has_input(node, index)) {
        return NULL;
    }
    if (!is_single(node->inputs[index])) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "'%s' must have one element",
                       hmlc_node_input_name(node, index));
        return NULL;
    }
    return hmlc_emit_reshape(&node->emit, node->inputs[index], NULL, 0);
}

/* Input `x`, whose scale and zero point are the next two. */
static hmlc_value *dequantized(hmlc_node *node, uint32_t x)
{
    hmlc_value *operands[] = {node->inputs[x], single(node, x + 1), single(node, x + 2)};
    return hmlc_node_ok(node)
               ? hmlc_emit(&node->emit, HMLC_OP_dequantize, operands, operands[2] != NULL ? 3 : 2,
                           HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0),
                                      hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)))
               : NULL;
}

/* The result by the scale and zero point from input `scale` on; `like`: its type without one. */
static void quantize(hmlc_node *node, hmlc_value *value, uint32_t scale, hmlc_dtype like)
{
    hmlc_value *operands[] = {value, single(node, scale), single(node, scale + 1)};
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_dtype to = operands[2] != NULL ? operands[2]->type->dtype : like;
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_quantize, operands, operands[2] != NULL ? 3 : 2,
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0), hmlc_attr_dtype(HMLC_ATTR_to, to)));
}

void hmlc_onnx_import_qlinear_binary(hmlc_node *node)
{
    hmlc_value *a = dequantized(node, 0), *b = dequantized(node, 3);
    quantize(node, hmlc_emit_binary(&node->emit, node->opcode, a, b), 6,
             node->inputs[0]->type->dtype);
}

void hmlc_onnx_import_qlinear_sigmoid(hmlc_node *node)
{
    hmlc_value *x = hmlc_emit_unary(&node->emit, HMLC_OP_sigmoid, dequantized(node, 0));
    quantize(node, x, 3, node->inputs[0]->type->dtype);
}

void hmlc_onnx_import_qlinear_leaky_relu(hmlc_node *node)
{
    hmlc_value *x = dequantized(node, 0);
    double alpha = hmlc_node_float(node, "alpha", 0.01);
    x = hmlc_emit(&node->emit, HMLC_OP_leaky_relu, HMLC_OPERANDS(x),
                  HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_alpha, alpha)));
    quantize(node, x, 3, node->inputs[0]->type->dtype);
}

/* The scale and zero point of the result stand first, then three inputs for each part. */
void hmlc_onnx_import_qlinear_concat(hmlc_node *node)
{
    hmlc_arena *scratch = hmlc_onnx_self(node)->importer->base->scratch;
    uint32_t count = (node->input_count - 2) / 3;
    hmlc_value **parts = HMLC_NEW_ARRAY(scratch, hmlc_value *, count + 1);
    if (node->input_count < 5 || (node->input_count - 2) % 3 != 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "has %u inputs; expected two and three for each part", node->input_count);
        return;
    }
    for (uint32_t k = 0; k < 2 + 3 * count; k++) {
        if (node->inputs[k] == NULL) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %u is missing", k);
            return;
        }
    }
    if (parts == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return;
    }
    for (uint32_t k = 0; k < count; k++) {
        parts[k] = dequantized(node, 2 + 3 * k);
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    int32_t rank = parts[0]->type->rank;
    int64_t axis = hmlc_node_axis(node, hmlc_node_int(node, "axis", 0), rank);
    quantize(node, hmlc_emit_concat(&node->emit, parts, count, axis), 0,
             node->inputs[2]->type->dtype);
}

/* Channels behind (to `last`) or in front of the spatial dims. */
static hmlc_value *move_channels(hmlc_node *node, hmlc_value *x, bool last)
{
    int64_t permutation[HMLC_MAX_RANK];
    if (x == NULL || x->type->rank < 3) {
        return x;
    }
    int32_t rank = x->type->rank;
    for (int32_t k = 0; k < rank; k++) {
        permutation[k] = k == 0   ? 0
                         : last   ? (k == rank - 1 ? 1 : k + 1)
                         : k == 1 ? rank - 1
                                  : k - 1;
    }
    return hmlc_emit_transpose(&node->emit, x, permutation);
}

/* A float operator of one input in between. */
static void between(hmlc_node *node, hmlc_node_import_function *import, bool pools)
{
    bool last = pools && hmlc_node_int(node, "channels_last", 0) != 0;
    hmlc_dtype like = node->inputs[0]->type->dtype;
    hmlc_value *x = dequantized(node, 0);
    node->inputs[0] = last ? move_channels(node, x, false) : x;
    if (!hmlc_node_ok(node)) {
        return;
    }
    import(node);
    hmlc_value *y = node->outputs[0];
    if (hmlc_node_ok(node)) {
        quantize(node, last ? move_channels(node, y, true) : y, 3, like);
    }
}

void hmlc_onnx_import_qlinear_avg_pool(hmlc_node *node)
{
    between(node, hmlc_onnx_import_avg_pool, true);
}

void hmlc_onnx_import_qlinear_global_pool(hmlc_node *node)
{
    between(node, hmlc_onnx_import_global_pool, true);
}

/* The attribute says which opset's Softmax it is. */
void hmlc_onnx_import_qlinear_softmax(hmlc_node *node)
{
    bool flattened = hmlc_node_int(node, "opset", 13) < 13;
    between(node, flattened ? hmlc_onnx_import_softmax_flattened : hmlc_onnx_import_softmax, false);
}

/* -- products */

/* Sums of integers: a, b, and their zero points or NULL. */
static hmlc_value *integer_sums(hmlc_node *node, hmlc_value *const *operands, bool transpose_a,
                                bool transpose_b)
{
    return hmlc_emit(&node->emit, HMLC_OP_matmul_integer, operands, 4,
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_transpose_a, transpose_a),
                                hmlc_attr_int(HMLC_ATTR_transpose_b, transpose_b)));
}

/* A scale or zero point of b: one, or one for each column, which stands beside rows of a transposed
 * b. */
static hmlc_value *of_columns(hmlc_node *node, uint32_t index, bool transposed)
{
    if (!hmlc_node_has_input(node, index)) {
        return NULL;
    }
    hmlc_value *value = node->inputs[index];
    if (is_single(value)) {
        return hmlc_emit_reshape(&node->emit, value, NULL, 0);
    }
    if (value->type->rank > 1 && value->type->rank != hmlc_node_rank(node, 1)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "'%s' has rank %d; one element, or one for each column is supported",
                       hmlc_node_input_name(node, index), value->type->rank);
    }
    return transposed ? hmlc_emit_unsqueeze(&node->emit, value, 1) : value;
}

/* sums * (scale_a * scale_b) + bias */
static hmlc_value *scaled(hmlc_node *node, hmlc_value *sums, hmlc_value *const *scales,
                          uint32_t bias)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *value = hmlc_emit_cast(emit, sums, HMLC_DTYPE_f32);
    value = hmlc_emit_binary(emit, HMLC_OP_mul, value,
                             hmlc_emit_binary(emit, HMLC_OP_mul, scales[0], scales[1]));
    return hmlc_node_has_input(node, bias)
               ? hmlc_emit_binary(emit, HMLC_OP_add, value, node->inputs[bias])
               : value;
}

/* a, b, scales of both, zero points of both, bias */
void hmlc_onnx_import_matmul_integer_to_float(hmlc_node *node)
{
    hmlc_value *operands[] = {node->inputs[0], node->inputs[1], single(node, 4),
                              of_columns(node, 5, false)};
    hmlc_value *scales[] = {single(node, 2), of_columns(node, 3, false)};
    if (hmlc_node_ok(node)) {
        node->outputs[0] = scaled(node, integer_sums(node, operands, false, false), scales, 6);
    }
}

/* a in floats, b, its scale and zero point, bias */
void hmlc_onnx_import_dynamic_quantize_matmul(hmlc_node *node)
{
    hmlc_value *a[3];
    hmlc_onnx_dynamic_quantize(node, node->inputs[0], a);
    hmlc_value *operands[] = {a[0], node->inputs[1], a[2], of_columns(node, 3, false)};
    hmlc_value *scales[] = {a[1], of_columns(node, 2, false)};
    if (hmlc_node_ok(node)) {
        node->outputs[0] = scaled(node, integer_sums(node, operands, false, false), scales, 4);
    }
}

/* alpha * scale_a * scale_b * (sums + c); quantized where the result has a scale */
void hmlc_onnx_import_qgemm(hmlc_node *node)
{
    enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C, Y_SCALE };
    hmlc_emitter *emit = &node->emit;
    bool transpose_a = hmlc_node_int(node, "transA", 0) != 0;
    bool transpose_b = hmlc_node_int(node, "transB", 0) != 0;
    double alpha = hmlc_node_float(node, "alpha", 1);
    if (hmlc_node_rank(node, A) != 2 || hmlc_node_rank(node, B) != 2) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the operands have ranks %d and %d, must be 2", hmlc_node_rank(node, A),
                       hmlc_node_rank(node, B));
        return;
    }
    hmlc_value *operands[] = {node->inputs[A], node->inputs[B], single(node, A_ZERO),
                              of_columns(node, B_ZERO, transpose_b)};
    hmlc_value *scales[] = {single(node, A_SCALE), of_columns(node, B_SCALE, false)};
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *sums = integer_sums(node, operands, transpose_a, transpose_b);
    if (hmlc_node_has_input(node, C)) {
        sums = hmlc_emit_binary(emit, HMLC_OP_add, sums, node->inputs[C]);
    }
    if (alpha != 1) {
        scales[0] = hmlc_emit_binary(emit, HMLC_OP_mul, scales[0],
                                     hmlc_emit_scalar(emit, HMLC_DTYPE_f32, alpha));
    }
    hmlc_value *value = scaled(node, sums, scales, UINT32_MAX);
    node->outputs[0] = value;
    if (hmlc_node_has_input(node, Y_SCALE) && hmlc_node_ok(node)) {
        quantize(node, value, Y_SCALE, node->inputs[A]->type->dtype);
    }
}

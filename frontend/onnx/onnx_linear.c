/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products. */
#include "onnx_node.h"

#include <inttypes.h>

/* A vector counts as a row on the left and a column on the right; the dim is dropped again. */
static hmlc_value *multiply(hmlc_node *node, hmlc_value *a, hmlc_value *b)
{
    hmlc_emitter *emit = &node->emit;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (a->type->rank == 0 || b->type->rank == 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "an operand is a scalar");
        return NULL;
    }
    bool row = a->type->rank == 1, column = b->type->rank == 1;
    a = row ? hmlc_emit_unsqueeze(emit, a, 0) : a;
    b = column ? hmlc_emit_unsqueeze(emit, b, 1) : b;
    hmlc_value *product = hmlc_emit_binary(emit, HMLC_OP_matmul, a, b);
    if (column && hmlc_node_ok(node)) {
        product = hmlc_emit_squeeze(emit, product, product->type->rank - 1);
    }
    if (row && hmlc_node_ok(node)) {
        product = hmlc_emit_squeeze(emit, product, product->type->rank - (column ? 1 : 2));
    }
    return product;
}

void hmlc_onnx_import_matmul(hmlc_node *node)
{
    node->outputs[0] = multiply(node, node->inputs[0], node->inputs[1]);
}

static hmlc_value *scaled(hmlc_node *node, hmlc_value *x, const char *name)
{
    double factor = hmlc_node_float(node, name, 1);
    if (factor == 1 || !hmlc_node_ok(node)) {
        return x;
    }
    if (hmlc_dtype_is_integer(x->type->dtype) && factor != (double)(int64_t)factor) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "'%s' is %g for integer operands",
                       name, factor);
        return NULL;
    }
    return hmlc_emit_binary(&node->emit, HMLC_OP_mul, x,
                            hmlc_emit_scalar_like(&node->emit, x, factor));
}

/* What is added to `x` broadcasts to its shape and never the other way round. */
static void require_shape(hmlc_node *node, const hmlc_value *x, const hmlc_value *sum)
{
    for (int32_t i = 0; hmlc_node_ok(node) && i < x->type->rank; i++) {
        hmlc_emit_require_equal(&node->emit, x->type->dims[i], sum->type->dims[i]);
    }
}

/* alpha * a * b + beta * c */
void hmlc_onnx_import_gemm(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    int64_t transpose_a = hmlc_node_int(node, "transA", 0) != 0;
    int64_t transpose_b = hmlc_node_int(node, "transB", 0) != 0;
    if (hmlc_node_rank(node, 0) != 2 || hmlc_node_rank(node, 1) != 2) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the operands have ranks %d and %d, must be 2", hmlc_node_rank(node, 0),
                       hmlc_node_rank(node, 1));
        return;
    }
    hmlc_value *product =
        hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(node->inputs[0], node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_transpose_a, transpose_a),
                             hmlc_attr_int(HMLC_ATTR_transpose_b, transpose_b)));
    product = scaled(node, product, "alpha");
    if (hmlc_node_has_input(node, 2) && hmlc_node_float(node, "beta", 1) != 0) {
        if (hmlc_node_rank(node, 2) > 2) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                           "C has rank %d, must broadcast to a matrix", hmlc_node_rank(node, 2));
        }
        hmlc_value *addend = scaled(node, node->inputs[2], "beta");
        hmlc_value *sum = hmlc_emit_binary(emit, HMLC_OP_add, product, addend);
        require_shape(node, product, sum);
        product = sum;
    }
    node->outputs[0] = product;
}

/* Integers less their zero point, as i32; the zero point may be one per row or column. */
static hmlc_value *centred(hmlc_node *node, uint32_t index, uint32_t zero_index, bool rows)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = hmlc_emit_cast(emit, node->inputs[index], HMLC_DTYPE_i32);
    if (!hmlc_node_has_input(node, zero_index)) {
        return x;
    }
    hmlc_value *zero = hmlc_emit_cast(emit, node->inputs[zero_index], HMLC_DTYPE_i32);
    if (rows && hmlc_node_rank(node, zero_index) == 1 &&
        !hmlc_dim_is(hmlc_node_dims(node, zero_index)[0], 1)) {
        zero = hmlc_emit_unsqueeze(emit, zero, 1);
    }
    return hmlc_emit_binary(emit, HMLC_OP_sub, x, zero);
}

void hmlc_onnx_import_matmul_integer(hmlc_node *node)
{
    hmlc_value *a = centred(node, 0, 2, true), *b = centred(node, 1, 3, false);
    node->outputs[0] = multiply(node, a, b);
}

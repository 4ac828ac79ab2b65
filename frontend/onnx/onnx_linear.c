/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products. */
#include "common/einsum.h"
#include "onnx_node.h"

#include <inttypes.h>

/* A vector counts as a row on the left and a column on the right; the dim is dropped again. */
static hmlc_value *multiply(hmlc_node *node, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b,
                            hmlc_value *const *zeros)
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
    hmlc_value *const operands[4] = {a, b, zeros[0], zeros[1]};
    uint32_t count = zeros[1] != NULL ? 4 : zeros[0] != NULL ? 3 : 2;
    hmlc_value *product = hmlc_emit(emit, opcode, operands, count, HMLC_NO_ATTRS);
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
    hmlc_value *const none[2] = {NULL, NULL};
    node->outputs[0] = multiply(node, HMLC_OP_matmul, node->inputs[0], node->inputs[1], none);
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

/* A zero point beside its side: of rows, one for each stands in a column. */
static hmlc_value *zero_point(hmlc_node *node, uint32_t index, bool rows)
{
    if (!hmlc_node_has_input(node, index)) {
        return NULL;
    }
    hmlc_value *zero = node->inputs[index];
    bool several =
        hmlc_node_rank(node, index) == 1 && !hmlc_dim_is(hmlc_node_dims(node, index)[0], 1);
    return rows && several ? hmlc_emit_unsqueeze(&node->emit, zero, 1) : zero;
}

void hmlc_onnx_import_matmul_integer(hmlc_node *node)
{
    hmlc_value *const zeros[2] = {zero_point(node, 2, true), zero_point(node, 3, false)};
    node->outputs[0] =
        multiply(node, HMLC_OP_matmul_integer, node->inputs[0], node->inputs[1], zeros);
}

void hmlc_onnx_import_einsum(hmlc_node *node)
{
    const Onnx__AttributeProto *equation = hmlc_onnx_attr(node, "equation");
    node->outputs[0] = hmlc_node_einsum(node, (const char *)equation->s.data, equation->s.len);
}

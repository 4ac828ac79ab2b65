/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise operators: arithmetic, comparison, activation, conversion. */
#include "onnx_node.h"
#include "onnx_types.h"

void hmlc_onnx_import_unary(hmlc_node *node)
{
    node->outputs[0] = hmlc_emit_unary(&node->emit, node->opcode, node->inputs[0]);
}

void hmlc_onnx_import_binary(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_binary(&node->emit, node->opcode, node->inputs[0], node->inputs[1]);
}

/* a > b is b < a. */
void hmlc_onnx_import_swapped(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_binary(&node->emit, node->opcode, node->inputs[1], node->inputs[0]);
}

void hmlc_onnx_import_identity(hmlc_node *node)
{
    node->outputs[0] = node->inputs[0];
}

/* Activations with up to two float attributes; those not given keep the IR's defaults, which are
 * ONNX's. */
static void activation(hmlc_node *node, const char *alpha, const char *beta)
{
    hmlc_attr attrs[2];
    uint32_t count = 0;
    if (hmlc_onnx_attr(node, alpha) != NULL) {
        attrs[count++] = hmlc_attr_float(HMLC_ATTR_alpha, hmlc_node_float(node, alpha, 0));
    }
    if (beta != NULL && hmlc_onnx_attr(node, beta) != NULL) {
        attrs[count++] = hmlc_attr_float(HMLC_ATTR_beta, hmlc_node_float(node, beta, 0));
    }
    node->outputs[0] =
        hmlc_emit(&node->emit, node->opcode, HMLC_OPERANDS(node->inputs[0]), attrs, count);
}

void hmlc_onnx_import_alpha(hmlc_node *node)
{
    activation(node, "alpha", NULL);
}

/* Swish of a gate, times a value of the same shape. */
void hmlc_onnx_import_swiglu(hmlc_node *node)
{
    hmlc_value *gate = node->inputs[0], *value = node->inputs[1];
    if (gate->type->rank != value->type->rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "ranks %d and %d: both inputs have one shape", gate->type->rank,
                       value->type->rank);
        return;
    }
    for (int32_t i = 0; i < gate->type->rank; i++) {
        hmlc_emit_require_equal(&node->emit, gate->type->dims[i], value->type->dims[i]);
    }
    hmlc_onnx_import_alpha(node);
    node->outputs[0] = hmlc_emit_binary(&node->emit, HMLC_OP_mul, node->outputs[0], value);
}

void hmlc_onnx_import_hard_sigmoid(hmlc_node *node)
{
    activation(node, "alpha", "beta");
}

void hmlc_onnx_import_selu(hmlc_node *node)
{
    activation(node, "alpha", "gamma");
}

void hmlc_onnx_import_shrink(hmlc_node *node)
{
    activation(node, "lambd", "bias");
}

void hmlc_onnx_import_gelu(hmlc_node *node)
{
    int32_t approximate = hmlc_node_choice(node, "approximate", "none|tanh", HMLC_GELU_NONE);
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_gelu, HMLC_OPERANDS(node->inputs[0]),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_approximate, approximate)));
}

void hmlc_onnx_import_is_inf(hmlc_node *node)
{
    int64_t negative = hmlc_node_int(node, "detect_negative", 1) != 0;
    int64_t positive = hmlc_node_int(node, "detect_positive", 1) != 0;
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_is_inf, HMLC_OPERANDS(node->inputs[0]),
                                 HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_detect_negative, negative),
                                            hmlc_attr_int(HMLC_ATTR_detect_positive, positive)));
}

void hmlc_onnx_import_mod(hmlc_node *node)
{
    int64_t fmod = hmlc_node_int(node, "fmod", 0) != 0;
    if (fmod == 0 && hmlc_onnx_self(node)->opset < 28 &&
        hmlc_dtype_is_float(node->inputs[0]->type->dtype)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "attribute 'fmod' must be 1 for floats before opset 28");
    }
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_mod, HMLC_OPERANDS(node->inputs[0], node->inputs[1]),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_fmod, fmod)));
}

void hmlc_onnx_import_bit_shift(hmlc_node *node)
{
    int32_t right = hmlc_node_choice(node, "direction", "LEFT|RIGHT", 0);
    node->outputs[0] =
        hmlc_emit_binary(&node->emit, right ? HMLC_OP_shift_right : HMLC_OP_shift_left,
                         node->inputs[0], node->inputs[1]);
}

/* The slope broadcasts to x, never the other way. */
void hmlc_onnx_import_prelu(hmlc_node *node)
{
    if (hmlc_node_rank(node, 1) > hmlc_node_rank(node, 0)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "the slope has rank %d, more than the input's %d", hmlc_node_rank(node, 1),
                       hmlc_node_rank(node, 0));
    }
    hmlc_onnx_import_binary(node);
}

void hmlc_onnx_import_variadic(hmlc_node *node)
{
    hmlc_value *result = node->inputs[0];
    for (uint32_t i = 1; i < node->input_count; i++) {
        result = hmlc_emit_binary(&node->emit, node->opcode, result, node->inputs[i]);
    }
    node->outputs[0] = result;
}

void hmlc_onnx_import_mean(hmlc_node *node)
{
    hmlc_onnx_import_variadic(node);
    if (node->input_count > 1) {
        hmlc_value *count =
            hmlc_emit_scalar_like(&node->emit, node->inputs[0], (double)node->input_count);
        node->outputs[0] = hmlc_emit_binary(&node->emit, HMLC_OP_div, node->outputs[0], count);
    }
}

void hmlc_onnx_import_where(hmlc_node *node)
{
    node->outputs[0] =
        hmlc_emit_select(&node->emit, node->inputs[0], node->inputs[1], node->inputs[2]);
}

/* A bound of Clip must be a scalar; [1] is common. */
static hmlc_value *clip_bound(hmlc_node *node, uint32_t index)
{
    hmlc_value *bound = node->inputs[index];
    hmlc_dims *dims = hmlc_emit_table(&node->emit);
    if (!hmlc_dim_is(hmlc_type_count(dims, bound->type), 1)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %u ('%s') must be a scalar",
                       index, hmlc_node_input_name(node, index));
        return NULL;
    }
    return hmlc_emit_reshape(&node->emit, bound, NULL, 0);
}

void hmlc_onnx_import_clip(hmlc_node *node)
{
    hmlc_value *result = node->inputs[0];
    if (hmlc_node_has_input(node, 1)) {
        hmlc_value *least = clip_bound(node, 1);
        result = hmlc_emit_binary(&node->emit, HMLC_OP_max, result, least);
    }
    if (hmlc_node_has_input(node, 2)) {
        hmlc_value *most = clip_bound(node, 2);
        result = hmlc_emit_binary(&node->emit, HMLC_OP_min, result, most);
    }
    node->outputs[0] = result;
}

/* Clip before opset 11. */
void hmlc_onnx_import_clip_attributes(hmlc_node *node)
{
    hmlc_value *result = node->inputs[0];
    if (hmlc_onnx_attr(node, "min") != NULL) {
        hmlc_value *least =
            hmlc_emit_scalar_like(&node->emit, result, hmlc_node_float(node, "min", 0));
        result = hmlc_emit_binary(&node->emit, HMLC_OP_max, result, least);
    }
    if (hmlc_onnx_attr(node, "max") != NULL) {
        hmlc_value *most =
            hmlc_emit_scalar_like(&node->emit, node->inputs[0], hmlc_node_float(node, "max", 0));
        result = hmlc_emit_binary(&node->emit, HMLC_OP_min, result, most);
    }
    node->outputs[0] = result;
}

/* A dim that comes back from floats stays a dim. */
static hmlc_value *traced_dims(hmlc_node *node, hmlc_dtype to)
{
    uint32_t count = 0;
    hmlc_value *x = node->inputs[0];
    bool wide = to == HMLC_DTYPE_i64 || to == HMLC_DTYPE_i32;
    const hmlc_dim *dims = wide ? hmlc_emit_traced(&node->emit, x, &count) : NULL;
    if (dims == NULL) {
        return NULL;
    }
    hmlc_value *list = hmlc_emit_dims(&node->emit, dims, count, to);
    return hmlc_emit_reshape(&node->emit, list, x->type->dims, (uint32_t)x->type->rank);
}

void hmlc_onnx_import_cast(hmlc_node *node)
{
    hmlc_dtype to = hmlc_onnx_dtype_attr(node, "to", HMLC_DTYPE_f32);
    if (!hmlc_node_ok(node)) {
        return;
    }
    node->outputs[0] = traced_dims(node, to);
    if (node->outputs[0] == NULL) {
        node->outputs[0] = hmlc_emit_cast(&node->emit, node->inputs[0], to);
    }
}

void hmlc_onnx_import_cast_like(hmlc_node *node)
{
    node->outputs[0] = hmlc_emit_cast(&node->emit, node->inputs[0], node->inputs[1]->type->dtype);
}

/* A tensor of one number, of the shape of input 0. */
static hmlc_value *filled(hmlc_node *node, hmlc_dtype dtype, double number)
{
    hmlc_value *scalar = hmlc_emit_scalar(&node->emit, dtype, number);
    return hmlc_emit_expand(&node->emit, scalar, hmlc_node_dims(node, 0),
                            (uint32_t)hmlc_node_rank(node, 0));
}

/* Dropout before opset 12 does not train; its mask, which had no defined content, is all zero. */
void hmlc_onnx_import_dropout_inference(hmlc_node *node)
{
    node->outputs[0] = node->inputs[0];
    if (hmlc_node_wants_output(node, 1)) {
        hmlc_dtype dtype =
            hmlc_onnx_self(node)->opset >= 10 ? HMLC_DTYPE_bool : node->inputs[0]->type->dtype;
        node->outputs[1] = filled(node, dtype, 0);
    }
}

/* Dropout drops nothing unless training_mode is true. */
void hmlc_onnx_import_dropout(hmlc_node *node)
{
    if (hmlc_node_has_input(node, 2) && hmlc_node_constant_input(node, 2) != 0 &&
        !(hmlc_node_has_input(node, 1) && hmlc_node_constant_input(node, 1) == 0)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, "export the model for inference",
                       "training_mode is true: training is not supported");
    }
    node->outputs[0] = node->inputs[0];
    if (hmlc_node_wants_output(node, 1)) {
        node->outputs[1] = filled(node, HMLC_DTYPE_bool, 1);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* BatchNormalization, in inference and in training. */
#include "onnx_node.h"

#include <inttypes.h>

/* Before opset 14 the outputs told the modes apart, and what they hold was left open. */
static bool check_outputs(hmlc_node *node, bool training)
{
    for (uint32_t i = 1; i < node->output_count; i++) {
        if (hmlc_node_wants_output(node, i) && !training) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, "export the model for inference",
                           "output %" PRIu32 " ('%s') exists in training only", i,
                           hmlc_onnx_self(node)->proto->output[i]);
        }
    }
    return hmlc_node_ok(node);
}

/* Parameters of axis 1 of x as they broadcast to it: [C, 1, 1 ...]; with spatial 0 there is one for
 * each element of a sample, [C, ...], which broadcasts as it is. */
static hmlc_value *parameter(hmlc_node *node, uint32_t index, hmlc_dtype dtype, bool spatial)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    int32_t rank = hmlc_node_rank(node, 0);
    if (hmlc_node_rank(node, index) != (spatial ? 1 : rank - 1)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " ('%s') has rank %d",
                       index, hmlc_node_input_name(node, index), hmlc_node_rank(node, index));
        return NULL;
    }
    for (int32_t i = 0; i + 1 < rank; i++) {
        bool given = i == 0 || !spatial;
        shape[i] = given ? hmlc_node_dims(node, 0)[i + 1] : hmlc_emit_number(&node->emit, 1);
        if (given) {
            hmlc_emit_require_equal(&node->emit, hmlc_node_dims(node, index)[i], shape[i]);
        }
    }
    hmlc_value *vector = hmlc_emit_cast(&node->emit, node->inputs[index], dtype);
    return hmlc_emit_reshape(&node->emit, vector, shape, (uint32_t)rank - 1);
}

/* (x - mean) / sqrt(variance + epsilon) * scale + bias, in `dtype`. */
static hmlc_value *normalise(hmlc_node *node, hmlc_value *mean, hmlc_value *variance,
                             hmlc_dtype dtype, bool spatial)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *scale = parameter(node, 1, dtype, spatial);
    hmlc_value *bias = parameter(node, 2, dtype, spatial);
    double epsilon = hmlc_node_float(node, "epsilon", 1e-5F);
    hmlc_value *shifted =
        hmlc_emit_binary(emit, HMLC_OP_add, variance, hmlc_emit_scalar(emit, dtype, epsilon));
    hmlc_value *deviation = hmlc_emit_unary(emit, HMLC_OP_sqrt, shifted);
    hmlc_value *factor = hmlc_emit_binary(emit, HMLC_OP_div, scale, deviation);
    hmlc_value *x = hmlc_emit_cast(emit, node->inputs[0], dtype);
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, mean);
    hmlc_value *scaled = hmlc_emit_binary(emit, HMLC_OP_mul, away, factor);
    hmlc_value *result = hmlc_emit_binary(emit, HMLC_OP_add, scaled, bias);
    return hmlc_node_ok(node) ? hmlc_emit_cast(emit, result, node->inputs[0]->type->dtype) : NULL;
}

/* The running value: the old one times momentum, and what is missing to 1 of the batch's. */
static hmlc_value *running(hmlc_node *node, uint32_t index, hmlc_value *batch)
{
    hmlc_emitter *emit = &node->emit;
    double momentum = hmlc_node_float(node, "momentum", 0.9F);
    if (hmlc_node_ok(node) && hmlc_node_rank(node, index) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " ('%s') has rank %d",
                       index, hmlc_node_input_name(node, index), hmlc_node_rank(node, index));
    }
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_dtype dtype = batch->type->dtype;
    hmlc_value *old = hmlc_emit_cast(emit, node->inputs[index], dtype);
    hmlc_value *now = hmlc_emit_reshape(emit, batch, hmlc_node_dims(node, index), 1);
    old = hmlc_emit_binary(emit, HMLC_OP_mul, old, hmlc_emit_scalar(emit, dtype, momentum));
    now = hmlc_emit_binary(emit, HMLC_OP_mul, now, hmlc_emit_scalar(emit, dtype, 1 - momentum));
    hmlc_value *sum = hmlc_emit_binary(emit, HMLC_OP_add, old, now);
    return hmlc_emit_cast(emit, sum, node->inputs[index]->type->dtype);
}

/* Statistics of the batch itself, over all axes but the channels. */
static void train(hmlc_node *node, hmlc_dtype dtype)
{
    hmlc_emitter *emit = &node->emit;
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = 0;
    for (int32_t i = 0; i < hmlc_node_rank(node, 0); i++) {
        axes[count] = i;
        count += i != 1;
    }
    hmlc_value *x = hmlc_emit_cast(emit, node->inputs[0], dtype);
    hmlc_value *mean = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, x, axes, count, true);
    hmlc_value *away = hmlc_emit_binary(emit, HMLC_OP_sub, x, mean);
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, away, away);
    hmlc_value *variance = hmlc_emit_reduce(emit, HMLC_OP_reduce_mean, square, axes, count, true);
    node->outputs[0] = normalise(node, mean, variance, dtype, true);
    node->outputs[1] = running(node, 3, mean);
    node->outputs[2] = running(node, 4, variance);
}

static void infer(hmlc_node *node)
{
    double epsilon = hmlc_node_float(node, "epsilon", 1e-5F);
    node->outputs[0] =
        hmlc_emit(&node->emit, HMLC_OP_batch_norm, node->inputs, 5,
                  HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_epsilon, epsilon),
                             hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST)));
}

void hmlc_onnx_import_batch_norm(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    bool training = hmlc_node_int(node, "training_mode", 0) != 0;
    bool wide = node->inputs[0]->type->dtype == HMLC_DTYPE_f64 ||
                node->inputs[3]->type->dtype == HMLC_DTYPE_f64;
    hmlc_dtype dtype = wide ? HMLC_DTYPE_f64 : HMLC_DTYPE_f32;
    bool single = hmlc_node_rank(node, 0) == 1; /* [N]: one channel */
    if (!check_outputs(node, training)) {
        return;
    }
    if (single) {
        node->inputs[0] = hmlc_emit_unsqueeze(emit, node->inputs[0], 1);
    } else if (hmlc_node_rank(node, 0) == 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input is a scalar");
        return;
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (training) {
        train(node, dtype);
    } else if (hmlc_node_int(node, "spatial", 1) == 0) {
        hmlc_value *mean = parameter(node, 3, dtype, false);
        hmlc_value *variance = parameter(node, 4, dtype, false);
        node->outputs[0] = normalise(node, mean, variance, dtype, false);
    } else {
        infer(node);
    }
    if (single) {
        node->outputs[0] = hmlc_emit_squeeze(emit, node->outputs[0], 1);
    }
}

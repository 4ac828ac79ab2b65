/* SPDX-License-Identifier: Apache-2.0 */
/* Losses: negative log likelihood, and cross entropy by way of it. */
#include "common/softmax.h"
#include "onnx_node.h"

enum { REDUCE_NONE, REDUCE_SUM, REDUCE_MEAN };

static hmlc_value *sum_all(hmlc_node *node, hmlc_opcode opcode, hmlc_value *x)
{
    int64_t axes[HMLC_MAX_RANK];
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    for (int32_t i = 0; i < x->type->rank; i++) {
        axes[i] = i;
    }
    return hmlc_emit_reduce(&node->emit, opcode, x, axes, (uint32_t)x->type->rank, false);
}

/* The weight of each target: its class's, 0 where it is to be ignored; NULL when all weigh 1. */
static hmlc_value *target_weights(hmlc_node *node, hmlc_value *target, hmlc_value *valid,
                                  const hmlc_value *like)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *weights = NULL;
    if (hmlc_node_has_input(node, 2)) {
        weights = hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(node->inputs[2], target),
                            HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
    } else if (valid != NULL) {
        weights = hmlc_emit_scalar_like(emit, like, 1);
    }
    if (valid != NULL) {
        hmlc_value *zero = hmlc_emit_scalar_like(emit, like, 0);
        weights = hmlc_emit_select(emit, valid, weights, zero);
    }
    return weights;
}

/* -log_probability[n, target[n, ...], ...], weighted and reduced. */
static hmlc_value *likelihood_loss(hmlc_node *node, hmlc_value *log_probability)
{
    hmlc_emitter *emit = &node->emit;
    int32_t reduction = hmlc_node_choice(node, "reduction", "none|sum|mean", REDUCE_MEAN);
    hmlc_value *target = node->inputs[1], *valid = NULL;
    if (hmlc_onnx_attr(node, "ignore_index") != NULL) {
        hmlc_value *ignored =
            hmlc_emit_scalar_like(emit, target, (double)hmlc_node_int(node, "ignore_index", 0));
        valid = hmlc_emit_unary(emit, HMLC_OP_not,
                                hmlc_emit_binary(emit, HMLC_OP_equal, target, ignored));
        hmlc_value *first = hmlc_emit_scalar_like(emit, target, 0);
        target = hmlc_emit_select(emit, valid, target, first);
    }
    hmlc_value *index = hmlc_emit_unsqueeze(emit, target, 1);
    hmlc_value *chosen =
        hmlc_emit(emit, HMLC_OP_gather_elements, HMLC_OPERANDS(log_probability, index),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 1)));
    hmlc_value *loss = hmlc_emit_unary(emit, HMLC_OP_neg, hmlc_emit_squeeze(emit, chosen, 1));
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (valid != NULL) {
        hmlc_value *zero = hmlc_emit_scalar_like(emit, loss, 0);
        loss = hmlc_emit_select(emit, valid, loss, zero);
    }
    hmlc_value *weights = target_weights(node, target, valid, loss);
    if (weights != NULL) {
        loss = hmlc_emit_binary(emit, HMLC_OP_mul, loss, weights);
    }
    if (reduction == REDUCE_NONE) {
        return loss;
    }
    if (reduction == REDUCE_SUM || weights == NULL) {
        return sum_all(node, reduction == REDUCE_SUM ? HMLC_OP_reduce_sum : HMLC_OP_reduce_mean,
                       loss);
    }
    hmlc_value *total = sum_all(node, HMLC_OP_reduce_sum, loss);
    return hmlc_emit_binary(emit, HMLC_OP_div, total, sum_all(node, HMLC_OP_reduce_sum, weights));
}

static bool has_classes(hmlc_node *node)
{
    if (hmlc_node_rank(node, 0) < 2 || hmlc_node_rank(node, 1) != hmlc_node_rank(node, 0) - 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "ranks %d and %d: the target has one less, without the classes",
                       hmlc_node_rank(node, 0), hmlc_node_rank(node, 1));
    }
    return hmlc_node_ok(node);
}

void hmlc_onnx_import_likelihood_loss(hmlc_node *node)
{
    if (has_classes(node)) {
        node->outputs[0] = likelihood_loss(node, node->inputs[0]);
    }
}

void hmlc_onnx_import_cross_entropy(hmlc_node *node)
{
    static const int64_t classes[] = {1};
    if (has_classes(node)) {
        node->outputs[1] =
            hmlc_emit_softmax(&node->emit, HMLC_OP_log_softmax, node->inputs[0], classes, 1);
        node->outputs[0] = likelihood_loss(node, node->outputs[1]);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise operators that are several of the IR's; norms, FakeQuant, Einsum. */
#include "common/einsum.h"
#include "common/reduction.h"
#include "tensorflow_node.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define OUT node->node.outputs[0]
#define X   hmlc_tf_input(node, 0)
#define Y   hmlc_tf_input(node, 1)

static hmlc_value *binary(hmlc_tf_node *node, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b)
{
    return hmlc_emit_binary(&node->node.emit, opcode, a, b);
}

static hmlc_value *unary(hmlc_tf_node *node, hmlc_opcode opcode, hmlc_value *a)
{
    return hmlc_emit_unary(&node->node.emit, opcode, a);
}

static hmlc_value *number(hmlc_tf_node *node, double value)
{
    return hmlc_emit_scalar_like(&node->node.emit, X, value);
}

/* e^x - 1 as 2 sinh(x / 2) e^(x / 2), which loses no digits near 0. */
void hmlc_tf_import_expm1(hmlc_tf_node *node)
{
    hmlc_value *half = binary(node, HMLC_OP_mul, X, number(node, 0.5));
    hmlc_value *near =
        binary(node, HMLC_OP_mul, unary(node, HMLC_OP_sinh, half), unary(node, HMLC_OP_exp, half));
    near = binary(node, HMLC_OP_mul, near, number(node, 2));
    hmlc_value *far = binary(node, HMLC_OP_sub, unary(node, HMLC_OP_exp, X), number(node, 1));
    hmlc_value *small = binary(node, HMLC_OP_less, unary(node, HMLC_OP_abs, X), number(node, 1));
    OUT = hmlc_emit_select(&node->node.emit, small, near, far);
}

/* x - x is 0 where x is a number. */
void hmlc_tf_import_is_finite(hmlc_tf_node *node)
{
    OUT = binary(node, HMLC_OP_equal, binary(node, HMLC_OP_sub, X, X), number(node, 0));
}

/* Inputs: y, x. */
void hmlc_tf_import_atan2(hmlc_tf_node *node)
{
    hmlc_tf_emit_angle(node, Y, X);
}

/* x log(y), x log(1 + y), x / y: 0 where x is 0, whatever y is. */
void hmlc_tf_import_x_times(hmlc_tf_node *node)
{
    const char *op = node->def->op;
    hmlc_value *zero = number(node, 0), *y = Y;
    if (strcmp(op, "Xdivy") == 0) {
        y = binary(node, HMLC_OP_div, X, Y);
    } else {
        y = strcmp(op, "Xlog1py") == 0 ? binary(node, HMLC_OP_add, y, number(node, 1)) : y;
        y = binary(node, HMLC_OP_mul, X, unary(node, HMLC_OP_log, y));
    }
    OUT = hmlc_emit_select(&node->node.emit, binary(node, HMLC_OP_equal, X, zero), zero, y);
}

/* 0 where y is 0. */
void hmlc_tf_import_mul_no_nan(hmlc_tf_node *node)
{
    hmlc_value *zero = number(node, 0);
    OUT = hmlc_emit_select(&node->node.emit, binary(node, HMLC_OP_equal, Y, zero), zero,
                           binary(node, HMLC_OP_mul, X, Y));
}

void hmlc_tf_import_clip(hmlc_tf_node *node)
{
    hmlc_value *low = binary(node, HMLC_OP_min, X, hmlc_tf_input(node, 2));
    OUT = binary(node, HMLC_OP_max, low, Y);
}

/* Half of the sum of all squares. */
void hmlc_tf_import_l2_loss(hmlc_tf_node *node)
{
    int64_t axes[HMLC_MAX_RANK];
    for (int32_t i = 0; i < X->type->rank; i++) {
        axes[i] = i;
    }
    hmlc_value *sum =
        hmlc_emit_reduce(&node->node.emit, HMLC_OP_reduce_sum, binary(node, HMLC_OP_mul, X, X),
                         axes, (uint32_t)X->type->rank, false);
    OUT = binary(node, HMLC_OP_mul, sum, number(node, 0.5));
}

void hmlc_tf_import_approximate_equal(hmlc_tf_node *node)
{
    hmlc_value *away = unary(node, HMLC_OP_abs, binary(node, HMLC_OP_sub, X, Y));
    double tolerance = hmlc_node_float(&node->node, "tolerance", 1e-5F);
    OUT = binary(node, HMLC_OP_less, away, number(node, tolerance));
}

void hmlc_tf_import_euclidean_norm(hmlc_tf_node *node)
{
    bool keep = hmlc_node_int(&node->node, "keep_dims", 0) != 0;
    hmlc_axis_list axes = hmlc_node_reduced_axes(&node->node, 1, NULL, keep, true);
    hmlc_value *squares = hmlc_tf_ok(node) ? binary(node, HMLC_OP_mul, X, X) : NULL;
    hmlc_value *sum =
        squares != NULL ? hmlc_node_reduce(&node->node, HMLC_OP_reduce_sum, squares, &axes) : NULL;
    OUT = sum != NULL ? unary(node, HMLC_OP_sqrt, sum) : NULL;
}

void hmlc_tf_import_einsum(hmlc_tf_node *node)
{
    hmlc_node_attr attr;
    if (!node->node.format->find_attr(&node->node, "equation", &attr) || attr.text == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL, "has no equation");
        return;
    }
    OUT = hmlc_node_einsum(&node->node, attr.text, attr.length);
}

/* The range as quantization has it: 0 is one of its steps (TensorFlow's "nudged" range). */
static void nudge(double *low, double *high, double steps, double first)
{
    double scale = (*high - *low) / steps, zero = first - *low / scale;
    zero = zero < first ? first : zero > first + steps ? first + steps : floor(zero + 0.5);
    *low = (first - zero) * scale;
    *high = (first + steps - zero) * scale;
}

/* What an 8-bit tensor would hold: clipped, and rounded to a step. The range is constant. */
void hmlc_tf_import_fake_quant(hmlc_tf_node *node)
{
    int64_t bits = hmlc_node_int(&node->node, "num_bits", 8);
    bool narrow = hmlc_node_int(&node->node, "narrow_range", 0) != 0;
    bool given = strcmp(node->def->op, "FakeQuantWithMinMaxArgs") == 0;
    double low[HMLC_EMIT_MAX_ELEMENTS], high[HMLC_EMIT_MAX_ELEMENTS];
    uint32_t count = 1, other = 1;
    if (bits < 2 || bits > 16) {
        hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'num_bits' is outside 2 to 16");
        return;
    }
    if (given) {
        low[0] = hmlc_node_float(&node->node, "min", -6);
        high[0] = hmlc_node_float(&node->node, "max", 6);
    } else if (!hmlc_node_constant_list(&node->node, 1, low, &count) ||
               !hmlc_node_constant_list(&node->node, 2, high, &other)) {
        return;
    }
    double first = narrow ? 1 : 0, steps = ldexp(1, (int)bits) - 1 - first;
    if (count != 1 || other != 1 || !(low[0] < high[0])) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                     "of an empty range, or of one per channel, is not supported");
        return;
    }
    nudge(&low[0], &high[0], steps, first);
    double scale = (high[0] - low[0]) / steps;
    hmlc_value *x = binary(node, HMLC_OP_max, binary(node, HMLC_OP_min, X, number(node, high[0])),
                           number(node, low[0]));
    x = binary(node, HMLC_OP_sub, x, number(node, low[0]));
    x = binary(node, HMLC_OP_mul, x, number(node, 1 / scale));
    x = unary(node, HMLC_OP_floor, binary(node, HMLC_OP_add, x, number(node, 0.5)));
    x = binary(node, HMLC_OP_mul, x, number(node, scale));
    OUT = binary(node, HMLC_OP_add, x, number(node, low[0]));
}

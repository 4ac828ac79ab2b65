/* SPDX-License-Identifier: Apache-2.0 */
#include "quantized.h"

#include <math.h>
#include <string.h>

bool hmlc_quantized_read(const hmlc_value *value, hmlc_quantized *quantized)
{
    const hmlc_op *op = hmlc_producer_of(value, HMLC_OP_dequantize);
    if (op == NULL || value->type->dtype != HMLC_DTYPE_f32 ||
        hmlc_op_int(op, HMLC_ATTR_block) != 0 ||
        hmlc_op_operand(op, 1)->type->dtype != HMLC_DTYPE_f32) {
        return false;
    }
    *quantized = (hmlc_quantized){.integers = hmlc_op_operand(op, 0),
                                  .scale = hmlc_op_operand(op, 1),
                                  .zero = hmlc_op_operand(op, 2),
                                  .axis = hmlc_op_int(op, HMLC_ATTR_axis)};
    quantized->single = hmlc_is_one_element(quantized->scale) &&
                        (quantized->zero == NULL || hmlc_is_one_element(quantized->zero));
    return true;
}

bool hmlc_quantized_scale(const hmlc_value *scale, double *number)
{
    return hmlc_is_constant(scale) && hmlc_is_one_element(scale) &&
           hmlc_value_splat(scale, number) && *number >= 0x1p-100 && *number <= 0x1p100;
}

bool hmlc_quantized_equal(const hmlc_value *a, const hmlc_value *b)
{
    const hmlc_tensor *left = hmlc_value_constant(a), *right = hmlc_value_constant(b);
    if (a == b) {
        return true;
    }
    return left != NULL && right != NULL && left->dtype == right->dtype &&
           left->bytes == right->bytes && memcmp(left->data, right->data, left->bytes) == 0;
}

static bool constant_is_finite(const hmlc_value *value)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t k = 0; k < count; k++) {
        if (!isfinite(hmlc_tensor_get_double(tensor, k))) {
            return false;
        }
    }
    return true;
}

enum { MOST_STEPS = 64 }; /* of a walk up the graph */

static bool is_finite(const hmlc_value *value, uint32_t *steps)
{
    const hmlc_op *op = value->producer;
    if (op == NULL || (*steps)++ == MOST_STEPS) {
        return false;
    }
    switch (op->opcode) {
    case HMLC_OP_constant:
        return hmlc_is_float(value) && constant_is_finite(value);
    case HMLC_OP_dequantize:
        return hmlc_is_constant(hmlc_op_operand(op, 1)) &&
               constant_is_finite(hmlc_op_operand(op, 1));
    case HMLC_OP_cast:
        return hmlc_dtype_is_integer(hmlc_op_operand(op, 0)->type->dtype);
    case HMLC_OP_conv:
    case HMLC_OP_matmul:
    case HMLC_OP_add:
    case HMLC_OP_sub:
    case HMLC_OP_mul:
    case HMLC_OP_relu:
    case HMLC_OP_min:
    case HMLC_OP_max:
    case HMLC_OP_reshape:
    case HMLC_OP_transpose:
    case HMLC_OP_slice:
    case HMLC_OP_concat:
    case HMLC_OP_max_pool:
    case HMLC_OP_avg_pool:
    case HMLC_OP_reduce_mean:
    case HMLC_OP_sigmoid:
    case HMLC_OP_hard_sigmoid:
    case HMLC_OP_hard_swish:
    case HMLC_OP_silu:
    case HMLC_OP_gelu:
    case HMLC_OP_leaky_relu:
        break;
    default:
        return false;
    }
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        if (operand != NULL && !is_finite(operand, steps)) {
            return false;
        }
    }
    return true;
}

bool hmlc_quantized_is_finite(const hmlc_value *value)
{
    uint32_t steps = 0;
    return is_finite(value, &steps);
}

bool hmlc_quantized_has_ops(const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        bool here = op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize ||
                    op->opcode == HMLC_OP_matmul_integer || op->opcode == HMLC_OP_conv_integer;
        for (uint32_t k = 0; k < op->region_count && !here; k++) {
            here = hmlc_quantized_has_ops(op->regions[k]);
        }
        if (here) {
            return true;
        }
    }
    return false;
}

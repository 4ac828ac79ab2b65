/* SPDX-License-Identifier: Apache-2.0 */
/* Packed panels: what ops say of them. */
#include <hmlc/packing.h>

hmlc_pack_layout hmlc_pack_layout_of(const hmlc_op *op)
{
    return (hmlc_pack_layout){.width = hmlc_op_int(op, HMLC_ATTR_panel_width),
                              .group = hmlc_op_int(op, HMLC_ATTR_depth_group)};
}

hmlc_pack_layout hmlc_pack_layout_for(hmlc_dtype left, hmlc_dtype right, hmlc_dtype sums)
{
    hmlc_pack_layout layout = hmlc_pack_layout_default();
    if (hmlc_dtype_bytes(left) == 1 && hmlc_dtype_bytes(right) == 1 && sums == HMLC_DTYPE_i32) {
        layout.group = 4;
    }
    return layout;
}

bool hmlc_op_unpacks(const hmlc_op *op)
{
    if (op == NULL || op->operand_count == 0 || op->results[0]->type->dtype != HMLC_DTYPE_f32) {
        return false;
    }
    hmlc_dtype stored = hmlc_op_operand(op, 0)->type->dtype;
    bool bytes = hmlc_dtype_is_byte(stored);
    return (op->opcode == HMLC_OP_cast && (bytes || hmlc_dtype_is_half(stored))) ||
           (op->opcode == HMLC_OP_dequantize && bytes);
}

const hmlc_op *hmlc_right_unpacking(const hmlc_op *anchor)
{
    const hmlc_value *right = hmlc_op_operand(anchor, 1);
    return right != NULL && hmlc_op_unpacks(right->producer) ? right->producer : NULL;
}

hmlc_value *hmlc_right_stored(const hmlc_op *anchor)
{
    const hmlc_op *unpacking = hmlc_right_unpacking(anchor);
    return unpacking != NULL ? hmlc_op_operand(unpacking, 0) : hmlc_op_operand(anchor, 1);
}

bool hmlc_right_is_constant(const hmlc_value *right)
{
    const hmlc_op *op = right->producer;
    if (!hmlc_op_unpacks(op)) {
        return hmlc_value_constant(right) != NULL;
    }
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        if (operand != NULL && hmlc_value_constant(operand) == NULL) {
            return false;
        }
    }
    return true;
}

/* Inputs of a group beyond twice its outputs lie too far apart for a vector of them. */
enum { MOST_GROUP_OUTPUTS = 8, MOST_GROUP_INPUTS = 8 };

static bool is_narrow(int64_t inputs, int64_t outputs)
{
    bool whole = outputs > 0 && (outputs & (outputs - 1)) == 0;
    return whole && outputs <= MOST_GROUP_OUTPUTS && inputs <= MOST_GROUP_INPUTS &&
           inputs <= 2 * outputs;
}

bool hmlc_conv_is_window(const hmlc_op *conv)
{
    const hmlc_type *weights = hmlc_op_operand(conv, 1)->type, *result = conv->results[0]->type;
    int64_t groups = hmlc_op_int(conv, HMLC_ATTR_groups), inputs, outputs;
    if (groups < 2 || !hmlc_dim_is_constant(weights->dims[weights->rank - 1], &inputs) ||
        !hmlc_dim_is_constant(weights->dims[0], &outputs)) {
        return false;
    }
    outputs /= groups;
    if (inputs == 1 && outputs == 1) {
        return hmlc_dtype_is_float(result->dtype) || hmlc_op_sums_bytes(conv);
    }
    return hmlc_dtype_is_float(result->dtype) && is_narrow(inputs, outputs);
}

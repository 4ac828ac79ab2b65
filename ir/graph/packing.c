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
    bool bytes = stored == HMLC_DTYPE_i8 || stored == HMLC_DTYPE_u8;
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
    return hmlc_op_operand(unpacking != NULL ? unpacking : anchor, unpacking != NULL ? 0 : 1);
}

bool hmlc_right_is_constant(const hmlc_value *right)
{
    const hmlc_op *op = hmlc_op_unpacks(right->producer) ? right->producer : NULL;
    bool constant = op != NULL || hmlc_value_constant(right) != NULL;
    for (uint32_t k = 0; op != NULL && k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        constant = constant && (operand == NULL || hmlc_value_constant(operand) != NULL);
    }
    return constant;
}

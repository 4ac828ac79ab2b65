/* SPDX-License-Identifier: Apache-2.0 */
/* Ops that the rules of several ops build. */
#include "lower.h"

hmlc_status hmlc_lower_reshaped(hmlc_builder *builder, hmlc_value *value, const hmlc_dim *shape,
                                int32_t rank, hmlc_value **result)
{
    hmlc_op *reshape = hmlc_producer_of(value, HMLC_OP_reshape);
    while (reshape != NULL) {
        value = hmlc_op_operand(reshape, 0);
        reshape = hmlc_producer_of(value, HMLC_OP_reshape);
    }
    if (value->type->rank == rank && hmlc_dims_equal(value->type->dims, shape, (uint32_t)rank)) {
        *result = value;
        return HMLC_OK;
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)rank);
    return hmlc_build_folded(builder, HMLC_OP_reshape, &value, 1, &attr, 1, result);
}

hmlc_status hmlc_lower_binary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *left,
                              hmlc_value *right, hmlc_value **result)
{
    hmlc_value *operands[] = {left, right};
    return hmlc_build_folded(builder, opcode, operands, 2, NULL, 0, result);
}

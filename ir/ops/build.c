/* SPDX-License-Identifier: Apache-2.0 */
/* Shorthands that build common ops. */
#include <hmlc/graph.h>

hmlc_status hmlc_build(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *const *operands,
                       uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count,
                       hmlc_value **result)
{
    hmlc_op *op;
    HMLC_TRY(hmlc_op_create(builder, opcode, operands, operand_count, attrs, attr_count, &op));
    *result = op->results[0];
    return HMLC_OK;
}

hmlc_status hmlc_build_unary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *a,
                             hmlc_value **result)
{
    return hmlc_build(builder, opcode, &a, 1, NULL, 0, result);
}

hmlc_status hmlc_build_binary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *a,
                              hmlc_value *b, hmlc_value **result)
{
    hmlc_value *operands[] = {a, b};
    return hmlc_build(builder, opcode, operands, 2, NULL, 0, result);
}

hmlc_status hmlc_build_constant(hmlc_builder *builder, const hmlc_tensor *tensor,
                                hmlc_value **result)
{
    hmlc_attr attr = hmlc_attr_tensor(HMLC_ATTR_value, tensor);
    return hmlc_build(builder, HMLC_OP_constant, NULL, 0, &attr, 1, result);
}

hmlc_status hmlc_build_scalar(hmlc_builder *builder, hmlc_dtype dtype, double value,
                              hmlc_value **result)
{
    size_t bytes = hmlc_dtype_bytes(dtype);
    void *data = hmlc_arena_allocate(builder->module->arena, bytes);
    HMLC_TRY_MEMORY(data);
    if (bytes > 0) {
        hmlc_element_set_double(dtype, data, 0, value);
    }
    hmlc_tensor tensor = {.dtype = dtype, .data = data, .bytes = bytes};
    return hmlc_build_constant(builder, &tensor, result);
}

hmlc_status hmlc_build_transpose(hmlc_builder *builder, hmlc_value *a, const int64_t *permutation,
                                 hmlc_value **result)
{
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, (uint32_t)a->type->rank);
    return hmlc_build(builder, HMLC_OP_transpose, &a, 1, &attr, 1, result);
}

hmlc_status hmlc_build_reshape(hmlc_builder *builder, hmlc_value *a, const hmlc_dim *shape,
                               uint32_t rank, hmlc_value **result)
{
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, rank);
    return hmlc_build(builder, HMLC_OP_reshape, &a, 1, &attr, 1, result);
}

hmlc_status hmlc_build_yield(hmlc_builder *builder, hmlc_value *const *values, uint32_t count)
{
    return hmlc_op_create(builder, HMLC_OP_yield, values, count, NULL, 0, NULL);
}

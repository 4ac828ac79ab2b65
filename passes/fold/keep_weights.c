/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized weights that stay: the least that their kernels have to do. */
#include "keep_weights.h"

/* How the zero point of an element is found. */
typedef struct zero_points {
    const hmlc_tensor *weights, *zeros;
    int64_t axis, block, blocks; /* of the scales; block 0: one for each index of the axis */
} zero_points;

static int64_t zero_of(const zero_points *of, int64_t row, int64_t column)
{
    int64_t along = of->axis == 0 ? row : column;
    if (hmlc_tensor_count(of->zeros) == 1) {
        return hmlc_tensor_get_int(of->zeros, 0);
    }
    if (of->block == 0) {
        return hmlc_tensor_get_int(of->zeros, along);
    }
    int64_t place = of->axis == 0 ? along / of->block * of->weights->dims[1] + column
                                  : row * of->blocks + along / of->block;
    return hmlc_tensor_get_int(of->zeros, place);
}

static bool is_within(int64_t value, int64_t least, int64_t most)
{
    return value >= least && value <= most;
}

/* The differences as bytes; false where they need more bits, of four, than the integers do. */
static bool subtract(const zero_points *of, int8_t *differences)
{
    const hmlc_tensor *weights = of->weights;
    bool narrow = true, stays_narrow = true;
    for (int64_t row = 0; row < weights->dims[0]; row++) {
        for (int64_t column = 0; column < weights->dims[1]; column++) {
            int64_t at = row * weights->dims[1] + column, value = hmlc_tensor_get_int(weights, at);
            int64_t difference = value - zero_of(of, row, column);
            if (!is_within(difference, INT8_MIN, INT8_MAX)) {
                return false;
            }
            narrow = narrow && is_within(value, -8, 15);
            stays_narrow = stays_narrow && is_within(difference, -8, 7);
            differences[at] = (int8_t)difference;
        }
    }
    return stays_narrow || !narrow;
}

/* The weights without their zero points; NULL where these stay. */
static hmlc_status centred(hmlc_builder *builder, const hmlc_op *op, hmlc_value **result)
{
    zero_points of = {.weights = hmlc_value_constant(hmlc_op_operand(op, 0)),
                      .zeros = hmlc_value_constant(hmlc_op_operand(op, 2)),
                      .axis = hmlc_op_int(op, HMLC_ATTR_axis),
                      .block = hmlc_op_int(op, HMLC_ATTR_block)};
    *result = NULL;
    if (of.block > 0) {
        of.blocks = (of.weights->dims[of.axis] + of.block - 1) / of.block;
    }
    hmlc_tensor tensor = *of.weights;
    int8_t *differences = hmlc_arena_allocate(builder->module->arena, tensor.bytes);
    HMLC_TRY_MEMORY(differences);
    if (!subtract(&of, differences)) {
        return HMLC_OK;
    }
    tensor.dtype = HMLC_DTYPE_i8;
    tensor.data = differences;
    return hmlc_build_constant(builder, &tensor, result);
}

/* One value, or one for each output, as one block of the whole depth. */
static hmlc_status as_block(hmlc_builder *builder, hmlc_value *value, int64_t outputs,
                            int64_t outputs_axis, hmlc_value **result)
{
    hmlc_dims *dims = builder->module->dims;
    hmlc_dim one = hmlc_dim_constant(dims, 1), all = hmlc_dim_constant(dims, outputs);
    hmlc_dim shape[] = {outputs_axis == 0 ? all : one, outputs_axis == 0 ? one : all};
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, 2);
    if (hmlc_is_one_element(value)) {
        HMLC_TRY(hmlc_build_reshaped(builder, value, NULL, 0, result));
        return hmlc_build_folded(builder, HMLC_OP_expand, result, 1, &attr, 1, result);
    }
    return hmlc_build_folded(builder, HMLC_OP_reshape, &value, 1, &attr, 1, result);
}

hmlc_status hmlc_keep_weights(hmlc_rewriter *rewriter, hmlc_op *op, int64_t outputs_axis)
{
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {hmlc_op_operand(op, 0), hmlc_op_operand(op, 1),
                              hmlc_op_operand(op, 2)};
    const hmlc_tensor *weights = hmlc_value_constant(operands[0]);
    if (operands[2] == NULL) {
        return HMLC_OK;
    }
    hmlc_value *without = operands[0];
    if (!hmlc_is_splat_of(operands[2], 0)) {
        HMLC_TRY(centred(&builder, op, &without));
    }
    if (without != NULL) {
        operands[0] = without;
        return hmlc_rewrite_same_op(rewriter, op, operands, 2);
    }
    if (hmlc_op_int(op, HMLC_ATTR_block) > 0) {
        return HMLC_OK;
    }
    int64_t outputs = weights->dims[outputs_axis], depth = weights->dims[1 - outputs_axis];
    HMLC_TRY(as_block(&builder, operands[1], outputs, outputs_axis, &operands[1]));
    HMLC_TRY(as_block(&builder, operands[2], outputs, outputs_axis, &operands[2]));
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, 1 - outputs_axis),
                         hmlc_attr_int(HMLC_ATTR_block, depth),
                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)};
    return hmlc_rewrite_replace_op(rewriter, op, op->opcode, operands, 3, attrs, 3);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are chosen from quantized constants (embeddings) are dequantized alone: the integers
 * stay as small as they are in the model.
 */
#include "gather_weights.h"

#include <hmlc/packing.h>

enum { LEAST_ELEMENTS = 64 << 10 };

/* gather(dequantize(x), indices), and what it becomes. */
typedef struct chosen_rows {
    hmlc_builder builder;
    const hmlc_op *gather, *dequantize;
    int64_t axis;  /* of the scales, in the result */
    int64_t block; /* elements along it that share one; 0: no blocks */
    hmlc_value
        *parts[3]; /* integers, scales, zero points or NULL, each gathered where it must be */
} chosen_rows;

static bool is_chosen(const hmlc_op *gather, const hmlc_op *dequantize)
{
    if (!hmlc_op_unpacks(dequantize) || !hmlc_right_is_constant(dequantize->results[0])) {
        return false;
    }
    const hmlc_value *x = hmlc_op_operand(dequantize, 0);
    int64_t axis = hmlc_op_int(dequantize, HMLC_ATTR_axis), length = 1;
    int64_t block = hmlc_op_int(dequantize, HMLC_ATTR_block);
    bool whole =
        block == 0 || (axis != hmlc_op_int(gather, HMLC_ATTR_axis) &&
                       hmlc_dim_is_constant(x->type->dims[axis], &length) && length % block == 0);
    int32_t rank = gather->results[0]->type->rank;
    return whole && rank + 1 < HMLC_MAX_RANK &&
           hmlc_tensor_count(hmlc_value_constant(x)) >= LEAST_ELEMENTS;
}

static hmlc_status gather_part(chosen_rows *of, uint32_t index)
{
    hmlc_value *operands[] = {hmlc_op_operand(of->dequantize, index),
                              hmlc_op_operand(of->gather, 1)};
    return hmlc_build(&of->builder, HMLC_OP_gather, operands, 2, of->gather->attrs,
                      of->gather->attr_count, &of->parts[index]);
}

/* A gathered scale of each row, beside the row: dims of 1 behind it. */
static hmlc_status beside_rows(chosen_rows *of, uint32_t index)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 0);
    const hmlc_type *indices = hmlc_op_operand(of->gather, 1)->type;
    int32_t behind = of->gather->results[0]->type->rank - indices->rank -
                     (int32_t)hmlc_op_int(of->gather, HMLC_ATTR_axis);
    hmlc_value *operands[] = {hmlc_op_operand(of->dequantize, index),
                              hmlc_op_operand(of->gather, 1)};
    HMLC_TRY(hmlc_build(&of->builder, HMLC_OP_gather, operands, 2, &axis, 1, &of->parts[index]));
    for (int32_t k = 0; k < indices->rank + behind; k++) {
        shape[k] =
            k < indices->rank ? indices->dims[k] : hmlc_dim_constant(of->builder.module->dims, 1);
    }
    return hmlc_build_reshaped(&of->builder, of->parts[index], shape,
                               (uint32_t)(indices->rank + behind), &of->parts[index]);
}

/* A scale of each index of a dim that stays: dims of 1 behind it. */
static hmlc_status beside_axis(chosen_rows *of, uint32_t index)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    hmlc_value *value = hmlc_op_operand(of->dequantize, index);
    uint32_t rank = (uint32_t)(of->gather->results[0]->type->rank - of->axis);
    for (uint32_t k = 0; k < rank; k++) {
        shape[k] = k == 0 ? value->type->dims[0] : hmlc_dim_constant(of->builder.module->dims, 1);
    }
    return hmlc_build_reshaped(&of->builder, value, shape, rank, &of->parts[index]);
}

/* The dim `axis` as blocks of `inner` elements. */
static hmlc_status split_axis(chosen_rows *of, uint32_t index, int64_t inner)
{
    hmlc_dims *dims = of->builder.module->dims;
    const hmlc_type *type = of->parts[index]->type;
    hmlc_dim shape[HMLC_MAX_RANK], size = hmlc_dim_constant(dims, inner);
    for (int32_t k = 0; k <= type->rank; k++) {
        shape[k] = k < of->axis        ? type->dims[k]
                   : k == of->axis     ? hmlc_dim_floordiv(dims, type->dims[k], size)
                   : k == of->axis + 1 ? size
                                       : type->dims[k - 1];
    }
    return hmlc_build_reshaped(&of->builder, of->parts[index], shape, (uint32_t)type->rank + 1,
                               &of->parts[index]);
}

static hmlc_status place_parameter(chosen_rows *of, uint32_t index)
{
    const hmlc_value *value = hmlc_op_operand(of->dequantize, index);
    int64_t chosen = hmlc_op_int(of->gather, HMLC_ATTR_axis);
    if (value == NULL) {
        return HMLC_OK;
    }
    if (of->block > 0) {
        HMLC_TRY(gather_part(of, index));
        return split_axis(of, index, 1);
    }
    if (hmlc_is_one_element(value)) {
        return hmlc_build_reshaped(&of->builder, hmlc_op_operand(of->dequantize, index), NULL, 0,
                                   &of->parts[index]);
    }
    return chosen == hmlc_op_int(of->dequantize, HMLC_ATTR_axis) ? beside_rows(of, index)
                                                                 : beside_axis(of, index);
}

/* (integers - zero points) * scales: differences of bytes are exact in f32. */
static hmlc_status build_numbers(chosen_rows *of, hmlc_value **value)
{
    for (uint32_t k = 0; k < 3; k++) {
        if (of->parts[k] != NULL) {
            HMLC_TRY(hmlc_build_cast(&of->builder, of->parts[k], HMLC_DTYPE_f32, &of->parts[k]));
        }
    }
    *value = of->parts[0];
    if (of->parts[2] != NULL) {
        HMLC_TRY(hmlc_build_binary(&of->builder, HMLC_OP_sub, *value, of->parts[2], value));
    }
    HMLC_TRY(hmlc_build_binary(&of->builder, HMLC_OP_mul, *value, of->parts[1], value));
    const hmlc_type *type = of->gather->results[0]->type;
    return hmlc_build_reshaped(&of->builder, *value, type->dims, (uint32_t)type->rank, value);
}

hmlc_status hmlc_gather_weights(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_op *dequantize = hmlc_producer_of(hmlc_op_operand(op, 0), HMLC_OP_dequantize);
    if (!is_chosen(op, dequantize)) {
        return HMLC_OK;
    }
    int64_t axis = hmlc_op_int(dequantize, HMLC_ATTR_axis);
    chosen_rows of = {.builder = hmlc_rewrite_builder(op),
                      .gather = op,
                      .dequantize = dequantize,
                      .axis = axis,
                      .block = hmlc_op_int(dequantize, HMLC_ATTR_block)};
    if (axis > hmlc_op_int(op, HMLC_ATTR_axis)) {
        of.axis += hmlc_op_operand(op, 1)->type->rank - 1;
    }
    HMLC_TRY(gather_part(&of, 0));
    if (of.block > 0) {
        HMLC_TRY(split_axis(&of, 0, of.block));
    }
    HMLC_TRY(place_parameter(&of, 1));
    HMLC_TRY(place_parameter(&of, 2));
    hmlc_value *value = NULL;
    HMLC_TRY(build_numbers(&of, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of indexed ops. An index out of range is an error of the inputs. */
#include <string.h>

#include "eval_tools.h"

static hmlc_status gather(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    int64_t count = hmlc_tensor_count(context->operands[1]);
    int64_t *indices = hmlc_eval_integers(context, context->operands[1]);
    HMLC_TRY_MEMORY(indices);
    int64_t outer = hmlc_eval_product(x->dims, 0, axis), size = x->dims[axis];
    size_t row = (size_t)hmlc_eval_product(x->dims, axis + 1, x->rank) * hmlc_dtype_bytes(x->dtype);
    char *to = hmlc_eval_data(&context->results[0]);
    const char *from = x->data;
    for (int64_t k = 0; k < count; ++k) {
        HMLC_TRY(hmlc_eval_rule(context, hmlc_rule_index(&indices[k], size)));
    }
    for (int64_t o = 0; o < outer && row > 0; ++o) {
        for (int64_t k = 0; k < count; ++k) {
            memcpy(to + (size_t)(o * count + k) * row, from + (size_t)(o * size + indices[k]) * row,
                   row);
        }
    }
    return HMLC_OK;
}

static hmlc_status gather_elements(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0], *indices = context->operands[1];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    int64_t strides[HMLC_MAX_RANK], count = hmlc_tensor_count(indices);
    hmlc_eval_strides(x->rank, x->dims, strides);
    int64_t along = strides[axis];
    strides[axis] = 0;
    hmlc_cursor cursor = {.rank = x->rank, .count = 1, .dims = indices->dims, .strides = {strides}};
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        int64_t index = hmlc_tensor_get_int(indices, i);
        HMLC_TRY(hmlc_eval_rule(context, hmlc_rule_index(&index, x->dims[axis])));
        hmlc_eval_copy_element(&context->results[0], i, x, cursor.offset[0] + index * along);
    }
    return HMLC_OK;
}

static hmlc_status gather_nd(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0], *indices = context->operands[1];
    int32_t batch = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_batch_dims);
    int32_t depth = (int32_t)indices->dims[indices->rank - 1];
    int64_t rows = hmlc_eval_product(indices->dims, 0, indices->rank - 1);
    int64_t batches = hmlc_eval_product(x->dims, 0, batch);
    int64_t per_batch = batches > 0 && rows > 0 ? rows / batches : 1;
    int64_t volume = hmlc_eval_product(x->dims, batch, x->rank);
    size_t row =
        (size_t)hmlc_eval_product(x->dims, batch + depth, x->rank) * hmlc_dtype_bytes(x->dtype);
    char *to = hmlc_eval_data(&context->results[0]);
    for (int64_t i = 0; i < rows; ++i) {
        int64_t at = 0;
        for (int32_t d = 0; d < depth; ++d) {
            int64_t index = hmlc_tensor_get_int(indices, i * depth + d);
            HMLC_TRY(hmlc_eval_rule(context, hmlc_rule_index(&index, x->dims[batch + d])));
            at = at * x->dims[batch + d] + index;
        }
        size_t start = (size_t)(i / per_batch * volume) * hmlc_dtype_bytes(x->dtype);
        if (row > 0) {
            memcpy(to + (size_t)i * row, (const char *)x->data + start + (size_t)at * row, row);
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_gather(hmlc_eval *context)
{
    switch (context->op->opcode) {
    case HMLC_OP_gather_elements:
        return gather_elements(context);
    case HMLC_OP_gather_nd:
        return gather_nd(context);
    default:
        return gather(context);
    }
}

hmlc_status hmlc_eval_one_hot(hmlc_eval *context)
{
    const hmlc_tensor *indices = context->operands[0], *values = context->operands[1];
    hmlc_tensor *result = &context->results[0];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    int64_t depth = result->dims[axis];
    int64_t inner = hmlc_eval_product(result->dims, axis + 1, result->rank);
    int64_t count = hmlc_tensor_count(result);
    for (int64_t i = 0; i < count; ++i) {
        int64_t position = i / inner % depth;
        int64_t index = hmlc_tensor_get_int(indices, i / (inner * depth) * inner + i % inner);
        index += index < 0 ? depth : 0;
        hmlc_eval_copy_element(result, i, values, index == position ? 1 : 0);
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_trilu(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0], *k = hmlc_eval_operand(context, 1);
    hmlc_tensor *result = &context->results[0];
    bool upper = hmlc_op_int(context->op, HMLC_ATTR_upper) != 0;
    int64_t diagonal = k != NULL ? hmlc_tensor_get_int(k, 0) : 0;
    int64_t rows = x->dims[x->rank - 2], columns = x->dims[x->rank - 1];
    int64_t count = hmlc_tensor_count(x);
    for (int64_t i = 0; i < count; ++i) {
        int64_t column = i % columns, row = i / columns % rows;
        /* column - row lies within +-2^47, so the comparison cannot overflow. */
        bool keep = upper ? column - row >= diagonal : column - row <= diagonal;
        if (keep) {
            hmlc_eval_copy_element(result, i, x, i); /* the rest stays zero */
        }
    }
    return HMLC_OK;
}

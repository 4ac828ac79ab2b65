/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of softmax and of normalisations. */
#include <math.h>

#include "eval_tools.h"
#include "reduce_eval.h"

/* An op over groups of elements, with one or two accumulators per group. */
typedef struct row_groups {
    const hmlc_tensor *x;
    double *values, *first, *second;
    int64_t count, groups, group_size;
    int64_t strides[HMLC_MAX_RANK];
} row_groups;

static hmlc_status load_rows(hmlc_eval *context, row_groups *rows)
{
    rows->x = context->operands[0];
    rows->count = hmlc_tensor_count(rows->x);
    hmlc_eval_group_strides(rows->x, context->op, rows->strides, &rows->groups, &rows->group_size);
    rows->values = hmlc_eval_doubles(context, rows->x);
    rows->first = hmlc_eval_new_doubles(context, rows->groups);
    rows->second = hmlc_eval_new_doubles(context, rows->groups);
    HMLC_TRY_MEMORY(rows->values);
    HMLC_TRY_MEMORY(rows->first);
    HMLC_TRY_MEMORY(rows->second);
    return HMLC_OK;
}

static hmlc_cursor row_cursor(const row_groups *rows)
{
    return (hmlc_cursor){
        .rank = rows->x->rank, .count = 1, .dims = rows->x->dims, .strides = {rows->strides}};
}

hmlc_status hmlc_eval_softmax(hmlc_eval *context)
{
    row_groups rows;
    HMLC_TRY(load_rows(context, &rows));
    double *maximum = rows.first, *sum = rows.second;
    for (int64_t i = 0; i < rows.groups; ++i) {
        maximum[i] = -INFINITY;
    }
    hmlc_cursor cursor = row_cursor(&rows);
    for (int64_t i = 0; i < rows.count; ++i, hmlc_cursor_next(&cursor)) {
        double *most = &maximum[cursor.offset[0]];
        *most = isnan(*most) || *most > rows.values[i] ? *most : rows.values[i];
    }
    cursor = row_cursor(&rows);
    for (int64_t i = 0; i < rows.count; ++i, hmlc_cursor_next(&cursor)) {
        rows.values[i] -= maximum[cursor.offset[0]];
        sum[cursor.offset[0]] += exp(rows.values[i]);
    }
    bool log_form = context->op->opcode == HMLC_OP_log_softmax;
    cursor = row_cursor(&rows);
    for (int64_t i = 0; i < rows.count; ++i, hmlc_cursor_next(&cursor)) {
        double total = sum[cursor.offset[0]];
        rows.values[i] = log_form ? rows.values[i] - log(total) : exp(rows.values[i]) / total;
    }
    hmlc_eval_store_doubles(&context->results[0], rows.values);
    return HMLC_OK;
}

/* x * scale + bias, both broadcast to x; either may be absent. */
static hmlc_status scale_and_shift(hmlc_eval *context, double *values)
{
    const hmlc_tensor *x = context->operands[0];
    int64_t count = hmlc_tensor_count(x), strides[HMLC_MAX_RANK];
    for (uint32_t k = 1; k < context->operand_count; ++k) {
        const hmlc_tensor *parameter = context->operands[k];
        if (parameter == NULL) {
            continue;
        }
        double *parameters = hmlc_eval_doubles(context, parameter);
        HMLC_TRY_MEMORY(parameters);
        hmlc_eval_broadcast_strides(parameter, x->rank, strides);
        hmlc_cursor cursor = {.rank = x->rank, .count = 1, .dims = x->dims, .strides = {strides}};
        for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
            double with = parameters[cursor.offset[0]];
            values[i] = k == 1 ? values[i] * with : values[i] + with;
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_norm(hmlc_eval *context)
{
    row_groups rows;
    HMLC_TRY(load_rows(context, &rows));
    double *mean = rows.first, *square = rows.second, size = (double)rows.group_size;
    double epsilon = hmlc_op_float(context->op, HMLC_ATTR_epsilon);
    bool centred = context->op->opcode == HMLC_OP_layer_norm;
    hmlc_cursor cursor = row_cursor(&rows);
    for (int64_t i = 0; i < rows.count && centred; ++i, hmlc_cursor_next(&cursor)) {
        mean[cursor.offset[0]] += rows.values[i] / size;
    }
    cursor = row_cursor(&rows);
    for (int64_t i = 0; i < rows.count; ++i, hmlc_cursor_next(&cursor)) {
        rows.values[i] -= mean[cursor.offset[0]];
        square[cursor.offset[0]] += rows.values[i] * rows.values[i] / size;
    }
    cursor = row_cursor(&rows);
    for (int64_t i = 0; i < rows.count; ++i, hmlc_cursor_next(&cursor)) {
        rows.values[i] /= sqrt(square[cursor.offset[0]] + epsilon);
    }
    HMLC_TRY(scale_and_shift(context, rows.values));
    hmlc_eval_store_doubles(&context->results[0], rows.values);
    return HMLC_OK;
}

hmlc_status hmlc_eval_batch_norm(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    bool last = hmlc_op_int(context->op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int32_t axis = last ? x->rank - 1 : 1;
    int64_t inner = hmlc_eval_product(x->dims, axis + 1, x->rank), count = hmlc_tensor_count(x);
    double *values = hmlc_eval_doubles(context, x), *parameters[4];
    double epsilon = hmlc_op_float(context->op, HMLC_ATTR_epsilon);
    HMLC_TRY_MEMORY(values);
    for (uint32_t k = 0; k < 4; ++k) {
        parameters[k] = hmlc_eval_doubles(context, context->operands[k + 1]);
        HMLC_TRY_MEMORY(parameters[k]);
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t c = i / inner % x->dims[axis];
        double normal = (values[i] - parameters[2][c]) / sqrt(parameters[3][c] + epsilon);
        values[i] = normal * parameters[0][c] + parameters[1][c];
    }
    hmlc_eval_store_doubles(&context->results[0], values);
    return HMLC_OK;
}

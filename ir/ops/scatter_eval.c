/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of scatter_elements and scatter_nd. Reductions of floats accumulate in double. */
#include <math.h>
#include <string.h>

#include "eval_tools.h"
#include "integer_math.h"

/* The data with updates on top; one of the two arrays is set, or neither when nothing is reduced.
 */
typedef struct scatter_target {
    hmlc_eval *context;
    int64_t reduction;
    double *doubles;
    int64_t *integers;
} scatter_target;

static double reduce_double(int64_t reduction, double a, double b)
{
    switch (reduction) {
    case HMLC_REDUCTION_ADD:
        return a + b;
    case HMLC_REDUCTION_MUL:
        return a * b;
    case HMLC_REDUCTION_MIN:
        return isnan(a) || a < b ? a : b;
    default:
        return isnan(a) || a > b ? a : b;
    }
}

static int64_t reduce_integer(hmlc_dtype dtype, int64_t reduction, int64_t a, int64_t b)
{
    static const hmlc_opcode opcodes[] = {[HMLC_REDUCTION_ADD] = HMLC_OP_add,
                                          [HMLC_REDUCTION_MUL] = HMLC_OP_mul,
                                          [HMLC_REDUCTION_MIN] = HMLC_OP_min,
                                          [HMLC_REDUCTION_MAX] = HMLC_OP_max};
    int64_t result = a;
    hmlc_integer_binary(opcodes[reduction], dtype, false, a, b, &result);
    return hmlc_integer_wrap(dtype, result);
}

static void update(scatter_target *target, int64_t to, int64_t from)
{
    const hmlc_tensor *updates = target->context->operands[2];
    if (target->doubles != NULL) {
        target->doubles[to] = reduce_double(target->reduction, target->doubles[to],
                                            hmlc_tensor_get_double(updates, from));
    } else if (target->integers != NULL) {
        target->integers[to] =
            reduce_integer(updates->dtype, target->reduction, target->integers[to],
                           hmlc_tensor_get_int(updates, from));
    } else {
        hmlc_eval_copy_element(&target->context->results[0], to, updates, from);
    }
}

static hmlc_status resolve(const hmlc_eval *context, int64_t at, int64_t size, int64_t *index)
{
    *index = hmlc_tensor_get_int(context->operands[1], at);
    return hmlc_eval_rule(context, hmlc_rule_index(index, size));
}

static hmlc_status scatter_elements(hmlc_eval *context, scatter_target *target)
{
    const hmlc_tensor *x = context->operands[0], *indices = context->operands[1];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    int64_t strides[HMLC_MAX_RANK], count = hmlc_tensor_count(indices);
    hmlc_eval_strides(x->rank, x->dims, strides);
    int64_t along = strides[axis];
    strides[axis] = 0;
    hmlc_cursor cursor = {.rank = x->rank, .count = 1, .dims = indices->dims, .strides = {strides}};
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        int64_t index;
        HMLC_TRY(resolve(context, i, x->dims[axis], &index));
        update(target, cursor.offset[0] + index * along, i);
    }
    return HMLC_OK;
}

static hmlc_status scatter_nd(hmlc_eval *context, scatter_target *target)
{
    const hmlc_tensor *x = context->operands[0], *indices = context->operands[1];
    int64_t depth = indices->dims[indices->rank - 1];
    int64_t rows = hmlc_eval_product(indices->dims, 0, indices->rank - 1);
    int64_t inner = hmlc_eval_product(x->dims, (int32_t)depth, x->rank);
    for (int64_t i = 0; i < rows; ++i) {
        int64_t at = 0;
        for (int64_t d = 0; d < depth; ++d) {
            int64_t index;
            HMLC_TRY(resolve(context, i * depth + d, x->dims[d], &index));
            at = at * x->dims[d] + index;
        }
        for (int64_t k = 0; k < inner; ++k) {
            update(target, at * inner + k, i * inner + k);
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_scatter(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    scatter_target target = {.context = context,
                             .reduction = hmlc_op_int(context->op, HMLC_ATTR_reduction)};
    if (x->bytes > 0) {
        memcpy(hmlc_eval_data(result), x->data, x->bytes);
    }
    if (target.reduction != HMLC_REDUCTION_NONE && hmlc_eval_is_float(x)) {
        target.doubles = hmlc_eval_doubles(context, x);
        HMLC_TRY_MEMORY(target.doubles);
    } else if (target.reduction != HMLC_REDUCTION_NONE) {
        target.integers = hmlc_eval_integers(context, x);
        HMLC_TRY_MEMORY(target.integers);
    }
    HMLC_TRY(context->op->opcode == HMLC_OP_scatter_nd ? scatter_nd(context, &target)
                                                       : scatter_elements(context, &target));
    if (target.doubles != NULL) {
        hmlc_eval_store_doubles(result, target.doubles);
    } else if (target.integers != NULL) {
        hmlc_eval_store_integers(result, target.integers);
    }
    return HMLC_OK;
}

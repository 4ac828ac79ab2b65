/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of shape functions and bind_dims: what shape_functions.c does on expressions. */
#include "eval_tools.h"

/* The elements of the operands that a shape function reads, NULL for absent ones. */
typedef struct lists {
    int64_t *values[5];
    int64_t counts[5];
} lists;

static hmlc_status read_lists(const hmlc_eval *context, lists *given)
{
    *given = (lists){0};
    for (uint32_t i = 0; i < 5; ++i) {
        const hmlc_tensor *tensor = hmlc_eval_operand(context, i);
        if (tensor != NULL) {
            given->values[i] = hmlc_eval_integers(context, tensor);
            given->counts[i] = hmlc_tensor_count(tensor);
            HMLC_TRY_MEMORY(given->values[i]);
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_reshape_dims(hmlc_eval *context)
{
    lists given;
    int64_t result[HMLC_MAX_RANK];
    HMLC_TRY(read_lists(context, &given));
    bool copies = hmlc_op_int(context->op, HMLC_ATTR_allow_zero) == 0;
    HMLC_TRY(
        hmlc_eval_rule(context, hmlc_rule_reshape(given.values[0], given.counts[0], given.values[1],
                                                  given.counts[1], copies, result)));
    hmlc_eval_store_integers(&context->results[0], result);
    return HMLC_OK;
}

hmlc_status hmlc_eval_slice_dims(hmlc_eval *context)
{
    lists given;
    int64_t result[3 * HMLC_MAX_RANK];
    HMLC_TRY(read_lists(context, &given));
    HMLC_TRY(
        hmlc_eval_rule(context, hmlc_rule_slices(given.values[0], given.counts[0], given.values[1],
                                                 given.values[2], given.values[3], given.values[4],
                                                 given.counts[1], result)));
    hmlc_eval_store_integers(&context->results[0], result);
    return HMLC_OK;
}

hmlc_status hmlc_eval_broadcast_dims(hmlc_eval *context)
{
    lists given;
    int64_t result[HMLC_MAX_RANK];
    HMLC_TRY(read_lists(context, &given));
    HMLC_TRY(
        hmlc_eval_rule(context, hmlc_rule_broadcast(given.values[0], given.counts[0],
                                                    given.values[1], given.counts[1], result)));
    hmlc_eval_store_integers(&context->results[0], result);
    return HMLC_OK;
}

hmlc_status hmlc_eval_range_dims(hmlc_eval *context)
{
    const hmlc_tensor *start = context->operands[0], *limit = context->operands[1];
    const hmlc_tensor *delta = context->operands[2];
    int64_t length = 0;
    hmlc_rule rule =
        hmlc_eval_is_float(start)
            ? hmlc_rule_real_range(hmlc_tensor_get_double(start, 0),
                                   hmlc_tensor_get_double(limit, 0),
                                   hmlc_tensor_get_double(delta, 0), &length)
            : hmlc_rule_integer_range(hmlc_tensor_get_int(start, 0), hmlc_tensor_get_int(limit, 0),
                                      hmlc_tensor_get_int(delta, 0), start->dtype == HMLC_DTYPE_u64,
                                      &length);
    HMLC_TRY(hmlc_eval_rule(context, rule));
    hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(&context->results[0]), 0, length);
    return HMLC_OK;
}

hmlc_status hmlc_eval_bind_dims(hmlc_eval *context)
{
    const hmlc_attr *symbols = hmlc_op_attr(context->op, HMLC_ATTR_symbols);
    for (uint32_t i = 0; i < symbols->count; ++i) {
        const hmlc_symbol *symbol = symbols->as.dims[i]->symbol;
        int64_t value = hmlc_tensor_get_int(context->operands[0], i);
        if (value < symbol->minimum || value > symbol->maximum || value % symbol->multiple != 0) {
            return hmlc_eval_fail(context, HMLC_ERROR_dim_range,
                                  "dim %s would be %lld; expected %lld to %lld, a multiple of %lld",
                                  symbol->name, (long long)value, (long long)symbol->minimum,
                                  (long long)symbol->maximum, (long long)symbol->multiple);
        }
        context->symbols[symbol->index] = value;
    }
    return HMLC_OK;
}

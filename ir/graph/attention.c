/* SPDX-License-Identifier: Apache-2.0 */
/* Which operators make an attention: see attention.h. */
#include <hmlc/attention.h>

#include <math.h>
#include <string.h>

/* A constant of zeros, none of which is negative. */
static bool is_zero(const hmlc_value *value)
{
    double number;
    return hmlc_value_splat(value, &number) && number == 0 && !signbit(number);
}

/* select(is_nan(weights), 0, weights), which are all uses of the weights. */
static bool find_select(const hmlc_value *weights, hmlc_attention *attention)
{
    for (const hmlc_use *use = weights->uses; use != NULL; use = use->next) {
        if (use->op->opcode == HMLC_OP_is_nan && attention->is_nan == NULL) {
            attention->is_nan = use->op;
        } else if (use->op->opcode == HMLC_OP_select && attention->select == NULL) {
            attention->select = use->op;
        } else {
            return false;
        }
    }
    const hmlc_op *is_nan = attention->is_nan, *select = attention->select;
    return is_nan != NULL && select != NULL && hmlc_value_has_one_use(is_nan->results[0]) &&
           hmlc_op_operand(select, 0) == is_nan->results[0] &&
           is_zero(hmlc_op_operand(select, 1)) && hmlc_op_operand(select, 2) == weights;
}

/* Weights and result agree in all but the last dim: no batch of weights serves several of values.
 */
static bool same_rows(hmlc_dims *dims, const hmlc_type *weights, const hmlc_type *result)
{
    bool same = weights->rank == result->rank && weights->dtype == result->dtype;
    for (int32_t k = 0; same && k + 1 < weights->rank; k++) {
        same = hmlc_dim_known_equal(dims, weights->dims[k], result->dims[k]);
    }
    return same;
}

bool hmlc_attention_of_softmax(hmlc_dims *dims, const hmlc_op *softmax, hmlc_attention *attention)
{
    const hmlc_value *weights = softmax->results[0];
    int32_t last = weights->type->rank - 1;
    memset(attention, 0, sizeof *attention);
    attention->softmax = softmax;
    if (last < 1 || weights->type->dtype != HMLC_DTYPE_f32 ||
        hmlc_op_axes_mask(softmax) != UINT32_C(1) << last) {
        return false;
    }
    if (!hmlc_value_has_one_use(weights)) {
        if (!find_select(weights, attention)) {
            return false;
        }
        weights = attention->select->results[0];
    }
    if (!hmlc_value_has_one_use(weights)) {
        return false;
    }
    const hmlc_op *values = weights->uses->op;
    attention->values = values;
    return values->opcode == HMLC_OP_matmul_packed && hmlc_op_operand(values, 0) == weights &&
           hmlc_op_int(values, HMLC_ATTR_transpose_a) == 0 &&
           same_rows(dims, weights->type, values->results[0]->type);
}

bool hmlc_attention_of_kernel(hmlc_dims *dims, const hmlc_op *kernel, hmlc_attention *attention)
{
    const hmlc_op *softmax = NULL, *products[2] = {NULL, NULL};
    uint32_t softmaxes = 0, count = 0;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (op->opcode == HMLC_OP_softmax) {
            softmax = op;
            softmaxes += 1;
        } else if (op->opcode == HMLC_OP_matmul_packed && count++ < 2) {
            products[count - 1] = op;
        }
    }
    if (softmaxes != 1 || count != 2 || !hmlc_attention_of_softmax(dims, softmax, attention)) {
        return false;
    }
    attention->scores = products[0];
    return attention->values == products[1];
}

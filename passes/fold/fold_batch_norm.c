/* SPDX-License-Identifier: Apache-2.0 */
/* Batch norm with constant parameters is x * a + b, a and b one number per channel. */
#include <math.h>

#include "fold_weights.h"
#include "weight_tools.h"

/* scale, bias, mean and variance as numbers; NULL where one is not constant. */
static hmlc_status read_parameters(hmlc_arena *arena, const hmlc_op *op, int64_t channels,
                                   double *parameters[4])
{
    for (uint32_t i = 0; i < 4; i++) {
        HMLC_TRY(
            hmlc_read_channels(arena, op->operands[i + 1].value, 1, 0, channels, &parameters[i]));
        if (parameters[i] == NULL) {
            parameters[0] = NULL;
            return HMLC_OK;
        }
    }
    return HMLC_OK;
}

static hmlc_status fold_batch_norm(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    int32_t rank = x->type->rank;
    int32_t axis =
        hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST || rank < 2 ? rank - 1 : 1;
    int64_t channels;
    double *parameters[4];
    if (!hmlc_dim_is_constant(x->type->dims[axis], &channels)) {
        return HMLC_OK;
    }
    HMLC_TRY(read_parameters(hmlc_rewrite_scratch(rewriter), op, channels, parameters));
    if (parameters[0] == NULL) {
        return HMLC_OK;
    }
    double *factor = parameters[0], *term = parameters[1];
    double epsilon = hmlc_op_float(op, HMLC_ATTR_epsilon);
    for (int64_t i = 0; i < channels; i++) {
        factor[i] /= sqrt(parameters[3][i] + epsilon);
        term[i] -= parameters[2][i] * factor[i];
        if (!isfinite(factor[i]) || !isfinite(term[i])) {
            return HMLC_OK;
        }
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *constant = NULL, *value = NULL;
    hmlc_dtype dtype = x->type->dtype;
    HMLC_TRY(hmlc_build_channels(&builder, dtype, factor, channels, rank, axis, &constant));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, x, constant, &value));
    HMLC_TRY(hmlc_build_channels(&builder, dtype, term, channels, rank, axis, &constant));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_add, value, constant, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_batch_norm, 0, fold_batch_norm},
};

const hmlc_rewrite_rules hmlc_fold_batch_norm = HMLC_RULES(rules);

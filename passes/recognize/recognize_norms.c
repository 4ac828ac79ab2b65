/* SPDX-License-Identifier: Apache-2.0 */
/* Layer norm and RMS norm from reductions and arithmetic; scale and bias are taken in afterwards.
 */
#include "query.h"
#include "recognize.h"

static bool same_kept_axes(const hmlc_op *left, const hmlc_op *right)
{
    return hmlc_attr_equal(hmlc_op_attr(left, HMLC_ATTR_axes),
                           hmlc_op_attr(right, HMLC_ATTR_axes)) &&
           hmlc_op_int(left, HMLC_ATTR_keep_dims) != 0 &&
           hmlc_op_int(right, HMLC_ATTR_keep_dims) != 0;
}

static hmlc_status build_norm(hmlc_builder *builder, const hmlc_match *match, hmlc_opcode opcode,
                              const hmlc_op *reduce, hmlc_value **result)
{
    hmlc_value *x = HMLC_MATCHED_VALUE(match, 'x');
    hmlc_attr attrs[] = {*hmlc_op_attr(reduce, HMLC_ATTR_axes),
                         hmlc_attr_float(HMLC_ATTR_epsilon, HMLC_MATCHED_NUMBER(match, 'e'))};
    return hmlc_build(builder, opcode, &x, 1, attrs, 2, result);
}

static hmlc_status build_layer_norm(hmlc_builder *builder, const hmlc_match *match,
                                    hmlc_value **result)
{
    const hmlc_op *mean = HMLC_MATCHED_OP(match, 'M');
    const hmlc_op *variance = HMLC_MATCHED_OP(match, 'V');
    return same_kept_axes(mean, variance)
               ? build_norm(builder, match, HMLC_OP_layer_norm, mean, result)
               : HMLC_OK;
}

static hmlc_status build_rms_norm(hmlc_builder *builder, const hmlc_match *match,
                                  hmlc_value **result)
{
    const hmlc_op *mean = HMLC_MATCHED_OP(match, 'V');
    return same_kept_axes(mean, mean) ? build_norm(builder, match, HMLC_OP_rms_norm, mean, result)
                                      : HMLC_OK;
}

/* A constant with no dims but those that are normalised: not a residual that happens to fit. */
static bool is_parameter(const hmlc_value *value, const hmlc_op *norm)
{
    const hmlc_type *x = norm->operands[0].value->type;
    const hmlc_attr *axes = hmlc_op_attr(norm, HMLC_ATTR_axes);
    if (!hmlc_is_constant(value) || value->type->dtype != x->dtype || value->type->rank > x->rank) {
        return false;
    }
    for (int32_t i = 0; i < x->rank; i++) {
        hmlc_dim dim = hmlc_aligned_dim(value->type, x->rank, i);
        bool normalised = false;
        for (uint32_t k = 0; k < axes->count; k++) {
            normalised = normalised || axes->as.integers[k] == i;
        }
        if (dim != NULL && !hmlc_dim_is(dim, 1) && (!normalised || dim != x->dims[i])) {
            return false;
        }
    }
    return true;
}

static hmlc_status extend_norm(hmlc_builder *builder, const hmlc_op *norm,
                               hmlc_value *const *operands, uint32_t count, hmlc_value **result)
{
    return hmlc_build(builder, norm->opcode, operands, count, norm->attrs, norm->attr_count,
                      result);
}

static hmlc_status take_scale(hmlc_builder *builder, const hmlc_match *match, hmlc_value **result)
{
    const hmlc_op *norm = HMLC_MATCHED_OP(match, 'N');
    hmlc_value *operands[] = {HMLC_MATCHED_VALUE(match, 'x'), HMLC_MATCHED_VALUE(match, 's')};
    return is_parameter(operands[1], norm) ? extend_norm(builder, norm, operands, 2, result)
                                           : HMLC_OK;
}

static hmlc_status take_bias(hmlc_builder *builder, const hmlc_match *match, hmlc_value **result)
{
    const hmlc_op *norm = HMLC_MATCHED_OP(match, 'N');
    hmlc_value *operands[] = {HMLC_MATCHED_VALUE(match, 'x'), HMLC_MATCHED_VALUE(match, 's'),
                              HMLC_MATCHED_VALUE(match, 'b')};
    if (!is_parameter(operands[2], norm)) {
        return HMLC_OK;
    }
    return extend_norm(builder, norm, operands, 3, result);
}

/* x * k + (b - mean * k) with k = rsqrt(variance + e) * s. */
static hmlc_status build_rearranged_layer_norm(hmlc_builder *builder, const hmlc_match *match,
                                               hmlc_value **result)
{
    hmlc_value *norm = NULL;
    HMLC_TRY(build_layer_norm(builder, match, &norm));
    hmlc_value *scale = HMLC_MATCHED_VALUE(match, 's');
    hmlc_value *bias = HMLC_MATCHED_VALUE(match, 'b');
    if (norm == NULL) {
        return HMLC_OK;
    }
    if (scale != NULL) {
        HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_mul, norm, scale, &norm));
    }
    return hmlc_build_binary(builder, HMLC_OP_add, norm, bias, result);
}

#define MEAN      "M:reduce_mean(x)"
#define CENTERED  "sub(x, " MEAN ")"
#define VARIANCE  "V:reduce_mean(mul(" CENTERED ", " CENTERED "))"
#define DEVIATION "sqrt(add(" VARIANCE ", ?e))"
#define INVERSE   "rsqrt(add(" VARIANCE ", ?e))"
#define SQUARES   "V:reduce_mean(mul(x, x))"

static const hmlc_recognition rows[] = {
    {"add(mul(x, mul(" INVERSE ", s)), sub(b, mul(" MEAN ", mul(" INVERSE ", s))))",
     build_rearranged_layer_norm},
    {"add(mul(x, " INVERSE "), sub(b, mul(" MEAN ", " INVERSE ")))", build_rearranged_layer_norm},
    {"mul(" CENTERED ", " INVERSE ")", build_layer_norm},
    {"div(" CENTERED ", " DEVIATION ")", build_layer_norm},
    {"mul(x, rsqrt(add(" SQUARES ", ?e)))", build_rms_norm},
    {"div(x, sqrt(add(" SQUARES ", ?e)))", build_rms_norm},
    {"mul(N:layer_norm(x), s)", take_scale},
    {"mul(N:rms_norm(x), s)", take_scale},
    {"add(N:layer_norm(x, s), b)", take_bias},
    {"add(N:layer_norm(x), b)", take_bias},
};

const hmlc_recognitions hmlc_recognize_norms = {rows, sizeof(rows) / sizeof(rows[0])};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax and log softmax from exponentials and sums with the maximum taken off. Without it, or as
 * the logarithm of a softmax, the graph's own arithmetic overflows where these ops do not.
 */
#include "recognize.h"

static hmlc_status build_rowwise(hmlc_builder *builder, const hmlc_match *match, hmlc_opcode opcode,
                                 hmlc_value **result)
{
    const hmlc_op *sum = HMLC_MATCHED_OP(match, 'S');
    const hmlc_op *maximum = HMLC_MATCHED_OP(match, 'M');
    const hmlc_attr *axes = hmlc_op_attr(sum, HMLC_ATTR_axes);
    if (hmlc_op_int(sum, HMLC_ATTR_keep_dims) == 0 ||
        hmlc_op_int(maximum, HMLC_ATTR_keep_dims) == 0 ||
        !hmlc_attr_equal(axes, hmlc_op_attr(maximum, HMLC_ATTR_axes))) {
        return HMLC_OK;
    }
    hmlc_value *x = HMLC_MATCHED_VALUE(match, 'x');
    return hmlc_build(builder, opcode, &x, 1, axes, 1, result);
}

static hmlc_status build_softmax(hmlc_builder *builder, const hmlc_match *match,
                                 hmlc_value **result)
{
    return build_rowwise(builder, match, HMLC_OP_softmax, result);
}

static hmlc_status build_log_softmax(hmlc_builder *builder, const hmlc_match *match,
                                     hmlc_value **result)
{
    return build_rowwise(builder, match, HMLC_OP_log_softmax, result);
}

#define SHIFTED "sub(x, M:reduce_max(x))"

static const hmlc_recognition rows[] = {
    {"div(exp(" SHIFTED "), S:reduce_sum(exp(" SHIFTED ")))", build_softmax},
    {"mul(exp(" SHIFTED "), reciprocal(S:reduce_sum(exp(" SHIFTED "))))", build_softmax},
    {"sub(" SHIFTED ", log(S:reduce_sum(exp(" SHIFTED "))))", build_log_softmax},
};

const hmlc_recognitions hmlc_recognize_softmax = {rows, sizeof(rows) / sizeof(rows[0])};

/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions: over nothing, over dims of size 1, of reductions, and with kept or dropped dims. */
#include <math.h>

#include "query.h"
#include "simplify.h"

/* Reductions that leave a single element as it is. */
static bool keeps_single_elements(hmlc_opcode opcode)
{
    return opcode == HMLC_OP_reduce_sum || opcode == HMLC_OP_reduce_mean ||
           opcode == HMLC_OP_reduce_max || opcode == HMLC_OP_reduce_min ||
           opcode == HMLC_OP_reduce_prod;
}

static hmlc_status reduce_single_elements(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    if (!keeps_single_elements(op->opcode)) {
        return HMLC_OK;
    }
    const hmlc_attr *axes = hmlc_list_attr(op, HMLC_ATTR_axes);
    for (uint32_t i = 0; i < axes->count; i++) {
        if (!hmlc_dim_is(x->type->dims[axes->as.integers[i]], 1)) {
            return HMLC_OK;
        }
    }
    const hmlc_type *type = op->results[0]->type;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    HMLC_TRY(hmlc_build_reshaped(&builder, x, type->dims, (uint32_t)type->rank, &x));
    return hmlc_rewrite_replace(rewriter, op, x);
}

/* The shape of reduce(x) with its reduced dims kept as 1 or dropped. */
static uint32_t reduced_shape(const hmlc_op *reduce, bool keep, hmlc_dim one, hmlc_dim *shape)
{
    const hmlc_type *type = reduce->operands[0].value->type;
    const hmlc_attr *axes = hmlc_list_attr(reduce, HMLC_ATTR_axes);
    uint32_t count = 0, next = 0;
    for (int32_t i = 0; i < type->rank; i++) {
        if (next < axes->count && axes->as.integers[next] == i) {
            next++;
            if (keep) {
                shape[count++] = one;
            }
        } else {
            shape[count++] = type->dims[i];
        }
    }
    return count;
}

/* reshape(reduce(x)) that only keeps or drops the reduced dims is reduce with the other keep_dims.
 */
static hmlc_status absorb_reshape(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *reduce = op->operands[0].value->producer;
    if (reduce == NULL || !keeps_single_elements(reduce->opcode) ||
        !hmlc_value_has_one_use(reduce->results[0])) {
        return HMLC_OK;
    }
    bool keep = hmlc_op_int(reduce, HMLC_ATTR_keep_dims) == 0;
    const hmlc_type *type = op->results[0]->type;
    hmlc_dim shape[HMLC_MAX_RANK];
    hmlc_dim one = hmlc_dim_constant(hmlc_rewrite_module(rewriter)->dims, 1);
    uint32_t rank = reduced_shape(reduce, keep, one, shape);
    if (rank != (uint32_t)type->rank || !hmlc_dims_equal(shape, type->dims, rank)) {
        return HMLC_OK;
    }
    hmlc_attr attrs[] = {*hmlc_list_attr(reduce, HMLC_ATTR_axes),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, keep)};
    return hmlc_rewrite_replace_op(rewriter, op, reduce->opcode, &reduce->operands[0].value, 1,
                                   attrs, 2);
}

/* Axes of the outer reduction in terms of the inner one's operand, joined with the inner's. */
static uint32_t join_axes(const hmlc_op *inner, const hmlc_attr *outer, int64_t *joined)
{
    const hmlc_attr *axes = hmlc_list_attr(inner, HMLC_ATTR_axes);
    bool keep = hmlc_op_int(inner, HMLC_ATTR_keep_dims) != 0;
    uint32_t count = 0, next_inner = 0, next_outer = 0;
    int64_t position = 0;
    for (int64_t i = 0; i < inner->operands[0].value->type->rank; i++) {
        bool inside = next_inner < axes->count && axes->as.integers[next_inner] == i;
        bool present = keep || !inside;
        bool outside =
            present && next_outer < outer->count && outer->as.integers[next_outer] == position;
        next_inner += inside ? 1 : 0;
        next_outer += outside ? 1 : 0;
        position += present ? 1 : 0;
        if (inside || outside) {
            joined[count++] = i;
        }
    }
    return count;
}

/* sum(sum(x)), max(max(x)) ... and mean(mean(x)), whose groups have one size. */
static hmlc_status merge_reductions(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *inner = hmlc_producer_of(op->operands[0].value, op->opcode);
    if (inner == NULL || !keeps_single_elements(op->opcode) ||
        !hmlc_value_has_one_use(inner->results[0])) {
        return HMLC_OK;
    }
    int64_t keep = hmlc_op_int(op, HMLC_ATTR_keep_dims);
    if (keep != hmlc_op_int(inner, HMLC_ATTR_keep_dims)) {
        return HMLC_OK;
    }
    int64_t joined[HMLC_MAX_RANK];
    uint32_t count = join_axes(inner, hmlc_list_attr(op, HMLC_ATTR_axes), joined);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, joined, count),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, keep)};
    return hmlc_rewrite_replace_op(rewriter, op, op->opcode, &inner->operands[0].value, 1, attrs,
                                   2);
}

/* sum / n over n elements is the mean. */
static hmlc_status divide_sum(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *sum = hmlc_producer_of(op->operands[0].value, HMLC_OP_reduce_sum);
    double number, count = 1.0;
    if (sum == NULL || !hmlc_is_float(op->results[0]) || !hmlc_value_has_one_use(sum->results[0]) ||
        !hmlc_value_splat(op->operands[1].value, &number)) {
        return HMLC_OK;
    }
    const hmlc_attr *axes = hmlc_list_attr(sum, HMLC_ATTR_axes);
    for (uint32_t i = 0; i < axes->count; i++) {
        int64_t size;
        if (!hmlc_dim_is_constant(sum->operands[0].value->type->dims[axes->as.integers[i]],
                                  &size)) {
            return HMLC_OK;
        }
        count *= (double)size;
    }
    double mean = op->opcode == HMLC_OP_div ? count / number : count * number;
    return fabs(mean - 1.0) < 1e-6
               ? hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_reduce_mean, &sum->operands[0].value,
                                         1, sum->attrs, sum->attr_count)
               : HMLC_OK;
}

/* A pool whose one window is the whole image is a reduction, which fuses with what stands around.
 */
static hmlc_status reduce_whole_window(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const hmlc_type *type = op->operands[0].value->type;
    const hmlc_attr *window = hmlc_list_attr(op, HMLC_ATTR_window);
    const hmlc_attr *dilations = hmlc_list_attr(op, HMLC_ATTR_dilations);
    const hmlc_attr *pads = hmlc_list_attr(op, HMLC_ATTR_pads);
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int64_t axes[HMLC_MAX_RANK];
    if (!hmlc_dims_all(pads->as.dims, pads->count, 0) ||
        !hmlc_ints_all(dilations->as.integers, dilations->count, 1)) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < window->count; i++) {
        axes[i] = i + (last ? 1 : 2);
        if (!hmlc_dim_is(type->dims[axes[i]], window->as.integers[i])) {
            return HMLC_OK;
        }
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, window->count),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, 1)};
    hmlc_opcode opcode = op->opcode == HMLC_OP_avg_pool ? HMLC_OP_reduce_mean : HMLC_OP_reduce_max;
    return hmlc_rewrite_replace_op(rewriter, op, opcode, &op->operands[0].value, 1, attrs, 2);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_REDUCTION, reduce_single_elements},
    {HMLC_OP_COUNT, HMLC_TRAIT_REDUCTION, merge_reductions},
    {HMLC_OP_reshape, 0, absorb_reshape},
    {HMLC_OP_mul, 0, divide_sum},
    {HMLC_OP_div, 0, divide_sum},
    {HMLC_OP_avg_pool, 0, reduce_whole_window},
    {HMLC_OP_max_pool, 0, reduce_whole_window},
};

const hmlc_rewrite_rules hmlc_simplify_reductions = HMLC_RULES(rules);

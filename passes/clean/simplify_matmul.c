/* SPDX-License-Identifier: Apache-2.0 */
/* Matmul: transposes into its flags, constants to rank 2, broadcast batches without expand. */
#include "query.h"
#include "simplify.h"

/* Is the last dim of the transpose's operand among the result's last two, but not its last? */
static bool swaps_last_dims(const int64_t *permutation, int32_t rank)
{
    return rank >= 2 && permutation[rank - 2] == rank - 1;
}

/* matmul(transpose(a), b): the exchange of the last two dims goes into the flag. */
static hmlc_status absorb_transpose(hmlc_rewriter *rewriter, hmlc_op *op, uint32_t index,
                                    hmlc_attr_name flag)
{
    hmlc_op *transpose = hmlc_producer_of(op->operands[index].value, HMLC_OP_transpose);
    if (transpose == NULL) {
        return HMLC_OK;
    }
    int32_t rank = transpose->results[0]->type->rank;
    const hmlc_attr *attr = hmlc_list_attr(transpose, HMLC_ATTR_permutation);
    int64_t permutation[HMLC_MAX_RANK];
    if (!swaps_last_dims(attr->as.integers, rank)) {
        return HMLC_OK;
    }
    for (int32_t i = 0; i < rank; i++) {
        permutation[i] = attr->as.integers[i];
    }
    permutation[rank - 2] = attr->as.integers[rank - 1];
    permutation[rank - 1] = attr->as.integers[rank - 2];
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {op->operands[0].value, op->operands[1].value};
    HMLC_TRY(hmlc_build_transpose(&builder, transpose->operands[0].value, permutation,
                                  &operands[index]));
    int64_t flags[] = {hmlc_op_int(op, HMLC_ATTR_transpose_a),
                       hmlc_op_int(op, HMLC_ATTR_transpose_b)};
    flags[flag == HMLC_ATTR_transpose_b] ^= 1;
    hmlc_attr attrs[3] = {hmlc_attr_int(HMLC_ATTR_transpose_a, flags[0]),
                          hmlc_attr_int(HMLC_ATTR_transpose_b, flags[1])};
    uint32_t count = hmlc_add_accumulator(op, attrs, 2);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_matmul, operands, 2, attrs, count);
}

static hmlc_status absorb_left_transpose(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return absorb_transpose(rewriter, op, 0, HMLC_ATTR_transpose_a);
}

static hmlc_status absorb_right_transpose(hmlc_rewriter *rewriter, hmlc_op *op)
{
    return absorb_transpose(rewriter, op, 1, HMLC_ATTR_transpose_b);
}

/* A constant right-hand side [1, ..., K, N] broadcasts as [K, N]. */
static hmlc_status flatten_constant(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *weights = op->operands[1].value;
    int32_t rank = weights->type->rank;
    if (rank <= 2 || !hmlc_is_constant(weights) || op->operands[0].value->type->rank < rank ||
        !hmlc_dims_all(weights->type->dims, (uint32_t)rank - 2, 1)) {
        return HMLC_OK;
    }
    hmlc_tensor tensor = *hmlc_value_constant(weights);
    tensor.rank = 2;
    tensor.dims[0] = tensor.dims[rank - 2];
    tensor.dims[1] = tensor.dims[rank - 1];
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[] = {op->operands[0].value, NULL};
    HMLC_TRY(hmlc_build_constant(&builder, &tensor, &operands[1]));
    return hmlc_rewrite_same_op(rewriter, op, operands, 2);
}

/* Does the expand repeat leading dims only, which matmul broadcasts by itself? */
static bool expands_batch_only(const hmlc_op *expand)
{
    const hmlc_type *small = expand->operands[0].value->type;
    const hmlc_type *large = expand->results[0]->type;
    if (small->rank < 2) {
        return false;
    }
    for (int32_t i = 0; i < large->rank; i++) {
        hmlc_dim dim = hmlc_aligned_dim(small, large->rank, i);
        bool repeats = dim != large->dims[i];
        if (repeats && (i >= large->rank - 2 || (dim != NULL && !hmlc_dim_is(dim, 1)))) {
            return false;
        }
    }
    return true;
}

/* Do the other operand's leading dims alone give the result's? */
static bool gives_batch(const hmlc_type *other, const hmlc_type *result)
{
    return other->rank == result->rank &&
           hmlc_dims_equal(other->dims, result->dims, (uint32_t)result->rank - 2);
}

static hmlc_status remove_batch_expand(hmlc_rewriter *rewriter, hmlc_op *op)
{
    for (uint32_t i = 0; i < 2; i++) {
        hmlc_op *expand = hmlc_producer_of(op->operands[i].value, HMLC_OP_expand);
        if (expand != NULL && expands_batch_only(expand) &&
            gives_batch(op->operands[1 - i].value->type, op->results[0]->type)) {
            return hmlc_rewrite_set_operand(rewriter, op, i, expand->operands[0].value);
        }
    }
    return HMLC_OK;
}

/*
 * matmul(a * s, b) is matmul(a, b) * s: behind the product, the scalar is part of the kernel that
 * makes it. Not for f16, where the order decides what overflows, nor before constants, which take
 * the scalar in.
 */
static hmlc_status sink_scalar(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_dtype dtype = op->results[0]->type->dtype;
    if (hmlc_is_constant(op->operands[1].value) ||
        (dtype != HMLC_DTYPE_f32 && dtype != HMLC_DTYPE_f64)) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < 2; i++) {
        hmlc_op *product = hmlc_producer_of(op->operands[i].value, HMLC_OP_mul);
        if (product == NULL || product->operands[1].value->type->rank != 0 ||
            !hmlc_is_mild_scale(product->operands[1].value) ||
            !hmlc_value_has_one_use(product->results[0])) {
            continue;
        }
        hmlc_value *operands[] = {op->operands[0].value, op->operands[1].value};
        operands[i] = product->operands[0].value;
        hmlc_value *scaled[] = {NULL, product->operands[1].value};
        hmlc_builder builder = hmlc_rewrite_builder(op);
        HMLC_TRY(hmlc_build(&builder, HMLC_OP_matmul, operands, 2, op->attrs, op->attr_count,
                            &scaled[0]));
        return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_mul, scaled, 2, NULL, 0);
    }
    return HMLC_OK;
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_matmul, 0, absorb_left_transpose}, {HMLC_OP_matmul, 0, absorb_right_transpose},
    {HMLC_OP_matmul, 0, flatten_constant},      {HMLC_OP_matmul, 0, remove_batch_expand},
    {HMLC_OP_matmul, 0, sink_scalar},
};

const hmlc_rewrite_rules hmlc_simplify_matmul = HMLC_RULES(rules);

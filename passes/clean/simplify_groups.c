/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grouped queries: keys and values that r query heads share are often repeated r times before the
 * matmul. The r heads are rows of one matmul instead, and nothing is repeated.
 */
#include "query.h"
#include "simplify.h"

/* matmul's right-hand side as reshape(expand(y)) with y [batch.., groups, 1, rows, columns]. */
typedef struct repeated {
    hmlc_value *source; /* y */
    hmlc_dim repeats;
    int32_t rank; /* of the right-hand side */
} repeated;

/* Is `expand` a repetition of dim rank - 3 alone, which was 1? */
static bool repeats_one_dim(const hmlc_type *small, const hmlc_type *large)
{
    if (small->rank != large->rank || small->rank < 4) {
        return false;
    }
    for (int32_t i = 0; i < small->rank; i++) {
        bool here = i == small->rank - 3;
        if (here ? !hmlc_dim_is(small->dims[i], 1) : small->dims[i] != large->dims[i]) {
            return false;
        }
    }
    return true;
}

static bool read_repeated(hmlc_dims *dims, const hmlc_value *value, repeated *found)
{
    const hmlc_op *reshape = hmlc_producer_of(value, HMLC_OP_reshape);
    const hmlc_op *expand =
        reshape != NULL ? hmlc_producer_of(reshape->operands[0].value, HMLC_OP_expand) : NULL;
    if (expand == NULL ||
        !repeats_one_dim(expand->operands[0].value->type, expand->results[0]->type)) {
        return false;
    }
    const hmlc_type *large = expand->results[0]->type;
    found->source = expand->operands[0].value;
    found->repeats = large->dims[large->rank - 3];
    found->rank = value->type->rank;
    if (found->rank != large->rank - 1) {
        return false;
    }
    for (int32_t i = 0; i < found->rank; i++) {
        int32_t from = i + (i > found->rank - 3 ? 1 : 0);
        hmlc_dim expected = large->dims[from];
        if (i == found->rank - 3) {
            expected = hmlc_dim_multiply(dims, expected, found->repeats);
        }
        if (value->type->dims[i] != expected) {
            return false;
        }
    }
    return true;
}

/* The left-hand side [.., groups * r, rows, k] as [.., groups, r * rows, k], without moving bytes.
 */
static hmlc_status build_rows(hmlc_builder *builder, const repeated *of, hmlc_value *left,
                              hmlc_value **result)
{
    hmlc_dim shape[HMLC_MAX_RANK] = {NULL};
    int32_t rank = left->type->rank;
    for (int32_t i = 0; i < rank; i++) {
        shape[i] = left->type->dims[i];
    }
    shape[rank - 3] = of->source->type->dims[rank - 3];
    shape[rank - 2] = hmlc_dim_multiply(builder->module->dims, of->repeats, shape[rank - 2]);
    return hmlc_build_reshape(builder, left, shape, (uint32_t)rank, result);
}

static hmlc_status build_source(hmlc_builder *builder, const repeated *of, hmlc_value **result)
{
    hmlc_dim shape[HMLC_MAX_RANK] = {NULL};
    for (int32_t i = 0; i < of->rank; i++) {
        shape[i] = of->source->type->dims[i + (i > of->rank - 3 ? 1 : 0)];
    }
    return hmlc_build_reshape(builder, of->source, shape, (uint32_t)of->rank, result);
}

static hmlc_status share_right_side(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *left = op->operands[0].value, *right = op->operands[1].value;
    repeated of;
    if (hmlc_op_int(op, HMLC_ATTR_transpose_a) != 0 || left->type->rank != right->type->rank ||
        !read_repeated(hmlc_rewrite_module(rewriter)->dims, right, &of) ||
        !hmlc_dims_equal(left->type->dims, right->type->dims, (uint32_t)of.rank - 2)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[2] = {NULL, NULL}, *product = NULL;
    const hmlc_type *type = op->results[0]->type;
    HMLC_TRY(build_rows(&builder, &of, left, &operands[0]));
    HMLC_TRY(build_source(&builder, &of, &operands[1]));
    HMLC_TRY(
        hmlc_build(&builder, HMLC_OP_matmul, operands, 2, op->attrs, op->attr_count, &product));
    HMLC_TRY(hmlc_build_reshape(&builder, product, type->dims, (uint32_t)type->rank, &product));
    return hmlc_rewrite_replace(rewriter, op, product);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_matmul, 0, share_right_side},
};

const hmlc_rewrite_rules hmlc_simplify_groups = HMLC_RULES(rules);

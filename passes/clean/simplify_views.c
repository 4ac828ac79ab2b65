/* SPDX-License-Identifier: Apache-2.0 */
/* Reshape, transpose and slice: chains merge, what moves nothing goes. */
#include "query.h"
#include "simplify.h"

static hmlc_status simplify_reshape(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    if (hmlc_type_equal(x->type, op->results[0]->type)) {
        return hmlc_rewrite_replace(rewriter, op, x);
    }
    hmlc_op *inner = hmlc_producer_of(x, HMLC_OP_reshape);
    return inner == NULL ? HMLC_OK
                         : hmlc_rewrite_same_op(rewriter, op, &inner->operands[0].value, 1);
}

/* Do the dims that are not 1 keep their order? */
static bool moves_only_ones(const hmlc_type *type, const int64_t *permutation)
{
    int64_t last = -1;
    for (int32_t i = 0; i < type->rank; i++) {
        if (hmlc_dim_is(type->dims[permutation[i]], 1)) {
            continue;
        }
        if (permutation[i] < last) {
            return false;
        }
        last = permutation[i];
    }
    return true;
}

static bool is_identity(const int64_t *permutation, int32_t rank)
{
    for (int32_t i = 0; i < rank; i++) {
        if (permutation[i] != i) {
            return false;
        }
    }
    return true;
}

static hmlc_status simplify_transpose(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    const hmlc_type *type = op->results[0]->type;
    const int64_t *permutation = hmlc_list_attr(op, HMLC_ATTR_permutation)->as.integers;
    if (is_identity(permutation, type->rank)) {
        return hmlc_rewrite_replace(rewriter, op, x);
    }
    if (moves_only_ones(x->type, permutation)) {
        hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
        return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_reshape, &x, 1, &shape, 1);
    }
    hmlc_op *inner = hmlc_producer_of(x, HMLC_OP_transpose);
    if (inner == NULL) {
        return HMLC_OK;
    }
    const int64_t *first = hmlc_list_attr(inner, HMLC_ATTR_permutation)->as.integers;
    int64_t merged[HMLC_MAX_RANK];
    for (int32_t i = 0; i < type->rank; i++) {
        merged[i] = first[permutation[i]];
    }
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, merged, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_transpose, &inner->operands[0].value, 1,
                                   &attr, 1);
}

static bool all_users_are(const hmlc_value *value, hmlc_opcode opcode)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        if (use->op->opcode != opcode) {
            return false;
        }
    }
    return value->uses != NULL;
}

/* A reshape that only joins dims: group g of the operand's dims becomes dim g. */
static bool joins_dims(hmlc_dims *dims, const hmlc_op *reshape, int32_t *ends)
{
    const hmlc_type *from = reshape->operands[0].value->type;
    const hmlc_type *to = reshape->results[0]->type;
    int32_t to_ends[HMLC_MAX_RANK + 1];
    int32_t groups = hmlc_reshape_groups(dims, from, to, ends, to_ends);
    for (int32_t i = 0; i < groups; i++) {
        if (to_ends[i] != i + 1) {
            return false;
        }
    }
    return groups > 0 && groups == to->rank;
}

/*
 * reshape(transpose(reshape(x))), the inner reshape joining dims: the transpose moves the groups of
 * x's dims, and the two reshapes meet.
 */
static hmlc_status transpose_before_reshape(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_op *reshape = hmlc_producer_of(op->operands[0].value, HMLC_OP_reshape);
    int32_t ends[HMLC_MAX_RANK + 1];
    if (reshape == NULL || !all_users_are(op->results[0], HMLC_OP_reshape) ||
        !joins_dims(hmlc_rewrite_module(rewriter)->dims, reshape, ends)) {
        return HMLC_OK;
    }
    const int64_t *groups = hmlc_list_attr(op, HMLC_ATTR_permutation)->as.integers;
    const hmlc_type *type = op->results[0]->type;
    int64_t permutation[HMLC_MAX_RANK];
    int32_t count = 0;
    for (int32_t i = 0; i < type->rank; i++) {
        for (int32_t k = groups[i] > 0 ? ends[groups[i] - 1] : 0; k < ends[groups[i]]; k++) {
            permutation[count++] = k;
        }
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *moved = NULL;
    HMLC_TRY(hmlc_build_transpose(&builder, reshape->operands[0].value, permutation, &moved));
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank);
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_reshape, &moved, 1, &shape, 1);
}

typedef struct slice_attrs {
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    uint32_t rank;
} slice_attrs;

static slice_attrs read_slice(const hmlc_op *op)
{
    slice_attrs slice = {.rank = (uint32_t)op->results[0]->type->rank};
    for (uint32_t i = 0; i < slice.rank; i++) {
        slice.starts[i] = hmlc_list_attr(op, HMLC_ATTR_starts)->as.dims[i];
        slice.sizes[i] = hmlc_list_attr(op, HMLC_ATTR_sizes)->as.dims[i];
        slice.steps[i] = hmlc_list_attr(op, HMLC_ATTR_steps)->as.dims[i];
    }
    return slice;
}

static hmlc_status replace_by_slice(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_value *x,
                                    const slice_attrs *slice)
{
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_starts, slice->starts, slice->rank),
        hmlc_attr_dims(HMLC_ATTR_sizes, slice->sizes, slice->rank),
        hmlc_attr_dims(HMLC_ATTR_steps, slice->steps, slice->rank),
    };
    return hmlc_rewrite_replace_op(rewriter, op, HMLC_OP_slice, &x, 1, attrs, 3);
}

/* The whole of its operand? Equal sizes with step 1 leave only start 0. */
static bool takes_all(const slice_attrs *slice, const hmlc_type *operand)
{
    return hmlc_dims_equal(slice->sizes, operand->dims, slice->rank) &&
           hmlc_dims_all(slice->steps, slice->rank, 1);
}

static hmlc_status merge_slices(hmlc_rewriter *rewriter, hmlc_op *op, const hmlc_op *inner)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    slice_attrs outer = read_slice(op);
    slice_attrs merged = read_slice(inner);
    for (uint32_t i = 0; i < merged.rank; i++) {
        hmlc_dim offset = hmlc_dim_multiply(dims, outer.starts[i], merged.steps[i]);
        merged.starts[i] = hmlc_dim_add(dims, merged.starts[i], offset);
        merged.steps[i] = hmlc_dim_multiply(dims, merged.steps[i], outer.steps[i]);
        merged.sizes[i] = outer.sizes[i];
    }
    return replace_by_slice(rewriter, op, inner->operands[0].value, &merged);
}

/* A slice that lies in one operand of a concat is a slice of that operand. */
static hmlc_status slice_concat(hmlc_rewriter *rewriter, hmlc_op *op, const hmlc_op *concat)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    int64_t axis = hmlc_op_int(concat, HMLC_ATTR_axis);
    slice_attrs slice = read_slice(op);
    if (!hmlc_dim_is(slice.steps[axis], 1)) {
        return HMLC_OK;
    }
    hmlc_dim begin = hmlc_dim_constant(dims, 0);
    hmlc_dim end = hmlc_dim_add(dims, slice.starts[axis], slice.sizes[axis]);
    for (uint32_t i = 0; i < concat->operand_count; i++) {
        hmlc_value *part = concat->operands[i].value;
        hmlc_dim part_end = hmlc_dim_add(dims, begin, part->type->dims[axis]);
        if (hmlc_dim_known_at_most(dims, begin, slice.starts[axis]) &&
            hmlc_dim_known_at_most(dims, end, part_end)) {
            slice.starts[axis] = hmlc_dim_subtract(dims, slice.starts[axis], begin);
            return replace_by_slice(rewriter, op, part, &slice);
        }
        if (!hmlc_dim_known_at_most(dims, part_end, slice.starts[axis])) {
            return HMLC_OK;
        }
        begin = part_end;
    }
    return HMLC_OK;
}

static hmlc_status simplify_slice(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_value *x = op->operands[0].value;
    slice_attrs slice = read_slice(op);
    if (takes_all(&slice, x->type)) {
        return hmlc_rewrite_replace(rewriter, op, x);
    }
    hmlc_op *inner = hmlc_producer_of(x, HMLC_OP_slice);
    if (inner != NULL) {
        return merge_slices(rewriter, op, inner);
    }
    inner = hmlc_producer_of(x, HMLC_OP_concat);
    return inner == NULL ? HMLC_OK : slice_concat(rewriter, op, inner);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_reshape, 0, simplify_reshape},
    {HMLC_OP_transpose, 0, simplify_transpose},
    {HMLC_OP_transpose, 0, transpose_before_reshape},
    {HMLC_OP_slice, 0, simplify_slice},
};

const hmlc_rewrite_rules hmlc_simplify_views = HMLC_RULES(rules);

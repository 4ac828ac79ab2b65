/* SPDX-License-Identifier: Apache-2.0 */
/* Access maps: composing view ops over strided memory. */
#include <hmlc/access.h>

static hmlc_dim number(hmlc_dims *dims, int64_t value)
{
    return hmlc_dim_constant(dims, value);
}

/* Row-major strides of access->dims, offset 0. */
static void make_dense(hmlc_dims *dims, hmlc_access *access)
{
    hmlc_dim stride = number(dims, 1);
    access->offset = number(dims, 0);
    for (int32_t i = access->rank - 1; i >= 0; --i) {
        access->strides[i] = stride;
        stride = hmlc_dim_multiply(dims, stride, access->dims[i]);
    }
}

void hmlc_access_of_type(hmlc_dims *dims, const hmlc_type *type, hmlc_access *access)
{
    access->rank = type->rank;
    for (int32_t i = 0; i < type->rank; ++i) {
        access->dims[i] = type->dims[i];
    }
    make_dense(dims, access);
}

void hmlc_access_of_value(hmlc_dims *dims, const hmlc_value *value, hmlc_access *access)
{
    hmlc_access_of_type(dims, value->type, access);
    for (int32_t i = 0; value->storage.strides != NULL && i < access->rank; ++i) {
        access->strides[i] = value->storage.strides[i];
    }
}

static void compose_transpose(const hmlc_op *view, const hmlc_access *operand, hmlc_access *result)
{
    const hmlc_attr *permutation = hmlc_op_attr(view, HMLC_ATTR_permutation);
    for (int32_t i = 0; i < operand->rank; ++i) {
        result->dims[i] = operand->dims[permutation->as.integers[i]];
        result->strides[i] = operand->strides[permutation->as.integers[i]];
    }
}

static void compose_slice(hmlc_dims *dims, const hmlc_op *view, const hmlc_access *operand,
                          hmlc_access *result)
{
    const hmlc_attr *starts = hmlc_op_attr(view, HMLC_ATTR_starts);
    const hmlc_attr *sizes = hmlc_op_attr(view, HMLC_ATTR_sizes);
    const hmlc_attr *steps = hmlc_op_attr(view, HMLC_ATTR_steps);
    for (int32_t i = 0; i < operand->rank; ++i) {
        hmlc_dim skipped = hmlc_dim_multiply(dims, starts->as.dims[i], operand->strides[i]);
        result->offset = hmlc_dim_add(dims, result->offset, skipped);
        result->dims[i] = sizes->as.dims[i];
        result->strides[i] = hmlc_dim_multiply(dims, steps->as.dims[i], operand->strides[i]);
    }
}

/* Stride 0 where a dim broadcasts, also where only the run knows that it is 1. */
static void compose_expand(hmlc_dims *dims, const hmlc_op *view, const hmlc_access *operand,
                           hmlc_access *result)
{
    const hmlc_attr *shape = hmlc_op_attr(view, HMLC_ATTR_shape);
    hmlc_dim zero = number(dims, 0), one = number(dims, 1);
    result->rank = (int32_t)shape->count;
    int32_t shift = result->rank - operand->rank;
    for (int32_t i = 0; i < result->rank; ++i) {
        result->dims[i] = shape->as.dims[i];
        result->strides[i] = zero;
        if (i < shift) {
            continue;
        }
        hmlc_dim dim = operand->dims[i - shift], stride = operand->strides[i - shift];
        result->strides[i] =
            hmlc_dim_known_equal(dims, dim, result->dims[i])
                ? stride
                : hmlc_dim_select(dims, hmlc_dim_equal(dims, dim, one), zero, stride);
    }
}

/* The stride of dims [first, end) taken as one; false where they do not lie behind each other. */
static bool merged_stride(hmlc_dims *dims, const hmlc_access *access, int32_t first, int32_t end,
                          hmlc_dim *stride)
{
    hmlc_dim expected = NULL;
    *stride = number(dims, 0);
    for (int32_t i = end - 1; i >= first; --i) {
        if (hmlc_dim_is(access->dims[i], 1)) {
            continue; /* the stride of a dim of 1 is never used */
        }
        if (expected == NULL) {
            *stride = access->strides[i];
        } else if (!hmlc_dim_known_equal(dims, expected, access->strides[i])) {
            return false;
        }
        expected = hmlc_dim_multiply(dims, access->strides[i], access->dims[i]);
    }
    return true;
}

/* Splits one dim of the given stride into result->dims [first, end). */
static void split_stride(hmlc_dims *dims, hmlc_dim stride, int32_t first, int32_t end,
                         hmlc_access *result)
{
    for (int32_t i = end - 1; i >= first; --i) {
        result->strides[i] = stride;
        stride = hmlc_dim_multiply(dims, stride, result->dims[i]);
    }
}

/* The map of the same elements under other dims. */
static bool reshape_access(hmlc_dims *dims, const hmlc_access *from, int32_t rank,
                           const hmlc_dim *to_dims, hmlc_access *result)
{
    int32_t from_ends[HMLC_MAX_RANK + 1], to_ends[HMLC_MAX_RANK + 1];
    hmlc_type from_type = {.rank = from->rank, .dims = from->dims};
    hmlc_type to_type = {.rank = rank, .dims = to_dims};
    hmlc_access made = {.rank = rank, .offset = from->offset};
    int32_t groups = hmlc_reshape_groups(dims, &from_type, &to_type, from_ends, to_ends);
    if (groups == 0) {
        groups = 1; /* a reshape keeps all elements, provable or not */
        from_ends[0] = from->rank;
        to_ends[0] = rank;
    }
    for (int32_t i = 0; i < rank; ++i) {
        made.dims[i] = to_dims[i];
    }
    for (int32_t g = 0, from_first = 0, to_first = 0; g < groups; ++g) {
        hmlc_dim stride;
        if (!merged_stride(dims, from, from_first, from_ends[g], &stride)) {
            return false;
        }
        split_stride(dims, stride, to_first, to_ends[g], &made);
        from_first = from_ends[g];
        to_first = to_ends[g];
    }
    *result = made;
    return true;
}

bool hmlc_access_compose(hmlc_dims *dims, const hmlc_op *view, const hmlc_access *operand,
                         hmlc_access *result)
{
    hmlc_access made = {.rank = operand->rank, .offset = operand->offset};
    switch (view->opcode) {
    case HMLC_OP_transpose:
        compose_transpose(view, operand, &made);
        break;
    case HMLC_OP_slice:
        compose_slice(dims, view, operand, &made);
        break;
    case HMLC_OP_expand:
        compose_expand(dims, view, operand, &made);
        break;
    case HMLC_OP_reshape: {
        const hmlc_attr *shape = hmlc_op_attr(view, HMLC_ATTR_shape);
        return reshape_access(dims, operand, (int32_t)shape->count, shape->as.dims, result);
    }
    default:
        return false;
    }
    *result = made;
    return true;
}

bool hmlc_access_invert(hmlc_dims *dims, const hmlc_op *view, const hmlc_access *result,
                        hmlc_access *operand)
{
    const hmlc_type *type = hmlc_op_operand(view, 0)->type;
    if (view->opcode == HMLC_OP_reshape) {
        return reshape_access(dims, result, type->rank, type->dims, operand);
    }
    if (view->opcode != HMLC_OP_transpose) {
        return false;
    }
    const hmlc_attr *permutation = hmlc_op_attr(view, HMLC_ATTR_permutation);
    hmlc_access made = {.rank = result->rank, .offset = result->offset};
    for (int32_t i = 0; i < result->rank; ++i) {
        made.dims[permutation->as.integers[i]] = result->dims[i];
        made.strides[permutation->as.integers[i]] = result->strides[i];
    }
    *operand = made;
    return true;
}

/* Do operand dims [0, left) and result dims [0, right) of the two lists hold equally many elements?
 */
static bool equal_products(hmlc_dims *dims, const hmlc_dim *operand, int32_t left,
                           const hmlc_dim *result, int32_t right)
{
    hmlc_dim a = number(dims, 1), b = a;
    for (int32_t i = 0; i < left; ++i) {
        a = hmlc_dim_multiply(dims, a, operand[i]);
    }
    for (int32_t i = 0; i < right; ++i) {
        b = hmlc_dim_multiply(dims, b, result[i]);
    }
    return hmlc_dim_known_equal(dims, a, b);
}

/* The smallest leading runs with equal products; false where there are none. */
static bool next_group(hmlc_dims *dims, const hmlc_dim *operand, int32_t operand_rank,
                       const hmlc_dim *result, int32_t result_rank, int32_t *left, int32_t *right)
{
    for (int32_t total = 2; total <= operand_rank + result_rank; ++total) {
        for (*left = 1; *left < total && *left <= operand_rank; ++*left) {
            *right = total - *left;
            if (*right <= result_rank && equal_products(dims, operand, *left, result, *right)) {
                return true;
            }
        }
    }
    return false;
}

static bool all_ones(const hmlc_dim *dims, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        if (!hmlc_dim_is(dims[i], 1)) {
            return false;
        }
    }
    return true;
}

int32_t hmlc_reshape_groups(hmlc_dims *dims, const hmlc_type *operand, const hmlc_type *result,
                            int32_t operand_ends[HMLC_MAX_RANK + 1],
                            int32_t result_ends[HMLC_MAX_RANK + 1])
{
    int32_t groups = 0, i = 0, k = 0, left, right;
    while (i < operand->rank && k < result->rank &&
           next_group(dims, operand->dims + i, operand->rank - i, result->dims + k,
                      result->rank - k, &left, &right)) {
        i += left;
        k += right;
        operand_ends[groups] = i;
        result_ends[groups++] = k;
    }
    if (!all_ones(operand->dims + i, operand->rank - i) ||
        !all_ones(result->dims + k, result->rank - k)) {
        return 0;
    }
    groups += groups == 0;
    operand_ends[groups - 1] = operand->rank; /* dims of 1 at the end join the last group */
    result_ends[groups - 1] = result->rank;
    return groups;
}

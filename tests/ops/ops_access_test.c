/* SPDX-License-Identifier: Apache-2.0 */
/* Access maps: every element of a chain of views lies where the map says. */
#include "ops_testing.h"

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* A number in [0, limit); 0 when that is empty. */
static int64_t below(uint64_t *seed, int64_t limit)
{
    return limit > 0 ? (int64_t)(next_random(seed) % (uint64_t)limit) : 0;
}

/* Adds one random view of `x`. */
static hmlc_op *random_view(ops_test *test, hmlc_value *x, uint64_t *seed)
{
    const hmlc_type *type = x->type;
    hmlc_dims *dims = test->module->dims;
    hmlc_dim a[HMLC_MAX_RANK], b[HMLC_MAX_RANK], c[HMLC_MAX_RANK];
    int64_t order[HMLC_MAX_RANK] = {0}, size[HMLC_MAX_RANK] = {0};
    for (int32_t i = 0; i < type->rank; ++i) {
        hmlc_dim_is_constant(type->dims[i], &size[i]);
        order[i] = i;
    }
    uint32_t rank = (uint32_t)type->rank;
    switch (next_random(seed) % 4) {
    case 0:
        for (uint32_t i = rank; i > 1; --i) {
            uint32_t k = (uint32_t)below(seed, i);
            int64_t swap = order[i - 1];
            order[i - 1] = order[k];
            order[k] = swap;
        }
        return ops_build(test, HMLC_OP_transpose, OPERANDS(x),
                         ATTRS(hmlc_attr_ints(HMLC_ATTR_permutation, order, rank)));
    case 1:
        for (uint32_t i = 0; i < rank; ++i) {
            bool back = next_random(seed) % 2 != 0 && size[i] > 1;
            int64_t taken = 1 + below(seed, size[i]);
            int64_t start = below(seed, size[i] - taken + 1);
            a[i] = hmlc_dim_constant(dims, back ? start + taken - 1 : start);
            b[i] = hmlc_dim_constant(dims, taken);
            c[i] = hmlc_dim_constant(dims, back ? -1 : 1);
        }
        return ops_build(test, HMLC_OP_slice, OPERANDS(x),
                         ATTRS(hmlc_attr_dims(HMLC_ATTR_starts, a, rank),
                               hmlc_attr_dims(HMLC_ATTR_sizes, b, rank),
                               hmlc_attr_dims(HMLC_ATTR_steps, c, rank)));
    case 2:
        for (uint32_t i = 0; i < rank; ++i) {
            a[i] = hmlc_dim_constant(dims, size[i] == 1 ? 2 : size[i]);
        }
        return ops_build(test, HMLC_OP_expand, OPERANDS(x),
                         ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, a, rank)));
    default: {
        uint32_t made = 0;
        for (uint32_t i = 0; i < rank; ++i) { /* splits even dims, merges some neighbours */
            bool merge = made > 0 && next_random(seed) % 3 == 0;
            bool split = size[i] % 2 == 0 && size[i] > 2 && made + 2 < 6;
            if (merge) {
                a[made - 1] = hmlc_dim_multiply(dims, a[made - 1], type->dims[i]);
            } else if (split) {
                a[made++] = hmlc_dim_constant(dims, 2);
                a[made++] = hmlc_dim_constant(dims, size[i] / 2);
            } else {
                a[made++] = type->dims[i];
            }
        }
        return ops_build(test, HMLC_OP_reshape, OPERANDS(x),
                         ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, a, made)));
    }
    }
}

/* Offset of element `number` (row-major) of a map with constant dims and strides. */
static int64_t offset_of(const hmlc_access *access, int64_t number)
{
    int64_t offset, dim, stride;
    assert_true(hmlc_dim_is_constant(access->offset, &offset));
    for (int32_t i = access->rank - 1; i >= 0; --i) {
        assert_true(hmlc_dim_is_constant(access->dims[i], &dim));
        assert_true(hmlc_dim_is_constant(access->strides[i], &stride));
        offset += number % dim * stride;
        number /= dim;
    }
    return offset;
}

static hmlc_value *folded(ops_test *test, hmlc_op *op)
{
    hmlc_tensor tensor;
    hmlc_value *value;
    ops_evaluate(test, op, &tensor);
    assert_int_equal(hmlc_build_constant(&test->builder, &tensor, &value), HMLC_OK);
    return value;
}

static void composed_maps_find_every_element(void **state)
{
    ops_test *test = *state;
    uint64_t seed = 1;
    int composed = 0;
    for (int chain = 0; chain < 200; ++chain) {
        /* Elements are their own numbers in the base. */
        double numbers[48];
        for (int i = 0; i < 48; ++i) {
            numbers[i] = i;
        }
        hmlc_value *x = ops_constant(test, HMLC_DTYPE_i32, SHAPE(2, 1, 6, 4), numbers);
        hmlc_access access;
        hmlc_access_of_type(test->module->dims, x->type, &access);
        for (int step = 0; step < 4; ++step) {
            hmlc_op *view = random_view(test, x, &seed);
            if (!hmlc_access_compose(test->module->dims, view, &access, &access)) {
                assert_int_equal(view->opcode, HMLC_OP_reshape);
                break;
            }
            x = folded(test, view);
            const hmlc_tensor *tensor = hmlc_value_constant(x);
            for (int64_t i = 0; i < hmlc_tensor_count(tensor); ++i) {
                assert_int_equal(hmlc_tensor_get_int(tensor, i), offset_of(&access, i));
            }
            composed++;
        }
    }
    assert_true(composed > 300);
}

/* A view's operand stored through the inverted map lies as the result is laid out. */
static void inverted_maps_store_where_the_result_is_read(void **state)
{
    ops_test *test = *state;
    double numbers[24];
    for (int i = 0; i < 24; ++i) {
        numbers[i] = i;
    }
    hmlc_value *x = ops_constant(test, HMLC_DTYPE_i32, SHAPE(2, 3, 4), numbers);
    hmlc_op *views[] = {
        ops_build(test, HMLC_OP_transpose, OPERANDS(x), ATTRS(INTS_ATTR(permutation, 2, 0, 1))),
        ops_build(test, HMLC_OP_reshape, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "6, 2, 2"))),
    };
    for (int v = 0; v < 2; ++v) {
        hmlc_access result, operand;
        hmlc_access_of_type(test->module->dims, views[v]->results[0]->type, &result);
        assert_true(hmlc_access_invert(test->module->dims, views[v], &result, &operand));
        const hmlc_tensor *read = hmlc_value_constant(folded(test, views[v]));
        for (int64_t i = 0; i < 24; ++i) {
            assert_int_equal(hmlc_tensor_get_int(read, offset_of(&operand, i)), i);
        }
    }
}

static void not_all_views_invert(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "2, 3");
    hmlc_op *view =
        ops_build(test, HMLC_OP_expand, OPERANDS(x), ATTRS(DIMS_ATTR(test, shape, "4, 2, 3")));
    hmlc_access result, operand;
    hmlc_access_of_type(test->module->dims, view->results[0]->type, &result);
    assert_false(hmlc_access_invert(test->module->dims, view, &result, &operand));
}

static void merging_transposed_dims_is_not_affine(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, seq, 8");
    hmlc_op *swap =
        ops_build(test, HMLC_OP_transpose, OPERANDS(x), ATTRS(INTS_ATTR(permutation, 0, 2, 1)));
    hmlc_op *merge = ops_build(test, HMLC_OP_reshape, OPERANDS(swap->results[0]),
                               ATTRS(DIMS_ATTR(test, shape, "batch, 8*seq")));
    hmlc_access access;
    hmlc_access_of_type(test->module->dims, x->type, &access);
    assert_true(hmlc_access_compose(test->module->dims, swap, &access, &access));
    assert_false(hmlc_access_compose(test->module->dims, merge, &access, &access));
}

static void symbolic_heads_split_and_swap(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, seq, 768");
    hmlc_op *split = ops_build(test, HMLC_OP_reshape, OPERANDS(x),
                               ATTRS(DIMS_ATTR(test, shape, "batch, seq, 12, 64")));
    hmlc_op *swap = ops_build(test, HMLC_OP_transpose, OPERANDS(split->results[0]),
                              ATTRS(INTS_ATTR(permutation, 0, 2, 1, 3)));
    hmlc_access access;
    hmlc_access_of_type(test->module->dims, x->type, &access);
    assert_true(hmlc_access_compose(test->module->dims, split, &access, &access));
    assert_true(hmlc_access_compose(test->module->dims, swap, &access, &access));
    assert_true(hmlc_dim_is(access.strides[3], 1));
    assert_true(hmlc_dim_is(access.strides[2], 768));
    assert_true(hmlc_dim_is(access.strides[1], 64));
}

static void reshape_groups_are_the_finest(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, seq, 12, 64, 1");
    hmlc_op *op = ops_build(test, HMLC_OP_reshape, OPERANDS(x),
                            ATTRS(DIMS_ATTR(test, shape, "batch*seq, 768")));
    int32_t left[HMLC_MAX_RANK + 1], right[HMLC_MAX_RANK + 1];
    assert_int_equal(
        hmlc_reshape_groups(test->module->dims, x->type, op->results[0]->type, left, right), 2);
    assert_int_equal(left[0], 2);
    assert_int_equal(right[0], 1);
    assert_int_equal(left[1], 5);
    assert_int_equal(right[1], 2);
    hmlc_value *y = ops_input(test, HMLC_DTYPE_f32, "n");
    assert_int_equal(hmlc_reshape_groups(test->module->dims, x->type, y->type, left, right), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(composed_maps_find_every_element),
        OPS_TEST(inverted_maps_store_where_the_result_is_read),
        OPS_TEST(not_all_views_invert),
        OPS_TEST(merging_transposed_dims_is_not_affine),
        OPS_TEST(symbolic_heads_split_and_swap),
        OPS_TEST(reshape_groups_are_the_finest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

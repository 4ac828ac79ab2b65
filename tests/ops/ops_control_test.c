/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of ops with regions, and of bind_dims. */
#include "ops_testing.h"

static hmlc_region *region_of(ops_test *test, hmlc_value *const *yields, uint32_t count)
{
    hmlc_region *region = hmlc_region_create(test->module, NULL);
    hmlc_builder inside = hmlc_builder_at_end(region);
    assert_int_equal(hmlc_build_yield(&inside, yields, count), HMLC_OK);
    return region;
}

static hmlc_status build_if(ops_test *test, hmlc_value *condition, hmlc_value *a, hmlc_value *b,
                            hmlc_op **op)
{
    hmlc_region *regions[] = {region_of(test, &a, 1), region_of(test, &b, 1)};
    return hmlc_op_create_with_regions(&test->builder, HMLC_OP_if, &condition, 1, NULL, 0, regions,
                                       2, op);
}

static void if_keeps_dims_that_agree(void **state)
{
    ops_test *test = *state;
    hmlc_value *condition = ops_input(test, HMLC_DTYPE_bool, "1");
    hmlc_value *a = ops_input(test, HMLC_DTYPE_f32, "batch, 3");
    hmlc_value *b = ops_input(test, HMLC_DTYPE_f32, "batch, 5");
    hmlc_op *op;
    assert_int_equal(build_if(test, condition, a, b, &op), HMLC_OK);
    const hmlc_type *type = op->results[0]->type;
    assert_ptr_equal(type->dims[0], a->type->dims[0]);
    assert_true(type->dims[1]->symbol->bound_at_run);
}

static void if_needs_agreeing_regions(void **state)
{
    ops_test *test = *state;
    hmlc_value *condition = ops_input(test, HMLC_DTYPE_bool, "");
    hmlc_value *number = ops_input(test, HMLC_DTYPE_f32, "");
    hmlc_value *a = ops_input(test, HMLC_DTYPE_f32, "3");
    hmlc_value *other_type = ops_input(test, HMLC_DTYPE_i32, "3");
    hmlc_value *other_rank = ops_input(test, HMLC_DTYPE_f32, "3, 1");
    hmlc_op *op;
    assert_int_equal(build_if(test, condition, a, other_type, &op), HMLC_DAMAGED);
    assert_int_equal(build_if(test, condition, a, other_rank, &op), HMLC_REFUSED);
    assert_int_equal(build_if(test, number, a, a, &op), HMLC_REFUSED);
}

static void kernel_arguments_have_the_operands_types(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "n");
    hmlc_value *y = ops_input(test, HMLC_DTYPE_f32, "m");
    hmlc_region *region = hmlc_region_create(test->module, NULL);
    hmlc_value *argument = hmlc_region_add_argument(region, y->type, NULL);
    hmlc_builder inside = hmlc_builder_at_end(region);
    assert_int_equal(hmlc_build_yield(&inside, &argument, 1), HMLC_OK);
    hmlc_attr form = INT_ATTR(form, HMLC_FORM_LOOP);
    hmlc_op *op;
    assert_int_equal(hmlc_op_create_with_regions(&test->builder, HMLC_OP_kernel, &x, 1, &form, 1,
                                                 &region, 1, &op),
                     HMLC_DAMAGED);
    assert_int_equal(hmlc_op_create_with_regions(&test->builder, HMLC_OP_kernel, &y, 1, &form, 1,
                                                 &region, 1, &op),
                     HMLC_OK);
    ops_expect_type(op, 0, "f32[m]");
}

static void bind_dims_needs_one_symbol_per_element(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_i64, "2");
    ops_build(test, HMLC_OP_bind_dims, OPERANDS(x), ATTRS(DIMS_ATTR(test, symbols, "a, b")));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "1 symbols for 2 elements", HMLC_OP_bind_dims,
               OPERANDS(x), ATTRS(DIMS_ATTR(test, symbols, "a")));
    ops_refuse(test, HMLC_ERROR_graph_invalid, "expected a symbol", HMLC_OP_bind_dims, OPERANDS(x),
               ATTRS(DIMS_ATTR(test, symbols, "a, 2*b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(if_keeps_dims_that_agree),
        OPS_TEST(if_needs_agreeing_regions),
        OPS_TEST(kernel_arguments_have_the_operands_types),
        OPS_TEST(bind_dims_needs_one_symbol_per_element),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

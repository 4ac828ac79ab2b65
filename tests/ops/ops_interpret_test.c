/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter on small graphs: symbols, regions, releases, refusals. */
#include "ops_testing.h"

#include <string.h>

static void yield_all(ops_test *test, hmlc_value *const *values, uint32_t count)
{
    assert_int_equal(hmlc_build_yield(&test->builder, values, count), HMLC_OK);
}

static hmlc_tensor tensor_f32(const float *values, const int64_t *dims, int32_t rank)
{
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f32, .rank = rank, .data = values};
    for (int32_t i = 0; i < rank; ++i) {
        tensor.dims[i] = dims[i];
    }
    tensor.bytes = (size_t)hmlc_tensor_count(&tensor) * sizeof(float);
    return tensor;
}

static const float numbers[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

static void symbols_come_from_inputs(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, 2*half");
    hmlc_op *shape = ops_build(test, HMLC_OP_dims_tensor, NO_OPERANDS,
                               ATTRS(DTYPE_ATTR(to, i64), DIMS_ATTR(test, elements, "batch, half"),
                                     DIMS_ATTR(test, shape, "2")));
    hmlc_op *flat = ops_build(test, HMLC_OP_reshape, OPERANDS(x),
                              ATTRS(DIMS_ATTR(test, shape, "2*batch*half")));
    hmlc_op *sum = ops_build(test, HMLC_OP_reduce_sum, OPERANDS(flat->results[0]),
                             ATTRS(INTS_ATTR(axes, 0), INT_ATTR(keep_dims, 0)));
    yield_all(test, (hmlc_value *[]){shape->results[0], sum->results[0]}, 2);
    hmlc_tensor input = tensor_f32(numbers, SHAPE(2, 6)), outputs[2];
    assert_int_equal(hmlc_interpret(test->module, &input, 1, test->module->arena, outputs, 2),
                     HMLC_OK);
    assert_int_equal(hmlc_tensor_get_int(&outputs[0], 0), 2);
    assert_int_equal(hmlc_tensor_get_int(&outputs[0], 1), 3);
    assert_true(hmlc_tensor_get_double(&outputs[1], 0) == 78);
}

static void inputs_that_do_not_fit_are_refused(void **state)
{
    ops_test *test = *state;
    hmlc_symbol *batch = hmlc_symbol_get(test->module->dims, "batch");
    batch->maximum = 2;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "batch, 3");
    hmlc_value *y = ops_input(test, HMLC_DTYPE_f32, "batch, n");
    hmlc_op *sum = ops_build(test, HMLC_OP_matmul, OPERANDS(x, y), ATTRS(INT_ATTR(transpose_b, 1)));
    yield_all(test, (hmlc_value *[]){sum->results[0]}, 1);
    static const struct {
        int64_t x[2], y[2];
        hmlc_status status;
    } cases[] = {
        {{2, 3}, {2, 3}, HMLC_OK},    {{3, 3}, {3, 3}, HMLC_USAGE}, /* range of batch */
        {{2, 4}, {2, 4}, HMLC_USAGE},                               /* 3 is fixed */
        {{2, 3}, {1, 3}, HMLC_USAGE},                               /* two values of batch */
        {{2, 3}, {2, 4}, HMLC_USAGE},                               /* n must be 3 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
        hmlc_tensor inputs[] = {tensor_f32(numbers, cases[i].x, 2),
                                tensor_f32(numbers, cases[i].y, 2)};
        hmlc_tensor output;
        assert_int_equal(hmlc_interpret(test->module, inputs, 2, test->module->arena, &output, 1),
                         cases[i].status);
    }
    hmlc_tensor wrong[] = {tensor_f32(numbers, SHAPE(6)), tensor_f32(numbers, SHAPE(2, 3))};
    hmlc_tensor output;
    assert_int_equal(hmlc_interpret(test->module, wrong, 2, test->module->arena, &output, 1),
                     HMLC_USAGE);
    assert_int_equal(hmlc_interpret(test->module, wrong, 1, test->module->arena, &output, 1),
                     HMLC_USAGE);
}

static void linear_expressions_solve(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "past + seq, seq + 1");
    yield_all(test, &x, 1);
    int64_t symbols[2];
    hmlc_tensor input = tensor_f32(numbers, SHAPE(4, 3));
    assert_int_equal(hmlc_bind_inputs(test->module, &input, 1, symbols), HMLC_OK);
    const hmlc_symbol *past = hmlc_symbol_get(test->module->dims, "past");
    const hmlc_symbol *seq = hmlc_symbol_get(test->module->dims, "seq");
    assert_int_equal(symbols[past->index], 2);
    assert_int_equal(symbols[seq->index], 2);
}

static void run_time_symbols_are_bound(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "n");
    hmlc_symbol *found = hmlc_symbol_fresh(test->module->dims, "found");
    hmlc_dim count = hmlc_dim_symbol(test->module->dims, found);
    hmlc_op *counted = ops_build(test, HMLC_OP_nonzero_count, OPERANDS(x), NO_ATTRS);
    ops_build(test, HMLC_OP_bind_dims, OPERANDS(counted->results[0]),
              ATTRS(hmlc_attr_dims(HMLC_ATTR_symbols, &count, 1)));
    hmlc_op *list = ops_build(test, HMLC_OP_nonzero, OPERANDS(x),
                              ATTRS(hmlc_attr_dims(HMLC_ATTR_count, &count, 1)));
    yield_all(test, (hmlc_value *[]){list->results[0]}, 1);
    static const float sparse[5] = {0, 3, 0, 0, 1};
    hmlc_tensor input = tensor_f32(sparse, SHAPE(5)), output;
    assert_int_equal(hmlc_interpret(test->module, &input, 1, test->module->arena, &output, 1),
                     HMLC_OK);
    assert_int_equal(output.dims[1], 2);
    assert_int_equal(hmlc_tensor_get_int(&output, 0), 1);
    assert_int_equal(hmlc_tensor_get_int(&output, 1), 4);
}

/* A region of the builder's module that a callback fills. */
static hmlc_value *negated(hmlc_builder *builder, hmlc_value *x)
{
    hmlc_value *y;
    assert_int_equal(hmlc_build_unary(builder, HMLC_OP_neg, x, &y), HMLC_OK);
    return y;
}

static void if_takes_one_region(void **state)
{
    ops_test *test = *state;
    hmlc_value *condition = ops_input(test, HMLC_DTYPE_bool, "");
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "4");
    hmlc_region *regions[] = {hmlc_region_create(test->module, NULL),
                              hmlc_region_create(test->module, NULL)};
    hmlc_builder then = hmlc_builder_at_end(regions[0]), other = hmlc_builder_at_end(regions[1]);
    hmlc_value *whole = negated(&then, x), *half;
    hmlc_attr slice[] = {DIMS_ATTR(test, starts, "1"), DIMS_ATTR(test, sizes, "2"),
                         DIMS_ATTR(test, steps, "1")};
    assert_int_equal(hmlc_build(&other, HMLC_OP_slice, &x, 1, slice, 3, &half), HMLC_OK);
    assert_int_equal(hmlc_build_yield(&then, &whole, 1), HMLC_OK);
    assert_int_equal(hmlc_build_yield(&other, &half, 1), HMLC_OK);
    hmlc_op *op;
    assert_int_equal(hmlc_op_create_with_regions(&test->builder, HMLC_OP_if, &condition, 1, NULL, 0,
                                                 regions, 2, &op),
                     HMLC_OK);
    yield_all(test, op->results, 1);
    assert_true(op->results[0]->type->dims[0]->symbol->bound_at_run);
    /* It infers again, and must find the same symbol. */
    assert_int_equal(hmlc_verify(test->module, "test"), HMLC_OK);
    for (uint8_t taken = 0; taken < 2; ++taken) {
        hmlc_tensor inputs[] = {{.dtype = HMLC_DTYPE_bool, .data = &taken, .bytes = 1},
                                tensor_f32(numbers, SHAPE(4))};
        hmlc_tensor output;
        assert_int_equal(hmlc_interpret(test->module, inputs, 2, test->module->arena, &output, 1),
                         HMLC_OK);
        assert_int_equal(output.dims[0], taken ? 4 : 2);
        assert_true(hmlc_tensor_get_double(&output, 0) == (taken ? -1 : 2));
    }
}

static void kernels_run_their_region(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "n");
    hmlc_region *region = hmlc_region_create(test->module, NULL);
    hmlc_value *argument = hmlc_region_add_argument(region, x->type, NULL);
    hmlc_builder inside = hmlc_builder_at_end(region);
    hmlc_value *y = negated(&inside, argument);
    hmlc_value *yields[] = {y, argument};
    assert_int_equal(hmlc_build_yield(&inside, yields, 2), HMLC_OK);
    hmlc_op *op;
    hmlc_attr form = INT_ATTR(form, HMLC_FORM_LOOP);
    assert_int_equal(hmlc_op_create_with_regions(&test->builder, HMLC_OP_kernel, &x, 1, &form, 1,
                                                 &region, 1, &op),
                     HMLC_OK);
    ops_expect_type(op, 0, "f32[n]");
    yield_all(test, op->results, 2);
    hmlc_tensor input = tensor_f32(numbers, SHAPE(3)), outputs[2];
    assert_int_equal(hmlc_interpret(test->module, &input, 1, test->module->arena, outputs, 2),
                     HMLC_OK);
    assert_true(hmlc_tensor_get_double(&outputs[0], 2) == -3);
    assert_true(hmlc_tensor_get_double(&outputs[1], 2) == 3);
}

/* x doubles in each of n steps; the value before doubling is scanned. */
static void loops_carry_and_scan(void **state)
{
    ops_test *test = *state;
    hmlc_value *trips = ops_input(test, HMLC_DTYPE_i64, "");
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "2");
    hmlc_region *region = hmlc_region_create(test->module, NULL);
    hmlc_arena *arena = test->module->arena;
    hmlc_region_add_argument(region, hmlc_type_tensor(arena, HMLC_DTYPE_i64, 0, NULL), NULL);
    hmlc_value *condition =
        hmlc_region_add_argument(region, hmlc_type_tensor(arena, HMLC_DTYPE_bool, 0, NULL), NULL);
    hmlc_value *carried = hmlc_region_add_argument(region, x->type, NULL);
    hmlc_builder inside = hmlc_builder_at_end(region);
    hmlc_value *twice;
    assert_int_equal(hmlc_build_binary(&inside, HMLC_OP_add, carried, carried, &twice), HMLC_OK);
    hmlc_value *yields[] = {condition, twice, carried};
    assert_int_equal(hmlc_build_yield(&inside, yields, 3), HMLC_OK);
    hmlc_op *op;
    hmlc_value *operands[] = {trips, ops_constant(test, HMLC_DTYPE_bool, SCALAR, FLOATS(1)), x};
    assert_int_equal(hmlc_op_create_with_regions(&test->builder, HMLC_OP_loop, operands, 3, NULL, 0,
                                                 &region, 1, &op),
                     HMLC_OK);
    ops_expect_type(op, 0, "f32[2]");
    yield_all(test, op->results, 2);
    int64_t count = 3;
    hmlc_tensor inputs[] = {{.dtype = HMLC_DTYPE_i64, .data = &count, .bytes = sizeof count},
                            tensor_f32(numbers, SHAPE(2))};
    hmlc_tensor outputs[2];
    assert_int_equal(hmlc_interpret(test->module, inputs, 2, arena, outputs, 2), HMLC_OK);
    assert_true(hmlc_tensor_get_double(&outputs[0], 1) == 16);
    assert_int_equal(outputs[1].dims[0], 3);
    assert_true(hmlc_tensor_get_double(&outputs[1], 4) == 4);
    count = 0;
    assert_int_equal(hmlc_interpret(test->module, inputs, 2, arena, outputs, 2), HMLC_OK);
    assert_true(hmlc_tensor_get_double(&outputs[0], 1) == 2);
    assert_int_equal(outputs[1].dims[0], 0);
}

/* Running sums over rows. */
static void scans_walk_rows(void **state)
{
    ops_test *test = *state;
    hmlc_value *sum = ops_input(test, HMLC_DTYPE_f32, "2");
    hmlc_value *rows = ops_input(test, HMLC_DTYPE_f32, "n, 2");
    hmlc_region *region = hmlc_region_create(test->module, NULL);
    hmlc_value *carried = hmlc_region_add_argument(region, sum->type, NULL);
    hmlc_value *row = hmlc_region_add_argument(region, sum->type, NULL);
    hmlc_builder inside = hmlc_builder_at_end(region);
    hmlc_value *next;
    assert_int_equal(hmlc_build_binary(&inside, HMLC_OP_add, carried, row, &next), HMLC_OK);
    hmlc_value *yields[] = {next, next};
    assert_int_equal(hmlc_build_yield(&inside, yields, 2), HMLC_OK);
    hmlc_op *op;
    hmlc_value *operands[] = {sum, rows};
    hmlc_attr attr = INT_ATTR(input_count, 1);
    assert_int_equal(hmlc_op_create_with_regions(&test->builder, HMLC_OP_scan, operands, 2, &attr,
                                                 1, &region, 1, &op),
                     HMLC_OK);
    ops_expect_type(op, 1, "f32[n, 2]");
    yield_all(test, op->results, 2);
    hmlc_tensor inputs[] = {tensor_f32(numbers, SHAPE(2)), tensor_f32(numbers, SHAPE(3, 2))};
    hmlc_tensor outputs[2];
    assert_int_equal(hmlc_interpret(test->module, inputs, 2, test->module->arena, outputs, 2),
                     HMLC_OK);
    assert_true(hmlc_tensor_get_double(&outputs[0], 0) == 10);
    assert_true(hmlc_tensor_get_double(&outputs[1], 3) == 8);
}

static void indices_of_a_run_are_checked(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "n");
    hmlc_value *i = ops_input(test, HMLC_DTYPE_i64, "1");
    hmlc_op *op = ops_build(test, HMLC_OP_gather, OPERANDS(x, i), ATTRS(INT_ATTR(axis, 0)));
    yield_all(test, op->results, 1);
    for (int64_t index = -4; index < 5; ++index) {
        hmlc_tensor inputs[] = {
            tensor_f32(numbers, SHAPE(3)),
            {.dtype = HMLC_DTYPE_i64, .rank = 1, .dims = {1}, .data = &index, .bytes = 8}};
        hmlc_tensor output;
        hmlc_status expected = index >= -3 && index < 3 ? HMLC_OK : HMLC_USAGE;
        assert_int_equal(hmlc_interpret(test->module, inputs, 2, test->module->arena, &output, 1),
                         expected);
    }
}

static void broadcasts_decide_at_run_time(void **state)
{
    ops_test *test = *state;
    hmlc_value *x = ops_input(test, HMLC_DTYPE_f32, "n");
    hmlc_value *y = ops_input(test, HMLC_DTYPE_f32, "m");
    hmlc_op *op = ops_build(test, HMLC_OP_add, OPERANDS(x, y), NO_ATTRS);
    yield_all(test, op->results, 1);
    for (int64_t n = 0; n < 4; ++n) {
        for (int64_t m = 0; m < 4; ++m) {
            hmlc_tensor inputs[] = {tensor_f32(numbers, SHAPE(n)), tensor_f32(numbers, SHAPE(m))};
            hmlc_tensor output;
            bool valid = n == m || n == 1 || m == 1;
            assert_int_equal(
                hmlc_interpret(test->module, inputs, 2, test->module->arena, &output, 1),
                valid ? HMLC_OK : HMLC_USAGE);
            if (valid) {
                assert_int_equal(output.dims[0], n == 1 ? m : n);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPS_TEST(symbols_come_from_inputs),     OPS_TEST(inputs_that_do_not_fit_are_refused),
        OPS_TEST(linear_expressions_solve),     OPS_TEST(run_time_symbols_are_bound),
        OPS_TEST(if_takes_one_region),          OPS_TEST(kernels_run_their_region),
        OPS_TEST(loops_carry_and_scan),         OPS_TEST(scans_walk_rows),
        OPS_TEST(indices_of_a_run_are_checked), OPS_TEST(broadcasts_decide_at_run_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Editing graphs: creation, uses, erasing, cloning, order, attributes. */
#include <hmlc/ir.h>

#include <string.h>

#include "test.h"

typedef struct fixture {
    hmlc_module *module;
    hmlc_builder builder;
    hmlc_value *x, *y; /* arguments f32[batch, 4] */
} fixture;

static int setup(void **state)
{
    static fixture f;
    f.module = hmlc_module_create(NULL);
    hmlc_dims *dims = f.module->dims;
    hmlc_dim shape[] = {hmlc_dim_symbol(dims, hmlc_symbol_get(dims, "batch")),
                        hmlc_dim_constant(dims, 4)};
    const hmlc_type *type = hmlc_type_tensor(f.module->arena, HMLC_DTYPE_f32, 2, shape);
    f.x = hmlc_region_add_argument(f.module->main, type, "x");
    f.y = hmlc_region_add_argument(f.module->main, type, "y");
    f.builder = hmlc_builder_at_end(f.module->main);
    *state = &f;
    return 0;
}

/* Whatever a test did, the graph is consistent at its end. */
static int teardown(void **state)
{
    fixture *f = *state;
    hmlc_op *last = f->module->main->last;
    if (last == NULL || last->opcode != HMLC_OP_yield) {
        assert_int_equal(hmlc_build_yield(&f->builder, &f->x, 1), HMLC_OK);
    }
    assert_int_equal(hmlc_verify(f->module, NULL), HMLC_OK);
    hmlc_module_destroy(f->module);
    return 0;
}

static hmlc_value *unary(fixture *f, hmlc_opcode opcode, hmlc_value *a)
{
    hmlc_value *result = NULL;
    assert_int_equal(hmlc_build_unary(&f->builder, opcode, a, &result), HMLC_OK);
    return result;
}

static hmlc_value *binary(fixture *f, hmlc_opcode opcode, hmlc_value *a, hmlc_value *b)
{
    hmlc_value *result = NULL;
    assert_int_equal(hmlc_build_binary(&f->builder, opcode, a, b, &result), HMLC_OK);
    return result;
}

static uint32_t use_count(const hmlc_value *value)
{
    uint32_t count = 0;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        count++;
    }
    return count;
}

static void creation_infers_types_and_links_uses(void **state)
{
    fixture *f = *state;
    hmlc_value *sum = binary(f, HMLC_OP_add, f->x, f->x);
    assert_true(hmlc_type_equal(sum->type, f->x->type));
    assert_int_equal(use_count(f->x), 2);
    assert_false(hmlc_value_has_one_use(f->x));
    assert_ptr_equal(sum->producer->parent, f->module->main);
    assert_ptr_equal(hmlc_op_operand(sum->producer, 1), f->x);
    assert_null(hmlc_op_operand(sum->producer, 2));
    assert_true(sum->id < f->module->value_count);
}

static void a_rejected_op_leaves_no_trace(void **state)
{
    fixture *f = *state;
    hmlc_value *result = NULL;
    hmlc_attr unknown = hmlc_attr_int(HMLC_ATTR_axis, 0);
    hmlc_value *three[] = {f->x, f->x, f->x};
    assert_int_equal(hmlc_build(&f->builder, HMLC_OP_relu, &f->x, 1, &unknown, 1, &result),
                     HMLC_DAMAGED);
    assert_int_equal(hmlc_build(&f->builder, HMLC_OP_add, three, 3, NULL, 0, &result),
                     HMLC_DAMAGED);
    assert_int_equal(hmlc_build(&f->builder, HMLC_OP_add, three, 1, NULL, 0, &result),
                     HMLC_DAMAGED);
    assert_int_equal(hmlc_build(&f->builder, HMLC_OP_softmax, three, 1, NULL, 0, &result),
                     HMLC_DAMAGED);
    hmlc_attr twice[] = {hmlc_attr_float(HMLC_ATTR_alpha, 1), hmlc_attr_float(HMLC_ATTR_alpha, 2)};
    assert_int_equal(hmlc_build(&f->builder, HMLC_OP_elu, three, 1, twice, 2, &result),
                     HMLC_DAMAGED);
    hmlc_attr word = hmlc_attr_int(HMLC_ATTR_approximate, 9);
    assert_int_equal(hmlc_build(&f->builder, HMLC_OP_gelu, three, 1, &word, 1, &result),
                     HMLC_DAMAGED);
    assert_null(f->module->main->first);
    assert_false(hmlc_value_has_uses(f->x));
    assert_int_equal(hmlc_diagnostics_error_count(f->module->diagnostics), 6);
}

static void absent_operands_are_null_and_trailing_ones_dropped(void **state)
{
    fixture *f = *state;
    const int64_t axes[] = {1};
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_axes, axes, 1);
    hmlc_value *operands[] = {f->x, NULL, NULL};
    hmlc_op *op;
    assert_int_equal(hmlc_op_create(&f->builder, HMLC_OP_layer_norm, operands, 3, &attr, 1, &op),
                     HMLC_OK);
    assert_int_equal(op->operand_count, 1);
    assert_true(hmlc_op_float(op, HMLC_ATTR_epsilon) == 1e-5);
}

static void attributes_are_copied_and_sorted(void **state)
{
    fixture *f = *state;
    int64_t axes[] = {1};
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_keep_dims, 1),
                         hmlc_attr_ints(HMLC_ATTR_axes, axes, 1)};
    hmlc_op *op;
    assert_int_equal(hmlc_op_create(&f->builder, HMLC_OP_reduce_sum, &f->x, 1, attrs, 2, &op),
                     HMLC_OK);
    axes[0] = 99;
    assert_int_equal(hmlc_op_attr(op, HMLC_ATTR_axes)->as.integers[0], 1);
    assert_true(op->attrs[0].name < op->attrs[1].name);
    assert_int_equal(op->attr_count, 2);
}

static void uses_are_replaced_everywhere(void **state)
{
    fixture *f = *state;
    hmlc_value *a = unary(f, HMLC_OP_relu, f->x);
    hmlc_value *b = binary(f, HMLC_OP_add, a, a);
    hmlc_value *c = unary(f, HMLC_OP_neg, a);
    hmlc_value_replace_uses(a, f->y);
    assert_false(hmlc_value_has_uses(a));
    assert_int_equal(use_count(f->y), 3);
    hmlc_value_replace_uses(f->y, f->y);
    assert_int_equal(use_count(f->y), 3);
    hmlc_op_set_operand(c->producer, 0, b);
    assert_true(hmlc_value_has_one_use(b));
    hmlc_op_erase(a->producer);
    assert_int_equal(hmlc_region_op_count(f->module->main, false), 2);
}

static void builders_insert_where_they_say(void **state)
{
    fixture *f = *state;
    hmlc_value *first = unary(f, HMLC_OP_relu, f->x);
    hmlc_value *last = unary(f, HMLC_OP_neg, first);
    assert_int_equal(hmlc_build_yield(&f->builder, &last, 1), HMLC_OK);
    hmlc_builder before = hmlc_builder_before(last->producer);
    hmlc_builder after = hmlc_builder_after(last->producer);
    hmlc_value *one, *two, *end;
    assert_int_equal(hmlc_build_unary(&before, HMLC_OP_exp, first, &one), HMLC_OK);
    assert_int_equal(hmlc_build_unary(&after, HMLC_OP_log, last, &two), HMLC_OK);
    /* At the end of a complete region means before its yield. */
    assert_int_equal(hmlc_build_unary(&f->builder, HMLC_OP_abs, two, &end), HMLC_OK);
    const hmlc_opcode expected[] = {HMLC_OP_relu, HMLC_OP_exp, HMLC_OP_neg,
                                    HMLC_OP_log,  HMLC_OP_abs, HMLC_OP_yield};
    uint32_t i = 0;
    HMLC_FOR_EACH_OP(op, f->module->main)
    {
        assert_int_equal(op->opcode, expected[i++]);
    }
    assert_int_equal(i, 6);
    hmlc_op_move_before(one->producer, end->producer);
    assert_ptr_equal(end->producer->previous, one->producer);
}

static hmlc_op *make_kernel(fixture *f, hmlc_value *operand)
{
    hmlc_region *region = hmlc_region_create(f->module, NULL);
    hmlc_value *argument = hmlc_region_add_argument(region, operand->type, NULL);
    hmlc_builder inner = hmlc_builder_at_end(region);
    hmlc_value *result;
    assert_int_equal(hmlc_build_unary(&inner, HMLC_OP_tanh, argument, &result), HMLC_OK);
    assert_int_equal(hmlc_build_yield(&inner, &result, 1), HMLC_OK);
    hmlc_attr form = hmlc_attr_int(HMLC_ATTR_form, HMLC_FORM_LOOP);
    hmlc_op *op;
    assert_int_equal(hmlc_op_create_with_regions(&f->builder, HMLC_OP_kernel, &operand, 1, &form, 1,
                                                 &region, 1, &op),
                     HMLC_OK);
    return op;
}

static void clones_have_regions_of_their_own(void **state)
{
    fixture *f = *state;
    hmlc_op *kernel = make_kernel(f, f->x);
    hmlc_value **map = HMLC_NEW_ARRAY(f->module->arena, hmlc_value *, f->module->value_count);
    map[f->x->id] = f->y;
    hmlc_op *copy;
    assert_int_equal(hmlc_op_clone(&f->builder, kernel, map, &copy), HMLC_OK);
    assert_ptr_equal(hmlc_op_operand(copy, 0), f->y);
    assert_ptr_not_equal(copy->regions[0], kernel->regions[0]);
    assert_ptr_equal(copy->regions[0]->parent, copy);
    assert_ptr_equal(hmlc_op_operand(copy->regions[0]->first, 0), copy->regions[0]->arguments[0]);
    assert_ptr_equal(map[kernel->results[0]->id], copy->results[0]);
    assert_int_equal(hmlc_region_op_count(f->module->main, true), 6);
    hmlc_op_erase(kernel);
    assert_false(hmlc_value_has_uses(f->x));
}

static void constants_are_seen(void **state)
{
    fixture *f = *state;
    static const float equal[] = {2, 2, 2}, other[] = {2, 2, 3};
    hmlc_tensor tensor = {
        .dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {3}, .data = equal, .bytes = sizeof equal};
    hmlc_value *splat, *list, *scalar;
    double value = 0;
    assert_int_equal(hmlc_build_constant(&f->builder, &tensor, &splat), HMLC_OK);
    tensor.data = other;
    assert_int_equal(hmlc_build_constant(&f->builder, &tensor, &list), HMLC_OK);
    assert_int_equal(hmlc_build_scalar(&f->builder, HMLC_DTYPE_f16, 0.5, &scalar), HMLC_OK);
    assert_true(hmlc_value_splat(splat, &value) && value == 2);
    assert_false(hmlc_value_splat(list, &value));
    assert_true(hmlc_value_splat(scalar, &value) && value == 0.5);
    assert_false(hmlc_value_splat(f->x, &value));
    assert_null(hmlc_value_constant(f->x));
    assert_int_equal(hmlc_value_constant(list)->dims[0], 3);
}

static void shorthands_build_views(void **state)
{
    fixture *f = *state;
    const int64_t permutation[] = {1, 0};
    hmlc_value *transposed, *flat;
    hmlc_dim count = hmlc_type_count(f->module->dims, f->x->type);
    assert_int_equal(hmlc_build_transpose(&f->builder, f->x, permutation, &transposed), HMLC_OK);
    assert_ptr_equal(transposed->type->dims[1], f->x->type->dims[0]);
    assert_int_equal(hmlc_build_reshape(&f->builder, f->x, &count, 1, &flat), HMLC_OK);
    assert_ptr_equal(flat->type->dims[0], count);
}

#define GRAPH_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRAPH_TEST(creation_infers_types_and_links_uses),
        GRAPH_TEST(a_rejected_op_leaves_no_trace),
        GRAPH_TEST(absent_operands_are_null_and_trailing_ones_dropped),
        GRAPH_TEST(attributes_are_copied_and_sorted),
        GRAPH_TEST(uses_are_replaced_everywhere),
        GRAPH_TEST(builders_insert_where_they_say),
        GRAPH_TEST(clones_have_regions_of_their_own),
        GRAPH_TEST(constants_are_seen),
        GRAPH_TEST(shorthands_build_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

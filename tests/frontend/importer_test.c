/* SPDX-License-Identifier: Apache-2.0 */
/* What every importer shares: names and their values, constants, outputs, order, dims of inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "importer/emit.h"
#include "importer/input_dims.h"
#include "importer/order.h"
#include "importer/scope.h"
#include "importer/stored_tensor.h"

typedef struct place {
    hmlc_importer importer;
    hmlc_body body;
    hmlc_scope scope;
} place;

/* Constants are stored as one float each; a negative one cannot be read. */
static hmlc_status read_float(hmlc_importer *importer, const void *stored,
                              const hmlc_location *where, hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){.dtype = HMLC_DTYPE_f32, .data = stored, .bytes = 4};
    if (*(const float *)stored < 0) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_tensor_data_invalid, where,
                              NULL, "negative");
    }
    return HMLC_OK;
}

static void start(place *p, const hmlc_import_options *options)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    assert_int_equal(hmlc_importer_open_memory(&p->importer, "", 0, options, module), HMLC_OK);
    p->importer.constants = (hmlc_constant_source){.word = "weight", .read = read_float};
    p->body = (hmlc_body){.region = module->main};
    p->scope = (hmlc_scope){.body = &p->body, .path = ""};
}

static void finish(place *p)
{
    hmlc_importer_close(&p->importer);
    hmlc_module_destroy(p->importer.module);
}

static int set_up(void **state)
{
    place *p = calloc(1, sizeof *p);
    *state = p;
    start(p, NULL);
    return 0;
}

static int tear_down(void **state)
{
    finish(*state);
    free(*state);
    return 0;
}

static uint32_t errors(const place *p)
{
    return hmlc_diagnostics_error_count(p->importer.module->diagnostics);
}

static bool says(const place *p, const char *text)
{
    const hmlc_diagnostic *d = hmlc_diagnostics_first(p->importer.module->diagnostics);
    while (d != NULL && strstr(d->message, text) == NULL &&
           (d->hint == NULL || strstr(d->hint, text) == NULL)) {
        d = d->next;
    }
    return d != NULL;
}

static hmlc_value *resolve(place *p, hmlc_scope *scope, const char *name)
{
    return hmlc_scope_resolve(&p->importer, scope, name, p->importer.where);
}

static void bind_constant(place *p, hmlc_scope *scope, const char *name, const float *stored)
{
    hmlc_binding *binding = hmlc_scope_bind(&p->importer, scope, name);
    assert_non_null(binding);
    binding->stored = stored;
}

static hmlc_value *bind_input(place *p, const char *name)
{
    const hmlc_type *type = hmlc_type_tensor(p->importer.module->arena, HMLC_DTYPE_f32, 0, NULL);
    hmlc_binding *binding = hmlc_scope_bind(&p->importer, &p->scope, name);
    hmlc_scope_add_input(&p->importer, &p->scope, binding, type);
    return binding->value;
}

/* -- names ------------------------------------------------------------------------------------- */

/* Loaded once, at the front of their region, in the order of their first use; others not at all. */
static void constants_are_loaded_at_their_first_use(void **state)
{
    place *p = *state;
    static const float one = 1, two = 2, three = 3;
    bind_constant(p, &p->scope, "one", &one);
    bind_constant(p, &p->scope, "two", &two);
    bind_constant(p, &p->scope, "three", &three);
    hmlc_emitter emit = {.builder = hmlc_builder_at_end(p->importer.module->main)};
    hmlc_value *input = bind_input(p, "x");
    hmlc_value *negated = hmlc_emit_unary(&emit, HMLC_OP_neg, input);
    assert_non_null(negated);
    hmlc_value *third = resolve(p, &p->scope, "three"), *first = resolve(p, &p->scope, "one");
    assert_ptr_equal(resolve(p, &p->scope, "three"), third);
    const hmlc_op *front = p->importer.module->main->first;
    assert_ptr_equal(front, third->producer);
    assert_ptr_equal(front->next, first->producer);
    assert_ptr_equal(front->next->next, negated->producer);
    assert_null(front->next->next->next);
    assert_string_equal(third->name, "three");
    assert_string_equal(third->producer->location->nodes[0].op_type, "weight");
    assert_int_equal(errors(p), 0);
}

static void a_constant_that_cannot_be_read_is_told_once(void **state)
{
    place *p = *state;
    static const float bad = -1;
    bind_constant(p, &p->scope, "bad", &bad);
    assert_null(resolve(p, &p->scope, "bad"));
    assert_null(resolve(p, &p->scope, "bad"));
    assert_int_equal(errors(p), 1);
    assert_int_equal(p->importer.fatal, HMLC_OK);
}

static void inner_names_hide_outer_ones(void **state)
{
    place *p = *state;
    static const float outer = 1, inner = 2;
    hmlc_scope branch = {.parent = &p->scope, .body = &p->body, .path = "#0/then/"};
    bind_constant(p, &p->scope, "a", &outer);
    bind_constant(p, &p->scope, "b", &outer);
    assert_true(hmlc_scope_hides(&branch, "a"));
    assert_null(hmlc_scope_find(&branch, "a"));
    bind_constant(p, &branch, "a", &inner);
    assert_ptr_equal(hmlc_scope_find(&branch, "a")->stored, &inner);
    assert_ptr_equal(hmlc_value_constant(resolve(p, &branch, "a"))->data, &inner);
    assert_ptr_equal(hmlc_value_constant(resolve(p, &branch, "b"))->data, &outer);
    assert_ptr_equal(hmlc_value_constant(resolve(p, &p->scope, "a"))->data, &outer);
    assert_false(hmlc_scope_hides(&p->scope, "a"));
}

static void undefined_names_are_errors_and_poisoned_ones_are_silent(void **state)
{
    place *p = *state;
    hmlc_binding *refused = hmlc_scope_bind(&p->importer, &p->scope, "refused");
    assert_int_equal(refused->producer, HMLC_NO_PRODUCER);
    hmlc_scope_publish(&p->importer, &p->scope, refused, NULL, p->importer.where);
    assert_null(resolve(p, &p->scope, "refused"));
    assert_int_equal(errors(p), 0);
    assert_null(resolve(p, &p->scope, "lost"));
    assert_int_equal(errors(p), 1);
    assert_true(says(p, "value 'lost' is produced by no node, weight or input"));
}

/* 2^48 elements: no memory holds them. */
static void a_value_without_bounds_is_poisoned(void **state)
{
    place *p = *state;
    hmlc_module *module = p->importer.module;
    hmlc_emitter emit = {.builder = hmlc_builder_at_end(module->main)};
    hmlc_dim million = hmlc_dim_constant(module->dims, INT64_C(1) << 24);
    const hmlc_dim shape[] = {million, million};
    hmlc_value *wide = hmlc_emit_expand(&emit, bind_input(p, "x"), shape, 2);
    hmlc_binding *binding = hmlc_scope_bind(&p->importer, &p->scope, "wide");
    hmlc_scope_publish(&p->importer, &p->scope, binding, wide, p->importer.where);
    assert_int_equal(binding->state, HMLC_BINDING_POISONED);
    assert_true(says(p, "more than 2^47 bytes"));
}

/* -- the end of the graph ---------------------------------------------------------------------- */

static void told(void *context, const char *name, const hmlc_type *type)
{
    assert_int_equal(type->dtype, HMLC_DTYPE_f32);
    strcat(context, name);
}

static void outputs_are_yielded_by_name(void **state)
{
    (void)state;
    place p;
    char names[16] = "";
    const hmlc_import_options options = {.value = told, .context = names};
    static const char *const outputs[] = {"y", "x"};
    start(&p, &options);
    assert_int_equal(hmlc_input_dims_prepare(&p.importer, NULL, 0), HMLC_OK);
    hmlc_emitter emit = {.builder = hmlc_builder_at_end(p.importer.module->main)};
    hmlc_value *x = bind_input(&p, "x"), *y = hmlc_emit_unary(&emit, HMLC_OP_neg, x);
    hmlc_binding *binding = hmlc_scope_bind(&p.importer, &p.scope, "y");
    hmlc_scope_publish(&p.importer, &p.scope, binding, y, p.importer.where);
    assert_int_equal(hmlc_scope_finish(&p.importer, &p.scope, outputs, 2), HMLC_OK);
    assert_int_equal(hmlc_importer_conclude(&p.importer, HMLC_OK), HMLC_OK);
    assert_int_equal(hmlc_verify(p.importer.module, "test"), HMLC_OK);
    const hmlc_op *last = p.importer.module->main->last;
    assert_int_equal(last->opcode, HMLC_OP_yield);
    assert_ptr_equal(hmlc_op_operand(last, 0), y);
    assert_ptr_equal(hmlc_op_operand(last, 1), x);
    assert_string_equal(p.importer.module->output_names[1], "x");
    assert_string_equal(names, "xy");
    assert_string_equal(y->name, "y");
    finish(&p);
}

static void a_graph_without_outputs_is_none(void **state)
{
    place *p = *state;
    assert_int_equal(hmlc_input_dims_prepare(&p->importer, NULL, 0), HMLC_OK);
    assert_int_equal(hmlc_scope_finish(&p->importer, &p->scope, NULL, 0), HMLC_OK);
    assert_int_equal(hmlc_importer_conclude(&p->importer, HMLC_OK), HMLC_DAMAGED);
    assert_true(says(p, "the graph has no output"));
}

static void memory_that_ran_out_has_its_error(void **state)
{
    place *p = *state;
    assert_int_equal(hmlc_importer_conclude(&p->importer, HMLC_RESOURCE), HMLC_RESOURCE);
    assert_int_equal(errors(p), 1);
}

/* -- stored tensors ---------------------------------------------------------------------------- */

static void stored_bytes_must_fit(void **state)
{
    place *p = *state;
    static const uint8_t truths[] = {0, 1, 0xff, 2, 0, 1};
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_bool, .rank = 2, .dims = {2, 3}};
    const hmlc_location *where = p->importer.where;
    assert_int_equal(hmlc_stored_tensor_measure(&p->importer, &tensor, where), HMLC_OK);
    assert_int_equal(tensor.bytes, 6);
    assert_int_equal(hmlc_stored_tensor_use(&p->importer, &tensor, truths, 6, where), HMLC_OK);
    assert_memory_equal(tensor.data, "\0\1\1\1\0\1", 6);
    tensor.dtype = HMLC_DTYPE_u8;
    assert_int_equal(hmlc_stored_tensor_use(&p->importer, &tensor, truths, 6, where), HMLC_OK);
    assert_ptr_equal(tensor.data, truths);
    assert_int_equal(hmlc_stored_tensor_use(&p->importer, &tensor, truths, 5, where), HMLC_DAMAGED);
    assert_true(says(p, "5 bytes are stored, but shape and type need 6"));
    tensor.dims[0] = -2;
    assert_int_equal(hmlc_stored_tensor_measure(&p->importer, &tensor, where), HMLC_DAMAGED);
    tensor.dims[0] = tensor.dims[1] = INT64_C(1) << 32;
    assert_int_equal(hmlc_stored_tensor_measure(&p->importer, &tensor, where), HMLC_DAMAGED);
}

/* -- order ------------------------------------------------------------------------------------- */

typedef struct edges {
    const uint32_t (*pairs)[2]; /* node, what it waits for */
    uint32_t count;
    const hmlc_location *where;
} edges;

static hmlc_status visit(void *context, uint32_t node, hmlc_needs *needs)
{
    const edges *known = context;
    for (uint32_t i = 0; i < known->count; i++) {
        if (known->pairs[i][0] == node) {
            HMLC_TRY(hmlc_needs_add(needs, known->pairs[i][1]));
        }
    }
    return HMLC_OK;
}

static const hmlc_location *locate(void *context, uint32_t node)
{
    (void)node;
    return ((const edges *)context)->where;
}

static void order(place *p, edges *known, uint32_t count, uint32_t *found)
{
    known->where = p->importer.where;
    const hmlc_ordered_graph graph = {
        .node_count = count, .context = known, .visit = visit, .locate = locate};
    assert_int_equal(hmlc_order_nodes(&p->importer, &graph, found), HMLC_OK);
}

static void nodes_follow_what_they_wait_for(void **state)
{
    place *p = *state;
    static const uint32_t sorted[][2] = {{1, 0}, {3, 1}, {3, 2}}, mixed[][2] = {{0, 2}, {2, 3}};
    static const uint32_t kept[] = {0, 1, 2, 3}, moved[] = {3, 2, 0, 1};
    uint32_t found[4];
    order(p, &(edges){.pairs = sorted, .count = 3}, 4, found);
    assert_memory_equal(found, kept, sizeof kept);
    order(p, &(edges){.pairs = mixed, .count = 2}, 4, found);
    assert_memory_equal(found, moved, sizeof moved);
    assert_int_equal(errors(p), 0);
}

static void circles_are_errors(void **state)
{
    place *p = *state;
    static const uint32_t circle[][2] = {{0, 1}, {1, 2}, {2, 0}}, itself[][2] = {{1, 1}};
    uint32_t found[3] = {9, 9, 9};
    order(p, &(edges){.pairs = circle, .count = 3}, 3, found);
    assert_int_equal(found[0] + found[1] + found[2], 3);
    assert_int_equal(errors(p), 1);
    assert_true(says(p, "nodes depend on each other in a circle"));
    order(p, &(edges){.pairs = itself, .count = 1}, 3, found);
    assert_true(says(p, "the node reads its own output"));
}

static hmlc_status visit_next(void *context, uint32_t node, hmlc_needs *needs)
{
    return node < *(uint32_t *)context ? hmlc_needs_add(needs, node + 1) : HMLC_OK;
}

/* Written last to first, deeper than any stack of calls. */
static void a_long_chain_is_turned_round(void **state)
{
    place *p = *state;
    uint32_t last = 999999, *found = calloc((size_t)last + 1, sizeof *found);
    assert_non_null(found);
    const hmlc_ordered_graph graph = {
        .node_count = last + 1, .context = &last, .visit = visit_next, .locate = locate};
    assert_int_equal(hmlc_order_nodes(&p->importer, &graph, found), HMLC_OK);
    assert_int_equal(found[0], last);
    assert_int_equal(found[last], 0);
    free(found);
}

/* -- dims of inputs ---------------------------------------------------------------------------- */

static void expect_dim(hmlc_dim dim, const char *text)
{
    char found[64];
    assert_non_null(dim);
    (void)hmlc_dim_format(dim, found, sizeof found);
    assert_string_equal(found, text);
}

static void options_fix_unify_and_relate_dims(void **state)
{
    (void)state;
    place p;
    static const char *const texts[] = {"n", "m", "k", "past", "n + 1", "?"};
    const hmlc_dim_option dims[] = {{.name = "m", .same_as = "n"},
                                    {.name = "k", .minimum = 4, .maximum = 4},
                                    {.name = "past", .same_as = "n+2"},
                                    {.name = "x_dim1", .minimum = 1, .maximum = 8}};
    const hmlc_import_options options = {.dims = dims, .dim_count = 4};
    start(&p, &options);
    hmlc_importer *importer = &p.importer;
    assert_int_equal(hmlc_input_dims_prepare(importer, texts, 6), HMLC_OK);
    hmlc_dim n = hmlc_input_dim_named(importer, "n", "x", 0);
    expect_dim(n, "n");
    assert_ptr_equal(hmlc_input_dim_named(importer, "m", "x", 0), n);
    expect_dim(hmlc_input_dim_named(importer, "k", "x", 0), "4");
    expect_dim(hmlc_input_dim_named(importer, "past", "x", 0), "n + 2");
    expect_dim(hmlc_input_dim_named(importer, "n + 1", "x", 0), "n + 1");
    hmlc_dim unnamed = hmlc_input_dim_named(importer, "?", "x", 1);
    expect_dim(unnamed, "x_dim1");
    assert_int_equal(unnamed->symbol->maximum, 8);
    assert_ptr_equal(hmlc_input_dim_unnamed(importer, "x", 1), unnamed);
    hmlc_input_dims_finish(importer);
    assert_int_equal(errors(&p), 0);
    finish(&p);
}

static void options_that_name_no_dim_are_errors(void **state)
{
    (void)state;
    place p;
    static const char *const texts[] = {"batch"};
    const hmlc_dim_option dims[] = {{.name = "bach", .minimum = 2, .maximum = 2}};
    const hmlc_import_options options = {.dims = dims, .dim_count = 1};
    start(&p, &options);
    assert_int_equal(hmlc_input_dims_prepare(&p.importer, texts, 1), HMLC_OK);
    expect_dim(hmlc_input_dim_named(&p.importer, "batch", "x", 0), "batch");
    hmlc_input_dims_finish(&p.importer);
    assert_int_equal(errors(&p), 1);
    assert_true(says(&p, "no input has the dim 'bach'; the inputs' dims are: batch"));
    assert_true(says(&p, "did you mean 'batch'?"));
    finish(&p);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(constants_are_loaded_at_their_first_use),
        TEST(a_constant_that_cannot_be_read_is_told_once),
        TEST(inner_names_hide_outer_ones),
        TEST(undefined_names_are_errors_and_poisoned_ones_are_silent),
        TEST(a_value_without_bounds_is_poisoned),
        cmocka_unit_test(outputs_are_yielded_by_name),
        TEST(a_graph_without_outputs_is_none),
        TEST(memory_that_ran_out_has_its_error),
        TEST(stored_bytes_must_fit),
        TEST(nodes_follow_what_they_wait_for),
        TEST(circles_are_errors),
        TEST(a_long_chain_is_turned_round),
        cmocka_unit_test(options_fix_unify_and_relate_dims),
        cmocka_unit_test(options_that_name_no_dim_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

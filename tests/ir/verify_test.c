/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier finds each kind of damage, and says where. */
#include <hmlc/ir.h>

#include <string.h>

#include "test.h"

static const char text[] = "hir 1\nmodel \"\"\n"
                           "symbol n [0, inf] run\n"
                           "main(%0: f32[4], %1: bool[], %2: i64[1]) {\n"
                           "  %3 = relu(%0) : f32[4]\n"
                           "  %4 = if(%1) : f32[4] () {\n"
                           "    %5 = neg(%3) : f32[4]\n"
                           "    yield(%5)\n"
                           "  } () {\n"
                           "    yield(%0)\n"
                           "  }\n"
                           "  bind_dims(%2) {symbols = [n]}\n"
                           "  %6 = iota() {axis = 0, to = f32, shape = [n]} : f32[n]\n"
                           "  %7 = kernel(%4) {form = loop} : f32[4] (%8: f32[4]) {\n"
                           "    %9 = exp(%8) : f32[4]\n"
                           "    yield(%9)\n"
                           "  }\n"
                           "  yield(%7, %6)\n"
                           "}\n";

typedef struct fixture {
    hmlc_module *module;
    hmlc_op *relu, *branch, *bind, *iota, *kernel, *yield;
} fixture;

static int setup(void **state)
{
    static fixture f;
    f.module = hmlc_module_create(NULL);
    assert_int_equal(hmlc_module_parse(f.module, text, strlen(text), NULL, 0), HMLC_OK);
    f.relu = f.module->main->first;
    f.branch = f.relu->next;
    f.bind = f.branch->next;
    f.iota = f.bind->next;
    f.kernel = f.iota->next;
    f.yield = f.kernel->next;
    assert_int_equal(hmlc_verify(f.module, "setup"), HMLC_OK);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    hmlc_module_destroy(f->module);
    return 0;
}

static void expect_finding(fixture *f, const char *words)
{
    assert_int_equal(hmlc_verify(f->module, "breakage"), HMLC_INTERNAL);
    const hmlc_diagnostic *d = hmlc_diagnostics_first(f->module->diagnostics);
    for (; d != NULL; d = d->next) {
        if (strstr(d->message, words) != NULL) {
            return;
        }
    }
    fail_msg("no finding says '%s'", words);
}

static void a_use_before_its_definition(void **state)
{
    fixture *f = *state;
    hmlc_op_move_before(f->relu, f->yield);
    expect_finding(f, "is not defined before it");
}

static void a_value_of_a_region_that_was_left(void **state)
{
    fixture *f = *state;
    hmlc_op_set_operand(f->yield, 0, f->branch->regions[0]->first->results[0]);
    expect_finding(f, "is not defined before it");
}

static void a_value_captured_by_a_kernel(void **state)
{
    fixture *f = *state;
    hmlc_op_set_operand(f->kernel->regions[0]->first, 0, f->relu->results[0]);
    expect_finding(f, "is captured from outside its kernel");
}

static void a_wrong_type(void **state)
{
    fixture *f = *state;
    f->relu->results[0]->type = f->module->main->arguments[2]->type;
    expect_finding(f, "has type i64[1], inference gives f32[4]");
}

static void a_use_that_is_not_listed(void **state)
{
    fixture *f = *state;
    f->relu->results[0]->uses = NULL;
    expect_finding(f, "does not hold its uses");
}

static void a_yield_that_is_not_last(void **state)
{
    fixture *f = *state;
    hmlc_op_move_before(f->yield, f->kernel);
    expect_finding(f, "yield must be the last op");
}

static void a_missing_attribute(void **state)
{
    fixture *f = *state;
    f->iota->attr_count = 0;
    expect_finding(f, "iota needs attribute shape");
}

static void a_missing_operand(void **state)
{
    fixture *f = *state;
    hmlc_op_set_operand(f->relu, 0, NULL);
    expect_finding(f, "relu needs its operand 0");
}

static void a_symbol_that_nothing_binds(void **state)
{
    fixture *f = *state;
    hmlc_op_erase(f->bind);
    expect_finding(f, "uses symbol n, which is not bound before it");
}

static void a_broken_list(void **state)
{
    fixture *f = *state;
    f->branch->previous = NULL;
    expect_finding(f, "is not linked into its region");
    f->branch->previous = f->relu;
}

static void an_id_taken_twice(void **state)
{
    fixture *f = *state;
    f->relu->results[0]->id = f->module->main->arguments[0]->id;
    expect_finding(f, "out of range or taken twice");
}

static void a_region_without_its_op(void **state)
{
    fixture *f = *state;
    f->kernel->regions[0]->parent = NULL;
    expect_finding(f, "does not point back to its op");
}

static void the_pass_is_named(void **state)
{
    fixture *f = *state;
    f->iota->attr_count = 0;
    expect_finding(f, "after breakage: ");
}

#define VERIFY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        VERIFY_TEST(a_use_before_its_definition),
        VERIFY_TEST(a_value_of_a_region_that_was_left),
        VERIFY_TEST(a_value_captured_by_a_kernel),
        VERIFY_TEST(a_wrong_type),
        VERIFY_TEST(a_use_that_is_not_listed),
        VERIFY_TEST(a_yield_that_is_not_last),
        VERIFY_TEST(a_missing_attribute),
        VERIFY_TEST(a_missing_operand),
        VERIFY_TEST(a_symbol_that_nothing_binds),
        VERIFY_TEST(a_broken_list),
        VERIFY_TEST(an_id_taken_twice),
        VERIFY_TEST(a_region_without_its_op),
        VERIFY_TEST(the_pass_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

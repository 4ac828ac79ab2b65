/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of TFLite models: which become states, and which uses are refused, by code and words.
 * What states hold from step to step: tests/conformance/stream_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flat_writer.h"
#include "import_expect.h"

enum { HANDLE, READ, ADD, ASSIGN, ONCE, IF, WHILE }; /* numbers of the codes */
enum { RESOURCE = 13, BOOL = 6 };

static const int32_t none[] = {FLAT_END}, t0[] = {0, FLAT_END}, t1[] = {1, FLAT_END};
static const int32_t t2[] = {2, FLAT_END}, t3[] = {3, FLAT_END}, t0_1[] = {0, 1, FLAT_END};
static const int32_t t1_3[] = {1, 3, FLAT_END}, t2_0[] = {2, 0, FLAT_END};
static const int32_t matrix[] = {2, 3, FLAT_END}, row[] = {3, FLAT_END};

/* y = old + x, and old becomes y; it begins with constants. */
static flat_model counter(void)
{
    static const float first[6] = {1, 2, 3, 4, 5, 6};
    return (flat_model){
        .version = 3,
        .codes = {{142, 1, NULL},
                  {143, 1, NULL},
                  {0, 1, NULL},
                  {144, 1, NULL},
                  {129, 1, NULL},
                  {118, 1, NULL},
                  {119, 1, NULL}},
        .code_count = 7,
        .subgraphs = {{.tensors = {{.name = "x", .shape = matrix},
                                   {.name = "handle", .type = RESOURCE},
                                   {.name = "old", .shape = matrix},
                                   {.name = "y", .shape = matrix}},
                       .tensor_count = 4,
                       .operators = {{ONCE, none, none, 103, {{0, 4, 1}}, 1},
                                     {HANDLE, none, t1, 111, {{0}}, 0},
                                     {READ, t1, t2, 0, {{0}}, 0},
                                     {ADD, t2_0, t3, 11, {{0, 1, 0}}, 1},
                                     {ASSIGN, t1_3, none, 0, {{0}}, 0}},
                       .operator_count = 5,
                       .inputs = t0,
                       .outputs = t3},
                      {.tensors = {{.name = "h", .type = RESOURCE},
                                   {.name = "c", .shape = matrix, .buffer = 1}},
                       .tensor_count = 2,
                       .operators = {{HANDLE, none, t0, 111, {{0}}, 0},
                                     {ASSIGN, t0_1, none, 0, {{0}}, 0}},
                       .operator_count = 2,
                       .inputs = none,
                       .outputs = none}},
        .subgraph_count = 2,
        .buffers = {{0}, {.data = first, .size = sizeof first}},
        .buffer_count = 2,
    };
}

static imported import_flat(const flat_model *model, const hmlc_import_options *options)
{
    wire_buffer file = flat_write(model);
    return import_bytes(&file, options);
}

static void expect(const flat_model *model, hmlc_status status, const char *error, const char *text)
{
    expect_status(import_flat(model, NULL), status, error, text);
}

/* Leaves an operator out. */
static void drop(flat_model *model, uint32_t index)
{
    flat_subgraph *graph = &model->subgraphs[0];
    graph->operator_count--;
    memmove(&graph->operators[index], &graph->operators[index + 1],
            (graph->operator_count - index) * sizeof graph->operators[0]);
}

static void a_variable_is_a_state(void **state)
{
    (void)state;
    flat_model model = counter();
    imported result = import_flat(&model, NULL);
    expect_imported(&result);
    const hmlc_module *module = result.module;
    assert_int_equal(module->state_count, 1);
    assert_int_equal(hmlc_module_input_count(module), 1);
    assert_int_equal(hmlc_module_output_count(module), 1);
    assert_int_equal(module->initial_states[0]->bytes, 24);
    assert_int_equal(((const float *)module->initial_states[0]->data)[5], 6);
    imported_free(&result);
}

static void state_zero_begins_anew(void **state)
{
    (void)state;
    flat_model model = counter();
    imported result = import_flat(&model, &(hmlc_import_options){.state = "zero"});
    expect_imported(&result);
    assert_int_equal(result.module->state_count, 0);
    assert_true(says(&result, "has its first value at the begin of each run"));
    imported_free(&result);
}

/* What is assigned before it is read needs no earlier run. */
static void a_variable_within_a_run_is_no_state(void **state)
{
    (void)state;
    static const int32_t t1_0[] = {1, 0, FLAT_END};
    flat_model model = counter();
    model.subgraphs[0].operators[0] = model.subgraphs[0].operators[1];
    model.subgraphs[0].operators[1] =
        (flat_operator){.code = ASSIGN, .inputs = t1_0, .outputs = none};
    imported result = import_flat(&model, NULL);
    expect_imported(&result);
    assert_int_equal(result.module->state_count, 0);
    imported_free(&result);
}

/* Assignments belong to the model even where no output needs them. */
static void parts_of_a_model_assign_too(void **state)
{
    (void)state;
    flat_model model = counter();
    imported result = import_flat(&model, &(hmlc_import_options){.outputs = "old"});
    expect_imported(&result);
    assert_int_equal(result.module->state_count, 1);
    assert_int_equal(count_ops(&result, HMLC_OP_add), 1);
    imported_free(&result);
}

static void a_first_value_must_be_known(void **state)
{
    (void)state;
    flat_model model = counter();
    drop(&model, 0);
    expect(&model, HMLC_DAMAGED, "graph_invalid", "where nothing has given it a value");
    model = counter(); /* CALL_ONCE behind the read */
    flat_operator once = model.subgraphs[0].operators[0];
    drop(&model, 0);
    model.subgraphs[0].operators[model.subgraphs[0].operator_count++] = once;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "where nothing has given it a value");
    model = counter(); /* assigned first, then given its first value */
    model.subgraphs[0].operators[3] = once;
    model.subgraphs[0].operators[0] = (flat_operator){HANDLE, none, t1, 111, {{0}}, 0};
    static const int32_t t1_0[] = {1, 0, FLAT_END};
    model.subgraphs[0].operators[1] =
        (flat_operator){.code = ASSIGN, .inputs = t1_0, .outputs = none};
    model.subgraphs[0].operator_count = 4;
    model.subgraphs[0].outputs = t2;
    expect(&model, HMLC_REFUSED, "not_implemented", "behind operators that use it");
}

static void calls_are_bounded(void **state)
{
    (void)state;
    flat_model model = counter();
    model.subgraphs[0].operators[0].options[0].value = 7;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "names subgraph 7, which there is not");
    model.subgraphs[0].operators[0].options[0].value = 0;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "subgraph 0 has 1 inputs and 1 outputs");
    model = counter();
    model.subgraphs[1].operators[0] = (flat_operator){ONCE, none, none, 103, {{0, 4, 1}}, 1};
    expect(&model, HMLC_DAMAGED, "graph_invalid", "subgraph 1 calls itself");
}

static void a_variable_is_no_value(void **state)
{
    (void)state;
    flat_model model = counter();
    static const int32_t t1_0[] = {1, 0, FLAT_END}, t0_3[] = {0, 3, FLAT_END};
    static const int32_t t1_1[] = {1, 1, FLAT_END};
    model.subgraphs[0].operators[3].inputs = t1_0;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "takes values, but 'handle' is a variable");
    model = counter();
    model.subgraphs[0].operators[4].inputs = t0_3;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "has 'x' in place of a variable");
    model.subgraphs[0].operators[4].inputs = t1_1;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "assigns a variable, not a value");
    model = counter();
    model.subgraphs[0].operators[2].inputs = t0;
    expect(&model, HMLC_DAMAGED, "graph_invalid", "has 'x' in place of a variable");
    model = counter();
    model.subgraphs[0].outputs = t1;
    expect(&model, HMLC_DAMAGED, "value_undefined", "is an output, but a variable and no value");
    model = counter();
    model.subgraphs[0].inputs = t0_1;
    expect(&model, HMLC_DAMAGED, "op_unsupported_type", "the input is RESOURCE");
}

static void a_state_keeps_its_type(void **state)
{
    (void)state;
    static const float first[3] = {1, 2, 3};
    flat_model model = counter();
    model.subgraphs[1].tensors[1].shape = row;
    model.buffers[1] = (flat_buffer){.data = first, .size = sizeof first};
    expect(&model, HMLC_REFUSED, "not_implemented", "is f32[3] and becomes f32[2, 3]");
}

/* A branch with a condition that only the run knows: CALL_ONCE in it, and a result that is a
 * variable. */
static void branches_are_checked(void **state)
{
    (void)state;
    static const int32_t one[] = {1, FLAT_END};
    flat_model model = counter();
    flat_subgraph *main = &model.subgraphs[0];
    main->tensors[0] = (flat_tensor){.name = "x", .type = BOOL, .shape = one};
    main->operators[0] = (flat_operator){IF, t0, t3, 92, {{0, 4, 2}, {1, 4, 2}}, 2};
    main->operator_count = 1;
    model.subgraphs[2] = counter().subgraphs[0];
    model.subgraphs[2].inputs = none;
    model.subgraphs[2].operator_count = 3;
    model.subgraphs[2].outputs = t2;
    model.subgraph_count = 3;
    expect(&model, HMLC_DAMAGED, "not_implemented", "gives first values in a branch or a loop");
    model.subgraphs[2].operators[0] = model.subgraphs[2].operators[1];
    model.subgraphs[2].operator_count = 1;
    model.subgraphs[2].outputs = t1;
    expect(&model, HMLC_REFUSED, "not_implemented", "gives a variable as its result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_a_state),
        cmocka_unit_test(state_zero_begins_anew),
        cmocka_unit_test(a_variable_within_a_run_is_no_state),
        cmocka_unit_test(parts_of_a_model_assign_too),
        cmocka_unit_test(a_first_value_must_be_known),
        cmocka_unit_test(calls_are_bounded),
        cmocka_unit_test(a_variable_is_no_value),
        cmocka_unit_test(a_state_keeps_its_type),
        cmocka_unit_test(branches_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

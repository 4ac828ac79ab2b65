/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the standard, ONNX Runtime and numpy refuse or give for shapes and indices that only the run
 * knows: the interpreter and the artifact answer alike. A refusal has exit class 2.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "one_node.h"

enum { MOST_RUNS = 12 };

typedef struct run_row {
    const char *inputs;
    const char *
        expected; /* NULL: refused; else the dims of the first output, and its elements: "2: 3 4" */
} run_row;

typedef struct node_row {
    one_node_model model;
    run_row runs[MOST_RUNS];
} node_row;

static const node_row rows[] = {
    {{"ScatterElements", "f32", "axis=0", "f32 n m; i64 k l; f32 p q", 18},
     {{"3 2; 1 2: 0 -1; 1 2: 7 8", "3 2: 7 2 3 4 5 8"},
      {"3 2; 1 3; 1 3", NULL},
      {"3 2; 1 30; 1 30", NULL},
      {"3 2; 1 2; 1 1", NULL},
      {"3 2; 1 1: 3; 1 1", NULL},
      {"3 2; 1 1: -9223372036854775808; 1 1", NULL},
      {"3 0; 3 0; 3 0", "3 0:"}}},
    {{"ScatterElements", "f32", "axis=1 reduction=max", "f32 n m; i64 k l; f32 k l", 18},
     {{"2 3; 1 2: 0 -1; 1 2: 9 0", "2 3: 9 2 3 4 5 6"}, {"2 3; 3 1; 3 1", NULL}}},
    {{"ScatterElements", "bool", "axis=0 reduction=add", "bool n; i64 k; bool k", 18},
     {{"2: 1 0; 3: 0 0 1; 3: 1 1 1", "2: 1 1"}}},
    {{"ScatterElements", "f32", "axis=0 reduction=min", "f32 n; i64 k; f32 k", 18},
     {{"2: 1 nan; 2: 0 1; 2: nan 1", "2: nan nan"}}},
    {{"ScatterND", "f32", "reduction=max", "f32 n; i64 k 1; f32 k", 18},
     {{"2: 1 nan; 2 1: 0 1; 2: nan 1", "2: nan nan"}}},
    {{"GatherElements", "f32", "axis=1", "f32 n m; i64 k l", 18},
     {{"2 3; 1 2: 2 -3", "1 2: 3 1"},
      {"2 3; 3 1", NULL},
      {"2 3; 1 1: 3", NULL},
      {"2 3; 0 3", "0 3:"}}},
    {{"ScatterND", "f32", "", "f32 n m; i64 k 1; f32 p q", 18},
     {{"2 2; 1 1: -1; 1 2: 8 9", "2 2: 1 2 8 9"},
      {"2 2; 1 1: 0; 1 1", NULL},
      {"2 2; 1 1: 2; 1 2", NULL}}},
    {{"MaxPool", "f32", "kernel_shape=3,", "f32 1 1 n", 12},
     {{"1 1 4", "1 1 2: 3 4"}, {"1 1 2", NULL}, {"1 1 0", NULL}}},
    {{"AveragePool", "f32", "kernel_shape=4, strides=9, pads=1,1", "f32 1 1 n", 11},
     {{"1 1 2", "1 1 1: 1.5"}, {"1 1 1", NULL}}},
    {{"Conv", "f32", "kernel_shape=3, dilations=2,", "f32 1 1 n; f32 1 1 3", 11},
     {{"1 1 5; 1 1 3: 1 1 1", "1 1 1: 9"}, {"1 1 4; 1 1 3: 1 1 1", NULL}}},
    {{"TopK", "f32 i64", "axis=1", "f32 n m; i64 1", 18},
     {{"2 3; 1: 2", "2 2: 3 2 6 5"},
      {"2 3; 1: 4", NULL},
      {"2 3; 1: -1", NULL},
      {"2 0; 1: 0", "2 0:"},
      {"2199023255552 0; 1: 0", "2199023255552 0:"}}},
    {{"Split", "f32 f32", "axis=0", "f32 n m; i64 2", 13},
     {{"3 1; 2: 1 2", "1 1: 1"},
      {"3 1; 2: 1 1", NULL},
      {"3 1; 2: 2 2", NULL},
      {"3 1; 2: 4 -1", NULL},
      {"0 1; 2: 0 0", "0 1:"}}},
    /* Which dims are 1 is not known: they are not, or the run is refused. */
    {{"Squeeze", "f32", "", "f32 n 1 m", 13},
     {{"2 1 3", "2 3: 1 2 3 4 5 6"}, {"0 1 2", "0 2:"}, {"1 1 3", NULL}, {"3 1 1", NULL}}},
    {{"Split", "f32 f32", "axis=0", "f32 n m", 13}, {{"4 1", "2 1: 1 2"}, {"3 1", NULL}}},
    /* A window that ONNX Runtime lets reach beyond the map, as does a static one; no empty result.
     */
    {{"MaxPool", "f32", "kernel_shape=3, strides=2,", "f32 1 1 n", 13},
     {{"1 1 5", "1 1 2: 3 5"}, {"1 1 3", "1 1 1: 3"}, {"1 1 2", NULL}, {"1 1 1", NULL}}},
    {{"AveragePool", "f32", "kernel_shape=3, strides=2, pads=1,0", "f32 1 1 n", 13},
     {{"1 1 2", "1 1 1: 1.5"}, {"1 1 1", NULL}}},
    {{"Slice", "f32", "", "f32 n; i64 1; i64 1; i64 1; i64 1", 18},
     {{"3; 1: -1; 1: -9223372036854775808; 1: 0; 1: -1", "3: 3 2 1"},
      {"0; 1: -1; 1: -9223372036854775808; 1: 0; 1: -1", "0:"},
      {"0; 1: 5; 1: 0; 1: -1; 1: -1", "0:"},
      {"3; 1: 9; 1: -9; 1: 0; 1: -9223372036854775808", "1: 3"},
      {"3; 1: 0; 1: 3; 1: 0; 1: 9223372036854775807", "1: 1"},
      {"3; 1: 0; 1: 3; 1: 1; 1: 1", NULL},
      {"3; 1: 0; 1: 3; 1: 0; 1: 0", NULL}}},
    {{"Reshape", "f32", "", "f32 n m; i64 2", 18},
     {{"2 3; 2: 3 -1", "3 2: 1 2 3 4 5 6"},
      {"2 3; 2: 0 0", "2 3: 1 2 3 4 5 6"},
      {"2 3; 2: 4 -1", NULL},
      {"2 3; 2: -1 -1", NULL},
      {"2 3; 2: 4611686018427387904 4", NULL},
      {"0 3; 2: -1 3", "0 3:"},
      {"0 3; 2: 0 -1", NULL}}},
    {{"Pad", "f32", "mode=constant", "f32 n; i64 2", 18},
     {{"3; 2: -1 2", "4: 2 3 0 0"},
      {"3; 2: -2 -2", NULL},
      {"3; 2: -4 3", NULL},
      {"0; 2: 1 0", "1: 0"}}},
    {{"Pad", "f32", "mode=wrap", "f32 n; i64 2", 19},
     {{"4; 2: -2 3", "5: 3 4 3 4 3"},
      {"4; 2: 2 -1", "5: 2 3 1 2 3"},
      {"0; 2: 1 0", NULL},
      {"3; 2: -3 1", NULL}}},
    {{"Pad", "f32", "mode=reflect", "f32 n; i64 2", 18},
     {{"4; 2: -1 2", "5: 2 3 4 3 2"}, {"0; 2: 0 1", NULL}, {"0; 2: 0 0", "0:"}}},
    {{"Pad", "f32", "mode=edge", "f32 n; i64 2", 18},
     {{"3; 2: 1 -1", "3: 1 1 2"}, {"0; 2: 1 1", NULL}}},
    {{"Range", "i64", "", "i64; i64; i64", 11},
     {{": -9223372036854775808; : 9223372036854775807; : 4611686018427387904",
       "4: -9223372036854775808 -4611686018427387904 0 4611686018427387904"},
      {": -4611686018427387904; : 4611686018427387904; : 1", NULL},
      {": 0; : 5; : 0", NULL},
      {": 5; : 0; : 1", "0:"}}},
    {{"Range", "i16", "", "i16; i16; i16", 11},
     {{": -3; : 4; : 3", "3: -3 0 3"},
      {": 32767; : 32764; : -2", "2: 32767 32765"},
      {": 1; : 2; : 0", NULL}}},
    {{"Gemm", "f32", "", "f32 n k; f32 k m; f32 p q", 18},
     {{"1 2; 2 1; 1 1", "1 1: 6"}, {"1 2; 2 1; 2 1", NULL}}},
    {{"Einsum", "f32", "equation=ii->i", "f32 n m", 18}, {{"2 2", "2: 1 4"}, {"2 3", NULL}}},
    {{"DepthToSpace", "f32", "blocksize=2", "f32 n c h w", 18},
     {{"1 4 1 1", "1 1 2 2: 1 2 3 4"}, {"1 6 1 1", NULL}}},
    {{"Tile", "f32", "", "f32 n m; i64 2", 18},
     {{"1 2; 2: 2 1", "2 2: 1 2 1 2"},
      {"1 2; 2: 1099511627776 0", "1099511627776 0:"},
      {"1 2; 2: -1 1", NULL}}},
    {{"Softmax", "f32", "axis=1", "f32 n m", 18}, {{"35184372088832 0", "35184372088832 0:"}}},
    {{"ReverseSequence", "f32", "", "f32 n m; i64 k", 18},
     {{"2 2; 2: 2 1", "2 2: 3 2 1 4"},
      {"2 2; 2: 3 1", NULL},
      {"2 2; 2: -1 1", NULL},
      {"2 2; 1: 2", NULL}}},
    {{"If", "f32", "", "bool; f32 n m", 18},
     {{": 1; 1 2", "2 2: 1 2 1 2"}, {": 0; 1 2", "1 2: -1 -2"}, {": 1; 0 2", "0 2:"}}},
    {{"Attention", "f32", "q_num_heads=1 kv_num_heads=1", "f32 b s 1; f32 c t 1; f32 d u 1", 23},
     {{"1 1 1; 1 1 1; 1 1 1", "1 1 1: 1"},
      {"1 1 1; 2 1 1; 2 1 1", NULL},
      {"2 1 1; 2 1 1; 1 1 1", NULL},
      {"1 1 1; 1 2 1; 1 1 1", NULL}}},
    {{"ReduceSum", "f32", "keepdims=0", "f32 n m", 18},
     {{"35184372088832 0", ": 0"}, {"2 2", ": 10"}}},
};

static void assert_dims(const char *expected, char **end, int32_t rank, const int64_t *dims)
{
    for (int32_t k = 0; k < rank; k++) {
        assert_int_equal(strtoll(expected, end, 10), dims[k]);
        assert_ptr_not_equal(*end, expected);
        expected = *end;
    }
    assert_int_equal(*expected, ':');
    *end += expected == *end;
}

static void assert_elements(const char *text, hmlc_dtype dtype, const void *data, int64_t count)
{
    hmlc_tensor tensor = {.dtype = dtype, .data = data};
    for (int64_t k = 0; k < count; k++) {
        char *end = NULL;
        if (dtype == HMLC_DTYPE_f32) {
            double expected = strtod(text, &end), found = hmlc_tensor_get_double(&tensor, k);
            assert_true(expected == found || (isnan(expected) && isnan(found)));
        } else {
            assert_int_equal(strtoll(text, &end, 10), hmlc_tensor_get_int(&tensor, k));
        }
        text = end;
    }
}

static void assert_answer(const one_node_answer *answer, const char *expected)
{
    if (expected == NULL) {
        assert_false(answer->interpreted);
        assert_int_not_equal(answer->status, HML_OK);
        assert_int_equal(hml_status_describe(answer->status)->exit_class, 2);
        return;
    }
    assert_true(answer->interpreted);
    assert_int_equal(answer->status, HML_OK);
    assert_int_equal(answer->expected.rank, answer->found.rank);
    char *end = NULL;
    union {
        const char *text;
        char *end;
    } start = {.text = expected};
    end = start.end;
    assert_dims(expected, &end, answer->expected.rank, answer->expected.dims);
    end = start.end;
    assert_dims(expected, &end, (int32_t)answer->found.rank, answer->found.dims);
    int64_t count = hmlc_tensor_count(&answer->expected);
    assert_elements(end, answer->expected.dtype, answer->expected.data, count);
    assert_elements(end, answer->expected.dtype, answer->found.data, count);
}

static void answers_are_those_of_the_standard(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        one_node *node = one_node_create(&rows[k].model);
        assert_non_null(node);
        for (uint32_t r = 0; r < MOST_RUNS && rows[k].runs[r].inputs != NULL; r++) {
            const run_row *run = &rows[k].runs[r];
            one_node_answer answer;
            print_message("%s(%s)\n", rows[k].model.type, run->inputs);
            assert_true(one_node_run(node, run->inputs, &answer));
            assert_answer(&answer, run->expected);
        }
        one_node_destroy(node);
    }
}

/* The message names the node, the relation, and the input dims that break it. */
static void messages_name_input_axis_and_relation(void **state)
{
    (void)state;
    static const struct {
        one_node_model model;
        const char *inputs, *words[4];
    } cases[] = {
        {{"ScatterElements", "f32", "axis=0", "f32 n m; i64 k l; f32 k l", 18},
         "3 2; 1 5; 1 5",
         {"5 must be at most 2", "ScatterElements", "dim 1 of input 'b' is 5",
          "dim 1 of input 'a' is 2"}},
        {{"Pad", "f32", "mode=constant", "f32 n; i64 2", 18},
         "3; 2: -2 -2",
         {"-1 must not be negative", "Pad", "dim 0 of input 'a' is 3", "'pad1' is -2"}},
        {{"Add", "f32", "", "f32 n; f32 m", 18},
         "3; 2",
         {"must be equal or 1", "Add", "dim 0 of input 'a' is 3", "dim 0 of input 'b' is 2"}},
        {{"Squeeze", "f32", "", "f32 n 1 m", 13},
         "2 1 1",
         {"a dim must not be 1", "Squeeze", "dim 2 of input 'a' is 1", ""}},
        {{"Expand", "f32", "", "f32 n; i64 1", 18},
         "1; 1: -1",
         {"'shape0' is -1", "at least 0", "Expand", ""}},
        {{"Split", "f32 f32", "axis=0", "f32 n m", 13},
         "3 1",
         {"3 must be a multiple of 2", "Split", "dim 0 of input 'a' is 3", ""}},
        {{"Range", "i64", "", "i64; i64; i64", 11}, ": 1; : 2; : 0", {"delta", "Range", "", ""}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        one_node *node = one_node_create(&cases[k].model);
        one_node_answer answer;
        assert_non_null(node);
        assert_true(one_node_run(node, cases[k].inputs, &answer));
        for (int w = 0; w < 4; w++) {
            if (strstr(answer.message, cases[k].words[w]) == NULL) {
                fail_msg("'%s' is not in: %s", cases[k].words[w], answer.message);
            }
        }
        one_node_destroy(node);
    }
}

/* An output on top of an operand of the step that writes it is the caller's mistake, not damage. */
static void an_output_on_an_input_is_refused(void **state)
{
    (void)state;
    static const one_node_model model = {"Softmax", "f32", "axis=0", "f32 n", 13};
    one_node *node = one_node_create(&model);
    float memory[8] = {1, 2, 3, 4};
    const hml_tensor input = {
        .data = memory, .bytes = 4 * sizeof(float), .dtype = HML_F32, .rank = 1, .dims = {4}};
    assert_non_null(node);
    hml_session *session = one_node_session(node);
    assert_int_equal(hml_bind_input(session, 0, &input), HML_OK);
    assert_int_equal(hml_bind_output(session, 0, memory + 1, 4 * sizeof(float)), HML_OK);
    hml_status status = hml_run(session);
    assert_int_equal(hml_status_describe(status)->exit_class, 2);
    assert_non_null(strstr(hml_session_error(session), "output 'x' lies on that of 'a'"));
    assert_int_equal(hml_bind_output(session, 0, memory + 4, 4 * sizeof(float)), HML_OK);
    assert_int_equal(hml_run(session), HML_OK);
    one_node_destroy(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_the_standard),
        cmocka_unit_test(messages_name_input_axis_and_relation),
        cmocka_unit_test(an_output_on_an_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

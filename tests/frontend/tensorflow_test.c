/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TensorFlow's graphs: what is pruned and fed, and what is refused with which words. Operators
 * themselves are compared with TensorFlow in tests/conformance.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "graph_writer.h"
#include "import_expect.h"

static imported import_with(wire_buffer *graph, const char *inputs, const char *outputs)
{
    const hmlc_import_options options = {.inputs = inputs, .outputs = outputs};
    return import_bytes(graph, &options);
}

/* x -> Relu -> Identity y, with a leftover of the training beside it. */
static wire_buffer small(void)
{
    wire_buffer graph = {0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_plain(&graph, "r", "Relu", "x");
    tf_plain(&graph, "y", "Identity", "r");
    return graph;
}

static void outputs_are_what_nobody_reads(void **state)
{
    (void)state;
    wire_buffer graph = small();
    tf_plain(&graph, "done", "NoOp", "^y");
    imported model = import_with(&graph, NULL, NULL);
    /* "done" comes after y in order alone, so y has a reader and the graph no result. */
    expect_refused(model, "graph_invalid", "no output");
    graph = small();
    model = import_with(&graph, NULL, NULL);
    expect_imported(&model);
    assert_string_equal(model.module->output_names[0], "y");
    assert_string_equal(output_type(&model, 0), "f32[x_dim0, 4]");
    imported_free(&model);
}

static void what_outputs_do_not_need_is_not_looked_at(void **state)
{
    (void)state;
    wire_buffer graph = small();
    tf_plain(&graph, "update", "Assign", "y y");
    imported model = import_with(&graph, NULL, "r");
    expect_imported(&model);
    assert_string_equal(model.module->output_names[0], "r");
    assert_int_equal(count_ops(&model, HMLC_OP_relu), 1);
    imported_free(&model);
    graph = small();
    tf_plain(&graph, "update", "Assign", "y y");
    expect_refused(import_with(&graph, NULL, NULL), "graph_invalid",
                   "writes 'y', which is no variable");
}

static void inner_tensors_are_fed(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "wav", DT_STRING, "");
    tf_plain(&graph, "mfcc", "Mfcc", "wav wav");
    tf_plain(&graph, "y", "Relu", "mfcc");
    imported model = import_with(&graph, "mfcc=batch,98,40", NULL);
    expect_imported(&model);
    assert_string_equal(input_type(&model, 0), "f32[batch, 98, 40]");
    assert_string_equal(output_type(&model, 0), "f32[batch, 98, 40]");
    imported_free(&model);
}

/* A string that is an input is its bytes, which DecodeWav alone can read. */
static void a_string_is_its_bytes(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "wav", DT_STRING, "");
    tf_plain(&graph, "same", "Identity", "wav");
    tf_plain(&graph, "y", "DecodeWav", "same");
    imported model = import_with(&graph, NULL, NULL);
    expect_imported(&model);
    assert_string_equal(input_type(&model, 0), "u8[wav_bytes]");
    assert_int_equal(count_ops(&model, HMLC_OP_wav_header), 1);
    imported_free(&model);
    graph = (wire_buffer){0};
    tf_placeholder(&graph, "wav", DT_STRING, "");
    tf_plain(&graph, "y", "Size", "wav");
    expect_refused(import_with(&graph, NULL, NULL), "graph_invalid", "input 0 ('wav') is a string");
    graph = (wire_buffer){0};
    tf_placeholder(&graph, "x", DT_FLOAT, "4");
    tf_plain(&graph, "y", "DecodeWav", "x");
    expect_refused(import_with(&graph, NULL, NULL), "op_unsupported_type", "no input of the model");
}

static void several_are_fed_with_dims_of_their_own(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "a", DT_FLOAT, NULL);
    tf_placeholder(&graph, "b", DT_FLOAT, NULL);
    tf_plain(&graph, "y", "Mul", "a b");
    imported model = import_with(&graph, "b=,a=2,n", NULL);
    expect_imported(&model);
    assert_string_equal(input_type(&model, 0), "f32[]");
    assert_string_equal(input_type(&model, 1), "f32[2, n]");
    imported_free(&model);
}

static void inputs_that_cannot_be(void **state)
{
    (void)state;
    wire_buffer graph = small();
    expect_refused(import_with(&graph, "nobody=1", NULL), "usage", "the graph has no such tensor");
    graph = small();
    expect_refused(import_with(&graph, "x=1,-7", NULL), "usage", "these are no dims");
    graph = small();
    expect_refused(import_with(&graph, "r", NULL), "rank_unknown", "how many dims the input 'r'");
    graph = small();
    expect_refused(import_with(&graph, "x=1,4,x=2,4", NULL), "usage", "it is given twice");
    graph = small();
    expect_refused(import_with(&graph, NULL, "nobody"), "value_undefined", "produced by no node");
    graph = (wire_buffer){0};
    tf_placeholder(&graph, "x", DT_FLOAT, NULL);
    tf_plain(&graph, "y", "Relu", "x");
    expect_refused(import_with(&graph, NULL, NULL), "rank_unknown", "--inputs x=?,DIM,DIM");
    graph = (wire_buffer){0};
    tf_placeholder(&graph, "x", DT_STRING, "1");
    tf_plain(&graph, "y", "Identity", "x");
    expect_refused(import_with(&graph, NULL, NULL), "op_unsupported_type", "strings are not");
}

static void operators_are_refused_by_name(void **state)
{
    static const struct {
        const char *op, *error, *text;
    } rows[] = {
        {"LookupTableFindV2", "op_unsupported", "looks up strings"},
        {"PyFunc", "op_unsupported", "holds Python code, which is never run"},
        {"VariableV2", "graph_invalid", "has 1 inputs"},
        {"StatefulPartitionedCall", "graph_invalid", "calls function '', which is not there"},
        {"XlaCallModule", "op_unsupported", "JAX"},
        {"Reluu", "op_unknown", "did you mean 'Relu'?"},
        {"MyCustomOp", "op_unknown", "--inputs y=DIM,DIM, or end before it, --outputs x"},
        {"Add", "graph_invalid", "has 1 inputs"},
        {"Diag", "not_implemented", "of rank 2 is not supported"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer graph = {0};
        tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
        tf_plain(&graph, "y", rows[i].op, "x");
        expect_refused(import_with(&graph, NULL, NULL), rows[i].error, rows[i].text);
    }
}

static void unknown_attributes_are_refused(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    wire_buffer node = tf_node("y", "Relu", "x");
    tf_attr_number(&node, "new_meaning", ATTR_I, 1);
    tf_attr_number(&node, "_ignored", ATTR_I, 1);
    tf_attr_number(&node, "T", ATTR_TYPE, DT_FLOAT);
    tf_add(&graph, &node);
    expect_refused(import_with(&graph, NULL, NULL), "not_implemented", "'new_meaning'");
}

/* A text where a number belongs is not 0. */
static void attributes_of_other_kinds_are_refused(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    wire_buffer node = tf_node("y", "Pack", "x x"), value = {0};
    wire_put_text(&value, 2, "first");
    tf_attr(&node, "axis", &value);
    tf_add(&graph, &node);
    expect_refused(import_with(&graph, NULL, NULL), "attribute_invalid",
                   "attribute 'axis' must be a whole number");
}

/* All problems at once. */
static void problems_are_collected(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_plain(&graph, "a", "PyFunc", "x");
    tf_plain(&graph, "b", "Mystery", "a");
    tf_plain(&graph, "enter", "Enter", "x");
    tf_plain(&graph, "merge", "Merge", "enter next");
    tf_plain(&graph, "switch", "Switch", "merge merge");
    tf_plain(&graph, "next", "NextIteration", "switch:1");
    tf_plain(&graph, "exit", "Exit", "switch");
    tf_plain(&graph, "y", "Add", "b exit");
    imported model = import_with(&graph, NULL, NULL);
    assert_int_equal(model.status, HMLC_DAMAGED);
    assert_int_equal(error_count(&model), 3);
    assert_true(says(&model, "of a loop has no LoopCond"));
    imported_free(&model);
}

static void graphs_that_do_not_hang_together(void **state)
{
    (void)state;
    wire_buffer graph = small();
    tf_plain(&graph, "r", "Relu", "x");
    expect_refused(import_with(&graph, NULL, NULL), "value_undefined", "the name of two nodes");
    graph = small();
    tf_plain(&graph, "z", "Relu", "nobody");
    expect_refused(import_with(&graph, NULL, NULL), "value_undefined", "produced by no node");
    graph = small();
    tf_plain(&graph, "z", "Relu", "r:9");
    expect_refused(import_with(&graph, NULL, NULL), "not_implemented", "output 9 ('r')");
    graph = (wire_buffer){0};
    tf_plain(&graph, "a", "Relu", "b");
    tf_plain(&graph, "b", "Relu", "a");
    expect_refused(import_with(&graph, NULL, "a"), "value_undefined", "in a circle");
}

static void stored_tensors_must_fit(void **state)
{
    static const float numbers[4] = {1, 2, 3, 4};
    (void)state;
    wire_buffer graph = small();
    tf_constant(&graph, "c", DT_FLOAT, "4", numbers, 16);
    tf_plain(&graph, "z", "Add", "y c");
    imported model = import_with(&graph, NULL, NULL);
    expect_imported(&model);
    imported_free(&model);
    graph = small();
    tf_constant(&graph, "c", DT_FLOAT, "5", numbers, 16);
    tf_plain(&graph, "z", "Add", "y c");
    expect_refused(import_with(&graph, NULL, NULL), "tensor_data_invalid", "16 bytes are stored");
    graph = small();
    tf_constant(&graph, "c", DT_STRING, "1", "a", 1);
    tf_plain(&graph, "z", "Add", "y c");
    expect_refused(import_with(&graph, NULL, NULL), "op_unsupported_type", "strings are not");
    graph = small();
    tf_constant(&graph, "c", DT_FLOAT, "-3", numbers, 16);
    tf_plain(&graph, "z", "Add", "y c");
    expect_refused(import_with(&graph, NULL, NULL), "tensor_data_invalid", "dim 0 is -3");
    graph = small();
    tf_plain(&graph, "c", "Const", "");
    tf_plain(&graph, "z", "Add", "y c");
    expect_refused(import_with(&graph, NULL, NULL), "attribute_invalid", "Const has no value");
}

/* A number for 2^40 elements: a small file must not ask for all memory. */
static void one_number_does_not_fill_memory(void **state)
{
    (void)state;
    wire_buffer graph = small(), node = tf_node("c", "Const", ""), tensor = {0}, value = {0};
    wire_buffer shape = tf_shape("1048576 1048576");
    wire_put_int(&tensor, 1, DT_FLOAT);
    wire_put_message(&tensor, 2, &shape);
    wire_put_message(&value, ATTR_TENSOR, &tensor);
    tf_attr(&node, "value", &value);
    tf_add(&graph, &node);
    tf_plain(&graph, "z", "Add", "y c");
    expect_refused(import_with(&graph, NULL, NULL), "parser_memory", "0 values stand for");
}

static void dropout_drops_nothing(void **state)
{
    static const float keep = 0.5F;
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_constant(&graph, "keep", DT_FLOAT, "", &keep, 4);
    tf_plain(&graph, "shape", "Shape", "x");
    tf_plain(&graph, "random", "RandomUniform", "shape");
    tf_plain(&graph, "sum", "Add", "random keep");
    tf_plain(&graph, "kept", "Floor", "sum");
    tf_plain(&graph, "y", "Mul", "x kept");
    imported model = import_with(&graph, NULL, NULL);
    expect_imported(&model);
    assert_true(says(&model, "nothing is"));
    assert_int_equal(count_ops(&model, HMLC_OP_floor), 0);
    imported_free(&model);
}

enum { ATTR_TEXT = 2 };

static wire_buffer enter(const char *name, const char *input, const char *frame)
{
    wire_buffer node = tf_node(name, "Enter", input), value = {0};
    wire_put_text(&value, ATTR_TEXT, frame);
    tf_attr(&node, "frame_name", &value);
    return node;
}

/* x is doubled until it is above the limit; lines of `change` replace what they name. */
static wire_buffer loop_graph(const char *condition, const char *merge, const char *choose)
{
    static const float limit = 100;
    wire_buffer graph = {0}, node;
    tf_placeholder(&graph, "x", DT_FLOAT, "");
    tf_constant(&graph, "limit", DT_FLOAT, "", &limit, 4);
    node = enter("in", "x", "loop");
    tf_add(&graph, &node);
    node = enter("in_limit", "limit", "loop");
    tf_add(&graph, &node);
    tf_plain(&graph, "m", "Merge", merge);
    tf_plain(&graph, "l", "Less", "m in_limit");
    tf_plain(&graph, "lc", "LoopCond", "l");
    tf_plain(&graph, "s", "Switch", choose);
    tf_plain(&graph, "b", "Add", "s:1 s:1");
    tf_plain(&graph, "n", "NextIteration", "b");
    tf_plain(&graph, "out", condition, "s");
    return graph;
}

static void loops_must_be_whole(void **state)
{
    static const struct {
        const char *exit, *merge, *choose, *text;
    } rows[] = {
        {"Exit", "in n n", "m lc", "does not join one Enter and one NextIteration"},
        {"Exit", "in b", "m lc", "does not join one Enter and one NextIteration"},
        {"Exit", "in n", "m l", "has no LoopCond"},
        {"Identity", "in n", "m lc", "belongs to no loop"},
    };
    (void)state;
    wire_buffer graph = loop_graph("Exit", "in n", "m lc");
    imported model = import_bytes(&graph, NULL);
    expect_imported(&model);
    assert_int_equal(count_ops(&model, HMLC_OP_loop), 1);
    imported_free(&model);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        graph = loop_graph(rows[i].exit, rows[i].merge, rows[i].choose);
        model = import_bytes(&graph, NULL);
        assert_int_not_equal(model.status, HMLC_OK);
        if (!says(&model, rows[i].text)) {
            fail_msg("row %zu: %s", i, hmlc_diagnostics_first(model.module->diagnostics)->message);
        }
        imported_free(&model);
    }
}

/* What a loop brings back may be identities that read each other. */
static void circles_in_loops_end(void **state)
{
    (void)state;
    wire_buffer graph = loop_graph("Exit", "in again", "m lc");
    tf_plain(&graph, "this", "Identity", "that");
    tf_plain(&graph, "that", "Identity", "this");
    tf_plain(&graph, "again", "NextIteration", "this");
    expect_refused(import_with(&graph, NULL, "out"), "value_undefined", "in a circle");
}

/* Numbers stand in the names of a node and of what it reads. */
static void numbered(wire_buffer *graph, int number, const char *name, const char *op,
                     const char *inputs, int read)
{
    char full[32], all[64];
    (void)snprintf(full, sizeof full, name, number);
    (void)snprintf(all, sizeof all, inputs, read, read);
    tf_plain(graph, full, op, all);
}

/* Loops are imported one in the other: more than fit on the stack are refused. */
static void loops_are_not_nested_without_end(void **state)
{
    enum { LOOPS = 260 };
    (void)state;
    wire_buffer graph = {0};
    char name[32], from[32];
    tf_placeholder(&graph, "x", DT_FLOAT, "");
    for (int i = 0; i < LOOPS; i++) {
        (void)snprintf(name, sizeof name, "in%d", i);
        (void)snprintf(from, sizeof from, i == 0 ? "x" : "s%d:1", i - 1);
        wire_buffer node = enter(name, from, name);
        tf_add(&graph, &node);
        numbered(&graph, i, "m%d", "Merge", "in%d n%d", i);
        numbered(&graph, i, "c%d", "LoopCond", "m%d", i);
        numbered(&graph, i, "s%d", "Switch", "m%d c%d", i);
        numbered(&graph, i, "o%d", "Exit", "s%d", i);
        numbered(&graph, i, "n%d", "NextIteration", i + 1 < LOOPS ? "o%d" : "x", i + 1);
    }
    expect_refused(import_with(&graph, NULL, "o0"), "nesting_too_deep", "lies in more than 256");
}

/* Of a real number as a complex one the other part is 0 in the same shape. */
static void parts_of_complex_numbers_have_their_shape(void **state)
{
    static const char *const parts[] = {"Real", "Imag"};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        wire_buffer graph = {0}, node = tf_node("c", "Cast", "x");
        tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
        tf_attr_number(&node, "DstT", ATTR_TYPE, 8);
        tf_add(&graph, &node);
        tf_plain(&graph, "y", parts[i], "c");
        imported model = import_with(&graph, NULL, NULL);
        expect_imported(&model);
        assert_string_equal(output_type(&model, 0), "f32[x_dim0, 4]");
        imported_free(&model);
    }
}

/* Each label has one size: 2 by 3 is not 3 by 2, though both are 6. */
static void labels_have_one_size(void **state)
{
    static const char *const shapes[] = {"2 3 5", "3 2 5"};
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        wire_buffer graph = {0}, node = tf_node("z", "Einsum", "x y"), equation = {0};
        tf_placeholder(&graph, "x", DT_FLOAT, "2 3 5");
        tf_placeholder(&graph, "y", DT_FLOAT, shapes[i]);
        wire_put_text(&equation, ATTR_TEXT, "abk,abk->k");
        tf_attr(&node, "equation", &equation);
        tf_add(&graph, &node);
        imported model = import_with(&graph, NULL, NULL);
        assert_int_equal(model.status == HMLC_OK, i == 0);
        imported_free(&model);
    }
}

/* Each write is not looked for behind each node. */
static void many_writes_cost_no_square(void **state)
{
    enum { WRITES = 20000 };
    (void)state;
    wire_buffer graph = {0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_plain(&graph, "r0", "Relu", "x");
    for (int i = 0; i < WRITES; i++) {
        numbered(&graph, i, "w%d", "Assign", "r0 r0", i);
        numbered(&graph, i + 1, "r%d", "Relu", "r%d ^w%d", i);
    }
    clock_t begin = clock();
    imported model = import_with(&graph, NULL, "r20000");
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
    expect_imported(&model);
    imported_free(&model);
}

/* A function that is called like an operator does not stand for it, nor takes what it cannot. */
static void operators_are_no_functions(void **state)
{
    static const int32_t four = 4;
    (void)state;
    wire_buffer graph = small(), signature = {0}, function = {0}, library = {0};
    tf_constant(&graph, "four", DT_INT32, "", &four, 4);
    tf_plain(&graph, "list", "EmptyTensorList", "four four");
    tf_plain(&graph, "z", "Relu", "list");
    wire_put_text(&signature, 1, "Relu");
    wire_put_message(&function, 1, &signature);
    wire_put_message(&library, 1, &function);
    wire_put_message(&graph, 2, &library);
    expect_refused(import_with(&graph, NULL, "z"), "graph_invalid", "takes tensors, but input 0");
}

/* Every cut, and changed bytes: a status and a reason. */
static void damage_is_survived(void **state)
{
    static const float numbers[4] = {1, 2, 3, 4};
    (void)state;
    wire_buffer graph = small();
    tf_constant(&graph, "c", DT_FLOAT, "4", numbers, 16);
    tf_plain(&graph, "z", "Add", "y c");
    for (size_t i = 0; i < 2 * graph.size; i++) {
        bool cut = i < graph.size;
        uint8_t *copy = malloc(graph.size + 1);
        assert_non_null(copy);
        memcpy(copy, graph.data, graph.size);
        copy[i % graph.size] ^= cut ? 0 : (uint8_t)(1 << i % 8);
        hmlc_module *module = hmlc_module_create(NULL);
        hmlc_status status = hmlc_import_memory(copy, cut ? i : graph.size, NULL, module);
        assert_true(status == HMLC_OK || hmlc_diagnostics_error_count(module->diagnostics) > 0);
        assert_int_not_equal(status, HMLC_INTERNAL);
        hmlc_module_destroy(module);
        free(copy);
    }
    wire_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_what_nobody_reads),
        cmocka_unit_test(what_outputs_do_not_need_is_not_looked_at),
        cmocka_unit_test(inner_tensors_are_fed),
        cmocka_unit_test(a_string_is_its_bytes),
        cmocka_unit_test(several_are_fed_with_dims_of_their_own),
        cmocka_unit_test(inputs_that_cannot_be),
        cmocka_unit_test(operators_are_refused_by_name),
        cmocka_unit_test(unknown_attributes_are_refused),
        cmocka_unit_test(attributes_of_other_kinds_are_refused),
        cmocka_unit_test(problems_are_collected),
        cmocka_unit_test(graphs_that_do_not_hang_together),
        cmocka_unit_test(stored_tensors_must_fit),
        cmocka_unit_test(one_number_does_not_fill_memory),
        cmocka_unit_test(dropout_drops_nothing),
        cmocka_unit_test(loops_must_be_whole),
        cmocka_unit_test(circles_in_loops_end),
        cmocka_unit_test(loops_are_not_nested_without_end),
        cmocka_unit_test(parts_of_complex_numbers_have_their_shape),
        cmocka_unit_test(labels_have_one_size),
        cmocka_unit_test(many_writes_cost_no_square),
        cmocka_unit_test(operators_are_no_functions),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

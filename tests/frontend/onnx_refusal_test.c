/* SPDX-License-Identifier: Apache-2.0 */
/* Models that are refused, or damaged: which status, which code, and that all problems are named at
 * once without follow-up noise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "import_expect.h"

static wire_buffer begin(void)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "2 3");
    return graph;
}

static void end(wire_buffer *graph)
{
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
}

static void expect(wire_buffer *graph, int64_t opset, hmlc_status status, const char *error,
                   const char *text)
{
    end(graph);
    expect_status(import_graph(graph, opset), status, error, text);
}

static void unknown_operators_get_a_suggestion(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Sigmod", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "op_unknown", "did you mean Sigmoid?");
}

static void operators_outside_the_opset_are_named(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Gelu", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "op_unknown", "Gelu exists from opset 20");
    graph = begin();
    graph_add(&graph, "Upsample", "x", "y");
    expect(&graph, 13, HMLC_REFUSED, "op_unknown", "Upsample exists up to opset 9");
}

static void known_operators_without_a_rule_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"StringConcat", "SequenceConstruct"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        wire_buffer graph = begin();
        graph_add(&graph, names[i], "x", "y");
        expect(&graph, 21, HMLC_REFUSED, "op_unsupported", names[i]);
    }
}

static void scalars_without_an_element_are_refused(void **state)
{
    (void)state;
    wire_buffer graph = begin(), axis = tensor_begin("axis", ONNX_INT64, "0");
    graph_tensor(&graph, &axis);
    graph_add(&graph, "CumSum", "x axis", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "has 0 elements, but must be a scalar");
}

static void other_domains_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const domains[] = {"com.microsoft", "ai.onnx.ml", "my.company"};
    for (size_t i = 0; i < 3; i++) {
        wire_buffer graph = begin(), node = node_begin("FusedThing", "x", "y");
        wire_put_text(&node, 7, domains[i]);
        graph_node(&graph, &node);
        expect(&graph, 17, HMLC_REFUSED, "op_unsupported", domains[i]);
    }
}

static void calls_of_model_local_functions_are_refused(void **state)
{
    (void)state;
    wire_buffer graph = begin(), node = node_begin("MyFunction", "x", "y"), function = {0};
    wire_put_text(&node, 7, "local");
    graph_node(&graph, &node);
    end(&graph);
    wire_put_text(&function, 1, "MyFunction");
    wire_put_text(&function, 10, "local");
    wire_buffer file = model_end(&graph, 17);
    wire_put_message(&file, 25, &function);
    imported model = import_bytes(&file, NULL);
    assert_int_equal(model.status, HMLC_REFUSED);
    assert_true(says(&model, "model-local function 'MyFunction'"));
    assert_true(says(&model, "inline"));
    imported_free(&model);
}

/* Two problems, however many nodes hang on them. */
static void every_problem_is_named_once(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Frobnicate", "x", "a");
    graph_add(&graph, "Relu", "a", "b");
    graph_add(&graph, "Add", "a b", "c");
    graph_add(&graph, "Det", "c", "d");
    graph_add(&graph, "Add", "d c", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_REFUSED);
    assert_int_equal(error_count(&model), 2);
    assert_true(says(&model, "Frobnicate"));
    assert_true(says(&model, "Det"));
    imported_free(&model);
}

static void locations_name_the_node(void **state)
{
    (void)state;
    wire_buffer graph = begin(), node = node_begin("Nothing", "x", "a");
    wire_put_text(&node, 3, "block/first");
    graph_node(&graph, &node);
    graph_add(&graph, "Nothing", "x", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    assert_true(says(&model, "node 'block/first' (Nothing)"));
    assert_true(says(&model, "node '#1' (Nothing)"));
    imported_free(&model);
}

/* Attributes. */

static void attributes_are_checked_against_the_operator(void **state)
{
    (void)state;
    wire_buffer graph = begin(), node = node_begin("Softmax", "x", "y");
    node_int(&node, "axes", 1);
    graph_node(&graph, &node);
    expect(&graph, 13, HMLC_DAMAGED, "attribute_invalid", "no attribute 'axes'");
    graph = begin();
    node = node_begin("Softmax", "x", "y");
    node_float(&node, "axis", 1);
    graph_node(&graph, &node);
    expect(&graph, 13, HMLC_DAMAGED, "attribute_invalid", "'axis' must be an int, but is a float");
    graph = begin();
    node = node_begin("Softmax", "x", "y");
    node_int(&node, "axis", 1);
    node_int(&node, "axis", 1);
    graph_node(&graph, &node);
    expect(&graph, 13, HMLC_DAMAGED, "attribute_invalid", "given twice");
    graph = begin();
    graph_add(&graph, "Cast", "x", "y");
    expect(&graph, 13, HMLC_DAMAGED, "attribute_invalid", "required attribute 'to' is missing");
    graph = begin();
    node = node_begin("Pad", "x", "y");
    const int64_t pads[] = {0, 0, 0, 0};
    node_ints(&node, "pads", pads, 4);
    node_text(&node, "mode", "mirror");
    graph_node(&graph, &node);
    expect(&graph, 8, HMLC_DAMAGED, "attribute_invalid", "'mode' is 'mirror'");
}

static void axes_outside_the_rank_are_damage(void **state)
{
    (void)state;
    static const int64_t axes[] = {2, -3, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        wire_buffer graph = begin(), node = node_begin("Softmax", "x", "y");
        node_int(&node, "axis", axes[i]);
        graph_node(&graph, &node);
        expect(&graph, 13, HMLC_DAMAGED, "graph_invalid", "outside rank 2");
    }
}

static void add_lstm(wire_buffer *graph, const char *activations)
{
    wire_buffer node = node_begin("LSTM", "x w r", "y");
    graph_value(graph, GRAPH_INPUT, "w", ONNX_FLOAT, "1 8 3");
    graph_value(graph, GRAPH_INPUT, "r", ONNX_FLOAT, "1 8 2");
    node_int(&node, "hidden_size", 2);
    node_texts(&node, "activations", activations);
    graph_node(graph, &node);
}

static void activations_are_those_of_the_standard(void **state)
{
    (void)state;
    static const struct {
        const char *activations, *problem;
    } rows[] = {
        {"Sigmoid Gelu Tanh", "'Gelu', which the standard does not name"},
        {"Sigmoid Tanh", "has 2 entries, must have 3"},
        {"Sigmoid Affine Tanh", "Affine, lacks an alpha or a beta"},
        {"ScaledTanh Tanh Tanh", "give activation_alpha and activation_beta"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer graph = {0};
        graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "4 1 3");
        add_lstm(&graph, rows[i].activations);
        expect(&graph, 17, HMLC_DAMAGED, "attribute_invalid", rows[i].problem);
    }
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "4 1 3");
    add_lstm(&graph, "hardsigmoid Softplus TANH");
    end(&graph);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_OK);
    imported_free(&model);
}

static void outputs_of_training_need_the_mode(void **state)
{
    (void)state;
    wire_buffer graph = begin(), node = node_begin("BatchNormalization", "x s s s s", "y m v");
    wire_buffer tensor = tensor_begin("s", ONNX_FLOAT, "3");
    const float ones[] = {1, 1, 1};
    wire_put_bytes(&tensor, TENSOR_RAW, ones, sizeof ones);
    graph_tensor(&graph, &tensor);
    graph_node(&graph, &node);
    expect(&graph, 15, HMLC_REFUSED, "not_implemented", "'m') exists in training only");
}

static void an_unknown_number_of_axes_is_refused(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_value(&graph, GRAPH_INPUT, "axes", ONNX_INT64, "n");
    graph_add(&graph, "ReduceSum", "x axes", "y");
    expect(&graph, 13, HMLC_REFUSED, "rank_unknown", "'axes'");
}

/* Values and types. */

static void names_are_checked(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Relu", "nowhere", "y");
    expect(&graph, 17, HMLC_DAMAGED, "value_undefined", "'nowhere'");
    graph = begin();
    graph_add(&graph, "Relu", "x", "y");
    graph_add(&graph, "Neg", "x", "y");
    expect(&graph, 17, HMLC_DAMAGED, "value_undefined", "'y' is defined twice");
    graph = begin();
    graph_add(&graph, "Relu", "x", "x");
    expect(&graph, 17, HMLC_DAMAGED, "value_undefined", "'x' is defined twice");
    graph = begin();
    graph_add(&graph, "Relu", "x", "z");
    expect(&graph, 17, HMLC_DAMAGED, "value_undefined", "'y' is produced by no node");
}

static void circles_are_damage(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Add", "x b", "a");
    graph_add(&graph, "Relu", "a", "b");
    graph_add(&graph, "Relu", "b", "y");
    expect(&graph, 17, HMLC_DAMAGED, "value_undefined", "circle");
    graph = begin();
    graph_add(&graph, "Add", "x y", "y");
    expect(&graph, 17, HMLC_DAMAGED, "value_undefined", "circle");
}

static void arity_is_checked(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Relu", "x x", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "takes at most 1");
    graph = begin();
    graph_add(&graph, "Add", "x", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "input 1 is missing");
    graph = begin();
    graph_add(&graph, "Add", "- x", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "input 0 is missing");
    graph = begin();
    graph_add(&graph, "Relu", "x", "y z");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "has 2 outputs");
}

static void element_types_are_those_of_the_standard(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_value(&graph, GRAPH_INPUT, "i", ONNX_INT32, "2 3");
    graph_add(&graph, "Exp", "i", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "'i') is i32");
    graph = begin();
    graph_value(&graph, GRAPH_INPUT, "i", ONNX_INT32, "2 3");
    graph_add(&graph, "Add", "x i", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "both must be of one type");
}

static void shapes_that_do_not_fit_are_damage(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_FLOAT, "4 5");
    graph_add(&graph, "MatMul", "x w", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "3");
    graph = begin();
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_FLOAT, "4");
    graph_add(&graph, "Add", "x w", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "broadcast");
}

/* Another shape is a warning: onnx_exporter_test.c. */
static void declared_types_must_agree(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Relu", "x", "a");
    graph_add(&graph, "Neg", "a", "y");
    graph_value(&graph, GRAPH_VALUE, "a", ONNX_INT32, "2 3");
    expect(&graph, 17, HMLC_DAMAGED, "declared_type_contradicts", "i32 for 'a'");
}

static void inputs_need_a_rank_and_a_tensor_type(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, NULL);
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "rank_unknown", "'x' has no shape, and its rank does not");
    graph = (wire_buffer){0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_STRING, "2");
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "op_unsupported_type", "string");
    graph = (wire_buffer){0};
    graph_value(&graph, GRAPH_INPUT, "x", 22, "2");
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "op_unsupported_type", "i4");
    graph = (wire_buffer){0};
    graph_value(&graph, GRAPH_INPUT, "x", 99, "2");
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 17, HMLC_DAMAGED, "graph_invalid", "99");
    graph = (wire_buffer){0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "1 1 1 1 1 1 1 1 1 1 1 1 1");
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "not_implemented", "rank 13");
}

static void sequences_are_refused_by_name(void **state)
{
    (void)state;
    wire_buffer graph = {0}, value = {0}, type = {0}, element = {0};
    wire_put_message(&type, 4, &element);
    wire_put_text(&value, 1, "x");
    wire_put_message(&value, 2, &type);
    wire_put_message(&graph, GRAPH_INPUT, &value);
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 17, HMLC_REFUSED, "not_implemented", "'x' is a sequence");
}

static void sparse_initializers_are_refused(void **state)
{
    (void)state;
    wire_buffer graph = begin(), sparse = {0}, values = tensor_begin("w", ONNX_FLOAT, "1");
    wire_put_message(&sparse, 1, &values);
    wire_put_message(&graph, 15, &sparse);
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_FLOAT, "1"); /* no second input of that name */
    graph_add(&graph, "Add", "x w", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_REFUSED);
    assert_string_equal(first_error(&model), "not_implemented");
    assert_int_equal(error_count(&model), 1);
    assert_true(says(&model, "'w' is a sparse tensor"));
    imported_free(&model);
}

static void opsets_have_bounds(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 5, HMLC_REFUSED, "not_implemented", "Relu is supported from opset 6 on");
    graph = begin();
    graph_add(&graph, "Relu", "x", "y");
    end(&graph);
    imported model = import_graph(&graph, 6);
    assert_int_equal(model.status, HMLC_OK);
    imported_free(&model);
    graph = begin();
    graph_add(&graph, "Gelu", "x", "y");
    expect(&graph, 5, HMLC_REFUSED, "op_unknown", "Gelu exists from opset 20");
    graph = begin();
    graph_add(&graph, "Relu", "x", "y");
    expect(&graph, 29, HMLC_REFUSED, "version_newer", "opset 29");
}

static void a_newer_ir_version_is_a_warning(void **state)
{
    (void)state;
    wire_buffer graph = one_node("Relu", "2");
    wire_buffer file = model_end(&graph, 17), newer = {0};
    wire_put_int(&newer, 1, 99);
    wire_put_raw(&newer, file.data + 2, file.size - 2);
    wire_free(&file);
    imported model = import_bytes(&newer, NULL);
    assert_int_equal(model.status, HMLC_OK);
    assert_true(says(&model, "IR version 99"));
    imported_free(&model);
}

/* Constants under one name: the last one counts, with a warning. */
static void redefined_constants_are_a_warning(void **state)
{
    (void)state;
    wire_buffer graph = begin();
    for (int i = 0; i < 2; i++) {
        wire_buffer node = node_begin("Constant", "", "c");
        wire_buffer tensor = tensor_begin("", ONNX_FLOAT, "");
        const float value = (float)i + 5;
        wire_put_bytes(&tensor, TENSOR_RAW, &value, sizeof value);
        node_tensor(&node, "value", &tensor);
        graph_node(&graph, &node);
    }
    graph_add(&graph, "Add", "x c", "y");
    end(&graph);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_OK);
    assert_true(says(&model, "'c'"));
    double value = 0;
    const hmlc_op *sum = hmlc_op_operand(model.module->main->last, 0)->producer;
    assert_true(hmlc_value_splat(hmlc_op_operand(sum, 1), &value));
    assert_true(value == 6);
    imported_free(&model);
}

/* Branches of an If are checked like all else, where both may run. */
static void problems_within_branches_are_named(void **state)
{
    (void)state;
    wire_buffer graph = begin(), node = node_begin("If", "c", "y"), then = {0}, other = {0};
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    graph_add(&then, "Whatever", "x", "t");
    graph_value(&then, GRAPH_OUTPUT, "t", ONNX_FLOAT, NULL);
    graph_add(&other, "Relu", "missing", "e");
    graph_value(&other, GRAPH_OUTPUT, "e", ONNX_FLOAT, NULL);
    node_graph(&node, "then_branch", &then);
    node_graph(&node, "else_branch", &other);
    graph_node(&graph, &node);
    end(&graph);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_DAMAGED);
    assert_int_equal(error_count(&model), 2);
    assert_true(says(&model, "#0/then_branch/#0"));
    assert_true(says(&model, "'missing'"));
    imported_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_operators_get_a_suggestion),
        cmocka_unit_test(operators_outside_the_opset_are_named),
        cmocka_unit_test(known_operators_without_a_rule_are_refused),
        cmocka_unit_test(other_domains_are_refused_by_name),
        cmocka_unit_test(calls_of_model_local_functions_are_refused),
        cmocka_unit_test(every_problem_is_named_once),
        cmocka_unit_test(locations_name_the_node),
        cmocka_unit_test(attributes_are_checked_against_the_operator),
        cmocka_unit_test(axes_outside_the_rank_are_damage),
        cmocka_unit_test(activations_are_those_of_the_standard),
        cmocka_unit_test(outputs_of_training_need_the_mode),
        cmocka_unit_test(an_unknown_number_of_axes_is_refused),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(circles_are_damage),
        cmocka_unit_test(arity_is_checked),
        cmocka_unit_test(element_types_are_those_of_the_standard),
        cmocka_unit_test(shapes_that_do_not_fit_are_damage),
        cmocka_unit_test(declared_types_must_agree),
        cmocka_unit_test(inputs_need_a_rank_and_a_tensor_type),
        cmocka_unit_test(sequences_are_refused_by_name),
        cmocka_unit_test(sparse_initializers_are_refused),
        cmocka_unit_test(scalars_without_an_element_are_refused),
        cmocka_unit_test(opsets_have_bounds),
        cmocka_unit_test(a_newer_ir_version_is_a_warning),
        cmocka_unit_test(redefined_constants_are_a_warning),
        cmocka_unit_test(problems_within_branches_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

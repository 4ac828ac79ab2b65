/* SPDX-License-Identifier: Apache-2.0 */
/* What exporters and optimisers write beside the standard, and ONNX Runtime runs: shapes that are
 * not true, names that hide others, dims without a name, leftovers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_expect.h"

static wire_buffer begin(const char *dims)
{
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, dims);
    return graph;
}

/* Ends the graph with the output y and imports it, which must succeed. */
static imported import_valid(wire_buffer *graph, int64_t opset, const hmlc_import_options *options)
{
    graph_value(graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    imported model = import_graph_with(graph, opset, options);
    expect_imported(&model);
    return model;
}

static uint32_t diagnostics_count(const imported *model)
{
    uint32_t count = 0;
    const hmlc_diagnostic *each = hmlc_diagnostics_first(model->module->diagnostics);
    for (; each != NULL; each = each->next) {
        count++;
    }
    return count;
}

/* Shapes that the model declares. */

static void a_declared_shape_that_is_not_true_is_a_warning(void **state)
{
    (void)state;
    static const char *const shapes[] = {"6", "4 6", "", "2 3 1", "2 4"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        for (int output = 0; output < 2; output++) {
            wire_buffer graph = begin("2 3");
            graph_add(&graph, "Relu", "x", "a");
            graph_add(&graph, "Neg", "a", "y");
            graph_value(&graph, output ? GRAPH_OUTPUT : GRAPH_VALUE, output ? "y" : "a", ONNX_FLOAT,
                        shapes[i]);
            imported model = import_valid(&graph, 17, NULL);
            assert_true(says(&model, output ? "'y'" : "'a'"));
            assert_true(says(&model, "f32[2, 3]"));
            assert_string_equal(output_type(&model, 0), "f32[2, 3]");
            imported_free(&model);
        }
    }
}

static void a_declared_shape_that_may_be_true_is_silent(void **state)
{
    (void)state;
    static const char *const shapes[] = {"n 3", "2 3", "7 3", "? ?", "m k"};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        wire_buffer graph = begin("n 3");
        graph_add(&graph, "Relu", "x", "a");
        graph_add(&graph, "Neg", "a", "y");
        graph_value(&graph, GRAPH_VALUE, "a", ONNX_FLOAT, shapes[i]);
        imported model = import_valid(&graph, 17, NULL);
        assert_int_equal(diagnostics_count(&model), 0);
        imported_free(&model);
    }
}

/* A file whose shapes are all stale gives a page, not a line per value. */
static void many_shapes_that_are_not_true_are_counted(void **state)
{
    (void)state;
    enum { VALUES = 40 };
    wire_buffer graph = begin("2 3");
    char from[16] = "x", to[16];
    for (int i = 0; i < VALUES; i++) {
        (void)snprintf(to, sizeof to, "v%d", i);
        graph_add(&graph, "Relu", from, to);
        graph_value(&graph, GRAPH_VALUE, to, ONNX_FLOAT, "5");
        memcpy(from, to, sizeof from);
    }
    graph_add(&graph, "Neg", from, "y");
    imported model = import_valid(&graph, 17, NULL);
    assert_int_equal(diagnostics_count(&model), 9);
    assert_true(says(&model, "32 more declared shapes"));
    imported_free(&model);
}

static void nodes_that_contradict_each_other_stay_an_error(void **state)
{
    (void)state;
    wire_buffer graph = begin("2 3");
    graph_value(&graph, GRAPH_INPUT, "w", ONNX_FLOAT, "4 5");
    graph_add(&graph, "MatMul", "x w", "y");
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "2 5");
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_DAMAGED);
    imported_free(&model);
}

/* Scopes. */

static wire_buffer branch(const char *first, const char *inner, const char *second,
                          const char *output)
{
    wire_buffer graph = {0};
    graph_add(&graph, first, "x", inner);
    graph_add(&graph, second, inner, output);
    graph_value(&graph, GRAPH_OUTPUT, output, ONNX_FLOAT, NULL);
    return graph;
}

static void add_if(wire_buffer *graph, const char *output, wire_buffer *then, wire_buffer *other)
{
    wire_buffer node = node_begin("If", "c", output);
    node_graph(&node, "then_branch", then);
    node_graph(&node, "else_branch", other);
    graph_node(graph, &node);
}

/* The first element of y for x = [value], whose condition is c. */
static float run_branch(const imported *model, bool condition, float value)
{
    const hmlc_tensor inputs[2] = {
        {.dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {1}, .data = &value, .bytes = sizeof value},
        {.dtype = HMLC_DTYPE_bool, .data = &condition, .bytes = 1},
    };
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor output;
    assert_int_equal(hmlc_interpret(model->module, inputs, 2, arena, &output, 1), HMLC_OK);
    float result;
    memcpy(&result, output.data, sizeof result);
    hmlc_arena_destroy(arena);
    return result;
}

/* A name within a branch is not the one outside, be it the If's own output or a later node's. */
static void names_within_branches_hide_those_outside(void **state)
{
    (void)state;
    static const char *const inner[] = {"y", "z", "t", "late"};
    for (size_t i = 0; i < sizeof inner / sizeof inner[0]; i++) {
        for (size_t o = 0; o < sizeof inner / sizeof inner[0]; o++) {
            if (i == o) {
                continue;
            }
            wire_buffer graph = begin("1");
            graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
            graph_add(&graph, "Abs", "x", "t");
            wire_buffer then = branch("Neg", inner[i], "Floor", inner[o]);
            wire_buffer other = branch("Ceil", inner[o], "Neg", inner[i]);
            add_if(&graph, "z", &then, &other);
            graph_add(&graph, "Add", "z t", "late");
            graph_add(&graph, "Identity", "late", "y");
            imported model = import_valid(&graph, 17, NULL);
            assert_true(run_branch(&model, true, 2.5F) == -3 + 2.5F);
            assert_true(run_branch(&model, false, 2.5F) == -3 + 2.5F);
            assert_true(run_branch(&model, false, -2.5F) == 2 + 2.5F);
            imported_free(&model);
        }
    }
}

/* What a branch itself does not define comes from outside, through every level. */
static void captured_values_are_found_through_every_level(void **state)
{
    (void)state;
    wire_buffer graph = begin("1"), outer = {0};
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    wire_buffer then = {0}, other = {0}, direct = {0};
    graph_add(&then, "Neg", "late", "y");
    graph_value(&then, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    graph_value(&other, GRAPH_OUTPUT, "late", ONNX_FLOAT, NULL);
    add_if(&outer, "y", &then, &other);
    graph_value(&outer, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    graph_value(&direct, GRAPH_OUTPUT, "x", ONNX_FLOAT, NULL);
    add_if(&graph, "y", &outer, &direct);
    graph_add(&graph, "Floor", "x", "late");
    imported model = import_valid(&graph, 17, NULL);
    assert_true(run_branch(&model, true, 2.5F) == -2);
    assert_true(run_branch(&model, false, 2.5F) == 2.5F);
    imported_free(&model);
}

static void a_true_circle_through_a_branch_is_damage(void **state)
{
    (void)state;
    wire_buffer graph = begin("1");
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    wire_buffer then = {0}, other = branch("Neg", "a", "Neg", "b");
    graph_add(&then, "Neg", "y", "a");
    graph_value(&then, GRAPH_OUTPUT, "a", ONNX_FLOAT, NULL);
    add_if(&graph, "y", &then, &other);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_DAMAGED);
    assert_true(says(&model, "circle"));
    imported_free(&model);
}

static void a_branch_may_list_its_initializers_as_inputs(void **state)
{
    (void)state;
    for (int initialized = 0; initialized < 2; initialized++) {
        wire_buffer graph = begin("1"), then = {0}, other = branch("Neg", "a", "Neg", "b");
        graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
        graph_value(&then, GRAPH_INPUT, "k", ONNX_FLOAT, "1");
        if (initialized) {
            const float eight = 8;
            wire_buffer tensor = tensor_begin("k", ONNX_FLOAT, "1");
            wire_put_bytes(&tensor, TENSOR_RAW, &eight, sizeof eight);
            graph_tensor(&then, &tensor);
        }
        graph_add(&then, "Add", "x k", "a");
        graph_value(&then, GRAPH_OUTPUT, "a", ONNX_FLOAT, NULL);
        add_if(&graph, "y", &then, &other);
        if (initialized) {
            imported model = import_valid(&graph, 17, NULL);
            assert_true(run_branch(&model, true, 1) == 9);
            imported_free(&model);
            continue;
        }
        graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
        imported model = import_graph(&graph, 17);
        assert_int_equal(model.status, HMLC_DAMAGED);
        imported_free(&model);
    }
}

/* ONNX Runtime takes the outer one, so that a warning tells. */
static void an_initializer_of_a_branch_hides_the_outer_one(void **state)
{
    (void)state;
    const float outer = 3, inner = 8;
    wire_buffer graph = begin("1"), then = {0}, other = branch("Neg", "a", "Neg", "b");
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    wire_buffer tensor = tensor_begin("k", ONNX_FLOAT, "1");
    wire_put_bytes(&tensor, TENSOR_RAW, &outer, sizeof outer);
    graph_tensor(&graph, &tensor);
    tensor = tensor_begin("k", ONNX_FLOAT, "1");
    wire_put_bytes(&tensor, TENSOR_RAW, &inner, sizeof inner);
    graph_tensor(&then, &tensor);
    graph_add(&then, "Add", "x k", "a");
    graph_value(&then, GRAPH_OUTPUT, "a", ONNX_FLOAT, NULL);
    add_if(&graph, "z", &then, &other);
    graph_add(&graph, "Mul", "z k", "y");
    imported model = import_valid(&graph, 17, NULL);
    assert_true(says(&model, "('k' ...); within the branch its own counts"));
    assert_true(run_branch(&model, true, 1) == 27);
    assert_true(run_branch(&model, false, 1) == 3);
    imported_free(&model);
}

/* Dims without a name. */

static void dims_that_say_nothing_are_symbols_of_their_own(void **state)
{
    (void)state;
    static const char *const words[] = {"??",      "None", "none",    "NONE", "null", "-1",
                                        "unknown", "*",    "dynamic", "Any",  "_",    "unk__7"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char dims[64];
        (void)snprintf(dims, sizeof dims, "n %s 3 %s n", words[i], words[i]);
        wire_buffer graph = begin(dims);
        graph_value(&graph, GRAPH_INPUT, "z.1", ONNX_FLOAT, words[i]);
        graph_add(&graph, "Relu", "x", "y");
        imported model = import_valid(&graph, 17, NULL);
        assert_string_equal(input_type(&model, 0), "f32[n, x_dim1, 3, x_dim3, n]");
        assert_string_equal(input_type(&model, 1), "f32[z_1_dim0]");
        imported_free(&model);
    }
}

/* The names that tf2onnx numbers stay names where they stand for one dim. */
static void a_name_of_one_dim_is_kept(void **state)
{
    (void)state;
    wire_buffer graph = begin("unk__7 dynamic unk__8");
    graph_add(&graph, "Relu", "x", "y");
    imported model = import_valid(&graph, 17, NULL);
    assert_string_equal(input_type(&model, 0), "f32[unk__7, dynamic, unk__8]");
    imported_free(&model);
}

static void a_dim_of_no_name_is_like_no_other(void **state)
{
    (void)state;
    wire_buffer graph = begin("None x_dim2 ?");
    graph_value(&graph, GRAPH_INPUT, "x_dim2", ONNX_FLOAT, "x_dim0");
    graph_add(&graph, "Relu", "x", "y");
    imported model = import_valid(&graph, 17, NULL);
    assert_string_equal(input_type(&model, 0), "f32[x_dim0_2, x_dim2, x_dim2_2]");
    assert_string_equal(input_type(&model, 1), "f32[x_dim0]");
    imported_free(&model);
}

/* Both the name that messages show and "input.axis". */
static void options_name_dims_without_a_name(void **state)
{
    (void)state;
    const hmlc_dim_option dims[] = {
        {.name = "x.0", .minimum = 4, .maximum = 4},
        {.name = "x_dim1", .minimum = 2, .maximum = 8},
        {.name = "x.2", .same_as = "n"},
        {.name = "z.1.0", .minimum = 5, .maximum = 5},
    };
    const hmlc_import_options options = {.dims = dims, .dim_count = 4};
    wire_buffer graph = begin("? None -1 n");
    graph_value(&graph, GRAPH_INPUT, "z.1", ONNX_FLOAT, "?");
    graph_add(&graph, "Relu", "x", "y");
    imported model = import_valid(&graph, 17, &options);
    assert_string_equal(input_type(&model, 0), "f32[4, x_dim1, n, n]");
    assert_string_equal(input_type(&model, 1), "f32[5]");
    assert_int_equal(model.module->main->arguments[0]->type->dims[1]->maximum, 8);
    imported_free(&model);
}

/* Squeeze without axes: a symbolic dim is taken for another size than 1. */

static hmlc_status run_squeeze(const imported *model, int64_t n)
{
    const float zeros[12] = {0};
    const hmlc_tensor input = {.dtype = HMLC_DTYPE_f32,
                               .rank = 3,
                               .dims = {n, 1, 3},
                               .data = zeros,
                               .bytes = (size_t)n * 3 * sizeof(float)};
    hmlc_arena *arena = hmlc_arena_create(NULL);
    hmlc_tensor output;
    hmlc_status status = hmlc_interpret(model->module, &input, 1, arena, &output, 1);
    hmlc_arena_destroy(arena);
    return status;
}

static void squeeze_without_axes_keeps_symbolic_dims(void **state)
{
    (void)state;
    wire_buffer graph = begin("n 1 3");
    graph_add(&graph, "Squeeze", "x", "y");
    imported model = import_valid(&graph, 13, NULL);
    assert_string_equal(output_type(&model, 0), "f32[n, 3]");
    assert_true(says(&model, "n (axis 0 of 'x') is not 1"));
    assert_int_equal(run_squeeze(&model, 4), HMLC_OK);
    assert_int_equal(run_squeeze(&model, 0), HMLC_OK);
    assert_int_equal(run_squeeze(&model, 1), HMLC_USAGE);
    imported_free(&model);
}

static void what_options_say_of_a_dim_decides_the_squeeze(void **state)
{
    (void)state;
    static const struct {
        int64_t minimum, maximum;
        const char *expected;
    } rows[] = {{1, 1, "f32[3]"}, {4, 4, "f32[4, 3]"}, {2, 8, "f32[n, 3]"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const hmlc_dim_option dim = {
            .name = "n", .minimum = rows[i].minimum, .maximum = rows[i].maximum};
        const hmlc_import_options options = {.dims = &dim, .dim_count = 1};
        wire_buffer graph = begin("n 1 3");
        graph_add(&graph, "Squeeze", "x", "y");
        imported model = import_valid(&graph, 13, &options);
        assert_string_equal(output_type(&model, 0), rows[i].expected);
        assert_int_equal(diagnostics_count(&model), 0);
        imported_free(&model);
    }
}

/* Inputs without a shape. */

static void floats(wire_buffer *graph, const char *name, const char *dims)
{
    static const float zeros[64];
    size_t count = 1;
    char text[32];
    (void)snprintf(text, sizeof text, "%s", dims);
    for (char *rest = text, *end = text; *rest != '\0'; rest = end) {
        count *= strtoul(rest, &end, 10);
    }
    wire_buffer tensor = tensor_begin(name, ONNX_FLOAT, dims);
    wire_put_bytes(&tensor, TENSOR_RAW, zeros, count * sizeof *zeros);
    graph_tensor(graph, &tensor);
}

static void ranks_follow_from_use(void **state)
{
    (void)state;
    static const struct {
        const char *op, *inputs, *list;
        int64_t entries;
        const char *weights, *expected;
    } rows[] = {
        {"Conv", "r k", NULL, 0, "2 3 1 1", "f32[x_dim0, x_dim1, x_dim2, x_dim3]"},
        {"MaxPool", "r", "kernel_shape", 1, NULL, "f32[x_dim0, x_dim1, x_dim2]"},
        {"Transpose", "r", "perm", 2, NULL, "f32[x_dim0, x_dim1]"},
        {"Gemm", "r k", NULL, 0, "3 2", "f32[x_dim0, x_dim1]"},
        {"Gemm", "s k", NULL, 0, "3 2", "f32[x_dim0, x_dim1]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const int64_t ones[3] = {1, 1, 1}, order[3] = {1, 0, 2};
        wire_buffer graph = begin(NULL), node = node_begin(rows[i].op, rows[i].inputs, "y");
        graph_add(&graph, "Relu", "x", "r");
        floats(&graph, "k", rows[i].weights != NULL ? rows[i].weights : "1");
        floats(&graph, "mean", "1");
        graph_add(&graph, "Sub", "r mean", "s"); /* a rank below the result's */
        if (rows[i].list != NULL) {
            bool order_wanted = strcmp(rows[i].list, "perm") == 0;
            node_ints(&node, rows[i].list, order_wanted ? order : ones, (size_t)rows[i].entries);
        }
        graph_node(&graph, &node);
        imported model = import_valid(&graph, 17, NULL);
        assert_string_equal(input_type(&model, 0), rows[i].expected);
        assert_true(says(&model, "follows from its use"));
        imported_free(&model);
    }
}

static void ranks_follow_from_what_the_model_declares(void **state)
{
    (void)state;
    wire_buffer graph = begin(NULL);
    graph_add(&graph, "Relu", "x", "r");
    graph_add(&graph, "Neg", "r", "y");
    graph_value(&graph, GRAPH_VALUE, "r", ONNX_FLOAT, "n 3");
    imported model = import_valid(&graph, 17, NULL);
    assert_string_equal(input_type(&model, 0), "f32[x_dim0, x_dim1]");
    imported_free(&model);
}

/* Long lists. */

static void an_einsum_takes_as_many_operands_as_it_has(void **state)
{
    (void)state;
    enum { OPERANDS = 40 };
    char names[2 * OPERANDS + 1] = "", equation[2 * OPERANDS + 4] = "";
    for (size_t k = 0; k < OPERANDS; k++) {
        memcpy(names + 2 * k, "x ", 3);
        memcpy(equation + 2 * k, k + 1 < OPERANDS ? "a," : "a", k + 1 < OPERANDS ? 3 : 2);
    }
    strcat(equation, "->a");
    wire_buffer graph = begin("3"), node = node_begin("Einsum", names, "y");
    node_text(&node, "equation", equation);
    graph_node(&graph, &node);
    imported model = import_valid(&graph, 17, NULL);
    assert_string_equal(output_type(&model, 0), "f32[3]");
    imported_free(&model);
}

/* Leftovers. */

static wire_buffer add_constant(wire_buffer *tensor)
{
    wire_buffer graph = begin("1"), cast = node_begin("Cast", "k", "f");
    graph_tensor(&graph, tensor);
    node_int(&cast, "to", ONNX_FLOAT);
    graph_node(&graph, &cast);
    graph_add(&graph, "Add", "x f", "y");
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    return graph;
}

static void raw_bytes_count_where_elements_are_stored_too(void **state)
{
    (void)state;
    const float raw = 5, element = 7;
    wire_buffer tensor = tensor_begin("k", ONNX_FLOAT, "1");
    wire_put_bytes(&tensor, TENSOR_RAW, &raw, sizeof raw);
    wire_put_bytes(&tensor, TENSOR_FLOATS, &element, sizeof element);
    wire_buffer graph = add_constant(&tensor);
    imported model = import_valid(&graph, 17, NULL);
    assert_true(says(&model, "stored twice"));
    assert_true(run_branch(&model, true, 1) == 6);
    imported_free(&model);
}

/* Bytes with a sign written as bytes without, and the other way round. */
static void narrow_integers_are_read_with_and_without_sign(void **state)
{
    (void)state;
    static const struct {
        int64_t type, stored;
        float read;
    } rows[] = {{ONNX_INT8, 200, -56}, {ONNX_INT8, -56, -56}, {ONNX_UINT8, -1, 255}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer tensor = tensor_begin("k", rows[i].type, "1");
        wire_put_int(&tensor, TENSOR_INT32S, rows[i].stored);
        wire_buffer graph = add_constant(&tensor);
        imported model = import_valid(&graph, 17, NULL);
        assert_true(run_branch(&model, true, 0) == rows[i].read);
        imported_free(&model);
    }
}

static void a_model_of_other_domains_alone_is_read_as_the_newest(void **state)
{
    (void)state;
    wire_buffer graph = one_node("Relu", "2"), file = {0}, opset = {0};
    wire_put_text(&opset, 1, "ai.onnx.ml");
    wire_put_int(&opset, 2, 3);
    wire_put_int(&file, 1, 8);
    wire_put_message(&file, 8, &opset);
    wire_put_message(&file, 7, &graph);
    imported model = import_bytes(&file, NULL);
    assert_int_equal(model.status, HMLC_OK);
    assert_true(says(&model, "names no opset"));
    imported_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_declared_shape_that_is_not_true_is_a_warning),
        cmocka_unit_test(a_declared_shape_that_may_be_true_is_silent),
        cmocka_unit_test(many_shapes_that_are_not_true_are_counted),
        cmocka_unit_test(nodes_that_contradict_each_other_stay_an_error),
        cmocka_unit_test(names_within_branches_hide_those_outside),
        cmocka_unit_test(captured_values_are_found_through_every_level),
        cmocka_unit_test(a_true_circle_through_a_branch_is_damage),
        cmocka_unit_test(a_branch_may_list_its_initializers_as_inputs),
        cmocka_unit_test(an_initializer_of_a_branch_hides_the_outer_one),
        cmocka_unit_test(dims_that_say_nothing_are_symbols_of_their_own),
        cmocka_unit_test(a_name_of_one_dim_is_kept),
        cmocka_unit_test(a_dim_of_no_name_is_like_no_other),
        cmocka_unit_test(options_name_dims_without_a_name),
        cmocka_unit_test(squeeze_without_axes_keeps_symbolic_dims),
        cmocka_unit_test(what_options_say_of_a_dim_decides_the_squeeze),
        cmocka_unit_test(ranks_follow_from_use),
        cmocka_unit_test(ranks_follow_from_what_the_model_declares),
        cmocka_unit_test(an_einsum_takes_as_many_operands_as_it_has),
        cmocka_unit_test(raw_bytes_count_where_elements_are_stored_too),
        cmocka_unit_test(narrow_integers_are_read_with_and_without_sign),
        cmocka_unit_test(a_model_of_other_domains_alone_is_read_as_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

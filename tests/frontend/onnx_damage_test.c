/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged files: every one ends with a coded error, in bounded time and memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "import_expect.h"
#include "scarce_memory.h"

/* A small network with raw, typed and attribute tensors, and a subgraph. */
static wire_buffer sample(void)
{
    wire_buffer graph = {0}, w = tensor_begin("w", ONNX_FLOAT, "3 2"),
                b = tensor_begin("b", ONNX_FLOAT, "2"), one = tensor_begin("", ONNX_FLOAT, "1");
    const float weights[6] = {1, 2, 3, 4, 5, 6};
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "batch 3");
    graph_value(&graph, GRAPH_INPUT, "c", ONNX_BOOL, "");
    wire_put_bytes(&w, TENSOR_RAW, weights, sizeof weights);
    wire_put_bytes(&b, TENSOR_FLOATS, weights, 2 * sizeof weights[0]);
    graph_tensor(&graph, &w);
    graph_tensor(&graph, &b);
    wire_buffer gemm = node_begin("Gemm", "x w b", "h"), choice = node_begin("If", "c", "y");
    node_float(&gemm, "alpha", 0.5F);
    graph_node(&graph, &gemm);
    wire_buffer then = {0}, other = {0}, relu = node_begin("Relu", "h", "t");
    graph_node(&then, &relu);
    graph_value(&then, GRAPH_OUTPUT, "t", ONNX_FLOAT, NULL);
    wire_buffer constant = node_begin("Constant", "", "k"), sum = node_begin("Add", "h k", "e");
    wire_put_bytes(&one, TENSOR_RAW, weights, sizeof weights[0]);
    node_tensor(&constant, "value", &one);
    graph_node(&other, &constant);
    graph_node(&other, &sum);
    graph_value(&other, GRAPH_OUTPUT, "e", ONNX_FLOAT, NULL);
    node_graph(&choice, "then_branch", &then);
    node_graph(&choice, "else_branch", &other);
    graph_node(&graph, &choice);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "batch 2");
    return model_end(&graph, 17);
}

static hmlc_status import_copy(const unsigned char *data, size_t size)
{
    wire_buffer file = {0};
    wire_put_raw(&file, data, size);
    imported model = import_bytes(&file, NULL);
    hmlc_status status = model.status;
    /* A status without a diagnostic would leave the user without a word. */
    assert_true(status == HMLC_OK || error_count(&model) > 0);
    if (status == HMLC_OK) {
        assert_int_equal(hmlc_verify(model.module, "import"), HMLC_OK);
    }
    imported_free(&model);
    return status;
}

static void the_sample_itself_is_good(void **state)
{
    (void)state;
    wire_buffer file = sample();
    assert_int_equal(import_copy(file.data, file.size), HMLC_OK);
    wire_free(&file);
}

static void every_truncation_is_damage(void **state)
{
    (void)state;
    wire_buffer file = sample();
    for (size_t size = 0; size < file.size; size++) {
        assert_int_equal(import_copy(file.data, size), HMLC_DAMAGED);
    }
    wire_free(&file);
}

/* Nothing is promised of the status, but that it comes. Two bits of each byte. */
static void altered_bytes_do_no_harm(void **state)
{
    (void)state;
    wire_buffer file = sample();
    for (size_t at = 0; at < file.size; at++) {
        unsigned char good = file.data[at];
        for (unsigned turn = 0; turn < 2; turn++) {
            file.data[at] = (unsigned char)(good ^ (1U << ((at + 3 * turn) % 8)));
            hmlc_status status = import_copy(file.data, file.size);
            assert_true(status == HMLC_OK || status == HMLC_REFUSED || status == HMLC_DAMAGED ||
                        status == HMLC_RESOURCE);
        }
        file.data[at] = good;
    }
    wire_free(&file);
}

static void expect_damage(wire_buffer *file, const char *error, const char *text)
{
    expect_status(import_bytes(file, NULL), HMLC_DAMAGED, error, text);
}

static void bad_wire_formats_are_named(void **state)
{
    (void)state;
    static const unsigned char long_number[] = {0x08, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    static const unsigned char wide_number[] = {0x08, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                0xff, 0xff, 0xff, 0xff, 0x02};
    static const unsigned char group[] = {0x08, 0x08, 0x0b, 0x0c};
    static const unsigned char field_0[] = {0x08, 0x08, 0x02, 0x00};
    static const unsigned char past_end[] = {0x08, 0x08, 0x3a, 0x7f, 0x00};
    static const unsigned char far_past_end[] = {0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff,
                                                 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    static const unsigned char wrong_type[] = {0x08, 0x08, 0x38, 0x01};
    static const struct {
        const unsigned char *bytes;
        size_t size;
        const char *text;
    } rows[] = {
        {long_number, sizeof long_number, "longer than 64 bits"},
        {wide_number, sizeof wide_number, "longer than 64 bits"},
        {group, sizeof group, "wire type"},
        {field_0, sizeof field_0, "no field has this number"},
        {past_end, sizeof past_end, "past the end"},
        {far_past_end, sizeof far_past_end, "past the end"},
        {wrong_type, sizeof wrong_type, "wrong wire type of field graph"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer file = {0};
        wire_put_raw(&file, rows[i].bytes, rows[i].size);
        expect_damage(&file, "file_damaged", rows[i].text);
    }
}

static void a_second_graph_is_damage(void **state)
{
    (void)state;
    wire_buffer graph = one_node("Relu", "2"), second = one_node("Relu", "2");
    wire_buffer file = model_end(&graph, 17);
    wire_put_message(&file, 7, &second);
    expect_damage(&file, "file_damaged", "a second field graph");
}

static void text_must_be_text(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {{"\xff", 1},         {"a\0b", 3},     {"\xc0\x80", 2},
                {"\xed\xa0\x80", 3}, {"\xe2\x82", 2}, {"\xf4\x90\x80\x80", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer graph = one_node("Relu", "2");
        wire_put_bytes(&graph, 2, rows[i].bytes, rows[i].size);
        wire_buffer file = model_end(&graph, 17);
        expect_damage(&file, "file_damaged", "not UTF-8");
    }
}

/* If within If, written from the inside out: each level is a prefix of what it holds. */
static void put_level(unsigned char *end, size_t *size)
{
    /* graph.node { op_type, attribute { name, type, g { ... } } } */
    wire_buffer graph = {0}, attribute = {0}, node = {0}, whole = {0};
    wire_put_key(&graph, 6, 2);
    wire_put_number(&graph, *size);
    wire_put_text(&attribute, 1, "then_branch");
    wire_put_int(&attribute, 20, 5);
    wire_put_raw(&attribute, graph.data, graph.size);
    wire_put_text(&node, 4, "If");
    wire_put_key(&node, 5, 2);
    wire_put_number(&node, attribute.size + *size);
    wire_put_raw(&node, attribute.data, attribute.size);
    wire_put_key(&whole, 1, 2);
    wire_put_number(&whole, node.size + *size);
    wire_put_raw(&whole, node.data, node.size);
    memcpy(end - *size - whole.size, whole.data, whole.size);
    *size += whole.size;
    wire_free(&graph);
    wire_free(&attribute);
    wire_free(&node);
    wire_free(&whole);
}

static void deep_nesting_is_damage(void **state)
{
    (void)state;
    enum { DEPTH = 10000, LEVEL_BYTES = 64 };
    unsigned char *bytes = malloc((size_t)DEPTH * LEVEL_BYTES);
    size_t size = 0;
    assert_non_null(bytes);
    for (int depth = 0; depth < DEPTH; depth++) {
        put_level(bytes + (size_t)DEPTH * LEVEL_BYTES, &size);
    }
    wire_buffer graph = {0};
    wire_put_raw(&graph, bytes + (size_t)DEPTH * LEVEL_BYTES - size, size);
    free(bytes);
    wire_buffer file = model_end(&graph, 17);
    expect_damage(&file, "nesting_too_deep", "nested deeper");
}

/* Tensors. */

static wire_buffer with_tensor(wire_buffer *tensor)
{
    wire_buffer graph = {0}, node = node_begin("Identity", "w", "y");
    graph_tensor(&graph, tensor);
    graph_node(&graph, &node);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, NULL);
    return model_end(&graph, 17);
}

static void tensor_data_must_fit(void **state)
{
    (void)state;
    static const char *const dims[] = {"1",
                                       "3",
                                       "-1",
                                       "4611686018427387904 4",
                                       "9223372036854775807",
                                       "4294967296 4294967296",
                                       "2 -9223372036854775808"};
    const float data[2] = {1, 2};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        for (uint32_t field = TENSOR_FLOATS; field <= TENSOR_RAW;
             field += TENSOR_RAW - TENSOR_FLOATS) {
            wire_buffer tensor = tensor_begin("w", ONNX_FLOAT, dims[i]);
            wire_put_bytes(&tensor, field, data, sizeof data);
            wire_buffer file = with_tensor(&tensor);
            expect_damage(&file, "tensor_data_invalid", "");
        }
    }
}

static void tensor_data_is_stored_one_way(void **state)
{
    (void)state;
    const float data = 1;
    wire_buffer tensor = tensor_begin("w", ONNX_FLOAT, "1");
    wire_put_bytes(&tensor, TENSOR_RAW, &data, sizeof data);
    wire_put_int(&tensor, TENSOR_LOCATION, 1);
    wire_buffer file = with_tensor(&tensor);
    expect_damage(&file, "tensor_data_invalid", "two ways");
    tensor = tensor_begin("w", ONNX_INT8, "1");
    wire_put_int(&tensor, TENSOR_INT32S, 256);
    file = with_tensor(&tensor);
    expect_damage(&file, "tensor_data_invalid", "256");
    tensor = tensor_begin("w", 77, "1");
    file = with_tensor(&tensor);
    expect_damage(&file, "graph_invalid", "77");
}

static void a_list_cut_short_is_damage(void **state)
{
    (void)state;
    wire_buffer tensor = tensor_begin("w", ONNX_FLOAT, "1");
    wire_put_bytes(&tensor, TENSOR_FLOATS, "\1\2\3\4\5\6", 6); /* no multiple of 4 */
    wire_buffer file = with_tensor(&tensor);
    expect_damage(&file, "file_damaged", "");
    tensor = tensor_begin("w", ONNX_INT64, "1");
    wire_put_bytes(&tensor, TENSOR_INT64S, "\x80", 1); /* a number without its end */
    file = with_tensor(&tensor);
    expect_damage(&file, "file_damaged", "");
}

/* Huge shapes must not make huge allocations. */
static void huge_shapes_are_refused_or_symbolic(void **state)
{
    (void)state;
    static const char *const dims[] = {"2147483648 2147483648", "140737488355327 3",
                                       "0 140737488355328"};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        wire_buffer graph = one_node("Flatten", dims[i]);
        wire_buffer file = model_end(&graph, 17);
        imported model = import_bytes(&file, NULL);
        assert_true(model.status == HMLC_OK || model.status == HMLC_DAMAGED ||
                    model.status == HMLC_REFUSED);
        imported_free(&model);
    }
    wire_buffer graph = one_node("Relu", "9223372036854775807");
    wire_buffer file = model_end(&graph, 17);
    expect_damage(&file, "graph_invalid", "9223372036854775807");
}

/* Limits. */

static void the_memory_limit_holds(void **state)
{
    (void)state;
    const hmlc_import_options options = {.memory_limit = 4096};
    wire_buffer file = sample();
    imported model = import_bytes(&file, &options);
    assert_int_equal(model.status, HMLC_RESOURCE);
    assert_string_equal(first_error(&model), "parser_memory");
    imported_free(&model);
}

/* Two bytes per message that protobuf-c makes a hundred of. */
static void many_empty_messages_hit_the_limit(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    for (int i = 0; i < 1000000; i++) {
        wire_put_bytes(&graph, 1, "", 0);
    }
    wire_buffer file = model_end(&graph, 17);
    imported model = import_bytes(&file, NULL);
    assert_int_equal(model.status, HMLC_RESOURCE);
    assert_string_equal(first_error(&model), "parser_memory");
    imported_free(&model);
}

/* A chain of names, nodes in the worst order: no step may be quadratic. */
static void long_graphs_take_linear_time(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    wire_buffer graph = {0};
    graph_value(&graph, GRAPH_INPUT, "v0", ONNX_FLOAT, "2");
    for (int i = COUNT; i > 0; i--) {
        char from[16], to[16];
        (void)snprintf(from, sizeof from, "v%d", i - 1);
        (void)snprintf(to, sizeof to, "v%d", i);
        wire_buffer node = node_begin("Relu", from, to);
        graph_node(&graph, &node);
    }
    char last[16];
    (void)snprintf(last, sizeof last, "v%d", COUNT);
    graph_value(&graph, GRAPH_OUTPUT, last, ONNX_FLOAT, NULL);
    imported model = import_graph(&graph, 17);
    assert_int_equal(model.status, HMLC_OK);
    assert_int_equal(count_ops(&model, HMLC_OP_relu), COUNT);
    imported_free(&model);
}

/* Memory that runs out at any moment gives RESOURCE, never another outcome. */

static void allocation_failures_are_reported(void **state)
{
    (void)state;
    wire_buffer file = sample();
    hmlc_status status = HMLC_RESOURCE;
    for (size_t left = 0; status != HMLC_OK && left < 10000; left++) {
        scarce_memory memory;
        scarce_memory_init(&memory, left, SIZE_MAX);
        hmlc_module *module = hmlc_module_create(&memory.allocator);
        if (module != NULL) {
            status = hmlc_import_memory(file.data, file.size, NULL, module);
            assert_true(status == HMLC_OK || status == HMLC_RESOURCE);
        }
        hmlc_module_destroy(module);
        assert_int_equal(memory.held, 0);
    }
    assert_int_equal(status, HMLC_OK);
    wire_free(&file);
}

/* The same for the parser's own budget. */
static void every_budget_is_enough_or_reported(void **state)
{
    (void)state;
    hmlc_status status = HMLC_RESOURCE;
    for (size_t limit = 64; status != HMLC_OK && limit < 4000000; limit += 64 + limit / 16) {
        const hmlc_import_options options = {.memory_limit = limit};
        wire_buffer file = sample();
        imported model = import_bytes(&file, &options);
        status = model.status;
        assert_true(status == HMLC_OK || status == HMLC_RESOURCE);
        assert_true(status == HMLC_OK || error_count(&model) > 0);
        imported_free(&model);
    }
    assert_int_equal(status, HMLC_OK);
}

/* Other formats. */

static void other_formats_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } rows[] = {
        {"", 0, "empty"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "git-lfs"},
        {"PK\3\4\0\0", 6, "zip"},
        {"<!DOCTYPE html><html>", 21, "HTML"},
        {"{\"learner\": {}}", 15, "JSON"},
        {"tree\nversion=v3\n", 16, "LightGBM"},
        {"\x80\x02}q\0", 5, "pickle"},
        {"GGUF\3\0\0\0", 8, "GGUF"},
        {"hello, world\n", 13, "text"},
        {"\xff\xff\xff\xff", 4, "no known format"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer file = {0};
        wire_put_raw(&file, rows[i].bytes, rows[i].size);
        expect_damage(&file, "format_unknown", rows[i].text);
    }
}

static void a_model_without_a_graph_is_none(void **state)
{
    (void)state;
    wire_buffer file = {0};
    wire_put_int(&file, 1, 8);
    expect_damage(&file, "format_unknown", "has no graph");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_itself_is_good),
        cmocka_unit_test(every_truncation_is_damage),
        cmocka_unit_test(altered_bytes_do_no_harm),
        cmocka_unit_test(bad_wire_formats_are_named),
        cmocka_unit_test(a_second_graph_is_damage),
        cmocka_unit_test(text_must_be_text),
        cmocka_unit_test(deep_nesting_is_damage),
        cmocka_unit_test(tensor_data_must_fit),
        cmocka_unit_test(tensor_data_is_stored_one_way),
        cmocka_unit_test(a_list_cut_short_is_damage),
        cmocka_unit_test(huge_shapes_are_refused_or_symbolic),
        cmocka_unit_test(the_memory_limit_holds),
        cmocka_unit_test(many_empty_messages_hit_the_limit),
        cmocka_unit_test(long_graphs_take_linear_time),
        cmocka_unit_test(allocation_failures_are_reported),
        cmocka_unit_test(every_budget_is_enough_or_reported),
        cmocka_unit_test(other_formats_are_recognised),
        cmocka_unit_test(a_model_without_a_graph_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

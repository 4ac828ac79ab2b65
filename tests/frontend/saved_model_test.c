/* SPDX-License-Identifier: Apache-2.0 */
/* SavedModels: tags, signatures, functions, the checkpoint, and what is refused with which words.
 * Whole models are compared with TensorFlow in tests/conformance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <support/inflate.h>

#include "graph_writer.h"
#include "test_module.h"

enum { ATTR_S = 2, ATTR_FUNC = 10 };

/* -- models ------------------------------------------------------------------------------------ */

static void map_entry(wire_buffer *map, uint32_t field, const char *key, wire_buffer *value)
{
    wire_buffer entry = {0};
    wire_put_text(&entry, 1, key);
    wire_put_message(&entry, 2, value);
    wire_put_message(map, field, &entry);
}

static void tensor_entry(wire_buffer *signature, uint32_t field, const char *key,
                         const char *tensor)
{
    wire_buffer info = {0};
    wire_put_text(&info, 1, tensor);
    wire_put_int(&info, 2, DT_FLOAT);
    map_entry(signature, field, key, &info);
}

static void attr_function(wire_buffer *node, const char *name)
{
    wire_buffer function = {0}, value = {0};
    wire_put_text(&function, 1, name);
    wire_put_message(&value, ATTR_FUNC, &function);
    tf_attr(node, "f", &value);
}

/* A function of one argument "a" and one result "r". */
static void add_function(wire_buffer *library, const char *name, wire_buffer *nodes,
                         const char *result)
{
    wire_buffer function = {0}, signature = {0}, argument = {0}, output = {0}, ret = {0};
    wire_put_text(&signature, 1, name);
    wire_put_text(&argument, 1, "a");
    wire_put_int(&argument, 3, DT_FLOAT);
    wire_put_message(&signature, 2, &argument);
    wire_put_text(&output, 1, "r");
    wire_put_int(&output, 3, DT_FLOAT);
    wire_put_message(&signature, 3, &output);
    wire_put_message(&function, 1, &signature);
    wire_put_text(&ret, 1, "r");
    wire_put_text(&ret, 2, result);
    for (size_t i = 0; i < 4 && nodes[i].size > 0; i++) {
        wire_put_message(&function, 3, &nodes[i]);
    }
    wire_put_message(&function, 4, &ret);
    wire_put_message(library, 1, &function);
}

static wire_buffer call(const char *name, const char *function, const char *inputs)
{
    wire_buffer node = tf_node(name, "PartitionedCall", inputs);
    attr_function(&node, function);
    return node;
}

/* One graph with the tag, and the signatures of which each takes in -> out. */
static wire_buffer saved_model(wire_buffer *graph, const char *tag, const char *const *signatures,
                               const char *in, const char *out)
{
    wire_buffer model = {0}, meta = {0}, info = {0};
    wire_put_int(&model, 1, 1);
    wire_put_text(&info, 4, tag);
    wire_put_message(&meta, 1, &info);
    wire_put_message(&meta, 2, graph);
    for (; *signatures != NULL; signatures++) {
        wire_buffer signature = {0};
        tensor_entry(&signature, 1, "input", in);
        tensor_entry(&signature, 2, "result", out);
        map_entry(&meta, 5, *signatures, &signature);
    }
    wire_put_message(&model, 2, &meta);
    return model;
}

static const char *const one_signature[] = {"serving_default", NULL};

/* x -> call of f -> result; f: Neg of its argument. */
static wire_buffer calling(void)
{
    wire_buffer graph = {0}, library = {0};
    wire_buffer nodes[4] = {tf_node("n", "Neg", "a")};
    wire_buffer node = call("c", "f", "x");
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    add_function(&library, "f", nodes, "n:y:0");
    wire_put_message(&graph, 2, &library);
    return graph;
}

static imported import_model(wire_buffer model, const char *signature, const char *tags)
{
    const hmlc_import_options options = {.signature = signature, .tags = tags};
    return import_bytes(&model, &options);
}

static void check_good(const imported *model)
{
    if (model->status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(model->module->diagnostics);
        fail_msg("import failed: %s", first != NULL ? first->message : "");
    }
    assert_int_equal(hmlc_verify(model->module, "import"), HMLC_OK);
}

static void check_refused(imported model, const char *error, const char *text)
{
    assert_int_not_equal(model.status, HMLC_OK);
    if (strcmp(first_error(&model), error) != 0 || !says(&model, text)) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(model.module->diagnostics);
        fail_msg("%s with \"%s\" expected, found %s: %s", error, text, first_error(&model),
                 first != NULL ? first->message : "");
    }
    imported_free(&model);
}

/* -- tests ------------------------------------------------------------------------------------- */

static void the_signature_names_inputs_and_outputs(void **state)
{
    (void)state;
    wire_buffer graph = calling();
    imported model =
        import_model(saved_model(&graph, "serve", one_signature, "x:0", "c:0"), NULL, NULL);
    check_good(&model);
    assert_string_equal(model.module->output_names[0], "result");
    assert_string_equal(model.module->main->arguments[0]->name, "input");
    assert_string_equal(output_type(&model, 0), "f32[batch, 4]");
    assert_int_equal(count_ops(&model, HMLC_OP_neg), 1);
    imported_free(&model);
}

static void signatures_and_tags_are_chosen(void **state)
{
    static const char *const two[] = {"serving_default", "other", "__saved_model_init_op", NULL};
    static const char *const plain[] = {"first", "second", NULL};
    (void)state;
    wire_buffer graph = calling();
    imported model = import_model(saved_model(&graph, "serve", two, "x", "c"), "other", "serve");
    check_good(&model);
    imported_free(&model);
    graph = calling();
    check_refused(import_model(saved_model(&graph, "serve", two, "x", "c"), "third", NULL), "usage",
                  "it has: serving_default, other");
    graph = calling();
    check_refused(import_model(saved_model(&graph, "serve", plain, "x", "c"), NULL, NULL), "usage",
                  "2 signatures: first, second");
    graph = calling();
    check_refused(import_model(saved_model(&graph, "train", two, "x", "c"), NULL, NULL), "usage",
                  "no graph of the model has the tag 'serve'");
    graph = calling();
    check_refused(import_model(saved_model(&graph, "train", two, "x", "c"), NULL, "gpu,serve"),
                  "usage", "--tags gpu,serve");
    graph = calling();
    model = import_model(saved_model(&graph, "train", two, "x", "c"), NULL, "train");
    check_good(&model);
    imported_free(&model);
    graph = calling();
    check_refused(
        import_model(saved_model(&graph, "serve", one_signature, "x", "gone"), NULL, NULL),
        "value_undefined", "the signature's output 'result' is 'gone'");
}

static void functions_that_cannot_be_called(void **state)
{
    (void)state;
    wire_buffer graph = calling(), node = call("d", "nobody", "c");
    tf_add(&graph, &node);
    check_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "d"), NULL, NULL),
                  "graph_invalid", "calls function 'nobody', which is not there");
    wire_buffer library = {0}, nodes[4] = {call("n", "f", "a")};
    graph = (wire_buffer){0};
    node = call("c", "f", "x");
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    add_function(&library, "f", nodes, "n:output:0");
    wire_put_message(&graph, 2, &library);
    check_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "c"), NULL, NULL),
                  "graph_invalid", "calls function 'f', which calls itself");
    graph = calling();
    node = call("d", "f", "x c");
    tf_add(&graph, &node);
    check_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "d"), NULL, NULL),
                  "graph_invalid", "gives 2 inputs to function 'f', which takes 1");
}

/* f0 calls f1 twice, which calls f2 twice ...: 2^30 calls. */
static void calls_do_not_multiply(void **state)
{
    enum { LEVELS = 30 };
    (void)state;
    wire_buffer graph = {0}, library = {0}, node = call("c", "f0", "x");
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    for (int i = 0; i < LEVELS; i++) {
        char name[16], next[16];
        snprintf(name, sizeof name, "f%d", i);
        snprintf(next, sizeof next, "f%d", i + 1);
        wire_buffer nodes[4] = {call("p", next, "a"), call("q", next, "p:output:0")};
        add_function(&library, name, nodes, "q:output:0");
    }
    wire_buffer last[4] = {tf_node("n", "Neg", "a")};
    add_function(&library, "f30", last, "n:y:0");
    wire_put_message(&graph, 2, &library);
    imported model =
        import_model(saved_model(&graph, "serve", one_signature, "x", "c"), NULL, NULL);
    assert_true(model.status == HMLC_RESOURCE || model.status == HMLC_DAMAGED);
    assert_true(error_count(&model) > 0);
    imported_free(&model);
}

static void variables_need_their_folder(void **state)
{
    (void)state;
    wire_buffer graph = {0};
    wire_buffer node = tf_node("w", "VarHandleOp", ""), read = tf_node("v", "ReadVariableOp", "w");
    tf_attr_number(&node, "dtype", ATTR_TYPE, DT_FLOAT);
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    tf_add(&graph, &read);
    tf_plain(&graph, "c", "Add", "x v");
    tf_plain(&graph, "d", "Add", "x w");
    check_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "c"), NULL, NULL),
                  "external_data_refused", "the variable 'w' has no value");
    graph = (wire_buffer){0};
    node = tf_node("w", "VarHandleOp", "");
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    tf_plain(&graph, "d", "Add", "x w");
    check_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "d"), NULL, NULL),
                  "graph_invalid", "input 1 ('w') is a variable or a list");
}

static void castagnoli_is_that_of_the_standard(void **state)
{
    uint8_t bytes[32];
    (void)state;
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(hml_crc32c(bytes, sizeof bytes), 0x8a9136aa); /* RFC 3720, B.4 */
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(hml_crc32c(bytes, sizeof bytes), 0x62a8ab43);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_names_inputs_and_outputs),
        cmocka_unit_test(signatures_and_tags_are_chosen),
        cmocka_unit_test(functions_that_cannot_be_called),
        cmocka_unit_test(calls_do_not_multiply),
        cmocka_unit_test(variables_need_their_folder),
        cmocka_unit_test(castagnoli_is_that_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

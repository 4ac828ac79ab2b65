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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <support/inflate.h>

#include "graph_writer.h"
#include "import_expect.h"

enum { ATTR_FUNC = 10 };

/* -- models ------------------------------------------------------------------------------------ */

static void tensor_entry(wire_buffer *signature, uint32_t field, const char *key,
                         const char *tensor)
{
    wire_buffer info = {0};
    wire_put_text(&info, 1, tensor);
    wire_put_int(&info, 2, DT_FLOAT);
    tf_entry(signature, field, key, &info);
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
        tf_entry(&meta, 5, *signatures, &signature);
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

/* -- tests ------------------------------------------------------------------------------------- */

static void the_signature_names_inputs_and_outputs(void **state)
{
    (void)state;
    wire_buffer graph = calling();
    imported model =
        import_model(saved_model(&graph, "serve", one_signature, "x:0", "c:0"), NULL, NULL);
    expect_imported(&model);
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
    expect_imported(&model);
    imported_free(&model);
    graph = calling();
    expect_refused(import_model(saved_model(&graph, "serve", two, "x", "c"), "third", NULL),
                   "usage", "it has: serving_default, other");
    graph = calling();
    expect_refused(import_model(saved_model(&graph, "serve", plain, "x", "c"), NULL, NULL), "usage",
                   "2 signatures: first, second");
    graph = calling();
    expect_refused(import_model(saved_model(&graph, "train", two, "x", "c"), NULL, NULL), "usage",
                   "no graph of the model has the tag 'serve'");
    graph = calling();
    expect_refused(import_model(saved_model(&graph, "train", two, "x", "c"), NULL, "gpu,serve"),
                   "usage", "--tags gpu,serve");
    graph = calling();
    model = import_model(saved_model(&graph, "train", two, "x", "c"), NULL, "train");
    expect_imported(&model);
    imported_free(&model);
    graph = calling();
    expect_refused(
        import_model(saved_model(&graph, "serve", one_signature, "x", "gone"), NULL, NULL),
        "value_undefined", "the signature's output 'result' is 'gone'");
}

static void functions_that_cannot_be_called(void **state)
{
    (void)state;
    wire_buffer graph = calling(), node = call("d", "nobody", "c");
    tf_add(&graph, &node);
    expect_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "d"), NULL, NULL),
                   "graph_invalid", "calls function 'nobody', which is not there");
    wire_buffer library = {0}, nodes[4] = {call("n", "f", "a")};
    graph = (wire_buffer){0};
    node = call("c", "f", "x");
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    add_function(&library, "f", nodes, "n:output:0");
    wire_put_message(&graph, 2, &library);
    expect_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "c"), NULL, NULL),
                   "graph_invalid", "calls function 'f', which calls itself");
    graph = calling();
    node = call("d", "f", "x c");
    tf_add(&graph, &node);
    expect_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "d"), NULL, NULL),
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
    expect_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "c"), NULL, NULL),
                   "external_data_refused", "the variable 'w' has no value");
    graph = (wire_buffer){0};
    node = tf_node("w", "VarHandleOp", "");
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    tf_plain(&graph, "d", "Add", "x w");
    expect_refused(import_model(saved_model(&graph, "serve", one_signature, "x", "d"), NULL, NULL),
                   "graph_invalid", "input 1 ('w') is a variable or a list");
}

/* -- checkpoints ------------------------------------------------------------------------------- */

/* What a test does to the checkpoint of x + w, w being f32[4]. */
typedef struct checkpoint_change {
    const char *error, *text;
    const char *key;     /* NULL: "w" */
    uint32_t block_kind; /* 0: plain */
    bool no_footer, no_index, no_shard, bad_block, bad_data, sliced, far_away, other_type, twice;
} checkpoint_change;

static void put32(wire_buffer *out, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                             (uint8_t)(value >> 24)};
    wire_put_raw(out, bytes, sizeof bytes);
}

static uint32_t masked(const void *data, size_t bytes)
{
    uint32_t checksum = hml_crc32c(data, bytes);
    return (checksum >> 15 | checksum << 17) + UINT32_C(0xa282ead8);
}

static void put_entry(wire_buffer *block, const char *key, wire_buffer *value)
{
    wire_put_number(block, 0);
    wire_put_number(block, strlen(key));
    wire_put_number(block, value->size);
    wire_put_raw(block, key, strlen(key));
    wire_put_raw(block, value->data, value->size);
    wire_free(value);
}

/* Ends the block and appends it to the file; `handle` gets where it is. */
static void put_block(wire_buffer *file, wire_buffer *block, uint32_t kind, bool bad,
                      wire_buffer *handle)
{
    put32(block, 0);
    put32(block, 1);
    wire_put_number(handle, file->size);
    wire_put_number(handle, block->size);
    const uint8_t byte = (uint8_t)kind;
    wire_put_raw(block, &byte, 1);
    uint32_t checksum = masked(block->data, block->size) ^ (bad ? 1 : 0);
    wire_put_raw(file, block->data, block->size);
    put32(file, checksum);
    wire_free(block);
}

static wire_buffer checkpoint_index(const checkpoint_change *change, const float *values)
{
    wire_buffer file = {0}, block = {0}, index = {0}, handle = {0}, footer = {0};
    wire_buffer header = {0}, entry = {0}, shape = tf_shape("4");
    wire_put_int(&header, 1, 1);
    put_entry(&block, "", &header);
    wire_put_int(&entry, 1, change->other_type ? DT_INT32 : DT_FLOAT);
    wire_put_message(&entry, 2, &shape);
    wire_put_int(&entry, 4, change->far_away ? 1 << 20 : 0);
    wire_put_int(&entry, 5, 16);
    wire_put_key(&entry, 6, 5);
    put32(&entry, masked(values, 16) ^ (change->bad_data ? 1 : 0));
    if (change->sliced) {
        wire_put_bytes(&entry, 7, "", 0);
    }
    wire_buffer again = {0};
    wire_put_raw(&again, entry.data, entry.size);
    put_entry(&block, change->key != NULL ? change->key : "w", &entry);
    if (change->twice) {
        put_entry(&block, "w", &again);
    } else {
        wire_free(&again);
    }
    put_block(&file, &block, change->block_kind, change->bad_block, &handle);
    put_entry(&index, "z", &handle);
    wire_put_raw(&footer, "\0\0", 2);
    put_block(&file, &index, 0, false, &footer);
    while (footer.size < 40) {
        wire_put_raw(&footer, "", 1);
    }
    wire_put_raw(&footer, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8);
    wire_put_raw(&file, footer.data, change->no_footer ? 40 : 48);
    wire_free(&footer);
    return file;
}

static void save(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(wire_save(path, bytes, size));
}

static void remove_all(const char *folder)
{
    static const char *const names[] = {"saved_model.pb", "variables/variables.index",
                                        "variables/variables.data-00000-of-00001", "variables", ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
}

/* x + w, where w is restored as the change has it. */
static void check_checkpoint(const checkpoint_change *change)
{
    static const float values[4] = {1, 2, 3, 4};
    char folder[] = "/tmp/hmlc_saved_XXXXXX", inner[64];
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/variables", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    wire_buffer graph = {0}, node = tf_node("w", "VarHandleOp", "");
    tf_attr_number(&node, "dtype", ATTR_TYPE, DT_FLOAT);
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    tf_plain(&graph, "v", "ReadVariableOp", "w");
    tf_plain(&graph, "c", "Add", "x v");
    wire_buffer model = saved_model(&graph, "serve", one_signature, "x", "c");
    wire_buffer index = checkpoint_index(change, values);
    save(folder, "saved_model.pb", model.data, model.size);
    if (!change->no_index) {
        save(folder, "variables/variables.index", index.data, index.size);
    }
    if (!change->no_shard) {
        save(folder, "variables/variables.data-00000-of-00001", values, sizeof values);
    }
    wire_free(&model);
    wire_free(&index);
    imported result = {.module = hmlc_module_create(NULL)};
    hmlc_mapping *mapping;
    result.status = hmlc_import(folder, NULL, result.module, &mapping);
    if (change->error == NULL) {
        expect_imported(&result);
        assert_int_equal(count_ops(&result, HMLC_OP_constant), 1);
        imported_free(&result);
    } else {
        expect_refused(result, change->error, change->text);
    }
    hmlc_mapping_release(mapping);
    remove_all(folder);
}

static void checkpoints_are_checked(void **state)
{
    static const checkpoint_change changes[] = {
        {.error = NULL},
        {"file_damaged", "the footer is missing", .no_footer = true},
        {"external_data_refused", "the variable 'w' has no value", .no_index = true},
        {"external_data_refused", "variables.data-00000-of-00001", .no_shard = true},
        {"file_damaged", "a block's checksum is wrong", .bad_block = true},
        {"file_damaged", "key 'w': the checksum of its bytes", .bad_data = true},
        {"not_implemented", "key 'w' is stored in slices", .sliced = true},
        {"file_damaged", "lie outside of", .far_away = true},
        {"declared_type_contradicts", "another type or shape", .other_type = true},
        {"value_undefined", "the checkpoint has no key 'w'", .key = "other"},
        {"file_damaged", "a compressed block is damaged", .block_kind = 1},
        {"file_damaged", "a block of an unknown kind", .block_kind = 2},
        {"file_damaged", "a key comes twice", .twice = true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        check_checkpoint(&changes[i]);
    }
}

/* -- states ------------------------------------------------------------------------------------ */

/* x + w becomes the new w; `again` reads w behind that. */
static wire_buffer writing(const char *again)
{
    wire_buffer graph = {0}, node = tf_node("w", "VarHandleOp", "");
    tf_attr_number(&node, "dtype", ATTR_TYPE, DT_FLOAT);
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    tf_plain(&graph, "v", "ReadVariableOp", "w");
    tf_plain(&graph, "s", "Add", "x v");
    tf_plain(&graph, "write", "AssignVariableOp", "w s");
    tf_plain(&graph, "u", "ReadVariableOp", again);
    tf_plain(&graph, "t", "Add", "s u");
    tf_plain(&graph, "c", "Identity", "t ^write");
    return saved_model(&graph, "serve", one_signature, "x", "c");
}

static imported import_state(wire_buffer model, const char *state)
{
    const hmlc_import_options options = {.state = state};
    return import_bytes(&model, &options);
}

/* What a state begins with lies in the checkpoint. What states hold from step to step:
 * tests/conformance/stream_test.c. */
static void states_need_a_checkpoint(void **state)
{
    (void)state;
    expect_refused(import_state(writing("w"), NULL), "external_data_refused",
                   "the variable 'w' has no value");
    expect_refused(import_state(writing("w ^write"), "zero"), "external_data_refused",
                   "the variable 'w' has no value");
    expect_refused(import_state(writing("w"), "often"), "external_data_refused", "--state often");
}

static void writes_of_parts_are_refused(void **state)
{
    (void)state;
    wire_buffer graph = {0}, node = tf_node("w", "VarHandleOp", "");
    tf_attr_number(&node, "dtype", ATTR_TYPE, DT_FLOAT);
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_add(&graph, &node);
    tf_plain(&graph, "write", "ResourceScatterAdd", "w x x");
    tf_plain(&graph, "none", "NoOp", "^write");
    tf_plain(&graph, "c", "Identity", "x ^none");
    expect_refused(import_state(saved_model(&graph, "serve", one_signature, "x", "c"), NULL),
                   "op_unsupported", "writes parts of a variable");
    graph = (wire_buffer){0};
    tf_placeholder(&graph, "x", DT_FLOAT, "-1 4");
    tf_plain(&graph, "write", "AssignVariableOp", "x x");
    tf_plain(&graph, "c", "Identity", "x ^write");
    imported model = import_state(saved_model(&graph, "serve", one_signature, "x", "c"), NULL);
    expect_imported(&model); /* nobody reads what is no variable */
    imported_free(&model);
}

/* -- archives ---------------------------------------------------------------------------------- */

static void put_member(wire_buffer *tar, const char *name, char kind, const void *data, size_t size)
{
    uint8_t header[512] = {0};
    static const uint8_t zeros[512];
    (void)snprintf((char *)header, 100, "%s", name);
    snprintf((char *)header + 124, 12, "%011zo", size);
    header[156] = (uint8_t)kind;
    static const char magic[] = {'u', 's', 't', 'a', 'r', '\0', '0', '0'};
    memcpy(header + 257, magic, sizeof magic);
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof header; i++) {
        sum += header[i];
    }
    snprintf((char *)header + 148, 8, "%06o", sum);
    wire_put_raw(tar, header, sizeof header);
    wire_put_raw(tar, data, size);
    wire_put_raw(tar, zeros, (512 - size % 512) % 512);
}

static imported import_tar(wire_buffer *tar, const char *member)
{
    static const uint8_t zeros[1024];
    const hmlc_import_options options = {.member = member};
    wire_put_raw(tar, zeros, sizeof zeros);
    return import_bytes(tar, &options);
}

static void put_model(wire_buffer *tar, const char *name)
{
    wire_buffer graph = calling();
    wire_buffer model = saved_model(&graph, "serve", one_signature, "x", "c");
    put_member(tar, name, '0', model.data, model.size);
    wire_free(&model);
}

static void archives_hold_one_model(void **state)
{
    (void)state;
    wire_buffer tar = {0};
    put_member(&tar, "code/helper.pb", '0', "x", 1);
    put_member(&tar, "export/", '5', "", 0);
    put_model(&tar, "./export/Servo/2/saved_model.pb");
    put_model(&tar, "export/Servo/10/saved_model.pb");
    imported model = import_tar(&tar, NULL);
    expect_imported(&model);
    assert_non_null(strstr(model.module->main->first->location->nodes[0].file, "Servo/10"));
    imported_free(&model);
    tar = (wire_buffer){0};
    put_model(&tar, "a/saved_model.pb");
    put_model(&tar, "b/saved_model.pb");
    expect_refused(import_tar(&tar, NULL), "usage", "holds 2 models: a/saved_model.pb, b/saved");
    tar = (wire_buffer){0};
    put_model(&tar, "a/saved_model.pb");
    put_model(&tar, "b/saved_model.pb");
    model = import_tar(&tar, "b");
    expect_imported(&model);
    imported_free(&model);
    tar = (wire_buffer){0};
    put_model(&tar, "a/saved_model.pb");
    expect_refused(import_tar(&tar, "c"), "usage", "--member c: the archive has no such member");
    tar = (wire_buffer){0};
    put_member(&tar, "readme.txt", '0', "x", 1);
    expect_refused(import_tar(&tar, "c"), "usage", "it holds no model at all");
    tar = (wire_buffer){0};
    put_member(&tar, "readme.txt", '0', "x", 1);
    expect_refused(import_tar(&tar, NULL), "usage", "holds 0 models");
    tar = (wire_buffer){0}; /* each version is not compared with all others */
    for (int i = 0; i < 20000; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%d/%d/saved_model.pb", i / 2, 7 + i % 2);
        put_member(&tar, name, '0', "", 0);
    }
    clock_t begin = clock();
    model = import_tar(&tar, NULL);
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
    expect_refused(model, "usage", "holds 10000 models: 0/8/saved_model.pb, 1/8/saved");
}

static void archives_that_are_refused(void **state)
{
    static const struct {
        const char *name;
        char kind;
        const char *text;
    } rows[] = {
        {"../saved_model.pb", '0', "leads out"},
        {"/saved_model.pb", '0', "leads out"},
        {"a/../../b", '5', "leads out"},
        {"link", '2', "is a link"},
        {"hard", '1', "is a link"},
        {"device", '3', "is no regular file"},
        {"pipe", '6', "is no regular file"},
        {"one/saved_model.pb", '0', "twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        wire_buffer tar = {0};
        put_model(&tar, "one/saved_model.pb");
        put_member(&tar, rows[i].name, rows[i].kind, "x", 1);
        expect_refused(import_tar(&tar, NULL), "file_damaged", rows[i].text);
    }
    wire_buffer tar = {0};
    put_model(&tar, "one/saved_model.pb");
    tar.size -= 512;
    imported model = import_bytes(&tar, NULL);
    expect_refused(model, "file_damaged", "that is cut short");
    /* Its last bytes are no length of it: it is cut short, and no bomb. */
    static const uint8_t cut[] = {0x1f, 0x8b, 8, 0, 0, 0, 0,    0,    0,    3,
                                  3,    0,    0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
    wire_buffer gzip = {0};
    wire_put_raw(&gzip, cut, sizeof cut);
    expect_refused(import_bytes(&gzip, NULL), "file_damaged", "cut short or damaged");
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
        cmocka_unit_test(checkpoints_are_checked),
        cmocka_unit_test(states_need_a_checkpoint),
        cmocka_unit_test(writes_of_parts_are_refused),
        cmocka_unit_test(archives_hold_one_model),
        cmocka_unit_test(archives_that_are_refused),
        cmocka_unit_test(castagnoli_is_that_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

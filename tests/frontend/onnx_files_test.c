/* SPDX-License-Identifier: Apache-2.0 */
/* Models and external data as files: what may be opened, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "test_module.h"

typedef struct test_place {
    char folder[64];
    char path[128]; /* of the last file asked for */
} test_place;

static const char *at(test_place *place, const char *name)
{
    (void)snprintf(place->path, sizeof place->path, "%s/%s", place->folder, name);
    return place->path;
}

static void write_file(test_place *place, const char *name, const void *data, size_t size)
{
    FILE *file = fopen(at(place, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static const float weights[4] = {1, 2, 3, 4};

/* folder/ with weights.bin and sub/weights.bin; outside.bin lies beside it. */
static int set_up(void **state)
{
    test_place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/hmlc_files_XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    assert_int_equal(mkdir(at(place, "model"), 0700), 0);
    assert_int_equal(mkdir(at(place, "model/sub"), 0700), 0);
    write_file(place, "outside.bin", weights, sizeof weights);
    write_file(place, "model/weights.bin", weights, sizeof weights);
    write_file(place, "model/sub/weights.bin", weights, sizeof weights);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    test_place *place = *state;
    static const char *const files[] = {"model/fifo",
                                        "model/link",
                                        "model/sublink",
                                        "model/hard",
                                        "model/hard2",
                                        "model/empty",
                                        "model/sub/weights.bin",
                                        "model/weights.bin",
                                        "model/model.onnx",
                                        "model/model.link",
                                        "outside.bin"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlink(at(place, files[i]));
    }
    (void)rmdir(at(place, "model/sub"));
    (void)rmdir(at(place, "model"));
    assert_int_equal(rmdir(place->folder), 0);
    free(place);
    return 0;
}

/* y = x + w, with w of 4 floats elsewhere; NULL leaves a key out. */
static wire_buffer external_model(const char *location, const char *offset, const char *length)
{
    wire_buffer graph = {0}, tensor = tensor_begin("w", ONNX_FLOAT, "4"),
                node = node_begin("Add", "x w", "y");
    if (location != NULL) {
        tensor_external(&tensor, "location", location);
    }
    if (offset != NULL) {
        tensor_external(&tensor, "offset", offset);
    }
    if (length != NULL) {
        tensor_external(&tensor, "length", length);
    }
    wire_put_int(&tensor, 14, 1);
    graph_tensor(&graph, &tensor);
    graph_node(&graph, &node);
    graph_value(&graph, GRAPH_INPUT, "x", ONNX_FLOAT, "4");
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "4");
    return model_end(&graph, 17);
}

static hmlc_status try_external(test_place *place, const char *location, const char *offset,
                                const char *length, const char *text)
{
    wire_buffer file = external_model(location, offset, length);
    write_file(place, "model/model.onnx", file.data, file.size);
    wire_free(&file);
    hmlc_mapping *mapping = NULL;
    imported model = {.module = hmlc_module_create(NULL)};
    model.status = hmlc_import(at(place, "model/model.onnx"), NULL, model.module, &mapping);
    hmlc_status status = model.status;
    if (status == HMLC_OK) {
        const hmlc_op *sum = hmlc_op_operand(model.module->main->last, 0)->producer;
        const hmlc_tensor *w = hmlc_value_constant(hmlc_op_operand(sum, 1));
        assert_memory_equal(w->data, weights, sizeof weights);
    } else {
        assert_string_equal(first_error(&model), "external_data_refused");
        if (!says(&model, text)) {
            fail_msg("'%s' is not said: %s", text,
                     hmlc_diagnostics_first(model.module->diagnostics)->message);
        }
    }
    hmlc_module_destroy(model.module);
    hmlc_mapping_release(mapping);
    return status;
}

static void files_beneath_the_model_are_used(void **state)
{
    test_place *place = *state;
    static const char *const good[] = {"weights.bin", "./weights.bin", "sub/weights.bin",
                                       "sub//weights.bin"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(try_external(place, good[i], "0", "16", ""), HMLC_OK);
    }
    assert_int_equal(try_external(place, "weights.bin", NULL, NULL, ""), HMLC_OK);
}

static void offsets_are_used(void **state)
{
    test_place *place = *state;
    float more[9] = {0};
    memcpy(more + 5, weights, sizeof weights);
    write_file(place, "model/weights.bin", more, sizeof more);
    assert_int_equal(try_external(place, "weights.bin", "20", "16", ""), HMLC_OK);
    /* Alignment is not needed. */
    unsigned char shifted[sizeof weights + 3];
    memcpy(shifted + 3, weights, sizeof weights);
    write_file(place, "model/weights.bin", shifted, sizeof shifted);
    assert_int_equal(try_external(place, "weights.bin", "3", NULL, ""), HMLC_OK);
}

static void paths_may_not_leave_the_folder(void **state)
{
    test_place *place = *state;
    static const char *const bad[] = {"../outside.bin", "sub/../../outside.bin",
                                      "sub/../weights.bin", ".."};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(try_external(place, bad[i], NULL, NULL, "'..'"), HMLC_DAMAGED);
    }
    char absolute[160];
    (void)snprintf(absolute, sizeof absolute, "%s/outside.bin", place->folder);
    assert_int_equal(try_external(place, absolute, NULL, NULL, "absolute"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, "/dev/zero", NULL, NULL, "absolute"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, "", NULL, NULL, "empty"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, NULL, NULL, NULL, "no location"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, "missing.bin", NULL, NULL, "No such file"), HMLC_DAMAGED);
    char endless[400];
    memset(endless, 'a', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(try_external(place, endless, NULL, NULL, "255"), HMLC_DAMAGED);
}

static void links_and_devices_are_refused(void **state)
{
    test_place *place = *state;
    char path[128];
    (void)snprintf(path, sizeof path, "%s", at(place, "model/link"));
    assert_int_equal(symlink("../outside.bin", path), 0);
    assert_int_equal(try_external(place, "link", NULL, NULL, "symbolic link"), HMLC_DAMAGED);
    (void)snprintf(path, sizeof path, "%s", at(place, "model/sublink"));
    assert_int_equal(symlink("sub", path), 0);
    assert_int_equal(try_external(place, "sublink/weights.bin", NULL, NULL, ""), HMLC_DAMAGED);
    (void)snprintf(path, sizeof path, "%s", at(place, "outside.bin"));
    assert_int_equal(link(path, at(place, "model/hard")), 0);
    assert_int_equal(try_external(place, "hard", NULL, NULL, "hard link"), HMLC_DAMAGED);
    assert_int_equal(mkfifo(at(place, "model/fifo"), 0600), 0);
    assert_int_equal(try_external(place, "fifo", NULL, NULL, "not a regular file"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, "sub", NULL, NULL, "folder"), HMLC_DAMAGED);
}

static void bounds_are_those_of_the_file(void **state)
{
    test_place *place = *state;
    assert_int_equal(try_external(place, "weights.bin", "4", "16", "16 bytes"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, "weights.bin", "18446744073709551615", "16", "16 bytes"),
                     HMLC_DAMAGED);
    assert_int_equal(try_external(place, "weights.bin", "0", "12", "length is 12"), HMLC_DAMAGED);
    assert_int_equal(try_external(place, "weights.bin", "-1", NULL, "not a number"), HMLC_DAMAGED);
    assert_int_equal(
        try_external(place, "weights.bin", "99999999999999999999", NULL, "not a number"),
        HMLC_DAMAGED);
    assert_int_equal(try_external(place, "weights.bin", "0x4", NULL, "not a number"), HMLC_DAMAGED);
    write_file(place, "model/empty", "", 0);
    assert_int_equal(try_external(place, "empty", NULL, NULL, "0 bytes"), HMLC_DAMAGED);
}

static void models_from_memory_have_no_external_data(void **state)
{
    (void)state;
    wire_buffer file = external_model("weights.bin", NULL, NULL);
    imported model = import_bytes(&file, NULL);
    assert_int_equal(model.status, HMLC_DAMAGED);
    assert_string_equal(first_error(&model), "external_data_refused");
    imported_free(&model);
}

/* A file that fails is named once, however many tensors lie in it. */
static void a_missing_file_is_named_once(void **state)
{
    test_place *place = *state;
    wire_buffer graph = {0}, node = node_begin("Sum", "a b c", "y");
    for (int i = 0; i < 3; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        wire_buffer tensor = tensor_begin(name, ONNX_FLOAT, "4");
        tensor_external(&tensor, "location", "gone.bin");
        wire_put_int(&tensor, 14, 1);
        graph_tensor(&graph, &tensor);
    }
    graph_node(&graph, &node);
    graph_value(&graph, GRAPH_OUTPUT, "y", ONNX_FLOAT, "4");
    wire_buffer file = model_end(&graph, 17);
    write_file(place, "model/model.onnx", file.data, file.size);
    wire_free(&file);
    hmlc_mapping *mapping = NULL;
    imported model = {.module = hmlc_module_create(NULL)};
    model.status = hmlc_import(at(place, "model/model.onnx"), NULL, model.module, &mapping);
    assert_int_equal(model.status, HMLC_DAMAGED);
    assert_int_equal(error_count(&model), 1);
    hmlc_module_destroy(model.module);
    hmlc_mapping_release(mapping);
}

static void try_model(const char *path, hmlc_status status, const char *error, const char *text)
{
    hmlc_mapping *mapping = NULL;
    imported model = {.module = hmlc_module_create(NULL)};
    model.status = hmlc_import(path, NULL, model.module, &mapping);
    assert_int_equal(model.status, status);
    assert_string_equal(first_error(&model), error);
    assert_true(text[0] == '\0' || says(&model, text));
    hmlc_module_destroy(model.module);
    hmlc_mapping_release(mapping);
}

/* Once imported, a module does not hang on its files: they may be cut short or change. */
static void files_may_change_behind_the_import(void **state)
{
    test_place *place = *state;
    wire_buffer file = external_model("weights.bin", "0", "16");
    write_file(place, "model/model.onnx", file.data, file.size);
    wire_free(&file);
    hmlc_mapping *mapping = NULL;
    imported model = {.module = hmlc_module_create(NULL)};
    model.status = hmlc_import(at(place, "model/model.onnx"), NULL, model.module, &mapping);
    assert_int_equal(model.status, HMLC_OK);
    assert_int_equal(truncate(at(place, "model/weights.bin"), 0), 0);
    assert_int_equal(truncate(at(place, "model/model.onnx"), 0), 0);
    const hmlc_op *sum = hmlc_op_operand(model.module->main->last, 0)->producer;
    const hmlc_tensor *w = hmlc_value_constant(hmlc_op_operand(sum, 1));
    assert_memory_equal(w->data, weights, sizeof weights);
    hmlc_module_destroy(model.module);
    hmlc_mapping_release(mapping);
}

static void the_model_itself_must_be_a_file(void **state)
{
    test_place *place = *state;
    try_model(at(place, "model/none.onnx"), HMLC_DAMAGED, "file_unreadable", "No such file");
    try_model(at(place, "model"), HMLC_DAMAGED, "file_unreadable", "folder");
    try_model("", HMLC_DAMAGED, "file_unreadable", "");
    assert_int_equal(mkfifo(at(place, "model/fifo"), 0600), 0);
    try_model(at(place, "model/fifo"), HMLC_DAMAGED, "file_unreadable", "not a regular file");
    write_file(place, "model/empty", "", 0);
    try_model(at(place, "model/empty"), HMLC_DAMAGED, "format_unknown", "empty");
}

/* The user named it: a link to the model is followed. */
static void a_link_to_the_model_is_followed(void **state)
{
    test_place *place = *state;
    wire_buffer file = external_model("weights.bin", NULL, NULL);
    write_file(place, "model/model.onnx", file.data, file.size);
    wire_free(&file);
    assert_int_equal(symlink("model.onnx", at(place, "model/model.link")), 0);
    try_model(at(place, "model/model.link"), HMLC_OK, "", "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(files_beneath_the_model_are_used), TEST(offsets_are_used),
        TEST(paths_may_not_leave_the_folder),   TEST(links_and_devices_are_refused),
        TEST(bounds_are_those_of_the_file),     TEST(models_from_memory_have_no_external_data),
        TEST(a_missing_file_is_named_once),     TEST(files_may_change_behind_the_import),
        TEST(the_model_itself_must_be_a_file),  TEST(a_link_to_the_model_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

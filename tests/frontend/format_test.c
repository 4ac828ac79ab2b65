/* SPDX-License-Identifier: Apache-2.0 */
/* Which importer a file gets: the search in a table of formats, and the rows of formats.def. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "importer/format.h"

/* -- a table of the test's own ----------------------------------------------------------------- */

static hmlc_status import_nothing(hmlc_importer *importer)
{
    (void)importer;
    return HMLC_OK;
}

static const hmlc_format own[] = {
    {.name = "graph_folder", .folder = "graph.pb"},
    {.name = "box_keras",
     .title = "Keras",
     .import = import_nothing,
     .marks = (const hmlc_format_mark[]){{0, 2, "PK"}, {0, 0, NULL}},
     .extension = ".keras"},
    {.name = "box", .marks = (const hmlc_format_mark[]){{0, 2, "PK"}, {4, 2, "pk"}, {0, 0, NULL}}},
    {.name = "named", .title = "Named", .import = import_nothing, .extension = ".named"},
    {.name = "text", .title = "Text", .import = import_nothing, .looks = hmlc_looks_like_text},
};

enum { OWN_COUNT = sizeof own / sizeof own[0] };

static void expect_own(const char *bytes, size_t size, const char *path, const char *name)
{
    const hmlc_format *found = hmlc_format_find(own, OWN_COUNT, bytes, size, path);
    assert_string_equal(found != NULL ? found->name : "", name);
}

static void the_first_row_that_fits_decides(void **state)
{
    (void)state;
    expect_own("PK\3\4", 4, "a/model.keras", "box_keras");
    expect_own("PK\3\4", 4, "a/model.KERAS", "box_keras");
    expect_own("PK\3\4", 4, "a/model.zip", "box");
    expect_own("PK\3\4", 4, ".keras", "box"); /* a name, not an extension */
    expect_own("PK\3\4", 4, NULL, "box");     /* from memory */
    expect_own("\1\2\3\4pk", 6, NULL, "box"); /* the second mark */
    expect_own("\1\2\3\4pk", 5, NULL, "");    /* cut short within the mark */
    expect_own("\1", 1, "x.named", "named");  /* nothing but the name is asked */
    expect_own("words", 5, "x.keras", "text");
    expect_own("", 0, NULL, "");
}

static void titles_are_joined(void **state)
{
    (void)state;
    char text[64];
    hmlc_format_titles(own, OWN_COUNT, text, sizeof text);
    assert_string_equal(text, "Keras, Named or Text");
    hmlc_format_titles(own, 4, text, sizeof text);
    assert_string_equal(text, "Keras or Named");
    hmlc_format_titles(own, 2, text, sizeof text);
    assert_string_equal(text, "Keras");
    hmlc_format_titles(own, 1, text, sizeof text);
    assert_string_equal(text, "");
    hmlc_format_titles(own, OWN_COUNT, text, 8);
    assert_string_equal(text, "Keras, ");
}

static void a_folder_is_known_by_its_file(void **state)
{
    (void)state;
    char folder[] = "/tmp/hmlc_format_XXXXXX", inside[64], file[128] = "";
    assert_non_null(mkdtemp(folder));
    (void)snprintf(inside, sizeof inside, "%s/graph.pb", folder);
    assert_null(hmlc_format_find_folder(own, OWN_COUNT, folder, file, sizeof file));
    assert_int_equal(mkdir(inside, 0700), 0); /* a folder of that name is no file */
    assert_null(hmlc_format_find_folder(own, OWN_COUNT, folder, file, sizeof file));
    assert_int_equal(rmdir(inside), 0);
    FILE *stream = fopen(inside, "wb");
    assert_non_null(stream);
    assert_int_equal(fclose(stream), 0);
    const hmlc_format *found = hmlc_format_find_folder(own, OWN_COUNT, folder, file, sizeof file);
    assert_ptr_equal(found, &own[0]);
    assert_string_equal(file, inside);
    assert_null(hmlc_format_find_folder(own, OWN_COUNT, inside, file, sizeof file));
    assert_null(hmlc_format_find_folder(own, OWN_COUNT, folder, file, 8)); /* no room */
    assert_int_equal(unlink(inside), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* -- formats.def ------------------------------------------------------------------------------- */

static const hmlc_format *find(const void *bytes, size_t size)
{
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    return hmlc_format_find(table, count, bytes, size, NULL);
}

/* No row hides a mark of a later one, unless that one asks for more. */
static void each_mark_finds_its_row(void **state)
{
    (void)state;
    uint32_t count, marks = 0;
    const hmlc_format *table = hmlc_format_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        const hmlc_format_mark *mark = table[i].marks;
        for (; mark != NULL && mark->text != NULL && table[i].extension == NULL; mark++) {
            uint8_t bytes[512] = {0};
            assert_true(mark->offset + mark->length < sizeof bytes);
            memcpy(bytes + mark->offset, mark->text, mark->length);
            const hmlc_format *found = find(bytes, sizeof bytes);
            if (found != &table[i]) {
                fail_msg("mark '%s' of %s finds %s", mark->text, table[i].name, found->name);
            }
            marks++;
        }
    }
    assert_true(marks >= 20);
}

static void every_file_finds_a_row(void **state)
{
    (void)state;
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    for (uint32_t k = 0; k < 65536; k++) {
        const uint8_t bytes[] = {(uint8_t)k, (uint8_t)(k >> 8), 0xff, 0};
        assert_non_null(find(bytes, sizeof bytes));
    }
    const uint8_t stray[] = {0xff, 0xff, 0xff, 0xff};
    assert_ptr_equal(find(stray, sizeof stray), &table[count - 1]);
    assert_string_equal(find("", 0)->name, "empty");
}

/* ir_version 8 and a producer; a field that odd writers put first. */
static void onnx_is_what_its_importer_reads(void **state)
{
    (void)state;
    assert_ptr_equal(find("\x08\x08\x12\x01p\0", 6)->import, hmlc_onnx_import);
    assert_ptr_equal(find("\x3a\x00\xff", 3)->import, hmlc_onnx_import);
    assert_ptr_equal(find("\x0a\x08\x0a\x01X\x12\x03\0", 8)->import, hmlc_tf_import);
    assert_null(find("\x09\x08\0\0", 4)->import); /* no wire type of a model's */
}

static void rows_say_what_to_do(void **state)
{
    (void)state;
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(table[i].description[0] != '\0');
        assert_int_equal(table[i].title != NULL, table[i].import != NULL);
        for (uint32_t k = 0; k < i; k++) {
            assert_string_not_equal(table[i].name, table[k].name);
        }
    }
}

static void a_saved_model_is_a_folder(void **state)
{
    (void)state;
    char folder[] = "/tmp/hmlc_format_XXXXXX", inside[64];
    assert_non_null(mkdtemp(folder));
    assert_false(hmlc_import_takes_folder(folder));
    (void)snprintf(inside, sizeof inside, "%s/saved_model.pb", folder);
    FILE *stream = fopen(inside, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite("\x08\x01", 1, 2, stream), 2);
    assert_int_equal(fclose(stream), 0);
    assert_true(hmlc_import_takes_folder(folder));
    hmlc_module *module = hmlc_module_create(NULL);
    hmlc_mapping *mapping;
    assert_non_null(module);
    assert_int_equal(hmlc_import(folder, NULL, module, &mapping), HMLC_USAGE);
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    assert_string_equal(hmlc_error_get_info(first->error)->identifier, "usage");
    assert_non_null(strstr(first->message, "no graph of the model has the tag 'serve'"));
    hmlc_module_destroy(module);
    hmlc_mapping_release(mapping);
    assert_int_equal(unlink(inside), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_that_fits_decides),
        cmocka_unit_test(titles_are_joined),
        cmocka_unit_test(a_folder_is_known_by_its_file),
        cmocka_unit_test(each_mark_finds_its_row),
        cmocka_unit_test(every_file_finds_a_row),
        cmocka_unit_test(onnx_is_what_its_importer_reads),
        cmocka_unit_test(rows_say_what_to_do),
        cmocka_unit_test(a_saved_model_is_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of models: HDF5 files as its own library writes them, zip archives, JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/json_reader.h"
#include "common/zip.h"
#include "keras/hdf5.h"

static hmlc_arena *arena;
static hmlc_diagnostics *diagnostics;

static int begin(void **state)
{
    (void)state;
    arena = hmlc_arena_create(NULL);
    diagnostics = arena != NULL ? hmlc_diagnostics_create(arena, 0) : NULL;
    return diagnostics == NULL;
}

static int end(void **state)
{
    (void)state;
    hmlc_arena_destroy(arena);
    return 0;
}

/* Some message holds the text. */
static bool says(const char *text)
{
    const hmlc_diagnostic *message = hmlc_diagnostics_first(diagnostics);
    while (message != NULL && strstr(message->message, text) == NULL) {
        message = message->next;
    }
    return message != NULL;
}

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static bytes read_corpus(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", TEST_CORPUS, name);
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    bytes file = {.data = hmlc_arena_allocate(arena, 1 << 17)};
    assert_non_null(file.data);
    file.size = fread(file.data, 1, 1 << 17, stream);
    fclose(stream);
    return file;
}

/* -- HDF5 -------------------------------------------------------------------------------------- */

static hmlc_hdf5 open_hdf5(const char *name)
{
    bytes content = read_corpus(name);
    hmlc_hdf5 file = {
        .data = content.data, .size = content.size, .arena = arena, .diagnostics = diagnostics};
    assert_int_equal(hmlc_hdf5_open(&file), HMLC_OK);
    return file;
}

static hmlc_hdf5_object *find(hmlc_hdf5 *file, const char *path)
{
    hmlc_hdf5_object *found;
    assert_int_equal(hmlc_hdf5_find(file, file->root, path, &found), HMLC_OK);
    return found;
}

static void check_text(hmlc_hdf5 *file, const char *name, const char *expected)
{
    const char *text;
    size_t length;
    bool found;
    assert_int_equal(hmlc_hdf5_text_of(file, file->root, name, &text, &length, &found), HMLC_OK);
    assert_true(found);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
}

static void check_names(hmlc_hdf5 *file, const char *name, uint32_t count,
                        const char *const *expected)
{
    hmlc_hdf5_texts texts;
    bool found;
    assert_int_equal(hmlc_hdf5_texts_of(file, file->root, name, &texts, &found), HMLC_OK);
    assert_true(found);
    assert_int_equal(texts.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(texts.list[i], expected[i]);
    }
}

/* Elements 0, 1, 2 ... of that type. */
static void check_counting(hmlc_hdf5 *file, const char *path, hmlc_dtype dtype, int32_t rank)
{
    hmlc_tensor tensor;
    bool swapped;
    hmlc_hdf5_object *dataset = find(file, path);
    assert_non_null(dataset);
    assert_true(hmlc_hdf5_is_dataset(dataset));
    assert_int_equal(hmlc_hdf5_tensor(file, dataset, path, &tensor, &swapped), HMLC_OK);
    assert_int_equal(tensor.dtype, dtype);
    assert_int_equal(tensor.rank, rank);
    assert_false(swapped);
    for (int64_t i = 0; i < hmlc_tensor_count(&tensor); i++) {
        assert_true(hmlc_tensor_get_double(&tensor, i) == (double)i);
    }
}

static void both_forms_of_hdf5_are_read(void **state)
{
    static const char *const names[] = {"first", "second", "a/third:0"},
                             *const pieces[] = {"p0", "p1", "p2"}, *const heap[] = {"eins", "zwei"};
    (void)state;
    for (int form = 0; form < 2; form++) {
        hmlc_hdf5 file = open_hdf5(form == 0 ? "hdf5/old.h5" : "hdf5/new.h5");
        check_text(&file, "text", "{\"a\": 1}");
        check_text(&file, "fixed", "fixed text");
        check_names(&file, "names", 3, names);
        check_names(&file, "pieces", 3, pieces);
        check_names(&file, "heap_names", 2, heap);
        check_counting(&file, "layers/dense/kernel", HMLC_DTYPE_f32, 2);
        check_counting(&file, "layers/dense/half", HMLC_DTYPE_f16, 1);
        check_counting(&file, "layers/dense/double", HMLC_DTYPE_f64, 1);
        check_counting(&file, "layers/dense/whole", HMLC_DTYPE_i64, 1);
        check_counting(&file, "layers/dense/empty", HMLC_DTYPE_f32, 2);
        assert_null(find(&file, "layers/nothing/kernel"));
        assert_null(find(&file, "layers/dense/kernel/below"));
    }
}

static void numbers_of_other_forms_are_told_apart(void **state)
{
    (void)state;
    hmlc_hdf5 file = open_hdf5("hdf5/old.h5");
    hmlc_tensor tensor;
    bool swapped;
    assert_int_equal(
        hmlc_hdf5_tensor(&file, find(&file, "layers/dense/big"), "big", &tensor, &swapped),
        HMLC_OK);
    assert_true(swapped);
    assert_int_equal(
        hmlc_hdf5_tensor(&file, find(&file, "layers/dense/flags"), "flags", &tensor, &swapped),
        HMLC_OK);
    assert_int_equal(tensor.dtype, HMLC_DTYPE_bool);
    assert_int_equal(
        hmlc_hdf5_tensor(&file, find(&file, "layers/dense/scalar"), "scalar", &tensor, &swapped),
        HMLC_OK);
    assert_int_equal(tensor.rank, 0);
    assert_true(hmlc_tensor_get_double(&tensor, 0) == 7);
    bool found;
    hmlc_hdf5_texts texts;
    assert_int_equal(hmlc_hdf5_texts_of(&file, file.root, "number", &texts, &found), HMLC_DAMAGED);
    assert_true(says("'number' holds no text"));
}

static void large_groups_are_trees(void **state)
{
    (void)state;
    hmlc_hdf5 file = open_hdf5("hdf5/many.h5");
    const hmlc_hdf5_link *links;
    uint32_t count;
    assert_int_equal(hmlc_hdf5_links(&file, file.root, &links, &count), HMLC_OK);
    assert_int_equal(count, 40);
    hmlc_hdf5_object *group = find(&file, "group_37");
    hmlc_hdf5_texts texts;
    bool found;
    assert_int_equal(hmlc_hdf5_texts_of(&file, group, "index", &texts, &found), HMLC_OK);
    assert_string_equal(texts.list[0], "37");
}

static void check_refused(hmlc_hdf5 *file, const char *path, const char *message)
{
    hmlc_tensor tensor;
    bool swapped;
    hmlc_hdf5_object *dataset;
    hmlc_status status = hmlc_hdf5_find(file, file->root, path, &dataset);
    status = status == HMLC_OK ? hmlc_hdf5_tensor(file, dataset, path, &tensor, &swapped) : status;
    assert_int_equal(status, HMLC_REFUSED);
    assert_true(says(message));
}

static void what_keras_does_not_write_is_refused(void **state)
{
    (void)state;
    hmlc_hdf5 file = open_hdf5("hdf5/odd.h5");
    check_refused(&file, "chunked", "'chunked' is stored in chunks");
    check_refused(&file, "packed", "'packed' is compressed or filtered");
    check_refused(&file, "outside", "'outside' has its data in other files");
    check_refused(&file, "virtual", "'virtual' is put together from other datasets");
    check_refused(&file, "lists", "lists of variable length");
    check_refused(&file, "soft", "a link to another name or file");
    check_refused(&file, "foreign", "a link to another name or file");
    check_counting(&file, "compact", HMLC_DTYPE_f32, 1);
    hmlc_hdf5 dense = open_hdf5("hdf5/dense.h5");
    hmlc_hdf5_object *found;
    assert_int_equal(hmlc_hdf5_find(&dense, dense.root, "group_3", &found), HMLC_REFUSED);
    assert_true(says("fractal heap"));
}

/* A message that goes on in itself. */
static void circles_end(void **state)
{
    (void)state;
    uint8_t file_bytes[256] = "\x89HDF\r\n\x1a\n";
    memcpy(file_bytes + 13, "\x08\x08", 2);
    file_bytes[41] = 0; /* end of file: 0 is below the size */
    file_bytes[64] = 96;
    uint8_t *header = file_bytes + 96;
    header[0] = 1;
    header[8] = 64;
    uint8_t *message = header + 16;
    message[0] = 0x10;
    message[2] = 16;
    message[8] = 112; /* this message */
    message[16] = 64;
    hmlc_hdf5 file = {
        .data = file_bytes, .size = sizeof file_bytes, .arena = arena, .diagnostics = diagnostics};
    assert_int_equal(hmlc_hdf5_open(&file), HMLC_DAMAGED);
    assert_true(says("circles"));
    file_bytes[8] = 9;
    assert_int_equal(hmlc_hdf5_open(&file), HMLC_REFUSED);
    assert_true(says("superblock version 9"));
}

/* -- zip --------------------------------------------------------------------------------------- */

static hmlc_status open_zip(const char *name, hmlc_zip *zip)
{
    bytes content = read_corpus(name);
    *zip = (hmlc_zip){
        .data = content.data, .size = content.size, .arena = arena, .diagnostics = diagnostics};
    return hmlc_zip_open(zip);
}

static void stored_members_lie_in_the_file(void **state)
{
    (void)state;
    hmlc_zip zip;
    const uint8_t *data;
    assert_int_equal(open_zip("zip/stored.zip", &zip), HMLC_OK);
    const hmlc_zip_member *member = hmlc_zip_find(&zip, "a/b.bin");
    assert_non_null(member);
    assert_null(hmlc_zip_find(&zip, "b.bin"));
    assert_int_equal(hmlc_zip_read(&zip, member, arena, &data), HMLC_OK);
    assert_int_equal(member->size, 50);
    assert_int_equal(data[49], 49);
    assert_true(data > zip.data && data < zip.data + zip.size);
    ((uint8_t *)zip.data)[member->packed_offset] = 9;
    assert_int_equal(hmlc_zip_read(&zip, member, arena, &data), HMLC_DAMAGED);
    assert_true(says("checksum"));
}

static void deflated_members_are_inflated(void **state)
{
    (void)state;
    hmlc_zip zip;
    const uint8_t *data;
    assert_int_equal(open_zip("zip/deflated.zip", &zip), HMLC_OK);
    const hmlc_zip_member *member = hmlc_zip_find(&zip, "config.json");
    assert_int_equal(hmlc_zip_read(&zip, member, arena, &data), HMLC_OK);
    assert_memory_equal(data, "{\"a\": [1, 2,", 12);
}

static void bad_archives_are_told(void **state)
{
    (void)state;
    hmlc_zip zip;
    assert_int_equal(open_zip("zip/out.zip", &zip), HMLC_DAMAGED);
    assert_true(says("leads out of the archive"));
    assert_int_equal(open_zip("json/all.json", &zip), HMLC_DAMAGED);
    assert_true(says("has no directory"));
    /* Both entries of the directory name the first member's bytes. */
    bytes content = read_corpus("zip/stored.zip");
    uint8_t *second = NULL, *at = content.data;
    for (size_t i = 0; i + 4 < content.size; i++) {
        second = memcmp(at + i, "PK\1\2", 4) == 0 ? at + i : second;
    }
    assert_non_null(second);
    static const uint8_t sizes[] = {2, 0, 0, 0, 2, 0, 0, 0};
    memcpy(second + 20, sizes, sizeof sizes);
    memset(second + 42, 0, 4);
    zip = (hmlc_zip){
        .data = content.data, .size = content.size, .arena = arena, .diagnostics = diagnostics};
    assert_int_equal(hmlc_zip_open(&zip), HMLC_DAMAGED);
    assert_true(says("shares bytes"));
    second[8] |= 1;
    assert_int_equal(hmlc_zip_open(&zip), HMLC_REFUSED);
    assert_true(says("is encrypted"));
}

/* -- JSON -------------------------------------------------------------------------------------- */

static hmlc_status read_text(const char *text, const hmlc_json **value)
{
    return hmlc_json_read(arena, text, strlen(text), "the text", diagnostics, NULL, value);
}

static void json_is_read_as_python_writes_it(void **state)
{
    (void)state;
    const hmlc_json *value;
    int64_t number;
    assert_int_equal(
        read_text(" {\"a\": [1, -2.5e3, NaN], \"b\": {\"c\": \"\\u00e9\\ud83d\\ude00\"}}", &value),
        HMLC_OK);
    assert_true(hmlc_json_integer(hmlc_json_at(hmlc_json_get(value, "a"), 0), &number));
    assert_int_equal(number, 1);
    assert_true(hmlc_json_at(hmlc_json_get(value, "a"), 1)->number == -2500);
    assert_false(hmlc_json_integer(hmlc_json_at(hmlc_json_get(value, "a"), 2), &number));
    assert_true(hmlc_json_is_text(hmlc_json_get(hmlc_json_get(value, "b"), "c"),
                                  "\xc3\xa9\xf0\x9f\x98\x80"));
    assert_null(hmlc_json_get(value, "z"));
    assert_null(hmlc_json_get(hmlc_json_get(value, "a"), "z"));
}

static void bad_json_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "byte 0: here should be a value"},
        {"[1, 2", "byte 5: a list has no end"},
        {"{\"a\" 1}", "byte 5: here should be a colon"},
        {"{\"a\": 1, \"a\": 2}", "a key twice"},
        {"[1] 2", "something follows"},
        {"\"abc", "a text has no end"},
        {"\"\\", "a text has no end"},
        {"\"\\q\"", "an escape"},
        {"\"\\u0000\"", "an escape"},
        {"\"\\ud800\"", "an escape"},
        {"1e", "here should be a value"},
        {"[nul]", "here should be a value"},
    };
    (void)state;
    const hmlc_json *value;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_text(rows[i].text, &value), HMLC_DAMAGED);
        if (!says(rows[i].message)) {
            fail_msg("of %s nothing says: %s", rows[i].text, rows[i].message);
        }
    }
    bytes deep = read_corpus("json/deep.json");
    assert_int_equal(hmlc_json_read(arena, (const char *)deep.data, deep.size, "the file",
                                    diagnostics, NULL, &value),
                     HMLC_DAMAGED);
    assert_true(says("nested deeper"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_forms_of_hdf5_are_read, begin, end),
        cmocka_unit_test_setup_teardown(numbers_of_other_forms_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(large_groups_are_trees, begin, end),
        cmocka_unit_test_setup_teardown(what_keras_does_not_write_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(circles_end, begin, end),
        cmocka_unit_test_setup_teardown(stored_members_lie_in_the_file, begin, end),
        cmocka_unit_test_setup_teardown(deflated_members_are_inflated, begin, end),
        cmocka_unit_test_setup_teardown(bad_archives_are_told, begin, end),
        cmocka_unit_test_setup_teardown(json_is_read_as_python_writes_it, begin, end),
        cmocka_unit_test_setup_teardown(bad_json_is_told_with_its_place, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The parser on damaged text, and printing and parsing without memory. */
#include <stdlib.h>
#include <string.h>

#include "scarce_memory.h"
#include "test.h"
#include "text_files.h"

/* Damage is an answer; a defect of the compiler is not. */
static void parse_anything(const char *text, size_t size)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hmlc_status status = hmlc_module_parse(module, text, size, "constants", 9);
    assert_true(status == HMLC_OK || status == HMLC_DAMAGED || status == HMLC_REFUSED ||
                status == HMLC_RESOURCE);
    if (status == HMLC_DAMAGED) {
        assert_true(hmlc_diagnostics_error_count(module->diagnostics) > 0);
    }
    if (status == HMLC_OK && module->main->last != NULL &&
        module->main->last->opcode == HMLC_OP_yield) {
        hmlc_text_buffer printed = {0};
        assert_int_equal(hmlc_verify(module, "parsing"), HMLC_OK);
        test_print(module, &printed, NULL);
        hmlc_text_buffer_free(&printed);
    }
    hmlc_module_destroy(module);
}

static void every_truncation_is_survived(void **state)
{
    (void)state;
    hmlc_text_buffer source = test_read("storage.hir");
    for (size_t size = 0; size < source.size; size++) {
        char *exact = malloc(size + 1); /* so that reading past the end is seen */
        assert_non_null(exact);
        memcpy(exact, source.data, size);
        parse_anything(exact, size);
        free(exact);
    }
    hmlc_text_buffer_free(&source);
}

static void mutations_are_survived(void **state)
{
    (void)state;
    static const char inserted[] = "%0123456789()[]{}<>,:=@\"\\-*/+#_ \nfimabkx";
    hmlc_text_buffer source = test_read("every_op.hir");
    test_random random = {2024};
    for (int i = 0; i < 300; i++) {
        size_t start = (size_t)test_between(&random, 0, 3);
        char *copy = malloc(source.size);
        assert_non_null(copy);
        memcpy(copy, source.data, source.size);
        for (size_t k = 0; k <= start; k++) {
            size_t at = (size_t)test_between(&random, 0, (int64_t)source.size - 1);
            copy[at] = test_between(&random, 0, 9) == 0
                           ? (char)test_next(&random)
                           : inserted[test_between(&random, 0, (int64_t)sizeof inserted - 2)];
        }
        parse_anything(copy, source.size);
        free(copy);
    }
    hmlc_text_buffer_free(&source);
}

static void small_mutations_are_survived(void **state)
{
    (void)state;
    static const char inserted[] = "%0123456789()[]{}<>,:=@\"-*+_nkx ";
    hmlc_text_buffer source = test_read("storage.hir");
    for (size_t at = 0; at < source.size; at++) {
        char before = source.data[at];
        source.data[at] = inserted[at * 7 % (sizeof inserted - 1)];
        parse_anything(source.data, source.size);
        source.data[at] = before;
    }
    hmlc_text_buffer_free(&source);
}

static char *repeat(const char *head, const char *part, size_t count, const char *tail,
                    size_t *size)
{
    size_t part_size = strlen(part);
    *size = strlen(head) + count * part_size + strlen(tail);
    char *text = malloc(*size + 1), *at = text;
    assert_non_null(text);
    memcpy(at, head, strlen(head));
    at += strlen(head);
    for (size_t i = 0; i < count; i++, at += part_size) {
        memcpy(at, part, part_size);
    }
    memcpy(at, tail, strlen(tail) + 1);
    return text;
}

static void depth_and_length_are_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *head, *part, *tail;
        size_t count;
    } rows[] = {
        {"hir 1 main(%0: bool[]) {", "if(%0) () {", "", 100000},
        {"hir 1 main(%0: ", "sequence<", "f32[]", 100000},
        {"hir 1 main(%0: f32[", "(", "1", 50000},
        {"hir 1 symbol n [0, 9] main(%0: f32[", "n + ", "1]) {}", 15000},
        {"hir 1 symbol n [0, 9] main(%0: f32[", "n*", "1]) {}", 15000},
        {"hir 1 symbol n [0, 9] main(%0: f32[", "floor(n/2)+", "1]) {}", 5000},
        {"hir 1 symbol n [0, 9] symbol m [0, 9] main(%0: f32[", "max(min(n, m), ", "1", 60},
        {"hir 1 main(", "%0: f32[1], ", "", 20000},
        {"hir 1 main() { yield(", "_,", "", 50000},
        {"hir 1 main() { yield() ", "loc(\"a\", \"b\", \"c\") ", "}", 20000},
        {"hir 1 main(%0: f32[]) { yield(", "%0,", "%0)}", 50000},
        {"hir 1 model \"", "\\x41", "\" main() {}", 50000},
        {"", "# comment\n", "", 50000},
        {"hir 1 main(%0: f32[", "9", "]) {}", 50000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size;
        char *text = repeat(rows[i].head, rows[i].part, rows[i].count, rows[i].tail, &size);
        parse_anything(text, size);
        free(text);
    }
}

/* Fails the first, second, ... allocation until parsing succeeds. */
static void parsing_without_memory_ends_well(void **state)
{
    (void)state;
    hmlc_text_buffer source = test_read("storage.hir");
    for (size_t n = 0;; n++) {
        scarce_memory memory;
        scarce_memory_init(&memory, n, SIZE_MAX);
        hmlc_module *module = hmlc_module_create(&memory.allocator);
        hmlc_status status = HMLC_RESOURCE;
        if (module != NULL) {
            status = hmlc_module_parse(module, source.data, source.size, NULL, 0);
        }
        bool done = status == HMLC_OK && memory.refused == 0;
        if (status == HMLC_OK) {
            hmlc_text_buffer text = {0};
            test_print(module, &text, NULL);
            hmlc_text_buffer_free(&text);
        } else {
            assert_int_equal(status, HMLC_RESOURCE);
        }
        hmlc_module_destroy(module);
        if (done) {
            break;
        }
        assert_true(n < 100000);
    }
    hmlc_text_buffer_free(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_truncation_is_survived),
        cmocka_unit_test(mutations_are_survived),
        cmocka_unit_test(small_mutations_are_survived),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(parsing_without_memory_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

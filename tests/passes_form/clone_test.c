/* Copies of modules: every .hir file of the golden tests and of the text tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clone_checks.h"
#include "pass_oracle.h"
#include "scarce_memory.h"

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), size = strlen(end);
    return length > size && strcmp(name + length - size, end) == 0;
}

static char *read_text(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    assert_non_null(file);
    assert_non_null(text);
    size_t size = fread(text, 1, (1 << 20) - 1, file);
    assert_true(size > 0 && size < (1 << 20) - 1);
    fclose(file);
    return text;
}

/* The module of a text; NULL where the file is there to be refused. */
static hmlc_module *parse(const char *name, const char *text)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    if (hmlc_module_parse(module, text, strlen(text), NULL, 0) == HMLC_OK) {
        return module;
    }
    hmlc_module_destroy(module);
    if (strstr(text, "# STATUS: ") == NULL) {
        fail_msg("%s does not parse", name);
    }
    return NULL;
}

static uint32_t check_folder(const char *folder)
{
    uint32_t count = 0;
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (const struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        if (!ends_with(entry->d_name, ".hir")) {
            continue;
        }
        char *text = read_text(folder, entry->d_name);
        hmlc_module *module = parse(entry->d_name, text);
        const char *problem = module != NULL ? clone_broken(module, "default") : NULL;
        if (problem != NULL) {
            fail_msg("%s: %s", entry->d_name, problem);
        }
        count += module != NULL;
        hmlc_module_destroy(module);
        free(text);
    }
    closedir(files);
    return count;
}

static void golden_files(void **state)
{
    (void)state;
    assert_true(check_folder(TEST_GOLDEN) >= 20);
    assert_true(check_folder(TEST_DATA) >= 1);
}

/* Equalities of branches; one of the two ifs is not used, and its branches do not outlive it. */
static const char branches[] = "hir 1\n"
                               "model \"branches\"\n"
                               "symbol \"n\" [1, inf] hint 8\n"
                               "symbol \"m\" [1, inf] hint 8\n"
                               "main(%0: f32[2, n], %1: f32[m, 3], %2: bool[], %3: f32[2, 3]) {\n"
                               "  %4 = if(%2) : f32[2, 3] () {\n"
                               "    require(n, m)\n"
                               "    %5 = matmul(%0, %1) : f32[2, 3]\n"
                               "    yield(%5)\n"
                               "  } () {\n"
                               "    yield(%3)\n"
                               "  }\n"
                               "  %6 = if(%2) : f32[2, 3] () {\n"
                               "    yield(%3)\n"
                               "  } () {\n"
                               "    require(n, m)\n"
                               "    %7 = matmul(%0, %1) : f32[2, 3]\n"
                               "    yield(%7)\n"
                               "  }\n"
                               "  yield(%4)\n"
                               "}\n";

static void gone_branches(void **state)
{
    (void)state;
    hmlc_module *module = oracle_parse(branches);
    assert_non_null(module);
    assert_null(clone_broken(module, "dce"));
    const hmlc_pass_options options = {.pipeline = "dce", .verify = true};
    assert_int_equal(hmlc_run_passes(module, &options), HMLC_OK);
    assert_int_equal(hmlc_dims_equality_count(module->dims), 2);
    assert_null(clone_broken(module, "kernels"));
    hmlc_module_destroy(module);
}

/* Whatever allocation fails: a status, and nothing is left behind. */
static void every_budget(void **state)
{
    (void)state;
    hmlc_module *module = oracle_parse(branches), *copy = NULL;
    assert_non_null(module);
    const hmlc_pass_options options = {0};
    assert_int_equal(hmlc_run_passes(module, &options), HMLC_OK);
    hmlc_status status = HMLC_RESOURCE;
    for (size_t bytes = 0; status != HMLC_OK && bytes < (size_t)8 << 20; bytes += 512) {
        scarce_memory memory;
        scarce_memory_init(&memory, SIZE_MAX, bytes);
        status = hmlc_module_clone(module, &memory.allocator, &copy);
        assert_true(status == HMLC_OK || (status == HMLC_RESOURCE && memory.refused > 0));
        hmlc_module_destroy(status == HMLC_OK ? copy : NULL);
        assert_int_equal(memory.held, 0);
    }
    assert_int_equal(status, HMLC_OK);
    hmlc_module_destroy(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_files),
                                       cmocka_unit_test(gone_branches),
                                       cmocka_unit_test(every_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

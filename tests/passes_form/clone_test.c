/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of modules: every module of the golden tests and of the text tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "clone_checks.h"
#include "golden_file.h"
#include "pass_oracle.h"
#include "scarce_memory.h"

/* The module of a text; NULL where it is there to be refused. */
static hmlc_module *parse(const golden_module *golden)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    if (hmlc_module_parse(module, golden->text, strlen(golden->text), NULL, 0) == HMLC_OK) {
        return module;
    }
    hmlc_module_destroy(module);
    if (strstr(golden->text, "# STATUS: ") == NULL) {
        fail_msg("%s:%u: does not parse", golden->file, golden->line);
    }
    return NULL;
}

static void check_clone(void *context, const golden_module *golden)
{
    uint32_t *count = context;
    hmlc_module *module = parse(golden);
    const char *problem = module != NULL ? clone_broken(module, "default") : NULL;
    if (problem != NULL) {
        fail_msg("%s:%u: %s", golden->file, golden->line, problem);
    }
    *count += module != NULL ? 1 : 0;
    hmlc_module_destroy(module);
}

static void golden_modules(void **state)
{
    (void)state;
    uint32_t golden = 0, data = 0;
    golden_visit_folder(TEST_GOLDEN, check_clone, &golden);
    golden_visit_folder(TEST_DATA, check_clone, &data);
    assert_true(golden >= 150 && data >= 1);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(golden_modules),
                                       cmocka_unit_test(gone_branches),
                                       cmocka_unit_test(every_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

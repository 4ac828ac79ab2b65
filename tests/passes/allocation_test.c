/* SPDX-License-Identifier: Apache-2.0 */
/* The clean pipeline when memory runs out: a status, no crash, whatever allocation fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <hmlc/passes.h>

#include "scarce_memory.h"

static const char text[] = "hir 1\n"
                           "main(%x: f32[3, 2]) {\n"
                           "  %wq = constant() {value = f32[2, 2](1, 2, 3, 4)} : f32[2, 2]\n"
                           "  %wk = constant() {value = f32[2, 2](-1, 2, 0.5, 4)} : f32[2, 2]\n"
                           "  %b = constant() {value = f32[2](1, 2)} : f32[2]\n"
                           "  %h = constant() {value = f32[](0.5)} : f32[]\n"
                           "  %o = constant() {value = f32[](1)} : f32[]\n"
                           "  %r = constant() {value = f32[](1.41421354)} : f32[]\n"
                           "  %q = matmul(%x, %wq) : f32[3, 2]\n"
                           "  %k = matmul(%x, %wk) : f32[3, 2]\n"
                           "  %a = add(%k, %b) : f32[3, 2]\n"
                           "  %t = transpose(%a) {permutation = [1, 0]} : f32[2, 3]\n"
                           "  %s = matmul(%q, %t) : f32[3, 3]\n"
                           "  %z = mul(%s, %h) : f32[3, 3]\n"
                           "  %d = div(%z, %r) : f32[3, 3]\n"
                           "  %e = erf(%d) : f32[3, 3]\n"
                           "  %p = add(%e, %o) : f32[3, 3]\n"
                           "  %m = mul(%z, %p) : f32[3, 3]\n"
                           "  %y = mul(%m, %h) : f32[3, 3]\n"
                           "  yield(%y)\n"
                           "}\n";

/* OK once there is enough memory; RESOURCE or a parse failure before. */
static hmlc_status run_with(size_t bytes)
{
    scarce_memory memory;
    scarce_memory_init(&memory, SIZE_MAX, bytes);
    hmlc_module *module = hmlc_module_create(&memory.allocator);
    if (module == NULL) {
        return HMLC_RESOURCE;
    }
    hmlc_status status = hmlc_module_parse(module, text, strlen(text), NULL, 0);
    if (status == HMLC_OK) {
        /* Parsing took what it needs; the passes get the rest, down to nothing. */
        hmlc_pass_options options = {.pipeline = "clean"};
        status = hmlc_run_passes(module, &options);
    }
    hmlc_module_destroy(module);
    assert_int_equal(memory.held, 0);
    return status;
}

static void test_budgets(void **state)
{
    (void)state;
    size_t bytes = 0;
    hmlc_status status = HMLC_RESOURCE;
    for (; status != HMLC_OK && bytes < (size_t)64 << 20; bytes += 256) {
        status = run_with(bytes);
        assert_true(status == HMLC_OK || status == HMLC_RESOURCE);
    }
    assert_int_equal(status, HMLC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_budgets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Layout, lowering, formation and plan when memory runs out: a status, no crash, whatever
 * allocation fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <hmlc/passes.h>

#include "pass_oracle.h"
#include "scarce_memory.h"

/* A convolution with its layout change, heads, softmax, a residual and an `if`. */
static const char text[] =
    "hir 1\n"
    "model \"\"\n"
    "symbol \"n\" [1, inf] hint 8\n"
    "main(%0: f32[n, 2, 4, 4], %1: bool[]) {\n"
    "  %2 = constant() {value = f32[2, 2, 1, 1](1, 2, 3, 4)} : f32[2, 2, 1, 1]\n"
    "  %3 = conv(%0, %2) {strides = [1, 1], pads = [0, 0, 0, 0], dilations = [1, 1], groups = 1, "
    "layout = channels_first} : f32[n, 2, 4, 4]\n"
    "  %4 = relu(%3) : f32[n, 2, 4, 4]\n"
    "  %5 = reshape(%4) {shape = [n, 8, 4]} : f32[n, 8, 4]\n"
    "  %6 = transpose(%5) {permutation = [0, 2, 1]} : f32[n, 4, 8]\n"
    "  %7 = matmul(%5, %6) : f32[n, 8, 8]\n"
    "  %8 = softmax(%7) {axes = [2]} : f32[n, 8, 8]\n"
    "  %9 = matmul(%8, %5) : f32[n, 8, 4]\n"
    "  %10 = add(%9, %5) : f32[n, 8, 4]\n"
    "  %11 = if(%1) : f32[n, 8, 4] () {\n"
    "    %12 = tanh(%10) : f32[n, 8, 4]\n"
    "    yield(%12)\n"
    "  } () {\n"
    "    yield(%10)\n"
    "  }\n"
    "  yield(%11, %10)\n"
    "}\n";

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
        hmlc_pass_options options = {.pipeline = oracle_kernel_passes};
        status = hmlc_run_passes(module, &options);
    }
    hmlc_module_destroy(module);
    assert_int_equal(memory.held, 0);
    return status;
}

static void every_budget(void **state)
{
    (void)state;
    size_t bytes = 0;
    hmlc_status status = HMLC_RESOURCE;
    for (; status != HMLC_OK && bytes < (size_t)64 << 20; bytes += 512) {
        status = run_with(bytes);
        assert_true(status == HMLC_OK || status == HMLC_RESOURCE);
    }
    assert_int_equal(status, HMLC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

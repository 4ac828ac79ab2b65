/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of kernels: what holds passes, and each way to break it is told in words. */
#include <hmlc/ir.h>

#include <stdio.h>
#include <string.h>

#include "test.h"

/* A kernel of `form` over x: f32[2, 4], c: f32[4, 4] (a constant) and s: f32[1, 4]. */
static const char frame[] = "hir 1\nmodel \"\"\n"
                            "main(%%x: f32[2, 4], %%s: f32[1, 4]) {\n"
                            "  %%c = constant() {value = f32[4, 4](0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "
                            "0, 0, 0, 0, 0, 0)} : f32[4, 4]\n"
                            "  %%k = kernel(%%x, %%c, %%s) {form = %s} : %s "
                            "(%%0: f32[2, 4], %%1: f32[4, 4], %%2: f32[1, 4]) {\n%s  }\n"
                            "  yield(%%k)\n"
                            "}\n";

static const struct {
    const char *form, *result, *body;
    const char *broken; /* NULL: the contract holds */
} rows[] = {
    {"loop", "f32[2, 4]", "    %3 = add(%0, %2) : f32[2, 4]\n    yield(%3)\n", NULL},
    {"loop", "f32[2, 4]", "    %3 = matmul(%0, %1) : f32[2, 4]\n    yield(%3)\n",
     "an op that no loop takes"},
    {"loop", "f32[2, 4]",
     "    %3 = softmax(%0) {axes = [1]} : f32[2, 4]\n    %4 = softmax(%3) {axes = [0]} : f32[2, "
     "4]\n"
     "    yield(%4)\n",
     "all reductions of a kernel go over the same axes of one shape"},
    {"contraction", "f32[2, 4]",
     "    %3 = matmul(%0, %1) : f32[2, 4]\n    %4 = relu(%3) : f32[2, 4]\n    yield(%4)\n", NULL},
    {"contraction", "f32[2, 4]", "    %3 = relu(%0) : f32[2, 4]\n    yield(%3)\n",
     "exactly one anchor"},
    {"contraction", "f32[2, 4]",
     "    %3 = relu(%0) : f32[2, 4]\n    %4 = matmul(%3, %1) : f32[2, 4]\n    yield(%4)\n",
     "only views before an anchor"},
    {"contraction", "f32[4, 4]",
     "    %3 = transpose(%0) {permutation = [1, 0]} : f32[4, 2]\n    %4 = matmul(%3, %0) : f32[4, "
     "4]\n"
     "    yield(%4)\n",
     "a constant right-hand side"},
    {"contraction", "f32[2, 1]",
     "    %3 = matmul(%0, %1) : f32[2, 4]\n"
     "    %4 = reduce_sum(%3) {axes = [1], keep_dims = 1} : f32[2, 1]\n    yield(%4)\n",
     "an elementwise epilogue"},
    {"window", "f32[2, 4]", "    %3 = matmul(%0, %1) : f32[2, 4]\n    yield(%3)\n",
     "pools and convolutions of narrow groups are windows"},
    {"recurrent", "f32[2, 4]", "    %3 = relu(%0) : f32[2, 4]\n    yield(%3)\n", "recurrent cells"},
    {"portable", "f32[2, 4]",
     "    %3 = relu(%0) : f32[2, 4]\n    %4 = relu(%3) : f32[2, 4]\n    yield(%4)\n",
     "exactly one op"},
};

static void kernels_are_held_to_the_contract(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        char text[2048];
        int length = snprintf(text, sizeof text, frame, rows[k].form, rows[k].result, rows[k].body);
        hmlc_module *module = hmlc_module_create(NULL);
        hmlc_status parsed = hmlc_module_parse(module, text, (size_t)length, NULL, 0);
        const hmlc_diagnostic *d = hmlc_diagnostics_first(module->diagnostics);
        if (parsed != HMLC_OK) {
            fail_msg("row %zu: %s", k, d->message);
        }
        hmlc_status status = hmlc_verify_kernels(module, "a test");
        d = hmlc_diagnostics_first(module->diagnostics);
        if (rows[k].broken == NULL) {
            assert_int_equal(status, HMLC_OK);
            assert_null(d);
        } else {
            assert_int_equal(status, HMLC_INTERNAL);
            assert_non_null(d);
            if (strstr(d->message, rows[k].broken) == NULL) {
                fail_msg("row %zu: %s", k, d->message);
            }
        }
        hmlc_module_destroy(module);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_are_held_to_the_contract)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

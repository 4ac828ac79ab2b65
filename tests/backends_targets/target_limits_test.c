/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes that 32 bits do not reach, and numbers that a machine lacks, are refused with their node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "target_limits.h"

#include <hmlc/backends.h>

static hmlc_error first_error(const hmlc_module *module)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    assert_non_null(first);
    return first->error;
}

static void check_bytes(const char *name, uint64_t bytes, bool fits)
{
    hmlc_module *module = hmlc_module_create(NULL);
    const hmlc_target *target = hmlc_target_find(name);
    hmlc_status status = hmlc_target_limits_bytes(module->diagnostics, target, "the arena", bytes);
    assert_int_equal(status, fits ? HMLC_OK : HMLC_REFUSED);
    if (!fits) {
        assert_int_equal(first_error(module), HMLC_ERROR_memory_exceeded);
        assert_non_null(hmlc_diagnostics_first(module->diagnostics)->hint);
    }
    hmlc_module_destroy(module);
}

static void bytes_end_where_an_index_does(void **state)
{
    (void)state;
    check_bytes("armv7", INT32_MAX, true);
    check_bytes("armv7", (uint64_t)INT32_MAX + 1, false);
    check_bytes("armv7", UINT64_MAX, false);
    check_bytes("x86-64-v3", (uint64_t)INT32_MAX + 1, true);
    check_bytes("aarch64", (uint64_t)1 << 40, true);
}

/* relu of a tensor. */
static void check_kernel(const hmlc_target *target, hmlc_dtype dtype, const char *dims, int error)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, dtype, dims);
    hmlc_value *result = kernel_graph_unary(&graph, HMLC_OP_relu, x);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &result, 1);
    hmlc_status status =
        hmlc_target_limits_kernel(graph.module->diagnostics, target, graph.module->main->first);
    assert_int_equal(status, error == 0 ? HMLC_OK : HMLC_REFUSED);
    if (error != 0) {
        assert_int_equal(first_error(graph.module), error);
    }
    kernel_graph_destroy(&graph);
}

static void tensors_fit_indices(void **state)
{
    (void)state;
    const hmlc_target *narrow = hmlc_target_find("armv7");
    const hmlc_target *wide = hmlc_target_find("aarch64");
    check_kernel(narrow, HMLC_DTYPE_f32, "16384 32767", 0);
    check_kernel(narrow, HMLC_DTYPE_f32, "16384 32768", HMLC_ERROR_memory_exceeded);
    check_kernel(narrow, HMLC_DTYPE_u8, "4194304 4194304 4194304", HMLC_ERROR_memory_exceeded);
    check_kernel(narrow, HMLC_DTYPE_f32, "n 65536 65536", 0); /* check mode looks at n */
    check_kernel(narrow, HMLC_DTYPE_f32, "0 65536 65536", 0);
    check_kernel(wide, HMLC_DTYPE_f32, "16384 32768", 0);
}

static void machines_without_f64_refuse_it(void **state)
{
    (void)state;
    hmlc_target without = *hmlc_target_find("armv7");
    without.has_f64 = false;
    check_kernel(&without, HMLC_DTYPE_f32, "8", 0);
    check_kernel(&without, HMLC_DTYPE_f64, "8", HMLC_ERROR_kernel_unsupported);
    check_kernel(hmlc_target_find("armv7"), HMLC_DTYPE_f64, "8", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_end_where_an_index_does),
        cmocka_unit_test(tensors_fit_indices),
        cmocka_unit_test(machines_without_f64_refuse_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

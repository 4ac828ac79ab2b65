/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of the compiler's own tables: one that is malformed is a defect with a message that
 * shows where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "recognize/match.h"

static void malformed_patterns_are_defects(void **state)
{
    static const struct {
        const char *pattern, *message;
    } rows[] = {
        {"mul(x, 2", "character 9: expected ')'"},
        {"nothing(x)", "character 1: expected an operator and '('"},
        {"max(a, b, c, d, e, f, g)", "character 22: expected no further argument"},
        {"tanh(x) y", "character 9: expected one operator and the end"},
        {"x", "character 2: expected one operator and the end"},
        {"neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(neg(x",
         "character 69: expected no deeper nesting"},
    };
    (void)state;
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        hmlc_module *module = hmlc_module_create(NULL);
        assert_non_null(module);
        const hmlc_pattern *pattern;
        assert_int_equal(hmlc_pattern_compile(module, module->arena, rows[k].pattern, &pattern),
                         HMLC_INTERNAL);
        const hmlc_diagnostic *found = hmlc_diagnostics_first(module->diagnostics);
        assert_non_null(found);
        assert_int_equal(found->error, HMLC_ERROR_compiler_defect);
        assert_non_null(strstr(found->message, rows[k].pattern));
        const char *end = found->message + strlen(found->message) - strlen(rows[k].message);
        assert_string_equal(end, rows[k].message);
        hmlc_module_destroy(module);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(malformed_patterns_are_defects)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

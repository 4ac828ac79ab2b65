/* SPDX-License-Identifier: Apache-2.0 */
#include "import_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void expect_imported(const imported *model)
{
    if (model->status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(model->module->diagnostics);
        fail_msg("import failed: %s", first != NULL ? first->message : "");
    }
    assert_int_equal(hmlc_verify(model->module, "import"), HMLC_OK);
}

void expect_status(imported model, hmlc_status status, const char *error, const char *text)
{
    if (model.status != status || strcmp(first_error(&model), error) != 0 ||
        (text[0] != '\0' && !says(&model, text))) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(model.module->diagnostics);
        fail_msg("expected %s '%s', got status %d, %s: %s [%s]", error, text, (int)model.status,
                 first_error(&model), first != NULL ? first->message : "",
                 first != NULL && first->hint != NULL ? first->hint : "");
    }
    imported_free(&model);
}

void expect_refused(imported model, const char *error, const char *text)
{
    assert_int_not_equal(model.status, HMLC_OK);
    expect_status(model, model.status, error, text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: what an import must come to, for cmocka's tests. */
#ifndef IMPORT_EXPECT_H
#define IMPORT_EXPECT_H

#include "test_module.h"

/* Success, and a module that the verifier takes. */
void expect_imported(const imported *model);
/* This status, this first error ("" for none), and some diagnostic that says the text; "": any.
 * Frees the model. */
void expect_status(imported model, hmlc_status status, const char *error, const char *text);
/* The same with any status but success. */
void expect_refused(imported model, const char *error, const char *text);

#endif

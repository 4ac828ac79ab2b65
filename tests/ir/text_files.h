/* SPDX-License-Identifier: Apache-2.0 */
/* Test data and round trips, for the tests of the text form. */
#ifndef HMLC_TESTS_IR_TEXT_FILES_H
#define HMLC_TESTS_IR_TEXT_FILES_H

#include <hmlc/ir.h>

/* A file of tests/ir/data; NULL when it cannot be read. Free the data. */
hmlc_text_buffer test_read(const char *name);

/* A parsed module; the test fails when it does not parse. */
hmlc_module *test_parse(const hmlc_text_buffer *text, const hmlc_text_buffer *constants);

/* Prints with everything. */
void test_print(const hmlc_module *module, hmlc_text_buffer *text, hmlc_text_buffer *constants);

#endif

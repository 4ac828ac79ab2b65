/* SPDX-License-Identifier: Apache-2.0 */
/* Reads golden files: modules in text form between lines "# ----" (README.md). */
#ifndef HMLC_TEST_GOLDEN_FILE_H
#define HMLC_TEST_GOLDEN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct golden_module {
    const char *file; /* its name in the folder */
    uint32_t line;    /* of the file, where the module begins */
    const char *text; /* with its comments */
} golden_module;

typedef void golden_visit(void *context, const golden_module *module);

/* Shows `visit` each module of each .hir file of the folder; returns how many. Fails the test when
 * a file cannot be read. */
uint32_t golden_visit_folder(const char *folder, golden_visit *visit, void *context);

/*
 * The rest of the next line that begins with `start`, in `rest`; false at the end. `cursor` begins
 * as the text and moves on.
 */
bool golden_next_line(const char **cursor, const char *start, char *rest, size_t size);

#endif

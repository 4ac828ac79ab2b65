/* SPDX-License-Identifier: Apache-2.0 */
/* Text of files on a terminal: names are whatever a model's author wrote, also escape sequences. */
#ifndef HML_PRINTABLE_H
#define HML_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* For "%u input%s": the number, and the ending of a word that it counts. */
#define HML_COUNTED(count) (count), ((count) == 1 ? "" : "s")

/*
 * Bytes of the character at `text` when it is well-formed UTF-8, 0 when not; *code is its number.
 * Reads no further than the NUL byte.
 */
size_t hml_utf8_character(const char *text, size_t bytes, unsigned *code);

/*
 * Writes text so that it stays on its line and moves no cursor: control characters, marks that
 * turn the direction of writing, and bytes that are no UTF-8 as \n, \x1b, \u202e.
 */
void hml_print_text(FILE *out, const char *text);

/* The same, filled with blanks behind to `width` columns, an escape counting as many as it has
 * letters. */
void hml_print_column(FILE *out, const char *text, int width);

#endif

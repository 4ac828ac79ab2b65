/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a stream is a terminal that a person looks at. */
#ifndef HML_TERMINAL_H
#define HML_TERMINAL_H

#include <stdbool.h>

/* True on a terminal that takes colours and lines that are written again, unless NO_COLOR or CI is
 * set to something, or TERM is "dumb". */
bool hml_terminal_is_lively(int descriptor);

/* Columns of a table on standard output: the terminal's, or COLUMNS; 120 where neither says. */
int hml_terminal_width(void);

#endif

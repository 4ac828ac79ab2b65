/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a long-running test's command line. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* An option and where its value goes: exactly one of the pointers is set. */
typedef struct setting {
    const char *name;  /* "--seed" */
    long *number;      /* a value of at least 0 */
    const char **word; /* any value */
    bool *flag;        /* no value */
} setting;

/* False when a word is none of the rows' names, or a number is none. */
bool settings_read(int argc, char **argv, const setting *rows, size_t count);

#endif

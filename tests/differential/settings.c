/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

static bool read_number(const char *text, long *value)
{
    char *end = NULL;
    *value = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *value >= 0;
}

static const setting *find(const char *name, const setting *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool settings_read(int argc, char **argv, const setting *rows, size_t count)
{
    for (int i = 1; i < argc; i++) {
        const setting *row = find(argv[i], rows, count);
        if (row == NULL) {
            return false;
        }
        if (row->flag != NULL) {
            *row->flag = true;
            continue;
        }
        const char *value = ++i < argc ? argv[i] : "";
        if (row->word != NULL) {
            *row->word = value;
        } else if (!read_number(value, row->number)) {
            return false;
        }
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Words that are not those of rows, or stand for more than one row. */
#include <string.h>

#include <hmlc/backends.h>

static const hmlc_target_alias aliases[] = {
#define HMLC_ALIAS(name, rows, text)  {name, rows, text},
#define HMLC_NOT_SERVED(name, reason) {name, NULL, reason},
#include "aliases.def"
#undef HMLC_ALIAS
#undef HMLC_NOT_SERVED
};
enum { ALIAS_COUNT = sizeof aliases / sizeof aliases[0] };

const hmlc_target_alias *hmlc_target_alias_at(uint32_t index)
{
    return index < ALIAS_COUNT ? &aliases[index] : NULL;
}

const hmlc_target_alias *hmlc_target_alias_find(const char *name)
{
    for (uint32_t k = 0; k < ALIAS_COUNT; k++) {
        if (strcmp(aliases[k].name, name) == 0) {
            return &aliases[k];
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Random changes of an artifact's header, section table, MODEL and PROGRAM sections, code records.
 */
#ifndef ALTERATIONS_H
#define ALTERATIONS_H

#include <stddef.h>
#include <stdint.h>

typedef struct alteration_random {
    uint64_t state;
} alteration_random;

uint32_t alteration_next(alteration_random *random, uint32_t limit);

/*
 * One to four changes: a field gets a small, a huge or a neighbouring value, or one found elsewhere
 * in the file; records of a table change places or are copied over each other; program and code get
 * other CPU features. `text` tells what was done. `data` is a copy of `original`, which is as the
 * compiler wrote it.
 */
void alteration_apply(alteration_random *random, const uint8_t *original, uint8_t *data, char *text,
                      size_t text_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* An artifact with fewer variants: sections as they are, numbered and placed anew. */
#ifndef STRIP_ARTIFACT_H
#define STRIP_ARTIFACT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * `data`: an artifact that the loader accepts, of a format version that it knows; kept[v]: variant
 * v stays. The same data and variants give the same bytes. HML_ERROR_out_of_memory is the only
 * failure but those that show in ferror(out).
 */
typedef struct strip_layout strip_layout;
strip_layout *strip_layout_create(const uint8_t *data, const bool *kept);
uint64_t strip_layout_bytes(const strip_layout *layout);
void strip_layout_write(const strip_layout *layout, FILE *out);
void strip_layout_destroy(strip_layout *layout);

#endif

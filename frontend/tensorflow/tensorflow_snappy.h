/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks compressed by Snappy (its format_description.txt), as tables may hold them. */
#ifndef HMLC_TENSORFLOW_SNAPPY_H
#define HMLC_TENSORFLOW_SNAPPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that the block expands to as it says; 0 where it says nothing sensible: an element of 3
 * bytes copies at most 64. */
size_t hmlc_snappy_length(const uint8_t *data, size_t bytes);
/* False where the block does not expand to exactly `out_bytes` bytes. */
bool hmlc_snappy_expand(const uint8_t *data, size_t bytes, uint8_t *out, size_t out_bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* XXH3-64 of byte ranges, as the file format uses it. */
#ifndef HML_CHECKSUM_H
#define HML_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t hml_checksum(const void *data, size_t bytes);

/* The header's: over [data, data + bytes), with the 8 bytes at `hole` taken as zero. */
uint64_t hml_checksum_around(const void *data, size_t bytes, size_t hole);

#endif

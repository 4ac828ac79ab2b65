/* SPDX-License-Identifier: Apache-2.0 */
/* Deflated data and the checksum that goes with it, as zip archives and PNG files have them. Any
 * thread. */
#ifndef SUPPORT_INFLATE_H
#define SUPPORT_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Inflates raw deflate data (RFC 1951) into exactly `out_bytes` bytes. False when the data is not
 * that. Reads and writes nothing outside of the two ranges.
 */
bool hml_inflate(const uint8_t *data, size_t bytes, uint8_t *out, size_t out_bytes);

/* Whether the data would inflate into exactly `out_bytes` bytes. Needs no room for them. */
bool hml_inflate_measure(const uint8_t *data, size_t bytes, size_t out_bytes);

/* Inflates no more than the first `out_bytes` bytes; how many there were before the end, or before
 * damage. */
size_t hml_inflate_start(const uint8_t *data, size_t bytes, uint8_t *out, size_t out_bytes);

/* CRC-32 of ISO/IEC 13239, as zip and PNG have it. */
uint32_t hml_crc32(const uint8_t *data, size_t bytes);
/* The other one, CRC-32C of RFC 3720, as tensor bundles have it. */
uint32_t hml_crc32c(const uint8_t *data, size_t bytes);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include <support/inflate.h>

enum { SLICES = 8, BYTE_VALUES = 256 };

/* Row k: what a byte gives that k more follow in the same step. */
static void make_tables(uint32_t polynomial, uint32_t tables[SLICES][BYTE_VALUES])
{
    for (uint32_t i = 0; i < BYTE_VALUES; i++) {
        uint32_t value = i;
        for (uint32_t bit = 0; bit < 8; bit++) {
            value = (value & 1) != 0 ? value >> 1 ^ polynomial : value >> 1;
        }
        tables[0][i] = value;
    }
    for (uint32_t k = 1; k < SLICES; k++) {
        for (uint32_t i = 0; i < BYTE_VALUES; i++) {
            uint32_t before = tables[k - 1][i];
            tables[k][i] = before >> 8 ^ tables[0][before & 0xff];
        }
    }
}

/* Eight bytes a step (M. Kounavis, F. Berry: "A Systematic Approach to Building High Performance
 * Software-Based CRC Generators", 2005). */
static uint32_t checksum(uint32_t polynomial, const uint8_t *data, size_t bytes)
{
    uint32_t tables[SLICES][BYTE_VALUES], crc = UINT32_MAX;
    make_tables(polynomial, tables);
    for (; bytes >= SLICES; data += SLICES, bytes -= SLICES) {
        uint32_t next = 0;
        for (uint32_t k = 0; k < SLICES; k++) {
            uint32_t mixed = data[k] ^ (k < 4 ? crc >> (8 * k) & 0xff : 0);
            next ^= tables[SLICES - 1 - k][mixed];
        }
        crc = next;
    }
    for (; bytes > 0; data++, bytes--) {
        crc = crc >> 8 ^ tables[0][(crc ^ *data) & 0xff];
    }
    return ~crc;
}

uint32_t hml_crc32(const uint8_t *data, size_t bytes)
{
    return checksum(UINT32_C(0xedb88320), data, bytes); /* ISO 3309 */
}

uint32_t hml_crc32c(const uint8_t *data, size_t bytes)
{
    return checksum(UINT32_C(0x82f63b78), data, bytes); /* Castagnoli, RFC 3720 */
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <support/inflate.h>

/* CRC-32 of ISO 3309, bit by bit per byte of a 16-entry table. */
uint32_t hml_crc32(const uint8_t *data, size_t bytes)
{
    uint32_t table[16], crc = UINT32_MAX;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t value = i;
        for (uint32_t bit = 0; bit < 4; bit++) {
            value = (value & 1) != 0 ? value >> 1 ^ UINT32_C(0xedb88320) : value >> 1;
        }
        table[i] = value;
    }
    for (size_t i = 0; i < bytes; i++) {
        crc = crc >> 4 ^ table[(crc ^ data[i]) & 15];
        crc = crc >> 4 ^ table[(crc ^ (uint32_t)data[i] >> 4) & 15];
    }
    return ~crc;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct sha256 {
    uint32_t state[8];
    uint8_t block[64];
    uint64_t bytes;
} sha256;

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value >> by | value << (32 - by);
}

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void schedule(const uint8_t block[64], uint32_t w[64])
{
    for (int k = 0; k < 16; k++) {
        w[k] = (uint32_t)block[4 * k] << 24 | (uint32_t)block[4 * k + 1] << 16 |
               (uint32_t)block[4 * k + 2] << 8 | block[4 * k + 3];
    }
    for (int k = 16; k < 64; k++) {
        uint32_t a = w[k - 15], b = w[k - 2];
        uint32_t low = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
        uint32_t high = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
        w[k] = w[k - 16] + low + w[k - 7] + high;
    }
}

static void take_block(sha256 *hash)
{
    uint32_t w[64], v[8];
    schedule(hash->block, w);
    memcpy(v, hash->state, sizeof v);
    for (int k = 0; k < 64; k++) {
        uint32_t sum1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + sum1 + choice + constants[k] + w[k];
        uint32_t sum0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + sum0 + majority;
    }
    for (int k = 0; k < 8; k++) {
        hash->state[k] += v[k];
    }
}

static void take(sha256 *hash, const uint8_t *data, size_t bytes)
{
    for (size_t k = 0; k < bytes; k++) {
        hash->block[hash->bytes++ % 64] = data[k];
        if (hash->bytes % 64 == 0) {
            take_block(hash);
        }
    }
}

/* A one bit, zeros, the length in bits. */
static void finish(sha256 *hash)
{
    uint8_t length[8], one = 0x80, zero = 0;
    for (int k = 0; k < 8; k++) {
        length[k] = (uint8_t)(hash->bytes * 8 >> (56 - 8 * k));
    }
    take(hash, &one, 1);
    while (hash->bytes % 64 != 56) {
        take(hash, &zero, 1);
    }
    take(hash, length, sizeof length);
}

bool hmlc_sha256_file(const char *path, char text[HMLC_SHA256_TEXT])
{
    sha256 hash = {.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                             0x1f83d9ab, 0x5be0cd19}};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    uint8_t buffer[65536];
    size_t size;
    while ((size = fread(buffer, 1, sizeof buffer, file)) > 0) {
        take(&hash, buffer, size);
    }
    bool good = ferror(file) == 0;
    fclose(file);
    finish(&hash);
    for (int k = 0; k < 8; k++) {
        snprintf(text + 8 * k, 9, "%08x", hash.state[k]);
    }
    return good;
}

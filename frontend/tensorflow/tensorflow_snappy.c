/* SPDX-License-Identifier: Apache-2.0 */
#include "tensorflow_snappy.h"

#include <string.h>

enum { LITERAL = 0, COPY_NEAR = 1, COPY_FAR = 2, COPY_ANYWHERE = 3, MOST_RATIO = 32 };

/* The length in front, in sevens of bits; 0 bytes: there is none. */
static size_t read_length(const uint8_t *data, size_t bytes, uint64_t *length)
{
    *length = 0;
    for (size_t at = 0; at < bytes && at < 5; at++) {
        *length |= (uint64_t)(data[at] & 0x7f) << (7 * at);
        if ((data[at] & 0x80) == 0) {
            return at + 1;
        }
    }
    return 0;
}

size_t hmlc_snappy_length(const uint8_t *data, size_t bytes)
{
    uint64_t length;
    bool good = read_length(data, bytes, &length) > 0 && length / MOST_RATIO <= bytes;
    return good ? (size_t)length : 0;
}

static uint32_t read_bytes(const uint8_t *data, uint32_t count)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value |= (uint32_t)data[i] << (8 * i);
    }
    return value;
}

bool hmlc_snappy_expand(const uint8_t *data, size_t bytes, uint8_t *out, size_t out_bytes)
{
    uint64_t length;
    size_t at = read_length(data, bytes, &length), done = 0;
    while (at > 0 && at < bytes) {
        uint32_t tag = data[at] & 3, high = data[at] >> 2;
        uint32_t more = tag == LITERAL         ? (high < 60 ? 0 : high - 59)
                        : tag == COPY_ANYWHERE ? 4
                                               : tag;
        if (more > bytes - at - 1) {
            return false;
        }
        uint32_t number = read_bytes(data + at + 1, more);
        at += 1 + more;
        size_t count = tag == COPY_NEAR ? (high & 7) + 4 : (size_t)high + 1;
        if (tag == LITERAL) {
            count = more > 0 ? (size_t)number + 1 : count;
            if (count > bytes - at || count > out_bytes - done) {
                return false;
            }
            memcpy(out + done, data + at, count);
            at += count;
        } else {
            size_t back = tag == COPY_NEAR ? number | (size_t)(high >> 3) << 8 : number;
            if (back == 0 || back > done || count > out_bytes - done) {
                return false;
            }
            for (size_t i = 0; i < count; i++) { /* what is copied may begin what is written */
                out[done + i] = out[done + i - back];
            }
        }
        done += count;
    }
    return at == bytes && done == out_bytes && length == out_bytes;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that LLVM may call on its own. Plain loops: what matters for speed never calls
 * them, and the compiler widens these.
 */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    for (size_t k = 0; k < bytes; k++) {
        target[k] = source[k];
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((uintptr_t)target < (uintptr_t)source) {
        return memcpy(to, from, bytes);
    }
    while (bytes-- > 0) {
        target[bytes] = source[bytes];
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *target = to;
    for (size_t k = 0; k < bytes; k++) {
        target[k] = (uint8_t)value;
    }
    return to;
}

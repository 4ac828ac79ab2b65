/* SPDX-License-Identifier: Apache-2.0 */
/* What functions that divide integers of 64 bits have in common. `quotient_of_words` is the
 * including file's: how the processor divides words. */
#ifndef HMLC_LONG_QUOTIENT_H
#define HMLC_LONG_QUOTIENT_H

#include <stdint.h>

static uint32_t quotient_of_words(uint32_t a, uint32_t b);

/* Bit by bit from the highest place where the divisor may fit, unless both are words. By 0 it is 0.
 */
static inline uint64_t long_quotient(uint64_t a, uint64_t b, uint64_t *rest)
{
    if (b == 0 || a < b) {
        *rest = a;
        return 0;
    }
    if (a >> 32 == 0) {
        uint32_t quotient = quotient_of_words((uint32_t)a, (uint32_t)b);
        *rest = (uint32_t)a - quotient * (uint32_t)b;
        return quotient;
    }
    int shift = __builtin_clzll(b) - __builtin_clzll(a);
    uint64_t quotient = 0;
    b <<= shift;
    for (; shift >= 0; shift--, b >>= 1) {
        quotient <<= 1;
        if (a >= b) {
            a -= b;
            quotient |= 1;
        }
    }
    *rest = a;
    return quotient;
}

#endif

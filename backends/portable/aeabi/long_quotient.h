/* SPDX-License-Identifier: Apache-2.0 */
/* What functions that divide integers of 64 bits have in common. */
#ifndef HMLC_LONG_QUOTIENT_H
#define HMLC_LONG_QUOTIENT_H

#include <stdint.h>

/* How the processor divides words. */
typedef uint32_t divide_words(uint32_t a, uint32_t b);

/* Bit by bit from the highest place where the divisor may fit, unless both are words. By 0 it is 0.
 * Inlined, so that no call goes through a pointer: a bound of the stack could not follow it. */
__attribute__((always_inline)) static inline uint64_t
long_quotient(uint64_t a, uint64_t b, divide_words *divide, uint64_t *rest)
{
    if (b == 0 || a < b) {
        *rest = a;
        return 0;
    }
    if (a >> 32 == 0) {
        uint32_t quotient = divide((uint32_t)a, (uint32_t)b);
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

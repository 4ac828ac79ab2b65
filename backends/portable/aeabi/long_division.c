/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Division of 64-bit integers for processors of 32 bits that divide words, by the names that GCC's
 * and LLVM's runtime libraries have. No f64. Callers exclude a divisor of 0; the quotient of the
 * least number and -1 wraps.
 */
#include "long_quotient.h"

uint64_t __udivdi3(uint64_t a, uint64_t b);
uint64_t __umoddi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
int64_t __moddi3(int64_t a, int64_t b);

/* By an instruction. */
static uint32_t quotient_of_words(uint32_t a, uint32_t b)
{
    return a / b;
}

static uint64_t size_of(int64_t a)
{
    return a < 0 ? -(uint64_t)a : (uint64_t)a;
}

static uint64_t quotient_of(uint64_t a, uint64_t b, uint64_t *rest)
{
    return long_quotient(a, b, quotient_of_words, rest);
}

uint64_t __udivdi3(uint64_t a, uint64_t b)
{
    uint64_t rest;
    return quotient_of(a, b, &rest);
}

uint64_t __umoddi3(uint64_t a, uint64_t b)
{
    uint64_t rest;
    quotient_of(a, b, &rest);
    return rest;
}

int64_t __divdi3(int64_t a, int64_t b)
{
    uint64_t rest, quotient = quotient_of(size_of(a), size_of(b), &rest);
    return (int64_t)((a ^ b) < 0 ? -quotient : quotient);
}

/* The remainder has the sign of the dividend. */
int64_t __moddi3(int64_t a, int64_t b)
{
    uint64_t rest;
    quotient_of(size_of(a), size_of(b), &rest);
    return (int64_t)(a < 0 ? -rest : rest);
}

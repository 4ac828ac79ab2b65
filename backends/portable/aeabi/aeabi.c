/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that LLVM calls on its own for 32-bit ARM, by the names and the conventions of
 * Arm's run-time ABI (IHI 0043): memory, divisions, conversions of 64-bit integers. All pass
 * numbers in general registers. Callers exclude a divisor of 0.
 */
#include "long_quotient.h"
#include <stddef.h>

#define AEABI __attribute__((pcs("aapcs")))

/* -- memory ------------------------------------------------------------------------------------ */

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

/* The number says to how many bytes addresses and size are aligned. The value comes last. */
#define MEMORY(alignment)                                                                          \
    AEABI void __aeabi_memcpy##alignment(void *to, const void *from, size_t bytes);                \
    AEABI void __aeabi_memmove##alignment(void *to, const void *from, size_t bytes);               \
    AEABI void __aeabi_memset##alignment(void *to, size_t bytes, int value);                       \
    AEABI void __aeabi_memclr##alignment(void *to, size_t bytes);                                  \
    void __aeabi_memcpy##alignment(void *to, const void *from, size_t bytes)                       \
    {                                                                                              \
        memcpy(to, from, bytes);                                                                   \
    }                                                                                              \
    void __aeabi_memmove##alignment(void *to, const void *from, size_t bytes)                      \
    {                                                                                              \
        memmove(to, from, bytes);                                                                  \
    }                                                                                              \
    void __aeabi_memset##alignment(void *to, size_t bytes, int value)                              \
    {                                                                                              \
        memset(to, value, bytes);                                                                  \
    }                                                                                              \
    void __aeabi_memclr##alignment(void *to, size_t bytes)                                         \
    {                                                                                              \
        memset(to, 0, bytes);                                                                      \
    }

MEMORY()
MEMORY(4)
MEMORY(8)

/* -- divisions --------------------------------------------------------------------------------- */

/* Quotient and remainder in r0 to r3, as a vector of 16 bytes is returned in this convention; those
 * of 32 bits in r0 and r1, as a number of 64. */
typedef uint64_t divided __attribute__((vector_size(16)));

AEABI uint32_t __aeabi_uidiv(uint32_t a, uint32_t b);
AEABI int32_t __aeabi_idiv(int32_t a, int32_t b);
AEABI uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b);
AEABI uint64_t __aeabi_idivmod(int32_t a, int32_t b);
AEABI divided __aeabi_uldivmod(uint64_t a, uint64_t b);
AEABI divided __aeabi_ldivmod(int64_t a, int64_t b);

/* Exact: a quotient of such numbers that is no integer is further from one than f64 rounds. */
static uint32_t quotient_of_words(uint32_t a, uint32_t b)
{
    return (uint32_t)((double)a / (double)b);
}

static int32_t quotient_of_signed_words(int32_t a, int32_t b)
{
    uint32_t size =
        quotient_of_words(a < 0 ? -(uint32_t)a : (uint32_t)a, b < 0 ? -(uint32_t)b : (uint32_t)b);
    return (int32_t)((a ^ b) < 0 ? -size : size);
}

uint32_t __aeabi_uidiv(uint32_t a, uint32_t b)
{
    return quotient_of_words(a, b);
}

int32_t __aeabi_idiv(int32_t a, int32_t b)
{
    return quotient_of_signed_words(a, b);
}

uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b)
{
    uint32_t quotient = quotient_of_words(a, b);
    return (uint64_t)(a - quotient * b) << 32 | quotient;
}

uint64_t __aeabi_idivmod(int32_t a, int32_t b)
{
    uint32_t quotient = (uint32_t)quotient_of_signed_words(a, b);
    return (uint64_t)((uint32_t)a - quotient * (uint32_t)b) << 32 | quotient;
}

static uint64_t quotient_of(uint64_t a, uint64_t b, uint64_t *rest)
{
    return long_quotient(a, b, quotient_of_words, rest);
}

divided __aeabi_uldivmod(uint64_t a, uint64_t b)
{
    uint64_t rest, quotient = quotient_of(a, b, &rest);
    return (divided){quotient, rest};
}

/* The remainder has the sign of the dividend. */
divided __aeabi_ldivmod(int64_t a, int64_t b)
{
    uint64_t rest, quotient = quotient_of(a < 0 ? -(uint64_t)a : (uint64_t)a,
                                          b < 0 ? -(uint64_t)b : (uint64_t)b, &rest);
    return (divided){(a ^ b) < 0 ? -quotient : quotient, a < 0 ? -rest : rest};
}

/* -- conversions ------------------------------------------------------------------------------- */

AEABI double __aeabi_ul2d(uint64_t a);
AEABI double __aeabi_l2d(int64_t a);
AEABI float __aeabi_ul2f(uint64_t a);
AEABI float __aeabi_l2f(int64_t a);
AEABI uint64_t __aeabi_d2ulz(double a);
AEABI int64_t __aeabi_d2lz(double a);
AEABI uint64_t __aeabi_f2ulz(float a);
AEABI int64_t __aeabi_f2lz(float a);

/* Both halves are exact, and so is the product: one rounding. */
static double double_of(uint64_t a)
{
    return (double)(uint32_t)(a >> 32) * 0x1p32 + (double)(uint32_t)a;
}

/* Bits that f64 has no room for decide no more than that there are some. */
static float float_of(uint64_t a)
{
    if (a >> 53 != 0 && (a & 0x7FF) != 0) {
        a = (a & ~(uint64_t)0x7FF) | 0x400;
    }
    return (float)double_of(a);
}

static uint64_t whole_of(double a)
{
    uint32_t high = (uint32_t)(a * 0x1p-32);
    uint32_t low = (uint32_t)(a - (double)high * 0x1p32);
    return (uint64_t)high << 32 | low;
}

double __aeabi_ul2d(uint64_t a)
{
    return double_of(a);
}

double __aeabi_l2d(int64_t a)
{
    return (double)(int32_t)(a >> 32) * 0x1p32 + (double)(uint32_t)a;
}

float __aeabi_ul2f(uint64_t a)
{
    return float_of(a);
}

float __aeabi_l2f(int64_t a)
{
    return a < 0 ? -float_of(-(uint64_t)a) : float_of((uint64_t)a);
}

uint64_t __aeabi_d2ulz(double a)
{
    return a > 0 ? whole_of(a) : 0;
}

int64_t __aeabi_d2lz(double a)
{
    return (int64_t)(a < 0 ? -whole_of(-a) : whole_of(a));
}

uint64_t __aeabi_f2ulz(float a)
{
    return a > 0 ? whole_of((double)a) : 0;
}

int64_t __aeabi_f2lz(float a)
{
    return (int64_t)(a < 0 ? -whole_of(-(double)a) : whole_of((double)a));
}

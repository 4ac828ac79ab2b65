/* SPDX-License-Identifier: Apache-2.0 */
#include "exact_sum.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* word += addend + *carry */
static uint64_t add_word(uint64_t word, uint64_t addend, uint64_t *carry)
{
    uint64_t sum = word + addend, with = sum + *carry;
    *carry = (uint64_t)(sum < word) | (uint64_t)(with < sum);
    return with;
}

void hmlc_exact_add_bits(uint64_t *words, uint32_t count, uint64_t bits, uint32_t place,
                         bool negative)
{
    uint32_t first = place / 64, shift = place % 64;
    uint64_t low = bits << shift, high = shift > 0 ? bits >> (64 - shift) : 0;
    uint64_t carry = negative ? 1 : 0, flip = negative ? UINT64_MAX : 0;
    /* -x is ~x + 1; the words below are 0, whose complement and carry leave them and the carry. */
    for (uint32_t i = first; i < count; i++) {
        uint64_t part = i == first ? low : i == first + 1 ? high : 0;
        words[i] = add_word(words[i], part ^ flip, &carry);
        if (i > first && carry == (negative ? 1U : 0U)) {
            break; /* what is left adds nothing */
        }
    }
}

void hmlc_exact_add(uint64_t *words, const uint64_t *other, uint32_t count)
{
    uint64_t carry = 0;
    for (uint32_t i = 0; i < count; i++) {
        words[i] = add_word(words[i], other[i], &carry);
    }
}

bool hmlc_exact_is_negative(const uint64_t *words, uint32_t count)
{
    return (words[count - 1] >> 63) != 0;
}

/* The magnitude. */
static void magnitude_of(const uint64_t *words, uint32_t count, uint64_t *magnitude)
{
    bool negative = hmlc_exact_is_negative(words, count);
    uint64_t carry = negative ? 1 : 0;
    for (uint32_t i = 0; i < count; i++) {
        magnitude[i] = add_word(negative ? ~words[i] : words[i], 0, &carry);
    }
}

double hmlc_exact_to_double(const uint64_t *words, uint32_t count, int step)
{
    uint64_t magnitude[HMLC_SQUARE_WORDS];
    magnitude_of(words, count, magnitude);
    double sum = 0;
    for (uint32_t i = count; i-- > 0;) {
        sum += ldexp((double)magnitude[i], (int)(64 * i) + step);
    }
    return hmlc_exact_is_negative(words, count) ? -sum : sum;
}

uint32_t hmlc_exact_split(float value, uint32_t *place, bool *negative)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t exponent = bits >> 23 & 0xff, fraction = bits & 0x7fffff;
    *negative = bits >> 31 != 0;
    *place = exponent > 0 ? exponent - 1 : 0;
    return exponent > 0 ? fraction | 0x800000 : fraction;
}

void hmlc_exact_format(const uint64_t *words, uint32_t count, int step, char *text)
{
    uint64_t magnitude[HMLC_SQUARE_WORDS];
    magnitude_of(words, count, magnitude);
    uint32_t top = count;
    while (top > 1 && magnitude[top - 1] == 0) {
        top--;
    }
    char *at = text;
    at += sprintf(at, "%s0x%llx", hmlc_exact_is_negative(words, count) ? "-" : "",
                  (unsigned long long)magnitude[top - 1]);
    for (uint32_t i = top - 1; i-- > 0;) {
        at += sprintf(at, "%016llx", (unsigned long long)magnitude[i]);
    }
    (void)sprintf(at, "p%d", step);
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9') {
        return letter - '0';
    }
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

size_t hmlc_exact_parse(const char *text, size_t size, uint32_t count, int step, uint64_t *words)
{
    char ending[16];
    size_t at = 0;
    bool negative = size > 0 && text[0] == '-';
    at += negative ? 1 : 0;
    if (size - at < 3 || text[at] != '0' || text[at + 1] != 'x' || digit_of(text[at + 2]) < 0) {
        return 0;
    }
    memset(words, 0, count * sizeof *words);
    for (at += 2; at < size && digit_of(text[at]) >= 0; at++) {
        if (words[count - 1] >> 59 != 0) { /* the sign's bit stays free */
            return 0;
        }
        for (uint32_t i = count; i-- > 0;) {
            words[i] = words[i] << 4 | (i > 0 ? words[i - 1] >> 60 : (uint64_t)digit_of(text[at]));
        }
    }
    int length = snprintf(ending, sizeof ending, "p%d", step);
    if (size - at < (size_t)length || memcmp(text + at, ending, (size_t)length) != 0) {
        return 0;
    }
    uint64_t carry = negative ? 1 : 0;
    for (uint32_t i = 0; i < count; i++) {
        words[i] = add_word(negative ? ~words[i] : words[i], 0, &carry);
    }
    return at + (size_t)length;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of f32 and of their squares without rounding: two's complement in words, least first. */
#ifndef HMLC_EXACT_SUM_H
#define HMLC_EXACT_SUM_H

#include <hmlc/statistics.h>

/* words += (negative ? -1 : 1) * (bits << place); bits below 2^64. */
void hmlc_exact_add_bits(uint64_t *words, uint32_t count, uint64_t bits, uint32_t place,
                         bool negative);
/* words += other */
void hmlc_exact_add(uint64_t *words, const uint64_t *other, uint32_t count);
bool hmlc_exact_is_negative(const uint64_t *words, uint32_t count);
/* Rounded; `step` is the exponent of the unit. */
double hmlc_exact_to_double(const uint64_t *words, uint32_t count, int step);

/* A finite f32 as a whole number of 2^-149: *place bits left of it stands the 24-bit result. */
uint32_t hmlc_exact_split(float value, uint32_t *place, bool *negative);

/* As text: "-0x1f3p-149", "0x0p-149"; all digits. `text` takes HMLC_EXACT_TEXT bytes. */
enum { HMLC_EXACT_TEXT = HMLC_SQUARE_WORDS * 16 + 16 };
void hmlc_exact_format(const uint64_t *words, uint32_t count, int step, char *text);
/* Reads that text up to its end or a blank; the bytes read, 0 where it is none or does not fit. */
size_t hmlc_exact_parse(const char *text, size_t size, uint32_t count, int step, uint64_t *words);

#endif

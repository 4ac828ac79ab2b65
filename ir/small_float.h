/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion of floats narrower than 32 bits: half, bfloat16 and the 8-bit formats. */
#ifndef HMLC_SMALL_FLOAT_H
#define HMLC_SMALL_FLOAT_H

#include <hmlc/types.h>

/* `bits` of a float type narrower than 32 bits as a double (exact). */
double hmlc_small_float_decode(hmlc_dtype dtype, uint32_t bits);
/* Nearest, ties to even. Overflow gives infinity, or NaN where the type has no infinity. */
uint32_t hmlc_small_float_encode(hmlc_dtype dtype, double value);

#endif

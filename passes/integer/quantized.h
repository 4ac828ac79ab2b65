/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized values: what a dequantize says of the integers behind it. */
#ifndef HMLC_QUANTIZED_H
#define HMLC_QUANTIZED_H

#include "query.h"

/* A value that stands for scale * (integers - zero). */
typedef struct hmlc_quantized {
    hmlc_value *integers, *scale, *zero; /* zero NULL: 0 */
    bool single;                         /* one scale and one zero point */
    int64_t axis;                        /* of several ones */
} hmlc_quantized;

/* Reads the dequantize to f32 that makes `value`; false where there is none. */
bool hmlc_quantized_read(const hmlc_value *value, hmlc_quantized *quantized);
/* The one scale of a quantize or dequantize, where it is a constant that floats can divide by. */
bool hmlc_quantized_scale(const hmlc_value *scale, double *number);
/* The same constants, or the same value. */
bool hmlc_quantized_equal(const hmlc_value *a, const hmlc_value *b);
/* Neither NaN nor infinite: computed from quantized integers and constants alone. */
bool hmlc_quantized_is_finite(const hmlc_value *value);
/* Whether a module has ops that the passes of this room care for. */
bool hmlc_quantized_has_ops(const hmlc_region *region);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TFLite's arithmetic of integers, exactly: a product with a real number is one with a multiplier
 * of 31 bits and a shift, rounded twice (TFLite 2.19's reference kernels, "double" rounding).
 */
#ifndef HMLC_TFLITE_FIXED_H
#define HMLC_TFLITE_FIXED_H

#include "tflite_node.h"

/* multiplier / 2^31 * 2^shift */
typedef struct hmlc_tflite_factor {
    int64_t multiplier;
    int32_t shift;
} hmlc_tflite_factor;

/* The factor nearest to a real number; false where it is too large. */
bool hmlc_tflite_factor_of(double number, hmlc_tflite_factor *factor);

/* Integers of any type as i32, less a number. */
hmlc_value *hmlc_tflite_less(hmlc_node *node, hmlc_value *x, int64_t number);
/* x, i32, times one factor or one for each index of its last dim. */
hmlc_value *hmlc_tflite_times(hmlc_node *node, hmlc_value *x, const hmlc_tflite_factor *factors,
                              uint32_t count);
/* The same by one real number. */
hmlc_value *hmlc_tflite_times_real(hmlc_node *node, hmlc_value *x, double number);
/* x, i32, in steps of the result without its zero point, within the bounds of its type and of the
 * fused activation. */
hmlc_value *hmlc_tflite_store(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor);

#endif

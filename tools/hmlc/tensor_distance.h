/* SPDX-License-Identifier: Apache-2.0 */
/* How far two tensors are apart as a whole: what `compare` tells besides single elements. */
#ifndef HMLC_TENSOR_DISTANCE_H
#define HMLC_TENSOR_DISTANCE_H

#include <hml/hml.h>

/* Over elements that are finite in both. */
typedef struct hml_distance {
    double rms, rms_expected;  /* of the differences; of what was expected */
    double cosine;             /* of the angle between both; 1 where both are 0 */
    size_t rows, same_largest; /* rows of the last dim, and those with their largest at one place */
} hml_distance;

/* Both of the same type and shape. */
void hml_tensor_distance(const hml_tensor *found, const hml_tensor *expected,
                         hml_distance *distance);

#endif

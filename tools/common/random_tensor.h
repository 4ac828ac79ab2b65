/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded data for inputs that nobody gave. */
#ifndef HML_RANDOM_TENSOR_H
#define HML_RANDOM_TENSOR_H

#include <hml/hml.h>

/*
 * Fills tensor->data: floats uniform in [-1, 1), integers and bools 0 or 1 (an index into anything,
 * a mask). The same seed and shape give the same data on every machine. *state moves on.
 */
void hml_tensor_randomize(const hml_tensor *tensor, uint64_t *state);

/* The next number of the same row, in [0, 1) with 53 bits. */
double hml_random_fraction(uint64_t *state);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of any type as doubles. */
#ifndef HML_NUMBER_H
#define HML_NUMBER_H

#include <hml/hml.h>

/* Element `index`; 64-bit integers lose bits beyond 2^53. */
double hml_number_load(const hml_tensor *tensor, size_t index);

/* Stores a value that the type holds; floats are rounded to nearest even. */
void hml_number_store(const hml_tensor *tensor, size_t index, double value);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse constants. */
#ifndef HMLC_TFLITE_SPARSE_H
#define HMLC_TFLITE_SPARSE_H

#include "tflite_model.h"

/* Gives the tensor, whose size is set, the elements of a sparse one, zeros between them. */
hmlc_status hmlc_tflite_densify(hmlc_importer *importer, const hmlc_tflite_tensor *stored,
                                const hmlc_location *where, hmlc_tensor *tensor) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors as files store them: their size, and their bytes used where they lie. */
#ifndef HMLC_STORED_TENSOR_H
#define HMLC_STORED_TENSOR_H

#include "importer.h"

/* Sets tensor->bytes from the element type, rank and dims that are set; an error when a dim is
 * negative or the size fits no 64 bits. */
hmlc_status hmlc_stored_tensor_measure(hmlc_importer *importer, hmlc_tensor *tensor,
                                       const hmlc_location *where) HMLC_MUST_USE;
/* Makes `data`, at any alignment and outliving the module, those of the tensor; an error when it is
 * not tensor->bytes long. Bool bytes other than 0 and 1 mean true; then the module gets a copy. */
hmlc_status hmlc_stored_tensor_use(hmlc_importer *importer, hmlc_tensor *tensor,
                                   const uint8_t *data, uint64_t size,
                                   const hmlc_location *where) HMLC_MUST_USE;

#endif

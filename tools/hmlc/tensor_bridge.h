/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors of the runtime as the compiler has them, and back: no element is copied. */
#ifndef HMLC_TENSOR_BRIDGE_H
#define HMLC_TENSOR_BRIDGE_H

#include <hml/hml.h>
#include <hmlc/ir.h>

/* The runtime's element types under the compiler's names; HMLC_DTYPE_COUNT: none. */
hmlc_dtype hmlc_dtype_of(hml_dtype dtype);
hmlc_tensor hmlc_tensor_of(const hml_tensor *tensor);
/* To be read alone. */
hml_tensor hmlc_runtime_tensor_of(const hmlc_tensor *tensor, hml_dtype dtype);

#endif

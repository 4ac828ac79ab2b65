/* SPDX-License-Identifier: Apache-2.0 */
/* Element types: ONNX's numbers, and the letters of onnx_ops.def. */
#ifndef HMLC_ONNX_TYPES_H
#define HMLC_ONNX_TYPES_H

#include <hmlc/ir.h>

/* ONNX_DTYPE(number, ir name, letter, supported) */
#define HMLC_ONNX_DTYPES(ONNX_DTYPE)                                                               \
    ONNX_DTYPE(1, f32, 'f', true)                                                                  \
    ONNX_DTYPE(2, u8, 'C', true)                                                                   \
    ONNX_DTYPE(3, i8, 'c', true)                                                                   \
    ONNX_DTYPE(4, u16, 'S', true)                                                                  \
    ONNX_DTYPE(5, i16, 's', true)                                                                  \
    ONNX_DTYPE(6, i32, 'i', true)                                                                  \
    ONNX_DTYPE(7, i64, 'l', true)                                                                  \
    ONNX_DTYPE(8, string, 't', false)                                                              \
    ONNX_DTYPE(9, bool, 'B', true)                                                                 \
    ONNX_DTYPE(10, f16, 'h', true)                                                                 \
    ONNX_DTYPE(11, f64, 'd', true)                                                                 \
    ONNX_DTYPE(12, u32, 'I', true)                                                                 \
    ONNX_DTYPE(13, u64, 'L', true)                                                                 \
    ONNX_DTYPE(14, c64, 'x', false)                                                                \
    ONNX_DTYPE(15, c128, 'y', false)                                                               \
    ONNX_DTYPE(16, bf16, 'g', true)                                                                \
    ONNX_DTYPE(17, f8e4m3fn, '1', false)                                                           \
    ONNX_DTYPE(18, f8e4m3fnuz, '2', false)                                                         \
    ONNX_DTYPE(19, f8e5m2, '3', false)                                                             \
    ONNX_DTYPE(20, f8e5m2fnuz, '4', false)                                                         \
    ONNX_DTYPE(21, u4, '5', false)                                                                 \
    ONNX_DTYPE(22, i4, '6', false)                                                                 \
    ONNX_DTYPE(23, f4e2m1, '7', false)                                                             \
    ONNX_DTYPE(24, f8e8m0, '8', false)                                                             \
    ONNX_DTYPE(25, u2, '9', false)                                                                 \
    ONNX_DTYPE(26, i2, '0', false)

/* False where ONNX has no such number or letter. `supported`: tensors of it can be imported. */
bool hmlc_onnx_dtype_of_number(int64_t number, hmlc_dtype *dtype, bool *supported);
bool hmlc_onnx_dtype_of_letter(char letter, hmlc_dtype *dtype);
char hmlc_onnx_letter_of_dtype(hmlc_dtype dtype); /* '\0': none */

#endif

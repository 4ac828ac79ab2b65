/* SPDX-License-Identifier: Apache-2.0 */
/* Element types of tensors and the largest rank: shared by the public API and the file format. */
#ifndef HML_DTYPE_H
#define HML_DTYPE_H

#define HML_MAX_TENSOR_RANK 12

/* The numbers are part of the file format. */
typedef enum hml_dtype {
    HML_BOOL = 1,
    HML_I8,
    HML_I16,
    HML_I32,
    HML_I64,
    HML_U8,
    HML_U16,
    HML_U32,
    HML_U64,
    HML_F16,
    HML_BF16,
    HML_F32,
    HML_F64,
} hml_dtype;

#endif

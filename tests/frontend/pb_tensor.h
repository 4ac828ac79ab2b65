/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: reads ONNX TensorProto files (dense, stored in the file) and compares tensors. */
#ifndef PB_TENSOR_H
#define PB_TENSOR_H

#include <hmlc/ir.h>

typedef struct tensor_file {
    hmlc_tensor tensor;
    char *name;
    void *file; /* the bytes; tensor.data points here or to `typed` */
    void *typed;
} tensor_file;

/* False when the file is missing, damaged, or of a type without dense bytes (`name` may be set). */
bool tensor_file_read(const char *path, tensor_file *result);
/* The same from bytes, which are copied. */
bool tensor_file_parse(const void *bytes, size_t size, tensor_file *result);
void tensor_file_free(tensor_file *tensor);

typedef struct tensor_tolerance {
    double relative, absolute; /* floats: |a - b| <= absolute + relative * |expected| */
    int64_t steps;             /* integers: largest difference */
} tensor_tolerance;

/* Design's rule for recorded outputs: rtol 1e-3, atol max(1e-5, 2e-5 x largest |expected|). */
tensor_tolerance tensor_tolerance_of(const hmlc_tensor *expected);
/* False when types, shapes or elements differ; `message` then says how. */
bool tensor_equal(const hmlc_tensor *found, const hmlc_tensor *expected,
                  const tensor_tolerance *tolerance, char *message, size_t size);

#endif

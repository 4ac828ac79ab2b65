/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain matrix products of the reference evaluation: c[m][n] += a[m][k] * b[k][n], in double or in
 * 64-bit integers with wrap-around. Elements are 64-bit words of either type, so that callers pack
 * panels the same way for both; row strides are in elements.
 */
#ifndef HMLC_GEMM_H
#define HMLC_GEMM_H

#include <hmlc/eval.h>

typedef union hmlc_word {
    double real;
    uint64_t integer;
} hmlc_word;

typedef struct hmlc_gemm {
    int64_t rows, columns, depth;
    const hmlc_word *a, *b;
    hmlc_word *c;
    int64_t a_stride, b_stride, c_stride;
} hmlc_gemm;

void hmlc_gemm_run(const hmlc_gemm *gemm, bool floats);

/* A tensor's elements as words (double for float types); NULL on memory exhaustion. */
hmlc_word *hmlc_gemm_load(const hmlc_eval *context, const hmlc_tensor *tensor);
/* Takes a zero point, which broadcasts to `of`, off its words; NULL on memory exhaustion. */
hmlc_word *hmlc_gemm_centre(const hmlc_eval *context, hmlc_word *words, const hmlc_tensor *of,
                            const hmlc_tensor *zero);
void hmlc_gemm_store(hmlc_tensor *result, const hmlc_word *words);

#endif

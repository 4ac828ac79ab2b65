/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of the reference evaluation. Each sum runs over rising k, whatever the shape. */
#include "gemm.h"
#include "eval_tools.h"

/* Rows of c that use a row of b while it is in the cache, and steps of k that share a pass over c.
 */
enum { BLOCK_ROWS = 4, BLOCK_DEPTH = 4 };

static void add_four_doubles(hmlc_word *restrict c, const hmlc_word *a, const hmlc_word *restrict b,
                             int64_t stride, int64_t columns)
{
    double a0 = a[0].real, a1 = a[1].real, a2 = a[2].real, a3 = a[3].real;
    const hmlc_word *restrict b1 = b + stride, *restrict b2 = b1 + stride;
    const hmlc_word *restrict b3 = b2 + stride;
    for (int64_t n = 0; n < columns; ++n) {
        c[n].real =
            c[n].real + a0 * b[n].real + a1 * b1[n].real + a2 * b2[n].real + a3 * b3[n].real;
    }
}

static void add_one_double(hmlc_word *restrict c, double a, const hmlc_word *restrict b,
                           int64_t columns)
{
    for (int64_t n = 0; n < columns; ++n) {
        c[n].real += a * b[n].real;
    }
}

static void rows_of_doubles(const hmlc_gemm *gemm, int64_t first, int64_t rows)
{
    int64_t blocks = gemm->depth / BLOCK_DEPTH * BLOCK_DEPTH;
    for (int64_t k = 0; k < blocks; k += BLOCK_DEPTH) {
        for (int64_t m = first; m < first + rows; ++m) {
            add_four_doubles(gemm->c + m * gemm->c_stride, gemm->a + m * gemm->a_stride + k,
                             gemm->b + k * gemm->b_stride, gemm->b_stride, gemm->columns);
        }
    }
    for (int64_t k = blocks; k < gemm->depth; ++k) {
        for (int64_t m = first; m < first + rows; ++m) {
            add_one_double(gemm->c + m * gemm->c_stride, gemm->a[m * gemm->a_stride + k].real,
                           gemm->b + k * gemm->b_stride, gemm->columns);
        }
    }
}

static void rows_of_integers(const hmlc_gemm *gemm, int64_t first, int64_t rows)
{
    for (int64_t k = 0; k < gemm->depth; ++k) {
        const hmlc_word *restrict b = gemm->b + k * gemm->b_stride;
        for (int64_t m = first; m < first + rows; ++m) {
            uint64_t a = gemm->a[m * gemm->a_stride + k].integer;
            hmlc_word *restrict c = gemm->c + m * gemm->c_stride;
            for (int64_t n = 0; n < gemm->columns; ++n) {
                c[n].integer += a * b[n].integer;
            }
        }
    }
}

void hmlc_gemm_run(const hmlc_gemm *gemm, bool floats)
{
    for (int64_t m = 0; m < gemm->rows; m += BLOCK_ROWS) {
        int64_t rest = gemm->rows - m, rows = rest < BLOCK_ROWS ? rest : BLOCK_ROWS;
        if (floats) {
            rows_of_doubles(gemm, m, rows);
        } else {
            rows_of_integers(gemm, m, rows);
        }
    }
}

hmlc_word *hmlc_gemm_load(const hmlc_eval *context, const hmlc_tensor *tensor)
{
    return hmlc_eval_is_float(tensor) ? (hmlc_word *)hmlc_eval_doubles(context, tensor)
                                      : (hmlc_word *)hmlc_eval_integers(context, tensor);
}

hmlc_word *hmlc_gemm_centre(const hmlc_eval *context, hmlc_word *words, const hmlc_tensor *of,
                            const hmlc_tensor *zero)
{
    int64_t strides[HMLC_MAX_RANK], count = hmlc_tensor_count(of);
    const int64_t *values = hmlc_eval_integers(context, zero);
    hmlc_eval_broadcast_strides(zero, of->rank, strides);
    hmlc_cursor cursor = {.rank = of->rank, .count = 1, .dims = of->dims, .strides = {strides}};
    for (int64_t i = 0; values != NULL && i < count; ++i, hmlc_cursor_next(&cursor)) {
        words[i].integer -= (uint64_t)values[cursor.offset[0]];
    }
    return values != NULL ? words : NULL;
}

void hmlc_gemm_store(hmlc_tensor *result, const hmlc_word *words)
{
    if (hmlc_eval_is_float(result)) {
        hmlc_eval_store_doubles(result, (const double *)words);
    } else {
        hmlc_eval_store_integers(result, (const int64_t *)words);
    }
}

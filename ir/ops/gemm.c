/* Matrix products of the reference evaluation. Each sum runs over rising k, whatever the shape. */
#include "gemm.h"
#include "eval_tools.h"

enum { BLOCK_ROWS = 4 };

static void rows_of_doubles(const hmlc_gemm *gemm, int64_t first, int64_t rows)
{
    for (int64_t k = 0; k < gemm->depth; ++k) {
        const hmlc_word *restrict b = gemm->b + k * gemm->b_stride;
        for (int64_t m = first; m < first + rows; ++m) {
            double a = gemm->a[m * gemm->a_stride + k].real;
            hmlc_word *restrict c = gemm->c + m * gemm->c_stride;
            for (int64_t n = 0; n < gemm->columns; ++n) {
                c[n].real += a * b[n].real;
            }
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

/* Blocks of rows reuse each row of b while it is in the cache. */
void hmlc_gemm_doubles(const hmlc_gemm *gemm)
{
    for (int64_t m = 0; m < gemm->rows; m += BLOCK_ROWS) {
        int64_t rest = gemm->rows - m;
        rows_of_doubles(gemm, m, rest < BLOCK_ROWS ? rest : BLOCK_ROWS);
    }
}

void hmlc_gemm_integers(const hmlc_gemm *gemm)
{
    for (int64_t m = 0; m < gemm->rows; m += BLOCK_ROWS) {
        int64_t rest = gemm->rows - m;
        rows_of_integers(gemm, m, rest < BLOCK_ROWS ? rest : BLOCK_ROWS);
    }
}

hmlc_word *hmlc_gemm_load(const hmlc_eval *context, const hmlc_tensor *tensor)
{
    return hmlc_eval_is_float(tensor) ? (hmlc_word *)hmlc_eval_doubles(context, tensor)
                                      : (hmlc_word *)hmlc_eval_integers(context, tensor);
}

void hmlc_gemm_store(hmlc_tensor *result, const hmlc_word *words)
{
    if (hmlc_eval_is_float(result)) {
        hmlc_eval_store_doubles(result, (const double *)words);
    } else {
        hmlc_eval_store_integers(result, (const int64_t *)words);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of matmul, pack_panels and matmul_packed. */
#include <hmlc/packing.h>

#include "eval_tools.h"
#include "gemm.h"

/* Swaps the last two dims of `batch` matrices [rows, columns]. */
static hmlc_word *transposed(const hmlc_eval *context, const hmlc_word *from, int64_t batch,
                             int64_t rows, int64_t columns)
{
    int64_t volume = rows * columns;
    hmlc_word *to = HMLC_NEW_ARRAY(context->arena, hmlc_word, batch * volume);
    for (int64_t b = 0; to != NULL && b < batch; ++b) {
        for (int64_t i = 0; i < volume; ++i) {
            to[b * volume + i % columns * rows + i / columns] = from[b * volume + i];
        }
    }
    return to;
}

/* Panels [..., panels, rows, width * group] back to [..., K, N]. */
static hmlc_word *unpacked(const hmlc_eval *context, const hmlc_tensor *packed,
                           const hmlc_word *from, int64_t depth, int64_t columns)
{
    hmlc_pack_layout layout = hmlc_pack_layout_of(context->op);
    int64_t batch = hmlc_eval_product(packed->dims, 0, packed->rank - 3);
    int64_t volume = hmlc_eval_product(packed->dims, packed->rank - 3, packed->rank);
    hmlc_word *to = HMLC_NEW_ARRAY(context->arena, hmlc_word, batch * depth * columns);
    for (int64_t b = 0; to != NULL && b < batch; ++b) {
        for (int64_t i = 0; i < depth * columns; ++i) {
            to[b * depth * columns + i] =
                from[b * volume + hmlc_pack_place(layout, depth, i / columns, i % columns)];
        }
    }
    return to;
}

/* The operand's matrices as [..., rows, columns], row-major, less the zero points that
 * matmul_integer has. */
static hmlc_word *load_matrices(const hmlc_eval *context, uint32_t index, bool swap)
{
    const hmlc_tensor *x = context->operands[index];
    bool integers = context->op->opcode == HMLC_OP_matmul_integer;
    const hmlc_tensor *zero = integers ? hmlc_eval_operand(context, index + 2) : NULL;
    hmlc_word *words = hmlc_gemm_load(context, x);
    if (words != NULL && zero != NULL) {
        words = hmlc_gemm_centre(context, words, x, zero);
    }
    if (words == NULL || !swap) {
        return words;
    }
    return transposed(context, words, hmlc_eval_product(x->dims, 0, x->rank - 2),
                      x->dims[x->rank - 2], x->dims[x->rank - 1]);
}

/* Strides, in matrices, of an operand's leading dims at the index of the result's. */
static hmlc_status batch_strides(const hmlc_eval *context, const hmlc_tensor *x, int32_t skip,
                                 int64_t *strides)
{
    const hmlc_tensor *result = &context->results[0];
    int32_t rank = result->rank - 2;
    hmlc_tensor leading = {.rank = x->rank - skip};
    for (int32_t i = 0; i < leading.rank; ++i) {
        leading.dims[i] = x->dims[i];
        int64_t target = result->dims[rank - leading.rank + i];
        if (x->dims[i] != 1 && x->dims[i] != target) {
            return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                                  "leading dim %lld does not broadcast to %lld",
                                  (long long)x->dims[i], (long long)target);
        }
    }
    hmlc_eval_broadcast_strides(&leading, rank, strides);
    return HMLC_OK;
}

hmlc_status hmlc_eval_matmul(hmlc_eval *context)
{
    const hmlc_tensor *a = context->operands[0], *b = context->operands[1];
    hmlc_tensor *result = &context->results[0];
    bool packed = context->op->opcode == HMLC_OP_matmul_packed;
    bool swap_a = hmlc_op_int(context->op, HMLC_ATTR_transpose_a) != 0;
    bool swap_b = !packed && hmlc_op_int(context->op, HMLC_ATTR_transpose_b) != 0;
    hmlc_gemm gemm = {.rows = result->dims[result->rank - 2],
                      .columns = result->dims[result->rank - 1],
                      .depth = a->dims[a->rank - (swap_a ? 2 : 1)]};
    gemm.a_stride = gemm.depth;
    gemm.b_stride = gemm.c_stride = gemm.columns;
    int64_t inner = b->dims[b->rank - (swap_b ? 1 : 2)];
    if (inner !=
        (packed ? hmlc_pack_rows(hmlc_pack_layout_of(context->op), gemm.depth) : gemm.depth)) {
        return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal, "the inner dims are %lld and %lld",
                              (long long)gemm.depth, (long long)inner);
    }
    int64_t strides_a[HMLC_MAX_RANK], strides_b[HMLC_MAX_RANK];
    HMLC_TRY(batch_strides(context, a, 2, strides_a));
    HMLC_TRY(batch_strides(context, b, packed ? 3 : 2, strides_b));
    const hmlc_word *words_a = load_matrices(context, 0, swap_a);
    const hmlc_word *words_b = load_matrices(context, 1, swap_b);
    HMLC_TRY_MEMORY(words_a);
    HMLC_TRY_MEMORY(words_b);
    if (packed) {
        words_b = unpacked(context, b, words_b, gemm.depth, gemm.columns);
        HMLC_TRY_MEMORY(words_b);
    }
    int64_t batches = hmlc_eval_product(result->dims, 0, result->rank - 2);
    hmlc_word *sums = HMLC_NEW_ARRAY(context->arena, hmlc_word, hmlc_tensor_count(result));
    HMLC_TRY_MEMORY(sums);
    hmlc_cursor cursor = {.rank = result->rank - 2,
                          .count = 2,
                          .dims = result->dims,
                          .strides = {strides_a, strides_b}};
    for (int64_t i = 0; i < batches; ++i, hmlc_cursor_next(&cursor)) {
        gemm.a = words_a + cursor.offset[0] * gemm.rows * gemm.depth;
        gemm.b = words_b + cursor.offset[1] * gemm.depth * gemm.columns;
        gemm.c = sums + i * gemm.rows * gemm.columns;
        hmlc_gemm_run(&gemm, hmlc_eval_is_float(result));
    }
    hmlc_gemm_store(result, sums);
    return HMLC_OK;
}

hmlc_status hmlc_eval_matmul_integer(hmlc_eval *context)
{
    return hmlc_eval_matmul(context);
}

hmlc_status hmlc_eval_pack_panels(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    bool transposed = hmlc_op_int(context->op, HMLC_ATTR_transpose_b) != 0;
    int64_t depth = x->dims[x->rank - (transposed ? 1 : 2)];
    int64_t columns = x->dims[x->rank - (transposed ? 2 : 1)];
    hmlc_pack_layout layout = hmlc_pack_layout_of(context->op);
    int64_t volume = hmlc_eval_product(result->dims, result->rank - 3, result->rank);
    int64_t batch = hmlc_eval_product(x->dims, 0, x->rank - 2);
    for (int64_t b = 0; b < batch; ++b) {
        for (int64_t k = 0; k < depth; ++k) {
            for (int64_t n = 0; n < columns; ++n) {
                int64_t inner = transposed ? n * depth + k : k * columns + n;
                int64_t to = b * volume + hmlc_pack_place(layout, depth, k, n);
                hmlc_eval_copy_element(result, to, x, b * depth * columns + inner);
            }
        }
    }
    return HMLC_OK;
}

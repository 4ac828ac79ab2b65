/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the reference evaluations of all op families. */
#ifndef HMLC_EVAL_TOOLS_H
#define HMLC_EVAL_TOOLS_H

#include <hmlc/eval.h>
#include <hmlc/index_rules.h>

/* hmlc_eval.symbols of a symbol that has no value yet (run-time symbols may be negative). */
#define HMLC_SYMBOL_UNSET INT64_MIN

/* An operand, NULL when absent. */
static inline const hmlc_tensor *hmlc_eval_operand(const hmlc_eval *context, uint32_t index)
{
    return index < context->operand_count ? context->operands[index] : NULL;
}

/* The inputs of this run do not fit: HMLC_USAGE with "<op>: <message>". */
hmlc_status hmlc_eval_fail(const hmlc_eval *context, hmlc_error error, const char *format, ...)
    HMLC_PRINTF(3, 4);
/* The same of a rule that the inputs break; HMLC_OK where it is kept. */
hmlc_status hmlc_eval_rule(const hmlc_eval *context, hmlc_rule rule) HMLC_MUST_USE;

/* All elements of a tensor; NULL on memory exhaustion. Integers keep 64 bits (u64 as its bits). */
double *hmlc_eval_doubles(const hmlc_eval *context, const hmlc_tensor *tensor);
int64_t *hmlc_eval_integers(const hmlc_eval *context, const hmlc_tensor *tensor);
/* Writes all elements of a result, rounding once. */
void hmlc_eval_store_doubles(hmlc_tensor *result, const double *values);
void hmlc_eval_store_integers(hmlc_tensor *result, const int64_t *values);
/* Zeroed arrays of the context's arena. */
double *hmlc_eval_new_doubles(const hmlc_eval *context, int64_t count);
int64_t *hmlc_eval_new_integers(const hmlc_eval *context, int64_t count);

/* True for f16, bf16, f32, f64; integers and bool are evaluated in 64-bit arithmetic. */
static inline bool hmlc_eval_is_float(const hmlc_tensor *tensor)
{
    return hmlc_dtype_is_float(tensor->dtype);
}

/* A dim's value; HMLC_USAGE where a symbol is not bound or the value leaves the range of dims. */
hmlc_status hmlc_eval_dim(const hmlc_eval *context, hmlc_dim dim, int64_t *value) HMLC_MUST_USE;
/* All entries of a DIMS attribute into values[count]. */
hmlc_status hmlc_eval_dims(const hmlc_eval *context, hmlc_attr_name name, uint32_t count,
                           int64_t *values) HMLC_MUST_USE;
/* All entries of an INTS attribute. */
const int64_t *hmlc_eval_ints(const hmlc_eval *context, hmlc_attr_name name);

/* Row-major strides in elements. */
void hmlc_eval_strides(int32_t rank, const int64_t *dims, int64_t *strides);
/* Strides that read `tensor` at the index of a result of rank `rank`: 0 where it broadcasts. */
void hmlc_eval_broadcast_strides(const hmlc_tensor *tensor, int32_t rank, int64_t *strides);
/* Product of dims[from..to). */
int64_t hmlc_eval_product(const int64_t *dims, int32_t from, int32_t to);

/* Walks the elements of a shape in row-major order and keeps the offsets of up to 4 tensors. */
typedef struct hmlc_cursor {
    int32_t rank, count;
    const int64_t *dims;
    const int64_t *strides[4];
    int64_t index[HMLC_MAX_RANK];
    int64_t offset[4];
} hmlc_cursor;

static inline void hmlc_cursor_next(hmlc_cursor *cursor)
{
    for (int32_t d = cursor->rank - 1; d >= 0; --d) {
        bool carry = ++cursor->index[d] == cursor->dims[d];
        for (int32_t k = 0; k < cursor->count; ++k) {
            cursor->offset[k] += cursor->strides[k][d] * (carry ? 1 - cursor->dims[d] : 1);
        }
        if (!carry) {
            return;
        }
        cursor->index[d] = 0;
    }
}

/* result[i] = source[offset + sum(index * strides)], for elements of any type. */
void hmlc_eval_copy_strided(hmlc_tensor *result, const hmlc_tensor *source, const int64_t *strides,
                            int64_t offset);
/*
 * result[i0, i1, ...] = source[maps[0][i0], maps[1][i1], ...], or `fill` (one element's bytes)
 * where a map gives -1. Equal ranks.
 */
void hmlc_eval_copy_mapped(hmlc_tensor *result, const hmlc_tensor *source,
                           const int64_t *const *maps, const void *fill);
/* One element of any type. */
void hmlc_eval_copy_element(hmlc_tensor *result, int64_t to, const hmlc_tensor *source,
                            int64_t from);

#endif

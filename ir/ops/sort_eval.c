/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of top_k, cumsum, cumprod, nonzero_count and nonzero. */
#include <math.h>
#include <stdlib.h>

#include "eval_tools.h"
#include "integer_math.h"

/* One candidate of top_k; `before` orders equal values by index. */
typedef struct candidate {
    double real;
    int64_t integer;
    int64_t index;
    hmlc_dtype dtype;
    bool largest;
} candidate;

/* Sign of a - b, NaN above all numbers. */
static int compare_values(const candidate *a, const candidate *b)
{
    if (!hmlc_dtype_is_float(a->dtype)) {
        return hmlc_integer_less(a->dtype, b->integer, a->integer) -
               hmlc_integer_less(a->dtype, a->integer, b->integer);
    }
    int nan = (isnan(a->real) ? 1 : 0) - (isnan(b->real) ? 1 : 0);
    return nan != 0 ? nan : (a->real > b->real) - (a->real < b->real);
}

static int compare(const void *left, const void *right)
{
    const candidate *a = left, *b = right;
    int order = compare_values(a, b);
    if (order == 0) {
        return (a->index > b->index) - (a->index < b->index);
    }
    return a->largest ? -order : order;
}

hmlc_status hmlc_eval_top_k(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *values = &context->results[0], *indices = &context->results[1];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    bool largest = hmlc_op_int(context->op, HMLC_ATTR_largest) != 0;
    int64_t length = x->dims[axis], wanted = values->dims[axis];
    int64_t inner = hmlc_eval_product(x->dims, axis + 1, x->rank);
    int64_t rows = hmlc_eval_product(x->dims, 0, axis) * inner;
    candidate *row = HMLC_NEW_ARRAY(context->arena, candidate, rows > 0 ? length : 0);
    HMLC_TRY_MEMORY(row);
    for (int64_t r = 0; r < rows && length > 0; ++r) {
        int64_t from = r / inner * length * inner + r % inner;
        int64_t to = r / inner * wanted * inner + r % inner;
        for (int64_t k = 0; k < length; ++k) {
            row[k] = (candidate){.real = hmlc_tensor_get_double(x, from + k * inner),
                                 .integer = hmlc_tensor_get_int(x, from + k * inner),
                                 .index = k,
                                 .dtype = x->dtype,
                                 .largest = largest};
        }
        qsort(row, (size_t)length, sizeof *row, compare);
        for (int64_t k = 0; k < wanted; ++k) {
            hmlc_eval_copy_element(values, to + k * inner, x, from + row[k].index * inner);
            hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(indices), to + k * inner,
                                 row[k].index);
        }
    }
    return HMLC_OK;
}

typedef struct running {
    int64_t length, inner;
    bool exclusive, reverse, product;
} running;

/* Element `k` of row `r` in the order of running. */
static int64_t element_of(const running *run, int64_t r, int64_t k)
{
    int64_t at = run->reverse ? run->length - 1 - k : k;
    return (r / run->inner * run->length + at) * run->inner + r % run->inner;
}

static void run_doubles(const running *run, int64_t r, double *values)
{
    double total = run->product ? 1 : 0;
    for (int64_t k = 0; k < run->length; ++k) {
        double *value = &values[element_of(run, r, k)];
        double next = run->product ? total * *value : total + *value;
        *value = run->exclusive ? total : next;
        total = next;
    }
}

static void run_integers(const running *run, int64_t r, int64_t *values)
{
    uint64_t total = run->product ? 1 : 0;
    for (int64_t k = 0; k < run->length; ++k) {
        int64_t *value = &values[element_of(run, r, k)];
        uint64_t next = run->product ? total * (uint64_t)*value : total + (uint64_t)*value;
        *value = (int64_t)(run->exclusive ? total : next);
        total = next;
    }
}

/* Both cumsum and cumprod. */
hmlc_status hmlc_eval_cumsum(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    running run = {.length = x->dims[axis],
                   .inner = hmlc_eval_product(x->dims, axis + 1, x->rank),
                   .exclusive = hmlc_op_int(context->op, HMLC_ATTR_exclusive) != 0,
                   .reverse = hmlc_op_int(context->op, HMLC_ATTR_reverse) != 0,
                   .product = context->op->opcode == HMLC_OP_cumprod};
    int64_t rows = hmlc_eval_product(x->dims, 0, axis) * run.inner;
    if (hmlc_eval_is_float(x)) {
        double *values = hmlc_eval_doubles(context, x);
        HMLC_TRY_MEMORY(values);
        for (int64_t r = 0; r < rows; ++r) {
            run_doubles(&run, r, values);
        }
        hmlc_eval_store_doubles(&context->results[0], values);
        return HMLC_OK;
    }
    int64_t *values = hmlc_eval_integers(context, x);
    HMLC_TRY_MEMORY(values);
    for (int64_t r = 0; r < rows; ++r) {
        run_integers(&run, r, values);
    }
    hmlc_eval_store_integers(&context->results[0], values);
    return HMLC_OK;
}

static bool is_nonzero(const hmlc_tensor *x, int64_t index)
{
    return hmlc_eval_is_float(x) ? hmlc_tensor_get_double(x, index) != 0
                                 : hmlc_tensor_get_int(x, index) != 0;
}

/* Both nonzero_count and nonzero. */
hmlc_status hmlc_eval_nonzero(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    hmlc_tensor *result = &context->results[0];
    bool counts = context->op->opcode == HMLC_OP_nonzero_count;
    int64_t count = hmlc_tensor_count(x), found = 0;
    int64_t room = counts ? INT64_MAX : result->dims[1];
    hmlc_cursor cursor = {.rank = x->rank, .dims = x->dims};
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        if (!is_nonzero(x, i)) {
            continue;
        }
        for (int32_t d = 0; d < x->rank && !counts && found < room; ++d) {
            hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(result), d * room + found,
                                 cursor.index[d]);
        }
        ++found;
    }
    if (counts) {
        hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(result), 0, found);
    } else if (found != room) {
        return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch,
                              "%lld elements are not zero; the result has room for %lld",
                              (long long)found, (long long)room);
    }
    return HMLC_OK;
}

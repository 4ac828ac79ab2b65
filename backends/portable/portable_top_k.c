/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top_k: the count best values along an axis with their indices. The best so far are a heap, whose
 * worst element is on top: n log(count) steps, whatever the order of the values; then the heap is
 * sorted. It lies in the result's indices. Few best f32 are a sorted list instead, of numbers that
 * compare as value and index together do. Best first, with and without `sorted`.
 */
#include "portable_kernel.h"

/* NaN counts as the largest; equal values keep the lower index first. */
#define BETTER(type)                                                                               \
    {                                                                                              \
        type left = ((const type *)data)[a], right = ((const type *)data)[b];                      \
        int left_nan = left != left, right_nan = right != right;                                   \
        if (left_nan || right_nan) {                                                               \
            if (left_nan && right_nan) {                                                           \
                return a < b;                                                                      \
            }                                                                                      \
            return largest ? left_nan : right_nan;                                                 \
        }                                                                                          \
        if (left == right) {                                                                       \
            return a < b;                                                                          \
        }                                                                                          \
        return largest ? left > right : left < right;                                              \
    }

static int better(int64_t dtype, const void *data, int64_t a, int64_t b, int64_t largest)
{
    PORTABLE_RETURN_BY_TYPE(dtype, BETTER)
}

typedef struct top_k_row {
    const portable_tensor *x;
    int64_t *heap;  /* entry k, an index along the axis, at k * stride */
    int64_t source; /* of the row's first element */
    int64_t stride, count, length, largest;
} top_k_row;

static int is_better(const top_k_row *row, int64_t a, int64_t b)
{
    return better(row->x->dtype, row->x->data, row->source + a * row->stride,
                  row->source + b * row->stride, row->largest);
}

/* Puts `index` at entry `at` or below it: no entry is worse than the one above it. */
static void sift_down(const top_k_row *row, int64_t at, int64_t count, int64_t index)
{
    int64_t *heap = row->heap, stride = row->stride;
    for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_better(row, heap[child * stride], heap[(child + 1) * stride])) {
            child++;
        }
        if (!is_better(row, index, heap[child * stride])) {
            break;
        }
        heap[at * stride] = heap[child * stride];
        at = child;
    }
    heap[at * stride] = index;
}

/* The first index from `at` on whose value may be better than that of `worst`: of the others no
 * comparison but this one is needed. NaN compares as false, and so may be. */
#define NEXT(type)                                                                                 \
    {                                                                                              \
        const type *data = (const type *)row->x->data + row->source;                               \
        type limit = data[worst * stride];                                                         \
        if (row->largest) {                                                                        \
            while (at < length && data[at * stride] <= limit) {                                    \
                at++;                                                                              \
            }                                                                                      \
        } else {                                                                                   \
            while (at < length && data[at * stride] >= limit) {                                    \
                at++;                                                                              \
            }                                                                                      \
        }                                                                                          \
        return at;                                                                                 \
    }

static int64_t next_candidate(const top_k_row *row, int64_t at, int64_t worst)
{
    int64_t length = row->length, stride = row->stride;
    PORTABLE_RETURN_BY_TYPE(row->x->dtype, NEXT)
}

static void select_row(const top_k_row *row)
{
    int64_t *heap = row->heap, stride = row->stride;
    for (int64_t k = 0; k < row->count; k++) {
        heap[k * stride] = k;
    }
    for (int64_t k = row->count / 2 - 1; k >= 0; k--) {
        sift_down(row, k, row->count, heap[k * stride]);
    }
    int64_t next = row->count > 0 ? row->count : row->length;
    while ((next = next_candidate(row, next, heap[0])) < row->length) {
        if (is_better(row, next, heap[0])) {
            sift_down(row, 0, row->count, next);
        }
        next++;
    }
    for (int64_t k = row->count - 1; k > 0; k--) { /* the worst goes to the end */
        int64_t worst = heap[0], last = heap[k * stride];
        sift_down(row, 0, k, last);
        heap[k * stride] = worst;
    }
}

/* -- few of f32 -------------------------------------------------------------------------------- */

enum { FEW = 64, KEY_INDEX_BITS = 32 };

/* Larger where `index` is better than another one. */
static uint64_t key_of(const top_k_row *row, int64_t index)
{
    union {
        float value;
        uint32_t bits;
    } word = {((const float *)row->x->data)[row->source + index * row->stride]};
    uint32_t order = word.value == 0 ? 0 : word.bits; /* of -0, too */
    order = order >> 31 ? ~order : order | UINT32_C(1) << 31;
    order = word.value != word.value ? UINT32_MAX : order;
    order = row->largest ? order : ~order;
    return (uint64_t)order << KEY_INDEX_BITS | (UINT32_MAX - (uint32_t)index);
}

/* The first `count` of `keys` descend; then count + 1 of them do. */
static void insert_key(uint64_t *keys, int64_t count, uint64_t key)
{
    int64_t at = count;
    for (; at > 0 && keys[at - 1] < key; at--) {
        keys[at] = keys[at - 1];
    }
    keys[at] = key;
}

static int64_t key_index(uint64_t key)
{
    return (int64_t)(UINT32_MAX - (uint32_t)key);
}

static void select_few(const top_k_row *row)
{
    uint64_t keys[FEW];
    int64_t last = row->count - 1;
    for (int64_t k = 0; k < row->count; k++) {
        insert_key(keys, k, key_of(row, k));
    }
    int64_t next = row->count;
    while ((next = next_candidate(row, next, key_index(keys[last]))) < row->length) {
        uint64_t key = key_of(row, next++);
        if (key > keys[last]) {
            insert_key(keys, last, key);
        }
    }
    for (int64_t k = 0; k < row->count; k++) {
        row->heap[k * row->stride] = key_index(keys[k]);
    }
}

int32_t hml_portable_top_k(const portable_call *call);

/* tensors: x, values, indices; attributes: axis, 1, count, largest, sorted. */
int32_t hml_portable_top_k(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *values = &call->tensors[1];
    int64_t axis = call->attributes[0], outer = 1, inner = 1;
    for (int64_t d = 0; d < x->rank; d++) {
        outer *= d < axis ? x->dims[d] : 1;
        inner *= d > axis ? x->dims[d] : 1;
    }
    int64_t length = x->dims[axis], count = values->dims[axis];
    int64_t bytes = portable_element_bytes(x->dtype);
    int64_t lines = portable_count(values) > 0 ? outer * inner : 0;
    int few = x->dtype == HML_F32 && count > 0 && count <= FEW && length <= UINT32_MAX;
    for (int64_t line = 0; line < lines; line++) {
        int64_t o = line / inner, i = line % inner, first = o * count * inner + i;
        top_k_row row = {x,
                         (int64_t *)call->tensors[2].data + first,
                         o * length * inner + i,
                         inner,
                         count,
                         length,
                         call->attributes[3]};
        few ? select_few(&row) : select_row(&row);
        for (int64_t k = 0; k < count; k++) {
            portable_copy_element(bytes, values->data, first + k * inner, x->data,
                                  row.source + row.heap[k * inner] * inner);
        }
    }
    return HML_KERNEL_OK;
}

/* top_k: the count best values along an axis with their indices, by repeated selection through a
 * short sorted list. */
#include "portable.h"

/* NaN counts as the largest; equal values keep the lower index first. */
#define BETTER(type)                                                                               \
    {                                                                                              \
        type left = ((const type *)data)[a], right = ((const type *)data)[b];                      \
        int left_nan = left != left, right_nan = right != right;                                   \
        if (left_nan || right_nan) {                                                               \
            return largest ? left_nan && !right_nan : right_nan && !left_nan;                      \
        }                                                                                          \
        return largest ? left > right : left < right;                                              \
    }

static int better(int64_t dtype, const void *data, int64_t a, int64_t b, int64_t largest)
{
    PORTABLE_RETURN_BY_TYPE(dtype, BETTER)
}

typedef struct top_k_row {
    const portable_tensor *x;
    int64_t *indices; /* of the result; entry k of the row at start + k * stride */
    int64_t start, stride, count, length, source, largest;
} top_k_row;

static int64_t row_element(const top_k_row *row, int64_t k)
{
    return row->source + k * row->stride;
}

/* Insertion into the sorted list of the best so far: right for the few that models ask for. */
static void select_row(const top_k_row *row)
{
    int64_t kept = 0;
    for (int64_t k = 0; k < row->length; k++) {
        int64_t at = kept;
        while (at > 0 && better(row->x->dtype, row->x->data, row_element(row, k),
                                row_element(row, row->indices[row->start + (at - 1) * row->stride]),
                                row->largest)) {
            at--;
        }
        if (at >= row->count) {
            continue;
        }
        kept += kept < row->count;
        for (int64_t m = kept - 1; m > at; m--) {
            row->indices[row->start + m * row->stride] =
                row->indices[row->start + (m - 1) * row->stride];
        }
        row->indices[row->start + at * row->stride] = k;
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
    if (count > length) {
        call->detail[0] = count;
        call->detail[1] = length;
        return HML_KERNEL_SHAPE;
    }
    for (int64_t line = 0; line < outer * inner; line++) {
        int64_t o = line / inner, i = line % inner;
        top_k_row row = {x,      call->tensors[2].data,  o * count * inner + i, inner, count,
                         length, o * length * inner + i, call->attributes[3]};
        select_row(&row);
        for (int64_t k = 0; k < count; k++) {
            int64_t at = row.start + k * inner;
            portable_copy_element(bytes, values->data, at, x->data,
                                  row_element(&row, row.indices[at]));
        }
    }
    return HML_KERNEL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: constants are transposed right here, weights of convolutions above all. */
#include <string.h>

#include "layout.h"

typedef struct strided_copy {
    int32_t rank;
    size_t element;
    int64_t dims[HMLC_MAX_RANK];    /* of the result */
    int64_t strides[HMLC_MAX_RANK]; /* of the source, in elements, per result dim */
} strided_copy;

static void copy_row(const strided_copy *copy, const char *source, char *target)
{
    int64_t count = copy->dims[copy->rank - 1];
    size_t step = (size_t)copy->strides[copy->rank - 1] * copy->element;
    if (copy->element == 4) {
        for (int64_t i = 0; i < count; i++) {
            memcpy(target + (size_t)i * 4, source + (size_t)i * step, 4);
        }
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        memcpy(target + (size_t)i * copy->element, source + (size_t)i * step, copy->element);
    }
}

/* Row by row, the outer dims counted like an odometer. */
static void copy_all(const strided_copy *copy, const char *source, char *target, int64_t count)
{
    int64_t index[HMLC_MAX_RANK] = {0};
    int64_t row = copy->dims[copy->rank - 1], offset = 0;
    for (int64_t done = 0; done < count; done += row) {
        copy_row(copy, source + (size_t)offset * copy->element,
                 target + (size_t)done * copy->element);
        for (int32_t k = copy->rank - 2; k >= 0; k--) {
            offset += copy->strides[k];
            if (++index[k] < copy->dims[k]) {
                break;
            }
            offset -= copy->strides[k] * copy->dims[k];
            index[k] = 0;
        }
    }
}

hmlc_status hmlc_layout_constant(hmlc_builder *builder, const hmlc_tensor *tensor,
                                 const int64_t *permutation, hmlc_value **result)
{
    hmlc_tensor made = *tensor;
    strided_copy copy = {.rank = tensor->rank, .element = hmlc_dtype_bytes(tensor->dtype)};
    int64_t strides[HMLC_MAX_RANK], stride = 1;
    for (int32_t i = tensor->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= tensor->dims[i];
    }
    for (int32_t i = 0; i < tensor->rank; i++) {
        copy.dims[i] = made.dims[i] = tensor->dims[permutation[i]];
        copy.strides[i] = strides[permutation[i]];
    }
    void *data = hmlc_arena_allocate(builder->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(data);
    int64_t count = hmlc_tensor_count(tensor);
    if (count > 0 && tensor->rank > 0) {
        copy_all(&copy, tensor->data, data, count);
    }
    made.data = data;
    return hmlc_build_constant(builder, &made, result);
}

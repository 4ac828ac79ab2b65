/* SPDX-License-Identifier: Apache-2.0 */
/*
 * max_pool with the indices of the winners, channels first. A work unit is one row of the result's
 * last dim. tensors: x, values, indices; attributes: window, strides, pads, dilations (each with
 * its count), layout.
 */
#include "portable_kernel.h"

enum { MOST_SPATIAL = HML_MAX_TENSOR_RANK - 2 };

typedef struct pool {
    const portable_tensor *x;
    int64_t spatial;
    const int64_t *window, *strides, *pads, *dilations; /* pads: the begins are all that counts */
    int64_t position[MOST_SPATIAL];                     /* of the result's element */
} pool;

/* NaN wins, the first of several; of equal values the first too. */
#define BETTER(type)                                                                               \
    {                                                                                              \
        type best = ((const type *)data)[a], next = ((const type *)data)[b];                       \
        return next > best || (next != next && best == best);                                      \
    }

static int better(int64_t dtype, const void *data, int64_t a, int64_t b)
{
    PORTABLE_RETURN_BY_TYPE(dtype, BETTER)
}

/* The index of tap `number` of the window within the plane, -1 in the padding. */
static int64_t tap_index(const pool *p, int64_t number)
{
    int64_t index = 0, stride = 1;
    for (int64_t d = p->spatial - 1; d >= 0; d--) {
        int64_t tap = number % p->window[d], size = p->x->dims[2 + d];
        int64_t at = p->position[d] * p->strides[d] - p->pads[d] + tap * p->dilations[d];
        if (at < 0 || at >= size) {
            return -1;
        }
        number /= p->window[d];
        index += at * stride;
        stride *= size;
    }
    return index;
}

/* What a window of padding alone gives: the least value, all bits 0 for unsigned types. */
static void store_least(int64_t dtype, void *to, int64_t at)
{
    int64_t bytes = portable_element_bytes(dtype);
    for (int64_t k = 0; k < bytes; k++) {
        ((uint8_t *)to)[at * bytes + k] = 0;
    }
    if (dtype == HML_F32) {
        ((float *)to)[at] = -__builtin_inff();
    } else if (dtype == HML_F64) {
        ((double *)to)[at] = -__builtin_inf();
    } else if (dtype == HML_I8 || dtype == HML_I16 || dtype == HML_I32 || dtype == HML_I64) {
        ((uint8_t *)to)[at * bytes + bytes - 1] = 0x80; /* little endian */
    }
}

static void pool_element(const pool *p, const portable_call *call, int64_t plane, int64_t at)
{
    const portable_tensor *x = p->x;
    int64_t taps = 1, size = 1, best = -1;
    for (int64_t d = 0; d < p->spatial; d++) {
        taps *= p->window[d];
        size *= x->dims[2 + d];
    }
    for (int64_t tap = 0; tap < taps; tap++) {
        int64_t index = tap_index(p, tap);
        if (index >= 0) {
            index += plane * size;
            best = best < 0 || better(x->dtype, x->data, best, index) ? index : best;
        }
    }
    ((int64_t *)call->tensors[2].data)[at] = best < 0 ? plane * size : best;
    if (best < 0) {
        store_least(x->dtype, call->tensors[1].data, at);
        return;
    }
    portable_copy_element(portable_element_bytes(x->dtype), call->tensors[1].data, at, x->data,
                          best);
}

int32_t hml_portable_max_pool(const portable_call *call);

int32_t hml_portable_max_pool(const portable_call *call)
{
    const portable_tensor *x = &call->tensors[0], *values = &call->tensors[1];
    const int64_t *attributes = call->attributes;
    int64_t spatial = x->rank - 2, last = x->rank - 1, length = values->dims[last];
    pool p = {x,
              spatial,
              attributes + 1,
              attributes + 2 + spatial,
              attributes + 3 + 2 * spatial,
              attributes + 4 + 4 * spatial,
              {0}};
    for (int64_t unit = call->begin; unit < call->end; unit++) {
        int64_t plane = unit;
        for (int64_t d = last - 1; d >= 2; d--) {
            p.position[d - 2] = plane % values->dims[d];
            plane /= values->dims[d];
        }
        for (int64_t k = 0; k < length; k++) {
            p.position[spatial - 1] = k;
            pool_element(&p, call, plane, unit * length + k);
        }
    }
    return HML_KERNEL_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Elements of resize that are not f32. Integers: linear truncates, as ONNX Runtime does; cubic and
 * antialias round to even, as the standard's evaluator does. All saturate.
 */
#include "portable_resize.h"

#define STORE(type, least, most)                                                                   \
    for (int64_t k = 0; k < count; k++) {                                                          \
        double value = hmlc_sampling_whole(&r->sampling, from[k]);                                 \
        type limited = value <= (double)(least) ? (type)(least) : (type)(most);                    \
        bool fits = value > (double)(least) && value < (double)(most);                             \
        ((type *)to)[at + k] = fits ? (type)value : limited;                                       \
    }                                                                                              \
    break

void hml_portable_resize_store(const resize *r, int64_t at, const double *from, int64_t count)
{
    void *to = r->result->data;
    switch (r->result->dtype) {
    case HML_F32:
        for (int64_t k = 0; k < count; k++) {
            ((float *)to)[at + k] = (float)from[k];
        }
        break;
    case HML_F64:
        for (int64_t k = 0; k < count; k++) {
            ((double *)to)[at + k] = from[k];
        }
        break;
    case HML_I64:
        STORE(int64_t, INT64_MIN, INT64_MAX);
    case HML_U64:
        STORE(uint64_t, 0, UINT64_MAX);
    case HML_I32:
        STORE(int32_t, INT32_MIN, INT32_MAX);
    case HML_U32:
        STORE(uint32_t, 0, UINT32_MAX);
    case HML_I16:
        STORE(int16_t, INT16_MIN, INT16_MAX);
    case HML_U16:
        STORE(uint16_t, 0, UINT16_MAX);
    case HML_I8:
        STORE(int8_t, INT8_MIN, INT8_MAX);
    default:
        STORE(uint8_t, 0, UINT8_MAX);
    }
}

#define LOAD(type)                                                                                 \
    {                                                                                              \
        for (int64_t k = 0; k < count; k++) {                                                      \
            r->row[k] = (double)((const type *)r->x->data)[at + k];                                \
        }                                                                                          \
        return;                                                                                    \
    }

void hml_portable_resize_load(const resize *r, int64_t at, int64_t count)
{
    PORTABLE_RETURN_BY_TYPE(r->x->dtype, LOAD)
}

void hml_portable_resize_fill(const resize *r, int64_t at, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        hml_portable_resize_store(r, at + k, &r->extrapolation, 1);
    }
}

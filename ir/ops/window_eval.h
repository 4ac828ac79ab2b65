/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions and pools as the evaluation sees them: always three spatial dims, any layout. */
#ifndef HMLC_WINDOW_EVAL_H
#define HMLC_WINDOW_EVAL_H

#include <hmlc/eval.h>

typedef struct hmlc_spatial {
    int64_t batch, channels;
    int64_t size[3]; /* missing leading spatial dims are 1 */
    int64_t batch_stride, channel_stride, stride[3];
} hmlc_spatial;

typedef struct hmlc_window_geometry {
    hmlc_spatial in, out;
    int64_t window[3], step[3], dilation[3], begin[3], end[3];
} hmlc_window_geometry;

/* Reads a tensor's dims by the op's layout. */
void hmlc_spatial_read(const hmlc_eval *context, const hmlc_tensor *tensor, hmlc_spatial *spatial);
/* in, out, step, dilation, begin, end from operand 0, result 0 and the attributes; `window` stays.
 */
hmlc_status hmlc_window_geometry_read(const hmlc_eval *context,
                                      hmlc_window_geometry *geometry) HMLC_MUST_USE;
/* Window elements: product of `window`. Positions: product of out.size. */
static inline int64_t hmlc_volume(const int64_t size[3])
{
    return size[0] * size[1] * size[2];
}
/* Splits a row-major number into three indices. */
static inline void hmlc_split(int64_t number, const int64_t size[3], int64_t index[3])
{
    index[2] = number % size[2];
    index[1] = number / size[2] % size[1];
    index[0] = number / size[2] / size[1];
}

#endif

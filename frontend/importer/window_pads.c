/* SPDX-License-Identifier: Apache-2.0 */
#include "window_pads.h"

hmlc_dim hmlc_window_reach(hmlc_dims *dims, int64_t size, int64_t dilation)
{
    return hmlc_dim_constant(dims, (size - 1) * dilation + 1);
}

hmlc_pads hmlc_window_split(hmlc_dims *dims, hmlc_dim total, hmlc_odd_pad odd)
{
    hmlc_dim small = hmlc_dim_floordiv(dims, total, hmlc_dim_constant(dims, 2));
    hmlc_dim large = hmlc_dim_subtract(dims, total, small);
    return odd == HMLC_ODD_PAD_BEHIND ? (hmlc_pads){small, large} : (hmlc_pads){large, small};
}

hmlc_pads hmlc_window_same(hmlc_dims *dims, hmlc_dim in, int64_t stride, hmlc_dim reach,
                           hmlc_odd_pad odd)
{
    hmlc_dim step = hmlc_dim_constant(dims, stride);
    hmlc_dim one = hmlc_dim_constant(dims, 1);
    hmlc_dim last = hmlc_dim_subtract(dims, hmlc_dim_ceildiv(dims, in, step), one);
    hmlc_dim needed = hmlc_dim_add(dims, hmlc_dim_multiply(dims, last, step), reach);
    hmlc_dim missing = hmlc_dim_subtract(dims, needed, in);
    return hmlc_window_split(dims, hmlc_dim_maximum(dims, missing, hmlc_dim_constant(dims, 0)),
                             odd);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Discrete Fourier transforms as products with constant matrices. */
#ifndef HMLC_FOURIER_H
#define HMLC_FOURIER_H

#include "node.h"

/*
 * The transform of x [..., n, 1 or 2] along n: real numbers, or real and imaginary parts. The
 * signal is cut, or continued with zeros, to `length`. One sided: of a forward transform the
 * frequencies 0 to length / 2; an inverse one takes these and gives real numbers [..., length, 1].
 * All else gives [..., length, 2]. NULL where n or `length` is not known or too large.
 */
hmlc_value *hmlc_node_fourier(hmlc_node *node, hmlc_value *x, int64_t length, bool inverse,
                              bool one_sided);

#endif

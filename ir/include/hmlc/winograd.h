/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd's form of a convolution with a window of 3x3 and stride 1: for a tile of m x m outputs
 *
 *     Y = A^T [ (G g G^T) . (B^T d B) ] A
 *
 * with the window g, the n x n inputs d that the tile reads (n = m + 2), and . the product of each
 * two elements. Summed over channels, the products are n * n matrix products, which need n^2 / m^2
 * multiplications an output instead of 9: 4 for m = 2, 2.25 for m = 4.
 *
 * The matrices are those of Toom and Cook for n - 1 points and infinity (A. Lavin, S. Gray, "Fast
 * Algorithms for Convolutional Neural Networks", 2015). The points are 0, +-1 for m = 2, and 0,
 * +-5/8, +-3/2 for m = 4: with the usual 0, +-1, +-2 the rounding errors are two to three times as
 * large.
 */
#ifndef HMLC_WINOGRAD_H
#define HMLC_WINOGRAD_H

#include <stdint.h>

enum {
    HMLC_WINOGRAD_WINDOW = 3,
    HMLC_WINOGRAD_OUTPUTS = 4, /* most outputs of a tile along a dim */
    HMLC_WINOGRAD_POINTS = HMLC_WINOGRAD_OUTPUTS + HMLC_WINOGRAD_WINDOW - 1,
};

/*
 * Point 0 is zero, the last one is infinity, and between them each odd point is followed by its
 * negative: of two such rows of `input`, elements with an even number are equal and the others
 * opposite, and so are two such columns of `output` in even and odd rows.
 */
typedef struct hmlc_winograd {
    int32_t outputs, points; /* m, n */
    /*
     * Most products that kernels sum up in one register. The output transform enlarges the errors
     * of these sums; with short ones 4 x 4 outputs have the error of a direct sum.
     */
    int32_t part_steps;
    double input[HMLC_WINOGRAD_POINTS][HMLC_WINOGRAD_POINTS];   /* B^T */
    double weights[HMLC_WINOGRAD_POINTS][HMLC_WINOGRAD_WINDOW]; /* G */
    double output[HMLC_WINOGRAD_OUTPUTS][HMLC_WINOGRAD_POINTS]; /* A^T */
} hmlc_winograd;

/* `outputs`: 2 or 4. */
void hmlc_winograd_create(int32_t outputs, hmlc_winograd *winograd);

/* G g G^T: nine elements to n * n, row after row. */
void hmlc_winograd_transform_weights(const hmlc_winograd *winograd, const double *window,
                                     double *transformed);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMLC_KEEP_WEIGHTS_H
#define HMLC_KEEP_WEIGHTS_H

#include "query.h"

/*
 * Gives a dequantize of constants the form in which products read them: no zero points where the
 * integers can do without, and with zero points always blocks. `outputs_axis`: the dim of the
 * matrix that the product does not sum over.
 */
hmlc_status hmlc_keep_weights(hmlc_rewriter *rewriter, hmlc_op *op,
                              int64_t outputs_axis) HMLC_MUST_USE;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HMLC_GATHER_WEIGHTS_H
#define HMLC_GATHER_WEIGHTS_H

#include "query.h"

/* A rule for gather: dequantizes what is chosen from large constants, not the constants. */
hmlc_status hmlc_gather_weights(hmlc_rewriter *rewriter, hmlc_op *op) HMLC_MUST_USE;

#endif

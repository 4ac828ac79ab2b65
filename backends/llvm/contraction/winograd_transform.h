/* SPDX-License-Identifier: Apache-2.0 */
/* The transforms of Winograd's form on vectors: a channel or a column a lane. */
#ifndef HMLC_WINOGRAD_TRANSFORM_H
#define HMLC_WINOGRAD_TRANSFORM_H

#include "llvm/frame/frame.h"

#include <hmlc/winograd.h>

/* B^T d B in place: n * n vectors, row after row. `whole`: of integers, for tiles of 2 x 2. */
void hmlc_winograd_transform_inputs(hmlc_frame *frame, const hmlc_winograd *form, uint32_t lanes,
                                    bool whole, LLVMValueRef *values);
/* A^T m A: n * n vectors become m * m, which lie in front. */
void hmlc_winograd_transform_products(hmlc_frame *frame, const hmlc_winograd *form, uint32_t lanes,
                                      bool whole, LLVMValueRef *values);

#endif

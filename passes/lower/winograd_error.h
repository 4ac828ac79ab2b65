/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding errors of Winograd's form. */
#ifndef HMLC_WINOGRAD_ERROR_H
#define HMLC_WINOGRAD_ERROR_H

#include "pass.h"

#include <hmlc/winograd.h>

/*
 * Whether the form's error on a layer with these weights ([O, 3, 3, C], f32) is near that of the
 * direct form in one f32 sum, both against f64: on a sample of made-up inputs at most twice in
 * the root of the mean square, and three times in the largest. `scratch`: memory that the caller
 * frees.
 */
hmlc_status hmlc_winograd_is_precise(hmlc_arena *scratch, const hmlc_winograd *winograd,
                                     const hmlc_tensor *weights, bool *precise) HMLC_MUST_USE;

#endif

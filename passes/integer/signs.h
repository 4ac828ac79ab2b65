/* SPDX-License-Identifier: Apache-2.0 */
/* The sign of bytes: u8 and i8 that stand for the same numbers differ by 128, the highest bit. */
#ifndef HMLC_SIGNS_H
#define HMLC_SIGNS_H

#include "query.h"
#include "rewrite.h"

/* *value as u8 or i8: 128 more or less where that is the other type. */
hmlc_status hmlc_sign_shift(hmlc_builder *builder, hmlc_value **value, hmlc_dtype to) HMLC_MUST_USE;
/* Lets what quantizes the left sides of products make bytes of type `left`, and what dequantizes
 * them too read these. */
hmlc_status hmlc_signs_of_left(hmlc_pass_context *context, hmlc_dtype left) HMLC_MUST_USE;

#endif

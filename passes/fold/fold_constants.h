/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of constant folding, for passes that make constants. */
#ifndef HMLC_FOLD_CONSTANTS_H
#define HMLC_FOLD_CONSTANTS_H

#include "rewrite.h"

extern const hmlc_rewrite_rules hmlc_fold_constants;

#endif

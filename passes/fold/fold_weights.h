/* SPDX-License-Identifier: Apache-2.0 */
/* The rule sets of the fold-weights pass, one per file. */
#ifndef HMLC_FOLD_WEIGHTS_H
#define HMLC_FOLD_WEIGHTS_H

#include "rewrite.h"

extern const hmlc_rewrite_rules hmlc_fold_batch_norm; /* to a product and a sum */
extern const hmlc_rewrite_rules hmlc_fold_outputs;    /* products and sums behind a contraction */
extern const hmlc_rewrite_rules hmlc_fold_inputs;     /* before it */
extern const hmlc_rewrite_rules hmlc_fold_concats;    /* elementwise ops behind joined results */
extern const hmlc_rewrite_rules hmlc_fold_pads;       /* pads before convolutions and pools */

#endif

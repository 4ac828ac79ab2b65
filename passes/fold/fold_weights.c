/* SPDX-License-Identifier: Apache-2.0 */
/* The fold-weights pass: what is linear beside a contraction with constant weights goes into them.
 */
#include "fold_weights.h"

hmlc_status hmlc_pass_fold_weights(hmlc_pass_context *context)
{
    const hmlc_rewrite_rules sets[] = {
        hmlc_fold_pads,    hmlc_fold_batch_norm, hmlc_fold_concats,
        hmlc_fold_outputs, hmlc_fold_inputs,
    };
    return hmlc_rewrite_run(context, sets, sizeof(sets) / sizeof(sets[0]), NULL);
}

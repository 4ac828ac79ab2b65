/* SPDX-License-Identifier: Apache-2.0 */
/* The simplify pass: constant folding and all simplify_* rule sets on one worklist. */
#include "simplify.h"

#include "fold/fold_constants.h"

hmlc_status hmlc_pass_simplify(hmlc_pass_context *context)
{
    const hmlc_rewrite_rules sets[] = {
        hmlc_fold_constants,      hmlc_simplify_casts,   hmlc_simplify_arithmetic,
        hmlc_simplify_broadcasts, hmlc_simplify_views,   hmlc_simplify_concat,
        hmlc_simplify_movement,   hmlc_simplify_compare, hmlc_simplify_reductions,
        hmlc_simplify_norms,      hmlc_simplify_matmul,  hmlc_simplify_groups,
    };
    return hmlc_rewrite_run(context, sets, sizeof(sets) / sizeof(sets[0]), NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The rule sets of the simplify pass, one per file simplify_<subject>.c. */
#ifndef HMLC_SIMPLIFY_H
#define HMLC_SIMPLIFY_H

#include "rewrite.h"

extern const hmlc_rewrite_rules hmlc_simplify_arithmetic; /* elementwise algebra */
extern const hmlc_rewrite_rules hmlc_simplify_casts;
extern const hmlc_rewrite_rules hmlc_simplify_broadcasts; /* expand, splats */
extern const hmlc_rewrite_rules hmlc_simplify_views;      /* reshape, transpose, slice */
extern const hmlc_rewrite_rules hmlc_simplify_concat;
extern const hmlc_rewrite_rules hmlc_simplify_movement; /* pad, tile, gather, resize, range */
extern const hmlc_rewrite_rules hmlc_simplify_reductions;
extern const hmlc_rewrite_rules hmlc_simplify_matmul;
extern const hmlc_rewrite_rules hmlc_simplify_groups; /* repeated keys and values */
extern const hmlc_rewrite_rules hmlc_simplify_norms;
extern const hmlc_rewrite_rules hmlc_simplify_compare;

#endif

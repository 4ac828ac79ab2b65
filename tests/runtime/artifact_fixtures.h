/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts that several tests use. */
#ifndef ARTIFACT_FIXTURES_H
#define ARTIFACT_FIXTURES_H

#include "artifact_builder.h"

/*
 * sum: inputs x, y f32[n, 4], n in 1..64; output z = (x + y) + (x + y), by way of the arena. The
 * second addition goes by scratch.
 */
void build_sum(artifact_builder *b);

/* biased: input x f32[n], n unbounded; output z = x[0..8) + weights 0, 1, ..., 7; n must be 8. */
void build_biased(artifact_builder *b);

/*
 * positions: input x f32[n]; outputs p i64[k], the positions of elements that are not 0 (k <= 16
 * is a run-time dim), by way of a growable buffer, and c i64[1], their number.
 */
void build_positions(artifact_builder *b);

/* branch: input x f32[n]; output z = x + x if x[0] > 0, else (x + x) + x. */
void build_branch(artifact_builder *b);
/* repeat: inputs x, y f32[n]; a = x + y, then a = (a + y) + y as long as a[0] > 0 after it; output
 * z = a + x. */
void build_repeat(artifact_builder *b);

/* totals: input x f32[4], output z f32[4]; states a f32[4], zeros, and b f32[4], 1, 2, 3, 4 at
 * first. z = x + a, which a becomes; b becomes b + z. */
void build_totals(artifact_builder *b);

/* gather: inputs table f32[n], index i64[m]; output z f32[m]. */
void build_gather(artifact_builder *b);

/* slow: inputs x, y f32[n]; output z = x + 1000 y, in steps that are worth splitting. */
void build_slow(artifact_builder *b, uint32_t steps);

#endif

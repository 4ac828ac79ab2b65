/* SPDX-License-Identifier: Apache-2.0 */
/* The bins of a tensor's histogram. Their width follows from min and max alone, so that it does not
 * matter in which order elements came. */
#ifndef HMLC_STATISTICS_BINS_H
#define HMLC_STATISTICS_BINS_H

#include <hmlc/statistics.h>

/* Units of exact sums. */
enum { HMLC_SUM_STEP = -149, HMLC_SQUARE_STEP = -298 };

/* The least exponent with which [min, max] fits the bins, and the bin of min. */
void hmlc_bins_of_range(float min, float max, int32_t *exponent, int64_t *base);
/* Makes the bins cover t->min to t->max; what is in them stays, neighbours merging where they get
 * wider. */
hmlc_status hmlc_bins_cover(hmlc_arena *arena, hmlc_tensor_statistics *t) HMLC_MUST_USE;
/* Counts finite elements, all within min and max. */
void hmlc_bins_count(hmlc_tensor_statistics *t, const float *values, size_t count);
/* Adds the counts of a tensor whose range this one covers. */
void hmlc_bins_merge(hmlc_tensor_statistics *t, const hmlc_tensor_statistics *other);

#endif

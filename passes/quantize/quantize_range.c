/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of values, from their histograms. */
#include <math.h>
#include <string.h>

#include "quantize_plan.h"

enum { LEVELS = 256, TRIES = 100 };

hmlc_quantize_range hmlc_range_of(double low, double high)
{
    low = fmin(low, 0);
    high = fmax(high, 0);
    double scale = (high - low) / (LEVELS - 1);
    /* A value that is 0 throughout, or as good as: any scale will do that leaves room below. */
    float step = (float)fmax(scale, 0x1p-100);
    double zero = nearbyint(-low / (double)step);
    return (hmlc_quantize_range){.scale = step, .zero = (int32_t)fmin(fmax(zero, 0), LEVELS - 1)};
}

/* The middle of a bin. */
static double middle_of(const hmlc_tensor_statistics *t, int64_t index)
{
    return ldexp((double)(t->base + index) + 0.5, t->exponent);
}

static double edge_of(const hmlc_tensor_statistics *t, int64_t index)
{
    return ldexp((double)(t->base + index), t->exponent);
}

/* -- percentiles ------------------------------------------------------------------------------- */

/* Half of what is cut is cut at each end; an end that is 0 loses nothing. */
static hmlc_quantize_range by_percentile(const hmlc_tensor_statistics *t, double percentile)
{
    double cut = (double)t->count * (1 - percentile / 100);
    bool both = t->min < 0 && t->max > 0;
    double part = both ? cut / 2 : cut, seen = 0;
    int64_t low = 0, high = HMLC_STATISTICS_BINS - 1;
    for (; t->min < 0 && low < high && seen + (double)t->bins[low] <= part; low++) {
        seen += (double)t->bins[low];
    }
    seen = 0;
    for (; t->max > 0 && high > low && seen + (double)t->bins[high] <= part; high--) {
        seen += (double)t->bins[high];
    }
    return hmlc_range_of(fmax((double)t->min, edge_of(t, low)),
                         fmin((double)t->max, edge_of(t, high + 1)));
}

/* -- least squares ----------------------------------------------------------------------------- */

static double squared_error(const hmlc_tensor_statistics *t, hmlc_quantize_range range)
{
    double sum = 0, step = (double)range.scale;
    double low = -(double)range.zero * step, high = (LEVELS - 1 - (double)range.zero) * step;
    for (int64_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
        if (t->bins[i] > 0) {
            double x = middle_of(t, i), clipped = fmin(fmax(x, low), high);
            /* Rounding of what lies anywhere between two steps; what is cut off as it is. */
            double cut = x - clipped;
            double rounding = cut != 0 ? 0 : step * step / 12;
            sum += (double)t->bins[i] * (cut * cut + rounding);
        }
    }
    return sum;
}

typedef double error_function(const hmlc_tensor_statistics *t, hmlc_quantize_range range);

/* The ends move inwards one after the other, as long as that helps. */
static hmlc_quantize_range by_least(const hmlc_tensor_statistics *t, error_function *error)
{
    double low = fmin((double)t->min, 0), high = fmax((double)t->max, 0);
    hmlc_quantize_range best = hmlc_range_of(low, high);
    double least = error(t, best), best_low = low, best_high = high;
    for (int round = 0; round < 2; round++) {
        for (int end = 0; end < 2; end++) {
            for (int i = 1; i < TRIES; i++) {
                double part = 1 - (double)i / (double)TRIES;
                double from = end == 0 ? best_low : low * part;
                double to = end == 0 ? high * part : best_high;
                if (from == to) {
                    continue;
                }
                hmlc_quantize_range range = hmlc_range_of(from, to);
                double found = error(t, range);
                if (found < least) {
                    least = found;
                    best = range;
                    best_low = from;
                    best_high = to;
                }
            }
        }
    }
    return best;
}

/* -- entropy ----------------------------------------------------------------------------------- */

/* The level of a number. */
static int level_of(double x, hmlc_quantize_range range)
{
    double level = nearbyint(x / (double)range.scale) + range.zero;
    return (int)fmin(fmax(level, 0), LEVELS - 1);
}

/*
 * Kullback-Leibler divergence from the histogram to what quantizing leaves of it: the counts of a
 * level, spread evenly over its bins that are not empty (S. Migacz, 8-bit inference with TensorRT,
 * GTC 2017). What is cut off counts at the ends.
 */
static double divergence(const hmlc_tensor_statistics *t, hmlc_quantize_range range)
{
    double level_count[LEVELS] = {0}, level_bins[LEVELS] = {0}, sum = 0;
    double low = (-0.5 - (double)range.zero) * (double)range.scale;
    double high = ((double)LEVELS - 0.5 - (double)range.zero) * (double)range.scale;
    for (int64_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
        double x = middle_of(t, i);
        if (t->bins[i] > 0 && x >= low && x <= high) {
            level_count[level_of(x, range)] += (double)t->bins[i];
            level_bins[level_of(x, range)] += 1;
        }
    }
    double kept = 0;
    for (int k = 0; k < LEVELS; k++) {
        kept += level_count[k];
    }
    for (int64_t i = 0; i < HMLC_STATISTICS_BINS; i++) {
        double x = middle_of(t, i), p = (double)t->bins[i] / (double)t->count;
        if (t->bins[i] == 0) {
            continue;
        }
        int level = level_of(x, range);
        bool inside = x >= low && x <= high;
        double q = inside && kept > 0 ? level_count[level] / level_bins[level] / kept : 0;
        sum += p * log(p / fmax(q, 1e-9));
    }
    return sum;
}

hmlc_quantize_range hmlc_range_choose(const hmlc_tensor_statistics *t, hmlc_ranges rule,
                                      double percentile)
{
    switch (rule) {
    case HMLC_RANGES_PERCENTILE:
        return by_percentile(t, percentile);
    case HMLC_RANGES_ENTROPY:
        return by_least(t, divergence);
    case HMLC_RANGES_MINMAX:
        return hmlc_range_of((double)t->min, (double)t->max);
    default:
        return by_least(t, squared_error);
    }
}

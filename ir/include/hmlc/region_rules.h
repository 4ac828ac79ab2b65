/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What images are read at places between their pixels, and boxes that lie on each other: the one
 * text of grid_sample, roi_align and non_max_suppression for the interpreter and the portable
 * kernels; freestanding. Formulas are those of the ONNX operators; RoiAlign and boxes as ONNX
 * Runtime has them, which the operators' texts leave open.
 */
#ifndef HMLC_REGION_RULES_H
#define HMLC_REGION_RULES_H

#include <hmlc/sampling.h>

/* Element `index` of an array of some type. */
typedef double hmlc_region_reader(const void *data, int64_t index);

enum { HMLC_REGION_MOST_DIMS = 8 };

/* -- grid_sample ------------------------------------------------------------------------------- */

typedef struct hmlc_grid {
    int64_t mode, border, align_corners; /* HMLC_RESIZE_*, HMLC_BORDER_* */
    int64_t single;                      /* coordinates are f32: so they are computed */
    int64_t rank;                        /* of the image, without batch and channels */
    int64_t dims[HMLC_REGION_MOST_DIMS];
} hmlc_grid;

static inline double hmlc_grid_round(const hmlc_grid *grid, double value)
{
    return grid->single ? (double)(float)value : value;
}

/* Ties to even. */
static inline double hmlc_region_nearest(double value)
{
    double below = hmlc_sampling_floor(value), rest = value - below;
    bool up = rest > 0.5 || (rest == 0.5 && hmlc_sampling_floor(below / 2) * 2 != below);
    return up ? below + 1 : below;
}

/* Where the image ends in dim d: its first and last pixel's middle, or their outer edge. */
static inline double hmlc_grid_low(const hmlc_grid *grid)
{
    return grid->align_corners ? 0 : -0.5;
}

static inline double hmlc_grid_high(const hmlc_grid *grid, int64_t d)
{
    return (double)grid->dims[d] - (grid->align_corners ? 1 : 0.5);
}

/* The place -1 .. 1 in pixels. */
static inline double hmlc_grid_place(const hmlc_grid *grid, int64_t d, double at)
{
    double size = (double)grid->dims[d], sum = hmlc_grid_round(grid, at + 1);
    return grid->align_corners
               ? hmlc_grid_round(grid, hmlc_grid_round(grid, sum / 2) * (size - 1))
               : hmlc_grid_round(grid,
                                 hmlc_grid_round(grid, hmlc_grid_round(grid, sum * size) - 1) / 2);
}

/* A place beyond the ends is folded back, as often as it takes. */
static inline double hmlc_grid_reflect(const hmlc_grid *grid, int64_t d, double at)
{
    double low = hmlc_grid_low(grid), high = hmlc_grid_high(grid, d), range = high - low;
    double beyond = at < low ? low - at : at > high ? at - high : -1;
    if (beyond < 0 || !(range > 0)) {
        return beyond < 0 ? at : low;
    }
    double times = hmlc_sampling_floor(beyond / range), rest = beyond - times * range;
    bool even = hmlc_sampling_floor(times / 2) * 2 == times;
    return (at < low) == even ? low + rest : high - rest;
}

static inline double hmlc_region_clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* The pixel that stands for `at`, whole; -1: none, zero is read. */
static inline int64_t hmlc_grid_pixel(const hmlc_grid *grid, int64_t d, double at)
{
    double last = (double)grid->dims[d] - 1;
    if (grid->border == HMLC_BORDER_BORDER) {
        return (int64_t)hmlc_region_clamp(at, 0, last);
    }
    if (grid->border == HMLC_BORDER_REFLECTION) {
        double inside = hmlc_grid_reflect(grid, d, at);
        return (int64_t)hmlc_region_clamp(inside, 0, last);
    }
    return at >= 0 && at <= last ? (int64_t)at : -1;
}

/* Weights of four neighbours, `rest` being the way from the second (Keys, a = -0.75). */
static inline double hmlc_grid_cubic(double rest, int64_t tap)
{
    const double a = -0.75;
    double x = tap == 0 ? rest + 1 : tap == 1 ? rest : tap == 2 ? 1 - rest : 2 - rest;
    return tap == 1 || tap == 2 ? ((a + 2) * x - (a + 3)) * x * x + 1
                                : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* One element of the result: `places` are the last dim of the grid, the innermost dim first. */
static inline double hmlc_grid_sample(const hmlc_grid *grid, hmlc_region_reader *image,
                                      const void *data, int64_t first, const double *places)
{
    int64_t taps = grid->mode == HMLC_RESIZE_NEAREST ? 1 : grid->mode == HMLC_RESIZE_LINEAR ? 2 : 4;
    double base[HMLC_REGION_MOST_DIMS], rest[HMLC_REGION_MOST_DIMS];
    int64_t points = 1;
    for (int64_t d = 0; d < grid->rank; d++) {
        double at = hmlc_grid_place(grid, d, places[grid->rank - 1 - d]);
        if (at != at) { /* not a place */
            return grid->border == HMLC_BORDER_ZEROS ? 0 : at;
        }
        at = hmlc_region_clamp(at, -1e9, 1e9);
        at = taps == 1 ? hmlc_region_nearest(at) : at;
        if (at < hmlc_grid_low(grid) || at > hmlc_grid_high(grid, d)) {
            at = grid->border == HMLC_BORDER_BORDER
                     ? hmlc_region_clamp(at, 0, (double)grid->dims[d] - 1)
                 : grid->border == HMLC_BORDER_REFLECTION ? hmlc_grid_reflect(grid, d, at)
                                                          : at;
        }
        base[d] = taps == 1 ? at : hmlc_sampling_floor(at);
        rest[d] = at - base[d];
        points *= taps;
    }
    double sum = 0;
    for (int64_t point = 0; point < points; point++) {
        int64_t left = point, offset = 0, span = 1;
        double weight = 1;
        bool inside = true;
        for (int64_t d = grid->rank - 1; d >= 0; d--) {
            int64_t tap = left % taps;
            left /= taps;
            double at = base[d] + (double)(taps == 4 ? tap - 1 : tap);
            int64_t pixel = hmlc_grid_pixel(grid, d, at);
            inside = inside && pixel >= 0;
            offset += pixel * span;
            span *= grid->dims[d];
            weight *= taps == 1   ? 1
                      : taps == 4 ? hmlc_grid_cubic(rest[d], tap)
                      : tap == 0  ? 1 - rest[d]
                                  : rest[d];
        }
        sum += inside ? weight * image(data, first + offset) : 0;
    }
    return sum;
}

/* -- roi_align --------------------------------------------------------------------------------- */

typedef struct hmlc_roi_rule {
    int64_t half_pixel, maximum, sampling_ratio;
    double scale;
    int64_t height, width, rows, columns; /* of the image and of the result */
} hmlc_roi_rule;

/* One dim of a box: where it begins, the size of a bin, samples in it. */
typedef struct hmlc_roi_axis {
    double begin, bin;
    int64_t samples;
} hmlc_roi_axis;

static inline hmlc_roi_axis hmlc_roi_axis_of(const hmlc_roi_rule *rule, double begin, double end,
                                             int64_t bins)
{
    double offset = rule->half_pixel ? 0.5 : 0;
    begin = begin * rule->scale - offset;
    double length = end * rule->scale - offset - begin;
    length = !rule->half_pixel && length < 1 ? 1 : length;
    double bin = length / (double)bins, whole = hmlc_sampling_floor(hmlc_region_clamp(bin, 0, 1e6));
    int64_t samples = rule->sampling_ratio > 0
                          ? rule->sampling_ratio
                          : (int64_t)whole + (whole < bin && bin < 1e6 ? 1 : 0);
    return (hmlc_roi_axis){begin, bin, samples};
}

/* The two pixels around a place and the second one's weight; false outside of the image. */
static inline bool hmlc_roi_pixels(double at, int64_t size, int64_t *low, int64_t *high,
                                   double *weight)
{
    if (size < 1 || !(at >= -1 && at <= (double)size)) {
        return false;
    }
    at = at < 0 ? 0 : at;
    *low = (int64_t)at;
    *high = *low + 1;
    if (*low >= size - 1) {
        *low = *high = size - 1;
        at = (double)*low;
    }
    *weight = at - (double)*low;
    return true;
}

static inline double hmlc_roi_larger(double a, double b)
{
    return a > b ? a : b;
}

/* Bin (row, column) of a box [x0, y0, x1, y1] of the image that begins at element `first`. */
static inline double hmlc_roi_align(const hmlc_roi_rule *rule, hmlc_region_reader *image,
                                    const void *data, int64_t first, const double *box, int64_t row,
                                    int64_t column)
{
    hmlc_roi_axis y = hmlc_roi_axis_of(rule, box[1], box[3], rule->rows);
    hmlc_roi_axis x = hmlc_roi_axis_of(rule, box[0], box[2], rule->columns);
    double sum = 0, largest = 0;
    bool none = true;
    for (int64_t i = 0; i < y.samples; i++) {
        double at_y = y.begin + (double)row * y.bin + ((double)i + 0.5) * y.bin / (double)y.samples;
        for (int64_t k = 0; k < x.samples; k++) {
            double at_x =
                x.begin + (double)column * x.bin + ((double)k + 0.5) * x.bin / (double)x.samples;
            int64_t y0, y1, x0, x1;
            double wy, wx, value[4] = {0};
            if (hmlc_roi_pixels(at_y, rule->height, &y0, &y1, &wy) &&
                hmlc_roi_pixels(at_x, rule->width, &x0, &x1, &wx)) {
                value[0] = (1 - wy) * (1 - wx) * image(data, first + y0 * rule->width + x0);
                value[1] = (1 - wy) * wx * image(data, first + y0 * rule->width + x1);
                value[2] = wy * (1 - wx) * image(data, first + y1 * rule->width + x0);
                value[3] = wy * wx * image(data, first + y1 * rule->width + x1);
            }
            sum += value[0] + value[1] + value[2] + value[3];
            double most = hmlc_roi_larger(hmlc_roi_larger(value[0], value[1]),
                                          hmlc_roi_larger(value[2], value[3]));
            largest = none ? most : hmlc_roi_larger(largest, most);
            none = false;
        }
    }
    int64_t count = y.samples * x.samples;
    return rule->maximum ? largest : sum / (double)(count > 0 ? count : 1);
}

/* -- non_max_suppression ----------------------------------------------------------------------- */

typedef struct hmlc_boxes {
    hmlc_region_reader *read;
    const void *data; /* [boxes, 4] from element `first` on */
    int64_t first, center;
} hmlc_boxes;

/* Low and high end of a box in a dim: corners may come in either order. */
static inline void hmlc_box_ends(const hmlc_boxes *boxes, int64_t box, int64_t d, double *low,
                                 double *high)
{
    double a = boxes->read(boxes->data, boxes->first + box * 4 + d);
    double b = boxes->read(boxes->data, boxes->first + box * 4 + d + 2);
    *low = boxes->center ? a - b / 2 : a < b ? a : b;
    *high = boxes->center ? a + b / 2 : a < b ? b : a;
}

/* Do the boxes share more than `limit` of what they cover together? */
static inline bool hmlc_boxes_overlap(const hmlc_boxes *boxes, int64_t a, int64_t b, double limit)
{
    double shared = 1, area_a = 1, area_b = 1;
    for (int64_t d = 0; d < 2; d++) {
        double low_a, high_a, low_b, high_b;
        hmlc_box_ends(boxes, a, d, &low_a, &high_a);
        hmlc_box_ends(boxes, b, d, &low_b, &high_b);
        double low = low_a > low_b ? low_a : low_b, high = high_a < high_b ? high_a : high_b;
        if (!(high > low)) {
            return false;
        }
        shared *= high - low;
        area_a *= high_a - low_a;
        area_b *= high_b - low_b;
    }
    double together = area_a + area_b - shared;
    return area_a > 0 && area_b > 0 && together > 0 && (float)(shared / together) > (float)limit;
}

typedef struct hmlc_suppression {
    hmlc_boxes boxes;
    hmlc_region_reader *read; /* scores [boxes] from element `first` on */
    const void *scores;
    int64_t first, count, most;
    double overlap, score; /* limits */
    bool has_score;
} hmlc_suppression;

/* Higher scores come first, of equal ones the lower index. */
static inline bool hmlc_suppression_before(const hmlc_suppression *s, int64_t a, int64_t b)
{
    double left = s->read(s->scores, s->first + a), right = s->read(s->scores, s->first + b);
    return left > right || (left == right && a < b);
}

static inline void hmlc_suppression_sift(const hmlc_suppression *s, int64_t *heap, int64_t at,
                                         int64_t count)
{
    int64_t moved = heap[at];
    for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        bool second = child + 1 < count && hmlc_suppression_before(s, heap[child + 1], heap[child]);
        child += second ? 1 : 0;
        if (!hmlc_suppression_before(s, heap[child], moved)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

/* The boxes of one class that stay, best first: their number. `heap` has room for all, `kept` for
 * `most` of them. */
static inline int64_t hmlc_suppress(const hmlc_suppression *s, int64_t *heap, int64_t *kept)
{
    int64_t left = 0, found = 0;
    for (int64_t k = 0; k < s->count; k++) {
        double score = s->read(s->scores, s->first + k);
        if (score == score && (!s->has_score || score > s->score)) {
            heap[left++] = k;
        }
    }
    for (int64_t at = left / 2 - 1; at >= 0; at--) {
        hmlc_suppression_sift(s, heap, at, left);
    }
    while (left > 0 && found < s->most) {
        int64_t best = heap[0];
        heap[0] = heap[--left];
        hmlc_suppression_sift(s, heap, 0, left);
        bool stays = true;
        for (int64_t k = 0; k < found && stays; k++) {
            stays = !hmlc_boxes_overlap(&s->boxes, kept[k], best, s->overlap);
        }
        if (stays) {
            kept[found++] = best;
        }
    }
    return found;
}

#endif

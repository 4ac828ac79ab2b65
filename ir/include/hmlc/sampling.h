/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the elements of a resized tensor come from: coordinates, nearest elements, weights. The one
 * definition for the frontend, passes, the interpreter and the portable kernel; freestanding. The
 * formulas are those of the ONNX specification of Resize.
 */
#ifndef HMLC_SAMPLING_H
#define HMLC_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include <hmlc/attr_words.h>

/* Attributes of resize. */
typedef struct hmlc_sampling {
    int64_t mode, coordinates, nearest_mode, exclude_outside, antialias;
    double cubic_coefficient;
} hmlc_sampling;

/* One dim: its sizes, result per operand, and the region of interest. */
typedef struct hmlc_sampled_axis {
    int64_t in, out;
    double scale;
    double length;     /* of the result, before it is cut to a whole number */
    double begin, end; /* 0 and 1 where there is no region */
} hmlc_sampled_axis;

static inline double hmlc_sampling_floor(double value)
{
    double whole = (double)(int64_t)value;
    return whole > value ? whole - 1 : whole;
}

/* The same formulas in double and in float. */
#define HMLC_SAMPLING_COORDINATE(name, real)                                                       \
    static inline double name(const hmlc_sampling *s, const hmlc_sampled_axis *axis, int64_t at)   \
    {                                                                                              \
        const real half = (real)0.5;                                                               \
        real x = (real)at, scale = (real)axis->scale, in = (real)axis->in;                         \
        real length = (real)axis->length, begin = (real)axis->begin, end = (real)axis->end;        \
        switch (s->coordinates) {                                                                  \
        case HMLC_COORDINATES_PYTORCH_HALF_PIXEL:                                                  \
            return length > 1 ? (double)((x + half) / scale - half) : 0;                           \
        case HMLC_COORDINATES_ALIGN_CORNERS:                                                       \
            return length != 1 ? (double)(x * (in - 1) / (length - 1)) : 0;                        \
        case HMLC_COORDINATES_ASYMMETRIC:                                                          \
            return (double)(x / scale);                                                            \
        case HMLC_COORDINATES_TF_HALF_PIXEL_FOR_NN:                                                \
            return (double)((x + half) / scale);                                                   \
        case HMLC_COORDINATES_TF_CROP_AND_RESIZE:                                                  \
            return length != 1                                                                     \
                       ? (double)(begin * (in - 1) + x * (end - begin) * (in - 1) / (length - 1))  \
                       : (double)(half * (begin + end) * (in - 1));                                \
        case HMLC_COORDINATES_HALF_PIXEL_SYMMETRIC:                                                \
            return (double)(in / 2 * (1 - (real)axis->out / length) + (x + half) / scale - half);  \
        default:                                                                                   \
            return (double)((x + half) / scale - half);                                            \
        }                                                                                          \
    }

HMLC_SAMPLING_COORDINATE(hmlc_sampling_exact_coordinate, double)
HMLC_SAMPLING_COORDINATE(hmlc_sampling_float_coordinate, float)
#undef HMLC_SAMPLING_COORDINATE

/*
 * Where result index `at` lies in the operand, kept where it fits an index: scales and regions may
 * be any numbers. For nearest in floats, as runtimes compute it: ties fall as they do there.
 */
static inline double hmlc_sampling_coordinate(const hmlc_sampling *s, const hmlc_sampled_axis *axis,
                                              int64_t at)
{
    const double farthest = 1e15;
    double x = s->mode == HMLC_RESIZE_NEAREST ? hmlc_sampling_float_coordinate(s, axis, at)
                                              : hmlc_sampling_exact_coordinate(s, axis, at);
    x = x < farthest ? x : farthest;
    return x > -farthest ? x : -farthest;
}

static inline int64_t hmlc_sampling_clamp(int64_t index, int64_t size)
{
    return index < 0 || size == 0 ? 0 : (index < size ? index : size - 1);
}

/* True where every element stays in its place. */
static inline bool hmlc_sampling_is_identity(const hmlc_sampling *s, const hmlc_sampled_axis *axis)
{
    bool whole = s->coordinates != HMLC_COORDINATES_TF_CROP_AND_RESIZE ||
                 (axis->begin == 0 && axis->end == 1);
    return axis->in == axis->out && axis->scale == 1 && whole;
}

/* True where result index `at` lies outside and gets the extrapolation value. */
static inline bool hmlc_sampling_is_outside(const hmlc_sampling *s, const hmlc_sampled_axis *axis,
                                            int64_t at)
{
    double x = hmlc_sampling_coordinate(s, axis, at);
    return s->coordinates == HMLC_COORDINATES_TF_CROP_AND_RESIZE &&
           (x < 0 || x > (double)(axis->in - 1));
}

/* The nearest element; beyond the operand where that lies there. */
static inline int64_t hmlc_sampling_nearest(const hmlc_sampling *s, double x)
{
    double below = hmlc_sampling_floor(x), rest = x - below;
    int64_t index = (int64_t)below;
    switch (s->nearest_mode) {
    case HMLC_NEAREST_ROUND_PREFER_CEIL:
        return index + (rest >= 0.5);
    case HMLC_NEAREST_FLOOR:
        return index;
    case HMLC_NEAREST_CEIL:
        return index + (rest > 0);
    default:
        return index + (rest > 0.5);
    }
}

/* Keys' cubic convolution, or a triangle, at a distance. */
static inline double hmlc_sampling_filter(const hmlc_sampling *s, double distance)
{
    double x = distance < 0 ? -distance : distance, a = s->cubic_coefficient;
    if (s->mode != HMLC_RESIZE_CUBIC) {
        return x < 1 ? 1 - x : 0;
    }
    if (x <= 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* How far apart the operand's elements count for the filter: less than 1 where antialiasing
 * shrinks. */
static inline double hmlc_sampling_stretch(const hmlc_sampling *s, double scale)
{
    return s->antialias != 0 && s->mode != HMLC_RESIZE_NEAREST && scale < 1 ? scale : 1;
}

/* Elements that one result element is made of, the same for all along a dim. */
static inline int64_t hmlc_sampling_taps(const hmlc_sampling *s, double scale)
{
    int64_t reach = s->mode == HMLC_RESIZE_CUBIC ? 2 : 1;
    double stretch = hmlc_sampling_stretch(s, scale), wide = (double)(2 * reach) / stretch;
    if (s->mode == HMLC_RESIZE_NEAREST) {
        return 1;
    }
    return stretch == 1 ? 2 * reach : (wide < 1e15 ? (int64_t)wide : (int64_t)1e15) + 2;
}

/*
 * The taps of all result indices along a dim are at most in * room_in + out * room_out, where the
 * result's size follows from the scale or the scale from the sizes: 1 / scale is then at most
 * 2 * in / out.
 */
static inline int64_t hmlc_sampling_room_in(const hmlc_sampling *s)
{
    int64_t reach = s->mode == HMLC_RESIZE_CUBIC ? 2 : 1;
    return s->antialias != 0 && s->mode != HMLC_RESIZE_NEAREST ? 4 * reach : 0;
}

static inline int64_t hmlc_sampling_room_out(const hmlc_sampling *s)
{
    return hmlc_sampling_taps(s, 1);
}

/* The first of the taps around `x`. */
static inline int64_t hmlc_sampling_first(const hmlc_sampling *s, double scale, double x)
{
    int64_t reach = s->mode == HMLC_RESIZE_CUBIC ? 2 : 1;
    double stretch = hmlc_sampling_stretch(s, scale);
    return stretch == 1 ? (int64_t)hmlc_sampling_floor(x) + 1 - reach
                        : (int64_t)hmlc_sampling_floor(x - (double)reach / stretch) + 1;
}

/* A tap without weight takes half of that of another one: 0 times infinity would be NaN. */
static inline void hmlc_sampling_share(int64_t count, int64_t *index, double *weight)
{
    int64_t heavy = 0;
    while (heavy < count - 1 && weight[heavy] == 0) {
        heavy++;
    }
    for (int64_t k = 0; k < count; k++) {
        if (weight[k] == 0) {
            weight[heavy] /= 2;
            weight[k] = weight[heavy];
            index[k] = index[heavy];
        }
    }
}

/*
 * The elements that make result index `at`, clamped to the operand, and their weights: as many as
 * hmlc_sampling_taps says, which index and weight have room for. Those outside count at the edge
 * or, with exclude_outside, not at all.
 */
static inline void hmlc_sampling_weigh(const hmlc_sampling *s, const hmlc_sampled_axis *axis,
                                       int64_t at, int64_t *index, double *weight)
{
    double x = hmlc_sampling_coordinate(s, axis, at), sum = 0;
    double stretch = hmlc_sampling_stretch(s, axis->scale);
    int64_t count = hmlc_sampling_taps(s, axis->scale);
    int64_t first = hmlc_sampling_first(s, axis->scale, x);
    for (int64_t k = 0; k < count; k++) {
        bool outside = first + k < 0 || first + k >= axis->in;
        double share = hmlc_sampling_filter(s, (x - (double)(first + k)) * stretch);
        index[k] = hmlc_sampling_clamp(first + k, axis->in);
        weight[k] = s->exclude_outside != 0 && outside ? 0 : share;
        sum += weight[k];
    }
    bool normalise = (s->exclude_outside != 0 || stretch < 1) && sum != 0;
    for (int64_t k = 0; normalise && k < count; k++) {
        weight[k] /= sum;
    }
    hmlc_sampling_share(count, index, weight);
}

/*
 * What becomes of a number that an integer tensor gets. Linear truncates, as ONNX Runtime does,
 * where whole but for the rounding of the sum is whole; cubic and antialias round to even, as the
 * standard's evaluator does.
 */
static inline double hmlc_sampling_whole(const hmlc_sampling *s, double value)
{
    const double most = 9.3e18; /* all integers lie below; limits are up to the type */
    double number = value < most ? value : most;
    number = number > -most ? number : -most;
    if (!(number > -4e15 && number < 4e15)) {
        return number; /* whole already */
    }
    if (s->mode == HMLC_RESIZE_LINEAR && s->antialias == 0) {
        return (double)(int64_t)(number + number / (double)(INT64_C(1) << 40));
    }
    double below = hmlc_sampling_floor(number), rest = number - below;
    bool odd = ((int64_t)below & 1) != 0;
    return below + (rest > 0.5 || (rest == 0.5 && odd) ? 1 : 0);
}

#endif

/*
 * resize: nearest, linear and cubic interpolation, separable over the dims. A work unit is one row
 * of the result's last dim; the other dims' taps are found once per row. Formulas: the ONNX
 * specification of Resize.
 */
#include "portable.h"

enum { MODE_NEAREST, MODE_LINEAR, MODE_CUBIC };
enum { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, CROP_AND_RESIZE, SYMMETRIC };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };
enum { MOST_TAPS = 64 };
#define FARTHEST 1e15

/* The operand's elements that make one result element along one dim. */
typedef struct taps {
    int64_t count;
    int64_t index[MOST_TAPS];
    float weight[MOST_TAPS];
    int outside; /* crop and resize: the extrapolation value stands here */
} taps;

typedef struct resize {
    const portable_tensor *x, *result;
    double scale[HML_MAX_TENSOR_RANK];
    double length[HML_MAX_TENSOR_RANK];     /* of the result, before it is cut to a whole number */
    double region[2 * HML_MAX_TENSOR_RANK]; /* starts, then ends */
    int64_t mode, coordinates, nearest_mode, exclude_outside, antialias;
    double cubic, extrapolation;
} resize;

static double floor_of(double value)
{
    double whole = (double)(int64_t)value;
    return whole > value ? whole - 1 : whole;
}

/* Where result index `at` lies in the operand. */
static double exact_coordinate(const resize *r, int64_t d, int64_t at)
{
    double scale = r->scale[d], position = (double)at;
    double in = (double)r->x->dims[d], out = (double)r->result->dims[d], length = r->length[d];
    switch (r->coordinates) {
    case PYTORCH_HALF_PIXEL:
        return length > 1 ? (position + 0.5) / scale - 0.5 : 0;
    case ALIGN_CORNERS:
        return length != 1 ? position * (in - 1) / (length - 1) : 0;
    case ASYMMETRIC:
        return position / scale;
    case CROP_AND_RESIZE: {
        double start = r->region[d], end = r->region[r->x->rank + d];
        return length != 1 ? start * (in - 1) + position * (end - start) * (in - 1) / (length - 1)
                           : 0.5 * (start + end) * (in - 1);
    }
    case SYMMETRIC: {
        double adjustment = out / length, offset = in / 2 * (1 - adjustment);
        return offset + (position + 0.5) / scale - 0.5;
    }
    default:
        return (position + 0.5) / scale - 0.5;
    }
}

/* The same, kept where it fits an index: scales and regions may be any numbers. */
static double coordinate(const resize *r, int64_t d, int64_t at)
{
    double position = exact_coordinate(r, d, at);
    double below = position < FARTHEST ? position : FARTHEST;
    return below > -FARTHEST ? below : -FARTHEST;
}

static int64_t clamp_index(int64_t index, int64_t dim)
{
    return index < 0 ? 0 : (index >= dim ? dim - 1 : index);
}

static int64_t nearest_index(const resize *r, double position)
{
    double below = floor_of(position), rest = position - below;
    int64_t index = (int64_t)below;
    switch (r->nearest_mode) {
    case ROUND_PREFER_CEIL:
        return index + (rest >= 0.5);
    case FLOOR:
        return index;
    case CEIL:
        return index + (rest > 0);
    default:
        return index + (rest > 0.5);
    }
}

/* Keys' cubic convolution with coefficient a, at distance `x` >= 0. */
static double cubic_weight(double a, double x)
{
    if (x <= 1) {
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double filter_weight(const resize *r, double distance)
{
    double x = distance < 0 ? -distance : distance;
    if (r->mode == MODE_CUBIC) {
        return cubic_weight(r->cubic, x);
    }
    return x < 1 ? 1 - x : 0;
}

/* Weights of the filter around `position`; wider when antialiasing while shrinking. Taps outside
 * count at the edge, or not at all. */
static int filter_taps(const resize *r, int64_t d, double position, taps *t)
{
    double scale = r->scale[d];
    double stretch = r->antialias && scale < 1 ? scale : 1;
    double reach = (r->mode == MODE_CUBIC ? 2 : 1) / stretch, sum = 0;
    reach = reach < FARTHEST ? reach : FARTHEST;
    int64_t first = (int64_t)floor_of(position - reach) + 1;
    int64_t last = (int64_t)floor_of(position + reach), dim = r->x->dims[d];
    t->count = 0;
    if (r->exclude_outside) {
        first = first < 0 ? 0 : first;
        last = last < dim ? last : dim - 1;
    }
    for (int64_t k = first; k <= last; k++) {
        if (t->count == MOST_TAPS) {
            return 0;
        }
        double weight = filter_weight(r, (position - (double)k) * stretch);
        t->index[t->count] = clamp_index(k, dim);
        t->weight[t->count++] = (float)weight;
        sum += weight;
    }
    int normalise = (r->exclude_outside || stretch < 1) && sum != 0;
    for (int64_t k = 0; normalise && k < t->count; k++) {
        t->weight[k] = (float)(t->weight[k] / sum);
    }
    return 1;
}

static int find_taps(const resize *r, int64_t d, int64_t at, taps *t)
{
    int64_t dim = r->x->dims[d];
    *t = (taps){.count = 1, .index = {at}, .weight = {1}};
    if (dim == r->result->dims[d] && r->scale[d] == 1 && r->coordinates != CROP_AND_RESIZE) {
        return 1;
    }
    double position = coordinate(r, d, at);
    if (r->coordinates == CROP_AND_RESIZE && (position < 0 || position > (double)(dim - 1))) {
        t->outside = 1;
        t->index[0] = 0;
        return 1;
    }
    if (r->mode == MODE_NEAREST) {
        t->index[0] = clamp_index(nearest_index(r, position), dim);
        return 1;
    }
    return filter_taps(r, d, position, t);
}

/* -- rows -------------------------------------------------------------------------------------- */

static void store_extrapolation(const resize *r, int64_t at)
{
    if (r->result->dtype == HML_F32) {
        ((float *)r->result->data)[at] = (float)r->extrapolation;
    } else {
        int64_t value = (int64_t)r->extrapolation;
        portable_copy_element(portable_element_bytes(r->result->dtype), r->result->data, at, &value,
                              0);
    }
}

/* Adds weight * (one row of the operand, filtered along the last dim) to the result's row. */
static int add_row(const resize *r, float *to, const float *from, float weight)
{
    int64_t last = r->x->rank - 1, length = r->result->dims[last];
    int plain =
        length == r->x->dims[last] && r->scale[last] == 1 && r->coordinates != CROP_AND_RESIZE;
    for (int64_t k = 0; plain && k < length; k++) {
        to[k] += weight * from[k];
    }
    for (int64_t k = 0; !plain && k < length; k++) {
        taps t;
        if (!find_taps(r, last, k, &t)) {
            return 0;
        }
        float sum = 0;
        for (int64_t i = 0; i < t.count; i++) {
            sum += t.weight[i] * from[t.index[i]];
        }
        to[k] = t.outside ? (float)r->extrapolation : to[k] + weight * sum;
    }
    return 1;
}

/* All combinations of the outer dims' taps, as an odometer. */
static int interpolate_row(const resize *r, const taps *outer, int64_t start)
{
    int64_t dims = r->x->rank - 1, at[HML_MAX_TENSOR_RANK] = {0};
    int64_t length = r->result->dims[dims];
    float *to = (float *)r->result->data + start;
    for (int64_t k = 0; k < length; k++) {
        to[k] = 0;
    }
    for (;;) {
        float weight = 1;
        int64_t base = 0, d = 0;
        for (; d < dims; d++) {
            weight *= outer[d].weight[at[d]];
            base = base * r->x->dims[d] + outer[d].index[at[d]];
        }
        if (!add_row(r, to, (const float *)r->x->data + base * r->x->dims[dims], weight)) {
            return 0;
        }
        for (d = dims - 1; d >= 0 && ++at[d] == outer[d].count; d--) {
            at[d] = 0;
        }
        if (d < 0) {
            return 1;
        }
    }
}

static int nearest_row(const resize *r, const taps *outer, int64_t start)
{
    int64_t last = r->x->rank - 1, base = 0;
    int64_t bytes = portable_element_bytes(r->x->dtype);
    for (int64_t d = 0; d < last; d++) {
        base = base * r->x->dims[d] + outer[d].index[0];
    }
    for (int64_t k = 0; k < r->result->dims[last]; k++) {
        taps t;
        if (!find_taps(r, last, k, &t)) {
            return 0;
        }
        if (t.outside) {
            store_extrapolation(r, start + k);
        } else {
            portable_copy_element(bytes, r->result->data, start + k, r->x->data,
                                  base * r->x->dims[last] + t.index[0]);
        }
    }
    return 1;
}

static int resize_row(const resize *r, int64_t unit)
{
    taps outer[HML_MAX_TENSOR_RANK - 1];
    int64_t last = r->x->rank - 1, rest = unit, outside = 0;
    int64_t start = unit * r->result->dims[last];
    for (int64_t d = last - 1; d >= 0; d--) {
        if (!find_taps(r, d, rest % r->result->dims[d], &outer[d])) {
            return 0;
        }
        rest /= r->result->dims[d];
        outside |= outer[d].outside;
    }
    if (outside) {
        for (int64_t k = 0; k < r->result->dims[last]; k++) {
            store_extrapolation(r, start + k);
        }
        return 1;
    }
    return r->mode == MODE_NEAREST ? nearest_row(r, outer, start)
                                   : interpolate_row(r, outer, start);
}

/* Numbers from an operand, f32 or f64, or from the list of an attribute; false: neither is given.
 */
static int read_numbers(const portable_tensor *operand, const int64_t *list, int64_t count,
                        double *numbers)
{
    for (int64_t k = 0; k < count; k++) {
        if (operand->dtype == HML_F32) {
            numbers[k] = (double)((const float *)operand->data)[k];
        } else if (operand->dtype == HML_F64) {
            numbers[k] = ((const double *)operand->data)[k];
        } else if (list[0] > 0) {
            numbers[k] = portable_double(list[1 + k]);
        }
    }
    return operand->dtype != 0 || list[0] > 0;
}

/* Scales and lengths. False, with details: a scale is not positive. */
static int read_scales(const portable_call *call, const int64_t *list, resize *r)
{
    int given = read_numbers(&call->tensors[1], list, r->x->rank, r->scale);
    for (int64_t d = 0; d < r->x->rank; d++) {
        if (!given) {
            r->length[d] = (double)r->result->dims[d];
            r->scale[d] = r->length[d] / (double)r->x->dims[d];
        } else if (!(r->scale[d] > 0)) {
            call->detail[0] = r->scale[d] < 0 && r->scale[d] > -1e9 ? (int64_t)r->scale[d] : 0;
            return 0;
        } else {
            r->length[d] = r->scale[d] * (double)r->x->dims[d];
        }
    }
    return 1;
}

int32_t hml_portable_resize(const portable_call *call);

/*
 * tensors: x, scales or none, region of interest or none, result; attributes: sizes, scales, mode,
 * coordinates, nearest mode, cubic coefficient, exclude outside, antialias, region of interest,
 * extrapolation.
 */
int32_t hml_portable_resize(const portable_call *call)
{
    const int64_t *a = call->attributes;
    resize r = {.x = &call->tensors[0], .result = &call->tensors[3]};
    if (portable_count(r.x) == 0 && portable_count(r.result) > 0) {
        call->detail[0] = 0; /* nothing cannot grow */
        call->detail[1] = portable_count(r.result);
        return HML_KERNEL_SHAPE;
    }
    a += 1 + a[0];
    if (!read_scales(call, a, &r)) {
        return HML_KERNEL_VALUE;
    }
    a += 1 + a[0];
    r.mode = a[0];
    r.coordinates = a[1];
    r.nearest_mode = a[2];
    r.cubic = portable_double(a[3]);
    r.exclude_outside = a[4];
    r.antialias = a[5];
    a += 6;
    (void)read_numbers(&call->tensors[2], a, 2 * r.x->rank, r.region);
    r.extrapolation = portable_double(a[1 + a[0]]);
    for (int64_t unit = call->begin; unit < call->end; unit++) {
        if (!resize_row(&r, unit)) {
            call->detail[0] = MOST_TAPS;
            return HML_KERNEL_VALUE;
        }
    }
    return HML_KERNEL_OK;
}

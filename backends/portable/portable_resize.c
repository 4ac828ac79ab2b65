/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resize: nearest, linear and cubic interpolation, one dim after the other. What makes an element
 * along a dim stands in tables, filled once per call (hmlc/sampling.h has the formulas). Rows, all
 * elements behind a dim, are mixed at once, so that what lies behind the last resized dim, the
 * channels of channels-last tensors, is plain vector work. Sums are floats for f32 and doubles for
 * all other types.
 */
#include "portable_resize.h"

#define NUMBER      float
#define NAMED(name) name##_float
#define IN_PLACE    1
#include "portable_resize_mix.inc"
#undef NUMBER
#undef NAMED
#undef IN_PLACE

#define NUMBER      double
#define NAMED(name) name##_double
#define IN_PLACE    0
#include "portable_resize_mix.inc"

/* -- nearest ----------------------------------------------------------------------------------- */

static void copy_bytes(uint8_t *restrict to, const uint8_t *restrict from, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        to[k] = from[k];
    }
}

#define GATHER(type)                                                                               \
    for (int64_t k = of.first; k < of.last; k++) {                                                 \
        ((type *)to)[k] = ((const type *)from)[index[k]];                                          \
    }                                                                                              \
    break

static void gather(int64_t bytes, const level *l, range of, const void *restrict from,
                   void *restrict to)
{
    const int64_t *restrict index = l->index;
    switch (bytes) {
    case 1:
        GATHER(uint8_t);
    case 2:
        GATHER(uint16_t);
    case 4:
        GATHER(uint32_t);
    default:
        GATHER(uint64_t);
    }
}

/* The result from element `to` on, of the operand's rows from element `from` on. */
static void nearest_level(const resize *r, int64_t depth, int64_t from, int64_t to)
{
    const level *l = &r->levels[depth];
    bool last = depth + 1 == r->depth;
    int64_t bytes = portable_element_bytes(r->x->dtype);
    const uint8_t *source = (const uint8_t *)r->x->data + from * bytes;
    uint8_t *target = (uint8_t *)r->result->data + to * bytes;
    range of = blocks_of(r, to, l->step, l->axis.out);
    if (last && l->span == 1 && r->sampling.coordinates != HMLC_COORDINATES_TF_CROP_AND_RESIZE) {
        gather(bytes, l, of, source, target);
        return;
    }
    for (int64_t k = of.first; k < of.last; k++) {
        int64_t index = l->index[k];
        uint8_t *block = target + k * l->step * bytes;
        if (index == OUTSIDE) {
            hml_portable_resize_fill(r, to + k * l->step, l->step);
        } else if (last) {
            copy_bytes(block, source + index * l->span * bytes, l->span * bytes);
        } else if (k > of.first && index == l->index[k - 1] && to + (k - 1) * l->step >= r->begin &&
                   to + (k + 1) * l->step <= r->end) {
            copy_bytes(block, block - l->step * bytes, l->step * bytes);
        } else {
            const level *next = l + 1;
            int64_t rows = next->axis.in * next->span, made = next->axis.out * next->step;
            range inside = blocks_of(r, to + k * l->step, made, l->mid);
            for (int64_t m = inside.first; m < inside.last; m++) {
                nearest_level(r, depth + 1, from + index * l->span + m * rows,
                              to + k * l->step + m * made);
            }
        }
    }
}

/* -- the call ---------------------------------------------------------------------------------- */

/* Numbers from an operand, f32 or f64, or from the list of an attribute; false: neither is given.
 */
static bool read_numbers(const portable_tensor *operand, const int64_t *list, int64_t at,
                         double *number)
{
    if (operand->dtype == HML_F32) {
        *number = (double)((const float *)operand->data)[at];
    } else if (operand->dtype == HML_F64) {
        *number = ((const double *)operand->data)[at];
    } else if (list[0] > 0) {
        *number = portable_double(list[1 + at]);
    }
    return operand->dtype != 0 || list[0] > 0;
}

typedef struct resize_lists {
    const int64_t *scales, *region;
} resize_lists;

/* What dim d of the call asks for. False, with details: the scale is not positive. */
static bool read_axis(const portable_call *call, const resize_lists *given, int64_t d,
                      hmlc_sampled_axis *axis)
{
    const portable_tensor *x = &call->tensors[0], *result = &call->tensors[3];
    *axis = (hmlc_sampled_axis){.in = x->dims[d], .out = result->dims[d], .end = 1};
    (void)read_numbers(&call->tensors[2], given->region, d, &axis->begin);
    (void)read_numbers(&call->tensors[2], given->region, x->rank + d, &axis->end);
    if (!read_numbers(&call->tensors[1], given->scales, d, &axis->scale)) {
        axis->length = (double)axis->out;
        axis->scale = axis->in == axis->out ? 1 : axis->length / (double)axis->in;
        return true;
    }
    axis->length = axis->scale * (double)axis->in;
    if (axis->scale > 0) {
        return true;
    }
    call->detail[0] = axis->scale < 0 && axis->scale > -1e9 ? (int64_t)axis->scale : 0;
    return false;
}

/* Sizes of the resized dims and what lies between them. */
static int32_t find_levels(const portable_call *call, const resize_lists *given, resize *r)
{
    int64_t span = 1, step = 1, mid = 1;
    for (int64_t d = r->x->rank - 1; d >= 0; d--) {
        level found = {.span = span, .step = step, .mid = mid};
        if (!read_axis(call, given, d, &found.axis)) {
            return HML_KERNEL_VALUE;
        }
        span *= found.axis.in;
        step *= found.axis.out;
        if (hmlc_sampling_is_identity(&r->sampling, &found.axis)) {
            mid *= found.axis.out;
            continue;
        }
        mid = 1;
        found.taps = hmlc_sampling_taps(&r->sampling, found.axis.scale);
        int64_t room = hmlc_sampling_room_in(&r->sampling) * found.axis.in +
                       hmlc_sampling_room_out(&r->sampling) * found.axis.out;
        if (room / found.taps < found.axis.out) {
            call->detail[0] = found.taps; /* scales that the sizes do not follow from */
            return HML_KERNEL_VALUE;
        }
        for (int64_t k = r->depth++; k > 0; k--) {
            r->levels[k] = r->levels[k - 1];
        }
        r->levels[0] = found;
    }
    r->outer = mid;
    return HML_KERNEL_OK;
}

/* The next `count` numbers of `bytes` bytes each, of scratch memory. */
static void *take(uint8_t **scratch, int64_t count, int64_t bytes)
{
    void *taken = *scratch;
    *scratch += (count * bytes + 7) / 8 * 8;
    return taken;
}

static void fill_table(const resize *r, level *l, range of, double *weights)
{
    for (int64_t k = of.first; k < of.last; k++) {
        int64_t *index = l->index + k * l->taps;
        if (hmlc_sampling_is_outside(&r->sampling, &l->axis, k)) {
            index[0] = OUTSIDE;
            continue;
        }
        if (r->sampling.mode == HMLC_RESIZE_NEAREST) {
            double x = hmlc_sampling_coordinate(&r->sampling, &l->axis, k);
            index[0] = hmlc_sampling_clamp(hmlc_sampling_nearest(&r->sampling, x), l->axis.in);
            continue;
        }
        hmlc_sampling_weigh(&r->sampling, &l->axis, k, index, weights);
        for (int64_t t = 0; t < l->taps; t++) {
            if (r->x->dtype == HML_F32) {
                ((float *)l->weight)[k * l->taps + t] = (float)weights[t];
            } else {
                ((double *)l->weight)[k * l->taps + t] = weights[t];
            }
        }
    }
}

/* Tables and rows in scratch memory: backends/llvm/portable_units.c says how much. */
static void prepare(resize *r, uint8_t *scratch)
{
    int64_t number = r->x->dtype == HML_F32 ? 4 : 8, first = 0, last = 0;
    bool nearest = r->sampling.mode == HMLC_RESIZE_NEAREST;
    for (int64_t k = 0; k < r->depth; k++) {
        level *l = &r->levels[k];
        int64_t entries = l->taps * l->axis.out;
        range of = {0, l->axis.out};
        l->index = take(&scratch, entries, 8);
        if (!nearest) {
            l->weight = take(&scratch, entries, number);
            l->mixed = take(&scratch, l->span, number);
        }
        int64_t block = l->axis.out * l->step;
        if (k == 0 && r->begin / block == (r->end - 1) / block) {
            of = blocks_of(r, r->begin / block * block, l->step, l->axis.out);
        }
        fill_table(r, l, of, (double *)scratch);
        first = k == 0 ? l->span * (l->span > 1 ? 1 : l->axis.in) : first;
        last = l->span > 1 ? l->span : l->axis.out;
    }
    if (!nearest) {
        r->kept = take(&scratch, MOST_KEPT * r->result->dims[r->x->rank - 1], number);
    }
    if (!nearest && number == 8) {
        r->row = take(&scratch, first, number);
        r->made = take(&scratch, last, number);
    }
}

static void make(const resize *r)
{
    const level *l = &r->levels[0];
    int64_t rows = l->axis.in * l->span, made = l->axis.out * l->step;
    range of = blocks_of(r, 0, made, r->outer);
    for (int64_t k = of.first; k < of.last; k++) {
        if (r->sampling.mode == HMLC_RESIZE_NEAREST) {
            nearest_level(r, 0, k * rows, k * made);
        } else if (r->x->dtype == HML_F32) {
            mix_level_float(r, 0, r->x->data, k * rows, k * made);
        } else {
            mix_level_double(r, 0, NULL, k * rows, k * made);
        }
    }
}

static const int64_t *behind(const int64_t *list)
{
    return list + 1 + list[0];
}

int32_t hml_portable_resize(const portable_call *call);

/*
 * tensors: x, scales or none, region of interest or none, result; attributes: sizes, scales, mode,
 * coordinates, nearest mode, cubic coefficient, exclude outside, antialias, region of interest,
 * extrapolation.
 */
int32_t hml_portable_resize(const portable_call *call)
{
    resize r = {.x = &call->tensors[0], .result = &call->tensors[3]};
    resize_lists given = {.scales = behind(call->attributes)};
    const int64_t *a = behind(given.scales);
    int64_t unit = 1, bytes = portable_element_bytes(r.x->dtype);
    given.region = a + 6;
    r.sampling = (hmlc_sampling){a[0], a[1], a[2], a[4], a[5], portable_double(a[3])};
    r.extrapolation = portable_double(behind(given.region)[0]);
    if (portable_count(r.result) == 0) {
        return HML_KERNEL_OK;
    }
    if (portable_count(r.x) == 0) {
        call->detail[0] = 0; /* nothing cannot grow */
        call->detail[1] = portable_count(r.result);
        return HML_KERNEL_SHAPE;
    }
    int32_t status = find_levels(call, &given, &r);
    if (status != HML_KERNEL_OK) {
        return status;
    }
    for (int64_t d = call->unit_dims; d < r.x->rank; d++) {
        unit *= r.result->dims[d];
    }
    r.begin = call->begin * unit;
    r.end = call->end * unit;
    if (r.begin >= r.end) {
        return HML_KERNEL_OK;
    }
    if (r.depth == 0) {
        copy_bytes((uint8_t *)r.result->data + r.begin * bytes,
                   (const uint8_t *)r.x->data + r.begin * bytes, (r.end - r.begin) * bytes);
        return HML_KERNEL_OK;
    }
    prepare(&r, call->scratch);
    make(&r);
    return HML_KERNEL_OK;
}

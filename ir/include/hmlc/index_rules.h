/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of indices, axes and lengths as plain integer arithmetic. The reference evaluation and the
 * portable kernels both follow this text, so that they give the same numbers and refuse the same
 * inputs. Freestanding: compiled into artifacts, too.
 */
#ifndef HMLC_INDEX_RULES_H
#define HMLC_INDEX_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* What is wrong with the inputs of this run, and the two numbers that go with it. */
typedef enum hmlc_rule_kind {
    HMLC_RULE_KEPT = 0,
    HMLC_RULE_INDEX,  /* found: the index as given; expected: the size it points into */
    HMLC_RULE_SHAPE,  /* found and expected dims or element counts */
    HMLC_RULE_STEP,   /* a step or delta of 0 */
    HMLC_RULE_LENGTH, /* found: a length that no tensor has; INT64_MAX: not finite or more */
} hmlc_rule_kind;

typedef struct hmlc_rule {
    hmlc_rule_kind kind;
    int64_t found, expected;
} hmlc_rule;

#define HMLC_RULE_OK ((hmlc_rule){HMLC_RULE_KEPT, 0, 0})

/* No dim is longer (HMLC_DIM_UNBOUNDED, HML_DIM_UNBOUNDED). */
#define HMLC_RULE_LONGEST (INT64_C(1) << 47)

/* Negative indices count from the end. */
static inline hmlc_rule hmlc_rule_index(int64_t *index, int64_t size)
{
    int64_t given = *index;
    *index += given < 0 ? size : 0;
    return *index >= 0 && *index < size ? HMLC_RULE_OK : (hmlc_rule){HMLC_RULE_INDEX, given, size};
}

/*
 * numpy's rule for x[start:end:step] along a dim, for numbers and for dim expressions: `number` is
 * their type, and the functions prefix_constant, _minus, _least, _most, _ceil_divide and
 * _from_start their arithmetic, with `table` as first argument. The step is neither 0 nor beyond
 * HMLC_RULE_LONGEST. *first is 0 or more even where nothing is taken.
 */
#define HMLC_DEFINE_SLICE_RULE(name, number, table, prefix)                                        \
    static inline void name(table t, number dim, number start, number end, int64_t step,           \
                            number *first, number *size)                                           \
    {                                                                                              \
        bool rises = step > 0;                                                                     \
        number zero = prefix##_constant(t, 0);                                                     \
        number most = rises ? dim : prefix##_minus(t, dim, prefix##_constant(t, 1));               \
        /* Of nothing even the last index is -1, where a falling slice ends, too. */               \
        number least = rises ? zero : prefix##_least(t, zero, most);                               \
        number least_end = rises ? zero : prefix##_constant(t, -1);                                \
        number from =                                                                              \
            prefix##_most(t, least, prefix##_least(t, most, prefix##_from_start(t, start, dim)));  \
        number to = prefix##_most(t, least_end,                                                    \
                                  prefix##_least(t, most, prefix##_from_start(t, end, dim)));      \
        number travel = rises ? prefix##_minus(t, to, from) : prefix##_minus(t, from, to);         \
        number stride = prefix##_constant(t, rises ? step : -step);                                \
        *size = prefix##_most(t, zero, prefix##_ceil_divide(t, travel, stride));                   \
        *first = prefix##_most(t, zero, from);                                                     \
    }

static inline int64_t hmlc_number_constant(int table, int64_t value)
{
    (void)table;
    return value;
}

static inline int64_t hmlc_number_minus(int table, int64_t a, int64_t b)
{
    (void)table;
    return a - b;
}

static inline int64_t hmlc_number_least(int table, int64_t a, int64_t b)
{
    (void)table;
    return a < b ? a : b;
}

static inline int64_t hmlc_number_most(int table, int64_t a, int64_t b)
{
    (void)table;
    return a > b ? a : b;
}

/* What is at most 0 stays so. */
static inline int64_t hmlc_number_ceil_divide(int table, int64_t a, int64_t b)
{
    (void)table;
    return a > 0 ? (a - 1) / b + 1 : 0;
}

static inline int64_t hmlc_number_from_start(int table, int64_t index, int64_t dim)
{
    (void)table;
    return index < 0 ? index + dim : index;
}

HMLC_DEFINE_SLICE_RULE(hmlc_rule_slice, int64_t, int, hmlc_number)

/* A longer step does the same as one of the longest dim. */
static inline int64_t hmlc_rule_step(int64_t step)
{
    int64_t below = step < HMLC_RULE_LONGEST ? step : HMLC_RULE_LONGEST;
    return below > -HMLC_RULE_LONGEST ? below : -HMLC_RULE_LONGEST;
}

/*
 * result[3][rank]: starts, sizes and steps of a slice of `shape`. axes NULL: the first `count`
 * ones; steps NULL: all 1.
 */
static inline hmlc_rule hmlc_rule_slices(const int64_t *shape, int64_t rank, const int64_t *starts,
                                         const int64_t *ends, const int64_t *axes,
                                         const int64_t *steps, int64_t count, int64_t *result)
{
    for (int64_t i = 0; i < rank; ++i) {
        result[i] = 0;
        result[rank + i] = shape[i];
        result[2 * rank + i] = 1;
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t axis = axes != 0 ? axes[i] : i, step = steps != 0 ? hmlc_rule_step(steps[i]) : 1;
        hmlc_rule rule = hmlc_rule_index(&axis, rank);
        if (rule.kind != HMLC_RULE_KEPT) {
            return rule;
        }
        if (step == 0) {
            return (hmlc_rule){HMLC_RULE_STEP, 0, 0};
        }
        hmlc_rule_slice(0, shape[axis], starts[i], ends[i], step, &result[axis],
                        &result[rank + axis]);
        result[2 * rank + axis] = step;
    }
    return HMLC_RULE_OK;
}

/* The product of dims; false where it is no int64. */
static inline bool hmlc_rule_product(const int64_t *dims, int64_t rank, int64_t *product)
{
    bool fits = true;
    *product = 1;
    for (int64_t i = 0; i < rank; ++i) {
        fits = fits && !__builtin_mul_overflow(*product, dims[i], product);
    }
    return fits;
}

/*
 * Resolves the target of a reshape: 0 copies a dim where `copies`, one -1 is what is left. Beside a
 * 0 nothing tells what is left.
 */
static inline hmlc_rule hmlc_rule_reshape(const int64_t *shape, int64_t rank, const int64_t *target,
                                          int64_t count, bool copies, int64_t *result)
{
    int64_t total, part = 1, unknown = -1;
    bool fits = hmlc_rule_product(shape, rank, &total);
    for (int64_t i = 0; i < count; ++i) {
        int64_t dim = target[i];
        if (dim == 0 && copies) {
            if (i >= rank) {
                return (hmlc_rule){HMLC_RULE_INDEX, i, rank};
            }
            dim = shape[i];
        }
        if (dim == -1 && unknown < 0) {
            unknown = i;
            continue;
        }
        if (dim < 0) {
            return (hmlc_rule){HMLC_RULE_LENGTH, dim, 0};
        }
        fits = fits && !__builtin_mul_overflow(part, dim, &part);
        result[i] = dim;
    }
    bool whole = unknown < 0 ? part == total : part > 0 && total % part == 0;
    if (!fits || !whole) {
        return (hmlc_rule){HMLC_RULE_SHAPE, fits ? part : INT64_MAX, total};
    }
    if (unknown >= 0) {
        result[unknown] = total / part;
    }
    return HMLC_RULE_OK;
}

/* The numpy broadcast of two shapes, result[the larger rank]. */
static inline hmlc_rule hmlc_rule_broadcast(const int64_t *a, int64_t rank_a, const int64_t *b,
                                            int64_t rank_b, int64_t *result)
{
    int64_t rank = rank_a > rank_b ? rank_a : rank_b;
    for (int64_t k = 1; k <= rank; ++k) {
        int64_t left = k <= rank_a ? a[rank_a - k] : 1, right = k <= rank_b ? b[rank_b - k] : 1;
        if (left != right && left != 1 && right != 1) {
            return (hmlc_rule){HMLC_RULE_SHAPE, left, right};
        }
        result[rank - k] = left == 1 ? right : left;
    }
    return HMLC_RULE_OK;
}

static inline hmlc_rule hmlc_rule_length(uint64_t length, int64_t *result)
{
    if (length > (uint64_t)HMLC_RULE_LONGEST) {
        int64_t found = length < (uint64_t)INT64_MAX ? (int64_t)length : INT64_MAX;
        return (hmlc_rule){HMLC_RULE_LENGTH, found, 0};
    }
    *result = (int64_t)length;
    return HMLC_RULE_OK;
}

/*
 * Elements of the range of integers from start to limit, without it. The bits of unsigned 64-bit
 * numbers come with `is_unsigned`; their delta is taken as it is, too.
 */
static inline hmlc_rule hmlc_rule_integer_range(int64_t start, int64_t limit, int64_t delta,
                                                bool is_unsigned, int64_t *length)
{
    if (delta == 0) {
        return (hmlc_rule){HMLC_RULE_STEP, 0, 0};
    }
    uint64_t from = (uint64_t)start, to = (uint64_t)limit;
    bool rises = is_unsigned || delta > 0, less = is_unsigned ? from < to : start < limit;
    bool none = rises ? !less : less || from == to;
    uint64_t distance = rises ? to - from : from - to;
    uint64_t stride = rises ? (uint64_t)delta : 0 - (uint64_t)delta;
    return hmlc_rule_length(none ? 0 : (distance - 1) / stride + 1, length);
}

/* max(ceil((limit - start) / delta), 0), where that is a number. */
static inline hmlc_rule hmlc_rule_real_range(double start, double limit, double delta,
                                             int64_t *length)
{
    if (delta == 0) {
        return (hmlc_rule){HMLC_RULE_STEP, 0, 0};
    }
    double count = (limit - start) / delta;
    if (count <= 0) {
        *length = 0;
        return HMLC_RULE_OK;
    }
    if (!(count <= (double)HMLC_RULE_LONGEST)) {
        return (hmlc_rule){HMLC_RULE_LENGTH, INT64_MAX, 0};
    }
    int64_t whole = (int64_t)count;
    *length = whole + ((double)whole < count);
    return HMLC_RULE_OK;
}

/* What axes_dims makes of a shape and axes: the values of its axes_mode. */
typedef enum hmlc_rule_axes_mode {
    HMLC_RULE_AXES_KEEP,    /* the axes' dims become 1 */
    HMLC_RULE_AXES_DROP,    /* they go */
    HMLC_RULE_AXES_SQUEEZE, /* they go and must be 1 */
    HMLC_RULE_AXES_INSERT,  /* dims of 1 come at these axes of the result */
    HMLC_RULE_AXES_SPLIT,   /* outer, length, inner around axis k after those before it became 1 */
} hmlc_rule_axes_mode;

/* At least HMLC_MAX_RANK, HML_MAX_TENSOR_RANK. */
enum { HMLC_RULE_MOST_DIMS = 64 };

/* axes[count] normalised, and marked in chosen[limit]; an axis twice is out of range, too. */
static inline hmlc_rule hmlc_rule_axes(const int64_t *given, int64_t count, int64_t limit,
                                       int64_t *axes, bool *chosen)
{
    for (int64_t i = 0; i < limit; ++i) {
        chosen[i] = false;
    }
    for (int64_t k = 0; k < count; ++k) {
        axes[k] = given[k];
        hmlc_rule rule = hmlc_rule_index(&axes[k], limit);
        if (rule.kind == HMLC_RULE_KEPT && chosen[axes[k]]) {
            rule = (hmlc_rule){HMLC_RULE_INDEX, given[k], limit};
        }
        if (rule.kind != HMLC_RULE_KEPT) {
            return rule;
        }
        chosen[axes[k]] = true;
    }
    return HMLC_RULE_OK;
}

static inline hmlc_rule hmlc_rule_axes_split(const int64_t *shape, int64_t rank,
                                             const int64_t *axes, int64_t count, int64_t *result)
{
    bool done[HMLC_RULE_MOST_DIMS] = {false};
    for (int64_t k = 0; k < count; ++k) {
        int64_t *row = result + 3 * k;
        row[0] = row[1] = row[2] = 1;
        for (int64_t i = 0; i < rank; ++i) {
            int64_t *part = &row[i < axes[k] ? 0 : i == axes[k] ? 1 : 2];
            if (__builtin_mul_overflow(*part, done[i] ? 1 : shape[i], part)) {
                return (hmlc_rule){HMLC_RULE_LENGTH, INT64_MAX, 0};
            }
        }
        done[axes[k]] = true;
    }
    return HMLC_RULE_OK;
}

static inline hmlc_rule hmlc_rule_axes_dims(hmlc_rule_axes_mode mode, const int64_t *shape,
                                            int64_t rank, const int64_t *given, int64_t count,
                                            int64_t *result)
{
    int64_t limit = mode == HMLC_RULE_AXES_INSERT ? rank + count : rank, from = 0, to = 0;
    int64_t axes[HMLC_RULE_MOST_DIMS];
    bool chosen[HMLC_RULE_MOST_DIMS];
    hmlc_rule rule = hmlc_rule_axes(given, count, limit, axes, chosen);
    if (rule.kind != HMLC_RULE_KEPT) {
        return rule;
    }
    if (mode == HMLC_RULE_AXES_SPLIT) {
        return hmlc_rule_axes_split(shape, rank, axes, count, result);
    }
    for (int64_t i = 0; i < limit; ++i) {
        if (!chosen[i]) {
            result[to++] = shape[from++];
            continue;
        }
        if (mode == HMLC_RULE_AXES_SQUEEZE && shape[from] != 1) {
            return (hmlc_rule){HMLC_RULE_SHAPE, shape[from], 1};
        }
        from += mode != HMLC_RULE_AXES_INSERT;
        if (mode == HMLC_RULE_AXES_KEEP || mode == HMLC_RULE_AXES_INSERT) {
            result[to++] = 1;
        }
    }
    return HMLC_RULE_OK;
}

/* The values of pad_mode. */
typedef enum hmlc_rule_pad_mode {
    HMLC_RULE_PAD_CONSTANT,
    HMLC_RULE_PAD_REFLECT,
    HMLC_RULE_PAD_EDGE,
    HMLC_RULE_PAD_WRAP,
} hmlc_rule_pad_mode;

/*
 * The operand's index behind index `i` of a padded dim; -1: the fill value. Negative padding crops
 * first; the other modes than constant continue what is left, which is something.
 */
static inline int64_t hmlc_rule_padded(hmlc_rule_pad_mode mode, int64_t i, int64_t begin,
                                       int64_t end, int64_t dim)
{
    int64_t first = begin < 0 ? -begin : 0;
    int64_t size = dim - first - (end < 0 ? -end : 0), at = i - (begin > 0 ? begin : 0);
    if (at >= 0 && at < size) {
        return first + at;
    }
    if (mode == HMLC_RULE_PAD_CONSTANT || size < 1) {
        return -1;
    }
    if (mode == HMLC_RULE_PAD_EDGE) {
        return first + (at < 0 ? 0 : size - 1);
    }
    int64_t period = mode == HMLC_RULE_PAD_WRAP ? size : 2 * (size - 1);
    at = period == 0 ? 0 : at % period;
    at += at < 0 ? period : 0;
    return first + (at < size ? at : period - at);
}

#endif

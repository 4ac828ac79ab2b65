/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the inference functions of all op families. Checks report what they find as a
 * diagnostic and fold its status into *status, so that a function can report everything that is
 * wrong before it returns.
 */
#ifndef HMLC_INFER_TOOLS_H
#define HMLC_INFER_TOOLS_H

#include <hmlc/infer.h>

/* Element types that an operand may have, joined by |. */
enum {
    HMLC_ACCEPT_BOOL = 1,
    HMLC_ACCEPT_INTEGER = 2, /* i8 to i64, u8 to u64 */
    HMLC_ACCEPT_FLOAT = 4,   /* f16, bf16, f32, f64 */
    HMLC_ACCEPT_NUMERIC = HMLC_ACCEPT_INTEGER | HMLC_ACCEPT_FLOAT,
    HMLC_ACCEPT_COMPUTED = HMLC_ACCEPT_BOOL | HMLC_ACCEPT_NUMERIC,
    HMLC_ACCEPT_BYTES = 15, /* whatever has a dense byte form: for ops that only move elements */
};

/* Which of the above a type is; 0 where none takes it. */
unsigned hmlc_dtype_group(hmlc_dtype dtype);

/* Contradiction in the graph: "<op>: <message>". */
void hmlc_infer_fail(const hmlc_infer *context, hmlc_status *status, const char *format, ...)
    HMLC_PRINTF(3, 4);
/* Valid, but outside what this compiler does. */
void hmlc_infer_refuse(const hmlc_infer *context, hmlc_status *status, const char *hint,
                       const char *format, ...) HMLC_PRINTF(4, 5);

/* An operand's tensor type when it is present and its element type is accepted, else NULL and a
 * diagnostic. */
const hmlc_type *hmlc_infer_operand(const hmlc_infer *context, uint32_t index, unsigned accepted,
                                    hmlc_status *status);
/* As above; an absent operand is no error: NULL and *status unchanged. */
const hmlc_type *hmlc_infer_optional(const hmlc_infer *context, uint32_t index, unsigned accepted,
                                     hmlc_status *status);
void hmlc_infer_same_dtype(const hmlc_infer *context, uint32_t index, const hmlc_type *expected,
                           const hmlc_type *found, hmlc_status *status);
/*
 * The type of a contraction's sums and of its result: the operands' own, which then is one, unless
 * the attribute `accumulator` says otherwise: i32 for two operands of 8-bit integers, each signed
 * or not (the weights of a depthwise conv may be i16, differences of such), f32 for two of f16 or
 * of bf16.
 */
hmlc_dtype hmlc_infer_accumulator(const hmlc_infer *context, const hmlc_type *a, const hmlc_type *b,
                                  hmlc_status *status);
void hmlc_infer_rank(const hmlc_infer *context, uint32_t index, const hmlc_type *type,
                     int32_t least, int32_t most, hmlc_status *status);
/* The length of a one-dimensional i64 operand that describes a shape: static and at most
 * HMLC_MAX_RANK; -1 and a diagnostic otherwise. */
int64_t hmlc_infer_list_length(const hmlc_infer *context, uint32_t index, hmlc_status *status);
/* A list attribute with `count` entries (any number when negative); NULL and a diagnostic where it
 * is absent or has another number. */
const hmlc_attr *hmlc_infer_list(const hmlc_infer *context, hmlc_attr_name name, int64_t count,
                                 hmlc_status *status);
/* The attribute `axis`, checked to lie in [0, limit). */
int32_t hmlc_infer_axis(const hmlc_infer *context, int32_t limit, hmlc_status *status);
/* The attribute `axes` as flags per dim. */
void hmlc_infer_axes(const hmlc_infer *context, int32_t rank, bool *flags, hmlc_status *status);

/* Two dims that must be equal: gives the more constant one; records a run-time check when that
 * cannot be proven. `what` names the dim in messages. */
hmlc_dim hmlc_infer_unify(const hmlc_infer *context, hmlc_dim expected, hmlc_dim found,
                          const char *what, hmlc_status *status);
/* `dim` must be at most `limit`: as hmlc_infer_unify, the check at run time is min(dim, limit) ==
 * dim. */
void hmlc_infer_at_most(const hmlc_infer *context, hmlc_dim dim, hmlc_dim limit, const char *what,
                        hmlc_status *status);
/* An operand that must have exactly these dims. */
void hmlc_infer_shape(const hmlc_infer *context, uint32_t index, const hmlc_type *type,
                      int32_t rank, const hmlc_dim *dims, hmlc_status *status);
/* An operand that must broadcast to exactly these dims. */
void hmlc_infer_expands_to(const hmlc_infer *context, const hmlc_type *type, int32_t rank,
                           const hmlc_dim *dims, hmlc_status *status);

const char *hmlc_infer_dim_text(const hmlc_infer *context, hmlc_dim dim);
const char *hmlc_infer_shape_text(const hmlc_infer *context, int32_t rank, const hmlc_dim *dims);

/* Sets a result's type. A dim that may be negative for some inputs is refused when it is. */
void hmlc_infer_result(hmlc_infer *context, uint32_t index, hmlc_dtype dtype, int32_t rank,
                       const hmlc_dim *dims, hmlc_status *status);
/* Sizes the result arrays of an op with any number of results. */
hmlc_status hmlc_infer_size_results(hmlc_infer *context, uint32_t count) HMLC_MUST_USE;

/* Shorthands. */
hmlc_dim hmlc_infer_number(const hmlc_infer *context, int64_t value);
hmlc_dim hmlc_infer_plus(const hmlc_infer *context, hmlc_dim dim, int64_t value);
hmlc_dim hmlc_infer_times(const hmlc_infer *context, hmlc_dim dim, int64_t value);

/* Known elements (ir/README.md): at most this many. */
#define HMLC_KNOWN_LIMIT 64

/* Element count of a type whose elements may be known, else -1. */
int64_t hmlc_known_count(const hmlc_type *type);
/* An operand's known elements, NULL where they are not known. */
const hmlc_dim *hmlc_known_operand(const hmlc_infer *context, uint32_t index);
/* An operand with one known element: that element, else NULL. */
hmlc_dim hmlc_known_scalar(const hmlc_infer *context, uint32_t index);

/* A constant too large to be a size: arithmetic with symbols would leave the range of dims. */
bool hmlc_known_is_large(hmlc_dim dim);
/* Elements of an elementwise op's result 0, when all operands are known. */
hmlc_status hmlc_known_elementwise(hmlc_infer *context) HMLC_MUST_USE;
/*
 * Elements of the result of an op that only moves elements of its first `moved` operands (the
 * others hold indices and must be constants): the op is evaluated on element numbers.
 */
hmlc_status hmlc_known_moved(hmlc_infer *context, uint32_t moved) HMLC_MUST_USE;
/* Elements of a small integer result whose operands are all constants, of any type: evaluated. */
hmlc_status hmlc_known_folded(hmlc_infer *context) HMLC_MUST_USE;

#endif

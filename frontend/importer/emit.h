/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building IR from an importer: calls that read as formulas. The first failure sticks: every later
 * call does nothing and returns NULL, so an importer checks the status once, at its end. The
 * diagnostic is added where the failure happens.
 */
#ifndef HMLC_EMIT_H
#define HMLC_EMIT_H

#include <hmlc/ir.h>

typedef struct hmlc_emitter {
    hmlc_builder builder;
    hmlc_status status;
} hmlc_emitter;

/* An array literal and its length, as two arguments. */
#define HMLC_LIST(type, ...)                                                                       \
    (const type[]){__VA_ARGS__}, (uint32_t)(sizeof((const type[]){__VA_ARGS__}) / sizeof(type))
#define HMLC_OPERANDS(...) (hmlc_value *const[]){__VA_ARGS__}, HMLC_COUNT_VALUES(__VA_ARGS__)
#define HMLC_COUNT_VALUES(...)                                                                     \
    ((uint32_t)(sizeof((hmlc_value *const[]){__VA_ARGS__}) / sizeof(hmlc_value *)))
#define HMLC_ATTRS(...) HMLC_LIST(hmlc_attr, __VA_ARGS__)
#define HMLC_NO_ATTRS   NULL, 0

/* An op with one result; operands may be NULL where they are optional. */
hmlc_value *hmlc_emit(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *const *operands,
                      uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count);
/* An op with several results; NULL on failure. */
hmlc_op *hmlc_emit_op(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *const *operands,
                      uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count);

hmlc_value *hmlc_emit_unary(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a);
hmlc_value *hmlc_emit_binary(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a,
                             hmlc_value *b);
hmlc_value *hmlc_emit_select(hmlc_emitter *emitter, hmlc_value *condition, hmlc_value *then_value,
                             hmlc_value *else_value);
/* A scalar constant of rank 0. */
hmlc_value *hmlc_emit_scalar(hmlc_emitter *emitter, hmlc_dtype dtype, double number);
/* A scalar of the element type of `like`. */
hmlc_value *hmlc_emit_scalar_like(hmlc_emitter *emitter, const hmlc_value *like, double number);
hmlc_value *hmlc_emit_constant(hmlc_emitter *emitter, const hmlc_tensor *tensor);
/* `a` itself when it has that element type. */
hmlc_value *hmlc_emit_cast(hmlc_emitter *emitter, hmlc_value *a, hmlc_dtype dtype);
hmlc_value *hmlc_emit_reduce(hmlc_emitter *emitter, hmlc_opcode opcode, hmlc_value *a,
                             const int64_t *axes, uint32_t axis_count, bool keep_dims);

/* Views; `a` itself when nothing changes. */
hmlc_value *hmlc_emit_reshape(hmlc_emitter *emitter, hmlc_value *a, const hmlc_dim *shape,
                              uint32_t rank);
hmlc_value *hmlc_emit_expand(hmlc_emitter *emitter, hmlc_value *a, const hmlc_dim *shape,
                             uint32_t rank);
hmlc_value *hmlc_emit_transpose(hmlc_emitter *emitter, hmlc_value *a, const int64_t *permutation);
hmlc_value *hmlc_emit_slice(hmlc_emitter *emitter, hmlc_value *a, const hmlc_dim *starts,
                            const hmlc_dim *sizes, const hmlc_dim *steps);
/* Elements [start, start + size) of one axis. */
hmlc_value *hmlc_emit_slice_axis(hmlc_emitter *emitter, hmlc_value *a, int64_t axis, hmlc_dim start,
                                 hmlc_dim size);
hmlc_value *hmlc_emit_concat(hmlc_emitter *emitter, hmlc_value *const *values, uint32_t count,
                             int64_t axis);
/* Inserts, or removes, a dim of 1 at `axis`. */
hmlc_value *hmlc_emit_unsqueeze(hmlc_emitter *emitter, hmlc_value *a, int64_t axis);
hmlc_value *hmlc_emit_squeeze(hmlc_emitter *emitter, hmlc_value *a, int64_t axis);

/* Dim expressions as an integer tensor. */
hmlc_value *hmlc_emit_dims(hmlc_emitter *emitter, const hmlc_dim *elements, uint32_t count,
                           hmlc_dtype dtype);
/* One dim as a scalar. */
hmlc_value *hmlc_emit_dim(hmlc_emitter *emitter, hmlc_dim dim, hmlc_dtype dtype);
/* The shape of `a` as i64[rank]. */
hmlc_value *hmlc_emit_shape(hmlc_emitter *emitter, const hmlc_value *a);
/*
 * The elements of an integer tensor as dims: known ones where inference knows them; else fresh
 * symbols of the given range, which a bind_dims sets at run time. The tensor's size must be static
 * and at most `most`; `count` is set. NULL on failure.
 */
const hmlc_dim *hmlc_emit_bind(hmlc_emitter *emitter, hmlc_value *a, const char *prefix,
                               int64_t minimum, int64_t maximum, uint32_t most, uint32_t *count);

/*
 * Runs that reach this place with a != b are refused: at run entry in the main graph; in a branch
 * where it begins, so that runs that take the other branch are not concerned.
 */
void hmlc_emit_require_equal(hmlc_emitter *emitter, hmlc_dim a, hmlc_dim b);

/* Known elements, from inference or a constant's bytes; NULL where they are not known (no
 * diagnostic). At most HMLC_EMIT_MAX_ELEMENTS. */
#define HMLC_EMIT_MAX_ELEMENTS 64
const hmlc_dim *hmlc_emit_elements(hmlc_emitter *emitter, hmlc_value *a, uint32_t *count);
/*
 * emit_trace.c: the elements of a float tensor that is computed from dims: casts of integers with
 * known elements, their sums and products with constants, minima, floors, as exporters write them
 * for resizing. What the tensor gives when it is cast to an integer; NULL where that is not known.
 * Exact, whereas f32 rounds dims above 2^24.
 */
const hmlc_dim *hmlc_emit_traced(hmlc_emitter *emitter, hmlc_value *a, uint32_t *count);
/* The value's tensor when it can be computed now from constants and static dims, at most 64 KiB;
 * NULL otherwise. Lives in the module's arena. */
const hmlc_tensor *hmlc_emit_constant_of(hmlc_emitter *emitter, hmlc_value *a);

/* Shorthands. */
static inline hmlc_dims *hmlc_emit_table(const hmlc_emitter *emitter)
{
    return emitter->builder.module->dims;
}
static inline hmlc_dim hmlc_emit_number(const hmlc_emitter *emitter, int64_t number)
{
    return hmlc_dim_constant(emitter->builder.module->dims, number);
}

#endif

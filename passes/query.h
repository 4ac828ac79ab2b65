/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions that rules ask of values, and builders that fold on the spot. */
#ifndef HMLC_QUERY_H
#define HMLC_QUERY_H

#include "rewrite.h"

/* The op that makes `value` when it is of that opcode (and the value its first result), else NULL.
 */
static inline hmlc_op *hmlc_producer_of(const hmlc_value *value, hmlc_opcode opcode)
{
    return value != NULL && value->producer != NULL && value->producer->opcode == opcode &&
                   value->index == 0
               ? value->producer
               : NULL;
}

static inline bool hmlc_is_constant(const hmlc_value *value)
{
    return value != NULL && value->producer != NULL && value->producer->opcode == HMLC_OP_constant;
}

static inline bool hmlc_is_float(const hmlc_value *value)
{
    return value->type->kind == HMLC_KIND_TENSOR && hmlc_dtype_is_float(value->type->dtype);
}

/* A constant whose elements all equal `expected`. */
bool hmlc_is_splat_of(const hmlc_value *value, double expected);

/* One constant of 2^-12 to 2^12 in magnitude: changing places with a sum it makes no number leave
 * the type's range but at its very ends. */
bool hmlc_is_mild_scale(const hmlc_value *value);

/* A product of floats and quantized constants. */
bool hmlc_quantized_weights_only(const hmlc_op *op);

/* All dims are the constant 1 (rank 0 included). */
bool hmlc_is_one_element(const hmlc_value *value);

/* Dim `index` of `type` aligned to `rank` from the right, as broadcasting does; NULL left of it. */
hmlc_dim hmlc_aligned_dim(const hmlc_type *type, int32_t rank, int32_t index);

/*
 * Would the elementwise op's result keep its type if operand `index` had `type`? True only where
 * each result dim is still given by some operand.
 */
bool hmlc_broadcast_keeps_type(const hmlc_op *op, uint32_t index, const hmlc_type *type);

bool hmlc_dims_equal(const hmlc_dim *left, const hmlc_dim *right, uint32_t count);
bool hmlc_dims_all(const hmlc_dim *dims, uint32_t count, int64_t value);
bool hmlc_ints_all(const int64_t *values, uint32_t count, int64_t value);

/* Does `small` broadcast to `large` with each of its dims equal to the larger one or the constant
 * 1? */
bool hmlc_expands_by_ones(const hmlc_type *small, const hmlc_type *large);

/* List attributes that the op must have. */
const hmlc_attr *hmlc_list_attr(const hmlc_op *op, hmlc_attr_name name);

/* Puts `op`'s accumulator, where it has one, behind `count` attributes; the new count. `op` may be
 * NULL. */
uint32_t hmlc_add_accumulator(const hmlc_op *op, hmlc_attr *attrs, uint32_t count);

/*
 * hmlc_eval_constant_op with the results' data in the module's arena; what evaluation needs besides
 * is freed.
 */
hmlc_status hmlc_evaluate_constant_op(hmlc_op *op, size_t max_bytes,
                                      hmlc_tensor *results) HMLC_MUST_USE;

/*
 * Builds an op and, where its operands are constants, evaluates it at once. The result is a
 * constant or the op's.
 */
hmlc_status hmlc_build_folded(hmlc_builder *builder, hmlc_opcode opcode,
                              hmlc_value *const *operands, uint32_t operand_count,
                              const hmlc_attr *attrs, uint32_t attr_count,
                              hmlc_value **result) HMLC_MUST_USE;

/* `value` as numbers of `dtype`, folded; itself where it has that type. */
hmlc_status hmlc_build_cast(hmlc_builder *builder, hmlc_value *value, hmlc_dtype dtype,
                            hmlc_value **result) HMLC_MUST_USE;

/* A scalar constant of the value's element type. */
hmlc_status hmlc_build_scalar_like(hmlc_builder *builder, const hmlc_value *like, double number,
                                   hmlc_value **result) HMLC_MUST_USE;

/* Reshape to `shape` unless the value has it already. */
hmlc_status hmlc_build_reshaped(hmlc_builder *builder, hmlc_value *value, const hmlc_dim *shape,
                                uint32_t rank, hmlc_value **result) HMLC_MUST_USE;

/* As hmlc_rewrite_replace_op with the op's own attributes. */
hmlc_status hmlc_rewrite_same_op(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_value *const *operands,
                                 uint32_t operand_count) HMLC_MUST_USE;

/* As hmlc_rewrite_same_op, with one attribute more. */
hmlc_status hmlc_rewrite_with_attr(hmlc_rewriter *rewriter, hmlc_op *op,
                                   hmlc_value *const *operands, uint32_t operand_count,
                                   hmlc_attr attr) HMLC_MUST_USE;

/* A loop of the one form that is compiled: see passes/lower/lower_loop.c. */
bool hmlc_loop_is_lowered(const hmlc_op *op);

/* All constants of the region and of those within, in their order. */
typedef struct hmlc_constants {
    hmlc_op **ops;
    uint32_t count, capacity;
} hmlc_constants;
hmlc_status hmlc_constants_list(hmlc_region *region, hmlc_arena *arena,
                                hmlc_constants *list) HMLC_MUST_USE;

/* Sets the note of every value of the region, and of the regions within, to NULL. */
void hmlc_clear_value_notes(hmlc_region *region);

#endif

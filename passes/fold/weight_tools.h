/* SPDX-License-Identifier: Apache-2.0 */
/* Constant weights of contractions: where their channels lie, and new constants made from them. */
#ifndef HMLC_WEIGHTS_H
#define HMLC_WEIGHTS_H

#include "query.h"

/*
 * A conv, conv_transpose or matmul whose weights are a constant of a floating type that may be
 * rewritten: nobody else uses it, or it is small. A matmul's have rank 2.
 */
typedef struct hmlc_weighted_op {
    hmlc_op *op;
    hmlc_value *weights;
    const hmlc_tensor *tensor;
    int64_t groups;
    int32_t result_axis;             /* channels of the result */
    int32_t output_axis, input_axis; /* of the weights */
    int64_t outputs, inputs;         /* channels, over all groups */
    bool has_bias_operand;           /* conv and conv_transpose */
} hmlc_weighted_op;

/* False where `op` is no such contraction. */
bool hmlc_contraction_read(hmlc_op *op, hmlc_weighted_op *contraction);

/*
 * A constant that varies along one dim of a shape at most: one number per channel, where the shape
 * has `rank` dims and the constant broadcasts to it with its channels at `axis`. NULL in *numbers
 * where it varies otherwise.
 */
hmlc_status hmlc_read_channels(hmlc_arena *arena, const hmlc_value *value, int32_t rank,
                               int32_t axis, int64_t channels, double **numbers) HMLC_MUST_USE;

/*
 * New weights: each element times its output or input channel's factor. *result stays NULL where
 * one would not be finite.
 */
hmlc_status hmlc_scale_weights(hmlc_builder *builder, const hmlc_weighted_op *contraction,
                               bool by_output, const double *factors,
                               hmlc_value **result) HMLC_MUST_USE;

/* sums[o] += sum over the weights of output o times its input channel's number. */
void hmlc_sum_weights(const hmlc_weighted_op *contraction, const double *numbers, double *sums);

/* A copy of a constant with element i along `axis` taken from order[i]. */
hmlc_status hmlc_permute_constant(hmlc_builder *builder, const hmlc_tensor *tensor, int32_t axis,
                                  const int64_t *order, hmlc_value **result) HMLC_MUST_USE;

/*
 * What a sum of constants may lose to cancellation, and how large a constant may be to change
 * places with other sums: 2 to a third of the type's significant bits. Beyond that, rounding to its
 * last place may be the point, as in (x + c) - c.
 */
double hmlc_most_cancellation(hmlc_dtype dtype);
/* A constant whose elements are all that small. */
bool hmlc_is_moderate(const hmlc_value *value);

/* A rank-1 constant. */
hmlc_status hmlc_build_vector(hmlc_builder *builder, hmlc_dtype dtype, const double *numbers,
                              int64_t count, hmlc_value **result) HMLC_MUST_USE;
/* The same shaped to broadcast along `axis` of a shape with `rank` dims: trailing dims of 1. */
hmlc_status hmlc_build_channels(hmlc_builder *builder, hmlc_dtype dtype, const double *numbers,
                                int64_t count, int32_t rank, int32_t axis,
                                hmlc_value **result) HMLC_MUST_USE;

#endif

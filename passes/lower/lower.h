/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering: ops that no kernel form takes become ops that one does. */
#ifndef HMLC_LOWER_H
#define HMLC_LOWER_H

#include "query.h"

/* Replaces the op, and leaves erasing it to the caller; *done tells whether it did. */
typedef hmlc_status (*lower_function)(hmlc_module *module, hmlc_op *op, bool *done);

hmlc_status hmlc_lower_batch_norm(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;
hmlc_status hmlc_lower_conv(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;
hmlc_status hmlc_lower_loop(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;
hmlc_status hmlc_lower_recurrent(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;
hmlc_status hmlc_lower_matmul(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;
hmlc_status hmlc_lower_resize(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;

/* The op on operands cast to f32, its results cast back and in use; *widened stays NULL for other
 * types. */
hmlc_status hmlc_lower_half(hmlc_op *op, hmlc_op **widened) HMLC_MUST_USE;

/*
 * Moves a reshape on an operand of an elementwise or rowwise op behind the op, where all other
 * operands can follow: matmul over collapsed rows -> reshape -> bias, activation, residual then
 * fuse.
 */
hmlc_status hmlc_lower_sink_reshape(hmlc_module *module, hmlc_op *op, bool *done) HMLC_MUST_USE;

/* `value` with that shape; reshapes above it are skipped. */
hmlc_status hmlc_lower_reshaped(hmlc_builder *builder, hmlc_value *value, const hmlc_dim *shape,
                                int32_t rank, hmlc_value **result) HMLC_MUST_USE;
/* a * b, either side transposed when its flag is set; a `b` that is no constant is packed. */
typedef struct lower_product {
    const hmlc_op *op; /* its accumulator is the product's; NULL: the operands' type */
    hmlc_value *a, *b;
    int64_t transpose_a, transpose_b;
} lower_product;
hmlc_status hmlc_lower_product(hmlc_builder *builder, const lower_product *of,
                               hmlc_value **result) HMLC_MUST_USE;
/* A single row times a dynamic matrix, as a reduction; *result stays NULL for other products. */
hmlc_status hmlc_lower_row_product(hmlc_builder *builder, const lower_product *of,
                                   hmlc_value **result) HMLC_MUST_USE;
/* Builds an op of two operands, folding constants. */
hmlc_status hmlc_lower_binary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *left,
                              hmlc_value *right, hmlc_value **result) HMLC_MUST_USE;

#endif

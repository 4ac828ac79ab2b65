/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of matmul. Batches that share the right-hand side become rows of one product; a
 * right-hand side that is no constant is packed into panels first.
 */
#include "lower.h"

#include <hmlc/packing.h>

static bool swaps_last_two(const hmlc_op *transpose)
{
    const hmlc_attr *permutation = hmlc_list_attr(transpose, HMLC_ATTR_permutation);
    uint32_t rank = permutation->count;
    for (uint32_t i = 0; i + 2 < rank; i++) {
        if (permutation->as.integers[i] != i) {
            return false;
        }
    }
    return rank >= 2 && permutation->as.integers[rank - 1] == rank - 2;
}

static bool is_shared(const hmlc_type *type)
{
    return hmlc_dims_all(type->dims, (uint32_t)type->rank - 2, 1);
}

/* (s a) x b = s (a x b): a scalar factor on either side joins the epilogue; NULL when there is
 * none. */
static hmlc_value *strip_factor(hmlc_value **side)
{
    const hmlc_op *mul = hmlc_producer_of(*side, HMLC_OP_mul);
    for (uint32_t i = 0; mul != NULL && i < 2; i++) {
        hmlc_value *factor = hmlc_op_operand(mul, i), *rest = hmlc_op_operand(mul, 1 - i);
        if (hmlc_is_mild_scale(factor) && hmlc_is_one_element(factor) &&
            factor->type->rank <= rest->type->rank && hmlc_value_has_one_use(*side)) {
            *side = rest;
            return factor;
        }
    }
    return NULL;
}

static hmlc_status apply_factors(hmlc_builder *builder, hmlc_value *const *factors,
                                 hmlc_value **result)
{
    hmlc_value *factor = factors[0] != NULL ? factors[0] : factors[1];
    if (factor == NULL) {
        return HMLC_OK;
    }
    if (factors[0] != NULL && factors[1] != NULL) {
        HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_mul, factors[0], factors[1], &factor));
    }
    HMLC_TRY(hmlc_lower_reshaped(builder, factor, NULL, 0, &factor));
    return hmlc_lower_binary(builder, HMLC_OP_mul, *result, factor, result);
}

/* a [.., M, K] x b [K, N]: all rows of a in one matrix. */
static hmlc_status collapse(hmlc_builder *builder, lower_product *of)
{
    hmlc_dims *dims = builder->module->dims;
    const hmlc_type *a = of->a->type, *b = of->b->type;
    hmlc_dim rows = hmlc_dim_constant(dims, 1);
    for (int32_t i = 0; i + 1 < a->rank; i++) {
        rows = hmlc_dim_multiply(dims, rows, a->dims[i]);
    }
    hmlc_dim shape[] = {rows, a->dims[a->rank - 1]};
    HMLC_TRY(hmlc_lower_reshaped(builder, of->a, shape, 2, &of->a));
    return hmlc_lower_reshaped(builder, of->b, b->dims + b->rank - 2, 2, &of->b);
}

/* Weights with one scale for each column or for all: it becomes a factor of the sums. */
static bool is_scaled(const hmlc_value *b)
{
    const hmlc_op *unpacking = b->producer;
    return hmlc_op_unpacks(unpacking) && unpacking->opcode == HMLC_OP_dequantize &&
           hmlc_op_operand(unpacking, 2) == NULL && hmlc_right_is_constant(b) &&
           hmlc_op_int(unpacking, HMLC_ATTR_block) == 0;
}

static hmlc_status scaled_product(hmlc_builder *builder, const lower_product *of,
                                  hmlc_value **result)
{
    const hmlc_op *dequantize = of->b->producer;
    hmlc_value *integers = hmlc_op_operand(dequantize, 0);
    lower_product plain = *of;
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    HMLC_TRY(hmlc_build(builder, HMLC_OP_cast, &integers, 1, &to, 1, &plain.b));
    HMLC_TRY(hmlc_lower_product(builder, &plain, result));
    return hmlc_build_binary(builder, HMLC_OP_mul, *result, hmlc_op_operand(dequantize, 1), result);
}

hmlc_status hmlc_lower_product(hmlc_builder *builder, const lower_product *of, hmlc_value **result)
{
    const hmlc_type *b = of->b->type;
    hmlc_attr attrs[3] = {hmlc_attr_int(HMLC_ATTR_transpose_a, of->transpose_a),
                          hmlc_attr_int(HMLC_ATTR_transpose_b, of->transpose_b)};
    hmlc_value *operands[] = {of->a, of->b};
    if (is_scaled(of->b)) {
        return scaled_product(builder, of, result);
    }
    if (hmlc_right_is_constant(of->b)) {
        uint32_t count = hmlc_add_accumulator(of->op, attrs, 2);
        return hmlc_build(builder, HMLC_OP_matmul, operands, 2, attrs, count, result);
    }
    hmlc_dim columns = b->dims[b->rank - (of->transpose_b != 0 ? 2 : 1)];
    hmlc_attr packed[4] = {hmlc_attr_dims(HMLC_ATTR_shape, &columns, 1), attrs[0]};
    uint32_t count = hmlc_add_accumulator(of->op, packed, 2), pack_count = 1;
    hmlc_dtype sums = count > 2 ? packed[2].as.dtype : of->a->type->dtype;
    hmlc_pack_layout layout = hmlc_pack_layout_for(of->a->type->dtype, b->dtype, sums);
    if (layout.group != HMLC_PACK_GROUP) {
        hmlc_attr group = hmlc_attr_int(HMLC_ATTR_depth_group, layout.group);
        attrs[1 + pack_count++] = packed[count++] = group;
    }
    HMLC_TRY(hmlc_build(builder, HMLC_OP_pack_panels, &operands[1], 1, &attrs[1], pack_count,
                        &operands[1]));
    return hmlc_build(builder, HMLC_OP_matmul_packed, operands, 2, packed, count, result);
}

/* Scalar factors come off, a transpose becomes a flag; true when anything was found. */
static bool simplify_product(lower_product *of, hmlc_value *factors[2])
{
    const lower_product before = *of;
    if (of->a->type->dtype == HMLC_DTYPE_f32) {
        factors[0] = strip_factor(&of->a);
        factors[1] = strip_factor(&of->b);
    }
    const hmlc_op *swapped = hmlc_producer_of(of->b, HMLC_OP_transpose);
    if (swapped != NULL && swaps_last_two(swapped)) {
        of->b = hmlc_op_operand(swapped, 0);
        of->transpose_b = of->transpose_b == 0;
    }
    return before.a != of->a || before.b != of->b;
}

hmlc_status hmlc_lower_matmul(hmlc_module *module, hmlc_op *op, bool *done)
{
    (void)module;
    lower_product of = {.op = op,
                        .a = hmlc_op_operand(op, 0),
                        .b = hmlc_op_operand(op, 1),
                        .transpose_a = hmlc_op_int(op, HMLC_ATTR_transpose_a),
                        .transpose_b = hmlc_op_int(op, HMLC_ATTR_transpose_b)};
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *factors[2] = {NULL, NULL}, *result = NULL;
    bool changed = simplify_product(&of, factors);
    bool collapses = is_shared(of.b->type) && of.transpose_a == 0 &&
                     (of.a->type->rank > 2 || of.b->type->rank > 2);
    changed = changed || is_scaled(of.b);
    if (!collapses && !changed && hmlc_right_is_constant(of.b)) {
        return HMLC_OK;
    }
    if (collapses) {
        HMLC_TRY(collapse(&builder, &of));
    }
    HMLC_TRY(hmlc_lower_row_product(&builder, &of, &result));
    if (result == NULL) {
        HMLC_TRY(hmlc_lower_product(&builder, &of, &result));
    }
    HMLC_TRY(apply_factors(&builder, factors, &result));
    const hmlc_type *type = op->results[0]->type;
    result->name = op->results[0]->name;
    HMLC_TRY(hmlc_lower_reshaped(&builder, result, type->dims, type->rank, &result));
    hmlc_value_replace_uses(op->results[0], result);
    *done = true;
    return HMLC_OK;
}

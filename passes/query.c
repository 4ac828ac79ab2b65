/* SPDX-License-Identifier: Apache-2.0 */
/* Small questions that rules ask of values, and builders that fold on the spot. */
#include "query.h"

#include <math.h>

enum { MAX_FOLDED_BYTES = 64 << 20 };

bool hmlc_is_splat_of(const hmlc_value *value, double expected)
{
    double splat;
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    return tensor != NULL && hmlc_tensor_count(tensor) > 0 && hmlc_dtype_bytes(tensor->dtype) > 0 &&
           hmlc_tensor_get_double(tensor, 0) == expected && hmlc_value_splat(value, &splat);
}

bool hmlc_is_mild_scale(const hmlc_value *value)
{
    double scale;
    return hmlc_is_constant(value) && hmlc_value_splat(value, &scale) && fabs(scale) >= 0x1p-12 &&
           fabs(scale) <= 0x1p12;
}

bool hmlc_quantized_weights_only(const hmlc_op *op)
{
    const hmlc_op *weights = hmlc_producer_of(hmlc_op_operand(op, 1), HMLC_OP_dequantize);
    return hmlc_op_has(op, HMLC_TRAIT_CONTRACTION) && weights != NULL &&
           hmlc_is_constant(hmlc_op_operand(weights, 0)) &&
           hmlc_producer_of(hmlc_op_operand(op, 0), HMLC_OP_dequantize) == NULL;
}

bool hmlc_is_one_element(const hmlc_value *value)
{
    return value->type->kind == HMLC_KIND_TENSOR &&
           hmlc_dims_all(value->type->dims, (uint32_t)value->type->rank, 1);
}

hmlc_dim hmlc_aligned_dim(const hmlc_type *type, int32_t rank, int32_t index)
{
    int32_t own = index - (rank - type->rank);
    return own >= 0 && own < type->rank ? type->dims[own] : NULL;
}

bool hmlc_broadcast_keeps_type(const hmlc_op *op, uint32_t index, const hmlc_type *type)
{
    const hmlc_type *result = op->results[0]->type;
    if (type->rank > result->rank) {
        return false;
    }
    for (int32_t i = 0; i < result->rank; i++) {
        bool given = false;
        for (uint32_t k = 0; k < op->operand_count && !given; k++) {
            const hmlc_type *operand = k == index ? type : op->operands[k].value->type;
            given = hmlc_aligned_dim(operand, result->rank, i) == result->dims[i];
        }
        if (!given && !hmlc_dim_is(result->dims[i], 1)) {
            return false;
        }
    }
    /* Some operand must have the rank, too. */
    for (uint32_t k = 0; k < op->operand_count; k++) {
        if ((k == index ? type : op->operands[k].value->type)->rank == result->rank) {
            return true;
        }
    }
    return false;
}

bool hmlc_expands_by_ones(const hmlc_type *small, const hmlc_type *large)
{
    for (int32_t i = 0; i < large->rank; i++) {
        hmlc_dim dim = hmlc_aligned_dim(small, large->rank, i);
        if (dim != NULL && dim != large->dims[i] && !hmlc_dim_is(dim, 1)) {
            return false;
        }
    }
    return small->rank <= large->rank;
}

bool hmlc_dims_equal(const hmlc_dim *left, const hmlc_dim *right, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (left[i] != right[i]) {
            return false;
        }
    }
    return true;
}

bool hmlc_dims_all(const hmlc_dim *dims, uint32_t count, int64_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!hmlc_dim_is(dims[i], value)) {
            return false;
        }
    }
    return true;
}

bool hmlc_ints_all(const int64_t *values, uint32_t count, int64_t value)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] != value) {
            return false;
        }
    }
    return true;
}

const hmlc_attr *hmlc_list_attr(const hmlc_op *op, hmlc_attr_name name)
{
    static const hmlc_attr none = {0};
    const hmlc_attr *attr = hmlc_op_attr(op, name);
    return attr != NULL ? attr : &none;
}

uint32_t hmlc_add_accumulator(const hmlc_op *op, hmlc_attr *attrs, uint32_t count)
{
    const hmlc_attr *attr = op != NULL ? hmlc_op_attr(op, HMLC_ATTR_accumulator) : NULL;
    if (attr == NULL) {
        return count;
    }
    attrs[count] = *attr;
    return count + 1;
}

static hmlc_status keep_results(hmlc_arena *arena, hmlc_tensor *results, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        results[i].data = hmlc_arena_copy(arena, results[i].data, results[i].bytes);
        HMLC_TRY_MEMORY(results[i].data);
    }
    return HMLC_OK;
}

hmlc_status hmlc_evaluate_constant_op(hmlc_op *op, size_t max_bytes, hmlc_tensor *results)
{
    hmlc_arena *temporary = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(temporary);
    hmlc_status status = hmlc_eval_constant_op(op, temporary, max_bytes, results);
    if (status == HMLC_OK) {
        status = keep_results(op->parent->module->arena, results, op->result_count);
    }
    hmlc_arena_destroy(temporary);
    return status;
}

hmlc_status hmlc_build_folded(hmlc_builder *builder, hmlc_opcode opcode,
                              hmlc_value *const *operands, uint32_t operand_count,
                              const hmlc_attr *attrs, uint32_t attr_count, hmlc_value **result)
{
    hmlc_op *op = NULL;
    HMLC_TRY(hmlc_op_create(builder, opcode, operands, operand_count, attrs, attr_count, &op));
    *result = op->results[0];
    for (uint32_t i = 0; i < operand_count; i++) {
        if (operands[i] != NULL && !hmlc_is_constant(operands[i])) {
            return HMLC_OK;
        }
    }
    hmlc_tensor folded;
    hmlc_status status = hmlc_evaluate_constant_op(op, MAX_FOLDED_BYTES, &folded);
    if (status == HMLC_NO) {
        return HMLC_OK;
    }
    HMLC_TRY(status);
    HMLC_TRY(hmlc_build_constant(builder, &folded, result));
    hmlc_op_erase(op);
    return HMLC_OK;
}

hmlc_status hmlc_build_cast(hmlc_builder *builder, hmlc_value *value, hmlc_dtype dtype,
                            hmlc_value **result)
{
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, dtype);
    *result = value;
    return value->type->dtype == dtype
               ? HMLC_OK
               : hmlc_build_folded(builder, HMLC_OP_cast, &value, 1, &to, 1, result);
}

hmlc_status hmlc_build_scalar_like(hmlc_builder *builder, const hmlc_value *like, double number,
                                   hmlc_value **result)
{
    return hmlc_build_scalar(builder, like->type->dtype, number, result);
}

hmlc_status hmlc_build_reshaped(hmlc_builder *builder, hmlc_value *value, const hmlc_dim *shape,
                                uint32_t rank, hmlc_value **result)
{
    *result = value;
    if ((uint32_t)value->type->rank == rank && hmlc_dims_equal(value->type->dims, shape, rank)) {
        return HMLC_OK;
    }
    return hmlc_build_reshape(builder, value, shape, rank, result);
}

hmlc_status hmlc_rewrite_same_op(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_value *const *operands,
                                 uint32_t operand_count)
{
    return hmlc_rewrite_replace_op(rewriter, op, op->opcode, operands, operand_count, op->attrs,
                                   op->attr_count);
}

hmlc_status hmlc_rewrite_with_attr(hmlc_rewriter *rewriter, hmlc_op *op,
                                   hmlc_value *const *operands, uint32_t operand_count,
                                   hmlc_attr attr)
{
    uint32_t count = op->attr_count;
    hmlc_attr *attrs = HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_attr, count + 1);
    HMLC_TRY_MEMORY(attrs);
    for (uint32_t k = 0; k < count; k++) {
        attrs[k] = op->attrs[k];
    }
    attrs[count] = attr;
    return hmlc_rewrite_replace_op(rewriter, op, op->opcode, operands, operand_count, attrs,
                                   count + 1);
}

hmlc_status hmlc_constants_list(hmlc_region *region, hmlc_arena *arena, hmlc_constants *list)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(hmlc_constants_list(op->regions[i], arena, list));
        }
        if (op->opcode != HMLC_OP_constant) {
            continue;
        }
        void *ops = (void *)list->ops;
        if (!hmlc_arena_grow(arena, &ops, &list->capacity, list->count, sizeof(hmlc_op *))) {
            return HMLC_RESOURCE;
        }
        list->ops = ops;
        list->ops[list->count++] = op;
    }
    return HMLC_OK;
}

void hmlc_clear_value_notes(hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        region->arguments[i]->note = NULL;
    }
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t i = 0; i < op->result_count; i++) {
            op->results[i]->note = NULL;
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            hmlc_clear_value_notes(op->regions[i]);
        }
    }
}

bool hmlc_loop_is_lowered(const hmlc_op *op)
{
    const hmlc_region *region = op->regions[0];
    return op->opcode == HMLC_OP_loop && hmlc_op_operand(op, 0) == NULL &&
           hmlc_op_operand(op, 1) != NULL && op->operand_count == op->result_count + 2 &&
           !hmlc_value_has_uses(region->arguments[0]) && !hmlc_value_has_uses(region->arguments[1]);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of single ops on constants. */
#include "fold.h"
#include "eval_run.h"
#include "eval_tools.h"

/* Dims in attributes must be constants where no symbol has a value. */
static bool attrs_are_constant(const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->attr_count; ++i) {
        const hmlc_attr *attr = &op->attrs[i];
        bool dims = hmlc_attr_kind_of(attr->name) == HMLC_ATTR_KIND_DIMS;
        for (uint32_t k = 0; dims && k < attr->count; ++k) {
            if (!hmlc_dim_is_constant(attr->as.dims[k], NULL)) {
                return false;
            }
        }
    }
    return true;
}

/* Bytes of a static tensor; false where it is not static, has no byte form, or overflows. */
static bool static_bytes(const hmlc_type *type, size_t *bytes)
{
    hmlc_tensor shape = {.rank = type->rank};
    if (type->kind != HMLC_KIND_TENSOR || hmlc_dtype_bytes(type->dtype) == 0 ||
        !hmlc_type_static_dims(type, shape.dims)) {
        return false;
    }
    int64_t count = hmlc_tensor_count(&shape);
    return count >= 0 && hmlc_size_multiply((size_t)count, hmlc_dtype_bytes(type->dtype), bytes);
}

static bool can_fold(const hmlc_op *op, uint32_t count, const hmlc_type *const *types,
                     size_t max_bytes)
{
    size_t total = 0, bytes;
    if (hmlc_op_has(op, HMLC_TRAIT_REGIONS | HMLC_TRAIT_BINDS | HMLC_TRAIT_TERMINATOR) ||
        !attrs_are_constant(op)) {
        return false;
    }
    for (uint32_t i = 0; i < count; ++i) {
        if (!static_bytes(types[i], &bytes) || !hmlc_size_add(total, bytes, &total) ||
            total > max_bytes) {
            return false;
        }
    }
    for (uint32_t i = 0; i < op->operand_count; ++i) {
        const hmlc_value *value = hmlc_op_operand(op, i);
        if (value != NULL && hmlc_value_constant(value) == NULL) {
            return false;
        }
    }
    return true;
}

hmlc_status hmlc_fold_op(hmlc_module *module, const hmlc_op *op, uint32_t count,
                         const hmlc_type *const *types, hmlc_arena *arena, size_t max_bytes,
                         hmlc_tensor *results)
{
    if (!can_fold(op, count, types, max_bytes)) {
        return HMLC_NO;
    }
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(scratch);
    const hmlc_tensor **operands = HMLC_NEW_ARRAY(scratch, const hmlc_tensor *, op->operand_count);
    hmlc_status status = operands == NULL ? HMLC_RESOURCE : HMLC_OK;
    for (uint32_t i = 0; i < op->operand_count && status == HMLC_OK; ++i) {
        const hmlc_value *value = hmlc_op_operand(op, i);
        operands[i] = value != NULL ? hmlc_value_constant(value) : NULL;
    }
    hmlc_eval context = {.module = module,
                         .arena = scratch,
                         .op = op,
                         .operand_count = op->operand_count,
                         .operands = operands,
                         .result_count = count,
                         .results = results};
    for (uint32_t i = 0; i < count && status == HMLC_OK; ++i) {
        status = hmlc_eval_new_result(&context, types[i], arena, &results[i]);
    }
    if (status == HMLC_OK) {
        status = hmlc_eval_run(&context);
    }
    hmlc_arena_destroy(scratch);
    return status;
}

hmlc_status hmlc_eval_constant_op(hmlc_op *op, hmlc_arena *arena, size_t max_bytes,
                                  hmlc_tensor *results)
{
    const hmlc_type *types[8];
    if (op->result_count > sizeof types / sizeof types[0]) {
        return HMLC_NO;
    }
    for (uint32_t i = 0; i < op->result_count; ++i) {
        types[i] = op->results[i]->type;
    }
    return hmlc_fold_op(op->parent->module, op, op->result_count, types, arena, max_bytes, results);
}

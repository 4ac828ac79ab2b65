/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constant folding: ops on constants become constants, integer values whose elements inference
 * knows become constants or dims_tensors, and an `if` whose condition is known becomes the region
 * it takes. Large results that grow out of small operands are left to be computed: weights stay
 * small.
 */
#include "fold_constants.h"

#include "query.h"

enum {
    MAX_RESULT_BYTES = 64 << 20,
    MAX_GROWN_BYTES = 1 << 20,
    MAX_FOLDED_TOTAL = 8 << 20, /* beyond twice the bytes of the model's own constants */
    MOST_WORK = 1 << 30,        /* steps of a product */
};
/* How much longer the steps of other sums take. */
#define SLOW_STEP 8.0

static hmlc_status build_dims_constant(hmlc_builder *builder, const hmlc_value *value,
                                       hmlc_value **result)
{
    const hmlc_type *type = value->type;
    hmlc_tensor tensor = {.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; i < type->rank; i++) {
        tensor.dims[i] = type->dims[i]->value;
    }
    int64_t count = hmlc_tensor_count(&tensor);
    tensor.bytes = (size_t)count * hmlc_dtype_bytes(type->dtype);
    void *data = hmlc_arena_allocate(builder->module->arena, tensor.bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t i = 0; i < count; i++) {
        hmlc_element_set_int(type->dtype, data, i, value->elements[i]->value);
    }
    tensor.data = data;
    return hmlc_build_constant(builder, &tensor, result);
}

static hmlc_status build_dims_tensor(hmlc_builder *builder, const hmlc_value *value, uint32_t count,
                                     hmlc_value **result)
{
    const hmlc_type *type = value->type;
    hmlc_attr attrs[] = {
        hmlc_attr_dims(HMLC_ATTR_elements, value->elements, count),
        hmlc_attr_dtype(HMLC_ATTR_to, type->dtype),
        hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank),
    };
    return hmlc_build(builder, HMLC_OP_dims_tensor, NULL, 0, attrs, 3, result);
}

/* Integers with known elements: shape arithmetic. Bool results only fold to constants. */
static hmlc_status fold_known_elements(hmlc_rewriter *rewriter, hmlc_op *op)
{
    if (op->result_count != 1 || op->opcode == HMLC_OP_constant ||
        op->results[0]->elements == NULL || !hmlc_type_is_static(op->results[0]->type)) {
        return HMLC_OK;
    }
    const hmlc_value *value = op->results[0];
    int64_t count = 1;
    for (int32_t i = 0; i < value->type->rank; i++) {
        count *= value->type->dims[i]->value;
    }
    bool constant = true;
    for (int64_t i = 0; i < count; i++) {
        constant = constant && hmlc_dim_is_constant(value->elements[i], NULL);
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *folded = NULL;
    if (constant) {
        HMLC_TRY(build_dims_constant(&builder, value, &folded));
    } else if (op->opcode != HMLC_OP_dims_tensor && hmlc_dtype_is_integer(value->type->dtype)) {
        HMLC_TRY(build_dims_tensor(&builder, value, (uint32_t)count, &folded));
    } else {
        return HMLC_OK;
    }
    return hmlc_rewrite_replace(rewriter, op, folded);
}

/* Bytes that the results may have, 0 where the op is not to be folded. */
static size_t allowed_bytes(const hmlc_op *op)
{
    size_t operands = 0;
    if (op->operand_count == 0 || op->region_count > 0 || op->opcode == HMLC_OP_dequantize ||
        op->opcode == HMLC_OP_kernel) {
        return 0; /* dequantize: quantized weights stay, for the passes that use them */
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *operand = op->operands[i].value;
        const hmlc_tensor *tensor = hmlc_value_constant(operand);
        if (operand != NULL && tensor == NULL) {
            return 0;
        }
        operands += tensor != NULL ? tensor->bytes : 0;
    }
    if (op->operand_count == 1 && hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
        return MAX_RESULT_BYTES;
    }
    operands = operands > MAX_GROWN_BYTES ? operands : MAX_GROWN_BYTES;
    return operands < MAX_RESULT_BYTES ? operands : MAX_RESULT_BYTES;
}

static size_t constant_bytes(const hmlc_region *region)
{
    size_t bytes = 0;
    HMLC_FOR_EACH_OP(op, region)
    {
        const hmlc_tensor *tensor =
            op->opcode == HMLC_OP_constant ? hmlc_value_constant(op->results[0]) : NULL;
        bytes += tensor != NULL ? tensor->bytes : 0;
        for (uint32_t k = 0; k < op->region_count; k++) {
            bytes += constant_bytes(op->regions[k]);
        }
    }
    return bytes;
}

static double count_of(const hmlc_type *type)
{
    double count = 1;
    for (int32_t k = 0; k < type->rank; k++) {
        count *= (double)type->dims[k]->value;
    }
    return count;
}

/* Rough number of steps that evaluating the op takes: elements of the result, times the elements
 * that each adds up. */
static double work_of(const hmlc_op *op)
{
    const hmlc_value *weights = op->operand_count > 1 ? hmlc_op_operand(op, 1) : NULL;
    double work = count_of(op->results[0]->type);
    bool adds = op->opcode == HMLC_OP_matmul || op->opcode == HMLC_OP_conv ||
                op->opcode == HMLC_OP_conv_transpose || hmlc_cell_kind_of(op->opcode) != NULL;
    if (!adds || weights == NULL) {
        return work;
    }
    if (op->opcode == HMLC_OP_matmul) {
        const hmlc_type *left = hmlc_op_operand(op, 0)->type;
        return work * (double)left->dims[left->rank - 1]->value;
    }
    double outputs = (double)weights->type->dims[0]->value;
    return work * count_of(weights->type) / (outputs > 1 ? outputs : 1) * SLOW_STEP;
}

/*
 * Every folded value stays in memory, and a few bytes of a file may stand for any number of them:
 * a module folds into so many bytes with so many steps; what is left is computed at run time.
 */
static bool may_spend(hmlc_module *module, const hmlc_op *op, double *work, size_t *bytes)
{
    *work = work_of(op);
    *bytes = 0;
    if (!module->fold.known) {
        module->fold.known = true;
        module->fold.work = MOST_WORK;
        module->fold.bytes = MAX_FOLDED_TOTAL + 2 * constant_bytes(module->main);
    }
    for (uint32_t k = 0; k < op->result_count; k++) {
        const hmlc_type *type = op->results[k]->type;
        *bytes += (size_t)count_of(type) * hmlc_dtype_bytes(type->dtype);
    }
    return *bytes <= module->fold.bytes && *work <= module->fold.work;
}

static bool results_are_static(const hmlc_op *op)
{
    for (uint32_t k = 0; k < op->result_count; k++) {
        if (!hmlc_type_is_static(op->results[k]->type)) {
            return false;
        }
    }
    return true;
}

static hmlc_status fold_op(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_module *module = hmlc_rewrite_module(rewriter);
    size_t bytes = allowed_bytes(op), spent;
    double work;
    if (bytes == 0 || !results_are_static(op) || !may_spend(module, op, &work, &spent)) {
        return HMLC_OK;
    }
    hmlc_arena *scratch = hmlc_rewrite_scratch(rewriter);
    hmlc_tensor *tensors = HMLC_NEW_ARRAY(scratch, hmlc_tensor, op->result_count);
    hmlc_value **values = HMLC_NEW_ARRAY(scratch, hmlc_value *, op->result_count);
    HMLC_TRY_MEMORY(tensors);
    HMLC_TRY_MEMORY(values);
    hmlc_status status = hmlc_evaluate_constant_op(op, bytes, tensors);
    if (status == HMLC_NO) {
        return HMLC_OK;
    }
    HMLC_TRY(status);
    module->fold.bytes -= spent;
    module->fold.work -= work;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    for (uint32_t i = 0; i < op->result_count; i++) {
        HMLC_TRY(hmlc_build_constant(&builder, &tensors[i], &values[i]));
    }
    return hmlc_rewrite_replace_all(rewriter, op, values);
}

static bool known_condition(const hmlc_value *condition, bool *taken)
{
    int64_t value;
    double splat;
    if (hmlc_value_splat(condition, &splat)) {
        *taken = splat != 0.0;
        return true;
    }
    if (condition->elements != NULL && hmlc_dim_is_constant(condition->elements[0], &value)) {
        *taken = value != 0;
        return true;
    }
    return false;
}

static hmlc_status inline_if(hmlc_rewriter *rewriter, hmlc_op *op)
{
    bool taken;
    if (!known_condition(op->operands[0].value, &taken)) {
        return HMLC_OK;
    }
    hmlc_region *region = op->regions[taken ? 0 : 1];
    const hmlc_op *yield = region->last;
    hmlc_value **values =
        HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_value *, op->result_count);
    HMLC_TRY_MEMORY(values);
    for (uint32_t i = 0; i < op->result_count; i++) {
        values[i] = yield->operands[i].value;
        if (!hmlc_type_equal(values[i]->type, op->results[i]->type)) {
            return HMLC_OK;
        }
    }
    const hmlc_region *branch = NULL;
    (void)hmlc_region_branch(op->parent, &branch);
    hmlc_dims_move_equalities(region->module->dims, region, branch);
    HMLC_FOR_EACH_OP(inner, region)
    {
        if (inner != yield) {
            hmlc_op_move_before(inner, op);
        }
    }
    return hmlc_rewrite_replace_all(rewriter, op, values);
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_COUNT, HMLC_TRAIT_PURE, fold_known_elements},
    {HMLC_OP_COUNT, HMLC_TRAIT_PURE, fold_op},
    {HMLC_OP_if, 0, inline_if},
};

const hmlc_rewrite_rules hmlc_fold_constants = HMLC_RULES(rules);

hmlc_status hmlc_pass_fold_constants(hmlc_pass_context *context)
{
    return hmlc_rewrite_run(context, &hmlc_fold_constants, 1, NULL);
}

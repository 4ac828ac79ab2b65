/* Evaluation of single ops on constants. */
#include "eval_tools.h"
#include "infer_tools.h"
#include "interpret/interpreter.h"

static const hmlc_eval_function functions[] = {
#define HMLC_OP(name, operands, results, traits, infer, eval, attributes) hmlc_eval_##eval,
#include <hmlc/ops.def>
#undef HMLC_OP
};

/* Of (2^45, 0) there are 2^45 rows of nothing: nobody should walk them. Irregular ops look at their
 * inputs nevertheless, as their kernels do. */
static bool has_work(const hmlc_eval *context)
{
    bool work = context->result_count == 0 ||
                hmlc_op_has(context->op, HMLC_TRAIT_REGIONS | HMLC_TRAIT_IRREGULAR);
    for (uint32_t i = 0; i < context->result_count && !work; ++i) {
        work = context->results[i].bytes > 0;
    }
    return work;
}

hmlc_status hmlc_eval_run(hmlc_eval *context)
{
    return has_work(context) ? functions[context->op->opcode](context) : HMLC_OK;
}

hmlc_status hmlc_eval_new_result(const hmlc_eval *context, const hmlc_type *type, hmlc_arena *arena,
                                 hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; i < type->rank; ++i) {
        HMLC_TRY(hmlc_eval_dim(context, type->dims[i], &tensor->dims[i]));
        if (tensor->dims[i] < 0) {
            return hmlc_eval_fail(context, "dim %d of the result would be %lld", i,
                                  (long long)tensor->dims[i]);
        }
    }
    int64_t count = hmlc_tensor_count(tensor);
    if (count < 0 ||
        !hmlc_size_multiply((size_t)count, hmlc_dtype_bytes(type->dtype), &tensor->bytes)) {
        return HMLC_RESOURCE;
    }
    tensor->data = hmlc_arena_allocate(arena, tensor->bytes);
    HMLC_TRY_MEMORY(tensor->data);
    return HMLC_OK;
}

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

/* Evaluates an op on constants into results of the given types; HMLC_NO where it does not fold. */
static hmlc_status fold(hmlc_module *module, const hmlc_op *op, uint32_t count,
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
    return fold(op->parent->module, op, op->result_count, types, arena, max_bytes, results);
}

hmlc_status hmlc_known_folded(hmlc_infer *context)
{
    const hmlc_type *type = context->types[0];
    int64_t count = hmlc_known_count(type);
    bool integers = type->dtype == HMLC_DTYPE_bool || hmlc_dtype_is_integer(type->dtype);
    if (count < 0 || !integers) {
        return HMLC_OK;
    }
    hmlc_tensor result;
    hmlc_status status = fold(context->module, context->op, 1, context->types,
                              context->module->arena, SIZE_MAX, &result);
    if (status != HMLC_OK) {
        return status == HMLC_NO ? HMLC_OK : status;
    }
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(known);
    for (int64_t i = 0; i < count; ++i) {
        known[i] = hmlc_infer_number(context, hmlc_tensor_get_int(&result, i));
    }
    context->elements[0] = known;
    return HMLC_OK;
}

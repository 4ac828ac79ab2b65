/* SPDX-License-Identifier: Apache-2.0 */
/* The table of evaluations, and one op run by it. */
#include "eval_run.h"
#include "eval_tools.h"

static const hmlc_eval_function functions[] = {
#define HMLC_OP(name, operands, results, traits, cost, infer, eval, attributes) hmlc_eval_##eval,
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
            return hmlc_eval_fail(context, HMLC_ERROR_shape_mismatch,
                                  "dim %d of the result would be %lld", i,
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

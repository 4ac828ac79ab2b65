/* Evaluation of axes_dims: what axes_dims.c does on expressions. */
#include "eval_tools.h"

/* Normalises the axes and marks them; HMLC_USAGE where one is out of range or given twice. */
static hmlc_status read_axes(const hmlc_eval *context, int64_t limit, int64_t *axes, bool *chosen)
{
    const hmlc_tensor *given = context->operands[1];
    int64_t count = hmlc_tensor_count(given);
    for (int64_t k = 0; k < count; ++k) {
        axes[k] = hmlc_tensor_get_int(given, k);
        axes[k] += axes[k] < 0 ? limit : 0;
        if (axes[k] < 0 || axes[k] >= limit || chosen[axes[k]]) {
            return hmlc_eval_fail(context, "axis %lld is outside rank %lld or given twice",
                                  (long long)hmlc_tensor_get_int(given, k), (long long)limit);
        }
        chosen[axes[k]] = true;
    }
    return HMLC_OK;
}

static hmlc_status split(const hmlc_eval *context, int64_t rank, int64_t count, const int64_t *axes,
                         int64_t *result)
{
    bool done[HMLC_MAX_RANK] = {false};
    for (int64_t k = 0; k < count; ++k) {
        int64_t *row = &result[3 * k];
        row[0] = row[1] = row[2] = 1;
        for (int64_t i = 0; i < rank; ++i) {
            int64_t *part = &row[i < axes[k] ? 0 : i == axes[k] ? 1 : 2];
            int64_t dim = done[i] ? 1 : hmlc_tensor_get_int(context->operands[0], i);
            if (!hmlc_int64_multiply(*part, dim, part)) {
                return hmlc_eval_fail(context, "the shape has too many elements");
            }
        }
        done[axes[k]] = true;
    }
    return HMLC_OK;
}

static hmlc_status list(const hmlc_eval *context, int64_t mode, int64_t limit, const bool *chosen,
                        int64_t *result)
{
    int64_t from = 0, to = 0;
    for (int64_t i = 0; i < limit; ++i) {
        if (!chosen[i]) {
            result[to++] = hmlc_tensor_get_int(context->operands[0], from++);
            continue;
        }
        if (mode == HMLC_AXES_SQUEEZE && hmlc_tensor_get_int(context->operands[0], from) != 1) {
            return hmlc_eval_fail(context, "axis %lld has size %lld; expected 1", (long long)i,
                                  (long long)hmlc_tensor_get_int(context->operands[0], from));
        }
        from += mode != HMLC_AXES_INSERT;
        if (mode == HMLC_AXES_KEEP || mode == HMLC_AXES_INSERT) {
            result[to++] = 1;
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_axes_dims(hmlc_eval *context)
{
    int64_t mode = hmlc_op_int(context->op, HMLC_ATTR_axes_mode);
    int64_t rank = hmlc_tensor_count(context->operands[0]);
    int64_t count = hmlc_tensor_count(context->operands[1]);
    int64_t limit = mode == HMLC_AXES_INSERT ? rank + count : rank;
    int64_t axes[HMLC_MAX_RANK], result[3 * HMLC_MAX_RANK];
    bool chosen[HMLC_MAX_RANK] = {false};
    HMLC_TRY(read_axes(context, limit, axes, chosen));
    HMLC_TRY(mode == HMLC_AXES_SPLIT ? split(context, rank, count, axes, result)
                                     : list(context, mode, limit, chosen, result));
    hmlc_eval_store_integers(&context->results[0], result);
    return HMLC_OK;
}

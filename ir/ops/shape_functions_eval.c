/* Evaluation of shape functions and bind_dims: what shape_functions.c does on expressions. */
#include <math.h>

#include "eval_tools.h"

hmlc_status hmlc_eval_reshape_dims(hmlc_eval *context)
{
    const hmlc_tensor *shape = context->operands[0], *target = context->operands[1];
    bool copies = hmlc_op_int(context->op, HMLC_ATTR_allow_zero) == 0;
    int64_t rank = hmlc_tensor_count(shape), count = hmlc_tensor_count(target);
    int64_t total = 1, part = 1, unknown = -1;
    void *to = hmlc_eval_data(&context->results[0]);
    bool fits = true;
    for (int64_t i = 0; i < rank; ++i) {
        fits = fits && hmlc_int64_multiply(total, hmlc_tensor_get_int(shape, i), &total);
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t dim = hmlc_tensor_get_int(target, i);
        if (dim == 0 && copies && i < rank) {
            dim = hmlc_tensor_get_int(shape, i);
        }
        if (dim == -1 && unknown < 0) {
            unknown = i;
            continue;
        }
        fits = fits && dim >= 0 && hmlc_int64_multiply(part, dim, &part);
        hmlc_element_set_int(HMLC_DTYPE_i64, to, i, dim);
    }
    bool whole = unknown < 0 ? part == total : part > 0 && total % part == 0;
    if (!fits || !whole) {
        return hmlc_eval_fail(context, "the target shape does not hold %lld elements",
                              (long long)total);
    }
    if (unknown >= 0) {
        hmlc_element_set_int(HMLC_DTYPE_i64, to, unknown, total / part);
    }
    return HMLC_OK;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    int64_t below = value < most ? value : most;
    return below > least ? below : least;
}

/* numpy's rule for x[start:end:step] along a dim; step is not 0. */
static void resolve_slice(int64_t dim, int64_t start, int64_t end, int64_t step, int64_t *first,
                          int64_t *size)
{
    start += start < 0 ? dim : 0;
    end += end < 0 ? dim : 0;
    *first = clamp(start, 0, step > 0 ? dim : dim - 1);
    int64_t last = clamp(end, step > 0 ? 0 : -1, step > 0 ? dim : dim - 1);
    int64_t travel = step > 0 ? last - *first : *first - last;
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    *size = travel > 0 ? (int64_t)(((uint64_t)travel - 1) / stride) + 1 : 0;
}

static int64_t entry(const hmlc_eval *context, uint32_t operand, int64_t i, int64_t absent)
{
    const hmlc_tensor *tensor = hmlc_eval_operand(context, operand);
    return tensor != NULL ? hmlc_tensor_get_int(tensor, i) : absent;
}

hmlc_status hmlc_eval_slice_dims(hmlc_eval *context)
{
    const hmlc_tensor *shape = context->operands[0];
    int64_t rank = hmlc_tensor_count(shape), count = hmlc_tensor_count(context->operands[1]);
    int64_t known[3 * HMLC_MAX_RANK];
    for (int64_t i = 0; i < rank; ++i) {
        known[i] = 0;
        known[rank + i] = hmlc_tensor_get_int(shape, i);
        known[2 * rank + i] = 1;
    }
    for (int64_t i = 0; i < count; ++i) {
        int64_t axis = entry(context, 3, i, i), step = entry(context, 4, i, 1);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank || step == 0) {
            return hmlc_eval_fail(context, "axis %lld or step %lld is not valid for rank %lld",
                                  (long long)axis, (long long)step, (long long)rank);
        }
        resolve_slice(hmlc_tensor_get_int(shape, axis), entry(context, 1, i, 0),
                      entry(context, 2, i, 0), step, &known[axis], &known[rank + axis]);
        known[2 * rank + axis] = step;
    }
    hmlc_eval_store_integers(&context->results[0], known);
    return HMLC_OK;
}

hmlc_status hmlc_eval_broadcast_dims(hmlc_eval *context)
{
    const hmlc_tensor *a = context->operands[0], *b = context->operands[1];
    int64_t rank_a = hmlc_tensor_count(a), rank_b = hmlc_tensor_count(b);
    int64_t rank = rank_a > rank_b ? rank_a : rank_b;
    for (int64_t k = 1; k <= rank; ++k) {
        int64_t left = k <= rank_a ? hmlc_tensor_get_int(a, rank_a - k) : 1;
        int64_t right = k <= rank_b ? hmlc_tensor_get_int(b, rank_b - k) : 1;
        if (left != right && left != 1 && right != 1) {
            return hmlc_eval_fail(context, "dims %lld and %lld do not broadcast", (long long)left,
                                  (long long)right);
        }
        hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(&context->results[0]), rank - k,
                             left == 1 ? right : left);
    }
    return HMLC_OK;
}

/* Length of an integer range; the distance of two int64 fits a uint64. */
static int64_t integer_length(int64_t start, int64_t limit, int64_t delta)
{
    bool rising = delta > 0;
    if (rising ? limit <= start : limit >= start) {
        return 0;
    }
    uint64_t distance =
        rising ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
    uint64_t step = rising ? (uint64_t)delta : 0 - (uint64_t)delta;
    return (int64_t)((distance - 1) / step + 1);
}

hmlc_status hmlc_eval_range_dims(hmlc_eval *context)
{
    const hmlc_tensor *start = context->operands[0], *limit = context->operands[1];
    const hmlc_tensor *delta = context->operands[2];
    int64_t length;
    if (hmlc_eval_is_float(start)) {
        double steps = ceil((hmlc_tensor_get_double(limit, 0) - hmlc_tensor_get_double(start, 0)) /
                            hmlc_tensor_get_double(delta, 0));
        if (!(steps <= (double)HMLC_DIM_UNBOUNDED)) {
            return hmlc_eval_fail(context, "the range has no finite length");
        }
        length = steps > 0 ? (int64_t)steps : 0;
    } else {
        if (hmlc_tensor_get_int(delta, 0) == 0) {
            return hmlc_eval_fail(context, "the step is 0");
        }
        length = integer_length(hmlc_tensor_get_int(start, 0), hmlc_tensor_get_int(limit, 0),
                                hmlc_tensor_get_int(delta, 0));
    }
    hmlc_element_set_int(HMLC_DTYPE_i64, hmlc_eval_data(&context->results[0]), 0, length);
    return HMLC_OK;
}

hmlc_status hmlc_eval_bind_dims(hmlc_eval *context)
{
    const hmlc_attr *symbols = hmlc_op_attr(context->op, HMLC_ATTR_symbols);
    for (uint32_t i = 0; i < symbols->count; ++i) {
        const hmlc_symbol *symbol = symbols->as.dims[i]->symbol;
        int64_t value = hmlc_tensor_get_int(context->operands[0], i);
        if (value < symbol->minimum || value > symbol->maximum || value % symbol->multiple != 0) {
            return hmlc_eval_fail(context,
                                  "dim %s would be %lld; expected %lld to %lld, a multiple of %lld",
                                  symbol->name, (long long)value, (long long)symbol->minimum,
                                  (long long)symbol->maximum, (long long)symbol->multiple);
        }
        context->symbols[symbol->index] = value;
    }
    return HMLC_OK;
}

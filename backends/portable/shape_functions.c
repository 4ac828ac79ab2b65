/* Shape functions: they turn run-time shape operands into the numbers that bind_dims reads. One
 * work unit each. */
#include "portable.h"

static int64_t element(const portable_tensor *tensor, int64_t k)
{
    return tensor->dtype == HML_I32 ? ((const int32_t *)tensor->data)[k]
                                    : ((const int64_t *)tensor->data)[k];
}

static int32_t shape_error(const portable_call *call, int64_t found, int64_t expected)
{
    call->detail[0] = found;
    call->detail[1] = expected;
    return HML_KERNEL_SHAPE;
}

int32_t hml_portable_reshape_dims(const portable_call *call);
int32_t hml_portable_slice_dims(const portable_call *call);
int32_t hml_portable_broadcast_dims(const portable_call *call);
int32_t hml_portable_range_dims(const portable_call *call);

/* tensors: shape of x, target, result; attributes: allow_zero. 0 copies a dim, -1 is what is left.
 */
int32_t hml_portable_reshape_dims(const portable_call *call)
{
    const portable_tensor *shape = &call->tensors[0], *target = &call->tensors[1];
    int64_t *result = call->tensors[2].data;
    int64_t total = 1, known = 1, inferred = -1, rank = target->dims[0];
    for (int64_t k = 0; k < shape->dims[0]; k++) {
        total *= element(shape, k);
    }
    for (int64_t k = 0; k < rank; k++) {
        int64_t dim = element(target, k);
        if (dim == 0 && call->attributes[0] == 0) {
            if (k >= shape->dims[0]) {
                return shape_error(call, k, shape->dims[0]);
            }
            dim = element(shape, k);
        }
        if (dim < -1 || (dim == -1 && inferred >= 0)) {
            return shape_error(call, dim, total);
        }
        inferred = dim == -1 ? k : inferred;
        result[k] = dim;
        known *= dim == -1 ? 1 : dim;
    }
    if (inferred >= 0) {
        result[inferred] = known != 0 ? total / known : 0;
        known *= result[inferred];
    }
    return known == total ? HML_KERNEL_OK : shape_error(call, known, total);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : (value > most ? most : value);
}

/* tensors: shape of x, starts, ends, axes or none, steps or none, result [3, rank]: starts, sizes,
 * steps. */
int32_t hml_portable_slice_dims(const portable_call *call)
{
    const portable_tensor *shape = &call->tensors[0], *starts = &call->tensors[1];
    const portable_tensor *axes = &call->tensors[3], *steps = &call->tensors[4];
    int64_t rank = shape->dims[0];
    int64_t *result = call->tensors[5].data;
    for (int64_t k = 0; k < rank; k++) {
        result[k] = 0;
        result[rank + k] = element(shape, k);
        result[2 * rank + k] = 1;
    }
    for (int64_t k = 0; k < starts->dims[0]; k++) {
        int64_t axis = axes->dtype != 0 ? element(axes, k) : k;
        axis += axis < 0 ? rank : 0;
        int64_t step = steps->dtype != 0 ? element(steps, k) : 1;
        if (axis < 0 || axis >= rank || step == 0) {
            return shape_error(call, step == 0 ? step : axis, rank);
        }
        int64_t dim = element(shape, axis);
        int64_t start = element(starts, k), end = element(&call->tensors[2], k);
        start += start < 0 ? dim : 0;
        end += end < 0 ? dim : 0;
        start = step > 0 ? clamp(start, 0, dim) : clamp(start, 0, dim - 1);
        end = step > 0 ? clamp(end, 0, dim) : clamp(end, -1, dim - 1);
        int64_t span = step > 0 ? end - start : start - end;
        int64_t stride = step > 0 ? step : -step;
        int64_t size = span > 0 ? (span - 1) / stride + 1 : 0;
        result[axis] = size > 0 ? start : 0;
        result[rank + axis] = size;
        result[2 * rank + axis] = step;
    }
    return HML_KERNEL_OK;
}

/* tensors: two shapes, result: their numpy broadcast. */
int32_t hml_portable_broadcast_dims(const portable_call *call)
{
    const portable_tensor *a = &call->tensors[0], *b = &call->tensors[1];
    int64_t rank = call->tensors[2].dims[0];
    int64_t *result = call->tensors[2].data;
    for (int64_t k = 0; k < rank; k++) {
        int64_t at_a = k - (rank - a->dims[0]), at_b = k - (rank - b->dims[0]);
        int64_t dim_a = at_a >= 0 ? element(a, at_a) : 1, dim_b = at_b >= 0 ? element(b, at_b) : 1;
        if (dim_a != dim_b && dim_a != 1 && dim_b != 1) {
            return shape_error(call, dim_a, dim_b);
        }
        result[k] = dim_a == 1 ? dim_b : dim_a;
    }
    return HML_KERNEL_OK;
}

static double real(const portable_tensor *scalar)
{
    return scalar->dtype == HML_F32 ? (double)*(const float *)scalar->data
                                    : *(const double *)scalar->data;
}

/* tensors: start, limit, delta, result: max(ceil((limit - start) / delta), 0). */
int32_t hml_portable_range_dims(const portable_call *call)
{
    int64_t *result = call->tensors[3].data;
    if (call->tensors[0].dtype == HML_F32 || call->tensors[0].dtype == HML_F64) {
        double start = real(&call->tensors[0]), limit = real(&call->tensors[1]);
        double delta = real(&call->tensors[2]);
        double count = (limit - start) / delta;
        int64_t whole = count > 0 && count < 1e15 ? (int64_t)count : 0;
        *result = whole + ((double)whole < count && count < 1e15);
        return delta != 0 && count < 1e15 ? HML_KERNEL_OK : shape_error(call, whole, 0);
    }
    int64_t start = element(&call->tensors[0], 0), limit = element(&call->tensors[1], 0);
    int64_t delta = element(&call->tensors[2], 0);
    if (delta == 0) {
        return shape_error(call, 0, 1);
    }
    int64_t span = delta > 0 ? limit - start : start - limit;
    int64_t stride = delta > 0 ? delta : -delta;
    *result = span > 0 ? (span - 1) / stride + 1 : 0;
    return HML_KERNEL_OK;
}

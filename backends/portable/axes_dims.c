/* axes_dims: the dims that come of a shape and a list of axes. One work unit. */
#include "portable.h"

enum { MODE_KEEP, MODE_DROP, MODE_SQUEEZE, MODE_INSERT, MODE_SPLIT };

typedef struct axis_list {
    const int64_t *shape;
    int64_t rank, count;
    int64_t axes[HML_MAX_TENSOR_RANK]; /* in [0, limit), distinct */
    int64_t limit;
    uint8_t chosen[HML_MAX_TENSOR_RANK];
} axis_list;

static int axes_error(const portable_call *call, int64_t found, int64_t expected)
{
    call->detail[0] = found;
    call->detail[1] = expected;
    return 0;
}

static int read_axes(const portable_call *call, int64_t mode, axis_list *list)
{
    const int64_t *given = call->tensors[1].data;
    *list = (axis_list){.shape = call->tensors[0].data,
                        .rank = call->tensors[0].dims[0],
                        .count = call->tensors[1].dims[0]};
    list->limit = list->rank + (mode == MODE_INSERT ? list->count : 0);
    for (int64_t k = 0; k < list->count; k++) {
        int64_t axis = given[k] + (given[k] < 0 ? list->limit : 0);
        if (axis < 0 || axis >= list->limit || list->chosen[axis]) {
            return axes_error(call, given[k], list->limit);
        }
        list->chosen[axis] = 1;
        list->axes[k] = axis;
    }
    return 1;
}

static void split(const axis_list *list, int64_t *result)
{
    uint8_t done[HML_MAX_TENSOR_RANK] = {0};
    for (int64_t k = 0; k < list->count; k++) {
        int64_t *row = result + 3 * k, axis = list->axes[k];
        row[0] = row[1] = row[2] = 1;
        for (int64_t i = 0; i < list->rank; i++) {
            row[i < axis ? 0 : (i == axis ? 1 : 2)] *= done[i] ? 1 : list->shape[i];
        }
        done[axis] = 1;
    }
}

static int list_dims(const portable_call *call, int64_t mode, const axis_list *list,
                     int64_t *result)
{
    int64_t from = 0, to = 0;
    for (int64_t i = 0; i < list->limit; i++) {
        if (!list->chosen[i]) {
            result[to++] = list->shape[from++];
            continue;
        }
        if (mode == MODE_SQUEEZE && list->shape[from] != 1) {
            return axes_error(call, list->shape[from], 1);
        }
        from += mode != MODE_INSERT;
        if (mode == MODE_KEEP || mode == MODE_INSERT) {
            result[to++] = 1;
        }
    }
    return 1;
}

int32_t hml_portable_axes_dims(const portable_call *call);

/* tensors: shape of x, axes, result; attributes: mode. */
int32_t hml_portable_axes_dims(const portable_call *call)
{
    int64_t mode = call->attributes[0];
    axis_list list;
    if (!read_axes(call, mode, &list)) {
        return HML_KERNEL_SHAPE;
    }
    if (mode == MODE_SPLIT) {
        split(&list, call->tensors[2].data);
        return HML_KERNEL_OK;
    }
    return list_dims(call, mode, &list, call->tensors[2].data) ? HML_KERNEL_OK : HML_KERNEL_SHAPE;
}

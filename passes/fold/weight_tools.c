/* SPDX-License-Identifier: Apache-2.0 */
/* Constant weights of contractions: where their channels lie, and new constants made from them. */
#include <math.h>
#include <string.h>

#include "weight_tools.h"

/* Shared weights are copied up to this size. */
enum { MAX_SHARED_BYTES = 1 << 16 };

static bool may_rewrite(const hmlc_value *weights, const hmlc_tensor *tensor)
{
    return tensor != NULL && hmlc_dtype_is_float(tensor->dtype) &&
           hmlc_dtype_bytes(tensor->dtype) >= 2 && hmlc_tensor_count(tensor) > 0 &&
           (hmlc_value_has_one_use(weights) || tensor->bytes <= MAX_SHARED_BYTES);
}

static bool read_matmul(hmlc_weighted_op *contraction)
{
    if (contraction->tensor->rank != 2 || hmlc_op_int(contraction->op, HMLC_ATTR_transpose_a)) {
        return false;
    }
    contraction->output_axis = hmlc_op_int(contraction->op, HMLC_ATTR_transpose_b) ? 0 : 1;
    contraction->input_axis = 1 - contraction->output_axis;
    contraction->groups = 1;
    contraction->result_axis = contraction->op->results[0]->type->rank - 1;
    contraction->outputs = contraction->tensor->dims[contraction->output_axis];
    contraction->inputs = contraction->tensor->dims[contraction->input_axis];
    return true;
}

static bool read_convolution(hmlc_weighted_op *contraction)
{
    const hmlc_op *op = contraction->op;
    const hmlc_tensor *tensor = contraction->tensor;
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int32_t inner_axis = last ? tensor->rank - 1 : 1;
    int64_t groups = hmlc_op_int(op, HMLC_ATTR_groups);
    bool transposed = op->opcode == HMLC_OP_conv_transpose;
    contraction->groups = groups;
    contraction->result_axis = last ? op->results[0]->type->rank - 1 : 1;
    contraction->output_axis = transposed ? inner_axis : 0;
    contraction->input_axis = transposed ? 0 : inner_axis;
    contraction->outputs = tensor->dims[contraction->output_axis] * (transposed ? groups : 1);
    contraction->inputs = tensor->dims[contraction->input_axis] * (transposed ? 1 : groups);
    contraction->has_bias_operand = true;
    return tensor->rank >= 3 && groups >= 1;
}

bool hmlc_contraction_read(hmlc_op *op, hmlc_weighted_op *contraction)
{
    *contraction = (hmlc_weighted_op){.op = op, .weights = hmlc_op_operand(op, 1)};
    contraction->tensor = hmlc_value_constant(contraction->weights);
    if (!may_rewrite(contraction->weights, contraction->tensor)) {
        return false;
    }
    switch (op->opcode) {
    case HMLC_OP_matmul:
        return read_matmul(contraction);
    case HMLC_OP_conv:
    case HMLC_OP_conv_transpose:
        return read_convolution(contraction);
    default:
        return false;
    }
}

hmlc_status hmlc_read_channels(hmlc_arena *arena, const hmlc_value *value, int32_t rank,
                               int32_t axis, int64_t channels, double **numbers)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    *numbers = NULL;
    if (tensor == NULL || !hmlc_dtype_is_float(tensor->dtype) || tensor->rank > rank) {
        return HMLC_OK;
    }
    int32_t own_axis = axis - (rank - tensor->rank);
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] != 1 && (i != own_axis || tensor->dims[i] != channels)) {
            return HMLC_OK;
        }
    }
    bool varies = hmlc_tensor_count(tensor) != 1;
    *numbers = HMLC_NEW_ARRAY(arena, double, channels);
    HMLC_TRY_MEMORY(*numbers);
    for (int64_t i = 0; i < channels; i++) {
        (*numbers)[i] = hmlc_tensor_get_double(tensor, varies ? i : 0);
    }
    return HMLC_OK;
}

/* Runs of weights that belong to one channel, in memory order. */
typedef struct channel_walk {
    int64_t outer, size, inner; /* elements before, along and behind the axis */
    int64_t rows;               /* of dim 0 in one group */
    int64_t outer_per_row;      /* `outer` counts dim 0 times this */
    bool grouped;               /* the group is told by dim 0 */
} channel_walk;

static channel_walk walk_axis(const hmlc_weighted_op *contraction, int32_t axis)
{
    const hmlc_tensor *tensor = contraction->tensor;
    channel_walk walk = {.outer = 1, .size = tensor->dims[axis], .inner = 1, .grouped = axis > 0};
    for (int32_t i = 0; i < axis; i++) {
        walk.outer *= tensor->dims[i];
    }
    for (int32_t i = axis + 1; i < tensor->rank; i++) {
        walk.inner *= tensor->dims[i];
    }
    walk.rows = tensor->dims[0] / contraction->groups;
    walk.outer_per_row = walk.grouped ? walk.outer / tensor->dims[0] : 1;
    return walk;
}

static int64_t channel_of(const channel_walk *walk, int64_t outer, int64_t index)
{
    int64_t group = walk->grouped ? outer / walk->outer_per_row / walk->rows : 0;
    return group * walk->size + index;
}

static void scale_run(const hmlc_tensor *tensor, int64_t first, int64_t count, double factor,
                      void *data)
{
    if (tensor->dtype == HMLC_DTYPE_f32) {
        const char *from = (const char *)tensor->data + (size_t)first * sizeof(float);
        float *to = (float *)data + first;
        for (int64_t i = 0; i < count; i++) {
            float element;
            memcpy(&element, from + (size_t)i * sizeof(float), sizeof element);
            to[i] = (float)((double)element * factor);
        }
        return;
    }
    for (int64_t i = first; i < first + count; i++) {
        hmlc_element_set_double(tensor->dtype, data, i, hmlc_tensor_get_double(tensor, i) * factor);
    }
}

static bool is_finite(const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t i = 0; i < count; i++) {
        if (!isfinite(hmlc_tensor_get_double(tensor, i))) {
            return false;
        }
    }
    return true;
}

hmlc_status hmlc_scale_weights(hmlc_builder *builder, const hmlc_weighted_op *contraction,
                               bool by_output, const double *factors, hmlc_value **result)
{
    hmlc_tensor scaled = *contraction->tensor;
    channel_walk walk =
        walk_axis(contraction, by_output ? contraction->output_axis : contraction->input_axis);
    void *data = hmlc_arena_allocate(builder->module->arena, scaled.bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t outer = 0; outer < walk.outer; outer++) {
        for (int64_t i = 0; i < walk.size; i++) {
            scale_run(contraction->tensor, (outer * walk.size + i) * walk.inner, walk.inner,
                      factors[channel_of(&walk, outer, i)], data);
        }
    }
    scaled.data = data;
    return is_finite(&scaled) ? hmlc_build_constant(builder, &scaled, result) : HMLC_OK;
}

double hmlc_most_cancellation(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f64:
        return 0x1p17;
    case HMLC_DTYPE_f32:
        return 0x1p8;
    case HMLC_DTYPE_f16:
        return 0x1p3;
    default:
        return 0x1p2;
    }
}

bool hmlc_is_moderate(const hmlc_value *value)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    int64_t count = tensor != NULL ? hmlc_tensor_count(tensor) : 0;
    for (int64_t i = 0; i < count; i++) {
        double magnitude = fabs(hmlc_tensor_get_double(tensor, i));
        if (!(magnitude <= hmlc_most_cancellation(tensor->dtype))) {
            return false;
        }
    }
    return tensor != NULL;
}

/* Channel of the element at `index` along the walk's axis. */
static int64_t channel_at(const channel_walk *walk, int64_t element)
{
    int64_t run = element / walk->inner;
    return channel_of(walk, run / walk->size, run % walk->size);
}

void hmlc_sum_weights(const hmlc_weighted_op *contraction, const double *numbers, double *sums)
{
    channel_walk inputs = walk_axis(contraction, contraction->input_axis);
    channel_walk outputs = walk_axis(contraction, contraction->output_axis);
    int64_t count = hmlc_tensor_count(contraction->tensor);
    for (int64_t i = 0; i < count; i++) {
        sums[channel_at(&outputs, i)] +=
            numbers[channel_at(&inputs, i)] * hmlc_tensor_get_double(contraction->tensor, i);
    }
}

hmlc_status hmlc_permute_constant(hmlc_builder *builder, const hmlc_tensor *tensor, int32_t axis,
                                  const int64_t *order, hmlc_value **result)
{
    hmlc_tensor permuted = *tensor;
    int64_t outer = 1, size = tensor->dims[axis];
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    for (int32_t i = 0; i < tensor->rank; i++) {
        outer *= i < axis ? tensor->dims[i] : 1;
        bytes *= i > axis ? (size_t)tensor->dims[i] : 1;
    }
    char *data = hmlc_arena_allocate(builder->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t i = 0; i < outer; i++) {
        for (int64_t k = 0; k < size; k++) {
            memcpy(data + (size_t)(i * size + k) * bytes,
                   (const char *)tensor->data + (size_t)(i * size + order[k]) * bytes, bytes);
        }
    }
    permuted.data = data;
    return hmlc_build_constant(builder, &permuted, result);
}

hmlc_status hmlc_build_vector(hmlc_builder *builder, hmlc_dtype dtype, const double *numbers,
                              int64_t count, hmlc_value **result)
{
    return hmlc_build_channels(builder, dtype, numbers, count, 1, 0, result);
}

hmlc_status hmlc_build_channels(hmlc_builder *builder, hmlc_dtype dtype, const double *numbers,
                                int64_t count, int32_t rank, int32_t axis, hmlc_value **result)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank - axis};
    tensor.dims[0] = count;
    for (int32_t i = 1; i < tensor.rank; i++) {
        tensor.dims[i] = 1;
    }
    tensor.bytes = (size_t)count * hmlc_dtype_bytes(dtype);
    void *data = hmlc_arena_allocate(builder->module->arena, tensor.bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t i = 0; i < count; i++) {
        hmlc_element_set_double(dtype, data, i, numbers[i]);
    }
    tensor.data = data;
    return hmlc_build_constant(builder, &tensor, result);
}

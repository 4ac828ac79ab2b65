/* SPDX-License-Identifier: Apache-2.0 */
/* Normalisations. */
#include "keras_call.h"

#include <inttypes.h>
#include <string.h>

/* The config's axes of input 0, sorted; a number or a list. */
static uint32_t read_axes(hmlc_keras_call *call, int64_t otherwise, int64_t *axes)
{
    const hmlc_json *entry = hmlc_keras_entry(call, "axis");
    int64_t list[HMLC_MAX_RANK] = {otherwise};
    uint32_t count = hmlc_json_is(entry, HMLC_JSON_ARRAY) ? entry->count : 1;
    if (count > HMLC_MAX_RANK) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "'axis' has %" PRIu32 " entries",
                        count);
        return 0;
    }
    for (uint32_t i = 0; entry != NULL && i < count; i++) {
        const hmlc_json *axis = entry->kind == HMLC_JSON_ARRAY ? hmlc_json_at(entry, i) : entry;
        if (!hmlc_json_integer(axis, &list[i])) {
            hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL,
                            "'axis' holds something else than numbers");
            return 0;
        }
    }
    return hmlc_node_axes(&call->node, list, count, hmlc_node_rank(&call->node, 0), axes);
}

/* A constant vector of one number. */
static hmlc_value *fill_vector(hmlc_keras_call *call, double number, hmlc_dim size)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    return hmlc_emit_expand(emit, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, number), &size, 1);
}

/* scale and center may be off. */
static hmlc_value *weight_or(hmlc_keras_call *call, const char *name, double otherwise,
                             hmlc_dim size)
{
    hmlc_value *weight = hmlc_keras_weight_of(call, name, 1);
    return weight != NULL || !hmlc_keras_ok(call) ? weight : fill_vector(call, otherwise, size);
}

void hmlc_keras_import_batch_norm(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int64_t axes[HMLC_MAX_RANK];
    int32_t rank = x->type->rank;
    uint32_t count = read_axes(call, -1, axes);
    /* Keras 1: mode 0 is this one, 2 normalises like it when a trained model runs. */
    if (hmlc_keras_int(call, "mode", 0) == 1 || count != 1 || axes[0] == 0) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "over the batch, over several axes or by sample is not supported");
        return;
    }
    hmlc_dim size = x->type->dims[axes[0]];
    double epsilon = hmlc_keras_float(call, "epsilon", 1e-3);
    hmlc_value *operands[] = {x, weight_or(call, "gamma", 1, size),
                              weight_or(call, "beta", 0, size),
                              hmlc_keras_weight_of(call, "moving_mean", 1),
                              hmlc_keras_weight_of(call, "moving_variance", 1)};
    if (!hmlc_keras_ok(call)) {
        return;
    }
    if (axes[0] != rank - 1 && axes[0] != 1) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "over an axis that is neither the first nor the last is not supported");
        return;
    }
    int64_t layout = axes[0] == rank - 1 ? HMLC_LAYOUT_CHANNELS_LAST : HMLC_LAYOUT_CHANNELS_FIRST;
    call->node.outputs[0] = hmlc_emit(emit, HMLC_OP_batch_norm, operands, 5,
                                      HMLC_ATTRS(hmlc_attr_float(HMLC_ATTR_epsilon, epsilon),
                                                 hmlc_attr_int(HMLC_ATTR_layout, layout)));
}

/* A weight over the axes as something that broadcasts to x. */
static hmlc_value *spread(hmlc_keras_call *call, hmlc_value *weight, const int64_t *axes,
                          uint32_t count)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_dim shape[HMLC_MAX_RANK];
    int32_t rank = hmlc_node_rank(&call->node, 0);
    uint32_t taken = 0;
    if (weight == NULL) {
        return NULL;
    }
    for (int64_t i = axes[0]; i < rank; i++) {
        bool own = taken < count && axes[taken] == i;
        shape[i - axes[0]] = own ? weight->type->dims[taken] : hmlc_emit_number(emit, 1);
        taken += own ? 1 : 0;
    }
    return hmlc_emit_reshape(emit, weight, shape, (uint32_t)(rank - axes[0]));
}

void hmlc_keras_import_layer_norm(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = read_axes(call, -1, axes);
    double epsilon = hmlc_keras_float(call, "epsilon", 1e-3);
    if (hmlc_keras_flag(call, "rms_scaling", false)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "with rms_scaling is not supported");
    }
    hmlc_value *gamma = hmlc_keras_weight_of(call, "gamma", (int32_t)count);
    hmlc_value *beta = hmlc_keras_weight_of(call, "beta", (int32_t)count);
    if (!hmlc_keras_ok(call)) {
        return;
    }
    gamma = spread(call, gamma, axes, count);
    beta = spread(call, beta, axes, count);
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_layer_norm, HMLC_OPERANDS(x, gamma, beta),
                              HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                                         hmlc_attr_float(HMLC_ATTR_epsilon, epsilon)));
    call->node.outputs[0] = y;
}

void hmlc_keras_import_rms_norm(hmlc_keras_call *call)
{
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = read_axes(call, -1, axes);
    double epsilon = hmlc_keras_float(call, "epsilon", 1e-6);
    hmlc_value *scale = hmlc_keras_weight_of(call, "scale", (int32_t)count);
    scale = hmlc_keras_ok(call) ? spread(call, scale, axes, count) : NULL;
    if (scale != NULL) {
        call->node.outputs[0] = hmlc_emit(hmlc_keras_emitter(call), HMLC_OP_rms_norm,
                                          HMLC_OPERANDS(call->node.inputs[0], scale),
                                          HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                                                     hmlc_attr_float(HMLC_ATTR_epsilon, epsilon)));
    }
}

/* Channels last: x as [N, spatial ..., groups, C / groups], normalised over all but N and groups.
 */
void hmlc_keras_import_group_norm(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int64_t axes[HMLC_MAX_RANK], over[HMLC_MAX_RANK], channels;
    int32_t rank = x->type->rank;
    uint32_t count = read_axes(call, -1, axes), used = 0;
    int64_t groups = hmlc_keras_int(call, "groups", 32);
    if (count != 1 || axes[0] != rank - 1 || rank >= HMLC_MAX_RANK ||
        !hmlc_dim_is_constant(x->type->dims[rank - 1], &channels)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "over another axis than the last is not supported");
        return;
    }
    groups = groups == -1 ? channels : groups;
    if (groups < 1 || channels % groups != 0) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL,
                        "%" PRId64 " channels do not divide into %" PRId64 " groups", channels,
                        groups);
        return;
    }
    hmlc_dim split[HMLC_MAX_RANK];
    for (int32_t i = 0; i < rank - 1; i++) {
        split[i] = x->type->dims[i];
        over[used] = i;
        used += i > 0 ? 1 : 0;
    }
    split[rank - 1] = hmlc_emit_number(emit, groups);
    split[rank] = hmlc_emit_number(emit, channels / groups);
    over[used++] = rank;
    hmlc_value *y = hmlc_emit_reshape(emit, x, split, (uint32_t)rank + 1);
    y = hmlc_emit(
        emit, HMLC_OP_layer_norm, HMLC_OPERANDS(y),
        HMLC_ATTRS(hmlc_attr_ints(HMLC_ATTR_axes, over, used),
                   hmlc_attr_float(HMLC_ATTR_epsilon, hmlc_keras_float(call, "epsilon", 1e-3))));
    y = y != NULL ? hmlc_emit_reshape(emit, y, x->type->dims, (uint32_t)rank) : NULL;
    hmlc_value *gamma = hmlc_keras_weight_of(call, "gamma", 1);
    hmlc_value *beta = hmlc_keras_weight_of(call, "beta", 1);
    y = gamma != NULL ? hmlc_emit_binary(emit, HMLC_OP_mul, y, gamma) : y;
    call->node.outputs[0] = beta != NULL ? hmlc_emit_binary(emit, HMLC_OP_add, y, beta) : y;
}

/* x / sqrt(max(sum of squares, 1e-12)) */
void hmlc_keras_import_unit_norm(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = read_axes(call, -1, axes);
    hmlc_value *square = hmlc_emit_binary(emit, HMLC_OP_mul, x, x);
    hmlc_value *sum = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, square, axes, count, true);
    sum = hmlc_emit_binary(emit, HMLC_OP_max, sum, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 1e-12));
    call->node.outputs[0] =
        hmlc_emit_binary(emit, HMLC_OP_div, x, hmlc_emit_unary(emit, HMLC_OP_sqrt, sum));
}

/* A number, or a list of one per channel. */
static hmlc_value *numbers_of(hmlc_keras_call *call, const char *key, double otherwise)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    const hmlc_json *entry = hmlc_keras_entry(call, key);
    if (!hmlc_json_is(entry, HMLC_JSON_ARRAY)) {
        return hmlc_emit_scalar(emit, HMLC_DTYPE_f32, hmlc_keras_float(call, key, otherwise));
    }
    float *numbers = HMLC_NEW_ARRAY(emit->builder.module->arena, float, entry->count);
    if (numbers == NULL) {
        emit->status = HMLC_RESOURCE;
        return NULL;
    }
    uint32_t used = 0;
    for (const hmlc_json *number = entry->first; number != NULL; number = number->next) {
        numbers[used++] = (float)number->number;
    }
    const hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f32,
                                .rank = 1,
                                .dims = {entry->count},
                                .data = numbers,
                                .bytes = entry->count * sizeof(float)};
    return hmlc_emit_constant(emit, &tensor);
}

/* x * scale + offset */
void hmlc_keras_import_rescaling(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = hmlc_emit_cast(emit, call->node.inputs[0], HMLC_DTYPE_f32);
    x = hmlc_emit_binary(emit, HMLC_OP_mul, x, numbers_of(call, "scale", 1));
    call->node.outputs[0] = hmlc_emit_binary(emit, HMLC_OP_add, x, numbers_of(call, "offset", 0));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Puts quantize and dequantize around the contractions that a plan chose. */
#include <math.h>
#include <string.h>

#include "quantize_plan.h"

typedef struct applying {
    const hmlc_quantize_plan *plan;
    hmlc_module *module;
    hmlc_arena *scratch;
    hmlc_value **values;      /* by id */
    hmlc_value **dequantized; /* by tensor of the plan; NULL: not yet */
} applying;

static hmlc_status build_data(hmlc_builder *builder, hmlc_dtype dtype, int32_t rank,
                              const int64_t *dims, const void *data, size_t bytes,
                              hmlc_value **value)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank, .bytes = bytes};
    for (int32_t i = 0; i < rank; i++) {
        tensor.dims[i] = dims[i];
    }
    tensor.data = hmlc_arena_copy(builder->module->arena, data, bytes);
    HMLC_TRY_MEMORY(tensor.data);
    return hmlc_build_constant(builder, &tensor, value);
}

static hmlc_status build_dequantize(hmlc_builder *builder, hmlc_value *x, hmlc_value *scale,
                                    hmlc_value *zero, int64_t axis, hmlc_value **result)
{
    hmlc_value *operands[] = {x, scale, zero};
    hmlc_attr attrs[] = {hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32),
                         hmlc_attr_int(HMLC_ATTR_axis, axis)};
    return hmlc_build(builder, HMLC_OP_dequantize, operands, zero != NULL ? 3 : 2, attrs, 2,
                      result);
}

/* The value behind quantize and dequantize, which come right behind it, once. */
static hmlc_status dequantized_input(applying *a, uint32_t index, hmlc_op *user,
                                     hmlc_value **result)
{
    const hmlc_quantize_tensor *tensor = &a->plan->tensors[index];
    hmlc_value *value = a->values[tensor->value], *scale, *zero, *q;
    *result = a->dequantized[index];
    if (*result != NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = value->producer != NULL ? hmlc_builder_after(value->producer)
                                                   : hmlc_builder_before(a->module->main->first);
    builder.location = value->producer != NULL ? value->producer->location : user->location;
    uint8_t point = (uint8_t)tensor->range.zero;
    HMLC_TRY(
        build_data(&builder, HMLC_DTYPE_f32, 0, NULL, &tensor->range.scale, sizeof(float), &scale));
    HMLC_TRY(build_data(&builder, HMLC_DTYPE_u8, 0, NULL, &point, 1, &zero));
    hmlc_value *operands[] = {value, scale, zero};
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_u8);
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_quantize, operands, 3, &to, 1, &q));
    HMLC_TRY(build_dequantize(&builder, q, scale, zero, 0, result));
    a->dequantized[index] = *result;
    return HMLC_OK;
}

/* -- weights ----------------------------------------------------------------------------------- */

/* Matrices are written so that other runtimes take them for integers. */
void hmlc_quantize_matrix(const hmlc_quantize_node *node, int8_t *to)
{
    int64_t count = hmlc_tensor_count(node->weights), columns = node->channels;
    if (node->weight_axis != 0) {
        memcpy(to, node->quantized, (size_t)count);
        return;
    }
    int64_t depth = node->weights->dims[1];
    for (int64_t k = 0; k < depth; k++) {
        for (int64_t n = 0; n < columns; n++) {
            to[k * columns + n] = node->quantized[n * depth + k];
        }
    }
}

static hmlc_status dequantized_weights(applying *a, hmlc_builder *builder,
                                       const hmlc_quantize_node *node, hmlc_value **result)
{
    hmlc_value *q, *scale;
    size_t bytes = (size_t)hmlc_tensor_count(node->weights);
    int64_t dims[HMLC_MAX_RANK];
    int32_t axis = node->weight_axis;
    const int8_t *data = node->quantized;
    memcpy(dims, node->weights->dims, sizeof dims);
    if (strcmp(node->type, "matmul") == 0 && axis == 0) {
        int8_t *swapped = hmlc_arena_allocate(a->scratch, bytes);
        HMLC_TRY_MEMORY(swapped);
        hmlc_quantize_matrix(node, swapped);
        data = swapped;
        dims[0] = node->weights->dims[1];
        dims[1] = node->weights->dims[0];
        axis = 1;
    }
    HMLC_TRY(build_data(builder, HMLC_DTYPE_i8, node->weights->rank, dims, data, bytes, &q));
    HMLC_TRY(build_data(builder, HMLC_DTYPE_f32, 1, &node->channels, node->scales,
                        (size_t)node->channels * sizeof(float), &scale));
    return build_dequantize(builder, q, scale, NULL, axis, result);
}

/* -- bias -------------------------------------------------------------------------------------- */

/* The bias in steps of what input and weights make together; false where one does not fit. */
static bool steps_of(const hmlc_tensor *bias, const float *shifts, const float *scales,
                     int32_t *steps)
{
    for (int64_t i = 0; i < bias->dims[0]; i++) {
        double value = hmlc_tensor_get_double(bias, i) + (double)(shifts != NULL ? shifts[i] : 0);
        double step = nearbyint(value / (double)scales[i]);
        /* Half of the range is left to the sums. */
        if (!(fabs(step) < 0x1p30)) {
            return false;
        }
        steps[i] = (int32_t)step;
    }
    return true;
}

static hmlc_status build_bias(applying *a, hmlc_builder *builder, const hmlc_quantize_node *node,
                              const hmlc_tensor *bias, hmlc_value **result)
{
    float input = a->plan->tensors[node->tensor].range.scale;
    float *scales = HMLC_NEW_ARRAY(a->scratch, float, node->channels + 1);
    int32_t *steps = HMLC_NEW_ARRAY(a->scratch, int32_t, node->channels + 1);
    HMLC_TRY_MEMORY(scales);
    HMLC_TRY_MEMORY(steps);
    for (int64_t i = 0; i < node->channels; i++) {
        scales[i] = input * node->scales[i];
    }
    size_t bytes = (size_t)node->channels * sizeof(int32_t);
    if (steps_of(bias, node->shifts, scales, steps)) {
        hmlc_value *q, *scale;
        HMLC_TRY(build_data(builder, HMLC_DTYPE_i32, 1, &node->channels, steps, bytes, &q));
        HMLC_TRY(build_data(builder, HMLC_DTYPE_f32, 1, &node->channels, scales, bytes, &scale));
        return build_dequantize(builder, q, scale, NULL, 0, result);
    }
    for (int64_t i = 0; i < node->channels; i++) {
        scales[i] = (float)(hmlc_tensor_get_double(bias, i) +
                            (double)(node->shifts != NULL ? node->shifts[i] : 0));
    }
    return build_data(builder, HMLC_DTYPE_f32, 1, &node->channels, scales, bytes, result);
}

/* A matrix product has no bias of its own: what corrects its mean is added. */
static hmlc_status add_shifts(hmlc_builder *builder, const hmlc_quantize_node *node,
                              hmlc_value **value)
{
    hmlc_value *shifts;
    HMLC_TRY(build_data(builder, HMLC_DTYPE_f32, 1, &node->channels, node->shifts,
                        (size_t)node->channels * sizeof(float), &shifts));
    return hmlc_build_binary(builder, HMLC_OP_add, *value, shifts, value);
}

/* -- nodes ------------------------------------------------------------------------------------- */

static hmlc_status bias_of(applying *a, hmlc_builder *builder, const hmlc_quantize_node *node,
                           hmlc_op *op, hmlc_value **bias)
{
    *bias = hmlc_op_operand(op, 2);
    if (op->opcode == HMLC_OP_matmul) {
        return HMLC_OK;
    }
    const hmlc_tensor *constant = *bias != NULL ? hmlc_value_constant(*bias) : NULL;
    if (constant != NULL) {
        return build_bias(a, builder, node, constant, bias);
    }
    if (node->shifts != NULL && *bias == NULL) {
        hmlc_tensor zeros = {.dtype = HMLC_DTYPE_f32, .rank = 1, .dims = {node->channels}};
        zeros.bytes = (size_t)node->channels * sizeof(float);
        zeros.data = hmlc_arena_allocate(a->scratch, zeros.bytes);
        HMLC_TRY_MEMORY(zeros.data);
        return build_bias(a, builder, node, &zeros, bias);
    }
    return HMLC_OK;
}

/* The op on dequantized operands, in the place of the old one. */
static hmlc_status replace_node(applying *a, const hmlc_quantize_node *node)
{
    hmlc_value *old = a->values[node->value], *x, *w, *bias, *result;
    hmlc_op *op = old->producer;
    HMLC_TRY(dequantized_input(a, node->tensor, op, &x));
    hmlc_builder builder = hmlc_builder_before(op);
    builder.location = op->location;
    HMLC_TRY(dequantized_weights(a, &builder, node, &w));
    HMLC_TRY(bias_of(a, &builder, node, op, &bias));
    hmlc_value *operands[] = {x, w, bias};
    hmlc_attr attrs[16];
    uint32_t count = 0;
    for (uint32_t i = 0; i < op->attr_count && count < 16; i++) {
        if (op->attrs[i].name != HMLC_ATTR_transpose_b) {
            attrs[count++] = op->attrs[i];
        }
    }
    uint32_t operand_count = op->opcode == HMLC_OP_matmul || bias == NULL ? 2 : 3;
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, operand_count, attrs, count, &result));
    result->name = old->name;
    if (op->opcode == HMLC_OP_matmul && node->shifts != NULL) {
        HMLC_TRY(add_shifts(&builder, node, &result));
    }
    hmlc_value_replace_uses(old, result);
    a->values[node->value] = result;
    hmlc_op_erase(op);
    return HMLC_OK;
}

static hmlc_status apply(applying *a)
{
    a->values = hmlc_quantize_values(a->module, a->scratch);
    a->dequantized = HMLC_NEW_ARRAY(a->scratch, hmlc_value *, a->plan->tensor_count + 1);
    HMLC_TRY_MEMORY(a->values);
    HMLC_TRY_MEMORY(a->dequantized);
    for (uint32_t i = 0; i < a->plan->node_count; i++) {
        if (hmlc_quantize_is_chosen(&a->plan->nodes[i])) {
            HMLC_TRY(replace_node(a, &a->plan->nodes[i]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_quantize_apply(const hmlc_quantize_plan *plan, hmlc_module *module)
{
    applying a = {.plan = plan, .module = module, .scratch = hmlc_arena_create(NULL)};
    hmlc_status status = a.scratch != NULL ? apply(&a) : HMLC_RESOURCE;
    hmlc_arena_destroy(a.scratch);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "tflite_contraction.h"

#include "tflite_fixed.h"

/* The zero point as a scalar, NULL where it is 0. */
static hmlc_value *zero_of(hmlc_node *node, const hmlc_tflite_tensor *tensor)
{
    const hmlc_tflite_quantization *quantization = &tensor->quantization;
    for (uint32_t i = 1; i < quantization->count; i++) {
        if (quantization->zeros[i] != quantization->zeros[0]) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "'%s' has zero points that differ by channel", tensor->key);
            return NULL;
        }
    }
    return quantization->zeros[0] != 0
               ? hmlc_emit_scalar(&node->emit, tensor->dtype, (double)quantization->zeros[0])
               : NULL;
}

static hmlc_value *widened(hmlc_node *node, hmlc_value *x, hmlc_value *zero)
{
    hmlc_emitter *emit = &node->emit;
    x = hmlc_emit_cast(emit, x, HMLC_DTYPE_i32);
    return zero == NULL
               ? x
               : hmlc_emit_binary(emit, HMLC_OP_sub, x, hmlc_emit_cast(emit, zero, HMLC_DTYPE_i32));
}

void hmlc_tflite_widen_operands(hmlc_node *node, hmlc_tflite_operands *operands)
{
    if (operands->rescale && hmlc_node_ok(node)) {
        operands->x = widened(node, operands->x, operands->x_zero);
        operands->w = widened(node, operands->w, operands->w_zero);
    }
}

static hmlc_value *add_bias(hmlc_node *node, hmlc_value *y, hmlc_value *bias)
{
    return bias != NULL ? hmlc_emit_binary(&node->emit, HMLC_OP_add, y, bias) : y;
}

hmlc_value *hmlc_tflite_emit_conv(hmlc_node *node, const hmlc_tflite_operands *operands,
                                  const hmlc_window_spec *window, int64_t groups)
{
    if (!operands->rescale) {
        return hmlc_emit_conv(&node->emit, operands->x, operands->w, operands->bias, window,
                              groups);
    }
    hmlc_value *y = hmlc_emit_conv_integer(&node->emit, operands->x, operands->w, operands->x_zero,
                                           operands->w_zero, window, groups);
    return add_bias(node, y, operands->bias);
}

hmlc_value *hmlc_tflite_emit_matmul(hmlc_node *node, const hmlc_tflite_operands *operands)
{
    const hmlc_attr turned = hmlc_attr_int(HMLC_ATTR_transpose_b, 1);
    hmlc_value *const values[4] = {operands->x, operands->w, operands->x_zero, operands->w_zero};
    hmlc_opcode opcode = operands->rescale ? HMLC_OP_matmul_integer : HMLC_OP_matmul;
    hmlc_value *y = hmlc_emit(&node->emit, opcode, values, operands->rescale ? 4 : 2, &turned, 1);
    return add_bias(node, y, operands->bias);
}

static bool is_byte(const hmlc_tflite_tensor *tensor)
{
    return hmlc_tflite_is_quantized(tensor) &&
           (tensor->dtype == HMLC_DTYPE_i8 || tensor->dtype == HMLC_DTYPE_u8);
}

/* The sums of integers are scaled as a whole, or by channel of the result. */
static bool check_scales(hmlc_node *node, const hmlc_tflite_tensor *x, const hmlc_tflite_tensor *w,
                         int64_t channels)
{
    if (x->quantization.count != 1 ||
        (w->quantization.count > 1 && w->quantization.axis != channels)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "'%s' has scales that differ along another axis than the result's channels",
                       x->quantization.count != 1 ? x->key : w->key);
    }
    return hmlc_node_ok(node);
}

bool hmlc_tflite_read_operands(hmlc_node *node, uint32_t x, uint32_t w, uint32_t bias,
                               int64_t channels, hmlc_tflite_operands *operands)
{
    const hmlc_tflite_tensor *x_record = hmlc_tflite_input(node, x);
    const hmlc_tflite_tensor *w_record = hmlc_tflite_input(node, w);
    bool quantized = is_byte(x_record) && is_byte(w_record);
    *operands =
        (hmlc_tflite_operands){.x = node->inputs[x],
                               .w = node->inputs[w],
                               .bias = hmlc_node_has_input(node, bias) ? node->inputs[bias] : NULL,
                               .rescale = quantized,
                               .x_record = x_record,
                               .w_record = w_record};
    if (quantized && !check_scales(node, x_record, w_record, channels)) {
        return false;
    }
    if (quantized) {
        operands->x_zero = zero_of(node, x_record);
        operands->w_zero = zero_of(node, w_record);
        return hmlc_node_ok(node);
    }
    if (hmlc_tflite_is_quantized(x_record)) {
        hmlc_tflite_note_float(hmlc_tflite_self(node)->importer, hmlc_tflite_self(node)->op);
        operands->x = hmlc_tflite_dequantize(node, operands->x, x_record);
    }
    if (operands->bias != NULL && hmlc_tflite_is_quantized(hmlc_tflite_input(node, bias))) {
        operands->bias =
            hmlc_tflite_dequantize(node, operands->bias, hmlc_tflite_input(node, bias));
    }
    /* Dynamic range: integer weights, floats else. */
    if (hmlc_tflite_is_quantized(w_record)) {
        operands->w = hmlc_tflite_dequantize(node, operands->w, w_record);
    }
    if (hmlc_node_ok(node) && (operands->x->type->dtype != HMLC_DTYPE_f32 ||
                               operands->w->type->dtype != HMLC_DTYPE_f32)) {
        hmlc_node_fail(node, HMLC_ERROR_op_unsupported_type, NULL,
                       "takes %s and %s; supported are floats, and integers with scales",
                       x_record->type, w_record->type);
    }
    return hmlc_node_ok(node);
}

/*
 * The real factors, one or one per channel. u8 multiplies the scales of x and w in f32, i8 in f64
 * (TFLite, GetQuantizedConvolutionMultipler and PopulateConvolutionQuantizationParams).
 */
static double factor_at(const hmlc_tflite_operands *operands, const hmlc_tflite_tensor *result,
                        uint32_t channel)
{
    float x = operands->x_record->quantization.scales[0];
    float w = operands->w_record->quantization.scales[channel];
    double product =
        operands->x_record->dtype == HMLC_DTYPE_u8 ? (double)(x * w) : (double)x * (double)w;
    return result != NULL ? product / (double)result->quantization.scales[0] : product;
}

/* Sums as floats, for a result without scales. */
static hmlc_value *to_float(hmlc_node *node, hmlc_value *y, const hmlc_tflite_operands *operands)
{
    uint32_t count = operands->w_record->quantization.count;
    hmlc_module *module = node->emit.builder.module;
    float *data = HMLC_NEW_ARRAY(module->arena, float, count);
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        data[i] = (float)factor_at(operands, NULL, i);
    }
    const hmlc_tensor list = {.dtype = HMLC_DTYPE_f32,
                              .rank = count > 1 ? 1 : 0,
                              .dims = {count},
                              .data = data,
                              .bytes = count * sizeof *data};
    y = hmlc_emit_cast(&node->emit, y, HMLC_DTYPE_f32);
    return hmlc_emit_binary(&node->emit, HMLC_OP_mul, y, hmlc_emit_constant(&node->emit, &list));
}

/* round(sum * factor), half away from zero, in f64. */
static hmlc_value *to_steps_once(hmlc_node *node, hmlc_value *y,
                                 const hmlc_tflite_operands *operands,
                                 const hmlc_tflite_tensor *result)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count = operands->w_record->quantization.count;
    double *data = HMLC_NEW_ARRAY(emit->builder.module->arena, double, count);
    if (data == NULL) {
        emit->status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        data[i] = factor_at(operands, result, i);
    }
    const hmlc_tensor list = {.dtype = HMLC_DTYPE_f64,
                              .rank = count > 1 ? 1 : 0,
                              .dims = {count},
                              .data = data,
                              .bytes = count * sizeof *data};
    y = hmlc_emit(emit, HMLC_OP_requantize_fixed, HMLC_OPERANDS(y, hmlc_emit_constant(emit, &list)),
                  HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_rounding, HMLC_ROUNDING_REAL)));
    return hmlc_tflite_store(node, y, result);
}

static hmlc_value *to_steps(hmlc_node *node, hmlc_value *y, const hmlc_tflite_operands *operands,
                            const hmlc_tflite_tensor *result)
{
    uint32_t count = operands->w_record->quantization.count;
    hmlc_tflite_factor *factors =
        HMLC_NEW_ARRAY(node->emit.builder.module->arena, hmlc_tflite_factor, count);
    if (factors == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!hmlc_tflite_factor_of(factor_at(operands, result, i), &factors[i])) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "its scales differ by more than 2^30, which integers cannot hold");
            return NULL;
        }
    }
    return hmlc_tflite_store(node, hmlc_tflite_times(node, y, factors, count), result);
}

hmlc_value *hmlc_tflite_finish_sums(hmlc_node *node, hmlc_value *y,
                                    const hmlc_tflite_operands *operands)
{
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (operands->rescale && hmlc_tflite_is_quantized(result)) {
        double least, most;
        return hmlc_tflite_bounds(node, result, &least, &most)
                   ? (operands->once ? to_steps_once : to_steps)(node, y, operands, result)
                   : NULL;
    }
    y = operands->rescale ? to_float(node, y, operands) : y;
    y = hmlc_tflite_activate(node, y);
    return hmlc_tflite_is_quantized(result) ? hmlc_tflite_quantize(node, y, result) : y;
}

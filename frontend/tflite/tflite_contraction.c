/* SPDX-License-Identifier: Apache-2.0 */
#include "tflite_contraction.h"

#include <math.h>

/* Stored integers less their zero point, as floats. */
static hmlc_value *whole_numbers(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor)
{
    hmlc_value *numbers = hmlc_emit_cast(&node->emit, x, HMLC_DTYPE_f32);
    const hmlc_tflite_quantization *quantization = &tensor->quantization;
    double zero = (double)quantization->zeros[0];
    for (uint32_t i = 1; i < quantization->count; i++) {
        if (quantization->zeros[i] != quantization->zeros[0]) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "'%s' has zero points that differ by channel", tensor->key);
        }
    }
    return zero == 0 ? numbers
                     : hmlc_emit_binary(&node->emit, HMLC_OP_sub, numbers,
                                        hmlc_emit_scalar(&node->emit, HMLC_DTYPE_f32, zero));
}

bool hmlc_tflite_read_operands(hmlc_node *node, uint32_t x, uint32_t w, uint32_t bias,
                               hmlc_tflite_operands *operands)
{
    const hmlc_tflite_tensor *x_record = hmlc_tflite_input(node, x);
    const hmlc_tflite_tensor *w_record = hmlc_tflite_input(node, w);
    hmlc_tflite_importer *importer = hmlc_tflite_self(node)->importer;
    hmlc_emitter *emit = &node->emit;
    bool quantized = hmlc_tflite_is_quantized(x_record) && hmlc_tflite_is_quantized(w_record);
    *operands = (hmlc_tflite_operands){.x = node->inputs[x],
                                       .w = node->inputs[w],
                                       .bias = hmlc_node_has_input(node, bias)
                                                   ? node->inputs[bias]
                                                   : NULL,
                                       .rescale = quantized,
                                       .x_record = x_record,
                                       .w_record = w_record};
    if (quantized) {
        hmlc_tflite_note_float(importer, hmlc_tflite_self(node)->op);
        operands->x = whole_numbers(node, operands->x, x_record);
        operands->w = whole_numbers(node, operands->w, w_record);
        operands->bias = operands->bias != NULL
                             ? hmlc_emit_cast(emit, operands->bias, HMLC_DTYPE_f32)
                             : NULL;
        return hmlc_node_ok(node);
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

/* scale of x * scale of w / scale of the result, one or one per channel. */
static hmlc_value *multiplier(hmlc_node *node, const hmlc_tflite_operands *operands,
                              double result_scale)
{
    const hmlc_tflite_quantization *w = &operands->w_record->quantization;
    hmlc_module *module = node->emit.builder.module;
    double x_scale = (double)operands->x_record->quantization.scales[0];
    float *data = HMLC_NEW_ARRAY(module->arena, float, w->count);
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < w->count; i++) {
        data[i] = (float)(x_scale * (double)w->scales[i] / result_scale);
    }
    hmlc_tensor list = {.dtype = HMLC_DTYPE_f32,
                        .rank = w->count > 1 ? 1 : 0,
                        .dims = {w->count},
                        .data = data,
                        .bytes = w->count * sizeof *data};
    return hmlc_emit_constant(&node->emit, &list);
}

hmlc_value *hmlc_tflite_finish_sums(hmlc_node *node, hmlc_value *y,
                                    const hmlc_tflite_operands *operands)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    if (!operands->rescale || !hmlc_node_ok(node)) {
        return hmlc_tflite_activate(node, y);
    }
    if (!hmlc_tflite_is_quantized(result)) {
        y = hmlc_emit_binary(emit, HMLC_OP_mul, y, multiplier(node, operands, 1));
        return hmlc_tflite_activate(node, y);
    }
    y = hmlc_emit_binary(emit, HMLC_OP_mul, y,
                         multiplier(node, operands, (double)result->quantization.scales[0]));
    return hmlc_tflite_to_steps(node, y, result);
}

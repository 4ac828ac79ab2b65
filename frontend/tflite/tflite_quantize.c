/* SPDX-License-Identifier: Apache-2.0 */
/* Quantized tensors: between stored integers and the numbers that they stand for. */
#include <math.h>

#include "tflite_node.h"

/* Scales or zero points as a constant: a scalar, or a list along an axis of a rank. */
static hmlc_value *constant_list(hmlc_node *node, hmlc_dtype dtype,
                                 const hmlc_tflite_tensor *tensor, bool zeros)
{
    const hmlc_tflite_quantization *quantization = &tensor->quantization;
    hmlc_module *module = node->emit.builder.module;
    size_t element = hmlc_dtype_bytes(dtype);
    hmlc_tensor list = {.dtype = dtype, .rank = quantization->count > 1 ? 1 : 0};
    list.bytes = element * quantization->count;
    list.dims[0] = quantization->count;
    uint8_t *data = hmlc_arena_allocate(module->arena, list.bytes);
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < quantization->count; i++) {
        if (zeros) {
            hmlc_element_set_int(dtype, data, i, quantization->zeros[i]);
        } else {
            hmlc_element_set_double(dtype, data, i, (double)quantization->scales[i]);
        }
    }
    list.data = data;
    return hmlc_emit_constant(&node->emit, &list);
}

static bool has_zeros(const hmlc_tflite_quantization *quantization)
{
    bool any = false;
    for (uint32_t i = 0; i < quantization->count; i++) {
        any = any || quantization->zeros[i] != 0;
    }
    return any;
}

/* (x - zero) * scale. */
hmlc_value *hmlc_tflite_dequantize(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor)
{
    const hmlc_tflite_quantization *quantization = &tensor->quantization;
    hmlc_value *scale = constant_list(node, HMLC_DTYPE_f32, tensor, false);
    hmlc_value *zero =
        has_zeros(quantization) ? constant_list(node, tensor->dtype, tensor, true) : NULL;
    return hmlc_emit(&node->emit, HMLC_OP_dequantize, HMLC_OPERANDS(x, scale, zero),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, quantization->axis),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32)));
}

hmlc_value *hmlc_tflite_round_away(hmlc_emitter *emit, hmlc_value *x)
{
    hmlc_value *zero = hmlc_emit_scalar_like(emit, x, 0),
               *half = hmlc_emit_scalar_like(emit, x, 0.5);
    hmlc_value *size = hmlc_emit_unary(emit, HMLC_OP_abs, x);
    hmlc_value *whole = hmlc_emit_unary(emit, HMLC_OP_floor, size);
    hmlc_value *rest = hmlc_emit_binary(emit, HMLC_OP_sub, size, whole);
    hmlc_value *small = hmlc_emit_binary(emit, HMLC_OP_less, rest, half);
    hmlc_value *next =
        hmlc_emit_binary(emit, HMLC_OP_add, whole, hmlc_emit_scalar_like(emit, x, 1));
    hmlc_value *nearest = hmlc_emit_select(emit, small, whole, next);
    hmlc_value *negative = hmlc_emit_binary(emit, HMLC_OP_less, x, zero);
    return hmlc_emit_select(emit, negative, hmlc_emit_unary(emit, HMLC_OP_neg, nearest), nearest);
}

/* The fused activation in steps is z + round(6 / scale), half away from zero. */
bool hmlc_tflite_bounds(hmlc_node *node, const hmlc_tflite_tensor *tensor, double *least,
                        double *most)
{
    static const double bounds[][2] = {{-INFINITY, INFINITY}, {0, INFINITY}, {-1, 1}, {0, 6}};
    const hmlc_tflite_quantization *quantization = &tensor->quantization;
    int64_t kind = hmlc_node_int(node, "fused_activation_function", 0);
    int bits = (int)hmlc_dtype_bits(tensor->dtype);
    if (quantization->count != 1 || quantization->scales[0] <= 0 || bits > 16) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "'%s' is %s with scales that results cannot have", tensor->key,
                       tensor->type);
        return false;
    }
    bool is_signed = hmlc_dtype_class_of(tensor->dtype) == HMLC_CLASS_INT;
    *most = ldexp(1, bits - (is_signed ? 1 : 0)) - 1;
    *least = is_signed ? -*most - 1 : 0;
    if (kind < 0 || kind > 3) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "the fused activation %d is not supported for integers", (int)kind);
        return false;
    }
    double scale = (double)quantization->scales[0], zero = (double)quantization->zeros[0];
    *least = fmax(*least, zero + round(bounds[kind][0] / scale));
    *most = fmin(*most, zero + round(bounds[kind][1] / scale));
    return hmlc_node_ok(node);
}

hmlc_value *hmlc_tflite_to_steps(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor)
{
    hmlc_emitter *emit = &node->emit;
    double least, most;
    if (!hmlc_tflite_bounds(node, tensor, &least, &most)) {
        return NULL;
    }
    hmlc_value *zero = hmlc_emit_scalar_like(emit, x, (double)tensor->quantization.zeros[0]);
    hmlc_value *steps = hmlc_emit_binary(emit, HMLC_OP_add, hmlc_tflite_round_away(emit, x), zero);
    return hmlc_emit_cast(emit, hmlc_tflite_clip(emit, steps, least, most), tensor->dtype);
}

hmlc_value *hmlc_tflite_quantize(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor)
{
    double size = tensor->quantization.count > 0 ? (double)tensor->quantization.scales[0] : 1;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_value *scale = hmlc_emit_scalar_like(&node->emit, x, size);
    return hmlc_tflite_to_steps(node, hmlc_emit_binary(&node->emit, HMLC_OP_div, x, scale), tensor);
}

void hmlc_tflite_import_dequantize(hmlc_node *node)
{
    const hmlc_tflite_tensor *tensor = hmlc_tflite_input(node, 0);
    node->outputs[0] = hmlc_tflite_is_quantized(tensor)
                           ? hmlc_tflite_dequantize(node, node->inputs[0], tensor)
                           : hmlc_emit_cast(&node->emit, node->inputs[0], HMLC_DTYPE_f32);
}

/* From floats, or from integers of other steps. */
void hmlc_tflite_import_quantize(hmlc_node *node)
{
    const hmlc_tflite_tensor *from = hmlc_tflite_input(node, 0), *to = hmlc_tflite_output(node, 0);
    hmlc_value *x = node->inputs[0];
    if (!hmlc_tflite_is_quantized(to)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'%s' has no scale", to->key);
        return;
    }
    if (hmlc_tflite_is_quantized(from)) {
        x = hmlc_tflite_dequantize(node, x, from);
    }
    node->outputs[0] = hmlc_tflite_quantize(node, x, to);
}

/*
 * Nudged bounds: min and max move so that 0 is a whole number of steps (TensorFlow,
 * FakeQuantWithMinMaxArgs).
 */
void hmlc_tflite_import_fake_quant(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    double least = hmlc_node_float(node, "min", 0), most = hmlc_node_float(node, "max", 0);
    int64_t bits = hmlc_node_int(node, "num_bits", 8);
    if (bits < 2 || bits > 16 || !(most > least)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "has no sound range");
        return;
    }
    double first = hmlc_node_int(node, "narrow_range", 0) != 0 ? 1 : 0;
    double last = ldexp(1, (int)bits) - 1;
    float step = ((float)most - (float)least) / ((float)last - (float)first);
    double zero = round(fmin(fmax(first - least / (double)step, first), last));
    double low = (first - zero) * (double)step, high = (last - zero) * (double)step;
    hmlc_value *x = hmlc_tflite_clip(emit, node->inputs[0], low, high);
    hmlc_value *shift = hmlc_emit_scalar_like(emit, x, low);
    hmlc_value *size = hmlc_emit_scalar_like(emit, x, (double)step);
    hmlc_value *steps =
        hmlc_emit_binary(emit, HMLC_OP_div, hmlc_emit_binary(emit, HMLC_OP_sub, x, shift), size);
    steps = hmlc_tflite_round_away(emit, steps);
    node->outputs[0] = hmlc_emit_binary(emit, HMLC_OP_add,
                                        hmlc_emit_binary(emit, HMLC_OP_mul, steps, size), shift);
}

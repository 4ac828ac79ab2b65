/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators on quantized tensors by TFLite's own rules for integers, bit by bit those of its
 * reference kernels. Sources of the formulas: the kernels' Prepare functions, which make real
 * multipliers of scales, partly in f32; each is stated beside its use.
 */
#include <math.h>

#include "common/reduction.h"
#include "common/sliding_window.h"
#include "tflite_fixed.h"
#include "tflite_pool.h"

static float scale_of(const hmlc_tflite_tensor *tensor)
{
    return tensor->quantization.scales[0];
}

/* Input `index` less its zero point. */
static hmlc_value *number(hmlc_node *node, uint32_t index)
{
    return hmlc_tflite_less(node, node->inputs[index],
                            hmlc_tflite_input(node, index)->quantization.zeros[0]);
}

/* MUL: the scales are multiplied and divided in f32. */
void hmlc_tflite_integer_product(hmlc_node *node)
{
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    float product = scale_of(hmlc_tflite_input(node, 0)) * scale_of(hmlc_tflite_input(node, 1));
    float factor = product / scale_of(result);
    hmlc_value *x = hmlc_emit_binary(&node->emit, HMLC_OP_mul, number(node, 0), number(node, 1));
    node->outputs[0] =
        hmlc_tflite_store(node, hmlc_tflite_times_real(node, x, (double)factor), result);
}

/* QUANTIZE of integers: the scales are divided in f64. */
void hmlc_tflite_integer_requantize(hmlc_node *node)
{
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    double factor = (double)scale_of(hmlc_tflite_input(node, 0)) / (double)scale_of(result);
    node->outputs[0] =
        hmlc_tflite_store(node, hmlc_tflite_times_real(node, number(node, 0), factor), result);
}

/* RELU and its like: the scales are divided in f32; bounds in steps. */
static void rectify(hmlc_node *node, double most)
{
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    float factor = scale_of(hmlc_tflite_input(node, 0)) / scale_of(result);
    hmlc_value *x = hmlc_tflite_times_real(node, number(node, 0), (double)factor);
    if (!hmlc_node_ok(node)) {
        return;
    }
    x = hmlc_tflite_clip(&node->emit, x, 0, fmin(round(most / (double)scale_of(result)), 65536));
    node->outputs[0] = hmlc_tflite_store(node, x, result);
}

void hmlc_tflite_integer_relu(hmlc_node *node)
{
    rectify(node, INFINITY);
}

void hmlc_tflite_integer_relu6(hmlc_node *node)
{
    rectify(node, 6);
}

enum { MOST_ELEMENTS = INT32_MAX / 255 }; /* whose sum fits 32 bits */

/* MEAN: the number of elements is divided into the multiplier, from which as many bits were taken
 * as it has. */
void hmlc_tflite_integer_mean(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, 0), *result = hmlc_tflite_output(node, 0);
    hmlc_axis_list axes =
        hmlc_node_reduced_axes(node, 1, NULL, hmlc_node_int(node, "keep_dims", 0) != 0, true);
    hmlc_tflite_factor factor;
    int64_t count = 1;
    for (uint32_t i = 0; i < axes.count && hmlc_node_ok(node); i++) {
        int64_t size = 0;
        if (axes.run_time != NULL ||
            !hmlc_dim_is_constant(hmlc_node_dims(node, 0)[axes.list[i]], &size) || size < 1 ||
            size > MOST_ELEMENTS / count) {
            hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                           "the number of elements is not known at compile time, or too large");
            return;
        }
        count *= size;
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    if (!hmlc_tflite_factor_of((double)scale_of(x) / (double)scale_of(result), &factor)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL, "its scales differ by too much");
        return;
    }
    int32_t bits = 0;
    while (bits < 31 && (count >> (bits + 1)) > 0 && bits < 31 + factor.shift) {
        bits++;
    }
    factor.multiplier = (factor.multiplier << bits) / count;
    factor.shift -= bits;
    hmlc_value *numbers = hmlc_emit_cast(emit, node->inputs[0], HMLC_DTYPE_i32);
    hmlc_value *sum = hmlc_node_reduce(node, HMLC_OP_reduce_sum, numbers, &axes);
    if (hmlc_node_ok(node)) {
        sum = hmlc_tflite_less(node, sum, count * x->quantization.zeros[0]);
        node->outputs[0] =
            hmlc_tflite_store(node, hmlc_tflite_times(node, sum, &factor, 1), result);
    }
}

/*
 * AVERAGE_POOL_2D: (sum +- n / 2) / n, cut off, of the stored integers; scales are equal. The mean
 * in f32 lies closer than 1 / (4 n) to the true one, so that half of that decides ties.
 */
void hmlc_tflite_integer_average(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_window_spec window;
    const hmlc_tflite_tensor *from = hmlc_tflite_input(node, 0);
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    if (fabsf(scale_of(from) - scale_of(result)) > 1e-6F || from->dtype != result->dtype ||
        from->quantization.zeros[0] != result->quantization.zeros[0]) { /* as TFLite demands */
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "'%s' has other steps than '%s'; a mean keeps them", result->key, from->key);
        return;
    }
    if (!hmlc_tflite_read_pool(node, &window)) {
        return;
    }
    double taps = (double)(window.size[0] * window.size[1]);
    hmlc_value *x = hmlc_emit_cast(emit, node->inputs[0], HMLC_DTYPE_f32);
    hmlc_value *mean = hmlc_emit_avg_pool(emit, x, &window, false);
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *size = hmlc_emit_unary(emit, HMLC_OP_abs, mean);
    size = hmlc_emit_binary(emit, HMLC_OP_add, size,
                            hmlc_emit_scalar_like(emit, size, 0.5 + 1 / (4 * taps)));
    size = hmlc_emit_unary(emit, HMLC_OP_floor, size);
    hmlc_value *zero = hmlc_emit_scalar_like(emit, mean, 0);
    hmlc_value *negative = hmlc_emit_binary(emit, HMLC_OP_less, mean, zero);
    size = hmlc_emit_select(emit, negative, hmlc_emit_unary(emit, HMLC_OP_neg, size), size);
    x = hmlc_tflite_less(node, size, result->quantization.zeros[0]);
    node->outputs[0] = hmlc_tflite_store(node, x, result);
}

/* LOGISTIC and TANH: a table of all 256 inputs, made in f32 with the library's functions. */
void hmlc_tflite_integer_table(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, 0), *result = hmlc_tflite_output(node, 0);
    hmlc_module *module = emit->builder.module;
    bool is_signed = x->dtype == HMLC_DTYPE_i8;
    int64_t least = is_signed ? -128 : 0, zero = result->quantization.zeros[0];
    uint8_t *data = hmlc_arena_allocate(module->arena, HMLC_TABLE_LENGTH);
    if (data == NULL) {
        emit->status = HMLC_RESOURCE;
        return;
    }
    float inverse = 1 / scale_of(result);
    for (int64_t i = 0; i < HMLC_TABLE_LENGTH; i++) {
        float value = scale_of(x) * (float)(i + least - x->quantization.zeros[0]);
        float given = node->opcode == HMLC_OP_tanh ? tanhf(value) : 1.0F / (1.0F + expf(-value));
        float bounded = fmaxf(fminf(given * inverse, 65536.0F), -65536.0F);
        int64_t steps = (int64_t)roundf(bounded) + zero;
        steps = steps < least ? least : steps > least + 255 ? least + 255 : steps;
        data[(uint8_t)(i + least)] = (uint8_t)steps;
    }
    const hmlc_tensor table = {.dtype = result->dtype,
                               .rank = 1,
                               .dims = {HMLC_TABLE_LENGTH},
                               .data = data,
                               .bytes = HMLC_TABLE_LENGTH};
    node->outputs[0] = hmlc_emit(emit, HMLC_OP_lookup, HMLC_OPERANDS(node->inputs[0]),
                                 HMLC_ATTRS(hmlc_attr_tensor(HMLC_ATTR_table, &table)));
}

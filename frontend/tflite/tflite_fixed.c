/* SPDX-License-Identifier: Apache-2.0 */
#include "tflite_fixed.h"

#include <math.h>

bool hmlc_tflite_factor_of(double number, hmlc_tflite_factor *factor)
{
    int exponent = 0;
    if (!(number >= 0 && number < ldexp(1, 30))) {
        return false;
    }
    double mantissa = frexp(number, &exponent);
    int64_t multiplier = (int64_t)round(ldexp(mantissa, 31));
    if (multiplier == 1LL << 31) {
        multiplier /= 2;
        exponent++;
    }
    if (exponent < -31) { /* too small to matter */
        multiplier = 0;
        exponent = 0;
    }
    *factor = (hmlc_tflite_factor){multiplier, exponent};
    return exponent <= 30;
}

hmlc_value *hmlc_tflite_less(hmlc_node *node, hmlc_value *x, int64_t number)
{
    hmlc_emitter *emit = &node->emit;
    x = hmlc_emit_cast(emit, x, HMLC_DTYPE_i32);
    return number == 0 ? x
                       : hmlc_emit_binary(emit, HMLC_OP_sub, x,
                                          hmlc_emit_scalar(emit, HMLC_DTYPE_i32, (double)number));
}

/* What is done with the factors, one list of numbers for each step. */
enum { LEFT, MULTIPLIER, RIGHT };

static int64_t entry_of(const hmlc_tflite_factor *factor, int list)
{
    switch (list) {
    case LEFT:
        return (int32_t)(1U << (factor->shift > 0 ? factor->shift : 0));
    case MULTIPLIER:
        return factor->multiplier;
    default:
        return factor->shift < 0 ? -factor->shift : 0;
    }
}

/* A scalar where all factors agree. */
static hmlc_value *list_constant(hmlc_node *node, const hmlc_tflite_factor *factors, uint32_t count,
                                 int list)
{
    bool equal = true;
    for (uint32_t i = 1; i < count; i++) {
        equal = equal && entry_of(&factors[i], list) == entry_of(&factors[0], list);
    }
    uint32_t stored = equal ? 1 : count;
    int32_t *data = HMLC_NEW_ARRAY(node->emit.builder.module->arena, int32_t, stored);
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < stored; i++) {
        data[i] = (int32_t)entry_of(&factors[i], list);
    }
    const hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i32,
                                .rank = equal ? 0 : 1,
                                .dims = {count},
                                .data = data,
                                .bytes = stored * sizeof *data};
    return hmlc_emit_constant(&node->emit, &tensor);
}

/* A shift to the left wraps, as the reference kernels' does. */
hmlc_value *hmlc_tflite_times(hmlc_node *node, hmlc_value *x, const hmlc_tflite_factor *factors,
                              uint32_t count)
{
    hmlc_emitter *emit = &node->emit;
    bool up = false;
    for (uint32_t i = 0; i < count; i++) {
        up = up || factors[i].shift > 0;
    }
    if (up) {
        x = hmlc_emit_binary(emit, HMLC_OP_mul, x, list_constant(node, factors, count, LEFT));
    }
    hmlc_value *multiplier = list_constant(node, factors, count, MULTIPLIER);
    hmlc_value *right = list_constant(node, factors, count, RIGHT);
    return hmlc_emit(emit, HMLC_OP_requantize_fixed, HMLC_OPERANDS(x, multiplier, right),
                     HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_rounding, HMLC_ROUNDING_DOUBLE)));
}

hmlc_value *hmlc_tflite_times_real(hmlc_node *node, hmlc_value *x, double number)
{
    hmlc_tflite_factor factor;
    if (!hmlc_tflite_factor_of(number, &factor)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "its scales differ by more than 2^30, which integers cannot hold");
        return NULL;
    }
    return hmlc_tflite_times(node, x, &factor, 1);
}

hmlc_value *hmlc_tflite_store(hmlc_node *node, hmlc_value *x, const hmlc_tflite_tensor *tensor)
{
    hmlc_emitter *emit = &node->emit;
    double least, most;
    if (!hmlc_tflite_bounds(node, tensor, &least, &most)) {
        return NULL;
    }
    int64_t zero = tensor->quantization.zeros[0];
    x = hmlc_tflite_clip(emit, hmlc_tflite_less(node, x, -zero), least, most);
    return hmlc_emit_cast(emit, x, tensor->dtype);
}

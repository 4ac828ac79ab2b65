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
    x = hmlc_emit_cast(emit, x, HMLC_DTYPE_i64);
    return number == 0 ? x
                       : hmlc_emit_binary(emit, HMLC_OP_sub, x,
                                          hmlc_emit_scalar(emit, HMLC_DTYPE_i64, (double)number));
}

/* What is done with the factors, one list of numbers for each step. */
enum { LEFT, MULTIPLIER, NUDGE, BELOW, RIGHT, LISTS };

static int64_t entry_of(const hmlc_tflite_factor *factor, int list)
{
    int32_t right = factor->shift < 0 ? -factor->shift : 0;
    switch (list) {
    case LEFT:
        return 1LL << (factor->shift > 0 ? factor->shift : 0);
    case MULTIPLIER:
        return factor->multiplier;
    case NUDGE:
        return right > 0 ? 1LL << (right - 1) : 0;
    case BELOW:
        return right > 0;
    default:
        return right;
    }
}

/* A scalar where all factors agree; NULL where the step does nothing. */
static hmlc_value *list_constant(hmlc_node *node, const hmlc_tflite_factor *factors, uint32_t count,
                                 int list)
{
    hmlc_module *module = node->emit.builder.module;
    bool equal = true;
    for (uint32_t i = 1; i < count; i++) {
        equal = equal && entry_of(&factors[i], list) == entry_of(&factors[0], list);
    }
    if (equal && entry_of(&factors[0], list) == (list == LEFT ? 1 : 0) && list != MULTIPLIER) {
        return NULL;
    }
    uint32_t stored = equal ? 1 : count;
    int64_t *data = HMLC_NEW_ARRAY(module->arena, int64_t, stored);
    if (data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < stored; i++) {
        data[i] = entry_of(&factors[i], list);
    }
    const hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i64,
                                .rank = equal ? 0 : 1,
                                .dims = {count},
                                .data = data,
                                .bytes = stored * sizeof *data};
    return hmlc_emit_constant(&node->emit, &tensor);
}

/*
 * The high half of the product, half up; then a right shift, half away from zero: a number below 0
 * gets one less than half before it is cut off downwards.
 */
hmlc_value *hmlc_tflite_times(hmlc_node *node, hmlc_value *x, const hmlc_tflite_factor *factors,
                              uint32_t count)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *lists[LISTS];
    for (int k = 0; k < LISTS; k++) {
        lists[k] = list_constant(node, factors, count, k);
    }
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (lists[LEFT] != NULL) {
        x = hmlc_emit_binary(emit, HMLC_OP_mul, x, lists[LEFT]);
    }
    x = hmlc_emit_binary(emit, HMLC_OP_mul, x, lists[MULTIPLIER]);
    x = hmlc_emit_binary(emit, HMLC_OP_add, x,
                         hmlc_emit_scalar(emit, HMLC_DTYPE_i64, (double)(1LL << 30)));
    x = hmlc_emit_binary(emit, HMLC_OP_shift_right, x, hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 31));
    if (lists[RIGHT] == NULL || !hmlc_node_ok(node)) {
        return x;
    }
    hmlc_value *zero = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, 0);
    hmlc_value *negative = hmlc_emit_binary(emit, HMLC_OP_less, x, zero);
    hmlc_value *below = hmlc_emit_select(emit, negative, lists[BELOW], zero);
    x = hmlc_emit_binary(emit, HMLC_OP_sub, hmlc_emit_binary(emit, HMLC_OP_add, x, lists[NUDGE]),
                         below);
    return hmlc_emit_binary(emit, HMLC_OP_shift_right, x, lists[RIGHT]);
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

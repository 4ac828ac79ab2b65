/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of quantize, dequantize and lookup. */
#include <math.h>

#include "eval_tools.h"

/* Least and greatest value of an integer type of at most 32 bits. */
static void limits_of(hmlc_dtype dtype, double *least, double *most)
{
    int bits = (int)hmlc_dtype_bits(dtype);
    bool is_signed = hmlc_dtype_class_of(dtype) == HMLC_CLASS_INT;
    *least = is_signed ? -ldexp(1, bits - 1) : 0;
    *most = ldexp(1, is_signed ? bits - 1 : bits) - 1;
}

/* Where the axis lies: elements behind each of its indices, its length, that of a block or 0. */
typedef struct quantized_axis {
    int64_t inner, length, block;
} quantized_axis;

/* Index of the parameter for element i: 0 for one value, else its index along the axis; of blocks,
 * in a tensor that has one element for each of them along the axis. */
static int64_t parameter_index(const hmlc_tensor *parameter, int64_t i, const quantized_axis *axis)
{
    int64_t along = i / axis->inner % axis->length;
    if (hmlc_tensor_count(parameter) == 1) {
        return 0;
    }
    if (axis->block == 0) {
        return along;
    }
    int64_t blocks = (axis->length + axis->block - 1) / axis->block;
    int64_t outer = i / axis->inner / axis->length;
    return (outer * blocks + along / axis->block) * axis->inner + i % axis->inner;
}

/*
 * round(x / scale) + zero point, saturated. The division is done in f32 unless a side is f64:
 * rounding to an integer jumps, so the reference must round where the definition of the operator
 * does.
 */
static double quantize(double x, double scale, double zero, bool wide, hmlc_dtype to)
{
    double least, most;
    limits_of(to, &least, &most);
    double quotient = wide ? x / scale : (double)((float)x / (float)scale);
    double value = nearbyint(quotient) + zero;
    if (isnan(value)) {
        return 0;
    }
    return value < least ? least : value > most ? most : value;
}

hmlc_status hmlc_eval_quantize(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0], *scale = context->operands[1];
    const hmlc_tensor *zero = hmlc_eval_operand(context, 2);
    hmlc_tensor *result = &context->results[0];
    void *to = hmlc_eval_data(result);
    int32_t axis = (int32_t)hmlc_op_int(context->op, HMLC_ATTR_axis);
    bool per_axis = x->rank > 0 && axis < x->rank;
    quantized_axis along = {.inner = per_axis ? hmlc_eval_product(x->dims, axis + 1, x->rank) : 1,
                            .length = per_axis ? x->dims[axis] : 1,
                            .block = hmlc_op_int(context->op, HMLC_ATTR_block)};
    int64_t count = hmlc_tensor_count(x);
    bool wide = x->dtype == HMLC_DTYPE_f64 || scale->dtype == HMLC_DTYPE_f64;
    for (int64_t i = 0; i < count; ++i) {
        double s = hmlc_tensor_get_double(scale, parameter_index(scale, i, &along));
        int64_t z = zero == NULL ? 0 : hmlc_tensor_get_int(zero, parameter_index(zero, i, &along));
        double value;
        if (context->op->opcode == HMLC_OP_quantize) {
            value = quantize(hmlc_tensor_get_double(x, i), s, (double)z, wide, result->dtype);
        } else {
            value = (double)(hmlc_tensor_get_int(x, i) - z) * s;
        }
        hmlc_element_set_double(result->dtype, to, i, value);
    }
    return HMLC_OK;
}

hmlc_status hmlc_eval_lookup(hmlc_eval *context)
{
    const hmlc_tensor *x = context->operands[0];
    const hmlc_tensor *table = hmlc_op_attr(context->op, HMLC_ATTR_table)->as.tensor;
    const uint8_t *from = x->data, *results = table->data;
    uint8_t *to = hmlc_eval_data(&context->results[0]);
    int64_t count = hmlc_tensor_count(x);
    for (int64_t i = 0; i < count; ++i) {
        to[i] = results[from[i]];
    }
    return HMLC_OK;
}

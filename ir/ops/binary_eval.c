/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of elementwise ops with two or three operands, with numpy broadcast. */
#include <math.h>
#include <string.h>

#include "eval_tools.h"
#include "integer_math.h"

typedef double (*binary_function)(double a, double b);

#define BINARY(name, expression)                                                                   \
    static double apply_##name(double a, double b)                                                 \
    {                                                                                              \
        return (expression);                                                                       \
    }

/* Sign of the divisor, as Python's % has it. */
static double floored_modulo(double a, double b)
{
    double rest = fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

BINARY(add, a + b)
BINARY(sub, a - b)
BINARY(mul, a *b)
BINARY(div, a / b)
BINARY(mod, floored_modulo(a, b))
BINARY(fmod, fmod(a, b))
BINARY(pow, pow(a, b))
BINARY(min, isnan(a) || a < b ? a : b)
BINARY(max, isnan(a) || a > b ? a : b)
BINARY(equal, a == b)
BINARY(less, a < b)
BINARY(less_equal, a <= b)
BINARY(prelu, a < 0 ? a * b : a)

static binary_function find_binary(const hmlc_op *op)
{
    static const struct {
        hmlc_opcode opcode;
        binary_function function;
    } table[] = {
#define ROW(name) {HMLC_OP_##name, apply_##name}
        ROW(add), ROW(sub), ROW(mul),   ROW(div),  ROW(mod),        ROW(pow),
        ROW(min), ROW(max), ROW(equal), ROW(less), ROW(less_equal), ROW(prelu),
#undef ROW
    };
    if (op->opcode == HMLC_OP_mod && hmlc_op_int(op, HMLC_ATTR_fmod) != 0) {
        return apply_fmod;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
        if (table[i].opcode == op->opcode) {
            return table[i].function;
        }
    }
    return NULL;
}

/* Checks that an operand broadcasts to the result, and gives its strides. */
static hmlc_status operand_strides(const hmlc_eval *context, uint32_t index, int64_t *strides)
{
    const hmlc_tensor *x = context->operands[index], *result = &context->results[0];
    for (int32_t i = 0; i < x->rank; ++i) {
        int64_t target = result->dims[result->rank - x->rank + i];
        if (x->dims[i] != 1 && x->dims[i] != target) {
            return hmlc_eval_fail(context, HMLC_ERROR_dims_unequal,
                                  "dim %d of operand %u is %lld; expected 1 or %lld", i, index,
                                  (long long)x->dims[i], (long long)target);
        }
    }
    hmlc_eval_broadcast_strides(x, result->rank, strides);
    return HMLC_OK;
}

/* A cursor over the result that follows all operands. */
static hmlc_status start_cursor(const hmlc_eval *context, int64_t (*strides)[HMLC_MAX_RANK],
                                hmlc_cursor *cursor)
{
    *cursor = (hmlc_cursor){.rank = context->results[0].rank,
                            .count = (int32_t)context->operand_count,
                            .dims = context->results[0].dims};
    for (uint32_t i = 0; i < context->operand_count; ++i) {
        HMLC_TRY(operand_strides(context, i, strides[i]));
        cursor->strides[i] = strides[i];
    }
    return HMLC_OK;
}

static hmlc_status evaluate_floats(hmlc_eval *context)
{
    binary_function function = find_binary(context->op);
    int64_t strides[2][HMLC_MAX_RANK], count = hmlc_tensor_count(&context->results[0]);
    hmlc_cursor cursor;
    HMLC_TRY(start_cursor(context, strides, &cursor));
    double *a = hmlc_eval_doubles(context, context->operands[0]);
    double *b = hmlc_eval_doubles(context, context->operands[1]);
    double *values = hmlc_eval_new_doubles(context, count);
    HMLC_TRY_MEMORY(a);
    HMLC_TRY_MEMORY(b);
    HMLC_TRY_MEMORY(values);
    if (function == NULL) {
        return hmlc_eval_fail(context, HMLC_ERROR_compiler_defect, "no evaluation of floats");
    }
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        values[i] = function(a[cursor.offset[0]], b[cursor.offset[1]]);
    }
    hmlc_eval_store_doubles(&context->results[0], values);
    return HMLC_OK;
}

static hmlc_status evaluate_integers(hmlc_eval *context)
{
    const hmlc_op *op = context->op;
    hmlc_dtype dtype = context->operands[0]->dtype;
    bool fmod = op->opcode == HMLC_OP_mod && hmlc_op_int(op, HMLC_ATTR_fmod) != 0;
    int64_t strides[2][HMLC_MAX_RANK], count = hmlc_tensor_count(&context->results[0]);
    hmlc_cursor cursor;
    HMLC_TRY(start_cursor(context, strides, &cursor));
    bool real = hmlc_eval_is_float(context->operands[1]); /* the exponent of a power */
    int64_t *a = hmlc_eval_integers(context, context->operands[0]);
    int64_t *b = real ? NULL : hmlc_eval_integers(context, context->operands[1]);
    double *exponents = real ? hmlc_eval_doubles(context, context->operands[1]) : NULL;
    int64_t *values = hmlc_eval_new_integers(context, count);
    HMLC_TRY_MEMORY(a);
    HMLC_TRY_MEMORY(real ? (void *)exponents : (void *)b);
    HMLC_TRY_MEMORY(values);
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        if (real) {
            values[i] = hmlc_integer_power(dtype, a[cursor.offset[0]], exponents[cursor.offset[1]]);
        } else if (!hmlc_integer_binary(op->opcode, dtype, fmod, a[cursor.offset[0]],
                                        b[cursor.offset[1]], &values[i])) {
            return hmlc_eval_fail(context, HMLC_ERROR_compiler_defect, "no evaluation of integers");
        }
    }
    hmlc_eval_store_integers(&context->results[0], values);
    return HMLC_OK;
}

hmlc_status hmlc_eval_binary(hmlc_eval *context)
{
    /* A floating exponent leaves a power the base's type. */
    bool floats = hmlc_eval_is_float(context->operands[0]) ||
                  (hmlc_eval_is_float(context->operands[1]) && context->op->opcode != HMLC_OP_pow);
    return floats ? evaluate_floats(context) : evaluate_integers(context);
}

hmlc_status hmlc_eval_requantize_fixed(hmlc_eval *context)
{
    int64_t strides[3][HMLC_MAX_RANK], count = hmlc_tensor_count(&context->results[0]);
    int64_t rounding = hmlc_op_int(context->op, HMLC_ATTR_rounding);
    const hmlc_tensor *multiplier = context->operands[1], *shift = hmlc_eval_operand(context, 2);
    hmlc_cursor cursor;
    HMLC_TRY(start_cursor(context, strides, &cursor));
    int64_t *values = hmlc_eval_new_integers(context, count);
    HMLC_TRY_MEMORY(values);
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        int64_t x = hmlc_tensor_get_int(context->operands[0], cursor.offset[0]);
        values[i] =
            rounding == HMLC_ROUNDING_REAL
                ? hmlc_requantize_real(x, hmlc_tensor_get_double(multiplier, cursor.offset[1]))
                : hmlc_requantize_fixed(rounding == HMLC_ROUNDING_DOUBLE, x,
                                        hmlc_tensor_get_int(multiplier, cursor.offset[1]),
                                        hmlc_tensor_get_int(shift, cursor.offset[2]));
    }
    hmlc_eval_store_integers(&context->results[0], values);
    return HMLC_OK;
}

hmlc_status hmlc_eval_select(hmlc_eval *context)
{
    int64_t strides[3][HMLC_MAX_RANK], count = hmlc_tensor_count(&context->results[0]);
    hmlc_cursor cursor;
    HMLC_TRY(start_cursor(context, strides, &cursor));
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        int side = hmlc_tensor_get_int(context->operands[0], cursor.offset[0]) != 0 ? 1 : 2;
        hmlc_eval_copy_element(&context->results[0], i, context->operands[side],
                               cursor.offset[side]);
    }
    return HMLC_OK;
}

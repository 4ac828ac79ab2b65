/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of elementwise ops: same shape in and out, or numpy broadcast. */
#include "infer_tools.h"

static hmlc_status infer_unary(hmlc_infer *context, unsigned accepted, bool predicate)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, accepted, &status);
    if (x == NULL) {
        return status;
    }
    hmlc_dtype dtype = predicate ? HMLC_DTYPE_bool : x->dtype;
    hmlc_infer_result(context, 0, dtype, x->rank, x->dims, &status);
    HMLC_TRY(status);
    return hmlc_known_elementwise(context);
}

hmlc_status hmlc_infer_unary_numeric(hmlc_infer *context)
{
    return infer_unary(context, HMLC_ACCEPT_NUMERIC, false);
}

hmlc_status hmlc_infer_unary_float(hmlc_infer *context)
{
    return infer_unary(context, HMLC_ACCEPT_FLOAT, false);
}

hmlc_status hmlc_infer_unary_predicate(hmlc_infer *context)
{
    return infer_unary(context, HMLC_ACCEPT_FLOAT, true);
}

hmlc_status hmlc_infer_unary_bool(hmlc_infer *context)
{
    return infer_unary(context, HMLC_ACCEPT_BOOL, false);
}

hmlc_status hmlc_infer_unary_integer(hmlc_infer *context)
{
    return infer_unary(context, HMLC_ACCEPT_INTEGER, false);
}

hmlc_status hmlc_infer_cast(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_COMPUTED, &status);
    const hmlc_attr *to = hmlc_op_attr(context->op, HMLC_ATTR_to);
    if (to == NULL) {
        hmlc_infer_fail(context, &status, "attribute to is missing");
    } else if ((hmlc_dtype_group(to->as.dtype) & HMLC_ACCEPT_COMPUTED) == 0) {
        hmlc_infer_refuse(context, &status, NULL, "a cast to %s is not supported",
                          hmlc_dtype_name(to->as.dtype));
    }
    if (x == NULL || to == NULL || status != HMLC_OK) {
        return status;
    }
    hmlc_infer_result(context, 0, to->as.dtype, x->rank, x->dims, &status);
    HMLC_TRY(status);
    return hmlc_known_elementwise(context);
}

typedef enum operand_types { SAME_TYPE, ANY_TYPE } operand_types;

static hmlc_status infer_binary(hmlc_infer *context, unsigned accepted, operand_types types,
                                bool predicate)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *a = hmlc_infer_operand(context, 0, accepted, &status);
    const hmlc_type *b = hmlc_infer_operand(context, 1, accepted, &status);
    if (types == SAME_TYPE) {
        hmlc_infer_same_dtype(context, 1, a, b, &status);
    }
    if (a == NULL || b == NULL) {
        return status;
    }
    int32_t rank;
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_status broadcast = hmlc_infer_broadcast(context->module, context->op->location, a->rank,
                                                 a->dims, b->rank, b->dims, &rank, dims);
    HMLC_TRY(broadcast);
    hmlc_dtype dtype = predicate ? HMLC_DTYPE_bool : a->dtype;
    hmlc_infer_result(context, 0, dtype, rank, dims, &status);
    HMLC_TRY(status);
    return hmlc_known_elementwise(context);
}

hmlc_status hmlc_infer_binary_numeric(hmlc_infer *context)
{
    return infer_binary(context, HMLC_ACCEPT_NUMERIC, SAME_TYPE, false);
}

hmlc_status hmlc_infer_binary_pow(hmlc_infer *context)
{
    return infer_binary(context, HMLC_ACCEPT_NUMERIC, ANY_TYPE, false);
}

hmlc_status hmlc_infer_binary_bool(hmlc_infer *context)
{
    return infer_binary(context, HMLC_ACCEPT_BOOL, SAME_TYPE, false);
}

hmlc_status hmlc_infer_binary_integer(hmlc_infer *context)
{
    return infer_binary(context, HMLC_ACCEPT_INTEGER, SAME_TYPE, false);
}

hmlc_status hmlc_infer_compare(hmlc_infer *context)
{
    unsigned accepted =
        context->op->opcode == HMLC_OP_equal ? HMLC_ACCEPT_COMPUTED : HMLC_ACCEPT_NUMERIC;
    return infer_binary(context, accepted, SAME_TYPE, true);
}

/* x i32, multiplier i32 and shift i32, or multiplier f64 alone. */
hmlc_status hmlc_infer_requantize_fixed(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    bool real = hmlc_op_int(context->op, HMLC_ATTR_rounding) == HMLC_ROUNDING_REAL;
    int32_t rank = 0;
    hmlc_dim dims[HMLC_MAX_RANK];
    if (context->op->operand_count != (real ? 2 : 3)) {
        hmlc_infer_fail(context, &status, "has %s shift", real ? "a" : "no");
        return status;
    }
    for (uint32_t k = 0; k < context->op->operand_count; k++) {
        hmlc_dtype wanted = real && k == 1 ? HMLC_DTYPE_f64 : HMLC_DTYPE_i32;
        const hmlc_type *type = hmlc_infer_operand(context, k, HMLC_ACCEPT_NUMERIC, &status);
        if (type != NULL && type->dtype != wanted) {
            hmlc_infer_fail(context, &status, "operand %u has element type %s; expected %s", k,
                            hmlc_dtype_name(type->dtype), hmlc_dtype_name(wanted));
        }
        HMLC_TRY(status);
        HMLC_TRY(hmlc_infer_broadcast(context->module, context->op->location, rank, dims,
                                      type->rank, type->dims, &rank, dims));
    }
    hmlc_infer_result(context, 0, HMLC_DTYPE_i32, rank, dims, &status);
    return status;
}

hmlc_status hmlc_infer_select(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *condition = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BOOL, &status);
    const hmlc_type *a = hmlc_infer_operand(context, 1, HMLC_ACCEPT_BYTES, &status);
    const hmlc_type *b = hmlc_infer_operand(context, 2, HMLC_ACCEPT_BYTES, &status);
    if (a != NULL && b != NULL && a->dtype != b->dtype) {
        hmlc_infer_fail(context, &status, "the two sides have element types %s and %s",
                        hmlc_dtype_name(a->dtype), hmlc_dtype_name(b->dtype));
    }
    if (condition == NULL || a == NULL || b == NULL) {
        return status;
    }
    int32_t rank;
    hmlc_dim dims[HMLC_MAX_RANK];
    HMLC_TRY(hmlc_infer_broadcast(context->module, context->op->location, a->rank, a->dims, b->rank,
                                  b->dims, &rank, dims));
    HMLC_TRY(hmlc_infer_broadcast(context->module, context->op->location, rank, dims,
                                  condition->rank, condition->dims, &rank, dims));
    hmlc_infer_result(context, 0, a->dtype, rank, dims, &status);
    HMLC_TRY(status);
    return hmlc_known_elementwise(context);
}

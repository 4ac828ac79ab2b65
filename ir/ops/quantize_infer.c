/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of quantize and dequantize: scale and zero point are one value, or one per index of
 * `axis`; of lookup. */
#include "infer_tools.h"

#include <inttypes.h>

/* x's dims, but one for each block along the axis. */
static void check_blocks(const hmlc_infer *context, uint32_t index, const hmlc_type *type,
                         const hmlc_type *x, int64_t block, hmlc_status *status)
{
    hmlc_dims *dims = context->op->parent->module->dims;
    int32_t axis = hmlc_infer_axis(context, x->rank, status);
    hmlc_infer_rank(context, index, type, x->rank, x->rank, status);
    if (block < 1 || *status != HMLC_OK) {
        hmlc_infer_fail(context, status, "blocks have %" PRId64 " elements", block);
        return;
    }
    for (int32_t k = 0; k < x->rank; k++) {
        hmlc_dim size = hmlc_dim_constant(dims, block);
        hmlc_dim wanted = k == axis ? hmlc_dim_ceildiv(dims, x->dims[k], size) : x->dims[k];
        hmlc_infer_unify(context, wanted, type->dims[k], "blocks of the scale", status);
    }
}

static void check_parameter(const hmlc_infer *context, uint32_t index, const hmlc_type *type,
                            const hmlc_type *x, hmlc_status *status)
{
    int64_t block = hmlc_op_int(context->op, HMLC_ATTR_block);
    if (type == NULL || x == NULL) {
        return;
    }
    if (block != 0) {
        check_blocks(context, index, type, x, block, status);
        return;
    }
    hmlc_infer_rank(context, index, type, 0, 1, status);
    if (type->rank == 1 && !hmlc_dim_is(type->dims[0], 1)) {
        int32_t axis = hmlc_infer_axis(context, x->rank, status);
        if (x->rank > 0) {
            hmlc_infer_unify(context, x->dims[axis], type->dims[0], "length of the scale", status);
        }
    }
}

static hmlc_status infer_quantization(hmlc_infer *context, unsigned from, unsigned to_group,
                                      bool to_integer)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, from, &status);
    const hmlc_type *scale = hmlc_infer_operand(context, 1, HMLC_ACCEPT_FLOAT, &status);
    const hmlc_type *zero = hmlc_infer_optional(context, 2, HMLC_ACCEPT_INTEGER, &status);
    check_parameter(context, 1, scale, x, &status);
    check_parameter(context, 2, zero, x, &status);
    const hmlc_attr *to = hmlc_op_attr(context->op, HMLC_ATTR_to);
    if (to == NULL) {
        hmlc_infer_fail(context, &status, "attribute to is missing");
    } else if ((hmlc_dtype_group(to->as.dtype) & to_group) == 0) {
        hmlc_infer_refuse(context, &status, NULL, "result element type %s is not supported",
                          hmlc_dtype_name(to->as.dtype));
    }
    if (x == NULL || to == NULL || status != HMLC_OK) {
        return status;
    }
    hmlc_dtype quantized = to_integer ? to->as.dtype : x->dtype;
    if (zero != NULL && zero->dtype != quantized) {
        hmlc_infer_fail(context, &status, "the zero point has element type %s; expected %s",
                        hmlc_dtype_name(zero->dtype), hmlc_dtype_name(quantized));
    }
    hmlc_infer_result(context, 0, to->as.dtype, x->rank, x->dims, &status);
    return status;
}

hmlc_status hmlc_infer_quantize(hmlc_infer *context)
{
    return infer_quantization(context, HMLC_ACCEPT_NUMERIC, HMLC_ACCEPT_INTEGER, true);
}

hmlc_status hmlc_infer_dequantize(hmlc_infer *context)
{
    return infer_quantization(context, HMLC_ACCEPT_INTEGER, HMLC_ACCEPT_FLOAT, false);
}

hmlc_status hmlc_infer_lookup(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_attr *attr = hmlc_op_attr(context->op, HMLC_ATTR_table);
    const hmlc_tensor *table = attr != NULL ? attr->as.tensor : NULL;
    if (table == NULL || table->rank != 1 || table->dims[0] != HMLC_TABLE_LENGTH ||
        !hmlc_dtype_is_byte(table->dtype)) {
        hmlc_infer_fail(context, &status, "its table is not one of 256 elements of 8 bits");
    } else if (x != NULL && !hmlc_dtype_is_byte(x->dtype)) {
        hmlc_infer_fail(context, &status, "it looks up elements of 8 bits, found %s",
                        hmlc_dtype_name(x->dtype));
    }
    if (x == NULL || status != HMLC_OK) {
        return status;
    }
    hmlc_infer_result(context, 0, table->dtype, x->rank, x->dims, &status);
    return status;
}

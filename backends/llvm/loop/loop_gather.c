/* SPDX-License-Identifier: Apache-2.0 */
/* Indexed ops (loads at computed indices) and generators. */
#include <hml_format/kernel_abi.h>

#include "loop.h"
#include "llvm/elementwise/elementwise_internal.h"

static LLVMValueRef lane_of(hmlc_loop_context *context, LLVMValueRef value, uint32_t lane)
{
    hmlc_frame *frame = context->frame;
    return LLVMBuildExtractElement(frame->builder, value, LLVMConstInt(frame->i32, lane, 0), "");
}

/* Ends the kernel when a lane is bad; the lanes are looked at one by one only then. */
static void fail_lanes(hmlc_loop_context *context, LLVMValueRef bad, LLVMValueRef index,
                       LLVMValueRef limit)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef word = LLVMIntTypeInContext(frame->context, context->lanes);
    LLVMValueRef mask = LLVMBuildBitCast(frame->builder, bad, word, "");
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(
        frame, &branch, LLVMBuildICmp(frame->builder, LLVMIntNE, mask, LLVMConstNull(word), ""));
    for (uint32_t l = 0; l < context->lanes; l++) {
        LLVMValueRef at = lane_of(context, index, l);
        hmlc_frame_fail_if(frame, lane_of(context, bad, l), HML_KERNEL_INDEX, at, limit);
    }
    hmlc_frame_branch_end(frame, &branch);
}

/* A negative index counts from the end; out of range ends the kernel. */
static hmlc_loop_value checked_index(hmlc_loop_context *context, hmlc_loop_value index,
                                     hmlc_dim size)
{
    hmlc_frame *frame = context->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef scalar_limit = hmlc_frame_dim_number(frame, size);
    LLVMValueRef limit = scalar_limit;
    if (index.vector) {
        limit = hmlc_frame_splat(frame, limit, context->lanes);
    }
    LLVMValueRef negative =
        LLVMBuildICmp(builder, LLVMIntSLT, index.value, lanes_int(index.value, 0), "");
    LLVMValueRef wrapped = LLVMBuildAdd(builder, index.value, limit, "");
    LLVMValueRef resolved = LLVMBuildSelect(builder, negative, wrapped, index.value, "");
    LLVMValueRef bad = LLVMBuildICmp(builder, LLVMIntUGE, resolved, limit, "");
    bool vector = index.vector;
    if (context->guard != NULL) { /* where nothing is loaded, nothing is wrong */
        hmlc_loop_value guard = {context->guard, context->guard_vector};
        vector |= guard.vector;
        LLVMValueRef wide = vector ? hmlc_loop_widen(context, guard) : guard.value;
        hmlc_loop_value flag = {bad, index.vector};
        bad = LLVMBuildAnd(builder, vector ? hmlc_loop_widen(context, flag) : bad, wide, "");
    }
    if (vector) {
        hmlc_loop_value original = {index.value, index.vector};
        fail_lanes(context, bad, hmlc_loop_widen(context, original), scalar_limit);
    } else {
        hmlc_frame_fail_if(frame, bad, HML_KERNEL_INDEX, index.value, scalar_limit);
    }
    return (hmlc_loop_value){hmlc_frame_number_index(frame, resolved), index.vector};
}

static uint32_t vars_of(const hmlc_loop_index *index, int32_t count)
{
    uint32_t mask = 0;
    for (int32_t k = 0; k < count; k++) {
        mask |= hmlc_loop_index_vars(&index[k]);
    }
    return mask;
}

/* The element of the index operand, checked against the data's dim; in the analysis a placeholder.
 */
static hmlc_loop_index lower_index(hmlc_loop_context *context, const hmlc_op *op,
                                   const hmlc_loop_index *operand, hmlc_dim size)
{
    const hmlc_value *indices = hmlc_op_operand(op, 1);
    uint32_t vars = vars_of(operand, indices->type->rank);
    hmlc_loop_value value = {NULL, false};
    if (context->analysis == NULL) {
        value = hmlc_loop_lower_checked(context, indices, operand, size);
    }
    return hmlc_loop_index_computed(context, value, vars);
}

hmlc_loop_value hmlc_loop_check_index(hmlc_loop_context *context, const hmlc_value *indices,
                                      hmlc_loop_value value, hmlc_dim size)
{
    value = hmlc_loop_convert(context, value, indices->type->dtype, HMLC_DTYPE_i64);
    return checked_index(context, value, size);
}

static void gather_index(hmlc_loop_context *context, const hmlc_op *op,
                         const hmlc_loop_index *result, const hmlc_loop_index *operand,
                         hmlc_loop_index *data)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    const hmlc_type *type = hmlc_op_operand(op, 0)->type;
    int32_t more = hmlc_op_operand(op, 1)->type->rank;
    for (int32_t k = 0; k < type->rank; k++) {
        if (k == axis) {
            data[k] = lower_index(context, op, operand, type->dims[k]);
        } else {
            data[k] = k < axis ? result[k] : result[k + more - 1];
        }
    }
}

static void gather_nd_index(hmlc_loop_context *context, const hmlc_op *op,
                            const hmlc_loop_index *result, hmlc_loop_index *operand,
                            hmlc_loop_index *data)
{
    const hmlc_type *type = hmlc_op_operand(op, 0)->type;
    const hmlc_type *indices = hmlc_op_operand(op, 1)->type;
    int64_t batch = hmlc_op_int(op, HMLC_ATTR_batch_dims), depth = 0;
    int32_t last = indices->rank - 1;
    hmlc_dim_is_constant(indices->dims[last], &depth);
    for (int32_t k = 0; k < type->rank; k++) {
        if (k < batch) {
            data[k] = result[k];
        } else if (k < batch + depth) {
            operand[last] = hmlc_loop_index_constant(hmlc_dim_constant(context->dims, k - batch));
            data[k] = lower_index(context, op, operand, type->dims[k]);
        } else {
            data[k] = result[last + k - batch - depth];
        }
    }
}

void hmlc_loop_gather_index(hmlc_loop_context *context, const hmlc_op *op,
                            const hmlc_loop_index *index, hmlc_loop_index *data)
{
    hmlc_loop_index operand[HMLC_MAX_RANK];
    hmlc_loop_indices_index(context, op, index, operand);
    if (op->opcode == HMLC_OP_gather_nd) {
        gather_nd_index(context, op, index, operand, data);
        return;
    }
    if (op->opcode == HMLC_OP_gather) {
        gather_index(context, op, index, operand, data);
        return;
    }
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    const hmlc_type *type = hmlc_op_operand(op, 0)->type;
    for (int32_t k = 0; k < type->rank; k++) {
        data[k] = k == axis ? lower_index(context, op, operand, type->dims[axis]) : index[k];
    }
}

static hmlc_loop_value compare(hmlc_loop_context *context, LLVMIntPredicate predicate,
                               hmlc_loop_value a, hmlc_loop_value b)
{
    bool vector = a.vector || b.vector;
    LLVMValueRef left = vector ? hmlc_loop_widen(context, a) : a.value;
    LLVMValueRef right = vector ? hmlc_loop_widen(context, b) : b.value;
    return (hmlc_loop_value){LLVMBuildICmp(context->frame->builder, predicate, left, right, ""),
                             vector};
}

static hmlc_loop_value subtract(hmlc_loop_context *context, hmlc_loop_value a, hmlc_loop_value b)
{
    bool vector = a.vector || b.vector;
    LLVMValueRef left = vector ? hmlc_loop_widen(context, a) : a.value;
    LLVMValueRef right = vector ? hmlc_loop_widen(context, b) : b.value;
    return (hmlc_loop_value){LLVMBuildSub(context->frame->builder, left, right, ""), vector};
}

/* An index as a number of i64. */
static hmlc_loop_value number_of(hmlc_loop_context *context, const hmlc_loop_index *index)
{
    hmlc_loop_value position = hmlc_loop_index_value(context, index);
    position.value = hmlc_frame_index_number(context->frame, position.value);
    return position;
}

/* values[index == position]; negative indices count from depth. */
static hmlc_loop_value lower_one_hot(hmlc_loop_context *context, const hmlc_op *op,
                                     const hmlc_loop_index *index)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    const hmlc_value *indices = hmlc_op_operand(op, 0), *values = hmlc_op_operand(op, 1);
    hmlc_loop_index operand[HMLC_MAX_RANK], entry[1];
    hmlc_loop_value sides[2];
    hmlc_loop_indices_index(context, op, index, operand);
    hmlc_loop_value wanted = hmlc_loop_lower(context, indices, operand);
    wanted = hmlc_loop_convert(context, wanted, indices->type->dtype, HMLC_DTYPE_i64);
    hmlc_loop_value depth = {
        hmlc_frame_dim_number(context->frame, op->results[0]->type->dims[axis]), false};
    hmlc_loop_value zero = {hmlc_frame_number(context->frame, 0), false};
    hmlc_loop_value negative = compare(context, LLVMIntSLT, wanted, zero);
    hmlc_loop_value shifted = subtract(context, wanted, subtract(context, zero, depth));
    wanted = hmlc_loop_select(context, negative, shifted, wanted);
    for (int k = 0; k < 2; k++) {
        entry[0] = hmlc_loop_index_constant(hmlc_dim_constant(context->dims, k));
        sides[k] = hmlc_loop_lower(context, values, entry);
    }
    hmlc_loop_value position = number_of(context, &index[axis]);
    hmlc_loop_value hit = compare(context, LLVMIntEQ, wanted, position);
    return hmlc_loop_select(context, hit, sides[1], sides[0]);
}

/* x where it lies in the chosen triangle, else 0. */
static hmlc_loop_value lower_trilu(hmlc_loop_context *context, const hmlc_op *op,
                                   const hmlc_loop_index *index)
{
    int32_t rank = op->results[0]->type->rank;
    bool upper = hmlc_op_int(op, HMLC_ATTR_upper) != 0;
    hmlc_loop_value row = number_of(context, &index[rank - 2]);
    hmlc_loop_value column = number_of(context, &index[rank - 1]);
    hmlc_loop_value diagonal = {hmlc_frame_number(context->frame, 0), false};
    const hmlc_value *k = hmlc_op_operand(op, 1);
    if (k != NULL) {
        hmlc_loop_index first[1] = {hmlc_loop_index_zero(context)};
        diagonal = hmlc_loop_lower(context, k, first);
        diagonal = hmlc_loop_convert(context, diagonal, k->type->dtype, HMLC_DTYPE_i64);
    }
    hmlc_loop_value distance = subtract(context, column, row);
    hmlc_loop_value keep = compare(context, upper ? LLVMIntSGE : LLVMIntSLE, distance, diagonal);
    hmlc_loop_value x = hmlc_loop_lower(context, hmlc_op_operand(op, 0), index);
    return hmlc_loop_select(context, keep, x,
                            hmlc_loop_zero_of(context, op->results[0]->type->dtype));
}

/* start + i * delta: integers wrap, floats are computed in f64. */
static hmlc_loop_value lower_range(hmlc_loop_context *context, const hmlc_op *op,
                                   const hmlc_loop_index *index)
{
    hmlc_frame *frame = context->frame;
    hmlc_dtype dtype = op->results[0]->type->dtype;
    bool real = hmlc_dtype_is_float(dtype);
    hmlc_dtype wide = real ? HMLC_DTYPE_f64 : HMLC_DTYPE_i64;
    hmlc_loop_index first[1] = {hmlc_loop_index_zero(context)};
    hmlc_loop_value start = hmlc_loop_lower(context, hmlc_op_operand(op, 0), first);
    hmlc_loop_value delta = hmlc_loop_lower(context, hmlc_op_operand(op, 2), first);
    start = hmlc_loop_convert(context, start, dtype, wide);
    delta = hmlc_loop_convert(context, delta, dtype, wide);
    hmlc_loop_value position = number_of(context, &index[0]);
    position = hmlc_loop_convert(context, position, HMLC_DTYPE_i64, wide);
    LLVMValueRef a = position.vector ? hmlc_loop_widen(context, start) : start.value;
    LLVMValueRef b = position.vector ? hmlc_loop_widen(context, delta) : delta.value;
    LLVMValueRef value =
        real ? real_add(frame, a, real_mul(frame, position.value, b))
             : LLVMBuildAdd(frame->builder, a, LLVMBuildMul(frame->builder, position.value, b, ""),
                            "");
    return hmlc_loop_convert(context, (hmlc_loop_value){value, position.vector}, wide, dtype);
}

hmlc_loop_value hmlc_loop_lower_generator(hmlc_loop_context *context, const hmlc_op *op,
                                          const hmlc_loop_index *index)
{
    hmlc_loop_value position = number_of(context, &index[hmlc_op_int(op, HMLC_ATTR_axis)]);
    return hmlc_loop_convert(context, position, HMLC_DTYPE_i64, op->results[0]->type->dtype);
}

hmlc_loop_value hmlc_loop_lower_indexed(hmlc_loop_context *context, const hmlc_op *op,
                                        const hmlc_loop_index *index)
{
    hmlc_loop_index data[HMLC_MAX_RANK];
    switch (op->opcode) {
    case HMLC_OP_one_hot:
        return lower_one_hot(context, op, index);
    case HMLC_OP_trilu:
        return lower_trilu(context, op, index);
    case HMLC_OP_range:
        return lower_range(context, op, index);
    default:
        hmlc_loop_gather_index(context, op, index, data);
        return hmlc_loop_lower(context, hmlc_op_operand(op, 0), data);
    }
}

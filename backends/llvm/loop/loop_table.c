/* SPDX-License-Identifier: Apache-2.0 */
/* Constants and dim tables inside the region: values, splats, or small tables in memory. */
#include <hml_format/kernel_abi.h>

#include "loop.h"
#include "llvm/elementwise/elementwise_internal.h"

static bool all_equal(const hmlc_tensor *tensor)
{
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    const unsigned char *data = tensor->data;
    for (size_t k = bytes; k < tensor->bytes; k++) {
        if (data[k] != data[k - bytes]) {
            return false;
        }
    }
    return true;
}

static LLVMValueRef *table_of(const hmlc_loop_context *context, const hmlc_value *value)
{
    return &context->tables[value->id - context->ids.first];
}

hmlc_loop_value hmlc_loop_lower_table(hmlc_loop_context *context, const hmlc_value *value,
                                      const hmlc_loop_index *index)
{
    const hmlc_op *op = value->producer;
    const hmlc_type *type = value->type;
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    if (tensor != NULL && all_equal(tensor)) {
        LLVMTypeRef held = hmlc_loop_register_type(context, tensor->dtype);
        return (hmlc_loop_value){hmlc_frame_constant(held, tensor, 0), false};
    }
    hmlc_loop_index offset = hmlc_loop_dense_index(context, type, index);
    int64_t element;
    if (tensor == NULL && hmlc_loop_index_vars(&offset) == 0 && offset.computed_serial == 0 &&
        hmlc_dim_is_constant(offset.constant, &element)) {
        const hmlc_attr *elements = hmlc_op_attr(op, HMLC_ATTR_elements);
        hmlc_loop_value dim = {hmlc_frame_dim_number(context->frame, elements->as.dims[element]),
                               false};
        return hmlc_loop_convert(context, dim, HMLC_DTYPE_i64, type->dtype);
    }
    return hmlc_loop_load(context, type->dtype, *table_of(context, value), &offset);
}

static LLVMValueRef constant_memory(hmlc_loop_context *context, const void *data, size_t bytes)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef content = data == NULL ? LLVMConstNull(LLVMArrayType2(frame->i8, bytes))
                                        : LLVMConstStringInContext2(frame->context, data, bytes, 1);
    LLVMValueRef memory = LLVMAddGlobal(frame->module, LLVMTypeOf(content), "table");
    LLVMSetInitializer(memory, content);
    LLVMSetLinkage(memory, LLVMPrivateLinkage);
    LLVMSetGlobalConstant(memory, 1);
    LLVMSetAlignment(memory, 64);
    return memory;
}

static LLVMValueRef dims_memory(hmlc_loop_context *context, const hmlc_op *op)
{
    hmlc_frame *frame = context->frame;
    const hmlc_attr *elements = hmlc_op_attr(op, HMLC_ATTR_elements);
    hmlc_dtype dtype = op->results[0]->type->dtype;
    LLVMTypeRef type = hmlc_frame_type(frame, dtype);
    LLVMValueRef memory = hmlc_frame_alloca(frame, type, elements->count + 1, 16);
    for (uint32_t k = 0; k < elements->count; k++) {
        LLVMValueRef value = hmlc_frame_dim_number(frame, elements->as.dims[k]);
        value = hmlc_elementwise_convert(frame, value, HMLC_DTYPE_i64, dtype);
        value = hmlc_elementwise_to_memory(frame, dtype, value);
        hmlc_frame_store(frame, value,
                         hmlc_frame_element(frame, type, memory, hmlc_frame_int(frame, k)), 1);
    }
    return memory;
}

/* The indices of a gather_elements may be shorter than the data beside the axis, never longer. */
static void check_gather_elements(hmlc_loop_context *context, const hmlc_op *op)
{
    hmlc_frame *frame = context->frame;
    const hmlc_type *data = hmlc_op_operand(op, 0)->type, *type = op->results[0]->type;
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    for (int32_t k = 0; k < type->rank; k++) {
        if (k == axis || hmlc_dim_known_at_most(context->dims, type->dims[k], data->dims[k])) {
            continue;
        }
        LLVMValueRef wanted = hmlc_frame_dim(frame, type->dims[k]);
        LLVMValueRef limit = hmlc_frame_dim(frame, data->dims[k]);
        LLVMValueRef longer = LLVMBuildICmp(frame->builder, LLVMIntSGT, wanted, limit, "");
        LLVMValueRef last = LLVMBuildSub(frame->builder, wanted, hmlc_frame_int(frame, 1), "");
        hmlc_frame_fail_if(frame, longer, HML_KERNEL_INDEX, last, limit);
    }
}

hmlc_status hmlc_loop_prepare_tables(hmlc_loop_context *context)
{
    context->tables = HMLC_NEW_ARRAY(context->arena, LLVMValueRef, context->ids.count);
    context->hoisted = HMLC_NEW_ARRAY(context->arena, uint32_t, context->ids.count);
    HMLC_TRY_MEMORY(context->tables);
    HMLC_TRY_MEMORY(context->hoisted);
    context->nowhere = constant_memory(context, NULL, HMLC_LOOP_NOWHERE_BYTES);
    HMLC_FOR_EACH_OP(op, context->kernel->regions[0])
    {
        const hmlc_tensor *tensor =
            op->opcode == HMLC_OP_constant ? hmlc_value_constant(op->results[0]) : NULL;
        if (op->opcode == HMLC_OP_gather_elements) {
            check_gather_elements(context, op);
        } else if (op->opcode == HMLC_OP_dims_tensor) {
            *table_of(context, op->results[0]) = dims_memory(context, op);
        } else if (tensor != NULL && !all_equal(tensor)) {
            *table_of(context, op->results[0]) =
                constant_memory(context, tensor->data, tensor->bytes);
        }
    }
    return HMLC_OK;
}

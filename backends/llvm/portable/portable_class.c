/* SPDX-License-Identifier: Apache-2.0 */
/* The portable class: calls the C kernel of the op with a description of its tensors and attributes
 * on the stack. */
#include "portable_class.h"

#include <stdio.h>
#include <string.h>

#include <hml_format/artifact.h>
#include <hml_format/kernel_abi.h>

#include "artifact_types.h"
#include "portable/portable_kernel.h"
#include "targets/architecture.h"
#include "llvm/frame/frame_internal.h"

typedef struct portable_row {
    hmlc_opcode opcode;
    const char *function;
    hmlc_portable_units units;
    hmlc_portable_scratch *scratch; /* NULL: none */
} portable_row;

#define hmlc_portable_NONE NULL

static const portable_row portable_rows[] = {
#define HMLC_PORTABLE(opcode, function, units, scratch)                                            \
    {HMLC_OP_##opcode, "hml_portable_" #function, HMLC_PORTABLE_##units, hmlc_portable_##scratch},
#include "portable.def"
#undef HMLC_PORTABLE
};

static const portable_row *row_of(hmlc_opcode opcode)
{
    for (size_t k = 0; k < sizeof portable_rows / sizeof portable_rows[0]; k++) {
        if (portable_rows[k].opcode == opcode) {
            return &portable_rows[k];
        }
    }
    return NULL;
}

/* hml_dtype of an element type; 0 where the op's kernel has no form of it. */
static int64_t portable_dtype(const hmlc_op *op, hmlc_dtype dtype)
{
    bool moves = row_of(op->opcode)->units == HMLC_PORTABLE_MOVE;
    return hmlc_dtype_is_half(dtype) && !moves ? 0 : hmlc_artifact_dtype(dtype);
}

static hmlc_op *region_op(const hmlc_op *kernel)
{
    hmlc_op *found = NULL;
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (op->opcode != HMLC_OP_constant && op->opcode != HMLC_OP_yield) {
            if (found != NULL) {
                return NULL;
            }
            found = op;
        }
    }
    return found;
}

/* -- planning ---------------------------------------------------------------------------------- */

static hmlc_status refuse(const hmlc_plan_context *context, const hmlc_op *op, const char *what)
{
    return hmlc_error_add(context->module->diagnostics, HMLC_ERROR_kernel_unsupported, op->location,
                          NULL, "'%s': %s", hmlc_op_get_info(op->opcode)->name, what);
}

/* Results stand behind all operands that the op may have, whether they are given or not. */
static uint32_t operand_places(const hmlc_op *op)
{
    return (uint32_t)hmlc_op_get_info(op->opcode)->most_operands;
}

static hmlc_status check_types(const hmlc_plan_context *context, const hmlc_op *op)
{
    if (operand_places(op) + op->result_count > PORTABLE_OPERANDS) {
        return refuse(context, op, "too many operands");
    }
    for (uint32_t k = 0; k < op->operand_count + op->result_count; k++) {
        const hmlc_value *value =
            k < op->operand_count ? op->operands[k].value : op->results[k - op->operand_count];
        if (value != NULL && portable_dtype(op, value->type->dtype) == 0) {
            char text[128];
            snprintf(text, sizeof text, "element type %s has no kernel here",
                     hmlc_dtype_name(value->type->dtype));
            return refuse(context, op, text);
        }
    }
    return HMLC_OK;
}

static hmlc_status portable_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    const hmlc_op *op = region_op(plan->kernel);
    const portable_row *row = op != NULL ? row_of(op->opcode) : NULL;
    if (row == NULL) {
        return refuse(context, op != NULL ? op : plan->kernel, "no kernel exists for it yet");
    }
    HMLC_TRY(check_types(context, op));
    hmlc_dims *dims = context->module->dims;
    if (row->scratch != NULL) {
        plan->scratch_bytes = row->scratch(dims, op);
    }
    plan->unit_cost = 100000; /* not known: one unit is worth a thread */
    int32_t unit_dims = hmlc_portable_unit_dims(dims, op, row->units);
    for (int32_t k = 0; k < unit_dims; k++) {
        plan->units = hmlc_dim_multiply(dims, plan->units, op->results[0]->type->dims[k]);
    }
    return HMLC_OK;
}

/* -- emission ---------------------------------------------------------------------------------- */

/* Fields of portable_tensor and portable_call, in order. */
enum { TENSOR_DTYPE, TENSOR_RANK, TENSOR_DIMS, TENSOR_DATA };
enum {
    CALL_TENSORS,
    CALL_ATTRIBUTES,
    CALL_BEGIN,
    CALL_END,
    CALL_UNIT_DIMS,
    CALL_SCRATCH,
    CALL_DETAIL
};

typedef struct call_writer {
    hmlc_frame *frame;
    LLVMTargetDataRef layout; /* the target's */
    LLVMTypeRef tensor, call;
    LLVMValueRef memory; /* portable_call */
} call_writer;

static call_writer writer_create(hmlc_frame *frame)
{
    LLVMTypeRef i64 = frame->i64, pointer = frame->pointer;
    LLVMTypeRef tensor[] = {i64, i64, LLVMArrayType2(i64, HML_MAX_TENSOR_RANK), pointer};
    call_writer w = {.frame = frame, .layout = LLVMGetModuleDataLayout(frame->module)};
    w.tensor = LLVMStructTypeInContext(frame->context, tensor, 4, 0);
    LLVMTypeRef call[] = {LLVMArrayType2(w.tensor, PORTABLE_OPERANDS),
                          LLVMArrayType2(i64, PORTABLE_ATTRIBUTES),
                          i64,
                          i64,
                          i64,
                          pointer,
                          pointer};
    w.call = LLVMStructTypeInContext(frame->context, call, 7, 0);
    uint32_t bytes = (uint32_t)LLVMABISizeOfType(w.layout, w.call);
    w.memory = hmlc_frame_alloca(frame, frame->i8, bytes, 16);
    return w;
}

static uint64_t place_of(const call_writer *w, unsigned field)
{
    return LLVMOffsetOfElement(w->layout, w->call, field);
}

static uint64_t tensor_place(const call_writer *w, uint32_t index, unsigned field)
{
    return place_of(w, CALL_TENSORS) + index * LLVMABISizeOfType(w->layout, w->tensor) +
           LLVMOffsetOfElement(w->layout, w->tensor, field);
}

static void write_field(call_writer *w, uint64_t offset, LLVMValueRef value)
{
    LLVMValueRef index = hmlc_frame_int(w->frame, (int64_t)offset);
    hmlc_frame_store(w->frame, value, hmlc_frame_element(w->frame, w->frame->i8, w->memory, index),
                     LLVMABIAlignmentOfType(w->layout, LLVMTypeOf(value)));
}

static void write_int(call_writer *w, uint64_t offset, int64_t value)
{
    write_field(w, offset, hmlc_frame_number(w->frame, value));
}

static void write_tensor(call_writer *w, const hmlc_op *op, uint32_t index, const hmlc_value *value,
                         LLVMValueRef address)
{
    write_int(w, tensor_place(w, index, TENSOR_DTYPE), portable_dtype(op, value->type->dtype));
    write_int(w, tensor_place(w, index, TENSOR_RANK), value->type->rank);
    uint64_t dims = tensor_place(w, index, TENSOR_DIMS);
    for (int32_t k = 0; k < value->type->rank; k++) {
        write_field(w, dims + (uint64_t)k * 8,
                    hmlc_frame_dim_number(w->frame, value->type->dims[k]));
    }
    write_field(w, tensor_place(w, index, TENSOR_DATA), address);
}

/* The list elements of an attribute, or its only value; returns the places taken. */
static uint32_t write_attribute(call_writer *w, uint64_t at, const hmlc_op *op,
                                const hmlc_attr_spec *spec)
{
    const hmlc_attr *attr = hmlc_op_attr(op, spec->name);
    uint32_t count = attr != NULL ? attr->count : 0;
    union {
        double real;
        int64_t bits;
    } real;
    switch (hmlc_attr_kind_of(spec->name)) {
    case HMLC_ATTR_KIND_INT:
    case HMLC_ATTR_KIND_ENUM:
        write_int(w, at, hmlc_op_int(op, spec->name));
        return 1;
    case HMLC_ATTR_KIND_DTYPE:
        write_int(w, at, attr != NULL ? portable_dtype(op, attr->as.dtype) : 0);
        return 1;
    case HMLC_ATTR_KIND_FLOAT:
        real.real = hmlc_op_float(op, spec->name);
        write_int(w, at, real.bits);
        return 1;
    case HMLC_ATTR_KIND_INTS:
        for (uint32_t k = 0; k < count; k++) {
            write_int(w, at + 8 + 8 * k, attr->as.integers[k]);
        }
        break;
    case HMLC_ATTR_KIND_FLOATS:
        for (uint32_t k = 0; k < count; k++) {
            real.real = attr->as.reals[k];
            write_int(w, at + 8 + 8 * k, real.bits);
        }
        break;
    case HMLC_ATTR_KIND_DIMS:
        for (uint32_t k = 0; k < count; k++) {
            write_field(w, at + 8 + 8 * k, hmlc_frame_dim_number(w->frame, attr->as.dims[k]));
        }
        break;
    default:
        return 0;
    }
    write_int(w, at, count);
    return 1 + count;
}

static hmlc_status write_attributes(call_writer *w, const hmlc_op *op)
{
    const hmlc_op_info *info = hmlc_op_get_info(op->opcode);
    uint32_t place = 0;
    for (uint32_t k = 0; k < info->attr_count; k++) {
        const hmlc_attr *attr = hmlc_op_attr(op, info->attrs[k].name);
        if (place + (attr != NULL ? attr->count : 0) + 1 > PORTABLE_ATTRIBUTES) {
            return hmlc_error_add(w->frame->ir->diagnostics, HMLC_ERROR_compiler_defect,
                                  op->location, NULL,
                                  "the attributes of %s need more than %d places of a call",
                                  info->name, PORTABLE_ATTRIBUTES);
        }
        place += write_attribute(w, place_of(w, CALL_ATTRIBUTES) + 8 * place, op, &info->attrs[k]);
    }
    return HMLC_OK;
}

static void write_tensors(call_writer *w, const hmlc_op *op)
{
    for (uint32_t k = 0; k < PORTABLE_OPERANDS; k++) {
        write_int(w, tensor_place(w, k, TENSOR_DTYPE), 0);
    }
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *value = op->operands[k].value;
        if (value != NULL) {
            write_tensor(w, op, k, value, hmlc_frame_address(w->frame, value));
        }
    }
    const hmlc_op *yield = hmlc_kernel_yield(w->frame->plan->kernel);
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_value *value = yield->operands[k].value;
        write_tensor(w, op, operand_places(op) + value->index, value,
                     w->frame->operands[hmlc_frame_result(w->frame, k)]);
    }
}

static hmlc_status portable_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    const hmlc_op *op = region_op(plan->kernel);
    const portable_row *row = row_of(op->opcode);
    LLVMValueRef function = LLVMGetNamedFunction(frame->module, row->function);
    if (function == NULL) {
        return hmlc_error_add(frame->ir->diagnostics, HMLC_ERROR_compiler_defect, op->location,
                              NULL, "the portable kernels lack %s", row->function);
    }
    call_writer w = writer_create(frame);
    write_tensors(&w, op);
    HMLC_TRY(write_attributes(&w, op));
    write_field(&w, place_of(&w, CALL_BEGIN), hmlc_frame_index_number(frame, frame->begin));
    write_field(&w, place_of(&w, CALL_END), hmlc_frame_index_number(frame, frame->end));
    write_int(&w, place_of(&w, CALL_UNIT_DIMS),
              hmlc_portable_unit_dims(w.frame->ir->dims, op, row->units));
    write_field(&w, place_of(&w, CALL_SCRATCH), frame->scratch);
    write_field(&w, place_of(&w, CALL_DETAIL), hmlc_frame_detail(frame));
    LLVMTypeRef type = LLVMFunctionType(frame->i32, &frame->pointer, 1, 0);
    LLVMValueRef status = LLVMBuildCall2(frame->builder, type, function, &w.memory, 1, "");
    LLVMValueRef good = LLVMConstInt(frame->i32, HML_KERNEL_OK, 0);
    LLVMBasicBlockRef fail = LLVMAppendBasicBlockInContext(frame->context, frame->function, "fail");
    LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(frame->context, frame->function, "done");
    LLVMBuildCondBr(frame->builder, LLVMBuildICmp(frame->builder, LLVMIntEQ, status, good, ""),
                    done, fail);
    LLVMPositionBuilderAtEnd(frame->builder, fail);
    LLVMBuildRet(frame->builder, status);
    LLVMPositionBuilderAtEnd(frame->builder, done);
    return HMLC_OK;
}

const hmlc_kernel_class hmlc_portable_class = {"portable", HMLC_FORM_PORTABLE, portable_plan,
                                               portable_emit};

/* -- bitcode ----------------------------------------------------------------------------------- */

hmlc_status hmlc_portable_link(LLVMModuleRef module, const hmlc_target *target, bool kernels,
                               hmlc_diagnostics *diagnostics)
{
    const hmlc_architecture *architecture = hmlc_architecture_of(target);
    const hmlc_bitcode *code = kernels ? &architecture->kernels : &architecture->memory;
    LLVMMemoryBufferRef buffer = LLVMCreateMemoryBufferWithMemoryRangeCopy(
        code->begin, (size_t)(code->end - code->begin), "portable");
    LLVMModuleRef source;
    LLVMBool failed = LLVMParseBitcodeInContext2(LLVMGetModuleContext(module), buffer, &source);
    LLVMDisposeMemoryBuffer(buffer);
    if (failed) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_compiler_defect, NULL, NULL,
                              "LLVM cannot read the portable kernels' bitcode for %s",
                              target->name);
    }
    LLVMSetDataLayout(source, LLVMGetDataLayoutStr(module));
    LLVMSetTarget(source, LLVMGetTarget(module));
    if (LLVMLinkModules2(module, source)) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_compiler_defect, NULL, NULL,
                              "LLVM cannot link the portable kernels' bitcode for %s",
                              target->name);
    }
    return HMLC_OK;
}

static void set_target(LLVMValueRef function, const hmlc_target *target)
{
    LLVMAddTargetDependentFunctionAttr(function, "target-cpu", target->cpu);
    LLVMAddTargetDependentFunctionAttr(function, "target-features", target->features);
    if (target->tune != NULL) {
        LLVMAddTargetDependentFunctionAttr(function, "tune-cpu", target->tune);
    }
}

void hmlc_portable_internalise(LLVMModuleRef module, const hmlc_target *target, bool support)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(module); f != NULL; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f)) {
            continue;
        }
        if (strncmp(LLVMGetValueName(f), "hml_portable_", 13) == 0) {
            LLVMSetLinkage(f, LLVMInternalLinkage);
            set_target(f, target);
        } else if (LLVMGetLinkage(f) == LLVMInternalLinkage) {
            set_target(f, target); /* a static helper of the C kernels */
        } else if (support) {
            LLVMSetVisibility(f, LLVMHiddenVisibility);
            set_target(f, target);
        }
    }
}

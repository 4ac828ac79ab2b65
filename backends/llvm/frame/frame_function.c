/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel function: `name(args)` answers check mode, else loads operands, symbols and units and
 * calls a private body function, whose parameters carry noalias and alignment facts that loaded
 * pointers could not. A direct kernel is the body alone.
 */
#include "frame_internal.h"

#include <stdio.h>
#include <string.h>

#include <hml_format/artifact.h>
#include <hml_format/kernel_abi.h>

#include "targets/architecture.h"

static void frame_add_string_attribute(hmlc_frame *frame, LLVMValueRef function, const char *name,
                                       const char *value)
{
    LLVMAttributeRef attribute = LLVMCreateStringAttribute(
        frame->context, name, (unsigned)strlen(name), value, (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, attribute);
}

static void frame_add_attribute(hmlc_frame *frame, LLVMValueRef function, LLVMAttributeIndex index,
                                const char *name, uint64_t value)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(function, index, LLVMCreateEnumAttribute(frame->context, kind, value));
}

/* Without these on every function LLVM falls back to its oldest CPU and splits vectors. */
void hmlc_frame_set_target(hmlc_frame *frame, LLVMValueRef function)
{
    frame_add_string_attribute(frame, function, "target-cpu", frame->target->cpu);
    frame_add_string_attribute(frame, function, "target-features", frame->target->features);
    if (frame->target->tune != NULL) {
        frame_add_string_attribute(frame, function, "tune-cpu", frame->target->tune);
    }
    const hmlc_target_attribute *more = frame->target->attributes;
    for (; more != NULL && more->name != NULL; more++) {
        frame_add_string_attribute(frame, function, more->name, more->value);
    }
    if (frame->target->stack_alignment != 0) {
        frame_add_string_attribute(frame, function, "no-realign-stack", "");
    }
    frame_add_attribute(frame, function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, "nounwind",
                        0);
}

void hmlc_frame_init_types(hmlc_frame *frame)
{
    LLVMContextRef context = frame->context;
    frame->i1 = LLVMInt1TypeInContext(context);
    frame->i8 = LLVMInt8TypeInContext(context);
    frame->i16 = LLVMInt16TypeInContext(context);
    frame->i32 = LLVMInt32TypeInContext(context);
    frame->i64 = LLVMInt64TypeInContext(context);
    frame->f32 = LLVMFloatTypeInContext(context);
    frame->f64 = LLVMDoubleTypeInContext(context);
    frame->pointer = LLVMPointerTypeInContext(context, 0);
    frame->index_bytes = (uint32_t)frame->target->index_bits / 8;
    frame->index = frame->index_bytes == 8 ? frame->i64 : frame->i32;
}

#define ARGS_FIELD(frame, field)                                                                   \
    hmlc_frame_args_field(frame, LLVMGetParam((frame)->outer, 0), HMLC_ARGS_##field)

/* Body parameters: operands, symbols, begin, end, scratch, args; of a direct kernel: operands,
 * symbols, scratch, detail. */
static LLVMTypeRef body_type(hmlc_frame *frame, const struct hmlc_frame_state *state)
{
    uint32_t operand_count = hmlc_kernel_passed_count(frame->plan);
    uint32_t units = state->direct ? 0 : 2;
    uint32_t count = operand_count + state->symbol_count + units + 2;
    LLVMTypeRef *types = HMLC_NEW_ARRAY(frame->arena, LLVMTypeRef, count);
    if (types == NULL) {
        return NULL;
    }
    uint32_t k = 0;
    for (; k < operand_count; k++) {
        types[k] = frame->pointer;
    }
    for (; k < operand_count + state->symbol_count + units; k++) {
        types[k] = frame->index;
    }
    types[k++] = frame->pointer;
    types[k++] = frame->pointer;
    return LLVMFunctionType(frame->i32, types, count, 0);
}

static void body_declare_operands(hmlc_frame *frame)
{
    const hmlc_kernel_plan *plan = frame->plan;
    for (uint32_t k = 0; k < hmlc_kernel_passed_count(plan); k++) {
        LLVMAttributeIndex index = k + 1;
        const hmlc_kernel_operand *operand = &plan->operands[k];
        bool shared =
            operand->kind == HMLC_OPERAND_ARGUMENT || operand->kind == HMLC_OPERAND_RESULT;
        frame_add_attribute(frame, frame->function, index, "nonnull", 0);
        if (operand->kind != HMLC_OPERAND_RESULT) {
            frame_add_attribute(frame, frame->function, index, "readonly", 0);
        }
        if (!shared) {
            frame_add_attribute(frame, frame->function, index, "align", 64);
        }
        if (!hmlc_kernel_operand_aliased(plan, k)) {
            frame_add_attribute(frame, frame->function, index, "noalias", 0);
        }
    }
}

static hmlc_status body_create(hmlc_frame *frame, const char *name)
{
    struct hmlc_frame_state *state = frame->private_;
    const hmlc_kernel_plan *plan = frame->plan;
    state->body_type = body_type(frame, state);
    HMLC_TRY_MEMORY(state->body_type);
    const char *text = state->direct ? name : hmlc_arena_printf(frame->arena, "%s.body", name);
    HMLC_TRY_MEMORY(text);
    frame->function = LLVMAddFunction(frame->module, text, state->body_type);
    if (state->direct) { /* its callers stand in another module */
        LLVMSetVisibility(frame->function, LLVMHiddenVisibility);
    } else {
        LLVMSetLinkage(frame->function, LLVMPrivateLinkage);
    }
    hmlc_frame_set_target(frame, frame->function);
    frame_add_attribute(frame, frame->function, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                        "noinline", 0);
    body_declare_operands(frame);
    frame->operands = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, plan->operand_count + 1);
    HMLC_TRY_MEMORY(frame->operands);
    uint32_t k = 0;
    uint32_t passed = hmlc_kernel_passed_count(plan);
    for (; k < passed; k++) {
        frame->operands[k] = LLVMGetParam(frame->function, k);
    }
    for (uint32_t t = passed; t < plan->operand_count; t++) {
        frame->operands[t] =
            hmlc_frame_embed(frame, plan->operands[t].table, plan->operands[t].bytes, 64);
    }
    for (uint32_t s = 0; s < state->symbol_count; s++) {
        state->symbol_values[s] = LLVMGetParam(frame->function, k++);
    }
    if (!state->direct) {
        frame->begin = LLVMGetParam(frame->function, k++);
        frame->end = LLVMGetParam(frame->function, k++);
    }
    frame->scratch = LLVMGetParam(frame->function, k++);
    *(state->direct ? &state->detail : &frame->arguments) = LLVMGetParam(frame->function, k++);
    return HMLC_OK;
}

static hmlc_status body_emit(hmlc_frame *frame)
{
    frame->entry = LLVMAppendBasicBlockInContext(frame->context, frame->function, "entry");
    LLVMBasicBlockRef start =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "start");
    LLVMPositionBuilderAtEnd(frame->builder, frame->entry);
    LLVMBuildBr(frame->builder, start);
    LLVMPositionBuilderAtEnd(frame->builder, start);
    if (frame->begin == NULL) {
        frame->begin = hmlc_frame_int(frame, 0);
        frame->end = hmlc_frame_dim(frame, frame->plan->units);
    }
    HMLC_TRY(frame->plan->class_->emit(frame, frame->plan));
    LLVMBuildRet(frame->builder, LLVMConstInt(frame->i32, HML_KERNEL_OK, 0));
    return HMLC_OK;
}

/* The exported function: check mode, or load everything and call the body. */
static hmlc_status outer_emit(hmlc_frame *frame, const char *name)
{
    struct hmlc_frame_state *state = frame->private_;
    const hmlc_kernel_plan *plan = frame->plan;
    LLVMTypeRef type = LLVMFunctionType(frame->i32, &frame->pointer, 1, 0);
    frame->outer = LLVMAddFunction(frame->module, name, type);
    LLVMSetVisibility(frame->outer, LLVMProtectedVisibility);
    hmlc_frame_set_target(frame, frame->outer);
    char room[16]; /* instructions: the linker step writes the seal over these nops */
    snprintf(room, sizeof room, "%zu",
             sizeof(hml_entry_seal) / hmlc_architecture_of(frame->target)->nop.size);
    frame_add_string_attribute(frame, frame->outer, "patchable-function-prefix", room);
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(frame->context, frame->outer, "entry");
    LLVMBasicBlockRef run = LLVMAppendBasicBlockInContext(frame->context, frame->outer, "run");
    LLVMBasicBlockRef check = LLVMAppendBasicBlockInContext(frame->context, frame->outer, "check");
    LLVMPositionBuilderAtEnd(frame->builder, entry);
    LLVMValueRef mode = ARGS_FIELD(frame, mode);
    LLVMValueRef zero = LLVMConstInt(frame->i32, HML_KERNEL_RUN, 0);
    LLVMBuildCondBr(frame->builder, LLVMBuildICmp(frame->builder, LLVMIntEQ, mode, zero, ""), run,
                    check);

    LLVMPositionBuilderAtEnd(frame->builder, run);
    uint32_t passed = hmlc_kernel_passed_count(plan);
    uint32_t count = passed + state->symbol_count + 4, k = 0;
    LLVMValueRef *values = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, count);
    HMLC_TRY_MEMORY(values);
    LLVMValueRef operands = ARGS_FIELD(frame, operands);
    LLVMValueRef dims = ARGS_FIELD(frame, dims);
    for (uint32_t i = 0; i < passed; i++) {
        values[k++] = hmlc_frame_item(frame, operands, i, frame->pointer);
    }
    for (uint32_t i = 0; i < state->symbol_count; i++) {
        LLVMValueRef dim = hmlc_frame_item(frame, dims, i, frame->i64);
        values[k++] = hmlc_frame_number_index(frame, dim);
    }
    values[k++] = hmlc_frame_number_index(frame, ARGS_FIELD(frame, begin));
    values[k++] = hmlc_frame_number_index(frame, ARGS_FIELD(frame, end));
    values[k++] = ARGS_FIELD(frame, scratch);
    values[k++] = LLVMGetParam(frame->outer, 0);
    LLVMBuildRet(frame->builder, LLVMBuildCall2(frame->builder, state->body_type, frame->function,
                                                values, count, ""));

    LLVMPositionBuilderAtEnd(frame->builder, check);
    return hmlc_frame_emit_check(frame);
}

void hmlc_frame_fail(hmlc_frame *frame, hmlc_status status)
{
    struct hmlc_frame_state *state = frame->private_;
    state->status = state->status == HMLC_OK ? status : state->status;
}

void hmlc_frame_too_large(hmlc_frame *frame, int64_t value)
{
    hmlc_frame_fail(frame, hmlc_error_add(frame->ir->diagnostics, HMLC_ERROR_memory_exceeded,
                                          frame->plan->kernel->location, NULL,
                                          "%s counts to 2^31, not to %lld", frame->target->name,
                                          (long long)value));
}

void hmlc_frame_defect(hmlc_frame *frame, const char *what, const char *name)
{
    hmlc_frame_fail(frame,
                    hmlc_error_add(frame->ir->diagnostics, HMLC_ERROR_compiler_defect,
                                   frame->plan->kernel->location, NULL, "%s '%s' in a %s kernel",
                                   what, name, frame->plan->class_->name));
}

static hmlc_status frame_init(hmlc_frame *frame, struct hmlc_frame_state *state)
{
    frame->private_ = state;
    hmlc_frame_init_types(frame);
    state->symbol_count = hmlc_kernel_symbols(frame->plan, frame->arena, &state->symbols);
    if (state->symbol_count == UINT32_MAX) {
        return HMLC_RESOURCE;
    }
    state->symbol_values = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, state->symbol_count + 1);
    state->check_values = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, state->symbol_count + 1);
    HMLC_TRY_MEMORY(state->symbol_values);
    HMLC_TRY_MEMORY(state->check_values);
    return HMLC_OK;
}

static hmlc_status malformed(const hmlc_frame *frame)
{
    return hmlc_error_add(
        frame->ir->diagnostics, HMLC_ERROR_codegen_failed, frame->plan->kernel->location, NULL,
        "the generated function of a %s kernel is malformed", frame->plan->class_->name);
}

static hmlc_status kernel_emit(hmlc_frame *frame, struct hmlc_frame_state *state, const char *name)
{
    HMLC_TRY(frame_init(frame, state));
    frame->builder = LLVMCreateBuilderInContext(frame->context);
    hmlc_status status = body_create(frame, name);
    if (status == HMLC_OK) {
        status = body_emit(frame);
    }
    if (status == HMLC_OK && !state->direct) {
        status = outer_emit(frame, name);
    }
    LLVMDisposeBuilder(frame->builder);
    HMLC_TRY(status);
    HMLC_TRY(state->status);
    bool bad = LLVMVerifyFunction(frame->function, LLVMPrintMessageAction) ||
               (frame->outer != NULL && LLVMVerifyFunction(frame->outer, LLVMPrintMessageAction));
    return bad ? malformed(frame) : HMLC_OK;
}

static hmlc_frame frame_of(LLVMModuleRef module, hmlc_module *ir, const hmlc_kernel_plan *plan,
                           hmlc_arena *arena)
{
    return (hmlc_frame){.context = LLVMGetModuleContext(module),
                        .module = module,
                        .target = plan->target,
                        .plan = plan,
                        .arena = arena,
                        .ir = ir};
}

hmlc_status hmlc_kernel_emit(LLVMModuleRef module, hmlc_module *ir, const hmlc_kernel_plan *plan,
                             const char *name, hmlc_arena *arena)
{
    struct hmlc_frame_state state = {0};
    hmlc_frame frame = frame_of(module, ir, plan, arena);
    return kernel_emit(&frame, &state, name);
}

hmlc_status hmlc_kernel_emit_direct(LLVMModuleRef module, hmlc_module *ir,
                                    const hmlc_kernel_plan *plan, const char *name,
                                    hmlc_arena *arena, bool *fails)
{
    struct hmlc_frame_state state = {.direct = true};
    hmlc_frame frame = frame_of(module, ir, plan, arena);
    hmlc_status status = kernel_emit(&frame, &state, name);
    *fails = status == HMLC_OK && LLVMGetFirstUse(state.detail) != NULL;
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program's records as straight code: a call per step, places in memory and sizes as constants
 * where they are. Two functions: all steps, and a range of them.
 */
#include "object_program.h"

#include <stdio.h>

#include <hml_format/kernel_abi.h>

#include "llvm/frame/frame_internal.h"

typedef struct writer {
    const hmlc_object_form *form;
    const hmlc_program *program;
    const bool *fails; /* by unique kernel */
    hmlc_frame *frame; /* types, builder; no kernel */
    LLVMTypeRef type;  /* of the function at work */
    LLVMValueRef function;
    LLVMValueRef weights; /* the constant, or the parameter */
    LLVMValueRef arena, first, last, *inputs, *outputs, detail;
    LLVMValueRef *sizes;       /* by symbol index */
    LLVMValueRef *slots;       /* by slot; NULL: nobody asks for it */
    bool *needed;              /* by slot */
    LLVMBasicBlockRef *blocks; /* by record, and the end */
    LLVMValueRef status;       /* phi: what a failure returns */
    LLVMBasicBlockRef failure;
} writer;

const char *hmlc_object_kernel_name(const hmlc_object_form *form, uint32_t unique)
{
    const hmlc_unique_kernel *kernel = &form->program->unique.data[unique];
    return hmlc_arena_printf(form->program->module->arena, "%s_%s", form->prefix, kernel->name);
}

static LLVMBasicBlockRef append(writer *w, const char *name)
{
    return LLVMAppendBasicBlockInContext(w->frame->context, w->function, name);
}

static LLVMValueRef int32(const writer *w, int32_t value)
{
    return LLVMConstInt(w->frame->i32, (unsigned long long)value, 1);
}

/* -- failures ---------------------------------------------------------------------------------- */

/* Leaves with `status` where `condition` holds; the builder goes on where it does not. */
static void fail_if(writer *w, LLVMValueRef condition, LLVMValueRef status)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(w->frame->builder), good = append(w, "good");
    LLVMBuildCondBr(w->frame->builder, condition, w->failure, good);
    LLVMAddIncoming(w->status, &status, &here, 1);
    LLVMPositionBuilderAtEnd(w->frame->builder, good);
}

static void fail_with(writer *w, LLVMValueRef condition, int32_t status, LLVMValueRef number,
                      LLVMValueRef other)
{
    hmlc_frame *frame = w->frame;
    LLVMBasicBlockRef fail = append(w, "fail"), good = append(w, "good");
    LLVMBuildCondBr(frame->builder, condition, fail, good);
    LLVMPositionBuilderAtEnd(frame->builder, fail);
    hmlc_frame_store(frame, hmlc_frame_index_number(frame, number), w->detail, 8);
    hmlc_frame_store(frame, hmlc_frame_index_number(frame, other),
                     hmlc_frame_element(frame, frame->i64, w->detail, hmlc_frame_int(frame, 1)), 8);
    LLVMValueRef value = int32(w, status);
    LLVMBuildBr(frame->builder, w->failure);
    LLVMAddIncoming(w->status, &value, &fail, 1);
    LLVMPositionBuilderAtEnd(frame->builder, good);
}

/* -- sizes ------------------------------------------------------------------------------------- */

static hmlc_dim_kind dim_kind(uint32_t op)
{
    static const hmlc_dim_kind kinds[] = {
        [HML_DIM_ADD] = HMLC_DIM_ADD,           [HML_DIM_MULTIPLY] = HMLC_DIM_MULTIPLY,
        [HML_DIM_FLOORDIV] = HMLC_DIM_FLOORDIV, [HML_DIM_CEILDIV] = HMLC_DIM_CEILDIV,
        [HML_DIM_MODULO] = HMLC_DIM_MODULO,     [HML_DIM_MINIMUM] = HMLC_DIM_MINIMUM,
        [HML_DIM_MAXIMUM] = HMLC_DIM_MAXIMUM,   [HML_DIM_EQUAL] = HMLC_DIM_EQUAL,
        [HML_DIM_LESS] = HMLC_DIM_LESS,
    };
    return kinds[op];
}

/* The symbol that is dim `axis` of input `input`. */
static LLVMValueRef size_of(const writer *w, uint32_t input, uint32_t axis)
{
    const hmlc_type *type = w->program->module->main->arguments[input]->type;
    return hmlc_frame_number_index(w->frame, w->sizes[type->dims[axis]->symbol->index]);
}

static LLVMValueRef slot_value(writer *w, const hml_dim_record *dim)
{
    LLVMBuilderRef builder = w->frame->builder;
    switch (dim->op) {
    case HML_DIM_CONSTANT:
        return hmlc_frame_int(w->frame, dim->value);
    case HML_DIM_INPUT:
        return size_of(w, dim->a, dim->b);
    case HML_DIM_SELECT: {
        LLVMValueRef zero = hmlc_frame_int(w->frame, 0);
        LLVMValueRef test = LLVMBuildICmp(builder, LLVMIntNE, w->slots[dim->a], zero, "");
        return LLVMBuildSelect(builder, test, w->slots[dim->b], w->slots[dim->c], "");
    }
    default:
        return hmlc_frame_combine(w->frame, dim_kind(dim->op), w->slots[dim->a], w->slots[dim->b]);
    }
}

/* Each size within its range, before anything is computed of it. */
static void check_sizes(writer *w)
{
    LLVMBuilderRef builder = w->frame->builder;
    for (size_t k = 0; k < w->form->sizes.count; k++) {
        const hmlc_symbol *symbol = w->form->sizes.data[k].symbol;
        LLVMValueRef value = w->sizes[symbol->index];
        LLVMValueRef low = hmlc_frame_number(w->frame, symbol->minimum);
        LLVMValueRef high = hmlc_frame_number(w->frame, symbol->maximum);
        LLVMValueRef bad = LLVMBuildOr(builder, LLVMBuildICmp(builder, LLVMIntSLT, value, low, ""),
                                       LLVMBuildICmp(builder, LLVMIntSGT, value, high, ""), "");
        if (symbol->multiple > 1) {
            LLVMValueRef multiple = hmlc_frame_number(w->frame, symbol->multiple);
            LLVMValueRef rest = LLVMBuildSRem(builder, value, multiple, "");
            LLVMValueRef zero = hmlc_frame_number(w->frame, 0);
            bad = LLVMBuildOr(builder, bad, LLVMBuildICmp(builder, LLVMIntNE, rest, zero, ""), "");
        }
        fail_with(w, bad, HMLC_OBJECT_ERROR_SIZE, hmlc_frame_number(w->frame, (int64_t)k), value);
    }
}

static void check_equal(writer *w, uint32_t index)
{
    const hml_check_record *check = &w->program->checks.data[index];
    if (check->kind != HML_CHECK_EQUAL) {
        return; /* inputs have the shapes that the sizes give; ranges are checked before */
    }
    LLVMValueRef a = w->slots[check->a], b = w->slots[check->b];
    LLVMValueRef unequal = LLVMBuildICmp(w->frame->builder, LLVMIntNE, a, b, "");
    if (LLVMIsAConstantInt(unequal) == NULL || LLVMConstIntGetZExtValue(unequal) != 0) {
        fail_with(w, unequal, HMLC_OBJECT_ERROR_SIZE, a, b);
    }
}

/* -- steps ------------------------------------------------------------------------------------- */

static LLVMValueRef advance(writer *w, LLVMValueRef base, LLVMValueRef bytes)
{
    return hmlc_frame_element(w->frame, w->frame->i8, base, bytes);
}

static LLVMValueRef address_of(writer *w, uint32_t operand)
{
    const hml_operand_record *record = &w->program->operands.data[operand];
    const hml_buffer_record *buffer = &w->program->buffers.data[record->buffer];
    LLVMValueRef base = w->arena;
    switch (buffer->kind) {
    case HML_BUFFER_INPUT:
        base = w->inputs[buffer->index];
        break;
    case HML_BUFFER_OUTPUT:
        base = w->outputs[buffer->index];
        break;
    case HML_BUFFER_WEIGHTS:
        base = advance(w, w->weights, hmlc_frame_int(w->frame, (int64_t)buffer->offset));
        break;
    default:
        base = advance(w, base, w->slots[buffer->offset_dim]);
    }
    return record->offset_dim == HML_NONE ? base : advance(w, base, w->slots[record->offset_dim]);
}

static LLVMValueRef kernel_function(writer *w, uint32_t unique, LLVMTypeRef type)
{
    const char *name = hmlc_object_kernel_name(w->form, unique);
    if (name == NULL) {
        hmlc_frame_fail(w->frame, HMLC_RESOURCE);
        return LLVMGetPoison(w->frame->pointer);
    }
    LLVMValueRef function = LLVMGetNamedFunction(w->frame->module, name);
    if (function == NULL) {
        function = LLVMAddFunction(w->frame->module, name, type);
        LLVMSetVisibility(function, LLVMHiddenVisibility);
    }
    return function;
}

static void step_call(writer *w, const hml_step_record *step)
{
    hmlc_frame *frame = w->frame;
    LLVMValueRef units = w->slots[step->units_dim];
    if (LLVMIsAConstantInt(units) != NULL && LLVMConstIntGetZExtValue(units) == 0) {
        return;
    }
    uint32_t count = step->operand_count + step->dim_count + 2, k = 0;
    LLVMValueRef *values = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, count);
    LLVMTypeRef *types = HMLC_NEW_ARRAY(frame->arena, LLVMTypeRef, count);
    if (values == NULL || types == NULL) {
        hmlc_frame_fail(frame, HMLC_RESOURCE);
        return;
    }
    for (uint32_t i = 0; i < step->operand_count; i++) {
        values[k++] = address_of(w, step->first_operand + i);
    }
    for (uint32_t i = 0; i < step->dim_count; i++) {
        values[k++] = w->slots[w->program->indices.data[step->first_dim + i]];
    }
    LLVMValueRef offset = hmlc_frame_int(frame, (int64_t)w->form->scratch_offset);
    bool scratch = step->scratch_dim != HML_NONE;
    values[k++] = scratch ? advance(w, w->arena, offset) : LLVMGetUndef(frame->pointer);
    values[k++] = w->fails[step->kernel] ? w->detail : LLVMGetUndef(frame->pointer);
    for (uint32_t i = 0; i < count; i++) {
        types[i] = LLVMTypeOf(values[i]);
    }
    LLVMTypeRef type = LLVMFunctionType(frame->i32, types, count, 0);
    LLVMValueRef function = kernel_function(w, step->kernel, type);
    LLVMValueRef status = LLVMBuildCall2(frame->builder, type, function, values, count, "");
    if (w->fails[step->kernel]) {
        fail_if(w, LLVMBuildICmp(frame->builder, LLVMIntNE, status, int32(w, 0), ""), status);
    }
}

/* A call that a size of 0 leaves out. */
static void step_call_or_not(writer *w, const hml_step_record *step)
{
    LLVMValueRef units = w->slots[step->units_dim], zero = hmlc_frame_int(w->frame, 0);
    if (LLVMIsAConstantInt(units) != NULL) {
        step_call(w, step);
        return;
    }
    LLVMBasicBlockRef call = append(w, "call"), done = append(w, "done");
    LLVMBuildCondBr(w->frame->builder, LLVMBuildICmp(w->frame->builder, LLVMIntEQ, units, zero, ""),
                    done, call);
    LLVMPositionBuilderAtEnd(w->frame->builder, call);
    step_call(w, step);
    LLVMBuildBr(w->frame->builder, done);
    LLVMPositionBuilderAtEnd(w->frame->builder, done);
}

/* To the step's target where the bool at its operand has this value. */
static void emit_decision(writer *w, const hml_step_record *step, bool value,
                          LLVMBasicBlockRef next)
{
    LLVMBuilderRef builder = w->frame->builder;
    LLVMValueRef address = address_of(w, step->first_operand);
    LLVMValueRef found = hmlc_frame_load(w->frame, w->frame->i8, address, 1);
    LLVMIntPredicate test = value ? LLVMIntNE : LLVMIntEQ;
    LLVMBuildCondBr(builder,
                    LLVMBuildICmp(builder, test, found, LLVMConstInt(w->frame->i8, 0, 0), ""),
                    w->blocks[step->target], next);
}

/* Record `index`, ending in a jump to what follows. */
static void emit_record(writer *w, uint32_t index)
{
    const hml_step_record *step = &w->program->steps.data[index];
    LLVMBasicBlockRef next = w->blocks[index + 1];
    switch (step->kind) {
    case HML_STEP_CALL:
        step_call_or_not(w, step);
        break;
    case HML_STEP_CHECK:
        for (uint32_t k = 0; k < step->dim_count; k++) {
            check_equal(w, step->first_dim + k);
        }
        break;
    case HML_STEP_JUMP:
        next = w->blocks[step->target];
        break;
    case HML_STEP_BRANCH:
        emit_decision(w, step, false, next);
        return;
    case HML_STEP_REPEAT:
        emit_decision(w, step, true, next);
        return;
    default: /* EVALUATE and GROW are refused before */
        hmlc_frame_fail(w->frame,
                        hmlc_error_add(w->program->module->diagnostics, HMLC_ERROR_compiler_defect,
                                       NULL, NULL, "an object has no code for steps of kind %u",
                                       step->kind));
    }
    LLVMBuildBr(w->frame->builder, next);
}

/* Where a range of steps ends. */
static void emit_end_test(writer *w, uint32_t step)
{
    LLVMBuilderRef builder = w->frame->builder;
    LLVMBasicBlockRef go = append(w, "go");
    LLVMValueRef limit = int32(w, (int32_t)step);
    uint32_t end = (uint32_t)w->program->steps.count;
    LLVMBuildCondBr(builder, LLVMBuildICmp(builder, LLVMIntULE, w->last, limit, ""), w->blocks[end],
                    go);
    LLVMPositionBuilderAtEnd(builder, go);
}

static void emit_steps(writer *w)
{
    const uint32_t *starts = w->form->steps.data;
    uint32_t visible = 0, count = (uint32_t)w->program->steps.count;
    for (uint32_t k = 0; k < count; k++) {
        LLVMPositionBuilderAtEnd(w->frame->builder, w->blocks[k]);
        if (k == starts[visible]) {
            if (w->last != NULL) {
                emit_end_test(w, visible);
            }
            visible++;
        }
        emit_record(w, k);
    }
    LLVMPositionBuilderAtEnd(w->frame->builder, w->blocks[count]);
    LLVMBuildRet(w->frame->builder, int32(w, 0));
}

/* -- which sizes are needed ---------------------------------------------------------------------
 */

static void need(bool *needed, uint32_t slot)
{
    if (slot != HML_NONE) {
        needed[slot] = true;
    }
}

static void need_step(const writer *w, bool *needed, const hml_step_record *step)
{
    need(needed, step->units_dim);
    for (uint32_t k = 0; k < step->operand_count; k++) {
        const hml_operand_record *operand = &w->program->operands.data[step->first_operand + k];
        need(needed, operand->offset_dim);
        need(needed, w->program->buffers.data[operand->buffer].offset_dim);
    }
    for (uint32_t k = 0; k < step->dim_count && step->kind == HML_STEP_CALL; k++) {
        need(needed, w->program->indices.data[step->first_dim + k]);
    }
}

/* The slots that steps and checks read, and those that they are computed of, which come first. */
static void find_needed(const writer *w, bool *needed)
{
    const hmlc_program *program = w->program;
    for (size_t k = 0; k < program->steps.count; k++) {
        need_step(w, needed, &program->steps.data[k]);
    }
    for (size_t k = 0; k < program->checks.count; k++) {
        const hml_check_record *check = &program->checks.data[k];
        if (check->kind == HML_CHECK_EQUAL) {
            need(needed, check->a);
            need(needed, check->b);
        }
    }
    for (size_t k = program->dims.count; k-- > 0;) {
        const hml_dim_record *dim = &program->dims.data[k];
        if (needed[k] && dim->op != HML_DIM_CONSTANT && dim->op != HML_DIM_INPUT) {
            need(needed, dim->a);
            need(needed, dim->b);
            need(needed, dim->op == HML_DIM_SELECT ? dim->c : HML_NONE);
        }
    }
}

/* -- entry ------------------------------------------------------------------------------------- */

static void check_aligned(writer *w, LLVMValueRef memory, uint64_t bytes)
{
    LLVMBuilderRef builder = w->frame->builder;
    if (bytes == 0) {
        return;
    }
    LLVMTypeRef type =
        LLVMIntTypeInContext(w->frame->context, (unsigned)w->program->target->index_bits);
    LLVMValueRef address = LLVMBuildPtrToInt(builder, memory, type, "");
    LLVMValueRef low =
        LLVMBuildAnd(builder, address, LLVMConstInt(type, HMLC_OBJECT_ALIGNMENT - 1, 0), "");
    LLVMValueRef bad = LLVMBuildICmp(builder, LLVMIntNE, low, LLVMConstInt(type, 0, 0), "");
    fail_if(w, bad, int32(w, HMLC_OBJECT_ERROR_MEMORY));
}

/* Details go to the caller, or nowhere. */
static void take_detail(writer *w, LLVMValueRef given)
{
    hmlc_frame *frame = w->frame;
    LLVMValueRef nowhere = hmlc_frame_alloca(frame, frame->i64, 2, 8);
    LLVMValueRef none =
        LLVMBuildICmp(frame->builder, LLVMIntEQ, given, LLVMConstNull(frame->pointer), "");
    w->detail = LLVMBuildSelect(frame->builder, none, nowhere, given, "");
}

static void take_parameters(writer *w, bool ranged)
{
    uint32_t k = 0;
    w->arena = LLVMGetParam(w->function, k++);
    if (w->form->options->weights_apart) {
        w->weights = LLVMGetParam(w->function, k++);
    }
    w->first = ranged ? LLVMGetParam(w->function, k++) : NULL;
    w->last = ranged ? LLVMGetParam(w->function, k++) : NULL;
    for (size_t i = 0; i < w->form->sizes.count; i++) {
        w->sizes[w->form->sizes.data[i].symbol->index] = LLVMGetParam(w->function, k++);
    }
    for (size_t i = 0; i < w->form->inputs.count; i++) {
        w->inputs[i] = LLVMGetParam(w->function, k++);
    }
    for (size_t i = 0; i < w->form->outputs.count; i++) {
        w->outputs[i] = LLVMGetParam(w->function, k++);
    }
    take_detail(w, LLVMGetParam(w->function, k));
}

static void emit_entry(writer *w)
{
    const hmlc_program *program = w->program;
    uint32_t visible = (uint32_t)w->form->steps.count - 1;
    check_aligned(w, w->arena, w->form->arena_bytes);
    if (w->form->options->weights_apart) {
        check_aligned(w, w->weights, w->form->weight_bytes);
    }
    check_sizes(w);
    for (uint32_t k = 0; k < program->dims.count; k++) {
        w->slots[k] = w->needed[k] ? slot_value(w, &program->dims.data[k]) : NULL;
    }
    for (uint32_t k = 0; k < program->entry_checks; k++) {
        check_equal(w, k);
    }
    if (w->last == NULL) {
        LLVMBuildBr(w->frame->builder, w->blocks[0]);
        return;
    }
    LLVMBuilderRef builder = w->frame->builder;
    LLVMValueRef beyond =
        LLVMBuildICmp(builder, LLVMIntUGT, w->last, int32(w, (int32_t)visible), "");
    LLVMValueRef turned = LLVMBuildICmp(builder, LLVMIntUGT, w->first, w->last, "");
    fail_if(w, LLVMBuildOr(builder, beyond, turned, ""), int32(w, HMLC_OBJECT_ERROR_STEPS));
    uint32_t end = (uint32_t)program->steps.count;
    LLVMValueRef choice = LLVMBuildSwitch(builder, w->first, w->blocks[end], visible);
    for (uint32_t k = 0; k < visible; k++) {
        LLVMAddCase(choice, int32(w, (int32_t)k), w->blocks[w->form->steps.data[k]]);
    }
}

/* -- the functions ----------------------------------------------------------------------------- */

/* arena, [weights,] [first, last,] sizes, inputs, outputs, detail */
static LLVMTypeRef function_type(const writer *w, bool ranged)
{
    const hmlc_object_form *form = w->form;
    size_t pointers = form->inputs.count + form->outputs.count + 1;
    size_t most = 4 + form->sizes.count + pointers;
    LLVMTypeRef *types = HMLC_NEW_ARRAY(w->frame->arena, LLVMTypeRef, most);
    if (types == NULL) {
        return NULL;
    }
    unsigned k = 0;
    types[k++] = w->frame->pointer;
    if (form->options->weights_apart) {
        types[k++] = w->frame->pointer;
    }
    if (ranged) {
        types[k++] = w->frame->i32;
        types[k++] = w->frame->i32;
    }
    for (size_t i = 0; i < form->sizes.count; i++) {
        types[k++] = w->frame->i64;
    }
    for (size_t i = 0; i < pointers; i++) {
        types[k++] = w->frame->pointer;
    }
    return LLVMFunctionType(w->frame->i32, types, k, 0);
}

static hmlc_status make_function(writer *w, bool ranged)
{
    hmlc_frame *frame = w->frame;
    const char *name =
        hmlc_arena_printf(frame->arena, "%s_run%s", w->form->prefix, ranged ? "_steps" : "");
    w->type = function_type(w, ranged);
    HMLC_TRY_MEMORY(name);
    HMLC_TRY_MEMORY(w->type);
    w->function = frame->function = LLVMAddFunction(frame->module, name, w->type);
    hmlc_frame_set_target(frame, w->function);
    frame->entry = append(w, "entry");
    LLVMBasicBlockRef start = append(w, "start");
    w->failure = append(w, "failure");
    for (size_t k = 0; k <= w->program->steps.count; k++) {
        w->blocks[k] = append(w, "step");
    }
    LLVMPositionBuilderAtEnd(frame->builder, frame->entry);
    LLVMBuildBr(frame->builder, start);
    LLVMPositionBuilderAtEnd(frame->builder, w->failure);
    w->status = LLVMBuildPhi(frame->builder, frame->i32, "status");
    LLVMBuildRet(frame->builder, w->status);
    LLVMPositionBuilderAtEnd(frame->builder, start);
    take_parameters(w, ranged);
    emit_entry(w);
    emit_steps(w);
    if (LLVMCountIncoming(w->status) == 0) { /* nothing fails */
        LLVMDeleteBasicBlock(w->failure);
    }
    struct hmlc_frame_state *state = frame->private_;
    return state->status;
}

static hmlc_status sink(void *context, const void *data, size_t bytes)
{
    hmlc_byte_table *all = context;
    HMLC_TRY(HMLC_TABLE_RESERVE(all, bytes));
    if (bytes > 0) {
        memcpy(all->data + all->count, data, bytes);
    }
    all->count += bytes;
    return HMLC_OK;
}

static hmlc_status make_weights(writer *w)
{
    hmlc_byte_table all = {0};
    hmlc_status status = hmlc_weights_write(w->program->weights, sink, &all);
    const char *name = hmlc_arena_printf(w->frame->arena, "%s_weights", w->form->prefix);
    if (status == HMLC_OK && name != NULL && all.count > 0) {
        w->weights = hmlc_frame_embed(w->frame, all.data, all.count, HMLC_OBJECT_ALIGNMENT);
        LLVMSetValueName2(w->weights, name, strlen(name));
        LLVMSetLinkage(w->weights, LLVMExternalLinkage);
        LLVMSetVisibility(w->weights, LLVMHiddenVisibility);
        if (w->form->weights_section != NULL) {
            LLVMSetSection(w->weights, w->form->weights_section);
        }
    }
    HMLC_TABLE_FREE(&all);
    return name != NULL ? status : HMLC_RESOURCE;
}

static hmlc_status make_lists(writer *w, hmlc_arena *arena)
{
    w->inputs = HMLC_NEW_ARRAY(arena, LLVMValueRef, w->form->inputs.count + 1);
    w->outputs = HMLC_NEW_ARRAY(arena, LLVMValueRef, w->form->outputs.count + 1);
    w->sizes = HMLC_NEW_ARRAY(arena, LLVMValueRef, hmlc_symbol_count(w->program->module->dims) + 1);
    w->slots = HMLC_NEW_ARRAY(arena, LLVMValueRef, w->program->dims.count + 1);
    w->blocks = HMLC_NEW_ARRAY(arena, LLVMBasicBlockRef, w->program->steps.count + 1);
    HMLC_TRY_MEMORY(w->inputs);
    HMLC_TRY_MEMORY(w->outputs);
    HMLC_TRY_MEMORY(w->sizes);
    w->needed = HMLC_NEW_ARRAY(arena, bool, w->program->dims.count + 1);
    HMLC_TRY_MEMORY(w->slots);
    HMLC_TRY_MEMORY(w->needed);
    find_needed(w, w->needed);
    HMLC_TRY_MEMORY(w->blocks);
    return HMLC_OK;
}

hmlc_status hmlc_object_program(const hmlc_object_form *form, LLVMModuleRef module,
                                const bool *fails, hmlc_arena *arena)
{
    struct hmlc_frame_state state = {0};
    hmlc_frame frame = {.context = LLVMGetModuleContext(module),
                        .module = module,
                        .target = form->program->target,
                        .arena = arena,
                        .ir = form->program->module,
                        .private_ = &state};
    writer w = {.form = form, .program = form->program, .fails = fails, .frame = &frame};
    HMLC_TRY(make_lists(&w, arena));
    hmlc_frame_init_types(&frame);
    frame.builder = LLVMCreateBuilderInContext(frame.context);
    hmlc_status status = form->options->weights_apart ? HMLC_OK : make_weights(&w);
    status = status == HMLC_OK ? make_function(&w, false) : status;
    status = status == HMLC_OK ? make_function(&w, true) : status;
    LLVMDisposeBuilder(frame.builder);
    HMLC_TRY(status);
    if (LLVMVerifyModule(module, LLVMPrintMessageAction, NULL)) {
        return hmlc_error_add(form->program->module->diagnostics, HMLC_ERROR_compiler_defect, NULL,
                              NULL, "the functions of the object are malformed");
    }
    return HMLC_OK;
}

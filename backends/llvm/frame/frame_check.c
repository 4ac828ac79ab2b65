/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check mode: everything that makes a run safe, from the dims alone. A damaged program can hand a
 * kernel any numbers; what passes here touches only the bytes behind its operands. Arithmetic is
 * checked for overflow: each sum, product and range clears the running `good` bit.
 */
#include "frame_internal.h"

#include <hml_format/kernel_abi.h>

typedef struct check {
    hmlc_frame *frame;
    LLVMValueRef good;          /* i1: all conditions so far */
    LLVMValueRef *first, *last; /* per operand: its first address, and the one behind it */
} check;

static void check_require(check *c, LLVMValueRef condition)
{
    c->good = LLVMBuildAnd(c->frame->builder, c->good, condition, "");
}

static void check_compare(check *c, LLVMIntPredicate predicate, LLVMValueRef a, LLVMValueRef b)
{
    check_require(c, LLVMBuildICmp(c->frame->builder, predicate, a, b, ""));
}

static LLVMValueRef checked(check *c, const char *intrinsic, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef arguments[] = {a, b};
    LLVMValueRef pair = hmlc_frame_intrinsic(c->frame, intrinsic, c->frame->i64, arguments, 2);
    LLVMValueRef overflow = LLVMBuildExtractValue(c->frame->builder, pair, 1, "");
    check_require(c, LLVMBuildNot(c->frame->builder, overflow, ""));
    return LLVMBuildExtractValue(c->frame->builder, pair, 0, "");
}

static LLVMValueRef checked_add(check *c, LLVMValueRef a, LLVMValueRef b)
{
    return checked(c, "llvm.sadd.with.overflow", a, b);
}

static LLVMValueRef checked_multiply(check *c, LLVMValueRef a, LLVMValueRef b)
{
    return checked(c, "llvm.smul.with.overflow", a, b);
}

static LLVMValueRef check_symbol(check *c, const hmlc_symbol *symbol)
{
    const struct hmlc_frame_state *state = c->frame->private_;
    for (uint32_t k = 0; k < state->symbol_count; k++) {
        if (state->symbols[k] == symbol) {
            return state->check_values[k];
        }
    }
    return hmlc_frame_number(c->frame, 0);
}

static LLVMValueRef check_dim(check *c, hmlc_dim dim);

/* Divisions: the divisor must be positive; 1 stands in for it where it is not, so that nothing
 * traps. */
static LLVMValueRef check_division(check *c, hmlc_dim_kind kind, LLVMValueRef a, LLVMValueRef b)
{
    LLVMBuilderRef builder = c->frame->builder;
    LLVMValueRef zero = hmlc_frame_number(c->frame, 0), one = hmlc_frame_number(c->frame, 1);
    check_compare(c, LLVMIntSGT, b, zero);
    LLVMValueRef positive = LLVMBuildICmp(builder, LLVMIntSGT, b, zero, "");
    b = LLVMBuildSelect(builder, positive, b, one, "");
    LLVMValueRef quotient = LLVMBuildSDiv(builder, a, b, "");
    LLVMValueRef remainder = LLVMBuildSRem(builder, a, b, "");
    LLVMIntPredicate sign = kind == HMLC_DIM_CEILDIV ? LLVMIntSGT : LLVMIntSLT;
    LLVMValueRef inexact = LLVMBuildZExt(builder, LLVMBuildICmp(builder, sign, remainder, zero, ""),
                                         c->frame->i64, "");
    if (kind == HMLC_DIM_CEILDIV) {
        return LLVMBuildAdd(builder, quotient, inexact, "");
    }
    if (kind == HMLC_DIM_FLOORDIV) {
        return LLVMBuildSub(builder, quotient, inexact, "");
    }
    return LLVMBuildAdd(builder, remainder, LLVMBuildMul(builder, inexact, b, ""), "");
}

static LLVMValueRef check_choose(check *c, LLVMIntPredicate predicate, LLVMValueRef a,
                                 LLVMValueRef b, LLVMValueRef then, LLVMValueRef otherwise)
{
    LLVMValueRef test = LLVMBuildICmp(c->frame->builder, predicate, a, b, "");
    return LLVMBuildSelect(c->frame->builder, test, then, otherwise, "");
}

static LLVMValueRef check_dim(check *c, hmlc_dim dim)
{
    int64_t constant;
    if (hmlc_dim_is_constant(dim, &constant)) {
        return hmlc_frame_number(c->frame, constant);
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        return check_symbol(c, dim->symbol);
    }
    LLVMValueRef zero = hmlc_frame_number(c->frame, 0), one = hmlc_frame_number(c->frame, 1);
    LLVMValueRef a = check_dim(c, dim->a), b = check_dim(c, dim->b);
    switch (dim->kind) {
    case HMLC_DIM_ADD:
        return checked_add(c, a, b);
    case HMLC_DIM_MULTIPLY:
        return checked_multiply(c, a, b);
    case HMLC_DIM_FLOORDIV:
    case HMLC_DIM_CEILDIV:
    case HMLC_DIM_MODULO:
        return check_division(c, dim->kind, a, b);
    case HMLC_DIM_MINIMUM:
        return check_choose(c, LLVMIntSLT, a, b, a, b);
    case HMLC_DIM_MAXIMUM:
        return check_choose(c, LLVMIntSGT, a, b, a, b);
    case HMLC_DIM_EQUAL:
        return check_choose(c, LLVMIntEQ, a, b, one, zero);
    case HMLC_DIM_LESS:
        return check_choose(c, LLVMIntSLT, a, b, one, zero);
    default:
        return check_choose(c, LLVMIntNE, a, zero, b, check_dim(c, dim->c));
    }
}

static void check_symbol_range(check *c, const hmlc_symbol *symbol, LLVMValueRef value)
{
    check_compare(c, LLVMIntSGE, value, hmlc_frame_number(c->frame, symbol->minimum));
    check_compare(c, LLVMIntSLE, value, hmlc_frame_number(c->frame, symbol->maximum));
    if (symbol->multiple > 1) {
        LLVMValueRef rest = LLVMBuildSRem(c->frame->builder, value,
                                          hmlc_frame_number(c->frame, symbol->multiple), "");
        check_compare(c, LLVMIntEQ, rest, hmlc_frame_number(c->frame, 0));
    }
}

/* The number lies within an index of the target. */
static void check_index(check *c, LLVMValueRef number)
{
    if (c->frame->index_bytes < 8) {
        check_compare(c, LLVMIntSGE, number, hmlc_frame_number(c->frame, INT32_MIN));
        check_compare(c, LLVMIntSLE, number, hmlc_frame_number(c->frame, INT32_MAX));
    }
}

/* The body computes with indices: what is not known to fit, in 64 bits, is compared. */
static void check_indices(check *c)
{
    const struct hmlc_dim_cache *entry = NULL;
    hmlc_dim dim;
    while (c->frame->index_bytes < 8 && (dim = hmlc_frame_next_index(c->frame, &entry)) != NULL) {
        if (dim->minimum < INT32_MIN || dim->maximum > INT32_MAX) {
            check_index(c, check_dim(c, dim));
        }
    }
}

/* Bytes that a value's elements span; dims must not be negative. */
static LLVMValueRef check_extent(check *c, const hmlc_value *value)
{
    hmlc_frame *frame = c->frame;
    hmlc_access access;
    hmlc_frame_access(frame, value, &access);
    LLVMValueRef zero = hmlc_frame_number(frame, 0), one = hmlc_frame_number(frame, 1);
    LLVMValueRef last = check_dim(c, access.offset);
    LLVMValueRef empty = LLVMConstInt(frame->i1, 0, 0);
    for (int32_t k = 0; k < access.rank; k++) {
        LLVMValueRef dim = check_dim(c, access.dims[k]);
        check_compare(c, LLVMIntSGE, dim, zero);
        LLVMValueRef none = LLVMBuildICmp(frame->builder, LLVMIntEQ, dim, zero, "");
        empty = LLVMBuildOr(frame->builder, empty, none, "");
        LLVMValueRef steps = LLVMBuildSub(frame->builder, dim, one, "");
        LLVMValueRef reach = checked_multiply(c, steps, check_dim(c, access.strides[k]));
        last = checked_add(c, last, LLVMBuildSelect(frame->builder, none, zero, reach, ""));
    }
    LLVMValueRef size = hmlc_frame_number(frame, (int64_t)hmlc_dtype_bytes(value->type->dtype));
    LLVMValueRef bytes = checked_multiply(c, checked_add(c, last, one), size);
    return LLVMBuildSelect(frame->builder, empty, zero, bytes, "");
}

static LLVMValueRef args_field(check *c, hmlc_args_field field)
{
    return hmlc_frame_args_field(c->frame, LLVMGetParam(c->frame->outer, 0), field);
}

/* Index relations that inference proved from facts the program could lie about: bound symbols and
 * equalities. */
static void check_slice(check *c, const hmlc_op *op)
{
    const hmlc_attr *starts = hmlc_op_attr(op, HMLC_ATTR_starts);
    const hmlc_attr *sizes = hmlc_op_attr(op, HMLC_ATTR_sizes);
    const hmlc_attr *steps = hmlc_op_attr(op, HMLC_ATTR_steps);
    const hmlc_type *type = hmlc_op_operand(op, 0)->type;
    LLVMValueRef zero = hmlc_frame_number(c->frame, 0), one = hmlc_frame_number(c->frame, 1);
    for (int32_t k = 0; k < type->rank; k++) {
        hmlc_dim start_dim = starts->as.dims[k], size_dim = sizes->as.dims[k];
        if (hmlc_dim_is(start_dim, 0) && size_dim == type->dims[k]) {
            continue;
        }
        LLVMValueRef dim = check_dim(c, type->dims[k]), size = check_dim(c, size_dim);
        LLVMValueRef start = check_dim(c, start_dim), step = check_dim(c, steps->as.dims[k]);
        LLVMValueRef reach =
            checked_multiply(c, LLVMBuildSub(c->frame->builder, size, one, ""), step);
        LLVMValueRef last = checked_add(c, start, reach);
        LLVMValueRef inside = LLVMBuildICmp(c->frame->builder, LLVMIntULT, start, dim, "");
        LLVMValueRef ends = LLVMBuildICmp(c->frame->builder, LLVMIntULT, last, dim, "");
        LLVMValueRef none = LLVMBuildICmp(c->frame->builder, LLVMIntSLE, size, zero, "");
        inside = LLVMBuildAnd(c->frame->builder, inside, ends, "");
        check_require(c, LLVMBuildOr(c->frame->builder, inside, none, ""));
    }
}

static LLVMValueRef check_count(check *c, const hmlc_type *type)
{
    LLVMValueRef count = hmlc_frame_number(c->frame, 1);
    for (int32_t k = 0; k < type->rank; k++) {
        count = checked_multiply(c, count, check_dim(c, type->dims[k]));
    }
    return count;
}

static void check_region(check *c, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_slice) {
            check_slice(c, op);
        } else if (op->opcode == HMLC_OP_reshape) {
            LLVMValueRef count = check_count(c, op->results[0]->type);
            check_compare(c, LLVMIntEQ, check_count(c, hmlc_op_operand(op, 0)->type), count);
        }
    }
}

static bool symbols_known(const struct hmlc_frame_state *state, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_CONSTANT) {
        return true;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        for (uint32_t k = 0; k < state->symbol_count; k++) {
            if (state->symbols[k] == dim->symbol) {
                return true;
            }
        }
        return false;
    }
    return symbols_known(state, dim->a) && symbols_known(state, dim->b) &&
           (dim->kind != HMLC_DIM_SELECT || symbols_known(state, dim->c));
}

static void check_equalities(check *c)
{
    const struct hmlc_frame_state *state = c->frame->private_;
    const hmlc_dims *dims = c->frame->ir->dims;
    for (uint32_t k = 0; k < hmlc_dims_equality_count(dims); k++) {
        const hmlc_dim_equality *equality = hmlc_dims_equality_at(dims, k);
        if (!hmlc_dim_equality_of_sign(equality) &&
            hmlc_region_relies_on(c->frame->plan->kernel->parent, equality) &&
            symbols_known(state, equality->left) && symbols_known(state, equality->right)) {
            LLVMValueRef right = check_dim(c, equality->right);
            check_compare(c, LLVMIntEQ, check_dim(c, equality->left), right);
        }
    }
}

static void check_operand(check *c, uint32_t index, LLVMValueRef pointers, LLVMValueRef sizes)
{
    hmlc_frame *frame = c->frame;
    const hmlc_kernel_operand *operand = &frame->plan->operands[index];
    const hmlc_value *value = hmlc_kernel_operand_value(frame->plan, index);
    bool own = operand->kind == HMLC_OPERAND_PACKED;
    LLVMValueRef found = hmlc_frame_item(frame, sizes, index, frame->i64);
    LLVMValueRef needed =
        own ? hmlc_frame_number(frame, (int64_t)operand->bytes) : check_extent(c, value);
    check_compare(c, LLVMIntSGE, found, needed);
    check_index(c, needed);
    int64_t alignment = own ? 64 : (int64_t)hmlc_dtype_bytes(value->type->dtype);
    LLVMValueRef pointer = hmlc_frame_item(frame, pointers, index, frame->pointer);
    LLVMValueRef address = LLVMBuildPtrToInt(frame->builder, pointer, frame->i64, "");
    LLVMValueRef rest =
        LLVMBuildAnd(frame->builder, address, hmlc_frame_number(frame, alignment - 1), "");
    check_compare(c, LLVMIntEQ, rest, hmlc_frame_number(frame, 0));
    c->first[index] = address;
    c->last[index] = LLVMBuildAdd(frame->builder, address, needed, "");
}

/* Results lie apart from every operand that the planner did not place at the same memory: else an
 * index could change between its check and its use. */
static void check_apart(check *c, uint32_t result, uint32_t other)
{
    LLVMBuilderRef builder = c->frame->builder;
    const LLVMValueRef *first = c->first, *last = c->last;
    LLVMValueRef before = LLVMBuildICmp(builder, LLVMIntULE, last[result], first[other], "");
    LLVMValueRef behind = LLVMBuildICmp(builder, LLVMIntULE, last[other], first[result], "");
    LLVMValueRef empty = LLVMBuildICmp(builder, LLVMIntEQ, last[result], first[result], "");
    LLVMValueRef none = LLVMBuildICmp(builder, LLVMIntEQ, last[other], first[other], "");
    LLVMValueRef apart = LLVMBuildOr(builder, before, behind, "");
    check_require(c, LLVMBuildOr(builder, apart, LLVMBuildOr(builder, empty, none, ""), ""));
}

/* Results are the last operands; memory that may not be written is not handed to them. */
static void check_results(check *c, uint32_t passed)
{
    const hmlc_kernel_plan *plan = c->frame->plan;
    uint32_t first = passed;
    while (first > 0 && plan->operands[first - 1].kind == HMLC_OPERAND_RESULT) {
        first--;
    }
    LLVMValueRef written = args_field(c, HMLC_ARGS_written_count);
    check_compare(c, LLVMIntUGE, written, LLVMConstInt(c->frame->i32, passed - first, 0));
    for (uint32_t result = first; result < passed; result++) {
        for (uint32_t other = 0; other < result; other++) {
            if (!hmlc_kernel_operands_overlap(plan, result, other)) {
                check_apart(c, result, other);
            }
        }
    }
}

static void check_finish(check *c, LLVMValueRef operand)
{
    hmlc_frame *frame = c->frame;
    LLVMValueRef detail = args_field(c, HMLC_ARGS_detail);
    hmlc_frame_store(frame, operand, detail, 8);
    LLVMValueRef status =
        LLVMBuildSelect(frame->builder, c->good, LLVMConstInt(frame->i32, HML_KERNEL_OK, 0),
                        LLVMConstInt(frame->i32, HML_KERNEL_BOUNDS, 0), "");
    LLVMBuildRet(frame->builder, status);
}

static void check_load_symbols(check *c, struct hmlc_frame_state *state)
{
    LLVMValueRef dims = args_field(c, HMLC_ARGS_dims);
    for (uint32_t k = 0; k < state->symbol_count; k++) {
        state->check_values[k] = hmlc_frame_item(c->frame, dims, k, c->frame->i64);
        check_symbol_range(c, state->symbols[k], state->check_values[k]);
        check_index(c, state->check_values[k]);
    }
}

/* The counts decide whether the lists may be read at all; then everything else at once. */
hmlc_status hmlc_frame_emit_check(hmlc_frame *frame)
{
    struct hmlc_frame_state *state = frame->private_;
    const hmlc_kernel_plan *plan = frame->plan;
    check c = {frame, LLVMConstInt(frame->i1, 1, 0),
               HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, plan->operand_count + 1),
               HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, plan->operand_count + 1)};
    HMLC_TRY_MEMORY(c.first);
    HMLC_TRY_MEMORY(c.last);
    LLVMValueRef operands = args_field(&c, HMLC_ARGS_operand_count);
    LLVMValueRef dims = args_field(&c, HMLC_ARGS_dim_count);
    uint32_t passed = hmlc_kernel_passed_count(plan);
    check_compare(&c, LLVMIntEQ, operands, LLVMConstInt(frame->i32, passed, 0));
    check_compare(&c, LLVMIntEQ, dims, LLVMConstInt(frame->i32, state->symbol_count, 0));
    LLVMBasicBlockRef wrong = LLVMAppendBasicBlockInContext(frame->context, frame->outer, "wrong");
    LLVMBasicBlockRef lists = LLVMAppendBasicBlockInContext(frame->context, frame->outer, "lists");
    LLVMBuildCondBr(frame->builder, c.good, lists, wrong);
    LLVMPositionBuilderAtEnd(frame->builder, wrong);
    check_finish(&c, hmlc_frame_number(frame, -1));

    LLVMPositionBuilderAtEnd(frame->builder, lists);
    c.good = LLVMConstInt(frame->i1, 1, 0);
    check_load_symbols(&c, state);
    check_indices(&c);
    check_equalities(&c);
    check_region(&c, plan->kernel->regions[0]);
    LLVMValueRef pointers = args_field(&c, HMLC_ARGS_operands);
    LLVMValueRef sizes = args_field(&c, HMLC_ARGS_operand_bytes);
    LLVMValueRef failing = hmlc_frame_number(frame, -1);
    for (uint32_t k = 0; k < passed; k++) {
        LLVMValueRef before = c.good;
        check_operand(&c, k, pointers, sizes);
        LLVMValueRef now =
            LLVMBuildAnd(frame->builder, before, LLVMBuildNot(frame->builder, c.good, ""), "");
        failing = LLVMBuildSelect(frame->builder, now, hmlc_frame_number(frame, k), failing, "");
    }
    check_results(&c, passed);
    LLVMValueRef units = check_dim(&c, plan->units);
    check_compare(&c, LLVMIntEQ, args_field(&c, HMLC_ARGS_units), units);
    check_index(&c, units);
    LLVMValueRef scratch = check_dim(&c, plan->scratch_bytes);
    check_compare(&c, LLVMIntSGE, args_field(&c, HMLC_ARGS_scratch_bytes), scratch);
    check_finish(&c, failing);
    return HMLC_OK;
}

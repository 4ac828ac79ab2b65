/* SPDX-License-Identifier: Apache-2.0 */
/* Values at the current lanes: recursive descent from a value to the loads below it. */
#include "loop.h"
#include "llvm/elementwise/elementwise_internal.h"

/* What is known already, at this index, row and guard. */
struct hmlc_loop_memo {
    const hmlc_value *value;
    const hmlc_loop_index *index;
    LLVMValueRef guard;
    uint32_t row;
    LLVMValueRef *rows; /* a transposed tile: one vector per row */
    hmlc_dim checked;   /* an index that was checked against this size */
    hmlc_loop_value result;
};

uint32_t hmlc_loop_memo_mark(const hmlc_loop_context *context)
{
    return context->memo_count;
}

void hmlc_loop_memo_release(hmlc_loop_context *context, uint32_t mark)
{
    context->memo_count = mark;
}

/* Index vectors kept for as long as the emission. */
static hmlc_loop_index *copy_indices(hmlc_loop_context *context, const hmlc_loop_index *index,
                                     int32_t count)
{
    hmlc_loop_index *copy = HMLC_NEW_ARRAY(context->arena, hmlc_loop_index, count + 1);
    if (copy == NULL) {
        context->status = HMLC_RESOURCE;
        return NULL;
    }
    for (int32_t k = 0; k < count; k++) {
        copy[k] = index[k];
    }
    return copy;
}

static struct hmlc_loop_memo *memo_add(hmlc_loop_context *context, const hmlc_value *value,
                                       const hmlc_loop_index *index)
{
    if (context->memo_count == context->memo_capacity) {
        uint32_t wanted = context->memo_capacity == 0 ? 64 : context->memo_capacity * 2;
        struct hmlc_loop_memo *larger =
            HMLC_NEW_ARRAY(context->arena, struct hmlc_loop_memo, wanted);
        if (larger == NULL) {
            context->status = HMLC_RESOURCE;
            return NULL;
        }
        for (uint32_t k = 0; k < context->memo_count; k++) {
            larger[k] = context->memo[k];
        }
        context->memo = larger;
        context->memo_capacity = wanted;
    }
    const hmlc_loop_index *copy = copy_indices(context, index, value->type->rank);
    if (copy == NULL) {
        return NULL;
    }
    struct hmlc_loop_memo *entry = &context->memo[context->memo_count++];
    *entry = (struct hmlc_loop_memo){.value = value, .index = copy, .guard = context->guard};
    return entry;
}

/* The row of the tile that a value at this index belongs to: 0 where all rows share it. */
static uint32_t row_of(const hmlc_loop_context *context, const hmlc_value *value,
                       const hmlc_loop_index *index)
{
    if (context->tile_rows <= 1) {
        return 0;
    }
    for (int32_t k = 0; k < value->type->rank; k++) {
        if ((hmlc_loop_index_vars(&index[k]) & context->tile_mask) != 0) {
            return context->tile_row;
        }
    }
    return 0;
}

static struct hmlc_loop_memo *memo_find(hmlc_loop_context *context, const hmlc_value *value,
                                        const hmlc_loop_index *index, bool tile, hmlc_dim checked)
{
    uint32_t row = tile ? 0 : row_of(context, value, index);
    for (uint32_t i = context->memo_count; i-- > 0;) {
        struct hmlc_loop_memo *entry = &context->memo[i];
        int32_t k = 0;
        if (entry->value != value || entry->guard != context->guard || entry->row != row ||
            (entry->rows != NULL) != tile || entry->checked != checked) {
            continue;
        }
        while (k < value->type->rank && hmlc_loop_index_equal(&entry->index[k], &index[k])) {
            k++;
        }
        if (k == value->type->rank) {
            return entry;
        }
    }
    return NULL;
}

LLVMValueRef hmlc_loop_widen(hmlc_loop_context *context, hmlc_loop_value value)
{
    return value.vector || context->lanes == 1
               ? value.value
               : hmlc_frame_splat(context->frame, value.value, context->lanes);
}

hmlc_loop_value hmlc_loop_zero_of(hmlc_loop_context *context, hmlc_dtype dtype)
{
    return (hmlc_loop_value){LLVMConstNull(hmlc_loop_register_type(context, dtype)), false};
}

hmlc_loop_value hmlc_loop_select(hmlc_loop_context *context, hmlc_loop_value condition,
                                 hmlc_loop_value a, hmlc_loop_value b)
{
    bool vector = condition.vector || a.vector || b.vector;
    LLVMValueRef left = vector ? hmlc_loop_widen(context, a) : a.value;
    LLVMValueRef right = vector ? hmlc_loop_widen(context, b) : b.value;
    LLVMValueRef chosen =
        LLVMBuildSelect(context->frame->builder, condition.value, left, right, "");
    return (hmlc_loop_value){chosen, vector};
}

hmlc_loop_value hmlc_loop_convert(hmlc_loop_context *context, hmlc_loop_value value,
                                  hmlc_dtype from, hmlc_dtype to)
{
    value.value = hmlc_elementwise_convert(context->frame, value.value, from, to);
    return value;
}

/* Loads in between happen only where `condition` holds too. */
typedef struct loop_guard {
    LLVMValueRef condition;
    bool vector;
} loop_guard;

static loop_guard guard_push(hmlc_loop_context *context, hmlc_loop_value condition)
{
    loop_guard saved = {context->guard, context->guard_vector};
    if (context->guard == NULL) {
        context->guard = condition.value;
        context->guard_vector = condition.vector;
        return saved;
    }
    hmlc_loop_value outer = {context->guard, context->guard_vector};
    bool vector = outer.vector || condition.vector;
    LLVMValueRef a = vector ? hmlc_loop_widen(context, outer) : outer.value;
    LLVMValueRef b = vector ? hmlc_loop_widen(context, condition) : condition.value;
    context->guard = LLVMBuildAnd(context->frame->builder, a, b, "");
    context->guard_vector = vector;
    return saved;
}

static void guard_pop(hmlc_loop_context *context, loop_guard saved)
{
    context->guard = saved.condition;
    context->guard_vector = saved.vector;
}

/* -- leaves -- */

static hmlc_loop_value lower_argument(hmlc_loop_context *context, const hmlc_value *value,
                                      const hmlc_loop_index *index)
{
    hmlc_frame *frame = context->frame;
    const hmlc_value *outer = context->kernel->operands[value->index].value;
    LLVMValueRef base = frame->operands[hmlc_frame_argument(frame, value->index)];
    hmlc_loop_index offset = hmlc_loop_access_index(context, outer, index);
    hmlc_dtype dtype = value->type->dtype;
    if (!hmlc_loop_tile_fits(context, dtype, &offset)) {
        return hmlc_loop_load(context, dtype, base, &offset);
    }
    struct hmlc_loop_memo *entry = memo_find(context, value, index, true, NULL);
    if (entry == NULL) {
        LLVMValueRef *rows = HMLC_NEW_ARRAY(context->arena, LLVMValueRef, context->tile_rows);
        entry = memo_add(context, value, index);
        if (rows == NULL || entry == NULL) {
            context->status = HMLC_RESOURCE;
            return hmlc_loop_zero_of(context, dtype);
        }
        hmlc_loop_tile_load(context, dtype, base, &offset, rows);
        entry->rows = rows;
    }
    return (hmlc_loop_value){entry->rows[context->tile_row], context->lanes > 1};
}

/* -- ops -- */

static hmlc_loop_value lower_operand(hmlc_loop_context *context, const hmlc_op *op,
                                     uint32_t operand, const hmlc_loop_index *index)
{
    hmlc_loop_index operand_index[HMLC_MAX_RANK];
    const hmlc_value *value = hmlc_op_operand(op, operand);
    if (hmlc_loop_type_empty(value->type)) {
        return hmlc_loop_zero_of(context, value->type->dtype);
    }
    hmlc_loop_view_index(context, op, operand, index, operand_index);
    return hmlc_loop_lower(context, value, operand_index);
}

static hmlc_loop_value lower_elementwise(hmlc_loop_context *context, const hmlc_op *op,
                                         const hmlc_loop_index *index)
{
    hmlc_loop_value operands[3] = {{NULL, false}, {NULL, false}, {NULL, false}};
    LLVMValueRef values[3] = {NULL, NULL, NULL};
    bool vector = false;
    for (uint32_t k = 0; k < op->operand_count && k < 3; k++) {
        if (hmlc_op_operand(op, k) != NULL) {
            operands[k] = lower_operand(context, op, k, index);
            vector |= operands[k].vector;
        }
    }
    for (uint32_t k = 0; k < op->operand_count && k < 3; k++) {
        if (operands[k].value != NULL) {
            values[k] = vector ? hmlc_loop_widen(context, operands[k]) : operands[k].value;
        }
    }
    return (hmlc_loop_value){hmlc_elementwise_emit(context->frame, op, values), vector};
}

static hmlc_loop_value compare_to_dim(hmlc_loop_context *context, LLVMIntPredicate predicate,
                                      const hmlc_loop_index *index, hmlc_dim dim)
{
    hmlc_loop_value a = hmlc_loop_index_value(context, index);
    hmlc_loop_value b = {hmlc_frame_dim(context->frame, dim), false};
    LLVMValueRef right = a.vector ? hmlc_loop_widen(context, b) : b.value;
    return (hmlc_loop_value){LLVMBuildICmp(context->frame->builder, predicate, a.value, right, ""),
                             a.vector};
}

/* No cut decides the input: every input is read where the index is its own. */
static hmlc_loop_value select_concat(hmlc_loop_context *context, const hmlc_op *op,
                                     const hmlc_loop_index *index)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    hmlc_dim start = hmlc_dim_constant(context->dims, 0);
    hmlc_loop_value result = hmlc_loop_zero_of(context, op->results[0]->type->dtype);
    for (uint32_t k = 0; k < op->operand_count; k++) {
        const hmlc_value *operand = hmlc_op_operand(op, k);
        hmlc_dim size = operand->type->dims[axis];
        if (!hmlc_loop_type_empty(operand->type)) {
            hmlc_dim minus =
                hmlc_dim_subtract(context->dims, hmlc_dim_constant(context->dims, 0), start);
            hmlc_loop_index inside = hmlc_loop_index_offset(context, &index[axis], minus);
            hmlc_loop_value here = compare_to_dim(context, LLVMIntULT, &inside, size);
            loop_guard saved = guard_push(context, here);
            hmlc_loop_value value = lower_operand(context, op, k, index);
            guard_pop(context, saved);
            result = hmlc_loop_select(context, here, value, result);
        }
        start = hmlc_dim_add(context->dims, start, size);
    }
    return result;
}

static hmlc_loop_value lower_concat(hmlc_loop_context *context, const hmlc_op *op,
                                    const hmlc_loop_index *index)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    int32_t segment = hmlc_loop_segment_of(context, op, (int32_t)axis, &index[axis]);
    return segment >= 0 ? lower_operand(context, op, (uint32_t)segment, index)
                        : select_concat(context, op, index);
}

/* The condition under which an element of a pad lies inside its operand; vector NULL value: always.
 * False: never. */
static bool pad_condition(hmlc_loop_context *context, const hmlc_op *op,
                          const hmlc_loop_index *index, hmlc_loop_value *condition)
{
    const hmlc_attr *pads = hmlc_op_attr(op, HMLC_ATTR_pads);
    const hmlc_type *type = hmlc_op_operand(op, 0)->type;
    *condition = (hmlc_loop_value){NULL, false};
    for (int32_t k = 0; k < type->rank; k++) {
        if (hmlc_dim_is(pads->as.dims[k], 0) && hmlc_dim_is(pads->as.dims[k + type->rank], 0)) {
            continue;
        }
        int32_t segment = hmlc_loop_segment_of(context, op, k, &index[k]);
        if (segment >= 0 && segment != 1) {
            return false;
        }
        if (segment == 1) {
            continue;
        }
        hmlc_dim minus =
            hmlc_dim_subtract(context->dims, hmlc_dim_constant(context->dims, 0), pads->as.dims[k]);
        hmlc_loop_index inside = hmlc_loop_index_offset(context, &index[k], minus);
        hmlc_loop_value here = compare_to_dim(context, LLVMIntULT, &inside, type->dims[k]);
        if (condition->value == NULL) {
            *condition = here;
            continue;
        }
        bool vector = here.vector || condition->vector;
        LLVMValueRef a = vector ? hmlc_loop_widen(context, here) : here.value;
        LLVMValueRef b = vector ? hmlc_loop_widen(context, *condition) : condition->value;
        *condition = (hmlc_loop_value){LLVMBuildAnd(context->frame->builder, a, b, ""), vector};
    }
    return true;
}

static hmlc_loop_value lower_pad(hmlc_loop_context *context, const hmlc_op *op,
                                 const hmlc_loop_index *index)
{
    const hmlc_value *source = hmlc_op_operand(op, 0), *filler = hmlc_op_operand(op, 1);
    hmlc_loop_index none[1] = {hmlc_loop_index_zero(context)};
    hmlc_loop_value condition;
    bool inside =
        !hmlc_loop_type_empty(source->type) && pad_condition(context, op, index, &condition);
    if (inside && condition.value == NULL) {
        return lower_operand(context, op, 0, index);
    }
    hmlc_loop_value fill = filler == NULL ? hmlc_loop_zero_of(context, source->type->dtype)
                                          : hmlc_loop_lower(context, filler, none);
    if (!inside) {
        return fill;
    }
    loop_guard saved = guard_push(context, condition);
    hmlc_loop_value value = lower_operand(context, op, 0, index);
    guard_pop(context, saved);
    return hmlc_loop_select(context, condition, value, fill);
}

static hmlc_loop_value lower_op(hmlc_loop_context *context, const hmlc_value *value,
                                const hmlc_loop_index *index)
{
    const hmlc_op *op = value->producer;
    hmlc_loop_value result;
    if (hmlc_loop_row_value(context, value, index, &result)) {
        return result;
    }
    if (hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE)) {
        return lower_elementwise(context, op, index);
    }
    if (hmlc_op_has(op, HMLC_TRAIT_VIEW) || op->opcode == HMLC_OP_tile) {
        return lower_operand(context, op, 0, index);
    }
    if (op->opcode == HMLC_OP_concat) {
        return lower_concat(context, op, index);
    }
    if (op->opcode == HMLC_OP_pad) {
        return lower_pad(context, op, index);
    }
    if (op->opcode == HMLC_OP_constant || op->opcode == HMLC_OP_dims_tensor) {
        return hmlc_loop_lower_table(context, value, index);
    }
    return op->opcode == HMLC_OP_iota ? hmlc_loop_lower_generator(context, op, index)
                                      : hmlc_loop_lower_indexed(context, op, index);
}

hmlc_loop_value hmlc_loop_lower(hmlc_loop_context *context, const hmlc_value *value,
                                const hmlc_loop_index *index)
{
    struct hmlc_loop_memo *known = memo_find(context, value, index, false, NULL);
    if (known != NULL) {
        return known->result;
    }
    hmlc_loop_value result = value->producer == NULL ? lower_argument(context, value, index)
                                                     : lower_op(context, value, index);
    struct hmlc_loop_memo *entry = memo_add(context, value, index);
    if (entry != NULL) {
        entry->result = result;
        entry->row = row_of(context, value, index);
    }
    return result;
}

hmlc_loop_value hmlc_loop_lower_checked(hmlc_loop_context *context, const hmlc_value *indices,
                                        const hmlc_loop_index *index, hmlc_dim size)
{
    struct hmlc_loop_memo *known = memo_find(context, indices, index, false, size);
    if (known != NULL) {
        return known->result;
    }
    hmlc_loop_value value = hmlc_loop_lower(context, indices, index);
    value = hmlc_loop_check_index(context, indices, value, size);
    struct hmlc_loop_memo *entry = memo_add(context, indices, index);
    if (entry != NULL) {
        entry->result = value;
        entry->row = row_of(context, indices, index);
        entry->checked = size;
    }
    return value;
}

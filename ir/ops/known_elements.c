/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known elements: shape arithmetic on dim expressions (ir/README.md). What might not hold at run
 * time (wrap-around, a division of negative numbers) makes the elements unknown, never wrong.
 */
#include "eval_tools.h"
#include "fold.h"
#include "infer_tools.h"
#include "integer_math.h"

/* Constants above this are hashes, masks or limits rather than sizes: no symbol is added to them.
 */
#define LARGE ((int64_t)1 << 40)

bool hmlc_known_is_large(hmlc_dim dim)
{
    int64_t value;
    return hmlc_dim_is_constant(dim, &value) && (value > LARGE || value < -LARGE);
}

int64_t hmlc_known_count(const hmlc_type *type)
{
    int64_t dims[HMLC_MAX_RANK], count = 1;
    if (!hmlc_type_static_dims(type, dims)) {
        return -1;
    }
    for (int32_t i = 0; i < type->rank; ++i) {
        if (dims[i] < 0 || !hmlc_int64_multiply(count, dims[i], &count)) {
            return -1;
        }
    }
    return count <= HMLC_KNOWN_LIMIT ? count : -1;
}

const hmlc_dim *hmlc_known_operand(const hmlc_infer *context, uint32_t index)
{
    const hmlc_value *value = hmlc_op_operand(context->op, index);
    return value != NULL ? value->elements : NULL;
}

hmlc_dim hmlc_known_scalar(const hmlc_infer *context, uint32_t index)
{
    const hmlc_dim *known = hmlc_known_operand(context, index);
    return known != NULL && hmlc_known_count(hmlc_op_operand(context->op, index)->type) == 1
               ? known[0]
               : NULL;
}

static hmlc_dtype operand_dtype(const hmlc_infer *context)
{
    return hmlc_op_operand(context->op, 0)->type->dtype;
}

/* All operands constant: the evaluation's arithmetic. */
static hmlc_dim apply_constants(const hmlc_infer *context, const int64_t *values)
{
    hmlc_opcode opcode = context->op->opcode;
    int64_t result;
    if (opcode == HMLC_OP_cast) {
        result = values[0];
    } else if (opcode == HMLC_OP_select) {
        result = values[0] != 0 ? values[1] : values[2];
    } else if (context->op->operand_count == 1) {
        if (!hmlc_integer_unary(opcode, operand_dtype(context), values[0], &result)) {
            return NULL;
        }
    } else {
        bool fmod = opcode == HMLC_OP_mod && hmlc_op_int(context->op, HMLC_ATTR_fmod) != 0;
        if (!hmlc_integer_binary(opcode, operand_dtype(context), fmod, values[0], values[1],
                                 &result)) {
            return NULL;
        }
    }
    return hmlc_infer_number(context, hmlc_integer_wrap(context->types[0]->dtype, result));
}

static hmlc_dim logical_not(hmlc_dims *dims, hmlc_dim a)
{
    return hmlc_dim_subtract(dims, hmlc_dim_constant(dims, 1), a);
}

/* A cast keeps the value where the range fits; sizes are taken to fit 32 bits. */
static hmlc_dim apply_cast(const hmlc_infer *context, hmlc_dim a)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim zero = hmlc_infer_number(context, 0);
    hmlc_dtype to = context->types[0]->dtype;
    if (to == HMLC_DTYPE_bool) {
        return logical_not(dims, hmlc_dim_equal(dims, a, zero));
    }
    if (!hmlc_dtype_is_integer(to)) {
        return NULL;
    }
    bool fits = hmlc_integer_wrap(to, a->minimum) == a->minimum &&
                hmlc_integer_wrap(to, a->maximum) == a->maximum;
    bool wide =
        hmlc_dtype_bits(to) >= 32 && (a->minimum >= 0 || hmlc_dtype_class_of(to) == HMLC_CLASS_INT);
    return fits || wide ? a : NULL;
}

static hmlc_dim apply_unary(const hmlc_infer *context, hmlc_dim a)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim zero = hmlc_infer_number(context, 0);
    switch (context->op->opcode) {
    case HMLC_OP_cast:
        return apply_cast(context, a);
    case HMLC_OP_neg:
        return hmlc_dim_subtract(dims, zero, a);
    case HMLC_OP_abs:
        return hmlc_dim_maximum(dims, a, hmlc_dim_subtract(dims, zero, a));
    case HMLC_OP_relu:
        return hmlc_dim_maximum(dims, a, zero);
    case HMLC_OP_not:
        return logical_not(dims, a);
    case HMLC_OP_sign: {
        hmlc_dim negative = hmlc_dim_less(dims, a, zero);
        return hmlc_dim_subtract(dims, hmlc_dim_less(dims, zero, a), negative);
    }
    default:
        return NULL;
    }
}

static hmlc_dim apply_logic(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    hmlc_dims *dims = context->module->dims;
    switch (context->op->opcode) {
    case HMLC_OP_equal:
        return hmlc_dim_equal(dims, a, b);
    case HMLC_OP_less:
        return hmlc_dim_less(dims, a, b);
    case HMLC_OP_less_equal:
        return logical_not(dims, hmlc_dim_less(dims, b, a));
    case HMLC_OP_and:
        return hmlc_dim_minimum(dims, a, b);
    case HMLC_OP_or:
        return hmlc_dim_maximum(dims, a, b);
    case HMLC_OP_xor:
        return logical_not(dims, hmlc_dim_equal(dims, a, b));
    default:
        return NULL;
    }
}

static hmlc_dim apply_binary(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    hmlc_dims *dims = context->module->dims;
    bool floors = a->minimum >= 0 && b->minimum > 0; /* where floor and truncation agree */
    switch (context->op->opcode) {
    case HMLC_OP_add:
        return hmlc_dim_add(dims, a, b);
    case HMLC_OP_sub:
        return hmlc_dim_subtract(dims, a, b);
    case HMLC_OP_mul:
        return hmlc_dim_multiply(dims, a, b);
    case HMLC_OP_div:
        return floors ? hmlc_dim_floordiv(dims, a, b) : NULL;
    case HMLC_OP_mod:
        return floors || (b->minimum > 0 && hmlc_op_int(context->op, HMLC_ATTR_fmod) == 0)
                   ? hmlc_dim_modulo(dims, a, b)
                   : NULL;
    case HMLC_OP_min:
        return hmlc_dim_minimum(dims, a, b);
    case HMLC_OP_max:
        return hmlc_dim_maximum(dims, a, b);
    default:
        return apply_logic(context, a, b);
    }
}

/* Ops that may overflow with a large constant; orders and selections do not. */
static bool computes_sum(hmlc_opcode opcode)
{
    switch (opcode) {
    case HMLC_OP_min:
    case HMLC_OP_max:
    case HMLC_OP_equal:
    case HMLC_OP_less:
    case HMLC_OP_less_equal:
        return false;
    default:
        return true;
    }
}

/* One element of an elementwise op on known elements: NULL where the result is not expressible.
 * context->types[0] is set. */
static hmlc_dim apply_known(const hmlc_infer *context, const hmlc_dim operands[3])
{
    uint32_t count = context->op->operand_count, constants = 0;
    int64_t values[3] = {0};
    bool large = false;
    for (uint32_t i = 0; i < count; ++i) {
        if (hmlc_dim_is_constant(operands[i], &values[i])) {
            constants++;
            large = large || hmlc_known_is_large(operands[i]);
        }
    }
    if (constants == count) {
        return apply_constants(context, values);
    }
    if (context->op->opcode == HMLC_OP_select) {
        return hmlc_dim_select(context->module->dims, operands[0], operands[1], operands[2]);
    }
    if (large && computes_sum(context->op->opcode)) {
        return NULL;
    }
    hmlc_dim result = count == 1 ? apply_unary(context, operands[0])
                                 : apply_binary(context, operands[0], operands[1]);
    bool wraps = result != NULL && result->minimum < 0 &&
                 hmlc_dtype_class_of(context->types[0]->dtype) == HMLC_CLASS_UINT;
    return wraps ? NULL : result;
}

static bool is_small_integer(const hmlc_type *type)
{
    return (hmlc_dtype_is_integer(type->dtype) || type->dtype == HMLC_DTYPE_bool) &&
           hmlc_known_count(type) >= 0;
}

hmlc_status hmlc_known_folded(hmlc_infer *context)
{
    const hmlc_type *type = context->types[0];
    int64_t count = hmlc_known_count(type);
    bool integers = type->dtype == HMLC_DTYPE_bool || hmlc_dtype_is_integer(type->dtype);
    if (count < 0 || !integers) {
        return HMLC_OK;
    }
    hmlc_tensor result;
    hmlc_status status = hmlc_fold_op(context->module, context->op, 1, context->types,
                                      context->module->arena, SIZE_MAX, &result);
    if (status != HMLC_OK) {
        return status == HMLC_NO ? HMLC_OK : status;
    }
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(known);
    for (int64_t i = 0; i < count; ++i) {
        known[i] = hmlc_infer_number(context, hmlc_tensor_get_int(&result, i));
    }
    context->elements[0] = known;
    return HMLC_OK;
}

hmlc_status hmlc_known_elementwise(hmlc_infer *context)
{
    const hmlc_type *type = context->types[0];
    uint32_t operands = context->op->operand_count;
    int64_t dims[HMLC_MAX_RANK], strides[3][HMLC_MAX_RANK];
    if (!is_small_integer(type) || operands > 3 || !hmlc_type_static_dims(type, dims)) {
        return HMLC_OK;
    }
    int64_t count = hmlc_known_count(type);
    hmlc_cursor cursor = {.rank = type->rank, .count = (int32_t)operands, .dims = dims};
    for (uint32_t i = 0; i < operands; ++i) {
        hmlc_tensor shape = {.rank = hmlc_op_operand(context->op, i)->type->rank};
        if (hmlc_known_operand(context, i) == NULL ||
            !hmlc_type_static_dims(hmlc_op_operand(context->op, i)->type, shape.dims)) {
            return hmlc_known_folded(context);
        }
        hmlc_eval_broadcast_strides(&shape, type->rank, strides[i]);
        cursor.strides[i] = strides[i];
    }
    hmlc_dim *known = HMLC_NEW_ARRAY(context->module->arena, hmlc_dim, count);
    HMLC_TRY_MEMORY(known);
    for (int64_t i = 0; i < count; ++i, hmlc_cursor_next(&cursor)) {
        hmlc_dim values[3] = {NULL};
        for (uint32_t k = 0; k < operands; ++k) {
            values[k] = hmlc_known_operand(context, k)[cursor.offset[k]];
        }
        known[i] = apply_known(context, values);
        if (known[i] == NULL) {
            return HMLC_OK;
        }
    }
    context->elements[0] = known;
    return HMLC_OK;
}

/* Attributes that hold dims must be constants for an evaluation without symbols. */
static bool has_constant_attrs(const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->attr_count; ++i) {
        const hmlc_attr *attr = &op->attrs[i];
        if (hmlc_attr_kind_of(attr->name) != HMLC_ATTR_KIND_DIMS) {
            continue;
        }
        for (uint32_t k = 0; k < attr->count; ++k) {
            if (!hmlc_dim_is_constant(attr->as.dims[k], NULL)) {
                return false;
            }
        }
    }
    return true;
}

typedef hmlc_status (*mover)(hmlc_eval *context);

static mover mover_of(hmlc_opcode opcode)
{
    static const struct {
        hmlc_opcode opcode;
        mover function;
    } table[] = {
        {HMLC_OP_transpose, hmlc_eval_transpose},
        {HMLC_OP_expand, hmlc_eval_expand},
        {HMLC_OP_slice, hmlc_eval_slice},
        {HMLC_OP_concat, hmlc_eval_concat},
        {HMLC_OP_tile, hmlc_eval_tile},
        {HMLC_OP_gather, hmlc_eval_gather},
        {HMLC_OP_gather_elements, hmlc_eval_gather},
        {HMLC_OP_gather_nd, hmlc_eval_gather},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; ++i) {
        if (table[i].opcode == opcode) {
            return table[i].function;
        }
    }
    return NULL;
}

/* A tensor of i64 with a type's static dims and room for its data. */
static bool make_integers(hmlc_arena *arena, const hmlc_type *type, hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){.dtype = HMLC_DTYPE_i64, .rank = type->rank};
    if (!hmlc_type_static_dims(type, tensor->dims)) {
        return false;
    }
    int64_t count = hmlc_tensor_count(tensor);
    tensor->bytes = (size_t)count * sizeof(int64_t);
    tensor->data = HMLC_NEW_ARRAY(arena, int64_t, count);
    return tensor->data != NULL;
}

/* Fills the operands: numbers of the elements of moved ones from *next on, known constants of the
 * others. */
static bool number_operands(const hmlc_infer *context, uint32_t moved, hmlc_tensor *tensors,
                            const hmlc_tensor **operands)
{
    int64_t next = 0;
    for (uint32_t i = 0; i < context->op->operand_count; ++i) {
        const hmlc_value *value = hmlc_op_operand(context->op, i);
        if (value == NULL || value->elements == NULL ||
            !make_integers(context->module->arena, value->type, &tensors[i])) {
            return false;
        }
        int64_t count = hmlc_tensor_count(&tensors[i]), *data = hmlc_eval_data(&tensors[i]);
        for (int64_t k = 0; k < count; ++k) {
            if (i < moved) {
                data[k] = next++;
            } else if (!hmlc_dim_is_constant(value->elements[k], &data[k])) {
                return false;
            }
        }
        operands[i] = &tensors[i];
    }
    return true;
}

static hmlc_dim element_at(const hmlc_infer *context, int64_t number)
{
    for (uint32_t i = 0; i < context->op->operand_count; ++i) {
        int64_t count = hmlc_known_count(hmlc_op_operand(context->op, i)->type);
        if (number < count) {
            return hmlc_known_operand(context, i)[number];
        }
        number -= count;
    }
    return NULL;
}

hmlc_status hmlc_known_moved(hmlc_infer *context, uint32_t moved)
{
    mover move = mover_of(context->op->opcode);
    uint32_t count = context->op->operand_count;
    const hmlc_type *type = context->types[0];
    if (move == NULL || !is_small_integer(type) || hmlc_known_operand(context, 0) == NULL ||
        !has_constant_attrs(context->op)) {
        return HMLC_OK;
    }
    hmlc_arena *arena = context->module->arena;
    hmlc_tensor result, *tensors = HMLC_NEW_ARRAY(arena, hmlc_tensor, count);
    const hmlc_tensor **operands = HMLC_NEW_ARRAY(arena, const hmlc_tensor *, count);
    hmlc_dim *known = HMLC_NEW_ARRAY(arena, hmlc_dim, hmlc_known_count(type));
    HMLC_TRY_MEMORY(tensors);
    HMLC_TRY_MEMORY(operands);
    HMLC_TRY_MEMORY(known);
    if (!number_operands(context, moved, tensors, operands) ||
        !make_integers(arena, type, &result)) {
        return HMLC_OK;
    }
    hmlc_eval evaluation = {.module = context->module,
                            .arena = arena,
                            .op = context->op,
                            .operand_count = count,
                            .operands = operands,
                            .result_count = 1,
                            .results = &result};
    HMLC_TRY(move(&evaluation));
    for (int64_t i = 0; i < hmlc_tensor_count(&result); ++i) {
        known[i] = element_at(context, hmlc_tensor_get_int(&result, i));
    }
    context->elements[0] = known;
    return HMLC_OK;
}

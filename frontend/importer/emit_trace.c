/* SPDX-License-Identifier: Apache-2.0 */
/* Dims that take a way through floats: see hmlc_emit_traced. Elements are fractions of dims. */
#include "emit.h"

#include <math.h>
#include <string.h>

/* Chains between a shape and its use are short. A step is one value looked at. */
enum { MOST_STEPS = 256, MOST_DEPTH = 32 };
enum { LARGEST_DENOMINATOR = 1 << 20 };

typedef struct fraction {
    hmlc_dim above;
    int64_t below; /* above 0 */
} fraction;

typedef struct fractions {
    uint32_t count;
    fraction list[HMLC_EMIT_MAX_ELEMENTS];
} fractions;

typedef struct tracer {
    hmlc_dims *dims;
    uint32_t steps;
} tracer;

static bool trace(tracer *state, hmlc_value *a, uint32_t depth, fractions *result);

/* A float that is a whole number of 256ths, as constants like 0.5, 2 and 1.25 are. */
static bool from_number(tracer *state, double number, fraction *result)
{
    int64_t below = 256;
    double whole = number * 256;
    if (!(fabs(whole) < 1e12) || whole != floor(whole)) {
        return false;
    }
    int64_t above = (int64_t)whole;
    while (below > 1 && above % 2 == 0) {
        above /= 2;
        below /= 2;
    }
    *result = (fraction){hmlc_dim_constant(state->dims, above), below};
    return true;
}

static hmlc_dim times(tracer *state, hmlc_dim dim, int64_t factor)
{
    return hmlc_dim_multiply(state->dims, dim, hmlc_dim_constant(state->dims, factor));
}

static bool divide(tracer *state, fraction a, fraction b, fraction *result)
{
    int64_t above;
    if (!hmlc_dim_is_constant(b.above, &above) || above <= 0) {
        return false;
    }
    *result = (fraction){times(state, a.above, b.below), a.below * above};
    return above <= LARGEST_DENOMINATOR;
}

/* One element of a binary op; false where the op is none of these. */
static bool combine(tracer *state, hmlc_opcode opcode, fraction a, fraction b, fraction *result)
{
    hmlc_dim left = times(state, a.above, b.below), right = times(state, b.above, a.below);
    int64_t below = a.below * b.below;
    switch (opcode) {
    case HMLC_OP_add:
        *result = (fraction){hmlc_dim_add(state->dims, left, right), below};
        return true;
    case HMLC_OP_sub:
        *result = (fraction){hmlc_dim_subtract(state->dims, left, right), below};
        return true;
    case HMLC_OP_min:
        *result = (fraction){hmlc_dim_minimum(state->dims, left, right), below};
        return true;
    case HMLC_OP_max:
        *result = (fraction){hmlc_dim_maximum(state->dims, left, right), below};
        return true;
    case HMLC_OP_mul:
        *result = (fraction){hmlc_dim_multiply(state->dims, a.above, b.above), below};
        return true;
    case HMLC_OP_div:
        return divide(state, a, b, result);
    default:
        return false;
    }
}

/* Scalars broadcast; other shapes must have the same elements one by one. */
static bool trace_binary(tracer *state, const hmlc_op *op, uint32_t depth, fractions *result)
{
    fractions left, right;
    if (!trace(state, op->operands[0].value, depth + 1, &left) ||
        !trace(state, op->operands[1].value, depth + 1, &right) ||
        (left.count != right.count && left.count != 1 && right.count != 1)) {
        return false;
    }
    result->count = left.count > right.count ? left.count : right.count;
    if (left.count == 0 || right.count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < result->count; i++) {
        fraction a = left.list[left.count == 1 ? 0 : i], b = right.list[right.count == 1 ? 0 : i];
        if (!combine(state, op->opcode, a, b, &result->list[i]) ||
            result->list[i].below > LARGEST_DENOMINATOR) {
            return false;
        }
    }
    return true;
}

static bool trace_rounded(tracer *state, const hmlc_op *op, uint32_t depth, fractions *result)
{
    if (!trace(state, op->operands[0].value, depth + 1, result)) {
        return false;
    }
    for (uint32_t i = 0; i < result->count; i++) {
        fraction *element = &result->list[i];
        hmlc_dim below = hmlc_dim_constant(state->dims, element->below);
        element->above = op->opcode == HMLC_OP_floor
                             ? hmlc_dim_floordiv(state->dims, element->above, below)
                             : hmlc_dim_ceildiv(state->dims, element->above, below);
        element->below = 1;
    }
    return true;
}

static bool trace_concat(tracer *state, const hmlc_op *op, uint32_t depth, fractions *result)
{
    uint32_t count = 0;
    fractions part;
    if (op->results[0]->type->rank != 1) {
        return false;
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        if (!trace(state, op->operands[i].value, depth + 1, &part) ||
            count + part.count > HMLC_EMIT_MAX_ELEMENTS) {
            return false;
        }
        memcpy(result->list + count, part.list, part.count * sizeof part.list[0]);
        count += part.count;
    }
    result->count = count;
    return true;
}

/* A slice of a list, with static bounds. */
static bool trace_slice(tracer *state, const hmlc_op *op, uint32_t depth, fractions *result)
{
    fractions whole;
    int64_t start, size, step;
    if (op->results[0]->type->rank != 1 ||
        !hmlc_dim_is_constant(hmlc_op_attr(op, HMLC_ATTR_starts)->as.dims[0], &start) ||
        !hmlc_dim_is_constant(hmlc_op_attr(op, HMLC_ATTR_sizes)->as.dims[0], &size) ||
        !hmlc_dim_is_constant(hmlc_op_attr(op, HMLC_ATTR_steps)->as.dims[0], &step) ||
        !trace(state, op->operands[0].value, depth + 1, &whole)) {
        return false;
    }
    result->count = (uint32_t)size;
    for (int64_t i = 0; i < size; i++) {
        int64_t from = start + i * step;
        if (from < 0 || from >= whole.count) {
            return false;
        }
        result->list[i] = whole.list[from];
    }
    return true;
}

static bool trace_constant(tracer *state, const hmlc_tensor *tensor, fractions *result)
{
    for (uint32_t i = 0; i < result->count; i++) {
        if (!from_number(state, hmlc_tensor_get_double(tensor, i), &result->list[i])) {
            return false;
        }
    }
    return true;
}

static bool trace_cast(tracer *state, const hmlc_op *op, uint32_t depth, fractions *result)
{
    const hmlc_value *from = op->operands[0].value;
    if (hmlc_dtype_is_float(from->type->dtype)) {
        return trace(state, op->operands[0].value, depth + 1, result);
    }
    for (uint32_t i = 0; from->elements != NULL && i < result->count; i++) {
        result->list[i] = (fraction){from->elements[i], 1};
    }
    return from->elements != NULL;
}

static bool trace(tracer *state, hmlc_value *a, uint32_t depth, fractions *result)
{
    int64_t count;
    hmlc_dtype dtype = a->type->dtype;
    if (depth > MOST_DEPTH || state->steps++ > MOST_STEPS || a->producer == NULL ||
        (dtype != HMLC_DTYPE_f32 && dtype != HMLC_DTYPE_f64) ||
        !hmlc_dim_is_constant(hmlc_type_count(state->dims, a->type), &count) ||
        count > HMLC_EMIT_MAX_ELEMENTS) {
        return false;
    }
    result->count = (uint32_t)count;
    const hmlc_op *op = a->producer;
    switch (op->opcode) {
    case HMLC_OP_constant:
        return trace_constant(state, hmlc_value_constant(a), result);
    case HMLC_OP_cast:
        return trace_cast(state, op, depth, result);
    case HMLC_OP_reshape:
        return trace(state, op->operands[0].value, depth + 1, result);
    case HMLC_OP_concat:
        return trace_concat(state, op, depth, result);
    case HMLC_OP_slice:
        return trace_slice(state, op, depth, result);
    case HMLC_OP_floor:
    case HMLC_OP_ceil:
        return trace_rounded(state, op, depth, result);
    default:
        return op->operand_count == 2 && hmlc_op_has(op, HMLC_TRAIT_ELEMENTWISE) &&
               trace_binary(state, op, depth, result) && result->count == (uint32_t)count;
    }
}

const hmlc_dim *hmlc_emit_traced(hmlc_emitter *emitter, hmlc_value *a, uint32_t *count)
{
    hmlc_module *module = emitter->builder.module;
    tracer state = {.dims = module->dims};
    fractions found;
    if (emitter->status != HMLC_OK || !trace(&state, a, 0, &found)) {
        return NULL;
    }
    hmlc_dim *elements = HMLC_NEW_ARRAY(module->arena, hmlc_dim, found.count);
    if (elements == NULL) {
        emitter->status = HMLC_RESOURCE;
        return NULL;
    }
    for (uint32_t i = 0; i < found.count; i++) {
        /* Casts cut off towards 0, which is the floor where nothing is negative. */
        if (found.list[i].above->minimum < 0 && found.list[i].below != 1) {
            return NULL;
        }
        hmlc_dim below = hmlc_dim_constant(module->dims, found.list[i].below);
        elements[i] = hmlc_dim_floordiv(module->dims, found.list[i].above, below);
    }
    *count = found.count;
    return elements;
}

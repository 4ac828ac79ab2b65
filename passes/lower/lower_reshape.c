/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering: reshapes sink below elementwise and rowwise ops. */
#include "lower.h"

/* The reshape being moved: `inner` is the shape before it, `outer` the one behind. */
typedef struct sinking {
    hmlc_module *module;
    const hmlc_type *inner, *outer;
    int32_t groups;
    int32_t inner_ends[HMLC_MAX_RANK + 1], outer_ends[HMLC_MAX_RANK + 1];
} sinking;

/*
 * The shape of a broadcasting operand before the reshape: group by group it covers all dims of the
 * group or none. False where it covers some.
 */
static bool operand_shape(const sinking *sink, const hmlc_type *type, hmlc_dim *shape)
{
    hmlc_dims *dims = sink->module->dims;
    int32_t inner = 0, outer = 0;
    for (int32_t group = 0; group < sink->groups; group++) {
        bool full = true, single = true;
        for (; outer < sink->outer_ends[group]; outer++) {
            hmlc_dim dim = hmlc_aligned_dim(type, sink->outer->rank, outer);
            bool one = dim == NULL || hmlc_dim_is(dim, 1);
            bool equal = dim != NULL ? hmlc_dim_known_equal(dims, dim, sink->outer->dims[outer])
                                     : hmlc_dim_is(sink->outer->dims[outer], 1);
            full = full && equal;
            single = single && one;
        }
        if (!full && !single) {
            return false;
        }
        for (; inner < sink->inner_ends[group]; inner++) {
            shape[inner] = single ? hmlc_dim_constant(dims, 1) : sink->inner->dims[inner];
        }
    }
    return type->rank <= sink->outer->rank;
}

/* The reduced axes before the reshape; false where a group is reduced in part. */
static bool axes_shape(const sinking *sink, const hmlc_attr *axes, int64_t *result, uint32_t *count)
{
    uint32_t mask = 0;
    int32_t inner = 0, outer = 0;
    for (uint32_t i = 0; i < axes->count; i++) {
        mask |= UINT32_C(1) << axes->as.integers[i];
    }
    *count = 0;
    for (int32_t group = 0; group < sink->groups; group++) {
        bool all = true, none = true;
        for (; outer < sink->outer_ends[group]; outer++) {
            bool reduced = ((mask >> outer) & 1) != 0;
            all = all && reduced;
            none = none && !reduced;
        }
        if (!all && !none) {
            return false;
        }
        for (; inner < sink->inner_ends[group]; inner++) {
            if (all && !none) {
                result[(*count)++] = inner;
            }
        }
    }
    return true;
}

/*
 * What fuses with elementwise ops behind it: 2 for products, whose epilogue needs their own shape,
 * 1 for other computations and transposes that nobody else reads.
 */
static int worth_of(const hmlc_value *source)
{
    const hmlc_op *producer = source->producer;
    if (producer == NULL) {
        return 0;
    }
    if (hmlc_op_has(producer, HMLC_TRAIT_CONTRACTION | HMLC_TRAIT_WINDOW)) {
        return 2;
    }
    bool computes =
        hmlc_op_has(producer, HMLC_TRAIT_ELEMENTWISE | HMLC_TRAIT_ROWWISE | HMLC_TRAIT_REDUCTION);
    bool moves = producer->opcode == HMLC_OP_transpose && hmlc_value_has_one_use(source);
    return computes || moves ? 1 : 0;
}

static bool begin_sink(sinking *sink, const hmlc_op *op, uint32_t operand, int worth)
{
    const hmlc_op *reshape = hmlc_producer_of(hmlc_op_operand(op, operand), HMLC_OP_reshape);
    const hmlc_value *source = reshape != NULL ? hmlc_op_operand(reshape, 0) : NULL;
    const hmlc_type *result = op->results[0]->type;
    if (source == NULL || worth_of(source) != worth) {
        return false;
    }
    sink->inner = source->type;
    sink->outer = reshape->results[0]->type;
    if (sink->outer->rank != result->rank || sink->inner->rank == 0 ||
        !hmlc_dims_equal(sink->outer->dims, result->dims, (uint32_t)result->rank)) {
        return false;
    }
    sink->groups = hmlc_reshape_groups(sink->module->dims, sink->inner, sink->outer,
                                       sink->inner_ends, sink->outer_ends);
    return sink->groups > 0;
}

typedef struct sunk_op {
    hmlc_dim shapes[4][HMLC_MAX_RANK];
    int64_t axes[HMLC_MAX_RANK];
    uint32_t axis_count;
} sunk_op;

static bool is_per_axis(const hmlc_op *op)
{
    const hmlc_value *scale = op->opcode == HMLC_OP_quantize || op->opcode == HMLC_OP_dequantize
                                  ? hmlc_op_operand(op, 1)
                                  : NULL;
    return scale != NULL && !hmlc_is_one_element(scale);
}

static bool can_sink(const sinking *sink, const hmlc_op *op, sunk_op *sunk)
{
    if (op->operand_count > 4 || is_per_axis(op)) {
        return false;
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = hmlc_op_operand(op, i);
        if (value != NULL && !operand_shape(sink, value->type, sunk->shapes[i])) {
            return false;
        }
    }
    return !hmlc_op_has(op, HMLC_TRAIT_ROWWISE) ||
           axes_shape(sink, hmlc_list_attr(op, HMLC_ATTR_axes), sunk->axes, &sunk->axis_count);
}

static hmlc_status build_sunk(const sinking *sink, hmlc_op *op, const sunk_op *sunk)
{
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *operands[4] = {NULL}, *result = NULL;
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_value *value = hmlc_op_operand(op, i);
        if (value == NULL || (value->type->rank <= 1 && hmlc_is_one_element(value))) {
            operands[i] = value;
            continue;
        }
        HMLC_TRY(
            hmlc_lower_reshaped(&builder, value, sunk->shapes[i], sink->inner->rank, &operands[i]));
    }
    hmlc_attr attrs[HMLC_MAX_RANK];
    uint32_t count = 0;
    for (; count < op->attr_count && count < HMLC_MAX_RANK; count++) {
        attrs[count] = op->attrs[count];
        if (attrs[count].name == HMLC_ATTR_axes) {
            attrs[count] = hmlc_attr_ints(HMLC_ATTR_axes, sunk->axes, sunk->axis_count);
        }
    }
    HMLC_TRY(hmlc_build(&builder, op->opcode, operands, op->operand_count, attrs, count, &result));
    result->name = op->results[0]->name;
    const hmlc_type *type = op->results[0]->type;
    HMLC_TRY(hmlc_build_reshape(&builder, result, type->dims, (uint32_t)type->rank, &result));
    hmlc_value_replace_uses(op->results[0], result);
    return HMLC_OK;
}

hmlc_status hmlc_lower_sink_reshape(hmlc_module *module, hmlc_op *op, bool *done)
{
    sinking sink = {.module = module};
    sunk_op sunk = {.axis_count = 0};
    uint32_t operands = hmlc_op_has(op, HMLC_TRAIT_ROWWISE) ? 1 : op->operand_count;
    for (int worth = 2; worth > 0 && op->result_count == 1; worth--) {
        for (uint32_t i = 0; i < operands; i++) {
            if (begin_sink(&sink, op, i, worth) && can_sink(&sink, op, &sunk)) {
                *done = true;
                return build_sunk(&sink, op, &sunk);
            }
        }
    }
    return HMLC_OK;
}

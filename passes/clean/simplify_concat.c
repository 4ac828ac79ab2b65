/* SPDX-License-Identifier: Apache-2.0 */
/* Concat: of one, of empty parts, nested, of neighbouring slices of one value. */
#include "query.h"
#include "simplify.h"

/* The operands of a concat while a rule edits them. */
typedef struct parts {
    hmlc_value **values;
    uint32_t count;
    int64_t axis;
} parts;

static hmlc_status read_parts(const hmlc_rewriter *rewriter, const hmlc_op *op, uint32_t extra,
                              parts *list)
{
    list->axis = hmlc_op_int(op, HMLC_ATTR_axis);
    list->count = 0;
    list->values = HMLC_NEW_ARRAY(hmlc_rewrite_scratch(rewriter), hmlc_value *,
                                  (size_t)op->operand_count + extra);
    HMLC_TRY_MEMORY(list->values);
    return HMLC_OK;
}

static hmlc_status replace_by_parts(hmlc_rewriter *rewriter, hmlc_op *op, const parts *list)
{
    return list->count == 1 ? hmlc_rewrite_replace(rewriter, op, list->values[0])
                            : hmlc_rewrite_same_op(rewriter, op, list->values, list->count);
}

/* Parts of size 0 along the axis; one is kept when all are. */
static hmlc_status drop_empty_parts(hmlc_rewriter *rewriter, hmlc_op *op)
{
    parts list;
    HMLC_TRY(read_parts(rewriter, op, 0, &list));
    for (uint32_t i = 0; i < op->operand_count; i++) {
        hmlc_value *part = op->operands[i].value;
        bool last_chance = i + 1 == op->operand_count && list.count == 0;
        if (!hmlc_dim_is(part->type->dims[list.axis], 0) || last_chance) {
            list.values[list.count++] = part;
        }
    }
    return list.count < op->operand_count || list.count == 1 ? replace_by_parts(rewriter, op, &list)
                                                             : HMLC_OK;
}

static hmlc_op *nested_concat(const hmlc_value *part, int64_t axis)
{
    hmlc_op *inner = hmlc_producer_of(part, HMLC_OP_concat);
    return inner != NULL && hmlc_op_int(inner, HMLC_ATTR_axis) == axis &&
                   hmlc_value_has_one_use(part)
               ? inner
               : NULL;
}

static hmlc_status flatten(hmlc_rewriter *rewriter, hmlc_op *op)
{
    int64_t axis = hmlc_op_int(op, HMLC_ATTR_axis);
    uint32_t extra = 0;
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_op *inner = nested_concat(op->operands[i].value, axis);
        extra += inner != NULL ? inner->operand_count : 0;
    }
    if (extra == 0) {
        return HMLC_OK;
    }
    parts list;
    HMLC_TRY(read_parts(rewriter, op, extra, &list));
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_op *inner = nested_concat(op->operands[i].value, axis);
        for (uint32_t k = 0; inner != NULL && k < inner->operand_count; k++) {
            list.values[list.count++] = inner->operands[k].value;
        }
        if (inner == NULL) {
            list.values[list.count++] = op->operands[i].value;
        }
    }
    return replace_by_parts(rewriter, op, &list);
}

static hmlc_dim slice_dim(const hmlc_op *slice, hmlc_attr_name name, int64_t index)
{
    return hmlc_list_attr(slice, name)->as.dims[index];
}

/* Does slice `second` begin where `first` ends, both with step 1 along the axis and alike
 * elsewhere?
 */
static bool are_neighbours(hmlc_dims *dims, const hmlc_op *first, const hmlc_op *second,
                           int64_t axis)
{
    if (first->operands[0].value != second->operands[0].value) {
        return false;
    }
    for (int64_t i = 0; i < first->results[0]->type->rank; i++) {
        if (slice_dim(first, HMLC_ATTR_steps, i) != slice_dim(second, HMLC_ATTR_steps, i)) {
            return false;
        }
        if (i != axis &&
            slice_dim(first, HMLC_ATTR_starts, i) != slice_dim(second, HMLC_ATTR_starts, i)) {
            return false;
        }
    }
    hmlc_dim end = hmlc_dim_add(dims, slice_dim(first, HMLC_ATTR_starts, axis),
                                slice_dim(first, HMLC_ATTR_sizes, axis));
    return hmlc_dim_is(slice_dim(first, HMLC_ATTR_steps, axis), 1) &&
           end == slice_dim(second, HMLC_ATTR_starts, axis);
}

/* One slice from the begin of `first` with `size` along the axis. */
static hmlc_status build_joined_slice(hmlc_builder *builder, const hmlc_op *first, int64_t axis,
                                      hmlc_dim size, hmlc_value **result)
{
    hmlc_attr attrs[] = {*hmlc_list_attr(first, HMLC_ATTR_starts),
                         *hmlc_list_attr(first, HMLC_ATTR_sizes),
                         *hmlc_list_attr(first, HMLC_ATTR_steps)};
    hmlc_dim sizes[HMLC_MAX_RANK];
    for (uint32_t i = 0; i < attrs[1].count; i++) {
        sizes[i] = i == (uint32_t)axis ? size : attrs[1].as.dims[i];
    }
    attrs[1].as.dims = sizes;
    return hmlc_build(builder, HMLC_OP_slice, &first->operands[0].value, 1, attrs, 3, result);
}

static hmlc_status join_slices(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_dims *dims = hmlc_rewrite_module(rewriter)->dims;
    hmlc_builder builder = hmlc_rewrite_builder(op);
    parts list;
    HMLC_TRY(read_parts(rewriter, op, 0, &list));
    uint32_t i = 0;
    while (i < op->operand_count) {
        hmlc_value *part = op->operands[i++].value;
        const hmlc_op *first = hmlc_producer_of(part, HMLC_OP_slice);
        const hmlc_op *last = first;
        hmlc_dim size = part->type->dims[list.axis];
        while (first != NULL && i < op->operand_count) {
            const hmlc_op *next = hmlc_producer_of(op->operands[i].value, HMLC_OP_slice);
            if (next == NULL || !are_neighbours(dims, last, next, list.axis)) {
                break;
            }
            size = hmlc_dim_add(dims, size, slice_dim(next, HMLC_ATTR_sizes, list.axis));
            last = next;
            i++;
        }
        if (last != first) {
            HMLC_TRY(build_joined_slice(&builder, first, list.axis, size, &part));
        }
        list.values[list.count++] = part;
    }
    return list.count < op->operand_count ? replace_by_parts(rewriter, op, &list) : HMLC_OK;
}

static const hmlc_rewrite_rule rules[] = {
    {HMLC_OP_concat, 0, drop_empty_parts},
    {HMLC_OP_concat, 0, flatten},
    {HMLC_OP_concat, 0, join_slices},
};

const hmlc_rewrite_rules hmlc_simplify_concat = HMLC_RULES(rules);

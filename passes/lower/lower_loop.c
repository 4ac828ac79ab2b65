/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lowering of loop and scan to the one form that is compiled: a loop without a trip count and
 * without scanned results, whose body counts for itself.
 *
 *   loop(most, go, v...) (i, go, v...) -> go', v'..., row...
 *
 * becomes
 *
 *   loop(_, go and 0 < most, 0, v..., rows...) (_, _, i, v..., rows...)
 *       -> go' and i + 1 < most, i + 1, v'..., update_rows(rows, row, i)
 *
 * where `rows` has room for all iterations. A scan is a loop over the length of its inputs, whose
 * body gathers row i of each. Where the condition may end a loop early, the rows that were written
 * are cut off the front.
 */
#include "lower.h"

/* Iterations up to which room for scanned results is set aside though fewer may run. */
enum { MOST_ROOM = 1 << 16 };

typedef struct loop_parts {
    hmlc_module *module;
    hmlc_op *op;
    hmlc_builder outside, inside;      /* before the op; before the end of its old body */
    const hmlc_op *yield;              /* of the old body */
    uint32_t carried, scanned, inputs; /* inputs: of a scan */
    uint32_t first_operand, first_argument, first_yield; /* of what is carried */
    hmlc_value *most, *start;                            /* scalars; NULL: any number; true */
    bool exact;                                          /* all of `most` iterations run */
    hmlc_dim room;                                       /* rows of scanned results */
    hmlc_region *region;                                 /* the new body */
    hmlc_value *counter;                                 /* its argument */
    hmlc_op *loop;                                       /* the new op */
} loop_parts;

static hmlc_dim number(const loop_parts *parts, int64_t value)
{
    return hmlc_dim_constant(parts->module->dims, value);
}

/* The only element of a value where it is known before the run; NULL. */
static hmlc_dim known_element(const loop_parts *parts, const hmlc_value *value)
{
    const hmlc_tensor *constant = value != NULL ? hmlc_value_constant(value) : NULL;
    if (constant != NULL) {
        return number(parts, hmlc_tensor_get_int(constant, 0));
    }
    return value != NULL && value->elements != NULL ? value->elements[0] : NULL;
}

static bool is_true(const loop_parts *parts, const hmlc_value *value)
{
    hmlc_dim element = known_element(parts, value);
    return value == NULL || (element != NULL && hmlc_dim_is(element, 1));
}

static hmlc_status as_scalar(hmlc_builder *builder, hmlc_value *value, hmlc_dtype dtype,
                             hmlc_value **result)
{
    HMLC_TRY(hmlc_lower_reshaped(builder, value, NULL, 0, result));
    return hmlc_build_cast(builder, *result, dtype, result);
}

/* A dim as an i64 scalar. */
static hmlc_status dim_scalar(const loop_parts *parts, hmlc_builder *builder, hmlc_dim dim,
                              hmlc_value **result)
{
    int64_t value;
    if (hmlc_dim_is_constant(dim, &value)) {
        hmlc_tensor tensor = {.dtype = HMLC_DTYPE_i64, .bytes = sizeof value};
        tensor.data = hmlc_arena_copy(parts->module->arena, &value, sizeof value);
        HMLC_TRY_MEMORY(tensor.data);
        return hmlc_build_constant(builder, &tensor, result);
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_elements, &dim, 1),
                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64),
                         hmlc_attr_dims(HMLC_ATTR_shape, NULL, 0)};
    return hmlc_build(builder, HMLC_OP_dims_tensor, NULL, 0, attrs, 3, result);
}

/* -- what is refused --------------------------------------------------------------------------- */

static hmlc_status refuse(const loop_parts *parts, const char *hint, const char *what,
                          uint32_t index, const hmlc_type *begin, const hmlc_type *end)
{
    char from[160], to[160];
    hmlc_type_format(begin, from, sizeof from);
    hmlc_type_format(end, to, sizeof to);
    return hmlc_error_add(parts->module->diagnostics, HMLC_ERROR_not_implemented,
                          parts->op->location, hint,
                          "%s %u is %s at first and %s after an "
                          "iteration; loops whose values change their shape are not compiled",
                          what, index, from, to);
}

static bool same_type(const loop_parts *parts, const hmlc_type *a, const hmlc_type *b)
{
    return a->dtype == b->dtype && hmlc_type_same_shape(parts->module->dims, a, b);
}

/* Everything keeps the shape that it has before the loop, and rows are all of one size. */
static hmlc_status check_shapes(const loop_parts *parts)
{
    const hmlc_op *op = parts->op;
    for (uint32_t k = 0; k < parts->carried; k++) {
        const hmlc_type *begin = hmlc_op_operand(op, parts->first_operand + k)->type;
        const hmlc_type *end = hmlc_op_operand(parts->yield, parts->first_yield + k)->type;
        if (!same_type(parts, begin, end) || !same_type(parts, begin, op->results[k]->type)) {
            return refuse(parts, "keep the shape, for instance by padding", "carried value", k,
                          begin, end);
        }
    }
    for (uint32_t k = parts->carried; k < op->result_count; k++) {
        const hmlc_type *row = hmlc_op_operand(parts->yield, parts->first_yield + k)->type;
        const hmlc_type *rows = op->results[k]->type;
        for (int32_t d = 0; d < row->rank; d++) {
            if (!hmlc_dim_known_equal(parts->module->dims, row->dims[d], rows->dims[d + 1])) {
                return refuse(parts, "yield rows of one size", "scanned result", k - parts->carried,
                              row, rows);
            }
        }
    }
    return HMLC_OK;
}

/* -- how often it runs ------------------------------------------------------------------------- */

/* Room for the rows of a trip count that the run computes: a symbol takes its value. */
static hmlc_status bind_room(loop_parts *parts)
{
    hmlc_value *zero = NULL, *most = NULL;
    HMLC_TRY(dim_scalar(parts, &parts->outside, number(parts, 0), &zero));
    HMLC_TRY(hmlc_lower_binary(&parts->outside, HMLC_OP_max, parts->most, zero, &most));
    hmlc_dim one = number(parts, 1);
    HMLC_TRY(hmlc_lower_reshaped(&parts->outside, most, &one, 1, &most));
    hmlc_symbol *symbol = hmlc_symbol_fresh(parts->module->dims, "trips");
    HMLC_TRY_MEMORY(symbol);
    parts->room = hmlc_dim_symbol(parts->module->dims, symbol);
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_symbols, &parts->room, 1);
    hmlc_op *bind;
    return hmlc_op_create(&parts->outside, HMLC_OP_bind_dims, &most, 1, &attr, 1, &bind);
}

static hmlc_status find_room(loop_parts *parts)
{
    hmlc_dim most = known_element(parts, parts->most);
    int64_t count;
    if (parts->scanned == 0 || parts->room != NULL) {
        return HMLC_OK;
    }
    bool large = parts->most == NULL ||
                 (most != NULL && hmlc_dim_is_constant(most, &count) && count > MOST_ROOM);
    if (large && !parts->exact) {
        return hmlc_error_add(parts->module->diagnostics, HMLC_ERROR_not_implemented,
                              parts->op->location, "give the loop a trip count of at most 65536",
                              "the loop collects a row of each iteration, and their number has no "
                              "useful bound");
    }
    if (most == NULL) {
        return bind_room(parts);
    }
    parts->room = hmlc_dim_maximum(parts->module->dims, most, number(parts, 0));
    return HMLC_OK;
}

/* `most` and `start` of a loop or a scan. */
static hmlc_status find_trips(loop_parts *parts)
{
    hmlc_builder *builder = &parts->outside;
    const hmlc_op *op = parts->op;
    hmlc_value *go = NULL, *zero = NULL;
    if (parts->inputs > 0) {
        parts->room = hmlc_op_operand(op, parts->carried)->type->dims[0];
        parts->exact = true;
        HMLC_TRY(dim_scalar(parts, builder, parts->room, &parts->most));
    } else {
        hmlc_value *most = hmlc_op_operand(op, 0);
        go = hmlc_op_operand(op, 1);
        parts->exact = is_true(parts, go) && is_true(parts, hmlc_op_operand(parts->yield, 0)) &&
                       known_element(parts, most) != NULL;
        if (most != NULL) {
            HMLC_TRY(as_scalar(builder, most, HMLC_DTYPE_i64, &parts->most));
        }
    }
    if (!is_true(parts, go)) {
        HMLC_TRY(as_scalar(builder, go, HMLC_DTYPE_bool, &parts->start));
    }
    if (parts->most != NULL) {
        hmlc_value *some = NULL;
        HMLC_TRY(dim_scalar(parts, builder, number(parts, 0), &zero));
        HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_less, zero, parts->most, &some));
        if (parts->start != NULL) {
            HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_and, parts->start, some, &some));
        }
        parts->start = some;
    }
    if (parts->start == NULL) {
        HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_bool, 1, &parts->start));
    }
    return find_room(parts);
}

/* -- operands and arguments of the new loop ---------------------------------------------------- */

/* Zeros, which the iterations overwrite. */
static hmlc_status make_rows(loop_parts *parts, uint32_t result, hmlc_value **rows)
{
    const hmlc_type *type = parts->op->results[result]->type;
    hmlc_dim shape[HMLC_MAX_RANK];
    shape[0] = parts->room;
    for (int32_t d = 1; d < type->rank; d++) {
        shape[d] = type->dims[d];
    }
    hmlc_value *zero = NULL;
    HMLC_TRY(hmlc_build_scalar(&parts->outside, type->dtype, 0, &zero));
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, (uint32_t)type->rank);
    return hmlc_build(&parts->outside, HMLC_OP_expand, &zero, 1, &attr, 1, rows);
}

/* Operands of the new loop: no count, start, 0, what is carried, rows. */
static hmlc_status make_operands(loop_parts *parts, hmlc_value **operands)
{
    operands[0] = NULL;
    operands[1] = parts->start;
    HMLC_TRY(dim_scalar(parts, &parts->outside, number(parts, 0), &operands[2]));
    for (uint32_t k = 0; k < parts->carried; k++) {
        operands[3 + k] = hmlc_op_operand(parts->op, parts->first_operand + k);
    }
    for (uint32_t k = parts->carried; k < parts->op->result_count; k++) {
        HMLC_TRY(make_rows(parts, k, &operands[3 + k]));
    }
    return HMLC_OK;
}

/* The new body's arguments; what is carried takes the place of the old ones. */
static hmlc_status make_arguments(loop_parts *parts, hmlc_value *const *operands, uint32_t count)
{
    const hmlc_region *old = parts->op->regions[0];
    parts->region = hmlc_region_create_branch(parts->module);
    HMLC_TRY_MEMORY(parts->region);
    for (uint32_t k = 0; k < count; k++) {
        const hmlc_type *type = operands[k == 0 ? 2 : k]->type;
        hmlc_value *argument = hmlc_region_add_argument(parts->region, type, NULL);
        HMLC_TRY_MEMORY(argument);
        if (k >= 3 && k < 3 + parts->carried) {
            hmlc_value *before = old->arguments[parts->first_argument + k - 3];
            argument->name = before->name;
            hmlc_value_replace_uses(before, argument);
        }
    }
    parts->counter = parts->region->arguments[2];
    return HMLC_OK;
}

/* -- the body ---------------------------------------------------------------------------------- */

/* The number of the iteration and the condition, which is true wherever the body runs. */
static hmlc_status replace_count(loop_parts *parts, hmlc_builder *front)
{
    hmlc_value *const *arguments = parts->op->regions[0]->arguments;
    if (hmlc_value_has_uses(arguments[0])) {
        const hmlc_type *type = arguments[0]->type;
        hmlc_value *count = NULL;
        HMLC_TRY(as_scalar(front, parts->counter, type->dtype, &count));
        HMLC_TRY(hmlc_lower_reshaped(front, count, type->dims, type->rank, &count));
        hmlc_value_replace_uses(arguments[0], count);
    }
    if (hmlc_value_has_uses(arguments[1])) {
        const hmlc_type *type = arguments[1]->type;
        hmlc_value *yes = NULL;
        HMLC_TRY(hmlc_build_scalar(front, HMLC_DTYPE_bool, 1, &yes));
        HMLC_TRY(hmlc_lower_reshaped(front, yes, type->dims, type->rank, &yes));
        hmlc_value_replace_uses(arguments[1], yes);
    }
    return HMLC_OK;
}

/* Rows of a scan's inputs. */
static hmlc_status gather_inputs(loop_parts *parts, hmlc_builder *front)
{
    for (uint32_t k = 0; k < parts->inputs; k++) {
        uint32_t index = parts->carried + k;
        hmlc_value *operands[] = {hmlc_op_operand(parts->op, index), parts->counter}, *row = NULL;
        hmlc_attr axis = hmlc_attr_int(HMLC_ATTR_axis, 0);
        HMLC_TRY(hmlc_build(front, HMLC_OP_gather, operands, 2, &axis, 1, &row));
        hmlc_value_replace_uses(parts->op->regions[0]->arguments[index], row);
    }
    return HMLC_OK;
}

/* The next number, and whether it is to run. */
static hmlc_status count_on(loop_parts *parts, hmlc_value **go, hmlc_value **next)
{
    hmlc_builder *builder = &parts->inside;
    hmlc_value *one = NULL, *more = NULL;
    hmlc_value *condition = parts->inputs > 0 ? NULL : hmlc_op_operand(parts->yield, 0);
    *go = NULL;
    HMLC_TRY(dim_scalar(parts, builder, number(parts, 1), &one));
    HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_add, parts->counter, one, next));
    if (!is_true(parts, condition)) {
        HMLC_TRY(as_scalar(builder, condition, HMLC_DTYPE_bool, go));
    }
    if (parts->most != NULL) {
        HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_less, *next, parts->most, &more));
        if (*go != NULL) {
            HMLC_TRY(hmlc_lower_binary(builder, HMLC_OP_and, *go, more, &more));
        }
        *go = more;
    }
    return *go != NULL ? HMLC_OK : hmlc_build_scalar(builder, HMLC_DTYPE_bool, 1, go);
}

/* One row of a scanned result goes where its iteration's number says. */
static hmlc_status store_row(loop_parts *parts, uint32_t result, hmlc_value **rows)
{
    hmlc_value *row = hmlc_op_operand(parts->yield, parts->first_yield + result);
    hmlc_value *all = parts->region->arguments[3 + result];
    hmlc_dim shape[HMLC_MAX_RANK];
    shape[0] = number(parts, 1);
    for (int32_t d = 1; d < all->type->rank; d++) {
        shape[d] = all->type->dims[d];
    }
    HMLC_TRY(hmlc_lower_reshaped(&parts->inside, row, shape, all->type->rank, &row));
    hmlc_value *operands[] = {all, row, parts->counter};
    return hmlc_build(&parts->inside, HMLC_OP_update_rows, operands, 3, NULL, 0, rows);
}

/* Completes the old body, and moves it into the new region. */
static hmlc_status make_body(loop_parts *parts, hmlc_value **values)
{
    hmlc_region *old = parts->op->regions[0];
    hmlc_builder front = hmlc_builder_before(old->first);
    front.location = parts->op->location;
    if (parts->inputs > 0) {
        HMLC_TRY(gather_inputs(parts, &front));
    } else {
        HMLC_TRY(replace_count(parts, &front));
    }
    HMLC_TRY(count_on(parts, &values[0], &values[1]));
    for (uint32_t k = 0; k < parts->op->result_count; k++) {
        if (k < parts->carried) {
            values[2 + k] = hmlc_op_operand(parts->yield, parts->first_yield + k);
        } else {
            HMLC_TRY(store_row(parts, k, &values[2 + k]));
        }
    }
    hmlc_builder end = hmlc_builder_at_end(parts->region);
    end.location = parts->op->location;
    HMLC_TRY(hmlc_build_yield(&end, values, 2 + parts->op->result_count));
    HMLC_FOR_EACH_OP(op, old)
    {
        if (op != parts->yield) {
            hmlc_op_move_before(op, parts->region->last);
        }
    }
    hmlc_dims_move_equalities(parts->module->dims, old, parts->region);
    return HMLC_OK;
}

/* -- results ----------------------------------------------------------------------------------- */

/* The rows that iterations wrote: the size of the old result takes their number. */
static hmlc_status cut_rows(loop_parts *parts, uint32_t result, hmlc_value **rows)
{
    const hmlc_type *type = parts->op->results[result]->type;
    hmlc_value *count = NULL;
    hmlc_dim one = number(parts, 1), starts[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    for (int32_t d = 0; d < type->rank; d++) {
        starts[d] = number(parts, 0);
        steps[d] = one;
    }
    HMLC_TRY(hmlc_lower_reshaped(&parts->outside, parts->loop->results[0], &one, 1, &count));
    hmlc_attr symbol = hmlc_attr_dims(HMLC_ATTR_symbols, type->dims, 1);
    hmlc_op *bind;
    HMLC_TRY(hmlc_op_create(&parts->outside, HMLC_OP_bind_dims, &count, 1, &symbol, 1, &bind));
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, (uint32_t)type->rank),
                         hmlc_attr_dims(HMLC_ATTR_sizes, type->dims, (uint32_t)type->rank),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, (uint32_t)type->rank)};
    return hmlc_build(&parts->outside, HMLC_OP_slice, rows, 1, attrs, 3, rows);
}

static hmlc_status replace_results(loop_parts *parts)
{
    for (uint32_t k = 0; k < parts->op->result_count; k++) {
        hmlc_value *old = parts->op->results[k], *value = parts->loop->results[1 + k];
        if (k >= parts->carried &&
            !hmlc_dim_known_equal(parts->module->dims, old->type->dims[0], parts->room)) {
            HMLC_TRY(cut_rows(parts, k, &value));
        }
        value->name = old->name;
        hmlc_value_replace_uses(old, value);
    }
    return HMLC_OK;
}

static loop_parts describe(hmlc_module *module, hmlc_op *op)
{
    loop_parts parts = {.module = module, .op = op, .yield = op->regions[0]->last};
    parts.outside = hmlc_rewrite_builder(op);
    parts.inside = hmlc_builder_before(op->regions[0]->last);
    parts.inside.location = op->location;
    if (op->opcode == HMLC_OP_scan) {
        parts.inputs = (uint32_t)hmlc_op_int(op, HMLC_ATTR_input_count);
        parts.carried = op->operand_count - parts.inputs;
    } else {
        parts.carried = op->operand_count - 2;
        parts.first_operand = parts.first_argument = 2;
        parts.first_yield = 1;
    }
    parts.scanned = op->result_count - parts.carried;
    return parts;
}

hmlc_status hmlc_lower_loop(hmlc_module *module, hmlc_op *op, bool *done)
{
    if (hmlc_loop_is_lowered(op)) {
        return HMLC_OK;
    }
    loop_parts parts = describe(module, op);
    HMLC_TRY(check_shapes(&parts));
    HMLC_TRY(find_trips(&parts));
    uint32_t count = 3 + op->result_count;
    hmlc_value **operands = HMLC_NEW_ARRAY(module->arena, hmlc_value *, count);
    hmlc_value **yields = HMLC_NEW_ARRAY(module->arena, hmlc_value *, count);
    HMLC_TRY_MEMORY(operands);
    HMLC_TRY_MEMORY(yields);
    HMLC_TRY(make_operands(&parts, operands));
    HMLC_TRY(make_arguments(&parts, operands, count));
    HMLC_TRY(make_body(&parts, yields));
    HMLC_TRY(hmlc_op_create_with_regions(&parts.outside, HMLC_OP_loop, operands, count, NULL, 0,
                                         &parts.region, 1, &parts.loop));
    HMLC_TRY(replace_results(&parts));
    *done = true;
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Inference of ops with structure: bind_dims, if, loop, scan, kernel, yield. */
#include "infer_tools.h"

hmlc_status hmlc_infer_bind_dims(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *x = hmlc_infer_operand(context, 0, HMLC_ACCEPT_INTEGER, &status);
    const hmlc_attr *symbols = hmlc_infer_list(context, HMLC_ATTR_symbols, -1, &status);
    if (status != HMLC_OK) {
        return status;
    }
    hmlc_dim count = hmlc_type_count(context->module->dims, x);
    if (!hmlc_dim_is(count, symbols->count)) {
        hmlc_infer_fail(context, &status, "%u symbols for %s elements", symbols->count,
                        hmlc_infer_dim_text(context, count));
    }
    for (uint32_t i = 0; i < symbols->count; ++i) {
        if (symbols->as.dims[i]->kind != HMLC_DIM_SYMBOL) {
            hmlc_infer_fail(context, &status, "entry %u of symbols is %s; expected a symbol", i,
                            hmlc_infer_dim_text(context, symbols->as.dims[i]));
        }
    }
    return status;
}

hmlc_status hmlc_infer_yield(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    for (uint32_t i = 0; i < context->op->operand_count; ++i) {
        if (hmlc_op_operand(context->op, i) == NULL) {
            hmlc_infer_fail(context, &status, "operand %u is missing", i);
        }
    }
    return status;
}

/* The yield of region `index`; NULL and a diagnostic when the region is not complete. */
static const hmlc_op *region_yield(const hmlc_infer *context, uint32_t index, hmlc_status *status)
{
    const hmlc_op *last =
        index < context->op->region_count ? context->op->regions[index]->last : NULL;
    if (last == NULL || last->opcode != HMLC_OP_yield) {
        hmlc_infer_fail(context, status, "region %u does not end in yield", index);
        return NULL;
    }
    return last;
}

/*
 * A dim that only the run decides: the symbol that an earlier inference of this op made for it,
 * else a fresh one.
 */
static hmlc_dim run_dim(const hmlc_infer *context, uint32_t result, int32_t rank, int32_t index,
                        const char *prefix)
{
    const hmlc_op *op = context->op;
    if (op->results != NULL && result < op->result_count && op->results[result] != NULL) {
        const hmlc_type *type = op->results[result]->type;
        if (type != NULL && type->kind == HMLC_KIND_TENSOR && type->rank == rank &&
            type->dims[index]->kind == HMLC_DIM_SYMBOL && type->dims[index]->symbol->bound_at_run) {
            return type->dims[index];
        }
    }
    hmlc_symbol *symbol = hmlc_symbol_fresh(context->module->dims, prefix);
    return symbol == NULL ? hmlc_infer_number(context, 0)
                          : hmlc_dim_symbol(context->module->dims, symbol);
}

static bool region_binds(const hmlc_region *region, hmlc_dim dim);

/* Does an op of the region, or of one within, give a symbol of the dim its value? */
static bool op_binds(const hmlc_op *op, hmlc_dim dim)
{
    const hmlc_attr *symbols =
        op->opcode == HMLC_OP_bind_dims ? hmlc_op_attr(op, HMLC_ATTR_symbols) : NULL;
    for (uint32_t i = 0; symbols != NULL && i < symbols->count; ++i) {
        if (hmlc_dim_uses_symbol(dim, symbols->as.dims[i]->symbol)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < op->region_count; ++i) {
        if (region_binds(op->regions[i], dim)) {
            return true;
        }
    }
    for (uint32_t i = 0; op->region_count > 0 && i < op->result_count; ++i) {
        const hmlc_type *type = op->results[i]->type;
        for (int32_t d = 0; type->kind == HMLC_KIND_TENSOR && d < type->rank; ++d) {
            hmlc_dim bound = type->dims[d];
            if (bound->kind == HMLC_DIM_SYMBOL && bound->symbol->bound_at_run &&
                hmlc_dim_uses_symbol(dim, bound->symbol)) {
                return true;
            }
        }
    }
    return false;
}

static bool region_binds(const hmlc_region *region, hmlc_dim dim)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op_binds(op, dim)) {
            return true;
        }
    }
    return false;
}

/* Has the dim the same value outside of the op's regions? */
static bool known_outside(const hmlc_infer *context, hmlc_dim dim)
{
    for (uint32_t i = 0; hmlc_dim_uses_run_symbol(dim) && i < context->op->region_count; ++i) {
        if (region_binds(context->op->regions[i], dim)) {
            return false;
        }
    }
    return true;
}

/* One dim of two paths: their common value, or what the attribute chosen says; NULL where only the
 * run tells. */
static hmlc_dim join_dims(const hmlc_infer *context, hmlc_dim a, hmlc_dim b)
{
    const hmlc_attr *chosen = hmlc_op_attr(context->op, HMLC_ATTR_chosen);
    hmlc_dims *dims = context->module->dims;
    if (!known_outside(context, a) || !known_outside(context, b)) {
        return NULL;
    }
    if (hmlc_dim_known_equal(dims, a, b)) {
        return a;
    }
    return chosen != NULL ? hmlc_dim_select(dims, chosen->as.dims[0], a, b) : NULL;
}

/*
 * Joins what two paths give for one result: equal dims stay, others become select(chosen, a, b) or
 * run-time symbols. Reports different element types or ranks.
 */
static const hmlc_type *join_types(hmlc_infer *context, uint32_t result, const hmlc_type *a,
                                   const hmlc_type *b, const char *prefix, hmlc_status *status)
{
    if (a->kind != HMLC_KIND_TENSOR || b->kind != HMLC_KIND_TENSOR) {
        hmlc_infer_refuse(context, status, NULL, "result %u is not a tensor", result);
        return a;
    }
    if (a->dtype != b->dtype) {
        hmlc_infer_fail(context, status,
                        "result %u has element type %s on one path and %s on the "
                        "other",
                        result, hmlc_dtype_name(a->dtype), hmlc_dtype_name(b->dtype));
        return a;
    }
    if (a->rank != b->rank) {
        hmlc_infer_refuse(context, status, NULL,
                          "result %u has rank %d on one path and %d on the other", result, a->rank,
                          b->rank);
        return a;
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < a->rank; ++i) {
        hmlc_dim joined = join_dims(context, a->dims[i], b->dims[i]);
        dims[i] = joined != NULL ? joined : run_dim(context, result, a->rank, i, prefix);
    }
    hmlc_infer_result(context, result, a->dtype, a->rank, dims, status);
    return a;
}

hmlc_status hmlc_infer_if(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_type *condition = hmlc_infer_operand(context, 0, HMLC_ACCEPT_BOOL, &status);
    if (condition != NULL && !hmlc_dim_is(hmlc_type_count(context->module->dims, condition), 1)) {
        hmlc_infer_fail(context, &status, "the condition has rank %d; expected one element",
                        condition->rank);
    }
    if (hmlc_op_attr(context->op, HMLC_ATTR_chosen) != NULL) {
        hmlc_infer_list(context, HMLC_ATTR_chosen, 1, &status);
    }
    const hmlc_op *then = region_yield(context, 0, &status);
    const hmlc_op *other = region_yield(context, 1, &status);
    if (then == NULL || other == NULL) {
        return status;
    }
    if (then->operand_count != other->operand_count) {
        hmlc_infer_fail(context, &status, "the regions give %u and %u results", then->operand_count,
                        other->operand_count);
        return status;
    }
    HMLC_TRY(hmlc_infer_size_results(context, then->operand_count));
    for (uint32_t i = 0; i < then->operand_count; ++i) {
        const hmlc_value *a = hmlc_op_operand(then, i), *b = hmlc_op_operand(other, i);
        if (a != NULL && b != NULL) {
            join_types(context, i, a->type, b->type, "if", &status);
        }
    }
    return status;
}

hmlc_status hmlc_infer_kernel(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_op *op = context->op;
    const hmlc_op *yield = region_yield(context, 0, &status);
    if (yield == NULL) {
        return status;
    }
    const hmlc_region *region = op->regions[0];
    if (region->argument_count != op->operand_count) {
        hmlc_infer_fail(context, &status, "the region has %u arguments for %u operands",
                        region->argument_count, op->operand_count);
        return status;
    }
    for (uint32_t i = 0; i < op->operand_count; ++i) {
        const hmlc_value *operand = hmlc_op_operand(op, i);
        if (operand == NULL || !hmlc_type_equal(operand->type, region->arguments[i]->type)) {
            hmlc_infer_fail(context, &status,
                            "argument %u of the region does not have the type "
                            "of operand %u",
                            i, i);
        }
    }
    HMLC_TRY(hmlc_infer_size_results(context, yield->operand_count));
    for (uint32_t i = 0; i < yield->operand_count; ++i) {
        const hmlc_value *value = hmlc_op_operand(yield, i);
        context->types[i] = value != NULL ? value->type : NULL;
        context->elements[i] = value != NULL ? value->elements : NULL;
    }
    return status;
}

/* A loop's trip count where it is known: both conditions are always true and the maximum is known.
 */
static hmlc_dim known_trips(const hmlc_infer *context, const hmlc_op *yield)
{
    const hmlc_value *condition = hmlc_op_operand(yield, 0);
    hmlc_dim maximum = hmlc_known_scalar(context, 0), first = hmlc_known_scalar(context, 1);
    bool starts =
        hmlc_op_operand(context->op, 1) == NULL || (first != NULL && hmlc_dim_is(first, 1));
    bool goes_on =
        condition != NULL && condition->elements != NULL && hmlc_dim_is(condition->elements[0], 1);
    if (maximum == NULL || !starts || !goes_on) {
        return NULL;
    }
    return hmlc_dim_maximum(context->module->dims, maximum, hmlc_infer_number(context, 0));
}

/* A scanned result: `length` elements of what one iteration yields. */
static void scanned_result(hmlc_infer *context, uint32_t result, const hmlc_value *value,
                           hmlc_dim length, hmlc_status *status)
{
    if (value == NULL || value->type->kind != HMLC_KIND_TENSOR) {
        hmlc_infer_refuse(context, status, NULL, "scanned result %u is not a tensor", result);
        return;
    }
    const hmlc_type *type = value->type;
    hmlc_dim dims[HMLC_MAX_RANK + 1];
    dims[0] = length != NULL ? length : run_dim(context, result, type->rank + 1, 0, "loop");
    for (int32_t i = 0; i < type->rank; ++i) {
        dims[i + 1] = hmlc_dim_uses_run_symbol(type->dims[i])
                          ? run_dim(context, result, type->rank + 1, i + 1, "loop")
                          : type->dims[i];
    }
    hmlc_infer_result(context, result, type->dtype, type->rank + 1, dims, status);
}

/* Results of `carried` values that enter as operands from `first` on and leave as yields from
 * `first_yield` on, then of the scanned ones. */
static void carried_results(hmlc_infer *context, const hmlc_op *yield, uint32_t carried,
                            uint32_t first, uint32_t first_yield, hmlc_dim length,
                            hmlc_status *status)
{
    for (uint32_t i = 0; i < context->result_count; ++i) {
        const hmlc_value *leaves = hmlc_op_operand(yield, first_yield + i);
        if (i >= carried) {
            scanned_result(context, i, leaves, length, status);
            continue;
        }
        const hmlc_value *enters = hmlc_op_operand(context->op, first + i);
        if (enters == NULL || leaves == NULL) {
            hmlc_infer_fail(context, status, "carried value %u is missing", i);
            continue;
        }
        join_types(context, i, enters->type, leaves->type, "loop", status);
    }
}

static hmlc_status infer_loop(hmlc_infer *context, const hmlc_op *yield)
{
    hmlc_status status = HMLC_OK;
    const hmlc_op *op = context->op;
    if (op->operand_count < 2) {
        hmlc_infer_fail(context, &status,
                        "%u operands; expected a trip count, a condition, what is "
                        "carried",
                        op->operand_count);
        return status;
    }
    uint32_t carried = op->operand_count - 2;
    if (op->regions[0]->argument_count != carried + 2 || yield->operand_count < carried + 1) {
        hmlc_infer_fail(context, &status,
                        "%u carried values need a region of %u arguments and at least %u yields; "
                        "it has %u and %u",
                        carried, carried + 2, carried + 1, op->regions[0]->argument_count,
                        yield->operand_count);
        return status;
    }
    hmlc_infer_optional(context, 0, HMLC_ACCEPT_INTEGER, &status);
    hmlc_infer_optional(context, 1, HMLC_ACCEPT_BOOL, &status);
    HMLC_TRY(hmlc_infer_size_results(context, yield->operand_count - 1));
    carried_results(context, yield, carried, 2, 1, known_trips(context, yield), &status);
    return status;
}

static hmlc_status infer_scan(hmlc_infer *context, const hmlc_op *yield)
{
    hmlc_status status = HMLC_OK;
    const hmlc_op *op = context->op;
    int64_t inputs = hmlc_op_int(op, HMLC_ATTR_input_count);
    if (inputs < 1 || inputs > op->operand_count ||
        op->regions[0]->argument_count != op->operand_count ||
        yield->operand_count < op->operand_count - (uint32_t)inputs) {
        hmlc_infer_fail(context, &status,
                        "%lld scanned inputs do not fit %u operands and a region "
                        "of %u arguments and %u yields",
                        (long long)inputs, op->operand_count, op->regions[0]->argument_count,
                        yield->operand_count);
        return status;
    }
    uint32_t carried = op->operand_count - (uint32_t)inputs;
    hmlc_dim length = NULL;
    for (uint32_t i = carried; i < op->operand_count; ++i) {
        const hmlc_type *type = hmlc_infer_operand(context, i, HMLC_ACCEPT_BYTES, &status);
        hmlc_infer_rank(context, i, type, 1, HMLC_MAX_RANK, &status);
        if (type != NULL && type->rank > 0) {
            length = length == NULL
                         ? type->dims[0]
                         : hmlc_infer_unify(context, length, type->dims[0], "scan length", &status);
        }
    }
    HMLC_TRY(status);
    HMLC_TRY(hmlc_infer_size_results(context, yield->operand_count));
    carried_results(context, yield, carried, 0, 0, length, &status);
    return status;
}

hmlc_status hmlc_infer_loop(hmlc_infer *context)
{
    hmlc_status status = HMLC_OK;
    const hmlc_op *yield = region_yield(context, 0, &status);
    if (yield == NULL) {
        return status;
    }
    return context->op->opcode == HMLC_OP_scan ? infer_scan(context, yield)
                                               : infer_loop(context, yield);
}

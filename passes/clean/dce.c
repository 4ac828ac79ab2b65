/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead code elimination: one backward walk, uses before definitions, so that chains die at once. An
 * op that binds symbols lives while a live op's types or attributes speak of one of them, or where
 * it is there to check: a symbol with one value.
 */
#include <string.h>

#include "pass.h"

typedef struct liveness {
    hmlc_module *module;
    hmlc_arena *scratch;
    bool *symbols;     /* by symbol index */
    uint8_t *visited;  /* by dim id */
    uint32_t capacity; /* of visited */
} liveness;

static hmlc_status grow_visited(liveness *live, uint32_t id)
{
    uint32_t capacity = live->capacity > 0 ? live->capacity : 1024;
    while (capacity <= id) {
        capacity *= 2;
    }
    uint8_t *visited = HMLC_NEW_ARRAY(live->scratch, uint8_t, capacity);
    HMLC_TRY_MEMORY(visited);
    if (live->capacity > 0) {
        memcpy(visited, live->visited, live->capacity);
    }
    live->visited = visited;
    live->capacity = capacity;
    return HMLC_OK;
}

static hmlc_status mark_dim(liveness *live, hmlc_dim dim)
{
    if (dim == NULL || !hmlc_dim_uses_run_symbol(dim)) {
        return HMLC_OK;
    }
    if (dim->id >= live->capacity) {
        HMLC_TRY(grow_visited(live, dim->id));
    }
    if (live->visited[dim->id]) {
        return HMLC_OK;
    }
    live->visited[dim->id] = 1;
    if (dim->kind == HMLC_DIM_SYMBOL) {
        live->symbols[dim->symbol->index] = true;
        return HMLC_OK;
    }
    HMLC_TRY(mark_dim(live, dim->a));
    HMLC_TRY(mark_dim(live, dim->b));
    return mark_dim(live, dim->c);
}

static hmlc_status mark_type(liveness *live, const hmlc_type *type)
{
    while (type->kind != HMLC_KIND_TENSOR && type->element != NULL) {
        type = type->element;
    }
    for (int32_t i = 0; type->kind == HMLC_KIND_TENSOR && i < type->rank; i++) {
        HMLC_TRY(mark_dim(live, type->dims[i]));
    }
    return HMLC_OK;
}

static hmlc_status mark_op(liveness *live, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        HMLC_TRY(mark_type(live, op->results[i]->type));
    }
    if (op->opcode == HMLC_OP_bind_dims) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < op->attr_count; i++) {
        const hmlc_attr *attr = &op->attrs[i];
        if (hmlc_attr_kind_of(attr->name) != HMLC_ATTR_KIND_DIMS) {
            continue;
        }
        for (uint32_t k = 0; k < attr->count; k++) {
            HMLC_TRY(mark_dim(live, attr->as.dims[k]));
        }
    }
    return HMLC_OK;
}

static hmlc_status mark_equalities(liveness *live)
{
    const hmlc_dims *dims = live->module->dims;
    for (uint32_t i = 0; i < hmlc_dims_equality_count(dims); i++) {
        const hmlc_dim_equality *equality = hmlc_dims_equality_at(dims, i);
        HMLC_TRY(mark_dim(live, equality->left));
        HMLC_TRY(mark_dim(live, equality->right));
    }
    return HMLC_OK;
}

static bool binds_live_symbol(const liveness *live, const hmlc_op *op)
{
    const hmlc_attr *symbols =
        op->opcode == HMLC_OP_bind_dims ? hmlc_op_attr(op, HMLC_ATTR_symbols) : NULL;
    for (uint32_t i = 0; symbols != NULL && i < symbols->count; i++) {
        const hmlc_symbol *symbol = symbols->as.dims[i]->symbol;
        if (symbol != NULL &&
            (live->symbols[symbol->index] || symbol->minimum == symbol->maximum)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        HMLC_FOR_EACH_OP(inner, op->regions[i])
        {
            if (binds_live_symbol(live, inner)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_dead(const liveness *live, const hmlc_op *op)
{
    if (!hmlc_op_has(op, HMLC_TRAIT_PURE | HMLC_TRAIT_REGIONS | HMLC_TRAIT_BINDS)) {
        return false;
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        if (hmlc_value_has_uses(op->results[i])) {
            return false;
        }
    }
    return !binds_live_symbol(live, op);
}

static hmlc_status sweep(liveness *live, hmlc_region *region)
{
    hmlc_op *previous = NULL;
    for (hmlc_op *op = region->last; op != NULL; op = previous) {
        previous = op->previous;
        if (is_dead(live, op)) {
            hmlc_op_erase(op);
            continue;
        }
        HMLC_TRY(mark_op(live, op));
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(sweep(live, op->regions[i]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_pass_dce(hmlc_pass_context *context)
{
    liveness live = {.module = context->module, .scratch = context->scratch};
    live.symbols =
        HMLC_NEW_ARRAY(context->scratch, bool, hmlc_symbol_count(context->module->dims) + 1);
    HMLC_TRY_MEMORY(live.symbols);
    HMLC_TRY(mark_equalities(&live));
    return sweep(&live, context->module->main);
}

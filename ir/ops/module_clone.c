/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of whole modules. Nothing is inferred again: the copy has the original's types, known
 * elements, storage, ids and orders of uses, so that passes cannot tell the two apart.
 */
#include <stdlib.h>

#include "dim/dim_internal.h"
#include "graph/graph_internal.h"
#include "infer_tools.h"

/* An op or a region and its copy. */
typedef struct pair {
    const void *original;
    void *copy;
} pair;

typedef struct cloner {
    hmlc_module *module; /* the copy */
    hmlc_arena *scratch;
    hmlc_dim *dims;      /* by id of the original */
    hmlc_value **values; /* by id of the original */
    pair *pairs;
    uint32_t pair_count;
} cloner;

/* -- types, dims and attributes ---------------------------------------------------------------- */

static const hmlc_dim *clone_dims(const cloner *c, const hmlc_dim *dims, uint32_t count)
{
    hmlc_dim *copy = HMLC_NEW_ARRAY(c->module->arena, hmlc_dim, count);
    for (uint32_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = dims[i] != NULL ? c->dims[dims[i]->id] : NULL;
    }
    return copy;
}

static const hmlc_type *clone_type(const cloner *c, const hmlc_type *type)
{
    hmlc_type *copy = hmlc_arena_copy(c->module->arena, type, sizeof *type);
    if (copy == NULL) {
        return NULL;
    }
    if (type->dims != NULL) {
        copy->dims = clone_dims(c, type->dims, (uint32_t)type->rank);
    }
    if (type->element != NULL) {
        copy->element = clone_type(c, type->element);
    }
    bool whole = (type->dims == NULL || copy->dims != NULL) &&
                 (type->element == NULL || copy->element != NULL);
    return whole ? copy : NULL;
}

static hmlc_status clone_attrs(const cloner *c, const hmlc_op *op, hmlc_op *copy)
{
    hmlc_attr *attrs = HMLC_NEW_ARRAY(c->module->arena, hmlc_attr, op->attr_count);
    HMLC_TRY_MEMORY(attrs);
    for (uint32_t i = 0; i < op->attr_count; i++) {
        attrs[i] = op->attrs[i];
        if (hmlc_attr_kind_of(attrs[i].name) == HMLC_ATTR_KIND_DIMS) {
            attrs[i].as.dims = clone_dims(c, op->attrs[i].as.dims, op->attrs[i].count);
            HMLC_TRY_MEMORY(attrs[i].as.dims);
        }
    }
    copy->attrs = attrs;
    return HMLC_OK;
}

/* -- values, ops and regions ------------------------------------------------------------------- */

/* All but its uses and the root of its storage, which need the other values. */
static hmlc_status clone_value(const cloner *c, const hmlc_value *value, hmlc_value **result)
{
    hmlc_value *copy = hmlc_arena_copy(c->module->arena, value, sizeof *value);
    HMLC_TRY_MEMORY(copy);
    copy->type = clone_type(c, value->type);
    HMLC_TRY_MEMORY(copy->type);
    copy->uses = NULL;
    copy->note = NULL;
    if (value->elements != NULL) {
        copy->elements = clone_dims(c, value->elements, (uint32_t)hmlc_known_count(value->type));
        HMLC_TRY_MEMORY(copy->elements);
    }
    if (value->storage.offset != NULL) {
        copy->storage.offset = c->dims[value->storage.offset->id];
    }
    if (value->storage.strides != NULL) {
        copy->storage.strides = clone_dims(c, value->storage.strides, (uint32_t)value->type->rank);
        HMLC_TRY_MEMORY(copy->storage.strides);
    }
    c->values[value->id] = copy;
    *result = copy;
    return HMLC_OK;
}

static hmlc_status clone_region(cloner *c, const hmlc_region *region, hmlc_region *copy);

static hmlc_status clone_regions(cloner *c, const hmlc_op *op, hmlc_op *copy)
{
    copy->regions = HMLC_NEW_ARRAY(c->module->arena, hmlc_region *, op->region_count);
    HMLC_TRY_MEMORY(copy->regions);
    for (uint32_t i = 0; i < op->region_count; i++) {
        copy->regions[i] = hmlc_region_create(c->module, copy);
        HMLC_TRY_MEMORY(copy->regions[i]);
        HMLC_TRY(clone_region(c, op->regions[i], copy->regions[i]));
    }
    return HMLC_OK;
}

/* An op with results, regions and operands; the operands get their values at the end. */
static hmlc_status clone_op(cloner *c, const hmlc_op *op, hmlc_region *parent)
{
    hmlc_arena *arena = c->module->arena;
    hmlc_op *copy = hmlc_arena_copy(arena, op, sizeof *op);
    HMLC_TRY_MEMORY(copy);
    copy->parent = parent;
    copy->note = NULL;
    copy->next = NULL;
    copy->previous = parent->last;
    *(parent->last != NULL ? &parent->last->next : &parent->first) = copy;
    parent->last = copy;
    c->pairs[c->pair_count++] = (pair){op, copy};
    HMLC_TRY(clone_attrs(c, op, copy));
    HMLC_TRY(clone_regions(c, op, copy));
    copy->operands = HMLC_NEW_ARRAY(arena, hmlc_use, op->operand_count);
    copy->results = HMLC_NEW_ARRAY(arena, hmlc_value *, op->result_count);
    HMLC_TRY_MEMORY(copy->operands);
    HMLC_TRY_MEMORY(copy->results);
    for (uint32_t i = 0; i < op->operand_count; i++) {
        copy->operands[i] = (hmlc_use){.op = copy, .index = i};
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        HMLC_TRY(clone_value(c, op->results[i], &copy->results[i]));
        copy->results[i]->producer = copy;
    }
    return HMLC_OK;
}

static hmlc_status clone_region(cloner *c, const hmlc_region *region, hmlc_region *copy)
{
    c->pairs[c->pair_count++] = (pair){region, copy};
    copy->is_branch = region->is_branch;
    for (uint32_t i = 0; i < region->argument_count; i++) {
        /* Adding counts an id; the copy takes the original's. */
        const hmlc_value *argument = region->arguments[i];
        HMLC_TRY_MEMORY(hmlc_region_add_argument(copy, argument->type, NULL));
        HMLC_TRY(clone_value(c, argument, &copy->arguments[i]));
        copy->arguments[i]->region = copy;
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        HMLC_TRY(clone_op(c, op, copy));
    }
    return HMLC_OK;
}

/* -- what refers to other things --------------------------------------------------------------- */

static int compare_pairs(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t)((const pair *)left)->original;
    uintptr_t b = (uintptr_t)((const pair *)right)->original;
    return (a > b) - (a < b);
}

/* The copy of an op or region, NULL when the graph does not hold it. */
static void *find_copy(const cloner *c, const void *original)
{
    const pair wanted = {.original = original};
    const pair *found = bsearch(&wanted, c->pairs, c->pair_count, sizeof wanted, compare_pairs);
    return found != NULL ? found->copy : NULL;
}

/* In the original's order, which passes see. */
static void clone_uses(const cloner *c, const hmlc_value *value)
{
    hmlc_value *copy = c->values[value->id];
    hmlc_use **end = &copy->uses, *previous = NULL;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        hmlc_op *user = find_copy(c, use->op);
        if (user == NULL) {
            continue; /* in a region that was taken out of the graph */
        }
        hmlc_use *made = &user->operands[use->index];
        made->value = copy;
        made->previous = previous;
        *end = previous = made;
        end = &made->next;
    }
    if (value->storage.root != NULL) {
        copy->storage.root = c->values[value->storage.root->id];
    }
}

static void link_region(const cloner *c, const hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        clone_uses(c, region->arguments[i]);
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        for (uint32_t i = 0; i < op->result_count; i++) {
            clone_uses(c, op->results[i]);
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            link_region(c, op->regions[i]);
        }
    }
}

/* What a branch needed that is no longer in the graph: nothing relies on it any more. */
static hmlc_status link_equalities(const cloner *c)
{
    hmlc_dims *dims = c->module->dims;
    hmlc_region *gone = hmlc_region_create_branch(c->module);
    HMLC_TRY_MEMORY(gone);
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        const hmlc_region *branch = dims->equalities[i].branch;
        if (branch != NULL) {
            const hmlc_region *copy = find_copy(c, branch);
            dims->equalities[i].branch = copy != NULL ? copy : gone;
        }
    }
    return HMLC_OK;
}

/* -- modules ----------------------------------------------------------------------------------- */

static uint32_t region_count(const hmlc_region *region)
{
    uint32_t count = 1;
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        for (uint32_t i = 0; i < op->region_count; i++) {
            count += region_count(op->regions[i]);
        }
    }
    return count;
}

/* Everything of the module's own record but the graph. */
static hmlc_status clone_record(const cloner *c, const hmlc_module *module)
{
    hmlc_module *copy = c->module;
    copy->diagnostics = module->diagnostics;
    copy->name = module->name;
    copy->producer = module->producer;
    copy->source_node_count = module->source_node_count;
    copy->fold = module->fold;
    copy->value_count = module->value_count;
    copy->growable_count = module->growable_count;
    copy->output_names = module->output_names;
    copy->state_count = module->state_count;
    copy->initial_states = module->initial_states;
    if (module->arena_bytes != NULL) {
        copy->arena_bytes = c->dims[module->arena_bytes->id];
    }
    return HMLC_OK;
}

static hmlc_status clone_graph(cloner *c, const hmlc_module *module)
{
    uint32_t things = hmlc_region_op_count(module->main, true) + region_count(module->main);
    c->dims = HMLC_NEW_ARRAY(c->scratch, hmlc_dim, module->dims->node_count);
    c->values = HMLC_NEW_ARRAY(c->scratch, hmlc_value *, module->value_count);
    c->pairs = HMLC_NEW_ARRAY(c->scratch, pair, things);
    HMLC_TRY_MEMORY(c->dims);
    HMLC_TRY_MEMORY(c->values);
    HMLC_TRY_MEMORY(c->pairs);
    c->module->dims = hmlc_dims_clone(module->dims, c->module->arena, c->dims);
    HMLC_TRY_MEMORY(c->module->dims);
    HMLC_TRY(clone_region(c, module->main, c->module->main));
    qsort(c->pairs, c->pair_count, sizeof(pair), compare_pairs);
    link_region(c, module->main);
    HMLC_TRY(link_equalities(c));
    return clone_record(c, module);
}

hmlc_status hmlc_module_clone(const hmlc_module *module, const hmlc_allocator *allocator,
                              hmlc_module **copy)
{
    cloner c = {.module = hmlc_module_create(allocator), .scratch = hmlc_arena_create(allocator)};
    hmlc_status status = c.module != NULL && c.scratch != NULL ? HMLC_OK : HMLC_RESOURCE;
    if (status == HMLC_OK) {
        status = clone_graph(&c, module);
    }
    hmlc_arena_destroy(c.scratch);
    if (status != HMLC_OK) {
        hmlc_module_destroy(c.module);
        return status;
    }
    *copy = c.module;
    return HMLC_OK;
}

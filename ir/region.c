/* Order of a region's ops. */
#include "graph_internal.h"

uint32_t hmlc_region_op_count(const hmlc_region *region, bool nested)
{
    uint32_t count = 0;
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        count++;
        for (uint32_t i = 0; nested && i < op->region_count; i++) {
            count += hmlc_region_op_count(op->regions[i], true);
        }
    }
    return count;
}

typedef enum visit_state { VISIT_NEW, VISIT_OPEN, VISIT_DONE } visit_state;

/* What the sort knows of an op of the region; op->note points here while it runs. */
typedef struct sort_entry {
    hmlc_op *op;
    void *note; /* the op's note, restored at the end */
    visit_state state;
    struct sort_edge *edges; /* ops that must come first */
    struct sort_edge *next_edge;
    struct sort_entry *waiting; /* stack of the depth-first walk */
} sort_entry;

typedef struct sort_edge {
    struct sort_edge *next;
    sort_entry *to;
} sort_edge;

typedef struct region_sort {
    hmlc_region *region;
    hmlc_arena *scratch;
    sort_entry *entries;
    uint32_t count;
    sort_entry **binders; /* per symbol: the bind_dims op of this region that defines it */
    uint32_t symbol_count;
} region_sort;

static hmlc_status add_edge(region_sort *sort, sort_entry *from, sort_entry *to)
{
    if (from == to) {
        return HMLC_OK;
    }
    sort_edge *edge = HMLC_NEW(sort->scratch, sort_edge);
    HMLC_TRY_MEMORY(edge);
    /* Kept in the order in which they are found, so that the result follows operand order. */
    sort_edge **end = from->next_edge == NULL ? &from->edges : &from->next_edge->next;
    edge->to = to;
    *end = edge;
    from->next_edge = edge;
    return HMLC_OK;
}

static hmlc_status add_dim_edges(region_sort *sort, sort_entry *entry, hmlc_dim dim)
{
    if (dim == NULL || !hmlc_dim_uses_run_symbol(dim)) {
        return HMLC_OK;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        sort_entry *binder =
            dim->symbol->index < sort->symbol_count ? sort->binders[dim->symbol->index] : NULL;
        return binder == NULL ? HMLC_OK : add_edge(sort, entry, binder);
    }
    HMLC_TRY(add_dim_edges(sort, entry, dim->a));
    HMLC_TRY(add_dim_edges(sort, entry, dim->b));
    return add_dim_edges(sort, entry, dim->c);
}

static hmlc_status add_list_edges(region_sort *sort, sort_entry *entry, const hmlc_dim *dims,
                                  uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        HMLC_TRY(add_dim_edges(sort, entry, dims[i]));
    }
    return HMLC_OK;
}

/* Edges for run-time symbols in the attributes and result types. */
static hmlc_status add_symbol_edges(region_sort *sort, sort_entry *entry, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->attr_count; i++) {
        const hmlc_attr *attr = &op->attrs[i];
        if (hmlc_attr_kind_of(attr->name) == HMLC_ATTR_KIND_DIMS) {
            HMLC_TRY(add_list_edges(sort, entry, attr->as.dims, attr->count));
        }
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        const hmlc_type *type = op->results[i]->type;
        if (type != NULL && type->kind == HMLC_KIND_TENSOR) {
            HMLC_TRY(add_list_edges(sort, entry, type->dims, (uint32_t)type->rank));
        }
    }
    return HMLC_OK;
}

/* Edges of `op`, which is entry's op or lies in one of its regions. */
static hmlc_status add_op_edges(region_sort *sort, sort_entry *entry, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = op->operands[i].value;
        if (value != NULL && value->producer != NULL && value->producer->parent == sort->region) {
            HMLC_TRY(add_edge(sort, entry, value->producer->note));
        }
    }
    HMLC_TRY(add_symbol_edges(sort, entry, op));
    for (uint32_t i = 0; i < op->region_count; i++) {
        for (const hmlc_op *inner = op->regions[i]->first; inner != NULL; inner = inner->next) {
            HMLC_TRY(add_op_edges(sort, entry, inner));
        }
    }
    return HMLC_OK;
}

static void note_binders(region_sort *sort, sort_entry *entry)
{
    const hmlc_attr *symbols = hmlc_op_has(entry->op, HMLC_TRAIT_BINDS)
                                   ? hmlc_op_attr(entry->op, HMLC_ATTR_symbols)
                                   : NULL;
    for (uint32_t i = 0; symbols != NULL && i < symbols->count; i++) {
        const hmlc_symbol *symbol = symbols->as.dims[i]->symbol;
        if (symbol != NULL && symbol->index < sort->symbol_count) {
            sort->binders[symbol->index] = entry;
        }
    }
}

/* The yield stays last: it waits for every other op. */
static hmlc_status add_yield_edges(region_sort *sort)
{
    for (uint32_t i = 0; i < sort->count; i++) {
        sort_entry *entry = &sort->entries[i];
        for (uint32_t k = 0; hmlc_op_has(entry->op, HMLC_TRAIT_TERMINATOR) && k < sort->count;
             k++) {
            HMLC_TRY(add_edge(sort, entry, &sort->entries[k]));
        }
    }
    return HMLC_OK;
}

static hmlc_status add_edges(region_sort *sort)
{
    for (uint32_t i = 0; i < sort->count; i++) {
        note_binders(sort, &sort->entries[i]);
    }
    for (uint32_t i = 0; i < sort->count; i++) {
        HMLC_TRY(add_op_edges(sort, &sort->entries[i], sort->entries[i].op));
    }
    HMLC_TRY(add_yield_edges(sort));
    for (uint32_t i = 0; i < sort->count; i++) {
        sort->entries[i].next_edge = sort->entries[i].edges;
    }
    return HMLC_OK;
}

static hmlc_status report_cycle(const hmlc_op *op)
{
    return hmlc_error_add(op->parent->module->diagnostics, HMLC_ERROR_graph_invalid, op->location,
                          NULL, "%s depends on its own result", hmlc_op_get_info(op->opcode)->name);
}

/* Depth first without recursion (graphs may be a long chain): emits what `entry` needs, then it. */
static hmlc_status visit(sort_entry *entry, hmlc_op **order, uint32_t *ordered)
{
    if (entry->state == VISIT_DONE) {
        return HMLC_OK;
    }
    entry->state = VISIT_OPEN;
    while (entry != NULL) {
        sort_edge *edge = entry->next_edge;
        if (edge == NULL) {
            entry->state = VISIT_DONE;
            order[(*ordered)++] = entry->op;
            entry = entry->waiting;
            continue;
        }
        entry->next_edge = edge->next;
        if (edge->to->state == VISIT_OPEN) {
            return report_cycle(edge->to->op);
        }
        if (edge->to->state == VISIT_NEW) {
            edge->to->state = VISIT_OPEN;
            edge->to->waiting = entry;
            entry = edge->to;
        }
    }
    return HMLC_OK;
}

static hmlc_status order_ops(region_sort *sort)
{
    hmlc_op **order = HMLC_NEW_ARRAY(sort->scratch, hmlc_op *, sort->count);
    HMLC_TRY_MEMORY(order);
    HMLC_TRY(add_edges(sort));
    uint32_t ordered = 0;
    for (uint32_t i = 0; i < sort->count; i++) {
        HMLC_TRY(visit(&sort->entries[i], order, &ordered));
    }
    for (uint32_t i = 0; i < ordered; i++) {
        hmlc_region_unlink(order[i]);
        hmlc_region_link(sort->region, order[i], NULL);
    }
    return HMLC_OK;
}

static hmlc_status sort_with_scratch(hmlc_region *region, hmlc_arena *scratch)
{
    region_sort sort = {.region = region, .scratch = scratch};
    sort.count = hmlc_region_op_count(region, false);
    sort.symbol_count = hmlc_symbol_count(region->module->dims);
    sort.entries = HMLC_NEW_ARRAY(scratch, sort_entry, sort.count);
    sort.binders = HMLC_NEW_ARRAY(scratch, sort_entry *, sort.symbol_count);
    HMLC_TRY_MEMORY(sort.entries);
    HMLC_TRY_MEMORY(sort.binders);
    uint32_t index = 0;
    for (hmlc_op *op = region->first; op != NULL; op = op->next) {
        sort.entries[index] = (sort_entry){.op = op, .note = op->note};
        op->note = &sort.entries[index++];
    }
    hmlc_status status = order_ops(&sort);
    for (uint32_t i = 0; i < sort.count; i++) {
        sort.entries[i].op->note = sort.entries[i].note;
    }
    return status;
}

hmlc_status hmlc_region_sort(hmlc_region *region)
{
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(scratch);
    hmlc_status status = sort_with_scratch(region, scratch);
    hmlc_arena_destroy(scratch);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <string.h>

enum { UNSEEN, OPEN, DONE };

typedef struct order_visit {
    uint32_t node;
    size_t next; /* the dependency to look at next */
} order_visit;

typedef struct order_walk {
    hmlc_importer *importer;
    const hmlc_ordered_graph *graph;
    const uint32_t *needs; /* of all nodes, one after the other */
    size_t *starts;        /* of each node's; node count + 1 */
    uint8_t *state;
    order_visit *stack;
    uint32_t *order;
} order_walk;

hmlc_status hmlc_needs_add(hmlc_needs *needs, uint32_t node)
{
    void *nodes = needs->nodes;
    if (!hmlc_arena_grow(needs->scratch, &nodes, &needs->capacity, needs->count,
                         sizeof *needs->nodes)) {
        return HMLC_RESOURCE;
    }
    needs->nodes = nodes;
    needs->nodes[needs->count++] = node;
    return HMLC_OK;
}

static void report_circle(const order_walk *w, uint32_t node, uint32_t needed)
{
    hmlc_module *module = w->importer->module;
    const hmlc_location *where = w->graph->locate(w->graph->context, node);
    if (node == needed) {
        (void)hmlc_error_add(module->diagnostics, HMLC_ERROR_value_undefined, where,
                             "a node cannot read what it produces itself",
                             "a circle: the node reads its own output");
        return;
    }
    (void)hmlc_error_add(
        module->diagnostics, HMLC_ERROR_value_undefined,
        hmlc_location_join(module->arena, where, w->graph->locate(w->graph->context, needed)),
        "break the circle: a node can only read what is computed before it",
        "nodes depend on each other in a circle, among them these two");
}

/* Walks from a node that has not been seen. */
static size_t order_from(const order_walk *w, uint32_t root, size_t ordered)
{
    size_t depth = 0;
    w->stack[depth++] = (order_visit){.node = root, .next = w->starts[root]};
    w->state[root] = OPEN;
    while (depth > 0) {
        order_visit *top = &w->stack[depth - 1];
        if (top->next == w->starts[top->node + 1]) {
            w->state[top->node] = DONE;
            w->order[ordered++] = top->node;
            depth--;
            continue;
        }
        uint32_t needed = w->needs[top->next++];
        if (w->state[needed] == OPEN) {
            report_circle(w, top->node, needed);
        } else if (w->state[needed] == UNSEEN) {
            w->stack[depth++] = (order_visit){.node = needed, .next = w->starts[needed]};
            w->state[needed] = OPEN;
        }
    }
    return ordered;
}

static hmlc_status order_nodes(hmlc_importer *importer, const hmlc_ordered_graph *graph,
                               uint32_t *order)
{
    uint32_t count = graph->node_count;
    hmlc_needs needs = {.scratch = importer->scratch};
    order_walk w = {.importer = importer,
                    .graph = graph,
                    .starts = HMLC_NEW_ARRAY(importer->scratch, size_t, (size_t)count + 1),
                    .state = HMLC_NEW_ARRAY(importer->scratch, uint8_t, count),
                    .stack = HMLC_NEW_ARRAY(importer->scratch, order_visit, count),
                    .order = order};
    HMLC_TRY_MEMORY(w.starts);
    HMLC_TRY_MEMORY(w.state);
    HMLC_TRY_MEMORY(w.stack);
    for (uint32_t i = 0; i < count; i++) {
        HMLC_TRY(graph->visit(graph->context, i, &needs));
        w.starts[i + 1] = needs.count;
    }
    w.needs = needs.nodes;
    size_t ordered = 0;
    for (uint32_t root = 0; root < count; root++) {
        ordered = w.state[root] == UNSEEN ? order_from(&w, root, ordered) : ordered;
    }
    return HMLC_OK;
}

hmlc_status hmlc_order_nodes(hmlc_importer *importer, const hmlc_ordered_graph *graph,
                             uint32_t *order)
{
    /* What the sort needs ends with it: graphs within graphs are gone through once a level. */
    hmlc_arena_mark mark = hmlc_arena_get_mark(importer->scratch);
    hmlc_status status = order_nodes(importer, graph, order);
    hmlc_arena_rewind(importer->scratch, mark);
    return status;
}

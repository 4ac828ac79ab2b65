/* Dependency order of a graph's nodes, by a depth-first walk that starts at each node in turn: a
 * graph in order keeps its order. Recursion would follow the file, so the stack is an array. */
#include "onnx_import.h"

#include <string.h>

enum { UNSEEN, OPEN, DONE };

/* The nodes that each node waits for, as one array with offsets. */
typedef struct dependencies {
    uint32_t *nodes;
    size_t count, capacity;
    size_t *starts; /* node count + 1 */
} dependencies;

typedef struct capture_collector {
    hmlc_onnx_importer *importer;
    hmlc_onnx_scope *scope;
    dependencies *found;
} capture_collector;

static hmlc_status add(capture_collector *collector, uint32_t node)
{
    dependencies *found = collector->found;
    if (found->count == found->capacity) {
        size_t capacity = found->capacity * 2 + 64;
        uint32_t *nodes = HMLC_NEW_ARRAY(collector->importer->scratch, uint32_t, capacity);
        HMLC_TRY_MEMORY(nodes);
        if (found->count > 0) {
            memcpy(nodes, found->nodes, found->count * sizeof *nodes);
        }
        found->nodes = nodes;
        found->capacity = capacity;
    }
    found->nodes[found->count++] = node;
    return HMLC_OK;
}

static hmlc_status add_producer(void *context, const char *name)
{
    capture_collector *collector = context;
    const hmlc_onnx_binding *binding = hmlc_names_find(&collector->scope->bindings, name);
    return binding != NULL && binding->producer != UINT32_MAX ? add(collector, binding->producer)
                                                              : HMLC_OK;
}

static void report_cycle(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope, uint32_t node,
                         uint32_t needed)
{
    const Onnx__NodeProto *a = scope->graph->node[node], *b = scope->graph->node[needed];
    const hmlc_location *where = hmlc_onnx_locate(importer, scope, a, node);
    if (node == needed) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_value_undefined, where,
                             "a node cannot read what it produces itself",
                             "a circle: the node reads its own output");
        return;
    }
    (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_value_undefined,
                         hmlc_location_join(importer->module->arena, where,
                                            hmlc_onnx_locate(importer, scope, b, needed)),
                         "break the circle: a node can only read what is computed before it",
                         "nodes depend on each other in a circle, among them these two");
}

typedef struct visit {
    uint32_t node;
    size_t next; /* the dependency to look at next */
} visit;

static void order_nodes(hmlc_onnx_importer *importer, const hmlc_onnx_scope *scope,
                        const dependencies *needs, uint8_t *state, visit *stack, uint32_t *order)
{
    size_t ordered = 0;
    for (uint32_t root = 0; root < scope->graph->n_node; root++) {
        size_t depth = 0;
        if (state[root] == UNSEEN) {
            stack[depth++] = (visit){.node = root, .next = needs->starts[root]};
            state[root] = OPEN;
        }
        while (depth > 0) {
            visit *top = &stack[depth - 1];
            if (top->next == needs->starts[top->node + 1]) {
                state[top->node] = DONE;
                order[ordered++] = top->node;
                depth--;
                continue;
            }
            uint32_t needed = needs->nodes[top->next++];
            if (state[needed] == OPEN) {
                report_cycle(importer, scope, top->node, needed);
            } else if (state[needed] == UNSEEN) {
                stack[depth++] = (visit){.node = needed, .next = needs->starts[needed]};
                state[needed] = OPEN;
            }
        }
    }
}

static hmlc_status sort_nodes(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope, uint32_t *order)
{
    size_t count = scope->graph->n_node;
    dependencies needs = {.starts = HMLC_NEW_ARRAY(importer->scratch, size_t, count + 1)};
    uint8_t *state = HMLC_NEW_ARRAY(importer->scratch, uint8_t, count);
    visit *stack = HMLC_NEW_ARRAY(importer->scratch, visit, count);
    HMLC_TRY_MEMORY(needs.starts);
    HMLC_TRY_MEMORY(state);
    HMLC_TRY_MEMORY(stack);
    capture_collector collector = {.importer = importer, .scope = scope, .found = &needs};
    for (size_t i = 0; i < count; i++) {
        HMLC_TRY(hmlc_onnx_visit_reads(importer->scratch, scope->graph->node[i], add_producer,
                                       &collector));
        needs.starts[i + 1] = needs.count;
    }
    order_nodes(importer, scope, &needs, state, stack, order);
    return HMLC_OK;
}

hmlc_status hmlc_onnx_sort(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope, uint32_t *order)
{
    /* What the sort needs ends with it: graphs within graphs are gone through once a level. */
    hmlc_arena_mark mark = hmlc_arena_get_mark(importer->scratch);
    hmlc_status status = sort_nodes(importer, scope, order);
    hmlc_arena_rewind(importer->scratch, mark);
    return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A graph's nodes in dependency order: whose outputs a node reads, those that its subgraphs capture
 * among them. */
#include "importer/order.h"

#include "onnx_import.h"

typedef struct sorted_graph {
    hmlc_onnx_importer *importer;
    const hmlc_onnx_scope *scope;
    hmlc_needs *needs; /* of the node being visited */
} sorted_graph;

static hmlc_status add_producer(void *context, const char *name)
{
    const sorted_graph *sorted = context;
    const hmlc_binding *binding = hmlc_scope_find(&sorted->scope->names, name);
    return binding != NULL && binding->producer != HMLC_NO_PRODUCER
               ? hmlc_needs_add(sorted->needs, binding->producer)
               : HMLC_OK;
}

static hmlc_status visit_node(void *context, uint32_t node, hmlc_needs *needs)
{
    sorted_graph *sorted = context;
    sorted->needs = needs;
    return hmlc_onnx_visit_reads(needs->scratch, sorted->scope->graph->node[node], add_producer,
                                 sorted);
}

static const hmlc_location *locate(void *context, uint32_t node)
{
    const sorted_graph *sorted = context;
    return hmlc_onnx_locate(sorted->importer, sorted->scope, sorted->scope->graph->node[node],
                            node);
}

hmlc_status hmlc_onnx_sort(hmlc_onnx_importer *importer, hmlc_onnx_scope *scope, uint32_t *order)
{
    sorted_graph sorted = {.importer = importer, .scope = scope};
    const hmlc_ordered_graph graph = {.node_count = (uint32_t)scope->graph->n_node,
                                      .context = &sorted,
                                      .visit = visit_node,
                                      .locate = locate};
    return hmlc_order_nodes(importer->base, &graph, order);
}

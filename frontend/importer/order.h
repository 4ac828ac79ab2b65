/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dependency order of a graph's nodes, by a depth-first walk that starts at each node in turn: a
 * graph in order keeps its order. Recursion would follow the file, so the stack is an array.
 */
#ifndef HMLC_ORDER_H
#define HMLC_ORDER_H

#include "importer.h"

/* The nodes that each node waits for, being collected. */
typedef struct hmlc_needs {
    hmlc_arena *scratch;
    uint32_t *nodes;
    uint32_t count, capacity;
} hmlc_needs;

/* Adds a node that the one being asked for waits for. */
hmlc_status hmlc_needs_add(hmlc_needs *needs, uint32_t node) HMLC_MUST_USE;

/* A graph, as the order needs to know it. */
typedef struct hmlc_ordered_graph {
    uint32_t node_count;
    void *context;
    /* Adds what node `node` waits for. */
    hmlc_status (*visit)(void *context, uint32_t node, hmlc_needs *needs);
    /* Where it is, for messages. */
    const hmlc_location *(*locate)(void *context, uint32_t node);
} hmlc_ordered_graph;

/* Fills order[node_count]. A circle is an error that names two of its nodes; they are ordered all
 * the same. */
hmlc_status hmlc_order_nodes(hmlc_importer *importer, const hmlc_ordered_graph *graph,
                             uint32_t *order) HMLC_MUST_USE;

#endif

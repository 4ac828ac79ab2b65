/* SPDX-License-Identifier: Apache-2.0 */
/* Layout: maximum flow by Dinic's algorithm, over shortest paths, without recursion. */
#include "layout.h"

#include <string.h>

typedef struct flow_edge {
    uint32_t to, next; /* next edge of the same node; 0: none */
    int64_t capacity;  /* what is left */
} flow_edge;

struct hmlc_layout_flow {
    hmlc_arena *arena;
    uint32_t node_count, node_capacity, edge_count, edge_capacity;
    flow_edge *edges; /* edge e and e ^ 1 are the two directions; 0 and 1 are unused */
    uint32_t *first;  /* edge of each node */
    uint32_t *current, *level, *queue, *path; /* of a run, by node */
    bool failed;                              /* no memory for a node or an edge */
};

hmlc_layout_flow *hmlc_layout_flow_create(hmlc_arena *arena)
{
    hmlc_layout_flow *flow = HMLC_NEW(arena, hmlc_layout_flow);
    if (flow != NULL) {
        *flow = (hmlc_layout_flow){.arena = arena, .edge_count = 2};
        (void)hmlc_layout_flow_node(flow); /* HMLC_LAYOUT_SOURCE */
        (void)hmlc_layout_flow_node(flow); /* HMLC_LAYOUT_SINK */
    }
    return flow;
}

/* Twice the room, or NULL and the flow has failed. */
static void *grow(hmlc_layout_flow *flow, const void *items, uint32_t count, uint32_t *capacity,
                  size_t bytes)
{
    uint32_t larger = *capacity < 128 ? 256 : *capacity * 2;
    void *grown = larger > *capacity ? hmlc_arena_allocate_array(flow->arena, larger, bytes) : NULL;
    flow->failed = flow->failed || grown == NULL;
    if (grown != NULL) {
        *capacity = larger;
    }
    if (grown != NULL && items != NULL) {
        memcpy(grown, items, count * bytes);
    }
    return grown;
}

uint32_t hmlc_layout_flow_node(hmlc_layout_flow *flow)
{
    if (flow->node_count == flow->node_capacity) {
        uint32_t *first =
            grow(flow, flow->first, flow->node_count, &flow->node_capacity, sizeof *first);
        if (first == NULL) {
            return HMLC_LAYOUT_SOURCE;
        }
        flow->first = first;
    }
    return flow->node_count++;
}

void hmlc_layout_flow_edge(hmlc_layout_flow *flow, uint32_t from, uint32_t to, int64_t forward,
                           int64_t backward)
{
    if (from == to || (forward == 0 && backward == 0) || flow->failed) {
        return;
    }
    if (flow->edge_count + 2 > flow->edge_capacity) {
        flow_edge *edges =
            grow(flow, flow->edges, flow->edge_count, &flow->edge_capacity, sizeof *edges);
        if (edges == NULL) {
            return;
        }
        flow->edges = edges;
    }
    uint32_t edge = flow->edge_count;
    flow->edge_count += 2;
    flow->edges[edge] = (flow_edge){to, flow->first[from], forward};
    flow->first[from] = edge;
    flow->edges[edge + 1] = (flow_edge){from, flow->first[to], backward};
    flow->first[to] = edge + 1;
}

/* Distances from the source over edges with capacity left; level 0: not reached. True: the sink is.
 */
static bool measure(hmlc_layout_flow *flow)
{
    for (uint32_t i = 0; i < flow->node_count; i++) {
        flow->level[i] = 0;
        flow->current[i] = flow->first[i];
    }
    uint32_t begin = 0, end = 0;
    flow->level[HMLC_LAYOUT_SOURCE] = 1;
    flow->queue[end++] = HMLC_LAYOUT_SOURCE;
    while (begin < end) {
        uint32_t node = flow->queue[begin++];
        for (uint32_t e = flow->first[node]; e != 0; e = flow->edges[e].next) {
            uint32_t to = flow->edges[e].to;
            if (flow->edges[e].capacity > 0 && flow->level[to] == 0) {
                flow->level[to] = flow->level[node] + 1;
                flow->queue[end++] = to;
            }
        }
    }
    return flow->level[HMLC_LAYOUT_SINK] != 0;
}

/* Sends what the path carries; returns the length of the path up to the first edge that is full. */
static uint32_t push_path(hmlc_layout_flow *flow, uint32_t length)
{
    int64_t amount = INT64_MAX;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < length; i++) {
        int64_t capacity = flow->edges[flow->path[i]].capacity;
        if (capacity < amount) {
            amount = capacity;
            kept = i;
        }
    }
    for (uint32_t i = 0; i < length; i++) {
        flow->edges[flow->path[i]].capacity -= amount;
        flow->edges[flow->path[i] ^ 1].capacity += amount;
    }
    return kept;
}

/* Fills all shortest paths: walks on where an edge leads one level up, and back where none does. */
static void block(hmlc_layout_flow *flow)
{
    uint32_t length = 0, node = HMLC_LAYOUT_SOURCE;
    for (;;) {
        if (node == HMLC_LAYOUT_SINK) {
            length = push_path(flow, length);
            node = flow->edges[flow->path[length] ^ 1].to;
            continue;
        }
        uint32_t edge = flow->current[node];
        while (edge != 0 && !(flow->edges[edge].capacity > 0 &&
                              flow->level[flow->edges[edge].to] == flow->level[node] + 1)) {
            edge = flow->edges[edge].next;
        }
        flow->current[node] = edge;
        if (edge != 0) {
            flow->path[length++] = edge;
            node = flow->edges[edge].to;
        } else if (length > 0) {
            flow->level[node] = 0;
            edge = flow->path[--length];
            node = flow->edges[edge ^ 1].to;
        } else {
            return;
        }
    }
}

hmlc_status hmlc_layout_flow_run(hmlc_layout_flow *flow)
{
    if (flow->failed) {
        return HMLC_RESOURCE;
    }
    uint32_t **tables[] = {&flow->current, &flow->level, &flow->queue, &flow->path};
    for (size_t k = 0; k < sizeof tables / sizeof tables[0]; k++) {
        *tables[k] = HMLC_NEW_ARRAY(flow->arena, uint32_t, flow->node_count);
        HMLC_TRY_MEMORY(*tables[k]);
    }
    while (measure(flow)) {
        block(flow);
    }
    return HMLC_OK;
}

bool hmlc_layout_flow_at_source(const hmlc_layout_flow *flow, uint32_t node)
{
    return flow->level[node] != 0;
}

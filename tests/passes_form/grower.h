/* SPDX-License-Identifier: Apache-2.0 */
/* Random graphs: a kit, a pool of the values so far, and choices that a seed decides. */
#ifndef GROWER_H
#define GROWER_H

#include "graph_kit.h"

enum { POOL = 64 };

typedef struct grower {
    kit k;
    uint32_t random;
    V pool[POOL];
    uint32_t count;
} grower;

static inline uint32_t pick(grower *g, uint32_t limit)
{
    g->random = g->random * 1664525u + 1013904223u;
    return (g->random >> 10) % limit;
}

/* Any value once in `odds` times, else one of the last `recent`: chains and diamonds, not a fan. */
static inline V pick_value(grower *g, uint32_t odds, uint32_t recent)
{
    uint32_t last = g->count < recent ? g->count : recent;
    uint32_t back = pick(g, odds) == 0 ? pick(g, g->count) : pick(g, last);
    return g->pool[g->count - 1 - back];
}

static inline void keep(grower *g, V value)
{
    if (value != NULL && g->count < POOL) {
        g->pool[g->count++] = value;
    }
}

static inline bool same_shape(const hmlc_value *a, const hmlc_value *b)
{
    bool same = a->type->rank == b->type->rank;
    for (int32_t i = 0; same && i < a->type->rank; i++) {
        same = a->type->dims[i] == b->type->dims[i];
    }
    return same;
}

#endif

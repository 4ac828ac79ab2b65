/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a table of dim expressions: same symbols, same nodes under the same ids, so that what
 * is built on it later gets the ids that the original would have given. */
#include <string.h>

#include "dim_internal.h"

static bool clone_symbols(const hmlc_dims *dims, hmlc_dims *copy)
{
    size_t slots = 2 * (size_t)dims->symbol_capacity;
    copy->symbols = HMLC_NEW_ARRAY(copy->arena, hmlc_symbol *, dims->symbol_capacity);
    copy->symbol_table = hmlc_arena_copy(copy->arena, dims->symbol_table, slots * sizeof(uint32_t));
    if (copy->symbols == NULL || copy->symbol_table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < dims->symbol_count; i++) {
        copy->symbols[i] = hmlc_arena_copy(copy->arena, dims->symbols[i], sizeof(hmlc_symbol));
        if (copy->symbols[i] == NULL) {
            return false;
        }
    }
    return true;
}

static hmlc_dim mapped(const hmlc_dim *by_id, hmlc_dim dim)
{
    return dim != NULL ? by_id[dim->id] : NULL;
}

/* In the order of ids: operands come before their users. */
static bool clone_nodes(hmlc_dims *copy, hmlc_dim *by_id)
{
    for (uint32_t id = 0; id < copy->node_count; id++) {
        struct hmlc_dim_node *node = HMLC_NEW(copy->arena, struct hmlc_dim_node);
        if (node == NULL) {
            return false;
        }
        *node = *by_id[id];
        node->a = mapped(by_id, node->a);
        node->b = mapped(by_id, node->b);
        node->c = mapped(by_id, node->c);
        if (node->symbol != NULL) {
            node->symbol = copy->symbols[node->symbol->index];
        }
        by_id[id] = node;
    }
    return true;
}

/* A node's slot follows from ids and indices, which stay. */
static bool clone_table(const hmlc_dims *dims, hmlc_dims *copy, hmlc_dim *by_id)
{
    copy->nodes = HMLC_NEW_ARRAY(copy->arena, struct hmlc_dim_node *, dims->node_capacity);
    if (copy->nodes == NULL) {
        return false;
    }
    for (uint32_t slot = 0; slot < dims->node_capacity; slot++) {
        if (dims->nodes[slot] != NULL) {
            by_id[dims->nodes[slot]->id] = dims->nodes[slot];
        }
    }
    if (!clone_nodes(copy, by_id)) {
        return false;
    }
    for (uint32_t slot = 0; slot < dims->node_capacity; slot++) {
        if (dims->nodes[slot] != NULL) {
            copy->nodes[slot] = (struct hmlc_dim_node *)by_id[dims->nodes[slot]->id];
        }
    }
    return true;
}

static bool clone_equalities(const hmlc_dims *dims, hmlc_dims *copy, const hmlc_dim *by_id)
{
    size_t slots = 2 * (size_t)dims->equality_capacity;
    if (slots == 0) {
        return true;
    }
    copy->equalities = HMLC_NEW_ARRAY(copy->arena, hmlc_dim_equality, dims->equality_capacity);
    copy->equality_table =
        hmlc_arena_copy(copy->arena, dims->equality_table, slots * sizeof(uint32_t));
    if (copy->equalities == NULL || copy->equality_table == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        copy->equalities[i] = dims->equalities[i];
        copy->equalities[i].left = mapped(by_id, dims->equalities[i].left);
        copy->equalities[i].right = mapped(by_id, dims->equalities[i].right);
    }
    return true;
}

hmlc_dims *hmlc_dims_clone(const hmlc_dims *dims, hmlc_arena *arena, hmlc_dim *by_id)
{
    hmlc_dims *copy = hmlc_arena_copy(arena, dims, sizeof *dims);
    if (copy == NULL) {
        return NULL;
    }
    copy->arena = arena;
    copy->asker = (hmlc_dim_asker){0};
    if (!clone_symbols(dims, copy) || !clone_table(dims, copy, by_id) ||
        !clone_equalities(dims, copy, by_id)) {
        return NULL;
    }
    copy->zero = mapped(by_id, dims->zero);
    return copy;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The table of dim expressions: interning, symbols, equalities, failure. */
#include <stdio.h>
#include <string.h>

#include "dim_internal.h"

#define FIRST_CAPACITY 64

static struct hmlc_dim_node *new_node(hmlc_dims *dims, const struct hmlc_dim_node *content)
{
    struct hmlc_dim_node *node = HMLC_NEW(dims->arena, struct hmlc_dim_node);
    if (node != NULL) {
        *node = *content;
        node->id = dims->node_count;
        hmlc_dim_derive(node);
    }
    return node;
}

static bool create_tables(hmlc_dims *dims)
{
    dims->node_capacity = FIRST_CAPACITY;
    dims->symbol_capacity = FIRST_CAPACITY;
    dims->nodes = HMLC_NEW_ARRAY(dims->arena, struct hmlc_dim_node *, FIRST_CAPACITY);
    dims->symbols = HMLC_NEW_ARRAY(dims->arena, hmlc_symbol *, FIRST_CAPACITY);
    dims->symbol_table = HMLC_NEW_ARRAY(dims->arena, uint32_t, 2 * FIRST_CAPACITY);
    return dims->nodes != NULL && dims->symbols != NULL && dims->symbol_table != NULL;
}

hmlc_dims *hmlc_dims_create(hmlc_arena *arena)
{
    hmlc_dims *dims = HMLC_NEW(arena, hmlc_dims);
    if (dims == NULL) {
        return NULL;
    }
    dims->arena = arena;
    if (!create_tables(dims)) {
        return NULL;
    }
    dims->zero = hmlc_dim_constant(dims, 0);
    return dims->zero == NULL ? NULL : dims;
}

hmlc_dim hmlc_dim_fail(hmlc_dims *dims, hmlc_status status)
{
    if (dims->status == HMLC_OK) {
        dims->status = status;
    }
    return dims->zero;
}

hmlc_status hmlc_dims_status(const hmlc_dims *dims)
{
    return dims->status;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint32_t id_or_none(hmlc_dim dim)
{
    return dim == NULL ? UINT32_MAX : dim->id;
}

static uint32_t hash_node(const struct hmlc_dim_node *node)
{
    uint64_t hash = mix((uint64_t)node->kind + 1, (uint64_t)node->value);
    hash = mix(hash, node->symbol == NULL ? UINT32_MAX : node->symbol->index);
    hash = mix(hash, id_or_none(node->a));
    hash = mix(hash, id_or_none(node->b));
    hash = mix(hash, id_or_none(node->c));
    return (uint32_t)(hash >> 16);
}

static bool same_node(const struct hmlc_dim_node *left, const struct hmlc_dim_node *right)
{
    return left->kind == right->kind && left->value == right->value &&
           left->symbol == right->symbol && left->a == right->a && left->b == right->b &&
           left->c == right->c;
}

/* The slot of an equal node, or the empty one where it belongs. */
static struct hmlc_dim_node **find_slot(struct hmlc_dim_node **nodes, uint32_t capacity,
                                        const struct hmlc_dim_node *content)
{
    uint32_t slot = hash_node(content) & (capacity - 1);
    while (nodes[slot] != NULL && !same_node(nodes[slot], content)) {
        slot = (slot + 1) & (capacity - 1);
    }
    return &nodes[slot];
}

static bool grow_nodes(hmlc_dims *dims)
{
    if (dims->node_capacity > UINT32_MAX / 4) {
        return false;
    }
    uint32_t capacity = dims->node_capacity * 2;
    struct hmlc_dim_node **nodes = HMLC_NEW_ARRAY(dims->arena, struct hmlc_dim_node *, capacity);
    if (nodes == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < dims->node_capacity; i++) {
        if (dims->nodes[i] != NULL) {
            *find_slot(nodes, capacity, dims->nodes[i]) = dims->nodes[i];
        }
    }
    dims->nodes = nodes;
    dims->node_capacity = capacity;
    return true;
}

static hmlc_dim intern(hmlc_dims *dims, const struct hmlc_dim_node *content)
{
    struct hmlc_dim_node **slot = find_slot(dims->nodes, dims->node_capacity, content);
    if (*slot != NULL) {
        return *slot;
    }
    if (dims->node_count >= dims->node_capacity / 2) {
        if (!grow_nodes(dims)) {
            return hmlc_dim_fail(dims, HMLC_RESOURCE);
        }
        slot = find_slot(dims->nodes, dims->node_capacity, content);
    }
    struct hmlc_dim_node *node = new_node(dims, content);
    if (node == NULL || node->size > DIM_MAX_SIZE) {
        return hmlc_dim_fail(dims, node == NULL ? HMLC_RESOURCE : HMLC_REFUSED);
    }
    dims->node_count++;
    *slot = node;
    return node;
}

hmlc_dim hmlc_dim_intern(hmlc_dims *dims, hmlc_dim_kind kind, hmlc_dim a, hmlc_dim b, hmlc_dim c)
{
    struct hmlc_dim_node content = {.kind = kind, .a = a, .b = b, .c = c};
    return intern(dims, &content);
}

hmlc_dim hmlc_dim_constant(hmlc_dims *dims, int64_t value)
{
    struct hmlc_dim_node content = {.kind = HMLC_DIM_CONSTANT, .value = value};
    return intern(dims, &content);
}

hmlc_dim hmlc_dim_symbol(hmlc_dims *dims, const hmlc_symbol *symbol)
{
    if (symbol == NULL) { /* what symbol_get returns without memory */
        return hmlc_dim_fail(dims, HMLC_RESOURCE);
    }
    struct hmlc_dim_node content = {.kind = HMLC_DIM_SYMBOL, .symbol = symbol};
    return intern(dims, &content);
}

static uint32_t hash_name(const char *name)
{
    uint64_t hash = 1;
    for (; *name != '\0'; name++) {
        hash = mix(hash, (unsigned char)*name);
    }
    return (uint32_t)(hash >> 16);
}

/* The slot of the symbol's index + 1, or an empty one. */
static uint32_t *find_symbol(const hmlc_dims *dims, const char *name)
{
    uint32_t mask = 2 * dims->symbol_capacity - 1;
    uint32_t slot = hash_name(name) & mask;
    while (dims->symbol_table[slot] != 0 &&
           strcmp(dims->symbols[dims->symbol_table[slot] - 1]->name, name) != 0) {
        slot = (slot + 1) & mask;
    }
    return &dims->symbol_table[slot];
}

static bool grow_symbols(hmlc_dims *dims)
{
    if (dims->symbol_capacity > UINT32_MAX / 8) {
        return false;
    }
    uint32_t capacity = dims->symbol_capacity * 2;
    hmlc_symbol **symbols = HMLC_NEW_ARRAY(dims->arena, hmlc_symbol *, capacity);
    uint32_t *table = HMLC_NEW_ARRAY(dims->arena, uint32_t, 2 * (size_t)capacity);
    if (symbols == NULL || table == NULL) {
        return false;
    }
    memcpy(symbols, dims->symbols, dims->symbol_count * sizeof symbols[0]);
    dims->symbols = symbols;
    dims->symbol_table = table;
    dims->symbol_capacity = capacity;
    for (uint32_t i = 0; i < dims->symbol_count; i++) {
        *find_symbol(dims, symbols[i]->name) = i + 1;
    }
    return true;
}

hmlc_symbol *hmlc_symbol_find(hmlc_dims *dims, const char *name)
{
    uint32_t found = *find_symbol(dims, name);
    return found == 0 ? NULL : dims->symbols[found - 1];
}

hmlc_symbol *hmlc_symbol_get(hmlc_dims *dims, const char *name)
{
    hmlc_symbol *symbol = hmlc_symbol_find(dims, name);
    if (symbol != NULL) {
        return symbol;
    }
    symbol = HMLC_NEW(dims->arena, hmlc_symbol);
    char *copy = hmlc_arena_string(dims->arena, name);
    bool room = dims->symbol_count < dims->symbol_capacity || grow_symbols(dims);
    if (symbol == NULL || copy == NULL || !room) {
        hmlc_dim_fail(dims, HMLC_RESOURCE);
        return NULL;
    }
    *symbol = (hmlc_symbol){.name = copy,
                            .maximum = HMLC_DIM_UNBOUNDED,
                            .multiple = 1,
                            .hint = 64,
                            .index = dims->symbol_count};
    *find_symbol(dims, copy) = symbol->index + 1;
    dims->symbols[dims->symbol_count++] = symbol;
    return symbol;
}

hmlc_symbol *hmlc_symbol_fresh(hmlc_dims *dims, const char *prefix)
{
    char *name;
    do {
        name = hmlc_arena_printf(dims->arena, "%s%u", prefix, dims->fresh_count++);
        if (name == NULL) {
            hmlc_dim_fail(dims, HMLC_RESOURCE);
            return NULL;
        }
    } while (hmlc_symbol_find(dims, name) != NULL);
    hmlc_symbol *symbol = hmlc_symbol_get(dims, name);
    if (symbol != NULL) {
        symbol->minimum = 0;
        symbol->bound_at_run = true;
    }
    return symbol;
}

uint32_t hmlc_symbol_count(const hmlc_dims *dims)
{
    return dims->symbol_count;
}

hmlc_symbol *hmlc_symbol_at(hmlc_dims *dims, uint32_t index)
{
    return dims->symbols[index];
}

/* The slot of the pair's index + 1 (in either order; of one of them where several branches need
 * it), or an empty one. */
static uint32_t *find_equality(const hmlc_dims *dims, hmlc_dim left, hmlc_dim right)
{
    uint32_t least = left->id < right->id ? left->id : right->id;
    uint32_t mask = 2 * dims->equality_capacity - 1;
    uint32_t slot = (uint32_t)(mix(mix(1, least), left->id ^ right->id) >> 16) & mask;
    for (;; slot = (slot + 1) & mask) {
        uint32_t *entry = &dims->equality_table[slot];
        const hmlc_dim_equality *known = *entry == 0 ? NULL : &dims->equalities[*entry - 1];
        if (known == NULL || (known->left == left && known->right == right) ||
            (known->left == right && known->right == left)) {
            return entry;
        }
    }
}

/* Of an empty table. */
static void fill_table(hmlc_dims *dims)
{
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        *find_equality(dims, dims->equalities[i].left, dims->equalities[i].right) = i + 1;
    }
}

static bool grow_equalities(hmlc_dims *dims)
{
    uint32_t capacity = dims->equality_capacity == 0 ? 16 : dims->equality_capacity * 2;
    if (capacity > UINT32_MAX / 4) {
        return false;
    }
    hmlc_dim_equality *grown = HMLC_NEW_ARRAY(dims->arena, hmlc_dim_equality, capacity);
    uint32_t *table = HMLC_NEW_ARRAY(dims->arena, uint32_t, 2 * (size_t)capacity);
    if (grown == NULL || table == NULL) {
        return false;
    }
    if (dims->equality_count > 0) {
        memcpy(grown, dims->equalities, dims->equality_count * sizeof grown[0]);
    }
    dims->equalities = grown;
    dims->equality_table = table;
    dims->equality_capacity = capacity;
    fill_table(dims);
    return true;
}

/* The pair of equality `index` is required by `branch` or by the main graph, there or elsewhere. */
static bool is_required(const hmlc_dims *dims, uint32_t index, const struct hmlc_region *branch)
{
    const hmlc_dim_equality *wanted = &dims->equalities[index];
    if (wanted->branch == NULL || wanted->branch == branch) {
        return true;
    }
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        const hmlc_dim_equality *known = &dims->equalities[i];
        bool same = (known->left == wanted->left && known->right == wanted->right) ||
                    (known->left == wanted->right && known->right == wanted->left);
        if (same && (known->branch == NULL || known->branch == branch)) {
            return true;
        }
    }
    return false;
}

/* What the main graph requires now, no branch has to. */
static void drop_covered(hmlc_dims *dims)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        if (dims->equalities[i].branch == NULL || !is_required(dims, i, NULL)) {
            dims->equalities[kept++] = dims->equalities[i];
        }
    }
    dims->equality_count = kept;
    memset(dims->equality_table, 0, 2 * dims->equality_capacity * sizeof *dims->equality_table);
    fill_table(dims);
}

static hmlc_status require_equal(hmlc_dims *dims, hmlc_dim_asker asker, hmlc_dim left,
                                 hmlc_dim right, const struct hmlc_location *location)
{
    if (hmlc_dim_known_equal(dims, left, right)) {
        return HMLC_OK;
    }
    if (dims->equality_count == dims->equality_capacity && !grow_equalities(dims)) {
        return HMLC_RESOURCE;
    }
    uint32_t *entry = find_equality(dims, left, right);
    if (*entry != 0 && (asker.unplaced || is_required(dims, *entry - 1, asker.branch))) {
        return HMLC_OK;
    }
    if (*entry != 0 && asker.branch == NULL) {
        dims->equalities[*entry - 1].branch = NULL;
        drop_covered(dims);
        return HMLC_OK;
    }
    dims->equalities[dims->equality_count++] = (hmlc_dim_equality){
        .left = left, .right = right, .location = location, .branch = asker.branch};
    *entry = dims->equality_count;
    return HMLC_OK;
}

hmlc_status hmlc_dims_require_equal(hmlc_dims *dims, hmlc_dim left, hmlc_dim right,
                                    const struct hmlc_location *location)
{
    return require_equal(dims, dims->asker, left, right, location);
}

hmlc_status hmlc_dims_require_equal_in(hmlc_dims *dims, const struct hmlc_region *branch,
                                       hmlc_dim left, hmlc_dim right,
                                       const struct hmlc_location *location)
{
    return require_equal(dims, (hmlc_dim_asker){.branch = branch}, left, right, location);
}

void hmlc_dims_move_equalities(hmlc_dims *dims, const struct hmlc_region *from,
                               const struct hmlc_region *to)
{
    for (uint32_t i = 0; i < dims->equality_count; i++) {
        if (dims->equalities[i].branch == from && !is_required(dims, i, to)) {
            dims->equalities[i].branch = to;
        }
    }
    if (to == NULL && dims->equality_count > 0) {
        drop_covered(dims);
    }
}

bool hmlc_dim_equality_of_sign(const hmlc_dim_equality *equality)
{
    return (hmlc_dim_is(equality->left, 0) && equality->right->maximum <= 0) ||
           (hmlc_dim_is(equality->right, 0) && equality->left->maximum <= 0);
}

uint32_t hmlc_dims_equality_count(const hmlc_dims *dims)
{
    return dims->equality_count;
}

const hmlc_dim_equality *hmlc_dims_equality_at(const hmlc_dims *dims, uint32_t index)
{
    return &dims->equalities[index];
}

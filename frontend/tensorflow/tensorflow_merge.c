/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Branches of TensorFlow 1. What decides a Merge is the predicate whose one side alone leads to one
 * of its inputs, and the other side alone to the other: a predicate of a branch within shows both
 * sides behind one input, one around it the same side behind both.
 */
#include "tensorflow_frame.h"

#include <string.h>

/* Nodes that searches may visit in all: many Merges above each other would ask for the square. */
enum { MOST_VISITS = 20000000 };
enum { SIDE_FALSE = 1, SIDE_TRUE = 2 };

typedef struct hmlc_tf_merge {
    const char *predicate;              /* a tensor */
    uint32_t sides[2];                  /* input of the Merge where it is true, where it is false */
    const Tensorflow__NodeDef **choose; /* Switch nodes by that predicate */
    uint32_t choose_count;
    char **needs; /* the predicate, then what each Switch reads */
} hmlc_tf_merge;

/* A predicate, and which sides of it were met. */
typedef struct side {
    const char *predicate;
    uint32_t bits;
    struct side *next;
} side;

typedef struct found_switch {
    const Tensorflow__NodeDef *def;
    const char *predicate;
    struct found_switch *next;
} found_switch;

/* Which Switch nodes are behind an input of a Merge. */
typedef struct search {
    hmlc_tf_importer *importer;
    const hmlc_tf_scope *scope;
    hmlc_names seen, by_name; /* tensors; predicates -> side */
    const hmlc_tf_entry **stack;
    uint32_t depth, room;
    side *sides;
    found_switch *switches;
} search;

/* The name of a predicate, behind identities; NULL: none. */
static const char *predicate_of(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                const Tensorflow__NodeDef *choose)
{
    hmlc_tf_ref ref;
    if (choose->n_input < 2) {
        return NULL;
    }
    (void)hmlc_tf_trace(importer, graph, choose->input[1], &ref);
    return ref.key;
}

static bool note_side(search *s, const Tensorflow__NodeDef *choose, uint32_t output)
{
    hmlc_arena *scratch = s->importer->base->scratch;
    const char *predicate = predicate_of(s->importer, s->scope->graph, choose);
    if (predicate == NULL) {
        return true;
    }
    side *own = hmlc_names_find(&s->by_name, predicate);
    found_switch *found = HMLC_NEW(scratch, found_switch);
    if (own == NULL) {
        own = HMLC_NEW(scratch, side);
        if (own == NULL || hmlc_names_set(&s->by_name, predicate, own) != HMLC_OK) {
            return false;
        }
        *own = (side){.predicate = predicate, .next = s->sides};
        s->sides = own;
    }
    own->bits |= output == 0 ? SIDE_FALSE : SIDE_TRUE;
    if (found == NULL) {
        return false;
    }
    *found = (found_switch){choose, predicate, s->switches};
    s->switches = found;
    return true;
}

/* The stack has room for every tensor that is seen. */
static bool push(search *s, const char *text)
{
    hmlc_tf_ref ref;
    hmlc_arena *scratch = s->importer->base->scratch;
    const hmlc_tf_entry *entry = hmlc_tf_find(s->importer, s->scope->graph, text, &ref);
    bool choose = entry != NULL && hmlc_tf_is(entry->def, "Switch");
    if (entry == NULL || hmlc_names_find(&s->seen, ref.key) != NULL ||
        (!choose && hmlc_tf_is_bound(s->scope, ref.key))) {
        return true;
    }
    s->importer->visits++;
    if (hmlc_names_set(&s->seen, ref.key, s) != HMLC_OK ||
        (choose && !ref.control && !note_side(s, entry->def, ref.output))) {
        return false;
    }
    void *stack = (void *)s->stack;
    if (!hmlc_arena_grow(scratch, &stack, &s->room, s->depth, sizeof(hmlc_tf_entry *))) {
        return false;
    }
    s->stack = stack;
    s->stack[s->depth++] = entry;
    return true;
}

static bool search_from(search *s, const char *text)
{
    bool good = push(s, text);
    while (good && s->depth > 0) {
        const Tensorflow__NodeDef *def = s->stack[--s->depth]->def;
        for (size_t i = 0; good && i < def->n_input; i++) {
            good = s->importer->visits < MOST_VISITS && push(s, def->input[i]);
        }
    }
    return good;
}

/* The predicate that decides; which input is its true side. */
static const char *deciding(const search *searches, uint32_t *true_side)
{
    for (const side *a = searches[0].sides; a != NULL; a = a->next) {
        const side *b = hmlc_names_find(&searches[1].by_name, a->predicate);
        uint32_t other = b != NULL ? b->bits : 0;
        if ((a->bits == SIDE_FALSE && other == SIDE_TRUE) ||
            (a->bits == SIDE_TRUE && other == SIDE_FALSE)) {
            *true_side = a->bits == SIDE_TRUE ? 0 : 1;
            return a->predicate;
        }
    }
    return NULL;
}

static bool list_switches(hmlc_tf_importer *importer, const search *searches, hmlc_tf_merge *merge)
{
    hmlc_arena *scratch = importer->base->scratch;
    size_t count = 0;
    for (uint32_t i = 0; i < 2; i++) {
        for (const found_switch *at = searches[i].switches; at != NULL; at = at->next) {
            count++;
        }
    }
    hmlc_names listed = hmlc_names_create(scratch);
    merge->choose = HMLC_NEW_ARRAY(scratch, const Tensorflow__NodeDef *, count + 1);
    merge->needs = HMLC_NEW_ARRAY(scratch, char *, count + 1);
    bool good = merge->choose != NULL && merge->needs != NULL;
    for (uint32_t i = 0; i < 2; i++) {
        for (const found_switch *at = searches[i].switches; good && at != NULL; at = at->next) {
            bool own = strcmp(at->predicate, merge->predicate) == 0 &&
                       hmlc_names_find(&listed, at->def->name) == NULL;
            if (own) {
                good = hmlc_names_set(&listed, at->def->name, merge) == HMLC_OK;
                merge->needs[1 + merge->choose_count] = at->def->input[0];
                merge->choose[merge->choose_count++] = at->def;
            }
        }
    }
    if (good) {
        merge->needs[0] = hmlc_arena_string(scratch, merge->choose[0]->input[1]);
    }
    return good && merge->needs[0] != NULL;
}

/* NULL with a diagnostic; each Merge is looked at once. */
static hmlc_tf_merge *merge_of(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                               const hmlc_tf_entry *entry)
{
    const Tensorflow__NodeDef *def = entry->def;
    search searches[2] = {{.importer = importer, .scope = scope}, {.importer = importer}};
    if (scope->merges.arena == NULL) {
        scope->merges = hmlc_names_create(importer->base->scratch);
    }
    hmlc_tf_merge *merge = hmlc_names_find(&scope->merges, def->name);
    if (merge != NULL) {
        return merge->predicate != NULL ? merge : NULL;
    }
    merge = HMLC_NEW(importer->base->scratch, hmlc_tf_merge);
    if (merge == NULL || hmlc_names_set(&scope->merges, def->name, merge) != HMLC_OK) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    if (def->n_input < 2 || def->input[1][0] == '^' ||
        (def->n_input > 2 && def->input[2][0] != '^')) {
        return hmlc_tf_refuse_control(importer, scope, def, "does not join two values");
    }
    for (uint32_t i = 0; i < 2; i++) {
        searches[i].scope = scope;
        searches[i].seen = searches[i].by_name = hmlc_names_create(importer->base->scratch);
        if (!search_from(&searches[i], def->input[i])) {
            importer->base->fatal = importer->visits < MOST_VISITS ? HMLC_RESOURCE : HMLC_OK;
            return importer->visits < MOST_VISITS
                       ? NULL
                       : hmlc_tf_refuse_control(importer, scope, def,
                                                "is one of too many: branches are nested deeper "
                                                "than any framework writes them");
        }
    }
    merge->predicate = deciding(searches, &merge->sides[0]);
    merge->sides[1] = 1 - merge->sides[0];
    if (merge->predicate == NULL) {
        return hmlc_tf_refuse_control(importer, scope, def,
                                      "joins what no Switch parts by one predicate");
    }
    if (!list_switches(importer, searches, merge)) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    return merge;
}

hmlc_status hmlc_tf_merge_needs(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                                const hmlc_tf_entry *entry, hmlc_tf_needs *needs)
{
    const hmlc_tf_merge *merge = merge_of(importer, scope, entry);
    *needs = (hmlc_tf_needs){0};
    if (merge != NULL) {
        *needs = (hmlc_tf_needs){.texts = merge->needs, .count = merge->choose_count + 1};
    }
    return importer->base->fatal;
}

static bool import_branch(const hmlc_tf_branches *branches, uint32_t branch, hmlc_body *body,
                          hmlc_value **values)
{
    hmlc_tf_node *node = branches->node;
    const hmlc_tf_merge *merge = branches->context;
    hmlc_tf_scope *around = node->scope;
    hmlc_tf_scope scope = {
        .names = {.parent = &around->names, .body = body, .path = around->names.path},
        .graph = around->graph,
        .caller = around,
        .attrs = around->attrs};
    for (uint32_t i = 0; i < merge->choose_count; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            if (!hmlc_tf_bind(node, &scope, merge->choose[i]->name, k, node->node.inputs[1 + i])) {
                return false;
            }
        }
    }
    const char *const wanted[] = {node->def->input[merge->sides[branch]]};
    return hmlc_tf_import_tensors(node, &scope, wanted, 1, values);
}

void hmlc_tf_import_merge(hmlc_tf_node *node)
{
    const hmlc_tf_merge *merge = merge_of(node->importer, node->scope, node->state->entry);
    if (merge == NULL) {
        node->node.emit.status = HMLC_DAMAGED;
        return;
    }
    const hmlc_tf_branches branches = {
        .node = node, .count = 1, .import = import_branch, .context = merge};
    (void)hmlc_tf_build_if(&branches, node->node.inputs[0], node->node.outputs);
}

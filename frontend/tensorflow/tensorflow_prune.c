/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a graph computes: from the outputs, which a signature or the user names or which nobody
 * reads, back to what is fed. Nodes beside that, leftovers of the training, are not looked at.
 */
#include "tensorflow_frame.h"

#include <string.h>

/* Rows of nodes by name. */
hmlc_status hmlc_tf_open_graph(hmlc_tf_importer *importer, hmlc_tf_graph *graph)
{
    hmlc_importer *base = importer->base;
    if (graph->entries != NULL) {
        return HMLC_OK;
    }
    graph->by_name = hmlc_names_create(base->scratch);
    graph->entries = HMLC_NEW_ARRAY(base->scratch, hmlc_tf_entry, graph->node_count + 1);
    HMLC_TRY_MEMORY(graph->entries);
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        hmlc_tf_entry *entry = &graph->entries[i];
        if (def->name == NULL || def->name[0] == '\0' || def->op == NULL) {
            return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_file_damaged, base->where,
                                  "check that it is a TensorFlow graph",
                                  "node %zu of the graph has no name or no operator", i);
        }
        if (hmlc_names_find(&graph->by_name, def->name) != NULL) {
            const hmlc_location *where =
                hmlc_location_create(base->module->arena, base->file, def->name, def->op);
            return hmlc_scope_report(base, where, def->name, "is the name of two nodes");
        }
        *entry = (hmlc_tf_entry){.def = def, .op = hmlc_names_find(&importer->operators, def->op)};
        entry->function = entry->op == NULL ? hmlc_tf_function(importer, def->op) : NULL;
        HMLC_TRY(hmlc_names_set(&graph->by_name, def->name, entry));
    }
    return HMLC_OK;
}

static hmlc_status undefined(const hmlc_tf_importer *importer, const hmlc_location *where,
                             const char *name, const char *problem)
{
    return hmlc_scope_report(importer->base, where, name, problem);
}

/* -- what the user feeds ----------------------------------------------------------------------- */

/* An input of the signature whose dims the user gives. */
static hmlc_tf_feed *find_declared(hmlc_tf_importer *importer, const char *name)
{
    for (uint32_t i = 0; i < importer->feed_count; i++) {
        hmlc_tf_feed *feed = &importer->feed_list[i];
        if (feed->info != NULL && strcmp(feed->name, name) == 0 && feed->shape == NULL) {
            return feed;
        }
    }
    return NULL;
}

static hmlc_status add_feed(hmlc_tf_importer *importer, const char *text)
{
    hmlc_arena *scratch = importer->base->scratch;
    const char *equals = strchr(text, '=');
    const char *name =
        equals != NULL ? hmlc_arena_string_n(scratch, text, (size_t)(equals - text)) : text;
    hmlc_tf_ref ref;
    HMLC_TRY_MEMORY(name);
    hmlc_tf_feed *declared = find_declared(importer, name);
    if (declared != NULL) {
        declared->shape = equals != NULL ? equals + 1 : NULL;
        return HMLC_OK;
    }
    const hmlc_tf_entry *entry = hmlc_tf_find(importer, &importer->graph, name, &ref);
    if (entry == NULL || hmlc_names_find(&importer->feeds, ref.key) != NULL) {
        return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_usage,
                              importer->base->where, "name a node of the graph, or node:1",
                              "--inputs %s: %s", text,
                              entry == NULL ? "the graph has no such tensor" : "it is given twice");
    }
    hmlc_tf_feed *feed = &importer->feed_list[importer->feed_count++];
    *feed = (hmlc_tf_feed){.name = ref.key,
                           .key = ref.key,
                           .shape = equals != NULL ? equals + 1 : NULL,
                           .from = entry,
                           .placeholder = strcmp(entry->def->op, "Placeholder") == 0};
    return hmlc_names_set(&importer->feeds, ref.key, feed);
}

/*
 * Names are separated by commas, as are the dims of one: a comma ends a name's dims where what
 * follows it has an equals sign of its own.
 */
static size_t feed_length(const char *text)
{
    size_t length = strcspn(text, ",");
    if (memchr(text, '=', length) == NULL) {
        return length;
    }
    while (text[length] == ',') {
        size_t next = strcspn(text + length + 1, ",");
        if (memchr(text + length + 1, '=', next) != NULL) {
            break;
        }
        length += 1 + next;
    }
    return length;
}

static hmlc_status add_feeds(hmlc_tf_importer *importer)
{
    const char *text = importer->base->options->inputs;
    while (text != NULL && *text != '\0') {
        size_t length = feed_length(text);
        const char *feed = hmlc_arena_string_n(importer->base->scratch, text, length);
        HMLC_TRY_MEMORY(feed);
        HMLC_TRY(add_feed(importer, feed));
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return HMLC_OK;
}

/* -- what is kept ------------------------------------------------------------------------------ */

hmlc_tf_state *hmlc_tf_find_state(const hmlc_tf_scope *scope, const char *node)
{
    return hmlc_names_find(&scope->states, node);
}

bool hmlc_tf_is_bound(const hmlc_tf_scope *scope, const char *key)
{
    return hmlc_scope_find(&scope->names, key) != NULL || hmlc_scope_hides(&scope->names, key);
}

static hmlc_status keep_node(hmlc_tf_importer *importer, hmlc_tf_scope *scope, hmlc_tf_state *state)
{
    void *kept = (void *)scope->kept;
    if (!hmlc_arena_grow(importer->base->scratch, &kept, &scope->kept_room, scope->kept_count,
                         sizeof(hmlc_tf_state *))) {
        return HMLC_RESOURCE;
    }
    scope->kept = kept;
    state->number = scope->kept_count;
    scope->kept[scope->kept_count++] = state;
    return hmlc_names_set(&scope->states, state->entry->def->name, state);
}

/* A tensor is needed: its node is kept, unless the tensor is there. */
static hmlc_status keep_tensor(hmlc_tf_importer *importer, hmlc_tf_scope *scope, const char *text,
                               const hmlc_location *where)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry = hmlc_tf_find(importer, scope->graph, text, &ref);
    if (ref.key == NULL) {
        return undefined(importer, where, text, "is no name of a tensor");
    }
    if (ref.control || hmlc_tf_is_bound(scope, ref.key) ||
        (scope == importer->scope && hmlc_names_find(&importer->feeds, ref.key) != NULL)) {
        return HMLC_OK;
    }
    if (entry == NULL) {
        return undefined(importer, where, text, "is produced by no node");
    }
    hmlc_tf_state *state = hmlc_tf_find_state(scope, ref.node);
    if (state == NULL) {
        state = HMLC_NEW(importer->base->scratch, hmlc_tf_state);
        HMLC_TRY_MEMORY(state);
        state->entry = entry;
        HMLC_TRY(keep_node(importer, scope, state));
    }
    state->read |= UINT64_C(1) << ref.output;
    return HMLC_OK;
}

/* Random numbers in [0, 1), perhaps scaled and shifted, as the functions around them write it. */
static bool is_random(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                      const char *text, uint32_t depth)
{
    static const char *const ways[] = {"Add", "AddV2", "Mul", "Identity"};
    enum { MOST_DEPTH = 5 };
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry = hmlc_tf_find(importer, graph, text, &ref);
    if (entry == NULL || depth > MOST_DEPTH) {
        return false;
    }
    if (strcmp(entry->def->op, "RandomUniform") == 0) {
        return true;
    }
    bool passes = false, found = false;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        passes = passes || strcmp(entry->def->op, ways[i]) == 0;
    }
    for (size_t i = 0; passes && i < entry->def->n_input && i < 2; i++) {
        found = found || is_random(importer, graph, entry->def->input[i], depth + 1);
    }
    return found;
}

/* floor(keep_prob + random), or random >= rate: which elements dropout keeps. */
static bool is_dropout(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                       const hmlc_tf_entry *entry)
{
    bool asks = strcmp(entry->def->op, "Floor") == 0 || strcmp(entry->def->op, "GreaterEqual") == 0;
    return asks && entry->def->n_input > 0 && is_random(importer, graph, entry->def->input[0], 0);
}

hmlc_status hmlc_tf_needs_of(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                             const hmlc_tf_state *state, hmlc_tf_needs *needs)
{
    const Tensorflow__NodeDef *def = state->entry->def;
    if (hmlc_tf_is(def, "Exit")) {
        return hmlc_tf_frame_needs(importer, scope, state->entry, needs);
    }
    if (hmlc_tf_is(def, "Merge")) {
        return hmlc_tf_merge_needs(importer, scope, state->entry, needs);
    }
    *needs = (hmlc_tf_needs){.texts = def->input, .count = state->dropout ? 0 : def->n_input};
    return HMLC_OK;
}

/* From node `next` on: what they need is kept. */
static hmlc_status keep_needs(hmlc_tf_importer *importer, hmlc_tf_scope *scope, uint32_t next)
{
    for (; next < scope->kept_count; next++) {
        hmlc_tf_state *state = scope->kept[next];
        hmlc_tf_needs needs;
        state->dropout = is_dropout(importer, scope->graph, state->entry);
        HMLC_TRY(hmlc_tf_needs_of(importer, scope, state, &needs));
        const hmlc_location *where =
            needs.count > 0 ? hmlc_tf_locate(importer, scope, state->entry->def) : NULL;
        for (size_t i = 0; i < needs.count; i++) {
            HMLC_TRY_MEMORY(where);
            hmlc_status status = keep_tensor(importer, scope, needs.texts[i], where);
            if (status == HMLC_RESOURCE) {
                return status;
            }
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_keep(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                         const char *const *wanted, uint32_t count)
{
    uint32_t next = scope->kept_count;
    scope->states.arena = importer->base->scratch;
    HMLC_TRY(hmlc_tf_open_graph(importer, scope->graph));
    for (uint32_t i = 0; i < count; i++) {
        hmlc_status status = keep_tensor(importer, scope, wanted[i], importer->base->where);
        if (status == HMLC_RESOURCE) {
            return status;
        }
    }
    return keep_needs(importer, scope, next);
}

hmlc_status hmlc_tf_keep_node(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                              const hmlc_tf_entry *entry)
{
    uint32_t next = scope->kept_count;
    hmlc_tf_state *state = HMLC_NEW(importer->base->scratch, hmlc_tf_state);
    HMLC_TRY_MEMORY(state);
    state->entry = entry;
    HMLC_TRY(keep_node(importer, scope, state));
    return keep_needs(importer, scope, next);
}

/* -- outputs ----------------------------------------------------------------------------------- */

/* Nodes without a result, and those whose result nobody needs to see. */
static bool is_result(const hmlc_tf_entry *entry)
{
    static const char *const others[] = {"NoOp",   "Assert",      "Print",
                                         "Const",  "Placeholder", "PlaceholderWithDefault",
                                         "SaveV2", "RestoreV2"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(entry->def->op, others[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Outputs are the nodes that nobody reads. */
static hmlc_status find_outputs(hmlc_tf_importer *importer)
{
    const hmlc_tf_graph *graph = &importer->graph;
    bool *read = HMLC_NEW_ARRAY(importer->base->scratch, bool, graph->node_count + 1);
    importer->results =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_result, graph->node_count + 1);
    HMLC_TRY_MEMORY(read);
    HMLC_TRY_MEMORY(importer->results);
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        for (size_t k = 0; k < def->n_input; k++) {
            hmlc_tf_ref ref;
            const hmlc_tf_entry *from = hmlc_tf_find(importer, graph, def->input[k], &ref);
            if (from != NULL) {
                read[from - graph->entries] = true;
            }
        }
    }
    for (size_t i = 0; i < graph->node_count; i++) {
        if (!read[i] && is_result(&graph->entries[i])) {
            const char *name = graph->entries[i].def->name;
            importer->results[importer->result_count++] = (hmlc_tf_result){name, name};
        }
    }
    return HMLC_OK;
}

/* The outputs that the user names. */
static hmlc_status name_outputs(hmlc_tf_importer *importer, const char *text)
{
    const char **names;
    uint32_t count;
    HMLC_TRY(hmlc_importer_split(importer->base, text, &names, &count));
    hmlc_tf_result *results = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_result, count);
    HMLC_TRY_MEMORY(results);
    for (uint32_t i = 0; i < count; i++) {
        results[i] = (hmlc_tf_result){names[i], names[i]};
        for (uint32_t k = 0; k < importer->result_count; k++) {
            bool declared = strcmp(importer->results[k].name, names[i]) == 0;
            results[i] = declared ? importer->results[k] : results[i];
        }
    }
    importer->results = results;
    importer->result_count = count;
    return HMLC_OK;
}

hmlc_status hmlc_tf_prune(hmlc_tf_importer *importer)
{
    const char *outputs = importer->base->options->outputs;
    HMLC_TRY(add_feeds(importer));
    if (outputs != NULL) {
        HMLC_TRY(name_outputs(importer, outputs));
    } else if (importer->results == NULL) {
        HMLC_TRY(find_outputs(importer));
    }
    const char **wanted =
        HMLC_NEW_ARRAY(importer->base->scratch, const char *, importer->result_count + 1);
    HMLC_TRY_MEMORY(wanted);
    for (uint32_t i = 0; i < importer->result_count; i++) {
        wanted[i] = importer->results[i].tensor;
    }
    return hmlc_tf_keep(importer, importer->scope, wanted, importer->result_count);
}

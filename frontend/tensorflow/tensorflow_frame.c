/* SPDX-License-Identifier: Apache-2.0 */
/* Finding loops, and importing them. */
#include "tensorflow_frame.h"

#include <string.h>

bool hmlc_tf_is(const Tensorflow__NodeDef *def, const char *op)
{
    return strcmp(def->op, op) == 0 ||
           (strncmp(def->op, "Ref", 3) == 0 && strcmp(def->op + 3, op) == 0);
}

void *hmlc_tf_refuse_control(const hmlc_tf_importer *importer, const hmlc_tf_scope *scope,
                             const Tensorflow__NodeDef *def, const char *what)
{
    (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_graph_invalid,
                         hmlc_tf_locate(importer, scope, def), NULL, "%s %s", def->op, what);
    return NULL;
}

/* -- frames ------------------------------------------------------------------------------------ */

static const Tensorflow__NodeDef *input_node(const hmlc_tf_importer *importer,
                                             const hmlc_tf_graph *graph,
                                             const Tensorflow__NodeDef *def, size_t index)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry =
        index < def->n_input ? hmlc_tf_find(importer, graph, def->input[index], &ref) : NULL;
    return entry != NULL ? entry->def : NULL;
}

static bool same_frame(const Tensorflow__NodeDef *a, const Tensorflow__NodeDef *b)
{
    const Tensorflow__AttrValue *left = hmlc_tf_attr(a, "frame_name");
    const Tensorflow__AttrValue *right = hmlc_tf_attr(b, "frame_name");
    return left != NULL && right != NULL && left->has_s && right->has_s &&
           left->s.len == right->s.len &&
           (left->s.len == 0 || memcmp(left->s.data, right->s.data, left->s.len) == 0);
}

/* The Merge of a loop: one input enters, one comes back. */
static bool read_merge(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                       const Tensorflow__NodeDef *merge, hmlc_tf_carried *carried)
{
    *carried = (hmlc_tf_carried){.merge = merge};
    for (size_t i = 0; i < 2; i++) {
        const Tensorflow__NodeDef *from = input_node(importer, graph, merge, i);
        if (from != NULL && hmlc_tf_is(from, "Enter")) {
            carried->enter = from;
        } else if (from != NULL && hmlc_tf_is(from, "NextIteration")) {
            carried->next = from;
        }
    }
    return carried->enter != NULL && carried->next != NULL && carried->enter->n_input > 0 &&
           carried->next->n_input > 0 && (merge->n_input < 3 || merge->input[2][0] == '^');
}

/* The node of the frame that Exit leaves, by way of its Switch and Merge. */
static const Tensorflow__NodeDef *enter_of(const hmlc_tf_importer *importer,
                                           const hmlc_tf_scope *scope,
                                           const Tensorflow__NodeDef *exit,
                                           const Tensorflow__NodeDef **condition)
{
    hmlc_tf_carried carried;
    const hmlc_tf_graph *graph = scope->graph;
    const Tensorflow__NodeDef *choose = input_node(importer, graph, exit, 0);
    if (choose == NULL || !hmlc_tf_is(choose, "Switch")) {
        return hmlc_tf_refuse_control(importer, scope, exit, "leaves no loop: it reads no Switch");
    }
    const Tensorflow__NodeDef *merge = input_node(importer, graph, choose, 0);
    *condition = input_node(importer, graph, choose, 1);
    if (*condition == NULL || strcmp((*condition)->op, "LoopCond") != 0 ||
        (*condition)->n_input == 0) {
        return hmlc_tf_refuse_control(importer, scope, choose, "of a loop has no LoopCond");
    }
    if (merge == NULL || !hmlc_tf_is(merge, "Merge") ||
        !read_merge(importer, graph, merge, &carried)) {
        return hmlc_tf_refuse_control(importer, scope, merge != NULL ? merge : choose,
                                      "of a loop does not join one Enter and one NextIteration");
    }
    return carried.enter;
}

/* Merge and Enter nodes of the frame. */
static hmlc_status collect_values(hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                  hmlc_tf_frame *frame, const Tensorflow__NodeDef *enter)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        hmlc_tf_carried carried;
        if (hmlc_tf_is(def, "Merge") && read_merge(importer, graph, def, &carried) &&
            same_frame(carried.enter, enter)) {
            hmlc_tf_carried *own = &frame->carried[frame->carried_count++];
            *own = carried;
            HMLC_TRY(hmlc_names_set(&frame->by_node, def->name, own));
            HMLC_TRY(hmlc_names_set(&frame->by_node, carried.enter->name, own));
        }
    }
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        if (hmlc_tf_is(def, "Enter") && same_frame(def, enter) && def->n_input > 0 &&
            hmlc_names_find(&frame->by_node, def->name) == NULL) {
            frame->fixed[frame->fixed_count++] = def;
        }
    }
    return HMLC_OK;
}

/* The Switch of each value; all ask the frame's LoopCond. */
static bool collect_switches(hmlc_tf_importer *importer, hmlc_tf_scope *scope, hmlc_tf_frame *frame)
{
    const hmlc_tf_graph *graph = scope->graph;
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        const Tensorflow__NodeDef *merge =
            hmlc_tf_is(def, "Switch") ? input_node(importer, graph, def, 0) : NULL;
        hmlc_tf_carried *own = merge != NULL ? hmlc_names_find(&frame->by_node, merge->name) : NULL;
        if (own == NULL || own->merge != merge) {
            continue;
        }
        if (input_node(importer, graph, def, 1) != frame->condition) {
            (void)hmlc_tf_refuse_control(importer, scope, def,
                                         "of a loop has another LoopCond than the others");
            return false;
        }
        own->choose = def;
        if (hmlc_names_set(&frame->by_node, def->name, own) != HMLC_OK) {
            importer->base->fatal = HMLC_RESOURCE;
            return false;
        }
    }
    return true;
}

static hmlc_tf_frame *new_frame(hmlc_tf_importer *importer, const hmlc_tf_graph *graph)
{
    hmlc_arena *scratch = importer->base->scratch;
    size_t merges = 0, enters = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        merges += hmlc_tf_is(graph->nodes[i], "Merge") ? 1 : 0;
        enters += hmlc_tf_is(graph->nodes[i], "Enter") ? 1 : 0;
    }
    hmlc_tf_frame *frame = HMLC_NEW(scratch, hmlc_tf_frame);
    if (frame != NULL) {
        frame->by_node = hmlc_names_create(scratch);
        frame->carried = HMLC_NEW_ARRAY(scratch, hmlc_tf_carried, merges + 1);
        frame->fixed = HMLC_NEW_ARRAY(scratch, const Tensorflow__NodeDef *, enters + 1);
        frame->needs = HMLC_NEW_ARRAY(scratch, char *, merges + enters + 1);
    }
    bool whole =
        frame != NULL && frame->carried != NULL && frame->fixed != NULL && frame->needs != NULL;
    return whole ? frame : NULL;
}

static hmlc_tf_frame *find_frame(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                                 const hmlc_tf_entry *exit)
{
    hmlc_tf_graph *graph = scope->graph;
    const Tensorflow__NodeDef *condition = NULL;
    const Tensorflow__NodeDef *enter = enter_of(importer, scope, exit->def, &condition);
    if (enter == NULL) {
        return NULL;
    }
    hmlc_tf_frame *frame = hmlc_names_find(&graph->frames, condition->name);
    if (frame != NULL) {
        return frame;
    }
    frame = new_frame(importer, graph);
    if (frame == NULL || collect_values(importer, graph, frame, enter) != HMLC_OK) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    frame->condition = condition;
    if (!collect_switches(importer, scope, frame)) {
        return NULL;
    }
    for (uint32_t i = 0; i < frame->carried_count; i++) {
        frame->needs[i] = frame->carried[i].enter->input[0];
    }
    for (uint32_t i = 0; i < frame->fixed_count; i++) {
        frame->needs[frame->carried_count + i] = frame->fixed[i]->input[0];
    }
    if (hmlc_names_set(&graph->frames, condition->name, frame) != HMLC_OK) {
        importer->base->fatal = HMLC_RESOURCE;
        return NULL;
    }
    return frame;
}

/* The loop that Exit leaves; NULL with a diagnostic, at the first time alone. */
static hmlc_tf_frame *frame_of(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                               const hmlc_tf_entry *exit)
{
    static char refused;
    hmlc_names *frames = &scope->graph->frames;
    if (frames->arena == NULL) {
        *frames = hmlc_names_create(importer->base->scratch);
    }
    if (hmlc_names_find(frames, exit->def->name) == &refused) {
        return NULL;
    }
    hmlc_tf_frame *frame = find_frame(importer, scope, exit);
    if (frame == NULL && hmlc_names_set(frames, exit->def->name, &refused) != HMLC_OK) {
        importer->base->fatal = HMLC_RESOURCE;
    }
    return frame;
}

hmlc_status hmlc_tf_frame_needs(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                                const hmlc_tf_entry *exit, hmlc_tf_needs *needs)
{
    const hmlc_tf_frame *frame = frame_of(importer, scope, exit);
    *needs = (hmlc_tf_needs){0};
    if (frame != NULL) {
        *needs = (hmlc_tf_needs){.texts = frame->needs,
                                 .count = frame->carried_count + frame->fixed_count};
    }
    return importer->base->fatal;
}

/* -- importing --------------------------------------------------------------------------------- */

/* A use of the graph within the loop: its Merges and Switches are these values. */
static bool open_scope(const hmlc_tf_loop *loop, hmlc_body *body, hmlc_value *const *values,
                       hmlc_tf_scope *scope)
{
    hmlc_tf_node *node = loop->node;
    const hmlc_tf_frame *frame = loop->context;
    hmlc_tf_scope *around = node->scope;
    *scope = (hmlc_tf_scope){
        .names = {.parent = &around->names, .body = body, .path = around->names.path},
        .graph = around->graph,
        .caller = around,
        .attrs = around->attrs};
    bool bound = true;
    for (uint32_t i = 0; i < frame->carried_count && bound; i++) {
        const hmlc_tf_carried *carried = &frame->carried[i];
        bound = hmlc_tf_bind(node, scope, carried->merge->name, 0, values[i]);
        for (uint32_t k = 0; carried->choose != NULL && k < 2 && bound; k++) {
            bound = hmlc_tf_bind(node, scope, carried->choose->name, k, values[i]);
        }
    }
    for (uint32_t i = 0; i < frame->fixed_count && bound; i++) {
        bound = hmlc_tf_bind(node, scope, frame->fixed[i]->name, 0,
                             node->node.inputs[frame->carried_count + i]);
    }
    return bound;
}

static bool import_turn(const hmlc_tf_loop *loop, hmlc_body *body, hmlc_value *const *values,
                        hmlc_value **after)
{
    const hmlc_tf_frame *frame = loop->context;
    hmlc_tf_scope scope;
    const char **wanted =
        HMLC_NEW_ARRAY(loop->node->importer->base->scratch, const char *, loop->count + 1);
    if (wanted == NULL) {
        loop->node->importer->base->fatal = HMLC_RESOURCE;
        return false;
    }
    for (uint32_t i = 0; i < loop->count; i++) {
        wanted[i] = frame->carried[i].next->input[0];
    }
    return open_scope(loop, body, values, &scope) &&
           hmlc_tf_import_tensors(loop->node, &scope, wanted, loop->count, after);
}

static hmlc_value *import_condition(const hmlc_tf_loop *loop, hmlc_body *body,
                                    hmlc_value *const *values)
{
    const hmlc_tf_frame *frame = loop->context;
    hmlc_tf_scope scope;
    hmlc_value *flag = NULL;
    const char *const wanted[] = {frame->condition->input[0]};
    bool good = open_scope(loop, body, values, &scope) &&
                hmlc_tf_import_tensors(loop->node, &scope, wanted, 1, &flag);
    return good ? flag : NULL;
}

/* Does NextIteration bring back what its Switch gave? */
static bool is_fixed(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                     const hmlc_tf_carried *carried)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *from = hmlc_tf_trace(importer, graph, carried->next->input[0], &ref);
    return from != NULL && from->def == carried->choose && ref.output == 1;
}

/* The first Exit that is asked for imports the loop, for all of them. */
void hmlc_tf_import_exit(hmlc_tf_node *node)
{
    hmlc_tf_importer *importer = node->importer;
    hmlc_arena *scratch = importer->base->scratch;
    hmlc_tf_frame *frame = frame_of(importer, node->scope, node->state->entry);
    if (frame == NULL) {
        node->node.emit.status = HMLC_DAMAGED;
        return;
    }
    if (node->scope->loops.arena == NULL) {
        node->scope->loops = hmlc_names_create(scratch);
    }
    hmlc_value **results = hmlc_names_find(&node->scope->loops, frame->condition->name);
    if (results == NULL) {
        bool *fixed = HMLC_NEW_ARRAY(scratch, bool, frame->carried_count + 1);
        results = HMLC_NEW_ARRAY(scratch, hmlc_value *, frame->carried_count + 1);
        if (fixed == NULL || results == NULL) {
            importer->base->fatal = HMLC_RESOURCE;
            return;
        }
        for (uint32_t i = 0; i < frame->carried_count; i++) {
            fixed[i] = is_fixed(importer, node->scope->graph, &frame->carried[i]);
        }
        hmlc_tf_loop loop = {.node = node,
                             .count = frame->carried_count,
                             .initial = node->node.inputs,
                             .fixed = fixed,
                             .turn = import_turn,
                             .condition = import_condition,
                             .context = frame};
        if (!hmlc_tf_build_loop(&loop, results)) {
            return;
        }
        importer->base->fatal =
            hmlc_names_set(&node->scope->loops, frame->condition->name, results);
    }
    hmlc_tf_ref ref;
    const hmlc_tf_entry *choose =
        hmlc_tf_find(importer, node->scope->graph, node->def->input[0], &ref);
    const hmlc_tf_carried *own =
        choose != NULL ? hmlc_names_find(&frame->by_node, choose->def->name) : NULL;
    if (own != NULL && own->choose == choose->def) {
        node->node.outputs[0] = results[own - frame->carried];
    }
}

/* Nodes that are met where no loop or branch ends. */
void hmlc_tf_import_stray(hmlc_tf_node *node)
{
    hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                 "belongs to no loop or branch that is whole");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the model writes while it runs. A variable that any node writes is a state: all that reads
 * it gets what the nodes before have made of it. The order of reads and writes is that of the
 * control edges, which TensorFlow draws between them; nodes that write have no results that anybody
 * needs, so it is these edges that they are found by.
 */
#include "tensorflow_state.h"

#include <string.h>

#include "tensorflow_handle.h"

enum { LONGEST_CALLS = 200 };

static bool writes(const char *op)
{
    static const char *const begins[] = {"Assign", "Scatter",       "ResourceScatter",
                                         "Apply",  "ResourceApply", "ResourceStridedSliceAssign"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (strncmp(op, begins[i], strlen(begins[i])) == 0) {
            return strcmp(op, "ScatterNd") != 0;
        }
    }
    return false;
}

/* -- which variables --------------------------------------------------------------------------- */

/* Argument `name` of a function; its number, or UINT32_MAX. */
static uint32_t argument_number(const hmlc_tf_graph *graph, const char *name)
{
    const Tensorflow__OpDef *signature =
        graph->function != NULL ? graph->function->signature : NULL;
    for (uint32_t i = 0; signature != NULL && name != NULL && i < signature->n_input_arg; i++) {
        if (signature->input_arg[i]->name != NULL &&
            strcmp(signature->input_arg[i]->name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* The variable behind a tensor of the graph is written: one of a node, or an argument's. What is
 * no variable is a leftover that nobody reads. */
static hmlc_status mark(hmlc_tf_importer *importer, hmlc_tf_graph *graph, const char *text,
                        bool *any)
{
    enum { LONGEST_CHAIN = 16 }; /* of references that assignments hand on */
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry = hmlc_tf_trace(importer, graph, text, &ref);
    for (uint32_t i = 0;
         i < LONGEST_CHAIN && entry != NULL && writes(entry->def->op) && entry->def->n_input > 0;
         i++) {
        entry = hmlc_tf_trace(importer, graph, entry->def->input[0], &ref);
    }
    if (entry != NULL && hmlc_tf_is_variable(entry->def)) {
        hmlc_tf_variable *variable = hmlc_tf_find_variable(importer, entry->def);
        HMLC_TRY_MEMORY(variable);
        variable->written = *any = true;
    }
    uint32_t number = entry == NULL ? argument_number(graph, ref.node) : UINT32_MAX;
    if (number != UINT32_MAX) {
        *any = true;
    }
    if (number != UINT32_MAX && graph->written != NULL) {
        graph->written[number] = true;
    }
    return HMLC_OK;
}

static hmlc_status look_into(hmlc_tf_importer *importer, hmlc_tf_graph *graph, uint32_t depth);

/* What a node writes: its variable, or those that the function writes that it calls. */
static hmlc_status mark_of(hmlc_tf_importer *importer, hmlc_tf_graph *graph,
                           const hmlc_tf_entry *entry, uint32_t depth, bool *any)
{
    const Tensorflow__NodeDef *def = entry->def;
    if (writes(def->op)) {
        return def->n_input > 0 ? mark(importer, graph, def->input[0], any) : HMLC_OK;
    }
    hmlc_tf_graph *called = hmlc_tf_called(importer, entry);
    if (called == NULL || depth > LONGEST_CALLS) {
        return HMLC_OK;
    }
    HMLC_TRY(look_into(importer, called, depth + 1));
    *any = *any || called->writes;
    size_t count = called->function->signature->n_input_arg;
    for (size_t i = 0; called->writes && i < count && i < def->n_input; i++) {
        if (called->written[i]) {
            HMLC_TRY(mark(importer, graph, def->input[i], any));
        }
    }
    return HMLC_OK;
}

/* All nodes of a function run that have an effect; once. */
static hmlc_status look_into(hmlc_tf_importer *importer, hmlc_tf_graph *graph, uint32_t depth)
{
    if (graph->looked_at) {
        return HMLC_OK;
    }
    graph->looked_at = true;
    graph->written =
        HMLC_NEW_ARRAY(importer->base->scratch, bool, graph->function->signature->n_input_arg + 1);
    HMLC_TRY_MEMORY(graph->written);
    HMLC_TRY(hmlc_tf_open_graph(importer, graph));
    for (size_t i = 0; i < graph->node_count; i++) {
        HMLC_TRY(mark_of(importer, graph, &graph->entries[i], depth, &graph->writes));
    }
    return HMLC_OK;
}

/* -- which nodes ------------------------------------------------------------------------------- */

/* Nodes that are not kept and that control edges reach. */
typedef struct shadow {
    hmlc_names seen;
    const hmlc_tf_entry **list;
    uint32_t count, room;
} shadow;

static hmlc_status cast_shadow(hmlc_tf_importer *importer, const hmlc_tf_scope *scope, shadow *dark,
                               const char *text)
{
    hmlc_tf_ref ref;
    hmlc_arena *scratch = importer->base->scratch;
    const hmlc_tf_entry *entry = hmlc_tf_find(importer, scope->graph, text, &ref);
    if (entry == NULL || hmlc_tf_find_state(scope, ref.node) != NULL ||
        hmlc_names_find(&dark->seen, ref.node) != NULL) {
        return HMLC_OK;
    }
    void *list = (void *)dark->list;
    if (!hmlc_arena_grow(scratch, &list, &dark->room, dark->count, sizeof(hmlc_tf_entry *))) {
        return HMLC_RESOURCE;
    }
    dark->list = list;
    dark->list[dark->count++] = entry;
    return hmlc_names_set(&dark->seen, entry->def->name, entry->def->name);
}

/* What the function does besides its results, and what kept nodes come after. */
static hmlc_status cast_first(hmlc_tf_importer *importer, const hmlc_tf_scope *scope, shadow *dark,
                              uint32_t *looked)
{
    const Tensorflow__FunctionDef *function = scope->graph->function;
    for (size_t i = 0; *looked == 0 && function != NULL && i < function->n_control_ret; i++) {
        if (function->control_ret[i]->value != NULL) {
            HMLC_TRY(cast_shadow(importer, scope, dark, function->control_ret[i]->value));
        }
    }
    for (; *looked < scope->kept_count; (*looked)++) {
        const Tensorflow__NodeDef *def = scope->kept[*looked]->entry->def;
        for (size_t k = 0; k < def->n_input; k++) {
            if (def->input[k][0] == '^') {
                HMLC_TRY(cast_shadow(importer, scope, dark, def->input[k]));
            }
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_keep_writes(hmlc_tf_importer *importer, hmlc_tf_scope *scope)
{
    shadow dark = {.seen = hmlc_names_create(importer->base->scratch)};
    uint32_t looked = 0;
    for (uint32_t i = 0; i < scope->kept_count; i++) {
        HMLC_TRY(mark_of(importer, scope->graph, scope->kept[i]->entry, 0, &scope->writes));
    }
    HMLC_TRY(cast_first(importer, scope, &dark, &looked));
    for (size_t i = 0; i < dark.count; i++) {
        const hmlc_tf_entry *entry = dark.list[i];
        bool any = false;
        for (size_t k = 0; k < entry->def->n_input; k++) {
            HMLC_TRY(cast_shadow(importer, scope, &dark, entry->def->input[k]));
        }
        if (hmlc_tf_find_state(scope, entry->def->name) != NULL) {
            continue; /* since a node that writes needs it */
        }
        HMLC_TRY(mark_of(importer, scope->graph, entry, 0, &any));
        if (any) {
            scope->writes = true;
            hmlc_status status = hmlc_tf_keep_node(importer, scope, entry);
            HMLC_TRY(status == HMLC_RESOURCE ? status : HMLC_OK);
            HMLC_TRY(cast_first(importer, scope, &dark, &looked));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_waits_of(hmlc_tf_importer *importer, hmlc_tf_scope *scope, uint32_t number,
                             hmlc_needs *needs)
{
    shadow dark = {.seen = hmlc_names_create(importer->base->scratch)};
    const Tensorflow__NodeDef *def = scope->kept[number]->entry->def;
    for (size_t next = 0;;) {
        for (size_t k = 0; k < def->n_input; k++) {
            bool counts = next > 0 || def->input[k][0] == '^';
            hmlc_tf_ref ref;
            const hmlc_tf_entry *entry =
                counts ? hmlc_tf_find(importer, scope->graph, def->input[k], &ref) : NULL;
            const hmlc_tf_state *state = entry != NULL ? hmlc_tf_find_state(scope, ref.node) : NULL;
            if (state != NULL && state->number != number) {
                HMLC_TRY(hmlc_needs_add(needs, state->number));
            } else if (entry != NULL) {
                HMLC_TRY(cast_shadow(importer, scope, &dark, def->input[k]));
            }
        }
        if (next == dark.count) {
            return HMLC_OK;
        }
        def = dark.list[next++]->def;
    }
}

/* -- nodes that write -------------------------------------------------------------------------- */

hmlc_kept_state *hmlc_tf_state_of(hmlc_tf_node *node, hmlc_tf_variable *variable)
{
    hmlc_importer *base = node->importer->base;
    hmlc_module *module = base->module;
    const hmlc_location *where = node->node.emit.builder.location;
    if (variable->state != NULL) {
        return variable->state;
    }
    hmlc_tensor *initial = HMLC_NEW(module->arena, hmlc_tensor);
    hmlc_status status = initial == NULL
                             ? HMLC_RESOURCE
                             : hmlc_tf_read_variable(node->importer, variable->def, where, initial);
    if (status == HMLC_OK) {
        const char *name = hmlc_arena_string(module->arena, variable->name);
        variable->state = name != NULL ? hmlc_kept_state_begin(base, name, initial, where) : NULL;
        status = variable->state != NULL ? HMLC_OK : HMLC_REFUSED;
    }
    if (status != HMLC_OK) {
        base->fatal = status == HMLC_RESOURCE ? status : base->fatal;
        node->node.emit.status = base->fatal != HMLC_OK ? base->fatal : HMLC_REFUSED;
    }
    return variable->state;
}

/* The state that input 0 is, to be written; NULL where the node fails. */
static hmlc_kept_state *target_of(hmlc_tf_node *node)
{
    const hmlc_tf_handle *handle = hmlc_tf_handle_of(node->node.inputs[0], HMLC_TF_VARIABLE);
    const hmlc_module *module = node->node.emit.builder.module;
    if (handle == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "writes '%s', which is no variable",
                     node->def->input[0]);
        return NULL;
    }
    if (node->scope->names.body->region != module->main || !handle->variable->written) {
        hmlc_tf_fail(node, HMLC_ERROR_not_implemented,
                     "write it behind the branch or loop, or give it as an input and an output",
                     "writes the variable '%s' in a branch or a loop, which is not supported",
                     handle->variable->name);
        return NULL;
    }
    node->node.outputs[0] = node->node.inputs[0]; /* which TensorFlow 1 hands on */
    return hmlc_tf_state_of(node, handle->variable);
}

/* The value to write; NULL where it is none. */
static hmlc_value *value_to_write(hmlc_tf_node *node)
{
    hmlc_value *value = hmlc_tf_read_reference(node, node->node.inputs[1]);
    if (value != NULL && hmlc_tf_is_handle(value)) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "writes '%s', which is no tensor",
                     node->def->input[1]);
        return NULL;
    }
    return value;
}

void hmlc_tf_import_assign(hmlc_tf_node *node)
{
    hmlc_kept_state *state = target_of(node);
    hmlc_value *value = state != NULL ? value_to_write(node) : NULL;
    if (value != NULL) {
        state->current = value;
    }
}

static void change(hmlc_tf_node *node, hmlc_opcode opcode)
{
    hmlc_kept_state *state = target_of(node);
    hmlc_value *value = state != NULL ? value_to_write(node) : NULL;
    value =
        value != NULL ? hmlc_emit_binary(&node->node.emit, opcode, state->current, value) : NULL;
    if (value != NULL) {
        state->current = value;
    }
}

void hmlc_tf_import_assign_add(hmlc_tf_node *node)
{
    change(node, HMLC_OP_add);
}

void hmlc_tf_import_assign_sub(hmlc_tf_node *node)
{
    change(node, HMLC_OP_sub);
}

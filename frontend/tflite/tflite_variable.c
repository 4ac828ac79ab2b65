/* SPDX-License-Identifier: Apache-2.0 */
/* VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE. */
#include "tflite_variable.h"

#include <inttypes.h>

#include "tflite_calls.h"

/* Its address marks handles. */
static const hmlc_type handle_type = {.kind = HMLC_KIND_TENSOR, .dtype = HMLC_DTYPE_string};

hmlc_tflite_variable *hmlc_tflite_variable_of(hmlc_value *value)
{
    return value != NULL && value->type == &handle_type ? (hmlc_tflite_variable *)value : NULL;
}

static hmlc_tflite_importer *importer_of(hmlc_node *node)
{
    return hmlc_tflite_self(node)->importer;
}

/* -- which variable ---------------------------------------------------------------------------- */

static hmlc_tflite_variable *add_variable(hmlc_tflite_importer *importer, const char *name)
{
    hmlc_tflite_variable *variable = HMLC_NEW(importer->base->scratch, hmlc_tflite_variable);
    hmlc_tflite_variable **end = &importer->variables;
    if (variable == NULL || hmlc_names_set(&importer->variable_names, name, variable) != HMLC_OK) {
        return NULL;
    }
    *variable = (hmlc_tflite_variable){.handle = {.type = &handle_type}, .name = name};
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = variable;
    importer->variable_count++;
    return variable;
}

/* One of that container and name, wherever it is asked for. */
void hmlc_tflite_import_var_handle(hmlc_node *node)
{
    hmlc_tflite_importer *importer = importer_of(node);
    hmlc_node_attr container, shared;
    (void)node->format->find_attr(node, "container", &container);
    (void)node->format->find_attr(node, "shared_name", &shared);
    const char *name = hmlc_arena_printf(
        importer->base->scratch, "%.*s%s%.*s", (int)container.length, container.text,
        container.length > 0 ? "/" : "", (int)shared.length, shared.text);
    if (importer->variable_names.arena == NULL) {
        importer->variable_names = hmlc_names_create(importer->base->scratch);
    }
    hmlc_tflite_variable *variable =
        name != NULL ? hmlc_names_find(&importer->variable_names, name) : NULL;
    variable = variable != NULL || name == NULL ? variable : add_variable(importer, name);
    if (variable == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return;
    }
    node->outputs[0] = &variable->handle;
}

/* The variable of input 0; NULL, and the node says so, where that is a tensor. */
static hmlc_tflite_variable *named(hmlc_node *node)
{
    hmlc_tflite_variable *variable = hmlc_tflite_variable_of(node->inputs[0]);
    if (variable == NULL) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has '%s' in place of a variable",
                       hmlc_node_input_name(node, 0));
    }
    return variable;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* A variable with a first value is a state from its first use on. */
static hmlc_status begin_state(hmlc_tflite_importer *importer, hmlc_tflite_variable *variable,
                               const hmlc_location *where)
{
    hmlc_importer *base = importer->base;
    variable->kept = hmlc_kept_state_begin(base, variable->name, variable->initial, where);
    if (variable->kept == NULL) {
        return base->fatal != HMLC_OK ? base->fatal : HMLC_REFUSED;
    }
    variable->current = variable->current != NULL ? variable->current : variable->kept->current;
    return HMLC_OK;
}

void hmlc_tflite_import_read_variable(hmlc_node *node)
{
    hmlc_tflite_importer *importer = importer_of(node);
    hmlc_tflite_variable *variable = named(node);
    if (variable == NULL) {
        return;
    }
    if (variable->current == NULL && variable->initial != NULL && importer->first_run) {
        node->outputs[0] = hmlc_emit_constant(&node->emit, variable->initial);
        return;
    }
    if (variable->current == NULL && variable->initial != NULL) {
        node->emit.status = begin_state(importer, variable, node->emit.builder.location);
    }
    node->outputs[0] = variable->current;
    if (variable->current == NULL && hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid,
                       "give it a first value when the model is converted",
                       "reads the variable '%s' where nothing has given it a value: no "
                       "ASSIGN_VARIABLE before it, no CALL_ONCE",
                       variable->name);
    }
}

/* -- assigning --------------------------------------------------------------------------------- */

/* Within CALL_ONCE: the variable begins with that. */
static void begin_with(hmlc_node *node, hmlc_tflite_variable *variable, hmlc_value *value)
{
    const hmlc_tensor *constant = hmlc_value_constant(value);
    constant = constant != NULL ? constant : hmlc_emit_constant_of(&node->emit, value);
    if (constant == NULL && hmlc_node_ok(node)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented,
                       "give it a constant as its first value when the model is converted",
                       "computes the first value of the variable '%s' from what only a run knows, "
                       "or more than 64 KiB of it",
                       variable->name);
    }
    bool plain =
        hmlc_tflite_self(node)->scope->names.body->region == node->emit.builder.module->main;
    if (hmlc_node_ok(node) && (variable->current != NULL || variable->kept != NULL || !plain)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "gives the variable '%s' its first value %s", variable->name,
                       plain ? "behind operators that use it" : "in a branch or a loop");
    }
    variable->initial = constant;
}

void hmlc_tflite_import_assign_variable(hmlc_node *node)
{
    hmlc_tflite_variable *variable = named(node);
    hmlc_value *value = node->inputs[1];
    if (variable == NULL) {
        return;
    }
    if (hmlc_tflite_variable_of(value) != NULL) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "assigns a variable, not a value");
    } else if (importer_of(node)->first_run) {
        begin_with(node, variable, value);
    } else {
        variable->current = value;
    }
}

/* Its subgraph runs when the first run comes to it, before which nothing may use the variables that
 * it assigns; so what it assigns is what they begin with. */
void hmlc_tflite_import_call_once(hmlc_node *node)
{
    const hmlc_tflite_node *self = hmlc_tflite_self(node);
    hmlc_tflite_importer *importer = self->importer;
    int64_t index = hmlc_node_int(node, "init_subgraph_index", -1);
    if (self->scope->names.body->region != node->emit.builder.module->main) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "gives first values in a branch or a loop, which runs may not reach");
        return;
    }
    bool outer = importer->first_run;
    hmlc_tflite_scope scope = {.names = {.body = self->scope->names.body}};
    importer->first_run = true;
    (void)hmlc_tflite_import_subgraph(node, &scope, index, NULL, 0, 0);
    importer->first_run = outer;
}

/* -- what is held at a place ------------------------------------------------------------------- */

bool hmlc_tflite_hold(hmlc_node *node, hmlc_tflite_held *held)
{
    const hmlc_tflite_importer *importer = importer_of(node);
    held->count = 0;
    held->values =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, (size_t)importer->variable_count + 1);
    if (held->values == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return false;
    }
    for (const hmlc_tflite_variable *v = importer->variables; v != NULL; v = v->next) {
        held->values[held->count++] = v->current;
    }
    return true;
}

void hmlc_tflite_hold_again(hmlc_node *node, const hmlc_tflite_held *held)
{
    uint32_t index = 0;
    for (hmlc_tflite_variable *v = importer_of(node)->variables; v != NULL; v = v->next, index++) {
        v->current = index < held->count ? held->values[index] : NULL;
        v->current = v->current == NULL && v->kept != NULL ? v->kept->current : v->current;
    }
}

void hmlc_tflite_hold_all(hmlc_node *node)
{
    hmlc_tflite_importer *importer = importer_of(node);
    for (hmlc_tflite_variable *v = importer->variables; v != NULL && hmlc_node_ok(node);
         v = v->next) {
        if (v->current == NULL && v->initial != NULL) {
            node->emit.status = begin_state(importer, v, node->emit.builder.location);
        }
    }
}

void hmlc_tflite_set_held(hmlc_node *node, uint32_t index, hmlc_value *value)
{
    hmlc_tflite_variable *variable = importer_of(node)->variables;
    for (; variable != NULL && index > 0; index--) {
        variable = variable->next;
    }
    if (variable != NULL) {
        variable->current = value;
    }
}

hmlc_status hmlc_tflite_keep_variables(hmlc_tflite_importer *importer)
{
    for (hmlc_tflite_variable *v = importer->variables; v != NULL; v = v->next) {
        if (v->current != NULL && v->initial != NULL && v->kept == NULL) {
            hmlc_status status = begin_state(importer, v, importer->base->where);
            HMLC_TRY(status == HMLC_REFUSED ? HMLC_OK : status);
        }
        if (v->kept != NULL && v->current != NULL) {
            v->kept->current = v->current;
        }
    }
    return HMLC_OK;
}

/* -- which subgraphs assign -------------------------------------------------------------------- */

enum { ASSIGN_VARIABLE = 144, CALL_ONCE = 129 };

bool hmlc_tflite_writes(const hmlc_tflite_importer *importer, const hmlc_tflite_operator *stored)
{
    int64_t called[HMLC_TFLITE_MOST_CALLED];
    bool writes = stored->code->builtin == ASSIGN_VARIABLE || stored->code->builtin == CALL_ONCE;
    uint32_t count = hmlc_tflite_called(stored, called);
    for (uint32_t i = 0; i < count; i++) {
        writes = writes || (called[i] >= 0 && called[i] < (int64_t)importer->model.subgraph_count &&
                            importer->writes[called[i]]);
    }
    return writes;
}

/* A chain of calls is no longer than these turns. */
hmlc_status hmlc_tflite_find_writes(hmlc_tflite_importer *importer)
{
    const hmlc_tflite_model *model = &importer->model;
    importer->writes =
        HMLC_NEW_ARRAY(importer->base->scratch, bool, (size_t)model->subgraph_count + 1);
    HMLC_TRY_MEMORY(importer->writes);
    bool changed = true;
    for (uint32_t turn = 0; turn <= HMLC_TFLITE_MOST_CALLS && changed; turn++) {
        changed = false;
        for (uint32_t i = 0; i < model->subgraph_count; i++) {
            const hmlc_tflite_subgraph *graph = &model->subgraphs[i];
            bool writes = importer->writes[i];
            for (uint32_t k = 0; k < graph->operator_count && !writes; k++) {
                writes = hmlc_tflite_writes(importer, &graph->operators[k]);
            }
            changed = changed || writes != importer->writes[i];
            importer->writes[i] = writes;
        }
    }
    return HMLC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables. One that is only read is a constant of the checkpoint: its key is what the model's own
 * restoring says, which assigns the values that RestoreV2 reads. One that is written while the
 * model runs is a state, and refused.
 */
#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#include <string.h>

enum { LONGEST_CALLS = 200, SHAPES = 2, NAMES = 1 };

static bool is_variable(const Tensorflow__NodeDef *def)
{
    return strcmp(def->op, "VarHandleOp") == 0 || strcmp(def->op, "VariableV2") == 0 ||
           strcmp(def->op, "Variable") == 0;
}

/* What several nodes of one variable share, else the node's name. */
static const char *variable_name(hmlc_arena *scratch, const Tensorflow__NodeDef *def)
{
    const Tensorflow__AttrValue *shared = hmlc_tf_attr(def, "shared_name");
    bool given =
        shared != NULL && shared->has_s && shared->s.len > 0 && strcmp(def->op, "VarHandleOp") == 0;
    return given ? hmlc_arena_string_n(scratch, (const char *)shared->s.data, shared->s.len)
                 : def->name;
}

static hmlc_tf_variable *find_variable(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def)
{
    hmlc_arena *scratch = importer->base->scratch;
    const char *name = variable_name(scratch, def);
    hmlc_tf_variable *variable = name != NULL ? hmlc_names_find(&importer->variables, name) : NULL;
    if (variable != NULL || name == NULL) {
        return variable;
    }
    if (importer->variable_count == importer->variable_room) {
        uint32_t room = importer->variable_room * 2 + 16;
        hmlc_tf_variable **list = HMLC_NEW_ARRAY(scratch, hmlc_tf_variable *, room);
        if (list == NULL) {
            return NULL;
        }
        if (importer->variable_count > 0) {
            memcpy(list, importer->variable_list, importer->variable_count * sizeof *list);
        }
        importer->variable_list = list;
        importer->variable_room = room;
    }
    variable = HMLC_NEW(scratch, hmlc_tf_variable);
    if (variable != NULL) {
        *variable = (hmlc_tf_variable){.name = name, .def = def};
        importer->variable_list[importer->variable_count++] = variable;
        variable =
            hmlc_names_set(&importer->variables, name, variable) == HMLC_OK ? variable : NULL;
    }
    return variable;
}

/* -- reading ----------------------------------------------------------------------------------- */

/* The type and shape that the graph declares must be those of the checkpoint. */
static hmlc_status check_declared(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def,
                                  const hmlc_location *where, const hmlc_tensor *tensor)
{
    const Tensorflow__AttrValue *dtype = hmlc_tf_attr(def, "dtype");
    const Tensorflow__AttrValue *shape = hmlc_tf_attr(def, "shape");
    hmlc_dtype declared = tensor->dtype;
    bool good =
        dtype == NULL || !dtype->has_type ||
        (hmlc_tf_dtype(importer->base, dtype->type, where, &declared) && declared == tensor->dtype);
    if (good && shape != NULL && shape->shape != NULL && !shape->shape->unknown_rank) {
        good = shape->shape->n_dim == (size_t)tensor->rank;
        for (int32_t i = 0; good && i < tensor->rank; i++) {
            int64_t size = shape->shape->dim[i]->size;
            good = size < 0 || size == tensor->dims[i];
        }
    }
    return good ? HMLC_OK
                : hmlc_error_add(importer->base->module->diagnostics,
                                 HMLC_ERROR_declared_type_contradicts, where, NULL,
                                 "the checkpoint's value has another type or shape than the "
                                 "variable");
}

hmlc_status hmlc_tf_read_variable(hmlc_tf_importer *importer, const Tensorflow__NodeDef *def,
                                  const hmlc_location *where, hmlc_tensor *tensor)
{
    const char *name = variable_name(importer->base->scratch, def);
    HMLC_TRY_MEMORY(name);
    const char *key = hmlc_names_find(&importer->restored, name);
    if (importer->bundle == NULL) {
        return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_external_data_refused,
                              where, "give the folder that holds saved_model.pb and variables/",
                              "the variable '%s' has no value: there is no "
                              "variables/variables.index",
                              name);
    }
    HMLC_TRY(hmlc_tf_bundle_read(importer->base, importer->bundle, key != NULL ? key : name, where,
                                 tensor));
    return check_declared(importer, def, where, tensor);
}

static hmlc_value *value_of(hmlc_tf_node *node, hmlc_tf_variable *variable)
{
    hmlc_tf_importer *importer = node->importer;
    hmlc_binding *binding = hmlc_scope_find(&importer->variable_values, variable->name);
    variable->read = true;
    if (binding == NULL) {
        binding = hmlc_scope_bind(importer->base, &importer->variable_values, variable->name);
        if (binding == NULL) {
            return NULL;
        }
        binding->stored = variable->def;
    }
    hmlc_value *value = hmlc_scope_resolve(importer->base, &importer->variable_values,
                                           variable->name, node->node.emit.builder.location);
    if (value == NULL) { /* which has been said */
        node->node.emit.status =
            importer->base->fatal != HMLC_OK ? importer->base->fatal : HMLC_REFUSED;
    }
    return value;
}

hmlc_value *hmlc_tf_plain(hmlc_tf_node *node, hmlc_value *value)
{
    const hmlc_tf_handle *handle = hmlc_tf_handle_of(value, HMLC_TF_VARIABLE);
    return handle != NULL ? value_of(node, handle->variable) : value;
}

static hmlc_tf_variable *variable_of(hmlc_tf_node *node)
{
    if (node->importer->meta == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_op_unsupported, "give the SavedModel, or freeze the graph",
                     "is of a variable, whose value a frozen graph would hold; freeze it");
        return NULL;
    }
    hmlc_tf_variable *variable = find_variable(node->importer, node->def);
    if (variable == NULL) {
        node->importer->base->fatal = HMLC_RESOURCE;
    }
    return variable;
}

void hmlc_tf_import_var_handle(hmlc_tf_node *node)
{
    hmlc_tf_variable *variable = variable_of(node);
    hmlc_tf_handle *handle =
        variable != NULL ? hmlc_tf_handle_create(node->importer->base->scratch, HMLC_TF_VARIABLE)
                         : NULL;
    if (handle != NULL) {
        handle->variable = variable;
        node->node.outputs[0] = &handle->value;
    }
}

/* A variable of TensorFlow 1 is a reference to its value. */
void hmlc_tf_import_variable(hmlc_tf_node *node)
{
    hmlc_tf_variable *variable = variable_of(node);
    node->node.outputs[0] = variable != NULL ? value_of(node, variable) : NULL;
}

void hmlc_tf_import_read_variable(hmlc_tf_node *node)
{
    hmlc_tf_handle *handle = hmlc_tf_handle_of(node->node.inputs[0], HMLC_TF_VARIABLE);
    if (handle == NULL) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "reads '%s', which is no variable",
                     node->def->input[0]);
        return;
    }
    node->node.outputs[0] = value_of(node, handle->variable);
}

/* -- what is restored -------------------------------------------------------------------------- */

/* String `index` of a constant that is an input of the node; NULL where it is none. */
static const char *constant_text(const hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                 const Tensorflow__NodeDef *def, uint32_t input, uint32_t index)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry =
        input < def->n_input ? hmlc_tf_trace(importer, graph, def->input[input], &ref) : NULL;
    const Tensorflow__AttrValue *value = entry != NULL && strcmp(entry->def->op, "Const") == 0
                                             ? hmlc_tf_attr(entry->def, "value")
                                             : NULL;
    const Tensorflow__Tensor *tensor = value != NULL ? value->tensor : NULL;
    if (tensor == NULL || tensor->n_string_val == 0) {
        return NULL;
    }
    index = index < tensor->n_string_val ? index : (uint32_t)tensor->n_string_val - 1;
    return hmlc_arena_string_n(importer->base->scratch,
                               (const char *)tensor->string_val[index].data,
                               tensor->string_val[index].len);
}

/* Where an argument of a function comes from: the call's input. */
static const char *argument_source(const hmlc_tf_graph *graph, const Tensorflow__NodeDef *call,
                                   const char *text)
{
    const Tensorflow__OpDef *signature =
        graph->function != NULL ? graph->function->signature : NULL;
    for (size_t i = 0; signature != NULL && call != NULL && i < signature->n_input_arg; i++) {
        const char *name = signature->input_arg[i]->name;
        if (name != NULL && strcmp(name, text) == 0) {
            return i < call->n_input ? call->input[i] : NULL;
        }
    }
    return NULL;
}

/* One assignment of what is restored: the variable's key. */
static hmlc_status map_assignment(hmlc_tf_importer *importer, const hmlc_tf_graph *graph,
                                  const Tensorflow__NodeDef *call, const Tensorflow__NodeDef *def)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *from =
        def->n_input > 1 ? hmlc_tf_trace(importer, graph, def->input[1], &ref) : NULL;
    if (from == NULL || strcmp(from->def->op, "RestoreV2") != 0) {
        return HMLC_OK;
    }
    uint32_t index = ref.output;
    const char *key = constant_text(importer, graph, from->def, NAMES, index);
    const char *slice = constant_text(importer, graph, from->def, SHAPES, index);
    const char *source = argument_source(graph, call, def->input[0]);
    const hmlc_tf_entry *variable =
        hmlc_tf_trace(importer, source != NULL ? &importer->graph : graph,
                      source != NULL ? source : def->input[0], &ref);
    if (key == NULL || (slice != NULL && slice[0] != '\0') || variable == NULL ||
        !is_variable(variable->def)) {
        return HMLC_OK;
    }
    const char *name = variable_name(importer->base->scratch, variable->def);
    HMLC_TRY_MEMORY(name);
    union {
        const char *text;
        void *any;
    } value = {.text = key};
    return hmlc_names_set(&importer->restored, name, value.any);
}

static hmlc_status map_assignments(hmlc_tf_importer *importer, hmlc_tf_graph *graph,
                                   const Tensorflow__NodeDef *call)
{
    HMLC_TRY(hmlc_tf_open_graph(importer, graph));
    for (size_t i = 0; i < graph->node_count; i++) {
        const Tensorflow__NodeDef *def = graph->nodes[i];
        if (strcmp(def->op, "AssignVariableOp") == 0 || strcmp(def->op, "Assign") == 0) {
            HMLC_TRY(map_assignment(importer, graph, call, def));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_map_variables(hmlc_tf_importer *importer)
{
    hmlc_tf_ref ref;
    importer->variables = hmlc_names_create(importer->base->scratch);
    importer->restored = hmlc_names_create(importer->base->scratch);
    if (importer->meta == NULL) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_tf_bundle_open(importer->base, &importer->bundle));
    const Tensorflow__Saver *saver = importer->meta->saver_def;
    const hmlc_tf_entry *restore =
        saver != NULL && saver->restore_op_name != NULL
            ? hmlc_tf_find(importer, &importer->graph, saver->restore_op_name, &ref)
            : NULL;
    hmlc_tf_graph *function = restore != NULL ? hmlc_tf_called(importer, restore) : NULL;
    return function != NULL ? map_assignments(importer, function, restore->def)
                            : map_assignments(importer, &importer->graph, NULL);
}

/* -- what is written --------------------------------------------------------------------------- */

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

/* Does the function, or one that it calls, write? */
static bool function_writes(hmlc_tf_importer *importer, hmlc_tf_graph *graph, uint32_t depth)
{
    if (graph->looked_at || hmlc_tf_open_graph(importer, graph) != HMLC_OK) {
        return graph->writes;
    }
    graph->looked_at = true;
    for (size_t i = 0; i < graph->node_count && !graph->writes; i++) {
        hmlc_tf_graph *called = hmlc_tf_called(importer, &graph->entries[i]);
        graph->writes =
            writes(graph->nodes[i]->op) || (called != NULL && depth < LONGEST_CALLS &&
                                            function_writes(importer, called, depth + 1));
    }
    return graph->writes;
}

/* The variable behind a handle, in this scope. */
static hmlc_tf_variable *written_variable(hmlc_tf_importer *importer, const hmlc_tf_scope *scope,
                                          const Tensorflow__NodeDef *def)
{
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry =
        def->n_input > 0 ? hmlc_tf_trace(importer, scope->graph, def->input[0], &ref) : NULL;
    if (entry != NULL && is_variable(entry->def)) {
        return find_variable(importer, entry->def);
    }
    hmlc_binding *binding =
        def->n_input > 0 && ref.key != NULL ? hmlc_scope_find(&scope->names, ref.key) : NULL;
    hmlc_tf_handle *handle =
        binding != NULL ? hmlc_tf_handle_of(binding->value, HMLC_TF_VARIABLE) : NULL;
    return handle != NULL ? handle->variable : NULL;
}

/* Nodes that are reached through control edges. */
typedef struct shadow {
    hmlc_names seen;
    hmlc_names awaited; /* what nodes come after that may read what it writes */
    const hmlc_tf_entry **list;
    size_t count, room;
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
    if (dark->count == dark->room) {
        size_t room = dark->room * 2 + 16;
        const hmlc_tf_entry **list = HMLC_NEW_ARRAY(scratch, const hmlc_tf_entry *, room);
        HMLC_TRY_MEMORY(list);
        if (dark->count > 0) {
            memcpy(list, dark->list, dark->count * sizeof *list);
        }
        dark->list = list;
        dark->room = room;
    }
    dark->list[dark->count++] = entry;
    return hmlc_names_set(&dark->seen, entry->def->name, entry->def->name);
}

static hmlc_status look_at(hmlc_tf_importer *importer, const hmlc_tf_scope *scope,
                           const hmlc_tf_entry *entry, bool read_back)
{
    hmlc_tf_graph *called = hmlc_tf_called(importer, entry);
    if (called != NULL && function_writes(importer, called, 0)) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_not_implemented,
                             hmlc_tf_locate(importer, scope, entry->def),
                             "export a model that keeps no state",
                             "calls a function that writes variables while the model runs");
    }
    if (writes(entry->def->op)) {
        hmlc_tf_variable *variable = written_variable(importer, scope, entry->def);
        if (variable != NULL) {
            variable->read_back = variable->read_back || read_back;
        }
        if (variable != NULL && variable->written == NULL) {
            variable->written = hmlc_tf_locate(importer, scope, entry->def);
            HMLC_TRY_MEMORY(variable->written);
        }
    }
    return HMLC_OK;
}

/* Nodes behind which a function's results may wait for what it writes. */
static bool only_waits(const Tensorflow__NodeDef *def)
{
    static const char *const ops[] = {"Identity", "IdentityN", "NoOp"};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(def->op, ops[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* What a node that is kept comes after. */
static hmlc_status look_behind(hmlc_tf_importer *importer, const hmlc_tf_scope *scope, shadow *dark,
                               const Tensorflow__NodeDef *def)
{
    bool waits = only_waits(def);
    for (size_t i = 0; i < def->n_input; i++) {
        hmlc_tf_ref ref;
        if (def->input[i][0] != '^') {
            continue;
        }
        HMLC_TRY(cast_shadow(importer, scope, dark, def->input[i]));
        const hmlc_tf_entry *before = hmlc_tf_find(importer, scope->graph, def->input[i], &ref);
        if (before != NULL && !waits) {
            HMLC_TRY(hmlc_names_set(&dark->awaited, before->def->name, before->def->name));
        }
    }
    return HMLC_OK;
}

/* Nothing reads what control edges reach, so it is not imported; but it may write what is read. */
hmlc_status hmlc_tf_watch_writes(hmlc_tf_importer *importer, hmlc_tf_scope *scope)
{
    const Tensorflow__FunctionDef *function = scope->graph->function;
    shadow dark = {.seen = hmlc_names_create(importer->base->scratch),
                   .awaited = hmlc_names_create(importer->base->scratch)};
    for (size_t i = 0; function != NULL && i < function->n_control_ret; i++) {
        if (function->control_ret[i]->value != NULL) {
            HMLC_TRY(cast_shadow(importer, scope, &dark, function->control_ret[i]->value));
        }
    }
    for (uint32_t i = 0; i < scope->kept_count; i++) {
        HMLC_TRY(look_behind(importer, scope, &dark, scope->kept[i]->entry->def));
    }
    for (size_t i = 0; i < dark.count; i++) {
        const hmlc_tf_entry *entry = dark.list[i];
        bool read_back = hmlc_names_find(&dark.awaited, entry->def->name) != NULL;
        HMLC_TRY(look_at(importer, scope, entry, read_back));
        for (size_t k = 0; k < entry->def->n_input; k++) {
            HMLC_TRY(cast_shadow(importer, scope, &dark, entry->def->input[k]));
        }
    }
    return HMLC_OK;
}

void hmlc_tf_refuse_states(hmlc_tf_importer *importer)
{
    const char *word = importer->base->options->state;
    bool zero = word != NULL && strcmp(word, "zero") == 0;
    importer->base->took_state = true;
    if (word != NULL && !zero) {
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_usage,
                             importer->base->where, "zero is the only one so far",
                             "--state %s: no such word", word);
    }
    for (uint32_t i = 0; i < importer->variable_count; i++) {
        const hmlc_tf_variable *variable = importer->variable_list[i];
        bool state = variable->read && variable->written != NULL;
        if (state && zero && !variable->read_back) {
            hmlc_warning_add(importer->base->module->diagnostics, HMLC_ERROR_path_assumed,
                             variable->written, NULL,
                             "the variable '%s' has its stored value at the begin of each run; "
                             "what the model writes to it is not kept",
                             variable->name);
        } else if (state) {
            (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_not_implemented,
                                 variable->written,
                                 "give the state as an input and take it as an output; with "
                                 "--state zero it begins anew in each run",
                                 "writes the variable '%s' while the model runs, and the model "
                                 "reads it: states are not supported",
                                 variable->name);
        }
    }
}
